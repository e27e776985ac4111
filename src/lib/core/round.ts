/**
 * A batch's trip through its tree in ballot 0 (§5): PROPOSE down, votes up, ORDER or certificate down, accepts up. Owns who is asked and who
 * is told, and take-over of grandchildren (§10). What the root decides is `root.ts`; whether an order is accepted, `acceptor.ts`.
 */

import { type Bitmap, bitmapOf, hasBit, includesAll, isBitmap, membersOf, unionOf } from '../base/bitmap.js'
import { type Id, toHex } from '../base/bytes.js'
import { type MultiSignature, multiSignatureFormFault, signersOf, singleSignature } from '../bls/multi-signature.js'
import type { Acceptor } from './acceptor.js'
import { type Certificate, type Order, rankOf } from './certificate.js'
import type { Commits } from './commits.js'
import type { Context } from './context.js'
import type { AcceptSet, MessageOf } from './message.js'
import { Root } from './root.js'
import { downward, newRound, type Phase, type Round, sweepOf } from './round-state.js'
import { acceptDigest, valueDigest, voteDigest } from './statement.js'
import type { Sweep } from './sweep.js'
import type { Batch } from './transaction.js'
import { emptyView, type View, viewFault } from './view.js'
import { multiSignatureOf, type VoteSet, voteSetOf } from './vote-set.js'
import type { Voting } from './voting.js'

export class Rounds {
  readonly #ctx: Context
  readonly #voting: Voting
  readonly #acceptor: Acceptor
  readonly #commits: Commits
  readonly #root: Root
  readonly #rounds = new Map<Id, Round>()

  constructor(ctx: Context, voting: Voting, acceptor: Acceptor, commits: Commits) {
    this.#ctx = ctx
    this.#voting = voting
    this.#acceptor = acceptor
    this.#commits = commits
    this.#root = new Root(ctx, commits, (round, order) => this.#ordered(round, order))
  }

  get(batchId: Id): Round | undefined {
    return this.#rounds.get(batchId)
  }

  /** 1a at the root: the batch has arrived here first; its view is the reference for all. */
  propose(batch: Batch): void {
    const round = this.#open(batch, this.#voting.referenceFor(batch.id))
    round.isProposed = true
    this.#descend(round, 'vote', round.tree.childrenOf(this.#ctx.self))
  }

  /** Takes an own undecided batch up again after a restart: whoever connects is asked. */
  resume(batch: Batch): void {
    const round = this.#open(batch, this.#voting.referenceFor(batch.id))
    const order = this.#ctx.journal.get(batch.id)?.orders.get(0)
    round.isProposed = true
    this.voted(batch.id)
    if (!order) return
    round.order = order
    this.#accept(round, order)
  }

  /** 1a further down. */
  onPropose(from: number, { batch, reference }: MessageOf<'propose'>): void {
    const { self, journal } = this.#ctx
    const committed = journal.get(batch.id)?.committed
    if (committed) return this.#ctx.send(from, { type: 'certificate', certificate: committed.certificate })
    if (batch.initiator >= this.#ctx.manifest.n || this.#voting.isInvalid(batch.id))
      return this.#ctx.suspect(from, 'PROPOSE of an invalid batch', batch.id)
    if (!this.#ctx.treeOf(batch).isAncestor(from, self)) return this.#ctx.suspect(from, 'PROPOSE from no ancestor', batch.id)
    const round = this.#rounds.get(batch.id) ?? this.#open(batch, reference)
    round.votes.askedBy(from)
    if (!round.isProposed) {
      round.isProposed = true
      this.#voting.reference(batch.id, reference)
      this.#descend(round, 'vote', round.tree.childrenOf(self))
      this.#voting.admit(batch, from)
    }
    this.voted(batch.id)
    this.#answer(round, 'vote')
  }

  /** The own vote is there: it goes up with the others'. */
  voted(batchId: Id): void {
    const round = this.#rounds.get(batchId)
    const known = this.#ctx.journal.get(batchId)
    if (!round || !known?.vote || hasBit(round.votes.gathered, this.#ctx.self)) return
    const message = voteDigest(this.#ctx.manifest, batchId, known.vote.view)
    round.views.set(toHex(message), known.vote.view)
    round.votes.add(this.#ctx.self, singleSignature(this.#ctx.manifest.n, this.#ctx.self, message, known.vote.signature))
    this.#answer(round, 'vote')
    this.#root.evaluate(round)
  }

  postponed(batchId: Id): void {
    const round = this.#rounds.get(batchId)
    if (!round) return
    round.postponed = unionOf(round.postponed, bitmapOf(this.#ctx.manifest.n, [this.#ctx.self]))
    this.#answer(round, 'vote')
  }

  /** The batch is invalid: no vote will come from here. */
  invalid(batchId: Id): void {
    const round = this.#rounds.get(batchId)
    if (!round) return
    this.#answer(round, 'vote')
    this.#closeLater(batchId)
  }

  /** Remembers a round for as long as late answers may come. */
  #closeLater(batchId: Id): void {
    const { timers, now, manifest } = this.#ctx
    timers.set(`round ${batchId}`, now + 4 * manifest.timing.hopTimeoutMs, () => this.#rounds.delete(batchId))
  }

  /** 1b: votes of a subtree. */
  onVote(from: number, { batchId, votes, postponed }: MessageOf<'vote'>): void {
    const round = this.#rounds.get(batchId)
    if (!round?.tree.isAncestor(this.#ctx.self, from)) return
    this.#heard(round, 'vote', from)
    if (isBitmap(postponed, this.#ctx.manifest.n)) round.postponed = unionOf(round.postponed, postponed)
    if (votes) this.#addVotes(round, from, votes)
    this.#answer(round, 'vote')
    this.#root.evaluate(round)
  }

  #addVotes(round: Round, from: number, votes: VoteSet): void {
    const { manifest } = this.#ctx
    const fault = votes.entries.map(({ view }) => viewFault(view, round.batch.id, round.batch.keys)).find((found) => found !== undefined)
    if (fault !== undefined) return this.#ctx.suspect(from, `a vote with ${fault}`, round.batch.id)
    const signature = multiSignatureOf(manifest, round.batch.id, votes)
    if (!this.#isWellFormed(round, from, signature)) return
    for (const { view } of votes.entries) round.views.set(toHex(voteDigest(manifest, round.batch.id, view)), view)
    this.#add(round, 'vote', from, signature)
  }

  /** Form only: signatures are checked once, by the root and on the way down (§10). */
  #isWellFormed(round: Round, from: number, signature: MultiSignature): boolean {
    const { manifest } = this.#ctx
    const fault = multiSignatureFormFault(manifest.n, signature)
    const subtree = bitmapOf(manifest.n, round.tree.subtreeOf(from))
    if (fault === undefined && includesAll(subtree, signersOf(signature))) return true
    this.#ctx.suspect(from, fault ?? 'shares of signers that are not below it', round.batch.id)
    return false
  }

  #add(round: Round, phase: Phase, from: number, signature: MultiSignature): void {
    const sweep = sweepOf(round, phase)
    if (sweep.add(from, signature) === 'overlap') this.#ctx.send(from, { type: 'ask', batchId: round.batch.id, phase, ballot: 0 })
  }

  /** Somebody needs the shares one by one: on overlap, or because what was added up does not verify. */
  onAsk(from: number, { batchId, phase, ballot }: MessageOf<'ask'>): void {
    const round = this.#rounds.get(batchId)
    if (!round?.tree.isAncestor(from, this.#ctx.self) || ballot !== 0) return
    const sweep = sweepOf(round, phase)
    const shares = sweep.shares.map((share) => share.signature)
    const votes = phase === 'vote' ? shares.map((share) => voteSetOf(share, round.views)) : []
    const accepts = phase === 'accept' ? shares.flatMap((share) => this.#acceptSet(round, share) ?? []) : []
    this.#ctx.send(from, { type: 'shares', batchId, votes, accepts })
  }

  onShares(from: number, { batchId, votes, accepts }: MessageOf<'shares'>): void {
    const round = this.#rounds.get(batchId)
    if (!round?.tree.isAncestor(this.#ctx.self, from)) return
    const disjoint = (signers: Bitmap, sweep: Sweep): boolean => membersOf(signers).every((signer) => !hasBit(sweep.gathered, signer))
    for (const set of votes) if (set.entries.every(({ signers }) => disjoint(signers, round.votes))) this.#addVotes(round, from, set)
    for (const set of accepts) if (disjoint(set.signers, round.accepts)) this.#addAccepts(round, from, set)
    this.#answer(round, 'vote')
    this.#answer(round, 'accept')
    this.#root.evaluate(round)
    this.#root.evaluateAccepts(round)
  }

  /** 2 further down, where the votes disagree. */
  onOrder(from: number, { order }: MessageOf<'order'>): void {
    const { journal, self } = this.#ctx
    const known = journal.get(order.batchId)
    if (known?.committed) return this.#ctx.send(from, { type: 'certificate', certificate: known.committed.certificate })
    if (!known) return this.#commits.hold(from, order.batchId, () => this.onOrder(from, { type: 'order', order }))
    if (!this.#ctx.treeOf(known.batch).isAncestor(from, self)) return this.#ctx.suspect(from, 'ORDER from no ancestor', order.batchId)
    const round = this.#rounds.get(order.batchId) ?? this.#open(known.batch, this.#voting.referenceFor(order.batchId))
    round.accepts.askedBy(from)
    this.#ordered(round, order)
    this.#answer(round, 'accept')
  }

  /** ORDER, the own or from above: goes down once, and is looked at here. */
  #ordered(round: Round, order: Order): void {
    if (!round.order) {
      round.order = order
      round.times.ordered = this.#ctx.now
      this.#ctx.events.slow(order.batchId)
      this.#descend(round, 'accept', round.tree.childrenOf(this.#ctx.self))
    }
    this.#accept(round, order)
  }

  /** 3a: the own share, if the order can be accepted; looked at again when what it needs has come. */
  #accept(round: Round, order: Order): void {
    const { manifest, self } = this.#ctx
    const digest = valueDigest(manifest.clusterId, order.value)
    this.#acceptor.consider(order, (signature) => {
      // A root that signs two orders gets shares of the first one seen only: shares of two values in one sweep would look forged.
      const isAnother = round.order && valueDigest(manifest.clusterId, round.order.value) !== digest
      if (!signature || isAnother) round.abstains = true
      else if (!hasBit(round.accepts.gathered, self)) {
        const message = acceptDigest(manifest, order.batchId, 0, digest)
        round.accepts.add(self, singleSignature(manifest.n, self, message, signature))
      }
      this.#answer(round, 'accept')
      this.#root.evaluateAccepts(round)
    })
  }

  onAccept(from: number, { batchId, accepts }: MessageOf<'accept'>): void {
    // None: the subtree refuses, and is not late.
    const round = this.#rounds.get(batchId)
    if (!round?.order || !round.tree.isAncestor(this.#ctx.self, from)) return
    this.#heard(round, 'accept', from)
    if (accepts) this.#addAccepts(round, from, accepts)
    this.#answer(round, 'accept')
    this.#root.evaluateAccepts(round)
  }

  #addAccepts(round: Round, from: number, { ballot, valueDigest: digest, signers, signature }: AcceptSet): void {
    const { manifest } = this.#ctx
    if (!round.order || ballot !== 0 || digest !== valueDigest(manifest.clusterId, round.order.value)) return
    const share = { entries: [{ message: acceptDigest(manifest, round.batch.id, 0, digest), signers }], signature }
    if (this.#isWellFormed(round, from, share)) this.#add(round, 'accept', from, share)
  }

  #acceptSet(round: Round, share: MultiSignature): AcceptSet | undefined {
    const [entry] = share.entries
    if (!round.order || !entry) return undefined
    return {
      ballot: 0,
      valueDigest: valueDigest(this.#ctx.manifest.clusterId, round.order.value),
      signers: entry.signers,
      signature: share.signature,
    }
  }

  /** 2 or 3b: a certificate from above goes on to the subtree; one that came in another way ends the round here. */
  committed(certificate: Certificate, from: number): void {
    const { journal, self } = this.#ctx
    const known = journal.get(certificate.batchId)
    if (!known) return
    let round = this.#rounds.get(certificate.batchId)
    if (!round?.passed) {
      round ??= this.#open(known.batch, emptyView())
      round.passed = { message: { type: 'certificate', certificate }, targets: new Set(), down: false }
      round.times.certified = this.#ctx.now
      this.#closeLater(certificate.batchId)
    }
    const { passed } = round
    const cameDown = from === self || round.tree.isAncestor(from, self)
    if (!passed || passed.down || !cameDown || rankOf(certificate) > 0) return
    passed.down = true
    this.#tell(round, round.tree.childrenOf(self))
  }

  #tell(round: Round, signers: readonly number[]): void {
    for (const signer of signers) {
      if (!this.#ctx.connected.has(signer)) this.#tell(round, round.tree.childrenOf(signer))
      else if (round.passed) {
        round.passed.targets.add(signer)
        this.#ctx.send(signer, round.passed.message)
      }
    }
  }

  /** A connection closed: whoever was behind it is asked or told directly, at once. */
  disconnected(signer: number): void {
    for (const round of this.#rounds.values()) {
      const below = round.tree.childrenOf(signer)
      if (round.passed) {
        if (round.passed.targets.delete(signer)) this.#tell(round, below)
        continue
      }
      for (const phase of ['vote', 'accept'] as const) {
        const sweep = sweepOf(round, phase)
        if (sweep.awaiting.has(signer)) this.#takeOver(round, phase, signer)
      }
    }
  }

  /** A signer is back: the root asks it for what it has missed. */
  connected(signer: number): void {
    for (const round of this.#rounds.values()) {
      if (round.batch.initiator !== this.#ctx.self || round.passed) continue
      if (!hasBit(round.votes.gathered, signer)) this.#ctx.send(signer, downward(round, 'vote'))
      if (round.order && !hasBit(round.accepts.gathered, signer)) this.#ctx.send(signer, downward(round, 'accept'))
    }
  }

  #open(batch: Batch, reference: View): Round {
    const round = newRound(this.#ctx, batch, reference)
    this.#rounds.set(batch.id, round)
    return round
  }

  /** Asks signers and gives each its time; of one that is down the children are asked instead. */
  #descend(round: Round, phase: Phase, signers: readonly number[]): void {
    const { manifest, timers, now, self } = this.#ctx
    const sweep = sweepOf(round, phase)
    const message = downward(round, phase)
    // With the guard on every accept waits for the notices of it (§9).
    const guardMs = phase === 'accept' && this.#ctx.isGuarded ? 2 * manifest.deltaMs : 0
    for (const signer of signers) {
      const isLiar = this.#ctx.guilty.has(signer)
      if (!this.#ctx.connected.has(signer) || isLiar) {
        this.#takeOver(round, phase, signer)
        // Whose guilt is proved is asked after those below it, and not waited for (§10).
        if (isLiar) this.#ctx.send(signer, message)
        continue
      }
      sweep.awaiting.add(signer)
      this.#ctx.send(signer, message)
      const timeMs = guardMs + manifest.timing.hopTimeoutMs * (round.tree.heightOf(signer) + 1)
      timers.set(`${phase} ${round.batch.id} ${signer}`, now + timeMs, () => {
        if (round.passed) return
        this.#ctx.suspect(signer, `late in ${phase === 'vote' ? '1b' : '3a'}`, round.batch.id)
        this.#takeOver(round, phase, signer)
      })
    }
    // What is here by then goes up even if children are missing, so that the parent does not take this signer for dead.
    const height = round.tree.heightOf(self)
    if (height > 0)
      timers.set(`flush ${phase} ${round.batch.id}`, now + guardMs + manifest.timing.hopTimeoutMs * height, () => this.#answer(round, phase, true))
  }

  #takeOver(round: Round, phase: Phase, signer: number): void {
    const sweep = sweepOf(round, phase)
    sweep.awaiting.delete(signer)
    this.#ctx.timers.clear(`${phase} ${round.batch.id} ${signer}`)
    if (round.passed) return
    const below = round.tree.childrenOf(signer)
    for (const child of below) round.adopted.set(child, signer)
    if (below.length > 0) this.#descend(round, phase, below)
    this.#answer(round, phase)
  }

  #heard(round: Round, phase: Phase, from: number): void {
    const sweep = sweepOf(round, phase)
    sweep.awaiting.delete(from)
    this.#ctx.timers.clear(`${phase} ${round.batch.id} ${from}`)
  }

  /** Sends up what is new once all children have answered or the time is over; from then on whatever comes, as it comes. */
  #answer(round: Round, phase: Phase, isDue = false): void {
    const { self, journal } = this.#ctx
    const sweep = sweepOf(round, phase)
    const abstains = phase === 'accept' ? round.abstains : hasBit(round.postponed, self) || this.#voting.isInvalid(round.batch.id)
    const own = hasBit(sweep.gathered, self) || abstains
    if (!sweep.flushed && !isDue && (sweep.awaiting.size > 0 || !own)) return
    if (isDue) sweep.flushed = true
    if (journal.isDecided(round.batch.id)) return
    for (const asker of sweep.askers) {
      const { signature, first } = sweep.takeFor(asker)
      if (phase === 'accept') {
        const accepts = signature ? (this.#acceptSet(round, signature) ?? null) : null
        if (accepts || first) this.#ctx.send(asker, { type: 'accept', batchId: round.batch.id, ballot: 0, accepts })
      } else if (signature || first) {
        const votes = signature ? voteSetOf(signature, round.views) : null
        this.#ctx.send(asker, { type: 'vote', batchId: round.batch.id, votes, postponed: round.postponed })
      }
    }
    sweep.flushed = true
  }
}
