/** From predecessors to one order: components, ranked pairs, every rule of the table, and the vectors. The random comparison is in order-oracle.test.ts. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ProtocolVectors } from '../../scripts/make-protocol-vectors.js'
import { componentsOf, type DecidedBatch, rankedOrder, supportOf } from '../../src/lib/core/order.js'

const seed = Date.now() & 0x7fffffff
console.log(`order: seed ${seed}`)

function batch(id: string, inc: Record<string, number> | string[], keys = ['k'], m = 7): DecidedBatch {
  const predecessors = Array.isArray(inc) ? inc : Object.keys(inc)
  return { id, keys, predecessors, tallies: Array.isArray(inc) ? null : { m, inc: new Map(Object.entries(inc)) } }
}

const orderOf = (...members: DecidedBatch[]): string => {
  const { order } = rankedOrder(members)
  assert.equal(rankedOrder([...members].reverse()).order, order)
  return order.join('')
}

test('only one names the other: the named one goes first, whatever the ids', () => {
  assert.is(orderOf(batch('a', ['b']), batch('b', [])), 'ba')
  assert.is(orderOf(batch('a', []), batch('b', ['a'])), 'ab')
})

test('both name each other, both slow: the majority over both vote sets', () => {
  // Votes for a: 4 of 7 have b before. Votes for b: 2 of 7 have a before. b first: 4 + 5 against 3 + 2.
  assert.equal(supportOf(batch('a', { b: 4 }), batch('b', { a: 2 })), [5, 9])
  assert.is(orderOf(batch('a', { b: 4 }), batch('b', { a: 2 })), 'ba')
  assert.is(orderOf(batch('a', { b: 3 }), batch('b', { a: 3 })), 'ab')
})

test('a tie goes to the smaller id', () => {
  assert.equal(supportOf(batch('a', { b: 3 }), batch('b', { a: 3 })), [7, 7])
  assert.is(orderOf(batch('x', { b: 3 }), batch('b', { x: 3 })), 'bx')
})

test('vote sets of different sizes count as they are', () => {
  assert.equal(supportOf(batch('a', { b: 3 }, ['k'], 6), batch('b', { a: 3 })), [6, 7])
  assert.is(orderOf(batch('a', { b: 3 }, ['k'], 6), batch('b', { a: 3 })), 'ba')
})

test('one fast, one slow: the fast one’s predecessor goes first', () => {
  assert.is(orderOf(batch('a', ['b']), batch('b', { a: 7 })), 'ba')
  assert.is(orderOf(batch('a', { b: 7 }), batch('b', ['a'])), 'ab')
})

test('both fast and in each other’s sets: the smaller id, with no strength at all', () => {
  assert.is(orderOf(batch('b', ['a']), batch('a', ['b'])), 'ab')
  assert.is(rankedOrder([batch('b', ['a']), batch('a', ['b'])]).pairs[0]?.strength, 0)
})

test('the weakest pair of a cycle gives way', () => {
  const members = [batch('a', { b: 2, c: 6 }), batch('b', { a: 5, c: 3 }), batch('c', { a: 1, b: 4 })]
  const { order, pairs } = rankedOrder(members)
  // c before a by 12 : 2, a before b by 10 : 4, b before c by 8 : 6.
  assert.equal(
    pairs.map(({ winner, loser, strength, locked }) => [winner, loser, strength, locked]),
    [
      ['c', 'a', 10, true],
      ['a', 'b', 6, true],
      ['b', 'c', 2, false],
    ],
  )
  assert.is(order.join(''), 'cab')
})

test('equal strengths: by winner, then by loser', () => {
  const members = [batch('a', { b: 2, c: 5 }), batch('b', { a: 5, c: 2 }), batch('c', { a: 2, b: 5 })]
  assert.equal(
    rankedOrder(members).pairs.map(({ winner, loser, locked }) => [winner, loser, locked]),
    [
      ['a', 'b', true],
      ['b', 'c', true],
      ['c', 'a', false],
    ],
  )
  assert.is(orderOf(...members), 'abc')
})

test('batches without a common key have no edge, though one names the other through a third', () => {
  const members = [batch('a', { b: 3 }, ['k']), batch('b', { a: 4, c: 3 }, ['k', 'l']), batch('c', { b: 4 }, ['l'])]
  assert.is(rankedOrder(members).pairs.length, 2)
  assert.is(orderOf(...members), 'abc')
})

test('components come predecessors first, each once, members of one together', () => {
  const edges: Record<string, string[]> = { a: ['b'], b: ['c', 'a'], c: ['d'], d: [], e: ['a'], f: [] }
  const components = componentsOf(['e', 'f'], (id) => edges[id] ?? []).map((members) => [...members].sort().join(''))
  assert.equal([...components].sort(), ['ab', 'c', 'd', 'e', 'f'])
  for (const [earlier, later] of [
    ['d', 'c'],
    ['c', 'ab'],
    ['ab', 'e'],
  ] as const)
    assert.ok(components.indexOf(earlier) < components.indexOf(later))
})

test('a chain of 200,000 predecessors does not exhaust the stack', () => {
  const chain = componentsOf(['0'], (id) => (Number(id) < 200_000 ? [String(Number(id) + 1)] : []))
  assert.equal([chain.length, chain[0], chain.at(-1)], [200_001, ['200000'], ['0']])
})

test('whatever the tallies, the order holds everyone once and no locked pair is turned round', () => {
  const size = fc.integer({ min: 1, max: 7 })
  const counts = fc.array(fc.nat(7), { minLength: 49, maxLength: 49 })
  fc.assert(
    fc.property(size, counts, fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }), (n, all, fast) => {
      const ids = [...'abcdefg'].slice(0, n)
      const members = ids.map((id, i) => {
        const inc = Object.fromEntries(ids.flatMap((other, j) => (i === j || (all[i * 7 + j] ?? 0) < 2 ? [] : [[other, all[i * 7 + j] ?? 0]])))
        return batch(id, fast[i] ? Object.keys(inc) : inc)
      })
      const { order, pairs } = rankedOrder(members)
      assert.equal([...order].sort(), ids)
      for (const { winner, loser, locked } of pairs) if (locked) assert.ok(order.indexOf(winner) < order.indexOf(loser))
      // A pair that was skipped would have closed a cycle: its loser was before its winner already.
      for (const { winner, loser, locked } of pairs) if (!locked) assert.ok(order.indexOf(loser) < order.indexOf(winner))
    }),
    { seed, numRuns: 300 },
  )
})

test('the vectors', () => {
  const { ranked } = JSON.parse(readFileSync(new URL('../vectors/protocol.json', import.meta.url), 'utf8')) as ProtocolVectors
  for (const { name, batches, order } of ranked) {
    const members = batches.map(({ batchId, predecessors, tallies }) => ({
      id: batchId,
      keys: ['k'],
      predecessors,
      tallies: tallies && { m: tallies.m, inc: new Map(Object.entries(tallies.inc)) },
    }))
    assert.equal(rankedOrder(members).order, order, name)
  }
})

test.run()
