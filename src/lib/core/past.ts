/**
 * The past as it is told (§13): what is left to say of each executed batch once its body and certificate are gone, in one form for the stores of signers and
 * peers and for snapshots between them. Owns the entries, and the digest over all of them that is the same wherever the same batches were executed.
 */
import { fromHex, type Id, toHex, utf8 } from '../base/bytes.js'
import { bool, type Decoded, fromCbor, id, list, nullable, object, tagged, text, toCbor, uint } from '../base/codec.js'
import { digestOf, sha256 } from '../base/hash.js'
import { LIMITS } from './limits.js'
import type { PastBatch } from './snapshot.js'

const receipt = text(LIMITS.recordBytes)
const index = uint(LIMITS.transactionsPerBatch)

const entryCodec = tagged({
  /** An executed batch, with those transactions that have keys and were executed first in it. `receipt`: JSON. */
  batch: object({
    id,
    initiator: uint(LIMITS.signers),
    /** Whether its certificate was a fast one; null where it is told to others, for theirs may be another one. */
    isFast: nullable(bool),
    keys: list(text(LIMITS.keyBytes, 1), LIMITS.keysPerBatch),
    transactions: list(object({ txId: id, index, receipt }), LIMITS.transactionsPerBatch),
  }),
  /** An executed transaction without keys. `place`: where it was executed first; null where it is told to others, for it has no place in a common order. */
  keyless: object({ txId: id, place: nullable(object({ batchId: id, index })), receipt }),
})

/** One entry of a past. */
export type PastEntry = Decoded<typeof entryCodec>

/** Bytes of an encoded entry that are read. */
export const PAST_ENTRY_BYTES = 2 * LIMITS.recordBytes

/** The entries of a batch that is pruned at a signer. `receiptOf`: JSON. */
export function entriesOf(batch: PastBatch, receiptOf: (txId: Id) => string): PastEntry[] {
  const { id, initiator, isFast, keys, transactions, keyless } = batch
  return [
    { type: 'batch', id, initiator, isFast, keys, transactions: transactions.map((one) => ({ ...one, receipt: receiptOf(one.txId) })) },
    ...keyless.map(({ txId, index }): PastEntry => ({ type: 'keyless', txId, place: { batchId: id, index }, receipt: receiptOf(txId) })),
  ]
}

/** Encodes an entry. */
export function encodeEntry(entry: PastEntry): Uint8Array {
  return toCbor(entryCodec, entry)
}

/** Reads an entry. Errors: `BAD_ENCODING`. */
export function decodeEntry(encoded: Uint8Array): PastEntry {
  return fromCbor(entryCodec, encoded, PAST_ENTRY_BYTES, 'entry')
}

/** What a journal takes back of entries. `keyless`: transactions without keys, with their batch where it is known. */
export function pastOf(entries: Iterable<PastEntry>): { batches: PastBatch[]; keyless: [txId: Id, batchId: Id | null][] } {
  const batches: PastBatch[] = []
  const keyless: [Id, Id | null][] = []
  for (const entry of entries) {
    if (entry.type === 'keyless') keyless.push([entry.txId, entry.place?.batchId ?? null])
    else batches.push({ ...entry, keyless: [] })
  }
  return { batches, keyless }
}

/** The digest over told entries, whatever their order. */
export class PastDigest {
  readonly #clusterId: Id
  /** The digest of each entry. */
  readonly #leaves: Id[] = []

  constructor(clusterId: Id) {
    this.#clusterId = clusterId
  }

  /** Takes an entry in, as it is encoded. */
  add(encoded: Uint8Array): void {
    this.#leaves.push(toHex(sha256(encoded)))
  }

  /** SHA-256(musig/v1/past\0 ‖ clusterId ‖ the digests of all entries, ascending). */
  digest(): Id {
    // Mostly sorted from the last time: that is fast.
    this.#leaves.sort()
    return toHex(digestOf(utf8('musig/v1/past\0'), fromHex(this.#clusterId), fromHex(this.#leaves.join(''))))
  }
}
