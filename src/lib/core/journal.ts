/**
 * The journal: all that a signer must not forget, as its records left it. `apply` is the only way in, for live records and for those read back
 * at a restart alike, so that a restarted signer is exactly who it was. Owns what is known of each batch; nothing volatile.
 */
import type { Id } from '../base/bytes.js'
import { invariant, unreachable } from '../base/errors.js'
import { type Certificate, certifiedValue, type Order } from './certificate.js'
import { Execution, type WaitingFor } from './execution.js'
import { KeyLogs } from './key-logs.js'
import type { Manifest } from './manifest.js'
import type { DurableRecord } from './record.js'
import { ALL_RULES, type Rules } from './rules.js'
import type { ExecutedBatch } from './steppable.js'
import type { Value } from './tally.js'
import { type Batch, transactionId } from './transaction.js'
import { freezeView, idsAbove, type View } from './view.js'

/** What a signer knows of a batch that has arrived. */
export interface KnownBatch {
  readonly batch: Batch
  /** What its view contains, fixed at first sight (§6). */
  frozen: View
  /** The signed vote: the same bytes for ever. */
  vote?: { view: View; signature: Uint8Array }
  /** The latest order that was accepted. */
  accepted?: Order
  /** The highest ballot promised; 0: none. */
  promised: number
  /** Own orders as coordinator, by ballot. */
  readonly orders: Map<number, Order>
  /** The highest certificate held while none is final (§9). */
  lock?: { certificate: Certificate; value: Value }
  committed?: { certificate: Certificate; value: Value }
  /** It was undecided when this signer, having lost records, was let back in: what it said about it is not known any more. */
  isForgotten?: boolean
}

export class Journal {
  #logs: KeyLogs
  readonly #manifest: Manifest
  readonly #rules: Rules
  readonly #batches = new Map<Id, KnownBatch>()
  /** Arrived, not executed, by key. */
  #pending = new Map<string, Set<Id>>()
  readonly #undecided = new Set<Id>()
  readonly #sequences = new Map<number, number>()
  readonly #bySequence = new Map<string, Id>()
  #executedTransactions = new Map<Id, Id>()
  #execution: Execution
  /** Whether this signer was let back in after it had lost records. */
  hasRejoined = false

  constructor(manifest: Manifest, rules: Rules = ALL_RULES) {
    this.#manifest = manifest
    this.#rules = rules
    this.#logs = new KeyLogs(manifest.clusterId)
    this.#execution = this.#newExecution()
  }

  #newExecution(): Execution {
    const committed = (id: Id) => {
      const known = this.#batches.get(id)
      return known?.committed && { id, keys: known.batch.keys, value: known.committed.value }
    }
    const arrived = (ids: readonly Id[]) => [...this.#batches.keys()].filter((id) => ids.includes(id))
    return new Execution(this.#logs, committed, this.#rules.rankedPairs ? undefined : arrived)
  }

  /** The logs of executed batches. */
  get logs(): KeyLogs {
    return this.#logs
  }

  /** Takes a record in; returns the batches that are executed by it, in order. */
  apply(record: DurableRecord): ExecutedBatch[] {
    switch (record.type) {
      case 'batch':
        this.#arrive(record.batch)
        return []
      case 'vote':
        this.#must(record.batchId).vote = { view: record.view, signature: record.signature }
        return []
      case 'order':
        this.#must(record.order.batchId).orders.set(record.order.ballot, record.order)
        return []
      case 'accept': {
        const known = this.#must(record.order.batchId)
        known.accepted = record.order
        known.promised = Math.max(known.promised, record.order.ballot)
        return []
      }
      case 'promise': {
        const known = this.#must(record.batchId)
        known.promised = Math.max(known.promised, record.ballot)
        return []
      }
      case 'lock': {
        const known = this.#must(record.certificate.batchId)
        known.lock = { certificate: record.certificate, value: this.#valueOf(known, record.certificate) }
        return []
      }
      case 'certificate':
        return this.#commit(record.certificate)
      case 'rejoin':
        this.hasRejoined = true
        for (const batchId of this.#undecided) this.#must(batchId).isForgotten = true
        return []
      case 'forget':
        this.#forgetOrder()
        return []
      case 'confirm':
        // What a learner hands on is its own affair.
        return []
      default:
        return unreachable(record)
    }
  }

  get(batchId: Id): KnownBatch | undefined {
    return this.#batches.get(batchId)
  }

  /** Ids of all batches that arrived, in the order of arrival. */
  arrivals(): IterableIterator<Id> {
    return this.#batches.keys()
  }

  isExecuted(batchId: Id): boolean {
    return this.logs.heightsOf(batchId) !== undefined
  }

  /** Batches that arrived and are not committed. */
  get undecided(): ReadonlySet<Id> {
    return this.#undecided
  }

  /** Committed batches that are not executed yet, and why. */
  get waiting(): ReadonlyMap<Id, WaitingFor> {
    return this.#execution.waiting
  }

  /** Arrived and not executed batches that share a key with these. */
  pendingOn(keys: readonly string[]): Set<Id> {
    const ids = new Set<Id>()
    for (const key of keys) for (const id of this.#pending.get(key) ?? []) ids.add(id)
    return ids
  }

  /** One more than the highest sequence number that arrived from an initiator. */
  nextSequence(initiator: number): number {
    return this.#sequences.get(initiator) ?? 0
  }

  /** The batch that arrived (first) with this sequence number. */
  bySequence(initiator: number, sequence: number): Id | undefined {
    return this.#bySequence.get(`${initiator}/${sequence}`)
  }

  /** The batch in which a transaction was executed. */
  batchOfExecuted(txId: Id): Id | undefined {
    return this.#executedTransactions.get(txId)
  }

  #arrive(batch: Batch): void {
    if (this.#batches.has(batch.id)) return
    const pending = this.pendingOn(batch.keys)
    this.#batches.set(batch.id, { batch, frozen: freezeView(batch.keys, pending, this.logs), promised: 0, orders: new Map() })
    this.#await(batch)
    this.#sequences.set(batch.initiator, Math.max(this.nextSequence(batch.initiator), batch.sequence + 1))
    const place = `${batch.initiator}/${batch.sequence}`
    if (!this.#bySequence.has(place)) this.#bySequence.set(place, batch.id)
  }

  #commit(certificate: Certificate): ExecutedBatch[] {
    const known = this.#must(certificate.batchId)
    if (known.committed) return []
    known.committed = { certificate, value: this.#valueOf(known, certificate) }
    delete known.lock
    this.#undecided.delete(certificate.batchId)
    return this.#execution.commit(certificate.batchId).map((id) => this.#executed(id))
  }

  /** Nothing is decided any more. What this signer has said stays, and so does what its views contain, in ids where they spoke of heights. */
  #forgetOrder(): void {
    for (const known of this.#batches.values()) {
      const { frozen, batch, vote } = known
      if (!vote) known.frozen = { heights: new Map(), pending: [...idsAbove(frozen, batch.keys, new Map(), this.#logs)].sort() }
    }
    this.#logs = new KeyLogs(this.#manifest.clusterId)
    this.#execution = this.#newExecution()
    this.#executedTransactions = new Map()
    this.#pending = new Map()
    for (const known of this.#batches.values()) {
      delete known.committed
      delete known.lock
      this.#await(known.batch)
    }
  }

  #await({ id, keys }: Batch): void {
    this.#undecided.add(id)
    for (const key of keys) {
      const ids = this.#pending.get(key) ?? new Set()
      ids.add(id)
      this.#pending.set(key, ids)
    }
  }

  #valueOf(known: KnownBatch, certificate: Certificate): Value {
    const value = certifiedValue(this.#manifest, certificate, known.batch.keys, this.logs)
    invariant(typeof value === 'object' && 'predecessors' in value, 'a recorded certificate commits a value')
    return value
  }

  #executed(batchId: Id): ExecutedBatch {
    const { batch, committed } = this.#must(batchId)
    invariant(committed, 'only committed batches are executed')
    for (const key of batch.keys) {
      this.#pending.get(key)?.delete(batchId)
      if (this.#pending.get(key)?.size === 0) this.#pending.delete(key)
    }
    const skipped = new Map<number, 'duplicate' | 'expired'>()
    batch.transactions.forEach((transaction, index) => {
      const txId = transactionId(this.#manifest.clusterId, transaction)
      if (this.#executedTransactions.has(txId)) skipped.set(index, 'duplicate')
      else {
        // The batch's own time, not a clock: everyone comes to the same answer.
        if (transaction.expiry !== null && batch.time > transaction.expiry) skipped.set(index, 'expired')
        this.#executedTransactions.set(txId, batchId)
      }
    })
    return { batch, heights: this.logs.heightsOf(batchId) ?? new Map(), ...committed, skipped }
  }

  #must(batchId: Id): KnownBatch {
    const known = this.#batches.get(batchId)
    invariant(known, `batch ${batchId} arrived before anything else was recorded of it`)
    return known
  }
}
