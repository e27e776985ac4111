/** What every machine must do, on counters; and what counters do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { complies, positionOf, transactionOf } from 'musig-paxos/machine-compliance'
import Counters from './machine.js'

complies({
  test,
  name: 'counters',
  make: () => new Counters(),
  // Few counters, so that transactions meet on them, and amounts of which some are refused.
  sample(random) {
    const counter = random.pick(['a', 'b', 'c'])
    return { deps: [`counter:${counter}`], payload: { op: 'add', counter, amount: random.upTo(20) - 10 } }
  },
  invariant(machine) {
    for (const counter of ['a', 'b', 'c']) assert.ok(((machine.query(`counter:${counter}`) as number | undefined) ?? 0) >= 0)
  },
})

test('a counter is added to, and never below zero', () => {
  const counters = new Counters()
  const add = (amount: number) => {
    const transaction = transactionOf({ deps: ['counter:apples'], payload: { op: 'add', counter: 'apples', amount } })
    assert.equal(counters.check(transaction), undefined)
    return counters.apply(transaction, positionOf(transaction))
  }
  assert.deepEqual(add(3), { ok: true, result: { counter: 'apples', value: 3 } })
  assert.deepEqual(add(-4), { ok: false, reason: 'counter apples would be -1' })
  assert.equal(counters.query('counter:apples'), 3)
})
