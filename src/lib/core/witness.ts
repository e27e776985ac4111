/**
 * The witness (§10): looks at what comes by for statements of one signer that contradict one another, and makes evidence of them. Owns what is kept
 * for that, all of it bounded and volatile. Signatures are verified only where two statements disagree, so that honest work costs next to nothing.
 */
import { bitmapOf, overlaps } from '../base/bitmap.js'
import { type Id, toHex } from '../base/bytes.js'
import { type Backing, bareOrder, type Certificate, type Order, proofOfOrderDigest, voteSetFault } from './certificate.js'
import type { Context } from './context.js'
import {
  type AcceptsHalf,
  acceptsFault,
  areBitmaps,
  denies,
  type Evidence,
  incoherence,
  inOrder,
  isSignedHalf,
  type OrderHalf,
  type PromisesHalf,
  promisesFault,
  verifyEvidence,
} from './evidence.js'
import { LIMITS } from './limits.js'
import type { Message } from './message.js'
import { common, contradicting, type Held, inBallot, isCovered, isUnder, keep, type Said } from './said.js'
import { promiseDigest, valueDigest, voteDigest } from './statement.js'
import type { Batch } from './transaction.js'
import type { View } from './view.js'
import type { VoteSet } from './vote-set.js'

/** What came by about one batch. */
interface Traces {
  votes: Map<Id, Said<VoteSet> & { view: View }>
  /** By ballot, then by value. */
  accepts: Map<number, Map<Id, Said<AcceptsHalf>>>
  /** By the statement's digest. */
  promises: Map<Id, Said<PromisesHalf> & { ballot: number; accepted: PromisesHalf['statements'][number]['accepted'] }>
  /** By ballot, then by value. */
  orders: Map<number, Map<Id, Said<OrderHalf>>>
  /** The keys under which it is found once its body is known. */
  keys: readonly string[]
}

/** Conflicting batches that a vote is compared with, on each key. */
const COMPARED_PER_KEY = 16

export class Witness {
  readonly #ctx: Context
  readonly #traces = new Map<Id, Traces>()
  readonly #byKey = new Map<string, Id[]>()
  /** What was told already, each signer for each contradiction. */
  readonly #told = new Set<string>()
  /** Parts that did not verify when it came to it, by who sent them. */
  readonly #unsound = new Map<number, number>()

  constructor(ctx: Context) {
    this.#ctx = ctx
  }

  /** Looks at a message, after it was handled. */
  observe(from: number, message: Message): void {
    if (this.#told.size >= LIMITS.accusations || (this.#unsound.get(from) ?? 0) >= LIMITS.unsoundParts) return
    switch (message.type) {
      case 'propose':
        return this.#batch(from, message.batch)
      case 'vote':
        return message.votes ? this.#votes(from, message.batchId, message.votes) : undefined
      case 'order':
        return this.#order(from, message.order)
      case 'accept':
        return message.accepts ? this.#accepts(from, message.batchId, message.ballot, message.accepts) : undefined
      case 'certificate':
        return this.#certificate(from, message.certificate)
      case 'shares':
        for (const votes of message.votes) this.#votes(from, message.batchId, votes)
        for (const accepts of message.accepts) this.#accepts(from, message.batchId, accepts.ballot, accepts)
        return
      case 'promise': {
        const { batchId, ballot, promise } = message
        const signers = bitmapOf(this.#ctx.manifest.n, [from])
        const { voteDigest, accepted, blockers, signature } = promise
        this.#votes(from, batchId, { entries: [{ view: promise.view, signers }], signature: promise.voteSignature })
        this.#promises(from, batchId, { ballot, statements: [{ voteDigest, accepted, blockers, signers }], signature })
        if (promise.certificate) this.#certificate(from, promise.certificate)
        return this.#backings(from, promise.backings)
      }
      case 'notice':
        return message.round.type === 'order' ? this.#orderHalf(from, message.batchId, message.ballot, message.round) : undefined
      case 'refuse':
        return this.#backings(from, message.backings)
      case 'have':
        this.#batch(from, message.batch)
        return message.certificate ? this.#certificate(from, message.certificate) : undefined
      default:
        return undefined
    }
  }

  /** An order that its coordinator signed does not follow, by what this signer knows: evidence, where that shows without its history. */
  falseOrder(order: Order): void {
    const { journal } = this.#ctx
    const batch = journal.get(order.batchId)?.batch
    if (!batch) return
    const coordinator = this.#ctx.coordinatorOf(batch, order.ballot)
    if (!this.#isTold('false-order', [order.batchId], [coordinator])) this.#accuse({ type: 'false-order', batch, order: bareOrder(order) })
  }

  #batch(from: number, batch: Batch): void {
    const { journal } = this.#ctx
    const other = journal.get(journal.bySequence(batch.initiator, batch.sequence) ?? '')?.batch
    if (!other || other.id === batch.id) return
    const [first, second] = other.id < batch.id ? [other, batch] : [batch, other]
    if (this.#isTold('double-batch', [first.id, second.id], [batch.initiator])) return
    if (!this.#accuse({ type: 'double-batch', first, second })) this.#blame(from)
  }

  #certificate(from: number, certificate: Certificate): void {
    const { batchId } = certificate
    if (certificate.type === 'fast') return this.#votes(from, batchId, certificate.votes)
    const { ballot, value, signers, signature } = certificate
    this.#accepts(from, batchId, ballot, { valueDigest: valueDigest(this.#ctx.manifest.clusterId, value), signers, signature })
  }

  #backings(from: number, backings: readonly Backing[]): void {
    for (const backing of backings) {
      if (backing.type === 'certificate') this.#certificate(from, backing.certificate)
      else this.#order(from, backing.order)
    }
  }

  #order(from: number, order: Order): void {
    const { manifest } = this.#ctx
    const { batchId, ballot, value, proof, signature } = order
    if (proof.type === 'votes') this.#votes(from, batchId, proof.votes)
    else {
      this.#votes(from, batchId, proof.promises.votes)
      this.#promises(from, batchId, { ballot, statements: proof.promises.statements, signature: proof.promises.signature })
      this.#backings(from, proof.promises.backings)
      if (proof.promises.certificate) this.#certificate(from, proof.promises.certificate)
    }
    this.#orderHalf(from, batchId, ballot, {
      valueDigest: valueDigest(manifest.clusterId, value),
      proofDigest: proofOfOrderDigest(manifest.clusterId, proof),
      signature,
    })
  }

  #orderHalf(from: number, batchId: Id, ballot: number, half: OrderHalf): void {
    const { manifest, journal } = this.#ctx
    const batch = journal.get(batchId)?.batch
    if (!batch) return
    const signer = this.#ctx.coordinatorOf(batch, ballot)
    const orders = inBallot(this.#tracesOf(batchId).orders, ballot)
    const held: Held<OrderHalf> = { from, signers: bitmapOf(manifest.n, [signer]), part: half }
    for (const other of contradicting(orders, half.valueDigest, held.signers)) {
      if (this.#isTold('double-order', [batchId], [signer])) break
      const isSound = (one: Held<OrderHalf>) => this.#isSound(one, () => isSignedHalf(this.#ctx.crypto, manifest, signer, batchId, ballot, one.part))
      if (!isSound(other) || !isSound(held)) continue
      const [first, second] = other.part.valueDigest < half.valueDigest ? [other.part, half] : [half, other.part]
      this.#accuse({ type: 'double-order', batchId, ballot, signer, first, second })
    }
    keep(orders, half.valueDigest, held, {})
  }

  #accepts(from: number, batchId: Id, ballot: number, { valueDigest: digest, signers, signature }: AcceptsHalf): void {
    if (!areBitmaps(this.#ctx.manifest, [{ signers }])) return
    const traces = this.#tracesOf(batchId)
    const values = inBallot(traces.accepts, ballot)
    const held: Held<AcceptsHalf> = { from, signers, part: { valueDigest: digest, signers, signature } }
    if (isCovered(values, digest, signers)) return
    for (const other of contradicting(values, digest, signers)) this.#doubleAccept(batchId, ballot, other, held)
    for (const said of traces.promises.values()) {
      if (said.ballot <= ballot || !denies(said.accepted, ballot, digest)) continue
      for (const promise of said.held) if (overlaps(promise.signers, signers)) this.#falsePromise(batchId, ballot, held, promise)
    }
    keep(values, digest, held, {})
  }

  #doubleAccept(batchId: Id, ballot: number, one: Held<AcceptsHalf>, other: Held<AcceptsHalf>): void {
    const { crypto, manifest } = this.#ctx
    if (this.#isTold('double-accept', [batchId], common(one, other))) return
    const isSound = (held: Held<AcceptsHalf>) => this.#isSound(held, () => acceptsFault(crypto, manifest, batchId, ballot, held.part) === undefined)
    if (!isSound(one) || !isSound(other)) return
    const [first, second] = one.part.valueDigest < other.part.valueDigest ? [one.part, other.part] : [other.part, one.part]
    this.#accuse({ type: 'double-accept', batchId, ballot, first, second })
  }

  #promises(from: number, batchId: Id, promises: PromisesHalf): void {
    const { manifest } = this.#ctx
    const { ballot } = promises
    if (!areBitmaps(manifest, promises.statements)) return
    const traces = this.#tracesOf(batchId)
    for (const statement of promises.statements) {
      const { accepted, signers } = statement
      const digest = toHex(promiseDigest(manifest, batchId, ballot, statement))
      if (isCovered(traces.promises, digest, signers)) continue
      const held: Held<PromisesHalf> = { from, signers, part: promises }
      for (const [lower, values] of traces.accepts) {
        if (lower >= ballot) continue
        for (const [value, said] of values) {
          if (!denies(accepted, lower, value)) continue
          for (const accept of said.held) if (overlaps(accept.signers, signers)) this.#falsePromise(batchId, lower, accept, held)
        }
      }
      keep(traces.promises, digest, held, { ballot, accepted })
    }
  }

  #falsePromise(batchId: Id, ballot: number, accept: Held<AcceptsHalf>, promise: Held<PromisesHalf>): void {
    const { crypto, manifest } = this.#ctx
    if (this.#isTold('false-promise', [batchId], common(accept, promise))) return
    if (!this.#isSound(accept, () => acceptsFault(crypto, manifest, batchId, ballot, accept.part) === undefined)) return
    if (!this.#isSound(promise, () => promisesFault(crypto, manifest, batchId, promise.part) === undefined)) return
    this.#accuse({ type: 'false-promise', batchId, ballot, accepts: accept.part, promises: promise.part })
  }

  #votes(from: number, batchId: Id, votes: VoteSet): void {
    const { manifest } = this.#ctx
    if (!areBitmaps(manifest, votes.entries)) return
    const traces = this.#tracesOf(batchId)
    for (const { view, signers } of votes.entries) {
      const digest = toHex(voteDigest(manifest, batchId, view))
      if (isCovered(traces.votes, digest, signers)) continue
      const held: Held<VoteSet> = { from, signers, part: votes }
      for (const other of contradicting(traces.votes, digest, signers)) this.#doubleVote(batchId, other, held)
      keep(traces.votes, digest, held, { view })
      this.#compare(batchId, view, held)
    }
  }

  #soundVotes(batchId: Id, held: Held<VoteSet>): boolean {
    const { crypto, manifest } = this.#ctx
    return this.#isSound(held, () => voteSetFault(crypto, manifest, batchId, held.part) === undefined)
  }

  #doubleVote(batchId: Id, one: Held<VoteSet>, other: Held<VoteSet>): void {
    if (this.#isTold('double-vote', [batchId], common(one, other))) return
    if (!this.#soundVotes(batchId, one) || !this.#soundVotes(batchId, other)) return
    const [first, second] = inOrder(one.part, other.part) ? [one.part, other.part] : [other.part, one.part]
    this.#accuse({ type: 'double-vote', batchId, first, second })
  }

  /** Compares votes for a batch with those for batches that conflict with it. */
  #compare(batchId: Id, view: View, held: Held<VoteSet>): void {
    const { journal } = this.#ctx
    const batch = journal.get(batchId)?.batch
    if (!batch) return
    const others = new Set(batch.keys.flatMap((key) => this.#byKey.get(key) ?? []))
    this.#file(batch)
    others.delete(batchId)
    for (const otherId of others) {
      const other = journal.get(otherId)?.batch
      if (!other) continue
      for (const said of this.#traces.get(otherId)?.votes.values() ?? []) {
        if (!isUnder(said, held.signers) || incoherence({ batch, view }, { batch: other, view: said.view }) === undefined) continue
        for (const one of said.held) if (overlaps(one.signers, held.signers)) this.#incoherent(batch, held, other, one)
      }
    }
  }

  #incoherent(batch: Batch, held: Held<VoteSet>, other: Batch, one: Held<VoteSet>): void {
    const mine = { batch, votes: held.part }
    const theirs = { batch: other, votes: one.part }
    const [first, second] = batch.id < other.id ? [mine, theirs] : [theirs, mine]
    if (this.#isTold('incoherent-votes', [first.batch.id, second.batch.id], common(held, one))) return
    if (this.#soundVotes(batch.id, held) && this.#soundVotes(other.id, one)) this.#accuse({ type: 'incoherent-votes', first, second })
  }

  /** Makes a batch found by its keys. */
  #file({ id: batchId, keys }: Batch): void {
    const traces = this.#tracesOf(batchId)
    if (traces.keys.length > 0) return
    traces.keys = keys
    for (const key of keys) this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), batchId].slice(-COMPARED_PER_KEY))
  }

  #tracesOf(batchId: Id): Traces {
    let traces = this.#traces.get(batchId)
    if (traces) return traces
    traces = { votes: new Map(), accepts: new Map(), promises: new Map(), orders: new Map(), keys: [] }
    this.#traces.set(batchId, traces)
    const [oldest] = this.#traces.size > LIMITS.witnessedBatches ? this.#traces : []
    if (oldest) this.#forget(oldest[0], oldest[1].keys)
    return traces
  }

  #forget(batchId: Id, keys: readonly string[]): void {
    this.#traces.delete(batchId)
    for (const key of keys) {
      const left = (this.#byKey.get(key) ?? []).filter((other) => other !== batchId)
      if (left.length > 0) this.#byKey.set(key, left)
      else this.#byKey.delete(key)
    }
  }

  /** Whether a part's signatures hold; what does not is held against who sent it, and never looked at again. */
  #isSound<T>(held: Held<T>, verify: () => boolean): boolean {
    if (held.isSound !== undefined) return held.isSound
    held.isSound = verify()
    if (!held.isSound) {
      held.signers = new Uint8Array(held.signers.length)
      this.#blame(held.from)
    }
    return held.isSound
  }

  #blame(from: number): void {
    this.#unsound.set(from, (this.#unsound.get(from) ?? 0) + 1)
  }

  #isTold(kind: Evidence['type'], batchIds: readonly Id[], signers: readonly number[]): boolean {
    return signers.every((signer) => this.#told.has(nameOf(kind, batchIds, signer)))
  }

  /** Tells evidence once, and only what holds when it is read as anyone will read it. */
  #accuse(evidence: Evidence): boolean {
    const { crypto, manifest } = this.#ctx
    const judgement = verifyEvidence(crypto, manifest, evidence)
    if (judgement.type === 'fault') return false
    const { signers, batchIds } = judgement
    for (const signer of signers) this.#told.add(nameOf(evidence.type, batchIds, signer))
    this.#ctx.effect({ type: 'accuse', evidence })
    return true
  }
}

const nameOf = (kind: Evidence['type'], batchIds: readonly Id[], signer: number): string => `${kind} ${batchIds.join(' ')} ${signer}`
