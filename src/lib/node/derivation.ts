/**
 * BLS secret keys from a seed (EIP-2333) and from a mnemonic (BIP-39, path of EIP-2334). Owns the derivation alone: what is done with a
 * key, and where it is kept, is the business of `keystore.ts`.
 */
import { randomBytes } from 'node:crypto'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { generateMnemonic, mnemonicToSeed, validateMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { concat, toHex, uint32, utf8 } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'

/** The order of the groups of BLS12-381: a secret key is above 0 and below it. */
const ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n
const KEY_BYTES = 32
const LAMPORT_CHUNKS = 255
const MAX_INDEX = 2 ** 32 - 1

/** `hkdf_mod_r` of EIP-2333 (KeyGen of the BLS draft): a secret key (32 bytes) from at least 32 secret bytes. */
function secretKeyFrom(ikm: Uint8Array): Uint8Array {
  let salt = utf8('BLS-SIG-KEYGEN-SALT-')
  for (;;) {
    salt = sha256(salt)
    const okm = expand(sha256, extract(sha256, concat(ikm, Uint8Array.of(0)), salt), Uint8Array.of(0, 48), 48)
    const key = BigInt(`0x${toHex(okm)}`) % ORDER
    if (key !== 0n) return Uint8Array.from(Buffer.from(key.toString(16).padStart(2 * KEY_BYTES, '0'), 'hex'))
  }
}

/** The 255 secret chunks (32 bytes each) of `IKM_to_lamport_SK` of EIP-2333. */
export function lamportSecret(ikm: Uint8Array, index: number): Uint8Array[] {
  const okm = expand(sha256, extract(sha256, ikm, uint32(index)), undefined, KEY_BYTES * LAMPORT_CHUNKS)
  return Array.from({ length: LAMPORT_CHUNKS }, (_, i) => okm.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES))
}

/** The compressed Lamport public key (32 bytes) of a parent key and a child's index: `parent_SK_to_lamport_PK` of EIP-2333. */
export function lamportPublicKey(parent: Uint8Array, index: number): Uint8Array {
  const flipped = parent.map((byte) => byte ^ 0xff)
  const chunks = [...lamportSecret(parent, index), ...lamportSecret(flipped, index)]
  return sha256(concat(...chunks.map((chunk) => sha256(chunk))))
}

/** The master secret key (32 bytes) of a seed: `derive_master_SK` of EIP-2333. Errors: `BAD_INPUT` on less than 32 bytes. */
export function deriveMaster(seed: Uint8Array): Uint8Array {
  if (seed.length < KEY_BYTES) throw new MusigError('BAD_INPUT', `a seed of ${seed.length} bytes is too short; it needs at least ${KEY_BYTES}`)
  return secretKeyFrom(seed)
}

/** A child of a secret key: `derive_child_SK` of EIP-2333. Errors: `BAD_INPUT` on an index outside 0 … 2³² − 1. */
export function deriveChild(parent: Uint8Array, index: number): Uint8Array {
  if (!Number.isInteger(index) || index < 0 || index > MAX_INDEX)
    throw new MusigError('BAD_INPUT', `${index} is no index of a child key; it goes from 0 to ${MAX_INDEX}`)
  return secretKeyFrom(lamportPublicKey(parent, index))
}

/** The path (EIP-2334) of the signing key number `index` of a mnemonic. */
export function signerPath(index: number): string {
  return `m/12381/3600/${index}/0/0`
}

/** The secret key at a path such as `m/12381/3600/0/0/0` below a seed. Errors: `BAD_INPUT` on a malformed path. */
export function derivePath(seed: Uint8Array, path: string): Uint8Array {
  if (!/^m(\/(0|[1-9]\d{0,9}))*$/.test(path)) throw new MusigError('BAD_INPUT', `“${path}” is no key path; give one as in m/12381/3600/0/0/0`)
  return path
    .split('/')
    .slice(1)
    .reduce((parent, index) => deriveChild(parent, Number(index)), deriveMaster(seed))
}

/** A fresh secret key (32 bytes) from the system's randomness. */
export function randomSecretKey(): Uint8Array {
  return deriveMaster(randomBytes(KEY_BYTES))
}

/** A fresh mnemonic of 24 English words (256 bits). */
export function newMnemonic(): string {
  return generateMnemonic(wordlist, 256)
}

/** The seed (64 bytes) of a mnemonic of English words. Errors: `BAD_INPUT`, without the words, if one is unknown or the checksum is wrong. */
export async function mnemonicSeed(mnemonic: string, password = ''): Promise<Uint8Array> {
  const words = mnemonic.normalize('NFKD').trim().toLowerCase().split(/\s+/)
  const unknown = words.findIndex((word) => !wordlist.includes(word))
  // The place is named, never the word: it may be a secret typed at the wrong prompt.
  if (unknown >= 0) throw new MusigError('BAD_INPUT', `word ${unknown + 1} of the mnemonic is not in the English word list of BIP-39`)
  if (!validateMnemonic(words.join(' '), wordlist)) {
    throw new MusigError(
      'BAD_INPUT',
      `the mnemonic of ${words.length} words is wrong: it needs 12, 15, 18, 21 or 24 words with a right checksum; check their order`,
    )
  }
  return mnemonicToSeed(words.join(' '), password)
}
