/**
 * Confirmation (§11): what a learner has derived is handed on once k signers report the same head of each of the batch's key logs. Owns the derived
 * batches that wait for it, what signers report, and the questions; a report that contradicts the own log is told to the learner.
 */
import { type Id, toHex } from '../base/bytes.js'
import type { FollowerContext } from './follower-context.js'
import { LIMITS } from './limits.js'
import type { MessageOf } from './message.js'
import type { ExecutedBatch } from './steppable.js'

/** What confirmations tell the learner. */
export interface ConfirmationEvents {
  /** Everybody that may be asked. */
  signers(): Iterable<number>
  /** A batch is confirmed; each key's in their order. */
  confirmed(executed: ExecutedBatch): void
  /** More signers than may lie report other logs than the own one. */
  contradicted(signers: readonly number[]): void
}

export class Confirmations {
  readonly #ctx: FollowerContext
  readonly #needed: number
  readonly #events: ConfirmationEvents
  /** Derived and not handed on, in the order of the own log. */
  #waiting: ExecutedBatch[] = []
  /** What was handed on, and for each key up to where. */
  readonly #handedOn = new Set<Id>()
  readonly #ends = new Map<string, { height: number; head: string }>()
  /** Whether anything was handed on since the last question. */
  #hasGoneOn = false
  /** Up to which height each signer reports the own log of a key. */
  #same = new Map<string, Map<number, number>>()
  /** From which height on at the latest each signer reports another log of a key. */
  #other = new Map<string, Map<number, number>>()
  /** The key after which the next question begins. */
  #askedUpTo = ''

  constructor(ctx: FollowerContext, needed: number, events: ConfirmationEvents) {
    this.#ctx = ctx
    this.#needed = needed
    this.#events = events
  }

  /** Batches that are derived and not confirmed. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** A batch that an earlier life has handed on. */
  restored({ batch, heights }: ExecutedBatch): void {
    for (const [key, height] of heights) this.#ends.set(key, { height, head: this.#ownHead(key, height) })
    this.#handedOn.add(batch.id)
  }

  /** All that is in the own log: an earlier life has handed it on, as the state after it. */
  restoredAll(): void {
    const { logs } = this.#ctx.journal
    for (const key of logs.keys()) this.#ends.set(key, { height: logs.heightOf(key), head: this.#ownHead(key, logs.heightOf(key)) })
  }

  /**
   * A batch is at its place in the own log. One that was handed on before the log was derived anew is not handed on again; if anything else stands
   * before it now, what follows on its keys waits for ever: a state machine cannot take back what it did.
   */
  derived(executed: ExecutedBatch): void {
    if (!this.#handedOn.has(executed.batch.id)) this.#waiting.push(executed)
  }

  /** Hands on what is confirmed, and asks about the rest. */
  review(): void {
    this.#waiting = this.#waiting.filter((executed) => {
      if (!this.#isConfirmed(executed)) return true
      this.restored(executed)
      this.#hasGoneOn = true
      this.#events.confirmed(executed)
      for (const [key, height] of executed.heights) this.#suspectOthers(key, height)
      return false
    })
    this.#forgetReports()
    if (this.#waiting.length > 0 && !this.#ctx.timers.has('confirm')) this.#askIn(this.#ctx.manifest.timing.catchUpWaitMs)
  }

  /** The own log is given up: nothing that was reported of it counts. What was handed on stays so. */
  startOver(): void {
    this.#waiting = []
    this.#same = new Map()
    this.#other = new Map()
    this.#ctx.timers.clear('confirm')
  }

  /** A signer's heads of key logs. */
  onHeads(from: number, { heads }: MessageOf<'heads'>): void {
    const { logs } = this.#ctx.journal
    for (const [key, { height, head }] of heads) {
      // Only what was asked about is remembered.
      if (height < 1 || height > logs.heightOf(key) || this.#isHandedOn(key)) continue
      if (this.#ownHead(key, height) === head) this.#report(key, from, height)
      else this.#contradict(key, from, height)
    }
    this.review()
    for (const signers of this.#other.values()) if (signers.size > this.#ctx.witnessBound) return this.#events.contradicted([...signers.keys()])
  }

  /** Enough signers report the own log of a key: who reports another one is wrong. */
  #suspectOthers(key: string, height: number): void {
    for (const [signer, from] of this.#other.get(key) ?? [])
      if (from <= height) this.#ctx.suspect(signer, `another log of key ${key} than ${this.#needed} signers report`)
  }

  #report(key: string, from: number, height: number): void {
    const reports = this.#same.get(key) ?? new Map<number, number>()
    this.#same.set(key, reports.set(from, Math.max(height, reports.get(from) ?? 0)))
  }

  #contradict(key: string, from: number, height: number): void {
    const reports = this.#other.get(key) ?? new Map<number, number>()
    this.#other.set(key, reports.set(from, Math.min(height, reports.get(from) ?? height)))
  }

  #ownHead(key: string, height: number): string {
    return toHex(this.#ctx.journal.logs.headOf(key, height))
  }

  /** Whether all of the own log of a key was handed on. */
  #isHandedOn(key: string): boolean {
    return this.#ctx.journal.logs.heightOf(key) <= (this.#ends.get(key)?.height ?? 0)
  }

  #isConfirmed({ heights }: ExecutedBatch): boolean {
    for (const [key, height] of heights) {
      const end = this.#ends.get(key)
      if ((end?.height ?? 0) !== height - 1 || (end && end.head !== this.#ownHead(key, height - 1))) return false
      let count = 0
      for (const reported of this.#same.get(key)?.values() ?? []) if (reported >= height) count++
      if (count < this.#needed) return false
    }
    return true
  }

  /** Reports of keys of which everything is handed on are needed no longer. */
  #forgetReports(): void {
    for (const reports of [this.#same, this.#other]) for (const key of reports.keys()) if (this.#isHandedOn(key)) reports.delete(key)
  }

  #askIn(waitMs: number): void {
    const { timers, now, manifest } = this.#ctx
    timers.set('confirm', now + waitMs, () => {
      if (this.#waiting.length === 0) return
      this.#ask()
      const { catchUpWaitMs, hopTimeoutMs } = manifest.timing
      this.#askIn(this.#hasGoneOn ? catchUpWaitMs : Math.min(2 * waitMs, Math.max(catchUpWaitMs, hopTimeoutMs)))
      this.#hasGoneOn = false
    })
  }

  /** Asks about the keys of what waits, as many as one message takes; the others when it is asked again. */
  #ask(): void {
    const { logs } = this.#ctx.journal
    const keys = [...new Set(this.#waiting.flatMap(({ batch }) => batch.keys))].sort()
    const start = keys.findIndex((key) => key > this.#askedUpTo)
    const turned = start < 0 ? keys : [...keys.slice(start), ...keys.slice(0, start)]
    const asked = turned.slice(0, LIMITS.keysPerBatch)
    this.#askedUpTo = asked.at(-1) ?? ''
    const heights = new Map(asked.map((key) => [key, logs.heightOf(key)]))
    for (const signer of this.#events.signers()) this.#ctx.send(signer, { type: 'heads-request', heights })
  }
}
