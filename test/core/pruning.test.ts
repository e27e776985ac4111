/** Pruning: what stays is enough to be the same signer again, nothing goes that somebody needs, and who lacks what is gone says so. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Message } from '../../src/lib/core/message.js'
import type { Signer } from '../../src/lib/core/signer.js'
import { SmallCluster, type SmallClusterOptions } from './small-cluster.js'

const EVERY = 5

/** One batch after the other, on a few keys, by the signers in turn. */
function executeMany(cluster: SmallCluster, count: number, initiators: readonly number[] = [0, 1, 2, 3, 4]): string[] {
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    const { id } = cluster.propose(initiators[i % initiators.length] ?? 0, [`k${i % 3}`])
    assert.ok(cluster.settle(id), `batch ${i} is executed`)
    ids.push(id)
    // Time for signers to compare their logs.
    cluster.run(cluster.manifest.timing.syncIntervalMs)
  }
  return ids
}

function pruningCluster(options: Partial<SmallClusterOptions> = {}): SmallCluster {
  return new SmallCluster({ n: 5, snapshotEvery: () => EVERY, ...options })
}

function signerOf(cluster: SmallCluster, index: number): Signer {
  const signer = cluster.signers[index]
  if (!signer) throw new Error(`signer ${index} is down`)
  return signer
}

function stateOf(cluster: SmallCluster, index: number): object {
  const { journal } = signerOf(cluster, index)
  const { logs, undecided, waiting, pruned } = journal
  const sequences = [0, 1, 2, 3, 4].map((initiator) => journal.nextSequence(initiator))
  const keys = logs.keys().map((key) => [key, logs.heightOf(key)])
  return { order: logs.orderDigest, executed: [...logs.executed], undecided: [...undecided], waiting: waiting.size, pruned, sequences, keys }
}

for (const deltaMs of [0, 50]) {
  test(`a signer that comes back from a snapshot and the records behind it is who it was, and goes on, with Δ ${deltaMs}`, () => {
    const cluster = pruningCluster({ deltaMs })
    const ids = executeMany(cluster, 30)
    const pruned = cluster.signers[1]?.journal.pruned ?? 0
    assert.ok(pruned >= EVERY, `${pruned} pruned`)
    assert.ok((cluster.bases[1]?.records ?? 0) >= 3 * pruned, 'the records of those batches are gone')
    const before = stateOf(cluster, 1)
    cluster.crash(1)
    cluster.restart(1)
    assert.equal(stateOf(cluster, 1), before)
    const [first = ''] = ids
    assert.is(cluster.signers[1]?.journal.get(first), undefined)
    assert.equal([...(cluster.signers[1]?.journal.logs.heightsOf(first) ?? [])], [['k0', 1]])
    executeMany(cluster, 3, [1])
    assert.is(new Set(cluster.signers.map((signer) => signer?.journal.logs.orderDigest)).size, 1)
    assert.equal(cluster.suspicions, [])
  })
}

test('a signer that was restarted goes on pruning, again and again', () => {
  const cluster = pruningCluster()
  executeMany(cluster, 3 * EVERY + 2)
  for (let life = 0; life < 2; life++) {
    cluster.crash(3)
    cluster.restart(3)
    executeMany(cluster, 3 * EVERY)
    const pruned = cluster.signers.map((signer) => signer?.journal.pruned ?? 0)
    const executed = signerOf(cluster, 3).journal.logs.executed.length
    assert.ok((pruned[3] ?? 0) >= executed - 2 * EVERY, `${pruned} of ${executed} pruned`)
  }
})

test('a signer that has to forget its log keeps what is pruned, takes the rest from the others, and signs nothing twice', () => {
  const cluster = pruningCluster({ deltaMs: 50 })
  executeMany(cluster, 22)
  const pruned = cluster.signers[1]?.journal.pruned ?? 0
  assert.ok(pruned > 0 && pruned < 22)
  cluster.crash(1)
  cluster.records[1]?.push({ type: 'forget', stands: 0 })
  cluster.executed[1] = (cluster.executed[1] ?? []).slice(0, pruned)
  cluster.restart(1)
  assert.equal([signerOf(cluster, 1).journal.pruned, signerOf(cluster, 1).journal.logs.executed.length], [pruned, pruned])
  assert.ok(cluster.runUntil(() => cluster.signers[1]?.journal.logs.executed.length === 22, 20_000))
  executeMany(cluster, 2 * EVERY)
  assert.is(new Set(cluster.signers.map((signer) => signer?.journal.logs.orderDigest)).size, 1)
  assert.ok(signerOf(cluster, 1).journal.pruned > pruned)
  const votes = cluster.recordsOf(1, 'vote').map(({ batchId }) => batchId)
  assert.is(new Set(votes).size, votes.length)
  const before = stateOf(cluster, 1)
  cluster.crash(1)
  cluster.restart(1)
  assert.equal(stateOf(cluster, 1), before)
})

test('a transaction of a pruned batch is not executed again, before and after a restart', () => {
  const cluster = pruningCluster()
  const transaction = cluster.transaction(['k0'], 'once')
  const txId = cluster.submit(0, transaction)
  cluster.run(1000)
  executeMany(cluster, 20)
  const [base] = cluster.bases
  assert.ok(base?.past.some(({ transactions }) => transactions.some((one) => one.txId === txId)))
  for (let life = 0; life < 2; life++) {
    cluster.forget()
    cluster.submit(0, transaction)
    assert.equal(
      cluster.done.flatMap(({ effect }) => (effect.type === 'reply' ? [effect.status] : [])),
      ['known'],
    )
    cluster.crash(0)
    cluster.restart(0)
  }
})

test('whatever comes about a pruned batch, nothing is signed or recorded of it again', () => {
  const cluster = pruningCluster()
  const heard: { from: number; message: Message }[] = []
  cluster.delay = ({ from, to, message }) => {
    if (to === 2) heard.push({ from, message })
    return 10
  }
  const ids = executeMany(cluster, 20)
  const pruned = new Set(ids.filter((batchId) => cluster.signers[2]?.journal.pastOf(batchId)))
  assert.ok(pruned.size >= EVERY)
  for (let life = 0; life < 2; life++) {
    const records = cluster.records[2]?.length
    for (const { from, message } of [...heard]) {
      cluster.inject(from, 2, message)
      if (message.type === 'propose') cluster.inject(from, 2, { type: 'have', batch: message.batch, certificate: null })
    }
    cluster.run(5000)
    const about = (cluster.records[2] ?? []).slice(records).filter((record) => record.type === 'batch' || record.type === 'vote')
    assert.equal(about, [])
    cluster.crash(2)
    cluster.restart(2)
    cluster.run(1000)
  }
})

test('while one signer is away nothing is pruned: it comes back and catches up; then it goes on', () => {
  const cluster = pruningCluster()
  executeMany(cluster, 2)
  cluster.crash(4)
  executeMany(cluster, 4 * EVERY, [0, 1, 2, 3])
  assert.equal(
    cluster.signers.map((signer) => signer?.journal.pruned),
    [0, 0, 0, 0, undefined],
  )
  cluster.restart(4)
  assert.ok(cluster.runUntil(() => cluster.signers[4]?.journal.logs.executed.length === 2 + 4 * EVERY))
  executeMany(cluster, 3 * EVERY)
  assert.ok(cluster.signers.every((signer) => (signer?.journal.pruned ?? 0) > 0))
})

test('a batch that is open holds back what was executed since it arrived', () => {
  const cluster = pruningCluster()
  executeMany(cluster, 1)
  // One signer's batch reaches signer 0 alone: nobody decides it.
  let stuck = ''
  cluster.delay = ({ from, to, message }) => {
    const about = 'batchId' in message ? message.batchId : message.type === 'propose' || message.type === 'have' ? message.batch.id : undefined
    if (about !== undefined && about === stuck && from !== 0 && to !== 0) return undefined
    return about !== undefined && about === stuck ? undefined : 10
  }
  stuck = cluster.propose(0, ['lonely']).id
  executeMany(cluster, 4 * EVERY, [1, 2, 3, 4])
  const arrived = cluster.signers.filter((signer) => signer?.journal.undecided.has(stuck))
  assert.ok(arrived.length > 0)
  for (const signer of arrived) assert.ok((signer?.journal.pruned ?? 0) <= 1, `${signer?.journal.pruned} pruned`)
  cluster.delay = () => 10
  assert.ok(cluster.settle(stuck))
  executeMany(cluster, 3 * EVERY)
  assert.ok(cluster.signers.every((signer) => (signer?.journal.pruned ?? 0) > EVERY))
})

test('who has lost its store and finds all others pruned says so; one that keeps all brings it back', () => {
  for (const keeps of [false, true]) {
    const cluster = pruningCluster({ snapshotEvery: (signer) => (keeps && signer === 3 ? 0 : EVERY) })
    executeMany(cluster, 20)
    assert.ok(cluster.signers.every((signer, i) => (keeps && i === 3) || (signer?.journal.pruned ?? 0) > 0))
    cluster.crash(4)
    cluster.records[4] = []
    cluster.bases[4] = undefined
    cluster.executed[4] = []
    cluster.restart(4)
    cluster.run(60_000)
    const { beyondReach, journal } = signerOf(cluster, 4)
    if (keeps) assert.equal([beyondReach, journal.logs.executed.length], [undefined, 20])
    else assert.equal([beyondReach, journal.logs.executed.length], [cluster.signers[0]?.journal.logs.executed[0], 0])
  }
})

test.run()
