/**
 * Planted bugs: with a rule of the protocol taken out, a seed that the simulator calls unsafe; the very same seed with the rule kept is ok. A rule
 * that no longer matters here is a checker gone blind, or a schedule that no longer reaches it.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Rules } from '../../src/lib/core/rules.js'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { simulate } from '../../src/lib/simulator/simulate.js'
import { sweptScenario } from '../../src/lib/simulator/sweep.js'

interface Planted {
  rule: keyof Rules
  n: number
  crashes: number
  seed: number
  /** The check that notices. */
  id: string
}

const PLANTED: Planted[] = [
  { rule: 'rankedPairs', n: 7, crashes: 1, seed: 1, id: 'A1' },
  { rule: 'oneVote', n: 4, crashes: 0, seed: 1, id: 'D2' },
  { rule: 'promisesKept', n: 7, crashes: 1, seed: 1, id: 'K2' },
  { rule: 'acceptedReported', n: 7, crashes: 1, seed: 1, id: 'K2' },
]

function scenarioOf({ n, crashes, seed }: Planted): Scenario {
  return { ...sweptScenario({ base: { ...CALM, n, txs: 6 }, crashes }, seed), contention: 1, hotKeys: 2 }
}

for (const planted of PLANTED) {
  const { rule, n, seed, id } = planted
  test(`without ${rule}: ${id} breaks with ${n} signers and seed ${seed}, and only without it`, () => {
    const scenario = scenarioOf(planted)
    const without = simulate(scenario, { countBytes: false, rules: { [rule]: false } })
    assert.is(without.verdict, 'unsafe')
    assert.ok(without.violations.some((violation) => violation.id === id))
    assert.is(simulate(scenario, { countBytes: false }).verdict, 'ok')
  })
}

test.run()
