/** Taking a cluster down, and taking it away. It goes by the processes that run, so it works on dead ones and on clusters whose file is damaged. */
import { readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ClusterFolder, type ClusterRecord } from './cluster-folder.js'
import { withLock } from './lock.js'
import { type ClusterProcess, processesOf, stopProcesses } from './processes.js'

/** What `down` and `rm` did, or would do. */
export interface Removal {
  cluster: string
  folder: string
  /** Processes that were ended. */
  stopped: number
  removed: boolean
}

/** Ends the processes of a cluster; `purge` removes all its data too. Errors: `NOT_FOUND`, `BUSY`. */
export async function downCluster(home: string, name: string, { purge = false, told = (_left: number) => {} } = {}): Promise<Removal> {
  const folder = new ClusterFolder(home, name)
  if (!folder.isThere()) folder.read()
  return withLock(home, folder, async () => {
    const running = await processesOf(folder)
    await stopProcesses(folder, running, told)
    if (purge) await remove(folder)
    else await forgetPids(folder)
    return { cluster: name, folder: folder.path, stopped: running.length, removed: purge }
  })
}

/** What `rm` would take away: processes that run, and the files and folders at the top of the cluster's folder. Errors: `NOT_FOUND`. */
export async function removalOf(home: string, name: string): Promise<{ folder: string; running: ClusterProcess[]; entries: string[] }> {
  const folder = new ClusterFolder(home, name)
  if (!folder.isThere()) folder.read()
  return { folder: folder.path, running: await processesOf(folder), entries: (await readdir(folder.path)).sort() }
}

/** A damaged cluster.json stays as it is. */
async function forgetPids(folder: ClusterFolder): Promise<void> {
  let record: ClusterRecord
  try {
    record = folder.read()
  } catch {
    return
  }
  for (const each of [...record.signers, ...record.peers]) each.pid = null
  await folder.write(record)
}

/** Out of sight in one step, so that no half of a cluster is ever found under its name. */
async function remove(folder: ClusterFolder): Promise<void> {
  const doomed = join(dirname(folder.path), `.${folder.name}.${process.pid.toString(16).padStart(12, '0')}.new`)
  await rename(folder.path, doomed)
  await rm(doomed, { recursive: true, force: true })
}
