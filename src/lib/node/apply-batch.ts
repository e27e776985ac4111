/** What follows when a batch is executed at a signer or a peer: its state machine applies it, and metrics and log tell of it. */
import type { Logger } from 'pino'
import type { ExecutedBatch } from '../core/steppable.js'
import type { Executor } from './executor.js'
import type { Metrics } from './metrics.js'

/** Transactions named in a line of the log. */
const LOGGED_IDS = 32

/** Applies a batch at its place. */
export function applyBatch({ executor, metrics, log }: { executor: Executor; metrics: Metrics; log: Logger }, executed: ExecutedBatch): void {
  const { batch, certificate, skipped } = executed
  executor.execute(executed, performance.now())
  const { txIds } = batch
  const fresh = txIds.filter((_, i) => skipped.get(i) !== 'duplicate')
  metrics.executed(
    executed,
    fresh.flatMap((txId) => executor.outcome(txId) ?? []),
  )
  log.info({ batchId: batch.id, txIds: txIds.slice(0, LOGGED_IDS), transactions: txIds.length, path: certificate.type }, 'executed')
}
