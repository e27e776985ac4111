/**
 * Transactions from clients (§3): checks them, packs those that come while the last batch is under way into the next one, holds back those whose keys are
 * in phase 3, and keeps to the window of undecided batches. Owns the waiting transactions, which are not durable until their batch is.
 */
import type { Id } from '../base/bytes.js'
import type { Context } from './context.js'
import { LIMITS } from './limits.js'
import { packNext, type Waiting } from './packing.js'
import type { Rounds } from './round.js'
import type { ExecutedBatch } from './steppable.js'
import { isChange, makeBatch, type Transaction, transactionId } from './transaction.js'
import { heightBytesOf } from './view.js'
import type { Voting } from './voting.js'

/** The longest that transactions wait for company while another own batch is under way, in milliseconds. */
const MAX_PACK_WAIT_MS = 250

export class Intake {
  readonly #ctx: Context
  readonly #voting: Voting
  readonly #rounds: Rounds
  #waiting: Waiting[] = []
  /** Whether some of them are held back. */
  #isHolding = false
  /** Transactions that wait or are in an own batch that is not executed. */
  readonly #open = new Set<Id>()
  /** Own undecided batches, with the time of their proposal. */
  readonly #undecided = new Map<Id, number>()
  /** How long the last own batch was under way. */
  #lastTripMs = 0
  #time = 0

  constructor(ctx: Context, voting: Voting, rounds: Rounds) {
    this.#ctx = ctx
    this.#voting = voting
    this.#rounds = rounds
  }

  submit(requestId: number, transaction: Transaction, time: number): void {
    const { manifest, journal } = this.#ctx
    this.#time = time
    const txId = transactionId(manifest.clusterId, transaction)
    const past = transaction.expiry !== null && time > transaction.expiry ? 'past its expiry' : undefined
    const fault = past ?? this.#ctx.faultOf(transaction)
    if (fault !== undefined) return this.#ctx.effect({ type: 'reply', requestId, txId, status: 'rejected', reason: fault })
    if (this.#open.has(txId) || journal.hasExecuted(txId)) return this.#ctx.effect({ type: 'reply', requestId, txId, status: 'known' })
    const noRoom = isChange(transaction.deps) ? this.#noRoomForChange() : undefined
    if (noRoom !== undefined) return this.#ctx.effect({ type: 'reply', requestId, txId, status: 'rejected', reason: noRoom })
    if (!this.#ctx.hasSeat) {
      const reason = `it is no signer in epoch ${manifest.epoch}; submit to one that is`
      return this.#ctx.effect({ type: 'reply', requestId, txId, status: 'busy', reason })
    }
    if (this.#ctx.hasLostRecords) {
      const reason = 'it has lost part of its records and only follows the others; submit to another signer'
      return this.#ctx.effect({ type: 'reply', requestId, txId, status: 'busy', reason })
    }
    if (this.#waiting.length >= LIMITS.waitingTransactions) {
      return this.#ctx.effect({
        type: 'reply',
        requestId,
        txId,
        status: 'busy',
        reason: `${this.#waiting.length} transactions wait here already; try another signer or later`,
      })
    }
    this.#ctx.effect({ type: 'reply', requestId, txId, status: 'taken' })
    this.#open.add(txId)
    this.#waiting.push({ transaction, since: this.#ctx.now })
    this.#pack(false)
  }

  /** Why a change of the signers cannot be taken in: every view of it speaks of all keys (§24). */
  #noRoomForChange(): string | undefined {
    const { journal, manifest } = this.#ctx
    const keys = journal.logs.keys()
    const most = Math.min(LIMITS.changeViewBytes / 2, Math.floor(LIMITS.keysBeforeChange / manifest.n))
    const bytes = heightBytesOf(keys)
    if (bytes > most || keys.length > LIMITS.keysPerChange / 2)
      return `${keys.length} keys of ${bytes} bytes have a history; ${manifest.n} signers can change with ${LIMITS.keysPerChange / 2} keys of ${most} bytes at most`
    const keyless = journal.keyless().length
    if (keyless <= LIMITS.keylessBeforeChange) return undefined
    return `${keyless} batches without keys were executed in this epoch; the signers can change with ${LIMITS.keylessBeforeChange} at most`
  }

  /** Transactions that wait for a batch. */
  get waiting(): readonly Transaction[] {
    return this.#waiting.map(({ transaction }) => transaction)
  }

  /** Takes up own undecided batches after a restart, and what came meanwhile. */
  restored(): void {
    const { journal, self } = this.#ctx
    for (const batchId of [...journal.undecided]) {
      const known = journal.get(batchId)
      if (known?.batch.initiator !== self || !this.#ctx.maySign(known)) continue
      this.#undecided.set(batchId, this.#ctx.now)
      this.#rounds.resume(known.batch)
      for (const txId of known.batch.txIds) this.#open.add(txId)
    }
    this.#takeUpLeftOver()
    this.#pack(this.#undecided.size === 0)
  }

  /** Own transactions that were in batches of an earlier epoch and were not executed in it. */
  #takeUpLeftOver(): void {
    const { journal, manifest } = this.#ctx
    for (const { batch } of journal.leftOver()) {
      const before = journal.epochs.manifestOf(batch.epoch)
      if (!before || this.#ctx.seatIn(before) !== batch.initiator) continue
      for (const transaction of batch.transactions) {
        const txId = transactionId(manifest.clusterId, transaction)
        if (this.#open.has(txId) || journal.hasExecuted(txId) || this.#ctx.faultOf(transaction) !== undefined) continue
        this.#open.add(txId)
        this.#waiting.push({ transaction, since: this.#ctx.now })
      }
    }
  }

  committed(batchId: Id): void {
    const proposed = this.#undecided.get(batchId)
    if (proposed !== undefined) {
      this.#undecided.delete(batchId)
      this.#lastTripMs = this.#ctx.now - proposed
    } else if (!this.#isHolding) return
    this.#pack(this.#undecided.size === 0)
  }

  executed(executed: readonly ExecutedBatch[]): void {
    for (const { batch } of executed) for (const txId of batch.txIds) this.#open.delete(txId)
  }

  /**
   * An idle signer sends at once. A busy one packs what comes while its last batch is under way, for half of the last trip's time at most, so
   * that one slow group does not hold up the others; a full batch goes as soon as the window allows.
   */
  #pack(isDue: boolean): void {
    const { timers, now, manifest } = this.#ctx
    let goes = isDue
    // Behind a change nothing is executed in its epoch: what comes then waits for the next one.
    while (this.#waiting.length > 0 && this.#undecided.size < manifest.window && !this.#ctx.isSilent && this.#ctx.journal.end === undefined) {
      if (this.#undecided.size > 0 && !goes && this.#waiting.length < LIMITS.transactionsPerBatch) {
        if (!timers.has('pack')) timers.set('pack', now + Math.min(this.#lastTripMs / 2, MAX_PACK_WAIT_MS), () => this.#pack(true))
        return
      }
      const { taken, isSplit } = this.#takeBatch()
      if (taken.length === 0) return
      // What was left for a batch of its own goes right behind.
      goes = isDue || isSplit
      this.#propose(taken)
    }
  }

  /** A liar can keep a key in phase 3: no transaction is held back for longer than the recovery time-out. */
  #takeBatch(): { taken: Transaction[]; isSplit: boolean } {
    const { rules, manifest, now, timers, journal, self } = this.#ctx
    const { recoveryTimeoutMs } = manifest.timing
    const slow = rules.holdBack ? this.#voting.slowKeys() : new Set<string>()
    const { taken, held, isSplit } = packNext(this.#waiting, {
      isHeld: (key, since) => slow.has(key) && now < since + recoveryTimeoutMs,
      isContested: (key) => [...journal.pendingOn([key])].some((batchId) => journal.get(batchId)?.batch.initiator !== self),
    })
    if (taken.size > 0) this.#waiting = this.#waiting.filter((waiting) => !taken.has(waiting))
    this.#isHolding = held !== undefined
    if (held && !timers.has('held')) timers.set('held', held.since + recoveryTimeoutMs, () => this.#pack(true))
    return { taken: [...taken].map(({ transaction }) => transaction), isSplit }
  }

  #propose(transactions: Transaction[]): void {
    const { crypto, manifest, journal, self, linkSecretKey } = this.#ctx
    const body = { epoch: manifest.epoch, initiator: self, sequence: journal.nextSequence(self), time: this.#time, transactions }
    const batch = makeBatch(crypto.ed25519, manifest.clusterId, linkSecretKey, body)
    this.#undecided.set(batch.id, this.#ctx.now)
    this.#voting.admitOwn(batch)
    this.#rounds.propose(batch)
    this.#voting.tryVote(batch.id)
  }
}
