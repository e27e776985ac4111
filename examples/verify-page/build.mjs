// Builds the page into one file that loads nothing. Its policy lets the browser run this script and this style, and fetch nothing at all.
// Needs esbuild beside musig-paxos: npm install musig-paxos esbuild
//
//   node build.mjs verify.html [manifest.json]
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const [outFile = 'verify.html', manifestFile] = process.argv.slice(2)
const file = (name) => fileURLToPath(new URL(name, import.meta.url))
const manifest = manifestFile ? JSON.stringify(JSON.parse(readFileSync(manifestFile, 'utf8'))) : 'undefined'

const bundled = await build({
  entryPoints: [file('page.js')],
  bundle: true,
  minify: true,
  platform: 'browser',
  target: 'es2022',
  format: 'iife',
  define: { 'globalThis.BUILT_IN_MANIFEST': manifest },
  write: false,
})
// A closing tag inside a script would end it.
const script = bundled.outputFiles[0].text.replaceAll('</script', '<\\/script')
const style = readFileSync(file('page.css'), 'utf8')
const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`

const page = readFileSync(file('page.html'), 'utf8')
  .replace(/<!--[\s\S]*?-->\n/, () => `<meta http-equiv="content-security-policy" content="${policy}">\n<style>${style}</style>\n`)
  .replace('</body>', () => `<script>${script}</script>\n</body>`)
writeFileSync(outFile, page)
console.log(`${outFile}: ${Math.round(page.length / 1024)} KiB`)
