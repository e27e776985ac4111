/** Staying with a cluster that is up: says when a process ends, and takes the cluster down when the caller has had enough. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterFolder } from './cluster-folder.js'
import { downCluster } from './down.js'
import { isPeer, processesOf } from './processes.js'

const LOOK_MS = 500

/** Stays until the signal, then takes the cluster down and answers true; false if all of its processes ended before. `warn` hears of each that does. */
export async function stayUp(home: string, folder: ClusterFolder, signal: AbortSignal, warn: (line: string) => void): Promise<boolean> {
  let known = new Map((await processesOf(folder)).map(({ pid, name }) => [pid, name]))
  while (!signal.aborted && known.size > 0) {
    // The signal ends the sleep; that is no error here.
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) break
    const now = new Map((await processesOf(folder)).map(({ pid, name }) => [pid, name]))
    for (const [pid, name] of known) if (!now.has(pid)) warn(`process ${pid} (${isPeer(name) ? name.replace('-', ' ') : `signer ${name}`}) has ended`)
    known = now
  }
  if (!signal.aborted) return false
  if (folder.isThere()) await downCluster(home, folder.name)
  return true
}
