/** Which transactions are executed, each in which batch, so that none is executed twice; with what of a batch is passed over for that, or because it came too late. */
import type { Id } from '../base/bytes.js'
import { IdTable } from './id-table.js'
import type { Batch } from './transaction.js'

/** In the place of a batch: it is not known. */
const NOWHERE = 2 ** 32 - 1

export class ExecutedTransactions {
  /** By the place of the batch in which each was executed, in the order of execution; `NOWHERE`: one without keys that came in another signer’s snapshot. */
  readonly #placeOf = new IdTable()

  has(txId: Id): boolean {
    return this.#placeOf.has(txId)
  }

  /** `place`: of its batch among all that were executed; null where it is not known. */
  add(txId: Id, place: number | null): void {
    this.#placeOf.set(txId, place ?? NOWHERE)
  }

  /** Takes the transactions of the batch at a place in that are executed first in it; by index those that are passed over, and why. */
  execute(batch: Batch, place: number): Map<number, 'duplicate' | 'expired'> {
    const skipped = new Map<number, 'duplicate' | 'expired'>()
    batch.transactions.forEach((transaction, index) => {
      const txId = batch.txIds[index] ?? ''
      if (this.has(txId)) {
        skipped.set(index, 'duplicate')
        return
      }
      // The batch's own time, not a clock: everyone comes to the same answer.
      if (transaction.expiry !== null && batch.time > transaction.expiry) skipped.set(index, 'expired')
      this.add(txId, place)
    })
    return skipped
  }

  /** The transactions that were executed first in the batch at this place, with their index. */
  firstIn(batch: Batch, place: number): { txId: Id; index: number }[] {
    const seen = new Set<Id>()
    return batch.txIds.flatMap((txId, index) => {
      if (this.#placeOf.get(txId) !== place || seen.has(txId)) return []
      seen.add(txId)
      return [{ txId, index }]
    })
  }

  /** The same of the first so many batches alone; those whose batch is not known stay. */
  upTo(batches: number): ExecutedTransactions {
    const kept = new ExecutedTransactions()
    for (const [txId, place] of this.#placeOf.entries()) if (place === NOWHERE || place < batches) kept.#placeOf.set(txId, place)
    return kept
  }
}
