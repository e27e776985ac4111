/** Messages that decode and are lies: a signer neither throws nor forgets how to restart, says whom it suspects, and goes on with the others. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf, emptyBitmap } from '../../src/lib/base/bitmap.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import type { Message } from '../../src/lib/core/message.js'
import { type Batch, makeBatch } from '../../src/lib/core/transaction.js'
import { emptyView } from '../../src/lib/core/view.js'
import { FAKE, HOP_MS, SmallCluster } from './small-cluster.js'

const ID = 'ab'.repeat(32)
const SIGNATURE = new Uint8Array(96).fill(1)
const WIDE = new Uint8Array(512).fill(255)

function batchOf(cluster: SmallCluster, signer: number, more: Partial<Batch> = {}): Batch {
  const body = { epoch: 0, initiator: signer, sequence: 0, time: 0, transactions: [cluster.transaction(['k'])], ...more }
  return makeBatch(FAKE.ed25519, cluster.manifest.clusterId, cluster.keys[signer]?.link ?? new Uint8Array(32), body)
}

test('every kind of message with bitmaps far too wide, of nobody, about unknown batches, from everyone: nothing throws, work goes on', () => {
  const cluster = new SmallCluster({ n: 7 })
  const { id } = cluster.propose(0, ['k'])
  for (const batchId of [id, ID]) {
    for (const signers of [WIDE, Uint8Array.of(0), Uint8Array.of(255), bitmapOf(7, [6])]) {
      const votes = { entries: [{ view: emptyView(), signers }], signature: SIGNATURE }
      const accepts = { ballot: 0, valueDigest: ID, signers, signature: SIGNATURE }
      const messages: Message[] = [
        { type: 'vote', batchId, votes, postponed: signers },
        { type: 'vote', batchId, votes: { entries: [], signature: SIGNATURE }, postponed: emptyBitmap(7) },
        { type: 'accept', batchId, ballot: 0, accepts },
        { type: 'accept', batchId, ballot: 7, accepts: { ...accepts, ballot: 7 } },
        { type: 'ask', batchId, phase: 'vote', ballot: 0 },
        { type: 'ask', batchId, phase: 'accept', ballot: 3 },
        { type: 'shares', batchId, votes: [votes, votes], accepts: [accepts, accepts] },
        { type: 'shares', batchId, votes: [], accepts: [] },
        { type: 'timeout', batchId, ballot: 2 ** 32, signature: SIGNATURE },
        { type: 'prepare', batchId, ballot: 1, timeouts: { signers, signature: SIGNATURE }, signature: new Uint8Array(64) },
        { type: 'refuse', batchId, ballot: 0, backings: [] },
        { type: 'certificate', certificate: { type: 'fast', epoch: 0, batchId, votes } },
        { type: 'certificate', certificate: { type: 'fast', epoch: 0, batchId, votes: { entries: [], signature: SIGNATURE } } },
        {
          type: 'certificate',
          certificate: {
            type: 'slow',
            epoch: 0,
            batchId,
            ballot: 0,
            value: { base: new Map(), predecessors: [], tallies: null },
            signers,
            signature: SIGNATURE,
          },
        },
        { type: 'fetch', ids: [ID, ID, ID] },
        { type: 'fetch', ids: [] },
        { type: 'fetch-sequence', initiator: 4096, from: Number.MAX_SAFE_INTEGER, to: 0 },
        { type: 'fetch-sequence', initiator: 0, from: 0, to: Number.MAX_SAFE_INTEGER },
        { type: 'sync', executed: Number.MAX_SAFE_INTEGER, digest: ID, from: Number.MAX_SAFE_INTEGER },
        { type: 'page', from: 0, ids: [], executed: Number.MAX_SAFE_INTEGER, pruned: 0 },
        { type: 'page', from: 0, ids: [ID, ID], executed: 0, pruned: Number.MAX_SAFE_INTEGER },
      ]
      for (const message of messages) for (let to = 0; to < 7; to++) for (const from of [1, 6]) if (from !== to) cluster.inject(from, to, message)
    }
  }
  for (const part of ['bitmap', 'no entries', 'not below', 'certificate with'])
    assert.ok(
      cluster.suspicions.some(({ reason }) => reason.includes(part)),
      part,
    )
  assert.ok(cluster.settle(id))
  const next = cluster.propose(3, ['k']).id
  assert.ok(cluster.settle(next))
  for (let signer = 0; signer < 7; signer++) assert.equal(cluster.orderAt(signer), [id, next])
})

test('batches that cannot be: of no such initiator, of another’s hand, of another epoch, without anything to show for it', () => {
  const cluster = new SmallCluster({ n: 7 })
  const good = batchOf(cluster, 2)
  const bad = [
    batchOf(cluster, 2, { initiator: 4000 }),
    batchOf(cluster, 2, { initiator: 3 }),
    batchOf(cluster, 2, { epoch: 1 }),
    { ...good, signature: new Uint8Array(64) },
  ]
  for (const batch of bad)
    for (let to = 0; to < 7; to++)
      for (let from = 0; from < 7; from++) {
        if (from === to) continue
        cluster.inject(from, to, { type: 'propose', batch, reference: emptyView() })
        cluster.inject(from, to, { type: 'have', batch, certificate: null })
      }
  cluster.run(20_000)
  for (const records of cluster.records) assert.equal(records, [])
  for (const signer of cluster.signers) assert.is(signer?.journal.undecided.size, 0)
})

test('a batch far ahead of its initiator’s sequence waits, and comes when the wait is over', () => {
  const cluster = new SmallCluster({ n: 4 })
  const batch = batchOf(cluster, 0, { sequence: 5 })
  cluster.inject(0, 1, { type: 'have', batch, certificate: null })
  assert.is(cluster.signers[1]?.journal.get(batch.id), undefined)
  cluster.run(cluster.manifest.timing.sequenceWaitMs + HOP_MS)
  assert.ok(cluster.signers[1]?.journal.get(batch.id))
})

test('more undecided batches of one initiator than others keep are refused', () => {
  const cluster = new SmallCluster({ n: 4, delay: () => undefined })
  for (let sequence = 0; sequence < LIMITS.undecidedPerInitiator + 10; sequence++)
    cluster.inject(0, 1, { type: 'have', batch: batchOf(cluster, 0, { sequence }), certificate: null })
  assert.is(cluster.signers[1]?.journal.undecided.size, LIMITS.undecidedPerInitiator)
  assert.ok(cluster.suspicions.some(({ signer, reason }) => signer === 0 && reason.includes('window')))
})

test('more waiting transactions than the limit: the next one is told to come later', () => {
  const cluster = new SmallCluster({ n: 4, delay: () => undefined })
  for (let i = 0; i < cluster.manifest.window + LIMITS.waitingTransactions + LIMITS.transactionsPerBatch * 4; i++) {
    cluster.submit(0, cluster.transaction(['k']))
    cluster.forget()
    if ((cluster.signers[0]?.intake.waiting.length ?? 0) >= LIMITS.waitingTransactions) break
  }
  cluster.submit(0, cluster.transaction(['k']))
  const [reply] = cluster.done.map(({ effect }) => effect)
  assert.ok(reply?.type === 'reply' && reply.status === 'busy')
})

test('a reference that reaches back to the beginning does not make a signer record what it cannot read back', () => {
  const cluster = new SmallCluster({ n: 2 })
  const count = LIMITS.pendingPerView + 5
  for (let i = 0; i < count; i++) assert.ok(cluster.settle(cluster.propose(1, ['k']).id))
  assert.is(cluster.signers[1]?.journal.logs.heightOf('k'), count)
  cluster.delay = () => undefined
  const batch = batchOf(cluster, 0)
  cluster.inject(0, 1, { type: 'propose', batch, reference: emptyView() })
  const vote = cluster.recordsOf(1, 'vote').at(-1)
  assert.is(vote?.batchId, batch.id)
  assert.ok((vote?.view.pending.length ?? 0) <= LIMITS.pendingPerView)
  cluster.crash(1)
  cluster.restart(1)
  assert.is(cluster.signers[1]?.journal.logs.heightOf('k'), count)
})

test.run()
