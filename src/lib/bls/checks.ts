/**
 * What every signature backend refuses before it computes anything: secret keys outside 0 < key < r, ill-formed lists of parts, and Ed25519
 * public keys that decoders differ about. One place, so that the backends cannot differ here.
 */
import { compareBytes, fromHex, toHex } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import type { SignedBy } from './backend.js'

/** Bytes of a BLS secret key, and of an Ed25519 secret seed. */
export const SECRET_KEY_BYTES = 32
/** Bytes of a compressed BLS public key (G1). */
export const PUBLIC_KEY_BYTES = 48
/** Bytes of a compressed BLS signature (G2). */
export const SIGNATURE_BYTES = 96
/** Bytes of an Ed25519 public key. */
export const LINK_KEY_BYTES = 32
/** Bytes of an Ed25519 signature. */
export const LINK_SIGNATURE_BYTES = 64

/** The order r of the groups of BLS12-381, big-endian. */
const GROUP_ORDER = fromHex('73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001')

/** Passes a BLS secret key on: 32 bytes, big-endian, 0 < key < r. Errors: `BAD_INPUT` (which does not show the key). */
export function checkedSecretKey(secretKey: Uint8Array): Uint8Array {
  if (secretKey.length !== SECRET_KEY_BYTES)
    throw new MusigError('BAD_INPUT', `a BLS secret key has ${SECRET_KEY_BYTES} bytes, not ${secretKey.length}`)
  if (secretKey.every((byte) => byte === 0)) throw new MusigError('BAD_INPUT', 'the BLS secret key is zero')
  if (compareBytes(secretKey, GROUP_ORDER) >= 0) throw new MusigError('BAD_INPUT', 'the BLS secret key is not below the order of the group')
  return secretKey
}

/** Passes an Ed25519 seed on: any 32 bytes. Errors: `BAD_INPUT`. */
export function checkedSeed(secretKey: Uint8Array): Uint8Array {
  if (secretKey.length !== SECRET_KEY_BYTES)
    throw new MusigError('BAD_INPUT', `an Ed25519 secret key has ${SECRET_KEY_BYTES} bytes, not ${secretKey.length}`)
  return secretKey
}

/** Whether an aggregate may be verified over these parts: at least one, each with keys, no two with equal messages. */
export function arePartsWellFormed(parts: readonly SignedBy[]): boolean {
  if (parts.length === 0 || parts.some((part) => part.publicKeys.length === 0)) return false
  return parts.length === 1 || new Set(parts.map((part) => toHex(part.message))).size === parts.length
}

/** The y of the eight points of small order of edwards25519: 0, 1, −1 and the two of order 8; little-endian, without the sign of x. */
const SMALL_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map((hex) => fromHex(hex))

/**
 * Whether these are 32 bytes that could be an Ed25519 public key: y below p, and not of small order, for which one signature would fit many
 * messages (with that, the odd encodings of x = 0 are out as well). Whether the point is on the curve is left to the backend.
 */
export function isLinkKeyWellFormed(publicKey: Uint8Array): boolean {
  if (publicKey.length !== LINK_KEY_BYTES) return false
  const top = (publicKey[31] ?? 0) & 0x7f
  // p = 2²⁵⁵ − 19: y is at least p exactly if all bytes but the lowest are at their highest and that is 0xed or more.
  if (top === 0x7f && (publicKey[0] ?? 0) >= 0xed && publicKey.subarray(1, 31).every((byte) => byte === 0xff)) return false
  return !SMALL_ORDER_Y.some((y) => y[31] === top && publicKey.subarray(0, 31).every((byte, i) => byte === y[i]))
}

/**
 * Whether these are 64 bytes that could be an Ed25519 signature: its R is held to what a key is held to. No honest signature has an R of small
 * order, and OpenSSL takes it up to 3.4 and refuses it from 3.5 on: refused here, every node gives the same verdict.
 */
export function isLinkSignatureWellFormed(signature: Uint8Array): boolean {
  return signature.length === LINK_SIGNATURE_BYTES && isLinkKeyWellFormed(signature.subarray(0, LINK_KEY_BYTES))
}
