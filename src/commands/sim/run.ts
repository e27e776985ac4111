/** `musig sim run`: one run of the simulator from one seed, and what came of it. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { settingFlags } from '../../lib/cli/setting-flags.js'
import { loadCrypto } from '../../lib/node/crypto.js'
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
    const { verdict, batches, latency, perSigner, busiest, faults, violations, unknown } = result
    this.log(`${verdict}: ${batches.executed} batches executed (${batches.fast} fast, ${batches.slow} in phase 3, ${batches.recovered} in recovery)`)
    for (const text of unknown) this.log(`  shows nothing: ${text}`)
    for (const { id, text } of violations) this.log(`  ${id}  ${text}`)
    if (faults.length > 0) this.log(`faults: ${faults.join('; ')}`)
    this.log(`latency: ${latency.hops} hops, ${round(latency.ms)} ms (median), ${round(latency.p95Ms)} ms (95 %), ${round(latency.maxMs)} ms (most)`)
    const rows = (['messages', 'bytes', 'signatures', 'verifications', 'pairings'] as const).map((name) => [
      name,
      round(perSigner[name]),
      busiest[name],
    ])
    await this.table(['per signer', 'mean', 'most'], rows)
    this.log(`again: ${result.command}`)
  }
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
