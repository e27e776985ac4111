/**
 * The durable store of a signer on LevelDB (docs/adr/0002-store.md). Owns the chain and the counter that show a missing, altered or misplaced record,
 * the identity that ties a folder to one signer of one cluster, the lock against a second process, and fail-stop after a failed write. What the records
 * mean is the core's affair. The chain finds damage and roll-back of a part; it has no secret, so it does not stop one who rewrites everything.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { concat, equalBytes, fromHex, type Id, utf8 } from '../base/bytes.js'
import { invariant, MusigError } from '../base/errors.js'
import type { Store } from './ports.js'
import { type Head, HeadFile, readHead, replaceHead } from './store-head.js'

/** Whose records a store holds. A folder keeps the identity with which it was made. */
export interface StoreIdentity {
  clusterId: Id
  /** The signer's BLS public key (48 bytes). */
  publicKey: Uint8Array
}

export interface StoreOptions {
  /**
   * The file that remembers, apart from the folder, how far the records went: the marker. Without one a folder that was deleted or put back to an
   * older state looks like a new one.
   */
  marker?: string
  /** An append that takes longer has failed: a disk that hangs must not leave a signer that hangs. */
  appendTimeoutMs?: number
}

/** A store that knows whether it still holds all that was ever in it. */
export interface SignerStore extends Store {
  /** What shows that records which were durable once are missing; undefined if nothing does. Known once loaded. */
  readonly lost: string | undefined
  /** Goes on from the records that are there: what was lost is not missed any more. */
  acceptLoss(): void
}

type Database = ClassicLevel<Uint8Array, Uint8Array>

const APPEND_TIMEOUT_MS = 30_000
const CLOSE_TIMEOUT_MS = 2_000
/** So many records at most stand between two times that the marker is forced onto the disk: a power loss may put it back as far. */
const MARKER_SYNC_RECORDS = 1000
const COUNTER_BYTES = 8
const CHAIN_BYTES = 32
/** Above every counter; the identity stands here. */
const IDENTITY_KEY = Uint8Array.of(0xff)
/** Values fetched from the database in one go. */
const PAGE = 1000

/**
 * Opens the store in `folder`, or makes it (mode 0700). `load` comes before the first `append`. Errors: `BUSY` with the process that has it open;
 * `STORE_FAILED` if it belongs to another signer or cluster, or cannot be opened.
 */
export async function openStore(folder: string, identity: StoreIdentity, options: StoreOptions = {}): Promise<SignerStore> {
  await makeFolder(folder)
  const database = await openDatabase(folder)
  try {
    writeFileSync(ownerPath(folder), `${process.pid}\n`, { mode: 0o600 })
    const head = await claim(folder, database, identity)
    return new LevelStore(folder, database, genesisOf(identity), head, options)
  } catch (error) {
    await database.close()
    throw error instanceof MusigError ? error : failed(`the store in ${folder} cannot be opened`, error)
  }
}

/** The disk did not answer in time. */
class NoAnswer extends Error {}

/** Whether a store failed because its disk hangs: then threads of this process may wait for the disk for ever. */
export function isHanging(error: MusigError): boolean {
  return error.cause instanceof NoAnswer
}

class LevelStore implements SignerStore {
  readonly #folder: string
  readonly #database: Database
  readonly #genesis: Uint8Array
  readonly #headFile: HeadFile
  readonly #appendTimeoutMs: number
  /** What was surely durable when the store was opened. */
  readonly #headAtOpen: Head
  readonly #markerPath: string | undefined
  #marker: { file: HeadFile; syncedAt: number } | undefined
  #lost: string | undefined
  /** The end of the log, appends under way included; known once loaded. */
  #tip: Head | undefined
  #failure: MusigError | undefined
  #closed = false
  /** Ends when the appends so far have ended: one write at a time, in order. */
  #writes: Promise<void> = Promise.resolve()

  constructor(folder: string, database: Database, genesis: Uint8Array, head: Head, options: StoreOptions) {
    this.#folder = folder
    this.#database = database
    this.#genesis = genesis
    this.#headAtOpen = head
    this.#appendTimeoutMs = options.appendTimeoutMs ?? APPEND_TIMEOUT_MS
    this.#markerPath = options.marker
    this.#headFile = new HeadFile(headPath(folder), false)
  }

  async load(): Promise<Uint8Array[]> {
    if (this.#failure || this.#closed) throw this.#stopped()
    await this.#writes
    const marked = this.#tip ? undefined : this.#readMarker()
    const { records, tip, chainAtMark } = await this.#readAll(marked?.count)
    // A later load only reads: the tip may already be ahead by appends that began meanwhile.
    if (!this.#tip) {
      this.#tip = tip
      // Records that a dying process had not heard of any more are part of the log from here on.
      this.#headFile.write(tip)
      if (marked) this.#lost ??= lossOf(this.#folder, marked, chainAtMark, tip)
      if (this.#lost === undefined) this.#mark(tip)
    }
    return records
  }

  get lost(): string | undefined {
    return this.#lost
  }

  acceptLoss(): void {
    invariant(this.#tip, 'a loss is accepted once the records were loaded')
    this.#lost = undefined
    if (this.#markerPath !== undefined) replaceHead(this.#markerPath, this.#tip)
    this.#mark(this.#tip)
  }

  #readMarker(): Head | undefined {
    if (this.#markerPath === undefined) return undefined
    try {
      const head = readHead(this.#markerPath)
      if (!head) replaceHead(this.#markerPath, { count: 0, chain: this.#genesis })
      return head
    } catch (error) {
      if (!(error instanceof MusigError)) throw error
      if (!error.message.includes('damaged')) throw error
      this.#lost = `${this.#markerPath} is damaged, so nothing tells whether records are missing`
      return undefined
    }
  }

  /** Notes how far the records go, so that their absence is seen; not while some are missing already. */
  #mark(tip: Head): void {
    if (this.#markerPath === undefined || this.#lost !== undefined) return
    const marker = this.#marker ?? { file: new HeadFile(this.#markerPath, false), syncedAt: 0 }
    this.#marker = marker
    marker.file.write(tip)
    if (marker.syncedAt > 0 && tip.count - marker.syncedAt < MARKER_SYNC_RECORDS) return
    marker.file.sync()
    marker.syncedAt = tip.count
  }

  append(records: readonly Uint8Array[]): Promise<void> {
    if (this.#failure || this.#closed) return Promise.reject(this.#stopped())
    invariant(this.#tip, 'append to a store before it was loaded')
    let { count, chain } = this.#tip
    const first = count
    const entries = records.map((record) => {
      chain = chainAfter(chain, record)
      return { type: 'put', key: counterKey(count++), value: concat(chain, record) } as const
    })
    const tip = { count, chain }
    this.#tip = tip
    const written = this.#writes.then(() => this.#write(entries, first, tip))
    this.#writes = written.catch(() => {})
    return written
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#writes
    try {
      this.#headFile.sync()
      this.#marker?.file.sync()
    } finally {
      this.#headFile.close()
      this.#marker?.file.close()
      rmSync(ownerPath(this.#folder), { force: true })
      await withDeadline(this.#database.close(), CLOSE_TIMEOUT_MS, 'closing')
    }
  }

  async #write(entries: readonly { type: 'put'; key: Uint8Array; value: Uint8Array }[], first: number, tip: Head): Promise<void> {
    if (this.#failure) throw this.#failure
    if (entries.length === 0) return
    try {
      await withDeadline(this.#database.batch([...entries], { sync: true }), this.#appendTimeoutMs, 'the disk')
      this.#headFile.write(tip)
      this.#mark(tip)
    } catch (error) {
      const range = tip.count - first === 1 ? `record ${first}` : `records ${first} to ${tip.count - 1}`
      this.#failure = failed(
        `${range} could not be written to ${this.#folder} and may or may not be there; see to the disk, then start it again`,
        error,
      )
      throw this.#failure
    }
  }

  async #readAll(mark: number | undefined): Promise<{ records: Uint8Array[]; tip: Head; chainAtMark: Uint8Array | undefined }> {
    const records: Uint8Array[] = []
    let chainAtMark = mark === 0 ? this.#genesis : undefined
    const head = this.#headAtOpen
    let chain = this.#genesis
    const iterator = this.#database.iterator({ lt: IDENTITY_KEY, fillCache: false, highWaterMarkBytes: 1 << 20 })
    try {
      for (let page = await iterator.nextv(PAGE); page.length > 0; page = await iterator.nextv(PAGE)) {
        for (const [key, value] of page) {
          chain = this.#checked(records.length, chain, key, value)
          records.push(new Uint8Array(value.buffer, value.byteOffset + CHAIN_BYTES, value.length - CHAIN_BYTES))
          if (records.length === mark) chainAtMark = chain
          if (records.length === head.count && !equalBytes(chain, head.chain))
            this.#broken(records.length - 1, 'is not the one that was written last')
        }
      }
    } catch (error) {
      throw error instanceof MusigError ? error : failed(`record ${records.length} of ${this.#folder} cannot be read`, error)
    } finally {
      await iterator.close()
    }
    if (records.length < head.count) this.#broken(records.length, `is missing, as are all after it: ${head.count} were written`)
    return { records, tip: { count: records.length, chain }, chainAtMark }
  }

  /** The chain hash after record `index`, if key and value are those that were written. */
  #checked(index: number, chain: Uint8Array, key: Uint8Array, value: Uint8Array): Uint8Array {
    if (!equalBytes(key, counterKey(index))) this.#broken(index, 'is missing')
    if (value.length < CHAIN_BYTES) this.#broken(index, 'is cut short')
    const next = chainAfter(chain, value.subarray(CHAIN_BYTES))
    if (!equalBytes(next, value.subarray(0, CHAIN_BYTES))) this.#broken(index, 'is altered or out of its place')
    return next
  }

  #broken(index: number, problem: string): never {
    const advice = 'this signer must not vote from it; start again with an empty store under a new key'
    throw new MusigError('STORE_FAILED', `record ${index} of ${this.#folder} ${problem}; ${advice}`)
  }

  #stopped(): MusigError {
    return this.#failure ?? new MusigError('STORE_FAILED', `the store in ${this.#folder} is closed`)
  }
}

/** What the marker misses in a store. A store that went on after its loss has other records where the marker looks: that shows too. */
function lossOf(folder: string, marked: Head, chainAtMark: Uint8Array | undefined, tip: Head): string | undefined {
  if (chainAtMark && equalBytes(chainAtMark, marked.chain)) return undefined
  if (tip.count === 0) return `${folder} is empty, and this key has a history of ${marked.count} records`
  if (!chainAtMark) return `${folder} ends at record ${tip.count - 1}, and this key has a history of ${marked.count} records`
  return `record ${marked.count - 1} of ${folder} is not the one in this key's history`
}

async function makeFolder(folder: string): Promise<void> {
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

async function openDatabase(folder: string): Promise<Database> {
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
async function claim(folder: string, database: Database, identity: StoreIdentity): Promise<Head> {
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

function genesisOf({ clusterId, publicKey }: StoreIdentity): Uint8Array {
  return plain(createHash('sha256').update(utf8('musig/v1/store\0')).update(fromHex(clusterId)).update(publicKey).digest())
}

/** The chain hash of a record: SHA-256 over the one before and the record. */
function chainAfter(previous: Uint8Array, record: Uint8Array): Uint8Array {
  return plain(createHash('sha256').update(previous).update(record).digest())
}

function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

function counterKey(count: number): Uint8Array {
  const key = new Uint8Array(COUNTER_BYTES)
  new DataView(key.buffer).setBigUint64(0, BigInt(count))
  return key
}

function headPath(folder: string): string {
  return join(folder, 'head')
}

function ownerPath(folder: string): string {
  return join(folder, 'owner')
}

function failed(what: string, cause: unknown): MusigError {
  return new MusigError('STORE_FAILED', `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
}

/** Waits at most `limitMs` for `work`. */
async function withDeadline(work: Promise<void>, limitMs: number, what: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(`${what} did not answer within ${limitMs} ms`)), limitMs)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
