/** What a report holds of transactions of a running cluster: why each stands where it does, what it says, and the pictures of its batch. Asking goes through the ports of `live-batch`. */
import { MusigError } from '../base/errors.js'
import type { BatchDescription } from '../core/describe.js'
import type { Verifying } from './batch-signatures.js'
import { type Asking, livePictures, liveWhy } from './live-batch.js'
import { contentOf, type ReportBatch, type ReportData, type ReportTransaction, type TransactionContent } from './report-data.js'
import type { TransactionData } from './transaction-text.js'

/** Whom to ask besides any signer. */
type From = Parameters<typeof liveWhy>[2]

/** Whoever can be asked, also for what its root saw of a batch. */
export interface AskingRoots extends Asking {
  rootView(batchId: string): Promise<BatchDescription>
}

/** Transactions and their batches, each batch once, one after the other: a cluster under load has other things to do. Errors: those of the asking, but for single batches. */
export async function liveReport(
  asking: AskingRoots,
  verifying: Verifying,
  results: readonly TransactionData[],
  from: From,
): Promise<Pick<ReportData, 'transactions' | 'batches'>> {
  const batches: ReportBatch[] = []
  const contents = new Map<string, TransactionContent | undefined>()
  for (const batchId of new Set(results.flatMap(({ batchId }) => batchId ?? []))) {
    batches.push({ batchId, pictures: await orReason(async () => livePictures(asking, verifying, await asking.rootView(batchId), from)) })
    const told = await orReason(() => asking.client.batch(batchId, { from }))
    for (const { txId, transaction } of typeof told === 'string' ? [] : told.transactions) contents.set(txId, contentOf(transaction))
  }
  const transactions: ReportTransaction[] = []
  for (const data of results) {
    const why = await orReason(() => liveWhy(asking, data, from))
    transactions.push({ data, why: typeof why === 'string' ? { sentence: why, details: [] } : why, content: contents.get(data.txId) })
  }
  return { transactions, batches }
}

/** What was asked for, or why it is not to be had: a batch that was pruned, or that whoever is asked does not hold, leaves a gap in a report and does not end it. */
async function orReason<T>(ask: () => Promise<T>): Promise<T | string> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof MusigError && error.code !== 'INTERNAL') return `Not to be had: ${error.message}.`
    throw error
  }
}
