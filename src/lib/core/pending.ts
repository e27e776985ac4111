/**
 * Batches that arrived and have not come to their end, by key: what the view of the next one lists. A change of the signers stays to the end of its epoch, also once
 * it is executed: whatever arrives after it goes behind it (§24).
 */
import type { Id } from '../base/bytes.js'
import { type BatchOutline, EPOCH_KEY, isChange } from './transaction.js'

export class Pending {
  readonly #byKey = new Map<string, Set<Id>>()
  /** All of them, also those without keys. */
  readonly #all = new Set<Id>()
  readonly #changesConflict: boolean

  constructor(changesConflict: boolean) {
    this.#changesConflict = changesConflict
  }

  add({ id, keys }: Pick<BatchOutline, 'id' | 'keys'>): void {
    this.#all.add(id)
    for (const key of keys) {
      const ids = this.#byKey.get(key) ?? new Set()
      ids.add(id)
      this.#byKey.set(key, ids)
    }
  }

  /** A batch was executed. */
  executed({ id, keys }: Pick<BatchOutline, 'id' | 'keys'>): void {
    if (isChange(keys) && this.#changesConflict) return
    this.#all.delete(id)
    for (const key of keys) {
      this.#byKey.get(key)?.delete(id)
      if (this.#byKey.get(key)?.size === 0) this.#byKey.delete(key)
    }
  }

  /** Those that conflict with a batch with these keys. */
  on(keys: readonly string[]): Set<Id> {
    if (this.#changesConflict && isChange(keys)) return new Set(this.#all)
    const ids = new Set<Id>(this.#changesConflict ? this.#byKey.get(EPOCH_KEY) : undefined)
    for (const key of keys) for (const id of this.#byKey.get(key) ?? []) ids.add(id)
    return ids
  }
}
