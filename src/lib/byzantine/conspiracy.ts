/**
 * Liars that work together and share what they see: in the simulator everything, every vote that any signer recorded and every accept and promise that was sent;
 * in processes what any of them hears. They
 * put together whatever certificate verifies from honest signers' statements and their own, whose views they choose for it, and give it to
 * whom and when it hurts. Owns what they gathered; each of them also keeps to a lie of its own from `strategies.ts`.
 */
import { bitmapOf, countBits, membersOf } from '../base/bitmap.js'
import { type Id, toHex } from '../base/bytes.js'
import type { SeededRandom } from '../base/prng.js'
import { mergeMultiSignatures, singleSignature } from '../bls/multi-signature.js'
import type { Certificate, Order } from '../core/certificate.js'
import type { Manifest } from '../core/manifest.js'
import type { Message } from '../core/message.js'
import { acceptDigest, valueDigest, voteDigest } from '../core/statement.js'
import type { Effect } from '../core/steppable.js'
import { isFast, tallyOf } from '../core/tally.js'
import type { View } from '../core/view.js'
import { countedViews, voteSetOf } from '../core/vote-set.js'
import type { LiarTools, Lie } from './liar.js'

/** Certificates that are kept for later, and batches of which votes are kept. */
const KEPT = 64
/**
 * Up to so many deal whenever they like. What more of them deal comes back to them in answers that would make them deal without end, so each is quiet for
 * a while: one dealing a millisecond of all together.
 */
const CALM_MEMBERS = 8

export class Conspiracy {
  readonly #random: SeededRandom
  readonly #peers: number
  readonly #members = new Map<number, LiarTools>()
  readonly #votes = new Map<Id, Map<number, { view: View; signature: Uint8Array }>>()
  readonly #accepts = new Map<string, { order: Order; shares: Map<number, Uint8Array> }>()
  readonly #certificates: Certificate[] = []
  /** Certificates that were put together and handed out. */
  dealt = 0

  /** `peers`: how many follow the order, numbered from n on. */
  constructor(random: SeededRandom, peers = 0) {
    this.#random = random
    this.#peers = peers
  }

  /** Those in the epoch of this manifest. */
  #membersIn({ epoch }: Manifest): LiarTools[] {
    return [...this.#members.values()].filter(({ manifest }) => manifest.epoch === epoch)
  }

  /** One more liar joins; returns what it does besides its own lie. */
  join(tools: LiarTools): Lie {
    this.#members.set(tools.self, tools)
    let quietUntil = 0
    return (event, effects) => {
      if (event.now < quietUntil || this.#random.upTo(5) > 0) return effects
      if (this.#members.size > CALM_MEMBERS) quietUntil = event.now + this.#members.size
      this.#assemble(tools)
      return [...effects, ...this.#deal(tools)]
    }
  }

  /** What a member does where they see nothing but what they hear: it tells the others. What was heard is believed, whoever signed it: a certificate that does not verify hurts nobody but them. */
  listen(): Lie {
    return (event, effects) => {
      if (event.type === 'message') this.#heard(event.from, event.message)
      for (const effect of effects) if (effect.type === 'send' && effect.message.type === 'order') this.#heard(-1, effect.message)
      return effects
    }
  }

  #heard(from: number, message: Message): void {
    // In a process there is always more to come, and what is old hurts less.
    if (message.type === 'certificate' && this.#certificates.length >= KEPT) this.#certificates.shift()
    const [oldest] = this.#accepts.keys()
    if (oldest !== undefined && this.#accepts.size > KEPT) this.#accepts.delete(oldest)
    this.sawMessage(from, message)
    if (message.type === 'promise') this.sawVote(from, message.batchId, message.promise.view, message.promise.voteSignature)
    if (message.type !== 'vote' || !message.votes) return
    const [entry, ...others] = message.votes.entries
    const [signer, ...besides] = entry ? membersOf(entry.signers) : []
    if (entry && signer !== undefined && others.length + besides.length === 0)
      this.sawVote(signer, message.batchId, entry.view, message.votes.signature)
  }

  /** A signer recorded this vote. */
  sawVote(signer: number, batchId: Id, view: View, signature: Uint8Array): void {
    const votes = this.#votes.get(batchId) ?? new Map()
    votes.set(signer, { view, signature })
    this.#votes.set(batchId, votes)
    if (this.#votes.size > KEPT) this.#votes.delete(this.#votes.keys().next().value ?? '')
  }

  /** A signer sent this. */
  sawMessage(from: number, message: Message): void {
    if (message.type === 'certificate' && this.#certificates.length < KEPT) this.#certificates.push(message.certificate)
    if (message.type === 'order') {
      const { order } = message
      const name = `${order.batchId}/${order.ballot}`
      if (!this.#accepts.has(name)) this.#accepts.set(name, { order, shares: new Map() })
    }
    if (message.type !== 'accept' || !message.accepts || countBits(message.accepts.signers) !== 1) return
    this.#accepts.get(`${message.batchId}/${message.ballot}`)?.shares.set(from, message.accepts.signature)
  }

  /** A fast certificate from honest votes and views of the liars' choice, or a slow one from honest accepts and theirs. */
  #assemble(tools: LiarTools): void {
    const certificate = this.#random.upTo(1) === 0 ? this.#fast(tools) : this.#slow(tools)
    if (!certificate || this.#certificates.length >= KEPT) return
    this.#certificates.push(certificate)
  }

  #fast({ manifest, crypto, journal }: LiarTools): Certificate | undefined {
    if (this.#votes.size === 0) return undefined
    const [batchId, all] = this.#random.pick([...this.#votes])
    const known = journal.get(batchId)
    if (known?.batch.epoch !== manifest.epoch) return undefined
    const honest = [...all].filter(([signer]) => !this.#members.has(signer) && this.#random.upTo(5) > 0)
    if (honest.length === 0) return undefined
    // The liars all say what one honest signer said, or what suits no one.
    const [, { view: wanted }] = this.#random.pick(honest)
    const view = this.#random.upTo(2) > 0 ? wanted : { heights: wanted.heights, pending: wanted.pending.filter(() => this.#random.upTo(1) === 0) }
    const own = this.#membersIn(manifest).map((member) => {
      const signature = member.crypto.bls.sign(member.blsSecretKey, voteDigest(manifest, batchId, view))
      return [member.self, { view, signature }] as const
    })
    const votes = [...honest, ...own]
    if (votes.length < manifest.quorum) return undefined
    const merged = mergeMultiSignatures(
      crypto.bls,
      votes.map(([signer, vote]) => singleSignature(manifest.n, signer, voteDigest(manifest, batchId, vote.view), vote.signature)),
    )
    if (!merged) return undefined
    const views = new Map(votes.map(([, vote]) => [toHex(voteDigest(manifest, batchId, vote.view)), vote.view] as const))
    const set = voteSetOf(merged, views)
    const tally = tallyOf(known.batch.keys, countedViews(set), journal.logs)
    return 'behindOn' in tally || !isFast(tally, manifest) ? undefined : { type: 'fast', epoch: manifest.epoch, batchId, votes: set }
  }

  #slow({ manifest, crypto }: LiarTools): Certificate | undefined {
    if (this.#accepts.size === 0) return undefined
    const { order, shares } = this.#random.pick([...this.#accepts.values()])
    if (order.epoch !== manifest.epoch) return undefined
    const digest = valueDigest(manifest.clusterId, order.value)
    const message = acceptDigest(manifest, order.batchId, order.ballot, digest)
    const all = new Map(shares)
    for (const member of this.#membersIn(manifest)) all.set(member.self, member.crypto.bls.sign(member.blsSecretKey, message))
    if (all.size < manifest.quorum) return undefined
    const merged = mergeMultiSignatures(
      crypto.bls,
      [...all].map(([signer, signature]) => singleSignature(manifest.n, signer, message, signature)),
    )
    if (!merged) return undefined
    const { batchId, ballot, value } = order
    return {
      type: 'slow',
      epoch: manifest.epoch,
      batchId,
      ballot,
      value,
      signers: bitmapOf(manifest.n, [...all.keys()]),
      signature: merged.signature,
    }
  }

  /** One of the certificates, to a few. */
  #deal({ self, manifest, journal }: LiarTools): Effect[] {
    if (this.#certificates.length === 0) return []
    const certificate = this.#random.pick(this.#certificates)
    const some = membersOf(this.#random.bytes(bitmapOf(manifest.n, []).length)).filter((to) => to < manifest.n && to !== self)
    if (some.length > 0) this.dealt++
    const { batch } = journal.get(certificate.batchId) ?? {}
    const peers = Array.from({ length: batch ? this.#peers : 0 }, (_, i) => manifest.n + i).filter(() => this.#random.upTo(1) === 0)
    return [
      ...some.map((to): Effect => ({ type: 'send', to, message: { type: 'certificate', certificate } })),
      ...peers.flatMap((to): Effect[] => (batch ? [{ type: 'send', to, message: { type: 'have', batch, certificate } }] : [])),
    ]
  }
}
