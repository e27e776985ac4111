/**
 * The logs of executed batches, one for each dependency key (§8): height, batchId, hash chain. The same at every signer and peer. Owns the
 * chain heads and the orderDigest; what may be executed next is decided in `execution.ts`.
 */
import { compareText, fromHex, type Id, toHex, uint32, utf8 } from '../base/bytes.js'
import { encodeCbor } from '../base/cbor.js'
import { digestOf, statementId } from '../base/hash.js'

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

interface KeyLog {
  entries: Id[]
  /** The head after each entry, one after the other, with room to grow. */
  heads: Uint8Array
}

export class KeyLogs implements History {
  readonly #clusterId: Id
  readonly #logs = new Map<string, KeyLog>()
  readonly #heights = new Map<Id, ReadonlyMap<string, number>>()
  /** All executed batches in this signer's own order of execution. */
  readonly executed: Id[] = []
  readonly #digest = new Uint8Array(32)
  #orderDigest: Id | undefined

  constructor(clusterId: Id) {
    this.#clusterId = clusterId
  }

  /** Puts a batch at the end of the log of each of its keys. */
  append(batchId: Id, keys: readonly string[]): ReadonlyMap<string, number> {
    const heights = new Map<string, number>()
    const idBytes = fromHex(batchId)
    for (const key of keys) {
      const log = this.#logs.get(key) ?? { entries: [], heads: new Uint8Array(HEAD_BYTES) }
      const before = this.headOf(key)
      log.entries.push(batchId)
      const height = log.entries.length
      if (log.heads.length < height * HEAD_BYTES) log.heads = grown(log.heads)
      log.heads.set(chain(this.#clusterId, key, height, before, idBytes), (height - 1) * HEAD_BYTES)
      this.#logs.set(key, log)
      heights.set(key, height)
    }
    this.#heights.set(batchId, heights)
    this.executed.push(batchId)
    for (let i = 0; i < 32; i++) this.#digest[i] = (this.#digest[i] ?? 0) ^ (idBytes[i] ?? 0)
    this.#orderDigest = undefined
    return heights
  }

  heightOf(key: string): number {
    return this.#logs.get(key)?.entries.length ?? 0
  }

  batchAt(key: string, height: number): Id | undefined {
    return this.#logs.get(key)?.entries[height - 1]
  }

  /** The batches that were executed on these keys above these heights, on each key in its order. */
  *above(keys: Iterable<string>, heights: ReadonlyMap<string, number>): Iterable<Id> {
    for (const key of keys) yield* this.#logs.get(key)?.entries.slice(heights.get(key) ?? 0) ?? []
  }

  heightsOf(batchId: Id): ReadonlyMap<string, number> | undefined {
    return this.#heights.get(batchId)
  }

  /** The head of a key's chain: the latest one, or that at a height which was reached. */
  headOf(key: string, height: number = this.heightOf(key)): Uint8Array {
    const log = this.#logs.get(key)
    if (!log || height < 1 || height > log.entries.length) return NO_HEAD
    return log.heads.slice((height - 1) * HEAD_BYTES, height * HEAD_BYTES)
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

function grown(heads: Uint8Array): Uint8Array {
  const larger = new Uint8Array(2 * heads.length)
  larger.set(heads)
  return larger
}

/** One link of a key's chain: H("musig/v1/key\0", clusterId, key, height, previous head, batchId), raw parts (§13). */
function chain(clusterId: Id, key: string, height: number, head: Uint8Array, batchId: Uint8Array): Uint8Array {
  return digestOf(utf8('musig/v1/key\0'), fromHex(clusterId), utf8(key), uint32(height), head, batchId)
}
