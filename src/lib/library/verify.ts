/**
 * What a program checks with the manifest alone: the manifest itself, certificates, evidence, multi-signatures. JSON goes in, a verdict comes out. Owns the
 * choice of the signing and the words of refused input; what makes each of them valid is the core's and `inspect`'s.
 */
import { membersOf } from '../base/bitmap.js'
import { fromHex, toHex } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import type { Crypto } from '../bls/backend.js'
import type { MultiSignature } from '../bls/multi-signature.js'
import { noble, nobleEd25519 } from '../bls/noble.js'
import { type Certificate, publicKeysOf } from '../core/certificate.js'
import { loadManifest as loadProved, type Manifest } from '../core/manifest.js'
import { acceptDigest, valueDigest } from '../core/statement.js'
import { type Batch, decodeBatch } from '../core/transaction.js'
import { multiSignatureOf } from '../core/vote-set.js'
import { type CertificateVerdict, readCertificateFile, verifyCertificate as verifyCertificateFile } from '../inspect/verify-certificate.js'
import { type EvidenceVerdict, verifyEvidenceFile } from '../inspect/verify-evidence.js'
import { readClaim, type SignatureVerdict, verifyClaim } from '../inspect/verify-signature.js'

/** A manifest whose proofs were checked: the ground on which everything is verified. */
export interface ProvedManifest extends Manifest {
  readonly proved: true
}

/** Which implementation signs and verifies. */
export interface CryptoOptions {
  /** Without it the one in plain JavaScript. In Node `loadCrypto()` gives the native one, which verifies some 30 times faster; the verdicts are the same. */
  crypto?: Crypto | undefined
}

/** How a signature is verified: with a manifest, as one of its cluster. */
export interface SignatureOptions extends CryptoOptions {
  manifest?: ProvedManifest | undefined
}

/** The cluster that something is for: a manifest, or its id alone. */
export type ForCluster = Pick<Manifest, 'clusterId'>

/** “These keys signed these messages”, as text: what `verifySignature` takes. */
export interface SignatureClaim {
  /** BLS public keys (48 bytes) in hex. */
  publicKeys: readonly string[]
  /** One message for all keys, or one for each: `0x…` for bytes, anything else is its UTF-8. */
  messages: readonly string[]
  /** The aggregate of all signatures (96 bytes) in hex. */
  signature: string
  /** Each signer’s own signature in hex, where known: an aggregate that fails can then be traced to whom it fails for. */
  signatures?: readonly string[] | undefined
}

/** The signing in plain JavaScript: runs wherever the language runs. What every function here uses unless it is given another one. */
export const nobleCrypto: Crypto = { bls: noble, ed25519: nobleEd25519 }

/**
 * Reads a manifest and checks it: the keys of every signer, every proof of possession and every link key’s signature. All that is verified afterwards rests on
 * these proofs. Errors: `BAD_ENCODING`, `BAD_INPUT` with the signer at fault.
 *
 * @example
 * const manifest = loadManifest(JSON.parse(text))
 */
export function loadManifest(json: unknown, { crypto = nobleCrypto }: CryptoOptions = {}): ProvedManifest {
  return { ...loadProved(json, crypto.bls), proved: true }
}

/** Without the proofs anyone could have put a key made of others' keys into it, and sign for all of them. */
function checkProved({ proved, name }: ProvedManifest): void {
  if (proved !== true)
    throw new MusigError('BAD_INPUT', `the manifest of “${name}” was read without its proofs, and nothing can be verified with it: use loadManifest`)
}

/**
 * The verdict on a certificate: whether it proves that its batch is committed, who signed, by which path, and which batches go before. Takes what
 * `Client.certificate` gives, what `musig tx show --certificate FILE` saves, or a bare certificate; a fast one is judged in full only where its batch came along.
 * Errors: `BAD_INPUT`, `BAD_ENCODING` where it is no certificate at all; `BAD_INPUT` for a manifest that is not from `loadManifest`.
 *
 * @example
 * const { valid, reason, signers, path } = verifyCertificate(manifest, JSON.parse(text))
 */
export function verifyCertificate(manifest: ProvedManifest, certificate: unknown, { crypto = nobleCrypto }: CryptoOptions = {}): CertificateVerdict {
  checkProved(manifest)
  return verifyCertificateFile(crypto, manifest, readCertificateFile(certificate, 'the document'))
}

/**
 * The verdict on a proof of guilt, as a signer keeps it in the folder `evidence` of its store: who broke the protocol, and how. Errors: `BAD_INPUT`,
 * `BAD_ENCODING` where it is no evidence at all; `BAD_INPUT` for a manifest that is not from `loadManifest`.
 *
 * @example
 * const { valid, kind, signers, reason } = verifyEvidence(manifest, JSON.parse(text))
 */
export function verifyEvidence(manifest: ProvedManifest, evidence: unknown, { crypto = nobleCrypto }: CryptoOptions = {}): EvidenceVerdict {
  checkProved(manifest)
  return verifyEvidenceFile(crypto, manifest, evidence, 'the document')
}

/**
 * The verdict on a BLS signature or multi-signature: one pairing for each distinct message and one more. With a manifest, signers are named by their index in
 * it, must be in it, and are counted against its quorum. Without one, nothing says that the keys’ owners hold their secrets: proofs of possession are the
 * caller’s to check. Errors: `BAD_INPUT` on keys, messages or signatures of the wrong shape.
 *
 * @example
 * verifySignature({ publicKeys: [alice, bob], messages: ['hello'], signature }).valid
 */
export function verifySignature(claim: SignatureClaim, { manifest, crypto = nobleCrypto }: SignatureOptions = {}): SignatureVerdict {
  if (manifest) checkProved(manifest)
  return verifyClaim(crypto.bls, readClaim(claim, 'the claim'), manifest)
}

/**
 * What the aggregate signature in a certificate claims: who signed, in the order of the manifest, and the digest that each of them signed, recomputed from what
 * the certificate says. For `verifySignature`, or for any other BLS library. Errors: as for `verifyCertificate`; `BAD_INPUT` where it names signers that the manifest does not have.
 *
 * @example
 * verifySignature(signatureClaim(manifest, certificate), { manifest }).reachesQuorum
 */
export function signatureClaim(manifest: Manifest, certificate: unknown): SignatureClaim {
  const read = readCertificateFile(certificate, 'the document')
  const { entries, signature } = multiSignatureIn(manifest, read.certificate)
  const keys = publicKeysOf(manifest)
  const signed = entries.flatMap(({ message, signers }) => membersOf(signers).map((signer) => ({ message: `0x${toHex(message)}`, signer })))
  signed.sort((a, b) => a.signer - b.signer)
  return {
    publicKeys: signed.map(({ signer }) => {
      const key = keys[signer]
      if (!key) throw new MusigError('BAD_INPUT', `the certificate names signer ${signer}; the manifest has ${manifest.n}, from 0`)
      return toHex(key)
    }),
    messages: signed.map(({ message }) => message),
    signature: toHex(signature),
  }
}

function multiSignatureIn(manifest: Manifest, certificate: Certificate): MultiSignature {
  if (certificate.type === 'fast') return multiSignatureOf(manifest, certificate.batchId, certificate.votes)
  const { batchId, ballot, value, signers, signature } = certificate
  return { entries: [{ message: acceptDigest(manifest, batchId, ballot, valueDigest(manifest.clusterId, value)), signers }], signature }
}

/**
 * Reads the encoding of a batch, as it stands in certificates (`batch`, hex) and in what `Client.batch` gives (`bytes`): its id is computed from what is read.
 * That its initiator signed it is not checked here, but by `verifyCertificate`. Errors: `BAD_INPUT` where it is not hex, `BAD_ENCODING`.
 *
 * @example
 * const { id, transactions } = readBatch(manifest, certificate.batch)
 */
export function readBatch(cluster: ForCluster, batch: string | Uint8Array): Batch {
  return decodeBatch(cluster.clusterId, typeof batch === 'string' ? fromHex(batch, 'the batch') : batch)
}
