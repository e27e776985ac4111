/**
 * Everything that is signed between signers (§2, §13): one tag for each kind of statement, so that none can be taken for another. What many
 * say (vote, accept, promise, timeout) is signed with BLS; what one says alone (order, prepare) with its ed25519 link key.
 */
import type { Id } from '../base/bytes.js'
import { bytes, type Decoded, id, list, nullable, object, toCbor, uint } from '../base/codec.js'
import { statementDigest, statementId } from '../base/hash.js'
import type { Manifest } from './manifest.js'
import { type Value, valueCodec } from './tally.js'
import { type View, viewCodec } from './view.js'

type Place = Pick<Manifest, 'clusterId' | 'epoch'>

const epoch = uint(2 ** 32)
/** The highest ballot there is. */
export const MAX_BALLOT = 2 ** 32
const ballot = uint(MAX_BALLOT)
const voteContent = object({ epoch, batchId: id, view: viewCodec })
const acceptContent = object({ epoch, batchId: id, ballot, valueDigest: id })
const timeoutContent = object({ epoch, batchId: id, ballot })
const orderContent = object({ epoch, batchId: id, ballot, valueDigest: id, proofDigest: id })

/** What a promise says besides its vote's view: the vote's digest, the latest accepted value, and the batches that must go before (§7). */
export const promiseFields = {
  voteDigest: id,
  accepted: nullable(object({ ballot, valueDigest: id })),
  blockers: list(id, 4096),
}
const promiseContent = object({ epoch, batchId: id, ballot, ...promiseFields })

/** What a signer says of the state that it is in (§13): how many batches it has executed, and digests over all that came of them. */
export const stateFields = { executed: uint(), orderDigest: id, machineDigest: id, pastDigest: id }
const stateContent = object({ epoch, ...stateFields })
export type StateStatement = Omit<Decoded<typeof stateContent>, 'epoch'>

/** Promise statements that are equal for some signers. */
export interface PromiseStatement {
  voteDigest: Id
  accepted: { ballot: number; valueDigest: Id } | null
  blockers: Id[]
}

const voteDigests = new WeakMap<View, { key: string; digest: Uint8Array }>()

/** A vote: no ballot in it, so that it is the same bytes in every ballot. Remembered by view, for a view is read many times. */
export function voteDigest(place: Place, batchId: Id, view: View): Uint8Array {
  const key = `${place.clusterId}${place.epoch}${batchId}`
  const known = voteDigests.get(view)
  if (known?.key === key) return known.digest
  const digest = statementDigest('musig/v1/vote', place.clusterId, toCbor(voteContent, { epoch: place.epoch, batchId, view }))
  voteDigests.set(view, { key, digest })
  return digest
}

export function acceptDigest({ clusterId, epoch }: Place, batchId: Id, ballot: number, valueDigest: Id): Uint8Array {
  return statementDigest('musig/v1/accept', clusterId, toCbor(acceptContent, { epoch, batchId, ballot, valueDigest }))
}

export function timeoutDigest({ clusterId, epoch }: Place, batchId: Id, ballot: number): Uint8Array {
  return statementDigest('musig/v1/timeout', clusterId, toCbor(timeoutContent, { epoch, batchId, ballot }))
}

export function promiseDigest({ clusterId, epoch }: Place, batchId: Id, ballot: number, statement: PromiseStatement): Uint8Array {
  const { voteDigest, accepted, blockers } = statement
  return statementDigest('musig/v1/promise', clusterId, toCbor(promiseContent, { epoch, batchId, ballot, voteDigest, accepted, blockers }))
}

/** What a coordinator signs when it asks for accepts: the value and what it follows from. */
export function orderDigest({ clusterId, epoch }: Place, batchId: Id, ballot: number, valueDigest: Id, proofDigest: Id): Uint8Array {
  return statementDigest('musig/v1/order', clusterId, toCbor(orderContent, { epoch, batchId, ballot, valueDigest, proofDigest }))
}

/** What a coordinator signs when it asks for promises. */
export function prepareDigest({ clusterId, epoch }: Place, batchId: Id, ballot: number): Uint8Array {
  return statementDigest('musig/v1/prepare', clusterId, toCbor(timeoutContent, { epoch, batchId, ballot }))
}

/** The state of whoever signs it: told to peers alone. */
export function stateDigest({ clusterId, epoch }: Place, statement: StateStatement): Uint8Array {
  const { executed, orderDigest, machineDigest, pastDigest } = statement
  return statementDigest('musig/v1/state', clusterId, toCbor(stateContent, { epoch, executed, orderDigest, machineDigest, pastDigest }))
}

const valueDigests = new WeakMap<Value, Id>()

/** The digest of a value: covers base, predecessors and tallies. */
export function valueDigest(clusterId: Id, value: Value): Id {
  let digest = valueDigests.get(value)
  if (digest === undefined) {
    digest = statementId('musig/v1/value', clusterId, toCbor(valueCodec, value))
    valueDigests.set(value, digest)
  }
  return digest
}

/** Codecs that several messages share. */
export const epochCodec = epoch
export const ballotCodec = ballot
export const bitmapCodec = bytes({ min: 1, max: 512 })
export const blsSignatureCodec = bytes(96)
export const linkSignatureCodec = bytes(64)
