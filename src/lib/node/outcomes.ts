/**
 * What came of each executed transaction, in the order of execution. Owns how that is kept: the latest as they are, older ones in blocks that are put aside, so that an
 * id and a number is all that stays in memory of each. A block is read again where somebody asks for an old transaction.
 */
import type { Id } from '../base/bytes.js'
import { invariant } from '../base/errors.js'
import { IdTable } from '../core/id-table.js'
import type { Receipt } from '../machine/state-machine.js'
import type { Outcome } from './executor.js'

/** An outcome as it is read back: its receipt may stand in it as the JSON that was kept. */
export type KeptOutcome = Omit<Outcome, 'receipt'> & { receipt: Receipt | string }

/** Where blocks are put: a store, or a Map. What was put there is there until this process ends; nobody asks for what an earlier one has put there. */
export interface Aside {
  put(block: number, bytes: Uint8Array): void
  get(block: number): Uint8Array | undefined
}

/** Transactions of a block. So many of the latest, and up to twice as many, are kept as they are. */
export const BLOCK = 4096
const NOWHERE = 2 ** 32 - 1
/** In the index of a transaction: that it has no keys. */
const KEYLESS = 2 ** 15
/** Where in a block stands of all its transactions: the time to the execution here, the place of the batch, where the receipt ends, the index; then come the receipts. */
const [LATENCY, PLACE, END, INDEX, RECEIPTS] = [0, 8 * BLOCK, 12 * BLOCK, 16 * BLOCK, 18 * BLOCK] as const

interface Recent {
  txId: Id
  outcome: KeptOutcome
  /** Of its batch; null where that is not known. */
  place: number | null
}

export class Outcomes {
  readonly #aside: Aside
  /** The batches in the order in which they were applied. */
  readonly #batches: readonly Id[]
  /** Those that are in blocks, by their places in all. */
  readonly #old = new IdTable()
  readonly #recent: Recent[] = []
  readonly #recentOf = new Map<Id, Recent>()
  /** The block that was read last: who asks for one of its transactions asks for others. */
  #read: { block: number; bytes: Buffer } | undefined

  constructor(batches: readonly Id[], aside: Aside) {
    this.#batches = batches
    this.#aside = aside
  }

  get size(): number {
    return this.#old.size + this.#recent.length
  }

  has(txId: Id): boolean {
    return this.#recentOf.has(txId) || this.#old.has(txId)
  }

  get(txId: Id): Outcome | undefined {
    const recent = this.#recentOf.get(txId)
    if (recent) return read(recent.outcome)
    const at = this.#old.get(txId)
    return at === undefined ? undefined : this.#outcomeAt(at)
  }

  /** A transaction was executed, in the batch at this place; null: its batch is not known. What is in it stays. */
  add(txId: Id, outcome: KeptOutcome, place: number | null): void {
    if (this.has(txId)) return
    const recent = { txId, outcome, place }
    this.#recent.push(recent)
    this.#recentOf.set(txId, recent)
    if (this.#recent.length >= 2 * BLOCK) this.#putAside(this.#recent.splice(0, BLOCK))
  }

  /** The ids from one place in all to another. */
  *ids(from = 0, to = this.size): IterableIterator<Id> {
    for (let at = from; at < to; at++) {
      const recent = this.#recent[at - this.#old.size]
      yield recent ? recent.txId : this.#old.idAt(at)
    }
  }

  /** Those that begin like this. */
  *beginningWith(prefix: string): IterableIterator<Id> {
    yield* this.#old.beginningWith(prefix)
    for (const { txId } of this.#recent) if (txId.startsWith(prefix)) yield txId
  }

  #putAside(block: readonly Recent[]): void {
    const receipts = block.map(({ outcome }) => Buffer.from(textOf(outcome)))
    const head = Buffer.alloc(RECEIPTS)
    let end = RECEIPTS
    block.forEach(({ txId, outcome: { index, isKeyless, latencyMs }, place }, i) => {
      end += receipts[i]?.length ?? 0
      head.writeDoubleLE(latencyMs ?? Number.NaN, LATENCY + 8 * i)
      head.writeUInt32LE(place ?? NOWHERE, PLACE + 4 * i)
      head.writeUInt32LE(end, END + 4 * i)
      head.writeUInt16LE((index ?? 0) + (isKeyless ? KEYLESS : 0), INDEX + 2 * i)
      this.#recentOf.delete(txId)
      this.#old.set(txId, this.#old.size)
    })
    this.#aside.put(this.#old.size / BLOCK - 1, Buffer.concat([head, ...receipts]))
  }

  #outcomeAt(at: number): Outcome {
    const bytes = this.#blockOf(Math.floor(at / BLOCK))
    const i = at % BLOCK
    const [latencyMs, place, index] = [bytes.readDoubleLE(LATENCY + 8 * i), bytes.readUInt32LE(PLACE + 4 * i), bytes.readUInt16LE(INDEX + 2 * i)]
    const receipt = bytes.toString('utf8', i === 0 ? RECEIPTS : bytes.readUInt32LE(END + 4 * (i - 1)), bytes.readUInt32LE(END + 4 * i))
    return {
      ...(place === NOWHERE ? { batchId: null, index: null } : { batchId: this.#batches[place] ?? null, index: index % KEYLESS }),
      receipt: JSON.parse(receipt) as Receipt,
      ...(index >= KEYLESS && { isKeyless: true }),
      ...(!Number.isNaN(latencyMs) && { latencyMs }),
    }
  }

  #blockOf(block: number): Buffer {
    if (this.#read?.block !== block) {
      const bytes = this.#aside.get(block)
      invariant(bytes, 'what was put aside is there')
      this.#read = { block, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) }
    }
    return this.#read.bytes
  }
}

function read({ receipt, ...outcome }: KeptOutcome): Outcome {
  return { ...outcome, receipt: typeof receipt === 'string' ? (JSON.parse(receipt) as Receipt) : receipt }
}

function textOf({ receipt }: KeptOutcome): string {
  return typeof receipt === 'string' ? receipt : JSON.stringify(receipt)
}

/** In memory, where there is no store. */
export class AsideInMemory implements Aside {
  readonly #blocks = new Map<number, Uint8Array>()

  put(block: number, bytes: Uint8Array): void {
    this.#blocks.set(block, bytes)
  }

  get(block: number): Uint8Array | undefined {
    return this.#blocks.get(block)
  }
}
