/**
 * The short way of a codec to its bytes and back, against the long one through plain values: over good bytes and hostile ones it takes exactly what the long way
 * takes, and makes the same of it. What only the long way took would be slow; what only the short one took would be a hole.
 */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ProtocolVectors } from '../../scripts/make-protocol-vectors.js'
import { fromHex, toHex } from '../../src/lib/base/bytes.js'
import { decodeCbor, encodeCbor, type Plain } from '../../src/lib/base/cbor.js'
import { CborReader } from '../../src/lib/base/cbor-reader.js'
import { type Codec, fromCbor, toCbor } from '../../src/lib/base/codec.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { certificateCodec, orderCodec } from '../../src/lib/core/certificate.js'
import { evidenceCodec } from '../../src/lib/core/evidence.js'
import { messageCodec } from '../../src/lib/core/message.js'
import { recordCodec } from '../../src/lib/core/record.js'
import { decodeBatch, transactionCodec, transactionId } from '../../src/lib/core/transaction.js'
import { Liars } from '../core/evidence-samples.js'
import { FAKE } from '../core/small-cluster.js'
import { conflict } from '../seed/conflict.js'
import { Mutator } from './mutator.js'

const seed = process.env.MUSIG_TEST_SEED ?? String(Date.now())
const MAX_BYTES = 2 ** 24
const INPUTS = 4000

const vectors = JSON.parse(readFileSync(new URL('../vectors/protocol.json', import.meta.url), 'utf8')) as ProtocolVectors
const liars = new Liars(FAKE)
const { cluster } = conflict(7, (signer) => signer % 2 === 0)
cluster.run(3000)
const { clusterId } = cluster.manifest
const bytesOf = (list: readonly { cbor: string }[]): Uint8Array[] => list.map(({ cbor }) => fromHex(cbor))
const sent = cluster.sent.slice(0, 200).map(({ message }) => toCbor(messageCodec(clusterId), message))
const kept = cluster.records.flat().map((record) => toCbor(recordCodec(clusterId), record))
const proofs = liars.samples().map(({ evidence }) => toCbor(evidenceCodec(liars.manifest.clusterId), evidence))

const CASES: [string, Codec<unknown>, Uint8Array[]][] = [
  ['messages', messageCodec(vectors.clusterId) as Codec<unknown>, bytesOf(vectors.messages)],
  ['messages of a cluster', messageCodec(clusterId) as Codec<unknown>, sent],
  ['records', recordCodec(clusterId) as Codec<unknown>, kept],
  ['transactions', transactionCodec as Codec<unknown>, bytesOf(vectors.transactions)],
  ['orders', orderCodec as Codec<unknown>, bytesOf(vectors.orders)],
  ['certificates', certificateCodec as Codec<unknown>, bytesOf(vectors.certificates)],
  ['evidence', evidenceCodec(liars.manifest.clusterId) as Codec<unknown>, proofs],
]

function short(codec: Codec<unknown>, bytes: Uint8Array): { value: unknown } | undefined {
  try {
    const reader = new CborReader(bytes)
    const value = codec.read?.(reader)
    reader.end()
    return { value }
  } catch {
    return undefined
  }
}

function long(codec: Codec<unknown>, bytes: Uint8Array): { value: unknown } | undefined {
  try {
    return { value: codec.decode(decodeCbor(bytes, MAX_BYTES), 'cbor', 'message') }
  } catch {
    return undefined
  }
}

for (const [name, codec, seeds] of CASES)
  test(`${name}: both ways read the same, from good and from hostile bytes`, () => {
    console.log(`codec-bytes: ${name}, seed ${seed}, ${seeds.length} good inputs`)
    const mutator = new Mutator('cbor', seeds, new SeededRandom(`codec-bytes/${name}/${seed}`))
    for (const good of seeds) assert.ok(short(codec, good), `the short way refuses ${toHex(good).slice(0, 200)}`)
    for (let i = 0; i < seeds.length + INPUTS; i++) {
      const bytes = seeds[i] ?? mutator.next()
      const [one, other] = [short(codec, bytes), long(codec, bytes)]
      assert.is(one === undefined, other === undefined, `only ${one ? 'the short' : 'the long'} way takes ${toHex(bytes).slice(0, 400)}`)
      assert.equal(one?.value, other?.value, toHex(bytes).slice(0, 400))
    }
  })

for (const [name, codec, seeds] of CASES)
  test(`${name}: both ways write the same bytes`, () => {
    for (const good of seeds) {
      const value = fromCbor(codec, good, MAX_BYTES)
      assert.is(toHex(toCbor(codec, value)), toHex(good))
      assert.is(toHex(encodeCbor(codec.encode(value, 'cbor') as Plain)), toHex(good))
    }
  })

test('the ids in a batch, taken from its bytes, are those of its transactions', () => {
  let count = 0
  for (const encoded of bytesOf(vectors.batches)) {
    const batch = decodeBatch(vectors.clusterId, encoded)
    // Of copies: those of the batch may be known already.
    const expected = batch.transactions.map((transaction) => transactionId(vectors.clusterId, { ...transaction }))
    assert.equal(batch.txIds, expected)
    count += expected.length
  }
  assert.ok(count > 0)
})

test.run()
