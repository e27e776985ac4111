/**
 * Where a cluster is saturated: a closed loop with twice as many clients at each step, until throughput no longer grows; then an open loop below that, where
 * latencies are those of a cluster that keeps up.
 */
import { Client } from '../node/client.js'
import { CONNECTIONS, type Measured } from './bench.js'
import { Drive, type Driven } from './drive.js'
import { BENCH_LIMITS, type BenchSettings } from './settings.js'
import { Traffic } from './traffic.js'

/** A step whose throughput is not so many times that of the step before is the last one. */
const GROWTH = 1.05
/** The share of the saturation that the open loop sends. */
const SHARE = 0.7

/** How a step sends: clients in a closed loop, or transactions a second. */
export type Load = { clients: number; rate: null } | { clients: null; rate: number }

/** What one step reached. Times in milliseconds. */
export type RampStep = Load & {
  perSecond: number
  latencyMs: { p50: number; p99: number }
  /** Share of the transactions that were decided in the fast phase. */
  fastShare: number
  /** Transactions without an execution. */
  errors: number
}

/** What a ramp found. */
export interface RampResult {
  schema: 1
  n: number
  machine: string
  settings: Omit<BenchSettings, 'clients' | 'rate'>
  /** Whether it was broken off: the step under way is left out. */
  interrupted: boolean
  steps: RampStep[]
  /** The last step that brought growth; null where it was broken off before it was found. */
  knee: RampStep | null
  /** Whether throughput ended growing before the most clients there can be. */
  saturated: boolean
  /** The open loop at a share of the throughput of the knee. */
  loaded: (RampStep & { share: number; p99OfP50: number }) | null
}

/** Doubles the clients until throughput no longer grows. A measure that gives nothing was broken off. */
export async function findKnee<S extends { perSecond: number }>(
  measure: (clients: number) => Promise<S | undefined>,
): Promise<{ steps: S[]; knee: S | null; saturated: boolean }> {
  const steps: S[] = []
  let knee: S | null = null
  for (let clients = 1; clients <= BENCH_LIMITS.clients; clients *= 2) {
    const step = await measure(clients)
    if (!step) return { steps, knee: null, saturated: false }
    steps.push(step)
    if (knee && (step.perSecond === 0 || step.perSecond < GROWTH * knee.perSecond)) return { steps, knee, saturated: true }
    knee = step
  }
  return { steps, knee, saturated: false }
}

/** Runs it; each step takes `settings.seconds`. An abort while it warms up rejects, a later one ends it with the steps until then. Errors: those of the client where the cluster cannot be reached. */
export async function ramp(
  { manifest, addresses, token }: Measured,
  settings: BenchSettings,
  signal: AbortSignal,
  say: (detail: string) => void,
): Promise<RampResult> {
  const client = new Client({ addresses: [...addresses], token, connections: CONNECTIONS })
  const traffic = new Traffic(manifest, settings)
  const drive = (more: Partial<BenchSettings>) => new Drive(client, traffic, { ...settings, ...more })
  const measure = async (load: Load): Promise<RampStep | undefined> => {
    say(`${load.rate === null ? `${load.clients} clients` : `${Math.round(load.rate)} a second`}, ${settings.seconds} s`)
    const driven = await drive({ clients: load.clients ?? 1, rate: load.rate }).run(settings.seconds * 1000, signal)
    return signal.aborted ? undefined : stepOf(load, driven)
  }
  try {
    await drive({}).prepare(say)
    say(`warming up, ${settings.warmUp} s`)
    await drive({}).run(settings.warmUp * 1000, signal)
    signal.throwIfAborted()
    const found = await findKnee((clients) => measure({ clients, rate: null }))
    const rate = SHARE * (found.knee?.perSecond ?? 0)
    const loaded = rate > 0 ? await measure({ clients: null, rate: round(rate) }) : undefined
    const { clients: _, rate: __, ...rest } = settings
    return {
      ...{ schema: 1, n: manifest.n, machine: manifest.machine, settings: rest, interrupted: signal.aborted, ...found },
      loaded: loaded ? { ...loaded, share: SHARE, p99OfP50: round(loaded.latencyMs.p99 / Math.max(0.001, loaded.latencyMs.p50)) } : null,
    }
  } finally {
    client.close()
  }
}

function stepOf(load: Load, { ms, executed, fast, errors, latencies }: Driven): RampStep {
  const at = (percentile: number) => round(latencies.getValueAtPercentile(percentile) / 1000)
  return {
    ...load,
    perSecond: round((1000 * executed) / ms),
    latencyMs: { p50: at(50), p99: at(99) },
    fastShare: executed > 0 ? round(fast / executed) : 0,
    errors: Object.values(errors).reduce((sum, count) => sum + count, 0),
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
