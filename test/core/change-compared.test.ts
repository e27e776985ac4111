/**
 * A signer that comes back after a change of the signers, under the guard: what was decided before the change and after it stands, also where another signer that must be
 * heard has executed nothing yet. Taken for conflicts that leave one another out, the change and the batches behind it made all signers throw their whole logs away.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { approve, changeTransaction, type Step } from '../../src/lib/core/change.js'
import { FAKE, SmallCluster } from './small-cluster.js'

const N = 5
const LAST = N - 1
const KEPT = [0, 1, 2, 3]
/** The one that has executed nothing. */
const EMPTY = 3

/** Evicts the last signer; the others go on in the next epoch. */
function evictLast(cluster: SmallCluster): void {
  const { manifest, keys } = cluster
  const step: Step = { type: 'evict', publicKey: manifest.signers[LAST]?.publicKey ?? new Uint8Array(48) }
  const approvals = new Map(KEPT.map((seat) => [seat, approve(FAKE.bls, manifest, step, keys[seat]?.bls ?? new Uint8Array(32))]))
  const change = changeTransaction(FAKE, manifest, step, approvals, new Uint8Array(16))
  assert.ok(change)
  cluster.submit(0, change)
  const isOver = (signer: number) => cluster.done.some((done) => done.signer === signer && done.effect.type === 'next-epoch')
  assert.ok(cluster.runUntil(() => KEPT.every(isOver)))
  cluster.crash(LAST)
  for (const signer of KEPT) {
    cluster.crash(signer)
    cluster.restart(signer)
  }
}

test('what was decided on both sides of a change stands for whoever comes back, though one that must be heard has executed nothing', () => {
  let isEmpty = false
  const cluster = new SmallCluster({
    n: N,
    deltaMs: 50,
    // Nothing reaches the empty one by which it could catch up.
    delay: ({ to, message }) => (to === EMPTY && isEmpty && ['page', 'have', 'certificate'].includes(message.type) ? undefined : 10),
  })
  assert.ok(cluster.settle(cluster.propose(0, ['a']).id))
  evictLast(cluster)
  assert.ok(cluster.settle(cluster.propose(1, ['a']).id))
  isEmpty = true
  cluster.crash(EMPTY)
  cluster.records[EMPTY]?.splice(0)
  cluster.restart(EMPTY)
  cluster.run(100)
  cluster.crash(0)
  cluster.restart(0)
  cluster.run(10_000)
  assert.equal(
    cluster.done.filter(({ effect }) => effect.type === 'start-over').map(({ signer, effect }) => ({ signer, effect })),
    [],
  )
  assert.is(cluster.signers[0]?.journal.logs.executed.length, 3)
  assert.is(cluster.signers[0]?.isComparing, false)
})

test.run()
