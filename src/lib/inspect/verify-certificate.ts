/**
 * Certificates as files: reading one as a signer gives it or as `tx show --certificate` saves it, and the verdict on it with the manifest alone. A slow
 * certificate needs nothing more; whether every pair of a fast one is decisive follows from its views where all of them begin at the same heights, and
 * needs the history between their heights otherwise.
 */
import { membersOf } from '../base/bitmap.js'
import { fromHex, type Id } from '../base/bytes.js'
import { fromJson, quoted } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import type { Crypto } from '../bls/backend.js'
import { type Certificate, certificateCodec, certificateFault, certificateId } from '../core/certificate.js'
import type { History } from '../core/key-logs.js'
import type { Manifest } from '../core/manifest.js'
import { valueDigest } from '../core/statement.js'
import { fastValue, isFast, scoreOf, tallyOf, type Value, valueCodec } from '../core/tally.js'
import { type Batch, decodeBatch, isSignedBatch, transactionId } from '../core/transaction.js'
import { countedViews } from '../core/vote-set.js'

/** The version of documents with certificates. */
const SCHEMA = 1

/** A certificate with what came along: the batch that it is of, and what whoever gave it says that it commits. */
export interface CertificateFile {
  certificate: Certificate
  claims: { clusterId?: string; batchId?: string; certificateId?: string; keys?: string[] }
  batch: Uint8Array | undefined
  value: Value | undefined
}

/** What became of a certificate. */
export interface CertificateVerdict {
  valid: boolean
  /** Signers whose signature is in it. */
  signers: number[]
  quorum: number
  distinctMessages: number
  batchId: Id
  certificateId: Id
  path: 'fast' | 'slow'
  ballot: number
  /** Whether every pair is decisive: the votes are the decision. Null on the slow path, and where it cannot be told from the certificate alone. */
  decisive: boolean | null
  /** A share of all signers, where it can be told. */
  score: number | null
  /** Batches that go before, where they can be told. */
  predecessors: Id[] | null
  /** The transactions of the batch, where it came along. */
  transactions: Id[] | null
  /** What the manifest alone does not tell. */
  note?: string
  reason?: string
}

/** Whether a JSON document is meant to be a certificate. */
export function isCertificateFile(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) return false
  return 'certificate' in json || ('type' in json && (json.type === 'fast' || json.type === 'slow'))
}

/** Reads a certificate with what came along, or a bare one. Errors: `BAD_ENCODING`, `BAD_INPUT` with the place. */
export function readCertificateFile(json: unknown, what: string): CertificateFile {
  if (!isCertificateFile(json)) throw new MusigError('BAD_INPUT', `${what} is no certificate: there is no “certificate” in it`)
  const document = json as Record<string, unknown>
  if (!('certificate' in document)) {
    const { schema: _, ...bare } = document
    return { certificate: fromJson(certificateCodec, bare, what), claims: {}, batch: undefined, value: undefined }
  }
  const { schema = SCHEMA, keys } = document
  if (schema !== SCHEMA) throw new MusigError('BAD_INPUT', `${what}: schema ${quoted(schema)} is not ${SCHEMA}, the version that is known`)
  if (keys !== undefined && !isTextList(keys)) throw new MusigError('BAD_INPUT', `${what}: keys is no list of text`)
  const hex = (name: string): { [name: string]: string } => {
    const value = document[name]
    if (value === undefined) return {}
    if (typeof value !== 'string') throw new MusigError('BAD_INPUT', `${what}: ${name} is not text`)
    return { [name]: value }
  }
  const { batch } = hex('batch')
  return {
    certificate: fromJson(certificateCodec, document['certificate'], `${what}: certificate`),
    claims: { ...hex('clusterId'), ...hex('batchId'), ...hex('certificateId'), ...(keys === undefined ? {} : { keys }) },
    batch: batch === undefined ? undefined : fromHex(batch, `${what}: batch`),
    value: document['value'] === undefined ? undefined : fromJson(valueCodec, document['value'], `${what}: value`),
  }
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

/** The verdict on a certificate. `manifest`: with its proofs checked. Errors: `BAD_ENCODING` on a malformed batch. */
export function verifyCertificate(crypto: Crypto, manifest: Manifest, file: CertificateFile): CertificateVerdict {
  const { certificate } = file
  const batch = file.batch && readBatch(manifest, file.batch)
  const bitmaps = certificate.type === 'fast' ? certificate.votes.entries.map(({ signers }) => signers) : [certificate.signers]
  const verdict: CertificateVerdict = {
    valid: false,
    signers: [...new Set(bitmaps.flatMap((bitmap) => membersOf(bitmap)))].sort((a, b) => a - b),
    quorum: manifest.quorum,
    distinctMessages: bitmaps.length,
    batchId: certificate.batchId,
    certificateId: certificateId(manifest, certificate),
    path: certificate.type,
    ballot: certificate.type === 'slow' ? certificate.ballot : 0,
    decisive: null,
    score: null,
    predecessors: certificate.type === 'slow' ? certificate.value.predecessors : null,
    transactions: batch && batch.id === certificate.batchId ? batch.transactions.map((tx) => transactionId(manifest.clusterId, tx)) : null,
  }
  const fault = claimFault(manifest, file, verdict) ?? batchFault(crypto, manifest, batch, file) ?? certificateFault(crypto, manifest, certificate)
  if (fault !== undefined) return { ...verdict, reason: fault }
  return certificate.type === 'slow' ? slowVerdict(manifest, file, certificate, verdict) : fastVerdict(manifest, file, certificate, batch, verdict)
}

function readBatch({ clusterId }: Manifest, bytes: Uint8Array): Batch {
  try {
    return decodeBatch(clusterId, bytes)
  } catch (error) {
    if (error instanceof MusigError) throw new MusigError(error.code, `the batch in the document is malformed: ${error.message}`, { cause: error })
    throw error
  }
}

/** What the document says of its certificate and does not hold. */
function claimFault({ clusterId }: Manifest, { claims }: CertificateFile, verdict: CertificateVerdict): string | undefined {
  if (claims.clusterId !== undefined && claims.clusterId !== clusterId) return 'it is of another cluster than the manifest'
  if (claims.batchId !== undefined && claims.batchId !== verdict.batchId) return 'it is of another batch than the document says'
  if (claims.certificateId !== undefined && claims.certificateId !== verdict.certificateId) return 'its id is not the one in the document'
  return undefined
}

function batchFault({ ed25519 }: Crypto, manifest: Manifest, batch: Batch | undefined, { certificate, claims }: CertificateFile): string | undefined {
  if (!batch) return undefined
  if (batch.id !== certificate.batchId) return 'the batch in the document is not the one that was certified'
  if (claims.keys && claims.keys.join('\n') !== batch.keys.join('\n')) return 'its keys are not those of the batch in the document'
  const linkKey = manifest.signers[batch.initiator]?.linkKey
  if (!linkKey || !isSignedBatch(ed25519, linkKey, batch)) return 'the batch is not signed by its initiator'
  return undefined
}

function slowVerdict(
  { clusterId, n }: Manifest,
  file: CertificateFile,
  certificate: Certificate & { type: 'slow' },
  verdict: CertificateVerdict,
): CertificateVerdict {
  const { value } = certificate
  if (file.value && valueDigest(clusterId, file.value) !== valueDigest(clusterId, value))
    return { ...verdict, reason: 'the value in the document is not the one that was certified' }
  const score = value.tallies ? scoreOf({ votes: value.tallies.m, base: value.base, inc: value.tallies.inc }) / n : null
  return { ...verdict, valid: true, score }
}

function fastVerdict(
  manifest: Manifest,
  file: CertificateFile,
  { votes }: Certificate & { type: 'fast' },
  batch: Batch | undefined,
  verdict: CertificateVerdict,
): CertificateVerdict {
  if (!batch) return { ...verdict, valid: true, note: 'whether every pair is decisive was not derived: that needs the batch, for its keys' }
  const [first] = votes.entries
  const behind = batch.keys.find((key) => votes.entries.some(({ view }) => (view.heights.get(key) ?? 0) !== (first?.view.heights.get(key) ?? 0)))
  if (behind !== undefined)
    return {
      ...verdict,
      valid: true,
      note: `whether every pair is decisive was not derived: the votes begin at different heights of ${behind}, so that needs its history`,
    }
  const tally = tallyOf(batch.keys, countedViews(votes), atHeights(first?.view.heights ?? new Map()))
  if ('behindOn' in tally)
    return { ...verdict, valid: true, note: `whether every pair is decisive was not derived: that needs the history of ${tally.behindOn}` }
  const derived = { ...verdict, score: scoreOf(tally) / manifest.n, decisive: isFast(tally, manifest) }
  if (!derived.decisive && tally.base.size > 0)
    return {
      ...derived,
      decisive: null,
      valid: true,
      note: 'whether every pair is decisive was not derived: a vote may name what lies below the heights, so that needs the history',
    }
  if (!derived.decisive) return { ...derived, reason: 'not every pair is decisive: the votes decide nothing by themselves' }
  const value = fastValue(tally, manifest)
  if (file.value && valueDigest(manifest.clusterId, file.value) !== valueDigest(manifest.clusterId, value))
    return { ...derived, reason: 'the value in the document does not follow from the votes' }
  return { ...derived, valid: true, predecessors: value.predecessors }
}

/** A history of which only the heights are known: enough where all views begin at them. */
function atHeights(heights: ReadonlyMap<string, number>): History {
  return { heightOf: (key) => heights.get(key) ?? 0, batchAt: () => undefined, heightsOf: () => undefined }
}
