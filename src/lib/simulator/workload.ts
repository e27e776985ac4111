/** What clients do in a run: which transactions, on which keys, when, at which signer; and which of them wait for an earlier one's answer. */
import { compareText, type Id } from '../base/bytes.js'
import type { SeededRandom } from '../base/prng.js'
import { type Transaction, transactionId } from '../core/transaction.js'
import { INVALID_PAYLOAD } from './mixing-machine.js'
import type { Scenario } from './scenario.js'

/** One transaction of the plan. */
export interface PlannedTransaction {
  transaction: Transaction
  txId: Id
  /** Not submitted before this time, */
  atMs: number
  /** nor before this one (an index of the plan) was acknowledged. */
  after: number | null
  /** Where it is tried first. */
  signer: number
}

/** The transactions of a run, in the order in which they are due. */
export function planWorkload(scenario: Scenario, clusterId: Id, random: SeededRandom): PlannedTransaction[] {
  const { txs, windowMs, n } = scenario
  const times = Array.from({ length: txs }, () => random.fraction() * windowMs).sort((a, b) => a - b)
  return times.map((atMs, i) => {
    const transaction: Transaction = {
      deps: keysOf(scenario, i, random),
      payload: random.fraction() < scenario.invalid ? INVALID_PAYLOAD : random.bytes(24),
      client: null,
      nonce: random.bytes(16),
      expiry: null,
      signature: null,
    }
    // A client that goes on after an answer: what it submits then has to stand behind.
    const after = i > 0 && random.upTo(4) === 0 ? random.upTo(i - 1) : null
    return { transaction, txId: transactionId(clusterId, transaction), atMs, after, signer: random.upTo(n - 1) }
  })
}

/** Hot keys, sometimes two or none, or a key of its own; sometimes both. */
function keysOf({ contention, hotKeys }: Scenario, index: number, random: SeededRandom): string[] {
  const own = `own:${index}`
  if (random.fraction() >= contention) return random.upTo(15) === 0 ? [] : [own]
  const hot = () => `hot:${random.upTo(hotKeys - 1)}`
  const keys = random.upTo(3) === 0 ? [hot(), hot()] : random.upTo(7) === 0 ? [hot(), own] : [hot()]
  return [...new Set(keys)].sort(compareText)
}
