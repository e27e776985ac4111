/**
 * What a process puts aside in its store's database because memory is too small for it: not durable, made anew by each life, and read at once. It is no record, and
 * stands in no chain.
 */
import type { Aside } from './outcomes.js'
import { chainKey, type Database } from './store-chain.js'

/** Behind everything else but the identity. */
const PREFIX = Uint8Array.of(0xf8)

export class StoreAside implements Aside {
  readonly #database: Database
  /** On their way to the database, or kept where it does not take them: that its disk is full or broken is said by the next record. */
  readonly #here = new Map<number, Uint8Array>()

  constructor(database: Database) {
    this.#database = database
  }

  put(block: number, bytes: Uint8Array): void {
    this.#here.set(block, bytes)
    this.#database.put(chainKey(PREFIX, block), bytes).then(
      () => this.#here.delete(block),
      () => {},
    )
  }

  get(block: number): Uint8Array | undefined {
    return this.#here.get(block) ?? this.#database.getSync(chainKey(PREFIX, block))
  }
}
