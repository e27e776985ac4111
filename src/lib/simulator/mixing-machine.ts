/**
 * The state machine of the simulator: each key has a number that every transaction on it changes in a way that depends on all before it, and a
 * transaction over two keys mixes both. Two orders that differ anywhere give two digests. Keys are all it looks at.
 */
import { toHex, utf8 } from '../base/bytes.js'
import { digestOf } from '../base/hash.js'
import type { Transaction } from '../core/transaction.js'
import type { Position, Receipt, StateMachine } from '../machine/state-machine.js'

/** What a transaction that can never be valid has as its payload. */
export const INVALID_PAYLOAD = utf8('invalid')

const NOTHING = new Uint8Array(32)

/** Order made visible: `digest()` is the exclusive or of H(key, state) over all keys. */
export class MixingMachine implements StateMachine {
  readonly #states = new Map<string, Uint8Array>()
  readonly #digest = new Uint8Array(32)

  check(transaction: Transaction): string | undefined {
    return checkTransaction(transaction)
  }

  apply(transaction: Transaction, position: Position): Receipt {
    const before = transaction.deps.map((key) => this.#states.get(key) ?? NOTHING)
    const mixed = digestOf(utf8(position.txId), ...before)
    for (const key of transaction.deps) {
      this.#toggle(key)
      this.#states.set(key, mixed)
      this.#toggle(key)
    }
    return { ok: true, result: transaction.deps.length }
  }

  query(path: string): unknown {
    const state = this.#states.get(path)
    return state && toHex(state)
  }

  digest(): Uint8Array {
    return this.#digest.slice()
  }

  snapshot(): Uint8Array {
    return utf8(JSON.stringify([...this.#states].map(([key, state]) => [key, [...state]])))
  }

  restore(snapshot: Uint8Array): void {
    const text = Array.from(snapshot, (byte) => String.fromCharCode(byte)).join('')
    for (const key of this.#states.keys()) this.#toggle(key)
    this.#states.clear()
    for (const [key, state] of JSON.parse(text) as [string, number[]][]) {
      this.#states.set(key, Uint8Array.from(state))
      this.#toggle(key)
    }
  }

  /** Takes a key's part out of the digest, or puts it in. */
  #toggle(key: string): void {
    const state = this.#states.get(key)
    if (!state) return
    const part = digestOf(utf8(key), state)
    for (let i = 0; i < 32; i++) this.#digest[i] = (this.#digest[i] ?? 0) ^ (part[i] ?? 0)
  }
}

/** Why a transaction can never be valid: the machine's `check` without a machine. */
export function checkTransaction(transaction: Transaction): string | undefined {
  const { payload } = transaction
  const isInvalid = payload.length === INVALID_PAYLOAD.length && payload.every((byte, i) => byte === INVALID_PAYLOAD[i])
  return isInvalid ? 'planned to be invalid' : undefined
}
