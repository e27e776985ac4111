/** The append-only machine: lengths and hash chains of logs. */

import { sha256 } from '@noble/hashes/sha2.js'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, toHex, utf8 } from '../../src/lib/base/bytes.js'
import type { SeededRandom } from '../../src/lib/base/prng.js'
import { Append } from '../../src/lib/machine/append.js'
import { positionOf } from '../../src/lib/machine/compliance-bench.js'
import { builtInComplies, transactionOf } from './compliance.js'

const KEYS = ['a', 'b', 'c']

builtInComplies(
  'append',
  () => new Append(),
  (random: SeededRandom) => transactionOf({ deps: KEYS.filter(() => random.upTo(1) === 0), payload: random.bytes(1 + random.upTo(40)) }),
  (machine) => {
    for (const key of KEYS) {
      const log = machine.query(`log:${key}`) as { count: number; head: string } | undefined
      assert.ok(log === undefined || (log.count > 0 && /^[0-9a-f]{64}$/.test(log.head)))
    }
  },
  false,
)

test('each key has the number of its transactions and the chain over their ids', () => {
  const machine = new Append()
  const transactions = [['a'], ['a', 'b'], []].map((deps) => transactionOf({ deps, payload: utf8('anything') }))
  const receipts = transactions.map((transaction) => machine.apply(transaction, positionOf(transaction)))
  assert.equal(
    receipts.map((receipt) => receipt.ok && receipt.result),
    [{ counts: { a: 1 } }, { counts: { a: 2, b: 1 } }, { counts: {} }],
  )
  const chain = (...ids: string[]) => toHex(ids.reduce((head, id) => sha256(concat(head, fromHex(id))), new Uint8Array(32)))
  const [first = '', second = ''] = transactions.map((transaction) => positionOf(transaction).txId)
  assert.equal(machine.query('log:a'), { key: 'a', count: 2, head: chain(first, second) })
  assert.equal(machine.query('log:b'), { key: 'b', count: 1, head: chain(second) })
  assert.equal([machine.query('logs'), machine.query('log:c'), machine.query('a')], [{ count: 2 }, undefined, undefined])
})

test('a key of any form has its log, also one that an object would take for its own', () => {
  const machine = new Append()
  const transaction = transactionOf({ deps: ['__proto__', 'constructor'], payload: utf8('x') })
  const receipt = machine.apply(transaction, positionOf(transaction))
  assert.equal(receipt.ok && Object.entries((receipt.result as { counts: object }).counts), [
    ['__proto__', 1],
    ['constructor', 1],
  ])
  assert.is((machine.query('log:__proto__') as { count: number }).count, 1)
})

test.run()
