/**
 * A change of the set of signers (§24): what it says, who approved it, whether it may stand, and the manifest that follows from it. It travels as the payload of
 * a transaction on the key `musig:epoch`, and is put in order like any other; where that conflicts with everything is `transaction.ts`.
 */
import { countBits, isBitmap } from '../base/bitmap.js'
import { equalBytes, type Id } from '../base/bytes.js'
import { bytes, type Decoded, fromCbor, id, object, tagged, toCbor, uint } from '../base/codec.js'
import { statementDigest } from '../base/hash.js'
import type { Bls, Crypto } from '../bls/backend.js'
import { mergeMultiSignatures, multiSignatureFault, singleSignature } from '../bls/multi-signature.js'
import { publicKeysOf } from './certificate.js'
import { LIMITS } from './limits.js'
import { linkDigest, type Manifest, proofDigest, type SignerEntry, signerCodec, succeed } from './manifest.js'
import { bitmapCodec, blsSignatureCodec } from './statement.js'
import { EPOCH_KEY, isChange, type Transaction } from './transaction.js'

const stepCodec = tagged({
  /** The signer with this public key leaves. */
  evict: object({ publicKey: bytes(48) }),
  /** A signer comes in, with its proof of possession and its signed link key. */
  admit: object({ signer: signerCodec }),
})

/** One step from a set of signers to the next. */
export type Step = Decoded<typeof stepCodec>

const changeCodec = object({
  /** The epoch that it begins, and the manifest of that. */
  epoch: uint(2 ** 32),
  manifest: id,
  step: stepCodec,
  /** A quorum of the signers before the change, whose operators want it. */
  approvals: object({ signers: bitmapCodec, signature: blsSignatureCodec }),
})

/** A change as its transaction carries it. */
export type Change = Decoded<typeof changeCodec>

const approvalContent = object({ epoch: uint(2 ** 32), manifest: id })

/** What a signer signs, because its operator wants it to, to approve the next manifest: in the epoch that the change ends. */
function approvalDigest({ clusterId, epoch }: Manifest, manifestId: Id): Uint8Array {
  return statementDigest('musig/v1/approve', clusterId, toCbor(approvalContent, { epoch, manifest: manifestId }))
}

/** The manifest after a step. Errors: `BAD_INPUT` where nobody is left, or a key stands in it twice. */
export function manifestAfter(manifest: Manifest, step: Step): Manifest {
  if (step.type === 'admit') return succeed(manifest, [...manifest.signers, step.signer])
  return succeed(
    manifest,
    manifest.signers.filter(({ publicKey }) => !equalBytes(publicKey, step.publicKey)),
  )
}

/** A signer's approval of the manifest that a step leads to. */
export function approve(bls: Bls, manifest: Manifest, step: Step, secretKey: Uint8Array): Uint8Array {
  return bls.sign(secretKey, approvalDigest(manifest, manifestAfter(manifest, step).manifestId))
}

/** The transaction of a change, with approvals by signer. Undefined if one of them is malformed. */
export function changeTransaction(
  crypto: Crypto,
  manifest: Manifest,
  step: Step,
  approvals: ReadonlyMap<number, Uint8Array>,
  nonce: Uint8Array,
): Transaction | undefined {
  const next = manifestAfter(manifest, step)
  const message = approvalDigest(manifest, next.manifestId)
  const shares = [...approvals].map(([signer, signature]) => singleSignature(manifest.n, signer, message, signature))
  const merged = mergeMultiSignatures(crypto.bls, shares)
  const [entry] = merged?.entries ?? []
  if (!merged || !entry) return undefined
  const change: Change = { epoch: next.epoch, manifest: next.manifestId, step, approvals: { signers: entry.signers, signature: merged.signature } }
  return { deps: [EPOCH_KEY], payload: toCbor(changeCodec, change), client: null, nonce, expiry: null, signature: null }
}

/** The change that a transaction carries. Errors: `BAD_ENCODING`. */
export function changeOf({ payload }: Transaction): Change {
  return fromCbor(changeCodec, payload, LIMITS.payloadBytes, 'change')
}

/**
 * Why a transaction is no change that may end the epoch of this manifest, if so; undefined also for every transaction that is none. Every honest signer
 * of the epoch comes to the same answer.
 */
export function changeFault(crypto: Crypto, manifest: Manifest, transaction: Transaction): string | undefined {
  if (!isChange(transaction.deps)) return undefined
  try {
    const change = changeOf(transaction)
    const { step, approvals } = change
    if (change.epoch !== manifest.epoch + 1) return `a change to epoch ${change.epoch} in epoch ${manifest.epoch}`
    const stepWrong = stepFault(crypto, manifest, step)
    if (stepWrong !== undefined) return stepWrong
    const next = manifestAfter(manifest, step)
    if (change.manifest !== next.manifestId) return 'a change that names another manifest than it leads to'
    if (!isBitmap(approvals.signers, manifest.n)) return 'approvals of unknown signers'
    const count = countBits(approvals.signers)
    if (count < manifest.quorum) return `${count} signers approve, ${manifest.quorum} are needed`
    const entries = [{ message: approvalDigest(manifest, next.manifestId), signers: approvals.signers }]
    const fault = multiSignatureFault(crypto.bls, publicKeysOf(manifest), { entries, signature: approvals.signature })
    return fault === undefined ? undefined : `approvals with ${fault}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function stepFault({ bls }: Crypto, manifest: Manifest, step: Step): string | undefined {
  if (step.type === 'evict') {
    const isMember = manifest.signers.some(({ publicKey }) => equalBytes(publicKey, step.publicKey))
    return isMember ? undefined : 'it evicts nobody who is a signer'
  }
  const { signer } = step
  if (manifest.n >= LIMITS.signers) return `more than ${LIMITS.signers} signers`
  return isProved(bls, signer) ? undefined : `signer ${signer.name} does not prove that it holds its keys`
}

function isProved(bls: Bls, { publicKey, linkKey, proof, linkSignature }: SignerEntry): boolean {
  return (
    bls.isPublicKey(publicKey) &&
    bls.verifyAll([
      { message: proofDigest(publicKey), publicKeys: [publicKey], signature: proof },
      { message: linkDigest(publicKey, linkKey), publicKeys: [publicKey], signature: linkSignature },
    ])
  )
}

/** The seat of a public key in a manifest; −1 where it has none. */
export function seatOf(manifest: Manifest, publicKey: Uint8Array): number {
  return manifest.signers.findIndex((signer) => equalBytes(signer.publicKey, publicKey))
}
