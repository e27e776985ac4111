/**
 * The witness (§10): looks at what comes by for statements of one signer that contradict one another, and makes evidence of them. What is kept for that is bounded and
 * volatile (`traces.ts`). Signatures are verified only where two statements disagree, so that honest work costs next to nothing.
 */
import { bitmapOf } from '../base/bitmap.js'
import { type Id, toHex } from '../base/bytes.js'
import { bareOrder, type Order } from './certificate.js'
import type { Context } from './context.js'
import { denials, denied, incoherentWith } from './contradictions.js'
import { type AcceptsHalf, areBitmaps, inOrder, type OrderHalf, type PromisesHalf } from './evidence.js'
import { type Half, halvesIn } from './halves.js'
import type { Judge } from './judge.js'
import type { Message } from './message.js'
import { common, contradicting, type Held, inBallot, isCovered, type Said } from './said.js'
import { promiseDigest, voteDigest } from './statement.js'
import { TraceMemory } from './traces.js'
import type { Batch } from './transaction.js'
import type { View } from './view.js'
import type { VoteSet } from './vote-set.js'

export class Witness {
  readonly #ctx: Context
  readonly #judge: Judge
  readonly #heard: (batchId: Id) => void
  /** What came by; to be read only. */
  readonly memory: TraceMemory

  /** `heard` is told of each batch about which something new came by. */
  constructor(ctx: Context, judge: Judge, heard: (batchId: Id) => void) {
    this.#ctx = ctx
    this.#judge = judge
    this.#heard = heard
    this.memory = new TraceMemory(() => ctx.now)
  }

  /** Looks at a message, after it was handled. */
  observe(from: number, message: Message): void {
    if (!this.#judge.isHeeded(from)) return
    if (message.type === 'propose' || message.type === 'have') this.#batch(from, message.batch)
    for (const half of halvesIn(this.#ctx.manifest, from, message)) this.#half(from, half)
  }

  /** A batch has arrived here: votes that came before it are compared now. */
  arrived(batchId: Id): void {
    for (const { view, held } of this.memory.get(batchId)?.votes.values() ?? []) for (const one of held) this.#compare(batchId, view, one)
  }

  /** An order that its coordinator signed does not follow, by what this signer knows: evidence, where that shows without its history. */
  falseOrder(order: Order): void {
    const { journal } = this.#ctx
    const batch = journal.get(order.batchId)?.batch
    if (!batch) return
    const coordinator = this.#ctx.coordinatorOf(batch, order.ballot)
    if (!this.#judge.isTold('false-order', [order.batchId], [coordinator]))
      this.#judge.accuse({ type: 'false-order', batch, order: bareOrder(order) })
  }

  #batch(from: number, batch: Batch): void {
    const { journal } = this.#ctx
    const other = journal.get(journal.bySequence(batch.initiator, batch.sequence) ?? '')?.batch
    if (!other || other.id === batch.id) return
    const [first, second] = other.id < batch.id ? [other, batch] : [batch, other]
    if (this.#judge.isTold('double-batch', [first.id, second.id], [batch.initiator])) return
    if (!this.#judge.accuse({ type: 'double-batch', first, second })) this.#judge.blame(from)
  }

  #half(from: number, half: Half): void {
    switch (half.type) {
      case 'votes':
        return this.#votes(from, half.batchId, half.votes)
      case 'accepts':
        return this.#accepts(from, half.batchId, half.ballot, half.accepts)
      case 'promises':
        return this.#promises(from, half.batchId, half.promises)
      case 'order':
        return this.#order(from, half.batchId, half.ballot, half.order)
    }
  }

  #order(from: number, batchId: Id, ballot: number, { valueDigest, proofDigest, signature }: OrderHalf): void {
    const { manifest, journal } = this.#ctx
    const batch = journal.get(batchId)?.batch
    if (!batch) return
    const signer = this.#ctx.coordinatorOf(batch, ballot)
    const orders = inBallot(this.memory.of(batchId).orders, ballot)
    const held: Held<OrderHalf> = { from, signers: bitmapOf(manifest.n, [signer]), part: { valueDigest, proofDigest, signature } }
    for (const other of contradicting(orders, valueDigest, held.signers)) {
      if (this.#judge.isTold('double-order', [batchId], [signer])) break
      if (!this.#judge.order(signer, batchId, ballot, other) || !this.#judge.order(signer, batchId, ballot, held)) continue
      const [first, second] = other.part.valueDigest < valueDigest ? [other.part, held.part] : [held.part, other.part]
      this.#judge.accuse({ type: 'double-order', batchId, ballot, signer, first, second })
    }
    this.#keep(batchId, orders, valueDigest, held, {})
  }

  #accepts(from: number, batchId: Id, ballot: number, { valueDigest: digest, signers, signature }: AcceptsHalf): void {
    if (!areBitmaps(this.#ctx.manifest, [{ signers }])) return
    const traces = this.memory.of(batchId)
    const values = inBallot(traces.accepts, ballot)
    const held: Held<AcceptsHalf> = { from, signers, part: { valueDigest: digest, signers, signature } }
    if (isCovered(values, digest, signers)) return
    for (const other of contradicting(values, digest, signers)) this.#doubleAccept(batchId, ballot, other, held)
    for (const promise of denials(traces, ballot, digest, signers)) this.#falsePromise(batchId, ballot, held, promise)
    this.#keep(batchId, values, digest, held, {})
  }

  #doubleAccept(batchId: Id, ballot: number, one: Held<AcceptsHalf>, other: Held<AcceptsHalf>): void {
    if (this.#judge.isTold('double-accept', [batchId], common(one, other))) return
    if (!this.#judge.accepts(batchId, ballot, one) || !this.#judge.accepts(batchId, ballot, other)) return
    const [first, second] = one.part.valueDigest < other.part.valueDigest ? [one.part, other.part] : [other.part, one.part]
    this.#judge.accuse({ type: 'double-accept', batchId, ballot, first, second })
  }

  #promises(from: number, batchId: Id, promises: PromisesHalf): void {
    const { manifest } = this.#ctx
    const { ballot } = promises
    if (!areBitmaps(manifest, promises.statements)) return
    const traces = this.memory.of(batchId)
    for (const { signers, ...statement } of promises.statements) {
      const { accepted } = statement
      const digest = toHex(promiseDigest(manifest, batchId, ballot, statement))
      if (isCovered(traces.promises, digest, signers)) continue
      const held: Held<PromisesHalf> = { from, signers, part: promises }
      for (const { ballot: lower, held: accept } of denied(traces, ballot, accepted, signers)) this.#falsePromise(batchId, lower, accept, held)
      this.#keep(batchId, traces.promises, digest, held, { ballot, accepted })
    }
  }

  #falsePromise(batchId: Id, ballot: number, accept: Held<AcceptsHalf>, promise: Held<PromisesHalf>): void {
    if (this.#judge.isTold('false-promise', [batchId], common(accept, promise))) return
    if (!this.#judge.accepts(batchId, ballot, accept) || !this.#judge.promises(batchId, promise)) return
    this.#judge.accuse({ type: 'false-promise', batchId, ballot, accepts: accept.part, promises: promise.part })
  }

  #votes(from: number, batchId: Id, votes: VoteSet): void {
    const { manifest } = this.#ctx
    if (!areBitmaps(manifest, votes.entries)) return
    const traces = this.memory.of(batchId)
    for (const { view, signers } of votes.entries) {
      const digest = toHex(voteDigest(manifest, batchId, view))
      if (isCovered(traces.votes, digest, signers)) continue
      const held: Held<VoteSet> = { from, signers, part: votes }
      for (const other of contradicting(traces.votes, digest, signers)) this.#doubleVote(batchId, other, held)
      this.#keep(batchId, traces.votes, digest, held, { view }, view)
      this.#compare(batchId, view, held)
    }
  }

  #doubleVote(batchId: Id, one: Held<VoteSet>, other: Held<VoteSet>): void {
    if (this.#judge.isTold('double-vote', [batchId], common(one, other))) return
    if (!this.#judge.votes(batchId, one) || !this.#judge.votes(batchId, other)) return
    const [first, second] = inOrder(one.part, other.part) ? [one.part, other.part] : [other.part, one.part]
    this.#judge.accuse({ type: 'double-vote', batchId, first, second })
  }

  /** Compares votes for a batch with those for batches that conflict with it. */
  #compare(batchId: Id, view: View, held: Held<VoteSet>): void {
    const batch = this.#ctx.journal.get(batchId)?.batch
    if (!batch) return
    this.memory.file(batch)
    for (const { other, held: one } of incoherentWith({ memory: this.memory, journal: this.#ctx.journal }, batch, view, held.signers))
      this.#incoherent(batch, held, other, one)
  }

  #incoherent(batch: Batch, held: Held<VoteSet>, other: Batch, one: Held<VoteSet>): void {
    const mine = { batch, votes: held.part }
    const theirs = { batch: other, votes: one.part }
    const [first, second] = batch.id < other.id ? [mine, theirs] : [theirs, mine]
    if (this.#judge.isTold('incoherent-votes', [first.batch.id, second.batch.id], common(held, one))) return
    if (this.#judge.votes(batch.id, held) && this.#judge.votes(other.id, one)) this.#judge.accuse({ type: 'incoherent-votes', first, second })
  }

  #keep<T, M extends object>(batchId: Id, statements: Map<Id, Said<T> & M>, digest: Id, held: Held<T>, more: M, view?: View): void {
    if (this.memory.keep(batchId, statements, digest, held, more, view)) this.#heard(batchId)
  }
}
