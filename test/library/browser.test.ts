/**
 * The pure entry in a browser: bundled for one, with nothing of Node in it, it gives there what it gives in Node. Prints sizes and times:
 * `node --import tsx test/library/browser.test.ts`.
 */
// time limit: 300 s
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { type BuildOptions, build } from 'esbuild'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as pure from '../../src/pure.js'
import { skipped } from '../skip.js'
import { chromiumPath, withChromium } from './chromium.js'
import { INPUT } from './documents.js'
import { everything } from './everything.js'
import { Project } from './packed.js'

/** Bytes that a bundle may have when compressed: a package more, or Node's shims, would be seen here. */
const BUDGET = { all: 150_000, verify: 60_000, order: 20_000 }

const project = new Project()
test.after(() => project.remove())

/** A program bundled as a browser's, with the packed package; throws where it needs Node. */
async function bundle(source: string, options: BuildOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: project.folder },
    bundle: true,
    minify: true,
    platform: 'browser',
    target: 'es2022',
    format: 'esm',
    write: false,
    logLevel: 'silent',
    ...options,
  })
  return outputFiles?.[0]?.text ?? ''
}

test('the whole pure entry bundles without anything of Node, within its size', async () => {
  const sources = {
    all: "export * from 'musig-paxos/pure'",
    verify: "export { loadManifest, verifyCertificate } from 'musig-paxos/pure'",
    order: "export { deriveOrder, drawOrderSvg } from 'musig-paxos/pure'",
  }
  for (const name of ['all', 'verify', 'order'] as const) {
    const code = await bundle(sources[name])
    const compressed = gzipSync(code, { level: 9 }).length
    process.stdout.write(`bundle ${name}: ${code.length} bytes, ${compressed} compressed\n`)
    assert.ok(compressed < BUDGET[name], `${name}: ${compressed} bytes compressed; at most ${BUDGET[name]} are wanted`)
    assert.not.match(code, /require\("(node:)?(fs|crypto|http|path|buffer|stream)"\)|from"node:/)
  }
})

test('the entry for Node does not bundle for a browser: the check above can fail', async () => {
  const reason = await bundle("export { Client } from 'musig-paxos'").then(
    () => 'it was bundled',
    (error: unknown) => String(error),
  )
  assert.match(reason, /Could not resolve "node:/)
})

if (chromiumPath === undefined) {
  skipped(1, 'no chromium on this machine: the pure entry was bundled for a browser and not run in one (apt-get install chromium)')
} else {
  test('in a browser it gives what it gives in Node, and its drawings are drawn', async () => {
    const program = fileURLToPath(new URL('everything.ts', import.meta.url))
    const source = `export * from 'musig-paxos/pure'\nexport { everything } from ${JSON.stringify(program)}`
    const code = await bundle(source, { format: 'iife', globalName: 'library' })
    await withChromium(async (browser) => {
      const page = await browser.newPage()
      const errors: string[] = []
      page.on('pageerror', (error) => errors.push(String(error)))
      await page.addScriptTag({ content: code })
      const there = await page.evaluate(`library.everything(library, ${JSON.stringify(INPUT)})`)
      const here = JSON.parse(JSON.stringify(everything(pure, INPUT)))
      assert.equal(JSON.parse(JSON.stringify(there)), here)
      assert.equal(
        here.verdicts.map(({ valid, path }: pure.CertificateVerdict) => [valid, path]),
        [
          [true, 'fast'],
          [true, 'slow'],
          [false, 'slow'],
        ],
      )
      const drawn = `(() => { document.body.innerHTML = ${JSON.stringify(here.svg[0])}; return [...document.querySelectorAll('svg text')].filter((text) => text.getBoundingClientRect().width > 0).length })()`
      assert.ok(Number(await page.evaluate(drawn)) > 20, 'the texts of the line diagram take room')
      const times = `(() => {
        const time = (work) => { const begun = performance.now(); work(); return Math.round(performance.now() - begun) }
        const input = ${JSON.stringify(INPUT)}
        let manifest
        const load = time(() => { manifest = library.loadManifest(input.manifest) })
        const all = [input.fast, input.slow].map((one) => Array.from({ length: 5 }, () => time(() => library.verifyCertificate(manifest, one))).sort((a, b) => a - b)[2])
        return \`manifest of 5 signers \${load} ms, fast certificate of two messages \${all[0]} ms, slow one \${all[1]} ms (medians of 5)\`
      })()`
      process.stdout.write(`in the browser: ${await page.evaluate(times)}\n`)
      assert.equal(errors, [])
    })
  })
}

test.run()
