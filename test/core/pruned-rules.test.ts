/** Rules that look at executed batches keep their answer where such a batch is pruned (protocol.md §22). */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import { mergeMultiSignatures, singleSignature } from '../../src/lib/bls/multi-signature.js'
import { type Certificate, signOrder } from '../../src/lib/core/certificate.js'
import { Context } from '../../src/lib/core/context.js'
import { Guard } from '../../src/lib/core/guard.js'
import type { KnownBatch } from '../../src/lib/core/known-batch.js'
import { readBacking } from '../../src/lib/core/promises.js'
import type { PastBatch } from '../../src/lib/core/snapshot.js'
import { voteDigest } from '../../src/lib/core/statement.js'
import type { Value } from '../../src/lib/core/tally.js'
import { type Batch, makeBatch } from '../../src/lib/core/transaction.js'
import { emptyView } from '../../src/lib/core/view.js'
import { voteSetOf } from '../../src/lib/core/vote-set.js'
import { type SecretKeys, signersOf } from '../../src/lib/simulator/signers.js'
import { FAKE, SmallCluster } from './small-cluster.js'

const { manifest, keys } = signersOf(FAKE, { n: 5, tolerance: '1/2', deltaMs: 50, fanout: 2, regions: [], timing: {} })
const keysOf = (signer: number): SecretKeys => keys[signer] as SecretKeys

function batchOn(key: string, sequence = 0): Batch {
  const transaction = { deps: [key], payload: utf8(''), client: null, nonce: utf8(`${key}${sequence}`), expiry: null, signature: null }
  return makeBatch(FAKE.ed25519, manifest.clusterId, keysOf(0).link, { epoch: 0, initiator: 0, sequence, time: 0, transactions: [transaction] })
}

/** All signers' votes for a batch: nothing came before it. */
function emptyVotes(one: typeof manifest, secrets: readonly SecretKeys[], batchId: string) {
  const message = voteDigest(one, batchId, emptyView())
  const shares = secrets.map(({ bls }, signer) => singleSignature(one.n, signer, message, FAKE.bls.sign(bls, message)))
  const merged = mergeMultiSignatures(FAKE.bls, shares)
  assert.ok(merged)
  const [entry] = merged.entries
  return voteSetOf(merged, new Map([[Buffer.from(entry?.message ?? []).toString('hex'), emptyView()]]))
}

function contextWith(...past: PastBatch[]): Context {
  const context = new Context({ self: 0, manifest, crypto: FAKE, blsSecretKey: keysOf(0).bls, linkSecretKey: keysOf(0).link, check: () => undefined })
  context.journal.restore(past, { executed: past.length, hasRejoined: false, changes: [], sequences: [], open: [] })
  return context
}

const outline = (batch: Batch, isFast: boolean): PastBatch => ({
  id: batch.id,
  initiator: batch.initiator,
  isFast,
  keys: batch.keys,
  transactions: [],
  keyless: [],
})
const nothingBefore: Value = { base: new Map(), predecessors: [], tallies: null }

test('with the guard a fast certificate that leaves out a pruned batch is not final, and void if that was a slow one', () => {
  const [earlier, batch] = [batchOn('a', 0), batchOn('a', 1)]
  const known: KnownBatch = { batch, frozen: emptyView(), promised: 0, orders: new Map() }
  const certificate: Certificate = { type: 'fast', epoch: 0, batchId: batch.id, votes: emptyVotes(manifest, keys, batch.id) }
  for (const isFast of [true, false]) {
    const guard = new Guard(contextWith(outline(earlier, isFast)))
    assert.is(guard.isFinal(known, certificate, nothingBefore), false)
    assert.is(guard.isVoid(known, { certificate, value: nothingBefore }), !isFast)
    const behind: Value = { base: new Map([['a', 1]]), predecessors: [], tallies: null }
    assert.is(guard.isFinal(known, certificate, behind), true)
    assert.is(guard.isVoid(known, { certificate, value: behind }), false)
  }
})

test('what backs a blocker that is pruned is verified as before: true, or a fault', () => {
  const [earlier, batch] = [batchOn('a', 0), batchOn('a', 1)]
  const context = contextWith(outline(earlier, true))
  const certificate: Certificate = { type: 'fast', epoch: 0, batchId: earlier.id, votes: emptyVotes(manifest, keys, earlier.id) }
  assert.equal(readBacking(context, { type: 'certificate', certificate }, batch.id), { type: 'read', value: true })
  const forged: Certificate = { ...certificate, votes: emptyVotes(manifest, keys, batch.id) }
  assert.is(readBacking(context, { type: 'certificate', certificate: forged }, batch.id).type, 'fault')
  const order = signOrder(FAKE, manifest, keysOf(0).link, {
    batchId: earlier.id,
    ballot: 0,
    value: { ...nothingBefore, tallies: { m: 5, inc: new Map() } },
    proof: { type: 'votes', votes: emptyVotes(manifest, keys, earlier.id) },
  })
  assert.equal(readBacking(context, { type: 'order', order }, batch.id), { type: 'read', value: true })
  assert.is(readBacking(context, { type: 'order', order: { ...order, signature: new Uint8Array(64) } }, batch.id).type, 'fault')
})

test('an order that leaves out a pruned batch is refused', () => {
  for (const snapshotEvery of [5, 0]) {
    const cluster = new SmallCluster({ n: 5, snapshotEvery: () => snapshotEvery })
    // The last ones, which are not pruned, are on another key.
    for (let i = 0; i < 30; i++) {
      assert.ok(cluster.settle(cluster.propose(i % 5, [i < 5 ? 'a' : 'b']).id))
      cluster.run(cluster.manifest.timing.syncIntervalMs)
    }
    const pruned = cluster.signers[2]?.journal.pruned ?? 0
    assert.is(pruned > 5, snapshotEvery > 0)
    // Its votes reach signer 2 in an order that does not follow from anything honest: all say that nothing came before.
    cluster.delay = ({ to, message }) => (to === 2 && message.type === 'propose' ? 10 : undefined)
    const { id, tree } = cluster.propose(0, ['a'])
    const parent = tree.parentOf(2) ?? 0
    const { batch } = cluster.signers[0]?.journal.get(id) ?? {}
    assert.ok(batch)
    cluster.inject(parent, 2, { type: 'propose', batch, reference: emptyView() })
    const proof = { type: 'votes' as const, votes: emptyVotes(cluster.manifest, cluster.keys, id) }
    const value: Value = { base: new Map(), predecessors: [], tallies: { m: 5, inc: new Map() } }
    const order = signOrder(FAKE, cluster.manifest, cluster.keys[0]?.link ?? new Uint8Array(), { batchId: id, ballot: 0, value, proof })
    cluster.forget()
    cluster.inject(parent, 2, { type: 'order', order })
    assert.equal(cluster.recordsOf(2, 'accept'), [])
    const [refusal] = cluster.sentOf('refuse', id)
    assert.is(refusal?.message.backings.length, pruned > 0 ? 0 : 5)
  }
})

test.run()
