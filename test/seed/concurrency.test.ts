/** The seed's sentences on state machines, dependencies, concurrency and nodes that go offline, each as a test of real signers. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import { createPayload, Documents, deletePayload, patchPayload, updatePayload } from '../../src/lib/machine/documents.js'
import { HOP_MS, SmallCluster } from '../core/small-cluster.js'

test('“Transactions from MuSig can be configured as events to the state machine”: create, update, patch, delete', () => {
  const cluster = new SmallCluster({ n: 7 })
  const operations = [
    createPayload('1', { title: 'one' }),
    updatePayload('1', { title: 'two', tags: [] }),
    patchPayload('1', { tags: ['x'] }),
    deletePayload('1'),
  ]
  for (const { deps, payload } of operations) {
    const before = cluster.executed[3]?.length ?? 0
    cluster.submit(2, cluster.transaction(deps, '', { payload }))
    assert.ok(cluster.runUntil(() => cluster.executed.every(({ length }) => length > before)))
  }
  const digests = cluster.executed.map((executed) => {
    const machine = new Documents()
    const receipts = executed.flatMap(({ batch }) => batch.transactions.map((transaction) => machine.apply(transaction)))
    assert.equal(
      receipts.map(({ ok }) => ok),
      [true, true, true, true],
      JSON.stringify(receipts),
    )
    return [...machine.digest()].join()
  })
  assert.is(new Set(digests).size, 1)
})

test('“Defining dependency is optional”', () => {
  const cluster = new SmallCluster({ n: 7 })
  const ids = [0, 3, 5].map((signer) => cluster.propose(signer, []).id)
  assert.ok(cluster.settle(...ids))
  for (const { value, certificate, heights } of cluster.executed.flat())
    assert.equal([value.predecessors, certificate.type, heights.size], [[], 'fast', 0])
})

test('“independent transactions can be processed concurrently”: Alice to Bob beside Carol to Charlie', () => {
  const alone = new SmallCluster({ n: 7 })
  const start = alone.now
  assert.ok(alone.settle(alone.propose(0, ['acct:alice', 'acct:bob']).id))
  const cluster = new SmallCluster({ n: 7 })
  const ids = [cluster.propose(0, ['acct:alice', 'acct:bob']).id, cluster.propose(4, ['acct:carol', 'acct:charlie']).id]
  assert.ok(cluster.settle(...ids))
  assert.ok(cluster.now - start <= alone.now - start + 2 * HOP_MS)
  for (const { value, certificate } of cluster.executed.flat()) assert.equal([value.predecessors, certificate.type], [[], 'fast'])
})

test('“Bob’s account is a dependency and these transactions cannot be done concurrently”', () => {
  const cluster = new SmallCluster({ n: 7 })
  const ids = [cluster.propose(0, ['acct:alice', 'acct:bob']).id, cluster.propose(4, ['acct:bob', 'acct:carol']).id]
  assert.ok(cluster.settle(...ids))
  const values = cluster.executed[0] ?? []
  assert.ok(values.some(({ batch, value }) => value.predecessors.some((other) => other !== batch.id && ids.includes(other))))
  for (let signer = 1; signer < 7; signer++) assert.equal(cluster.orderAt(signer), cluster.orderAt(0))
  assert.equal(
    [0, 1, 2, 3, 4, 5, 6].map((signer) => cluster.signers[signer]?.journal.logs.heightOf('acct:bob')),
    [2, 2, 2, 2, 2, 2, 2],
  )
})

test('“When a client initializes a transaction, it can also send a list of dependencies to the signer”', () => {
  const cluster = new SmallCluster({ n: 7 })
  const { id } = cluster.propose(0, ['doc:2', 'doc:1'])
  assert.ok(cluster.settle(id))
  for (const [executed] of cluster.executed) {
    assert.equal(executed?.batch.keys, ['doc:1', 'doc:2'])
    assert.equal([...(executed?.heights ?? [])].sort(), [
      ['doc:1', 1],
      ['doc:2', 1],
    ])
  }
})

test('“MuSig orders dependent transactions as a group. Independent groups will be processed concurrently”', () => {
  const held = new SmallCluster({ n: 7, fanout: 6 })
  let slow = ''
  // The root of the first batch gets no votes for it; its group waits, the other one does not.
  held.delay = ({ message }) => ('batchId' in message && message.batchId === slow && message.type === 'vote' ? undefined : HOP_MS)
  slow = held.propose(0, ['a', 'b']).id
  held.run(2 * HOP_MS)
  const dependent = held.propose(1, ['b', 'c']).id
  const free = held.propose(2, ['x']).id
  const alsoFree = held.propose(3, ['x', 'y']).id
  held.run(20 * HOP_MS)
  for (let signer = 0; signer < 7; signer++) {
    const order = held.orderAt(signer)
    assert.ok(order.includes(free) && order.includes(alsoFree))
    assert.not.ok(order.includes(slow) || order.includes(dependent))
  }
  assert.ok(held.settle(slow, dependent))
  for (let signer = 0; signer < 7; signer++) assert.ok(held.orderAt(signer).indexOf(slow) < held.orderAt(signer).indexOf(dependent))
})

test('“These are the unintentional faults of a node like going offline”: up to n − q of them, the root too', () => {
  const cluster = new SmallCluster({ n: 13 })
  const { crashBound } = cluster.manifest
  assert.is(crashBound, 3)
  const { id, tree } = cluster.propose(0, ['k'])
  cluster.run(HOP_MS + 1)
  for (const signer of [0, ...tree.childrenOf(0)]) cluster.crash(signer)
  assert.ok(cluster.settle(id))
  const next = cluster.propose(tree.permutation[5] ?? 1, ['k']).id
  assert.ok(cluster.settle(next))
  for (const signer of [0, ...tree.childrenOf(0)]) cluster.restart(signer)
  assert.ok(cluster.settle(id, next))
  for (let signer = 0; signer < 13; signer++) assert.equal(cluster.orderAt(signer), [id, next])
})

test('“A client … retries”: one transaction at two signers is executed once', () => {
  const cluster = new SmallCluster({ n: 7 })
  const transaction = cluster.transaction(['k'], 'once')
  cluster.submit(0, transaction)
  cluster.submit(5, { ...transaction, payload: utf8('once') })
  assert.ok(cluster.runUntil(() => cluster.executed.every(({ length }) => length === 2)))
  for (const executed of cluster.executed)
    assert.equal(
      executed.map(({ skipped }) => skipped.get(0)),
      [undefined, 'duplicate'],
    )
})

test.run()
