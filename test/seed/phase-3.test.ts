/** The seed's sentences on phase 3, each as a test of real signers. Failures of the phase are retried, which supersedes the seed. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { countBits, membersOf } from '../../src/lib/base/bitmap.js'
import { boundsOf } from '../../src/lib/core/manifest.js'
import { valueDigest } from '../../src/lib/core/statement.js'
import { HOP_MS, SmallCluster } from '../core/small-cluster.js'
import { conflict } from './conflict.js'

const half = (signer: number): boolean => signer % 2 === 0

test('“This phase is not necessary if the ordering score passes the threshold”', () => {
  const { cluster, a, b } = conflict(8, () => true)
  assert.ok(cluster.settle(a, b))
  assert.equal([cluster.sentOf('order').length, cluster.sentOf('accept').length], [0, 0])
  assert.equal(cluster.orderAt(5), [a, b])
})

test('“Otherwise every node signs the derived global order and sends it to its parent”', () => {
  const { cluster, a, b } = conflict(7, half)
  assert.ok(cluster.settle(a, b))
  for (const [batchId, root] of [
    [a, 0],
    [b, 1],
  ] as const) {
    const senders = cluster.sentOf('accept', batchId).map(({ from, to }) => [from, to])
    assert.equal(
      senders.sort(),
      [0, 1, 2, 3, 4, 5, 6].filter((signer) => signer !== root).map((signer) => [signer, root]),
    )
    for (let signer = 0; signer < 7; signer++)
      assert.is(cluster.recordsOf(signer, 'accept').filter(({ order }) => order.batchId === batchId).length, 1)
  }
})

test('Phase 3a is bottom-up in the tree', () => {
  const cluster = new SmallCluster({ n: 15 })
  cluster.delay = ({ from, to, message }) => (message.type === 'propose' ? 1 + ((from * 7 + to * 5) % 37) : HOP_MS)
  const batches = [cluster.propose(0, ['k']), cluster.propose(9, ['k'])]
  assert.ok(cluster.settle(...batches.map(({ id }) => id)))
  let accepts = 0
  for (const { id, tree } of batches) {
    for (const { from, to, message } of cluster.sentOf('accept', id)) {
      accepts++
      assert.is(tree.parentOf(from), to)
      assert.equal(
        message.accepts && membersOf(message.accepts.signers),
        [...tree.subtreeOf(from)].sort((x, y) => x - y),
      )
    }
  }
  assert.ok(accepts > 0, 'no phase 3: the story does not test anything')
})

test('“Default tolerance is 50%” and “For a 50% tolerance, ordering score has to be more than 75%”', () => {
  for (let n = 1; n <= 200; n++) {
    const { quorum } = boundsOf(n, { a: 1, b: 2 })
    assert.ok(4 * quorum > 3 * n && 4 * (quorum - 1) <= 3 * n, `n = ${n}`)
  }
  // Exactly 75 % is not more: six of eight.
  const { cluster: six, a, b } = conflict(8, (signer) => signer - 1 < 6)
  assert.ok(six.settle(a, b))
  assert.ok(six.sentOf('order').length > 0)
  const { cluster: seven, a: c, b: d } = conflict(8, (signer) => signer - 1 < 7)
  assert.ok(seven.settle(c, d))
  assert.is(seven.sentOf('order').length, 0)
})

test('“The transaction order which the majority of signers voted for is the global order”', () => {
  for (const before of [2, 3, 4, 5]) {
    // Of seven signers, `before` see a first; the others b. Those who disagree with a root are counted first, so that each names the other.
    const { cluster, a, b } = conflict(7, (signer) => signer - 1 < before, 6 * HOP_MS)
    assert.ok(cluster.settle(a, b))
    assert.ok(cluster.sentOf('order').length > 0)
    if (before === 3 || before === 4) for (const { value } of cluster.executed[0] ?? []) assert.is(value.predecessors.length, 1)
    for (let signer = 0; signer < 7; signer++) assert.equal(cluster.orderAt(signer), before > 3 ? [a, b] : [b, a], `${before} of 7`)
  }
})

test('“All signers will derive the same global order locally irrespective of which order they voted for. Hence all signers will be able to unanimously vote for the same”', () => {
  const { cluster, a, b } = conflict(7, half)
  assert.ok(cluster.settle(a, b))
  for (const batchId of [a, b]) {
    const views = new Set(
      [0, 1, 2, 3, 4, 5, 6].map((signer) =>
        JSON.stringify(cluster.recordsOf(signer, 'vote').find((record) => record.batchId === batchId)?.view.pending),
      ),
    )
    assert.is(views.size, 2)
    const values = new Set<string>()
    for (let signer = 0; signer < 7; signer++)
      for (const { order } of cluster.recordsOf(signer, 'accept'))
        if (order.batchId === batchId) values.add(valueDigest(cluster.manifest.clusterId, order.value))
    assert.is(values.size, 1)
  }
})

test('“Root signer collects and aggregates all global order signatures and sends it back to its children”', () => {
  const { cluster, a, b } = conflict(7, half)
  assert.ok(cluster.settle(a, b))
  for (const [batchId, root] of [
    [a, 0],
    [b, 1],
  ] as const) {
    const down = cluster.sentOf('certificate', batchId)
    assert.equal([...new Set(down.map(({ from }) => from))], [root])
    assert.is(down.length, 6)
    for (const { message } of down) {
      assert.is(message.certificate.type, 'slow')
      if (message.certificate.type === 'slow') assert.ok(countBits(message.certificate.signers) >= cluster.manifest.quorum)
    }
  }
})

test('“such a transaction will never get accepted” (superseded: a failed phase 3 is tried again in a later ballot)', () => {
  const { cluster, a, b } = conflict(7, half)
  const slow = cluster.delay
  // No accept of ballot 0 ever reaches a root.
  cluster.delay = (sent) => (sent.message.type === 'accept' && sent.message.ballot === 0 ? undefined : slow(sent))
  cluster.run(2000)
  assert.equal(cluster.executed.flat(), [])
  assert.ok(cluster.settle(a, b))
  for (const { certificate } of cluster.executed.flat()) assert.ok(certificate.type === 'slow' && certificate.ballot > 0)
  for (let signer = 1; signer < 7; signer++) assert.equal(cluster.orderAt(signer), cluster.orderAt(0))
})

test('“Once the signer receives an accepted global order of transaction, it can update its local state machine”', () => {
  const { cluster, a, b } = conflict(7, half)
  assert.ok(cluster.settle(a, b))
  for (let signer = 0; signer < 7; signer++) {
    const steps = cluster.done.filter((done) => done.signer === signer)
    for (const batchId of [a, b]) {
      const certified = steps.find(
        ({ effect }) => effect.type === 'persist' && effect.record.type === 'certificate' && effect.record.certificate.batchId === batchId,
      )
      const executed = steps.find(({ effect }) => effect.type === 'execute' && effect.executed.batch.id === batchId)
      assert.ok((certified?.step ?? Number.POSITIVE_INFINITY) < (executed?.step ?? 0))
    }
  }
})

test.run()
