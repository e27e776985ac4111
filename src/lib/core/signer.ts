/**
 * A signer: `step(event) → effects` (see `steppable.ts`). Wires its parts together and hands each event and message to the part that owns it;
 * no rule of the protocol is decided here.
 */
import type { Id } from '../base/bytes.js'
import { MusigError, unreachable } from '../base/errors.js'
import { Acceptor } from './acceptor.js'
import { Ballots } from './ballot.js'
import { CatchUp } from './catch-up.js'
import type { Certificate } from './certificate.js'
import { Commits } from './commits.js'
import { Comparison } from './comparison.js'
import { Context, type SignerOptions } from './context.js'
import { Coordinator } from './coordinator.js'
import { isForgotten } from './forgotten.js'
import { Guard } from './guard.js'
import { headsAt } from './heads.js'
import { Intake } from './intake.js'
import { Joining } from './joining.js'
import type { Journal } from './journal.js'
import { batchIdOf, type Message } from './message.js'
import { Notices } from './notices.js'
import { OtherEpochs } from './other-epochs.js'
import { Peers } from './peers.js'
import type { DurableRecord } from './record.js'
import { Rounds } from './round.js'
import { decodeSnapshot, type PastBatch } from './snapshot.js'
import type { Effect, Event, ExecutedBatch, Steppable } from './steppable.js'
import { Succession } from './succession.js'
import { Voting } from './voting.js'

export type { SignerOptions } from './context.js'

export class Signer implements Steppable {
  readonly #ctx: Context
  readonly #lostAtStart: boolean
  readonly #voting: Voting
  readonly #guard: Guard
  readonly #commits: Commits
  readonly #acceptor: Acceptor
  readonly #notices: Notices
  /** Ballot 0: for people who want to look at what is under way. */
  readonly rounds: Rounds
  readonly #coordinator: Coordinator
  /** Ballots above 0. */
  readonly ballots: Ballots
  readonly #catchUp: CatchUp
  readonly #joining: Joining
  readonly #peers: Peers
  readonly #comparison: Comparison
  readonly #succession: Succession
  readonly #otherEpochs: OtherEpochs
  /** Batches that were executed when it started. */
  #heldAtStart = 0
  /** It starts over, or goes on in the next epoch: this one says nothing more. */
  #isOver = false
  readonly intake: Intake

  constructor(options: SignerOptions) {
    const ctx = new Context(options)
    this.#ctx = ctx
    this.#lostAtStart = ctx.hasLostRecords
    this.#voting = new Voting(ctx)
    this.#guard = new Guard(ctx)
    this.#commits = new Commits(ctx, this.#voting, this.#guard)
    this.#acceptor = new Acceptor(ctx, this.#commits, this.#guard)
    this.#notices = new Notices(ctx, this.#guard, this.#voting, this.#commits)
    this.rounds = new Rounds(ctx, this.#voting, this.#acceptor, this.#commits)
    this.#coordinator = new Coordinator(ctx, this.#commits, this.#guard)
    this.ballots = new Ballots(ctx, this.#voting, this.#acceptor, this.#commits, this.#guard, this.#notices, this.#coordinator)
    this.#catchUp = new CatchUp(ctx, ctx.self)
    this.#joining = new Joining(ctx)
    this.#peers = new Peers(ctx, this.#commits)
    this.intake = new Intake(ctx, this.#voting, this.rounds)
    this.#succession = new Succession(ctx, this.#guard)
    this.#otherEpochs = new OtherEpochs(ctx, this.#voting, this.#commits, this.#notices, this.#catchUp)
    this.#comparison = new Comparison(ctx, this.#guard, { stands: () => this.#takeUp(), falls: (reason, stands) => this.#startOver(reason, stands) })
    ctx.events = {
      arrived: (batchId) => {
        if (ctx.hasSeat) this.ballots.watch(batchId)
        this.#commits.arrived(batchId)
        this.#joining.arrived(batchId)
      },
      voted: (batchId) => this.rounds.voted(batchId),
      postponed: (batchId) => this.rounds.postponed(batchId),
      invalid: (batch) => this.rounds.invalid(batch.id),
      slow: (batchId) => this.#voting.markSlow(batchId),
      refused: (batchId, ballot) => this.ballots.refused(batchId, ballot),
      progress: (batchId, ballot) => this.ballots.progress(batchId, ballot),
      sawOrder: (known, order) => {
        this.#notices.sawOrder(known, order)
        this.ballots.sawOrder(known)
      },
      doubted: (certificate) => this.#notices.inquire(certificate),
      review: () => this.#commits.reviewAll(),
      passOn: (certificate, from) => {
        if (ctx.hasSeat) this.rounds.committed(certificate, from)
      },
      falseOrder: (order) => this.#joining.falseOrder(order),
      hasCaughtUp: () => this.#catchUp.hasWalked(Math.min(ctx.manifest.syncByzantineBound + 1, ctx.manifest.n - 1)),
      behind: (signer) => this.#catchUp.behind(signer),
      committed: (certificate, from) => {
        const { batchId } = certificate
        this.#compareWithPast(certificate)
        if (ctx.hasSeat) {
          this.ballots.committed(batchId)
          this.rounds.committed(certificate, from)
        }
        this.#voting.committed(batchId)
        this.#catchUp.committed(batchId)
        this.intake.committed(batchId)
        if (this.#guard.isOn) for (const other of this.journal.pendingOn(this.journal.get(batchId)?.batch.keys ?? [])) this.#commits.review(other)
      },
      executed: (executed) => {
        this.intake.executed(executed)
        this.#voting.executed(executed.map(({ batch }) => batch.id))
        this.#guard.executed(executed.map(({ batch }) => batch.id))
        this.#commits.executed()
        this.#peers.executed(executed)
        if (executed.some(({ batch }) => batch.id === this.journal.end)) this.#succession.executed()
      },
    }
  }

  /** All that this signer must not forget; to be read only. */
  get journal(): Journal {
    return this.#ctx.journal
  }

  /** Its index in the manifest of the present epoch; −1: it has no seat. */
  get self(): number {
    return this.#ctx.self
  }

  /** Whether it has forgotten some of what it said, so that it signs nothing. */
  get hasLostRecords(): boolean {
    return this.#ctx.hasLostRecords
  }

  /** Whether it came back and has not seen yet that others have the same logs; it signs nothing meanwhile. */
  get isComparing(): boolean {
    return this.#ctx.isComparing
  }

  /** The signers that it has connections with. */
  get connected(): ReadonlySet<number> {
    return this.#ctx.connected
  }

  /** A batch that is missing here and that every signer within reach has pruned: while there is one, nothing is caught up. */
  get beyondReach(): Id | undefined {
    return this.#catchUp.beyondReach
  }

  /** Whether every other signer has said that it holds the first `executed` batches of this one's log. */
  isHeldByAll(executed: number): boolean {
    const { manifest, self } = this.#ctx
    return manifest.signers.every((_, signer) => signer === self || this.#catchUp.isHeldBy(signer, executed))
  }

  /** Takes back what was kept of pruned records, before those that came after them are restored. Errors: `BAD_ENCODING`. */
  restoreSnapshot(past: Iterable<PastBatch>, snapshot: Uint8Array, keyless: Iterable<readonly [Id, Id | null]> = []): void {
    this.journal.restore(past, decodeSnapshot(this.#ctx.manifest.clusterId, snapshot), keyless)
    if (this.journal.hasRejoined) this.#ctx.hasLostRecords = this.#lostAtStart
  }

  /** Takes back the records of an earlier life, oldest first, before `start`. Returns what was executed, in order, for the state machine. */
  restore(records: Iterable<DurableRecord>): ExecutedBatch[] {
    const executed: ExecutedBatch[] = []
    const { oneVote, arrivalKept } = this.#ctx.rules
    const kept = oneVote && arrivalKept ? records : forgetful([...records], oneVote)
    for (const record of kept) {
      if (record.type === 'rejoin') this.#ctx.hasLostRecords = this.#lostAtStart
      if (record.type === 'forget') executed.length = Math.max(0, record.stands - this.journal.pruned)
      executed.push(...this.#ctx.journal.apply(record))
      if (record.type === 'certificate') this.#compareWithPast(record.certificate)
    }
    return executed
  }

  /** What others prove that this signer said, held against its own records. */
  #compareWithPast(certificate: Certificate): void {
    const { journal, rules, self } = this.#ctx
    const known = journal.get(certificate.batchId)
    if (known && rules.oneVote && !journal.hasRejoined && isForgotten(self, known, certificate)) this.#ctx.hasLostRecords = true
  }

  get wakeAt(): number | undefined {
    return this.#isOver ? undefined : this.#ctx.timers.next
  }

  step(event: Event): Effect[] {
    if (this.#isOver) return []
    this.#ctx.now = Math.max(this.#ctx.now, event.now)
    this.#ctx.timers.run(this.#ctx.now)
    this.#happen(event)
    const { self } = this.#ctx
    for (let own = this.#ctx.takeOwnMessage(); own; own = this.#ctx.takeOwnMessage()) this.#receive(self, own)
    if (this.#succession.isDue) this.#beginEpoch()
    return this.#ctx.takeEffects()
  }

  /** The record is taken in by the signer that is made anew: this one has said all. */
  #beginEpoch(): void {
    this.#isOver = true
    this.#ctx.effect({ type: 'persist', record: { type: 'epoch' } })
    this.#ctx.effect({ type: 'next-epoch', transactions: this.intake.waiting })
  }

  #happen(event: Event): void {
    switch (event.type) {
      case 'start':
        return this.#start()
      case 'submit':
        return this.intake.submit(event.requestId, event.transaction, event.time)
      case 'message':
        if (this.#peers.isPeer(event.from)) return this.#peers.receive(event.from, event.message)
        this.#receive(event.from, event.message)
        if (this.#ctx.hasSeat && !this.#otherEpochs.isAbout(event.message)) this.#joining.receive(event.from, event.message)
        return undefined
      case 'connected':
        if (this.#peers.isPeer(event.signer)) return undefined
        this.#ctx.connected.add(event.signer)
        this.rounds.connected(event.signer)
        this.#notices.connected(event.signer)
        this.ballots.connected(event.signer)
        this.#comparison.connected(event.signer)
        this.#succession.tell(event.signer)
        if (this.#ctx.hasSeat) this.#joining.connected(event.signer)
        return this.#catchUp.compareWith(event.signer)
      case 'disconnected':
        if (this.#peers.isPeer(event.signer)) return this.#peers.disconnected(event.signer)
        this.#ctx.connected.delete(event.signer)
        this.#catchUp.disconnected(event.signer)
        this.#comparison.disconnected(event.signer)
        this.ballots.disconnected(event.signer)
        return this.rounds.disconnected(event.signer)
      case 'tick':
        return undefined
      default:
        return unreachable(event)
    }
  }

  #start(): void {
    this.#guard.unsettle()
    this.#heldAtStart = this.journal.logs.executed.length
    for (const batchId of this.journal.undecided) {
      const known = this.journal.get(batchId)
      if (known) this.#voting.restored(known.batch)
      if (this.#ctx.hasSeat) this.ballots.watch(batchId)
    }
    if (this.#ctx.hasSeat) this.#comparison.begin()
    this.#succession.executed()
    this.#commits.restored()
    this.#takeUp()
    this.#catchUp.start()
  }

  /** What is undecided goes on. */
  #takeUp(): void {
    if (this.#ctx.isComparing) return
    for (const batchId of [...this.journal.undecided]) this.#voting.tryVote(batchId)
    this.intake.restored()
  }

  /** While this signer was down the others went on without what it had taken for final: their log counts. */
  #startOver(reason: string, stands: number): void {
    if (this.#isOver) return
    this.#isOver = true
    const falling = this.journal.logs.executed.length - stands
    if (this.#heldAtStart === this.journal.pruned)
      throw new MusigError(
        'STORE_FAILED',
        `${reason}, and nothing but pruned records speaks for the own one: more signers lie than the cluster can bear; begin with an empty store under a new key`,
      )
    this.#ctx.persist({ type: 'forget', stands })
    this.#ctx.effect({
      type: 'start-over',
      reason: `${reason}; ${falling} of the batches that it had executed count no longer, and it takes the others’ log`,
    })
  }

  #receive(from: number, message: Message): void {
    // Of a pruned batch all is said: every signer holds it, or has said so.
    if (this.journal.pastOf(batchIdOf(message) ?? '')) return
    if (this.#otherEpochs.take(from, message) || (!this.#ctx.hasSeat && !FOLLOWED.has(message.type))) return
    switch (message.type) {
      case 'propose':
        return this.rounds.onPropose(from, message)
      case 'vote':
        return this.rounds.onVote(from, message)
      case 'order':
        return message.order.ballot === 0 ? this.rounds.onOrder(from, message) : this.ballots.onOrder(from, message)
      case 'accept':
        return message.ballot === 0 ? this.rounds.onAccept(from, message) : this.#coordinator.onAccept(from, message)
      case 'certificate':
        return this.#commits.receive(from, message.certificate)
      case 'ask':
        return this.rounds.onAsk(from, message)
      case 'shares':
        return this.rounds.onShares(from, message)
      case 'timeout':
        return this.ballots.onTimeout(from, message)
      case 'prepare':
        return this.ballots.onPrepare(from, message)
      case 'promise':
        return this.#coordinator.onPromise(from, message)
      case 'refuse':
        return this.ballots.onRefuse(from, message)
      case 'notice':
        return this.#notices.onNotice(from, message)
      case 'inquire':
        return this.#notices.onInquire(from, message)
      case 'finals':
        this.#comparison.onFinals(from, message)
        this.#succession.onFinals(from, message)
        return this.#notices.onFinals(from, message)
      case 'fetch':
        return this.#commits.onFetch(from, message)
      case 'fetch-sequence':
        return this.#commits.onFetchSequence(from, message)
      case 'have':
        return this.#commits.onHave(from, message)
      case 'sync':
        return this.#catchUp.onSync(from, message)
      case 'page':
        return this.#catchUp.onPage(from, message)
      case 'heads-request':
        return this.#ctx.send(from, headsAt(this.journal.logs, message.heights))
      case 'heads':
        return this.#comparison.onHeads(from, message)
      case 'heard':
      case 'halves':
      case 'proof':
        // Looked at like every message, once it is handled.
        return undefined
      case 'state-request':
      case 'snapshot-request':
      case 'part-request':
      case 'state':
      case 'snapshot':
      case 'part':
        // Between signers and peers: what is asked is answered by whoever runs the signer, for the core knows no state machine.
        return undefined
      default:
        return unreachable(message)
    }
  }
}

/** What is read by who has no seat in the present epoch: it follows, and takes no part. */
const FOLLOWED: ReadonlySet<Message['type']> = new Set(['certificate', 'finals', 'fetch', 'have', 'sync', 'page', 'heads-request'])

/** What a signer would read back that kept no order of arrival, or no votes besides: for the tests that show why it must. */
function forgetful(records: DurableRecord[], keepsVotes: boolean): DurableRecord[] {
  const batches = records.filter((record) => record.type === 'batch').reverse()
  return [...batches, ...records.filter((record) => record.type !== 'batch' && (keepsVotes || record.type !== 'vote'))]
}
