/** Signers that prune in the simulator: the checkers find nothing, through restarts, partitions, losses and liars, however close the snapshots are. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { simulate } from '../../src/lib/simulator/simulate.js'

const test = suite('signers that prune, simulated')

const HARD: Scenario = { ...CALM, n: 5, txs: 60, windowMs: 20_000, contention: 0.8, hotKeys: 3, restarts: 3, cuts: 1, partitions: 1, loss: 0.05 }
const KINDS: [name: string, more: Partial<Scenario>][] = [
  ['crashes', {}],
  ['crashes under the guard', { deltaMs: 50, delay: '1-20' }],
  ['a liar', { n: 8, liars: 1, restarts: 2 }],
  ['a liar under the guard', { n: 7, deltaMs: 50, delay: '1-20', liars: 1, restarts: 2, partitions: 0, loss: 0 }],
]

/** Runs one scenario; what its checkers say, and whether anything was pruned. */
function run(seed: number, more: Partial<Scenario>): boolean {
  const { violations, unknown, command } = simulate({ ...HARD, seed, snapshotEvery: 1 + (seed % 5), ...more })
  assert.equal(violations, [], command)
  return unknown.length === 0
}

// At this seed a snapshot was taken while committed batches waited: after the restart they were executed in another order.
test('a restart from a snapshot executes in the order of before', () => {
  assert.ok(run(316, {}))
})

for (const [name, more] of KINDS)
  test(`${name}: nothing that was promised is broken`, () => {
    const first = Date.now() % 100_000
    const pruned = [first, first + 1, first + 2].filter((seed) => run(seed, more)).length
    console.log(`${name}: seeds ${first} to ${first + 2}, pruned in ${pruned}`)
    assert.ok(pruned > 0, `nothing was pruned at seeds ${first} to ${first + 2}`)
  })

test.run()
