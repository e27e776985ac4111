/** Bundles a process of signers for tests, as the build does. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundle } from '../../scripts/bundle.mjs'

/** Bundles `entry`, a path in this package, into `folder`, which lies in the package too so that what is not bundled is found. Returns the file. */
export async function bundleSigner(entry: string, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true })
  const outfile = join(folder, 'signer.js')
  await bundle(entry, outfile)
  writeFileSync(join(folder, 'package.json'), '{"type":"module","name":"musig-paxos","version":"0.0.0-test"}')
  return outfile
}
