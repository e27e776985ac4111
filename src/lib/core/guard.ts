/**
 * The synchrony guard (§9): with it on, a certificate is a *lock* until it is *final*, and up to half of all signers may lie while messages
 * between honest ones arrive within Δ (`deltaMs` of the manifest; 0 turns it off). Owns what was noticed, who reports what as final, and the
 * rule that tells a final certificate from a lock; the messages are in `notices.ts`.
 */
import type { Id } from '../base/bytes.js'
import { type Certificate, rankOf } from './certificate.js'
import type { Context } from './context.js'
import type { KnownBatch } from './known-batch.js'
import type { MessageOf } from './message.js'
import { valueDigest } from './statement.js'
import { leavesOut, type Value } from './tally.js'
import type { Batch } from './transaction.js'

/** What is known of the slow rounds of one batch. */
interface Noticed {
  /** The proof of the highest one: shown to whoever asks. */
  highest: MessageOf<'notice'>
  /** When this signer first saw each ballot's round with its proof, and said so. */
  sightedAt: Map<number, number>
  /** Whom it was answered, by signer and ballot. */
  answered: Set<string>
}

/** Batches whose reports, questions or unread notices are remembered at once; beyond that the oldest are forgotten. */
const REMEMBERED = 16_384

export class Guard {
  readonly #ctx: Context
  readonly #noticed = new Map<Id, Noticed>()
  /** Notices of batches whose bodies are not here: until when they count as conflicting with everything. */
  readonly #unread = new Map<Id, number>()
  /** Who reports which value as final, by batch and digest. */
  readonly #reports = new Map<Id, Map<Id, Set<number>>>()
  /** Certificates that did not come by themselves: when the answers of all are in. */
  readonly #askedUntil = new Map<Id, number>()
  /** Who told of batches that never came. */
  readonly #unbelieved = new Set<number>()
  readonly #settledFor = new Map<number, number>()
  #settledAt = 0

  constructor(ctx: Context) {
    this.#ctx = ctx
  }

  /** From when on something may become final. */
  get settledAt(): number {
    return this.#settledAt
  }

  get isOn(): boolean {
    return this.#ctx.isGuarded
  }

  /** Whether nothing is left to do for a batch here: it is committed, and others need no more than the certificate. */
  isOver(known: KnownBatch): boolean {
    return known.committed !== undefined && !this.isOn
  }

  /** The highest ballot of a batch whose slow round was noticed; −1: none. */
  noticedRank(batchId: Id): number {
    return this.#noticed.get(batchId)?.highest.ballot ?? -1
  }

  /** Whether a proof of this ballot's round was seen already, as the highest or as one that this signer noticed itself. */
  knows(batchId: Id, ballot: number): boolean {
    const noticed = this.#noticed.get(batchId)
    return noticed !== undefined && (noticed.highest.ballot === ballot || noticed.sightedAt.has(ballot))
  }

  noticeOf(batchId: Id): MessageOf<'notice'> | undefined {
    return this.#noticed.get(batchId)?.highest
  }

  /** Batches noticed and not executed. */
  noticed(): IterableIterator<Id> {
    return this.#noticed.keys()
  }

  /** Remembers a notice whose proof was checked. */
  note(notice: MessageOf<'notice'>): Noticed {
    this.#unread.delete(notice.batchId)
    let noticed = this.#noticed.get(notice.batchId)
    if (!noticed) {
      noticed = { highest: notice, sightedAt: new Map(), answered: new Set() }
      this.#noticed.set(notice.batchId, noticed)
    }
    if (notice.ballot > noticed.highest.ballot) noticed.highest = notice
    return noticed
  }

  /** Whether there are notices of batches that are not here yet. */
  get hasUnread(): boolean {
    return this.#unread.size > 0
  }

  /**
   * A notice of a batch that is not here yet: for as long as its body may take it may conflict with anything. Whoever has told of one that never came is
   * not believed again before it has connected anew.
   */
  noteUnread(from: number, batchId: Id): void {
    if (this.#unread.has(batchId) || this.#unbelieved.has(from)) return
    const { timers, now, manifest } = this.#ctx
    const until = now + 4 * manifest.deltaMs
    remember(this.#unread, batchId, until)
    timers.set(`unread ${batchId}`, until, () => {
      this.#unread.delete(batchId)
      this.#unbelieved.add(from)
      this.#ctx.events.review()
    })
  }

  /** From when on an order of this ballot may be accepted: 2Δ after the own notice of it. */
  acceptsFrom(batchId: Id, ballot: number): number {
    if (!this.isOn || !this.#ctx.rules.noticeWait) return Number.NEGATIVE_INFINITY
    const sightedAt = this.#noticed.get(batchId)?.sightedAt.get(ballot)
    return sightedAt === undefined ? Number.NEGATIVE_INFINITY : sightedAt + 2 * this.#ctx.manifest.deltaMs
  }

  /** Another signer says that for it this value of a batch is final. */
  report(from: number, batchId: Id, digest: Id): void {
    if (!this.isOn || from === this.#ctx.self) return
    const reports = this.#reports.get(batchId) ?? new Map<Id, Set<number>>()
    const signers = reports.get(digest) ?? new Set()
    // A liar may change its mind; it still counts once for each value.
    if (reports.size >= this.#ctx.manifest.n && !reports.has(digest)) return
    signers.add(from)
    reports.set(digest, signers)
    remember(this.#reports, batchId, reports)
  }

  /** A certificate came because this signer asked for it: nothing says that it is the latest before all were asked. True if they must be. */
  doubt(batchId: Id): boolean {
    if (!this.isOn || this.#askedUntil.has(batchId) || this.#ctx.journal.get(batchId)?.lock) return false
    remember(this.#askedUntil, batchId, this.#ctx.now + 2 * this.#ctx.manifest.deltaMs)
    return true
  }

  /** After a start or a lost connection nothing becomes final for 2Δ. A signer that comes and goes holds nobody up. */
  unsettle(signer?: number): void {
    const { now, manifest, timers, rules } = this.#ctx
    if (!this.isOn || !rules.settling) return
    if (signer !== undefined) {
      if ((this.#settledFor.get(signer) ?? Number.NEGATIVE_INFINITY) > now) return
      this.#settledFor.set(signer, now + manifest.timing.recoveryTimeoutMs)
      this.#unbelieved.delete(signer)
    }
    this.#settledAt = now + 2 * manifest.deltaMs
    timers.set('settled', this.#settledAt, () => this.#ctx.events.review())
  }

  /** Whether a certificate decides here and now (§9). If not it is kept as a lock and looked at again. */
  isFinal({ batch, ...known }: KnownBatch, certificate: Certificate, value: Value): boolean {
    if (!this.isOn) return true
    const { manifest, now, rules } = this.#ctx
    const reports = this.#reports.get(batch.id)?.get(valueDigest(manifest.clusterId, value))
    if (reports && reports.size > manifest.syncByzantineBound) return true
    if (now < this.#settledAt || now < (this.#askedUntil.get(batch.id) ?? 0)) return false
    if (rules.noHigherNotice && this.noticedRank(batch.id) > rankOf(certificate)) return false
    if (certificate.type === 'slow' || !rules.noticedConflicts) return true
    return this.#unread.size === 0 && this.#conflictsAreBehind({ batch, ...known }, value)
  }

  /** Whether each conflicting batch that a fast value leaves out, noticed or decided, is final with this batch before it. */
  #conflictsAreBehind({ batch }: KnownBatch, value: Value): boolean {
    const { journal } = this.#ctx
    for (const named of this.#conflictsOf(batch, value)) {
      const decided = journal.get(named)?.committed
      if (!journal.isDecided(named) && !this.#noticed.has(named)) continue
      if (!leavesOut(value, named, journal.logs)) continue
      if (!decided || leavesOut(decided.value, batch.id, journal.logs)) return false
    }
    return true
  }

  /** Conflicting batches of the same epoch that are not executed, and those executed above the value's base. Between epochs the change decides what comes first (§24). */
  *#conflictsOf({ id: batchId, epoch, keys }: Batch, value: Value): Iterable<Id> {
    const { journal } = this.#ctx
    const counts = (named: Id) => named !== batchId && (journal.get(named)?.batch.epoch ?? epoch) === epoch
    for (const named of journal.pendingOn(keys)) if (counts(named)) yield named
    for (const named of journal.executedAbove(keys, value.base)) if (counts(named)) yield named
  }

  /** What binds this signer in a batch: the committed value, else its highest certificate, unless that gives way to another batch's. */
  bindingOf(known: KnownBatch): { certificate: Certificate; value: Value } | undefined {
    if (known.committed) return known.committed
    return known.lock && !this.isVoid(known, known.lock) ? known.lock : undefined
  }

  /** A fast certificate gives way to a phase-3 certificate of a conflicting batch where each leaves the other out (§9). */
  isVoid({ batch }: KnownBatch, { certificate, value }: { certificate: Certificate; value: Value }): boolean {
    if (certificate.type !== 'fast' || !this.#ctx.rules.fastIsVoid) return false
    const { journal } = this.#ctx
    for (const named of this.#conflictsOf(batch, value)) {
      const other = journal.get(named)
      // What was executed without this batch leaves it out.
      if (journal.pastOf(named)?.isFast === false && leavesOut(value, named, journal.logs)) return true
      const held = other?.committed ?? other?.lock
      if (held?.certificate.type !== 'slow') continue
      if (leavesOut(held.value, batch.id, journal.logs) && leavesOut(value, named, journal.logs)) return true
    }
    return false
  }

  /** Executed batches need no notices: their certificates say as much. */
  executed(batchIds: readonly Id[]): void {
    for (const batchId of batchIds) {
      this.#noticed.delete(batchId)
      this.#reports.delete(batchId)
      this.#askedUntil.delete(batchId)
    }
  }
}

function remember<T>(map: Map<Id, T>, key: Id, value: T): void {
  map.set(key, value)
  if (map.size > REMEMBERED) map.delete(map.keys().next().value ?? '')
}
