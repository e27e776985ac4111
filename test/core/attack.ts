/**
 * An attack told step by step: honest signers that are real, and liars whose every message is made by hand, with their own keys and what honest signers
 * gave them. Messages between honest signers take one hop unless the story holds them up; a liar says nothing by itself.
 */
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { toHex, utf8 } from '../../src/lib/base/bytes.js'
import { mergeMultiSignatures, singleSignature } from '../../src/lib/bls/multi-signature.js'
import { type Backing, type Certificate, type Order, type OrderProof, type PromiseSet, signOrder } from '../../src/lib/core/certificate.js'
import { Context } from '../../src/lib/core/context.js'
import type { MessageOf, PromiseOf } from '../../src/lib/core/message.js'
import { promiseSetOf, valueFromPromises } from '../../src/lib/core/promises.js'
import type { Rules } from '../../src/lib/core/rules.js'
import { acceptDigest, prepareDigest, promiseDigest, timeoutDigest, valueDigest, voteDigest } from '../../src/lib/core/statement.js'
import { slowValue, tallyOf, type Value } from '../../src/lib/core/tally.js'
import { type Batch, makeBatch } from '../../src/lib/core/transaction.js'
import { treeOf } from '../../src/lib/core/tree.js'
import type { View } from '../../src/lib/core/view.js'
import { countedViews, type VoteSet, voteSetOf } from '../../src/lib/core/vote-set.js'
import { FAKE, HOP_MS, type Sent, SmallCluster } from './small-cluster.js'

export interface AttackOptions {
  n: number
  liars: readonly number[]
  deltaMs?: number
  rules?: Partial<Rules>
}

/** What a liar claims in a promise besides its vote. */
export interface Claims {
  accepted?: Order
  blockers?: readonly Backing[]
}

export class Attack {
  readonly cluster: SmallCluster
  readonly honest: number[]
  /** Messages between honest signers that do not arrive. */
  isHeld: (sent: Sent) => boolean = () => false
  /** How long those that arrive take. */
  delayOf: (sent: Sent) => number = () => HOP_MS
  readonly #liars: ReadonlySet<number>
  /** What the liars know: the bodies. */
  readonly #ctx: Context
  #nonce = 0

  constructor({ n, liars, deltaMs = 0, rules = {} }: AttackOptions) {
    this.#liars = new Set(liars)
    this.honest = Array.from({ length: n }, (_, i) => i).filter((signer) => !this.#liars.has(signer))
    // A star: what a root is told it is told by each signer itself.
    this.cluster = new SmallCluster({ n, deltaMs, rules, fanout: n - 1 })
    this.cluster.run(3 * deltaMs)
    this.cluster.delay = (sent) => {
      if (this.#liars.has(sent.from) || this.#liars.has(sent.to) || this.isHeld(sent)) return undefined
      return this.delayOf(sent)
    }
    const nobody = { blsSecretKey: new Uint8Array(32), linkSecretKey: new Uint8Array(32), check: () => undefined }
    this.#ctx = new Context({ self: liars[0] ?? 0, manifest: this.cluster.manifest, crypto: FAKE, rules, ...nobody })
  }

  #keys(signer: number) {
    const keys = this.cluster.keys[signer]
    if (!keys) throw new Error(`no signer ${signer}`)
    return keys
  }

  /** A liar's batch on one key, whose first ballots have these coordinators. */
  batch(initiator: number, coordinators: readonly number[] = []): Batch {
    const { manifest } = this.cluster
    if (coordinators.includes(initiator)) throw new Error(`signer ${initiator} is the root`)
    for (;;) {
      const transaction = {
        deps: ['k'],
        payload: new Uint8Array(0),
        client: null,
        nonce: utf8(`attack ${++this.#nonce}`),
        expiry: null,
        signature: null,
      }
      const body = { epoch: 0, initiator, sequence: 0, time: 1, transactions: [transaction] }
      const batch = makeBatch(FAKE.ed25519, manifest.clusterId, this.#keys(initiator).link, body)
      const { permutation } = treeOf(batch.id, initiator, manifest)
      if (!coordinators.every((signer, i) => permutation[i + 1] === signer)) continue
      this.#ctx.journal.apply({ type: 'batch', batch })
      return batch
    }
  }

  /** The batch reaches these signers now: they take it in and vote. */
  arrive(batch: Batch, signers: readonly number[]): void {
    for (const signer of signers) this.cluster.inject(batch.initiator, signer, { type: 'have', batch, certificate: null })
  }

  /** A liar's signed view, or the one that an honest signer signed. */
  #vote(signer: number, batch: Batch, pending: readonly Batch[]): { view: View; signature: Uint8Array } {
    if (!this.#liars.has(signer)) {
      const own = this.cluster.recordsOf(signer, 'vote').find(({ batchId }) => batchId === batch.id)
      if (!own) throw new Error(`signer ${signer} has not voted`)
      return own
    }
    const view = { heights: new Map(), pending: pending.map(({ id }) => id).sort() }
    return { view, signature: FAKE.bls.sign(this.#keys(signer).bls, voteDigest(this.cluster.manifest, batch.id, view)) }
  }

  /** The votes of these signers; liars name these batches before it. */
  votes(batch: Batch, signers: readonly number[], liarsName: readonly Batch[] = []): VoteSet {
    const { manifest } = this.cluster
    const all = signers.map((signer) => ({ signer, ...this.#vote(signer, batch, liarsName) }))
    const merged = mergeMultiSignatures(
      FAKE.bls,
      all.map(({ signer, view, signature }) => singleSignature(manifest.n, signer, voteDigest(manifest, batch.id, view), signature)),
    )
    if (!merged) throw new Error('votes do not add up')
    return voteSetOf(merged, new Map(all.map(({ view }) => [toHex(voteDigest(manifest, batch.id, view)), view])))
  }

  fast(batch: Batch, signers: readonly number[]): Certificate {
    return { type: 'fast', epoch: 0, batchId: batch.id, votes: this.votes(batch, signers) }
  }

  /** The order of ballot 0 that a liar makes of these votes. */
  orderOfVotes(batch: Batch, votes: VoteSet): Order {
    const tally = tallyOf(batch.keys, countedViews(votes), this.#ctx.journal.logs)
    if ('behindOn' in tally) throw new Error('the votes reach above what is executed')
    return this.#signed(batch, 0, slowValue(tally, this.cluster.manifest), { type: 'votes', votes })
  }

  #signed(batch: Batch, ballot: number, value: Value, proof: OrderProof): Order {
    const { link } = this.#keys(this.#ctx.coordinatorOf(batch, ballot))
    return signOrder(FAKE, this.cluster.manifest, link, { batchId: batch.id, ballot, value, proof })
  }

  /** An order of ballot 0 whose value does not follow from what it carries. */
  forged(batch: Batch, value: Value, proof: OrderProof): Order {
    return this.#signed(batch, 0, value, proof)
  }

  /** Shows an order to signers, in this order, and lets them do what it takes. */
  order(order: Order, signers: readonly number[], forMs = HOP_MS): void {
    const coordinator = this.#coordinatorOf(order)
    for (const signer of signers) this.cluster.inject(coordinator, signer, { type: 'order', order })
    this.cluster.run(forMs)
  }

  #coordinatorOf({ batchId, ballot }: Order): number {
    const batch = this.#ctx.journal.get(batchId)?.batch
    if (!batch) throw new Error(`nothing is known of ${batchId}`)
    return this.#ctx.coordinatorOf(batch, ballot)
  }

  /** The certificate that liars put together from the accepts that honest signers sent them and their own; undefined if they are too few. */
  certified({ batchId, ballot, value }: Order): Certificate | undefined {
    const { manifest } = this.cluster
    const digest = valueDigest(manifest.clusterId, value)
    const message = acceptDigest(manifest, batchId, ballot, digest)
    const shares = new Map<number, Uint8Array>()
    for (const { from, to, message: sent } of this.cluster.sentOf('accept', batchId))
      if (this.#liars.has(to) && sent.ballot === ballot && sent.accepts?.valueDigest === digest) shares.set(from, sent.accepts.signature)
    for (const liar of this.#liars) shares.set(liar, FAKE.bls.sign(this.#keys(liar).bls, message))
    if (shares.size < manifest.quorum) return undefined
    const merged = mergeMultiSignatures(
      FAKE.bls,
      [...shares].map(([signer, signature]) => singleSignature(manifest.n, signer, message, signature)),
    )
    const [entry] = merged?.entries ?? []
    if (!merged || !entry) throw new Error('accepts do not add up')
    return { type: 'slow', epoch: 0, batchId, ballot, value, signers: entry.signers, signature: merged.signature }
  }

  /** Gives a certificate to signers, if there is one. */
  give(certificate: Certificate | undefined, signers: readonly number[]): void {
    const [liar = 0] = this.#liars
    if (certificate) for (const signer of signers) this.cluster.inject(liar, signer, { type: 'certificate', certificate })
  }

  #timeout(signer: number, batch: Batch, ballot: number): Uint8Array {
    return FAKE.bls.sign(this.#keys(signer).bls, timeoutDigest(this.cluster.manifest, batch.id, ballot))
  }

  #wanting(batch: Batch, ballot: number): Set<number> {
    return new Set(this.cluster.sentOf('timeout', batch.id).flatMap(({ from, message }) => (message.ballot === ballot ? [from] : [])))
  }

  /** Waits until so many honest signers want this ballot. */
  timeOut(batch: Batch, ballot: number, count = this.#ctx.witnessBound + 1 - this.#liars.size): void {
    if (!this.cluster.runUntil(() => this.#wanting(batch, ballot).size >= count)) throw new Error('too few want another ballot')
  }

  /** PREPARE, once enough want this ballot, which a liar coordinates, to these signers. */
  prepare(batch: Batch, ballot: number, signers: readonly number[], forMs = 2 * HOP_MS): void {
    this.timeOut(batch, ballot)
    const prepare = this.prepareMessage(batch, ballot, [...this.#wanting(batch, ballot), ...this.#liars])
    for (const signer of signers) this.cluster.inject(this.#ctx.coordinatorOf(batch, ballot), signer, prepare)
    this.cluster.run(forMs)
  }

  /** A PREPARE with the time-outs of these signers. */
  prepareMessage(batch: Batch, ballot: number, who: readonly number[]): MessageOf<'prepare'> {
    const { manifest } = this.cluster
    const { link } = this.#keys(this.#ctx.coordinatorOf(batch, ballot))
    const timeouts = who.map((signer) => {
      const sent = this.cluster.sentOf('timeout', batch.id).find(({ from, message }) => from === signer && message.ballot === ballot)
      const signature = sent?.message.signature ?? this.#timeout(signer, batch, ballot)
      return singleSignature(manifest.n, signer, timeoutDigest(manifest, batch.id, ballot), signature)
    })
    const merged = mergeMultiSignatures(FAKE.bls, timeouts)
    return {
      type: 'prepare',
      batchId: batch.id,
      ballot,
      timeouts: { signers: bitmapOf(manifest.n, who), signature: merged?.signature ?? new Uint8Array(96) },
      signature: FAKE.ed25519.sign(link, prepareDigest(manifest, batch.id, ballot)),
    }
  }

  /** A liar's promise: its view names these batches. */
  promise(liar: number, batch: Batch, ballot: number, liarsName: readonly Batch[], { accepted, blockers = [] }: Claims = {}): PromiseOf {
    const { manifest } = this.cluster
    const vote = this.#vote(liar, batch, liarsName)
    const statement = {
      voteDigest: toHex(voteDigest(manifest, batch.id, vote.view)),
      accepted: accepted ? { ballot: accepted.ballot, valueDigest: valueDigest(manifest.clusterId, accepted.value) } : null,
      blockers: blockers.map((backing) => (backing.type === 'order' ? backing.order.batchId : backing.certificate.batchId)).sort(),
    }
    return {
      ...statement,
      view: vote.view,
      voteSignature: vote.signature,
      value: accepted?.value ?? null,
      backings: [...blockers],
      certificate: null,
      signature: FAKE.bls.sign(this.#keys(liar).bls, promiseDigest(manifest, batch.id, ballot, statement)),
    }
  }

  /** The order of a later ballot that a liar makes of the promises which honest signers sent it and the liars' own. */
  orderOfPromises(batch: Batch, ballot: number, liarsName: readonly Batch[], claims: Claims & { certificate?: Certificate } = {}): Order {
    const promises = new Map<number, PromiseOf>()
    for (const { from, to, message } of this.cluster.sentOf('promise', batch.id))
      if (this.#liars.has(to) && message.ballot === ballot) promises.set(from, message.promise)
    for (const liar of this.#liars) promises.set(liar, this.promise(liar, batch, ballot, liarsName, claims))
    const set: PromiseSet | undefined = promiseSetOf(this.#ctx, batch.id, ballot, promises, claims.certificate ?? null)
    const reading = set && valueFromPromises(this.#ctx, batch, ballot, set)
    if (!set || reading?.type !== 'read') throw new Error(`no value follows from these ${promises.size} promises: ${JSON.stringify(reading)}`)
    return this.#signed(batch, ballot, reading.value, { type: 'promises', promises: set })
  }

  /** Lets an honest coordinator work on a ballot, liars answering it as told; ends when all honest signers have nothing more to say of it. */
  helpCoordinator(batch: Batch, ballot: number, liarsName: readonly Batch[], claims: Claims = {}): void {
    const coordinator = this.#ctx.coordinatorOf(batch, ballot)
    const { manifest } = this.cluster
    const hasPrepared = () => this.cluster.sentOf('prepare', batch.id).some(({ message }) => message.ballot === ballot)
    if (!this.cluster.runUntil(hasPrepared)) throw new Error(`signer ${coordinator} does not prepare ballot ${ballot}`)
    for (const liar of this.#liars)
      this.cluster.inject(liar, coordinator, {
        type: 'promise',
        batchId: batch.id,
        ballot,
        promise: this.promise(liar, batch, ballot, liarsName, claims),
      })
    const orderOf = () => this.cluster.sentOf('order', batch.id).find(({ message }) => message.order.ballot === ballot)?.message.order
    if (!this.cluster.runUntil(() => orderOf() !== undefined, 20 * HOP_MS + manifest.timing.hopTimeoutMs)) return
    const order = orderOf()
    if (!order) return
    const digest = valueDigest(manifest.clusterId, order.value)
    for (const liar of this.#liars) {
      const signature = FAKE.bls.sign(this.#keys(liar).bls, acceptDigest(manifest, batch.id, ballot, digest))
      const accepts = { ballot, valueDigest: digest, signers: bitmapOf(manifest.n, [liar]), signature }
      this.cluster.inject(liar, coordinator, { type: 'accept', batchId: batch.id, ballot, accepts })
    }
    this.cluster.run(4 * HOP_MS + 2 * manifest.deltaMs)
  }

  /** Time passes until it is over; meanwhile the liars answer each PREPARE about one of these orders at once, and say that they have accepted that order. */
  answerAtOnce(accepted: readonly Order[], isOver: () => boolean): void {
    const { cluster } = this
    let seen = cluster.sent.length
    while (!isOver()) {
      if (!cluster.runUntil(() => cluster.sent.length > seen)) throw new Error('nothing is sent any more')
      for (const { from, to, message } of cluster.sent.slice(seen)) {
        if (message.type !== 'prepare' || !this.#liars.has(to)) continue
        const order = accepted.find(({ batchId }) => batchId === message.batchId)
        const batch = this.#ctx.journal.get(message.batchId)?.batch
        if (!order || !batch) continue
        const promise = this.promise(to, batch, message.ballot, [], { accepted: order })
        cluster.inject(to, from, { type: 'promise', batchId: batch.id, ballot: message.ballot, promise })
      }
      seen = cluster.sent.length
    }
  }

  /** What each honest signer has committed of a batch: the predecessors; undefined where nothing. */
  committed(batch: Batch): (string | undefined)[] {
    return this.honest.map((signer) => this.cluster.signers[signer]?.journal.get(batch.id)?.committed?.value.predecessors.join())
  }

  /** Whether two honest signers have committed a batch with other predecessors (A1). */
  disagree(batch: Batch): boolean {
    return new Set(this.committed(batch).filter((value) => value !== undefined)).size > 1
  }

  /** Whether two honest signers have executed these two batches in different order (A1). */
  fork(a: Batch, b: Batch): boolean {
    const orders = this.honest.map((signer) => this.cluster.orderAt(signer).filter((id) => id === a.id || id === b.id))
    return new Set(orders.map(([first]) => first).filter((first) => first !== undefined)).size > 1
  }
}
