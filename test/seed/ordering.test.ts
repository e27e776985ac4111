/** The seed's sentences on ordering transactions, each as a test of real signers. “Votes are sorted” is superseded: pairs are compared one by one. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { rankedOrder } from '../../src/lib/core/order.js'
import { isFast, scoreOf, type Tally } from '../../src/lib/core/tally.js'
import { HOP_MS, SmallCluster } from '../core/small-cluster.js'
import { conflict } from './conflict.js'

test('“Primarily MuSig is a protocol for collectively deciding the order of incoming transactions”', () => {
  const cluster = new SmallCluster({ n: 13 })
  cluster.delay = ({ from, to, message }) => (message.type === 'propose' ? 1 + ((from * 11 + to * 17) % 41) : HOP_MS)
  const ids = [0, 3, 6, 9, 12].map((signer) => cluster.propose(signer, ['k']).id)
  assert.ok(cluster.settle(...ids))
  for (let signer = 0; signer < 13; signer++) {
    assert.equal([...cluster.orderAt(signer)].sort(), [...ids].sort())
    assert.equal(cluster.orderAt(signer), cluster.orderAt(0))
    assert.is(cluster.signers[signer]?.journal.logs.orderDigest, cluster.signers[0]?.journal.logs.orderDigest)
  }
})

test('“A client can initiate a transaction by sending it to any signers in the network”', () => {
  const cluster = new SmallCluster({ n: 7 })
  for (let root = 0; root < 7; root++) {
    const { id } = cluster.propose(root, ['k'])
    assert.ok(cluster.settle(id))
    assert.ok(cluster.executed.every((executed) => executed.at(-1)?.batch.id === id && executed.at(-1)?.batch.initiator === root))
  }
})

test('“multiple signers will be receiving multiple transactions concurrently”', () => {
  const cluster = new SmallCluster({ n: 7 })
  const ids = [0, 1, 2, 3, 4, 5, 6].flatMap((signer) => [cluster.propose(signer, ['k']).id, cluster.propose(signer, [`own-${signer}`]).id])
  assert.ok(cluster.settle(...ids))
  for (let signer = 1; signer < 7; signer++)
    assert.equal(
      cluster.orderAt(signer).filter((id) => ids.indexOf(id) % 2 === 0),
      cluster.orderAt(0).filter((id) => ids.indexOf(id) % 2 === 0),
    )
})

test('“Usually a signer vote a transaction based on the arrival order”: T1 > T3 > T4 votes in the same order', () => {
  const cluster = new SmallCluster({ n: 5, fanout: 4 })
  // Three batches of three roots; signer 4 gets them as 2, 0, 1, signer 3 as 0, 2, 1.
  const arrival: Record<number, Record<number, number>> = { 3: { 0: 10, 2: 20, 1: 30 }, 4: { 2: 10, 0: 20, 1: 30 } }
  cluster.delay = ({ from, to, message }) => (message.type === 'propose' ? (arrival[to]?.[from] ?? 40) : HOP_MS)
  const [t0 = '', t1 = '', t2 = ''] = [0, 1, 2].map((signer) => cluster.propose(signer, ['k']).id)
  assert.ok(cluster.settle(t0, t1, t2))
  const said = (signer: number, id: string) => cluster.recordsOf(signer, 'vote').find(({ batchId }) => batchId === id)?.view.pending
  assert.equal([said(4, t2), said(4, t0), said(4, t1)], [[], [t2], [t0, t2].sort()])
  assert.equal([said(3, t0), said(3, t2), said(3, t1)], [[], [t0], [t0, t2].sort()])
})

test('“if the connected line of a transaction is below with respect to another transaction, the transaction below gets the first order”', () => {
  const { cluster, a, b } = conflict(7, () => true)
  // Only b's own root saw b first: the lines do not cross anywhere else.
  assert.ok(cluster.settle(a, b))
  for (let signer = 0; signer < 7; signer++) assert.equal(cluster.orderAt(signer), [a, b])
  for (const { batch, value } of cluster.executed[0] ?? []) assert.equal(value.predecessors, batch.id === a ? [] : [a])
})

test('“If two lines cross each other, the line with most parts below wins”', () => {
  for (const before of [1, 2, 3, 4, 5, 6]) {
    const { cluster, a, b } = conflict(7, (signer) => signer - 1 < before)
    assert.ok(cluster.settle(a, b))
    for (let signer = 0; signer < 7; signer++) assert.equal(cluster.orderAt(signer), before > 3 ? [a, b] : [b, a], `${before} of 7 have a below`)
  }
})

test('“All transactions are sorted based on these comparisons. The result of sorting will be the global order of transactions”', () => {
  // Five signers, their arrival orders; every pair has a majority, and these agree with one order.
  const arrivals = [
    ['t1', 't3', 't2'],
    ['t1', 't2', 't3'],
    ['t3', 't1', 't2'],
    ['t1', 't3', 't2'],
    ['t2', 't1', 't3'],
  ]
  const names = ['t1', 't2', 't3']
  const decided = names.map((id) => {
    const inc = new Map(
      names.filter((other) => other !== id).map((other) => [other, arrivals.filter((order) => order.indexOf(other) < order.indexOf(id)).length]),
    )
    return { id, keys: ['k'], predecessors: [...inc.keys()], tallies: { m: 5, inc } }
  })
  assert.equal(rankedOrder(decided).order, ['t1', 't3', 't2'])
})

test('“All transactions are sorted”: also where majorities go round in a circle', () => {
  const arrivals = [
    ['x', 'y', 'z'],
    ['x', 'y', 'z'],
    ['y', 'z', 'x'],
    ['y', 'z', 'x'],
    ['z', 'x', 'y'],
  ]
  const names = ['x', 'y', 'z']
  const decided = names.map((id) => {
    const inc = new Map(
      names.filter((other) => other !== id).map((other) => [other, arrivals.filter((order) => order.indexOf(other) < order.indexOf(id)).length]),
    )
    return { id, keys: ['k'], predecessors: [...inc.keys()], tallies: { m: 5, inc } }
  })
  // y before z by 4 : 1, x before y by 3 : 2, z before x by 3 : 2. The strongest holds; of equal ones the smaller winner, x before y, comes first.
  assert.equal(rankedOrder(decided).order, ['x', 'y', 'z'])
  assert.equal(rankedOrder([...decided].reverse()).order, ['x', 'y', 'z'])
})

test('“Ordering score of a transaction is its number of votes below with respect to the immediate next transaction” (superseded: over all that are named)', () => {
  const tally: Tally = {
    votes: 7,
    base: new Map(),
    inc: new Map([
      ['a', 7],
      ['b', 4],
      ['c', 1],
    ]),
  }
  assert.is(scoreOf(tally), 4)
  assert.is(
    scoreOf({
      ...tally,
      inc: new Map([
        ['a', 7],
        ['c', 1],
      ]),
    }),
    6,
  )
  assert.is(scoreOf({ ...tally, inc: new Map() }), 7)
  assert.not.ok(isFast(tally, { n: 7, quorum: 6, crashBound: 1, asyncByzantineBound: 1, syncByzantineBound: 3, inclusion: 2 }))
})

test.run()
