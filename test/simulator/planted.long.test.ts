// time limit: 7200 s
/**
 * The whole search for planted bugs: each rule taken out, up to 2,000 seeds or some minutes, and the first seed that shows it printed. What is found by
 * chance must be found within them; of the rules that need a directed schedule it is told only whether chance found it too. Besides: more liars than the bound.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { simulate } from '../../src/lib/simulator/simulate.js'
import { sweptScenario } from '../../src/lib/simulator/sweep.js'
import { DIRECTED, PLANTED, planted, type Search } from './planted-rules.js'

const SEEDS = 2000
/** For one rule, of processor time, so that other work beside it does not shorten the search: a rule that chance does not reach must not hold up the others. */
const SEARCH_S = 240
/** For a rule that a schedule shows already. */
const SEARCH_DIRECTED_S = 60

function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

function search({ rule, base, change = {} }: Search, seconds: number): { seed: number; broke: string } | undefined {
  const until = processorSeconds() + seconds
  let seed = 1
  for (; seed <= SEEDS && processorSeconds() < until; seed++) {
    const [first] = planted({ base, change, seed }, { rules: { [rule]: false } })
    if (!first) continue
    console.log(`${rule}: seed ${seed}, ${first.id} ${first.text}`)
    return { seed, broke: first.id }
  }
  console.log(`${rule}: none of ${seed - 1} seeds`)
  return undefined
}

for (const one of PLANTED) test(`by chance: ${one.rule}`, () => assert.ok(search(one, SEARCH_S)))

for (const one of DIRECTED) test(`sought by chance, shown by a schedule: ${one.rule}`, () => void search(one, SEARCH_DIRECTED_S))

/** Five of seven: with fewer it takes more seeds. */
const TOO_MANY: [what: string, base: Partial<Scenario>][] = [
  ['without the guard', { liars: 5 }],
  ['with the guard', { liars: 5, deltaMs: 50 }],
]

for (const [what, more] of TOO_MANY)
  test(`more liars than the bound, ${what}: the checkers see it, and name nobody honest`, () => {
    let caught = 0
    for (let seed = 1; seed <= SEEDS && caught === 0; seed++) {
      const base = { ...CALM, txs: 5, lie: 'collude', limitMs: 90_000, ...more }
      const { violations } = simulate({ ...sweptScenario({ base, crashes: 0 }, seed), liars: base.liars ?? 0 }, { countBytes: false })
      assert.equal(
        violations.filter(({ id }) => id === 'K2'),
        [],
      )
      if (violations.some(({ id }) => id === 'A1')) caught = seed
    }
    console.log(`${what}: seed ${caught}`)
    assert.ok(caught > 0)
  })

test.run()
