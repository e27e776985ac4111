/** Key logs: heights, chains and the orderDigest, held against the text, and equal exactly where all logs are. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeCbor } from '../../src/lib/base/cbor.js'
import { sha256 } from '../../src/lib/base/hash.js'
import { KeyLogs } from '../../src/lib/core/key-logs.js'
import { hex, u32, unhex } from './text.js'

const seed = Date.now() & 0x7fffffff
console.log(`key logs: seed ${seed}`)
const CLUSTER = 'ab'.repeat(32)
const id = (i: number): string => hex(sha256(u32(i)))

const steps = fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'é', '😀', '～'), { maxLength: 4 }), { maxLength: 12 })

test('heights from 1, a batch at one height on each of its keys, and nowhere else', () => {
  fc.assert(
    fc.property(steps, (batches) => {
      const logs = new KeyLogs(CLUSTER)
      const expected = new Map<string, string[]>()
      batches.forEach((keys, i) => {
        const heights = logs.append(id(i), keys)
        for (const key of keys) expected.set(key, [...(expected.get(key) ?? []), id(i)])
        assert.equal(
          [...heights],
          keys.map((key) => [key, expected.get(key)?.length]),
        )
        assert.equal([...(logs.heightsOf(id(i)) ?? [])], [...heights])
      })
      for (const [key, ids] of expected) {
        assert.is(logs.heightOf(key), ids.length)
        for (const [at, batchId] of ids.entries()) assert.is(logs.batchAt(key, at + 1), batchId)
        assert.is(logs.batchAt(key, 0), undefined)
        assert.is(logs.batchAt(key, ids.length + 1), undefined)
      }
      assert.is(logs.heightOf('never'), 0)
      assert.is(logs.heightsOf(id(999)), undefined)
      assert.equal(
        logs.executed,
        batches.map((_, i) => id(i)),
      )
    }),
    { seed },
  )
})

test('heads and orderDigest are those of the text', () => {
  fc.assert(
    fc.property(steps, (batches) => {
      const logs = new KeyLogs(CLUSTER)
      const heads = new Map<string, { height: number; head: Uint8Array }>()
      const all = new Map<string, Uint8Array>()
      batches.forEach((keys, i) => {
        logs.append(id(i), keys)
        for (const key of keys) {
          const { height, head } = heads.get(key) ?? { height: 0, head: new Uint8Array(32) }
          const parts = [Buffer.from('musig/v1/key\0'), unhex(CLUSTER), Buffer.from(key), u32(height + 1), head, unhex(id(i))]
          heads.set(key, { height: height + 1, head: sha256(Buffer.concat(parts)) })
          all.set(`${key}/${height + 1}`, heads.get(key)?.head ?? new Uint8Array(0))
        }
      })
      for (const [place, head] of all) {
        const [key = '', height] = place.split('/')
        assert.is(hex(logs.headOf(key, Number(height))), hex(head))
      }
      for (const [key, { head }] of heads) assert.is(hex(logs.headOf(key)), hex(head))
      const pairs = [...heads].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map(([key, { head }]) => [key, head])
      assert.is(logs.orderDigest, hex(sha256(Buffer.concat([Buffer.from('musig/v1/order-digest\0'), unhex(CLUSTER), encodeCbor(pairs)]))))
    }),
    { seed },
  )
})

test('batches without a common key may be executed in any order; two with one may not', () => {
  const run = (order: [number, string[]][]): [string, string] => {
    const logs = new KeyLogs(CLUSTER)
    for (const [i, keys] of order) logs.append(id(i), keys)
    return [logs.orderDigest, logs.executedDigest]
  }
  const [free, freeSet] = run([
    [1, ['a']],
    [2, ['b']],
    [3, []],
  ])
  assert.equal(
    run([
      [3, []],
      [2, ['b']],
      [1, ['a']],
    ]),
    [free, freeSet],
  )
  const [first, firstSet] = run([
    [1, ['a', 'b']],
    [2, ['b']],
  ])
  const [second, secondSet] = run([
    [2, ['b']],
    [1, ['a', 'b']],
  ])
  assert.is.not(first, second)
  // The hint compares sets, not order.
  assert.is(firstSet, secondSet)
})

test('clusters have different chains', () => {
  const [one, other] = [new KeyLogs(CLUSTER), new KeyLogs('00'.repeat(32))]
  for (const logs of [one, other]) logs.append(id(1), ['a'])
  assert.is.not(hex(one.headOf('a')), hex(other.headOf('a')))
  assert.is.not(one.orderDigest, other.orderDigest)
})

test('heads are the same whenever they are asked for first', () => {
  for (const order of [
    [70, 3, 16, 32, 33, 69, 70],
    [1, 2, 17, 48, 47, 70],
    [16, 15, 70, 64],
    [48, 70, 31],
  ]) {
    const [asked, eager] = [new KeyLogs(CLUSTER), new KeyLogs(CLUSTER)]
    const heads: Uint8Array[] = [new Uint8Array(32)]
    for (let i = 0; i < 70; i++) {
      asked.append(id(i), ['a'])
      eager.append(id(i), ['a'])
      heads.push(eager.headOf('a'))
    }
    for (const height of order) assert.equal(asked.headOf('a', height), heads[height], `head ${height}, asked for in the order ${order}`)
    asked.append(id(70), ['a'])
    eager.append(id(70), ['a'])
    assert.is(asked.orderDigest, eager.orderDigest)
  }
})

test('long logs give every head and all heights that they ever had', () => {
  const logs = new KeyLogs(CLUSTER)
  const heads: Uint8Array[] = [new Uint8Array(32)]
  const heights: [string, number][][] = []
  for (let i = 0; i < 700; i++) {
    heights.push([...logs.append(id(i), i % 3 === 0 ? ['a', 'b'] : ['a'])])
    heads.push(logs.headOf('a'))
    if (i % 100 === 99) for (const [height, head] of heads.entries()) assert.equal(logs.headOf('a', height), head, `head ${height} of ${i + 1}`)
  }
  for (const [i, expected] of heights.entries()) {
    assert.equal([...(logs.heightsOf(id(i)) ?? [])], expected)
    assert.is(logs.placeOf(id(i)), i)
  }
  assert.equal(
    [...logs.above(['b'], new Map([['b', 230]]))],
    [690, 693, 696, 699].map((i) => id(i)),
  )
})

test.run()
