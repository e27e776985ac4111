/**
 * Transactions from clients (§3): checks them, packs those that come while the last batch is under way into the next one, holds back those whose keys are
 * in phase 3, and keeps to the window of undecided batches. Owns the waiting transactions, which are not durable until their batch is.
 */
import { type Id, utf8 } from '../base/bytes.js'
import type { Context } from './context.js'
import { LIMITS } from './limits.js'
import type { Rounds } from './round.js'
import type { ExecutedBatch } from './steppable.js'
import { makeBatch, sizeOf, type Transaction, transactionFault, transactionId } from './transaction.js'
import type { Voting } from './voting.js'

/** The longest that transactions wait for company while another own batch is under way, in milliseconds. */
const MAX_PACK_WAIT_MS = 250

interface Waiting {
  transaction: Transaction
  since: number
}

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
    const { crypto, manifest, journal, check } = this.#ctx
    this.#time = time
    const txId = transactionId(manifest.clusterId, transaction)
    const past = transaction.expiry !== null && time > transaction.expiry ? 'past its expiry' : undefined
    const fault = past ?? transactionFault(crypto.ed25519, manifest.clusterId, transaction) ?? check(transaction)
    if (fault !== undefined) return this.#ctx.effect({ type: 'reply', requestId, txId, status: 'rejected', reason: fault })
    if (this.#open.has(txId) || journal.hasExecuted(txId)) return this.#ctx.effect({ type: 'reply', requestId, txId, status: 'known' })
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

  /** How many transactions wait for a batch. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Takes up own undecided batches after a restart, and what came meanwhile. */
  restored(): void {
    const { journal, self } = this.#ctx
    for (const batchId of [...journal.undecided]) {
      const known = journal.get(batchId)
      if (known?.batch.initiator !== self || !this.#ctx.maySign(known)) continue
      this.#undecided.set(batchId, this.#ctx.now)
      this.#rounds.resume(known.batch)
    }
    this.#pack(this.#undecided.size === 0)
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
    for (const { batch } of executed)
      for (const transaction of batch.transactions) this.#open.delete(transactionId(this.#ctx.manifest.clusterId, transaction))
  }

  /**
   * An idle signer sends at once. A busy one packs what comes while its last batch is under way, for half of the last trip's time at most, so
   * that one slow group does not hold up the others; a full batch goes as soon as the window allows.
   */
  #pack(isDue: boolean): void {
    const { timers, now, manifest } = this.#ctx
    while (this.#waiting.length > 0 && this.#undecided.size < manifest.window && !this.#ctx.isSilent) {
      if (this.#undecided.size > 0 && !isDue && this.#waiting.length < LIMITS.transactionsPerBatch) {
        if (!timers.has('pack')) timers.set('pack', now + Math.min(this.#lastTripMs / 2, MAX_PACK_WAIT_MS), () => this.#pack(true))
        return
      }
      const taken = this.#takeBatch()
      if (taken.length === 0) return
      this.#propose(taken)
    }
  }

  /**
   * As many of the waiting transactions as fit, in the order in which they came. Those on keys in phase 3 are held back, and all behind them on their keys: a
   * pause on a key is what ends a component there (§8), however seldom transactions come. A liar can keep a key in phase 3, so none is held for longer than
   * the recovery time-out.
   */
  #takeBatch(): Transaction[] {
    const { rules, manifest, now, timers } = this.#ctx
    const { recoveryTimeoutMs } = manifest.timing
    const held = rules.holdBack ? this.#voting.slowKeys() : new Set<string>()
    const taken: Transaction[] = []
    const left: Waiting[] = []
    const room = new Room()
    for (const [i, waiting] of this.#waiting.entries()) {
      const { transaction, since } = waiting
      if (now < since + recoveryTimeoutMs && transaction.deps.some((key) => held.has(key))) {
        for (const key of transaction.deps) held.add(key)
        left.push(waiting)
      } else if (taken.length > 0 && !room.fits(transaction)) {
        left.push(...this.#waiting.slice(i))
        break
      } else {
        room.add(transaction)
        taken.push(transaction)
      }
    }
    this.#waiting = left
    this.#isHolding = held.size > 0 && left.length > 0
    if (this.#isHolding && !timers.has('held')) timers.set('held', (left[0]?.since ?? now) + recoveryTimeoutMs, () => this.#pack(true))
    return taken
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

/** What one batch may hold of transactions. */
class Room {
  readonly #keys = new Set<string>()
  #keyBytes = 0
  #bytes = 0
  #count = 0

  fits(transaction: Transaction): boolean {
    const added = transaction.deps.filter((key) => !this.#keys.has(key))
    return (
      this.#count < LIMITS.transactionsPerBatch &&
      this.#bytes + sizeOf(transaction) <= LIMITS.batchBytes / 2 &&
      this.#keys.size + added.length <= LIMITS.keysPerBatch &&
      this.#keyBytes + added.reduce((sum, key) => sum + utf8(key).length, 0) <= LIMITS.keyBytesPerBatch
    )
  }

  add(transaction: Transaction): void {
    this.#count++
    this.#bytes += sizeOf(transaction)
    for (const key of transaction.deps) {
      if (!this.#keys.has(key)) this.#keyBytes += utf8(key).length
      this.#keys.add(key)
    }
  }
}
