/**
 * A node's log of executed transactions, in the order in which its state machine took them: what sinks are fed from. Owns the ids of all of them, the heights
 * of their batches and, until they are pruned, their bodies. Nothing is copied: all of it is kept elsewhere anyway. Receipts are the executor's.
 */
import type { Id } from '../base/bytes.js'
import { invariant } from '../base/errors.js'
import type { Certificate } from '../core/certificate.js'
import type { ExecutedBatch } from '../core/steppable.js'
import type { Batch, Transaction } from '../core/transaction.js'
import type { Executor, Outcome } from './executor.js'

/** One executed transaction with all that is known of it. */
export interface ExecutedTransaction {
  txId: Id
  transaction: Transaction
  batch: Batch
  /** The heights of its batch on the batch's keys. */
  heights: ReadonlyMap<string, number>
  certificate: Certificate
  outcome: Outcome & { index: number }
}

/** A batch of which a transaction is in the log. */
interface Entry {
  /** The place in the log of its first transaction. */
  first: number
  heights: ReadonlyMap<string, number>
  /** Absent where it is pruned. `before`: how many batches were executed before it. */
  body?: { batch: Batch; certificate: Certificate; before: number }
}

export class ExecutedLog {
  readonly #executor: Pick<Executor, 'outcome' | 'heights'>
  readonly #ids: Id[] = []
  /** Oldest first; pruned ones come before all others. */
  readonly #entries: Entry[] = []
  readonly #waiting = new Set<() => void>()
  #batches = 0
  /** Entries that are pruned. */
  #pruned = 0

  constructor(executor: Pick<Executor, 'outcome' | 'heights'>) {
    this.#executor = executor
  }

  /** How many transactions were executed. */
  get size(): number {
    return this.#ids.length
  }

  /** The place of the first transaction whose body is kept: of those before it only ids, heights and receipts are. */
  get begin(): number {
    return this.#entries[this.#pruned]?.first ?? this.size
  }

  /** Takes the place of the batches that were executed up to a snapshot. `heightsOf`: their heights on their keys. */
  restored(
    outcomes: Iterable<readonly [Id, Outcome]>,
    executedBatches: number,
    heightsOf: (batchId: Id) => ReadonlyMap<string, number> | undefined,
  ): void {
    invariant(this.#batches === 0, 'a snapshot comes before everything else')
    let last: Id | null | undefined
    for (const [txId, { batchId }] of outcomes) {
      if (batchId !== last) this.#entries.push({ first: this.size, heights: heightsOf(batchId ?? '') ?? new Map() })
      this.#ids.push(txId)
      last = batchId
    }
    this.#pruned = this.#entries.length
    this.#batches = executedBatches
  }

  /** The state machine has taken a batch; `txIds`: those of its transactions that were not executed before. */
  add({ batch, heights, certificate }: ExecutedBatch, txIds: readonly Id[]): void {
    const body = { batch, certificate, before: this.#batches++ }
    if (txIds.length > 0) this.#entries.push({ first: this.size, heights, body })
    for (const txId of txIds) this.#ids.push(txId)
    for (const wake of [...this.#waiting]) wake()
  }

  /** The bodies of the first so many batches are not kept any more. */
  prune(batches: number): void {
    for (let entry = this.#entries[this.#pruned]; entry?.body && entry.body.before < batches; entry = this.#entries[this.#pruned]) {
      delete entry.body
      this.#pruned++
    }
  }

  /** How many transactions of the log stand in the first so many batches, which are more than are pruned. */
  countOf(batches: number): number {
    for (let i = this.#pruned; i < this.#entries.length; i++) {
      const entry = this.#entries[i]
      if (entry?.body && entry.body.before >= batches) return entry.first
    }
    return this.size
  }

  idAt(place: number): Id {
    const txId = this.#ids[place]
    invariant(txId !== undefined, 'a place within the log')
    return txId
  }

  /** What was executed at a place. The body must be kept there. */
  at(place: number): ExecutedTransaction {
    const { heights, body } = this.#entryOf(place)
    const txId = this.idAt(place)
    const outcome = this.outcomeOf(txId)
    const index = outcome.index ?? -1
    const transaction = body?.batch.transactions[index]
    invariant(body && transaction && outcome.batchId === body.batch.id, 'a body that is kept, and a transaction in it')
    return { txId, transaction, batch: body.batch, heights, certificate: body.certificate, outcome: { ...outcome, index } }
  }

  /** The heights of the batch at a place on the batch's keys. */
  heightsAt(place: number): ReadonlyMap<string, number> {
    return this.#entryOf(place).heights
  }

  /** What came of a transaction of the log. */
  outcomeOf(txId: Id): Outcome {
    const outcome = this.#executor.outcome(txId)
    invariant(outcome, 'an executed transaction has an outcome')
    return outcome
  }

  /** How many batches were executed on a key. */
  heightOf(key: string): number {
    return this.#executor.heights.get(key) ?? 0
  }

  /** Resolves once the log is longer than `size`, or when `signal` aborts. */
  async grown(size: number, signal: AbortSignal): Promise<void> {
    while (this.size <= size && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        this.#waiting.add(wake)
        signal.addEventListener('abort', wake)
      })
    }
  }

  /** The last entry that begins at or before a place. */
  #entryOf(place: number): Entry {
    let [low, high] = [0, this.#entries.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.#entries[middle]?.first ?? 0) <= place) low = middle
      else high = middle - 1
    }
    const entry = this.#entries[low]
    invariant(entry && place < this.size, 'a place within the log')
    return entry
  }
}
