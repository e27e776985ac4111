/** One command at a time changes a cluster: a lock file beside its folder. */
import { takeLock } from '../node/lock-file.js'
import { type ClusterFolder, makeClustersFolder } from './cluster-folder.js'

/** Runs work that changes a cluster. Errors: `BUSY` while another command does; those of the work. */
export async function withLock<T>(home: string, folder: ClusterFolder, work: () => Promise<T>): Promise<T> {
  await makeClustersFolder(home)
  const release = await takeLock(
    folder.lockFile,
    (holder) => `the cluster “${folder.name}” is being changed by process ${holder ?? 'unknown'}; try again when that has ended`,
  )
  try {
    return await work()
  } finally {
    await release()
  }
}
