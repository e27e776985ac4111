/** What is asked of a cluster about batches: whose word counts, and that a report has gaps where something is not to be had, and ends only on bugs of ours. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { fake } from '../../src/lib/bls/fake.js'
import type { DescribedBatch } from '../../src/lib/inspect/group.js'
import { type Asking, liveOrder } from '../../src/lib/inspect/live-batch.js'
import { liveReport } from '../../src/lib/inspect/live-report.js'
import type { Told } from '../../src/lib/inspect/timeline.js'
import type { TransactionData } from '../../src/lib/inspect/transaction-text.js'
import { SmallCluster } from '../core/small-cluster.js'

const { manifest } = new SmallCluster({ n: 4 })
const BATCH = 'ab'.repeat(32)
const gone = (): never => {
  throw new MusigError('NOT_FOUND', 'it was pruned')
}

function batch(more: Partial<DescribedBatch>): DescribedBatch {
  const none = { votes: null, accepts: null, predecessors: [], tree: { root: 2, depth: 0, nodes: [] } }
  return { batchId: BATCH, initiator: 2, keys: ['k'], status: 'executed', path: 'slow', ballot: 0, ...none, ...more }
}

function asking(client: Partial<Asking['client']>): Asking {
  return {
    manifest,
    client: { group: gone, certificate: gone, batch: gone, timeline: gone, ...client } as Asking['client'],
    everyone: async () => [],
  }
}

const phase3 = (ms: number): Told => ({
  status: 'executed',
  moments: [
    { what: 'ordered', at: 100, ballot: 0 },
    { what: 'certified', at: 100 + ms, ballot: 0 },
  ],
})

test('how long phase 3 took is the root’s word; that of the signer that was asked where the root is gone, or nobody else is to be asked', async () => {
  const asked: unknown[] = []
  const group = async () => ({ batches: [batch({ phase3Ms: 7 }), batch({ batchId: 'cd'.repeat(32), path: 'fast', phase3Ms: null })] })
  const timeline = async (id: string, from: { from?: unknown }) => {
    asked.push([id, from.from])
    return phase3(30)
  }
  const times = async (port: Partial<Asking['client']>, from?: number) =>
    (await liveOrder(asking({ group, ...port }), BATCH, from)).batches.map(({ phase3Ms }) => phase3Ms)
  assert.equal(await times({ timeline }), [30, undefined])
  assert.equal(asked, [[BATCH, 2]], 'the root alone, and not of what was decided fast')
  assert.equal(await times({ timeline: async () => gone() }), [7, undefined])
  assert.equal(await times({ timeline: async () => ({ status: 'executed', moments: null }) }), [7, undefined])
  assert.equal(await times({ timeline }, 1), [7, undefined])
  assert.is(asked.length, 1)
})

const RESULT: TransactionData = {
  ...{ txId: 'cd'.repeat(32), batchId: BATCH, position: { k: 3 }, index: 0, status: 'committed', path: 'slow', ballot: 0, score: 0.5 },
  ...{ votes: 4, receipt: null, latencyMs: null, phases: {} },
}

test('a batch that is not to be had any more leaves a gap in a report and says why; a bug of ours ends it', async () => {
  const verifying = { bls: fake, manifest, now: () => 0 }
  const report = (rootView: () => Promise<never>, client: Partial<Asking['client']> = {}) =>
    liveReport({ ...asking(client), rootView }, verifying, [RESULT, { ...RESULT, txId: 'ef'.repeat(32) }], undefined)
  const { batches, transactions } = await report(async () => gone())
  assert.equal(batches, [{ batchId: BATCH, pictures: 'Not to be had: it was pruned.' }])
  assert.equal(
    transactions.map(({ why, content }) => [why.sentence, content]),
    [
      ['Not to be had: it was pruned.', undefined],
      ['Not to be had: it was pruned.', undefined],
    ],
  )
  for (const bug of [new MusigError('INTERNAL', 'a bug'), new TypeError('another')]) {
    const thrown = await report(async () => Promise.reject(bug)).catch((error: unknown) => error)
    assert.is(thrown, bug)
  }
})

test('a transaction without a batch has no pictures, and its sentence is had without asking for one', async () => {
  const verifying = { bls: fake, manifest, now: () => 0 }
  const rejected = { ...RESULT, batchId: null, status: 'rejected' as const, reason: 'too large' }
  const { batches, transactions } = await liveReport({ ...asking({}), rootView: async () => gone() }, verifying, [rejected], undefined)
  assert.equal(batches, [])
  assert.is(transactions[0]?.why.sentence, 'It was rejected: too large.')
})

test.run()
