/** A benchmark of a cluster that runs: warms up, measures for a time, and puts what was reached beside what this machine can do at best. */
import type { Manifest } from '../core/manifest.js'
import { Client } from '../node/client.js'
import { Drive, type Driven } from './drive.js'
import { type Floors, measureFloors } from './floors.js'
import type { BenchSettings } from './settings.js'
import { Traffic } from './traffic.js'
import { type Usage, usageOf, usedBetween } from './usage.js'

/** What is measured. */
export interface Measured {
  manifest: Manifest
  addresses: readonly string[]
  token: string
  /** Where the cluster's files are. */
  folder: string
}

/** One benchmark's figures. Times in milliseconds, “per transaction” of those executed in the measured time. */
export interface BenchResult {
  schema: 1
  n: number
  machine: string
  settings: BenchSettings
  executed: number
  refused: number
  errors: Record<string, number>
  perSecond: number
  latencyMs: { p50: number; p90: number; p99: number; p999: number; max: number }
  /** Share of the transactions that were decided in the fast phase. */
  fastShare: number
  batches: { count: number; perSecond: number; transactions: number; fast: number; slow: number }
  /** Mean time that a transaction's batch spent in each phase, as its initiator saw it. */
  phasesMs: Record<string, number>
  /** Means over all signers. */
  perSigner: { cpuMsPerTransaction: number; sentBytesPerTransaction: number; messagesPerBatch: number; appendsPerBatch: number }
  clientCpuMsPerTransaction: number
  /** Resident memory of the largest signer process at the end. */
  memoryBytes: number
  floors: Floors
  /** Batches a second against those for which all cores do nothing but sign and verify once at each signer. */
  ofSigningFloor: number
}

/** Runs it; an abort ends it early, with the figures until then. Errors: those of the client where the cluster cannot be reached. */
export async function bench(measured: Measured, settings: BenchSettings, signal: AbortSignal, say: (detail: string) => void): Promise<BenchResult> {
  const { manifest, addresses, token, folder } = measured
  const client = new Client({ addresses: [...addresses], token })
  try {
    say('floors of this machine')
    const floors = await measureFloors(folder)
    const drive = new Drive(client, new Traffic(manifest, settings), settings)
    await drive.prepare(say)
    say(`warming up, ${settings.warmUp} s`)
    await drive.run(settings.warmUp * 1000, signal)
    say(`measuring, ${settings.seconds} s`)
    const [before, clientBefore] = [await usageOf(addresses), process.cpuUsage()]
    const driven = await drive.run(settings.seconds * 1000, signal)
    const clientCpu = process.cpuUsage(clientBefore)
    const used = usedBetween(before, await usageOf(addresses))
    return resultOf({ manifest, settings, driven, used, floors, clientCpuMs: (clientCpu.user + clientCpu.system) / 1000 })
  } finally {
    client.close()
  }
}

interface Parts {
  manifest: Manifest
  settings: BenchSettings
  driven: Driven
  used: Usage
  floors: Floors
  clientCpuMs: number
}

function resultOf({ manifest, settings, driven, used, floors, clientCpuMs }: Parts): BenchResult {
  const { n, machine } = manifest
  const { executed, refused, errors, latencies } = driven
  const seconds = driven.ms / 1000
  const at = (percentile: number) => round(latencies.getValueAtPercentile(percentile) / 1000)
  const each = (total: number, count: number) => (count > 0 ? round(total / count) : 0)
  const batchesPerSecond = used.batches / seconds
  const signingFloor = (1000 * floors.cores) / (n * (floors.blsSignMs + floors.blsVerifyMs))
  return {
    schema: 1,
    n,
    machine,
    settings,
    executed,
    refused,
    errors,
    perSecond: round(executed / seconds),
    latencyMs: { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: round(latencies.maxValue / 1000) },
    fastShare: each(driven.fast, executed),
    batches: {
      count: used.batches,
      perSecond: round(batchesPerSecond),
      transactions: each(executed, used.batches),
      fast: used.fastBatches,
      slow: used.slowBatches,
    },
    phasesMs: Object.fromEntries([...driven.phases].map(([phase, { sum, count }]) => [phase, each(sum, count)])),
    perSigner: {
      cpuMsPerTransaction: each(1000 * used.cpuSeconds, n * executed),
      sentBytesPerTransaction: each(used.sentBytes, n * executed),
      messagesPerBatch: each(used.sentMessages, n * used.batches),
      appendsPerBatch: each(used.appends, n * used.batches),
    },
    clientCpuMsPerTransaction: each(clientCpuMs, executed),
    memoryBytes: used.memoryBytes,
    floors,
    ofSigningFloor: each(batchesPerSecond, signingFloor),
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
