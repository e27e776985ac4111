/**
 * A batch's id does not cover its initiator's signature. So whoever passes a batch on with a spoilt signature shows something invalid under the id of
 * something valid: that must not keep the valid one out.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeCbor, encodeCbor, type Plain } from '../../src/lib/base/cbor.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import { type Batch, decodeBatch } from '../../src/lib/core/transaction.js'
import { HOP_MS, SmallCluster } from './small-cluster.js'

function spoilt(clusterId: string, batch: Batch): Batch {
  const fields = decodeCbor(batch.bytes, LIMITS.batchBytes) as Map<string, Plain>
  fields.set('signature', new Uint8Array(64).fill(9))
  return decodeBatch(clusterId, encodeCbor(fields))
}

/** Signer 1 (the one liar, f_a = 1 of 7) sends each of `victims` the spoilt body before the true one comes. */
function story(victims: readonly number[], how: 'have' | 'propose' = 'have'): { cluster: SmallCluster; id: string } {
  const cluster = new SmallCluster({ n: 7 })
  assert.is(cluster.manifest.asyncByzantineBound, 1)
  let batch: Batch | undefined
  cluster.delay = ({ message }) => {
    if (message.type === 'propose' && !batch) {
      batch = message.batch
      const bad = spoilt(cluster.manifest.clusterId, batch)
      assert.is(bad.id, batch.id)
      if (how === 'have') for (const victim of victims) cluster.inject(1, victim, { type: 'have', batch: bad, certificate: null })
    }
    return HOP_MS
  }
  // A relay: everyone below this signer gets the spoilt body first, and the true one from nobody on the way.
  if (how === 'propose') {
    cluster.delay = ({ from, to, message }) => {
      if (message.type !== 'propose' || !victims.includes(from)) return HOP_MS
      cluster.inject(from, to, { ...message, batch: spoilt(cluster.manifest.clusterId, message.batch) })
      return undefined
    }
  }
  const { id } = cluster.propose(0, ['k'])
  return { cluster, id }
}

test('nobody lies: it is executed', () => {
  const { cluster, id } = story([])
  assert.ok(cluster.runUntil(() => cluster.signers.every((signer) => signer?.journal.isExecuted(id)), 120_000))
})

test('one liar spoils the body for two signers: it is executed all the same, and the initiator is not suspected', () => {
  const { cluster, id } = story([2, 3])
  const done = cluster.runUntil(() => cluster.signers.every((signer) => signer?.journal.isExecuted(id)), 120_000)
  assert.ok(done, 'executed everywhere')
  assert.not.ok(cluster.suspicions.some(({ signer }) => signer === 0))
})

test('a relay that spoils what it passes down: executed all the same', () => {
  for (const relay of [1, 2, 3, 4, 5, 6]) {
    const { cluster, id } = story([relay], 'propose')
    assert.ok(
      cluster.runUntil(() => cluster.signers.every((signer) => signer?.journal.isExecuted(id)), 120_000),
      `relay ${relay}`,
    )
    assert.not.ok(cluster.suspicions.some(({ signer, reason }) => signer === 0 && reason.includes('invalid')))
  }
})

test('a decided batch with its certificate and a spoilt body is not taken in, and so not passed on: the true one is', () => {
  const cluster = new SmallCluster({ n: 7 })
  cluster.crash(3)
  const { id } = cluster.propose(0, ['k'])
  assert.ok(cluster.runUntil(() => cluster.signers[1]?.journal.isExecuted(id) === true))
  const known = cluster.signers[1]?.journal.get(id)
  assert.ok(known?.committed)
  const lie = { type: 'have', batch: spoilt(cluster.manifest.clusterId, known.batch), certificate: known.committed.certificate } as const
  cluster.restart(3)
  cluster.inject(1, 3, lie)
  cluster.run(HOP_MS)
  assert.not.ok(cluster.signers[3]?.journal.hasArrived(id))
  assert.ok(cluster.suspicions.some(({ signer, reason }) => signer === 1 && reason.includes('not signed')))
  assert.ok(cluster.runUntil(() => cluster.signers[3]?.journal.isExecuted(id) === true, 60_000))
  assert.equal(cluster.signers[3]?.journal.get(id)?.batch.bytes, known.batch.bytes)
})

test.run()
