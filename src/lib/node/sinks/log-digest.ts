/**
 * The digest of the beginning of a node's log of executed transactions: SHA-256 over a tag, the clusterId, and txId ‖ batchId of each transaction in order.
 * Equal exactly where two logs begin with the same transactions, in the same batches and the same order.
 */
import { createHash, type Hash } from 'node:crypto'
import { fromHex, type Id } from '../../base/bytes.js'
import type { ExecutedLog } from '../executed-log.js'

const TAG = 'musig/v1/executed-log\0'
/** A transaction without keys has no batch at a peer that began from a snapshot after it. */
const NO_BATCH = '0'.repeat(64)
/** Transactions that are taken in before others get their turn. */
const SLICE = 5_000

export class LogDigest {
  readonly #log: ExecutedLog
  readonly #hash: Hash
  #count: number

  private constructor(log: ExecutedLog, hash: Hash, count: number) {
    this.#log = log
    this.#hash = hash
    this.#count = count
  }

  /** That of no transactions. */
  static empty(log: ExecutedLog, clusterId: Id): LogDigest {
    return new LogDigest(log, createHash('sha256').update(TAG).update(fromHex(clusterId)), 0)
  }

  /** How many transactions are in it. */
  get count(): number {
    return this.#count
  }

  /** Takes in the next transaction of the log. */
  next(): void {
    const txId = this.#log.idAt(this.#count++)
    this.#hash.update(txId, 'hex').update(this.#log.outcomeOf(txId).batchId ?? NO_BATCH, 'hex')
  }

  /** Takes in all of the first so many transactions, letting others have their turn meanwhile. */
  async upTo(count: number): Promise<void> {
    while (this.#count < count) {
      for (const end = Math.min(count, this.#count + SLICE); this.#count < end; ) this.next()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  copy(): LogDigest {
    return new LogDigest(this.#log, this.#hash.copy(), this.#count)
  }

  /** In hex. */
  get value(): Id {
    return this.#hash.copy().digest('hex')
  }
}
