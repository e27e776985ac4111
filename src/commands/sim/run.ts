/** `musig sim run`: one run of the simulator from one seed, and what came of it. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { settingFlags } from '../../lib/cli/setting-flags.js'
import { loadCrypto } from '../../lib/node/crypto.js'
import type { Load } from '../../lib/simulator/load.js'
import { CALM } from '../../lib/simulator/scenario.js'
import { flagOf, SETTINGS, scenarioFrom } from '../../lib/simulator/settings.js'
import { type Result, simulate } from '../../lib/simulator/simulate.js'
import { headLine, type TraceLine, traceText } from '../../lib/simulator/trace.js'

export default class SimRun extends MusigCommand {
  static override summary = 'Run the protocol in the simulator once, from a seed.'
  static override description =
    'Network, disks, clocks and crashes are virtual and follow from the seed: the same seed and settings give the same run. Checkers look at what happened; exit code 1 if something broke. Signatures are fake unless --bls says otherwise.'
  static override examples = [
    '<%= config.bin %> sim run -n 31 --txs 20 --contention 0.8',
    '<%= config.bin %> sim run --seed 7 --crashes 1 --restarts 2 --loss 0.1 --trace run.jsonl',
    '<%= config.bin %> sim run -n 1023 --topology star --json',
    '<%= config.bin %> sim run -n 31 --regions 6 --wide-area --delay 0-2 --bandwidth 100 --load 8 --sign-ms 0.65 --verify-ms 1.9 --message-ms 0.05',
  ]
  static override flags = {
    seed: Flags.integer({ description: 'Decides everything that the settings leave open; a fresh one by default.', min: 0 }),
    ...settingFlags(SETTINGS.map((setting) => ({ ...setting, flag: flagOf(setting.name), usual: CALM[setting.name] }))),
    bls: Flags.string({ description: 'The signatures.', options: ['fake', 'noble', 'blst'], default: 'fake' }),
    trace: Flags.string({ description: 'Write every event and effect to this file, as JSON lines.', helpValue: 'FILE' }),
  }

  async run(): Promise<Result> {
    const { flags } = await this.parse(SimRun)
    const seed = flags.seed ?? Date.now() % 1_000_000_000
    const scenario = { ...scenarioFrom(CALM, flags), seed }
    const crypto = flags.bls === 'fake' ? {} : { crypto: loadCrypto(flags.bls === 'noble' ? 'noble' : 'blst') }
    const file = flags.trace === undefined ? undefined : openTrace(flags.trace)
    try {
      file?.write(headLine(scenario))
      const result = simulate(scenario, { ...crypto, ...(file ? { trace: file.write } : {}) })
      if (result.safe === false || result.live === false) this.sayNo()
      await this.show(result)
      return result
    } finally {
      file?.close()
    }
  }

  private async show(result: Result): Promise<void> {
    if (this.jsonEnabled()) return
    const { verdict, batches, load, latency, perSigner, busiest, faults, violations, unknown } = result
    this.log(`${verdict}: ${batches.executed} batches executed (${batches.fast} fast, ${batches.slow} in phase 3, ${batches.recovered} in recovery)`)
    for (const text of unknown) this.log(`  shows nothing: ${text}`)
    for (const { id, text } of violations) this.log(`  ${id}  ${text}`)
    if (faults.length > 0) this.log(`faults: ${faults.join('; ')}`)
    if (load) this.log(loadText(load))
    this.log(`latency: ${latency.hops} hops, ${round(latency.ms)} ms (median), ${round(latency.p95Ms)} ms (95 %), ${round(latency.maxMs)} ms (most)`)
    const rows = (['messages', 'bytes', 'signatures', 'verifications', 'pairings', 'workMs'] as const).map((name) => [
      name,
      round(perSigner[name]),
      round(busiest[name]),
    ])
    await this.table(['per signer', 'mean', 'most'], rows)
    this.log(`again: ${result.command}`)
  }
}

function loadText({ txsPerSecond, batchesPerSecond, latencyMs, p95Ms, uplinkMbit, cpuShare, batches, measuredMs }: Load): string {
  const reached = `${round(txsPerSecond)} transactions a second in ${round(batchesPerSecond)} batches, ${round(latencyMs)} ms (median), ${round(p95Ms)} ms (95 %)`
  const used = `busiest uplink ${round(uplinkMbit)} Mbit/s, busiest core ${round(100 * cpuShare)} %`
  return `under load: ${reached}; ${used}; ${batches} batches in ${round(measuredMs)} ms measured`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

/** A file that is written in large pieces. Errors: `BAD_INPUT`. */
function openTrace(path: string): { write: (line: TraceLine) => void; close: () => void } {
  let descriptor: number
  try {
    descriptor = openSync(path, 'w')
  } catch (error) {
    throw new MusigError('BAD_INPUT', `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
  let waiting: string[] = []
  const flush = () => {
    writeSync(descriptor, waiting.map((line) => `${line}\n`).join(''))
    waiting = []
  }
  return {
    write(line) {
      waiting.push(traceText(line))
      if (waiting.length >= 1000) flush()
    },
    close() {
      flush()
      closeSync(descriptor)
    },
  }
}
