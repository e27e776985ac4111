/**
 * One command at a time changes a cluster: a lock file beside its folder that names its holder. A lock whose holder has ended, or whose number belongs to
 * another process by now, is taken over.
 */
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { MusigError } from '../base/errors.js'
import { writePrivateFile } from '../node/private-file.js'
import { type ClusterFolder, makeClustersFolder } from './cluster-folder.js'

/** How often a stale lock is cleared before this gives up. */
const ATTEMPTS = 5

/** Runs work that changes a cluster. Errors: `BUSY` while another command does; those of the work. */
export async function withLock<T>(home: string, folder: ClusterFolder, work: () => Promise<T>): Promise<T> {
  await makeClustersFolder(home)
  await take(folder)
  try {
    return await work()
  } finally {
    await rm(folder.lockFile, { force: true })
  }
}

async function take(folder: ClusterFolder): Promise<void> {
  const mine = JSON.stringify({ pid: process.pid, begun: await beginOf(process.pid) })
  for (let attempt = 1; ; attempt++) {
    try {
      await writePrivateFile(folder.lockFile, mine)
      return
    } catch (error) {
      if (!(error instanceof MusigError) || error.code !== 'ALREADY_EXISTS') throw error
      const holder = await holderOf(folder.lockFile)
      if (holder !== undefined || attempt === ATTEMPTS) {
        throw new MusigError('BUSY', `the cluster “${folder.name}” is being changed by process ${holder ?? 'unknown'}; try again when that has ended`)
      }
      await rm(folder.lockFile, { force: true })
    }
  }
}

/** The process that holds the lock, or nothing where it is stale. */
async function holderOf(path: string): Promise<number | undefined> {
  try {
    const { pid, begun } = JSON.parse(await readFile(path, 'utf8'))
    return typeof pid === 'number' && (await beginOf(pid)) === begun ? pid : undefined
  } catch {
    return undefined
  }
}

/** What tells a process from a later one of the same number: when it began. Empty if there is none. */
export async function beginOf(pid: number): Promise<string> {
  if (existsSync('/proc/self/stat')) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    // The command's name, in brackets, may hold anything; the time is the 20th field after it.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' ? '' : (fields[18] ?? '')
  }
  const { execa } = await import('execa')
  const { stdout } = await execa('ps', ['-o', 'lstart=', '-p', String(pid)], { reject: false })
  return stdout.trim()
}
