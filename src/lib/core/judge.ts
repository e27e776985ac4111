/**
 * Whether what was found proves something (§10): verifies signatures, each part's once; judges evidence as anyone will, and tells it. Owns whose guilt is proved, what was
 * told of whom, and who is not listened to any more.
 */
import type { Id } from '../base/bytes.js'
import { voteSetFault } from './certificate.js'
import type { Context } from './context.js'
import {
  type AcceptsHalf,
  acceptsFault,
  type Evidence,
  isSignedHalf,
  type OrderHalf,
  type PromisesHalf,
  promisesFault,
  verifyEvidence,
} from './evidence.js'
import { LIMITS } from './limits.js'
import type { Held } from './said.js'
import type { VoteSet } from './vote-set.js'

export class Judge {
  readonly #ctx: Context
  readonly #proved: (evidence: Evidence) => void
  /** Batches of which something was told already, by signer and kind. */
  readonly #told = new Map<string, Set<string>>()
  /** Parts that did not verify when it came to it, by who sent them. */
  readonly #unsound = new Map<number, number>()

  /** `proved` is told the first proof against somebody. */
  constructor(ctx: Context, proved: (evidence: Evidence) => void) {
    this.#ctx = ctx
    this.#proved = proved
  }

  /** Whether a signer is listened to: fewer of its parts turned out unsound than is borne. */
  isHeeded(from: number): boolean {
    return (this.#unsound.get(from) ?? 0) < LIMITS.unsoundParts
  }

  /** Holds something unsound against who sent it. */
  blame(from: number): void {
    this.#unsound.set(from, (this.#unsound.get(from) ?? 0) + 1)
  }

  votes(batchId: Id, held: Held<VoteSet>): boolean {
    return this.#isSound(held, () => voteSetFault(this.#ctx.crypto, this.#ctx.manifest, batchId, held.part) === undefined)
  }

  accepts(batchId: Id, ballot: number, held: Held<AcceptsHalf>): boolean {
    return this.#isSound(held, () => acceptsFault(this.#ctx.crypto, this.#ctx.manifest, batchId, ballot, held.part) === undefined)
  }

  promises(batchId: Id, held: Held<PromisesHalf>): boolean {
    return this.#isSound(held, () => promisesFault(this.#ctx.crypto, this.#ctx.manifest, batchId, held.part) === undefined)
  }

  order(signer: number, batchId: Id, ballot: number, held: Held<OrderHalf>): boolean {
    return this.#isSound(held, () => isSignedHalf(this.#ctx.crypto, this.#ctx.manifest, signer, batchId, ballot, held.part))
  }

  /** Whether a part's signatures hold; what does not is held against who sent it, and never looked at again. */
  #isSound<T>(held: Held<T>, verify: () => boolean): boolean {
    if (held.isSound !== undefined) return held.isSound
    held.isSound = verify()
    if (!held.isSound) {
      held.signers = new Uint8Array(held.signers.length)
      this.blame(held.from)
    }
    return held.isSound
  }

  /** Whether nothing new can be told of this contradiction: it was told of each of these signers, or enough was. */
  isTold(kind: Evidence['type'], batchIds: readonly Id[], signers: readonly number[]): boolean {
    return signers.every((signer) => {
      const told = this.#told.get(`${signer} ${kind}`)
      return told !== undefined && (told.has(batchIds.join()) || told.size >= LIMITS.proofsOfAKind)
    })
  }

  /** Whether evidence holds in an epoch that is over (§24): it is sound, and nothing is left to be told. */
  #heldBefore(evidence: Evidence): boolean {
    const { crypto, journal } = this.#ctx
    return journal.epochs.changes.some((_, i) => {
      const before = journal.epochs.manifestOf(this.#ctx.manifest.epoch - 1 - i)
      return before !== undefined && verifyEvidence(crypto, before, evidence).type === 'guilty'
    })
  }

  /** Tells evidence once, and only what holds when it is read as anyone will read it. Whether it holds. */
  accuse(evidence: Evidence): boolean {
    const { crypto, manifest, guilty } = this.#ctx
    const judgement = verifyEvidence(crypto, manifest, evidence)
    if (judgement.type === 'fault') return this.#heldBefore(evidence)
    const { signers, batchIds } = judgement
    if (this.isTold(evidence.type, batchIds, signers)) return true
    for (const signer of signers) {
      const name = `${signer} ${evidence.type}`
      this.#told.set(name, (this.#told.get(name) ?? new Set()).add(batchIds.join()))
    }
    this.#ctx.effect({ type: 'accuse', evidence })
    const isFirst = signers.some((signer) => !guilty.has(signer))
    for (const signer of signers) guilty.add(signer)
    if (isFirst) this.#proved(evidence)
    return true
  }
}
