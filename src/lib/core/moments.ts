/**
 * What happened to a batch at a signer and when, as its events and effects show it (§5, §7). Owns which moments are kept and the bounds of that memory; what
 * they mean for phases and between signers is left to whoever shows it. For people only: nothing is decided by it, and a restart forgets it.
 */
import type { Id } from '../base/bytes.js'
import { LIMITS } from './limits.js'
import type { Message } from './message.js'
import type { DurableRecord } from './record.js'
import type { Effect, Event } from './steppable.js'

/** What a signer notes of a batch; the words are those of the messages. `late`: another signer did not answer in time; `locked`: committed, not final yet (§9). */
export type MomentKind =
  | 'proposed'
  | 'voted'
  | 'vote received'
  | 'vote sent'
  | 'ordered'
  | 'accepted'
  | 'accept received'
  | 'accept sent'
  | 'locked'
  | 'certified'
  | 'executed'
  | 'late'
  | 'timed out'
  | 'prepared'
  | 'promised'
  | 'promise received'

/** One moment. `signer`: the other end, absent where it is the own doing; `ballot`: absent where it is of all or of none. */
export interface Moment {
  readonly what: MomentKind
  /** Milliseconds, in the clock of the events. */
  readonly at: number
  readonly signer?: number
  readonly ballot?: number
}

/** How long phase 3 took at one signer, from the order to the decision, in the ballot that decided, to a tenth of a millisecond; null where it did not run or is not remembered. */
export function phase3MsOf(moments: readonly Moment[] | null | undefined): number | null {
  const decided = moments?.find(({ what }) => what === 'locked' || what === 'certified')
  if (decided?.ballot === undefined) return null
  const ordered = moments?.find(({ what, ballot }) => what === 'ordered' && ballot === decided.ballot)
  return ordered && ordered.at <= decided.at ? Math.round((decided.at - ordered.at) * 10) / 10 : null
}

/** What comes from many, and matters until there is enough of it. */
const GATHERED: ReadonlySet<MomentKind> = new Set(['vote received', 'accept received', 'promise received'])

/** The moments of this signer's latest batches, the oldest batch forgotten first. */
export class Moments {
  readonly #batches = new Map<Id, Moment[]>()

  /** Takes in one step of the signer. */
  stepped(event: Event, effects: readonly Effect[]): void {
    const { now } = event
    const from = event.type === 'message' ? event.from : undefined
    for (const effect of effects) if (effect.type === 'persist' && effect.record.type === 'batch') this.#open(effect.record.batch.id, now, from)
    if (event.type === 'message') this.#received(event.message, now, event.from)
    for (const effect of effects) {
      if (effect.type === 'persist') this.#recorded(effect.record, now, from)
      else if (effect.type === 'send') this.#sent(effect.message, now, effect.to)
      else if (effect.type === 'execute') this.#note(effect.executed.batch.id, 'executed', now)
      // Other suspicions say what is wrong with a message; this one says what did not come.
      else if (effect.type === 'suspect' && effect.batchId !== null && effect.reason.startsWith('late in'))
        this.#note(effect.batchId, 'late', now, effect.signer)
    }
  }

  /** What was noted of a batch, in the order in which it happened; undefined where it is not remembered. */
  of(batchId: Id): readonly Moment[] | undefined {
    return this.#batches.get(batchId)
  }

  /** All that is remembered, the oldest batch first. */
  all(): Iterable<readonly Moment[]> {
    return this.#batches.values()
  }

  #open(batchId: Id, now: number, from: number | undefined): void {
    if (this.#batches.has(batchId)) return
    const [oldest] = this.#batches.keys()
    if (oldest !== undefined && this.#batches.size >= LIMITS.timedBatches) this.#batches.delete(oldest)
    this.#batches.set(batchId, [])
    this.#note(batchId, 'proposed', now, from)
  }

  #received(message: Message, now: number, from: number): void {
    if (message.type === 'vote') this.#note(message.batchId, 'vote received', now, from)
    else if (message.type === 'accept') this.#note(message.batchId, 'accept received', now, from, message.ballot)
    else if (message.type === 'order') this.#note(message.order.batchId, 'ordered', now, from, message.order.ballot)
    else if (message.type === 'promise') this.#note(message.batchId, 'promise received', now, from, message.ballot)
    // One more asks: who was asked before did not answer it in time.
    else if (message.type === 'propose') this.#asked(message.batch.id, now, from)
  }

  #asked(batchId: Id, now: number, from: number): void {
    const moments = this.#batches.get(batchId)
    if (moments && !moments.some(({ what, signer }) => what === 'proposed' && signer === from)) this.#note(batchId, 'proposed', now, from)
  }

  #sent(message: Message, now: number, to: number): void {
    if (message.type === 'vote') this.#note(message.batchId, 'vote sent', now, to)
    else if (message.type === 'accept') this.#note(message.batchId, 'accept sent', now, to, message.ballot)
    // These two go to everybody at once.
    else if (message.type === 'timeout') this.#noteOnce(message.batchId, 'timed out', now, message.ballot)
    else if (message.type === 'prepare') this.#noteOnce(message.batchId, 'prepared', now, message.ballot)
  }

  #recorded(record: DurableRecord, now: number, from: number | undefined): void {
    if (record.type === 'vote') this.#note(record.batchId, 'voted', now)
    else if (record.type === 'order') this.#noteOnce(record.order.batchId, 'ordered', now, record.order.ballot)
    else if (record.type === 'accept') this.#note(record.order.batchId, 'accepted', now, undefined, record.order.ballot)
    else if (record.type === 'promise') this.#note(record.batchId, 'promised', now, undefined, record.ballot)
    else if (record.type === 'lock' || record.type === 'certificate') {
      const { certificate } = record
      const what = record.type === 'lock' ? 'locked' : 'certified'
      this.#note(certificate.batchId, what, now, from, certificate.type === 'slow' ? certificate.ballot : undefined)
    }
  }

  #noteOnce(batchId: Id, what: MomentKind, now: number, ballot: number): void {
    const moments = this.#batches.get(batchId)
    if (moments && !moments.some((moment) => moment.what === what && moment.ballot === ballot)) this.#note(batchId, what, now, undefined, ballot)
  }

  #note(batchId: Id, what: MomentKind, now: number, signer?: number, ballot?: number): void {
    const moments = this.#batches.get(batchId)
    if (!moments || (GATHERED.has(what) && isDecided(moments, ballot ?? 0))) return
    const moment: Moment = { what, at: now, ...(signer !== undefined && { signer }), ...(ballot !== undefined && { ballot }) }
    const alike = moments.reduce((sum, other) => sum + Number(other.what === what), 0)
    // Of many alike the latest matters: it is the one that was waited for.
    if (alike >= LIMITS.momentsOfAKind)
      moments.splice(
        moments.findLastIndex((other) => other.what === what),
        1,
      )
    moments.push(moment)
  }
}

function isDecided(moments: readonly Moment[], ballot: number): boolean {
  return moments.some((moment) => (moment.what === 'locked' || moment.what === 'certified') && (moment.ballot ?? 0) >= ballot)
}
