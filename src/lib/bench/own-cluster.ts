/** A cluster for one benchmark, in a folder of its own, of which nothing is left. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClusterFolder } from '../cluster/cluster-folder.js'
import { downCluster } from '../cluster/down.js'
import { type UpStep, upCluster, type Wanted } from '../cluster/up.js'

const NAME = 'bench'

/** What a benchmark has beside its work: what may break it off, how steps are shown, and who hears what was left behind. */
export interface Surroundings {
  signal: AbortSignal
  show: (steps: readonly UpStep[]) => Promise<void>
  warn: (line: string) => void
}

/**
 * Brings one up, does the work with its home and name, and takes it away, also where the work fails or is broken off. What the work gave is never lost
 * because the cluster cannot be taken away: that is a warning. Errors: those of `upCluster` and of the work.
 */
export async function withOwnCluster<T>(
  wanted: Wanted,
  { signal, show, warn }: Surroundings,
  work: (home: string, cluster: string) => Promise<T>,
): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'musig-bench-'))
  try {
    const { folder } = await upCluster({ home, name: NAME, wanted, signal, warn: () => {} }, show)
    return await work(home, folder.name)
  } finally {
    await takeAway(home).catch((error: unknown) => {
      warn(`the cluster in ${home} could not be taken away: ${error instanceof Error ? error.message : String(error)}`)
    })
  }
}

async function takeAway(home: string): Promise<void> {
  if (new ClusterFolder(home, NAME).isThere()) await downCluster(home, NAME, { purge: true })
  // Where a process is ending still, its files may come and go.
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
}
