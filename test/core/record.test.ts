/** Records: whatever real signers record comes back from its bytes, restores the same signer, and spoiled bytes give one typed error. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { Journal } from '../../src/lib/core/journal.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import { type DurableRecord, decodeRecord, encodeRecord, recordCodec } from '../../src/lib/core/record.js'
import { conflict } from '../seed/conflict.js'
import { isCode } from './refusal.js'
import type { SmallCluster } from './small-cluster.js'
import { hex } from './text.js'

const seed = Date.now() & 0x7fffffff
console.log(`record: seed ${seed}`)

/** A story in which every kind of record is made: a slow batch, a failed ballot 0, recovery. */
function told(): SmallCluster {
  const { cluster, a, b } = conflict(7, (signer) => signer % 2 === 0)
  const usual = cluster.delay
  cluster.delay = (sent) => (sent.message.type === 'accept' && sent.message.ballot === 0 ? undefined : usual(sent))
  assert.ok(cluster.settle(a, b))
  return cluster
}

const cluster = told()
const codec = recordCodec(cluster.manifest.clusterId)
const all: DurableRecord[] = cluster.records.flat()

test('every kind of record is made, and comes back from its bytes', () => {
  assert.equal([...new Set(all.map(({ type }) => type))].sort(), ['accept', 'batch', 'certificate', 'order', 'promise', 'vote'])
  for (const record of all) {
    const encoded = encodeRecord(codec, record)
    assert.is(hex(encodeRecord(codec, decodeRecord(codec, encoded))), hex(encoded))
  }
})

test('a signer restored from its records knows what it knew', () => {
  for (let signer = 0; signer < 7; signer++) {
    const before = cluster.signers[signer]?.journal
    const known = [...(before?.arrivals() ?? [])].map((id) => {
      const { frozen, vote, accepted, promised, committed } = before?.get(id) ?? {}
      return { id, frozen, vote, accepted, promised, value: committed?.value }
    })
    cluster.crash(signer)
    cluster.restart(signer)
    const after = cluster.signers[signer]?.journal
    assert.equal(
      [...(after?.arrivals() ?? [])],
      known.map(({ id }) => id),
    )
    for (const { id, frozen, vote, accepted, promised, value } of known) {
      const now = after?.get(id)
      assert.equal([now?.frozen, now?.promised, now?.committed?.value], [frozen, promised, value])
      assert.equal([now?.vote?.view, now?.vote && hex(now.vote.signature)], [vote?.view, vote && hex(vote.signature)])
      assert.equal([now?.accepted?.ballot, now?.accepted?.value], [accepted?.ballot, accepted?.value])
    }
    assert.is(after?.logs.orderDigest, before?.logs.orderDigest)
    assert.equal(after?.logs.executed, before?.logs.executed)
    assert.is(after?.nextSequence(signer), before?.nextSequence(signer))
  }
})

test('each record takes effect by itself: a promise without an accept, a vote without a certificate', () => {
  for (const records of cluster.records) {
    const journal = new Journal(cluster.manifest)
    for (const record of records) {
      journal.apply(record)
      if (record.type === 'promise') assert.is(journal.get(record.batchId)?.promised, record.ballot)
      if (record.type === 'vote') assert.equal(journal.get(record.batchId)?.vote?.view, record.view)
      if (record.type === 'accept') assert.is(journal.get(record.order.batchId)?.accepted, record.order)
      if (record.type === 'order') assert.is(journal.get(record.order.batchId)?.orders.get(record.order.ballot), record.order)
      if (record.type === 'certificate') assert.not.ok(journal.undecided.has(record.certificate.batchId))
      if (record.type === 'batch') assert.ok(journal.undecided.has(record.batch.id))
    }
  }
})

test('spoiled records: the one error, or another record, never anything else', () => {
  const encoded = all.map((record) => encodeRecord(codec, record)).filter((bytes) => bytes.length < 6000)
  fc.assert(
    fc.property(fc.constantFrom(...encoded), fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (bytes, at, flip, cut) => {
      const spoiled = cut ? bytes.slice(0, at % bytes.length) : bytes.slice()
      if (!cut) spoiled[at % spoiled.length] = (spoiled[at % spoiled.length] ?? 0) ^ flip
      try {
        assert.is(hex(encodeRecord(codec, decodeRecord(codec, spoiled))), hex(spoiled))
      } catch (error) {
        assert.ok(error instanceof MusigError && error.code === 'BAD_ENCODING', String(error))
      }
    }),
    { seed, numRuns: 1000 },
  )
})

test('a record above the limit is refused', () => {
  isCode(() => decodeRecord(codec, new Uint8Array(LIMITS.messageBytes + 1)), 'BAD_ENCODING')
})

test.run()
