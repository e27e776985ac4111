/**
 * Ids with a number each, kept in flat memory: some 45 bytes an id, where a Map of strings takes 200. Owns the layout; what the numbers mean is the affair of whoever
 * asks. Ids come and stay; they are told in the order in which they came.
 */
import type { Id } from '../base/bytes.js'
import { Numbers } from './numbers.js'

const WORDS = 8
/** Slots at the beginning, a power of two; a quarter of all stays free at least. */
const LEAST_SLOTS = 32
const HEX = '0123456789abcdef'

export class IdTable {
  /** The ids one after the other, eight numbers each. */
  readonly #words = new Numbers()
  readonly #numbers = new Numbers()
  /** One more than the place of an id; 0: free. An id has a slot where it is looked for first, and a step to the next. */
  #slots = new Uint32Array(LEAST_SLOTS)
  /** The id that is looked for. */
  readonly #wanted = new Uint32Array(WORDS)

  get size(): number {
    return this.#numbers.length
  }

  /** The number of an id; undefined where it is not in it. */
  get(id: Id): number | undefined {
    this.#want(id)
    const place = this.#slots[this.#find()] ?? 0
    return place === 0 ? undefined : this.#numbers.at(place - 1)
  }

  has(id: Id): boolean {
    return this.get(id) !== undefined
  }

  /** Gives an id a number from 0 to 2^32 − 1, in the place of the one that it has. */
  set(id: Id, number: number): void {
    this.#want(id)
    const slot = this.#find()
    const place = this.#slots[slot] ?? 0
    if (place !== 0) return this.#numbers.put(place - 1, number)
    for (const word of this.#wanted) this.#words.push(word)
    this.#numbers.push(number)
    this.#slots[slot] = this.size
    if (4 * this.size > 3 * this.#slots.length) this.#widen()
  }

  /** All of them, the first that came first. */
  *entries(): IterableIterator<[id: Id, number: number]> {
    for (let at = 0; at < this.size; at++) yield [this.idAt(at), this.#numbers.at(at)]
  }

  /** Those that begin with these digits of lower-case hex. */
  *beginningWith(prefix: string): IterableIterator<Id> {
    const digits = Math.min(prefix.length, 8)
    const first = Number.parseInt(prefix.slice(0, 8).padEnd(8, '0'), 16)
    // No shift: one by all 32 bits is none.
    const rest = 2 ** (4 * (8 - digits))
    for (let at = 0; at < this.size; at++) {
      const word = this.#words.at(at * WORDS)
      if (word < first || word >= first + rest) continue
      const id = this.idAt(at)
      if (id.startsWith(prefix)) yield id
    }
  }

  /** The id that came after so many others. */
  idAt(at: number): Id {
    let id = ''
    for (let word = at * WORDS; word < (at + 1) * WORDS; word++)
      for (let shift = 28; shift >= 0; shift -= 4) id += HEX[(this.#words.at(word) >>> shift) & 15]
    return id
  }

  #want(id: Id): void {
    for (let word = 0; word < WORDS; word++) {
      let value = 0
      for (let i = 8 * word; i < 8 * word + 8; i++) value = (value << 4) | digit(id.charCodeAt(i))
      this.#wanted[word] = value
    }
  }

  /** The slot of the wanted id, or the free one where it belongs. The step comes from other words than the slot: nobody makes many ids that go the same way. */
  #find(): number {
    const mask = this.#slots.length - 1
    const step = (this.#wanted[1] ?? 0) | 1
    let slot = (this.#wanted[0] ?? 0) & mask
    for (let place = this.#slots[slot] ?? 0; place !== 0 && !this.#isWanted(place - 1); place = this.#slots[slot] ?? 0) slot = (slot + step) & mask
    return slot
  }

  #isWanted(at: number): boolean {
    for (let word = 0; word < WORDS; word++) if (this.#words.at(at * WORDS + word) !== this.#wanted[word]) return false
    return true
  }

  #widen(): void {
    this.#slots = new Uint32Array(2 * this.#slots.length)
    for (let at = 0; at < this.size; at++) {
      for (let word = 0; word < WORDS; word++) this.#wanted[word] = this.#words.at(at * WORDS + word)
      this.#slots[this.#find()] = at + 1
    }
  }
}

/** The value of a digit of lower-case hex. */
function digit(code: number): number {
  return code < 58 ? code - 48 : code - 87
}
