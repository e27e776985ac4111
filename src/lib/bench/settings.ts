/** What a benchmark is asked to do, and what is asked unless something else is said. */

export interface BenchSettings {
  /** How long is measured, and how long the cluster works before, in seconds. */
  seconds: number
  warmUp: number
  /** Closed loop: clients that each send their next request when the last one is answered. */
  clients: number
  /** Open loop: transactions a second, whether answers come or not; null for a closed loop. */
  rate: number | null
  /** Transactions in one request. */
  group: number
  /** Bytes of a payload; a machine's own form may need more. */
  payload: number
  /** The share of transactions that touch a hot key, 0 to 1. */
  conflicts: number
  hotKeys: number
  /** How unevenly hot keys are chosen: 0 for evenly, 1 as in Zipf's law. */
  zipf: number
  /** Signers that are given transactions: the first so many. */
  entries: number
  seed: string
}

export const BENCH_DEFAULTS: Omit<BenchSettings, 'entries' | 'seed'> = {
  seconds: 10,
  warmUp: 3,
  clients: 64,
  rate: null,
  group: 1,
  payload: 128,
  conflicts: 0,
  hotKeys: 1,
  zipf: 0,
}

/** Limits of what may be asked. */
export const BENCH_LIMITS = { seconds: 86_400, clients: 4096, rate: 1_000_000, group: 1024, payload: 64 * 1024, hotKeys: 100_000, zipf: 5 } as const
