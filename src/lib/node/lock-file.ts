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

/** How often a lock is asked for while others take a stale one over, and how long between. */
const ATTEMPTS = 5
const PAUSE_MS = 20

/** Takes the lock at `path`; resolves with what lets go of it. Errors: `BUSY`, which `busy` puts in words. */
export async function takeLock(path: string, busy: (holder: number | undefined) => string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, begun: await beginOf(process.pid) })
  for (let attempt = 1; ; attempt++) {
    if ((await putLock(path, mine)) || (await takeOver(path, mine))) return () => rm(path, { force: true })
    const holder = (await lockAt(path))?.holder
    if (holder !== undefined || attempt === ATTEMPTS) throw new MusigError('BUSY', busy(holder))
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}

/** Whether there was no lock, and now is this one. */
async function putLock(path: string, mine: string): Promise<boolean> {
  try {
    await writePrivateFile(path, mine)
    return true
  } catch (error) {
    if (error instanceof MusigError && error.code === 'ALREADY_EXISTS') return false
    throw error
  }
}

/**
 * Whether there was a stale lock, and now this one stands in its place. By one process at a time, which another lock sees to, and never by way of no lock at all:
 * of two that have found it stale the later one must not take it from the earlier one.
 */
async function takeOver(path: string, mine: string): Promise<boolean> {
  const found = await lockAt(path)
  if (!found || found.holder !== undefined) return false
  const turn = `${path}.turn`
  if (!(await putLock(turn, mine))) {
    const other = await lockAt(turn)
    if (other && other.holder === undefined) await rm(turn, { force: true })
    return false
  }
  try {
    const still = await lockAt(path)
    if (!still || still.holder !== undefined) return false
    await writePrivateFile(path, mine, { replace: true })
    return true
  } finally {
    await rm(turn, { force: true })
  }
}

/** The lock at a path, if there is one, with the process that holds it; none where it is stale. */
async function lockAt(path: string): Promise<{ holder: number | undefined } | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : { holder: await holderOf(text) }
}

async function holderOf(text: string): Promise<number | undefined> {
  try {
    const { pid, begun } = JSON.parse(text)
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
