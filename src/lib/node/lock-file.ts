/**
 * Lock files: a file that names the process that holds something. A lock whose process has ended, or whose number belongs to another process by now, is taken
 * over. Owns how a process is told from a later one of the same number; what is locked is the affair of whoever takes the lock.
 */

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, readFile, rename, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { MusigError } from '../base/errors.js'
import { systemCode, writePrivateFile } from './private-file.js'

/** How often a stale lock is cleared before this gives up. */
const ATTEMPTS = 5

/** Takes the lock at `path`; resolves with what lets go of it. Errors: `BUSY`, which `busy` puts in words. */
export async function takeLock(path: string, busy: (holder: number | undefined) => string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, begun: await beginOf(process.pid) })
  for (let attempt = 1; ; attempt++) {
    try {
      await writePrivateFile(path, mine)
      return () => clear(path, mine)
    } catch (error) {
      if (!(error instanceof MusigError) || error.code !== 'ALREADY_EXISTS') throw error
      const found = await readFile(path, 'utf8').catch(() => '')
      const holder = await holderOf(found)
      if (holder !== undefined || attempt === ATTEMPTS) throw new MusigError('BUSY', busy(holder))
      await clear(path, found)
    }
  }
}

/** Removes a lock, unless another one has taken its place: of two that find it stale the later one must not remove what the earlier one has taken. */
async function clear(path: string, expected: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await rename(path, aside)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  if ((await readFile(aside, 'utf8')) !== expected) await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}

/** The process that a lock names, or nothing where it is stale. */
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
