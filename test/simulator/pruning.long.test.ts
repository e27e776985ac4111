// time limit: 900 s
/** Signers that prune in the simulator, at ten fresh seeds for each kind of fault; `pruning.test.ts` takes one. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KINDS, pruned } from './pruning-runs.js'

for (const [name, more] of KINDS)
  test(`${name}: nothing that was promised is broken`, () => {
    const first = Date.now() % 100_000
    console.log(`${name}: seeds ${first} to ${first + 9}`)
    const seeds = Array.from({ length: 10 }, (_, i) => first + i)
    assert.ok(seeds.filter((seed) => pruned(seed, more)).length > 0, 'nothing was pruned')
  })

test.run()
