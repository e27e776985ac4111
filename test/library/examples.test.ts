/** The examples, run as a user runs them: copied into a project that has the packed package. Those that need a cluster get a small one. */
// time limit: 400 s
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LiveCluster } from '../commands/live-cluster.js'
import { skipped } from '../skip.js'
import { chromiumPath, withChromium } from './chromium.js'
import { examplePath, INPUT } from './documents.js'
import { Project } from './packed.js'

const project = new Project(['esbuild'])
cpSync(join(project.installed, 'examples'), project.folder, { recursive: true })
const cluster = new LiveCluster()
const folder = join(cluster.home, 'clusters', 'default')
test.before(() => cluster.up())
test.after(async () => {
  await cluster.end()
  project.remove()
})

test('an order is derived from votes and drawn', async () => {
  const { code, stdout, stderr } = await project.node(['derive-order.mjs', 'five-signers.json', 'order.svg'])
  assert.is(code, 0, stderr)
  assert.match(stdout, /^5 signers, quorum 4; named by more than 1 votes means before\n/)
  assert.match(stdout, /\nT2: 5 votes, score 60 %, slow, after T1 and T3\n/)
  assert.match(stdout, /\nT2 before T3: 6 against 4, not decisive\n/)
  assert.match(stdout, /\norder: T1 < T2 < T3 < T4\n$/)
  assert.match(readFileSync(join(project.folder, 'order.svg'), 'utf8'), /^<svg/)
})

test('transactions are submitted, their certificate is verified offline', async () => {
  const { code, stdout, stderr } = await project.node(['submit.mjs', folder])
  assert.is(code, 0, stderr)
  assert.match(
    stdout,
    /^[0-9a-f]{12} executed by the (fast|slow) path in [\d.]+ ms: \{"balances":\{"alice-[0-9a-f]{6}":90,"bob-[0-9a-f]{6}":10\}\}\n/,
  )
  assert.match(stdout, /\ncertificate valid: 4 signers, quorum 4, holds the transfer: true\n$/)
})

test('a cluster that is not there: the code, and that nothing happened', async () => {
  cpSync(examplePath('certificates/manifest.json'), join(project.folder, 'nowhere', 'manifest.json'))
  project.write('nowhere/cluster.json', JSON.stringify({ signers: [{ url: 'http://127.0.0.1:9' }] }))
  const { code, stdout, stderr } = await project.node(['submit.mjs', 'nowhere'])
  assert.equal([code, stdout], [1, ''])
  assert.match(stderr, /^UNREACHABLE: cannot reach signer 0 at 127\.0\.0\.1:9: ECONNREFUSED; is the cluster up\?\n$/)
})

test('an auditor finds everything proved with the right manifest, and nothing with another', async () => {
  await project.node(['submit.mjs', folder])
  const audited = await project.node(['audit.mjs', join(folder, 'manifest.json'), join(folder, 'cluster.json')])
  assert.is(audited.code, 0, audited.stdout + audited.stderr)
  const [, proved, signed] = /\n(\d+) proved, (\d+) signed by a quorum, 0 wrong\n$/.exec(audited.stdout) ?? []
  assert.ok(Number(proved) > 0 && Number(proved) + Number(signed) >= 3, audited.stdout)
  const other = await project.node(['audit.mjs', 'certificates/manifest.json', join(folder, 'cluster.json')])
  assert.is(other.code, 1, other.stdout + other.stderr)
  assert.match(other.stdout, /^WRONG {2}[0-9a-f]{64} it is of another cluster than the manifest\n/)
  assert.match(other.stdout, /\n0 proved, 0 signed by a quorum, [1-9]\d* wrong\n$/)
})

const certificate = (name: string) => join(project.folder, 'certificates', name)

/** Gives the page a file, and what it says then. */
async function give(page: Page, slot: 'manifest' | 'certificate', path: string): Promise<string> {
  await page.setInputFiles(`#${slot}-slot input`, path)
  await page.locator(`#${slot}-slot .name`, { hasText: path.split('/').at(-1) ?? '' }).waitFor()
  return seen(page)
}

/** What a reader of the page sees: what is hidden is not in it. */
async function seen(page: Page): Promise<string> {
  return String(await page.evaluate("document.querySelector('main').innerText"))
}

if (chromiumPath === undefined) {
  skipped(1, 'no chromium on this machine: the page that verifies was not opened (apt-get install chromium)')
} else {
  test('the page verifies what is dropped on it, refuses what was changed, and asks nobody', async () => {
    const built = await project.node(['verify-page/build.mjs', 'verify.html'])
    assert.match(built.stdout, /^verify\.html: \d+ KiB\n$/, built.stderr)
    const { certificate: slow } = INPUT.slow as { certificate: object }
    const changed = project.write('changed.json', JSON.stringify({ ...slow, ballot: 1 }))
    const bare = project.write('bare.json', JSON.stringify((INPUT.fast as { certificate: object }).certificate))
    const broken = project.write('broken.json', '{')
    await withChromium(async (browser) => {
      const page = await browser.newPage()
      const problems: string[] = []
      const requests: string[] = []
      page.on('pageerror', (error) => problems.push(String(error)))
      page.on('console', (message) => problems.push(message.text()))
      page.on('request', (request) => requests.push(request.url()))
      const url = pathToFileURL(join(project.folder, 'verify.html')).href
      await page.goto(url)
      assert.match(await give(page, 'certificate', certificate('fast.json')), /Waits for the manifest/)
      const fast = await give(page, 'manifest', certificate('manifest.json'))
      assert.match(fast, /Cluster “default”: 5 signers, quorum 4\. All proofs of possession hold\./)
      assert.match(fast, /This batch is committed\s+By its votes alone: 5 of 5 signers voted, and at least 4 of them agree/)
      assert.match(fast, /\{"op":"transfer","from":"bob","to":"alice","amount":2\}/)
      assert.match(
        await give(page, 'certificate', certificate('slow.json')),
        /This batch is committed\s+In phase 3: .* 5 of 5 signers signed the value/,
      )
      assert.match(await give(page, 'certificate', changed), /This proves nothing\s+Its signature does not verify\./)
      assert.match(await give(page, 'certificate', bare), /Signed by 5 of 5 signers\s+Whether every pair is decisive was not derived/)
      assert.match(await give(page, 'certificate', broken), /This file is not JSON/)
      assert.equal([problems, requests], [[], [url]])
    })
  })

  test('built for one cluster the page needs the certificate alone, also where it is dropped', async () => {
    await project.node(['verify-page/build.mjs', 'own.html', 'certificates/manifest.json'])
    await withChromium(async (browser) => {
      const page = await browser.newPage()
      await page.goto(pathToFileURL(join(project.folder, 'own.html')).href)
      assert.match(await seen(page), /built into this page/)
      const dropped = `(() => {
        const files = new DataTransfer()
        files.items.add(new File([${JSON.stringify(JSON.stringify(INPUT.slow))}], 'dropped.json'))
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true }))
      })()`
      await page.evaluate(dropped)
      await page.waitForSelector('#result:not([hidden])')
      assert.match(await seen(page), /dropped\.json[\s\S]*This batch is committed/)
    })
  })
}

test.run()
