/** A list of numbers from 0 to 2^32 − 1 that only grows: four bytes each, and never copied as a whole. */

/** Numbers in one piece of memory, a power of two. The first piece begins small and doubles: many lists stay short. */
const BITS = 14
const PIECE = 2 ** BITS
const FIRST = 32

export class Numbers {
  readonly #pieces: Uint32Array[] = [new Uint32Array(FIRST)]
  #length = 0

  get length(): number {
    return this.#length
  }

  push(number: number): void {
    const index = this.#length >>> BITS
    let piece = this.#pieces[index]
    if (!piece || this.#length % PIECE >= piece.length) {
      const larger = new Uint32Array(piece ? 2 * piece.length : PIECE)
      if (piece) larger.set(piece)
      this.#pieces[index] = larger
      piece = larger
    }
    piece[this.#length++ % PIECE] = number
  }

  /** The number at a place within it. */
  at(place: number): number {
    return this.#pieces[place >>> BITS]?.[place % PIECE] ?? 0
  }

  /** Puts another one at a place within it. */
  put(place: number, number: number): void {
    const piece = this.#pieces[place >>> BITS]
    if (piece) piece[place % PIECE] = number
  }
}
