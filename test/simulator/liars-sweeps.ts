/** Sweeps over liars that must break nothing: each lie by itself, and under the guard as many as it bears. The short and the long form run some of the same seeds. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { boundsOf } from '../../src/lib/core/manifest.js'
import { CALM, LIES, type Scenario } from '../../src/lib/simulator/scenario.js'
import { simulate } from '../../src/lib/simulator/simulate.js'
import { sweptScenario } from '../../src/lib/simulator/sweep.js'

/** Runs seeds of a sweep over a base: none may be unsafe or stuck. How many showed something. */
function bearsLiars(base: Scenario, seeds: number, first: number): number {
  const { crashBound } = boundsOf(base.n, { a: 1, b: 2 })
  const failures: string[] = []
  let ok = 0
  for (let seed = first; seed < first + seeds; seed++) {
    const { verdict, command, violations } = simulate(sweptScenario({ base, crashes: crashBound }, seed), { countBytes: false })
    if (verdict === 'ok') ok++
    if (verdict === 'unsafe' || verdict === 'stuck')
      failures.push(`${verdict}: ${command}\n  ${violations.map(({ id, text }) => `${id} ${text}`).join('\n  ')}`)
  }
  assert.equal(failures, [])
  return ok
}

/** Declares the tests: so many seeds for each lie, and for the guard. */
export function liarsThatBreakNothing(seedsOfLie: number, seedsOfGuard: number): void {
  for (const lie of LIES)
    test(`one liar of seven (f_a = 1) breaks and stops nothing: ${lie}`, () => {
      assert.ok(bearsLiars({ ...CALM, liars: 1, lie }, seedsOfLie, 1000) > 0)
    })

  test('three liars of seven (f_s = 3) that see everything break nothing under the guard', () => {
    assert.ok(bearsLiars({ ...CALM, liars: 3, lie: 'collude', deltaMs: 50, limitMs: 60_000 }, seedsOfGuard, 1) > seedsOfGuard / 2)
  })

  test('two liars of five (f_s = 2), each with a lie of its own, break nothing under the guard', () => {
    assert.ok(bearsLiars({ ...CALM, n: 5, liars: 2, deltaMs: 50 }, seedsOfGuard, 1) > seedsOfGuard / 2)
  })
}
