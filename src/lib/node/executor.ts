/**
 * The executor: feeds executed batches to the state machine, in order, and keeps what came of each transaction. Owns receipts by txId, those who wait for
 * one, and subscribers. Where a batch stands is decided in the core; how an answer looks, in `answers.ts`.
 *
 * What came of each is known for ever, how it is kept is `outcomes.ts`; a restart makes it anew from the records, or finds it beside the snapshot.
 */
import { type Id, toHex } from '../base/bytes.js'
import { changeOf } from '../core/change.js'
import type { KeyLogs } from '../core/key-logs.js'
import { Numbers } from '../core/numbers.js'
import type { ExecutedBatch } from '../core/steppable.js'
import { type Batch, isChange, type Transaction } from '../core/transaction.js'
import type { Position, Receipt } from '../machine/state-machine.js'
import { ExecutedLog } from './executed-log.js'
import type { LoadedMachine } from './machine-file.js'
import { type Aside, AsideInMemory, type KeptOutcome, Outcomes } from './outcomes.js'

/** What came of a transaction: its place and its receipt. */
export interface Outcome {
  /** Null where a snapshot of others told of it and it has no keys: then it has no place in a common order. */
  batchId: Id | null
  /** Index within the batch; null with it. */
  index: number | null
  receipt: Receipt
  isKeyless?: true
  /** From the submission here to the execution here; absent where it was submitted to another signer, or before a restart. */
  latencyMs?: number
}

/** What goes with outcomes that are taken back: the state after so many batches, the first ones of the logs. */
interface Restored {
  state: Uint8Array
  executedBatches: number
  logs: Pick<KeyLogs, 'executed' | 'keys' | 'heightOf' | 'heightsOf'>
}

/** Refusals are remembered for those who ask again, the latest so many. */
const REFUSALS_KEPT = 1000
/** Within a batch the state is looked at after each transaction while that has taken no longer than this, milliseconds; after the batch always. */
const LOOKING_MS = 20

export class Executor {
  readonly machine: LoadedMachine
  /** All that was executed, in order; kept where there are sinks. */
  readonly log: ExecutedLog | undefined
  #outcomes: Outcomes
  readonly #aside: Aside
  /** Transactions of batches that arrived and are not executed; a transaction may stand in several. */
  readonly #pending = new Map<Id, Id>()
  /** Transactions that clients gave to this signer and that are not executed yet, by the time of their submission. */
  readonly #submitted = new Map<Id, number>()
  readonly #refused = new Map<Id, string>()
  readonly #waiting = new Map<Id, Set<(txId: Id) => void>>()
  readonly #subscribers = new Set<(txIds: readonly Id[]) => void>()
  readonly #heights = new Map<string, number>()
  /** Batches in the order in which they were applied, and up to where in all outcomes those go that came until the end of each. */
  readonly #batches: Id[] = []
  #ends = new Numbers()
  #digest: { at: number; digest: Id } | undefined

  /** `aside`: where old outcomes are put. */
  constructor(machine: LoadedMachine, { keepsLog = false, aside = new AsideInMemory() as Aside } = {}) {
    this.machine = machine
    this.#aside = aside
    this.#outcomes = new Outcomes(this.#batches, aside)
    this.log = keepsLog ? new ExecutedLog(this) : undefined
  }

  /** A batch has arrived: its transactions are known from now on. */
  arrived(batch: Batch): void {
    for (const txId of batch.txIds) {
      if (!this.#outcomes.has(txId) && !this.#pending.has(txId)) this.#pending.set(txId, batch.id)
    }
  }

  /** A client has given this transaction to this signer. */
  submitted(txId: Id, now: number): void {
    if (!this.#outcomes.has(txId) && !this.#submitted.has(txId)) this.#submitted.set(txId, now)
  }

  refused(txId: Id, reason: string): void {
    this.#submitted.delete(txId)
    const [oldest] = this.#refused.size >= REFUSALS_KEPT ? this.#refused.keys() : []
    if (oldest !== undefined) this.#refused.delete(oldest)
    this.#refused.set(txId, reason)
  }

  /** Forgets a submission that was not taken. */
  dropped(txId: Id): void {
    if (!this.#pending.has(txId)) this.#submitted.delete(txId)
  }

  /**
   * Takes the place of all that was executed: the state that came of it, and what came of each transaction, in their order. Fails as the state machine does, and
   * nothing is changed.
   */
  restore(outcomes: Iterable<readonly [Id, KeptOutcome]>, { state, executedBatches, logs }: Restored): void {
    this.machine.restore(state)
    this.#heights.clear()
    this.#batches.length = 0
    for (const batchId of logs.executed.slice(0, executedBatches)) this.#batches.push(batchId)
    this.#outcomes = new Outcomes(this.#batches, this.#aside)
    this.#ends = new Numbers()
    this.#digest = undefined
    const places = new Map(this.#batches.map((batchId, place) => [batchId, place]))
    for (const [txId, outcome] of outcomes) {
      const place = outcome.batchId === null ? null : (places.get(outcome.batchId) ?? null)
      while (place !== null && this.#ends.length < place) this.#ends.push(this.#outcomes.size)
      this.#outcomes.add(txId, outcome, place)
    }
    while (this.#ends.length < this.#batches.length) this.#ends.push(this.#outcomes.size)
    for (const key of logs.keys()) this.#heights.set(key, logs.heightOf(key))
    this.machine.watch.history?.skip(this.#outcomes.ids(), this.machineDigest)
    this.log?.restored(this.#all(), executedBatches, (batchId) => logs.heightsOf(batchId))
  }

  *#all(): Iterable<readonly [Id, Outcome]> {
    for (const txId of this.#outcomes.ids()) {
      const outcome = this.#outcomes.get(txId)
      if (outcome) yield [txId, outcome]
    }
  }

  /** Applies a batch at its place in the order. `now` is absent where it is read back from the records. */
  execute(executed: ExecutedBatch, now?: number): void {
    const { batch, heights, skipped } = executed
    const { history } = this.machine.watch
    const txIds: Id[] = []
    let lookedMs = 0
    // What is read back is not looked at: where it made another state than elsewhere, that is seen here.
    if (now !== undefined && history?.isUnseen) history.looked(this.machineDigest)
    batch.transactions.forEach((transaction, index) => {
      const txId = batch.txIds[index] ?? ''
      const skip = skipped.get(index)
      if (skip === 'duplicate') return
      const receipt: Receipt =
        skip === 'expired'
          ? { ok: false, reason: 'expired before its place in the order' }
          : this.#apply(transaction, { batchId: batch.id, index, heights, txId })
      history?.executed({ batchId: batch.id, index, heights, txId }, receipt)
      if (history && now !== undefined && lookedMs <= LOOKING_MS && index + 1 < batch.transactions.length) {
        const began = performance.now()
        history.looked(toHex(this.machine.digest()))
        lookedMs += performance.now() - began
      }
      const submitted = this.#submitted.get(txId)
      const latency = now !== undefined && submitted !== undefined ? { latencyMs: now - submitted } : {}
      const isKeyless = transaction.deps.length === 0
      const outcome = { batchId: batch.id, index, receipt, ...(isKeyless && { isKeyless: true as const }), ...latency }
      this.#outcomes.add(txId, outcome, this.#batches.length)
      this.#pending.delete(txId)
      this.#submitted.delete(txId)
      this.#refused.delete(txId)
      txIds.push(txId)
    })
    this.#batches.push(batch.id)
    this.#ends.push(this.#outcomes.size)
    for (const [key, height] of heights) this.#heights.set(key, height)
    if (now !== undefined) history?.looked(this.machineDigest)
    this.log?.add(executed, txIds)
    this.#notify(txIds)
  }

  #apply(transaction: Transaction, position: Position): Receipt {
    // A change of the signers is no affair of the state machine's.
    if (isChange(transaction.deps)) return { ok: true, result: { epoch: changeOf(transaction).epoch } }
    const began = performance.now()
    const receipt = this.machine.apply(transaction, position)
    this.machine.watch.applied(position.txId, performance.now() - began)
    return receipt
  }

  outcome(txId: Id): Outcome | undefined {
    return this.#outcomes.get(txId)
  }

  /** The batch in which a transaction waits, null while it has none yet; undefined if it is not waiting. */
  pendingBatch(txId: Id): Id | null | undefined {
    return this.#pending.get(txId) ?? (this.#submitted.has(txId) ? null : undefined)
  }

  refusal(txId: Id): string | undefined {
    return this.#refused.get(txId)
  }

  /** All transactions known here that begin with these digits. */
  *beginningWith(prefix: string): Iterable<Id> {
    const wanted = prefix.toLowerCase()
    yield* this.#outcomes.beginningWith(wanted)
    for (const known of [this.#pending, this.#submitted, this.#refused]) for (const txId of known.keys()) if (txId.startsWith(wanted)) yield txId
  }

  /** The latest transactions, newest first, those that wait before those that are executed. */
  latest(limit: number): Id[] {
    const waiting = [...new Set([...this.#pending.keys(), ...this.#submitted.keys()])]
    const newest = waiting.slice(-limit).reverse()
    if (newest.length >= limit) return newest
    const { size } = this.#outcomes
    return [...newest, ...[...this.#outcomes.ids(Math.max(0, size - (limit - newest.length)))].reverse()]
  }

  /** The height of each key up to which batches were applied: the key logs are ahead while what led there is being written. */
  get heights(): ReadonlyMap<string, number> {
    return this.#heights
  }

  get executedBatches(): number {
    return this.#batches.length
  }

  /** The batch that was applied at a place from 0 on, and the transactions that were executed first in it. */
  appliedAt(place: number): { batchId: Id; txIds: Id[] } | undefined {
    const batchId = this.#batches[place]
    if (batchId === undefined) return undefined
    const ids = [...this.#outcomes.ids(place === 0 ? 0 : this.#ends.at(place - 1), this.#ends.at(place))]
    // Behind those of a batch from another's snapshot stand some that have no place.
    return { batchId, txIds: ids.filter((txId) => this.#outcomes.get(txId)?.batchId === batchId) }
  }

  get executedTransactions(): number {
    return this.#outcomes.size
  }

  get waitingTransactions(): number {
    return this.#submitted.size
  }

  /** The digest of the state machine, worked out at most once for each state. */
  get machineDigest(): Id {
    if (this.#digest?.at !== this.executedBatches) this.#digest = { at: this.executedBatches, digest: toHex(this.machine.digest()) }
    return this.#digest.digest
  }

  /** Resolves once all of these are executed, after `timeoutMs` or when `signal` aborts. */
  async wait(txIds: readonly Id[], timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const missing = new Set(txIds.filter((txId) => !this.#outcomes.has(txId)))
    if (missing.size === 0 || timeoutMs <= 0 || signal?.aborted) return
    await new Promise<void>((resolve) => {
      const heard = (txId: Id) => {
        missing.delete(txId)
        if (missing.size === 0) end()
      }
      const end = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        for (const txId of missing) this.#forget(txId, heard)
        resolve()
      }
      const timer = setTimeout(end, timeoutMs)
      signal?.addEventListener('abort', end)
      for (const txId of missing) {
        const waiters = this.#waiting.get(txId)
        if (waiters) waiters.add(heard)
        else this.#waiting.set(txId, new Set([heard]))
      }
    })
  }

  #forget(txId: Id, waiter: (txId: Id) => void): void {
    const waiters = this.#waiting.get(txId)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.#waiting.delete(txId)
  }

  /** Hears of the transactions of each batch as it is executed; returns what ends it. */
  subscribe(listener: (txIds: readonly Id[]) => void): () => void {
    this.#subscribers.add(listener)
    return () => this.#subscribers.delete(listener)
  }

  #notify(txIds: readonly Id[]): void {
    for (const txId of txIds) {
      const waiters = this.#waiting.get(txId)
      this.#waiting.delete(txId)
      for (const heard of waiters ?? []) heard(txId)
    }
    if (txIds.length > 0) for (const listener of this.#subscribers) listener(txIds)
  }
}
