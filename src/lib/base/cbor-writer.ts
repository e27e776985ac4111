/**
 * Writes deterministic CBOR item by item into one buffer, without a tree of values in between. Owns how an item is written; which items stand where, and in
 * which order the keys of a map, is up to whoever writes (`codec.ts`).
 */
import { compareText, utf8, utf8Length } from './bytes.js'

const FIRST_ROOM = 1024
/** A buffer that has grown larger is not kept for the next one. */
const MOST_KEPT = 2 ** 20
const MAX_HEAD = 9

/** The buffer of the last writer that has ended. */
let spare: Uint8Array | undefined

export class CborWriter {
  #bytes: Uint8Array
  #at = 0

  constructor() {
    this.#bytes = spare ?? new Uint8Array(FIRST_ROOM)
    // Writing may call for writing: each has a buffer of its own.
    spare = undefined
  }

  /** What was written, as bytes of their own. Nothing is written any more. */
  end(): Uint8Array {
    const written = this.#bytes.slice(0, this.#at)
    if (this.#bytes.length <= MOST_KEPT) spare = this.#bytes
    return written
  }

  /** A whole number from 0 to 2⁵³ − 1. */
  uint(value: number): void {
    this.#head(0, value)
  }

  bytes(value: Uint8Array): void {
    this.#head(0x40, value.length)
    this.raw(value)
  }

  text(value: string): void {
    const { length } = value
    this.#room(length + MAX_HEAD)
    const start = this.#at
    this.#head(0x60, length)
    const bytes = this.#bytes
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) {
        this.#at = start
        return this.#wideText(value)
      }
      bytes[this.#at++] = code
    }
  }

  #wideText(value: string): void {
    const encoded = utf8(value)
    this.#head(0x60, encoded.length)
    this.raw(encoded)
  }

  bool(value: boolean): void {
    this.#byte(value ? 0xf5 : 0xf4)
  }

  null(): void {
    this.#byte(0xf6)
  }

  /** Items follow, as many. */
  list(length: number): void {
    this.#head(0x80, length)
  }

  /** Keys and values follow in turn, as many of each, the keys in their order. */
  map(size: number): void {
    this.#head(0xa0, size)
  }

  /** Bytes that are whole items. */
  raw(items: Uint8Array): void {
    this.#room(items.length)
    this.#bytes.set(items, this.#at)
    this.#at += items.length
  }

  #byte(value: number): void {
    this.#room(1)
    this.#bytes[this.#at++] = value
  }

  /** The shortest head: kind and argument. */
  #head(kind: number, argument: number): void {
    this.#room(MAX_HEAD)
    const bytes = this.#bytes
    if (argument < 24) bytes[this.#at++] = kind | argument
    else if (argument < 0x100) {
      bytes[this.#at++] = kind | 24
      bytes[this.#at++] = argument
    } else if (argument < 0x10000) {
      bytes[this.#at++] = kind | 25
      bytes[this.#at++] = argument >>> 8
      bytes[this.#at++] = argument
    } else {
      const isLong = argument > 0xffffffff
      bytes[this.#at++] = kind | (isLong ? 27 : 26)
      if (isLong) this.#uint32(Math.floor(argument / 2 ** 32))
      this.#uint32(argument % 2 ** 32)
    }
  }

  #uint32(value: number): void {
    const bytes = this.#bytes
    bytes[this.#at++] = value >>> 24
    bytes[this.#at++] = value >>> 16
    bytes[this.#at++] = value >>> 8
    bytes[this.#at++] = value
  }

  #room(length: number): void {
    const wanted = this.#at + length
    if (wanted <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}

/** The order of the keys of a map: by their bytes as they are encoded, in front of which their length stands. */
export function compareKeys(a: string, b: string): number {
  return utf8Length(a) - utf8Length(b) || compareText(a, b)
}
