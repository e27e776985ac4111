/** Virtual time: a clock that only moves when something is due, and the queue of what is due. Ties run in the order in which they were planned. */

/** Times are multiples of this many milliseconds: a power of two, so that sums of them are exact and every clock's view of a moment agrees. */
const GRAIN_MS = 2 ** -10

/** The nearest time that the timeline knows, never negative. */
export function onGrid(ms: number): number {
  return Math.max(0, Math.round(ms / GRAIN_MS)) * GRAIN_MS
}

/** The first time of the timeline that is not before this one. */
export function notBefore(ms: number): number {
  return Math.max(0, Math.ceil(ms / GRAIN_MS)) * GRAIN_MS
}

interface Planned {
  at: number
  order: number
  run: () => void
}

/** A clock and a heap of what is planned. */
export class Timeline {
  #now = 0
  #planned = 0
  readonly #heap: Planned[] = []

  /** Virtual milliseconds since the run began. */
  get now(): number {
    return this.#now
  }

  /** How many actions were planned so far: a measure of how much a run did. */
  get planned(): number {
    return this.#planned
  }

  /** When the next action is due; infinity if none is planned. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Plans an action; one for the past runs now. */
  at(ms: number, run: () => void): void {
    const planned = { at: Math.max(this.#now, onGrid(ms)), order: this.#planned++, run }
    let i = this.#heap.push(planned) - 1
    while (i > 0) {
      const above = (i - 1) >> 1
      const other = this.#heap[above]
      if (!other || isBefore(other, planned)) break
      this.#heap[i] = other
      i = above
    }
    this.#heap[i] = planned
  }

  after(ms: number, run: () => void): void {
    this.at(this.#now + ms, run)
  }

  /** Moves to the next planned action and runs it; false if there is none. */
  step(): boolean {
    const next = this.#heap[0]
    const last = this.#heap.pop()
    if (!next || !last) return false
    if (next !== last) this.#sink(last)
    this.#now = next.at
    next.run()
    return true
  }

  #sink(planned: Planned): void {
    const heap = this.#heap
    let i = 0
    for (;;) {
      let below = 2 * i + 1
      const right = heap[below + 1]
      let child = heap[below]
      if (!child) break
      if (right && isBefore(right, child)) {
        child = right
        below++
      }
      if (isBefore(planned, child)) break
      heap[i] = child
      i = below
    }
    heap[i] = planned
  }
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
