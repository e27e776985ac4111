/**
 * Lets so many pass at a time, the others in the order in which they came. A process that starts with thousands of links to make must not begin
 * all handshakes at once: each would then be so slow that it passes its time limit, and everything would begin again.
 */
export class Turnstile {
  #free: number
  readonly #queue: (() => void)[] = []

  constructor(places: number) {
    this.#free = places
  }

  /**
   * Runs `enter`, at once or when a place is free. Returns what gives the place back, or the wait up; calling it again does nothing.
   */
  take(enter: () => void): () => void {
    let state: 'waiting' | 'inside' | 'gone' = 'waiting'
    const go = (): void => {
      state = 'inside'
      enter()
    }
    if (this.#free > 0) {
      this.#free--
      go()
    } else this.#queue.push(go)
    return () => {
      if (state === 'inside') this.#leave()
      else if (state === 'waiting') this.#queue.splice(this.#queue.indexOf(go), 1)
      state = 'gone'
    }
  }

  #leave(): void {
    const next = this.#queue.shift()
    if (next) next()
    else this.#free++
  }
}
