/**
 * Bundles into one file, which starts in a fraction of the time that its modules take: processes of signers or peers, for the build and for tests with
 * processes of their own; and each test file, for the runner.
 */
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './ready.mjs'

/** Packages with native code or worker files of their own cannot be bundled; pg is loaded only where there is a sink for it. */
const EXTERNAL = ['@chainsafe/blst', 'classic-level', 'pg', 'pino']

/** `entry`: a path in this package; `outfile` must lie in the package too, so that what is not bundled is found. */
export async function bundle(/** @type {string} */ entry, /** @type {string} */ outfile) {
  // Not there before the packages are installed.
  const { build } = await import('esbuild')
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: EXTERNAL,
    logLevel: 'warning',
    // CommonJS packages inside an ESM bundle still call require.
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  })
}

/** What `import.meta.url` becomes in a bundle of a test: the address of the source that asks. */
const OWN_URL = '__ownUrl'

/** @type {import('esbuild').Plugin} */
const asIfUnbundled = {
  name: 'as if unbundled',
  setup({ onLoad, onResolve }) {
    // Sources find files beside them. The constant stands on the first line, so that the numbers of lines stay.
    onLoad({ filter: /\.(ts|mjs)$/ }, async ({ path }) => ({
      contents: `const ${OWN_URL} = ${JSON.stringify(pathToFileURL(path).href)}; ${await readFile(path, 'utf8')}`,
      loader: extname(path) === '.ts' ? 'ts' : 'js',
    }))
    // Once for the test and for the runner's side of its process.
    onResolve({ filter: /^uvu$/ }, () => ({ path: new URL('./uvu-watched.mjs', import.meta.url).href, external: true }))
  },
}

/** Bundles a test file with the project's own sources; it takes `uvu-watched.mjs` for uvu. `outfile` must lie in the package. */
export async function bundleTest(/** @type {string} */ entry, /** @type {string} */ outfile) {
  const { build } = await import('esbuild')
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: 'linked',
    sourcesContent: false,
    define: { 'import.meta.url': OWN_URL },
    plugins: [asIfUnbundled],
    logLevel: 'silent',
  })
}
