/**
 * Lock files: a file that names the process that holds something. A lock whose process has ended, or whose number belongs to another process by now, is taken
 * over. Owns how a process is told from a later one of the same number; what is locked is the affair of whoever takes the lock.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { MusigError } from '../base/errors.js'
import { writePrivateFile } from './private-file.js'

/** How often a stale lock is cleared before this gives up. */
const ATTEMPTS = 5

/** Takes the lock at `path`; resolves with what lets go of it. Errors: `BUSY`, which `busy` puts in words. */
export async function takeLock(path: string, busy: (holder: number | undefined) => string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, begun: await beginOf(process.pid) })
  for (let attempt = 1; ; attempt++) {
    try {
      await writePrivateFile(path, mine)
      return () => rm(path, { force: true })
    } catch (error) {
      if (!(error instanceof MusigError) || error.code !== 'ALREADY_EXISTS') throw error
      const holder = await holderOf(path)
      if (holder !== undefined || attempt === ATTEMPTS) throw new MusigError('BUSY', busy(holder))
      await rm(path, { force: true })
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
  return promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  )
}
