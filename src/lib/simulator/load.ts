/**
 * A run under load: signers that each always have one batch under way, and what came of it. Owns who submits what after what, and what is measured
 * between the moment when all of them have had their first answer and the one when the first has had its last.
 */
import type { Id } from '../base/bytes.js'
import type { SeededRandom } from '../base/prng.js'
import { type Transaction, transactionId } from '../core/transaction.js'
import type { TransactionHistory } from './history.js'
import { quantile } from './quantile.js'
import { BUNDLED_BYTES, type Scenario } from './scenario.js'
import type { PlannedTransaction } from './workload.js'
import type { Costs } from './world.js'

/** What a run under load reached. */
export interface Load {
  /** Executed in a virtual second, as the clients were told. */
  txsPerSecond: number
  batchesPerSecond: number
  /** From submission to execution at the signer that was asked. */
  latencyMs: number
  p95Ms: number
  /** What the busiest signers sent, in Mbit a second, and the share of its time for which the busiest core worked. */
  uplinkMbit: number
  cpuShare: number
  /** Virtual milliseconds and batches that were measured. */
  measuredMs: number
  batches: number
}

/**
 * The batches of a run under load, in turns: one of each signer, then the next of each. A bundle travels as one transaction of its size: signers sign and order
 * batches, and what is in one only has to be carried.
 */
export function planLoad({ n, load, turns, bundle, windowMs }: Scenario, clusterId: Id, random: SeededRandom): PlannedTransaction[] {
  const signers = Array.from({ length: n }, (_, i) => ({ i, at: random.fraction() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, load)
  return Array.from({ length: turns * load }, (_, index) => {
    const transaction: Transaction = {
      deps: [`load:${index}`],
      payload: random.bytes(bundle * BUNDLED_BYTES),
      client: null,
      nonce: random.bytes(16),
      expiry: null,
      signature: null,
    }
    const isFirst = index < load
    return {
      transaction,
      txId: transactionId(clusterId, transaction),
      atMs: isFirst ? random.fraction() * windowMs : 0,
      after: isFirst ? null : index - load,
      signer: signers[index % load]?.i ?? 0,
    }
  })
}

/** What was reached; null where too little was executed for it. `all`: in the order of the plan’s submissions; `busiest`: most of each cost in the whole run. */
export function measureLoad({ load, bundle }: Scenario, all: Iterable<TransactionHistory>, busiest: Costs): Load | null {
  const done = [...all].flatMap(({ keys, submittedAt, acknowledgedAt }) => {
    const index = Number(keys[0]?.split(':')[1])
    return acknowledgedAt === undefined || !Number.isInteger(index) ? [] : [{ chain: index % load, submittedAt, acknowledgedAt }]
  })
  const chains = Array.from({ length: load }, (_, chain) => done.filter((one) => one.chain === chain).map((one) => one.acknowledgedAt))
  const from = Math.max(...chains.map((times) => Math.min(...times)))
  const until = Math.min(...chains.map((times) => Math.max(...times)))
  const measured = done.filter(({ acknowledgedAt }) => acknowledgedAt > from && acknowledgedAt <= until)
  if (measured.length === 0) return null
  const batchesPerSecond = (measured.length * 1000) / (until - from)
  const latencies = measured.map(({ submittedAt, acknowledgedAt }) => acknowledgedAt - submittedAt)
  // Work of the whole run, for each of its batches: what comes before and after the measured time is work for batches too.
  const perBatch = (cost: number) => cost / done.length
  return {
    txsPerSecond: batchesPerSecond * bundle,
    batchesPerSecond,
    latencyMs: quantile(latencies, 0.5),
    p95Ms: quantile(latencies, 0.95),
    uplinkMbit: (perBatch(busiest.bytes) * batchesPerSecond * 8) / 1e6,
    cpuShare: (perBatch(busiest.workMs) * batchesPerSecond) / 1000,
    measuredMs: until - from,
    batches: measured.length,
  }
}
