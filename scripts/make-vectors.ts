/**
 * Writes test/vectors/multi-signature.json: examples of §2's multi-signature for a second implementer, made with noble and checked in the tests
 * against blst. The same keys and messages every time, so that the file only changes when the format does.
 *
 *   node --import tsx scripts/make-vectors.ts
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { toHex, utf8 } from '../src/lib/base/bytes.js'
import { toCbor, toJson } from '../src/lib/base/codec.js'
import { sha256 } from '../src/lib/base/hash.js'
import type { Bls } from '../src/lib/bls/backend.js'
import {
  type MultiSignature,
  mergeMultiSignatures,
  multiSignatureCodec,
  multiSignatureFormFault,
  singleSignature,
} from '../src/lib/bls/multi-signature.js'
import { noble } from '../src/lib/bls/noble.js'

const N = 11

/** One example: a multi-signature in both encodings, and whether it verifies among the signers. */
export interface MultiSignatureVector {
  name: string
  multiSignature: unknown
  /** Its deterministic CBOR. */
  cbor: string
  valid: boolean
}

/** What test/vectors/multi-signature.json holds. */
export interface MultiSignatureVectors {
  about: string
  secretKeys: string[]
  publicKeys: string[]
  vectors: MultiSignatureVector[]
}

/** Makes the vectors with any backend. */
export function multiSignatureVectors(bls: Bls): MultiSignatureVectors {
  const secretKeys = Array.from({ length: N }, (_, i) => {
    const key = sha256(utf8(`musig vector, secret key ${i}`))
    key[0] = (key[0] ?? 0) & 0x3f
    return key
  })
  const publicKeys = secretKeys.map((key) => bls.publicKey(key))
  const [a, b, c] = ['a', 'b', 'c'].map((name) => sha256(utf8(`musig vector, message ${name}`))) as [Uint8Array, Uint8Array, Uint8Array]
  const share = (signer: number, message: Uint8Array): MultiSignature =>
    singleSignature(N, signer, message, bls.sign(secretKeys[signer] as Uint8Array, message))
  const merged = (...parts: MultiSignature[]): MultiSignature => {
    const whole = mergeMultiSignatures(bls, parts)
    if (!whole) throw new Error('the parts of a vector do not merge')
    return whole
  }
  const one = share(0, a)
  const three = merged(share(0, a), share(3, a), share(10, a))
  const mixed = merged(three, share(1, b), share(9, b), share(4, c))
  const swapped = { ...mixed, entries: mixed.entries.map((entry, i) => ({ ...entry, message: mixed.entries[(i + 1) % 3]?.message ?? a })) }
  swapped.entries.sort((x, y) => (toHex(x.message) < toHex(y.message) ? -1 : 1))
  const everyone = merged(...secretKeys.map((_, signer) => share(signer, signer % 2 ? a : b)))
  const named: [string, MultiSignature, boolean][] = [
    ['one signer', one, true],
    ['three signers of one message', three, true],
    ['six signers of three messages', mixed, true],
    ['everyone, two messages', everyone, true],
    ['one signer left out of the bitmap', { ...three, entries: [{ message: a, signers: one.entries[0]?.signers ?? new Uint8Array(0) }] }, false],
    ['messages exchanged between the entries', swapped, false],
    ['the signature of another multi-signature', { ...three, signature: mixed.signature }, false],
    ['entries in the wrong order', { ...mixed, entries: [...mixed.entries].reverse() }, false],
    ['a spare bit set', { ...one, entries: [{ message: a, signers: Uint8Array.of(1, 0x80) }] }, false],
    ['no entries', { entries: [], signature: one.signature }, false],
    ['infinity as signature', { ...one, signature: Uint8Array.of(0xc0, ...new Uint8Array(95)) }, false],
  ]
  return {
    about: 'Multi-signatures of 11 signers (signer i has the i-th key here); valid: its form is right and it verifies.',
    secretKeys: secretKeys.map((key) => toHex(key)),
    publicKeys: publicKeys.map((key) => toHex(key)),
    vectors: named.map(([name, multiSignature, valid]) => {
      if (valid && multiSignatureFormFault(N, multiSignature)) throw new Error(`“${name}” is ill-formed`)
      return { name, multiSignature: toJson(multiSignatureCodec, multiSignature), cbor: toHex(toCbor(multiSignatureCodec, multiSignature)), valid }
    }),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = new URL('../test/vectors/multi-signature.json', import.meta.url)
  writeFileSync(file, `${JSON.stringify(multiSignatureVectors(noble), null, 2)}\n`)
}
