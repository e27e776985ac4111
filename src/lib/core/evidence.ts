/**
 * Evidence (§10): two statements of one signer that no honest signer makes, kept with the signatures that bind it, so that anyone can check them with
 * the manifest alone. Owns the kinds, their codec and their verification; an order that does not follow from its proof is `false-order.ts`, finding
 * contradictions in what comes by is `witness.ts`.
 */
import { isBitmap, membersOf } from '../base/bitmap.js'
import { compareBytes, type Id } from '../base/bytes.js'
import { type Codec, type Decoded, id, list, object, tagged, toCbor, uint } from '../base/codec.js'
import { unreachable } from '../base/errors.js'
import type { Crypto } from '../bls/backend.js'
import { type MultiSignature, multiSignatureFault } from '../bls/multi-signature.js'
import { orderCodec, publicKeysOf, voteSetFault } from './certificate.js'
import { falseOrderFault } from './false-order.js'
import { LIMITS } from './limits.js'
import type { Manifest } from './manifest.js'
import {
  acceptDigest,
  ballotCodec,
  bitmapCodec,
  blsSignatureCodec,
  linkSignatureCodec,
  orderDigest,
  promiseDigest,
  promiseFields,
  voteDigest,
} from './statement.js'
import { type Batch, encodedBatchCodec, isSignedBatch } from './transaction.js'
import { treeOf } from './tree.js'
import type { View } from './view.js'
import { type VoteSet, voteSetCodec } from './vote-set.js'

/** Accepts of one value in one ballot, by its digest. */
export const acceptsCodec = object({ valueDigest: id, signers: bitmapCodec, signature: blsSignatureCodec })
/** A coordinator's order by its digests. */
export const orderHalfCodec = object({ valueDigest: id, proofDigest: id, signature: linkSignatureCodec })
/** Promises of one ballot, equal statements together. */
export const promisesCodec = object({
  ballot: ballotCodec,
  statements: list(object({ ...promiseFields, signers: bitmapCodec }), LIMITS.signers),
  signature: blsSignatureCodec,
})

function variants(batch: Codec<Batch>) {
  const voted = object({ batch, votes: voteSetCodec })
  return {
    /** One signer, one batch, two views. */
    'double-vote': object({ batchId: id, first: voteSetCodec, second: voteSetCodec }),
    /** One signer, two conflicting batches: neither view has the other batch, or both have it. */
    'incoherent-votes': object({ first: voted, second: voted }),
    /** One signer, one ballot, two values. */
    'double-accept': object({ batchId: id, ballot: ballotCodec, first: acceptsCodec, second: acceptsCodec }),
    /** An accept, and a promise of a higher ballot that denies it. */
    'false-promise': object({ batchId: id, ballot: ballotCodec, accepts: acceptsCodec, promises: promisesCodec }),
    /** One signer ordered two values in one ballot. */
    'double-order': object({ batchId: id, ballot: ballotCodec, signer: uint(LIMITS.signers), first: orderHalfCodec, second: orderHalfCodec }),
    /** A coordinator's order whose value does not follow from what it carries. */
    'false-order': object({ batch, order: orderCodec }),
    /** One initiator, one sequence number, two batches. */
    'double-batch': object({ first: batch, second: batch }),
  }
}

/** The codec of a cluster's evidence: batch ids cover the clusterId. */
export function evidenceCodec(clusterId: Id): Codec<Evidence> {
  return tagged(variants(encodedBatchCodec(clusterId)))
}

/** A proof of guilt, by its kind. Its two halves stand in one order, so that one proof has one form. */
export type Evidence = Decoded<ReturnType<typeof tagged<ReturnType<typeof variants>>>>
/** What a proof of guilt shows: two statements of one signer that no honest signer makes, or one that is wrong by itself. */
export type EvidenceKind = Evidence['type']
export type AcceptsHalf = Decoded<typeof acceptsCodec>
export type OrderHalf = Decoded<typeof orderHalfCodec>
export type PromisesHalf = Decoded<typeof promisesCodec>

/** What evidence shows: who is guilty, of what; or why it shows nothing. */
export type Judgement = { type: 'guilty'; signers: number[]; batchIds: Id[]; text: string } | { type: 'fault'; fault: string }

/** Judges evidence with the manifest alone (its proofs of possession checked). Names only signers whose own signatures contradict one another. */
export function verifyEvidence(crypto: Crypto, manifest: Manifest, evidence: Evidence): Judgement {
  switch (evidence.type) {
    case 'double-vote':
      return doubleVote(crypto, manifest, evidence)
    case 'incoherent-votes':
      return incoherentVotes(crypto, manifest, evidence)
    case 'double-accept':
      return doubleAccept(crypto, manifest, evidence)
    case 'false-promise':
      return falsePromise(crypto, manifest, evidence)
    case 'double-order':
      return doubleOrder(crypto, manifest, evidence)
    case 'false-order':
      return falseOrder(crypto, manifest, evidence)
    case 'double-batch':
      return doubleBatch(crypto, manifest, evidence)
    default:
      return unreachable(evidence)
  }
}

type EvidenceOf<K extends EvidenceKind> = Extract<Evidence, { type: K }>

const fault = (text: string): Judgement => ({ type: 'fault', fault: text })

function guilty(signers: Iterable<number>, batchIds: Id[], text: string): Judgement {
  const named = [...new Set(signers)].sort((a, b) => a - b)
  return named.length === 0 ? fault('no signer contradicts itself in it') : { type: 'guilty', signers: named, batchIds, text }
}

/** Whether two halves stand in the one order that is taken. */
export function inOrder(first: VoteSet, second: VoteSet): boolean {
  return compareBytes(toCbor(voteSetCodec, first), toCbor(voteSetCodec, second)) < 0
}

/** The members of both bitmaps. */
function inBoth(a: Uint8Array, b: Uint8Array): number[] {
  return membersOf(a.map((byte, i) => byte & (b[i] ?? 0)))
}

function doubleVote(crypto: Crypto, manifest: Manifest, { batchId, first, second }: EvidenceOf<'double-vote'>): Judgement {
  if (!inOrder(first, second)) return fault('its two halves are not in order')
  for (const [name, votes] of [['first', first] as const, ['second', second] as const]) {
    const wrong = voteSetFault(crypto, manifest, batchId, votes)
    if (wrong !== undefined) return fault(`the ${name} votes: ${wrong}`)
  }
  const digest = (view: View) => voteDigest(manifest, batchId, view)
  const named = first.entries.flatMap((one) =>
    second.entries.flatMap((other) => (compareBytes(digest(one.view), digest(other.view)) === 0 ? [] : inBoth(one.signers, other.signers))),
  )
  return guilty(named, [batchId], 'signed two different views for one batch')
}

/** A batch and a view of it. */
export interface Voted {
  batch: Pick<Batch, 'id' | 'keys'>
  view: View
}

/**
 * Why no honest signer votes with both views, or undefined. Where neither lists the other batch a height could stand for it; not so where the heights
 * of all shared keys are equal: what is executed below the height of the own vote for a batch is never that batch.
 */
export function incoherence(one: Voted, other: Voted): string | undefined {
  const names = one.view.pending.includes(other.batch.id)
  const isNamed = other.view.pending.includes(one.batch.id)
  if (names && isNamed) return 'each of two batches before the other one'
  if (names || isNamed) return undefined
  const keys = new Set(other.batch.keys)
  const shared = one.batch.keys.filter((key) => keys.has(key))
  if (shared.length === 0) return undefined
  const level = shared.every((key) => (one.view.heights.get(key) ?? 0) === (other.view.heights.get(key) ?? 0))
  return level ? 'neither of two conflicting batches before the other one' : undefined
}

function batchFault({ ed25519 }: Crypto, manifest: Manifest, batch: Batch): string | undefined {
  if (batch.epoch !== manifest.epoch) return `epoch ${batch.epoch} is not ${manifest.epoch}`
  const linkKey = manifest.signers[batch.initiator]?.linkKey
  if (!linkKey) return `signer ${batch.initiator} is not in the manifest`
  return isSignedBatch(ed25519, linkKey, batch) ? undefined : 'it is not signed by its initiator'
}

function incoherentVotes(crypto: Crypto, manifest: Manifest, { first, second }: EvidenceOf<'incoherent-votes'>): Judgement {
  if (first.batch.id >= second.batch.id) return fault('its two batches are not two, or not in order')
  for (const [name, { batch, votes }] of [['first', first] as const, ['second', second] as const]) {
    const wrong = batchFault(crypto, manifest, batch)
    if (wrong !== undefined) return fault(`the ${name} batch: ${wrong}`)
    const wrongVotes = voteSetFault(crypto, manifest, batch.id, votes)
    if (wrongVotes !== undefined) return fault(`the ${name} votes: ${wrongVotes}`)
  }
  const why = new Set<string>()
  const named = first.votes.entries.flatMap((one) =>
    second.votes.entries.flatMap((other) => {
      const both = inBoth(one.signers, other.signers)
      const reason = both.length === 0 ? undefined : incoherence({ batch: first.batch, view: one.view }, { batch: second.batch, view: other.view })
      if (reason === undefined) return []
      why.add(reason)
      return both
    }),
  )
  return guilty(named, [first.batch.id, second.batch.id], `voted for ${[...why].join(', and for ')}`)
}

function accepts(manifest: Manifest, batchId: Id, ballot: number, { valueDigest, signers, signature }: AcceptsHalf): MultiSignature {
  return { entries: [{ message: acceptDigest(manifest, batchId, ballot, valueDigest), signers }], signature }
}

/** The multi-signature of promises of one ballot. */
function promisesSignature(manifest: Manifest, batchId: Id, { ballot, statements, signature }: PromisesHalf): MultiSignature {
  return {
    entries: statements.map((statement) => ({ message: promiseDigest(manifest, batchId, ballot, statement), signers: statement.signers })),
    signature,
  }
}

/** What is wrong with the signatures of accepts, if anything. */
export function acceptsFault(crypto: Crypto, manifest: Manifest, batchId: Id, ballot: number, half: AcceptsHalf): string | undefined {
  return multiSignatureFault(crypto.bls, publicKeysOf(manifest), accepts(manifest, batchId, ballot, half))
}

function doubleAccept(crypto: Crypto, manifest: Manifest, { batchId, ballot, first, second }: EvidenceOf<'double-accept'>): Judgement {
  if (first.valueDigest >= second.valueDigest) return fault('its two values are not two, or not in order')
  for (const [name, half] of [['first', first] as const, ['second', second] as const]) {
    const wrong = acceptsFault(crypto, manifest, batchId, ballot, half)
    if (wrong !== undefined) return fault(`the ${name} accepts: ${wrong}`)
  }
  return guilty(inBoth(first.signers, second.signers), [batchId], `accepted two values in ballot ${ballot}`)
}

/** Whether a promise's report of the latest accepted value denies that this value was accepted in this ballot, which is below the promise's. */
export function denies(accepted: PromisesHalf['statements'][number]['accepted'], ballot: number, valueDigest: Id): boolean {
  return accepted === null || accepted.ballot < ballot || (accepted.ballot === ballot && accepted.valueDigest !== valueDigest)
}

/** What is wrong with the signatures of promises, if anything. */
export function promisesFault(crypto: Crypto, manifest: Manifest, batchId: Id, promises: PromisesHalf): string | undefined {
  return multiSignatureFault(crypto.bls, publicKeysOf(manifest), promisesSignature(manifest, batchId, promises))
}

function falsePromise(crypto: Crypto, manifest: Manifest, evidence: EvidenceOf<'false-promise'>): Judgement {
  const { batchId, ballot, promises } = evidence
  if (promises.ballot <= ballot) return fault(`a promise of ballot ${promises.ballot} says nothing about ballot ${ballot}`)
  const wrong = acceptsFault(crypto, manifest, batchId, ballot, evidence.accepts)
  if (wrong !== undefined) return fault(`the accepts: ${wrong}`)
  const wrongPromises = promisesFault(crypto, manifest, batchId, promises)
  if (wrongPromises !== undefined) return fault(`the promises: ${wrongPromises}`)
  const named = promises.statements
    .filter(({ accepted }) => denies(accepted, ballot, evidence.accepts.valueDigest))
    .flatMap(({ signers }) => inBoth(signers, evidence.accepts.signers))
  return guilty(named, [batchId], `accepted a value in ballot ${ballot} and denied it in a promise of ballot ${promises.ballot}`)
}

/** Whether this signer's link key signed an order that is known by its digests. */
export function isSignedHalf(crypto: Crypto, manifest: Manifest, signer: number, batchId: Id, ballot: number, half: OrderHalf): boolean {
  const linkKey = manifest.signers[signer]?.linkKey
  const digest = orderDigest(manifest, batchId, ballot, half.valueDigest, half.proofDigest)
  return linkKey !== undefined && crypto.ed25519.verify(linkKey, digest, half.signature)
}

/** Who coordinates does not matter: nobody honest signs orders of two values. */
function doubleOrder(crypto: Crypto, manifest: Manifest, { batchId, ballot, signer, first, second }: EvidenceOf<'double-order'>): Judgement {
  if (first.valueDigest >= second.valueDigest) return fault('its two values are not two, or not in order')
  for (const [name, half] of [['first', first] as const, ['second', second] as const]) {
    if (!isSignedHalf(crypto, manifest, signer, batchId, ballot, half)) return fault(`the ${name} order is not signed by signer ${signer}`)
  }
  return guilty([signer], [batchId], `ordered two values in ballot ${ballot}`)
}

function falseOrder(crypto: Crypto, manifest: Manifest, { batch, order }: EvidenceOf<'false-order'>): Judgement {
  const wrong = batchFault(crypto, manifest, batch)
  if (wrong !== undefined) return fault(`the batch: ${wrong}`)
  if (batch.id !== order.batchId) return fault('the order is of another batch')
  const tree = treeOf(batch.id, batch.initiator, manifest)
  const coordinator = tree.permutation[order.ballot % manifest.n] ?? 0
  const found = falseOrderFault(crypto, manifest, coordinator, batch, order)
  if (found.type === 'unproved') return fault(found.reason)
  return guilty([coordinator], [batch.id], `signed an order of ballot ${order.ballot} that does not follow: ${found.reason}`)
}

function doubleBatch(crypto: Crypto, manifest: Manifest, { first, second }: EvidenceOf<'double-batch'>): Judgement {
  if (first.id >= second.id) return fault('its two batches are not two, or not in order')
  if (first.initiator !== second.initiator) return fault('its batches are of two initiators')
  if (first.sequence !== second.sequence) return fault('its batches have two sequence numbers')
  for (const [name, batch] of [['first', first] as const, ['second', second] as const]) {
    const wrong = batchFault(crypto, manifest, batch)
    if (wrong !== undefined) return fault(`the ${name} batch: ${wrong}`)
  }
  return guilty([first.initiator], [first.id, second.id], `gave two batches the sequence number ${first.sequence}`)
}

/** Whether these are bitmaps of the manifest's signers. */
export function areBitmaps({ n }: Manifest, entries: readonly { signers: Uint8Array }[]): boolean {
  return entries.every(({ signers }) => isBitmap(signers, n))
}
