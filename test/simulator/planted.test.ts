// time limit: 180 s
/**
 * Planted bugs: with one rule taken out the simulator finds what breaks, at the seeds kept here; with the rule kept the same seeds are safe. Found by
 * running the seeds of a sweep from 1 on; `docs/simulator.md` says after how many.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DurableRecord } from '../../src/lib/core/record.js'
import type { Rules } from '../../src/lib/core/rules.js'
import { Signer } from '../../src/lib/core/signer.js'
import type { Violation } from '../../src/lib/simulator/history.js'
import type { SimulatedSigner } from '../../src/lib/simulator/host.js'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { type RunOptions, simulate } from '../../src/lib/simulator/simulate.js'
import { sweptScenario } from '../../src/lib/simulator/sweep.js'

interface Planted {
  rule: keyof Rules
  seed: number
  breaks: Violation['id']
  base: Partial<Scenario>
  change?: Partial<Scenario>
}

/** f_s liars that see everything, under the guard. */
const COLLUDING_THREE = { txs: 5, liars: 3, lie: 'collude', deltaMs: 50 }
const COLLUDING_TWO = { n: 5, txs: 5, liars: 2, lie: 'collude', deltaMs: 50 }

const PLANTED: Planted[] = [
  { rule: 'learnerVerifies', seed: 5, breaks: 'A1', base: { txs: 5, peers: 1, liars: 1, lie: 'mislead-peers' }, change: { crashes: 1 } },
  { rule: 'forcedValue', seed: 43, breaks: 'O1', base: { txs: 8 } },
  { rule: 'oneVote', seed: 9, breaks: 'D2', base: { txs: 8 } },
  { rule: 'rankedPairs', seed: 2, breaks: 'A1', base: { txs: 8 } },
  { rule: 'ordersChecked', seed: 33, breaks: 'O1', base: { txs: 6, liars: 1, lie: 'unjustified-order' }, change: { crashes: 1 } },
  { rule: 'promisesKept', seed: 51, breaks: 'K2', base: { txs: 6 } },
  { rule: 'oneAccept', seed: 334, breaks: 'D2', base: { txs: 6, liars: 1, lie: 'two-faced-root' }, change: { crashes: 1 } },
  { rule: 'acceptedReported', seed: 19, breaks: 'K2', base: { txs: 6 } },
  { rule: 'neverUnordered', seed: 1, breaks: 'A1', base: { n: 31, txs: 20 }, change: { contention: 1, hotKeys: 1 } },
  { rule: 'guard', seed: 305, breaks: 'A1', base: COLLUDING_THREE, change: { crashes: 0, restarts: 0 } },
  { rule: 'noHigherNotice', seed: 356, breaks: 'A1', base: COLLUDING_TWO, change: { crashes: 0, restarts: 0 } },
]

function planted({ base, change, seed }: Pick<Planted, 'base' | 'change' | 'seed'>, options: RunOptions): Violation[] {
  const drawn = sweptScenario({ base: { ...CALM, limitMs: 20_000, ...base }, crashes: 1 }, seed)
  // A sweep has grown by these since the seeds were found.
  const scenario = { ...drawn, pauses: 0, jumps: 0, liars: base.liars ?? 0, ...change }
  return simulate(scenario, { countBytes: false, ...options }).violations.filter(({ id }) => id !== 'L1')
}

for (const one of PLANTED) {
  test(`without “${one.rule}” seed ${one.seed} breaks ${one.breaks}`, () => {
    assert.ok(planted(one, { rules: { [one.rule]: false } }).some(({ id }) => id === one.breaks))
  })
  test(`with it the same seed is safe: ${one.rule}`, () => assert.equal(planted(one, {}), []))
}

/** A signer that sends what a step says before it writes the records of that step, where one is of this kind. */
function writesLate(signer: SimulatedSigner, kind: DurableRecord['type']): SimulatedSigner {
  return {
    get wakeAt() {
      return signer.wakeAt
    },
    restore: (records) => signer.restore(records),
    step(event) {
      const effects = signer.step(event)
      if (!effects.some((effect) => effect.type === 'persist' && effect.record.type === kind)) return effects
      return [...effects.filter(({ type }) => type !== 'persist'), ...effects.filter(({ type }) => type === 'persist')]
    },
  }
}

for (const kind of ['batch', 'vote', 'accept', 'promise', 'order'] as const)
  test(`sent before it is stored, ${kind}: breaks D2 within 5 seeds`, () => {
    const wrap: RunOptions['wrap'] = (signer) => writesLate(signer, kind)
    let caught = 0
    for (let seed = 1; seed <= 5 && caught === 0; seed++) {
      const violations = planted({ base: { n: 5, txs: 6 }, seed }, { wrap })
      if (violations.some(({ id, text }) => id === 'D2' && text.includes(`its ${kind}`))) caught = seed
    }
    assert.ok(caught > 0)
  })

const BOUNDS: [what: string, change: (q: { n: number; quorum: number; inclusion: number }) => { quorum?: number; inclusion?: number }][] = [
  ['an inclusion of 0', () => ({ inclusion: 0 })],
  ['an inclusion too large', ({ quorum }) => ({ inclusion: quorum - 1 })],
  ['thresholds over what arrived instead of n', ({ n }) => ({ quorum: Math.floor(n / 2) + 1 })],
]

for (const [what, change] of BOUNDS)
  test(`${what}: caught within 60 seeds`, () => {
    const make: RunOptions['make'] = (options) => new Signer({ ...options, manifest: { ...options.manifest, ...change(options.manifest) } })
    let caught = 0
    for (let seed = 1; seed <= 60 && caught === 0; seed++) if (planted({ base: { txs: 6 }, seed }, { make }).length > 0) caught = seed
    console.log(`${what}: caught at seed ${caught}`)
    assert.ok(caught > 0)
  })

test.run()
