/**
 * The logs of executed batches, one for each dependency key (§8): height, batchId, hash chain. The same at every signer and peer. Owns the
 * chain heads and the orderDigest; what may be executed next is decided in `execution.ts`.
 */
import { compareText, concat, fromHex, type Id, toHex, uint32, utf8 } from '../base/bytes.js'
import { encodeCbor } from '../base/cbor.js'
import { digestOf, statementId } from '../base/hash.js'
import { Numbers } from './numbers.js'

const HEAD_BYTES = 32
const NO_HEAD = new Uint8Array(HEAD_BYTES)

/** What readers of views need to know of the past: the executed order of each key as far as this signer has executed. */
export interface History {
  /** How many batches were executed on a key. */
  heightOf(key: string): number
  /** The batch at a height from 1, if executed here. */
  batchAt(key: string, height: number): Id | undefined
  /** The heights of an executed batch on its keys. */
  heightsOf(batchId: Id): ReadonlyMap<string, number> | undefined
}

/**
 * The log of one key. A cluster may have very many, most of them short, or few that are very long: an entry takes some twelve bytes.
 */
interface KeyLog {
  /** Of the key, in the order in which keys came. */
  readonly number: number
  /** Its batches, by their places in the order of execution. */
  readonly places: number[]
  /** Up to which height heads were worked out: as far as somebody has asked. */
  hashed: number
  /** The head at that height, then those at every `HEAD_EVERY` up to it, with room to grow: what lies between is hashed again where it is asked for. */
  heads: Uint8Array
}

/** Heads that are kept. */
const HEAD_EVERY = 16
/** Batches whose heights are at hand as they were given: those that views and votes speak of. The latest so many. */
const AT_HAND = 256

export class KeyLogs implements History {
  readonly #clusterId: Id
  /** What each link of a chain begins with. */
  readonly #frame: Uint8Array
  readonly #logs = new Map<string, KeyLog>()
  /** The keys by their numbers. */
  readonly #keys: string[] = []
  readonly #places = new Map<Id, number>()
  /** The keys of all batches, in their order, by number, each with the batch's height there; and up to where in them those of each batch go. */
  readonly #pairs = new Numbers()
  readonly #ends = new Numbers()
  readonly #atHand: ReadonlyMap<string, number>[] = []
  /** All executed batches in this signer's own order of execution. */
  readonly executed: Id[] = []
  readonly #digest = new Uint8Array(32)
  #orderDigest: Id | undefined

  constructor(clusterId: Id) {
    this.#clusterId = clusterId
    this.#frame = concat(utf8('musig/v1/key\0'), fromHex(clusterId))
  }

  /** Puts a batch at the end of the log of each of its keys. */
  append(batchId: Id, keys: readonly string[]): ReadonlyMap<string, number> {
    const heights = new Map<string, number>()
    const idBytes = fromHex(batchId)
    const place = this.executed.length
    for (const key of keys) {
      const log = this.#logOf(key)
      const height = log.places.push(place)
      this.#pairs.push(log.number)
      this.#pairs.push(height)
      heights.set(key, height)
    }
    this.#ends.push(this.#pairs.length)
    this.#places.set(batchId, place)
    this.#atHand[place % AT_HAND] = heights
    this.executed.push(batchId)
    for (let i = 0; i < 32; i++) this.#digest[i] = (this.#digest[i] ?? 0) ^ (idBytes[i] ?? 0)
    this.#orderDigest = undefined
    return heights
  }

  #logOf(key: string): KeyLog {
    const known = this.#logs.get(key)
    if (known) return known
    const log = { number: this.#keys.push(key) - 1, places: [], hashed: 0, heads: new Uint8Array(HEAD_BYTES) }
    this.#logs.set(key, log)
    return log
  }

  heightOf(key: string): number {
    return this.#logs.get(key)?.places.length ?? 0
  }

  batchAt(key: string, height: number): Id | undefined {
    return this.executed[this.#logs.get(key)?.places[height - 1] ?? -1]
  }

  /** The batches that were executed on these keys above these heights, on each key in its order. */
  *above(keys: Iterable<string>, heights: ReadonlyMap<string, number>): Iterable<Id> {
    for (const key of keys) for (const place of this.#logs.get(key)?.places.slice(heights.get(key) ?? 0) ?? []) yield this.executed[place] ?? ''
  }

  /** The place of an executed batch in the order of execution, from 0. */
  placeOf(batchId: Id): number | undefined {
    return this.#places.get(batchId)
  }

  heightsOf(batchId: Id): ReadonlyMap<string, number> | undefined {
    const place = this.#places.get(batchId)
    if (place === undefined) return undefined
    if (place >= this.executed.length - AT_HAND) return this.#atHand[place % AT_HAND]
    const heights = new Map<string, number>()
    const end = this.#ends.at(place)
    for (let at = place === 0 ? 0 : this.#ends.at(place - 1); at < end; at += 2)
      heights.set(this.#keys[this.#pairs.at(at)] ?? '', this.#pairs.at(at + 1))
    return heights
  }

  /** The head of a key's chain: the latest one, or that at a height which was reached. */
  headOf(key: string, height: number = this.heightOf(key)): Uint8Array {
    const log = this.#logs.get(key)
    if (!log || height < 1 || height > log.places.length) return NO_HEAD
    const from = height >= log.hashed ? log.hashed : height - (height % HEAD_EVERY)
    let head: Uint8Array = from === 0 ? NO_HEAD : headAt(log, from)
    for (let at = from + 1; at <= height; at++) {
      head = chain(this.#frame, key, at, head, fromHex(this.executed[log.places[at - 1] ?? -1] ?? ''))
      if (at > log.hashed) keep(log, at, head)
    }
    return head
  }

  keys(): string[] {
    return [...this.#logs.keys()].sort(compareText)
  }

  /** Hash over the sorted (key, head of chain): equal exactly where all key logs are (§8). */
  get orderDigest(): Id {
    this.#orderDigest ??= this.#digestOf(this.keys().map((key) => [key, this.headOf(key)]))
    return this.#orderDigest
  }

  /** The orderDigest as it was when the logs reached these heights. */
  orderDigestAt(heights: ReadonlyMap<string, number>): Id {
    return this.#digestOf([...heights.keys()].sort(compareText).map((key) => [key, this.headOf(key, heights.get(key))]))
  }

  /** The exclusive or of all executed ids: a hint, kept up at no cost, whether two signers have executed the same set. */
  get executedDigest(): Id {
    return toHex(this.#digest)
  }

  #digestOf(heads: [key: string, head: Uint8Array][]): Id {
    return statementId('musig/v1/order-digest', this.#clusterId, encodeCbor(heads))
  }
}

/** The head at the height up to which heads were worked out, or at a multiple of `HEAD_EVERY` below. */
function headAt({ hashed, heads }: KeyLog, height: number): Uint8Array {
  const at = height === hashed ? 0 : (height / HEAD_EVERY) * HEAD_BYTES
  return heads.slice(at, at + HEAD_BYTES)
}

/** Notes the head at a height, the next one that was not worked out. */
function keep(log: KeyLog, height: number, head: Uint8Array): void {
  log.hashed = height
  log.heads.set(head)
  if (height % HEAD_EVERY !== 0) return
  const at = (height / HEAD_EVERY) * HEAD_BYTES
  if (log.heads.length <= at) {
    const larger = new Uint8Array(Math.max(2 * log.heads.length, at + HEAD_BYTES))
    larger.set(log.heads)
    log.heads = larger
  }
  log.heads.set(head, at)
}

/** One link of a key's chain: H("musig/v1/key\0", clusterId, key, height, previous head, batchId), raw parts (§13). */
function chain(frame: Uint8Array, key: string, height: number, head: Uint8Array, batchId: Uint8Array): Uint8Array {
  return digestOf(frame, utf8(key), uint32(height), head, batchId)
}
