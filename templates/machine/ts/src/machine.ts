/**
 * A state machine of your own: counters that are never below zero.
 *
 * Every signer of a cluster runs this and gives it the same transactions in the same order, as far as they share a key. What comes of them must therefore be
 * the same everywhere: no clock, no random numbers, no files, no network. It is built into one file, dist/machine.js, and the cluster's manifest names that file by
 * its digest: import nothing but Node's own modules here (types are no imports), or bundle what you import.
 */
import { createHash } from 'node:crypto'
import type { Position, Receipt, StateMachine, Transaction } from 'musig-paxos'

interface Operation {
  op: 'add'
  counter: string
  amount: number
}

export default class Counters implements StateMachine {
  #counters = new Map<string, number>()

  /** Why this transaction can never be valid, or undefined. Looks at the transaction alone, never at the state. */
  check(transaction: Transaction): string | undefined {
    const operation = readOperation(transaction)
    return typeof operation === 'string' ? operation : undefined
  }

  /** Executes a transaction at its place in the order. One that cannot be done now is refused with a reason, and changes nothing. */
  apply(transaction: Transaction, _position: Position): Receipt {
    const operation = readOperation(transaction)
    if (typeof operation === 'string') return { ok: false, reason: operation }
    const { counter, amount } = operation
    const value = (this.#counters.get(counter) ?? 0) + amount
    if (value < 0 || !Number.isSafeInteger(value)) return { ok: false, reason: `counter ${counter} would be ${value}` }
    this.#counters.set(counter, value)
    return { ok: true, result: { counter, value } }
  }

  /** What is at this path, or undefined. Paths are yours: here they are the keys. */
  query(path: string): unknown {
    return path.startsWith('counter:') ? this.#counters.get(path.slice('counter:'.length)) : undefined
  }

  /** 32 bytes that are equal exactly where the state is. Asked for after every transaction. */
  digest(): Uint8Array {
    return createHash('sha256').update(this.snapshot()).digest()
  }

  /** The whole state as bytes. Sorted: counters that came in another order are the same counters. */
  snapshot(): Uint8Array {
    const entries = [...this.#counters].sort(([a], [b]) => (a < b ? -1 : 1))
    return new TextEncoder().encode(JSON.stringify(entries))
  }

  /** Takes the place of everything. Throws on what is no snapshot, and then changes nothing. */
  restore(snapshot: Uint8Array): void {
    const entries: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(snapshot))
    if (!Array.isArray(entries) || !entries.every(isEntry)) throw new Error('not a snapshot of counters')
    this.#counters = new Map(entries)
  }
}

function isEntry(entry: unknown): entry is [string, number] {
  return Array.isArray(entry) && entry.length === 2 && typeof entry[0] === 'string' && Number.isSafeInteger(entry[1])
}

/** The payload, {"op": "add", "counter": "apples", "amount": 3}, or what is wrong with it. The key that it touches must be among the transaction's keys. */
function readOperation({ deps, payload }: Transaction): Operation | string {
  let read: unknown
  try {
    read = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch {
    return 'the payload is not JSON'
  }
  const { op, counter, amount, ...more } = Object(read) as Partial<Record<string, unknown>>
  if (op !== 'add' || Object.keys(more).length > 0) return 'the payload is not {"op": "add", "counter": …, "amount": …}'
  if (typeof counter !== 'string' || !/^[A-Za-z0-9]{1,100}$/.test(counter)) return '“counter” is no name of 1 to 100 ASCII letters and digits'
  if (!Number.isSafeInteger(amount)) return '“amount” is no whole number'
  if (!deps.includes(`counter:${counter}`)) return `counter:${counter} is touched and is not among the keys`
  return { op, counter, amount: amount as number }
}
