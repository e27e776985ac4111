/**
 * Snapshots of a running signer: what its store keeps of pruned records, made and taken back. Owns the encoding of state machine and receipts beside the
 * core's parts, and the count of records; when a snapshot is due and when records may go is decided in `core/pruning.ts`.
 */
import { equalBytes, type Id } from '../base/bytes.js'
import { bytes, fromCbor, list, object, text, toCbor } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import { type Pruned, Pruning, portionsOf } from '../core/pruning.js'
import type { DurableRecord } from '../core/record.js'
import type { Signer } from '../core/signer.js'
import { pastFields } from '../core/snapshot.js'
import type { Receipt } from '../machine/state-machine.js'
import type { Executor } from './executor.js'
import type { SignerStore, StoreBase } from './store.js'

const MAX_BYTES = 2 ** 31
/** A batch that is pruned, with the receipts of its transactions as JSON: clients may still ask for them. */
const outlineCodec = object({ ...pastFields, receipts: list(text(LIMITS.recordBytes), LIMITS.transactionsPerBatch) })
const machineCodec = object({ state: bytes({ max: MAX_BYTES }), digest: bytes(32) })
const snapshotCodec = object({ journal: bytes({ max: MAX_BYTES }), machine: bytes({ max: MAX_BYTES }) })

/** Bytes of an outline that are read. */
const OUTLINE_BYTES = 2 * LIMITS.recordBytes

export interface SnapshotsOptions {
  signer: Signer
  /** What takes records back: the signer, or a liar round it. */
  stepped: Pick<Signer, 'restore'>
  executor: Executor
  store: Pick<SignerStore, 'prune'>
  clusterId: Id
  /** Executed batches between two snapshots; 0: never. */
  every: number
  /** Whether the first so many batches may go, as far as this node's sinks are concerned. */
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
    const { clusterId, every } = options
    this.#options = options
    this.#records = base?.records ?? 0
    if (base) this.#restore(base)
    const { machine } = options.executor
    this.#pruning = new Pruning(this.#pruned(), clusterId, every, () => toCbor(machineCodec, { state: machine.snapshot(), digest: machine.digest() }))
  }

  /** The signer as pruning sees it: what a sink has not taken yet is held as if another signer needed it. */
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

  #restore(base: StoreBase): void {
    const { signer, executor } = this.#options
    const { journal, machine } = fromCbor(snapshotCodec, base.snapshot, MAX_BYTES, 'snapshot')
    const { state, digest } = fromCbor(machineCodec, machine, MAX_BYTES, 'snapshot.machine')
    const past = base.past.map((outline) => fromCbor(outlineCodec, outline, OUTLINE_BYTES, 'outline'))
    signer.restoreSnapshot(past, journal)
    const { logs } = signer.journal
    executor.restore(
      past.flatMap(({ id, transactions, receipts }) =>
        transactions.map(({ txId, index }, i) => [txId, { batchId: id, index, receipt: JSON.parse(receipts[i] ?? 'null') as Receipt }] as const),
      ),
      { state, executedBatches: past.length, logs },
    )
    if (!equalBytes(executor.machine.digest(), digest))
      throw new MusigError('STORE_FAILED', 'the state machine has another state after the snapshot than before it; start the version that wrote it')
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

  #baseOf({ records, journal, machine, past }: Pruned): StoreBase {
    const { executor } = this.#options
    const outlines = past.map((batch) => {
      const receipts = batch.transactions.map(({ txId }) => JSON.stringify(executor.outcome(txId)?.receipt ?? null))
      return toCbor(outlineCodec, { ...batch, receipts })
    })
    return { records, past: outlines, snapshot: toCbor(snapshotCodec, { journal, machine }) }
  }
}
