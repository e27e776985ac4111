/**
 * What is seen of a state machine from outside: calls that failed, transactions that took long, and, where others wrote it, what it made of the latest transactions. Owns counting and the limit
 * on what is logged of it; what becomes of a failed call is decided in `machine-file.ts`, whether signers agree by whoever asks several (`cluster status`).
 */
import { type Id, shorten } from '../base/bytes.js'
import type { MachineHistory } from './machine-history.js'

/** The calls of a state machine. */
export const MACHINE_CALLS = ['check', 'apply', 'query', 'digest', 'snapshot', 'restore'] as const
/** The name of one. */
export type MachineCall = (typeof MACHINE_CALLS)[number]

/** While a transaction is applied its signer does nothing else: from here on, milliseconds, it is told. */
export const SLOW_APPLY_MS = 250

/** A machine, as a signer's status tells of it. */
export interface MachineReport {
  /** Its name in the manifest. */
  name: string
  /** Calls that failed, by name; those that never did are left out. */
  failures: Partial<Record<MachineCall, number>>
  lastFailure: { call: MachineCall; txId: Id | null; error: string } | null
  /** Transactions that took longer than 250 ms, and the slowest of them. */
  slow: { count: number; txId: Id; ms: number } | null
}

/** Where failures are written to; a pino logger is one. */
export interface MachineLog {
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
  info(fields: object, message: string): void
}

/** Failures of one call that are logged each; then one in so many. */
const LOGGED = 20
const LOGGED_THEN = 1000
const ERROR_CHARACTERS = 300

export class MachineWatch {
  readonly name: string
  /** Kept for machines that others wrote. */
  readonly history: MachineHistory | undefined
  /** Hears how long each transaction took. */
  onApplied: ((durationMs: number) => void) | undefined
  readonly #log: MachineLog | undefined
  readonly #failures = new Map<MachineCall, number>()
  #lastFailure: MachineReport['lastFailure'] = null
  #slow: MachineReport['slow'] = null

  constructor(name: string, history?: MachineHistory, log?: MachineLog) {
    this.name = name
    this.history = history
    this.#log = log
  }

  /** A call has failed: it threw, or gave what it must not. */
  failed(call: MachineCall, error: unknown, txId: Id | null): void {
    const count = (this.#failures.get(call) ?? 0) + 1
    this.#failures.set(call, count)
    const text = error instanceof Error ? error.message : String(error)
    this.#lastFailure = { call, txId, error: shorten(text.replace(/\p{Cc}+/gu, ' '), ERROR_CHARACTERS) }
    if (count <= LOGGED || count % LOGGED_THEN === 0)
      this.#log?.error({ err: error, call, ...(txId !== null && { txId }), failures: count }, `the state machine failed in ${call}`)
  }

  /** A transaction was applied. */
  applied(txId: Id, durationMs: number): void {
    this.onApplied?.(durationMs)
    if (durationMs <= SLOW_APPLY_MS) return
    const ms = Math.round(durationMs)
    const slowest = this.#slow && this.#slow.ms >= ms ? this.#slow : { txId, ms }
    this.#slow = { ...slowest, count: (this.#slow?.count ?? 0) + 1 }
    this.#log?.warn({ txId, ms }, 'a transaction took long in the state machine; the signer did nothing else meanwhile')
  }

  report(): MachineReport {
    return { name: this.name, failures: Object.fromEntries(this.#failures), lastFailure: this.#lastFailure, slow: this.#slow }
  }
}
