/**
 * The append-only machine: a log for each dependency key, and nothing but its length and its head, a hash chain over the ids of its transactions. For teams who want
 * the agreed order itself: any payload is right, what it means is decided by whoever reads the executed transactions. Nobody owns a log.
 */
import { fromHex, toHex } from '../base/bytes.js'
import { bytes, object, text, uint } from '../base/codec.js'
import { digestOf } from '../base/hash.js'
import { LIMITS } from '../core/limits.js'
import type { Transaction } from '../core/transaction.js'
import type { Position, Receipt, StateMachine } from './state-machine.js'
import { Table } from './table.js'

const EMPTY = { count: 0, head: new Uint8Array(32) }

/** Queries: `log:KEY` gives `{key, count, head}`, `logs` gives `{count}`. */
export class Append implements StateMachine {
  readonly #logs = new Table('append', text(LIMITS.keyBytes, 1), object({ count: uint(), head: bytes(32) }))

  check(): string | undefined {
    return undefined
  }

  /** The receipt tells how many transactions each of its keys has now. One without keys has no agreed place: it changes nothing. */
  apply({ deps }: Transaction, { txId }: Position): Receipt {
    const counts: [string, number][] = []
    const id = fromHex(txId)
    for (const key of deps) {
      const { count, head } = this.#logs.get(key) ?? EMPTY
      this.#logs.set(key, { count: count + 1, head: digestOf(head, id) })
      counts.push([key, count + 1])
    }
    return { ok: true, result: { counts: Object.fromEntries(counts) } }
  }

  query(path: string): unknown {
    if (path === 'logs') return { count: [...this.#logs.values()].length }
    if (!path.startsWith('log:')) return undefined
    const key = path.slice('log:'.length)
    const log = this.#logs.get(key)
    return log && { key, count: log.count, head: toHex(log.head) }
  }

  digest(): Uint8Array {
    return this.#logs.digest()
  }

  snapshot(): Uint8Array {
    return this.#logs.snapshot()
  }

  restore(snapshot: Uint8Array): void {
    this.#logs.restore(snapshot)
  }
}
