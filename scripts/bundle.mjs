/** Bundles a process of signers or peers into one file: it starts in a fraction of the time that its modules take. For the build, and for tests with processes of their own. */
import { join } from 'node:path'
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
