/**
 * Recovery (§7): ballots 1, 2, … as a star, for batches that make no progress. Owns time-outs, joining, and what a signer answers to a coordinator;
 * what the coordinator does is `coordinator.ts`, whether a value is accepted is `acceptor.ts`.
 */

import { bitmapOf, countBits, isBitmap } from '../base/bitmap.js'
import { type Id, toHex, uint32, utf8 } from '../base/bytes.js'
import { digestOf } from '../base/hash.js'
import { multiSignatureFault } from '../bls/multi-signature.js'
import type { Acceptor } from './acceptor.js'
import { type Backing, backedBatch, bareOrder, publicKeysOf } from './certificate.js'
import type { Commits } from './commits.js'
import type { Context } from './context.js'
import type { Coordinator, Timeout } from './coordinator.js'
import type { Guard } from './guard.js'
import type { KnownBatch } from './known-batch.js'
import type { MessageOf, PromiseOf } from './message.js'
import type { Notices } from './notices.js'
import { backingsThatFit } from './promise-budget.js'
import { readBacking } from './promises.js'
import { MAX_BALLOT, type PromiseStatement, prepareDigest, promiseDigest, timeoutDigest, valueDigest, voteDigest } from './statement.js'
import { shareKey } from './transaction.js'
import { reachesTooFarBack } from './view.js'
import type { Voting } from './voting.js'

/** How many recovery time-outs long a signer helps others with a batch that is final for it. */
const FORGET_AFTER = 32

/** What a signer knows of the recovery of one batch. */
interface Recovery {
  /** The highest ballot that each signer wants, with its signature. */
  timeouts: Map<number, Timeout>
  /** The highest ballot that this signer has asked for. */
  wanted: number
  /** Own time-outs so far: each doubles the next one. */
  attempts: number
  /** What shows batches that must go before, learnt from refusals: the newest, as many as a promise may carry. */
  noted: Backing[]
  /** The highest ballot whose order was progress; −1: none. */
  ordered: number
  /** The ballot of the last order that this signer refused; −1: none. */
  refused: number
  /** Who refused this signer's own order of the highest ballot. */
  refusers: Set<number>
  /** Who was shown that the batch is final here, when it asked for a ballot. */
  shown: Set<number>
  /** From when on this signer helps with another ballot of a batch that is final here, and how often it did. */
  helpsFrom: number
  helps: number
}

export class Ballots {
  readonly #ctx: Context
  readonly #voting: Voting
  readonly #acceptor: Acceptor
  readonly #commits: Commits
  readonly #guard: Guard
  readonly #coordinator: Coordinator
  readonly #notices: Notices
  readonly #recoveries = new Map<Id, Recovery>()

  constructor(ctx: Context, voting: Voting, acceptor: Acceptor, commits: Commits, guard: Guard, notices: Notices, coordinator: Coordinator) {
    this.#ctx = ctx
    this.#guard = guard
    this.#coordinator = coordinator
    this.#notices = notices
    this.#voting = voting
    this.#acceptor = acceptor
    this.#commits = commits
  }

  /** The ballot that a batch is in here, for people: 0 while nobody asked for more. */
  ballotOf(batchId: Id): number {
    return Math.max(this.#recoveries.get(batchId)?.wanted ?? 0, this.#ctx.journal.get(batchId)?.promised ?? 0)
  }

  /** Watches an undecided batch: no progress for its time-out, and this signer wants another ballot. */
  watch(batchId: Id): void {
    const { timers, now, manifest, self } = this.#ctx
    const attempts = this.#recoveries.get(batchId)?.attempts ?? 0
    const jitter = (digestOf(utf8(batchId), uint32(self), uint32(attempts))[0] ?? 0) / 1024
    const delayMs = manifest.timing.recoveryTimeoutMs * 2 ** Math.min(attempts, 4) * (1 + jitter)
    timers.set(`progress ${batchId}`, now + delayMs, () => this.#timeOut(batchId))
  }

  /** A connection closed: what that signer coordinates will hardly go on, so this one looks again soon. */
  disconnected(signer: number): void {
    for (const batchId of this.#ctx.journal.undecided) {
      const known = this.#ctx.journal.get(batchId)
      if (known && this.#ctx.coordinatorOf(known.batch, this.ballotOf(batchId)) === signer) this.#lookSoon(batchId)
    }
  }

  /**
   * A connection is there (again): what this signer wants and coordinates is said again to the other end. Where that makes a quorum nobody waits out a
   * time-out that grew without one: all look soon, and what is said again has until then.
   */
  connected(signer: number): void {
    const { journal, connected, manifest, self } = this.#ctx
    const makesQuorum = connected.size + 1 === manifest.quorum
    for (const batchId of journal.undecided) {
      const recovery = this.#recoveries.get(batchId)
      const wanted = recovery?.timeouts.get(self)
      if (wanted) this.#ctx.send(signer, { type: 'timeout', batchId, ...wanted })
      if (!recovery || recovery.attempts === 0 || !makesQuorum) continue
      recovery.attempts = 0
      this.#lookSoon(batchId)
    }
    this.#coordinator.connected(signer)
  }

  /** Shortens a time-out and never puts it off: a coordinator that comes and goes, or has its orders refused, could do that for ever. */
  #lookSoon(batchId: Id): void {
    const { timers, now, manifest } = this.#ctx
    timers.hasten(`progress ${batchId}`, now + manifest.timing.hopTimeoutMs, () => this.#timeOut(batchId))
  }

  /** An order follows from what it carries: the time-out starts anew, once for each ballot, however often the order is said. */
  progress(batchId: Id, ballot: number): void {
    const recovery = this.#recoveryOf(batchId)
    if (ballot <= recovery.ordered) return
    recovery.ordered = ballot
    this.watch(batchId)
  }

  /** This signer has refused an order: the ballot may well fail, so it looks again soon. */
  refused(batchId: Id, ballot: number): void {
    this.#recoveryOf(batchId).refused = ballot
    this.#lookSoon(batchId)
  }

  /**
   * A batch is committed. For those that stand behind it in the own arrival order that is progress: their votes may have been put off for it.
   * Only for those, so that newer batches cannot keep an older one from its time-out.
   */
  committed(batchId: Id): void {
    const { journal } = this.#ctx
    for (const other of journal.pendingOn(journal.get(batchId)?.batch.keys ?? [])) {
      const known = journal.get(other)
      if (known && !known.committed && known.frozen.pending.includes(batchId)) this.watch(other)
    }
    this.#ctx.timers.clear(`progress ${batchId}`)
    // With the guard on others may need this signer to finish (§9): what it knows is kept for a while.
    if (this.#guard.isOn) this.#forgetLater(batchId)
    else this.#forget(batchId)
  }

  /** An order is seen, perhaps of a batch that is committed: what was noticed of it is not kept for ever. */
  sawOrder({ batch, committed }: KnownBatch): void {
    if (committed) this.#forgetLater(batch.id)
  }

  #forgetLater(batchId: Id): void {
    const { timers, now, manifest } = this.#ctx
    timers.set(`forget ${batchId}`, now + FORGET_AFTER * manifest.timing.recoveryTimeoutMs, () => this.#forget(batchId))
  }

  #forget(batchId: Id): void {
    this.#recoveries.delete(batchId)
    // A ballot of an executed batch was noticed after it was executed.
    if (this.#ctx.journal.isExecuted(batchId)) this.#guard.executed([batchId])
    this.#coordinator.forget(batchId)
  }

  #recoveryOf(batchId: Id): Recovery {
    let recovery = this.#recoveries.get(batchId)
    if (!recovery) {
      recovery = {
        timeouts: new Map(),
        wanted: 0,
        attempts: 0,
        noted: [],
        ordered: -1,
        refused: -1,
        refusers: new Set(),
        shown: new Set(),
        helpsFrom: Number.NEGATIVE_INFINITY,
        helps: 0,
      }
      this.#recoveries.set(batchId, recovery)
    }
    return recovery
  }

  #timeOut(batchId: Id): void {
    const { journal } = this.#ctx
    const known = journal.get(batchId)
    if (!known || known.committed) return
    const recovery = this.#recoveryOf(batchId)
    recovery.attempts++
    // If enough signers wanted the last ballot its coordinator had its chance; if not, it is asked for again.
    const current = Math.max(recovery.wanted, known.promised)
    const supporters = [...recovery.timeouts.values()].filter(({ ballot }) => ballot >= current).length
    const next = current === 0 || known.promised >= current || supporters > this.#ctx.witnessBound ? current + 1 : current
    this.#want(known, next)
    this.watch(batchId)
  }

  #want(known: KnownBatch, next: number): void {
    if (!this.#ctx.maySign(known)) return
    // Where f_a is 0 one signer's word is enough to come here: the number must still fit a message.
    const ballot = Math.min(next, MAX_BALLOT)
    const { crypto, blsSecretKey, manifest, events, now } = this.#ctx
    const recovery = this.#recoveryOf(known.batch.id)
    recovery.wanted = ballot
    if (known.committed) recovery.helpsFrom = now + manifest.timing.recoveryTimeoutMs * 2 ** Math.min(recovery.helps++, 4)
    else events.slow(known.batch.id)
    const signature = crypto.bls.sign(blsSecretKey, timeoutDigest(manifest, known.batch.id, ballot))
    this.#ctx.sendAll({ type: 'timeout', batchId: known.batch.id, ballot, signature })
  }

  /** Another signer wants a ballot: joined if more than f_a do, answered with the certificate if there is one. */
  onTimeout(from: number, message: MessageOf<'timeout'>): void {
    const { batchId, ballot, signature } = message
    const { journal, crypto, manifest, events } = this.#ctx
    const known = journal.get(batchId)
    if (!known) return this.#commits.hold(from, batchId, () => this.onTimeout(from, message))
    if (from !== this.#ctx.self) this.#notices.show(from, known)
    if (this.#guard.isOver(known)) return
    const recovery = this.#recoveryOf(batchId)
    const wants = recovery.timeouts.get(from)?.ballot ?? 0
    // What is final here is asked for again until this signer helps.
    if (ballot === 0 || wants > ballot || (wants === ballot && !known.committed)) return
    // Who says so the link knows; only the coordinator shows the signatures to others.
    const isCoordinator = this.#ctx.coordinatorOf(known.batch, ballot) === this.#ctx.self
    const publicKeys = [manifest.signers[from]?.publicKey ?? new Uint8Array()]
    if (isCoordinator && !crypto.bls.verify([{ message: timeoutDigest(manifest, batchId, ballot), publicKeys }], signature)) {
      return this.#ctx.suspect(from, 'TIMEOUT with an invalid signature', batchId)
    }
    recovery.timeouts.set(from, { ballot, signature })
    // Only kept a while longer: a TIMEOUT for what is committed is no progress of anything else.
    if (known.committed) this.#forgetLater(batchId)
    else events.slow(batchId)
    const supported = [...recovery.timeouts.values()].map((timeout) => timeout.ballot).sort((a, b) => b - a)[this.#ctx.witnessBound] ?? 0
    // A coordinator that gives its own ballot up needs no more witnesses from those who refused it.
    const givenUp = recovery.refused === ballot - 1 && recovery.wanted < ballot && this.#ctx.coordinatorOf(known.batch, ballot - 1) === from
    if (supported > recovery.wanted) this.#want(known, supported)
    else if (givenUp || (this.#helps(known, recovery, ballot) && recovery.shown.has(from))) this.#want(known, ballot)
    if (known.committed) recovery.shown.add(from)
    if (supported > 0) this.#coordinator.prepare(known, supported, recovery.timeouts)
  }

  /**
   * A signer for which a batch is final supports whoever still needs a ballot (§9), one step at a time and ever more seldom, as whoever needs it asks: a
   * ballot is work for all, and anyone can ask.
   */
  #helps(known: KnownBatch, { wanted, helpsFrom }: Recovery, ballot: number): boolean {
    return known.committed !== undefined && this.#ctx.now >= helpsFrom && ballot > wanted && ballot <= Math.max(known.promised, wanted) + 1
  }

  /** Answers PREPARE with a promise, on disk before it leaves; with the certificate if there is one; or not at all. */
  onPrepare(from: number, message: MessageOf<'prepare'>): void {
    const { batchId, ballot, signature } = message
    const { journal, crypto, manifest, events } = this.#ctx
    const early = this.#voting.earlyBatch(batchId)
    if (early) this.#voting.admitNow(early)
    const known = journal.get(batchId)
    if (!known) return this.#commits.hold(from, batchId, () => this.onPrepare(from, message))
    this.#notices.show(from, known)
    if (this.#guard.isOver(known)) return
    const linkKey = manifest.signers[from]?.linkKey
    if (ballot === 0 || known.promised >= ballot || !linkKey || this.#ctx.coordinatorOf(known.batch, ballot) !== from) return
    if (!crypto.ed25519.verify(linkKey, prepareDigest(manifest, batchId, ballot), signature)) return
    if (this.#ctx.rules.prepareNeedsTimeouts && !this.#isEntitled(message))
      return this.#ctx.suspect(from, 'PREPARE without the time-outs for it', batchId)
    this.#notices.sawPrepare(known, message)
    if (known.committed) this.#forgetLater(batchId)
    else events.slow(batchId)
    if (!this.#ctx.maySign(known)) return
    this.#voting.voteNow(batchId)
    this.#ctx.persist({ type: 'promise', batchId, ballot })
    if (!known.committed) this.watch(batchId)
    const promise = this.#promise(known, ballot)
    if (promise) this.#ctx.send(from, { type: 'promise', batchId, ballot, promise })
  }

  /** Whether enough signers wanted exactly this ballot (⚠ §7). */
  #isEntitled({ batchId, ballot, timeouts }: MessageOf<'prepare'>): boolean {
    const { crypto, manifest } = this.#ctx
    if (!isBitmap(timeouts.signers, manifest.n) || countBits(timeouts.signers) <= this.#ctx.witnessBound) return false
    const entries = [{ message: timeoutDigest(manifest, batchId, ballot), signers: timeouts.signers }]
    return multiSignatureFault(crypto.bls, publicKeysOf(manifest), { entries, signature: timeouts.signature }) === undefined
  }

  #promise(known: KnownBatch, ballot: number): PromiseOf | undefined {
    const { crypto, manifest, blsSecretKey, journal } = this.#ctx
    const { vote, batch } = known
    const accepted = this.#ctx.rules.acceptedReported ? known.accepted : undefined
    if (!vote || reachesTooFarBack(vote.view, journal.scopeOf(batch.keys), journal.logs)) return undefined
    // What is final needs no blockers: its certificate decides (§9, rule 0).
    const blockers = known.committed
      ? new Map<Id, Backing>()
      : new Map([
          ...(this.#recoveries.get(batch.id)?.noted ?? []).map((backing) => [backedBatch(backing), backing] as const),
          ...this.#acceptor.executedSince(known),
          ...this.#acceptor.blockers(known),
        ])
    const backings = backingsThatFit(blockers.values(), manifest.n)
    const statement: PromiseStatement = {
      voteDigest: toHex(voteDigest(manifest, batch.id, vote.view)),
      accepted: accepted ? { ballot: accepted.ballot, valueDigest: valueDigest(manifest.clusterId, accepted.value) } : null,
      blockers: backings.map(backedBatch).sort(),
    }
    return {
      ...statement,
      view: vote.view,
      voteSignature: vote.signature,
      value: accepted?.value ?? null,
      backings,
      certificate: this.#guard.isOn ? (this.#guard.bindingOf(known)?.certificate ?? null) : null,
      signature: crypto.bls.sign(blsSecretKey, promiseDigest(manifest, batch.id, ballot, statement)),
    }
  }

  /** ORDER of a ballot above 0: the accept goes straight to the coordinator. */
  onOrder(from: number, { order }: MessageOf<'order'>): void {
    const { journal, manifest, self } = this.#ctx
    const { batchId, ballot, value } = order
    const known = journal.get(batchId)
    if (!known) return this.#commits.hold(from, batchId, () => this.onOrder(from, { type: 'order', order }))
    this.#notices.show(from, known)
    if (this.#guard.isOver(known)) return
    if (this.#ctx.coordinatorOf(known.batch, ballot) !== from) return this.#ctx.suspect(from, 'ORDER from no coordinator', batchId)
    const { proof } = order
    if (proof.type === 'promises' && proof.promises.certificate?.batchId === batchId) this.#commits.receive(from, proof.promises.certificate)
    this.#acceptor.consider(order, (signature) => {
      if (!signature) return
      const accepts = { ballot, valueDigest: valueDigest(manifest.clusterId, value), signers: bitmapOf(manifest.n, [self]), signature }
      this.#ctx.send(from, { type: 'accept', batchId, ballot, accepts })
    })
  }

  /** A refusal shows batches that must go before: they are named in the next promise. Too many end the ballot. */
  onRefuse(from: number, { batchId, ballot, backings }: MessageOf<'refuse'>): void {
    const { journal, manifest } = this.#ctx
    const known = journal.get(batchId)
    if (!known || known.committed || !known.orders.has(ballot)) return
    const recovery = this.#recoveryOf(batchId)
    const newest = new Map<Id, Backing>()
    for (const backing of backings) {
      const reading = readBacking(this.#ctx, backing, batchId)
      if (reading.type === 'missing') this.#commits.want(reading.ids, [from])
      if (reading.type !== 'read' || !reading.value) continue
      if (!shareKey(known.batch.keys, journal.outlineOf(backedBatch(backing))?.keys ?? [])) continue
      newest.set(backedBatch(backing), backing.type === 'order' ? { type: 'order', order: bareOrder(backing.order) } : backing)
      if (backing.type === 'certificate') this.#commits.receive(from, backing.certificate)
    }
    const others = recovery.noted.filter((backing) => !newest.has(backedBatch(backing)))
    recovery.noted = backingsThatFit([...newest.values(), ...others], manifest.n)
    if (Math.max(known.promised, recovery.wanted) > ballot) return
    recovery.refusers.add(from)
    if (manifest.n - recovery.refusers.size >= manifest.quorum) return
    recovery.refusers.clear()
    this.#want(known, ballot + 1)
  }
}
