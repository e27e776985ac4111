/**
 * The aggregate signatures of a batch, taken apart and verified: the one of its votes, and the one of its accepts where phase 3 or a later ballot ran. What
 * was signed comes from a signer's word; that it was signed by those it names is computed here.
 */
import { bitmapOf } from '../base/bitmap.js'
import { compareBytes, fromHex, type Id, toHex } from '../base/bytes.js'
import type { Bls } from '../bls/backend.js'
import { findBadShares, type MultiSignature, multiSignatureFault, type Share } from '../bls/multi-signature.js'
import { type Certificate, publicKeysOf } from '../core/certificate.js'
import type { BatchDescription } from '../core/describe.js'
import type { Manifest } from '../core/manifest.js'
import { acceptDigest, valueDigest } from '../core/statement.js'
import type { SignatureData } from './data.js'
import { signatureDataOf } from './group.js'

/** A signature as it is drawn, with its bytes and why it does not hold, if so. */
export interface BatchSignature extends SignatureData {
  readonly signature: string
  readonly multiSignature: MultiSignature
  readonly reason?: string
}

/** What verifying needs besides the batch. `now`: a clock in milliseconds, to tell what verifying took. */
export interface Verifying {
  bls: Bls
  manifest: Manifest
  now: () => number
}

/** The signatures that are known of a batch: of its votes first, then of its accepts. `certificate`: needed for the accepts. */
export function batchSignatures(verifying: Verifying, batch: BatchDescription, certificate: Certificate | undefined): BatchSignature[] {
  const { manifest } = verifying
  const votes = signatureDataOf(batch, 'vote', manifest)
  const accepts = signatureDataOf(batch, 'accept', manifest)
  return [
    ...(votes && batch.votes ? [verified(verifying, votes, batch.votes.signature)] : []),
    ...(accepts && batch.accepts && certificate?.type === 'slow'
      ? [verified(verifying, withMessage(accepts, acceptMessage(manifest, certificate)), batch.accepts.signature)]
      : []),
  ]
}

/**
 * The signature with the signers whose own votes do not verify, where an aggregate fails: found by halving. `shares` holds the votes that signers gave when
 * asked, by signer. One who did not answer is not named. Errors: none; nobody is named where every share that is known holds.
 */
export function withBadVoters({ bls, manifest }: Verifying, signature: BatchSignature, shares: ReadonlyMap<number, string>): BatchSignature {
  const known = signature.entries.flatMap(({ message, signers }) =>
    signers.flatMap((signer): Share[] => {
      const share = shares.get(signer)
      return share === undefined ? [] : [{ signer, message: fromHex(message), signature: fromHex(share) }]
    }),
  )
  let checks = 0
  const counted: Bls = {
    ...bls,
    verifyAll(items) {
      checks++
      return bls.verifyAll(items)
    },
  }
  const faulty = findBadShares(counted, publicKeysOf(manifest), known)
  return { ...signature, faulty, search: { shares: known.length, checks } }
}

function acceptMessage(manifest: Manifest, { batchId, ballot, value }: Certificate & { type: 'slow' }): Id {
  return toHex(acceptDigest(manifest, batchId, ballot, valueDigest(manifest.clusterId, value)))
}

function withMessage(data: Omit<SignatureData, 'valid'>, message: Id): Omit<SignatureData, 'valid'> {
  return { ...data, entries: data.entries.map((entry) => ({ ...entry, message })) }
}

function verified({ bls, manifest, now }: Verifying, data: Omit<SignatureData, 'valid'>, signature: string): BatchSignature {
  const multiSignature = {
    entries: data.entries
      .map(({ message, signers }) => ({ message: fromHex(message), signers: bitmapOf(manifest.n, signers) }))
      .sort((a, b) => compareBytes(a.message, b.message)),
    signature: fromHex(signature),
  }
  const begun = now()
  const reason = multiSignatureFault(bls, publicKeysOf(manifest), multiSignature)
  const verificationMs = Math.round((now() - begun) * 100) / 100
  return { ...data, valid: reason === undefined, verificationMs, signature, multiSignature, ...(reason !== undefined && { reason }) }
}
