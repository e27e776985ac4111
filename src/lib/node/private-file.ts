/**
 * Private files: key files, passphrases, mnemonics. Owns their modes (0600 in folders of 0700, looser ones are refused) and how they are
 * written (temporary file, fsync, atomic link or rename), and knows nothing of what is in them.
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, link, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { MusigError } from '../base/errors.js'

/** Key files, passphrases and mnemonics are far smaller. */
const MAX_BYTES = 64 * 1024

/** The code of a system error (`ENOENT`), or nothing. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Windows has no such modes: there the user's profile keeps others out. */
function isLoose(mode: number): boolean {
  return process.platform !== 'win32' && (mode & 0o077) !== 0
}

function refuseLoose(path: string, mode: number, wanted: string): never {
  const found = (mode & 0o777).toString(8).padStart(4, '0')
  throw new MusigError('BAD_INPUT', `${path} is open to others (mode ${found}); close it with: chmod ${wanted} ${path}`)
}

/** Makes a folder (0700) with those above it, or checks the one that stands. Errors: `BAD_INPUT` on a looser one, with the chmod that helps. */
export async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new MusigError('BAD_INPUT', `cannot make the folder ${folder}: ${systemCode(error) ?? 'unknown error'}`, { cause: error })
  }
  await checkPrivateFolder(folder)
}

/** Errors: `NOT_FOUND`, `BAD_INPUT` unless the folder is closed to others. */
export async function checkPrivateFolder(folder: string): Promise<void> {
  const status = await stat(folder).catch((error: unknown) => refuseUnreadable(folder, error))
  if (!status.isDirectory()) throw new MusigError('BAD_INPUT', `${folder} is not a folder`)
  if (isLoose(status.mode)) refuseLoose(folder, status.mode, '700')
}

function refuseUnreadable(path: string, error: unknown): never {
  const code = systemCode(error)
  if (code === 'ENOENT') throw new MusigError('NOT_FOUND', `${path} does not exist`)
  throw new MusigError('BAD_INPUT', `cannot read ${path}: ${code ?? 'unknown error'}`, { cause: error })
}

/** The text of a file of at most 64 KiB. `loose`: whether one open to others is read all the same. Errors: `NOT_FOUND`, `BAD_INPUT`. */
export async function readPrivateFile(path: string, { loose = false } = {}): Promise<string> {
  const file = await open(path, 'r').catch((error: unknown) => refuseUnreadable(path, error))
  try {
    const status = await file.stat()
    if (status.isDirectory()) throw new MusigError('BAD_INPUT', `${path} is a folder, not a file`)
    // A pipe, as in `<(command)`, has no mode that says anything.
    if (!loose && status.isFile() && isLoose(status.mode)) refuseLoose(path, status.mode, '600')
    return await readBounded(file, path)
  } finally {
    await file.close()
  }
}

async function readBounded(file: FileHandle, path: string): Promise<string> {
  const buffer = Buffer.alloc(MAX_BYTES + 1)
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null)
    if (bytesRead === 0) break
    length += bytesRead
  }
  if (length > MAX_BYTES) throw new MusigError('BAD_INPUT', `${path} is larger than ${MAX_BYTES} bytes; this cannot be the right file`)
  const text = buffer.toString('utf8', 0, length)
  buffer.fill(0)
  return text
}

/** Writes a file (0600) that is there wholly or not at all, also after a crash. Errors: `ALREADY_EXISTS` unless `replace`, `BAD_INPUT`. */
export async function writePrivateFile(path: string, text: string, { replace = false } = {}): Promise<void> {
  const folder = dirname(resolve(path))
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await writeDurably(temporary, text)
    if (replace) await rename(temporary, path)
    else await putInPlace(temporary, path)
    await syncFolder(folder)
  } catch (error) {
    if (error instanceof MusigError) throw error
    throw new MusigError('BAD_INPUT', `cannot write ${path}: ${systemCode(error) ?? 'unknown error'}`, { cause: error })
  } finally {
    await unlink(temporary).catch(() => undefined)
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A link, unlike a rename, never puts itself over a key that another process wrote in the meantime. */
async function putInPlace(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path)
  } catch (error) {
    if (systemCode(error) === 'EEXIST' || (await isThere(path)))
      throw new MusigError('ALREADY_EXISTS', `${path} exists already; nothing was overwritten`)
    // Some file systems have no links.
    await rename(temporary, path)
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
