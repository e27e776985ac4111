/**
 * INSECURE. Signatures for the simulator, made of a fast hash of public key and message: anyone can make anyone's. They have the shapes,
 * the algebra (aggregates commute) and the refusals of real ones, a thousand times faster. No process may run with them; the name says
 * so, and so does the text inside every key and signature.
 */
import { utf8 } from '../base/bytes.js'
import type { Bls, Ed25519, SignedBy } from './backend.js'
import {
  arePartsWellFormed,
  checkedSecretKey,
  checkedSeed,
  LINK_KEY_BYTES,
  LINK_SIGNATURE_BYTES,
  PUBLIC_KEY_BYTES,
  SECRET_KEY_BYTES,
  SIGNATURE_BYTES,
} from './checks.js'

/** Four 32-bit lanes: a hash, or a sum of hashes lane by lane. */
type Lanes = Uint32Array

/** An array that opens with 16 bytes of lanes; the rest is this text, over and over. */
function template(length: number, text: string): Uint8Array {
  const filler = utf8(text)
  return Uint8Array.from({ length }, (_, i) => (i < 16 ? 0 : (filler[(i - 16) % filler.length] ?? 0)))
}

const PUBLIC_KEY = template(PUBLIC_KEY_BYTES, 'FAKE BLS KEY, INSECURE! ')
const SIGNATURE = template(SIGNATURE_BYTES, 'FAKE BLS SIGNATURE, INSECURE, ONLY FOR SIMULATION ')
const LINK_KEY = template(LINK_KEY_BYTES, 'FAKE ED25519 KEY')
const LINK_SIGNATURE = template(LINK_SIGNATURE_BYTES, 'FAKE ED25519 SIGNATURE, INSECURE ')

function follows(bytes: Uint8Array, shape: Uint8Array): boolean {
  if (bytes.length !== shape.length) return false
  for (let i = 16; i < shape.length; i++) if (bytes[i] !== shape[i]) return false
  return true
}

function write(shape: Uint8Array, lanes: Lanes): Uint8Array {
  const bytes = shape.slice()
  for (let lane = 0, i = 0; lane < 4; lane++) {
    const value = lanes[lane] ?? 0
    bytes[i++] = value
    bytes[i++] = value >>> 8
    bytes[i++] = value >>> 16
    bytes[i++] = value >>> 24
  }
  return bytes
}

function read(bytes: Uint8Array): Lanes {
  const lanes = new Uint32Array(4)
  for (let lane = 0; lane < 4; lane++) lanes[lane] = word(bytes, lane * 4)
  return lanes
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
}

/** A hash of bytes after the lanes it starts from (multiply and cross the lanes, word by word); good against accidents only. */
function hash(bytes: Uint8Array, a: number, b: number, c: number, d: number): Lanes {
  for (let i = 0; i < bytes.length + 4; i += 4) {
    // The length comes last, so that trailing zeros count.
    const k = i < bytes.length ? word(bytes, i) : bytes.length
    a = b ^ Math.imul(a ^ k, 0x239b961b)
    b = c ^ Math.imul(b ^ k, 0xab0e9789)
    c = d ^ Math.imul(c ^ k, 0x38b34ae5)
    d = a ^ Math.imul(d ^ k, 0xa1e38b93)
  }
  for (let round = 0; round < 2; round++) {
    a = Math.imul(c ^ (a >>> 18), 0x239b961b)
    b = Math.imul(d ^ (b >>> 22), 0xab0e9789)
    c = Math.imul(a ^ (c >>> 17), 0x38b34ae5)
    d = Math.imul(b ^ (d >>> 19), 0xa1e38b93)
  }
  return Uint32Array.of(a, b, c, d)
}

function share(key: Lanes, message: Uint8Array): Lanes {
  return hash(message, key[0] ?? 0, key[1] ?? 0, key[2] ?? 0, key[3] ?? 0)
}

function add(sum: Lanes, more: Lanes): void {
  for (let lane = 0; lane < 4; lane++) sum[lane] = (sum[lane] ?? 0) + (more[lane] ?? 0)
}

function equalLanes(a: Lanes, b: Lanes): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3]
}

function isZero(lanes: Lanes): boolean {
  return ((lanes[0] ?? 0) | (lanes[1] ?? 0) | (lanes[2] ?? 0) | (lanes[3] ?? 0)) === 0
}

/** Lanes of accepted public keys and of known secret keys, by the array that held them. */
const publicLanes = new WeakMap<Uint8Array, Lanes>()
const secretLanes = new WeakMap<Uint8Array, Lanes>()
const seedLanes = new WeakMap<Uint8Array, Lanes>()

function lanesOfPublicKey(bytes: Uint8Array): Lanes | undefined {
  const known = publicLanes.get(bytes)
  if (known) return known
  if (!follows(bytes, PUBLIC_KEY)) return undefined
  const lanes = read(bytes)
  if (isZero(lanes)) return undefined
  publicLanes.set(bytes, lanes)
  return lanes
}

function lanesOfSecretKey(secretKey: Uint8Array): Lanes {
  const known = secretLanes.get(secretKey)
  if (known) return known
  const lanes = hash(checkedSecretKey(secretKey), 1, 2, 3, SECRET_KEY_BYTES)
  secretLanes.set(secretKey, lanes)
  return lanes
}

function lanesOfSeed(secretKey: Uint8Array): Lanes {
  const known = seedLanes.get(secretKey)
  if (known) return known
  const lanes = hash(checkedSeed(secretKey), 4, 5, 6, SECRET_KEY_BYTES)
  seedLanes.set(secretKey, lanes)
  return lanes
}

function lanesOfSignature(bytes: Uint8Array): Lanes | undefined {
  if (!follows(bytes, SIGNATURE)) return undefined
  const lanes = read(bytes)
  return isZero(lanes) ? undefined : lanes
}

function verify(parts: readonly SignedBy[], signature: Uint8Array): boolean {
  const left = lanesOfSignature(signature)
  if (!left || !arePartsWellFormed(parts)) return false
  const sum = new Uint32Array(4)
  for (const { message, publicKeys } of parts) {
    for (const publicKey of publicKeys) {
      const key = lanesOfPublicKey(publicKey)
      if (!key) return false
      add(sum, share(key, message))
    }
  }
  return equalLanes(sum, left)
}

/** INSECURE stand-in for BLS signatures; simulator only. */
export const fake: Bls = {
  name: 'fake',
  publicKey: (secretKey) => write(PUBLIC_KEY, lanesOfSecretKey(secretKey)),
  sign: (secretKey, message) => write(SIGNATURE, share(lanesOfSecretKey(secretKey), message)),
  isPublicKey: (bytes) => lanesOfPublicKey(bytes) !== undefined,
  isSignature: (bytes) => lanesOfSignature(bytes) !== undefined,
  aggregate(signatures) {
    const sum = new Uint32Array(4)
    for (const signature of signatures) {
      const lanes = lanesOfSignature(signature)
      if (!lanes) return undefined
      add(sum, lanes)
    }
    // All zero, as for an empty list, is this algebra's infinity.
    return isZero(sum) ? undefined : write(SIGNATURE, sum)
  },
  verify,
  verifyAll: (items) => items.every((item) => verify([item], item.signature)),
}

/** INSECURE stand-in for Ed25519; simulator only. */
export const fakeEd25519: Ed25519 = {
  publicKey: (secretKey) => write(LINK_KEY, lanesOfSeed(secretKey)),
  sign: (secretKey, message) => write(LINK_SIGNATURE, share(lanesOfSeed(secretKey), message)),
  verify(publicKey, message, signature) {
    if (!follows(publicKey, LINK_KEY) || !follows(signature, LINK_SIGNATURE)) return false
    return equalLanes(read(signature), share(read(publicKey), message))
  },
}
