/**
 * The phase clock: when a batch passed from one phase of §5 to the next, as this signer saw it in the events and effects that went through its
 * driver. A phase lasts until the first sign of the next one. Shown to people only; nothing is decided by it and a restart forgets it.
 */
import type { Id } from '../base/bytes.js'
import { rankOf } from '../core/certificate.js'
import type { Effect, Event } from '../core/steppable.js'
import type { DriverObserver } from './driver.js'

/** The phases of §5 in their order. */
const PHASES = ['1a', '1b', '2', '3a', '3b'] as const

/** Milliseconds spent in each phase that a batch went through. */
export type Phases = { readonly [P in (typeof PHASES)[number]]?: number }

/** When a batch was first seen in a state; each phase begins with one. */
interface Marks {
  /** 1a: the batch is here and on its way down. */
  arrived: number
  /** 1b: votes are on their way up. */
  voting?: number
  /** 2: an order, or a certificate made of votes. */
  ordered?: number
  /** 3a: accepts are on their way up. */
  accepting?: number
  /** 3b: a certificate made of accepts. */
  certified?: number
}

type Mark = keyof Marks

/** What of a batch's phases is kept after its execution. */
export interface PhaseTimes {
  phases: Phases
  /** From first sight to execution here. */
  totalMs: number
}

/** Times of one signer's batches. */
export class PhaseClock implements DriverObserver {
  readonly #running = new Map<Id, Marks>()
  readonly #done = new Map<Id, PhaseTimes>()

  stepped(event: Event, effects: readonly Effect[]): void {
    const { now } = event
    for (const effect of effects) if (effect.type === 'persist' && effect.record.type === 'batch') this.#arrive(effect.record.batch.id, now)
    if (event.type === 'message' && (event.message.type === 'vote' || event.message.type === 'accept')) this.#exchange(event.message, now)
    for (const effect of effects) {
      if (effect.type === 'persist') this.#record(effect.record, now)
      else if (effect.type === 'send' && (effect.message.type === 'vote' || effect.message.type === 'accept')) this.#exchange(effect.message, now)
    }
    for (const effect of effects) if (effect.type === 'execute') this.#finish(effect.executed.batch.id, now)
  }

  /** The times of a batch; undefined before its execution and for one executed before this process began. */
  of(batchId: Id): PhaseTimes | undefined {
    return this.#done.get(batchId)
  }

  /** Since when a batch that is not executed is known here, in the driver's clock. */
  since(batchId: Id): number | undefined {
    return this.#running.get(batchId)?.arrived
  }

  #arrive(batchId: Id, now: number): void {
    if (!this.#running.has(batchId) && !this.#done.has(batchId)) this.#running.set(batchId, { arrived: now })
  }

  #exchange(message: { type: 'vote' | 'accept'; batchId: Id }, now: number): void {
    this.#mark(message.batchId, message.type === 'vote' ? 'voting' : 'accepting', now)
  }

  #record(record: Extract<Effect, { type: 'persist' }>['record'], now: number): void {
    if (record.type === 'order' || record.type === 'accept') this.#mark(record.order.batchId, 'ordered', now)
    if (record.type !== 'certificate') return
    const { certificate } = record
    this.#mark(certificate.batchId, rankOf(certificate) < 0 ? 'ordered' : 'certified', now)
  }

  #mark(batchId: Id, mark: Mark, now: number): void {
    const marks = this.#running.get(batchId)
    if (marks) marks[mark] ??= now
  }

  #finish(batchId: Id, now: number): void {
    const marks = this.#running.get(batchId)
    if (!marks) return
    this.#running.delete(batchId)
    const starts = [marks.arrived, marks.voting, marks.ordered, marks.accepting, marks.certified]
    const phases: { -readonly [P in keyof Phases]: Phases[P] } = {}
    PHASES.forEach((phase, i) => {
      const begin = starts[i]
      if (begin === undefined) return
      const end = starts
        .slice(i + 1)
        .reduce<number>((earliest, time) => (time !== undefined && time >= begin ? Math.min(earliest, time) : earliest), now)
      phases[phase] = rounded(end - begin)
    })
    this.#done.set(batchId, { phases, totalMs: rounded(now - marks.arrived) })
  }
}

/** Milliseconds to a tenth. */
export function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}
