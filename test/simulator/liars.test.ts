// time limit: 180 s
/**
 * Liars in the simulator: each lie by itself and a conspiracy of liars that see everything. Up to f_a of them break nothing however slow the network is,
 * up to f_s break nothing under the guard while messages are timely, and more than that are seen to break something. Seeds are fixed here; the
 * swarm takes fresh ones, and `liars.long.test.ts` more of them.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CALM } from '../../src/lib/simulator/scenario.js'
import { simulate } from '../../src/lib/simulator/simulate.js'
import { sweptScenario } from '../../src/lib/simulator/sweep.js'
import { liarsThatBreakNothing } from './liars-sweeps.js'

liarsThatBreakNothing(4, 12)

for (const [what, deltaMs, first] of [
  ['than f_a without the guard', 0, 40],
  ['than f_s with the guard', 50, 101],
] as const)
  test(`more liars ${what}: the checkers see it break, and nobody honest is named`, () => {
    let broken = 0
    for (let seed = first; seed < first + 200 && broken === 0; seed++) {
      const base = { ...CALM, txs: 5, liars: 5, lie: 'collude', deltaMs }
      const { violations } = simulate({ ...sweptScenario({ base, crashes: 0 }, seed), liars: 5 }, { countBytes: false })
      if (violations.some(({ id }) => id === 'A1')) broken++
      assert.equal(
        violations.filter(({ id }) => id === 'K2'),
        [],
      )
    }
    assert.ok(broken > 0)
  })

test.run()
