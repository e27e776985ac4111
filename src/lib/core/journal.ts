/**
 * The journal: all that a signer must not forget, as its records left it. `apply` is the only way in, for live records and for those read back
 * at a restart alike, so that a restarted signer is exactly who it was; `restore` takes in what a snapshot kept of records that are pruned. Owns what
 * is known of each batch; nothing volatile.
 */
import type { Id } from '../base/bytes.js'
import { invariant, unreachable } from '../base/errors.js'
import { type Certificate, certifiedValue, type Order } from './certificate.js'
import { Execution, type WaitingFor } from './execution.js'
import { KeyLogs } from './key-logs.js'
import type { Manifest } from './manifest.js'
import type { DurableRecord } from './record.js'
import { ALL_RULES, type Rules } from './rules.js'
import type { PastBatch, Snapshot } from './snapshot.js'
import type { ExecutedBatch } from './steppable.js'
import type { Value } from './tally.js'
import { type Batch, type BatchOutline, transactionId } from './transaction.js'
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
  /** The batch in which each was executed; null: one without keys that came in another signer’s snapshot. */
  #executedTransactions = new Map<Id, Id | null>()
  /** Executed batches that are pruned: the first ones of `logs.executed`. */
  readonly #past = new Map<Id, { initiator: number; isFast: boolean | null }>()
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
        this.#knownOrPast(record.order.batchId)?.orders.set(record.order.ballot, record.order)
        return []
      case 'accept': {
        const known = this.#knownOrPast(record.order.batchId)
        if (!known) return []
        known.accepted = record.order
        known.promised = Math.max(known.promised, record.order.ballot)
        return []
      }
      case 'promise': {
        const known = this.#knownOrPast(record.batchId)
        if (known) known.promised = Math.max(known.promised, record.ballot)
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
        this.#forgetOrder(record.stands)
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

  /** An executed batch that is pruned: of it there is its outline, its place in the logs and the ids of its transactions. */
  pastOf(batchId: Id): { initiator: number; isFast: boolean | null } | undefined {
    return this.#past.get(batchId)
  }

  /** How many of the batches that were executed first are pruned. */
  get pruned(): number {
    return this.#past.size
  }

  /** Whether a batch has arrived, pruned ones included. */
  hasArrived(batchId: Id): boolean {
    return this.#batches.has(batchId) || this.#past.has(batchId)
  }

  /** Whether a batch is committed, pruned ones included. */
  isDecided(batchId: Id): boolean {
    return this.#past.has(batchId) || this.#batches.get(batchId)?.committed !== undefined
  }

  /** The outline of a batch that has arrived, pruned ones included. */
  outlineOf(batchId: Id): BatchOutline | undefined {
    const past = this.#past.get(batchId)
    return past
      ? { id: batchId, initiator: past.initiator, keys: [...(this.logs.heightsOf(batchId)?.keys() ?? [])] }
      : this.#batches.get(batchId)?.batch
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

  hasExecuted(txId: Id): boolean {
    return this.#executedTransactions.has(txId)
  }

  /** Everything but the past: what is known of batches that are not executed, and the numbers that are used up. Live objects: to be encoded at once. */
  snapshot(): Snapshot {
    const open = [...this.#batches.values()].filter(({ batch }) => !this.isExecuted(batch.id))
    const sequences = [...this.#sequences].map(([initiator, next]) => ({ initiator, next }))
    return { executed: this.logs.executed.length, hasRejoined: this.hasRejoined, sequences, open }
  }

  /**
   * Takes the place of the records up to a snapshot, in an empty journal. `past`: all that was executed until then, in this order. `keyless`: transactions
   * without keys beside those in it, with their batch where it is known.
   */
  restore(past: Iterable<PastBatch>, { executed, hasRejoined, sequences, open }: Snapshot, keyless: Iterable<readonly [Id, Id | null]> = []): void {
    for (const batch of past) {
      const { id, initiator, isFast, keys } = batch
      this.logs.append(id, keys)
      this.#past.set(id, { initiator, isFast })
      for (const { txId } of [...batch.transactions, ...batch.keyless]) this.#executedTransactions.set(txId, id)
    }
    for (const [txId, batchId] of keyless) this.#executedTransactions.set(txId, batchId)
    invariant(this.logs.executed.length === executed, 'a snapshot goes with the past up to it')
    this.hasRejoined = hasRejoined
    for (const { initiator, next } of sequences) this.#sequences.set(initiator, next)
    for (const known of open) this.#enter(known)
    for (const known of open) for (const held of [known.lock, known.committed]) if (held) held.value = this.#valueOf(known, held.certificate)
    // Once all values are there: what one batch waits for follows from others'.
    for (const known of open) {
      if (!known.committed) continue
      this.#undecided.delete(known.batch.id)
      invariant(this.#execution.commit(known.batch.id).length === 0, 'what could be executed was executed before the snapshot')
    }
  }

  /**
   * Prunes the first `executed` batches of the log, all of them executed: their places in the logs and the ids of their transactions stay. Returns
   * those that were not pruned before, in order.
   */
  prune(executed: number): PastBatch[] {
    return this.logs.executed.slice(this.#past.size, executed).map((batchId) => {
      const { batch, committed } = this.#must(batchId)
      const isFast = committed?.certificate.type === 'fast'
      const txIds = batch.transactions.map((transaction) => transactionId(this.#manifest.clusterId, transaction))
      const first = txIds.flatMap((txId, index) =>
        this.#executedTransactions.get(txId) === batchId && txIds.indexOf(txId) === index ? [{ txId, index }] : [],
      )
      const hasKeys = ({ index }: { index: number }) => batch.transactions[index]?.deps.length !== 0
      const place = `${batch.initiator}/${batch.sequence}`
      if (this.#bySequence.get(place) === batchId) this.#bySequence.delete(place)
      this.#batches.delete(batchId)
      this.#past.set(batchId, { initiator: batch.initiator, isFast })
      const [transactions, keyless] = [first.filter(hasKeys), first.filter((one) => !hasKeys(one))]
      return { id: batchId, initiator: batch.initiator, isFast, keys: batch.keys, transactions, keyless }
    })
  }

  /** Another journal, with what is pruned and nothing else. */
  pastAlone(): Journal {
    const journal = new Journal(this.#manifest, this.#rules)
    for (const [batchId, outline] of this.#past) {
      journal.#logs.append(batchId, this.outlineOf(batchId)?.keys ?? [])
      journal.#past.set(batchId, outline)
    }
    for (const [txId, batchId] of this.#executedTransactions)
      if (batchId === null || this.#past.has(batchId)) journal.#executedTransactions.set(txId, batchId)
    return journal
  }

  #arrive(batch: Batch): void {
    if (this.hasArrived(batch.id)) return
    this.#enter({ batch, frozen: freezeView(batch.keys, this.pendingOn(batch.keys), this.logs), promised: 0, orders: new Map() })
  }

  #enter(known: KnownBatch): void {
    const { batch } = known
    this.#batches.set(batch.id, known)
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

  /**
   * Nothing is decided any more but the batches that were executed first: as many as still stand, or are pruned, for every other signer has said that it
   * holds these. What this signer has said stays, and so does what its views contain, in ids where they spoke of heights above.
   */
  #forgetOrder(count: number): void {
    const logs = new KeyLogs(this.#manifest.clusterId)
    const stands = new Set(this.#logs.executed.slice(0, Math.max(count, this.pruned)))
    for (const batchId of stands) logs.append(batchId, this.outlineOf(batchId)?.keys ?? [])
    for (const known of this.#batches.values()) {
      const { frozen, batch, vote } = known
      if (vote) continue
      const kept = [...frozen.heights].map(([key, height]) => [key, Math.min(height, logs.heightOf(key))] as const)
      const heights = new Map(kept.filter(([, height]) => height > 0))
      known.frozen = { heights, pending: [...idsAbove(frozen, batch.keys, heights, this.#logs)].sort() }
    }
    this.#logs = logs
    this.#execution = this.#newExecution()
    this.#executedTransactions = new Map([...this.#executedTransactions].filter(([, batchId]) => batchId === null || stands.has(batchId)))
    this.#pending = new Map()
    for (const known of this.#batches.values()) {
      if (stands.has(known.batch.id)) continue
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

  /** A batch that has arrived; undefined where it is pruned. What was said of a batch after its execution, to help others, may stand behind the snapshot. */
  #knownOrPast(batchId: Id): KnownBatch | undefined {
    return this.#past.has(batchId) ? undefined : this.#must(batchId)
  }

  #must(batchId: Id): KnownBatch {
    const known = this.#batches.get(batchId)
    invariant(known, `batch ${batchId} arrived before anything else was recorded of it`)
    return known
  }
}
