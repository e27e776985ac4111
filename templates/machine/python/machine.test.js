/** What every machine must do, on the counters of machine.py; and what counters do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { complies, openMachine, positionOf, transactionOf } from 'musig-paxos/machine-compliance'

const make = () => openMachine(fileURLToPath(new URL('machine.py', import.meta.url)))

complies({
  test,
  name: 'counters',
  make,
  // Few counters, so that transactions meet on them, and amounts of which some are refused.
  sample(random) {
    const counter = random.pick(['a', 'b', 'c'])
    return { deps: [`counter:${counter}`], payload: { op: 'add', counter, amount: random.upTo(20) - 10 } }
  },
})

test('a counter is added to, and never below zero', async () => {
  const counters = await make()
  const add = (amount) => {
    const transaction = transactionOf({ deps: ['counter:apples'], payload: { op: 'add', counter: 'apples', amount } })
    assert.equal(counters.check(transaction), undefined)
    return counters.apply(transaction, positionOf(transaction))
  }
  assert.deepEqual(add(3), { ok: true, result: { counter: 'apples', value: 3 } })
  assert.deepEqual(add(-4), { ok: false, reason: 'counter apples would be -1' })
  assert.equal(counters.query('counter:apples'), 3)
  counters.close()
})
