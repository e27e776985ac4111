/** Transactions and batches: keys, limits, ids, signatures; every limit is exceeded once. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compareText, utf8 } from '../../src/lib/base/bytes.js'
import { encodeCbor, type Plain } from '../../src/lib/base/cbor.js'
import { fromCbor, fromJson, toCbor, toJson } from '../../src/lib/base/codec.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import {
  decodeBatch,
  dependencyKeys,
  isSignedBatch,
  makeBatch,
  normalizeKeys,
  shareKey,
  signTransaction,
  sizeOf,
  type Transaction,
  transactionCodec,
  transactionFault,
  transactionId,
} from '../../src/lib/core/transaction.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { isCode } from './refusal.js'

const seed = Date.now() & 0x7fffffff
console.log(`transaction: seed ${seed}`)
const CLUSTER = 'ab'.repeat(32)
const SECRET = new Uint8Array(32).fill(7)
const PLAIN: Transaction = { deps: ['a', 'b'], payload: utf8('x'), client: null, nonce: utf8('n'), expiry: null, signature: null }
const BODY = { epoch: 0, initiator: 2, sequence: 5, time: 1_790_000_000, transactions: [PLAIN] }

const make = (more: Partial<typeof BODY> = {}) => makeBatch(nodeEd25519, CLUSTER, SECRET, { ...BODY, ...more })
const read = (bytes: Uint8Array): Transaction => fromCbor(transactionCodec, bytes, LIMITS.batchBytes)
const again = (transaction: Transaction): Transaction => read(toCbor(transactionCodec, transaction))

test('keys: sorted by UTF-8 bytes, unique, NFC, 1–128 bytes, at most 64', () => {
  const take = (deps: unknown) => fromJson(dependencyKeys, deps)
  assert.equal(take([]), [])
  // U+FF5E comes before U+1F600 by bytes, and after it by UTF-16 units.
  assert.equal(take(['a', 'é', '\uff5e', '😀']), ['a', 'é', '\uff5e', '😀'])
  assert.is(take(['x'.repeat(128)]).length, 1)
  assert.is(take(Array.from({ length: 64 }, (_, i) => `k${String(i).padStart(2, '0')}`)).length, 64)
  for (const bad of [
    ['b', 'a'],
    ['a', 'a'],
    ['😀', '\uff5e'],
    [''],
    ['x'.repeat(129)],
    ['é'.repeat(65)],
    ['e\u0301'],
    ['\ud800'],
    [7],
    'a',
    null,
    Array.from({ length: 65 }, (_, i) => `k${String(i).padStart(2, '0')}`),
  ])
    isCode(() => take(bad), 'BAD_ENCODING', JSON.stringify(bad))
})

test('what people type is put into that form', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }), { maxLength: 8 }), (typed) => {
      const keys = normalizeKeys(typed)
      assert.equal(keys, [...new Set(typed.map((key) => key.normalize('NFC')))].sort(compareText))
      for (let i = 1; i < keys.length; i++) assert.ok(Buffer.compare(Buffer.from(keys[i - 1] ?? ''), Buffer.from(keys[i] ?? '')) < 0)
    }),
    { seed },
  )
})

test('a transaction comes back from CBOR and JSON; each limit is refused when exceeded', () => {
  const full: Transaction = {
    ...PLAIN,
    client: new Uint8Array(32),
    signature: new Uint8Array(64),
    expiry: 2 ** 40,
    nonce: new Uint8Array(32),
    payload: new Uint8Array(LIMITS.payloadBytes),
  }
  for (const transaction of [PLAIN, full]) {
    assert.equal(toCbor(transactionCodec, again(transaction)), toCbor(transactionCodec, transaction))
    assert.equal(toJson(transactionCodec, fromJson(transactionCodec, toJson(transactionCodec, transaction))), toJson(transactionCodec, transaction))
  }
  const bad: Partial<Transaction>[] = [
    { payload: new Uint8Array(LIMITS.payloadBytes + 1) },
    { nonce: new Uint8Array(0) },
    { nonce: new Uint8Array(33) },
    { client: new Uint8Array(31) },
    { signature: new Uint8Array(63) },
    { expiry: 2 ** 40 + 1 },
    { deps: ['b', 'a'] },
  ]
  for (const fields of bad) isCode(() => again({ ...PLAIN, ...fields }), 'BAD_ENCODING', Object.keys(fields)[0])
})

test('the txId covers every field but the signature, and the cluster', () => {
  const id = (fields: Partial<Transaction>, cluster = CLUSTER) => transactionId(cluster, { ...PLAIN, ...fields })
  const ids = [
    id({}),
    id({ deps: ['a'] }),
    id({ payload: utf8('y') }),
    id({ client: new Uint8Array(32) }),
    id({ nonce: utf8('m') }),
    id({ expiry: 0 }),
    id({}, '00'.repeat(32)),
  ]
  assert.is(new Set(ids).size, ids.length)
  assert.is(id({ signature: new Uint8Array(64) }), id({}))
})

test('a client’s signature: right, or both fields null; anything else is a fault', () => {
  const signed = signTransaction(nodeEd25519, CLUSTER, SECRET, PLAIN)
  const fault = (transaction: Transaction, cluster = CLUSTER) => transactionFault(nodeEd25519, cluster, transaction)
  assert.equal([fault(PLAIN), fault(signed), fault(again(signed))], [undefined, undefined, undefined])
  for (const bad of [
    { ...signed, signature: null },
    { ...signed, client: null },
    { ...signed, payload: utf8('y') },
    { ...signed, deps: ['a'] },
    { ...signed, expiry: 1 },
    { ...signed, client: nodeEd25519.publicKey(new Uint8Array(32).fill(8)) },
    { ...signed, client: new Uint8Array(32) },
    { ...signed, signature: new Uint8Array(64) },
  ])
    assert.ok(fault(bad))
  assert.ok(fault(signed, '00'.repeat(32)))
})

test('a batch comes back from its bytes with its id and the union of its keys', () => {
  const batch = make({ transactions: [PLAIN, { ...PLAIN, deps: ['c', '😀'] }, { ...PLAIN, deps: [] }] })
  const decoded = decodeBatch(CLUSTER, batch.bytes)
  assert.equal([decoded.id, decoded.keys, decoded.initiator, decoded.sequence], [batch.id, ['a', 'b', 'c', '😀'], 2, 5])
  assert.ok(isSignedBatch(nodeEd25519, nodeEd25519.publicKey(SECRET), decoded))
  assert.not.ok(isSignedBatch(nodeEd25519, nodeEd25519.publicKey(new Uint8Array(32).fill(9)), decoded))
  assert.not.ok(isSignedBatch(nodeEd25519, nodeEd25519.publicKey(SECRET), decodeBatch('00'.repeat(32), batch.bytes)))
})

test('the batchId covers all fields, the transactions’ signatures too, and not the initiator’s own', () => {
  const signed = signTransaction(nodeEd25519, CLUSTER, SECRET, PLAIN)
  const ids = [
    make(),
    make({ epoch: 1 }),
    make({ initiator: 3 }),
    make({ sequence: 6 }),
    make({ time: 1 }),
    make({ transactions: [signed] }),
    make({ transactions: [{ ...signed, signature: new Uint8Array(64) }] }),
    make({ transactions: [PLAIN, PLAIN] }),
  ].map(({ id }) => id)
  assert.is(new Set(ids).size, ids.length)
  assert.is(makeBatch(nodeEd25519, CLUSTER, new Uint8Array(32).fill(9), BODY).id, ids[0])
})

test('refused: a batch without transactions, with too many, too large, with an unknown field or a bad number', () => {
  const transactions = (count: number) => Array.from({ length: count }, (_, i) => ({ ...PLAIN, nonce: utf8(String(i)) }))
  assert.is(decodeBatch(CLUSTER, make({ transactions: transactions(LIMITS.transactionsPerBatch) }).bytes).transactions.length, 1024)
  isCode(() => decodeBatch(CLUSTER, make({ transactions: transactions(LIMITS.transactionsPerBatch + 1) }).bytes), 'BAD_ENCODING')
  isCode(() => decodeBatch(CLUSTER, make({ transactions: [] }).bytes), 'BAD_ENCODING')
  const large = transactions(5).map((transaction) => ({ ...transaction, payload: new Uint8Array(LIMITS.payloadBytes) }))
  isCode(() => decodeBatch(CLUSTER, make({ transactions: large }).bytes), 'BAD_ENCODING')
  const fields: [string, Plain][] = [
    ['epoch', 0],
    ['initiator', 2],
    ['sequence', 5],
    ['time', 0],
    ['transactions', [encodeCbor(null)]],
    ['signature', new Uint8Array(64)],
  ]
  isCode(() => decodeBatch(CLUSTER, encodeCbor(new Map(fields))), 'BAD_ENCODING')
  for (const [name, value] of [
    ['initiator', LIMITS.signers + 1],
    ['time', 2 ** 40 + 1],
    ['epoch', 2 ** 32 + 1],
  ] as const)
    isCode(() => decodeBatch(CLUSTER, make({ [name]: value }).bytes), 'BAD_ENCODING', name)
})

test('refused: a batch with more keys, or more bytes of keys, than a view of it may have', () => {
  const withKeys = (count: number, length: number) => {
    const keys = Array.from({ length: count }, (_, i) => String(i).padStart(length, '0'))
    const transactions = []
    for (let at = 0; at < keys.length; at += 64) transactions.push({ ...PLAIN, nonce: utf8(String(at)), deps: keys.slice(at, at + 64) })
    return make({ transactions }).bytes
  }
  assert.is(decodeBatch(CLUSTER, withKeys(LIMITS.keysPerBatch, 8)).keys.length, LIMITS.keysPerBatch)
  isCode(() => decodeBatch(CLUSTER, withKeys(LIMITS.keysPerBatch + 1, 8)), 'BAD_ENCODING')
  assert.is(decodeBatch(CLUSTER, withKeys(LIMITS.keyBytesPerBatch / 128, 128)).keys.length, 192)
  isCode(() => decodeBatch(CLUSTER, withKeys(LIMITS.keyBytesPerBatch / 128 + 1, 128)), 'BAD_ENCODING')
})

test('any change of a byte of a batch is refused or makes another batch; the decoder only ever throws its one error', () => {
  const { bytes, id } = make()
  const key = nodeEd25519.publicKey(SECRET)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = bytes.slice()
      changed[at] = (changed[at] ?? 0) ^ flip
      try {
        const decoded = decodeBatch(CLUSTER, changed)
        assert.not.ok(decoded.id === id && isSignedBatch(nodeEd25519, key, decoded))
      } catch (error) {
        isCode(() => {
          throw error
        }, 'BAD_ENCODING')
      }
    }),
    { seed, numRuns: 500 },
  )
})

test('batches conflict exactly when they share a key', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.constantFrom(...'abcdef')), fc.uniqueArray(fc.constantFrom(...'abcdef')), (a, b) => {
      assert.is(
        shareKey(a, b),
        a.some((key) => b.includes(key)),
      )
    }),
    { seed },
  )
})

test('the estimate of a transaction’s size is no less than what it takes', () => {
  for (const transaction of [
    PLAIN,
    signTransaction(nodeEd25519, CLUSTER, SECRET, { ...PLAIN, expiry: 2 ** 40, nonce: new Uint8Array(32), payload: new Uint8Array(70_000) }),
  ])
    assert.ok(
      sizeOf(transaction) + 60 >= toCbor(transactionCodec, transaction).length,
      `${sizeOf(transaction)} < ${toCbor(transactionCodec, transaction).length}`,
    )
})

test.run()
