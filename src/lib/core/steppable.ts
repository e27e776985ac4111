/**
 * The shape of the core: `step(event) → effects`. No I/O, clock, async or randomness behind it; time comes in with the event. A driver carries
 * the effects out: a `send`, `reply` or `execute` only when every `persist` before it in the list is durable.
 */
import type { Id } from '../base/bytes.js'
import type { Certificate } from './certificate.js'
import type { Evidence } from './evidence.js'
import type { Message } from './message.js'
import type { DurableRecord } from './record.js'
import type { Value } from './tally.js'
import type { Batch, Transaction } from './transaction.js'

/** Something that happens to a signer at `now` (milliseconds of any clock that never runs backwards). */
export type Event =
  /** Comes once, first, after the records were restored. */
  | { type: 'start'; now: number }
  /** A client's transaction; answered by a `reply` with the same number. `time`: seconds since 1970, for the batch. */
  | { type: 'submit'; now: number; requestId: number; transaction: Transaction; time: number }
  | { type: 'message'; now: number; from: number; message: Message }
  | { type: 'connected'; now: number; signer: number }
  | { type: 'disconnected'; now: number; signer: number }
  /** Due when `wakeAt` has come; harmless at any other time. */
  | { type: 'tick'; now: number }

/** What a driver has to do, in this order. */
export type Effect =
  | { type: 'persist'; record: DurableRecord }
  | { type: 'send'; to: number; message: Message }
  | { type: 'execute'; executed: ExecutedBatch }
  /** The answer to a `submit`: taken (wait for its execution), known already (look it up), or rejected for good. */
  | { type: 'reply'; requestId: number; txId: Id; status: 'taken' | 'known' }
  | { type: 'reply'; requestId: number; txId: Id; status: 'rejected' | 'busy'; reason: string }
  /** Proof that signers broke the protocol, checked here as anyone can check it. */
  | { type: 'accuse'; evidence: Evidence }
  /** The log of this signer is not that of the others (§9): once this is durable it must be made anew from its records. Nothing else comes after. */
  | { type: 'start-over'; reason: string }
  /**
   * The epoch is over (§24): once this is durable the signer must be made anew from its records. Nothing else comes after. `transactions`: those that wait for
   * a batch here.
   */
  | { type: 'next-epoch'; transactions: readonly Transaction[] }
  /**
   * A snapshot is confirmed (§13): its past as it is told, encoded, goes with the state in which the state machine is at this moment. Nothing else comes after.
   * `executed`: the batches in it.
   */
  | { type: 'begin'; executed: number; past: readonly Uint8Array[]; confirmedBy: readonly number[] }
  /** Something observed, no proof: late, silent, invalid share, refused. */
  | { type: 'suspect'; signer: number; reason: string; batchId: Id | null }

/** A batch at its place in the order. */
export interface ExecutedBatch {
  batch: Batch
  /** The height at which it stands in the log of each of its keys. */
  heights: ReadonlyMap<string, number>
  certificate: Certificate
  value: Value
  /** Transactions that are not applied, by index: executed before, or past their expiry. */
  skipped: ReadonlyMap<number, 'duplicate' | 'expired'>
}

/** A signer, a learner, or a wrapper round one. */
export interface Steppable {
  step(event: Event): Effect[]
  /** When the next `tick` is due, in the clock of the events; undefined if nothing is waited for. */
  readonly wakeAt: number | undefined
}
