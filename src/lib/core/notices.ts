/**
 * The guard's messages (§9): NOTICE of a slow round to all, its answers, and the questions that a signer asks before it takes an old certificate
 * for the last word. Owns sending and checking them; what follows for finality is `guard.ts`.
 */
import { countBits, hasBit, isBitmap } from '../base/bitmap.js'
import type { Id } from '../base/bytes.js'
import { multiSignatureFault } from '../bls/multi-signature.js'
import { type Certificate, type Order, proofOfOrderDigest, publicKeysOf, rankOf } from './certificate.js'
import type { Commits } from './commits.js'
import type { Context } from './context.js'
import type { Guard } from './guard.js'
import type { KnownBatch } from './known-batch.js'
import { LIMITS } from './limits.js'
import type { MessageOf } from './message.js'
import { orderDigest, prepareDigest, timeoutDigest, valueDigest } from './statement.js'
import { leavesOut } from './tally.js'
import type { Voting } from './voting.js'

/** The proof that a slow round was begun, as NOTICE carries it. */
type SlowRound = MessageOf<'notice'>['round']

/** Certificates shown in answer to one notice. */
const ANSWERS = 64
/** Conflicting batches that are looked at for them. */
const MOST_LOOKED_AT = 64 * 1024

export class Notices {
  readonly #ctx: Context
  readonly #guard: Guard
  readonly #voting: Voting
  readonly #commits: Commits
  /** What all will be asked about at the end of this step: batch and rank of the certificate held. */
  #questions = new Map<Id, number>()

  constructor(ctx: Context, guard: Guard, voting: Voting, commits: Commits) {
    this.#ctx = ctx
    this.#guard = guard
    this.#voting = voting
    this.#commits = commits
  }

  /** This signer sees an order of a slow round, its signature checked: at first sight it tells all. */
  sawOrder(known: KnownBatch, order: Order): void {
    const { clusterId } = this.#ctx.manifest
    const voters = order.proof.type === 'votes' ? order.proof.votes.entries : order.proof.promises.statements
    const round: SlowRound = {
      type: 'order',
      valueDigest: valueDigest(clusterId, order.value),
      proofDigest: proofOfOrderDigest(clusterId, order.proof),
      signature: order.signature,
    }
    this.#sighted(
      known,
      { type: 'notice', batchId: order.batchId, ballot: order.ballot, heights: this.#heightsOf(known), round },
      voters.map(({ signers }) => signers),
    )
  }

  /** This signer sees a PREPARE with enough time-outs, all checked: at first sight it tells all. */
  sawPrepare(known: KnownBatch, { batchId, ballot, timeouts, signature }: MessageOf<'prepare'>): void {
    this.#sighted(known, { type: 'notice', batchId, ballot, heights: this.#heightsOf(known), round: { type: 'prepare', timeouts, signature } }, [
      timeouts.signers,
    ])
  }

  #sighted({ batch }: KnownBatch, notice: MessageOf<'notice'>, holders: readonly Uint8Array[]): void {
    if (!this.#guard.isOn) return
    const noticed = this.#guard.note(notice)
    if (noticed.sightedAt.has(notice.ballot)) return
    noticed.sightedAt.set(notice.ballot, this.#ctx.now)
    for (let signer = 0; signer < this.#ctx.manifest.n; signer++) {
      if (signer === this.#ctx.self) continue
      // Who is not shown to hold the batch gets it first: what conflicts with it must be known within Δ.
      const holds = signer === batch.initiator || holders.some((signers) => hasBit(signers, signer))
      if (!holds) this.#ctx.send(signer, { type: 'have', batch, certificate: null })
      this.#ctx.send(signer, notice)
    }
  }

  onNotice(from: number, notice: MessageOf<'notice'>): void {
    const { journal, events } = this.#ctx
    if (!this.#guard.isOn) return
    const early = this.#voting.earlyBatch(notice.batchId)
    if (early) this.#voting.admitNow(early)
    const known = journal.get(notice.batchId)
    if (!known) {
      this.#guard.noteUnread(from, notice.batchId)
      return this.#commits.hold(from, notice.batchId, () => this.onNotice(from, notice))
    }
    // One proof of a ballot is enough.
    if (!this.#guard.knows(notice.batchId, notice.ballot) && !this.#isProved(known, notice))
      return this.#ctx.suspect(from, 'a NOTICE without proof', notice.batchId)
    if (journal.isExecuted(notice.batchId) && !this.#ctx.isComparing) return this.#ctx.rules.noticeAnswered ? this.show(from, known) : undefined
    const noticed = this.#guard.note(notice)
    if (!known.committed) events.slow(notice.batchId)
    if (from === this.#ctx.self || noticed.answered.has(`${from}/${notice.ballot}`)) return
    noticed.answered.add(`${from}/${notice.ballot}`)
    if (!this.#ctx.rules.noticeAnswered) return
    this.show(from, known)
    for (const certificate of this.#conflictingFinals(known, notice.heights)) this.#ctx.send(from, { type: 'certificate', certificate })
  }

  /** Whether the coordinator of the ballot signed the round's beginning, with the time-outs that PREPARE needs. */
  #isProved({ batch }: KnownBatch, { batchId, ballot, round }: MessageOf<'notice'>): boolean {
    const { manifest, crypto } = this.#ctx
    const linkKey = manifest.signers[this.#ctx.coordinatorOf(batch, ballot)]?.linkKey
    if (!linkKey) return false
    if (round.type === 'order') {
      const digest = orderDigest(manifest, batchId, ballot, round.valueDigest, round.proofDigest)
      return crypto.ed25519.verify(linkKey, digest, round.signature)
    }
    const { signers, signature } = round.timeouts
    if (ballot === 0 || !isBitmap(signers, manifest.n) || countBits(signers) <= this.#ctx.witnessBound) return false
    if (!crypto.ed25519.verify(linkKey, prepareDigest(manifest, batchId, ballot), round.signature)) return false
    const entries = [{ message: timeoutDigest(manifest, batchId, ballot), signers }]
    return multiSignatureFault(crypto.bls, publicKeysOf(manifest), { entries, signature }) === undefined
  }

  #heightsOf({ batch }: KnownBatch): Map<string, number> {
    const { logs } = this.#ctx.journal
    return new Map(
      this.#ctx.journal
        .scopeOf(batch.keys)
        .map((key) => [key, logs.heightOf(key)] as const)
        .filter(([, height]) => height > 0),
    )
  }

  /** Final conflicting batches that leave this one out and may be news to a signer that has executed up to these heights. */
  #conflictingFinals({ batch }: KnownBatch, heights: ReadonlyMap<string, number>): Certificate[] {
    const { journal } = this.#ctx
    const named = new Set(journal.pendingOn(batch.keys))
    for (const executed of journal.executedAbove(batch.keys, heights)) {
      if (named.size > MOST_LOOKED_AT) break
      named.add(executed)
    }
    named.delete(batch.id)
    const finals = [...named].flatMap((id) => journal.get(id)?.committed ?? [])
    return finals.flatMap(({ certificate, value }) => (leavesOut(value, batch.id, journal.logs) ? [certificate] : [])).slice(0, ANSWERS)
  }

  /** Shows another signer what is held of a batch: its certificate and, where it is final here, that it is. */
  show(to: number, { batch, committed, lock }: KnownBatch): void {
    const held = committed ?? lock
    if (!held || to === this.#ctx.self) return
    this.#ctx.send(to, { type: 'certificate', certificate: held.certificate })
    if (committed && this.#guard.isOn && !this.#ctx.isComparing) {
      const digest = valueDigest(this.#ctx.manifest.clusterId, committed.value)
      this.#ctx.send(to, { type: 'finals', items: [{ batchId: batch.id, valueDigest: digest }] })
    }
  }

  /** Another signer says what is final for it. */
  onFinals(from: number, { items }: MessageOf<'finals'>): void {
    for (const { batchId, valueDigest: digest } of items) {
      if (this.#ctx.journal.isDecided(batchId)) continue
      this.#guard.report(from, batchId, digest)
      this.#commits.review(batchId)
    }
  }

  /** All are asked, once the step is over, whether anything speaks against this certificate. */
  inquire(certificate: Certificate): void {
    const { timers, now } = this.#ctx
    this.#questions.set(certificate.batchId, rankOf(certificate) + 1)
    timers.set('inquire', now, () => {
      const items = [...this.#questions].map(([batchId, rank]) => ({ batchId, rank }))
      this.#questions = new Map()
      for (let signer = 0; signer < this.#ctx.manifest.n; signer++) if (signer !== this.#ctx.self) this.#ask(signer, items)
      const dueAt = this.#ctx.now + 2 * this.#ctx.manifest.deltaMs
      timers.set(`inquired ${dueAt}`, dueAt, () => {
        for (const { batchId } of items) this.#commits.review(batchId)
      })
    })
  }

  #ask(signer: number, items: { batchId: Id; rank: number }[]): void {
    for (let at = 0; at < items.length; at += LIMITS.idsPerPage)
      this.#ctx.send(signer, { type: 'inquire', items: items.slice(at, at + LIMITS.idsPerPage) })
  }

  #repeat(to: number, notice: MessageOf<'notice'>): void {
    const known = this.#ctx.journal.get(notice.batchId)
    if (known) this.#ctx.send(to, { ...notice, heights: this.#heightsOf(known) })
  }

  onInquire(from: number, { items }: MessageOf<'inquire'>): void {
    const { journal, manifest } = this.#ctx
    const finals: { batchId: Id; valueDigest: Id }[] = []
    const notices = new Set<MessageOf<'notice'>>()
    for (const { batchId, rank } of items) {
      const known = journal.get(batchId)
      if (!known) continue
      for (const named of [batchId, ...journal.pendingOn(known.batch.keys)]) {
        const notice = this.#guard.noticeOf(named)
        if (notice && (named !== batchId || notice.ballot + 1 > rank)) notices.add(notice)
      }
      const held = known.committed ?? known.lock
      if (held && rankOf(held.certificate) + 1 > rank) this.#ctx.send(from, { type: 'certificate', certificate: held.certificate })
      if (known.committed && !this.#ctx.isComparing) finals.push({ batchId, valueDigest: valueDigest(manifest.clusterId, known.committed.value) })
    }
    for (const notice of notices) this.#repeat(from, notice)
    if (finals.length > 0) this.#ctx.send(from, { type: 'finals', items: finals })
  }

  /** A connection is there (again): what may have been missed on it is shown and asked for. */
  connected(signer: number): void {
    if (!this.#guard.isOn) return
    this.#guard.unsettle(signer)
    const { journal } = this.#ctx
    for (const batchId of this.#guard.noticed()) {
      const notice = this.#guard.noticeOf(batchId)
      if (notice) this.#repeat(signer, notice)
    }
    const items = []
    for (const batchId of journal.undecided) {
      const lock = journal.get(batchId)?.lock
      if (!lock) continue
      this.#ctx.send(signer, { type: 'certificate', certificate: lock.certificate })
      items.push({ batchId, rank: rankOf(lock.certificate) + 1 })
    }
    this.#ask(signer, items)
  }
}
