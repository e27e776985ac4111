/**
 * What stands in a store in the place of records: made of its parts, and taken back into whoever starts from it, a signer that has pruned or a peer that began
 * from a snapshot. Owns the encoding of the state machine's part and of receipts.
 */
import { equalBytes, type Id } from '../base/bytes.js'
import { bytes, fromCbor, object, toCbor } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import type { Journal } from '../core/journal.js'
import { decodeEntry, type PastEntry, pastOf } from '../core/past.js'
import type { PastBatch } from '../core/snapshot.js'
import { canonicalJson, type Json } from '../machine/json.js'
import type { Receipt, StateMachine } from '../machine/state-machine.js'
import type { Executor } from './executor.js'
import type { KeptOutcome } from './outcomes.js'
import type { StoreBase } from './store.js'

const MAX_BYTES = 2 ** 31
const machineCodec = object({ state: bytes({ max: MAX_BYTES }), digest: bytes(32) })
const snapshotCodec = object({ journal: bytes({ max: MAX_BYTES }), machine: bytes({ max: MAX_BYTES }) })

/** The state of a state machine with the digest that it must have once it is taken back. */
export function encodeMachine(machine: StateMachine): Uint8Array {
  return toCbor(machineCodec, { state: machine.snapshot(), digest: machine.digest() })
}

/** A base: `past` is what is to stand behind the entries that are there; all parts are encoded, `journal` and `machine` at the same point. */
export function makeBase(base: { records: number; past: readonly Uint8Array[]; journal: Uint8Array; machine: Uint8Array }): StoreBase {
  const { records, past, journal, machine } = base
  return { records, past, snapshot: toCbor(snapshotCodec, { journal, machine }) }
}

/** Whoever follows the order and can start from a base. */
export interface Follower {
  readonly journal: Journal
  restoreSnapshot(past: Iterable<PastBatch>, snapshot: Uint8Array, keyless: Iterable<readonly [Id, Id | null]>): void
}

/** Takes a base back, before any record. Errors: `STORE_FAILED` if another version wrote it, or the state machine makes another state of it. */
export function restoreBase(base: StoreBase, follower: Follower, executor: Executor): void {
  const { journal, state, digest, entries } = read(base)
  const { batches, keyless } = pastOf(entries)
  follower.restoreSnapshot(batches, journal, keyless)
  const { logs } = follower.journal
  executor.restore(outcomesOf(entries), { state, executedBatches: batches.length, logs })
  if (!equalBytes(executor.machine.digest(), digest))
    throw new MusigError('STORE_FAILED', 'the state machine has another state after the snapshot than before it; start the version that wrote it')
}

/** The store has checked that these are the bytes that were written. */
function read(base: StoreBase): { journal: Uint8Array; state: Uint8Array; digest: Uint8Array; entries: PastEntry[] } {
  try {
    const { journal, machine } = fromCbor(snapshotCodec, base.snapshot, MAX_BYTES, 'snapshot')
    return { journal, ...fromCbor(machineCodec, machine, MAX_BYTES, 'snapshot.machine'), entries: base.past.map(decodeEntry) }
  } catch (error) {
    if (!(error instanceof MusigError)) throw error
    const reason = `the store was pruned by another version of musig, which kept it in a form that this one does not read (${error.message})`
    throw new MusigError('STORE_FAILED', `${reason}; start the version that wrote it`, { cause: error })
  }
}

/** What came of each transaction, as entries tell it. */
export function* outcomesOf(entries: Iterable<PastEntry>): Iterable<readonly [Id, KeptOutcome]> {
  for (const entry of entries) {
    if (entry.type === 'keyless') {
      const { txId, place, receipt } = entry
      yield [txId, { ...(place ?? { batchId: null, index: null }), receipt, isKeyless: true }]
    } else for (const { txId, index, receipt } of entry.transactions) yield [txId, { batchId: entry.id, index, receipt }]
  }
}

const NO_DIGEST: Id = '0'.repeat(64)

/** The digest of the state machine; undefined where it fails to give one: the zeros that stand for it then are equal everywhere, and say nothing of states. */
export function statedDigest({ machine, machineDigest }: Executor): Id | undefined {
  return machineDigest === NO_DIGEST && machine.watch.report().failures.digest ? undefined : machineDigest
}

/** A receipt in its one form (RFC 8785): the same text wherever the same came of a transaction. */
export function receiptText(receipt: Receipt): string {
  return canonicalJson(JSON.parse(JSON.stringify(receipt)) as Json)
}
