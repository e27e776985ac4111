/**
 * Records: everything that a signer must not forget (§3, §5, §7). Durable before anything that follows from them leaves. Reading them back in
 * order, a signer is who it was.
 */
import type { Id } from '../base/bytes.js'
import { bytes, type Codec, type Decoded, fromCbor, id, mapped, object, tagged, toCbor, uint } from '../base/codec.js'
import { invariant } from '../base/errors.js'
import { certificateCodec, orderCodec } from './certificate.js'
import { LIMITS } from './limits.js'
import { ballotCodec, blsSignatureCodec } from './statement.js'
import { decodeBatch } from './transaction.js'
import { viewCodec } from './view.js'

/** The codec of a cluster's records. */
export function recordCodec(clusterId: Id) {
  const batch = mapped(
    bytes({ max: LIMITS.batchBytes }),
    (encoded) => decodeBatch(clusterId, encoded),
    (value) => value.bytes,
  )
  return tagged({
    /** First sight of a batch: its place in the arrival order. An own batch: its sequence number is used up. */
    batch: object({ batch }),
    /** The signed view: the same bytes for ever. */
    vote: object({ batchId: id, view: viewCodec, signature: blsSignatureCodec }),
    /** An own order as coordinator: one for each ballot. */
    order: object({ order: orderCodec }),
    /** An accepted value with the order that asked for it. */
    accept: object({ order: orderCodec }),
    promise: object({ batchId: id, ballot: ballotCodec }),
    certificate: object({ certificate: certificateCodec }),
    /** A certificate that is not final yet (§9). */
    lock: object({ certificate: certificateCodec }),
    /** The operator lets a signer that has lost records sign again, but nothing about what is undecided now (§10). */
    rejoin: object({}),
    /** The epoch of the change that was executed last is over: the next one begins (§24). */
    epoch: object({}),
    /** A learner's: enough signers report the same log up to this batch; it was handed on (§11). */
    confirm: object({ batchId: id }),
    /** The own log was found to be wrong (§9, §11): of the batches executed before only the first `stands` still count; of a learner's, what it handed on. */
    forget: object({ stands: uint() }),
  })
}

export type DurableRecord = Decoded<ReturnType<typeof recordCodec>>

export function encodeRecord(codec: Codec<DurableRecord>, record: DurableRecord): Uint8Array {
  const encoded = toCbor(codec, record)
  // A store that holds more could not be read again.
  invariant(encoded.length <= LIMITS.recordBytes, `a record of ${encoded.length} bytes`)
  return encoded
}

export function decodeRecord(codec: Codec<DurableRecord>, encoded: Uint8Array): DurableRecord {
  return fromCbor(codec, encoded, LIMITS.recordBytes, 'record')
}
