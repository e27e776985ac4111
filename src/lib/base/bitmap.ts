/**
 * Bitmaps of signers: ⌈n/8⌉ bytes, signer 0 in the lowest bit of the first byte, spare bits 0 (§13). All functions leave their arguments
 * as they are, except `setBit`.
 */
import { invariant } from './errors.js'

export type Bitmap = Uint8Array

export function emptyBitmap(n: number): Bitmap {
  return new Uint8Array(Math.ceil(n / 8))
}

export function bitmapOf(n: number, members: Iterable<number>): Bitmap {
  const bitmap = emptyBitmap(n)
  for (const member of members) setBit(bitmap, member)
  return bitmap
}

/** Whether these bytes are a bitmap of `n` signers: right length, no spare bit set. */
export function isBitmap(bytes: Uint8Array, n: number): bytes is Bitmap {
  if (bytes.length !== Math.ceil(n / 8)) return false
  const spare = n % 8
  return spare === 0 || (bytes[bytes.length - 1] ?? 0) >>> spare === 0
}

export function hasBit(bitmap: Bitmap, member: number): boolean {
  return (((bitmap[member >>> 3] ?? 0) >>> (member & 7)) & 1) === 1
}

/** Adds a member. One that has no byte in the bitmap is a bug of ours: a typed array would swallow it. */
export function setBit(bitmap: Bitmap, member: number): void {
  invariant(member >= 0 && member >>> 3 < bitmap.length, `signer ${member} in a bitmap of ${bitmap.length} bytes`)
  bitmap[member >>> 3] = (bitmap[member >>> 3] ?? 0) | (1 << (member & 7))
}

/** The members, ascending. */
export function membersOf(bitmap: Bitmap): number[] {
  const members: number[] = []
  for (let i = 0; i < bitmap.length; i++) {
    const byte = bitmap[i] ?? 0
    for (let bit = 0; bit < 8; bit++) if ((byte >>> bit) & 1) members.push(i * 8 + bit)
  }
  return members
}

export function countBits(bitmap: Bitmap): number {
  let count = 0
  for (let byte of bitmap) for (; byte; byte &= byte - 1) count++
  return count
}

export function unionOf(a: Bitmap, b: Bitmap): Bitmap {
  return a.map((byte, i) => byte | (b[i] ?? 0))
}

export function without(a: Bitmap, b: Bitmap): Bitmap {
  return a.map((byte, i) => byte & ~(b[i] ?? 0))
}

export function overlaps(a: Bitmap, b: Bitmap): boolean {
  return a.some((byte, i) => (byte & (b[i] ?? 0)) !== 0)
}

/** Whether every member of `inner` is one of `outer`. */
export function includesAll(outer: Bitmap, inner: Bitmap): boolean {
  return inner.every((byte, i) => (byte & ~(outer[i] ?? 0)) === 0)
}
