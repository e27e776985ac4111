/** Comparing after a restart under the guard: many keys, what strangers say meanwhile, and what stands afterwards. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/lib/core/limits.js'
import type { MessageOf } from '../../src/lib/core/message.js'
import { SmallCluster } from './small-cluster.js'

const test = suite('comparing')
const DELTA_MS = 50
const KEYS_OF_A_BATCH = 64

function isComparing(cluster: SmallCluster, signer: number): boolean {
  return cluster.signers[signer]?.isComparing === true
}

test('many keys take as many questions as they need, though each answer takes almost 2Δ', () => {
  const cluster = new SmallCluster({ n: 4, deltaMs: DELTA_MS })
  for (let i = 0; i * KEYS_OF_A_BATCH < 5 * LIMITS.keysPerBatch; i++) {
    const keys = Array.from({ length: KEYS_OF_A_BATCH }, (_, k) => `key ${i}/${k}`)
    assert.ok(cluster.settle(cluster.propose(i % 4, keys).id))
  }
  cluster.delay = () => 0.9 * DELTA_MS
  cluster.crash(3)
  cluster.restart(3)
  assert.ok(isComparing(cluster, 3))
  assert.ok(
    cluster.runUntil(() => !isComparing(cluster, 3), 20 * DELTA_MS),
    'it compares for ever',
  )
})

/** A NOTICE of a batch that nobody has. */
function strange(number: number): MessageOf<'notice'> {
  const batchId = number.toString(16).padStart(64, 'a')
  const round = { type: 'order', valueDigest: batchId, proofDigest: batchId, signature: new Uint8Array(64) } as const
  return { type: 'notice', batchId, ballot: 0, heights: new Map(), round }
}

test('a NOTICE of a batch that never comes makes no log fall', () => {
  const cluster = new SmallCluster({ n: 7, deltaMs: DELTA_MS })
  for (let i = 0; i < 3; i++) assert.ok(cluster.settle(cluster.propose(0, ['k']).id))
  // The last batch is committed at its root alone when that goes down.
  cluster.delay = ({ from, message }) => (from === 4 && message.type === 'certificate' ? undefined : 10)
  const { id } = cluster.propose(4, ['k'])
  assert.ok(cluster.runUntil(() => cluster.signers[4]?.journal.isExecuted(id) === true))
  cluster.crash(4)
  cluster.delay = () => 10
  cluster.run(300)
  cluster.forget()
  cluster.restart(4)
  cluster.run(4 * DELTA_MS - 10)
  cluster.inject(6, 4, strange(1))
  for (let i = 2; i < 30; i++) {
    cluster.run(2 * DELTA_MS)
    cluster.inject(6, 4, strange(i))
  }
  assert.not.ok(cluster.done.some(({ effect }) => effect.type === 'start-over'))
  assert.not.ok(isComparing(cluster, 4))
  assert.ok(cluster.settle(id))
})

test('NOTICEs of batches that never come hold up nobody’s fast path but once', () => {
  const cluster = new SmallCluster({ n: 7, deltaMs: DELTA_MS })
  for (let i = 0; i < 40; i++) {
    for (let to = 0; to < 6; to++) cluster.inject(6, to, strange(i))
    cluster.run(2 * DELTA_MS)
  }
  const { id } = cluster.propose(0, ['k'])
  const isExecuted = () => cluster.signers.every((signer) => signer?.journal.isExecuted(id))
  for (let i = 40; i < 60 && !isExecuted(); i++) {
    for (let to = 0; to < 6; to++) cluster.inject(6, to, strange(i))
    cluster.run(DELTA_MS)
  }
  assert.ok(isExecuted())
})

test('who lists batches and does not supply them holds up nobody who catches up with others for long', () => {
  const cluster = new SmallCluster({ n: 7 })
  cluster.crash(5)
  const ids = Array.from({ length: 10 }, (_, i) => {
    const { id } = cluster.propose(i % 3, ['k'])
    assert.ok(cluster.settle(id))
    return id
  })
  cluster.restart(5)
  // What the real signer 6 would say is not heard.
  cluster.cut(5, 6)
  cluster.signers[5]?.step({ type: 'connected', now: cluster.now, signer: 6 })
  let invented = 0
  const lie = (): void => {
    cluster.inject(6, 5, { type: 'sync', executed: 1_000_000, digest: 'f'.repeat(64), from: 0 })
    const listed = Array.from({ length: 8 }, () => (++invented).toString(16).padStart(64, 'b'))
    cluster.inject(6, 5, { type: 'page', from: 0, ids: listed, executed: 1_000_000, pruned: 0 })
  }
  const begun = cluster.now
  const isThrough = () => ids.every((id) => cluster.signers[5]?.journal.isExecuted(id))
  while (!isThrough() && cluster.now < begun + 60_000) {
    lie()
    cluster.run(10)
  }
  assert.ok(cluster.now - begun < 2 * cluster.manifest.timing.recoveryTimeoutMs, `it took ${cluster.now - begun} ms`)
})

test.run()
