/**
 * Signatures as people hand them in: public keys, messages and one signature, from flags or JSON. Owns how such a claim is read, the verdict
 * on it, and who is at fault where each signer's own share is given as well. Certificates, which say what was signed, are the core's.
 */
import { fromHex, toHex, utf8 } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import type { Bls, SignedBy } from '../bls/backend.js'
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../bls/checks.js'
import { findBadShares } from '../bls/multi-signature.js'
import { LIMITS } from '../core/limits.js'
import type { Manifest } from '../core/manifest.js'

/** Claims in one input. */
const MAX_CLAIMS = 100_000

/** “These keys signed these messages”: `messages` holds one for each key, `shares`, where known, each signer's own signature. */
export interface SignatureClaim {
  publicKeys: Uint8Array[]
  messages: Uint8Array[]
  signature: Uint8Array
  shares?: Uint8Array[] | undefined
}

/** What became of a claim: signers by their place in it, or by their index in the manifest where one is given. */
export interface SignatureVerdict {
  valid: boolean
  signers: number[]
  distinctMessages: number
  /** Only with a manifest: how many signers a certificate needs, and whether these are as many. */
  quorum?: number
  reachesQuorum?: boolean
  /** Only where it fails and shares are given. */
  faulty?: number[]
  reason?: string
}

/** A message as it is typed: `0x…` for bytes, anything else is its UTF-8. Errors: `BAD_INPUT` on `0x` without proper hex after it. */
export function parseMessage(typed: string): Uint8Array {
  return /^0x/i.test(typed) ? fromHex(`0x${typed.slice(2)}`, 'the message (text that begins with 0x is read as bytes)') : utf8(typed)
}

function sized(hex: unknown, length: number, what: string): Uint8Array {
  if (typeof hex !== 'string') throw new MusigError('BAD_INPUT', `${what} is missing or not hex text`)
  const bytes = fromHex(hex, what)
  if (bytes.length !== length) throw new MusigError('BAD_INPUT', `${what} has ${bytes.length} bytes, not ${length}`)
  return bytes
}

/** A BLS public key from hex, with or without `0x`. Errors: `BAD_INPUT` unless it is hex of 48 bytes; whether it is a point is not looked at. */
export function parsePublicKey(hex: unknown, what = 'the public key'): Uint8Array {
  return sized(hex, PUBLIC_KEY_BYTES, what)
}

/** A BLS signature from hex, with or without `0x`. Errors: `BAD_INPUT` unless it is hex of 96 bytes; whether it is a point is not looked at. */
export function parseSignature(hex: unknown, what = 'the signature'): Uint8Array {
  return sized(hex, SIGNATURE_BYTES, what)
}

/** Puts a claim together: one message for all keys, or one for each. Errors: `BAD_INPUT` with the part that is missing, malformed or too many. */
export function makeClaim(
  publicKeys: readonly unknown[],
  messages: readonly unknown[],
  signature: unknown,
  shares?: readonly unknown[],
  what = '',
): SignatureClaim {
  const at = (part: string) => (what ? `${what}: ${part}` : part)
  const refuse = (problem: string): never => {
    throw new MusigError('BAD_INPUT', at(problem))
  }
  const n = publicKeys.length
  if (n === 0) refuse('there are no public keys; at least one is needed')
  if (n > LIMITS.signers) refuse(`${n} public keys, at most ${LIMITS.signers} are taken`)
  if (messages.length !== 1 && messages.length !== n) refuse(`${messages.length} messages for ${n} public keys; give one for all, or one for each`)
  if (shares && shares.length !== n) refuse(`${shares.length} shares for ${n} public keys; give one for each, in the same order`)
  const read = messages.map((message, i) => parseMessage(typeof message === 'string' ? message : refuse(`message ${i} is not text`)))
  return {
    publicKeys: publicKeys.map((key, i) => parsePublicKey(key, at(`public key ${i}`))),
    messages: publicKeys.map((_, i) => read[read.length === 1 ? 0 : i] as Uint8Array),
    signature: parseSignature(signature, at('signature')),
    shares: shares?.map((share, i) => parseSignature(share, at(`share ${i}`))),
  }
}

/** Reads `{publicKeys, messages, signature, signatures?}` (or `publicKey`, `message` for one). Errors: `BAD_INPUT`. */
export function readClaim(document: unknown, what: string): SignatureClaim {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new MusigError('BAD_INPUT', `${what} is not an object with publicKeys, messages and signature`)
  }
  const missing = [
    ['publicKeys', 'publicKey'],
    ['messages', 'message'],
    ['signature', 'signature'],
  ].find((names) => names.every((name) => !(name in document)))
  if (missing) throw new MusigError('BAD_INPUT', `${what}: “${missing[0]}” is missing`)
  const { publicKey, publicKeys = [publicKey], message, messages = [message], signature, signatures } = document as Record<string, unknown>
  const list = (value: unknown, name: string): unknown[] => {
    if (!Array.isArray(value)) throw new MusigError('BAD_INPUT', `${what}: ${name} is not a list`)
    return value
  }
  const shares = signatures === undefined ? undefined : list(signatures, 'signatures')
  return makeClaim(list(publicKeys, 'publicKeys'), list(messages, 'messages'), signature, shares, what)
}

/** The documents of a text: one JSON document, the items of a JSON list, or one document a line. Errors: `BAD_INPUT` with the line. */
export function readDocuments(text: string, what: string): { documents: unknown[]; single: boolean } {
  const whole = tryJson(text)
  if (whole && !Array.isArray(whole.value)) return { documents: [whole.value], single: true }
  const documents = whole && Array.isArray(whole.value) ? whole.value : readLines(text, what)
  if (documents.length === 0) throw new MusigError('BAD_INPUT', `${what} holds no signatures`)
  if (documents.length > MAX_CLAIMS)
    throw new MusigError('BAD_INPUT', `${what} holds ${documents.length} signatures, at most ${MAX_CLAIMS} are taken`)
  return { documents, single: false }
}

function readLines(text: string, what: string): unknown[] {
  const lines = text.split('\n').map((line, i) => ({ line: line.trim(), number: i + 1 }))
  return lines
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => {
      const json = tryJson(line)
      if (!json) throw new MusigError('BAD_INPUT', `${what} is neither JSON nor JSON lines: line ${number} is malformed`)
      return json.value
    })
}

function tryJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

/** Verifies a claim with one pairing for each distinct message and one more; looks for the signers at fault where it fails and shares are given. */
export function verifyClaim(bls: Bls, claim: SignatureClaim, manifest?: Manifest): SignatureVerdict {
  const { publicKeys, messages, signature } = claim
  const parts = partsOf(publicKeys, messages)
  const indexes = manifest ? manifestIndexes(manifest, publicKeys) : publicKeys.map((_, i) => i)
  const signers = indexes.filter((index) => index >= 0)
  const quorum = manifest ? { quorum: manifest.quorum, reachesQuorum: signers.length >= manifest.quorum } : {}
  const summary = { signers, distinctMessages: parts.length, ...quorum }
  const fault = claimFault(bls, claim, indexes) ?? (bls.verify(parts, signature) ? undefined : 'the signature does not verify')
  if (!fault) return { valid: true, ...summary }
  if (!claim.shares) return { valid: false, ...summary, reason: fault }
  const shares = claim.shares.map((share, signer) => ({ signer, message: messages[signer] as Uint8Array, signature: share }))
  const bad = findBadShares(bls, publicKeys, shares)
  const faulty = bad.map((place) => indexes[place] as number).filter((index) => index >= 0)
  const reason =
    bad.length === 0
      ? `${fault}, though every signer’s own share does: it is not their sum`
      : `${fault}: ${bad.length === 1 ? 'one share is' : `${bad.length} shares are`} wrong`
  return { valid: false, ...summary, faulty, reason }
}

function partsOf(publicKeys: readonly Uint8Array[], messages: readonly Uint8Array[]): SignedBy[] {
  const parts = new Map<string, { message: Uint8Array; publicKeys: Uint8Array[] }>()
  publicKeys.forEach((publicKey, i) => {
    const message = messages[i] as Uint8Array
    const id = toHex(message)
    const part = parts.get(id)
    if (part) part.publicKeys.push(publicKey)
    else parts.set(id, { message, publicKeys: [publicKey] })
  })
  return [...parts.values()]
}

/** The index in the manifest of each key; -1 where it is not in it. */
function manifestIndexes(manifest: Manifest, publicKeys: readonly Uint8Array[]): number[] {
  const indexes = new Map(manifest.signers.map((signer, index) => [toHex(signer.publicKey), index]))
  return publicKeys.map((publicKey) => indexes.get(toHex(publicKey)) ?? -1)
}

/** What is wrong before anything is paired, in words (§2). */
function claimFault(bls: Bls, { publicKeys, signature }: SignatureClaim, indexes: readonly number[]): string | undefined {
  const places = new Map<string, number>()
  for (const [i, publicKey] of publicKeys.entries()) {
    const hex = toHex(publicKey)
    const earlier = places.get(hex)
    if (earlier !== undefined) return `signer ${i} stands in it twice: it has the public key of signer ${earlier}`
    places.set(hex, i)
    if (!bls.isPublicKey(publicKey))
      return `public key ${i} is ${isInfinity(publicKey) ? 'the point at infinity' : 'no point of the group'}: ${hex.slice(0, 16)}…`
    if ((indexes[i] ?? -1) < 0) return `public key ${i} is not in the manifest: ${hex.slice(0, 16)}…`
  }
  if (!bls.isSignature(signature)) return `the signature is ${isInfinity(signature) ? 'the point at infinity' : 'no point of the group'}`
  return undefined
}

function isInfinity(point: Uint8Array): boolean {
  return point[0] === 0xc0 && point.subarray(1).every((byte) => byte === 0)
}
