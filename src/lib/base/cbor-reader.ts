/**
 * Reads deterministic CBOR item by item, as `CborWriter` writes it: whoever reads says what must come next. Owns that nothing passes that `decodeCbor` would
 * refuse. It does not say what is wrong: whatever is not as it should be throws, and `decodeCbor` has the words for it.
 */
import { fromUtf8 } from './bytes.js'

/** What is thrown, one for all: nobody is told of it. */
const UNREAD = new Error('not the item that was asked for')

/** What comes next is not what should. */
export function unread(): never {
  throw UNREAD
}

export class CborReader {
  readonly #bytes: Uint8Array
  readonly #shares: boolean
  #at = 0

  /** `shares`: byte strings that are read are parts of these bytes, and no copies. */
  constructor(bytes: Uint8Array, shares = false) {
    // A Buffer's slices are no copies, and are Buffers.
    this.#bytes = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#shares = shares
  }

  /** Where the next item begins. */
  get at(): number {
    return this.#at
  }

  /** Goes back to where an item began. */
  back(at: number): void {
    this.#at = at
  }

  /** All must have been read. */
  end(): void {
    if (this.#at !== this.#bytes.length) unread()
  }

  uint(): number {
    return this.#argument(0)
  }

  bytes(): Uint8Array {
    const [start, end] = this.#span(2)
    return this.#shares ? this.#bytes.subarray(start, end) : this.#bytes.slice(start, end)
  }

  text(): string {
    const [start, end] = this.#span(3)
    const text = fromUtf8(this.#bytes.subarray(start, end))
    if (text === undefined) unread()
    return text
  }

  bool(): boolean {
    const value = this.#bytes[this.#at++]
    if (value !== 0xf4 && value !== 0xf5) unread()
    return value === 0xf5
  }

  /** Whether null comes next; it is read then. */
  isNull(): boolean {
    if (this.#bytes[this.#at] !== 0xf6) return false
    this.#at++
    return true
  }

  /** The length of a list; its items come next. */
  list(): number {
    return this.#argument(4)
  }

  /** The size of a map; its keys and values come next, in turn. */
  map(): number {
    return this.#argument(5)
  }

  /** Whether just these bytes come next; they are read then. */
  isNext(items: Uint8Array): boolean {
    const bytes = this.#bytes
    const start = this.#at
    for (let i = 0; i < items.length; i++) if (bytes[start + i] !== items[i]) return false
    this.#at = start + items.length
    return true
  }

  /** Just these bytes come next. */
  expect(items: Uint8Array): void {
    if (!this.isNext(items)) unread()
  }

  /** Passes over whole items, whatever is in them. */
  skip(items: number): void {
    for (let left = items; left > 0; left--) {
      const first = this.#bytes[this.#at]
      if (first === undefined) unread()
      const kind = first >> 5
      if (kind === 7) this.#at++
      else if (kind === 2 || kind === 3) this.#span(kind)
      else left += this.#argument(kind) * (kind === 4 ? 1 : kind === 5 ? 2 : 0)
    }
  }

  /** The bytes of the next item. */
  item(): Uint8Array {
    const start = this.#at
    this.skip(1)
    return this.#bytes.subarray(start, this.#at)
  }

  /** Where a string of bytes begins and ends. */
  #span(kind: number): [number, number] {
    const length = this.#argument(kind)
    const start = this.#at
    if (length > this.#bytes.length - start) unread()
    this.#at = start + length
    return [start, this.#at]
  }

  /** The argument of a head of this kind, in its shortest form. */
  #argument(kind: number): number {
    const bytes = this.#bytes
    if (this.#at >= bytes.length) unread()
    const first = this.#byte()
    if (first >> 5 !== kind) unread()
    const short = first & 0x1f
    if (short < 24) return short
    if (short > 27 || this.#at + (1 << (short - 24)) > bytes.length) unread()
    if (short === 24) return least(this.#byte(), 24)
    if (short === 25) return least(this.#byte() * 0x100 + this.#byte(), 0x100)
    if (short === 26) return least(this.#uint32(), 0x10000)
    return least(this.#uint32() * 2 ** 32 + this.#uint32(), 2 ** 32)
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? 0
  }

  #uint32(): number {
    return this.#byte() * 2 ** 24 + this.#byte() * 2 ** 16 + this.#byte() * 2 ** 8 + this.#byte()
  }
}

/** An argument that has no shorter head, and that a number holds exactly. */
function least(argument: number, from: number): number {
  if (argument < from || argument > Number.MAX_SAFE_INTEGER) unread()
  return argument
}
