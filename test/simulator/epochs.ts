/** What `epochs.test.ts` and `epochs.long.test.ts` run alike: changes of the signers under load, with all that can go wrong. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Rules } from '../../src/lib/core/rules.js'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { type Result, simulate } from '../../src/lib/simulator/simulate.js'
import type { TraceLine } from '../../src/lib/simulator/trace.js'

const LOAD: Partial<Scenario> = { n: 5, txs: 10, windowMs: 150, contention: 0.8, hotKeys: 2, evicts: 1 }

const STORIES: readonly [name: string, scenario: Partial<Scenario>][] = [
  ['a signer is evicted under load', {}],
  ['a signer is admitted under load', { evicts: 0, admits: 1 }],
  ['two are evicted and one is admitted at about the same time: changes race with one another and with votes', { evicts: 2, admits: 1 }],
  ['signers crash around the change and come back', { evicts: 1, admits: 1, restarts: 3 }],
  ['messages are lost, late, doubled and out of order', { loss: 0.05, duplicate: 0.05, reorder: true }],
  ['the network falls apart meanwhile', { cuts: 1, partitions: 1 }],
  ['with the synchrony guard', { deltaMs: 50 }],
  ['with the synchrony guard, and restarts', { deltaMs: 50, admits: 1, restarts: 2 }],
  ['one lies, evicted or not', { liars: 1 }],
  ['one says again in an epoch what it said in another', { liars: 1, lie: 'replay', admits: 1 }],
  ['records are pruned across the change', { txs: 20, snapshotEvery: 3, restarts: 1 }],
  ['messages travel as bytes', { bytes: true, admits: 1 }],
  ['a peer follows', { peers: 1, confirm: 2 }],
]

/** Far more than a change takes among seven. */
const MOST_FINALS = 5000

function run(scenario: Partial<Scenario>, seed: number, rules: Partial<Rules> = {}): Result {
  return simulate({ ...CALM, ...LOAD, ...scenario, seed }, { countBytes: false, rules })
}

/** Runs every story with so many seeds from `first` on. */
export function testEpochs(first: number, seeds: number): void {
  for (const [name, scenario] of STORIES) {
    test(`${name}: seeds ${first} to ${first + seeds - 1}`, () => {
      for (let seed = first; seed < first + seeds; seed++) {
        const { verdict, violations, command } = run(scenario, seed)
        assert.equal(violations, [], command)
        // Where nothing was pruned a run shows nothing.
        assert.ok(verdict === 'ok' || (verdict === 'unknown' && scenario.snapshotEvery), `${verdict}: ${command}`)
      }
    })
  }

  test('a liar that says once more that a change is final does not have signers answer one another without end', () => {
    let finals = 0
    const trace = ({ what, data }: TraceLine): void => {
      if (what !== 'send' || (data as { type?: string }).type !== 'finals') return
      // What was without end comes to one here.
      if (++finals > MOST_FINALS) throw new Error(`${finals} FINALS`)
    }
    const scenario: Scenario = {
      ...CALM,
      n: 7,
      txs: 6,
      windowMs: 100,
      contention: 0.8,
      hotKeys: 1,
      evicts: 1,
      liars: 3,
      deltaMs: 50,
      limitMs: 20_000,
      seed: 3003,
    }
    assert.equal(simulate(scenario, { countBytes: false, trace }).violations, [])
  })

  for (const [rule, name] of [
    ['changesConflict', 'a change that does not conflict with every batch'],
    ['changesEnd', 'signers that go on in the old epoch behind the change'],
  ] as const)
    test(`${name}: the epoch ends at several points of the order`, () => {
      const broken = Array.from({ length: 8 }, (_, i) => run({ limitMs: 3000 }, first + i, { [rule]: false })).filter(({ violations }) =>
        violations.some(({ id }) => id === 'E1'),
      )
      assert.ok(broken.length >= 2, `${broken.length} of 8 runs broke E1 without the rule ${rule}`)
    })
}
