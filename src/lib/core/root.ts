/**
 * What the root of a round decides (§5, phase 2 and 3b): fast commit, phase 3, or waiting for more; and the search for whoever spoilt an
 * aggregate (§10). Owns the decision only; asking and telling the tree is `round.ts`.
 */

import { hasBit, membersOf } from '../base/bitmap.js'
import { type Id, toHex } from '../base/bytes.js'
import { type MultiSignature, multiSignatureFault } from '../bls/multi-signature.js'
import { type Order, publicKeysOf, signOrder } from './certificate.js'
import type { Commits } from './commits.js'
import type { Context } from './context.js'
import { downward, type Phase, type Round, sweepOf } from './round-state.js'
import type { SweepShare } from './sweep.js'
import { isFast, isHopeless, predecessorsOf, slowValue, type Tally, tallyOf } from './tally.js'
import { keyAhead, reachesTooFarBack } from './view.js'
import { countedViews, type VoteSet, voteSetOf } from './vote-set.js'

export class Root {
  readonly #ctx: Context
  readonly #commits: Commits
  readonly #ordered: (round: Round, order: Order) => void

  /** `ordered` is told of the root's order for phase 3, once it is recorded. */
  constructor(ctx: Context, commits: Commits, ordered: (round: Round, order: Order) => void) {
    this.#ctx = ctx
    this.#commits = commits
    this.#ordered = ordered
  }

  /** 2 at the root: fast commit, phase 3, or wait for more (§5). */
  evaluate(round: Round): void {
    const { manifest, journal, self, timers, now } = this.#ctx
    const batchId = round.batch.id
    const known = journal.get(batchId)
    if (round.batch.initiator !== self || !known || known.committed || known.lock || round.votes.count < manifest.quorum) return
    // The NOTICE of the own order keeps a fast certificate from ever being final (§9): it would only bind everyone against that order.
    if (round.order && this.#ctx.isGuarded) return
    this.#leaveOutFarBack(round)
    if (round.votes.count < manifest.quorum) return
    const merged = round.votes.merged()
    if (!merged) return this.#examine(round, 'vote')
    const votes = voteSetOf(merged, round.views)
    const tally = tallyOf(round.batch.keys, countedViews(votes), journal.logs)
    if ('behindOn' in tally) return this.#catchUp(round, tally.behindOn)
    if (isFast(tally, manifest)) return this.#decideFast(round, merged, votes)
    if (round.order) return
    if (round.waitIsOver || tally.votes === manifest.n || isHopeless(tally, manifest)) return this.#orderSlow(round, merged, votes, tally)
    if (timers.has(`order ${batchId}`)) return
    timers.set(`order ${batchId}`, now + manifest.timing.orderWaitMs, () => {
      round.waitIsOver = true
      this.evaluate(round)
    })
  }

  /** Votes that reach above what is executed here are waited for, a bounded time: what they claim may be something that nobody can back (§6). */
  #catchUp(round: Round, key: string): void {
    const { timers, now, manifest, journal } = this.#ctx
    const batchId = round.batch.id
    this.#commits.afterExecution(batchId, this.#furthest(round, key), () => this.evaluate(round))
    if (timers.has(`ahead ${batchId}`)) return
    timers.set(`ahead ${batchId}`, now + manifest.timing.hopTimeoutMs, () => {
      if (journal.isDecided(batchId)) return
      const isAhead = ({ message }: { message: Uint8Array }): boolean => {
        const view = round.views.get(toHex(message))
        return view !== undefined && keyAhead(view.heights, journal.logs) !== undefined
      }
      const ahead = round.votes.shares.filter((share) => share.signature.entries.some(isAhead))
      for (const share of ahead) {
        round.votes.drop(share)
        this.#search(round, 'vote', share, 'a vote that reaches above what it can show')
      }
      this.evaluate(round)
    })
  }

  #leaveOutFarBack({ batch, votes, views }: Round): void {
    const { logs } = this.#ctx.journal
    const scope = this.#ctx.journal.scopeOf(batch.keys)
    const isFarBack = ({ message }: { message: Uint8Array }): boolean => {
      const view = views.get(toHex(message))
      return view !== undefined && reachesTooFarBack(view, scope, logs)
    }
    for (const share of votes.shares) if (share.signature.entries.some(isFarBack)) votes.drop(share)
  }

  #furthest(round: Round, key: string): number {
    const { self, manifest } = this.#ctx
    let furthest = { signer: self, height: -1 }
    for (const { signature } of round.votes.shares) {
      for (const { message, signers } of signature.entries) {
        const height = round.views.get(toHex(message))?.heights.get(key) ?? 0
        const signer = membersOf(signers).find((member) => member !== self && member < manifest.n)
        if (signer !== undefined && height > furthest.height) furthest = { signer, height }
      }
    }
    return furthest.signer
  }

  #decideFast(round: Round, merged: MultiSignature, votes: VoteSet): void {
    const { crypto, manifest } = this.#ctx
    if (multiSignatureFault(crypto.bls, publicKeysOf(manifest), merged) !== undefined) return this.#examine(round, 'vote')
    this.#commits.decide({ type: 'fast', epoch: manifest.epoch, batchId: round.batch.id, votes })
  }

  #orderSlow(round: Round, merged: MultiSignature, votes: VoteSet, tally: Tally): void {
    const { crypto, manifest, journal, linkSecretKey } = this.#ctx
    const batchId = round.batch.id
    const known = journal.get(batchId)
    if (!known || known.promised > 0 || !this.#ctx.maySign(known)) return
    const missing = predecessorsOf(tally, manifest).filter((named) => !journal.hasArrived(named))
    if (missing.length > 0) return this.#commits.afterArrival(missing, this.#namers(round, missing), () => this.evaluate(round))
    if (multiSignatureFault(crypto.bls, publicKeysOf(manifest), merged) !== undefined) return this.#examine(round, 'vote')
    const order = signOrder(crypto, manifest, linkSecretKey, {
      batchId,
      ballot: 0,
      value: slowValue(tally, manifest),
      proof: { type: 'votes', votes },
    })
    this.#ctx.persist({ type: 'order', order })
    this.#ordered(round, order)
  }

  /** Who named these batches in a vote: asked for them first. */
  #namers(round: Round, ids: readonly Id[]): number[] {
    const wanted = new Set(ids)
    return round.votes.shares.flatMap(({ signature }) =>
      signature.entries
        .filter(({ message }) => round.views.get(toHex(message))?.pending.some((named) => wanted.has(named)))
        .flatMap(({ signers }) => membersOf(signers)),
    )
  }

  /** 3b at the root: a quorum of accepts commits the value. */
  evaluateAccepts(round: Round): void {
    const { manifest, crypto, journal, self } = this.#ctx
    const { batch, order, accepts } = round
    if (batch.initiator !== self || !order || round.passed || journal.isDecided(batch.id) || accepts.count < manifest.quorum) return
    const merged = accepts.merged()
    const [entry] = merged?.entries ?? []
    if (!merged || !entry || multiSignatureFault(crypto.bls, publicKeysOf(manifest), merged) !== undefined) return this.#examine(round, 'accept')
    const { signers } = entry
    this.#commits.decide({
      type: 'slow',
      epoch: manifest.epoch,
      batchId: batch.id,
      ballot: 0,
      value: order.value,
      signers,
      signature: merged.signature,
    })
  }

  /**
   * The strict pass (§10): each share is verified by itself. A bad one that is a single signer's is dropped; of a bad sum the one who sent it
   * is asked for what it was made of, so the search follows the tree down to whoever is at fault.
   */
  #examine(round: Round, phase: Phase): void {
    const { crypto, manifest } = this.#ctx
    const sweep = sweepOf(round, phase)
    const bad = sweep.shares.filter((share) => multiSignatureFault(crypto.bls, publicKeysOf(manifest), share.signature) !== undefined)
    for (const share of bad) {
      sweep.drop(share)
      this.#search(round, phase, share, `invalid ${phase} share`)
    }
  }

  #search(round: Round, phase: Phase, { from, signers }: SweepShare, reason: string): void {
    const members = membersOf(signers)
    const [only] = members
    if (members.length === 1 && only !== undefined) {
      this.#ctx.suspect(only, reason, round.batch.id)
      round.invalid.add(only)
      // Who passed it on may have spoilt it: the signer itself is asked once more, at most.
      if (from !== only && !round.adopted.has(only)) {
        round.adopted.set(only, from)
        this.#ctx.send(only, downward(round, phase))
      }
      return
    }
    const top = round.tree.permutation.find((signer) => hasBit(signers, signer))
    if (top !== undefined) this.#ctx.send(top, { type: 'ask', batchId: round.batch.id, phase, ballot: 0 })
  }
}
