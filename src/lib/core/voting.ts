/**
 * First sight and votes (§5 1a–1b, §6, §8): checks a batch, takes batches of one initiator in sequence, gives each its place in the arrival
 * order, and signs its view once: at once, after catching up with the reference, or later where a vote is put off.
 */
import type { Id } from '../base/bytes.js'
import type { Context } from './context.js'
import type { KnownBatch } from './known-batch.js'
import { LIMITS } from './limits.js'
import { voteDigest } from './statement.js'
import { type Batch, isSignedBatch } from './transaction.js'
import { emptyView, encodedAt, type Heights, keyAhead, pendingLimit, type View, viewFault } from './view.js'

export class Voting {
  readonly #ctx: Context
  /** Root views that came with PROPOSE, until the vote is signed. */
  readonly #references = new Map<Id, View>()
  /** Batches that came before their predecessor in sequence, by initiator and number. */
  readonly #early = new Map<number, Map<Id, Batch>>()
  /** Batches past ballot 0's fast phase and undecided, with the time since when. */
  readonly #slow = new Map<Id, number>()
  /** Votes that wait: put off, or for the reference's history. */
  readonly #waiting = new Set<Id>()
  /** Votes that wait, or have waited, for the history of their reference. */
  readonly #catchingUp = new Set<Id>()
  readonly #invalid = new Set<Id>()
  /** When batches were executed here, as far as references reach back. */
  readonly #executedAt = new Map<Id, number>()
  /** Undecided batches of each initiator. */
  readonly #openOf = new Map<number, Set<Id>>()

  constructor(ctx: Context) {
    this.#ctx = ctx
  }

  /** Remembers the root's view for the vote to come. The first one counts. */
  reference(batchId: Id, reference: View): void {
    if (!this.#references.has(batchId) && !this.#ctx.journal.get(batchId)?.vote) this.#references.set(batchId, reference)
  }

  /** A batch of another epoch is not taken in, and not asked for. */
  leave(batchId: Id): void {
    this.#invalid.add(batchId)
    this.#boundInvalid()
  }

  isInvalid(batchId: Id): boolean {
    return this.#invalid.has(batchId)
  }

  /** Takes in a batch that came from `from`: it arrives now, or after its predecessor in sequence, or never. */
  admit(batch: Batch, from: number): void {
    const { journal } = this.#ctx
    if (journal.hasArrived(batch.id) || this.#invalid.has(batch.id)) return
    // The id does not cover the signature: a spoilt one speaks against whoever passed it on, and the true body may still come.
    if (!this.#isSigned(batch)) return this.#ctx.suspect(from, 'a batch that its initiator has not signed', batch.id)
    const fault = this.#fault(batch)
    if (fault !== undefined) return this.#refuse(batch, fault)
    if ((this.#openOf.get(batch.initiator)?.size ?? 0) >= LIMITS.undecidedPerInitiator) {
      this.#ctx.suspect(batch.initiator, 'more undecided batches than its window', batch.id)
      return this.#ctx.events.invalid(batch)
    }
    if (batch.sequence > journal.nextSequence(batch.initiator)) return this.#waitForSequence(batch, from)
    this.#arrive(batch)
    this.#admitEarly(batch.initiator)
  }

  /** Takes in a batch that this signer made itself. Its vote is signed once the batch is on its way: `tryVote`. */
  admitOwn(batch: Batch): void {
    this.#take(batch)
  }

  /** Takes in a batch whatever its sequence: PREPARE and certificates end the wait (§13). */
  admitNow(batch: Batch): void {
    const { journal } = this.#ctx
    if (journal.hasArrived(batch.id) || this.#invalid.has(batch.id)) return
    const fault = this.#fault(batch)
    if (fault !== undefined) return this.#refuse(batch, fault)
    this.#arrive(batch)
    this.#admitEarly(batch.initiator)
  }

  /**
   * Takes in a batch whose valid certificate is at hand: it is never voted on, the certificate is the answer (§13). False where its body is not the one that its
   * initiator has signed, which no certificate covers: it would be passed on.
   */
  admitCommitted(batch: Batch, from: number): boolean {
    if (this.#ctx.journal.hasArrived(batch.id)) return true
    if (!this.#isSigned(batch)) {
      this.#ctx.suspect(from, 'a batch that its initiator has not signed', batch.id)
      return false
    }
    this.#take(batch)
    return true
  }

  /** A batch that waits for its predecessor in sequence. */
  earlyBatch(batchId: Id): Batch | undefined {
    for (const early of this.#early.values()) {
      const batch = early.get(batchId)
      if (batch) return batch
    }
    return undefined
  }

  #isSigned(batch: Batch): boolean {
    const { manifest, crypto } = this.#ctx
    const linkKey = manifest.signers[batch.initiator]?.linkKey
    return linkKey !== undefined && isSignedBatch(crypto.ed25519, linkKey, batch)
  }

  #fault(batch: Batch): string | undefined {
    if (batch.epoch !== this.#ctx.manifest.epoch) return `epoch ${batch.epoch}`
    for (const transaction of batch.transactions) {
      const fault = this.#ctx.faultOf(transaction)
      if (fault !== undefined) return fault
    }
    return undefined
  }

  #refuse(batch: Batch, fault: string): void {
    this.#invalid.add(batch.id)
    this.#boundInvalid()
    this.#ctx.suspect(batch.initiator, `invalid batch: ${fault}`, batch.id)
    this.#ctx.events.invalid(batch)
  }

  /** What is forgotten is only checked again. */
  #boundInvalid(): void {
    if (this.#invalid.size > 4096) this.#invalid.delete(this.#invalid.values().next().value ?? '')
  }

  #waitForSequence(batch: Batch, from: number): void {
    const { journal, timers, manifest } = this.#ctx
    const early = this.#early.get(batch.initiator) ?? new Map<Id, Batch>()
    if (early.has(batch.id)) return
    if (early.size >= LIMITS.undecidedPerInitiator) return
    early.set(batch.id, batch)
    this.#early.set(batch.initiator, early)
    const missing = { from: journal.nextSequence(batch.initiator), to: batch.sequence }
    for (const asked of new Set([from, batch.initiator])) {
      if (asked !== this.#ctx.self) this.#ctx.send(asked, { type: 'fetch-sequence', initiator: batch.initiator, ...missing })
    }
    timers.set(`sequence ${batch.id}`, this.#ctx.now + manifest.timing.sequenceWaitMs, () => {
      early.delete(batch.id)
      this.admitNow(batch)
    })
  }

  /** Lets those arrive that only waited for what has arrived. */
  #admitEarly(initiator: number): void {
    const early = this.#early.get(initiator)
    if (!early) return
    for (const batch of [...early.values()].sort((a, b) => a.sequence - b.sequence)) {
      if (batch.sequence > this.#ctx.journal.nextSequence(initiator)) return
      early.delete(batch.id)
      this.#ctx.timers.clear(`sequence ${batch.id}`)
      this.#arrive(batch)
    }
  }

  #arrive(batch: Batch): void {
    if (this.#ctx.journal.hasArrived(batch.id)) return
    this.#take(batch)
    this.tryVote(batch.id)
  }

  #take(batch: Batch): void {
    this.#ctx.persist({ type: 'batch', batch })
    const open = this.#openOf.get(batch.initiator) ?? new Set()
    open.add(batch.id)
    this.#openOf.set(batch.initiator, open)
    this.#ctx.events.arrived(batch.id)
  }

  /** Counts a batch that was read back at a restart. */
  restored(batch: Batch): void {
    const open = this.#openOf.get(batch.initiator) ?? new Set()
    open.add(batch.id)
    this.#openOf.set(batch.initiator, open)
  }

  /** Signs the vote unless it must wait. */
  tryVote(batchId: Id): void {
    const { journal, events } = this.#ctx
    const known = journal.get(batchId)
    if (!known || known.vote || known.committed) {
      this.#waiting.delete(batchId)
      return
    }
    // A vote that is never signed is put off for ever: others do not wait for it.
    if (!this.#ctx.maySign(known)) return events.postponed(batchId)
    if (this.#isPutOff(known.batch)) {
      this.#waiting.add(batchId)
      return events.postponed(batchId)
    }
    if (this.#mustCatchUp(known.batch)) {
      this.#waiting.add(batchId)
      return
    }
    this.voteNow(batchId)
  }

  /** Signs the vote now, if that was not done before: PROMISE does not wait (§7). */
  voteNow(batchId: Id): void {
    const { journal, crypto, manifest, blsSecretKey, events } = this.#ctx
    const known = journal.get(batchId)
    if (!known || known.vote || known.committed || !this.#ctx.maySign(known)) return
    const { keys } = known.batch
    const reference = this.#references.get(batchId)
    const wanted = reference && viewFault(reference, batchId, keys) === undefined ? reference.heights : this.reachBack(keys)
    const view = this.#written(known, wanted)
    if (!view) return void this.#waiting.add(batchId)
    const signature = crypto.bls.sign(blsSecretKey, voteDigest(manifest, batchId, view))
    this.#waiting.delete(batchId)
    this.#references.delete(batchId)
    this.#catchingUp.delete(batchId)
    this.#ctx.persist({ type: 'vote', batchId, view, signature })
    events.voted(batchId)
  }

  /** The root's own view as it travels with PROPOSE: reaching back a little, so that others can sign the same bytes (§6). */
  referenceFor(batchId: Id): View {
    const known = this.#ctx.journal.get(batchId)
    if (!known) return emptyView()
    if (known.vote) return known.vote.view
    const reference = this.#references.get(batchId) ??
      this.#written(known, this.reachBack(known.batch.keys)) ?? { heights: known.frozen.heights, pending: [] }
    this.#references.set(batchId, reference)
    return reference
  }

  /**
   * What a view contains, written near to these heights; where that lists too many ids, at the own heights, or at those of now. Undefined while
   * none of them fits: what was pending at first sight has to be executed first.
   */
  #written({ frozen, batch: { keys } }: KnownBatch, wanted: Heights): View | undefined {
    const { logs } = this.#ctx.journal
    const latest = new Map(this.#ctx.journal.scopeOf(keys).map((key) => [key, logs.heightOf(key)]))
    for (const heights of [wanted, frozen.heights, latest]) {
      const view = encodedAt(frozen, keys, heights, logs)
      if (view.pending.length <= pendingLimit(keys)) return view
    }
    return undefined
  }

  /** Heights below which everything was executed more than `reachBackMs` ago, or not so far back. */
  reachBack(keys: readonly string[]): Heights {
    const { journal, manifest, now } = this.#ctx
    const heights = new Map<string, number>()
    for (const key of journal.scopeOf(keys)) {
      const latest = journal.logs.heightOf(key)
      let height = latest
      while (
        height > 0 &&
        latest - height < LIMITS.reachBackPerKey &&
        (this.#executedAt.get(journal.logs.batchAt(key, height) ?? '') ?? Number.NEGATIVE_INFINITY) > now - manifest.timing.reachBackMs
      )
        height--
      if (height > 0) heights.set(key, height)
    }
    return heights
  }

  /** A vote is put off while a conflicting batch is past its fast phase and undecided, at most for the recovery time-out (§8, §13). */
  #isPutOff(batch: Batch): boolean {
    if (!this.#ctx.rules.putOff) return false
    const { journal, manifest, now, timers } = this.#ctx
    for (const [slow, since] of this.#slow) {
      const other = journal.get(slow)
      if (!other || other.committed || !this.#ctx.conflict(batch, other.batch)) continue
      const until = since + manifest.timing.recoveryTimeoutMs
      if (now >= until) continue
      timers.set(`put-off ${batch.id}`, until, () => this.tryVote(batch.id))
      return true
    }
    return false
  }

  /** A reference above what is executed here is compared after catching up, for a short fixed wait (§13). */
  #mustCatchUp(batch: Batch): boolean {
    const { journal, manifest, timers, now, events } = this.#ctx
    const reference = this.#references.get(batch.id)
    const key = reference && keyAhead(reference.heights, journal.logs)
    if (reference === undefined || key === undefined) return false
    const name = `catch-up ${batch.id}`
    const isFarBehind = (reference.heights.get(key) ?? 0) - journal.logs.heightOf(key) > LIMITS.heightsBack
    if (this.#catchingUp.has(batch.id)) return isFarBehind || timers.has(name)
    this.#catchingUp.add(batch.id)
    events.behind(batch.initiator)
    timers.set(name, now + manifest.timing.catchUpWaitMs, () => this.tryVote(batch.id))
    return true
  }

  /** The keys of batches past their fast phase and undecided, of each for at most the recovery time-out. */
  slowKeys(): Set<string> {
    const { journal, manifest, now } = this.#ctx
    const keys = new Set<string>()
    for (const [slow, since] of this.#slow) {
      const other = journal.get(slow)
      if (!other || other.committed || now >= since + manifest.timing.recoveryTimeoutMs) continue
      for (const key of other.batch.keys) keys.add(key)
    }
    return keys
  }

  markSlow(batchId: Id): void {
    if (!this.#slow.has(batchId)) this.#slow.set(batchId, this.#ctx.now)
  }

  /** A batch is committed: its conflicts may be voted on. */
  committed(batchId: Id): void {
    const known = this.#ctx.journal.get(batchId)
    if (known) this.#openOf.get(known.batch.initiator)?.delete(batchId)
    this.#references.delete(batchId)
    this.#waiting.delete(batchId)
    this.#catchingUp.delete(batchId)
    if (this.#slow.delete(batchId)) this.#retryWaiting()
  }

  /** Batches were executed: references may now be within reach. */
  executed(ids: readonly Id[]): void {
    for (const id of ids) this.#executedAt.set(id, this.#ctx.now)
    for (const [id, at] of this.#executedAt) {
      if (at > this.#ctx.now - this.#ctx.manifest.timing.reachBackMs) break
      this.#executedAt.delete(id)
    }
    this.#retryWaiting()
  }

  #retryWaiting(): void {
    for (const waiting of [...this.#waiting]) this.tryVote(waiting)
  }
}
