/**
 * The durable store of a signer on LevelDB (docs/adr/0002-store.md). Owns the chain and the counter that show a missing, altered or misplaced record,
 * the identity that ties a folder to one signer of one cluster, the lock against a second process, and fail-stop after a failed write. What the records
 * mean is the core's affair. The chain finds damage and roll-back of a part; it has no secret, so it does not stop one who rewrites everything.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { equalBytes } from '../base/bytes.js'
import { invariant, MusigError } from '../base/errors.js'
import type { Aside } from './outcomes.js'
import type { Store } from './ports.js'
import { type Anchor, decodeAnchor, digestOfSnapshot, encodeAnchor } from './store-anchor.js'
import { StoreAside } from './store-aside.js'
import { type Change, chainKey, chainOf, type Database, extended, genesisOf, genesisOfPast, readChain } from './store-chain.js'
import { claim, failed, headPath, makeFolder, openDatabase, ownerPath, type StoreIdentity } from './store-folder.js'
import { type Head, HeadFile, readHead, replaceHead } from './store-head.js'

export type { StoreIdentity } from './store-folder.js'

export interface StoreOptions {
  /**
   * The file that remembers, apart from the folder, how far the records went: the marker. Without one a folder that was deleted or put back to an
   * older state looks like a new one.
   */
  marker?: string
  /** What is to be done where records are damaged; a signer's store says that nothing may be signed from it. */
  advice?: string
  /** An append that takes longer has failed: a disk that hangs must not leave a signer that hangs. */
  appendTimeoutMs?: number
}

/** A store that knows whether it still holds all that was ever in it. */
export interface SignerStore extends Store {
  /** What shows that records which were durable once are missing; undefined if nothing does. Known once loaded. */
  readonly lost: string | undefined
  /** Where what memory is too small for is put until the process ends. */
  readonly aside: Aside
  /** Goes on from the records that are there: what was lost is not missed any more. */
  acceptLoss(): void
  /** What took the place of the first records; undefined if none are pruned. Known once loaded, and let go when it is taken. */
  takeBase(): StoreBase | undefined
  /**
   * Puts a snapshot in the place of the first `records` ones of all times, and new outlines behind those that are there: all of it at once, or, if the
   * process dies, nothing. Fails as `append` does.
   */
  prune(base: StoreBase): Promise<void>
  /** Puts a snapshot that others have made in a store that is empty: all of it at once, or nothing. `records` is 0. Fails as `append` does. */
  begin(base: StoreBase): Promise<void>
}

/** What stays of pruned records. */
export interface StoreBase {
  snapshot: Uint8Array
  /** Outlines of what is pruned, oldest first. */
  past: readonly Uint8Array[]
  /** How many records it stands for. */
  records: number
}

const APPEND_TIMEOUT_MS = 30_000
const CLOSE_TIMEOUT_MS = 2_000
/** So many records at most stand between two times that the marker is forced onto the disk: a power loss may put it back as far. */
const MARKER_SYNC_RECORDS = 1000
/** Records stand at their bare counters, below all other keys; the outlines of what is pruned behind a prefix. */
const RECORDS = new Uint8Array()
const PAST = Uint8Array.of(0xf0)
const ANCHOR_KEY = Uint8Array.of(0xf1)
const SNAPSHOT_KEY = Uint8Array.of(0xf2)
const NO_VOTES = 'this signer must not vote from it; start again with an empty store under a new key'
const NO_DIGEST = new Uint8Array(32)

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
  readonly aside: Aside
  readonly #folder: string
  readonly #database: Database
  readonly #genesis: Uint8Array
  readonly #headFile: HeadFile
  readonly #appendTimeoutMs: number
  readonly #advice: string
  /** What was surely durable when the store was opened. */
  readonly #headAtOpen: Head
  readonly #markerPath: string | undefined
  #marker: { file: HeadFile; syncedAt: number } | undefined
  #lost: string | undefined
  /** The end of the log, appends under way included; known once loaded. */
  #tip: Head | undefined
  #failure: MusigError | undefined
  #closed = false
  /** Ends when the writes so far have ended: one at a time, in order. */
  #writes: Promise<void> = Promise.resolve()
  #anchor: Anchor
  #base: StoreBase | undefined
  /** Gives the room of pruned records back to the disk. */
  #compaction: Promise<void> = Promise.resolve()

  constructor(folder: string, database: Database, genesis: Uint8Array, head: Head, options: StoreOptions) {
    this.#folder = folder
    this.#database = database
    this.aside = new StoreAside(database)
    this.#genesis = genesis
    this.#headAtOpen = head
    this.#appendTimeoutMs = options.appendTimeoutMs ?? APPEND_TIMEOUT_MS
    this.#markerPath = options.marker
    this.#advice = options.advice ?? NO_VOTES
    this.#headFile = new HeadFile(headPath(folder), false)
    this.#anchor = { records: { count: 0, chain: genesis }, past: { count: 0, chain: genesisOfPast(genesis) }, snapshot: NO_DIGEST }
  }

  async load(): Promise<Uint8Array[]> {
    if (this.#failure || this.#closed) throw this.#stopped()
    const marked = this.#tip ? undefined : this.#readMarker()
    // Between two writes: a snapshot goes with the records that it leaves.
    const reading = this.#writes.then(() => this.#readAll(marked?.count))
    this.#writes = reading.then(
      () => {},
      () => {},
    )
    const { records, tip, chainAtMark } = await reading
    // A later load only reads: the tip may already be ahead by appends that began meanwhile.
    if (!this.#tip) {
      this.#tip = tip
      // Records that a dying process had not heard of any more are part of the log from here on.
      this.#headFile.write(tip)
      if (marked) this.#lost ??= lossOf(this.#folder, marked, chainAtMark, this.#anchor.records.count, tip)
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
    // Another file takes its place: what is open is written to by nobody any more.
    this.#marker?.file.close()
    this.#marker = undefined
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
    const first = this.#tip.count
    const { changes, end: tip } = extended(RECORDS, this.#tip, records)
    this.#tip = tip
    return this.#inTurn(() => this.#write(changes, first, tip))
  }

  takeBase(): StoreBase | undefined {
    const base = this.#base
    this.#base = undefined
    return base
  }

  prune(base: StoreBase): Promise<void> {
    if (this.#failure || this.#closed) return Promise.reject(this.#stopped())
    invariant(this.#tip && base.records <= this.#tip.count, 'only records that are there are pruned')
    return this.#inTurn(async () => {
      if (base.records > this.#anchor.records.count) await this.#replace(base)
    })
  }

  begin(base: StoreBase): Promise<void> {
    if (this.#failure || this.#closed) return Promise.reject(this.#stopped())
    invariant(base.records === 0 && this.#tip?.count === 0 && this.#anchor.past.count === 0, 'only an empty store begins from a snapshot')
    return this.#inTurn(() => this.#replace(base))
  }

  #inTurn(write: () => Promise<void>): Promise<void> {
    const written = this.#writes.then(write)
    this.#writes = written.catch(() => {})
    return written
  }

  async #replace({ records, past, snapshot }: StoreBase): Promise<void> {
    if (this.#failure) throw this.#failure
    const { count, chain } = this.#anchor.records
    try {
      // Head and marker must not fall behind what can be checked, not by a power loss either.
      this.#headFile.sync()
      this.#marker?.file.sync()
      const last = records > 0 ? await this.#database.get(chainKey(RECORDS, records - 1)) : undefined
      invariant(last || records === 0, 'a record that is pruned is there')
      const outlines = extended(PAST, this.#anchor.past, past)
      const anchor = { records: { count: records, chain: last ? chainOf(last) : chain }, past: outlines.end, snapshot: digestOfSnapshot(snapshot) }
      const pruned = Array.from({ length: records - count }, (_, i): Change => ({ type: 'del', key: chainKey(RECORDS, count + i) }))
      const changes: Change[] = [
        ...outlines.changes,
        ...pruned,
        { type: 'put', key: SNAPSHOT_KEY, value: snapshot },
        { type: 'put', key: ANCHOR_KEY, value: encodeAnchor(this.#genesis, anchor) },
      ]
      await withDeadline(this.#database.batch(changes, { sync: true }), this.#appendTimeoutMs, 'the disk')
      this.#anchor = anchor
      this.#compaction = this.#compaction
        .then(() => this.#database.compactRange(chainKey(RECORDS, count), chainKey(RECORDS, records)))
        .catch(() => {})
    } catch (error) {
      this.#failure = failed(
        `the snapshot in the place of ${records} records could not be written to ${this.#folder}; see to the disk, then start it again`,
        error,
      )
      throw this.#failure
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#writes
    await withDeadline(this.#compaction, CLOSE_TIMEOUT_MS, 'giving back room').catch(() => {})
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

  async #write(changes: readonly Change[], first: number, tip: Head): Promise<void> {
    if (this.#failure) throw this.#failure
    if (changes.length === 0) return
    try {
      await withDeadline(this.#database.batch([...changes], { sync: true }), this.#appendTimeoutMs, 'the disk')
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
    await this.#readBase()
    const { head, start } = { head: this.#headAtOpen, start: this.#anchor.records }
    let chainAtMark = mark === 0 ? this.#genesis : undefined
    let read = start.count
    const passed = ({ count, chain }: Head): void => {
      read = count
      if (count === mark) chainAtMark = chain
      if (count === head.count && !equalBytes(chain, head.chain)) this.#broken(count - 1, 'is not the one that was written last')
    }
    if (!this.#tip && head.count < start.count)
      this.#broken(start.count - 1, `is pruned, and the head file knows of ${head.count} alone: it is an older one`)
    try {
      const range = { prefix: RECORDS, start, end: PAST }
      const { values, end } = await readChain(this.#database, range, passed, (count, problem) => this.#broken(count, problem))
      if (end.count < head.count) this.#broken(end.count, `is missing, as are all after it: ${head.count} were written`)
      return { records: values, tip: end, chainAtMark }
    } catch (error) {
      throw error instanceof MusigError ? error : failed(`record ${read} of ${this.#folder} cannot be read`, error)
    }
  }

  /** What is left of pruned records, checked against the anchor. */
  async #readBase(): Promise<void> {
    const broken = (problem: string): never => {
      throw new MusigError('STORE_FAILED', `${problem} in ${this.#folder}; ${this.#advice}`)
    }
    try {
      const [encoded, snapshot] = [await this.#database.get(ANCHOR_KEY), await this.#database.get(SNAPSHOT_KEY)]
      if (encoded) this.#anchor = decodeAnchor(this.#genesis, encoded, this.#folder)
      const { records, past, snapshot: digest } = this.#anchor
      const range = { prefix: PAST, start: { count: 0, chain: genesisOfPast(this.#genesis) }, end: ANCHOR_KEY }
      const outlines = await readChain(
        this.#database,
        range,
        () => {},
        (count, problem) => broken(`outline ${count} ${problem}`),
      )
      if (outlines.end.count !== past.count || !equalBytes(outlines.end.chain, past.chain))
        broken(`${outlines.end.count} of ${past.count} outlines of pruned batches are the ones that were written`)
      if (!encoded) return
      if (!snapshot || !equalBytes(digestOfSnapshot(snapshot), digest)) return broken('the snapshot is missing or altered')
      if (!this.#tip) this.#base = { snapshot, past: outlines.values, records: records.count }
    } catch (error) {
      throw error instanceof MusigError ? error : failed(`the store ${this.#folder} cannot be read`, error)
    }
  }

  #broken(index: number, problem: string): never {
    throw new MusigError('STORE_FAILED', `record ${index} of ${this.#folder} ${problem}; ${this.#advice}`)
  }

  #stopped(): MusigError {
    return this.#failure ?? new MusigError('STORE_FAILED', `the store in ${this.#folder} is closed`)
  }
}

/** What the marker misses in a store. A store that went on after its loss has other records where the marker looks: that shows too. */
function lossOf(folder: string, marked: Head, chainAtMark: Uint8Array | undefined, pruned: number, tip: Head): string | undefined {
  if (chainAtMark && equalBytes(chainAtMark, marked.chain)) return undefined
  if (tip.count === 0) return `${folder} is empty, and this key has a history of ${marked.count} records`
  if (marked.count < pruned) return `this key has a history of ${marked.count} records, which ${folder} has pruned: the history is an older one`
  if (!chainAtMark) return `${folder} ends at record ${tip.count - 1}, and this key has a history of ${marked.count} records`
  return `record ${marked.count - 1} of ${folder} is not the one in this key's history`
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
