// time limit: 120 s
/**
 * Peers in the simulator: they join late, crash and come back, and are fed lies. They execute what signers do, everything of it, and suspect nobody honest.
 * Seeds are fixed here; without the check of certificates it breaks (`planted.test.ts`).
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { History } from '../../src/lib/simulator/history.js'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { simulate } from '../../src/lib/simulator/simulate.js'
import { sweptScenario } from '../../src/lib/simulator/sweep.js'

const SEEDS = 5

/** Runs seeds of a sweep over a base; returns what failed, and the histories. */
function sweep(base: Partial<Scenario>): { failures: string[]; histories: History[] } {
  const failures: string[] = []
  const histories: History[] = []
  for (let seed = 1; seed <= SEEDS; seed++) {
    const scenario = sweptScenario({ base: { ...CALM, txs: 6, peers: 2, limitMs: 120_000, ...base }, crashes: 1 }, seed)
    const { verdict, command, violations } = simulate(scenario, { countBytes: false, history: (history) => histories.push(history) })
    if (verdict === 'unsafe' || verdict === 'stuck') failures.push(`${verdict}: ${command}\n  ${violations.map(({ text }) => text).join('\n  ')}`)
  }
  return { failures, histories }
}

const BASES: [what: string, base: Partial<Scenario>][] = [
  ['certificates are enough', {}],
  ['confirmed by f_s + 1 of seven, under the guard', { confirm: 4, deltaMs: 50 }],
  ['a signer that misleads them', { liars: 1, lie: 'mislead-peers' }],
  ['f_s signers that mislead them, confirmed', { liars: 3, lie: 'mislead-peers', deltaMs: 50, confirm: 4 }],
  ['f_s liars that see everything, confirmed', { liars: 3, lie: 'collude', deltaMs: 50, confirm: 4 }],
]

for (const [what, base] of BASES)
  test(`peers follow: ${what}`, () => {
    const { failures, histories } = sweep(base)
    assert.equal(failures, [])
    let restarts = 0
    let isAnyMisled = false
    for (const { signers, peers, peerSuspicions, progressOwed, liars } of histories) {
      const most = Math.max(...signers.map(({ executed }) => executed.length))
      if (progressOwed) for (const { executed } of peers) assert.is(executed.length, most)
      // The first start is one too.
      for (const peer of peers) restarts += peer.restarts.length - 1
      if (peerSuspicions.some(({ signer }) => liars.has(signer))) isAnyMisled = true
    }
    assert.ok(restarts > 2, `${restarts} restarts`)
    assert.is(isAnyMisled, base.lie === 'mislead-peers' || base.lie === 'collude')
  })

test('more confirmations than a quorum are refused: so many may never run at once', () => {
  assert.throws(() => simulate({ ...CALM, peers: 1, confirm: 7 }), /confirm is 7; more than the quorum of 6/)
  assert.throws(() => simulate({ ...CALM, peers: 1, topology: 'mesh' }), /mesh answer no peers/)
})

test.run()
