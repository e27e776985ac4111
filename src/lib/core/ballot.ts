/**
 * Recovery (§7): ballots 1, 2, … as a star, for batches that make no progress. Owns time-outs, joining, PREPARE and PROMISE, and what a
 * coordinator gathers; the value that follows from promises is `promises.ts`, whether it is accepted is `acceptor.ts`.
 */

import { bitmapOf, countBits, isBitmap, membersOf } from '../base/bitmap.js'
import { type Id, toHex, uint32, utf8 } from '../base/bytes.js'
import { digestOf } from '../base/hash.js'
import { findBadShares, mergeMultiSignatures, multiSignatureFault, singleSignature } from '../bls/multi-signature.js'
import type { Acceptor } from './acceptor.js'
import { type Backing, type Order, type OrderProof, publicKeysOf, signOrder } from './certificate.js'
import type { Commits } from './commits.js'
import type { Context } from './context.js'
import type { Guard } from './guard.js'
import type { KnownBatch } from './journal.js'
import type { MessageOf, PromiseOf } from './message.js'
import type { Notices } from './notices.js'
import { backedBatch, promiseSetOf, readBacking, valueFromPromises } from './promises.js'
import { acceptDigest, MAX_BALLOT, type PromiseStatement, prepareDigest, promiseDigest, timeoutDigest, valueDigest, voteDigest } from './statement.js'
import { keyAhead, reachesTooFarBack } from './view.js'
import type { Voting } from './voting.js'

/** An own attempt to decide a batch as the coordinator of a ballot. */
interface Attempt {
  ballot: number
  promises: Map<number, PromiseOf>
  /** The wait for all n is over: a quorum is enough. */
  isDue: boolean
  order?: Order
  accepts: Map<number, Uint8Array>
  isCertified: boolean
}

/** How many recovery time-outs long a signer helps others with a batch that is final for it. */
const FORGET_AFTER = 32

/** What a signer knows of the recovery of one batch. */
interface Recovery {
  /** The highest ballot that each signer wants, with its signature. */
  timeouts: Map<number, { ballot: number; signature: Uint8Array }>
  /** The highest ballot that this signer has asked for. */
  wanted: number
  /** Own time-outs so far: each doubles the next one. */
  attempts: number
  /** Batches that must go before, learnt from refusals. */
  noted: Map<Id, Backing>
  /** The ballot of the last order that this signer refused; −1: none. */
  refused: number
  /** Who refused this signer's own order of the highest ballot. */
  refusers: Set<number>
  attempt?: Attempt
}

export class Ballots {
  readonly #ctx: Context
  readonly #voting: Voting
  readonly #acceptor: Acceptor
  readonly #commits: Commits
  readonly #guard: Guard
  readonly #notices: Notices
  readonly #recoveries = new Map<Id, Recovery>()

  constructor(ctx: Context, voting: Voting, acceptor: Acceptor, commits: Commits, guard: Guard, notices: Notices) {
    this.#ctx = ctx
    this.#guard = guard
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

  #lookSoon(batchId: Id): void {
    const { timers, now, manifest } = this.#ctx
    timers.set(`progress ${batchId}`, now + manifest.timing.hopTimeoutMs, () => this.#timeOut(batchId))
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

  #forgetLater(batchId: Id): void {
    const { timers, now, manifest } = this.#ctx
    timers.set(`forget ${batchId}`, now + FORGET_AFTER * manifest.timing.recoveryTimeoutMs, () => this.#forget(batchId))
  }

  #forget(batchId: Id): void {
    this.#recoveries.delete(batchId)
    this.#ctx.timers.clear(`promises ${batchId}`)
  }

  /** Whether nothing is left to do for a batch here: it is committed, and others need no more than the certificate. */
  #isOver(known: KnownBatch): boolean {
    return known.committed !== undefined && !this.#guard.isOn
  }

  #recoveryOf(batchId: Id): Recovery {
    let recovery = this.#recoveries.get(batchId)
    if (!recovery) {
      recovery = { timeouts: new Map(), wanted: 0, attempts: 0, noted: new Map(), refused: -1, refusers: new Set() }
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
    // Where f_a is 0 one signer's word is enough to come here: the number must still fit a message.
    const ballot = Math.min(next, MAX_BALLOT)
    const { crypto, blsSecretKey, manifest, events } = this.#ctx
    this.#recoveryOf(known.batch.id).wanted = ballot
    if (!known.committed) events.slow(known.batch.id)
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
    if (this.#isOver(known)) return
    const recovery = this.#recoveryOf(batchId)
    if (ballot === 0 || (recovery.timeouts.get(from)?.ballot ?? 0) >= ballot) return
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
    else if (givenUp || this.#helps(known, recovery, ballot)) this.#want(known, ballot)
    if (supported > 0) this.#prepare(known, recovery, supported)
  }

  /** A signer for which a batch is final supports whoever still needs a ballot (§9), one step at a time. */
  #helps(known: KnownBatch, { wanted }: Recovery, ballot: number): boolean {
    return known.committed !== undefined && ballot > wanted && ballot <= Math.max(known.promised, wanted) + 1
  }

  /** PREPARE, if this signer coordinates the ballot and enough signers want exactly it (⚠ no coordinator pre-empts at will). */
  #prepare(known: KnownBatch, recovery: Recovery, ballot: number): void {
    const { self, crypto, manifest, linkSecretKey, timers, now } = this.#ctx
    const batchId = known.batch.id
    if (this.#ctx.coordinatorOf(known.batch, ballot) !== self || (recovery.attempt?.ballot ?? 0) >= ballot || known.promised >= ballot) return
    const message = timeoutDigest(manifest, batchId, ballot)
    const shares = [...recovery.timeouts].filter(([, timeout]) => timeout.ballot === ballot)
    if (shares.length <= this.#ctx.witnessBound) return
    const merged = mergeMultiSignatures(
      crypto.bls,
      shares.map(([signer, { signature }]) => singleSignature(manifest.n, signer, message, signature)),
    )
    const [entry] = merged?.entries ?? []
    if (!merged || !entry) return
    recovery.attempt = { ballot, promises: new Map(), isDue: false, accepts: new Map(), isCertified: false }
    const timeouts = { signers: entry.signers, signature: merged.signature }
    this.#ctx.sendAll({
      type: 'prepare',
      batchId,
      ballot,
      timeouts,
      signature: crypto.ed25519.sign(linkSecretKey, prepareDigest(manifest, batchId, ballot)),
    })
    timers.set(`promises ${batchId}`, now + manifest.timing.hopTimeoutMs, () => {
      const attempt = this.#recoveries.get(batchId)?.attempt
      if (attempt?.ballot !== ballot) return
      attempt.isDue = true
      this.#order(known, attempt)
    })
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
    if (this.#isOver(known)) return
    const linkKey = manifest.signers[from]?.linkKey
    if (ballot === 0 || known.promised >= ballot || !linkKey || this.#ctx.coordinatorOf(known.batch, ballot) !== from) return
    if (!crypto.ed25519.verify(linkKey, prepareDigest(manifest, batchId, ballot), signature)) return
    if (this.#ctx.rules.prepareNeedsTimeouts && !this.#isEntitled(message))
      return this.#ctx.suspect(from, 'PREPARE without the time-outs for it', batchId)
    this.#notices.sawPrepare(known, message)
    if (!known.committed) {
      events.slow(batchId)
      events.progress(batchId)
    }
    this.#voting.voteNow(batchId)
    this.#ctx.persist({ type: 'promise', batchId, ballot })
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
    if (!vote || reachesTooFarBack(vote.view, batch.keys, journal.logs)) return undefined
    // What is final needs no blockers: its certificate decides (§9, rule 0).
    const blockers = known.committed
      ? new Map<Id, Backing>()
      : new Map([...(this.#recoveries.get(batch.id)?.noted ?? []), ...this.#acceptor.executedSince(known), ...this.#acceptor.blockers(known)])
    const statement: PromiseStatement = {
      voteDigest: toHex(voteDigest(manifest, batch.id, vote.view)),
      accepted: accepted ? { ballot: accepted.ballot, valueDigest: valueDigest(manifest.clusterId, accepted.value) } : null,
      blockers: [...blockers.keys()].sort(),
    }
    return {
      ...statement,
      view: vote.view,
      voteSignature: vote.signature,
      value: accepted?.value ?? null,
      backings: [...blockers.values()],
      certificate: this.#guard.isOn ? (this.#guard.bindingOf(known)?.certificate ?? null) : null,
      signature: crypto.bls.sign(blsSecretKey, promiseDigest(manifest, batch.id, ballot, statement)),
    }
  }

  onPromise(from: number, { batchId, ballot, promise }: MessageOf<'promise'>): void {
    const { journal, manifest, crypto } = this.#ctx
    const known = journal.get(batchId)
    const attempt = this.#recoveries.get(batchId)?.attempt
    const publicKey = manifest.signers[from]?.publicKey
    if (!known || this.#isOver(known) || attempt?.ballot !== ballot || attempt.order || attempt.promises.has(from) || !publicKey) return
    const digest = voteDigest(manifest, batchId, promise.view)
    const fits =
      toHex(digest) === promise.voteDigest &&
      (promise.accepted?.valueDigest ?? null) === (promise.value && valueDigest(manifest.clusterId, promise.value))
    const signatures = [
      { message: digest, publicKeys: [publicKey], signature: promise.voteSignature },
      { message: promiseDigest(manifest, batchId, ballot, promise), publicKeys: [publicKey], signature: promise.signature },
    ]
    if (!fits || !crypto.bls.verifyAll(signatures)) return this.#ctx.suspect(from, 'an invalid PROMISE', batchId)
    if (reachesTooFarBack(promise.view, known.batch.keys, journal.logs)) return
    if (promise.certificate?.batchId === batchId && this.#guard.isOn) this.#commits.receive(from, promise.certificate)
    attempt.promises.set(from, promise)
    this.#order(known, attempt)
  }

  /** ORDER for the value that follows, once all have promised, or the wait is over and a quorum has. */
  #order(known: KnownBatch, attempt: Attempt): void {
    const { manifest, crypto, linkSecretKey, self } = this.#ctx
    const batchId = known.batch.id
    if (this.#isOver(known) || attempt.order || this.#recoveries.get(batchId)?.attempt !== attempt) return
    if (attempt.promises.size < manifest.quorum || (attempt.promises.size < manifest.n && !attempt.isDue)) return
    if (attempt.isDue) this.#leaveOutUnread(known, attempt)
    const promises = promiseSetOf(
      this.#ctx,
      batchId,
      attempt.ballot,
      attempt.promises,
      this.#guard.isOn ? (this.#guard.bindingOf(known)?.certificate ?? null) : null,
    )
    if (!promises) return
    const reading = valueFromPromises(this.#ctx, known.batch, attempt.ballot, promises)
    const others = [...attempt.promises.keys()].filter((signer) => signer !== self)
    if (reading.type === 'behind') return this.#commits.afterExecution(batchId, others[0] ?? self, () => this.#order(known, attempt))
    if (reading.type === 'missing') return this.#commits.afterArrival(reading.ids, others, () => this.#order(known, attempt))
    if (reading.type === 'fault') return
    const missing = reading.value.predecessors.filter((named) => !this.#ctx.journal.get(named))
    if (missing.length > 0) return this.#commits.afterArrival(missing, others, () => this.#order(known, attempt))
    const proof: OrderProof = { type: 'promises', promises }
    attempt.order = signOrder(crypto, manifest, linkSecretKey, { batchId, ballot: attempt.ballot, value: reading.value, proof })
    this.#ctx.persist({ type: 'order', order: attempt.order })
    this.#ctx.sendAll({ type: 'order', order: attempt.order })
  }

  /**
   * Once the wait is over, promises that cannot be read here are left out where a quorum is left without them (§6): what they claim, a history or a
   * batch behind a blocker, may be something that nobody can back, and waiting for it would cost every ballot.
   */
  #leaveOutUnread(known: KnownBatch, { promises }: Attempt): void {
    const isRead = ({ view, backings }: PromiseOf): boolean =>
      keyAhead(view.heights, this.#ctx.journal.logs) === undefined &&
      backings.every((backing) => !['behind', 'missing'].includes(readBacking(this.#ctx, backing, known.batch.id).type))
    const unread = [...promises].filter(([, promise]) => !isRead(promise)).map(([signer]) => signer)
    if (promises.size - unread.length < this.#ctx.manifest.quorum) return
    for (const signer of unread) promises.delete(signer)
  }

  /** ORDER of a ballot above 0: the accept goes straight to the coordinator. */
  onOrder(from: number, { order }: MessageOf<'order'>): void {
    const { journal, manifest, events, self } = this.#ctx
    const { batchId, ballot, value } = order
    const known = journal.get(batchId)
    if (!known) return this.#commits.hold(from, batchId, () => this.onOrder(from, { type: 'order', order }))
    this.#notices.show(from, known)
    if (this.#isOver(known)) return
    if (this.#ctx.coordinatorOf(known.batch, ballot) !== from) return this.#ctx.suspect(from, 'ORDER from no coordinator', batchId)
    if (!known.committed) events.progress(batchId)
    const { proof } = order
    if (proof.type === 'promises' && proof.promises.certificate?.batchId === batchId) this.#commits.receive(from, proof.promises.certificate)
    this.#acceptor.consider(order, (signature) => {
      if (!signature) return
      const accepts = { ballot, valueDigest: valueDigest(manifest.clusterId, value), signers: bitmapOf(manifest.n, [self]), signature }
      this.#ctx.send(from, { type: 'accept', batchId, ballot, accepts })
    })
  }

  onAccept(from: number, { batchId, ballot, accepts }: MessageOf<'accept'>): void {
    const { journal, manifest } = this.#ctx
    const attempt = this.#recoveries.get(batchId)?.attempt
    if (!accepts || !attempt?.order || attempt.ballot !== ballot || accepts.ballot !== ballot) return
    const known = journal.get(batchId)
    if (!known || this.#isOver(known) || attempt.isCertified) return
    const [signer, ...rest] = isBitmap(accepts.signers, manifest.n) ? membersOf(accepts.signers) : []
    if (signer !== from || rest.length > 0 || accepts.valueDigest !== valueDigest(manifest.clusterId, attempt.order.value)) return
    attempt.accepts.set(from, accepts.signature)
    if (attempt.accepts.size >= manifest.quorum) this.#certify(batchId, attempt, attempt.order)
  }

  #certify(batchId: Id, attempt: Attempt, { ballot, value }: Order): void {
    const { manifest, crypto } = this.#ctx
    const message = acceptDigest(manifest, batchId, ballot, valueDigest(manifest.clusterId, value))
    const shares = [...attempt.accepts].map(([signer, signature]) => ({ signer, message, signature }))
    const bad = findBadShares(crypto.bls, publicKeysOf(manifest), shares)
    for (const signer of bad) {
      attempt.accepts.delete(signer)
      this.#ctx.suspect(signer, 'invalid accept share', batchId)
    }
    if (attempt.accepts.size < manifest.quorum) return
    const good = shares
      .filter(({ signer }) => !bad.includes(signer))
      .map(({ signer, signature }) => singleSignature(manifest.n, signer, message, signature))
    const merged = mergeMultiSignatures(crypto.bls, good)
    const [entry] = merged?.entries ?? []
    if (!merged || !entry) return
    const certificate = { type: 'slow' as const, epoch: manifest.epoch, batchId, ballot, value, signers: entry.signers, signature: merged.signature }
    attempt.isCertified = true
    this.#commits.decide(certificate)
    for (let signer = 0; signer < manifest.n; signer++) if (signer !== this.#ctx.self) this.#ctx.send(signer, { type: 'certificate', certificate })
  }

  /** A refusal shows batches that must go before: they are named in the next promise. Too many end the ballot. */
  onRefuse(from: number, { batchId, ballot, backings }: MessageOf<'refuse'>): void {
    const { journal, manifest } = this.#ctx
    const known = journal.get(batchId)
    if (!known || known.committed || !known.orders.has(ballot)) return
    const recovery = this.#recoveryOf(batchId)
    for (const backing of backings) {
      const reading = readBacking(this.#ctx, backing, batchId)
      if (reading.type === 'missing') this.#commits.want(reading.ids, [from])
      if (reading.type !== 'read' || !reading.value) continue
      recovery.noted.set(backedBatch(backing), backing)
      if (backing.type === 'certificate') this.#commits.receive(from, backing.certificate)
    }
    if (Math.max(known.promised, recovery.wanted) > ballot) return
    recovery.refusers.add(from)
    if (manifest.n - recovery.refusers.size >= manifest.quorum) return
    recovery.refusers.clear()
    this.#want(known, ballot + 1)
  }
}
