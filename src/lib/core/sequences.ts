/** Which batch arrived first under which sequence number of its initiator, in which epoch, and which number is next (§13, in sequence). */
import type { Id } from '../base/bytes.js'
import type { Batch } from './transaction.js'

type Numbered = Pick<Batch, 'epoch' | 'initiator' | 'sequence'>

export class Sequences {
  /** By epoch and initiator. */
  readonly #next = new Map<string, number>()
  /** By epoch, initiator and sequence number. */
  readonly #first = new Map<string, Id>()

  /** One more than the highest sequence number that arrived from an initiator. */
  next(epoch: number, initiator: number): number {
    return this.#next.get(`${epoch}/${initiator}`) ?? 0
  }

  /** The batch that arrived (first) with this sequence number. */
  first(numbered: Numbered): Id | undefined {
    return this.#first.get(placeOf(numbered))
  }

  arrived(batch: Numbered & Pick<Batch, 'id'>): void {
    const { epoch, initiator, sequence } = batch
    this.#next.set(`${epoch}/${initiator}`, Math.max(this.next(epoch, initiator), sequence + 1))
    const place = placeOf(batch)
    if (!this.#first.has(place)) this.#first.set(place, batch.id)
  }

  /** A batch is pruned: its number stays used up. */
  pruned(batch: Numbered & Pick<Batch, 'id'>): void {
    const place = placeOf(batch)
    if (this.#first.get(place) === batch.id) this.#first.delete(place)
  }

  /** The next number of each initiator, in the form of a snapshot. */
  get used(): { place: string; next: number }[] {
    return [...this.#next].map(([place, next]) => ({ place, next }))
  }

  /** Takes the numbers of a snapshot in. */
  restore(used: readonly { place: string; next: number }[]): void {
    for (const { place, next } of used) this.#next.set(place, next)
  }
}

function placeOf({ epoch, initiator, sequence }: Numbered): string {
  return `${epoch}/${initiator}/${sequence}`
}
