/** The interface of state machines (§12): what a team plugs in to give the order a meaning. The order of `apply` is its only input. */
import type { Id } from '../base/bytes.js'
import type { Transaction } from '../core/transaction.js'

/** Where in the order a transaction stands. */
export interface Position {
  batchId: Id
  /** Index within the batch. */
  index: number
  /** For each of the batch's keys the height of its log at which the batch stands (1 for the first). */
  heights: ReadonlyMap<string, number>
  txId: Id
}

/** What came of a transaction. A refused one keeps its place in the order and says why. JSON values only. */
export type Receipt = { ok: true; result: unknown } | { ok: false; reason: string }

/** A deterministic state machine. It must not use clocks, random numbers or I/O: the same calls give the same receipts and digest everywhere. */
export interface StateMachine {
  /** Pre-consensus check: why this transaction can never be valid, or undefined. Depends on the transaction alone, never on state. */
  check(transaction: Transaction): string | undefined
  /** Executes a transaction. Never throws: what cannot be done is a receipt with `ok: false`. */
  apply(transaction: Transaction, position: Position): Receipt
  /** Reads state; undefined if there is nothing at this path. JSON values only. */
  query(path: string): unknown
  /** 32 bytes that are equal exactly where the state is. */
  digest(): Uint8Array
  snapshot(): Uint8Array
  restore(snapshot: Uint8Array): void
}
