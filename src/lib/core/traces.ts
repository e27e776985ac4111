/**
 * What came by about the latest batches (§10): every statement with the parts that hold it. Owns the bounds of that memory, by batches, bytes and age; what contradicts what
 * is `witness.ts`. Parts that prove something leave it as evidence, which nothing displaces.
 */
import type { Id } from '../base/bytes.js'
import type { AcceptsHalf, OrderHalf, PromisesHalf } from './evidence.js'
import { LIMITS } from './limits.js'
import { type Held, keep, type Said } from './said.js'
import type { Batch } from './transaction.js'
import type { View } from './view.js'
import type { VoteSet } from './vote-set.js'

/** Votes for one view. */
export type SaidVotes = Said<VoteSet> & { view: View }
/** Promises of one statement. */
export type SaidPromises = Said<PromisesHalf> & { ballot: number; accepted: PromisesHalf['statements'][number]['accepted'] }

/** What came by about one batch. */
export interface Traces {
  /** By the vote's digest. */
  votes: Map<Id, SaidVotes>
  /** By ballot, then by value. */
  accepts: Map<number, Map<Id, Said<AcceptsHalf>>>
  /** By the statement's digest. */
  promises: Map<Id, SaidPromises>
  /** By ballot, then by value. */
  orders: Map<number, Map<Id, Said<OrderHalf>>>
  /** The keys under which it is found once its body is known. */
  keys: readonly string[]
  /** Since when, in the clock of the events. */
  readonly since: number
  /** About how much memory all of it takes. */
  bytes: number
}

/** Conflicting batches that a vote is compared with, on each key. */
const COMPARED_PER_KEY = 16
/** About what a statement takes without its view, and a batch without statements. */
const STATEMENT_BYTES = 300
const BATCH_BYTES = 400
/** About what one id takes in a view, and one height. */
const ID_BYTES = 100
const HEIGHT_BYTES = 150

export class TraceMemory {
  readonly #traces = new Map<Id, Traces>()
  readonly #byKey = new Map<string, Id[]>()
  readonly #now: () => number
  #bytes = 0

  /** `now`: the clock of the events. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** What came by about a batch, if anything is remembered. */
  get(batchId: Id): Traces | undefined {
    return this.#traces.get(batchId)
  }

  /** The same, made where there is none; the oldest batches go where there is too much. */
  of(batchId: Id): Traces {
    const known = this.#traces.get(batchId)
    if (known) return known
    const traces: Traces = {
      votes: new Map(),
      accepts: new Map(),
      promises: new Map(),
      orders: new Map(),
      keys: [],
      since: this.#now(),
      bytes: BATCH_BYTES,
    }
    this.#traces.set(batchId, traces)
    this.#bytes += BATCH_BYTES
    this.#makeRoom()
    return traces
  }

  /** Remembers a part under what it says; false where it is not. */
  keep<T, M extends object>(batchId: Id, statements: Map<Id, Said<T> & M>, digest: Id, held: Held<T>, more: M, view?: View): boolean {
    const traces = this.#traces.get(batchId)
    if (!traces || !keep(statements, digest, held, more)) return false
    const bytes = STATEMENT_BYTES + (view ? ID_BYTES * view.pending.length + HEIGHT_BYTES * view.heights.size : 0)
    traces.bytes += bytes
    this.#bytes += bytes
    this.#makeRoom()
    return true
  }

  /** Makes a batch found by its keys. */
  file({ id: batchId, keys }: Batch): void {
    const traces = this.#traces.get(batchId)
    if (!traces || traces.keys.length > 0) return
    traces.keys = keys
    for (const key of keys) this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), batchId].slice(-COMPARED_PER_KEY))
  }

  /** The latest batches that conflict with this one. */
  conflicting({ id: batchId, keys }: Pick<Batch, 'id' | 'keys'>): Set<Id> {
    const others = new Set(keys.flatMap((key) => this.#byKey.get(key) ?? []))
    others.delete(batchId)
    return others
  }

  #makeRoom(): void {
    const now = this.#now()
    for (const [batchId, traces] of this.#traces) {
      const isOld = now - traces.since > LIMITS.witnessedMs
      if (!isOld && this.#traces.size <= LIMITS.witnessedBatches && this.#bytes <= LIMITS.witnessedBytes) return
      this.#forget(batchId, traces)
    }
  }

  #forget(batchId: Id, { keys, bytes }: Traces): void {
    this.#traces.delete(batchId)
    this.#bytes -= bytes
    for (const key of keys) {
      const left = (this.#byKey.get(key) ?? []).filter((other) => other !== batchId)
      if (left.length > 0) this.#byKey.set(key, left)
      else this.#byKey.delete(key)
    }
  }
}
