/**
 * The one folder that holds all state of a user (keys, clusters): which one it is, and that nobody else can read it. What lies inside it belongs
 * to those who write there.
 */
import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { MusigError } from '../base/errors.js'

/** The state folder: what `--home` or `MUSIG_HOME` names, else oclif's data folder. An absolute path; nothing is made yet. */
export function homePath(home: string | undefined, dataDir: string): string {
  return resolve(home || dataDir)
}

/** Makes a folder (0700) with its parents, or checks one that stands. Errors: `BAD_INPUT` where others may read it or it is no folder. */
export function privateFolder(path: string): string {
  try {
    makeFolder(path)
  } catch (error) {
    throw new MusigError('BAD_INPUT', `cannot make the folder ${path}: ${reasonOf(error)}`, { cause: error })
  }
  refuseLoose(path, 'folder')
  return path
}

/** Node's own recursive one never returns where a file system makes no folders, as in /proc. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Another command may have made it just now.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}

/** Checks that nobody but its owner may read a file or folder with secrets. Errors: `NOT_FOUND`, `BAD_INPUT` with the command that repairs it. */
export function refuseLoose(path: string, kind: 'file' | 'folder'): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats) throw new MusigError('NOT_FOUND', `no such ${kind}: ${path}`)
  const secret = kind === 'folder' ? '700' : '600'
  // Windows has no such modes; there the user's profile folder keeps others out.
  if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8)
    throw new MusigError('BAD_INPUT', `the ${kind} ${path} is open to others (mode ${mode}): run chmod ${secret} ${path}`)
  }
}

/** What a failed system call says, without its call and path. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message.replace(/^[A-Z]+: /, '').replace(/, \w+( '.*')?$/, '')
}
