/**
 * What signers tell one another so that two halves of a contradiction meet (§10): the digests of what they heard, and the halves themselves. Owns the shapes; when they
 * are told, and to whom, is `joining.ts`.
 */
import { bitmapOf } from '../base/bitmap.js'
import { type Decoded, id, list, nullable, object, tagged } from '../base/codec.js'
import { type Backing, type Certificate, type Order, proofOfOrderDigest } from './certificate.js'
import { acceptsCodec, orderHalfCodec, promisesCodec } from './evidence.js'
import type { KnownBatch } from './known-batch.js'
import { LIMITS } from './limits.js'
import type { Manifest } from './manifest.js'
import type { Message, MessageOf } from './message.js'
import { ballotCodec, bitmapCodec, valueDigest } from './statement.js'
import { viewCodec } from './view.js'
import { voteSetCodec } from './vote-set.js'

/** Statements of a batch without their signatures, and who is under each. */
export const heardCodec = object({
  batchId: id,
  said: list(
    tagged({
      /** With the view where it was not shown to all: it may contradict a vote for another batch. */
      vote: object({ digest: id, view: nullable(viewCodec), signers: bitmapCodec }),
      accept: object({ ballot: ballotCodec, valueDigest: id, signers: bitmapCodec }),
      promise: object({ ballot: ballotCodec, accepted: nullable(object({ ballot: ballotCodec, valueDigest: id })), signers: bitmapCodec }),
      /** The coordinator's of this ballot. */
      order: object({ ballot: ballotCodec, valueDigest: id }),
    }),
    LIMITS.heardStatements,
  ),
})

/** A part that holds statements with the signatures under them. */
export const halfCodec = tagged({
  votes: object({ batchId: id, votes: voteSetCodec }),
  accepts: object({ batchId: id, ballot: ballotCodec, accepts: acceptsCodec }),
  promises: object({ batchId: id, promises: promisesCodec }),
  order: object({ batchId: id, ballot: ballotCodec, order: orderHalfCodec }),
})

export type Heard = Decoded<typeof heardCodec>
/** One statement of it. */
export type Line = Heard['said'][number]
export type Half = Decoded<typeof halfCodec>

/** All parts with signatures that a message carries. `from`: who sent it. */
export function* halvesIn(manifest: Manifest, from: number, message: Message): Generator<Half> {
  switch (message.type) {
    case 'vote':
      if (message.votes) yield { type: 'votes', batchId: message.batchId, votes: message.votes }
      return
    case 'order':
      return yield* halvesOfOrder(manifest, message.order)
    case 'accept':
      if (message.accepts) yield { type: 'accepts', batchId: message.batchId, ballot: message.ballot, accepts: message.accepts }
      return
    case 'shares':
      for (const votes of message.votes) yield { type: 'votes', batchId: message.batchId, votes }
      for (const accepts of message.accepts) yield { type: 'accepts', batchId: message.batchId, ballot: accepts.ballot, accepts }
      return
    case 'promise':
      return yield* halvesOfPromise(manifest, from, message)
    case 'notice': {
      const { batchId, ballot, round } = message
      if (round.type === 'order') yield { type: 'order', batchId, ballot, order: round }
      return
    }
    case 'refuse':
      return yield* halvesOfBackings(manifest, message.backings)
    case 'certificate':
    case 'have':
      if (message.certificate) yield halfOfCertificate(manifest, message.certificate)
      return
    case 'halves':
      return yield* message.items
    default:
      return
  }
}

function halfOfCertificate({ clusterId }: Manifest, certificate: Certificate): Half {
  const { batchId } = certificate
  if (certificate.type === 'fast') return { type: 'votes', batchId, votes: certificate.votes }
  const { ballot, value, signers, signature } = certificate
  return { type: 'accepts', batchId, ballot, accepts: { valueDigest: valueDigest(clusterId, value), signers, signature } }
}

function* halvesOfBackings(manifest: Manifest, backings: readonly Backing[]): Generator<Half> {
  for (const backing of backings) {
    if (backing.type === 'certificate') yield halfOfCertificate(manifest, backing.certificate)
    else yield* halvesOfOrder(manifest, backing.order)
  }
}

/** An order with its votes, or with the promises and what came with them. */
export function* halvesOfOrder(manifest: Manifest, { batchId, ballot, value, proof, signature }: Order): Generator<Half> {
  const { clusterId } = manifest
  if (proof.type === 'votes') yield { type: 'votes', batchId, votes: proof.votes }
  else {
    const { votes, statements, signature: promised, backings, certificate } = proof.promises
    yield { type: 'votes', batchId, votes }
    yield { type: 'promises', batchId, promises: { ballot, statements, signature: promised } }
    yield* halvesOfBackings(manifest, backings)
    if (certificate) yield halfOfCertificate(manifest, certificate)
  }
  const order = { valueDigest: valueDigest(clusterId, value), proofDigest: proofOfOrderDigest(clusterId, proof), signature }
  yield { type: 'order', batchId, ballot, order }
}

function* halvesOfPromise(manifest: Manifest, from: number, { batchId, ballot, promise }: MessageOf<'promise'>): Generator<Half> {
  const signers = bitmapOf(manifest.n, [from])
  const { voteDigest, accepted, blockers, signature } = promise
  yield { type: 'votes', batchId, votes: { entries: [{ view: promise.view, signers }], signature: promise.voteSignature } }
  yield { type: 'promises', batchId, promises: { ballot, statements: [{ voteDigest, accepted, blockers, signers }], signature } }
  if (promise.certificate) yield halfOfCertificate(manifest, promise.certificate)
  yield* halvesOfBackings(manifest, promise.backings)
}

/** What all hold, or can be given by anyone: parts in the certificate and the orders that this signer has verified and recorded. */
export function* halvesShown(manifest: Manifest, { committed, lock, accepted, orders }: KnownBatch): Generator<Half> {
  for (const held of [committed, lock]) if (held) yield halfOfCertificate(manifest, held.certificate)
  for (const order of [accepted, ...orders.values()]) if (order) yield* halvesOfOrder(manifest, order)
}
