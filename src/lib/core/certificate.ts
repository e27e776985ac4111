/**
 * Orders and certificates (§5, §7): what a coordinator asks others to accept, and what proves that a batch is committed. Owns their shapes and
 * their verification; whether a signer may accept an order is decided in `ballot.ts`.
 */

import { countBits } from '../base/bitmap.js'
import type { Id } from '../base/bytes.js'
import { type Codec, type Decoded, fromCbor, id, list, nested, nullable, object, tagged, toCbor } from '../base/codec.js'
import { statementId } from '../base/hash.js'
import type { Crypto } from '../bls/backend.js'
import { multiSignatureFault } from '../bls/multi-signature.js'
import type { History } from './key-logs.js'
import { LIMITS } from './limits.js'
import type { Manifest } from './manifest.js'
import {
  acceptDigest,
  ballotCodec,
  bitmapCodec,
  blsSignatureCodec,
  epochCodec,
  linkSignatureCodec,
  orderDigest,
  promiseFields,
  valueDigest,
} from './statement.js'
import { fastValue, isFast, tallyOf, type Value, valueCodec } from './tally.js'
import { countedViews, multiSignatureOf, type VoteSet, voteSetCodec } from './vote-set.js'

/** Either the vote set itself, where every pair is decisive, or a quorum of accepts for one value. */
export const certificateCodec = tagged({
  fast: object({ epoch: epochCodec, batchId: id, votes: voteSetCodec }),
  slow: object({ epoch: epochCodec, batchId: id, ballot: ballotCodec, value: valueCodec, signers: bitmapCodec, signature: blsSignatureCodec }),
})

/** The proof that a batch is committed. Its rank: fast < slow of ballot 0 < ballot 1 < … (§7). */
export type Certificate = Decoded<typeof certificateCodec>

/** What promises report: equal statements together, the accepted values and the backings of blockers in full. */
export interface PromiseSet {
  votes: VoteSet
  statements: { voteDigest: Id; accepted: { ballot: number; valueDigest: Id } | null; blockers: Id[]; signers: Uint8Array }[]
  signature: Uint8Array
  values: Value[]
  backings: Backing[]
  /** The highest certificate of the batch that the coordinator knows of, if the guard is on (§9, rule 0). */
  certificate: Certificate | null
}

/** Why a batch must go before another one: its certificate, or the order that was accepted for it. */
export type Backing = { type: 'certificate'; certificate: Certificate } | { type: 'order'; order: Order }

/** The batch that a backing speaks of. */
export function backedBatch(backing: Backing): Id {
  return backing.type === 'certificate' ? backing.certificate.batchId : backing.order.batchId
}

/** A coordinator's signed proposal of a value for one ballot, with what the value follows from: votes (ballot 0) or promises. */
export interface Order {
  epoch: number
  batchId: Id
  ballot: number
  value: Value
  proof: OrderProof
  signature: Uint8Array
}

export type OrderProof = ({ type: 'votes' } & { votes: VoteSet }) | ({ type: 'promises' } & { promises: PromiseSet })

function proofCodecOver(order: Codec<Order>): Codec<OrderProof> {
  const backing: Codec<Backing> = tagged({ certificate: object({ certificate: certificateCodec }), order: object({ order }) })
  const promises: Codec<PromiseSet> = object({
    votes: voteSetCodec,
    statements: list(object({ ...promiseFields, signers: bitmapCodec }), LIMITS.signers),
    signature: blsSignatureCodec,
    values: list(valueCodec, LIMITS.signers),
    backings: list(backing, LIMITS.signers),
    certificate: nullable(certificateCodec),
  })
  return tagged({ votes: object({ votes: voteSetCodec }), promises: object({ promises }) })
}

/** An order holds backings that hold orders, and those hold none. */
export const orderCodec: Codec<Order> = nested(2, (inner) =>
  object({ epoch: epochCodec, batchId: id, ballot: ballotCodec, value: valueCodec, proof: proofCodecOver(inner), signature: linkSignatureCodec }),
)
export const backingCodec: Codec<Backing> = tagged({ certificate: object({ certificate: certificateCodec }), order: object({ order: orderCodec }) })
const proofCodec = proofCodecOver(orderCodec)

/** The digest of what a value follows from, as it stands in the signed order. Backings prove themselves and are not covered. */
export function proofOfOrderDigest(clusterId: Id, proof: OrderProof): Id {
  let digest = proofDigests.get(proof)
  if (digest === undefined) {
    digest = statementId('musig/v1/proof-of-order', clusterId, toCbor(proofCodec, withoutBackings(proof)))
    proofDigests.set(proof, digest)
  }
  return digest
}
const proofDigests = new WeakMap<OrderProof, Id>()

function withoutBackings(proof: OrderProof): OrderProof {
  return proof.type === 'votes' ? proof : { ...proof, promises: { ...proof.promises, backings: [] } }
}

/** An order as it backs a blocker: without the backings that it came with, so that backings do not grow from ballot to ballot. */
export function bareOrder(order: Order): Order {
  return { ...order, proof: withoutBackings(order.proof) }
}

/** A coordinator's order, signed with its link key. */
export function signOrder(crypto: Crypto, manifest: Manifest, linkSecretKey: Uint8Array, order: Omit<Order, 'signature' | 'epoch'>): Order {
  const { batchId, ballot, value, proof } = order
  const digest = orderDigest(manifest, batchId, ballot, valueDigest(manifest.clusterId, value), proofOfOrderDigest(manifest.clusterId, proof))
  return { epoch: manifest.epoch, batchId, ballot, value, proof, signature: crypto.ed25519.sign(linkSecretKey, digest) }
}

/** Whether others, and this signer when it starts again, can read an order. */
export function isReadable(order: Order): boolean {
  try {
    fromCbor(orderCodec, toCbor(orderCodec, order), LIMITS.messageBytes - ROUND_ORDER)
    return true
  } catch {
    return false
  }
}
/** Bytes that a message adds to an order. */
const ROUND_ORDER = 64

/** Whether an order was signed by this coordinator. Its value is looked at elsewhere. */
export function isSignedOrder(crypto: Crypto, manifest: Manifest, coordinator: number, order: Order): boolean {
  const linkKey = manifest.signers[coordinator]?.linkKey
  if (!linkKey || order.epoch !== manifest.epoch) return false
  const digest = orderDigest(
    manifest,
    order.batchId,
    order.ballot,
    valueDigest(manifest.clusterId, order.value),
    proofOfOrderDigest(manifest.clusterId, order.proof),
  )
  return crypto.ed25519.verify(linkKey, digest, order.signature)
}

/** The rank of a certificate as a number: fast −1, phase 3 of ballot b: b. */
export function rankOf(certificate: Certificate): number {
  return certificate.type === 'fast' ? -1 : certificate.ballot
}

/** The identity of a certificate: what it says, never its signature bytes. */
export function certificateId({ clusterId }: Manifest, certificate: Certificate): Id {
  const content =
    certificate.type === 'fast'
      ? { ...certificate, votes: { ...certificate.votes, signature: new Uint8Array(96) } }
      : { ...certificate, signature: new Uint8Array(96) }
  return statementId('musig/v1/certificate', clusterId, toCbor(certificateCodec, content))
}

/** The public keys of a manifest's signers, by index. */
export function publicKeysOf(manifest: Manifest): Uint8Array[] {
  let keys = publicKeys.get(manifest)
  if (!keys) {
    keys = manifest.signers.map((signer) => signer.publicKey)
    publicKeys.set(manifest, keys)
  }
  return keys
}
const publicKeys = new WeakMap<Manifest, Uint8Array[]>()

/** What is wrong with the signatures of a vote set, if anything. Its views are not looked at. */
export function voteSetFault(crypto: Crypto, manifest: Manifest, batchId: Id, votes: VoteSet): string | undefined {
  return multiSignatureFault(crypto.bls, publicKeysOf(manifest), multiSignatureOf(manifest, batchId, votes))
}

/**
 * What is wrong with a certificate's signatures and quorum, if anything: checked with the manifest alone. Whether a fast one is decisive needs
 * the history as far as its views reach: `certifiedValue`.
 */
export function certificateFault(crypto: Crypto, manifest: Manifest, certificate: Certificate): string | undefined {
  if (certificate.epoch !== manifest.epoch) return `epoch ${certificate.epoch} is not ${manifest.epoch}`
  const signers = certificate.type === 'fast' ? certificate.votes.entries.map((entry) => entry.signers) : [certificate.signers]
  const count = signers.reduce((sum, bitmap) => sum + countBits(bitmap), 0)
  if (count < manifest.quorum) return `${count} signatures, ${manifest.quorum} are needed`
  if (certificate.type === 'fast') return voteSetFault(crypto, manifest, certificate.batchId, certificate.votes)
  const message = acceptDigest(manifest, certificate.batchId, certificate.ballot, valueDigest(manifest.clusterId, certificate.value))
  return multiSignatureFault(crypto.bls, publicKeysOf(manifest), {
    entries: [{ message, signers: certificate.signers }],
    signature: certificate.signature,
  })
}

/**
 * The value that a certificate commits for a batch with these keys. `undecided`: a fast one whose votes are not decisive, which is no
 * certificate at all. `behindOn`: the reader must catch up on a key first.
 */
export function certifiedValue(
  manifest: Manifest,
  certificate: Certificate,
  keys: readonly string[],
  history: History,
): Value | { behindOn: string } | 'undecided' {
  if (certificate.type === 'slow') return certificate.value
  const tally = tallyOf(keys, countedViews(certificate.votes), history)
  if ('behindOn' in tally) return tally
  return isFast(tally, manifest) ? fastValue(tally, manifest) : 'undecided'
}
