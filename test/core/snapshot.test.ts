/** Snapshots of the journal: taken at any moment of runs with disagreement, locks and recovery, they give back the same journal. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/lib/base/bytes.js'
import { MusigError } from '../../src/lib/base/errors.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { Journal } from '../../src/lib/core/journal.js'
import type { KnownBatch } from '../../src/lib/core/known-batch.js'
import { decodeSnapshot, encodeSnapshot, type PastBatch } from '../../src/lib/core/snapshot.js'
import { SmallCluster } from './small-cluster.js'

/** All that was executed, as outlines: from a second journal of the same records, for pruning takes the batches out. */
function pastOf(cluster: SmallCluster, signer: number): PastBatch[] {
  const journal = new Journal(cluster.manifest)
  for (const record of cluster.records[signer] ?? []) journal.apply(record)
  return journal.prune(journal.logs.executed.length)
}

/** Bytes are bytes, whoever made the array, and a map has no order. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (value instanceof Map) return plain(Object.fromEntries(value))
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, field]) => [name, plain(field)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** What can be asked of a journal about batches that are not executed, and about the logs. */
function openState(journal: Journal): object {
  const open = [...journal.arrivals()].filter((batchId) => !journal.isExecuted(batchId))
  const keys = journal.logs.keys()
  return {
    known: open.map((batchId) => journal.get(batchId)),
    pending: open.map((batchId) => [...journal.pendingOn(journal.get(batchId)?.batch.keys ?? [])].sort()),
    undecided: [...journal.undecided].sort(),
    waiting: [...journal.waiting.keys()].sort(),
    sequences: [0, 1, 2, 3, 4].map((initiator) => journal.nextSequence(initiator)),
    hasRejoined: journal.hasRejoined,
    order: journal.logs.orderDigest,
    executed: [...journal.logs.executed],
    digest: journal.logs.executedDigest,
    heads: keys.map((key) => [key, journal.logs.heightOf(key), journal.logs.headOf(key)]),
  }
}

/** Of its runs it is known what they show. */
const FIXED_SEED = 4
const seen = { vote: 0, accepted: 0, promised: 0, orders: 0, lock: 0, committed: 0, forgotten: 0, executed: 0 }

function look({ vote, accepted, promised, orders, lock, committed, isForgotten }: KnownBatch): void {
  if (vote) seen.vote++
  if (accepted) seen.accepted++
  if (promised > 0) seen.promised++
  if (orders.size > 0) seen.orders++
  if (lock) seen.lock++
  if (committed) seen.committed++
  if (isForgotten) seen.forgotten++
}

/** Takes a snapshot of a signer's journal and holds what comes of it against the journal itself. */
function compare(cluster: SmallCluster, signer: number, seed: number): void {
  const counts = seed === FIXED_SEED
  const { journal } = cluster.signers[signer] ?? {}
  assert.ok(journal)
  const encoded = encodeSnapshot(cluster.manifest.clusterId, journal.snapshot())
  const restored = new Journal(cluster.manifest)
  restored.restore(pastOf(cluster, signer), decodeSnapshot(cluster.manifest.clusterId, encoded))
  assert.equal(plain(openState(restored)), plain(openState(journal)), `seed ${seed}`)
  for (const batchId of journal.arrivals()) {
    const known = journal.get(batchId)
    assert.ok(known)
    if (!journal.isExecuted(batchId)) {
      if (counts) look(known)
      continue
    }
    assert.ok(restored.hasArrived(batchId) && restored.isDecided(batchId) && !restored.get(batchId))
    assert.is(restored.pastOf(batchId)?.isFast, known.committed?.certificate.type === 'fast')
    const { id, initiator, keys } = known.batch
    assert.equal(restored.outlineOf(batchId), { id, initiator, keys })
    if (counts) seen.executed++
  }
}

for (const deltaMs of [0, 50]) {
  for (const seed of [FIXED_SEED, Date.now() % 1_000_000]) {
    test(`a snapshot at any moment gives the same journal back, with Δ ${deltaMs}, seed ${seed}`, () => {
      const random = new SeededRandom(seed)
      // Nobody waits for anybody, so that as much as can be is open at a time.
      const cluster = new SmallCluster({
        n: 5,
        deltaMs,
        rules: { holdBack: false },
        delay: () => (random.upTo(40) === 0 ? undefined : 1 + random.upTo(60)),
      })
      for (let i = 0; i < 40; i++) {
        cluster.submit(i % 5, cluster.transaction(i % 3 === 0 ? ['a', 'b'] : [['a', 'b', 'c'][random.upTo(2)] ?? '']))
        cluster.run(random.upTo(200))
        if (i === 20) {
          cluster.records[0]?.push({ type: 'rejoin' })
          cluster.crash(0)
          cluster.restart(0)
        }
        compare(cluster, i % 2, seed)
      }
    })
  }
}

test('in those runs there was everything that a snapshot holds', () => {
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 0, `${what} was never there: ${JSON.stringify(seen)}`)
})

test('a snapshot that is cut short or altered does not become a journal', () => {
  const cluster = new SmallCluster({ n: 5 })
  const { id } = cluster.propose(0, ['a'])
  const { journal } = cluster.signers[0] ?? {}
  assert.ok(journal)
  assert.ok(journal.get(id))
  const encoded = encodeSnapshot(cluster.manifest.clusterId, journal.snapshot())
  for (const length of [0, 1, encoded.length >> 1, encoded.length - 1])
    assert.throws(
      () => decodeSnapshot(cluster.manifest.clusterId, encoded.subarray(0, length)),
      (error: unknown) => error instanceof MusigError && error.code === 'BAD_ENCODING',
    )
  cluster.settle(id)
  const later = encodeSnapshot(cluster.manifest.clusterId, journal.snapshot())
  assert.throws(() => new Journal(cluster.manifest).restore([], decodeSnapshot(cluster.manifest.clusterId, later)), /goes with the past/)
})

test.run()
