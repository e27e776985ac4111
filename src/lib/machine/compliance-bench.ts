/**
 * The bench on which a machine is tested for compliance: the suite as its author gives it, machines that are closed again, transactions at their places in an order, and how
 * two values are compared. What is asked of a machine stands in `compliance.ts`.
 */
import { toHex, utf8 } from '../base/bytes.js'
import { SeededRandom } from '../base/prng.js'
import { normalizeKeys, type Transaction } from '../core/transaction.js'
import { readReceipt } from './receipt.js'
import type { Position, Receipt, StateMachine } from './state-machine.js'

/** A transaction as the tests of a machine write it. */
export interface Sample {
  /** Dependency keys, in any order. */
  deps: readonly string[]
  /** Text or bytes as they are; anything else as JSON. */
  payload: unknown
  /** The client's ed25519 public key (32 bytes), null for none. Left out: always the same one. */
  client?: Uint8Array | null
}

export interface Suite {
  /** Declares a test: `test` of `node:test`, of uvu, or of another runner that waits for promises. */
  test: (name: string, run: () => Promise<void>) => unknown
  /** Stands in front of the names of the tests. */
  name: string
  /** A new, empty machine. One that has a method `close` is closed at the end of the test. */
  make: () => StateMachine | Promise<StateMachine>
  /** A transaction that mostly makes sense, and that meets others on their keys. Everything random in it comes from `random`. */
  sample: (random: SeededRandom) => Sample
  /** Throws where the machine is in a state that it must never be in; called after every transaction. */
  invariant?: (machine: StateMachine) => void
}

/** A client's key for samples that need several; what signs with it is checked by the core, not by machines. */
export function clientKey(i: number): Uint8Array {
  return new Uint8Array(32).fill(i + 1)
}

/** A transaction round a sample. */
export function transactionOf({ deps, payload, client = clientKey(0) }: Sample): Transaction {
  const bytes = payload instanceof Uint8Array ? payload : utf8(typeof payload === 'string' ? payload : JSON.stringify(payload))
  return { deps: normalizeKeys(deps), payload: bytes, client, nonce: Uint8Array.of(1), expiry: null, signature: client && new Uint8Array(64) }
}

/** A place for a transaction that stands alone: the first one, or the one at `height`, of each of its keys. */
export function positionOf({ deps }: Transaction, height = 1): Position {
  return { batchId: idOf('batch'), index: 0, heights: new Map(deps.map((key) => [key, height])), txId: idOf('transaction') }
}

/** One transaction at its place in the order. */
export interface Step {
  transaction: Transaction
  position: Position
}

/** The machines and transactions of one test. */
export class Bench {
  readonly #suite: Suite
  readonly #made: StateMachine[] = []

  constructor(suite: Suite) {
    this.#suite = suite
  }

  async machine(): Promise<StateMachine> {
    const machine = await this.#suite.make()
    this.#made.push(machine)
    return machine
  }

  random(seed: string): SeededRandom {
    return new SeededRandom(`${this.#suite.name}/${seed}`)
  }

  sample(random: SeededRandom): Transaction {
    return transactionOf(this.#suite.sample(random))
  }

  /** Transactions that pass the check, each where it stands: a machine is never given others. Errors: too few of them. */
  async steps(count: number, seed: string): Promise<Step[]> {
    const [random, machine] = [this.random(seed), await this.machine()]
    const all = Array.from({ length: count }, () => this.sample(random))
    const taken = all.filter((transaction) => machine.check(transaction) === undefined)
    ensure(taken.length * 4 >= count, `check refuses ${count - taken.length} of ${count} samples: hardly any of them makes sense`)
    const heights = new Map<string, number>()
    return taken.map((transaction, i) => {
      for (const key of transaction.deps) heights.set(key, (heights.get(key) ?? 0) + 1)
      const [batchId, txId] = [`${seed}/batch`, `${seed}/transaction`].map((what) => idOf(`${what}/${i}`)) as [string, string]
      return { transaction, position: { batchId, index: 0, heights: new Map(transaction.deps.map((key) => [key, heights.get(key) ?? 0])), txId } }
    })
  }

  /** Executes one, and holds the receipt and the state against what is asked of all. */
  apply(machine: StateMachine, { transaction, position }: Step): Receipt {
    const given = machine.apply(transaction, position)
    const receipt = readReceipt(given)
    ensure(isEqual(receipt, given), `the receipt of ${textOf(transaction)} is not plain JSON: ${jsonOf(receipt)} is left of it`)
    this.#suite.invariant?.(machine)
    return receipt
  }

  close(): void {
    for (const machine of this.#made) (machine as { close?: () => void }).close?.()
  }
}

/** The digest in hex. Errors: it is not 32 bytes long. */
export function digestOf(machine: StateMachine): string {
  const digest = machine.digest()
  ensure(digest instanceof Uint8Array && digest.length === 32, 'the digest is not a Uint8Array of 32 bytes')
  return toHex(digest)
}

/** Ids need no secret, only to be different. */
export function idOf(what: string): string {
  return toHex(new SeededRandom(what).bytes(32))
}

/** Whether two values are the same, down to the last field. Order of keys does not count. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b)
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b) || Array.isArray(a) !== Array.isArray(b)) return false
  const [keysOfA, keysOfB] = [Object.keys(a), Object.keys(b)]
  return keysOfA.length === keysOfB.length && keysOfA.every((key) => Object.hasOwn(b, key) && isEqual(Reflect.get(a, key), Reflect.get(b, key)))
}

export function jsonOf(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`
}

/** A transaction as a line of an error tells it. */
export function textOf({ deps, payload }: Transaction): string {
  const text = String.fromCharCode(...payload.slice(0, 200)).replace(/[^\x20-\x7e]/g, '·')
  return `“${text}${payload.length > 200 ? '…' : ''}” on ${deps.join(', ') || 'no key'}`
}

export function ensure(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}
