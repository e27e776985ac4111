/** Signers that prune in the simulator: the checkers find nothing, through restarts, partitions, losses and liars, however close the snapshots are. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KINDS, pruned } from './pruning-runs.js'

const test = suite('signers that prune, simulated')
/** In so many nothing may be pruned: every second seed or so prunes. */
const SEEDS = 12

// At this seed a snapshot was taken while committed batches waited: after the restart they were executed in another order.
test('a restart from a snapshot executes in the order of before', () => {
  assert.ok(pruned(316, {}))
})

for (const [name, more] of KINDS)
  test(`${name}: nothing that was promised is broken, at a fresh seed at which something was pruned`, () => {
    const first = Date.now() % 100_000
    let seed = first
    while (seed < first + SEEDS && !pruned(seed, more)) seed++
    console.log(`${name}: seeds ${first} to ${seed}`)
    assert.ok(seed < first + SEEDS, `nothing was pruned at seeds ${first} to ${seed - 1}`)
  })

test.run()
