/** What a signer answers about batches that were decided in phase 3, and about ids. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import { digestOf } from '../../src/lib/base/hash.js'
import type { Certificate } from '../../src/lib/core/certificate.js'
import { Journal } from '../../src/lib/core/journal.js'
import { LOCAL_TIMING, makeManifest, signerEntry } from '../../src/lib/core/manifest.js'
import { Moments } from '../../src/lib/core/moments.js'
import { type Batch, makeBatch, transactionId } from '../../src/lib/core/transaction.js'
import { Documents } from '../../src/lib/machine/documents.js'
import { batchAnswer, certificateAnswer, findId, transactionAnswer } from '../../src/lib/node/answers.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { Executor } from '../../src/lib/node/executor.js'
import { MachineWatch } from '../../src/lib/node/machine-watch.js'
import { healthOf, type SignerSubject, statusAnswer } from '../../src/lib/node/signer-status.js'
import { putDocument } from './cluster-fixture.js'

const crypto = loadCrypto()
const linkKeys = [0, 1, 2, 3, 4].map((i) => digestOf(utf8(`link ${i}`)))
const manifest = makeManifest({
  name: 'answers',
  epoch: 0,
  tolerance: { a: 1, b: 2 },
  deltaMs: 0,
  machine: 'documents',
  test: true,
  tree: { strategy: 'random', fanout: 2 },
  window: 4,
  timing: LOCAL_TIMING,
  signers: linkKeys.map((linkKey, i) => {
    const secret = digestOf(utf8(`bls ${i}`))
    secret[0] = 1
    return signerEntry(crypto, secret, linkKey, `s${i}`)
  }),
})

function setUp() {
  const journal = new Journal(manifest)
  const executor = new Executor(Object.assign(new Documents(), { watch: new MachineWatch('documents'), close: () => {} }))
  const moments = new Moments()
  const subject: SignerSubject = {
    self: 0,
    publicKey: new Uint8Array(48),
    manifest,
    journal,
    rounds: { get: () => undefined },
    executor,
    moments,
    sinks: () => [],
    connected: new Set([1, 2]),
    peers: () => 0,
    lost: () => undefined,
    isComparing: () => false,
    beyondReach: () => undefined,
    storeBytes: () => 0,
    faults: [],
    evidence: [],
    suspicion: () => [],
    bls: 'blst',
    version: '0',
    startedAt: 0,
  }
  let sequence = 0
  const arrive = (...names: string[]): Batch => {
    const transactions = names.map((name) => putDocument(manifest, name, {}))
    const batch = makeBatch(crypto.ed25519, manifest.clusterId, linkKeys[0] ?? new Uint8Array(), {
      epoch: 0,
      initiator: 0,
      sequence: sequence++,
      time: 0,
      transactions,
    })
    journal.apply({ type: 'batch', batch })
    executor.arrived(batch)
    return batch
  }
  const commit = (batch: Batch, ballot: number, predecessors: string[], tallies: { m: number; inc: Map<string, number> } | null) => {
    const value = { base: new Map<string, number>(), predecessors, tallies }
    const certificate: Certificate = {
      type: 'slow',
      epoch: 0,
      batchId: batch.id,
      ballot,
      value,
      signers: Uint8Array.of(0b1111),
      signature: new Uint8Array(96),
    }
    for (const executed of journal.apply({ type: 'certificate', certificate })) executor.execute(executed, 0)
  }
  const txId = (batch: Batch) => batch.transactions.map((transaction) => transactionId(manifest.clusterId, transaction))[0] ?? ''
  return { subject, arrive, commit, txId }
}

test('the two digests of a state belong together: what is executed and not yet written stands in neither', () => {
  const { subject, arrive, commit } = setUp()
  const [first, second] = [arrive('d'), arrive('e')]
  commit(first, 0, [], { m: 4, inc: new Map() })
  const before = statusAnswer(subject)
  assert.is(before.orderDigest, subject.journal.logs.orderDigest)
  const { certificate } = subject.journal.get(first.id)?.committed ?? {}
  assert.ok(certificate)
  // The core has it in its logs; the records are on their way to the disk.
  const [executed] = certificate ? subject.journal.apply({ type: 'certificate', certificate: { ...certificate, batchId: second.id } }) : []
  const during = statusAnswer(subject)
  assert.equal([during.orderDigest, during.machineDigest], [before.orderDigest, before.machineDigest])
  if (executed) subject.executor.execute(executed)
  const after = statusAnswer(subject)
  assert.is(after.orderDigest, subject.journal.logs.orderDigest)
  assert.is.not(after.orderDigest, before.orderDigest)
  assert.is.not(after.machineDigest, before.machineDigest)
})

test('score and votes of phase 3 are the agreed ones, over all signers', () => {
  const { subject, arrive, commit, txId } = setUp()
  const [first, second] = [arrive('d'), arrive('d')]
  commit(first, 0, [], { m: 4, inc: new Map([[second.id, 1]]) })
  commit(second, 2, [first.id], { m: 5, inc: new Map([[first.id, 3]]) })
  const { batchId, position, status, path, ballot, score, votes, receipt, latencyMs } = transactionAnswer(subject, txId(second))
  assert.equal([batchId, position, status, path, ballot, score, votes], [second.id, { 'doc:d': 2 }, 'executed', 'slow', 2, 3 / 5, 5])
  assert.equal(receipt, { ok: true, result: { id: 'd', version: 2 } })
  assert.is(latencyMs, null, 'nobody saw it come')
  assert.is(transactionAnswer(subject, txId(first)).score, 3 / 5)
  assert.equal(batchAnswer(subject, second.id).inc, { [first.id]: 3 })
})

test('a transaction’s position speaks of its own keys, the batch’s of all', () => {
  const { subject, arrive, commit, txId } = setUp()
  commit(arrive('d'), 0, [], { m: 5, inc: new Map() })
  const both = arrive('d', 'e')
  commit(both, 0, [], { m: 5, inc: new Map() })
  assert.equal(transactionAnswer(subject, txId(both)).position, { 'doc:d': 2 })
  assert.equal(batchAnswer(subject, both.id).position, { 'doc:d': 2, 'doc:e': 1 })
})

test('pending, committed, executed', () => {
  const { subject, arrive, commit, txId } = setUp()
  const [first, second] = [arrive('d'), arrive('d')]
  assert.is(transactionAnswer(subject, txId(second)).status, 'pending')
  assert.throws(() => certificateAnswer(subject, second.id), /not committed/)
  commit(second, 0, [first.id], { m: 5, inc: new Map([[first.id, 5]]) })
  const waiting = transactionAnswer(subject, txId(second))
  assert.equal([waiting.status, waiting.position, waiting.receipt, waiting.score], ['committed', {}, null, 1])
  assert.equal(batchAnswer(subject, second.id).waitingFor, { batchId: first.id })
  assert.is(certificateAnswer(subject, second.id).batchId, second.id)
  commit(first, 0, [], { m: 5, inc: new Map() })
  assert.is(transactionAnswer(subject, txId(second)).status, 'executed')
  assert.equal(subject.executor.latest(1), [txId(second)])
  assert.equal(subject.executor.latest(9), [txId(second), txId(first)])
})

test('a duplicate keeps its first place and receipt', () => {
  const { subject, arrive, commit, txId } = setUp()
  const first = arrive('d')
  const again = makeBatch(crypto.ed25519, manifest.clusterId, linkKeys[1] ?? new Uint8Array(), {
    epoch: 0,
    initiator: 1,
    sequence: 0,
    time: 0,
    transactions: [...first.transactions],
  })
  subject.journal.apply({ type: 'batch', batch: again })
  subject.executor.arrived(again)
  commit(first, 0, [], { m: 5, inc: new Map() })
  const before = transactionAnswer(subject, txId(first))
  commit(again, 0, [first.id], { m: 5, inc: new Map([[first.id, 5]]) })
  assert.equal(transactionAnswer(subject, txId(first)), before)
  assert.is(subject.executor.executedBatches, 2)
  assert.is(subject.executor.executedTransactions, 1)
})

test('ids by prefix', () => {
  const ids = ['aabbcc00', 'aabbccdd', '11223344']
  assert.is(findId(ids, '112233', 'batch'), '11223344')
  assert.is(findId(ids, 'AABBCCDD', 'batch'), 'aabbccdd')
  assert.throws(() => findId(ids, 'aabbcc', 'batch'), /2 ids of a batch: give more digits/)
  assert.throws(() => findId(ids, '99999999', 'batch'), /no batch 99999999 is known here/)
  assert.throws(() => findId(ids, '11223', 'batch'), /6 to 64 hex digits/)
  assert.throws(() => findId(ids, '1122334z', 'batch'), /no id/)
})

test('ready means that a quorum is reachable, itself included', () => {
  const { subject } = setUp()
  assert.is(manifest.quorum, 4)
  assert.is(healthOf({ ...subject, connected: new Set([1, 2]) }), 'no quorum')
  const connected = new Set([1, 2, 3])
  assert.is(healthOf({ ...subject, connected }), 'ready')
  assert.is(healthOf({ ...subject, connected, isComparing: () => true }), 'compares')
  assert.is(healthOf({ ...subject, connected, lost: () => 'its store' }), 'follows')
})

test.run()
