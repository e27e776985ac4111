/** Signers that prune in the simulator, under faults: what the short and the long form of their test run. */
import * as assert from 'uvu/assert'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { simulate } from '../../src/lib/simulator/simulate.js'

const HARD: Scenario = { ...CALM, n: 5, txs: 60, windowMs: 20_000, contention: 0.8, hotKeys: 3, restarts: 3, cuts: 1, partitions: 1, loss: 0.05 }
export const KINDS: [name: string, more: Partial<Scenario>][] = [
  ['crashes', {}],
  ['crashes under the guard', { deltaMs: 50, delay: '1-20' }],
  ['a liar', { n: 8, liars: 1, restarts: 2 }],
  ['a liar under the guard', { n: 7, deltaMs: 50, delay: '1-20', liars: 1, restarts: 2, partitions: 0, loss: 0 }],
]

/** Runs one scenario; whether anything was pruned. Fails with what its checkers say. */
export function pruned(seed: number, more: Partial<Scenario>): boolean {
  const { violations, unknown, command } = simulate({ ...HARD, seed, snapshotEvery: 1 + (seed % 5), ...more })
  assert.equal(violations, [], command)
  return unknown.length === 0
}
