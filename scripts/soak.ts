/**
 * Soak: `npm run soak -- -n 4 --transactions 1000000 --machine append`. A cluster of its own under a closed loop of clients, for so many transactions or so many
 * `--minutes`, at `--rate` transactions a second if that is given. After every `--every` of them a row: latencies, memory and files of the signers. Then one signer is
 * started again, and all of them: how long that takes until they say so. Exit code 0: something was executed, and all signers agree; 1: not; 2: wrong usage. Ctrl-C
 * ends it early, with the figures until then, and leaves nothing running.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { build } from 'hdr-histogram-js'
import { CONNECTIONS, measuredCluster } from '../src/lib/bench/bench.js'
import { Drive } from '../src/lib/bench/drive.js'
import { BENCH_DEFAULTS, type BenchSettings } from '../src/lib/bench/settings.js'
import { Traffic } from '../src/lib/bench/traffic.js'
import { killMember, restartMember } from '../src/lib/cluster/hurt.js'
import { clusterStatus } from '../src/lib/cluster/status.js'
import { MACHINE_NAMES } from '../src/lib/machine/machines.js'
import { Client } from '../src/lib/node/client.js'
import { OwnCluster } from './chaos/own-cluster.js'
import { processorSeconds, residentMemory, startsSince, storeBytes } from './soak/looks.js'

/** The clients wait for what is under way after each so many seconds. */
const SLICE_MS = 5_000
/** How long signers may take to agree once nobody sends any more. */
const SETTLE_MS = 300_000

const { values } = readArgs()

function readArgs() {
  try {
    return parseArgs({
      options: {
        n: { type: 'string', short: 'n', default: '4' },
        machine: { type: 'string', default: 'append' },
        transactions: { type: 'string' },
        minutes: { type: 'string' },
        rate: { type: 'string' },
        every: { type: 'string', default: '100000' },
        clients: { type: 'string', default: '16' },
        group: { type: 'string', default: '250' },
        payload: { type: 'string', default: '128' },
        /** As `cluster up` takes it; without it as it stands there. */
        'snapshot-every': { type: 'string' },
        json: { type: 'boolean', default: false },
        /** Leaves the cluster's files where they are. */
        keep: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error))
  }
}

function wrong(line: string): never {
  process.stderr.write(`Error: ${line}\n`)
  process.exit(2)
}

function number(name: 'n' | 'transactions' | 'minutes' | 'rate' | 'every' | 'clients' | 'group' | 'payload', least: number, most: number): number {
  const value = Number(values[name])
  return value >= least && value <= most ? value : wrong(`--${name} ${values[name]} is no number from ${least} to ${most}`)
}

interface Row {
  transactions: number
  perSecond: number
  p50: number
  p99: number
  /** The largest of the signers, MiB. */
  memory: number
  store: number
}

const told = (line: string) => process.stderr.write(`${line}\n`)
const mebibytes = (bytes: readonly number[]) => Math.round((10 * Math.max(0, ...bytes)) / 2 ** 20) / 10
const ms = (us: number) => Math.round(us / 100) / 10

/** Sends until there are enough or time is over; one row for each `every`. */
async function soak(
  cluster: OwnCluster,
  settings: BenchSettings,
  enough: number,
  untilMs: number,
  signal: AbortSignal,
): Promise<{ rows: Row[]; errors: number }> {
  const measured = measuredCluster(cluster.home, cluster.cluster)
  const client = new Client({ addresses: [...measured.addresses], token: measured.token, connections: CONNECTIONS })
  const rows: Row[] = []
  const every = number('every', 1, 1e9)
  let [done, errors] = [0, 0]
  try {
    const drive = new Drive(client, new Traffic(measured.manifest, settings), settings)
    await drive.prepare(told)
    while (done < enough && performance.now() < untilMs && !signal.aborted) {
      let [executed, spentMs] = [0, 0]
      const latencies = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 })
      while (executed < Math.min(every, enough - done) && performance.now() < untilMs && !signal.aborted) {
        const driven = await drive.run(SLICE_MS, signal)
        executed += driven.executed
        spentMs += driven.ms
        latencies.add(driven.latencies)
        for (const count of Object.values(driven.errors)) errors += count
      }
      done += executed
      const [p50, p99] = [ms(latencies.getValueAtPercentile(50)), ms(latencies.getValueAtPercentile(99))]
      const [memory, store] = [mebibytes(await residentMemory(cluster.folder)), mebibytes(storeBytes(cluster.folder))]
      const row = { transactions: done, perSecond: Math.round((1000 * executed) / spentMs), p50, p99, memory, store }
      rows.push(row)
      told(
        `${done} transactions, ${row.perSecond} /s, p50 ${p50} ms, p99 ${p99} ms; a signer: memory ${memory} MiB, store ${store} MiB; ${errors} not executed`,
      )
    }
  } finally {
    client.close()
  }
  return { rows, errors }
}

/** Whether all signers have executed the same, and which states they are in. */
async function agreement(cluster: OwnCluster): Promise<boolean> {
  const deadline = performance.now() + SETTLE_MS
  for (;;) {
    const { signers } = await clusterStatus(cluster.folder)
    const digests = new Set(signers.map(({ orderDigest, machineDigest }) => `${orderDigest} ${machineDigest}`))
    if (digests.size === 1 && signers.every(({ state }) => state === 'ready')) return true
    if (performance.now() > deadline) {
      for (const { index, state, executed, orderDigest, machineDigest } of signers)
        told(`signer ${index}: ${state}, ${executed} executed, order ${orderDigest?.slice(0, 8)}, state ${machineDigest?.slice(0, 8)}`)
      return false
    }
    await sleep(250)
  }
}

async function restarts(cluster: OwnCluster) {
  const { home, cluster: name, folder } = cluster
  await killMember(home, name, 0)
  const one = Date.now()
  await restartMember(home, name, 0, new AbortController().signal)
  const [oneMs] = startsSince(folder, one)
  const processor = await processorSeconds(folder, 0)
  await cluster.down()
  const all = Date.now()
  await cluster.up()
  const allMs = Math.max(...startsSince(folder, all))
  return { oneMs: oneMs ?? null, processorSeconds: processor, allMs, readyMs: Date.now() - all, memory: mebibytes(await residentMemory(folder)) }
}

async function run(cluster: OwnCluster, signal: AbortSignal) {
  const [n, minutes] = [Math.floor(number('n', 1, 31)), values.minutes === undefined ? undefined : number('minutes', 0, 10_000)]
  const enough = values.transactions === undefined && minutes !== undefined ? Number.POSITIVE_INFINITY : number('transactions', 1, 1e9)
  const rate = values.rate === undefined ? null : number('rate', 1, 1e6)
  const load = {
    clients: Math.floor(number('clients', 1, 4096)),
    group: Math.floor(number('group', 1, 1024)),
    payload: number('payload', 1, 64 * 1024),
  }
  if (!MACHINE_NAMES.includes(values.machine as (typeof MACHINE_NAMES)[number]))
    wrong(`--machine ${values.machine} is none of ${MACHINE_NAMES.join(', ')}`)
  const every = values['snapshot-every']
  await cluster.up(['-n', String(n), '--machine', values.machine, ...(every === undefined ? [] : ['--snapshot-every', every])])
  const idle = mebibytes(await residentMemory(cluster.folder))
  told(`${n} signers, ${idle} MiB each before the first transaction`)
  const settings: BenchSettings = { ...BENCH_DEFAULTS, ...load, rate, entries: n, seed: 'soak' }
  const untilMs = minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + 60_000 * minutes
  const { rows, errors } = await soak(cluster, settings, enough, untilMs, signal)
  const areAlike = await agreement(cluster)
  const restart = await restarts(cluster)
  return { schema: 1, n, machine: values.machine, rate, ...load, idle, rows, errors, areAlike, restart, stillAlike: await agreement(cluster) }
}

if (values.transactions === undefined && values.minutes === undefined) wrong('give --transactions or --minutes')
const cluster = new OwnCluster()
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
try {
  const figures = await run(cluster, stop.signal)
  const { rows, restart, areAlike, stillAlike } = figures
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
  else
    process.stdout.write(
      `A signer that was killed said that it has started ${restart.oneMs} ms after its restart was asked for (${restart.processorSeconds} s of processor time until it was ready), all that were down after ${restart.allMs} ms, and took transactions after ${restart.readyMs} ms; then a signer takes ${restart.memory} MiB.` +
        `${areAlike && stillAlike ? ' All agree.' : ' They do not agree.'}\n`,
    )
  process.exitCode = areAlike && stillAlike && (rows.at(-1)?.transactions ?? 0) > 0 ? 0 : 1
} finally {
  await cluster.end(values.keep)
  if (values.keep) told(`kept: ${cluster.home}`)
}
