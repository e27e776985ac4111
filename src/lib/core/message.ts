/** The messages between signers: their shapes, limits and one codec. Named after the phases of §5 and the steps of §7. */
import type { Id } from '../base/bytes.js'
import {
  bytes,
  type Codec,
  type Decoded,
  fromCbor,
  id,
  list,
  mapOf,
  mapped,
  nullable,
  object,
  oneOf,
  tagged,
  text,
  toCbor,
  uint,
} from '../base/codec.js'
import { backingCodec, certificateCodec, orderCodec } from './certificate.js'
import { evidenceCodec } from './evidence.js'
import { halfCodec, heardCodec } from './halves.js'
import { LIMITS } from './limits.js'
import { ballotCodec, bitmapCodec, blsSignatureCodec, linkSignatureCodec, MAX_BALLOT, promiseFields, stateFields } from './statement.js'
import { valueCodec } from './tally.js'
import { type Batch, decodeBatch } from './transaction.js'
import { allHeightsCodec, heightsCodec, viewCodec } from './view.js'
import { voteSetCodec } from './vote-set.js'

/** Shares of one accept statement. */
const acceptSetCodec = object({ ballot: ballotCodec, valueDigest: id, signers: bitmapCodec, signature: blsSignatureCodec })

/** A promise as its signer sends it: the statement, the vote with its view, the accepted value and the backings in full. */
const promiseCodec = object({
  ...promiseFields,
  view: viewCodec,
  voteSignature: blsSignatureCodec,
  value: nullable(valueCodec),
  backings: list(backingCodec, LIMITS.signers),
  /** The highest certificate of the batch that its signer holds, if the guard is on (§9). */
  certificate: nullable(certificateCodec),
  signature: blsSignatureCodec,
})

/** Time-outs for one ballot, added up. */
const timeoutsCodec = object({ signers: bitmapCodec, signature: blsSignatureCodec })

const shares = { batchId: id, votes: list(voteSetCodec, LIMITS.signers), accepts: list(acceptSetCodec, LIMITS.signers) }

function batchCodec(clusterId: Id): Codec<Batch> {
  return mapped(
    bytes({ max: LIMITS.batchBytes }),
    (encoded) => decodeBatch(clusterId, encoded),
    (batch) => batch.bytes,
  )
}

/** What a peer may ask a signer (§11), and signers one another. */
const questions = {
  /** Asks for batches by id. */
  fetch: object({ ids: list(id, LIMITS.idsPerFetch) }),
  /** Compares logs: how many batches were executed, a digest of their set, and from where the other's log is wanted. */
  sync: object({ executed: uint(), digest: id, from: uint() }),
  /** Asks for the heads of key logs, each at this height or, where fewer batches were executed, at the latest. */
  'heads-request': object({ heights: heightsCodec }),
  /** Asks what state a signer is in, and for the ids of its log from a place on. */
  'state-request': object({ from: uint() }),
  /** Asks for a snapshot to begin from. */
  'snapshot-request': object({}),
  /** Asks for a part of the snapshot with this statement, from a byte on. */
  'part-request': object({ snapshot: id, at: uint() }),
}

/** A signed statement about the state of its signer (§13). */
const stateCodec = { ...stateFields, signature: linkSignatureCodec }

function variants(clusterId: Id) {
  const batch = batchCodec(clusterId)
  return {
    ...questions,
    /** 1a, down: a batch and its root's view as the reference. */
    propose: object({ batch, reference: viewCodec }),
    /** 1b, up: the votes of a subtree as one multi-signature (none while all are put off), and who puts its vote off (§8). */
    vote: object({ batchId: id, votes: nullable(voteSetCodec), postponed: bitmapCodec }),
    /** 2, down, where the votes disagree; also to all in ballots above 0. */
    order: object({ order: orderCodec }),
    /** 3a, up: the accepts of a subtree (none where all of it refuses). */
    accept: object({ batchId: id, ballot: ballotCodec, accepts: nullable(acceptSetCodec) }),
    /** 2 or 3b, down; the answer to whoever asks about a committed batch. */
    certificate: object({ certificate: certificateCodec }),
    /** Asks for the shares of a phase as they were received, not added up: on overlap, and where an aggregate is bad. */
    ask: object({ batchId: id, phase: oneOf(['vote', 'accept']), ballot: ballotCodec }),
    /** The answer: disjoint shares. */
    shares: object(shares),
    /** No progress: this signer wants this ballot. */
    timeout: object({ batchId: id, ballot: ballotCodec, signature: blsSignatureCodec }),
    /** A coordinator asks for promises, with the time-outs that entitle it. */
    prepare: object({
      batchId: id,
      ballot: ballotCodec,
      timeouts: timeoutsCodec,
      signature: linkSignatureCodec,
    }),
    promise: object({ batchId: id, ballot: ballotCodec, promise: promiseCodec }),
    /** This order will not be accepted, for it leaves out batches that hold without it. */
    refuse: object({ batchId: id, ballot: ballotCodec, backings: list(backingCodec, 64) }),
    /** A slow round of this ballot was begun (§9): the coordinator's signed order by its digests, or its PREPARE. */
    notice: object({
      batchId: id,
      ballot: ballotCodec,
      /** How far its sender has executed on the keys of the batch: what is above may be news to it. */
      heights: allHeightsCodec,
      round: tagged({
        order: object({ valueDigest: id, proofDigest: id, signature: linkSignatureCodec }),
        prepare: object({ timeouts: timeoutsCodec, signature: linkSignatureCodec }),
      }),
    }),
    /** Whether anything speaks against certificates of these ranks (§9): 0 fast, b + 1 for ballot b. */
    inquire: object({ items: list(object({ batchId: id, rank: uint(MAX_BALLOT + 1) }), LIMITS.idsPerPage) }),
    /** What is final for the sender (§9). */
    finals: object({ items: list(object({ batchId: id, valueDigest: id }), LIMITS.idsPerPage) }),
    /** Asks for batches of an initiator that are missing before one that came. */
    'fetch-sequence': object({ initiator: uint(LIMITS.signers), from: uint(), to: uint() }),
    /** The answer to both, and to FETCH: a batch, with its certificate if it is committed. */
    have: object({ batch, certificate: nullable(certificateCodec) }),
    /** A page of the other's log of executed batches, in its own order. It has no more than the ids of the first `pruned` of them. */
    page: object({ from: uint(), ids: list(id, LIMITS.idsPerPage), executed: uint(), pruned: uint() }),
    /** The answer: the heads of the keys that have any. */
    heads: object({ heads: mapOf(text(LIMITS.keyBytes, 1), object({ height: uint(2 ** 32 - 1), head: id }), LIMITS.keysPerBatch) }),
    /** The state of its sender, and its log from a place on: of it the first ids. */
    state: object({ ...stateCodec, from: uint(), ids: list(id, LIMITS.idsPerState) }),
    /** What its sender heard of contested batches: whoever holds what contradicts it answers with that (§10). */
    heard: object({ items: list(heardCodec, LIMITS.heardBatches) }),
    /** The answer: the other halves. */
    halves: object({ items: list(halfCodec, LIMITS.halvesPerAnswer) }),
    /** A proof of guilt: the first that its sender has against somebody. */
    proof: object({ evidence: evidenceCodec(clusterId) }),
    /** A snapshot that can be fetched in parts: first the past, then the state of the state machine. */
    snapshot: object({ ...stateCodec, pastBytes: uint(LIMITS.snapshotBytes), machineBytes: uint(LIMITS.snapshotBytes) }),
    /** A part; empty where the snapshot is not kept any more. */
    part: object({ snapshot: id, at: uint(), bytes: bytes({ max: LIMITS.partBytes }) }),
  }
}

export type Message = Decoded<ReturnType<typeof messageCodec>>
export type MessageOf<T extends Message['type']> = Extract<Message, { type: T }>
export type AcceptSet = Decoded<typeof acceptSetCodec>
export type PromiseOf = Decoded<typeof promiseCodec>

/** The codec of a cluster's messages: batch ids cover the clusterId. */
export function messageCodec(clusterId: Id) {
  return tagged(variants(clusterId))
}

/** What is read of a peer: all else that it might say counts nowhere, and is not even taken apart. */
export const questionCodec = tagged(questions)

/** What peers ask about snapshots. The core does not answer it: only whoever runs a signer has its state machine. */
export type SnapshotQuestion = MessageOf<'state-request' | 'snapshot-request' | 'part-request'>

export function asksForSnapshot(message: Message): message is SnapshotQuestion {
  return message.type === 'state-request' || message.type === 'snapshot-request' || message.type === 'part-request'
}

/** Whether a message is about who lies, and about no batch on its way. */
export function isAboutFaults({ type }: Message): boolean {
  return type === 'heard' || type === 'halves' || type === 'proof'
}

/** The batch that a message is about, if it is about one. */
export function batchIdOf(message: Message): Id | undefined {
  switch (message.type) {
    case 'propose':
    case 'have':
      return message.batch.id
    case 'order':
      return message.order.batchId
    case 'certificate':
      return message.certificate.batchId
    default:
      return 'batchId' in message ? message.batchId : undefined
  }
}

/** Reads a frame. Errors: `BAD_ENCODING`. */
export function decodeMessage<M extends Message>(codec: Codec<M>, frame: Uint8Array): M {
  return fromCbor(codec, frame, LIMITS.messageBytes)
}

export function encodeMessage(codec: Codec<Message>, message: Message): Uint8Array {
  return toCbor(codec, message)
}
