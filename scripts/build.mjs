/**
 * Builds the package: the compiler writes dist/, esbuild bundles the processes of signers and peers into one file each (31 of them start faster that way), and oclif
 * writes its manifest (start-up without reading every command). The new dist/ takes the old one's place in one step.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundle } from './bundle.mjs'
import { inputsDigest, main, root, run, stampFile } from './ready.mjs'

/** Entries of processes, and what each is bundled into. */
const PROCESSES = {
  'src/lib/node/signer-process.ts': 'signer.js',
  'src/lib/node/peer-process.ts': 'peer.js',
  // A thread of both, which is looked for beside them.
  'src/lib/node/program-worker.ts': 'program-worker.js',
}

/** @param {string} name */
const bin = (name) => join(root, 'node_modules', name)

await main(async () => {
  const digest = inputsDigest()
  const dist = join(root, 'dist')
  const fresh = join(root, `.dist-new-${process.pid}`)
  const old = join(root, `.dist-old-${process.pid}`)
  try {
    if (run(process.execPath, [bin('typescript/bin/tsc'), '-p', 'tsconfig.json', '--outDir', fresh]) !== 0)
      throw new Error('the sources do not compile')
    for (const [entry, name] of Object.entries(PROCESSES)) await bundle(entry, join(fresh, name))
    if (existsSync(dist)) renameSync(dist, old)
    renameSync(fresh, dist)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
    rmSync(old, { recursive: true, force: true })
  }
  // oclif's own command would ask the registry for a newer version of itself.
  process.env['OCLIF_SKIP_NEW_VERSION_CHECK'] = 'true'
  if (run(process.execPath, [bin('oclif/bin/run.js'), 'manifest']) !== 0) throw new Error('oclif could not write its manifest')
  // Last, so that a build that was cut short counts as stale.
  writeFileSync(stampFile, digest)
})
