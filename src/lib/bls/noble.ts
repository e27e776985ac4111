/**
 * The backend in plain JavaScript, on @noble/curves: runs wherever the language runs, and is the oracle that the native one is checked
 * against. Owns nothing but the calls; slow (a verification takes some 25 ms), so processes use `blst`.
 */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { concat, equalBytes, toHex } from '../base/bytes.js'
import type { Bls, Ed25519, SignedBy } from './backend.js'
import {
  arePartsWellFormed,
  checkedSecretKey,
  checkedSeed,
  isLinkKeyWellFormed,
  isLinkSignatureWellFormed,
  PUBLIC_KEY_BYTES,
  SIGNATURE_BYTES,
} from './checks.js'

/** The domain separation tag of the ciphersuite (§2). */
const CIPHERSUITE = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_'

const { longSignatures, pairingBatch, fields } = bls12_381
const G1 = bls12_381.G1.Point
type KeyPoint = ReturnType<typeof longSignatures.getPublicKey>
type SignaturePoint = ReturnType<typeof longSignatures.hash>

/** Accepted public keys, by the array that held them: decoding one takes as long as a tenth of a pairing. */
const keyPoints = new WeakMap<Uint8Array, KeyPoint>()

function keyPoint(bytes: Uint8Array): KeyPoint | undefined {
  const known = keyPoints.get(bytes)
  if (known) return known
  if (bytes.length !== PUBLIC_KEY_BYTES) return undefined
  try {
    // Refuses what is not canonical, not on the curve or not in the subgroup.
    const point = G1.fromBytes(bytes)
    if (point.is0()) return undefined
    keyPoints.set(bytes, point)
    return point
  } catch {
    return undefined
  }
}

function signaturePoint(bytes: Uint8Array): SignaturePoint | undefined {
  if (bytes.length !== SIGNATURE_BYTES) return undefined
  try {
    const point = longSignatures.Signature.fromBytes(bytes)
    return point.is0() ? undefined : point
  } catch {
    return undefined
  }
}

/** The sum of the keys; `undefined` if there are none, one is bad or they cancel out. */
function keySum(publicKeys: readonly Uint8Array[]): KeyPoint | undefined {
  let sum = G1.ZERO
  for (const bytes of publicKeys) {
    const point = keyPoint(bytes)
    if (!point) return undefined
    sum = sum.add(point)
  }
  return sum.is0() ? undefined : sum
}

function hashToPoint(message: Uint8Array): SignaturePoint {
  return longSignatures.hash(message, CIPHERSUITE)
}

/** Whether e(k₁, h₁) · e(k₂, h₂) · … = e(G, signature); none of the points is infinity. */
function pairingsAgree(pairs: readonly { key: KeyPoint; hash: SignaturePoint }[], signature: SignaturePoint): boolean {
  const product = pairingBatch([...pairs.map(({ key, hash }) => ({ g1: key, g2: hash })), { g1: G1.BASE.negate(), g2: signature }])
  return fields.Fp12.eql(product, fields.Fp12.ONE)
}

function verify(parts: readonly SignedBy[], signature: Uint8Array): boolean {
  if (!arePartsWellFormed(parts)) return false
  const point = signaturePoint(signature)
  if (!point) return false
  const keys: KeyPoint[] = []
  for (const part of parts) {
    const key = keySum(part.publicKeys)
    if (!key) return false
    keys.push(key)
  }
  return pairingsAgree(
    keys.map((key, i) => ({ key, hash: hashToPoint((parts[i] as SignedBy).message) })),
    point,
  )
}

/** 64 random bits, never zero, as a factor that makes errors in different signatures cancel out with probability 2⁻⁶⁴ only. */
function randomCoefficient(): bigint {
  const value = BigInt(`0x${toHex(randomBytes(8))}`)
  return value === 0n ? 1n : value
}

function verifyAll(items: readonly (SignedBy & { signature: Uint8Array })[]): boolean {
  let signatures: SignaturePoint | undefined
  const keysByMessage = new Map<string, { message: Uint8Array; key: KeyPoint }>()
  for (const { message, publicKeys, signature } of items) {
    const point = signaturePoint(signature)
    const key = point && keySum(publicKeys)
    if (!point || !key) return false
    const coefficient = randomCoefficient()
    const blinded = point.multiplyUnsafe(coefficient)
    signatures = signatures ? signatures.add(blinded) : blinded
    const id = toHex(message)
    const blindedKey = key.multiplyUnsafe(coefficient)
    const earlier = keysByMessage.get(id)
    keysByMessage.set(id, { message, key: earlier ? earlier.key.add(blindedKey) : blindedKey })
  }
  if (!signatures) return true
  const groups = [...keysByMessage.values()]
  if (signatures.is0() || groups.some(({ key }) => key.is0())) return false
  return pairingsAgree(
    groups.map(({ message, key }) => ({ key, hash: hashToPoint(message) })),
    signatures,
  )
}

/** BLS signatures (§2) on @noble/curves. */
export const noble: Bls = {
  name: 'noble',
  publicKey: (secretKey) => longSignatures.getPublicKey(checkedSecretKey(secretKey)).toBytes(true),
  sign: (secretKey, message) => longSignatures.Signature.toBytes(longSignatures.sign(hashToPoint(message), checkedSecretKey(secretKey))),
  isPublicKey: (bytes) => keyPoint(bytes) !== undefined,
  isSignature: (bytes) => signaturePoint(bytes) !== undefined,
  aggregate(signatures) {
    let sum: SignaturePoint | undefined
    for (const bytes of signatures) {
      const point = signaturePoint(bytes)
      if (!point) return undefined
      sum = sum ? sum.add(point) : point
    }
    return sum && !sum.is0() ? longSignatures.Signature.toBytes(sum) : undefined
  },
  verify,
  verifyAll,
}

const Edwards = ed25519.Point
type LinkPoint = ReturnType<typeof Edwards.fromBytes>
const linkPoints = new WeakMap<Uint8Array, LinkPoint>()

function linkPoint(publicKey: Uint8Array): LinkPoint | undefined {
  const known = linkPoints.get(publicKey)
  if (known) return known
  if (!isLinkKeyWellFormed(publicKey)) return undefined
  try {
    const point = Edwards.fromBytes(publicKey, false)
    linkPoints.set(publicKey, point)
    return point
  } catch {
    return undefined
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`)
}

/** Ed25519 on @noble/curves: its own `verify` multiplies by the cofactor, which OpenSSL's does not, so the equation stands here. */
export const nobleEd25519: Ed25519 = {
  publicKey: (secretKey) => ed25519.getPublicKey(checkedSeed(secretKey)),
  sign: (secretKey, message) => ed25519.sign(message, checkedSeed(secretKey)),
  verify(publicKey, message, signature) {
    if (!isLinkSignatureWellFormed(signature)) return false
    const key = linkPoint(publicKey)
    if (!key) return false
    const encodedR = signature.subarray(0, 32)
    const s = littleEndian(signature.subarray(32))
    const order = Edwards.Fn.ORDER
    if (s >= order) return false
    const challenge = littleEndian(sha512(concat(encodedR, publicKey, message))) % order
    // R is compared as bytes, which refuses every encoding of it but the canonical one.
    return equalBytes(Edwards.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(challenge)).toBytes(), encodedR)
  },
}
