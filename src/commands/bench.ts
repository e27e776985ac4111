/** `musig bench`: throughput and latency of a cluster, beside what this machine can do at best. */
import { Flags } from '@oclif/core'
import { MusigError } from '../lib/base/errors.js'
import { type BenchResult, bench, type Measured, measuredCluster } from '../lib/bench/bench.js'
import { benchSvg } from '../lib/bench/bench-svg.js'
import { benchRows } from '../lib/bench/bench-text.js'
import { withOwnCluster } from '../lib/bench/own-cluster.js'
import { type RampResult, ramp } from '../lib/bench/ramp.js'
import { rampSvg } from '../lib/bench/ramp-svg.js'
import { RAMP_HEAD, rampRows, rampSentences } from '../lib/bench/ramp-text.js'
import { BENCH_DEFAULTS, BENCH_LIMITS, type BenchSettings } from '../lib/bench/settings.js'
import { clusterFlag, MusigCommand } from '../lib/cli/base-command.js'
import { writeOutput } from '../lib/cli/drawing.js'
import { DEFAULTS } from '../lib/cluster/up.js'
import { LIMITS } from '../lib/core/limits.js'
import { MACHINE_NAMES } from '../lib/machine/machines.js'

/** A number from 0 to `most`. */
const number = Flags.custom<number, { most: number }>({
  parse: async (input, _context, { most }) => {
    const value = Number(input)
    if (input.trim() === '' || !(value >= 0 && value <= most)) throw new MusigError('BAD_INPUT', `“${input}” is not a number from 0 to ${most}`)
    return value
  },
})

type Result = BenchResult | RampResult

export default class Bench extends MusigCommand {
  static override summary = 'Measure the throughput and latency of a cluster.'
  static override description =
    'Takes the cluster that is named, which keeps the transactions; with -n a cluster of its own, of which nothing is left. Warms up, measures, and puts beside it what this machine can do at best: clients, signers and disks share its cores.'
  static override examples = [
    '<%= config.bin %> bench -n 4',
    '<%= config.bin %> bench -n 7 --clients 256 --group 16 --conflicts 0.1',
    '<%= config.bin %> bench --cluster default --rate 200 --svg latency.svg',
    '<%= config.bin %> bench -n 4 --machine documents --seconds 30 --json',
    '<%= config.bin %> bench -n 4 --ramp --seconds 5 --svg ramp.svg',
  ]
  static override flags = {
    ...clusterFlag,
    count: Flags.integer({
      char: 'n',
      description: 'Measure a cluster of its own with so many signers.',
      min: 1,
      max: LIMITS.signers,
      helpValue: 'N',
      exclusive: ['cluster'],
    }),
    machine: Flags.option({ description: `Its state machine (default: ${DEFAULTS.machine}).`, options: MACHINE_NAMES, dependsOn: ['count'] })(),
    pack: Flags.integer({
      description: 'Its signers in each process (default: 1).',
      min: 1,
      max: LIMITS.signers,
      helpValue: 'K',
      dependsOn: ['count'],
    }),
    delta: Flags.integer({
      description: `Its Δ in milliseconds, 0 without the guard (default: ${DEFAULTS.deltaMs}).`,
      min: 0,
      max: 60_000,
      helpValue: 'MS',
      dependsOn: ['count'],
    }),
    seconds: number({ description: 'How long is measured.', default: BENCH_DEFAULTS.seconds, most: BENCH_LIMITS.seconds, helpValue: 'S' }),
    'warm-up': number({
      description: 'How long the cluster works before.',
      default: BENCH_DEFAULTS.warmUp,
      most: BENCH_LIMITS.seconds,
      helpValue: 'S',
    }),
    clients: Flags.integer({
      description: 'Clients that each send when their last request is answered.',
      default: BENCH_DEFAULTS.clients,
      min: 1,
      max: BENCH_LIMITS.clients,
      helpValue: 'C',
    }),
    rate: number({
      description: 'Send so many transactions a second instead, answered or not; latencies count from when each was due.',
      most: BENCH_LIMITS.rate,
      helpValue: 'R',
    }),
    ramp: Flags.boolean({
      description:
        'Find the saturation: one client, two, four …, each step for --seconds, until throughput grows by less than 5 %; then an open loop at 70 % of that.',
      exclusive: ['rate', 'clients'],
    }),
    group: Flags.integer({
      description: 'Transactions in one request.',
      default: BENCH_DEFAULTS.group,
      min: 1,
      max: BENCH_LIMITS.group,
      helpValue: 'G',
    }),
    payload: Flags.integer({
      description: 'Bytes of a payload; a transfer of the ledger has its own size.',
      default: BENCH_DEFAULTS.payload,
      min: 1,
      max: BENCH_LIMITS.payload,
      helpValue: 'BYTES',
    }),
    conflicts: number({
      description: 'The share of transactions on hot keys, 0 to 1.',
      default: BENCH_DEFAULTS.conflicts,
      most: 1,
      helpValue: 'SHARE',
    }),
    'hot-keys': Flags.integer({ description: 'Hot keys.', default: BENCH_DEFAULTS.hotKeys, min: 1, max: BENCH_LIMITS.hotKeys, helpValue: 'K' }),
    zipf: number({
      description: 'How unevenly hot keys are chosen: 0 evenly, 1 as in Zipf’s law.',
      default: BENCH_DEFAULTS.zipf,
      most: BENCH_LIMITS.zipf,
      helpValue: 'S',
    }),
    entries: Flags.integer({ description: 'Signers that are given transactions (default: all).', min: 1, max: LIMITS.signers, helpValue: 'K' }),
    seed: Flags.string({ description: 'Which keys are hot when.', default: 'bench' }),
    svg: Flags.string({
      description: 'Draw the latencies into this file, with --ramp throughput against latency; - is stdout.',
      helpValue: 'FILE',
    }),
  }

  async run(): Promise<Result> {
    const { flags } = await this.parse(Bench)
    const settings = {
      ...{ seconds: flags.seconds, warmUp: flags['warm-up'], clients: flags.clients, rate: flags.rate ?? null, group: flags.group },
      ...{ payload: flags.payload, conflicts: flags.conflicts, hotKeys: flags['hot-keys'], zipf: flags.zipf, seed: flags.seed },
    }
    const result = await this.interruptible((signal) => {
      const wanted = { ...settings, entries: flags.entries }
      const measure = (home: string, cluster: string) => this.measure(measuredCluster(home, cluster), wanted, flags.ramp ? ramp : bench, signal)
      if (flags.count === undefined) return measure(this.home(flags), flags.cluster)
      const own = { n: flags.count, machine: flags.machine, pack: flags.pack, deltaMs: flags.delta }
      return withOwnCluster(own, { signal, show: (steps) => this.steps(steps), warn: (line) => this.warn(line) }, measure)
    })
    if (flags.svg !== undefined) this.draw(flags.svg, 'steps' in result ? rampSvg(result) : benchSvg(result))
    if (flags.svg !== '-') await this.show(result)
    return result.interrupted ? this.stopped(result) : result
  }

  private async measure(
    measured: Measured,
    { entries = measured.manifest.n, ...settings }: Omit<BenchSettings, 'entries'> & { entries?: number | undefined },
    work: (...given: Parameters<typeof bench>) => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result> {
    const { n } = measured.manifest
    if (entries > n) throw new MusigError('BAD_INPUT', `--entries ${entries}: the cluster has ${n} signers`)
    let result: Result | undefined
    await this.steps([
      {
        title: `Benchmark of ${n} signers`,
        run: async (say) => {
          result = await work(measured, { ...settings, entries }, signal, say)
        },
      },
    ])
    if (!result) throw new MusigError('INTERNAL', 'the benchmark ended without a result')
    return result
  }

  private async show(result: Result): Promise<void> {
    if (!('steps' in result)) return this.table(['', ''], benchRows(result))
    await this.table(RAMP_HEAD, rampRows(result))
    for (const sentence of rampSentences(result)) this.log(sentence)
  }

  /** A drawing that cannot be written does not take the figures with it. */
  private draw(file: string, svg: string): void {
    try {
      writeOutput(file, svg)
    } catch (error) {
      if (!(error instanceof MusigError)) throw error
      this.warn(error.message)
      process.exitCode = error.exitCode
    }
  }
}
