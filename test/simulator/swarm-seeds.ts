/**
 * A swarm: seeds that nobody has seen before, for some seconds of processor time, with all faults and with liars, in full asynchrony and under the guard. Prints where it
 * begins; what it finds goes into `regressions.test.ts` with the command that it prints. `SWARM_SECONDS` makes it longer or shorter, `SWARM_SEED` repeats one.
 */
import * as assert from 'uvu/assert'
import { type Bounds, boundsOf } from '../../src/lib/core/manifest.js'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { simulate, type Verdict } from '../../src/lib/simulator/simulate.js'
import { sweptScenario } from '../../src/lib/simulator/sweep.js'

const SIZES = [7, 4, 10, 5, 7, 9, 13]
const GUARD = { deltaMs: 50 }
const KINDS: ((bounds: Bounds) => Partial<Scenario>)[] = [
  () => ({}),
  ({ asyncByzantineBound }) => ({ liars: asyncByzantineBound }),
  ({ asyncByzantineBound }) => ({ liars: asyncByzantineBound, lie: 'collude' }),
  ({ syncByzantineBound }) => ({ ...GUARD, liars: syncByzantineBound }),
  ({ syncByzantineBound }) => ({ ...GUARD, liars: syncByzantineBound, lie: 'collude' }),
]

/** Runs so many seconds of processor time of seeds, which is as many of them where other tests run beside it; fails with the commands that repeat what broke. */
export function swarm(seconds: number): void {
  const first = Number(process.env['SWARM_SEED'] ?? Date.now() % 1_000_000_000)
  const limitUs = 1e6 * Number(process.env['SWARM_SECONDS'] ?? seconds)
  const usedUs = () => process.cpuUsage().user + process.cpuUsage().system
  console.log(`swarm: SWARM_SEED=${first}`)
  const counts: Record<Verdict, number> = { ok: 0, unsafe: 0, stuck: 0, unknown: 0 }
  const failures: string[] = []
  // On a slow machine a few all the same.
  for (let seed = first; (seed < first + 15 || usedUs() < limitUs) && failures.length < 5; seed++) {
    const n = SIZES[seed % SIZES.length] ?? 7
    const bounds = boundsOf(n, { a: 1, b: 2 })
    const base = { ...CALM, n, txs: 3 + (seed % 8), ...KINDS[seed % KINDS.length]?.(bounds) }
    const { verdict, command, violations } = simulate(sweptScenario({ base, crashes: bounds.crashBound }, seed), { countBytes: false })
    counts[verdict]++
    if (verdict === 'unsafe' || verdict === 'stuck')
      failures.push(`${verdict}: ${command}\n  ${violations.map(({ id, text }) => `${id} ${text}`).join('\n  ')}`)
  }
  console.log(`swarm: ${JSON.stringify(counts)}`)
  assert.equal(failures, [])
  assert.ok(counts.ok > 10, JSON.stringify(counts))
}
