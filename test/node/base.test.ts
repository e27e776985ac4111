/** A base: what is pruned at a signer, taken back, is what it was: receipts, places, what is told of it; and a base of another state machine is refused. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bool, id, list, object, text, toCbor, uint } from '../../src/lib/base/codec.js'
import { MusigError } from '../../src/lib/base/errors.js'
import { encodeEntry, entriesOf } from '../../src/lib/core/past.js'
import { Signer } from '../../src/lib/core/signer.js'
import { encodeSnapshot } from '../../src/lib/core/snapshot.js'
import { encodeMachine, makeBase, receiptText, restoreBase } from '../../src/lib/node/base.js'
import { Executor } from '../../src/lib/node/executor.js'
import type { StoreBase } from '../../src/lib/node/store.js'
import { toldAt } from '../../src/lib/node/told-past.js'
import { MixingMachine } from '../../src/lib/simulator/mixing-machine.js'
import { FAKE, SmallCluster } from '../core/small-cluster.js'
import { loaded } from './loaded-machine.js'

function signerOf(cluster: SmallCluster): Signer {
  const { bls, link } = cluster.keys[0] ?? { bls: new Uint8Array(), link: new Uint8Array() }
  return new Signer({ self: 0, manifest: cluster.manifest, crypto: FAKE, blsSecretKey: bls, linkSecretKey: link, check: () => undefined })
}

/** A signer that has executed transactions with keys and without, one of them twice; its executor, and what it would prune. */
function pruned(): { cluster: SmallCluster; executor: Executor; base: StoreBase; txIds: string[] } {
  const cluster = new SmallCluster({ n: 4 })
  const again = cluster.transaction(['a'])
  const keyless = cluster.transaction([])
  const submit = (transaction = cluster.transaction(['a', 'b'])) => {
    const txId = cluster.submit(0, transaction)
    cluster.run(1000)
    return txId
  }
  cluster.submit(1, again)
  const txIds = [submit(again), submit(keyless), submit(), submit()]
  const executor = new Executor(loaded(new MixingMachine()))
  for (const executed of cluster.executed[0] ?? []) executor.execute(executed)
  const { journal } = cluster.signers[0] ?? {}
  assert.ok(journal)
  const snapshot = encodeSnapshot(cluster.manifest.clusterId, journal.snapshot())
  const told = journal.logs.executed.map((_, place) => toldOf(cluster, executor, place))
  const past = journal
    .prune(executor.executedBatches)
    .flatMap((batch) => entriesOf(batch, (txId) => receiptText(executor.outcome(txId)?.receipt ?? { ok: false, reason: '' })))
    .map(encodeEntry)
  const base = makeBase({ records: 9, past, journal: snapshot, machine: encodeMachine(executor.machine) })
  assert.equal(
    journal.logs.executed.map((_, place) => toldOf(cluster, executor, place)),
    told,
  )
  return { cluster, executor, base, txIds }
}

function toldOf(cluster: SmallCluster, executor: Executor, place: number, signer = cluster.signers[0]): Uint8Array[] {
  const outline = signer?.journal.outlineOf(executor.appliedAt(place)?.batchId ?? '')
  assert.ok(outline)
  return toldAt(executor, place, outline)
}

test('transactions with keys and without keep their places and receipts, and the same is told of them', () => {
  const { cluster, executor, base, txIds } = pruned()
  const signer = signerOf(cluster)
  const restored = new Executor(loaded(new MixingMachine()))
  restoreBase(base, signer, restored)
  assert.is(restored.executedTransactions, 4)
  for (const txId of txIds) {
    assert.ok(signer.journal.hasExecuted(txId))
    assert.equal(restored.outcome(txId), executor.outcome(txId))
    assert.ok(restored.outcome(txId)?.batchId)
  }
  assert.is(restored.outcome(txIds[1] ?? '')?.isKeyless, true)
  assert.equal([restored.machineDigest, restored.executedBatches, [...restored.heights]], [executor.machineDigest, 5, [...executor.heights].sort()])
  for (let place = 0; place < 5; place++)
    assert.equal(toldOf(cluster, restored, place, signer).map(plain), toldOf(cluster, executor, place).map(plain))
})

const plain = (bytes: Uint8Array) => [...bytes]

test('a state machine that makes another state of it is noticed', () => {
  const { cluster, base } = pruned()
  class Forgetful extends MixingMachine {
    override restore(): void {}
  }
  try {
    restoreBase(base, signerOf(cluster), new Executor(loaded(new Forgetful())))
    assert.unreachable()
  } catch (error) {
    assert.ok(error instanceof MusigError)
    assert.match(error.message, /another state after the snapshot/)
  }
})

test('what another version kept, an outline with its receipts, is refused with the way out', () => {
  const { cluster, base, executor } = pruned()
  const outline = object({ id, initiator: uint(), isFast: bool, keys: list(text(9), 9), transactions: list(id, 9), receipts: list(text(9), 9) })
  const past = [toCbor(outline, { id: 'ab'.repeat(32), initiator: 0, isFast: true, keys: ['a'], transactions: [], receipts: [] })]
  try {
    restoreBase({ ...base, past }, signerOf(cluster), executor)
    assert.unreachable()
  } catch (error) {
    assert.ok(error instanceof MusigError && error.code === 'STORE_FAILED')
    assert.match(error.message, /pruned by another version of musig.*; start the version that wrote it$/)
  }
})

test('a receipt has one form, however it was made', () => {
  assert.is(receiptText({ ok: true, result: { b: 1, a: [undefined, 2], c: undefined } }), '{"ok":true,"result":{"a":[null,2],"b":1}}')
})

test.run()
