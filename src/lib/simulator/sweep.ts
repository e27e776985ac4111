/** Many runs: one scenario from each seed, harder and easier ones mixed, and a table of what held at the end. */
import { SeededRandom } from '../base/prng.js'
import type { Violation } from './history.js'
import { quantile } from './quantile.js'
import type { Scenario } from './scenario.js'
import type { Result, Verdict } from './simulate.js'

/** Which faults a sweep mixes. `crashes` bounds those for good. */
export interface SweepOptions {
  base: Scenario
  /** Up to how many signers crash for good in one run; others crash and come back. */
  crashes: number
}

/**
 * The scenario of one seed of a sweep: delays, contention, crashes, restarts, losses, cuts drawn from the seed. The base gives n, the number of
 * transactions, and everything that is not drawn.
 */
export function sweptScenario({ base, crashes }: SweepOptions, seed: number): Scenario {
  const random = new SeededRandom(`sweep/${seed}`)
  const one = (share: number) => random.fraction() < share
  // As many as may be down: those that lie are among them.
  const forGood = Math.min(Math.max(0, crashes - base.liars), random.upTo(crashes + Math.ceil(crashes / 2)))
  const more = new SeededRandom(`sweep/more/${seed}`)
  const some = (share: number, most: number) => (more.fraction() < share ? 1 + more.upTo(most - 1) : 0)
  const scenario = {
    ...base,
    seed,
    delay: random.pick(['1-10', '5', '2-40', 'exp:8', 'exp:30', 'lognormal:8:1']),
    disk: random.pick(['0', '1', '0-4', 'exp:3']),
    windowMs: random.pick([0, 10, 30, 100, 1000]),
    contention: random.pick([0.5, 0.9, 1]),
    hotKeys: random.pick([1, 1, 2, 3]),
    invalid: one(0.1) ? 0.2 : 0,
    crashes: forGood,
    restarts: one(0.4) ? random.upTo(Math.min(base.n - forGood, 4)) : 0,
    loss: base.n > 1 && one(0.25) ? random.pick([0.05, 0.15, 0.3]) : 0,
    duplicate: base.n > 1 && one(0.1) ? 0.1 : 0,
    reorder: one(0.1),
    cuts: base.n > 1 && one(0.2) ? 1 + random.upTo(2) : 0,
    slow: base.n > 1 && one(0.2) ? 1 + random.upTo(2) : 0,
    bytes: one(0.05),
    partitions: base.n > 1 && one(0.25) ? 1 + random.upTo(1) : 0,
    pauses: some(0.2, 2),
    jumps: some(0.15, 3),
  }
  // More liars than f_a are survived only while messages between honest signers arrive within Δ, and whoever crashes counts as one of them (§9),
  // as does one whose clock jumps. A process may be stopped for what messages and disks leave of Δ.
  if (base.liars === 0 || base.deltaMs === 0) return scenario
  const timely = { delay: random.pick(['1-10', '5', '2-20']), disk: random.pick(['0', '1', '0-4']) }
  const down = Math.min(base.liars, some(0.4, 3))
  const restarts = more.upTo(down)
  const good = Math.min(crashes, down - restarts)
  return {
    ...scenario,
    ...timely,
    liars: base.liars - restarts - good,
    crashes: good,
    restarts,
    loss: 0,
    cuts: 0,
    slow: 0,
    partitions: 0,
    pauses: some(0.3, 1),
    pauseMs: Math.floor(base.deltaMs / 3),
    jumps: 0,
  }
}

/** A run of a sweep that did not hold. */
export interface Failure {
  seed: number
  verdict: Verdict
  violations: Violation[]
  /** The command that repeats it. */
  command: string
}

/** What came of a sweep. `safe` and `live` as of one run, over all. */
export interface SweepResult {
  /** The first seed. */
  seed: number
  n: number
  runs: number
  verdicts: Record<Verdict, number>
  safe: boolean
  live: boolean
  /** At most a hundred; `verdicts` counts all. */
  failures: Failure[]
  violations: Violation[]
  batches: { executed: number; fast: number; slow: number; recovered: number }
  fastShare: number
  latency: { hops: number; ms: number; p95Ms: number; maxMs: number }
  perSigner: { messages: number; bytes: number; signatures: number; verifications: number }
  /** Faults that happened. */
  faults: number
}

const KEPT_FAILURES = 100

/** Adds runs up. */
export class SweepSum {
  readonly #n: number
  readonly #first: number
  readonly #verdicts: Record<Verdict, number> = { ok: 0, unsafe: 0, stuck: 0, unknown: 0 }
  readonly #failures: Failure[] = []
  readonly #batches = { executed: 0, fast: 0, slow: 0, recovered: 0 }
  readonly #latencies: number[] = []
  readonly #hops: number[] = []
  readonly #costs = { messages: 0, bytes: 0, signatures: 0, verifications: 0 }
  #faults = 0
  runs = 0

  constructor(n: number, first: number) {
    this.#n = n
    this.#first = first
  }

  add({ seed, verdict, violations, command, batches, latency, perSigner, faults }: Result): void {
    this.runs++
    this.#verdicts[verdict]++
    if ((verdict === 'unsafe' || verdict === 'stuck') && this.#failures.length < KEPT_FAILURES)
      this.#failures.push({ seed, verdict, violations, command })
    for (const name of ['executed', 'fast', 'slow', 'recovered'] as const) this.#batches[name] += batches[name]
    for (const name of ['messages', 'bytes', 'signatures', 'verifications'] as const) this.#costs[name] += perSigner[name]
    this.#latencies.push(latency.ms)
    this.#hops.push(latency.hops)
    this.#faults += faults.length
  }

  /** Runs that were unsafe or stuck. */
  get failures(): number {
    return this.#verdicts.unsafe + this.#verdicts.stuck
  }

  get result(): SweepResult {
    const { executed, fast } = this.#batches
    // Rounded, for sums of fractions depend on the order in which the runs came in.
    const mean = (sum: number) => Math.round((sum / Math.max(1, this.runs)) * 1000) / 1000
    return {
      seed: this.#first,
      n: this.#n,
      runs: this.runs,
      verdicts: { ...this.#verdicts },
      safe: this.#verdicts.unsafe === 0 && this.#verdicts.ok > 0,
      live: this.#verdicts.stuck === 0 && this.#verdicts.ok > 0,
      failures: this.#failures,
      violations: this.#failures.flatMap(({ violations }) => violations),
      batches: { ...this.#batches },
      fastShare: executed === 0 ? 0 : fast / executed,
      latency: {
        hops: quantile(this.#hops, 0.5),
        ms: quantile(this.#latencies, 0.5),
        p95Ms: quantile(this.#latencies, 0.95),
        maxMs: quantile(this.#latencies, 1),
      },
      perSigner: {
        messages: mean(this.#costs.messages),
        bytes: mean(this.#costs.bytes),
        signatures: mean(this.#costs.signatures),
        verifications: mean(this.#costs.verifications),
      },
      faults: this.#faults,
    }
  }
}
