/**
 * The multi-signature of §2: one aggregate over (message, signers) entries. Owns its form (§13), merging, verification and the search for bad
 * shares; what the messages mean, and how many signers are enough, is left to certificates.
 */
import { type Bitmap, bitmapOf, countBits, emptyBitmap, isBitmap, membersOf, overlaps, unionOf } from '../base/bitmap.js'
import { compareBytes, toHex } from '../base/bytes.js'
import { bytes, type Codec, list, object } from '../base/codec.js'
import type { Bls, SignedBy } from './backend.js'
import { SIGNATURE_BYTES } from './checks.js'

/** What is signed is a statement's digest. */
const MESSAGE_BYTES = 32
/** The most entries, and the most signers, of a multi-signature on the wire. */
const MAX_ENTRIES = 4096

/** Who signed one message. */
export interface MultiSignatureEntry {
  /** A statement's digest, 32 bytes. */
  message: Uint8Array
  /** The signers, by their index in the manifest; at least one. */
  signers: Bitmap
}

/** One signature for many signers and messages: entries ascending by message, their bitmaps disjoint (§2, §13). */
export interface MultiSignature {
  entries: MultiSignatureEntry[]
  /** The sum of all signers' signatures, 96 bytes. */
  signature: Uint8Array
}

/** One signer's signature over one message, before it is added up. */
export interface Share {
  /** Index in the manifest. */
  signer: number
  message: Uint8Array
  signature: Uint8Array
}

/** Multi-signatures in CBOR and JSON. Checks shapes and lengths; the rest of the form needs n: `multiSignatureFormFault`. */
export const multiSignatureCodec: Codec<MultiSignature> = object({
  entries: list(object({ message: bytes(MESSAGE_BYTES), signers: bytes({ min: 1, max: MAX_ENTRIES / 8 }) }), MAX_ENTRIES),
  signature: bytes(SIGNATURE_BYTES),
})

/** The multi-signature of one of n signers. */
export function singleSignature(n: number, signer: number, message: Uint8Array, signature: Uint8Array): MultiSignature {
  return { entries: [{ message, signers: bitmapOf(n, [signer]) }], signature }
}

/** All signers of a multi-signature, over all its messages. */
export function signersOf(multiSignature: MultiSignature): Bitmap {
  const [first, ...rest] = multiSignature.entries
  return rest.reduce((all, entry) => unionOf(all, entry.signers), first ? first.signers.slice() : emptyBitmap(0))
}

/**
 * Adds up multi-signatures of disjoint signers; equal messages share one entry. `undefined` if there are none, a signer stands in two of
 * them, or one is malformed. Whether the signatures are right is not looked at.
 */
export function mergeMultiSignatures(bls: Bls, parts: readonly MultiSignature[]): MultiSignature | undefined {
  const width = parts[0]?.entries[0]?.signers.length ?? 0
  if (parts.some((part) => multiSignatureFormFault(width * 8, part) !== undefined)) return undefined
  const entries = new Map<string, MultiSignatureEntry>()
  let taken = emptyBitmap(width * 8)
  for (const { message, signers } of parts.flatMap((part) => part.entries)) {
    if (overlaps(taken, signers)) return undefined
    taken = unionOf(taken, signers)
    const id = toHex(message)
    const earlier = entries.get(id)
    entries.set(id, { message, signers: earlier ? unionOf(earlier.signers, signers) : signers })
  }
  const signature = bls.aggregate(parts.map((part) => part.signature))
  if (!signature) return undefined
  return { entries: [...entries.values()].sort((a, b) => compareBytes(a.message, b.message)), signature }
}

/** What is wrong with the form of a multi-signature among n signers (§2, §13), in words; `undefined` if nothing is. Does not compute on the curve. */
export function multiSignatureFormFault(n: number, multiSignature: MultiSignature): string | undefined {
  const { entries, signature } = multiSignature
  if (entries.length === 0) return 'it has no entries'
  if (entries.length > n) return `it has ${entries.length} entries for ${n} signers`
  if (signature.length !== SIGNATURE_BYTES) return `its signature has ${signature.length} bytes, not ${SIGNATURE_BYTES}`
  if (isInfinity(signature)) return 'its signature is the point at infinity'
  const taken = emptyBitmap(n)
  let previous: Uint8Array | undefined
  for (const [i, { message, signers }] of entries.entries()) {
    if (message.length !== MESSAGE_BYTES) return `message ${i} has ${message.length} bytes, not ${MESSAGE_BYTES}`
    const order = previous ? compareBytes(previous, message) : -1
    if (order === 0) return `message ${i} stands in it twice`
    if (order > 0) return `message ${i} is not in ascending order`
    previous = message
    if (!isBitmap(signers, n)) return `the signers of message ${i} are no bitmap of ${n} signers`
    if (countBits(signers) === 0) return `message ${i} has no signers`
    for (let at = 0; at < signers.length; at++) {
      const byte = signers[at] ?? 0
      if ((taken[at] ?? 0) & byte) return `signer ${at * 8 + lowestBit((taken[at] ?? 0) & byte)} stands in it twice`
      taken[at] = (taken[at] ?? 0) | byte
    }
  }
  return undefined
}

function lowestBit(byte: number): number {
  return 31 - Math.clz32(byte & -byte)
}

function isInfinity(signature: Uint8Array): boolean {
  return signature[0] === 0xc0 && signature.subarray(1).every((byte) => byte === 0)
}

/**
 * What is wrong with a multi-signature of these signers (public keys in manifest order, proofs of possession checked), in words; `undefined`
 * if it verifies. Costs one pairing for each distinct message and one more.
 */
export function multiSignatureFault(bls: Bls, publicKeys: readonly Uint8Array[], multiSignature: MultiSignature): string | undefined {
  const fault = multiSignatureFormFault(publicKeys.length, multiSignature)
  if (fault) return fault
  const parts: SignedBy[] = multiSignature.entries.map(({ message, signers }) => ({
    message,
    publicKeys: membersOf(signers).map((signer) => publicKeys[signer] as Uint8Array),
  }))
  return bls.verify(parts, multiSignature.signature) ? undefined : 'its signature does not verify'
}

/**
 * The signers, ascending, whose shares are wrong: found by halving, with random coefficients, so that errors which cancel out in the plain
 * sum are found too. One bad share among m takes at most 2·⌈log₂ m⌉ + 1 calls of `verifyAll`.
 */
export function findBadShares(bls: Bls, publicKeys: readonly Uint8Array[], shares: readonly Share[]): number[] {
  const bad = new Set<number>()
  const candidates: (SignedBy & { signature: Uint8Array; signer: number })[] = []
  for (const { signer, message, signature } of shares) {
    const publicKey = publicKeys[signer]
    if (publicKey && bls.isSignature(signature)) candidates.push({ signer, message, signature, publicKeys: [publicKey] })
    else bad.add(signer)
  }
  // `group` is known to hold a bad share.
  const search = (group: typeof candidates): void => {
    const [only] = group
    if (only && group.length === 1) {
      bad.add(only.signer)
      return
    }
    const left = group.slice(0, group.length >> 1)
    const right = group.slice(group.length >> 1)
    const leftHolds = bls.verifyAll(left)
    if (!leftHolds) search(left)
    if (leftHolds || !bls.verifyAll(right)) search(right)
  }
  if (!bls.verifyAll(candidates)) search(candidates)
  return [...bad].sort((a, b) => a - b)
}
