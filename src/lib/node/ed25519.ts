/** Ed25519 on node:crypto (OpenSSL). Owns the wrapping of raw keys into DER; the refusals that OpenSSL lacks come from `bls/checks`. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { concat, fromHex, toHex } from '../base/bytes.js'
import type { Ed25519 } from '../bls/backend.js'
import { checkedSeed, isLinkKeyWellFormed, isLinkSignatureWellFormed } from '../bls/checks.js'

/** What stands before the raw key in PKCS#8 and in SPKI (RFC 8410). */
const PKCS8_PREFIX = fromHex('302e020100300506032b657004220420')
const SPKI_PREFIX = fromHex('302a300506032b6570032100')

const secretKeys = new WeakMap<Uint8Array, KeyObject>()
/** By the key's hex: a client's key comes anew with each of its transactions. The oldest is forgotten first. */
const publicKeys = new Map<string, KeyObject>()
const MAX_PUBLIC_KEYS = 4096

/** A secret seed as node:crypto holds keys. Errors: `BAD_INPUT` on a seed that is none. */
export function secretKeyObject(seed: Uint8Array): KeyObject {
  const known = secretKeys.get(seed)
  if (known) return known
  const key = createPrivateKey({ key: Buffer.from(concat(PKCS8_PREFIX, checkedSeed(seed))), format: 'der', type: 'pkcs8' })
  secretKeys.set(seed, key)
  return key
}

function publicKeyOf(bytes: Uint8Array): KeyObject | undefined {
  const name = toHex(bytes)
  const known = publicKeys.get(name)
  if (known) return known
  if (!isLinkKeyWellFormed(bytes)) return undefined
  try {
    const key = createPublicKey({ key: Buffer.from(concat(SPKI_PREFIX, bytes)), format: 'der', type: 'spki' })
    publicKeys.set(name, key)
    if (publicKeys.size > MAX_PUBLIC_KEYS) publicKeys.delete(publicKeys.keys().next().value ?? '')
    return key
  } catch {
    return undefined
  }
}

/** The raw Ed25519 key in a public key of node:crypto, or `undefined` if that is of another kind. */
export function rawPublicKey(key: KeyObject): Uint8Array | undefined {
  if (key.asymmetricKeyType !== 'ed25519') return undefined
  return Uint8Array.from(key.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length))
}

/** Ed25519 on node:crypto; the same verdicts as `nobleEd25519` on all bytes. */
export const nodeEd25519: Ed25519 = {
  publicKey: (secretKey) => rawPublicKey(createPublicKey(secretKeyObject(secretKey))) ?? new Uint8Array(0),
  sign: (secretKey, message) => Uint8Array.from(sign(null, message, secretKeyObject(secretKey))),
  verify(publicKey, message, signature) {
    if (!isLinkSignatureWellFormed(signature)) return false
    const key = publicKeyOf(publicKey)
    if (!key) return false
    try {
      // OpenSSL refuses S ≥ L and compares R as bytes, without the cofactor.
      return verify(null, message, key, signature)
    } catch {
      return false
    }
  },
}
