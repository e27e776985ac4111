/**
 * What stays of a signer's records when they are pruned (§13): an outline of each executed batch, its past, and a snapshot of everything else at one
 * point of the records. Owns their shapes; the journal takes them apart and puts them together, when it is done is decided in `pruning.ts`.
 */
import type { Id } from '../base/bytes.js'
import { bool, type Codec, fromCbor, id, list, mapped, nullable, object, text, toCbor, uint } from '../base/codec.js'
import { certificateCodec, orderCodec } from './certificate.js'
import type { ChangeMade } from './epochs.js'
import type { KnownBatch } from './known-batch.js'
import { ballotCodec, blsSignatureCodec } from './statement.js'
import type { Value } from './tally.js'
import { type Batch, encodedBatchCodec, transactionCodec } from './transaction.js'
import { allHeightsCodec, viewCodec } from './view.js'

/** Bytes of a snapshot that are read. */
const MAX_BYTES = 2 ** 31
const MAX_OPEN = 2 ** 24

/** An executed batch that is pruned, with the transactions that were executed first in it, by their index: those that have keys, and those without. */
export interface PastBatch {
  id: Id
  initiator: number
  /** Whether its certificate was a fast one; null where it comes from another signer’s snapshot, and is not known. */
  isFast: boolean | null
  keys: string[]
  transactions: PastTransaction[]
  keyless: PastTransaction[]
}

interface PastTransaction {
  txId: Id
  index: number
}

/** What stays of an executed batch; `first`: its transactions that were executed first in it. */
export function pastBatchOf({ id, initiator, keys, transactions }: Batch, isFast: boolean, first: readonly PastTransaction[]): PastBatch {
  const hasKeys = ({ index }: PastTransaction) => transactions[index]?.deps.length !== 0
  return { id, initiator, isFast, keys, transactions: first.filter(hasKeys), keyless: first.filter((one) => !hasKeys(one)) }
}

/** The journal at one point of its records, without its past. */
export interface Snapshot {
  /** Batches that were executed up to here: the past that goes with it. */
  executed: number
  hasRejoined: boolean
  /** The changes of the signers until then. */
  changes: ChangeMade[]
  /** One more than the highest sequence number of each initiator, by epoch and initiator. */
  sequences: { place: string; next: number }[]
  /** Batches that are not executed, in the order of arrival. */
  open: KnownBatch[]
}

/** What is not worked out yet: the journal reads values from their certificates once it has the logs. */
const UNREAD: Value = { base: new Map(), predecessors: [], tallies: null }

function snapshotCodec(clusterId: Id): Codec<Snapshot> {
  const open: Codec<KnownBatch> = mapped(
    object({
      batch: encodedBatchCodec(clusterId),
      // Frozen as it was: unlike a signed view it may list any number of ids.
      frozen: object({ heights: allHeightsCodec, pending: list(id, MAX_OPEN) }),
      vote: nullable(object({ view: viewCodec, signature: blsSignatureCodec })),
      accepted: nullable(orderCodec),
      promised: ballotCodec,
      orders: list(orderCodec, MAX_OPEN),
      lock: nullable(certificateCodec),
      committed: nullable(certificateCodec),
      isForgotten: bool,
    }),
    ({ batch, frozen, vote, accepted, promised, orders, lock, committed, isForgotten }) => ({
      batch,
      frozen,
      promised,
      orders: new Map(orders.map((order) => [order.ballot, order])),
      ...(vote && { vote }),
      ...(accepted && { accepted }),
      ...(lock && { lock: { certificate: lock, value: UNREAD } }),
      ...(committed && { committed: { certificate: committed, value: UNREAD } }),
      ...(isForgotten && { isForgotten }),
    }),
    ({ batch, frozen, vote, accepted, promised, orders, lock, committed, isForgotten }) => ({
      batch,
      frozen,
      vote: vote ?? null,
      accepted: accepted ?? null,
      promised,
      orders: [...orders.values()],
      lock: lock?.certificate ?? null,
      committed: committed?.certificate ?? null,
      isForgotten: isForgotten ?? false,
    }),
  )
  return object({
    executed: uint(),
    hasRejoined: bool,
    changes: list(object({ batchId: id, transaction: transactionCodec }), MAX_OPEN),
    sequences: list(object({ place: text(32, 3), next: uint() }), MAX_OPEN),
    open: list(open, MAX_OPEN),
  })
}

export function encodeSnapshot(clusterId: Id, snapshot: Snapshot): Uint8Array {
  return toCbor(snapshotCodec(clusterId), snapshot)
}

/** Reads a snapshot. Errors: `BAD_ENCODING`. */
export function decodeSnapshot(clusterId: Id, encoded: Uint8Array): Snapshot {
  return fromCbor(snapshotCodec(clusterId), encoded, MAX_BYTES, 'snapshot')
}
