/**
 * Catching up (§10): everyone compares its log with one signer's from time to time, and at once after a connection is made or when it sees that
 * it is behind. Pages of executed ids are walked from where the last walk with that signer ended; what is missing is fetched, so much at a time that it fits
 * into what waits on a link, and more as it arrives. For signers and learners.
 */
import type { Id } from '../base/bytes.js'
import type { FollowerContext } from './follower-context.js'
import type { Journal } from './journal.js'
import { LIMITS } from './limits.js'
import type { MessageOf } from './message.js'

/** For how many recovery time-outs a signer that did not supply what it listed is not followed, and for how many a page may last at most. */
const IDLE_ATTEMPTS = 4

/** Batches asked for in one message: their answer is never cut short, however large they are. */
const IDS_AT_ONCE = Math.floor(LIMITS.messageBytes / LIMITS.batchBytes)
/** Batches that are asked for and not here yet: so many bytes of the size that they have had so far, and no more than so many. */
const BYTES_UNDER_WAY = 4 * 1024 * 1024
const IDS_UNDER_WAY = 256

interface Page {
  signer: number
  /** Where the walk goes on once everything of this page is here. */
  next: number
  missing: Set<Id>
  last: boolean
  /** When it was first asked for. */
  begunAt?: number
  /** Of what is missing: not asked for yet, in the order of the page; and asked for. */
  unasked: Id[]
  asked: Set<Id>
}

/** The page of a log that begins at a place; without ids where nothing stands there. */
export function pageOf({ logs, pruned }: Journal, from: number): MessageOf<'page'> {
  return { type: 'page', from, ids: logs.executed.slice(from, from + LIMITS.idsPerPage), executed: logs.executed.length, pruned }
}

export class CatchUp {
  readonly #ctx: FollowerContext
  readonly #stalled: (signer: number) => void
  /** Whose pages are waited for: a page that nobody asked for is not read. */
  readonly #asked = new Set<number>()
  /** How far into each other signer's log everything is here. */
  readonly #cursors = new Map<number, number>()
  /** How far into the own log everything is at each other signer, as it said since it is connected. */
  readonly #held = new Map<number, number>()
  /** Whose logs were walked to their end since they are connected. */
  readonly #walked = new Set<number>()
  /** Signers that have pruned batches which are missing here, each with the first of them. */
  readonly #pruned = new Map<number, Id>()
  /** Whose pages are not read for a while: it listed batches and did not supply them. */
  readonly #idleUntil = new Map<number, number>()
  #page: Page | undefined
  /** What came of the latest page: how many batches, and their bytes. */
  #arrived = { count: 0, bytes: 0 }
  #turn: number

  /** `self`: the own number, or −1. `stalled` is told of a signer that listed batches and did not supply them. */
  constructor(ctx: FollowerContext, self: number, stalled: (signer: number) => void = () => {}) {
    this.#ctx = ctx
    this.#turn = self
    this.#stalled = stalled
  }

  /** Begins the regular comparison. */
  start(): void {
    const { timers, now, manifest } = this.#ctx
    timers.set('sync', now + manifest.timing.syncIntervalMs, () => {
      this.next()
      this.start()
    })
  }

  /** Compares with the next signer in turn. */
  next(): void {
    const others = [...this.#ctx.connected].sort((a, b) => a - b)
    const next = others.find((signer) => signer > this.#turn) ?? others[0]
    if (next === undefined) return
    this.#turn = next
    this.compareWith(next)
  }

  /** Another signer's history reaches further: its log is walked, unless a walk is under way. */
  behind(signer: number): void {
    if (!this.#page) this.compareWith(signer)
  }

  /** Tells another signer how far this one is; the answer is a page if they differ. */
  compareWith(signer: number): void {
    if (!this.#ctx.connected.has(signer)) return
    const { logs } = this.#ctx.journal
    this.#asked.add(signer)
    this.#ctx.send(signer, { type: 'sync', executed: logs.executed.length, digest: logs.executedDigest, from: this.#cursors.get(signer) ?? 0 })
  }

  onSync(from: number, { executed, digest, from: cursor }: MessageOf<'sync'>): void {
    const { logs } = this.#ctx.journal
    const isAlike = executed === logs.executed.length && digest === logs.executedDigest
    const held = isAlike ? executed : Math.min(cursor, logs.executed.length)
    this.#held.set(from, Math.max(held, this.#held.get(from) ?? 0))
    if (isAlike) return void this.#walked.add(from)
    const page = pageOf(this.#ctx.journal, cursor)
    if (page.ids.length > 0) this.#ctx.send(from, page)
    if (executed > logs.executed.length) this.compareWith(from)
  }

  onPage(from: number, { from: cursor, ids, executed, pruned }: MessageOf<'page'>): void {
    if (this.#page || !this.#asked.has(from) || this.#ctx.now < (this.#idleUntil.get(from) ?? 0)) return
    // Whatever it claims, it lists nothing more from there on.
    if (ids.length === 0) return this.#ended(from, cursor)
    if (cursor !== (this.#cursors.get(from) ?? 0)) return
    this.#asked.delete(from)
    const { journal } = this.#ctx
    const next = cursor + ids.length
    const missing = new Set(ids.filter((batchId) => !journal.isDecided(batchId)))
    const lacking = ids.slice(0, Math.max(0, pruned - cursor)).find((batchId) => missing.has(batchId))
    this.#pruned.delete(from)
    // It cannot supply them, and what came after them hangs on them: the next signer in turn may.
    if (lacking !== undefined) return void this.#pruned.set(from, lacking)
    if (missing.size === 0) {
      // A log lists nothing twice: no more of it can be here than is decided here.
      if (next > journal.logs.executed.length + journal.waiting.size) return this.#ctx.suspect(from, 'a log that lists batches twice')
      this.#cursors.set(from, next)
      if (next < executed) this.compareWith(from)
      else this.#walked.add(from)
      return
    }
    // Of what came long ago little is left: sizes change.
    this.#arrived = { count: this.#arrived.count / 2, bytes: this.#arrived.bytes / 2 }
    this.#page = { signer: from, next, missing, last: next >= executed, unasked: [...missing], asked: new Set() }
    // At the tip most of what is missing is on its way already.
    const waitMs = this.#page.last ? this.#ctx.manifest.timing.catchUpWaitMs : 0
    this.#ctx.timers.set('page', this.#ctx.now + waitMs, () => this.#fetch())
  }

  #ended(from: number, cursor: number): void {
    this.#asked.delete(from)
    this.#pruned.delete(from)
    this.#cursors.set(from, cursor)
    this.#walked.add(from)
  }

  #fetch(): void {
    const page = this.#page
    if (!page) return
    page.begunAt ??= this.#ctx.now
    if (this.#ctx.now - page.begunAt > this.#idleMs && this.#ctx.connected.size > 1) return this.#leave(page)
    const { signer, missing, asked } = page
    const { count, bytes } = this.#arrived
    const most = count === 0 ? IDS_AT_ONCE : Math.min(IDS_UNDER_WAY, Math.max(IDS_AT_ONCE, Math.floor((BYTES_UNDER_WAY * count) / bytes)))
    while (page.unasked.length > 0 && asked.size + IDS_AT_ONCE <= most) {
      const ids = page.unasked.splice(0, IDS_AT_ONCE).filter((batchId) => missing.has(batchId))
      for (const batchId of ids) asked.add(batchId)
      if (ids.length > 0) this.#ctx.send(signer, { type: 'fetch', ids })
    }
    this.#ctx.timers.set('page', this.#ctx.now + 4 * this.#ctx.manifest.timing.hopTimeoutMs, () => {
      if (this.#ctx.connected.size > 1) this.#idleUntil.set(signer, this.#ctx.now + this.#idleMs)
      this.#stalled(signer)
      this.#leave(page)
    })
  }

  get #idleMs(): number {
    return IDLE_ATTEMPTS * this.#ctx.manifest.timing.recoveryTimeoutMs
  }

  /** Gives a page up, and turns to the next signer: it may have been fed drop by drop. */
  #leave({ signer }: Page): void {
    this.#page = undefined
    this.#ctx.timers.clear('page')
    this.#turn = signer
    this.next()
  }

  /** A signer's page lists what cannot be taken in before the next epoch begins here: it is walked then. */
  giveUp(signer: number): void {
    if (this.#page?.signer !== signer) return
    this.#page = undefined
    this.#ctx.timers.clear('page')
  }

  /** A batch is here, and waits for its history: what comes after it is asked for all the same. */
  arrived(batchId: Id): void {
    if (this.#page?.asked.delete(batchId)) this.#fetch()
  }

  committed(batchId: Id): void {
    const page = this.#page
    if (!page?.missing.delete(batchId)) return
    this.#arrived.count++
    this.#arrived.bytes += this.#ctx.journal.get(batchId)?.batch.bytes.length ?? 0
    // Before the first is asked for, others are waited for that are on their way.
    if (page.asked.delete(batchId) && page.missing.size > 0) this.#fetch()
    if (page.missing.size > 0) return
    this.#cursors.set(page.signer, page.next)
    this.#page = undefined
    this.#ctx.timers.clear('page')
    if (page.last) this.#walked.add(page.signer)
    else this.compareWith(page.signer)
  }

  /** Whether the logs of so many signers were walked to their end since they are connected. */
  hasWalked(signers: number): boolean {
    return this.#walked.size >= signers
  }

  /** Whether this signer has said that it holds the first `executed` batches of the own log. */
  isHeldBy(signer: number, executed: number): boolean {
    return (this.#held.get(signer) ?? 0) >= executed
  }

  /** A batch that is missing here and that every signer within reach has pruned, if there is one: then nothing is caught up. */
  get beyondReach(): Id | undefined {
    const [first] = this.#ctx.connected
    if (first === undefined || ![...this.#ctx.connected].every((signer) => this.#pruned.has(signer))) return undefined
    return this.#pruned.get(first)
  }

  /** Ends it. */
  stop(): void {
    this.#page = undefined
    this.#ctx.timers.clear('page')
    this.#ctx.timers.clear('sync')
  }

  disconnected(signer: number): void {
    this.#asked.delete(signer)
    this.#held.delete(signer)
    this.#walked.delete(signer)
    this.#pruned.delete(signer)
    if (this.#page?.signer !== signer) return
    this.#page = undefined
    this.#ctx.timers.clear('page')
  }
}
