/**
 * Snapshots of a running signer: what its store keeps of pruned records, made and taken back. Owns the count of records; how a base is encoded is `base.ts`,
 * when a snapshot is due and when records may go is decided in `core/pruning.ts`.
 */
import type { Id } from '../base/bytes.js'
import { invariant, type MusigError } from '../base/errors.js'
import { encodeEntry, entriesOf } from '../core/past.js'
import { type Pruned, Pruning, portionsOf } from '../core/pruning.js'
import type { DurableRecord } from '../core/record.js'
import type { Signer } from '../core/signer.js'
import { encodeMachine, makeBase, receiptText, restoreBase } from './base.js'
import type { Executor } from './executor.js'
import type { SignerStore, StoreBase } from './store.js'

export interface SnapshotsOptions {
  /** Whoever is the signer now. */
  signer: Pick<Signer, 'journal' | 'hasLostRecords' | 'isComparing' | 'isHeldByAll' | 'restoreSnapshot'>
  /** What takes records back: the signer, or a liar round it. */
  stepped: Pick<Signer, 'restore'>
  executor: Executor
  store: Pick<SignerStore, 'prune'>
  clusterId: Id
  /** Executed batches between two snapshots; 0: never. */
  every: number
  /** Whether the first so many batches may go, as far as this node's sinks and peers are concerned. */
  areTaken: (executed: number) => boolean
  /** The store has failed. */
  failed: (error: MusigError) => void
}

export class Snapshots {
  readonly #options: SnapshotsOptions
  readonly #pruning: Pruning
  /** Records that the signer has taken in, pruned ones and those on their way to the disk included. */
  #records: number

  /** Takes back what is left of pruned records; the records behind them are to follow. Errors: `BAD_ENCODING`, `STORE_FAILED`. */
  constructor(options: SnapshotsOptions, base: StoreBase | undefined) {
    const { executor, clusterId, every } = options
    this.#options = options
    this.#records = base?.records ?? 0
    if (base) restoreBase(base, options.signer, executor)
    this.#pruning = new Pruning(this.#pruned(), clusterId, every, () => encodeMachine(executor.machine))
  }

  /** The signer as pruning sees it: what a sink has not taken yet, or a peer may want, is held as if another signer needed it. */
  #pruned(): ConstructorParameters<typeof Pruning>[0] {
    const { signer, areTaken } = this.#options
    return {
      get journal() {
        return signer.journal
      },
      get hasLostRecords() {
        return signer.hasLostRecords
      },
      get isComparing() {
        return signer.isComparing
      },
      isHeldByAll: (executed) => signer.isHeldByAll(executed) && areTaken(executed),
    }
  }

  /** Takes back records of an earlier life. */
  replay(records: readonly DurableRecord[]): void {
    for (const portion of portionsOf(records)) {
      for (const executed of this.#options.stepped.restore(portion)) {
        this.#options.executor.execute(executed)
        this.applied()
      }
      this.taken(portion.length)
    }
  }

  /** The signer has taken in more records. */
  taken(records: number): void {
    if (records === 0) return
    this.#records += records
    const pruned = this.#pruning.taken(this.#records)
    if (!pruned) return
    this.#options.executor.log?.prune(this.#options.signer.journal.pruned)
    this.#options.store.prune(this.#baseOf(pruned)).catch(this.#options.failed)
  }

  /** The state machine has applied a batch. */
  applied(): void {
    this.#pruning.applied(this.#options.executor.executedBatches)
  }

  #baseOf({ past, ...pruned }: Pruned): StoreBase {
    const { executor } = this.#options
    const receiptOf = (txId: Id): string => {
      const outcome = executor.outcome(txId)
      invariant(outcome, 'what is pruned was executed')
      return receiptText(outcome.receipt)
    }
    return makeBase({ ...pruned, past: past.flatMap((batch) => entriesOf(batch, receiptOf)).map(encodeEntry) })
  }
}
