/** What is executed, and what is forgotten of it with the batches that fall: no transaction twice, and none passed over that has to be executed again. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ExecutedTransactions } from '../../src/lib/core/executed-transactions.js'
import { makeBatch, type Transaction } from '../../src/lib/core/transaction.js'
import { FAKE } from './small-cluster.js'

const CLUSTER = 'ab'.repeat(32)
let sequence = 0

function transaction(nonce: number, expiry: number | null = null): Transaction {
  return { deps: ['a'], payload: new Uint8Array(), client: null, nonce: Uint8Array.of(nonce), expiry, signature: null }
}

function batchOf(time: number, ...transactions: Transaction[]) {
  return makeBatch(FAKE.ed25519, CLUSTER, new Uint8Array(32), { epoch: 0, initiator: 0, sequence: sequence++, time, transactions })
}

test('what was executed is passed over, within a batch too; what came too late counts as executed', () => {
  const executed = new ExecutedTransactions()
  const [a, b, late] = [transaction(1), transaction(2), transaction(3, 99)]
  const first = batchOf(100, a, b, { ...a }, late)
  assert.equal(
    [...executed.execute(first, 0)],
    [
      [2, 'duplicate'],
      [3, 'expired'],
    ],
  )
  const second = batchOf(50, transaction(4), { ...b }, { ...late })
  assert.equal(
    [...executed.execute(second, 1)],
    [
      [1, 'duplicate'],
      [2, 'duplicate'],
    ],
  )
  assert.equal(
    executed.firstIn(first, 0).map(({ index }) => index),
    [0, 1, 3],
  )
  assert.equal(
    executed.firstIn(second, 1).map(({ index }) => index),
    [0],
  )
})

test('of the first batches alone those stay that were executed in them, and those without a place', () => {
  const executed = new ExecutedTransactions()
  const batches = [batchOf(1, transaction(1)), batchOf(1, transaction(2)), batchOf(1, transaction(3))]
  for (const [place, batch] of batches.entries()) executed.execute(batch, place)
  const unplaced = 'cd'.repeat(32)
  executed.add(unplaced, null)
  for (let count = 0; count <= 3; count++) {
    const kept = executed.upTo(count)
    assert.ok(kept.has(unplaced))
    for (const [place, batch] of batches.entries())
      assert.equal([...kept.execute(batch, place)], place < count ? [[0, 'duplicate']] : [], `batch ${place} of the first ${count}`)
  }
})

test.run()
