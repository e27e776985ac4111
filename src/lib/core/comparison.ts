/**
 * Comparing after a restart (§9): while a signer was down the others may have decided without what it alone held as final. Under the guard it signs
 * nothing, and reports nothing as final, before it knows that its log still stands: enough others have executed the same, or what they have not
 * executed yet would be final if it were looked at now. Owns the questions and the answers; what follows is the signer's affair.
 */
import { type Id, toHex } from '../base/bytes.js'
import { rankOf } from './certificate.js'
import type { Context } from './context.js'
import type { Guard } from './guard.js'
import { LIMITS } from './limits.js'
import type { MessageOf } from './message.js'
import { valueDigest } from './statement.js'

/** What the comparison tells the signer. */
export interface ComparisonEvents {
  /** The own log stands. */
  stands(): void
  /** It does not. `reason`: in words; `stands`: how many of the own executed batches still count, from the first on. */
  falls(reason: string, stands: number): void
}

/** What another signer has shown. */
interface Shown {
  /** The next page of keys to ask about. */
  next: number
  /** Own batches that it has not executed. */
  missing: Set<Id>
  /** When it had answered about all keys. */
  throughAt?: number
}

export class Comparison {
  readonly #ctx: Context
  readonly #guard: Guard
  readonly #events: ComparisonEvents
  /** How far the own logs reached at the start, in the order of the questions. */
  #heights: [key: string, height: number][] = []
  readonly #shown = new Map<number, Shown>()
  /** Whose answer is waited for, and since when: what nobody asked for is not read. */
  readonly #asked = new Map<number, number>()
  /** Who has decided otherwise, where in words, and the own batches from which on it may be. */
  readonly #other = new Map<number, { where: string; from: Set<Id | undefined> }>()

  constructor(ctx: Context, guard: Guard, events: ComparisonEvents) {
    this.#ctx = ctx
    this.#guard = guard
    this.#events = events
  }

  /** How many others must have answered: at least one of them is honest. */
  get #needed(): number {
    const { syncByzantineBound, n } = this.#ctx.manifest
    return Math.min(syncByzantineBound + 1, n - 1)
  }

  /** Begins, if there is a past to compare. */
  begin(): void {
    const { journal, isGuarded, rules, manifest } = this.#ctx
    if (!isGuarded || !rules.headsCompared || manifest.n === 1 || journal.logs.executed.length === 0) return
    this.#heights = journal.logs.keys().map((key) => [key, journal.logs.heightOf(key)])
    this.#ctx.isComparing = true
    this.#judgeLater()
  }

  connected(signer: number): void {
    if (this.#ctx.isComparing) this.#ask(signer)
  }

  disconnected(signer: number): void {
    this.#asked.delete(signer)
    // It may come back with another log.
    this.#other.delete(signer)
    this.#shown.delete(signer)
  }

  /** A signer's heads of the keys that it was asked about. */
  onHeads(from: number, { heads }: MessageOf<'heads'>): void {
    if (!this.#ctx.isComparing || !this.#asked.has(from)) return
    const shown = this.#shownBy(from)
    const page = this.#page(shown)
    // The second answer to an earlier question.
    const asked = new Set(page.map(([key]) => key))
    if ([...heads.keys()].some((key) => !asked.has(key))) return
    this.#asked.delete(from)
    for (const [key, height] of page) {
      const answer = heads.get(key)
      // Nobody honest shows more than it was asked for.
      const reached = answer && answer.height <= height ? answer.height : 0
      if (reached > 0 && answer?.head !== this.#ownHead(key, reached)) this.#differs(from, `key ${key} up to height ${reached}`, this.#firstOn(key))
      this.#collect(key, reached, height, shown.missing)
    }
    // So far behind: it is asked again once it has caught up some more.
    if (shown.missing.size >= LIMITS.idsPerPage) return void this.#shown.delete(from)
    shown.next += LIMITS.keysPerBatch
    if (shown.next < this.#heights.length) return this.#ask(from)
    shown.throughAt = this.#ctx.now
    if (shown.missing.size > 0) this.#inquire(from, shown.missing)
    if (this.#sure() >= this.#needed) this.#end()
  }

  /** What is final for another signer. */
  onFinals(from: number, { items }: MessageOf<'finals'>): void {
    if (!this.#ctx.isComparing) return
    for (const { batchId, valueDigest: digest } of items) {
      const committed = this.#ctx.journal.get(batchId)?.committed
      if (committed && valueDigest(this.#ctx.manifest.clusterId, committed.value) !== digest) this.#differs(from, `batch ${batchId}`, batchId)
    }
  }

  #differs(signer: number, where: string, from: Id | undefined): void {
    const other = this.#other.get(signer) ?? { where, from: new Set() }
    this.#other.set(signer, other)
    other.from.add(from)
  }

  /** The first own batch on a key that is not pruned. */
  #firstOn(key: string): Id | undefined {
    const { logs } = this.#ctx.journal
    for (let height = 1; height <= logs.heightOf(key); height++) {
      const batchId = logs.batchAt(key, height)
      if (batchId !== undefined && !this.#ctx.journal.pastOf(batchId)) return batchId
    }
    return undefined
  }

  #shownBy(signer: number): Shown {
    const shown = this.#shown.get(signer) ?? { next: 0, missing: new Set() }
    this.#shown.set(signer, shown)
    return shown
  }

  #page({ next }: Shown): [key: string, height: number][] {
    return this.#heights.slice(next, next + LIMITS.keysPerBatch)
  }

  /** How many have executed all the same. */
  #sure(): number {
    return [...this.#shown].filter(([signer, shown]) => shown.throughAt !== undefined && shown.missing.size === 0 && !this.#other.has(signer)).length
  }

  #ownHead(key: string, height: number): Id {
    return toHex(this.#ctx.journal.logs.headOf(key, height))
  }

  /** Own batches on a key that another signer has not executed. */
  #collect(key: string, from: number, to: number, ids: Set<Id>): void {
    for (let height = from + 1; height <= to && ids.size < LIMITS.idsPerPage; height++) {
      const batchId = this.#ctx.journal.logs.batchAt(key, height)
      if (batchId !== undefined) ids.add(batchId)
    }
  }

  #ask(signer: number): void {
    const shown = this.#shownBy(signer)
    if (shown.throughAt !== undefined || this.#asked.has(signer)) return
    this.#asked.set(signer, this.#ctx.now)
    this.#ctx.send(signer, { type: 'heads-request', heights: new Map(this.#page(shown)) })
  }

  /** Asks what speaks against batches: who has not executed them may have begun another ballot, or decided otherwise. */
  #inquire(signer: number, ids: Iterable<Id>): void {
    const items = [...ids].flatMap((batchId) => {
      const certificate = this.#ctx.journal.get(batchId)?.committed?.certificate
      return certificate ? [{ batchId, rank: rankOf(certificate) + 1 }] : []
    })
    this.#ctx.send(signer, { type: 'inquire', items })
  }

  /** Heads take 2Δ, and what speaks against a batch that others lack takes 2Δ more. */
  #judgeLater(): void {
    const { timers, now, manifest } = this.#ctx
    timers.set('compare', now + 4 * manifest.deltaMs, () => {
      this.#judge()
      if (!this.#ctx.isComparing) return
      // Who lacked something may have caught up meanwhile, and answers get lost.
      for (const [signer, { throughAt, missing }] of this.#shown) if (throughAt !== undefined && missing.size > 0) this.#shown.delete(signer)
      for (const [signer, at] of this.#asked) if (at <= this.#ctx.now - 4 * manifest.deltaMs) this.#asked.delete(signer)
      for (const signer of this.#ctx.connected) this.#ask(signer)
      this.#judgeLater()
    })
  }

  #judge(): void {
    const { journal, now, manifest } = this.#ctx
    if (this.#other.size >= this.#needed) {
      const signers = [...this.#other.keys()].sort((a, b) => a - b).join(', ')
      const others = [...this.#other.values()]
      return this.#fall(`signers ${signers} have another log (${others[0]?.where})`, new Set(others.flatMap(({ from }) => [...from])))
    }
    // Who lacks something was asked what speaks against it; that answer takes 2Δ.
    const isThrough = ({ throughAt = Number.POSITIVE_INFINITY, missing }: Shown) => throughAt + (missing.size > 0 ? 2 * manifest.deltaMs : 0) <= now
    const through = [...this.#shown].filter(([signer, shown]) => isThrough(shown) && !this.#other.has(signer)).map(([, shown]) => shown)
    if (through.length < this.#needed || now < this.#guard.settledAt) return
    const missing = [...new Set(through.flatMap((shown) => [...shown.missing]))]
    const unconfirmed = missing.filter((batchId) => through.filter((shown) => !shown.missing.has(batchId)).length < this.#needed)
    const doubtful = unconfirmed.filter((batchId) => {
      const known = journal.get(batchId)
      return known?.committed && !this.#guard.isFinal(known, known.committed.certificate, known.committed.value)
    })
    if (doubtful.length === 0) return this.#end()
    // What speaks against them may be of a batch that is on its way still.
    if (!this.#guard.hasUnread) this.#fall(`batch ${doubtful[0]} is not final any more`, new Set(unconfirmed))
  }

  /** What stands are the batches before the first of these; all, where one is not known. */
  #fall(reason: string, from: ReadonlySet<Id | undefined>): void {
    const { logs, pruned } = this.#ctx.journal
    const first = logs.executed.findIndex((batchId) => from.has(batchId))
    this.#events.falls(reason, Math.max(pruned, first < 0 || from.has(undefined) ? 0 : first))
  }

  #end(): void {
    this.#ctx.isComparing = false
    this.#ctx.timers.clear('compare')
    this.#events.stands()
  }
}
