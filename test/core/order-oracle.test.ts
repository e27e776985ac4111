/**
 * The order against a second derivation that was written from the protocol's text, without sight of the product: 1,000 random inputs from a
 * printed seed and 1,000 fixed ones, each also with signers and batches shuffled.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { OrderData } from '../../src/lib/inspect/data.js'
import { deriveFromVotes } from '../../src/lib/inspect/votes-file.js'
import { type Derived, deriveByText } from '../oracle/derive.js'
import { randomVotes, shuffled } from '../oracle/votes.js'

/** What both say: the product also tells the keys, votes and arrivals that it was given, and the ranked pairs that led to the order. */
function comparable(data: OrderData): Derived {
  const { n, quorum, inclusion, batches, pairs, components, order } = data
  const told = batches.map(({ keys: _keys, views: _views, ...batch }) => batch)
  return JSON.parse(JSON.stringify({ n, quorum, inclusion, batches: told, pairs, components, order }))
}

function compare(first: number, count: number): void {
  let cycles = 0
  for (let seed = first; seed < first + count; seed++) {
    const input = randomVotes(seed)
    const derived = deriveByText(input)
    if (derived.components.some((component) => component.length > 1)) cycles++
    assert.equal(comparable(deriveFromVotes(JSON.parse(JSON.stringify(input)))), derived, `seed ${seed}`)
    assert.equal(comparable(deriveFromVotes(JSON.parse(JSON.stringify(shuffled(input, seed))))), derived, `seed ${seed}, shuffled`)
  }
  console.log(`${count} inputs from seed ${first}: ${cycles} with a cycle`)
  assert.ok(cycles * 3 >= count, `only ${cycles} of ${count} inputs have a cycle`)
}

test('1,000 fixed inputs give the order that the text gives', () => compare(0, 1000))

test('1,000 fresh inputs do too', () => compare(1_000_000 + Math.floor(Math.random() * 1_000_000_000), 1000))

test.run()
