/**
 * Which of the waiting transactions make the next batch (§3, §8). Transactions that hang together by keys are a group; a group on a contested key goes
 * into a batch without others, so that what conflicts holds up nothing else. Owns the choice and what one batch may hold; when a batch is due is `intake.ts`.
 */
import { utf8Length } from '../base/bytes.js'
import { LIMITS } from './limits.js'
import { EPOCH_KEY, isChange, sizeOf, type Transaction } from './transaction.js'

export interface Waiting {
  transaction: Transaction
  /** When it came. */
  since: number
}

/** What is known of the keys when a batch is packed. */
export interface KeysNow {
  /** Whether a transaction that came at this time is held back for this key. */
  isHeld(key: string, since: number): boolean
  /** Whether an undecided batch of another initiator has this key. */
  isContested(key: string): boolean
}

export interface Packed {
  /** What makes the batch, in the order in which it came. */
  taken: ReadonlySet<Waiting>
  /** The first that is held back. */
  held: Waiting | undefined
  /** Whether others, which are not held back, were left for a batch of their own. */
  isSplit: boolean
}

/** Transactions that may go and are looked at for a batch, the oldest ones: those that are held back keep nobody else from being seen. */
const MOST_FREE = 4 * LIMITS.transactionsPerBatch

/**
 * As many of the waiting transactions as fit, oldest first, of the kind of the oldest: contested or not. Those that are held back stay, and all that came later on their
 * keys: a pause on a key is what ends a component there, however seldom transactions come.
 */
export function packNext(waiting: readonly Waiting[], keys: KeysNow): Packed {
  const behind = new Set<string>()
  const free: Waiting[] = []
  let held: Waiting | undefined
  for (const one of waiting) {
    if (free.length >= MOST_FREE) break
    const { deps } = one.transaction
    if (deps.some((key) => behind.has(key) || keys.isHeld(key, one.since))) {
      for (const key of deps) behind.add(key)
      held ??= one
    } else free.push(one)
  }
  const contested = contestedAmong(free, keys)
  const isContested = free[0] !== undefined && contested.has(free[0])
  const ofKind = free.filter((one) => contested.has(one) === isContested)
  const room = new Room()
  const taken = new Set<Waiting>()
  for (const one of ofKind) {
    if (taken.size > 0 && !room.fits(one.transaction)) break
    room.add(one.transaction)
    taken.add(one)
  }
  return { taken, held, isSplit: ofKind.length < free.length }
}

/** Those whose group has a contested key. */
function contestedAmong(waiting: readonly Waiting[], { isContested }: KeysNow): Set<Waiting> {
  const known = new Map<string, boolean>()
  const byKey = new Map<string, Waiting[]>()
  const open: Waiting[] = []
  const found = new Set<Waiting>()
  for (const one of waiting)
    for (const key of one.transaction.deps) {
      const sharing = byKey.get(key)
      if (sharing) sharing.push(one)
      else byKey.set(key, [one])
      const contested = known.get(key) ?? isContested(key)
      known.set(key, contested)
      if (contested && !found.has(one)) open.push(one)
      if (contested) found.add(one)
    }
  for (let one = open.pop(); one; one = open.pop())
    for (const key of one.transaction.deps) {
      const sharing = (byKey.get(key) ?? []).filter((other) => !found.has(other))
      byKey.delete(key)
      open.push(...sharing)
      for (const other of sharing) found.add(other)
    }
  return found
}

/** What one batch may hold of transactions. */
class Room {
  readonly #keys = new Set<string>()
  #keyBytes = 0
  #bytes = 0
  #count = 0

  fits(transaction: Transaction): boolean {
    // A change of the signers stands alone.
    if (isChange(transaction.deps) || this.#keys.has(EPOCH_KEY)) return false
    const added = transaction.deps.filter((key) => !this.#keys.has(key))
    return (
      this.#count < LIMITS.transactionsPerBatch &&
      this.#bytes + sizeOf(transaction) <= LIMITS.batchBytes / 2 &&
      this.#keys.size + added.length <= LIMITS.keysPerBatch &&
      this.#keyBytes + added.reduce((sum, key) => sum + utf8Length(key), 0) <= LIMITS.keyBytesPerBatch
    )
  }

  add(transaction: Transaction): void {
    this.#count++
    this.#bytes += sizeOf(transaction)
    for (const key of transaction.deps) {
      if (!this.#keys.has(key)) this.#keyBytes += utf8Length(key)
      this.#keys.add(key)
    }
  }
}
