/**
 * A learner (§11): follows several signers without keys of its own. Verifies every certificate itself, keeps the key logs, executes in the order that
 * follows from them, and hands a batch on once as many signers as it wants report the same log. Whoever feeds it what is not true is left alone
 * for a while; whoever falls silent costs a wait. Owns whom it believes and what waits for history; confirmation is `confirmations.ts`.
 */
import type { Id } from '../base/bytes.js'
import { unreachable } from '../base/errors.js'
import { CatchUp } from './catch-up.js'
import { type Certificate, certificateFault, certificateId, certifiedValue } from './certificate.js'
import { Confirmations } from './confirmations.js'
import { FollowerContext, type FollowerOptions } from './follower-context.js'
import type { Journal } from './journal.js'
import { LIMITS } from './limits.js'
import type { Message, MessageOf } from './message.js'
import type { DurableRecord } from './record.js'
import { decodeSnapshot, type PastBatch } from './snapshot.js'
import type { Effect, Event, ExecutedBatch, Steppable } from './steppable.js'
import { type Batch, isSignedBatch } from './transaction.js'
import { Wants } from './wants.js'

/** What a learner is made of. */
export interface LearnerOptions extends FollowerOptions {
  /**
   * How many signers must report the same log before a batch is handed on; 0: its certificate is enough, and up to f_a liars are survived. More than
   * f_s makes it as safe as a signer under the guard.
   */
  confirm?: number
}

interface Offer {
  from: number
  batch: Batch
  certificate: Certificate
}

/** Offers that wait for history at once; what is too much is asked for again. */
const MAX_HELD = 4096

/** How long a signer that fed what is not true is neither asked nor heard, in milliseconds. */
const DISTRUST_MS = 60_000

export class Learner implements Steppable {
  readonly #ctx: FollowerContext
  readonly #confirm: number
  readonly #confirmations: Confirmations
  #catchUp: CatchUp
  #wants: Wants
  /** Verified certificates that speak of history which is not here yet, and the key on which it is missing. */
  readonly #held = new Map<Id, Offer & { behindOn: string }>()
  /** The same by key. */
  readonly #heldOn = new Map<string, Set<Id>>()
  #heldBytes = 0
  /** Keys that were executed on in this step. */
  readonly #grown = new Set<string>()
  /** Signers with a live connection, and those among them that are not believed. */
  readonly #linked = new Set<number>()
  readonly #distrusted = new Set<number>()
  /** How many batches each signer says it has executed, since it is connected. */
  readonly #reach = new Map<number, number>()
  /** After a contradiction: the one signer whose certificates are taken until the logs agree again. */
  #guide: number | undefined
  #guideTurn = 0
  /** Whether anything new was handed on since. */
  #hasRegained = false
  /** It goes on with another manifest: this one says nothing more. */
  #isOver = false

  constructor({ confirm = 0, ...options }: LearnerOptions) {
    const ctx = new FollowerContext(options)
    this.#ctx = ctx
    this.#confirm = confirm
    this.#confirmations = new Confirmations(ctx, confirm, {
      signers: () => [...this.#linked].filter((signer) => !this.#distrusted.has(signer)),
      confirmed: (executed) => this.#handOn(executed),
      contradicted: (signers) => this.#startOver(signers),
    })
    this.#catchUp = this.#newCatchUp()
    this.#wants = this.#newWants()
  }

  /** All that this learner has derived; to be read only. */
  get journal(): Journal {
    return this.#ctx.journal
  }

  /** The signers with a live connection. */
  get linked(): ReadonlySet<number> {
    return this.#linked
  }

  /** Those that fed what is not true, and are left alone for a while. */
  get distrusted(): ReadonlySet<number> {
    return this.#distrusted
  }

  /** How many batches signers say they have executed: those that are linked, believed and have said it. */
  get reach(): ReadonlyMap<number, number> {
    return this.#reach
  }

  /**
   * How many batches signers have executed, as more of them say than may lie: one that claims what it does not have changes nothing. Where it is linked to no more
   * than that, what the furthest says. Undefined while too few have said it.
   */
  get furthest(): number | undefined {
    const { witnessBound } = this.#ctx
    const believed = [...this.#linked].filter((signer) => !this.#distrusted.has(signer)).length
    const said = [...this.#reach.values()].sort((a, b) => b - a)
    if (said.length === 0 || said.length < Math.min(witnessBound + 1, believed)) return undefined
    return believed > witnessBound ? said[witnessBound] : said[0]
  }

  /** As of a signer. */
  get beyondReach(): Id | undefined {
    return this.#catchUp.beyondReach
  }

  get wakeAt(): number | undefined {
    return this.#isOver ? undefined : this.#ctx.timers.next
  }

  /** Takes back the snapshot from which it began, before any record. Errors: `BAD_ENCODING`. */
  restoreSnapshot(past: Iterable<PastBatch>, snapshot: Uint8Array, keyless: Iterable<readonly [Id, Id | null]> = []): void {
    const { journal, manifest } = this.#ctx
    journal.restore(past, decodeSnapshot(manifest.clusterId, snapshot), keyless)
    this.#confirmations.restoredAll()
  }

  /** Takes back the records of an earlier life, oldest first, before `start`. Returns what was handed on, in order, for the state machine. */
  restore(records: Iterable<DurableRecord>): ExecutedBatch[] {
    const handedOn: ExecutedBatch[] = []
    let derived = new Map<Id, ExecutedBatch>()
    for (const record of records) {
      if (record.type === 'forget') {
        this.#ctx.journal = this.#ctx.journal.pastAlone()
        derived = new Map()
      }
      for (const executed of this.#ctx.journal.apply(record)) derived.set(executed.batch.id, executed)
      if (record.type !== 'confirm') continue
      const executed = derived.get(record.batchId)
      derived.delete(record.batchId)
      if (!executed) continue
      this.#confirmations.restored(executed)
      handedOn.push(executed)
    }
    if (this.#confirm === 0) {
      const done = new Set(handedOn.map(({ batch }) => batch.id))
      return [...handedOn, ...[...derived.values()].filter(({ batch }) => !done.has(batch.id))]
    }
    for (const executed of derived.values()) this.#confirmations.derived(executed)
    return handedOn
  }

  step(event: Event): Effect[] {
    if (this.#isOver) return []
    const { manifest } = this.#ctx
    this.#ctx.now = Math.max(this.#ctx.now, event.now)
    this.#ctx.timers.run(this.#ctx.now)
    switch (event.type) {
      case 'start':
        this.#start()
        break
      case 'message':
        if (this.#linked.has(event.from) && !this.#distrusted.has(event.from)) this.#receive(event.from, event.message)
        break
      case 'connected':
        this.#linked.add(event.signer)
        this.#follow(event.signer)
        break
      case 'disconnected':
        this.#linked.delete(event.signer)
        this.#leave(event.signer)
        break
      case 'submit':
      case 'tick':
        // Transactions are taken by signers.
        break
      default:
        return unreachable(event)
    }
    this.#takeHeld()
    const ends = this.#ctx.journal.end !== undefined
    if (ends) this.#ctx.effect({ type: 'persist', record: { type: 'epoch' } })
    // Who starts over from before a change is back in the epoch before it (§24).
    this.#isOver = ends || this.#ctx.manifest !== manifest
    if (this.#isOver) this.#ctx.effect({ type: 'next-epoch', transactions: [] })
    return this.#ctx.takeEffects()
  }

  #start(): void {
    const { journal } = this.#ctx
    this.#wantPredecessors(journal.waiting.keys(), [])
    this.#confirmations.review()
    this.#catchUp.start()
  }

  #receive(from: number, message: Message): void {
    switch (message.type) {
      case 'have':
        return this.#onHave(from, message)
      case 'page':
        this.#reach.set(from, message.executed)
        return this.#ctx.connected.has(from) ? this.#catchUp.onPage(from, message) : undefined
      case 'heads':
        return this.#onHeads(from, message)
      default:
        return undefined
    }
  }

  #onHave(from: number, { batch, certificate }: MessageOf<'have'>): void {
    const { journal, connected, manifest, rules } = this.#ctx
    // A batch without a certificate is not decided there yet.
    if (!certificate || !connected.has(from)) return
    if (certificate.batchId !== batch.id) return this.#distrust(from, 'a batch with the certificate of another', batch.id)
    if (journal.isDecided(batch.id)) return
    if (batch.epoch !== manifest.epoch) return this.#catchUp.giveUp(from)
    // Another certificate may do without the history that the one held asks for.
    const held = this.#held.get(batch.id)
    if (held && certificateId(manifest, held.certificate) === certificateId(manifest, certificate)) return
    const fault = rules.learnerVerifies ? this.#faultOf(batch, certificate) : undefined
    if (fault !== undefined) return this.#distrust(from, fault, batch.id)
    this.#take({ from, batch, certificate })
  }

  /** What is wrong with what a signer has sent, if anything, in words. */
  #faultOf(batch: Batch, certificate: Certificate): string | undefined {
    const { crypto, manifest } = this.#ctx
    // The id does not cover it, and so no certificate does.
    const linkKey = manifest.signers[batch.initiator]?.linkKey
    if (!linkKey || !isSignedBatch(crypto.ed25519, linkKey, batch)) return 'a batch that its initiator has not signed'
    const fault = certificateFault(crypto, manifest, certificate)
    return fault === undefined ? undefined : `a certificate with ${fault}`
  }

  #onHeads(from: number, message: MessageOf<'heads'>): void {
    if (this.#confirm === 0) return
    this.#confirmations.onHeads(from, message)
    if (this.#guide !== undefined && this.#hasRegained && this.#confirmations.waiting === 0) this.#trustAllAgain()
  }

  /** A verified certificate: recorded once the history that it speaks of is here. */
  #take(offer: Offer): void {
    const { journal, manifest } = this.#ctx
    const { from, batch, certificate } = offer
    if (journal.isDecided(batch.id)) return
    const value = certifiedValue(manifest, certificate, batch.keys, journal.logs)
    if (value === 'undecided') return this.#distrust(from, 'a fast certificate that is not decisive', batch.id)
    if ('behindOn' in value) return this.#hold({ ...offer, behindOn: value.behindOn })
    this.#release(batch.id)
    if (!journal.get(batch.id)) this.#ctx.persist({ type: 'batch', batch })
    const executed = this.#ctx.persist({ type: 'certificate', certificate })
    this.#wants.arrived(batch.id)
    this.#catchUp.committed(batch.id)
    this.#wantPredecessors([batch.id], [from])
    if (!journal.isExecuted(batch.id)) for (const [key, height] of value.base) if (journal.logs.heightOf(key) < height) this.#catchUp.behind(from)
    this.#derived(executed)
  }

  #hold(offer: Offer & { behindOn: string }): void {
    const { from, batch } = offer
    this.#release(batch.id)
    this.#wants.arrived(batch.id)
    if (this.#held.size >= MAX_HELD || this.#heldBytes + batch.bytes.length > LIMITS.heldBytes) return
    this.#heldBytes += batch.bytes.length
    this.#held.set(batch.id, offer)
    const ids = this.#heldOn.get(offer.behindOn) ?? new Set()
    this.#heldOn.set(offer.behindOn, ids.add(batch.id))
    this.#catchUp.arrived(batch.id)
    this.#catchUp.behind(from)
  }

  #release(batchId: Id): void {
    const offer = this.#held.get(batchId)
    if (!offer) return
    this.#heldBytes -= offer.batch.bytes.length
    this.#held.delete(batchId)
    const ids = this.#heldOn.get(offer.behindOn)
    ids?.delete(batchId)
    if (ids?.size === 0) this.#heldOn.delete(offer.behindOn)
  }

  #derived(executed: readonly ExecutedBatch[]): void {
    if (executed.length === 0) return
    for (const batch of executed) {
      if (this.#confirm > 0) this.#confirmations.derived(batch)
      else this.#ctx.effect({ type: 'execute', executed: batch })
    }
    if (this.#confirm > 0) this.#confirmations.review()
    for (const { batch } of executed) for (const key of batch.keys) this.#grown.add(key)
  }

  /** Takes what waited for history on keys whose logs have grown: one after the other, for each may let thousands go on. */
  #takeHeld(): void {
    for (const key of this.#grown) {
      this.#grown.delete(key)
      for (const batchId of [...(this.#heldOn.get(key) ?? [])]) {
        const offer = this.#held.get(batchId)
        if (offer) this.#take(offer)
      }
    }
  }

  #wantPredecessors(batchIds: Iterable<Id>, candidates: readonly number[]): void {
    const { journal } = this.#ctx
    for (const batchId of batchIds) {
      if (!journal.isExecuted(batchId)) this.#wants.want(journal.get(batchId)?.committed?.value.predecessors ?? [], candidates)
    }
  }

  #handOn(executed: ExecutedBatch): void {
    this.#ctx.persist({ type: 'confirm', batchId: executed.batch.id })
    this.#ctx.effect({ type: 'execute', executed })
    this.#hasRegained = true
  }

  /** A signer fed what is not true: it is left alone for a while, and the next one is asked. */
  #distrust(signer: number, reason: string, batchId: Id): void {
    this.#ctx.suspect(signer, reason, batchId)
    this.#distrusted.add(signer)
    this.#leave(signer)
    this.#ctx.timers.set(`distrust ${signer}`, this.#ctx.now + DISTRUST_MS, () => {
      this.#distrusted.delete(signer)
      if (this.#linked.has(signer)) this.#follow(signer)
    })
  }

  #follow(signer: number): void {
    if (this.#distrusted.has(signer)) return
    if (this.#guide === undefined || this.#guide === signer) this.#ctx.connected.add(signer)
    this.#catchUp.compareWith(signer)
  }

  #leave(signer: number): void {
    this.#reach.delete(signer)
    this.#ctx.connected.delete(signer)
    this.#catchUp.disconnected(signer)
    if (this.#guide === signer) this.#trustAllAgain()
    this.#catchUp.next()
  }

  /**
   * More signers than may lie have other logs: the own one follows from a certificate that was not the last word (§9). It is derived anew, from the
   * certificates of one of these signers; at least one of them is honest, and each gets its turn.
   */
  #startOver(signers: readonly number[]): void {
    this.#guide = [...signers].sort((a, b) => a - b)[this.#guideTurn++ % signers.length]
    this.#hasRegained = false
    this.#ctx.persist({ type: 'forget', stands: 0 })
    this.#ctx.journal = this.#ctx.journal.pastAlone()
    this.#held.clear()
    this.#heldOn.clear()
    this.#heldBytes = 0
    this.#confirmations.startOver()
    this.#wants.stop()
    this.#wants = this.#newWants()
    this.#catchUp.stop()
    this.#catchUp = this.#newCatchUp()
    this.#catchUp.start()
    this.#ctx.connected.clear()
    if (this.#guide !== undefined) this.#follow(this.#guide)
    this.#watchGuide()
  }

  /** A guide that supplies nothing for a while guides no longer. */
  #watchGuide(): void {
    const { timers, now, manifest, journal } = this.#ctx
    const executed = journal.logs.executed.length
    timers.set('guide', now + manifest.timing.recoveryTimeoutMs, () => {
      if (this.#guide === undefined) return
      if (this.#ctx.journal.logs.executed.length > executed) return this.#watchGuide()
      this.#trustAllAgain()
    })
  }

  #trustAllAgain(): void {
    this.#guide = undefined
    this.#ctx.timers.clear('guide')
    for (const signer of this.#linked) this.#follow(signer)
  }

  #newCatchUp(): CatchUp {
    return new CatchUp(this.#ctx, -1, () => this.#catchUp.next())
  }

  #newWants(): Wants {
    return new Wants(this.#ctx, (batchId) => this.#ctx.journal.isDecided(batchId) || this.#held.has(batchId))
  }
}
