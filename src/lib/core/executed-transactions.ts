/** Which transactions are executed, each in which batch, so that none is executed twice; with what of a batch is passed over for that, or because it came too late. */
import type { Id } from '../base/bytes.js'
import { type Batch, transactionId } from './transaction.js'

export class ExecutedTransactions {
  readonly #clusterId: Id
  /** The batch in which each was executed; null: one without keys that came in another signer’s snapshot. */
  #batchOf = new Map<Id, Id | null>()

  constructor(clusterId: Id) {
    this.#clusterId = clusterId
  }

  has(txId: Id): boolean {
    return this.#batchOf.has(txId)
  }

  add(txId: Id, batchId: Id | null): void {
    this.#batchOf.set(txId, batchId)
  }

  /** Takes the transactions of a batch in that are executed first in it; by index those that are passed over, and why. */
  execute(batch: Batch): Map<number, 'duplicate' | 'expired'> {
    const skipped = new Map<number, 'duplicate' | 'expired'>()
    batch.transactions.forEach((transaction, index) => {
      const txId = transactionId(this.#clusterId, transaction)
      if (this.has(txId)) {
        skipped.set(index, 'duplicate')
        return
      }
      // The batch's own time, not a clock: everyone comes to the same answer.
      if (transaction.expiry !== null && batch.time > transaction.expiry) skipped.set(index, 'expired')
      this.add(txId, batch.id)
    })
    return skipped
  }

  /** The transactions that were executed first in this batch, with their index. */
  firstIn(batch: Batch): { txId: Id; index: number }[] {
    const txIds = batch.transactions.map((transaction) => transactionId(this.#clusterId, transaction))
    return txIds.flatMap((txId, index) => (this.#batchOf.get(txId) === batch.id && txIds.indexOf(txId) === index ? [{ txId, index }] : []))
  }

  /** The same of some batches alone; those whose batch is not known stay. */
  of(isKept: (batchId: Id) => boolean): ExecutedTransactions {
    const kept = new ExecutedTransactions(this.#clusterId)
    for (const [txId, batchId] of this.#batchOf) if (batchId === null || isKept(batchId)) kept.add(txId, batchId)
    return kept
  }
}
