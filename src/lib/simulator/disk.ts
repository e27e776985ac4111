/**
 * The virtual disk and the order in which effects leave: what a step hands out goes through here, and a send, reply or execute comes out only
 * when every record before it is durable. Writes that wait are gathered into one. A crash keeps the durable records, a part of the write under
 * way from its front, and nothing else.
 */

import type { Pruned } from '../core/pruning.js'
import type { DurableRecord } from '../core/record.js'
import type { PastBatch } from '../core/snapshot.js'
import type { Effect } from '../core/steppable.js'

/** What a disk asks of the world around it. */
export interface DiskPorts {
  /** Runs something once a write that begins now is done. */
  afterWrite(run: () => void): void
  /** A record became durable. */
  durable(record: DurableRecord): void
  /** Carries out an effect that is no record. */
  release(effect: Exclude<Effect, { type: 'persist' }>): void
}

/** A snapshot with the whole past before it. */
export interface DiskBase {
  records: number
  past: PastBatch[]
  journal: Uint8Array
}

/** Draws how many of the records of an interrupted write are durable: 0 to `count`. */
export type TornWrite = (count: number) => number

export class Disk {
  readonly #ports: DiskPorts
  /** Durable records in the order in which they were written. */
  readonly records: DurableRecord[] = []
  /** What took the place of the first of them: they stay here for whoever checks the run, a signer does not get them back. */
  base: DiskBase | undefined
  #outbox: Effect[] = []
  #writing: DurableRecord[] = []
  /** Raised by a crash: what a write under way would do afterwards is void. */
  #generation = 0

  constructor(ports: DiskPorts) {
    this.#ports = ports
  }

  /** Takes the effects of one step. */
  take(effects: readonly Effect[]): void {
    for (const effect of effects) this.#outbox.push(effect)
    this.#drain()
  }

  /** Lets records go for what takes their place; durable at once, as a write of its own is whole or not there. */
  prune({ records, past, journal }: Pruned): void {
    this.base = { records, past: [...(this.base?.past ?? []), ...past], journal }
  }

  /** Loses everything that is not durable; of a write under way, all but its first records. */
  crash(torn: TornWrite): void {
    this.#generation++
    const kept = this.#writing.slice(0, this.#writing.length === 0 ? 0 : torn(this.#writing.length))
    for (const record of kept) this.#settle(record)
    this.#writing = []
    this.#outbox = []
  }

  #drain(): void {
    const generation = this.#generation
    let done = 0
    for (const effect of this.#outbox) {
      // A record goes first; carrying out an effect may also crash this very signer.
      if (effect.type === 'persist' || this.#writing.length > 0) break
      done++
      this.#ports.release(effect)
      if (this.#generation !== generation) return
    }
    if (done > 0) this.#outbox = this.#outbox.slice(done)
    if (this.#writing.length === 0 && this.#outbox.length > 0) this.#write()
  }

  /** Writes all records that wait; the other effects wait behind them. */
  #write(): void {
    const generation = this.#generation
    const last = this.#outbox.findLastIndex((effect) => effect.type === 'persist')
    const behind = this.#outbox.slice(0, last + 1)
    this.#writing = behind.flatMap((effect) => (effect.type === 'persist' ? [effect.record] : []))
    this.#outbox = [...behind.filter((effect) => effect.type !== 'persist'), ...this.#outbox.slice(last + 1)]
    this.#ports.afterWrite(() => {
      if (this.#generation !== generation) return
      while (this.#writing.length > 0) {
        const record = this.#writing.shift()
        if (record) this.#settle(record)
        if (this.#generation !== generation) return
      }
      this.#drain()
    })
  }

  #settle(record: DurableRecord): void {
    this.records.push(record)
    this.#ports.durable(record)
  }
}
