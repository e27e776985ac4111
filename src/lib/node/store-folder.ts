/**
 * The folder of a store: made, locked, and tied to one signer of one cluster. What stands in its database is the affair of `store.ts`.
 */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { concat, equalBytes, fromHex, type Id } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { type Database, genesisOf } from './store-chain.js'
import { type Head, HeadFile, readHead } from './store-head.js'

/** Whose records a store holds. A folder keeps the identity with which it was made. */
export interface StoreIdentity {
  clusterId: Id
  /** The signer's BLS public key (48 bytes). */
  publicKey: Uint8Array
}

/** Above every other key of a database; the identity stands here. */
export const IDENTITY_KEY = Uint8Array.of(0xff)

/** Makes the folder of a store, if it is not there. Errors: `STORE_FAILED`. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    if (mkdirSync(folder, { recursive: true, mode: 0o700 }) === undefined) return
    // The folder's own name must survive a power loss as the records in it do. Not waited for in place: a process may open many stores at once.
    for (const path of [folder, dirname(folder)]) {
      const handle = await open(path, 'r')
      await handle.sync().finally(() => handle.close())
    }
  } catch (error) {
    throw failed(`the store's folder ${folder} cannot be made`, error)
  }
}

/** Opens the database in it. Errors: `BUSY`, `STORE_FAILED`. */
export async function openDatabase(folder: string): Promise<Database> {
  // Signatures and digests do not shrink.
  const database: Database = new ClassicLevel(join(folder, 'records'), { keyEncoding: 'view', valueEncoding: 'view', compression: false })
  try {
    await database.open()
    return database
  } catch (error) {
    const cause = (error as Error).cause
    if ((cause as { code?: string } | undefined)?.code === 'LEVEL_LOCKED')
      throw new MusigError('BUSY', `the store in ${folder} is in use by ${owner(folder)}`)
    throw failed(`the store in ${folder} cannot be opened`, cause ?? error)
  }
}

/** Who has the lock. The lock itself is the operating system's and ends with its process; this file only names it. */
function owner(folder: string): string {
  try {
    return `process ${Number.parseInt(readFileSync(ownerPath(folder), 'latin1'), 10)}`
  } catch {
    return 'another process'
  }
}

/** Checks the identity of the store or, where it is new, writes it; answers the head. */
export async function claim(folder: string, database: Database, identity: StoreIdentity): Promise<Head> {
  const expected = concat(fromHex(identity.clusterId), identity.publicKey)
  const found = await database.get(IDENTITY_KEY)
  const head = readHead(headPath(folder))
  if (found === undefined) {
    const [first] = await database.keys({ limit: 1 }).all()
    if (first !== undefined || (head && head.count > 0))
      throw new MusigError('STORE_FAILED', `the store in ${folder} has lost its identity or its records`)
    const fresh = { count: 0, chain: genesisOf(identity) }
    const headFile = new HeadFile(headPath(folder), true)
    headFile.write(fresh)
    headFile.sync()
    headFile.close()
    await database.put(IDENTITY_KEY, expected, { sync: true })
    return fresh
  }
  if (!equalBytes(found.subarray(0, 32), expected.subarray(0, 32)))
    throw new MusigError('STORE_FAILED', `the store in ${folder} belongs to another cluster`)
  if (!equalBytes(found, expected)) throw new MusigError('STORE_FAILED', `the store in ${folder} belongs to another signer`)
  if (!head) throw new MusigError('STORE_FAILED', `the store in ${folder} has lost its head file; nothing tells how many records there were`)
  return head
}

/** How many bytes the database of a store takes on the disk. */
export function bytesOf(folder: string): number {
  const path = join(folder, 'records')
  // A file may go between the list and the look.
  return readdirSync(path).reduce((sum, name) => sum + (statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0), 0)
}

/** The file of the head. */
export function headPath(folder: string): string {
  return join(folder, 'head')
}

/** The file that names who has it open. */
export function ownerPath(folder: string): string {
  return join(folder, 'owner')
}

/** What could not be done, and why. */
export function failed(what: string, cause: unknown): MusigError {
  return new MusigError('STORE_FAILED', `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
}
