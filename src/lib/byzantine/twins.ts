/**
 * Twins: two instances of one signer with the same keys, each of which a part of the others talks with and takes for the only one. Both keep to the
 * protocol; that there are two is the lie. Owns who of them hears what; after a restart both begin with the records of the first.
 */
import type { Id } from '../base/bytes.js'
import type { Journal } from '../core/journal.js'
import type { DurableRecord } from '../core/record.js'
import type { Effect, Event, ExecutedBatch } from '../core/steppable.js'
import type { Liable } from './liar.js'

/** What the lie is called: no bending of one signer's messages, so it is not among the strategies. */
export const TWIN = 'twin'

/** Two honest signers behind one name. */
export class Twins implements Liable {
  /** With either of them. */
  readonly connected = new Set<number>()
  readonly #first: Liable
  readonly #second: Liable
  readonly #executed = new Set<Id>()

  constructor(first: Liable, second: Liable) {
    this.#first = first
    this.#second = second
  }

  get journal(): Journal {
    return this.#first.journal
  }

  get wakeAt(): number | undefined {
    const both = [this.#first.wakeAt, this.#second.wakeAt].filter((at) => at !== undefined)
    return both.length === 0 ? undefined : Math.min(...both)
  }

  restore(records: Iterable<DurableRecord>): ExecutedBatch[] {
    const all = [...records]
    this.#second.restore(all)
    const executed = this.#first.restore(all)
    for (const { batch } of executed) this.#executed.add(batch.id)
    return executed
  }

  step(event: Event): Effect[] {
    if (event.type === 'connected') this.connected.add(event.signer)
    if (event.type === 'disconnected') this.connected.delete(event.signer)
    return [this.#first, this.#second].flatMap((twin) => {
      const isFirst = twin === this.#first
      if (!isFor(isFirst, event)) return []
      return twin.step(event).filter((effect) => this.#leaves(isFirst, effect))
    })
  }

  /** Each speaks to its own part; the world is told once of what both execute, and one of them has the disk. */
  #leaves(isFirst: boolean, effect: Effect): boolean {
    switch (effect.type) {
      case 'send':
        return isOf(isFirst, effect.to)
      case 'persist':
        return isFirst
      case 'execute': {
        const { id } = effect.executed.batch
        if (this.#executed.has(id)) return false
        this.#executed.add(id)
        return true
      }
      default:
        return true
    }
  }
}

function isFor(isFirst: boolean, event: Event): boolean {
  switch (event.type) {
    case 'message':
      return isOf(isFirst, event.from)
    case 'connected':
    case 'disconnected':
      return isOf(isFirst, event.signer)
    case 'submit':
      return isOf(isFirst, event.requestId)
    default:
      return true
  }
}

const isOf = (isFirst: boolean, number: number): boolean => (number % 2 === 0) === isFirst
