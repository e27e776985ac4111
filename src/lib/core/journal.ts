/**
 * The journal: all that a signer must not forget, as its records left it. `apply` is the only way in, for live records and for those read back
 * at a restart alike, so that a restarted signer is exactly who it was; `restore` takes in what a snapshot kept of records that are pruned. Owns what
 * is known of each batch; nothing volatile.
 */
import type { Id } from '../base/bytes.js'
import { invariant, unreachable } from '../base/errors.js'
import { type Certificate, certifiedValue } from './certificate.js'
import { Epochs } from './epochs.js'
import { ExecutedTransactions } from './executed-transactions.js'
import { Execution, type WaitingFor } from './execution.js'
import { KeyLogs } from './key-logs.js'
import type { KnownBatch } from './known-batch.js'
import type { Manifest } from './manifest.js'
import { Pending } from './pending.js'
import type { DurableRecord } from './record.js'
import { ALL_RULES, type Rules } from './rules.js'
import { Sequences } from './sequences.js'
import { type PastBatch, pastBatchOf, type Snapshot } from './snapshot.js'
import type { ExecutedBatch } from './steppable.js'
import type { Value } from './tally.js'
import { type Batch, type BatchOutline, isChange } from './transaction.js'
import { freezeView, type Heights, idsAbove } from './view.js'

export class Journal {
  #logs: KeyLogs
  readonly #epochs: Epochs
  readonly #rules: Rules
  readonly #batches = new Map<Id, KnownBatch>()
  #pending: Pending
  readonly #undecided = new Set<Id>()
  /** The change that was executed in the present epoch. */
  #end: Id | undefined
  readonly #sequences = new Sequences()
  #executedTransactions: ExecutedTransactions
  /** Executed batches that are pruned: the first ones of `logs.executed`. */
  readonly #past = new Map<Id, { initiator: number; isFast: boolean | null }>()
  #execution: Execution
  /** Whether this signer was let back in after it had lost records. */
  hasRejoined = false

  constructor(manifest: Manifest, rules: Rules = ALL_RULES) {
    this.#epochs = new Epochs(manifest)
    this.#rules = rules
    this.#logs = new KeyLogs(manifest.clusterId)
    this.#pending = new Pending(rules.changesConflict)
    this.#executedTransactions = new ExecutedTransactions()
    this.#execution = this.#newExecution()
  }

  #newExecution(): Execution {
    const committed = (id: Id) => {
      const known = this.#batches.get(id)
      return known?.committed && { id, keys: known.batch.keys, value: known.committed.value }
    }
    const arrived = (ids: readonly Id[]) => [...this.#batches.keys()].filter((id) => ids.includes(id))
    const { changesEnd } = this.#rules
    const end = { isOver: changesEnd && this.#end !== undefined, changesEnd }
    return new Execution(this.#logs, committed, this.#rules.rankedPairs ? undefined : arrived, end)
  }

  /** The manifest of the present epoch. */
  get manifest(): Manifest {
    return this.#epochs.manifest
  }

  /** The epochs gone through. */
  get epochs(): Pick<Epochs, 'manifestOf' | 'changes'> {
    return this.#epochs
  }

  /** The change that was executed in the present epoch and ends it. */
  get end(): Id | undefined {
    return this.#end
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
      case 'epoch':
        this.#beginEpoch()
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
    return this.logs.placeOf(batchId) !== undefined
  }

  /** Batches that arrived and are not committed. */
  get undecided(): ReadonlySet<Id> {
    return this.#undecided
  }

  /** Committed batches that are not executed yet, and why. */
  get waiting(): ReadonlyMap<Id, WaitingFor> {
    return this.#execution.waiting
  }

  /** Arrived and not executed batches that conflict with one with these keys; and the change that ends the epoch, if it is executed. */
  pendingOn(keys: readonly string[]): Set<Id> {
    return this.#pending.on(keys)
  }

  /** The keys over which a batch with these conflicts: just these, or, where it is a change, all that have a history. */
  scopeOf(keys: readonly string[]): readonly string[] {
    return this.#isForAll(keys) ? this.logs.keys() : keys
  }

  /** Executed batches that conflict with one with these keys and stand above these heights. */
  *executedAbove(keys: readonly string[], heights: Heights): Iterable<Id> {
    yield* this.logs.above(this.scopeOf(keys), heights)
    if (this.#isForAll(keys)) yield* this.keyless()
  }

  /** Batches without keys that were executed in the present epoch. */
  keyless(): Id[] {
    const last = this.#epochs.changes.at(-1)
    const { executed } = this.logs
    return executed.slice(last ? executed.indexOf(last.batchId) + 1 : 0).filter((id) => this.logs.heightsOf(id)?.size === 0)
  }

  /** Batches of earlier epochs that were not executed in them, and are not any more. */
  leftOver(): KnownBatch[] {
    return [...this.#batches.values()].filter(({ batch }) => batch.epoch < this.manifest.epoch && !this.isExecuted(batch.id))
  }

  #isForAll(keys: readonly string[]): boolean {
    return this.#rules.changesConflict && isChange(keys)
  }

  /** One more than the highest sequence number that arrived from an initiator. */
  nextSequence(initiator: number): number {
    return this.#sequences.next(this.manifest.epoch, initiator)
  }

  /** The batch that arrived (first) with this sequence number. */
  bySequence(initiator: number, sequence: number): Id | undefined {
    return this.#sequences.first({ epoch: this.manifest.epoch, initiator, sequence })
  }

  hasExecuted(txId: Id): boolean {
    return this.#executedTransactions.has(txId)
  }

  /** Everything but the past: what is known of batches that are not executed, and the numbers that are used up. Live objects: to be encoded at once. */
  snapshot(): Snapshot {
    // What was decided in an earlier epoch and not executed says where its end stands: others may still need it.
    const isKept = ({ batch, committed }: KnownBatch) => batch.epoch === this.manifest.epoch || committed
    const open = [...this.#batches.values()].filter((known) => !this.isExecuted(known.batch.id) && isKept(known))
    const changes = [...this.#epochs.changes]
    return { executed: this.logs.executed.length, hasRejoined: this.hasRejoined, changes, sequences: this.#sequences.used, open }
  }

  /**
   * Takes the place of the records up to a snapshot, in an empty journal. `past`: all that was executed until then, in this order. `keyless`: transactions
   * without keys beside those in it, with their batch where it is known.
   */
  restore(
    past: Iterable<PastBatch>,
    { executed, hasRejoined, changes, sequences, open }: Snapshot,
    keyless: Iterable<readonly [Id, Id | null]> = [],
  ): void {
    for (const batch of past) {
      const { id, initiator, isFast, keys } = batch
      this.logs.append(id, keys)
      const place = this.#past.size
      this.#past.set(id, { initiator, isFast })
      for (const { txId } of [...batch.transactions, ...batch.keyless]) this.#executedTransactions.add(txId, place)
    }
    for (const [txId, batchId] of keyless) this.#executedTransactions.add(txId, this.logs.placeOf(batchId ?? '') ?? null)
    invariant(this.logs.executed.length === executed, 'a snapshot goes with the past up to it')
    this.hasRejoined = hasRejoined
    for (const change of changes) this.#epochs.begin(change)
    this.#sequences.restore(sequences)
    for (const known of open) this.#enter(known)
    for (const known of open) for (const held of [known.lock, known.committed]) if (held) held.value = this.#valueOf(known, held.certificate)
    // Once all values are there: what one batch waits for follows from others'.
    for (const known of open) {
      if (!known.committed || known.batch.epoch !== this.manifest.epoch) continue
      this.#undecided.delete(known.batch.id)
      invariant(this.#execution.commit(known.batch.id).length === 0, 'what could be executed was executed before the snapshot')
    }
  }

  /**
   * Prunes the first `executed` batches of the log, all of them executed: their places in the logs and the ids of their transactions stay. Returns
   * those that were not pruned before, in order.
   */
  prune(executed: number): PastBatch[] {
    const from = this.#past.size
    return this.logs.executed.slice(from, executed).map((batchId, i) => {
      const { batch, committed } = this.#must(batchId)
      const isFast = committed?.certificate.type === 'fast'
      this.#sequences.pruned(batch)
      this.#batches.delete(batchId)
      this.#past.set(batchId, { initiator: batch.initiator, isFast })
      return pastBatchOf(batch, isFast, this.#executedTransactions.firstIn(batch, from + i))
    })
  }

  /** Another journal, with what is pruned and nothing else. */
  pastAlone(): Journal {
    const journal = new Journal(this.#epochs.first, this.#rules)
    for (const change of this.#epochs.changes) if (this.#past.has(change.batchId)) journal.#epochs.begin(change)
    for (const [batchId, outline] of this.#past) {
      journal.#logs.append(batchId, this.outlineOf(batchId)?.keys ?? [])
      journal.#past.set(batchId, outline)
    }
    journal.#executedTransactions = this.#executedTransactions.upTo(this.#past.size)
    return journal
  }

  #arrive(batch: Batch): void {
    if (this.hasArrived(batch.id)) return
    const pending = [...this.pendingOn(batch.keys), ...(this.#isForAll(batch.keys) ? this.keyless() : [])]
    this.#enter({ batch, frozen: freezeView(this.scopeOf(batch.keys), pending, this.logs), promised: 0, orders: new Map() })
  }

  #enter(known: KnownBatch): void {
    const { batch } = known
    this.#batches.set(batch.id, known)
    if (batch.epoch === this.manifest.epoch) this.#await(batch)
    this.#sequences.arrived(batch)
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
    const logs = new KeyLogs(this.manifest.clusterId)
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
    this.#epochs.keep((batchId) => stands.has(batchId))
    if (this.#end && !stands.has(this.#end)) this.#end = undefined
    this.#execution = this.#newExecution()
    this.#executedTransactions = this.#executedTransactions.upTo(stands.size)
    this.#awaitAll((known) => {
      delete known.committed
      delete known.lock
    })
  }

  /** The executed change takes effect. What is not executed by now stays known, and is nobody's business any more. */
  #beginEpoch(): void {
    const change = this.#must(this.#end ?? '').batch
    const [transaction] = change.transactions
    invariant(transaction, 'a batch holds transactions')
    this.#epochs.begin({ batchId: change.id, transaction })
    this.#end = undefined
    this.#execution = this.#newExecution()
    this.#awaitAll(() => {})
  }

  /** What is undecided, and pending, in the present epoch. */
  #awaitAll(undo: (known: KnownBatch) => void): void {
    this.#undecided.clear()
    this.#pending = new Pending(this.#rules.changesConflict)
    for (const known of this.#batches.values()) {
      const { batch } = known
      if (this.#end === batch.id) this.#pending.add(batch)
      if (this.isExecuted(batch.id)) continue
      undo(known)
      if (batch.epoch === this.manifest.epoch) this.#await(batch)
    }
  }

  #await(batch: Batch): void {
    this.#undecided.add(batch.id)
    this.#pending.add(batch)
  }

  #valueOf(known: KnownBatch, certificate: Certificate): Value {
    const value = certifiedValue(this.#epochs.manifestOf(certificate.epoch) ?? this.manifest, certificate, known.batch.keys, this.logs)
    invariant(typeof value === 'object' && 'predecessors' in value, 'a recorded certificate commits a value')
    return value
  }

  #executed(batchId: Id): ExecutedBatch {
    const { batch, committed } = this.#must(batchId)
    invariant(committed, 'only committed batches are executed')
    this.#pending.executed(batch)
    if (isChange(batch.keys)) this.#end ??= batchId
    const place = this.logs.placeOf(batchId)
    invariant(place !== undefined, 'what is executed stands in the logs')
    const skipped = this.#executedTransactions.execute(batch, place)
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
