/**
 * Sends the transactions of a benchmark and times them. In a closed loop each client sends its next request when the last one is answered; in an open loop
 * requests go at their time, and a latency counts from the time at which its request was due: a cluster that falls behind cannot hide it.
 */
import { build, type Histogram } from 'hdr-histogram-js'
import { MusigError } from '../base/errors.js'
import type { TransactionResult } from '../node/answers.js'
import type { Client } from '../node/client.js'
import type { BenchSettings } from './settings.js'
import type { Traffic } from './traffic.js'

const TIMEOUT_MS = 30_000
/** The longest latency that is told apart, in microseconds. */
const LONGEST_US = 60_000_000
/** Requests under way in an open loop, beyond which what is due counts as not answered. */
const MOST_UNDER_WAY = 8192

/** What came of the transactions that were sent within a time. */
export interface Driven {
  ms: number
  executed: number
  /** Executed, and refused by the machine. */
  refused: number
  fast: number
  /** Without an execution, by the code of the error. */
  errors: Record<string, number>
  /** In microseconds. */
  latencies: Histogram
  /** Milliseconds in each phase, summed over the transactions that tell of it, and how many these are. */
  phases: Map<string, { sum: number; count: number }>
}

export class Drive {
  readonly #client: Client
  readonly #traffic: Traffic
  readonly #settings: BenchSettings
  #requests = 0

  constructor(client: Client, traffic: Traffic, settings: BenchSettings) {
    this.#client = client
    this.#traffic = traffic
    this.#settings = settings
  }

  /** Executes what the traffic needs. Errors: those of the client. */
  async prepare(say: (detail: string) => void): Promise<void> {
    const waiting = this.#traffic.prepared()
    for (let at = 0; at < waiting.length; at += 250) {
      say(`${at} of ${waiting.length} accounts`)
      const results = await this.#client.submitAll(waiting.slice(at, at + 250), { timeoutMs: TIMEOUT_MS })
      const failed = results.find((result) => result instanceof MusigError)
      if (failed) throw failed
    }
  }

  /** Sends for so long and waits for what is under way. An abort ends it at once, with what was answered until then. */
  async run(forMs: number, signal: AbortSignal): Promise<Driven> {
    const latencies = build({ lowestDiscernibleValue: 1, highestTrackableValue: LONGEST_US, numberOfSignificantValueDigits: 3 })
    const driven: Driven = { ms: 0, executed: 0, refused: 0, fast: 0, errors: {}, latencies, phases: new Map() }
    const begun = performance.now()
    const isOver = () => signal.aborted || performance.now() - begun >= forMs
    const { rate, clients } = this.#settings
    const work = async () => {
      while (!isOver()) await this.#request(driven, performance.now())
    }
    const sent = rate === null ? Promise.all(Array.from({ length: clients }, work)) : this.#atRate(rate, driven, begun, isOver)
    const ended = new AbortController()
    await Promise.race([sent, aborted(signal, ended.signal)]).finally(() => ended.abort())
    driven.ms = performance.now() - begun
    return { ...driven, errors: { ...driven.errors } }
  }

  async #atRate(rate: number, driven: Driven, begun: number, isOver: () => boolean): Promise<void> {
    const everyMs = (1000 * this.#settings.group) / rate
    const underWay = new Set<Promise<void>>()
    let bug: { error: unknown } | undefined
    for (let i = 0; !isOver() && !bug; ) {
      for (; begun + i * everyMs <= performance.now() && !isOver(); i++) {
        if (underWay.size >= MOST_UNDER_WAY) {
          this.#count(driven, 'BUSY', this.#settings.group)
          continue
        }
        // Kept until the end: a rejection that nobody waits for would end the process, and leave a cluster running.
        const request = this.#request(driven, begun + i * everyMs)
          .catch((error: unknown) => {
            bug ??= { error }
          })
          .finally(() => underWay.delete(request))
        underWay.add(request)
      }
      await new Promise((resolve) => setTimeout(resolve, Math.min(everyMs, 5)))
    }
    await Promise.all(underWay)
    if (bug) throw bug.error
  }

  async #request(driven: Driven, dueMs: number): Promise<void> {
    const { group, entries } = this.#settings
    const transactions = Array.from({ length: group }, () => this.#traffic.next())
    const options = { to: this.#requests++ % entries, timeoutMs: TIMEOUT_MS }
    try {
      const [only] = transactions
      const results = group === 1 && only ? [await this.#client.submit(only, options)] : await this.#client.submitAll(transactions, options)
      const latencyUs = Math.min(LONGEST_US, Math.max(1, Math.round((performance.now() - dueMs) * 1000)))
      for (const result of results) {
        if (result instanceof MusigError) this.#count(driven, result.code, 1)
        else this.#executed(driven, result, latencyUs)
      }
    } catch (error) {
      if (!(error instanceof MusigError)) throw error
      this.#count(driven, error.code, group)
    }
  }

  #executed(driven: Driven, { receipt, path, phases }: TransactionResult, latencyUs: number): void {
    driven.executed++
    if (receipt?.ok === false) driven.refused++
    if (path === 'fast') driven.fast++
    driven.latencies.recordValue(latencyUs)
    for (const [phase, ms] of Object.entries(phases)) {
      const all = driven.phases.get(phase) ?? { sum: 0, count: 0 }
      driven.phases.set(phase, { sum: all.sum + ms, count: all.count + 1 })
    }
  }

  #count(driven: Driven, code: string, count: number): void {
    driven.errors[code] = (driven.errors[code] ?? 0) + count
  }
}

/** Resolves when `signal` aborts; listens no longer once `ended` does. */
function aborted(signal: AbortSignal, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true, signal: ended })
  })
}
