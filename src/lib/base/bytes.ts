/** Bytes: hex, comparison, concatenation. Ids travel through the code as lower-case hex strings, whose order is the order of their bytes. */
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { MusigError } from './errors.js'

/** The lower-case hex of 32 bytes: a transaction's, a batch's, a statement's or a cluster's digest. */
export type Id = string

export const toHex = bytesToHex
export const concat = concatBytes

/** Texts up to this length are encoded here: to ask the platform takes longer. */
const SHORT_TEXT = 64

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  const { length } = text
  if (length > SHORT_TEXT) return utf8ToBytes(text)
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return utf8ToBytes(text)
    bytes[i] = code
  }
  return bytes
}

/** Bytes of a hex string with or without `0x`. Errors: `BAD_INPUT` that names `what`. */
export function fromHex(text: string, what = 'value'): Uint8Array {
  try {
    return hexToBytes(text.startsWith('0x') ? text.slice(2) : text)
  } catch {
    throw new MusigError('BAD_INPUT', `${what} is not hex: ${shorten(text)}`)
  }
}

/** The one strict decoder of UTF-8 that all platforms have; a mark at the beginning stays. */
const { TextDecoder } = globalThis as unknown as { TextDecoder: new (label: string, options: object) => { decode(bytes: Uint8Array): string } }
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Text of UTF-8 bytes; undefined where they are none: overlong forms, surrogates and cut sequences. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** How many bytes of UTF-8 a text takes. */
export function utf8Length(text: string): number {
  return isAscii(text) ? text.length : utf8(text).length
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

/** Orders byte strings as unsigned bytes, shorter first where one starts the other. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0
}

/** Orders strings by their UTF-8 bytes (which is by code point, not by UTF-16 unit as `<` does). */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const surrogateX = x >= 0xd800 && x < 0xe000
    const surrogateY = y >= 0xd800 && y < 0xe000
    // Only where exactly one is half of a pair do UTF-16 order and byte order differ.
    if (surrogateX !== surrogateY) return surrogateX ? 1 : -1
    return x - y
  }
  return a.length - b.length
}

/** Four bytes, big-endian: how integers stand in raw concatenations (§13). */
export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

/** A value cut to a length that fits into an error line. */
export function shorten(text: string, length = 40): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
