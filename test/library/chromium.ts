/** A headless browser for tests, with a profile of its own that is gone afterwards; undefined where this machine has none. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** Where the browser is, if there is one. */
export const chromiumPath = PATHS.find((path) => existsSync(path))

/** Runs `work` with a browser that reaches no network. */
export async function withChromium<T>(work: (browser: BrowserContext) => Promise<T>): Promise<T> {
  if (chromiumPath === undefined) throw new Error('there is no chromium here')
  const profile = mkdtempSync(join(tmpdir(), 'musig-chromium-'))
  try {
    const browser = await chromium.launchPersistentContext(profile, { executablePath: chromiumPath, headless: true, args: FLAGS, offline: true })
    try {
      return await work(browser)
    } finally {
      await browser.close()
    }
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}
