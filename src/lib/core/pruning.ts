/**
 * When records are pruned (§13): every so many executed batches the state is set down, and once nobody needs what came before it the records up to there
 * give way to it. Owns that decision; where records and snapshots lie is the affair of whoever runs the signer.
 *
 * What is needed: a batch until every other signer has said that it holds it, and whatever was executed since the arrival of a batch that is still open,
 * for recovery may have to show it.
 */
import type { Id } from '../base/bytes.js'
import type { DurableRecord } from './record.js'
import type { Signer } from './signer.js'
import { encodeSnapshot, type PastBatch } from './snapshot.js'

/** What takes the place of the first `records` records. */
export interface Pruned {
  records: number
  /** The journal's snapshot, encoded, and the state machine's, both at that point. */
  journal: Uint8Array
  machine: Uint8Array
  /** Batches that are pruned now, in the order of execution; what was pruned before stays as it is. */
  past: PastBatch[]
}

interface Candidate extends Omit<Pruned, 'machine' | 'past'> {
  executed: number
  open: readonly Id[]
  /** Known once the state machine has come as far. */
  machine?: Uint8Array
  /** Whether all records up to it are on the disk. */
  isDurable?: boolean
}

/**
 * Records in the portions in which they are to be restored: one by one, so that snapshots come at the points at which they came; but all that a signer
 * had to forget at once, for nothing follows from it.
 */
export function portionsOf(records: readonly DurableRecord[]): DurableRecord[][] {
  const from = records.findLastIndex(({ type }) => type === 'forget') + 1
  const later = records.slice(from).map((record) => [record])
  return from > 0 ? [records.slice(0, from), ...later] : later
}

export class Pruning {
  readonly #signer: Pick<Signer, 'journal' | 'isHeldByAll' | 'hasLostRecords' | 'isComparing'>
  readonly #clusterId: Id
  readonly #every: number
  readonly #machine: () => Uint8Array
  #dueAt: number
  /** Batches that the state machine has applied. */
  #applied: number
  #candidate: Candidate | undefined

  /**
   * `every`: executed batches between two snapshots; 0: never. `machine` sets down the state machine as it is. To be made once the last snapshot is
   * restored, before the records after it.
   */
  constructor(
    signer: Pick<Signer, 'journal' | 'isHeldByAll' | 'hasLostRecords' | 'isComparing'>,
    clusterId: Id,
    every: number,
    machine: () => Uint8Array,
  ) {
    this.#signer = signer
    this.#clusterId = clusterId
    this.#every = every
    this.#machine = machine
    this.#applied = signer.journal.logs.executed.length
    this.#dueAt = every === 0 ? Number.POSITIVE_INFINITY : this.#applied + every
  }

  /**
   * The signer has taken in so many records, pruned ones counted too. Where a snapshot is due one is begun, or the one before it looked at: if it is ripe
   * it is returned, and the signer keeps no more than the outline of what was executed before it.
   */
  taken(records: number): Pruned | undefined {
    const { journal } = this.#signer
    const executed = journal.logs.executed.length
    // What shows that records are lost must stay, and what may have to be forgotten.
    if (executed < this.#dueAt || this.#signer.hasLostRecords || this.#signer.isComparing) return undefined
    // While committed batches wait, the order in which they will be executed here hangs on more than a snapshot holds; others count places in that order.
    // Of the change that ends an epoch all is needed until the next one has begun.
    if (journal.waiting.size > 0 || journal.end !== undefined) return undefined
    this.#dueAt = executed + this.#every
    const ripe = this.#ripe()
    if (this.#candidate && !ripe) return undefined
    const snapshot = journal.snapshot()
    const open = snapshot.open.flatMap(({ batch }) => (batch.epoch === journal.manifest.epoch ? [batch.id] : []))
    this.#candidate = { records, executed, open, journal: encodeSnapshot(this.#clusterId, snapshot) }
    // Where records are taken back, or a snapshot had to wait, the state machine has come as far already.
    this.#setDownMachine()
    return ripe
  }

  /** The state machine has applied so many batches. */
  applied(executed: number): void {
    this.#applied = executed
    this.#setDownMachine()
    // What a later step executed is applied only when all records of this one are durable; of its own step some may still be on their way.
    if (this.#candidate && executed > this.#candidate.executed) this.#candidate.isDurable = true
  }

  #setDownMachine(): void {
    if (this.#candidate?.executed === this.#applied) this.#candidate.machine ??= this.#machine()
  }

  #ripe(): Pruned | undefined {
    const candidate = this.#candidate
    if (!candidate?.machine || !candidate.isDurable || !this.#signer.isHeldByAll(candidate.executed)) return undefined
    if (candidate.open.some((batchId) => !this.#signer.journal.isExecuted(batchId))) return undefined
    const { records, executed, journal, machine } = candidate
    return { records, journal, machine, past: this.#signer.journal.prune(executed) }
  }
}
