/** A cluster for one benchmark, in a folder of its own, of which nothing is left. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { downCluster } from '../cluster/down.js'
import { type UpStep, upCluster, type Wanted } from '../cluster/up.js'

const NAME = 'bench'

/** Brings one up, does the work with its home and name, and takes it away, also where the work fails or is broken off. */
export async function withOwnCluster<T>(
  wanted: Wanted,
  signal: AbortSignal,
  show: (steps: readonly UpStep[]) => Promise<void>,
  work: (home: string, cluster: string) => Promise<T>,
): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'musig-bench-'))
  try {
    const { folder } = await upCluster({ home, name: NAME, wanted, signal, warn: () => {} }, show)
    try {
      return await work(home, folder.name)
    } finally {
      await downCluster(home, NAME, { purge: true })
    }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}
