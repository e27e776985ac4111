/**
 * The native backend, on @chainsafe/blst: what signer processes use. Owns the decoding flags (blst checks neither subgroup nor infinity
 * unless told to) and the form of the calls; the native module is loaded at first use, so that a platform without it can say so.
 */
import { createRequire } from 'node:module'
import { toHex } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import type { Bls, SignedBy } from '../bls/backend.js'
import { arePartsWellFormed, checkedSecretKey, PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../bls/checks.js'

type Native = typeof import('@chainsafe/blst')
type KeyPoint = InstanceType<Native['PublicKey']>
type SignaturePoint = InstanceType<Native['Signature']>
type SecretPoint = InstanceType<Native['SecretKey']>

let loaded: Native | undefined

function native(): Native {
  if (loaded) return loaded
  try {
    loaded = createRequire(import.meta.url)('@chainsafe/blst') as Native
    return loaded
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).split('\n')[0]
    throw new MusigError('NOT_FOUND', `the native BLS module cannot be loaded here: ${why}`, { cause: error })
  }
}

/** Why the native module cannot be loaded on this machine; `undefined` if it can. */
export function blstFault(): string | undefined {
  try {
    native()
    return undefined
  } catch (error) {
    return (error as MusigError).message
  }
}

/** Accepted public keys and secret keys, by the array that held them. */
const keyPoints = new WeakMap<Uint8Array, KeyPoint>()
const secretPoints = new WeakMap<Uint8Array, SecretPoint>()

function keyPoint(bytes: Uint8Array): KeyPoint | undefined {
  const known = keyPoints.get(bytes)
  if (known) return known
  // blst would also take the uncompressed form, of another length.
  if (bytes.length !== PUBLIC_KEY_BYTES) return undefined
  const { PublicKey } = native()
  try {
    const point = PublicKey.fromBytes(bytes, true)
    keyPoints.set(bytes, point)
    return point
  } catch {
    return undefined
  }
}

function secretPoint(secretKey: Uint8Array): SecretPoint {
  const known = secretPoints.get(secretKey)
  if (known) return known
  const point = native().SecretKey.fromBytes(checkedSecretKey(secretKey))
  secretPoints.set(secretKey, point)
  return point
}

function signaturePoint(bytes: Uint8Array): SignaturePoint | undefined {
  if (bytes.length !== SIGNATURE_BYTES) return undefined
  const { Signature } = native()
  try {
    return Signature.fromBytes(bytes, true, true)
  } catch {
    return undefined
  }
}

/** The flag bit of infinity, which blst's bulk decoder lets pass. */
function isInfinity(bytes: Uint8Array): boolean {
  return ((bytes[0] ?? 0) & 0x40) !== 0
}

function keyPointsOf(publicKeys: readonly Uint8Array[]): KeyPoint[] | undefined {
  const points: KeyPoint[] = []
  for (const bytes of publicKeys) {
    const point = keyPoint(bytes)
    if (!point) return undefined
    points.push(point)
  }
  return points.length > 0 ? points : undefined
}

function keySum(publicKeys: readonly Uint8Array[]): KeyPoint | undefined {
  const points = keyPointsOf(publicKeys)
  return points && points.length > 1 ? native().aggregatePublicKeys(points, false) : points?.[0]
}

function aggregate(signatures: readonly Uint8Array[]): Uint8Array | undefined {
  if (signatures.length === 0 || signatures.some((bytes) => bytes.length !== SIGNATURE_BYTES || isInfinity(bytes))) return undefined
  const { aggregateSerializedSignatures } = native()
  try {
    const sum = aggregateSerializedSignatures([...signatures], true).toBytes()
    return isInfinity(sum) ? undefined : sum
  } catch {
    return undefined
  }
}

function verify(parts: readonly SignedBy[], signature: Uint8Array): boolean {
  if (!arePartsWellFormed(parts)) return false
  const point = signaturePoint(signature)
  if (!point) return false
  const blst = native()
  try {
    const [first] = parts
    if (first && parts.length === 1) {
      const points = keyPointsOf(first.publicKeys)
      return points !== undefined && blst.fastAggregateVerify(first.message, points, point, false)
    }
    const keys: KeyPoint[] = []
    for (const part of parts) {
      const key = keySum(part.publicKeys)
      if (!key) return false
      keys.push(key)
    }
    const messages = parts.map((part) => part.message)
    return blst.aggregateVerify(messages, keys, point, false, false)
  } catch {
    // A key that is infinity after adding up ends here.
    return false
  }
}

function verifyAll(items: readonly (SignedBy & { signature: Uint8Array })[]): boolean {
  if (items.length === 0) return true
  const blst = native()
  const groups = new Map<string, { message: Uint8Array; sets: { pk: KeyPoint; sig: Uint8Array }[] }>()
  try {
    for (const { message, publicKeys, signature } of items) {
      const pk = keySum(publicKeys)
      if (!pk || signature.length !== SIGNATURE_BYTES) return false
      const id = toHex(message)
      const group = groups.get(id) ?? { message, sets: [] }
      group.sets.push({ pk, sig: signature })
      groups.set(id, group)
    }
    // First within a message, then over the messages: both times with random 64-bit coefficients, and one pairing for each message and one.
    const sets = [...groups.values()].map(({ message, sets }) => ({ msg: message, ...blst.aggregateWithRandomness(sets) }))
    const [only] = sets
    if (only && sets.length === 1) return blst.verify(only.msg, only.pk, only.sig, false, false)
    return blst.verifyMultipleAggregateSignatures(sets, false, false)
  } catch {
    return false
  }
}

/** BLS signatures (§2) in native code. Every call but the refusals of form throws `NOT_FOUND` where `blstFault` gives a reason. */
export const blst: Bls = {
  name: 'blst',
  publicKey: (secretKey) => secretPoint(secretKey).toPublicKey().toBytes(),
  sign: (secretKey, message) => secretPoint(secretKey).sign(message).toBytes(),
  isPublicKey: (bytes) => keyPoint(bytes) !== undefined,
  isSignature: (bytes) => signaturePoint(bytes) !== undefined,
  aggregate,
  verify,
  verifyAll,
}
