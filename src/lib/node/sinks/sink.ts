/**
 * Sinks: where executed transactions go besides the node's own state machine. The port that every kind of sink fills, and the record that each of them is
 * given. What is delivered when is decided in `feed.ts`.
 */
import type { Id } from '../../base/bytes.js'
import { readJson } from '../../machine/json.js'
import type { Receipt } from '../../machine/state-machine.js'
import type { ExecutedTransaction } from '../executed-log.js'

/** One executed transaction as sinks are given it: plain JSON, the same fields in the same order in every kind of sink. Fields are added, never changed or taken away. */
export interface SinkRecord {
  schema: 1
  /** Its place in the sink, from 0 and without gaps. It is its place in the log of the node that filled the sink, as long as one node alone did. */
  index: number
  txId: Id
  batchId: Id
  /** Its place in its batch. */
  indexInBatch: number
  /** For each of its keys the height of its batch in that key's log: 1 for the first. The same at every node. */
  position: Record<string, number>
  keys: string[]
  /** Its client's public key in hex, or null. */
  client: string | null
  /** In hex. */
  payload: string
  /** The payload's value, where it is JSON text whose value is the same to every reader. */
  json?: unknown
  receipt: Receipt
  /** How the batch was committed, by the certificate that this node holds; another node may hold another one. */
  path: 'fast' | 'slow'
  ballot: number
  /** The clock of the signer that made the batch, in seconds since 1970. */
  time: number
  /** The digest of the node's log up to this transaction (`log-digest.ts`), as long as the sink holds just that; null where it holds later ones too. */
  logDigest: Id | null
}

/** Where a sink stands. */
export interface SinkPosition {
  /** How many transactions it holds: the next one has this index. */
  count: number
  /** The `logDigest` of the last of them; null where there is none, or where it was null. */
  logDigest: Id | null
}

/** Of a transaction that a sink holds, what tells it from others and its place in the order. */
export type HeldRecord = Pick<SinkRecord, 'txId' | 'batchId' | 'position'>

/**
 * One place outside. Every implementation passes the port's compliance suite. Any method may fail with any error, after which the sink is closed and opened
 * again, except with a `MusigError` `CHECK_FAILED`: it must not be written to any more, for a reason that only its operator can see to. `BUSY`: another
 * process writes to it.
 */
export interface Sink {
  /** Opens it, or makes it where there is none, and tells where it stands. `lost` may be called later, while it is open and idle: it must be opened again. */
  open(lost: (error: Error) => void): Promise<SinkPosition>
  /** Adds records behind the position: all of them with the new position, or nothing; or the first ones of them. Durable there when it resolves. */
  write(records: readonly SinkRecord[]): Promise<void>
  /** What it holds, by index, in pages. */
  held(): AsyncIterable<readonly HeldRecord[]>
  /** A position as `held` would tell it. */
  kept(position: SinkRecord['position']): SinkRecord['position']
  /** Lets go of it, whatever is under way. */
  close(): Promise<void>
}

/** An error after which a sink is tried again no sooner than it says. */
export class TryLater extends Error {
  readonly pauseMs: number

  constructor(message: string, pauseMs: number) {
    super(message)
    this.pauseMs = pauseMs
  }
}

/** The record of an executed transaction. */
export function sinkRecord(executed: ExecutedTransaction, index: number, logDigest: Id | null): SinkRecord {
  const { txId, transaction, batch, heights, certificate, outcome } = executed
  const payload = Buffer.from(transaction.payload.buffer, transaction.payload.byteOffset, transaction.payload.length)
  return {
    schema: 1,
    index,
    txId,
    batchId: batch.id,
    indexInBatch: outcome.index,
    position: positionOn(transaction.deps, heights),
    keys: transaction.deps,
    client: transaction.client && Buffer.from(transaction.client).toString('hex'),
    payload: payload.toString('hex'),
    ...jsonOf(payload),
    receipt: outcome.receipt,
    path: certificate.type,
    ballot: certificate.type === 'fast' ? 0 : certificate.ballot,
    time: batch.time,
    logDigest,
  }
}

/** The heights of a batch on some of its keys. */
function positionOn(keys: readonly string[], heights: ReadonlyMap<string, number>): SinkRecord['position'] {
  return Object.fromEntries(keys.map((key) => [key, heights.get(key) ?? 0]))
}

function jsonOf(payload: Buffer): { json?: unknown } {
  // Most of what is no JSON shows it at once.
  if (!/^[\s"[{\d\-tfn]/.test(payload.toString('latin1', 0, 1))) return {}
  try {
    return { json: readJson(payload) }
  } catch {
    return {}
  }
}
