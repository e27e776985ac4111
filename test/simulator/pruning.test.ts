/** Signers that prune in the simulator: the checkers find nothing, through restarts, partitions, losses and liars, however close the snapshots are. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KINDS, pruned } from './pruning-runs.js'

const test = suite('signers that prune, simulated')

// At this seed a snapshot was taken while committed batches waited: after the restart they were executed in another order.
test('a restart from a snapshot executes in the order of before', () => {
  assert.ok(pruned(316, {}))
})

for (const [name, more] of KINDS)
  test(`${name}: nothing that was promised is broken, at a fresh seed at which something was pruned`, () => {
    const first = Date.now() % 100_000
    let seed = first
    while (seed < first + 3 && !pruned(seed, more)) seed++
    console.log(`${name}: seeds ${first} to ${Math.min(seed, first + 2)}`)
    assert.ok(seed < first + 3, `nothing was pruned at seeds ${first} to ${first + 2}`)
  })

test.run()
