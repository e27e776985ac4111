/**
 * What a state machine that others wrote made of the latest transactions: receipts and digests, short, so that whoever asks several signers finds the first transaction that one of them understood
 * otherwise. Owns how these are kept and told; comparing is done in `cluster/machine-agreement.ts`.
 *
 * Transactions without a common key may come in another order at another signer. So a digest is told with the sum of all transactions that were executed up to there: digests are comparable at
 * equal sums, receipts where the logs of the transaction's keys are equal up to it.
 */
import { fromHex, type Id, toHex, utf8 } from '../base/bytes.js'
import { sha256 } from '../base/hash.js'
import type { KeyLogs } from '../core/key-logs.js'
import { canonicalJson, type Json } from '../machine/json.js'
import type { Receipt } from '../machine/state-machine.js'

/** One transaction as a signer tells of it. */
export interface HistoryEntry {
  txId: Id
  batchId: Id
  index: number
  /** Equal where the logs of its keys are, up to its batch; empty without keys. */
  order: string
  /** Of its receipt. */
  receipt: string
  /** Of the state after it, where it was looked at. */
  digest: Id | null
}

/** The answer to GET /api/machine. */
export interface HistoryAnswer {
  name: string
  /** Whether `transactions` are all that were ever executed. */
  isWhole: boolean
  /** The exclusive or of the ids of all transactions executed before those listed, and the digest of the state there where it is known. */
  before: { sum: Id; digest: Id | null }
  transactions: HistoryEntry[]
  /** The same after all of them: now. */
  now: { sum: Id; digest: Id }
}

/** Transactions that are kept. */
const KEPT = 256
/** Bytes of a receipt's digest that are kept: nobody makes receipts to have them taken for others. */
const SHORT = 8

interface Kept extends Omit<HistoryEntry, 'order'> {
  heights: ReadonlyMap<string, number>
}

export class MachineHistory {
  readonly #kept: Kept[] = []
  #dropped = false
  #before = new Uint8Array(32)
  #beforeDigest: Id | null
  readonly #sum = new Uint8Array(32)

  /** `digest`: of the state before the first transaction. */
  constructor(digest: Id) {
    this.#beforeDigest = digest
  }

  /** These transactions were executed before, and are kept no more; `digest`: of the state after them. */
  skip(txIds: Iterable<Id>, digest: Id): void {
    for (const txId of txIds) add(this.#sum, txId)
    this.#before.set(this.#sum)
    this.#kept.length = 0
    this.#dropped = true
    this.#beforeDigest = digest
  }

  /** A transaction was executed, as the last one so far. */
  executed(place: { txId: Id; batchId: Id; index: number; heights: ReadonlyMap<string, number> }, receipt: Receipt): void {
    add(this.#sum, place.txId)
    this.#kept.push({ ...place, receipt: toHex(sha256(utf8(canonicalJson(receipt as Json))).subarray(0, SHORT)), digest: null })
    // In portions: to drop one at a time would move all others each time.
    if (this.#kept.length < 2 * KEPT) return
    const old = this.#kept.splice(0, KEPT)
    for (const { txId } of old) add(this.#before, txId)
    this.#beforeDigest = old.at(-1)?.digest ?? null
    this.#dropped = true
  }

  /** Whether nobody has looked at the state after the last transaction. */
  get isUnseen(): boolean {
    return this.#kept.at(-1)?.digest === null
  }

  /** The digest of the state after the last transaction. */
  looked(digest: Id): void {
    const last = this.#kept.at(-1)
    if (last) last.digest = digest
  }

  /** `logs` are at least as far as what was executed; `digest`: of the state now. */
  answer(name: string, logs: KeyLogs, digest: Id): HistoryAnswer {
    const orders = new Map<ReadonlyMap<string, number>, string>()
    const orderOf = (heights: ReadonlyMap<string, number>) => {
      const order = orders.get(heights) ?? orderAt(logs, heights)
      orders.set(heights, order)
      return order
    }
    return {
      name,
      isWhole: !this.#dropped,
      before: { sum: toHex(this.#before), digest: this.#beforeDigest },
      transactions: this.#kept.map(({ heights, ...entry }) => ({ ...entry, order: orderOf(heights) })),
      now: { sum: toHex(this.#sum), digest },
    }
  }
}

/** Heads bind all that came before them on their keys. */
function orderAt(logs: KeyLogs, heights: ReadonlyMap<string, number>): string {
  const heads = [...heights].map(([key, height]) => `${key}\0${toHex(logs.headOf(key, height))}`)
  return heads.length === 0 ? '' : toHex(sha256(utf8(heads.sort().join('\0'))).subarray(0, SHORT))
}

function add(sum: Uint8Array, txId: Id): void {
  const bytes = fromHex(txId)
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) ^ (bytes[i] ?? 0)
}
