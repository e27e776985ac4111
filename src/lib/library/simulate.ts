/** A simulated cluster for programs: any settings of a scenario over those of a calm run. The simulator itself is `simulator/`. */
import { shorten } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import type { Violation } from '../simulator/history.js'
import { CALM, type Scenario } from '../simulator/scenario.js'
import * as simulator from '../simulator/simulate.js'

/** What came of a run: the part of `musig sim run --json` that programs may rely on. */
export interface SimulationResult {
  /** `unknown` where it showed nothing, because nothing was committed or a planned fault never happened. */
  verdict: 'ok' | 'unsafe' | 'stuck' | 'unknown'
  /** Whether no invariant was broken; null where the run showed nothing. */
  safe: boolean | null
  /** Whether everything owed was executed in time; null where nothing was owed or shown. */
  live: boolean | null
  violations: Violation[]
  /** Why the run shows nothing, if so. */
  unknown: string[]
  /** Batches that were executed, and how they were decided; `recovered` in a later ballot. */
  batches: { executed: number; fast: number; slow: number; recovered: number }
  /** The share of executed batches that were decided without phase 3. */
  fastShare: number
  /** From submission to execution at the signer that was asked: medians; `p95Ms` and `maxMs` of all transactions. */
  latency: { hops: number; ms: number; p95Ms: number; maxMs: number }
  /** The faults that happened, in words. */
  faults: readonly string[]
  /** Virtual milliseconds until everything was done. */
  virtualMs: number
  /** The `musig` command that repeats the run. */
  command: string
}

/**
 * Runs a whole cluster on a virtual network, with virtual disks and clocks, from one seed, and says what held: the same settings give the same result, byte for
 * byte. Without settings seven signers have a calm run. Signatures are the insecure fast ones. Errors: `BAD_INPUT` that names the setting.
 *
 * @example
 * const { verdict, batches, latency } = simulate({ n: 7, seed: 3, txs: 20, restarts: 1, loss: 0.05 })
 */
export function simulate(settings: Partial<Scenario> = {}): SimulationResult {
  const unknown = Object.keys(settings).find((name) => !Object.hasOwn(CALM, name))
  if (unknown !== undefined) throw new MusigError('BAD_INPUT', `“${shorten(unknown)}” is no setting of a scenario`)
  return simulator.simulate({ ...CALM, ...settings })
}
