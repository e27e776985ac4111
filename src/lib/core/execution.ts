/**
 * Execution (§8): appends a batch to the logs of its keys once it and, recursively, all its predecessors are committed. Owns waiting; the order
 * inside a component comes from `order.ts`.
 */
import type { Id } from '../base/bytes.js'
import type { KeyLogs } from './key-logs.js'
import { componentsOf, type DecidedBatch, rankedOrder } from './order.js'
import type { Value } from './tally.js'
import { isChange } from './transaction.js'

/** What execution asks about a batch; undefined while it is not committed here. */
export type CommittedBatch = { id: Id; keys: readonly string[]; value: Value }

/** What a committed batch waits for: another batch to be committed, or a key to be executed up to a height. */
export type WaitingFor = { batchId: Id } | { key: string; height: number }

export class Execution {
  readonly #logs: KeyLogs
  readonly #committed: (batchId: Id) => CommittedBatch | undefined
  readonly #orderOf: (ids: readonly Id[]) => Id[]
  readonly #waiting = new Map<Id, WaitingFor>()
  readonly #waiters = new Map<string, Set<Id>>()
  readonly #changesEnd: boolean
  #isOver: boolean

  /**
   * `orderOf` replaces ranked pairs inside a component, in tests. `isOver`: a change of the signers was executed in this epoch already; `changesEnd`: whether
   * that is the end of it.
   */
  constructor(
    logs: KeyLogs,
    committed: (batchId: Id) => CommittedBatch | undefined,
    orderOf?: (ids: readonly Id[]) => Id[],
    { isOver, changesEnd } = { isOver: false, changesEnd: true },
  ) {
    this.#isOver = isOver
    this.#changesEnd = changesEnd
    this.#logs = logs
    this.#committed = committed
    this.#orderOf = orderOf ?? ((ids) => rankedOrder(this.#membersOf(ids)).order)
  }

  /** Called when a batch was committed: returns what can be executed now, in order, already appended to the logs. */
  commit(batchId: Id): Id[] {
    const executed: Id[] = []
    const retry = [batchId, ...this.#release(`batch ${batchId}`)]
    for (let next = retry.pop(); next !== undefined; next = retry.pop()) {
      for (const done of this.#attempt(next)) {
        executed.push(done)
        retry.push(...this.#release(`batch ${done}`))
        for (const key of this.#committed(done)?.keys ?? []) retry.push(...this.#release(`key ${key}`))
      }
    }
    return executed
  }

  /** Committed batches that wait, with what each waits for. */
  get waiting(): ReadonlyMap<Id, WaitingFor> {
    return this.#waiting
  }

  #attempt(batchId: Id): Id[] {
    if (this.#isOver || this.#logs.placeOf(batchId) !== undefined) return []
    const obstacle = this.#obstacle(batchId)
    if (obstacle) {
      this.#wait(batchId, obstacle)
      return []
    }
    const executed: Id[] = []
    for (const component of componentsOf([batchId], (id) => this.#openPredecessors(id))) {
      for (const id of this.#orderOf(component)) {
        const keys = this.#committed(id)?.keys ?? []
        this.#logs.append(id, keys)
        this.#waiting.delete(id)
        executed.push(id)
        // Whatever stands behind a change is not executed in its epoch any more (§24).
        this.#isOver = this.#changesEnd && isChange(keys)
        if (this.#isOver) return executed
      }
    }
    return executed
  }

  #membersOf(ids: readonly Id[]): DecidedBatch[] {
    return ids.flatMap((id) => this.#committed(id) ?? []).map(({ id, keys, value }) => ({ id, keys, ...value }))
  }

  #openPredecessors(batchId: Id): Id[] {
    return (this.#committed(batchId)?.value.predecessors ?? []).filter((id) => this.#logs.placeOf(id) === undefined)
  }

  /** The first thing in the batch's whole past that is missing. */
  #obstacle(start: Id): WaitingFor | undefined {
    const seen = new Set<Id>([start])
    const open = [start]
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      const committed = this.#committed(id)
      if (!committed) return { batchId: id }
      for (const [key, height] of committed.value.base) if (this.#logs.heightOf(key) < height) return { key, height }
      for (const named of this.#openPredecessors(id)) {
        if (seen.has(named)) continue
        seen.add(named)
        open.push(named)
      }
    }
    return undefined
  }

  #wait(batchId: Id, obstacle: WaitingFor): void {
    this.#waiting.set(batchId, obstacle)
    const on = 'key' in obstacle ? `key ${obstacle.key}` : `batch ${obstacle.batchId}`
    const waiters = this.#waiters.get(on) ?? new Set()
    waiters.add(batchId)
    this.#waiters.set(on, waiters)
  }

  #release(on: string): Id[] {
    const released = [...(this.#waiters.get(on) ?? [])]
    this.#waiters.delete(on)
    return released
  }
}
