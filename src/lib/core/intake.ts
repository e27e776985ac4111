/**
 * Transactions from clients (§3): checks them, packs those that come while the last batch is under way into the next one, and keeps to the
 * window of undecided batches. Owns the waiting transactions, which are not durable until their batch is.
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

export class Intake {
  readonly #ctx: Context
  readonly #voting: Voting
  readonly #rounds: Rounds
  #waiting: Transaction[] = []
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
    this.#waiting.push(transaction)
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
    if (proposed === undefined) return
    this.#undecided.delete(batchId)
    this.#lastTripMs = this.#ctx.now - proposed
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
      this.#propose(this.#takeBatch())
    }
  }

  /** As many of the waiting transactions as fit, in the order in which they came. */
  #takeBatch(): Transaction[] {
    const keys = new Set<string>()
    let keyBytes = 0
    let bytes = 0
    let count = 0
    for (const transaction of this.#waiting) {
      bytes += sizeOf(transaction)
      for (const key of transaction.deps) {
        if (!keys.has(key)) keyBytes += utf8(key).length
        keys.add(key)
      }
      const isTooMuch = bytes > LIMITS.batchBytes / 2 || keys.size > LIMITS.keysPerBatch || keyBytes > LIMITS.keyBytesPerBatch
      if (count > 0 && (count >= LIMITS.transactionsPerBatch || isTooMuch)) break
      count++
    }
    return this.#waiting.splice(0, count)
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
