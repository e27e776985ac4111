/** Evidence as files: reading it as a signer keeps it, or bare, and the verdict on it with the manifest alone. */
import type { Id } from '../base/bytes.js'
import { fromJson, quoted } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import type { Crypto } from '../bls/backend.js'
import { type Evidence, type EvidenceKind, evidenceCodec, verifyEvidence } from '../core/evidence.js'
import type { Manifest } from '../core/manifest.js'
import { printLines, shortId, type TextOptions } from './lines.js'
import { signerRanges } from './signature-shape.js'

/** The version of documents with evidence. */
const SCHEMA = 1

/** What became of evidence. */
export interface EvidenceVerdict {
  valid: boolean
  kind: EvidenceKind
  /** The guilty, by index; none if it does not hold. */
  signers: number[]
  batchIds: Id[]
  /** What they did, or why it does not hold. */
  reason: string
}

/** Reads evidence and judges it. `manifest`: with its proofs checked. Errors: `BAD_INPUT`, `BAD_ENCODING` with the place on a malformed document. */
export function verifyEvidenceFile(crypto: Crypto, manifest: Manifest, json: unknown, what: string): EvidenceVerdict {
  const { evidence, clusterId } = readEvidence(manifest.clusterId, json, what)
  const refusal = { valid: false, kind: evidence.type, signers: [], batchIds: [] }
  if (clusterId !== undefined && clusterId !== manifest.clusterId) return { ...refusal, reason: 'it is of another cluster than the manifest' }
  const judgement = verifyEvidence(crypto, manifest, evidence)
  if (judgement.type === 'fault') return { ...refusal, reason: judgement.fault }
  const { signers, batchIds, text } = judgement
  return { valid: true, kind: evidence.type, signers, batchIds, reason: text }
}

function readEvidence(clusterId: Id, json: unknown, what: string): { evidence: Evidence; clusterId: unknown } {
  const isObject = typeof json === 'object' && json !== null
  if (!isObject || !('evidence' in json || 'type' in json)) throw new MusigError('BAD_INPUT', `${what} is no evidence: there is no “evidence” in it`)
  const { schema = SCHEMA, ...rest } = json as Record<string, unknown>
  if (schema !== SCHEMA) throw new MusigError('BAD_INPUT', `${what}: schema ${quoted(schema)} is not ${SCHEMA}, the version that is known`)
  const plain = 'evidence' in rest ? rest['evidence'] : rest
  return { evidence: fromJson(evidenceCodec(clusterId), plain, `${what}: evidence`), clusterId: rest['clusterId'] }
}

/** What evidence proves, or why it proves nothing. */
export function evidenceText(verdict: EvidenceVerdict, manifest: Manifest, options: TextOptions): string {
  const { valid, kind, signers, batchIds, reason } = verdict
  if (!valid) return printLines([[['bad', 'INVALID'], `: this ${kind} proves nothing: ${reason}`]], options)
  const names = signers.map((signer) => manifest.signers[signer]?.name ?? '').join(', ')
  return printLines(
    [
      [['good', 'Valid'], `: ${kind}, by signer${signers.length === 1 ? '' : 's'} ${signerRanges(signers)}`],
      [['faint', 'who      '], names],
      [['faint', 'what     '], reason],
      [['faint', 'batches  '], batchIds.map((id) => shortId(id, 16)).join(' ')],
    ],
    options,
  )
}
