/**
 * The coordinator's side of recovery (§7): PREPARE once enough signers want a ballot that is this signer's, ORDER for the value that follows from
 * the promises, and the certificate. Owns its own attempts; what follows from promises is `promises.ts`.
 */

import { isBitmap, membersOf } from '../base/bitmap.js'
import { type Id, toHex } from '../base/bytes.js'
import { findBadShares, mergeMultiSignatures, singleSignature } from '../bls/multi-signature.js'
import { isReadable, type Order, type OrderProof, publicKeysOf, signOrder } from './certificate.js'
import type { Commits } from './commits.js'
import type { Context } from './context.js'
import type { Guard } from './guard.js'
import type { KnownBatch } from './known-batch.js'
import type { MessageOf, PromiseOf } from './message.js'
import { backingsFault, promisesThatFit } from './promise-budget.js'
import { promiseSetOf, readBacking, valueFromPromises } from './promises.js'
import { acceptDigest, prepareDigest, promiseDigest, timeoutDigest, valueDigest, voteDigest } from './statement.js'
import { keyAhead, reachesTooFarBack, viewFault } from './view.js'

/** A signer's word that it wants a ballot. */
export interface Timeout {
  ballot: number
  signature: Uint8Array
}

/** An own attempt to decide a batch as the coordinator of a ballot. */
interface Attempt {
  ballot: number
  prepare: MessageOf<'prepare'>
  promises: Map<number, PromiseOf>
  /** The wait for all n is over: a quorum is enough. */
  isDue: boolean
  order?: Order
  accepts: Map<number, Uint8Array>
  isCertified: boolean
}

export class Coordinator {
  readonly #ctx: Context
  readonly #commits: Commits
  readonly #guard: Guard
  readonly #attempts = new Map<Id, Attempt>()

  constructor(ctx: Context, commits: Commits, guard: Guard) {
    this.#ctx = ctx
    this.#commits = commits
    this.#guard = guard
  }

  /** Nobody needs this signer's attempt any more. */
  forget(batchId: Id): void {
    this.#attempts.delete(batchId)
    this.#ctx.timers.clear(`promises ${batchId}`)
  }

  /** PREPARE, if this signer coordinates the ballot and enough signers want exactly it (⚠ no coordinator pre-empts at will). */
  prepare(known: KnownBatch, ballot: number, timeouts: ReadonlyMap<number, Timeout>): void {
    const { self, crypto, manifest, linkSecretKey, timers, now } = this.#ctx
    const batchId = known.batch.id
    if (!this.#ctx.maySign(known)) return
    if (this.#ctx.coordinatorOf(known.batch, ballot) !== self || (this.#attempts.get(batchId)?.ballot ?? 0) >= ballot || known.promised >= ballot)
      return
    const message = timeoutDigest(manifest, batchId, ballot)
    const shares = [...timeouts].filter(([, timeout]) => timeout.ballot === ballot)
    if (shares.length <= this.#ctx.witnessBound) return
    const merged = mergeMultiSignatures(
      crypto.bls,
      shares.map(([signer, { signature }]) => singleSignature(manifest.n, signer, message, signature)),
    )
    const [entry] = merged?.entries ?? []
    if (!merged || !entry) return
    const prepare: MessageOf<'prepare'> = {
      type: 'prepare',
      batchId,
      ballot,
      timeouts: { signers: entry.signers, signature: merged.signature },
      signature: crypto.ed25519.sign(linkSecretKey, prepareDigest(manifest, batchId, ballot)),
    }
    this.#attempts.set(batchId, { ballot, prepare, promises: new Map(), isDue: false, accepts: new Map(), isCertified: false })
    this.#ctx.sendAll(prepare)
    timers.set(`promises ${batchId}`, now + manifest.timing.hopTimeoutMs, () => {
      const attempt = this.#attempts.get(batchId)
      if (attempt?.ballot !== ballot) return
      attempt.isDue = true
      this.#order(known, attempt)
    })
  }

  /** A signer is back: it is asked for what it owes the attempts under way. */
  connected(signer: number): void {
    for (const { prepare, promises, order, accepts, isCertified } of this.#attempts.values()) {
      if (isCertified) continue
      if (order && !accepts.has(signer)) this.#ctx.send(signer, { type: 'order', order })
      else if (!order && !promises.has(signer)) this.#ctx.send(signer, prepare)
    }
  }

  onPromise(from: number, { batchId, ballot, promise }: MessageOf<'promise'>): void {
    const { journal, manifest, crypto } = this.#ctx
    const known = journal.get(batchId)
    const attempt = this.#attempts.get(batchId)
    const publicKey = manifest.signers[from]?.publicKey
    if (!known || this.#guard.isOver(known) || attempt?.ballot !== ballot || attempt.order || attempt.promises.has(from) || !publicKey) return
    const digest = voteDigest(manifest, batchId, promise.view)
    const fits =
      toHex(digest) === promise.voteDigest &&
      (promise.accepted?.valueDigest ?? null) === (promise.value && valueDigest(manifest.clusterId, promise.value))
    const signatures = [
      { message: digest, publicKeys: [publicKey], signature: promise.voteSignature },
      { message: promiseDigest(manifest, batchId, ballot, promise), publicKeys: [publicKey], signature: promise.signature },
    ]
    if (!fits || !crypto.bls.verifyAll(signatures)) return this.#ctx.suspect(from, 'an invalid PROMISE', batchId)
    const fault = viewFault(promise.view, batchId, known.batch.keys) ?? backingsFault(promise, manifest.n)
    if (fault !== undefined) return this.#ctx.suspect(from, `a PROMISE with ${fault}`, batchId)
    if (reachesTooFarBack(promise.view, journal.scopeOf(known.batch.keys), journal.logs)) return
    if (promise.certificate?.batchId === batchId && this.#guard.isOn) this.#commits.receive(from, promise.certificate)
    attempt.promises.set(from, promise)
    this.#order(known, attempt)
  }

  /** ORDER for the value that follows, once all have promised, or the wait is over and a quorum has. */
  #order(known: KnownBatch, attempt: Attempt): void {
    const { manifest, crypto, linkSecretKey, self } = this.#ctx
    const batchId = known.batch.id
    if (this.#guard.isOver(known) || attempt.order || this.#attempts.get(batchId) !== attempt) return
    // Of all promises only one of two conflicting values can be forced; of the first q, with liars among them, both can be, in every ballot.
    const waits = attempt.promises.size < manifest.n && !attempt.isDue && this.#ctx.rules.waitsForAll
    if (attempt.promises.size < manifest.quorum || waits) return
    if (attempt.isDue) this.#leaveOutUnread(known, attempt)
    const fitting = promisesThatFit(attempt.promises)
    if (fitting.size < manifest.quorum) return
    const promises = promiseSetOf(
      this.#ctx,
      batchId,
      attempt.ballot,
      fitting,
      this.#guard.isOn ? (this.#guard.bindingOf(known)?.certificate ?? null) : null,
    )
    if (!promises) return
    const reading = valueFromPromises(this.#ctx, known.batch, attempt.ballot, promises)
    const others = [...attempt.promises.keys()].filter((signer) => signer !== self)
    if (reading.type === 'behind') return this.#commits.afterExecution(batchId, others[0] ?? self, () => this.#order(known, attempt))
    if (reading.type === 'missing') return this.#commits.afterArrival(reading.ids, others, () => this.#order(known, attempt))
    if (reading.type === 'fault') return
    const missing = reading.value.predecessors.filter((named) => !this.#ctx.journal.hasArrived(named))
    if (missing.length > 0) return this.#commits.afterArrival(missing, others, () => this.#order(known, attempt))
    const proof: OrderProof = { type: 'promises', promises }
    const order = signOrder(crypto, manifest, linkSecretKey, { batchId, ballot: attempt.ballot, value: reading.value, proof })
    // Made of what others sent: where it is too much for them to read this ballot fails, and the next one is another signer's.
    if (!isReadable(order)) return
    attempt.order = order
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

  onAccept(from: number, { batchId, ballot, accepts }: MessageOf<'accept'>): void {
    const { journal, manifest } = this.#ctx
    const attempt = this.#attempts.get(batchId)
    if (!accepts || !attempt?.order || attempt.ballot !== ballot || accepts.ballot !== ballot) return
    const known = journal.get(batchId)
    if (!known || this.#guard.isOver(known) || attempt.isCertified) return
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
}
