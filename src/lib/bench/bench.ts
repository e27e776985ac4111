/** A benchmark of a cluster that runs: warms up, measures for a time, and puts what was reached beside what this machine can do at best. */
import { readFileSync } from 'node:fs'
import { MusigError } from '../base/errors.js'
import { ClusterFolder } from '../cluster/cluster-folder.js'
import type { Manifest } from '../core/manifest.js'
import { Client } from '../node/client.js'
import { Drive, type Driven } from './drive.js'
import { type Floors, measureFloors } from './floors.js'
import type { BenchSettings } from './settings.js'
import { Traffic } from './traffic.js'
import { type Usage, usageOf, usedBetween } from './usage.js'

/** Requests that may be under way at one signer: as many as its clients send, half of what a signer takes. */
export const CONNECTIONS = 1024

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
  /** Whether it was broken off while it measured: then the figures are of what was answered until then. */
  interrupted: boolean
  /** How long was measured. */
  seconds: number
  executed: number
  refused: number
  errors: Record<string, number>
  perSecond: number
  latencyMs: { p50: number; p90: number; p99: number; p999: number; max: number }
  /** Share of the transactions that were decided in the fast phase. */
  fastShare: number
  batches: { count: number; perSecond: number; transactions: number; fast: number; slow: number } | null
  /** Mean time that a transaction's batch spent in each phase, as its initiator saw it. */
  phasesMs: Record<string, number>
  /** Means over all signers. */
  perSigner: { cpuMsPerTransaction: number; sentBytesPerTransaction: number; messagesPerBatch: number; appendsPerBatch: number } | null
  clientCpuMsPerTransaction: number
  /** Resident memory of the largest signer process at the end. */
  memoryBytes: number | null
  floors: Floors
  /** Batches a second against those for which all cores do nothing but sign and verify once at each signer. */
  ofSigningFloor: number | null
  /** Why the signers' metrics could not be read: `batches` and all that follow from them are null then. */
  usageFault: string | null
}

/** A cluster that stands, as it can be measured. Errors: `NOT_FOUND`, `BAD_INPUT`. */
export function measuredCluster(home: string, cluster: string): Measured {
  const folder = new ClusterFolder(home, cluster)
  const record = folder.read()
  const token = readFileSync(folder.resolve('token'), 'utf8').trim()
  return { manifest: folder.manifest(record), addresses: record.signers.map(({ url }) => url), token, folder: folder.path }
}

/**
 * Runs it. An abort before it measures rejects; one while it measures ends it with the figures until then. Errors: those of the client where the cluster cannot
 * be reached. Metrics that cannot be read are no error: what was measured is given without them.
 */
export async function bench(measured: Measured, settings: BenchSettings, signal: AbortSignal, say: (detail: string) => void): Promise<BenchResult> {
  const { manifest, addresses, token, folder } = measured
  const client = new Client({ addresses: [...addresses], token, connections: CONNECTIONS })
  try {
    say('floors of this machine')
    const floors = await measureFloors(folder)
    const drive = new Drive(client, new Traffic(manifest, settings), settings)
    await drive.prepare(say)
    say(`warming up, ${settings.warmUp} s`)
    await drive.run(settings.warmUp * 1000, signal)
    const before = await usageOrFault(addresses, signal)
    signal.throwIfAborted()
    say(`measuring, ${settings.seconds} s`)
    const clientBefore = process.cpuUsage()
    const driven = await drive.run(settings.seconds * 1000, signal)
    const clientCpu = process.cpuUsage(clientBefore)
    say('reading the metrics of the signers')
    const used = before instanceof MusigError ? before : await usageOrFault(addresses, signal)
    const clientCpuMs = (clientCpu.user + clientCpu.system) / 1000
    return resultOf({ manifest, settings, interrupted: signal.aborted, driven, used: since(before, used), floors, clientCpuMs })
  } finally {
    client.close()
  }
}

/** The metrics, or why they cannot be read. */
function usageOrFault(addresses: readonly string[], signal: AbortSignal): Promise<Usage | MusigError> {
  return usageOf(addresses, { signal }).catch((error: unknown) => {
    if (error instanceof MusigError) return error
    throw error
  })
}

function since(before: Usage | MusigError, after: Usage | MusigError): Usage | MusigError {
  if (before instanceof MusigError) return before
  return after instanceof MusigError ? after : usedBetween(before, after)
}

interface Parts {
  manifest: Manifest
  settings: BenchSettings
  interrupted: boolean
  driven: Driven
  used: Usage | MusigError
  floors: Floors
  clientCpuMs: number
}

/** All figures of a benchmark from what was counted. */
export function resultOf({ manifest, settings, interrupted, driven, used, floors, clientCpuMs }: Parts): BenchResult {
  const { n, machine } = manifest
  const { executed, refused, errors, latencies } = driven
  const seconds = driven.ms / 1000
  const at = (percentile: number) => round(latencies.getValueAtPercentile(percentile) / 1000)
  return {
    schema: 1,
    n,
    machine,
    settings,
    interrupted,
    seconds: round(seconds),
    executed,
    refused,
    errors,
    perSecond: round(executed / seconds),
    latencyMs: { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: round(latencies.maxValue / 1000) },
    fastShare: each(driven.fast, executed),
    phasesMs: Object.fromEntries([...driven.phases].map(([phase, { sum, count }]) => [phase, each(sum, count)])),
    clientCpuMsPerTransaction: each(clientCpuMs, executed),
    floors,
    ...(used instanceof MusigError ? { ...UNKNOWN, usageFault: used.message } : { ...costOf(used, executed, seconds, n, floors), usageFault: null }),
  }
}

type Cost = Pick<BenchResult, 'batches' | 'perSigner' | 'memoryBytes' | 'ofSigningFloor'>

const UNKNOWN: Cost = { batches: null, perSigner: null, memoryBytes: null, ofSigningFloor: null }

function costOf(used: Usage, executed: number, seconds: number, n: number, floors: Floors): Cost {
  const batchesPerSecond = used.batches / seconds
  const signingFloor = (1000 * floors.cores) / (n * (floors.blsSignMs + floors.blsVerifyMs))
  return {
    batches: {
      count: used.batches,
      perSecond: round(batchesPerSecond),
      transactions: each(executed, used.batches),
      fast: used.fastBatches,
      slow: used.slowBatches,
    },
    perSigner: {
      cpuMsPerTransaction: each(1000 * used.cpuSeconds, n * executed),
      sentBytesPerTransaction: each(used.sentBytes, n * executed),
      messagesPerBatch: each(used.sentMessages, n * used.batches),
      appendsPerBatch: each(used.appends, n * used.batches),
    },
    memoryBytes: used.memoryBytes,
    ofSigningFloor: each(batchesPerSecond, signingFloor),
  }
}

function each(total: number, count: number): number {
  return count > 0 ? round(total / count) : 0
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
