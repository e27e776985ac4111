/** `musig sim sweep`: many runs of the simulator with faults drawn from their seeds, in a process for each core, and what held in all of them. */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { setImmediate } from 'node:timers/promises'
import { Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { settingFlags } from '../../lib/cli/setting-flags.js'
import { boundsOf, parseTolerance } from '../../lib/core/manifest.js'
import { CALM, checkScenario, type Scenario } from '../../lib/simulator/scenario.js'
import { flagOf, SETTINGS, scenarioFrom } from '../../lib/simulator/settings.js'
import { type Result, simulate } from '../../lib/simulator/simulate.js'
import { type SweepResult, SweepSum, sweptScenario } from '../../lib/simulator/sweep.js'

/** Settings that a sweep does not draw from the seed. */
const FIXED = SETTINGS.filter(({ name }) =>
  ['n', 'txs', 'tolerance', 'deltaMs', 'liars', 'lie', 'peers', 'confirm', 'limitMs', 'regions', 'regionMs'].includes(name),
)

/** The seeds that one process runs: first, first + step, … below the end. */
interface Share {
  first: number
  end: number
  step: number
}

export default class SimSweep extends MusigCommand {
  static override summary = 'Run the protocol in the simulator with many seeds and many kinds of faults.'
  static override description =
    'Each seed decides delays, contention, crashes (up to n − q for good, roots too), restarts, losses, cuts and slow links of its run. Prints what held, and for each failure the command that repeats it. Exit code 1 if a run was unsafe or stuck.'
  static override examples = ['<%= config.bin %> sim sweep -n 7 --seeds 2000', '<%= config.bin %> sim sweep -n 13 --seeds 500 --first 10000 --json']
  static override flags = {
    seeds: Flags.integer({ description: 'How many runs.', min: 1, default: 2000 }),
    first: Flags.integer({ description: 'The first seed.', min: 0, default: 1 }),
    crashes: Flags.integer({ description: 'The most signers that crash for good in one run; n − q by default.', min: 0 }),
    ...settingFlags(FIXED.map((setting) => ({ ...setting, flag: flagOf(setting.name), usual: CALM[setting.name] }))),
    workers: Flags.integer({ description: 'Processes; as many as there are cores by default.', min: 1, max: 64 }),
    share: Flags.string({ hidden: true, description: 'Run FIRST:END:STEP and print each result as a line of JSON.' }),
  }

  async run(): Promise<SweepResult | undefined> {
    const { flags } = await this.parse(SimSweep)
    const base = scenarioFrom(CALM, flags)
    const bounds = boundsOf(Math.max(1, base.n), parseTolerance(base.tolerance))
    checkScenario(base, bounds)
    const { crashBound } = bounds
    const crashes = flags.crashes ?? crashBound
    if (crashes > crashBound) throw new MusigError('BAD_INPUT', `--crashes ${crashes} is more than n − q = ${crashBound}`)
    if (flags.share !== undefined) return this.runShare(base, crashes, readShare(flags.share))
    const sum = new SweepSum(base.n, flags.first)
    const workers = Math.min(flags.workers ?? availableParallelism(), flags.seeds)
    const title = `${flags.seeds} runs of ${base.n} signers`
    const run = async (say: (detail: string) => void) => {
      const add = (result: Result) => {
        sum.add(result)
        if (sum.runs % 20 === 0) say(`${sum.runs} of ${flags.seeds} runs, ${sum.failures} failed`)
      }
      await this.interruptible((signal) => this.runAll(base, crashes, flags.first, flags.seeds, workers, add, signal))
    }
    await this.steps([{ title, run }])
    const { result } = sum
    if (!result.safe || !result.live) this.sayNo()
    await this.show(result)
    return result
  }

  private async runAll(
    base: Scenario,
    crashes: number,
    first: number,
    seeds: number,
    workers: number,
    add: (result: Result) => void,
    signal: AbortSignal,
  ) {
    const shares = Array.from({ length: workers }, (_, i): Share => ({ first: first + i, end: first + seeds, step: workers }))
    if (workers > 1) {
      await Promise.all(shares.map((share) => this.inProcess(share, add, signal)))
      return
    }
    for (const share of shares) await eachRun(base, crashes, share, add, signal)
  }

  /** One share in a process of its own: this very command once more. */
  private async inProcess(share: Share, add: (result: Result) => void, signal: AbortSignal): Promise<void> {
    const own = process.argv.slice(1)
    const flags = own.slice(1).filter((arg) => arg !== '--json')
    const args = [...process.execArgv, own[0] ?? '', ...flags, '--share', `${share.first}:${share.end}:${share.step}`]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], signal })
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on('error', reject).on('close', resolve)
    })
    const read = async () => {
      for await (const line of createInterface({ input: child.stdout })) add(JSON.parse(line) as Result)
    }
    // Both at once: a child that is stopped fails while its lines are still being read.
    const [code] = await Promise.all([ended, read()])
    if (code !== 0) throw new MusigError('INTERNAL', `a process of the sweep ended with exit code ${code}`)
  }

  private async runShare(base: Scenario, crashes: number, share: Share): Promise<undefined> {
    const never = new AbortController().signal
    await eachRun(base, crashes, share, (result) => this.logJsonLine(result), never)
    return undefined
  }

  private async show(result: SweepResult): Promise<void> {
    const { verdicts, batches, fastShare, latency, perSigner, failures, faults } = result
    await this.table(
      ['held', 'unsafe', 'stuck', 'unknown', 'batches', 'fast', 'phase 3', 'recovered', 'faults'],
      [[verdicts.ok, verdicts.unsafe, verdicts.stuck, verdicts.unknown, batches.executed, batches.fast, batches.slow, batches.recovered, faults]],
    )
    if (this.jsonEnabled()) return
    this.log('')
    this.log(
      `fast ${Math.round(fastShare * 100)} %, latency ${Math.round(latency.ms)} ms (median of medians), ${Math.round(latency.p95Ms)} ms (95 %)`,
    )
    this.log(
      `per signer and run: ${Math.round(perSigner.messages)} messages, ${Math.round(perSigner.signatures)} signatures, ${Math.round(perSigner.verifications)} verifications`,
    )
    for (const { verdict, violations, command } of failures) {
      this.log(`\n${verdict}: ${command}`)
      for (const { id, text } of violations.slice(0, 5)) this.log(`  ${id}  ${text}`)
    }
  }
}

async function eachRun(
  base: Scenario,
  crashes: number,
  { first, end, step }: Share,
  add: (result: Result) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let seed = first; seed < end; seed += step) {
    add(simulate(sweptScenario({ base, crashes }, seed), { countBytes: false }))
    // Lets Ctrl-C through.
    await setImmediate()
    signal.throwIfAborted()
  }
}

function readShare(text: string): Share {
  const [first = Number.NaN, end = Number.NaN, step = Number.NaN] = text.split(':').map(Number)
  if (![first, end, step].every(Number.isSafeInteger) || step < 1) throw new MusigError('BAD_INPUT', `“${text}” is no share FIRST:END:STEP`)
  return { first, end, step }
}
