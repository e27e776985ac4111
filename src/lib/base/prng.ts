/** Random numbers that two implementers get alike (the SHA-256 counter stream of §4), and a fast seeded generator for simulation. */
import { concat, uint32, utf8 } from './bytes.js'
import { sha256 } from './hash.js'

/** A source of whole numbers, each equally likely. */
export interface Random {
  /** A whole number from 0 to `max`, both included; 0 ≤ max < 2³². */
  upTo(max: number): number
}

/** The stream of §4 and §13: block k = SHA-256(seed ‖ uint32 k), read as big-endian uint32, with rejection of the biased tail. */
export class HashStream implements Random {
  readonly #seed: Uint8Array
  #block: Uint8Array = new Uint8Array(0)
  #next = 0
  #at = 0

  constructor(seed: Uint8Array) {
    this.#seed = seed
  }

  upTo(max: number): number {
    const range = max + 1
    const limit = Math.floor(2 ** 32 / range) * range
    for (;;) {
      const value = this.#uint32()
      if (value < limit) return value % range
    }
  }

  #uint32(): number {
    if (this.#at === this.#block.length) {
      this.#block = sha256(concat(this.#seed, uint32(this.#next++)))
      this.#at = 0
    }
    const view = new DataView(this.#block.buffer, this.#block.byteOffset + this.#at, 4)
    this.#at += 4
    return view.getUint32(0)
  }
}

/** xoshiro128** (Blackman, Vigna 2018) from a 32-bit or text seed: fast, repeatable, not for secrets. */
export class SeededRandom implements Random {
  readonly #state: Uint32Array

  constructor(seed: number | string) {
    const digest = sha256(utf8(String(seed)))
    const view = new DataView(digest.buffer, digest.byteOffset)
    this.#state = Uint32Array.of(view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12) | 1)
  }

  /** 32 random bits as a whole number ≥ 0. */
  uint32(): number {
    const s = this.#state
    const [a, b, c, d] = [s[0] ?? 0, s[1] ?? 0, s[2] ?? 0, s[3] ?? 0]
    const result = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0
    const t = b << 9
    const c2 = c ^ a
    const d2 = d ^ b
    s[1] = b ^ c2
    s[0] = a ^ d2
    s[2] = c2 ^ t
    s[3] = rotl(d2, 11)
    return result
  }

  upTo(max: number): number {
    const range = max + 1
    const limit = Math.floor(2 ** 32 / range) * range
    for (;;) {
      const value = this.uint32()
      if (value < limit) return value % range
    }
  }

  /** A number from 0 up to, not including, 1. */
  fraction(): number {
    return this.uint32() / 2 ** 32
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.uint32()
    return bytes
  }

  pick<T>(items: readonly T[]): T {
    return items[this.upTo(items.length - 1)] as T
  }
}

function rotl(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k))
}
