/** Named alarms in the clock of the events: set again to move one, cleared when what it waits for has happened. */

interface Alarm {
  at: number
  name: string
  ring: () => void
}

export class Timers {
  readonly #alarms = new Map<string, Alarm>()
  /** A binary heap by time; alarms that were moved or cleared stay until they come up. */
  readonly #heap: Alarm[] = []

  set(name: string, at: number, ring: () => void): void {
    const alarm = { at, name, ring }
    this.#alarms.set(name, alarm)
    this.#heap.push(alarm)
    this.#rise(this.#heap.length - 1)
  }

  /** Sets an alarm for what may only shorten a wait: one that rings earlier stays. */
  hasten(name: string, at: number, ring: () => void): void {
    if ((this.#alarms.get(name)?.at ?? Number.POSITIVE_INFINITY) > at) this.set(name, at, ring)
  }

  has(name: string): boolean {
    return this.#alarms.has(name)
  }

  clear(name: string): void {
    this.#alarms.delete(name)
  }

  /** When the earliest alarm is due. */
  get next(): number | undefined {
    this.#dropStale()
    return this.#heap[0]?.at
  }

  /** Rings everything that is due, earliest first. */
  run(now: number): void {
    for (let next = this.next; next !== undefined && next <= now; next = this.next) {
      const alarm = this.#pop()
      if (!alarm) return
      this.#alarms.delete(alarm.name)
      alarm.ring()
    }
  }

  #dropStale(): void {
    while (this.#heap[0] && this.#alarms.get(this.#heap[0].name) !== this.#heap[0]) this.#pop()
  }

  #pop(): Alarm | undefined {
    const top = this.#heap[0]
    const last = this.#heap.pop()
    if (last && this.#heap.length > 0) {
      this.#heap[0] = last
      this.#sink(0)
    }
    return top
  }

  #rise(from: number): void {
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >> 1
      if (!this.#swapIfEarlier(i, parent)) return
      i = parent
    }
  }

  #sink(from: number): void {
    for (let i = from; ; ) {
      const [left, right] = [2 * i + 1, 2 * i + 2]
      const least = this.#time(right) < this.#time(left) ? right : left
      if (!this.#swapIfEarlier(least, i)) return
      i = least
    }
  }

  #time(i: number): number {
    return this.#heap[i]?.at ?? Number.POSITIVE_INFINITY
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    const [lower, upper] = [this.#heap[child], this.#heap[parent]]
    if (!lower || !upper || lower.at >= upper.at) return false
    this.#heap[child] = upper
    this.#heap[parent] = lower
    return true
  }
}
