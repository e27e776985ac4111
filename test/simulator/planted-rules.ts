/** Rules to take out, the runs in which that is looked for, and what is known of it: for the seeds that are kept, and for the long search. */
import type { Rules } from '../../src/lib/core/rules.js'
import type { Violation } from '../../src/lib/simulator/history.js'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { type RunOptions, simulate } from '../../src/lib/simulator/simulate.js'
import { sweptScenario } from '../../src/lib/simulator/sweep.js'

/** A rule, and runs that may show that it is out. */
export interface Search {
  rule: keyof Rules
  base: Partial<Scenario>
  change?: Partial<Scenario>
}

/** One that is found, at this seed. */
export interface Planted extends Search {
  seed: number
  breaks: Violation['id']
}

/** f_s liars that see everything, under the guard. */
const COLLUDING_THREE = { txs: 5, liars: 3, lie: 'collude', deltaMs: 50 }
const COLLUDING_TWO = { n: 5, txs: 5, liars: 2, lie: 'collude', deltaMs: 50 }

/** Found by running the seeds of a sweep from 1 on. */
export const PLANTED: readonly Planted[] = [
  { rule: 'learnerVerifies', seed: 5, breaks: 'A1', base: { txs: 5, peers: 1, liars: 1, lie: 'mislead-peers' }, change: { crashes: 1 } },
  { rule: 'forcedValue', seed: 43, breaks: 'O1', base: { txs: 8 } },
  { rule: 'oneVote', seed: 9, breaks: 'D2', base: { txs: 8 } },
  { rule: 'rankedPairs', seed: 2, breaks: 'A1', base: { txs: 8 } },
  { rule: 'ordersChecked', seed: 3, breaks: 'O1', base: { txs: 6, liars: 1, lie: 'unjustified-order' }, change: { crashes: 1 } },
  { rule: 'promisesKept', seed: 51, breaks: 'K2', base: { txs: 6 } },
  { rule: 'oneAccept', seed: 334, breaks: 'D2', base: { txs: 6, liars: 1, lie: 'two-faced-root' }, change: { crashes: 1 } },
  { rule: 'acceptedReported', seed: 19, breaks: 'K2', base: { txs: 6 } },
  { rule: 'neverUnordered', seed: 19, breaks: 'A1', base: { n: 16, txs: 16 }, change: { contention: 1, hotKeys: 1 } },
  { rule: 'guard', seed: 305, breaks: 'A1', base: COLLUDING_THREE, change: { crashes: 0, restarts: 0 } },
  { rule: 'noHigherNotice', seed: 356, breaks: 'A1', base: COLLUDING_TWO, change: { crashes: 0, restarts: 0 } },
  { rule: 'acceptedStands', seed: 364, breaks: 'A1', base: { n: 8, txs: 8 }, change: { contention: 1, hotKeys: 1 } },
  { rule: 'arrivalKept', seed: 10, breaks: 'K2', base: { n: 5, txs: 6 }, change: { contention: 1, hotKeys: 1, restarts: 3 } },
  { rule: 'blockers', seed: 147, breaks: 'L2', base: { n: 8, txs: 8 }, change: { contention: 1, hotKeys: 1 } },
]

const ONE_KEY = { change: { contention: 1, hotKeys: 1 } }
const CALM_ONE_KEY = { change: { crashes: 0, restarts: 0, contention: 1, hotKeys: 1 } }

/** Rules that need a schedule which randomness hardly ever makes: `test/core/rules-out.test.ts` makes it. */
export const DIRECTED: readonly Search[] = [
  { rule: 'backingsVerify', base: { n: 8, txs: 6, liars: 2, lie: 'false-blockers' }, ...ONE_KEY },
  { rule: 'prepareNeedsTimeouts', base: { txs: 6, liars: 1, lie: 'pre-empt' }, ...ONE_KEY },
  { rule: 'waitsForAll', base: { n: 9, txs: 8 }, ...ONE_KEY },
  { rule: 'putOff', base: { n: 8, txs: 20 }, ...ONE_KEY },
  // `test/core/sustained.test.ts`
  { rule: 'holdBack', base: { n: 8, txs: 20 }, ...ONE_KEY },
  { rule: 'noticeWait', base: COLLUDING_TWO, ...CALM_ONE_KEY },
  { rule: 'noticeAnswered', base: COLLUDING_TWO, ...CALM_ONE_KEY },
  { rule: 'noticedConflicts', base: COLLUDING_TWO, ...CALM_ONE_KEY },
  { rule: 'locksBind', base: COLLUDING_TWO, ...CALM_ONE_KEY },
  { rule: 'certificateFirst', base: COLLUDING_TWO, ...CALM_ONE_KEY },
  { rule: 'fastIsVoid', base: COLLUDING_TWO, ...CALM_ONE_KEY },
  {
    rule: 'headsCompared',
    base: { n: 5, txs: 6, liars: 1, lie: 'collude', deltaMs: 50 },
    change: { contention: 1, hotKeys: 1, restarts: 1, delay: '1-10' },
  },
  {
    rule: 'lateDoubted',
    base: { n: 5, txs: 6, liars: 1, lie: 'collude', deltaMs: 50 },
    change: { contention: 1, hotKeys: 1, restarts: 1, delay: '1-10' },
  },
  { rule: 'settling', base: { n: 5, txs: 6, deltaMs: 50 }, change: { contention: 1, hotKeys: 1, restarts: 2, delay: '1-10' } },
]

/** Rules that stories of their own show. The file breaks the rule and sees what it is there for. */
export const SHOWN_ELSEWHERE: ReadonlyMap<keyof Rules, string> = new Map([
  ['halvesJoined', 'test/core/joining.test.ts'],
  ['changesConflict', 'test/simulator/epochs.ts'],
  ['changesEnd', 'test/simulator/epochs.ts'],
])

/** What breaks in a run, but for progress. */
export function planted({ base, change, seed }: Omit<Search, 'rule'> & { seed: number }, options: RunOptions): Violation[] {
  const drawn = sweptScenario({ base: { ...CALM, limitMs: 90_000, ...base }, crashes: 1 }, seed)
  // A sweep has grown by these since the seeds were found, and signers by what they tell of what they heard.
  const scenario = { ...drawn, pauses: 0, jumps: 0, liars: base.liars ?? 0, ...change }
  return simulate(scenario, { countBytes: false, ...options, rules: { halvesJoined: false, ...options.rules } }).violations.filter(
    ({ id }) => id !== 'L1',
  )
}
