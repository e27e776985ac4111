/** What the signers of a cluster have used and done so far, read from their metrics; and what of it fell into a time. */
import { MusigError } from '../base/errors.js'

/** Sums over all signers, but for memory. */
export interface Usage {
  cpuSeconds: number
  sentBytes: number
  sentMessages: number
  fastBatches: number
  slowBatches: number
  /** Batches as one signer has executed them: the one with most. */
  batches: number
  records: number
  appends: number
  /** Resident, the process with most. */
  memoryBytes: number
}

const APPEND_HISTOGRAM = 'musig_store_append_seconds'
/** How long a signer may take for one answer, and how long it is asked again: one with much to do answers late. */
const ANSWER_MS = 20_000
const WITHIN_MS = 60_000
const PAUSE_MS = 250

/** How often and how long signers are asked. */
export interface Patience {
  signal: AbortSignal
  withinMs?: number
}

/** Asks each signer, again where it does not answer. Errors: `UNREACHABLE` once the time is over, and at once after an abort. */
export async function usageOf(addresses: readonly string[], patience: Patience): Promise<Usage> {
  const all = (await Promise.all(addresses.map((address) => metricsText(address, patience)))).map(metricsIn)
  const sum = (name: string) => all.reduce((total, metrics) => total + metrics(name), 0)
  const most = (read: (metrics: Metrics) => number) => Math.max(...all.map(read))
  return {
    cpuSeconds: sum('process_cpu_seconds_total'),
    sentBytes: sum('musig_link_sent_bytes_total'),
    sentMessages: sum('musig_link_sent_messages_total'),
    fastBatches: most((metrics) => metrics('musig_batches_total', 'path="fast"')),
    slowBatches: most((metrics) => metrics('musig_batches_total', 'path="slow"')),
    batches: most((metrics) => metrics('musig_batches_total')),
    records: sum('musig_store_records_total'),
    appends: sum(`${APPEND_HISTOGRAM}_count`),
    memoryBytes: most((metrics) => metrics('process_resident_memory_bytes')),
  }
}

/** The difference; memory as it was at the end. */
export function usedBetween(before: Usage, after: Usage): Usage {
  const names = Object.keys(before) as (keyof Usage)[]
  const differences = Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as unknown as Usage
  return { ...differences, memoryBytes: after.memoryBytes }
}

/** The sum of a metric over all its lines, or over those with this label. */
type Metrics = (name: string, label?: string) => number

async function metricsText(address: string, { signal, withinMs = WITHIN_MS }: Patience): Promise<string> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const left = deadline - performance.now()
    try {
      signal.throwIfAborted()
      const limit = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(Math.min(ANSWER_MS, left)))])
      // Not a connection that was kept alive: the signer may have given it up since.
      const response = await fetch(new URL('/metrics', address), { signal: limit, headers: { connection: 'close' } })
      if (!response.ok) throw new Error(`HTTP ${response.status}`)
      return await response.text()
    } catch (error) {
      if (signal.aborted || performance.now() + PAUSE_MS >= deadline)
        throw new MusigError('UNREACHABLE', `the metrics of the signer at ${address} cannot be read`, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
}

function metricsIn(text: string): Metrics {
  const lines = text.split('\n').flatMap((line) => {
    const match = /^([a-z_]+)(\{[^}]*\})? ([0-9.e+-]+)/.exec(line)
    return match ? [{ name: match[1], labels: match[2] ?? '', value: Number(match[3]) }] : []
  })
  return (name, label = '') =>
    lines.filter((line) => line.name === name && line.labels.includes(label)).reduce((total, { value }) => total + value, 0)
}
