// time limit: 180 s
/**
 * Liars in the simulator: each lie by itself and a conspiracy of liars that see everything. Up to f_a of them break nothing however slow the network is,
 * up to f_s break nothing under the guard while messages are timely, and more than that are seen to break something. Seeds are fixed here; the
 * swarm takes fresh ones.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { boundsOf } from '../../src/lib/core/manifest.js'
import { CALM, LIES, type Scenario } from '../../src/lib/simulator/scenario.js'
import { simulate } from '../../src/lib/simulator/simulate.js'
import { sweptScenario } from '../../src/lib/simulator/sweep.js'

/** Runs seeds of a sweep over a base; returns what failed, and how many runs showed something. */
function sweep(base: Scenario, seeds: number, first = 1): { failures: string[]; ok: number } {
  const { crashBound } = boundsOf(base.n, { a: 1, b: 2 })
  const failures: string[] = []
  let ok = 0
  for (let seed = first; seed < first + seeds; seed++) {
    const { verdict, command, violations } = simulate(sweptScenario({ base, crashes: crashBound }, seed), { countBytes: false })
    if (verdict === 'ok') ok++
    if (verdict === 'unsafe' || verdict === 'stuck')
      failures.push(`${verdict}: ${command}\n  ${violations.map(({ id, text }) => `${id} ${text}`).join('\n  ')}`)
  }
  return { failures, ok }
}

for (const lie of LIES)
  test(`one liar of seven (f_a = 1) breaks and stops nothing: ${lie}`, () => {
    const { failures, ok } = sweep({ ...CALM, liars: 1, lie }, 10, 1000)
    assert.equal(failures, [])
    assert.ok(ok > 0)
  })

test('three liars of seven (f_s = 3) that see everything break nothing under the guard', () => {
  const { failures, ok } = sweep({ ...CALM, liars: 3, lie: 'collude', deltaMs: 50, limitMs: 60_000 }, 40)
  assert.equal(failures, [])
  assert.ok(ok > 20)
})

test('two liars of five (f_s = 2), each with a lie of its own, break nothing under the guard', () => {
  const { failures, ok } = sweep({ ...CALM, n: 5, liars: 2, deltaMs: 50 }, 40)
  assert.equal(failures, [])
  assert.ok(ok > 20)
})

for (const [what, deltaMs, first] of [
  ['than f_a without the guard', 0, 40],
  ['than f_s with the guard', 50, 70],
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
