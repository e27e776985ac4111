/** Bitmaps against sets of numbers: the layout of §13 and the operations on it. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  bitmapOf,
  countBits,
  emptyBitmap,
  hasBit,
  includesAll,
  isBitmap,
  membersOf,
  overlaps,
  setBit,
  unionOf,
  without,
} from '../../src/lib/base/bitmap.js'
import { toHex } from '../../src/lib/base/bytes.js'

const seed = Date.now() & 0x7fffffff
console.log(`bitmap: seed ${seed}`)

test('signer 0 is the lowest bit of the first byte', () => {
  assert.is(toHex(bitmapOf(9, [0])), '0100')
  assert.is(toHex(bitmapOf(9, [7])), '8000')
  assert.is(toHex(bitmapOf(9, [8])), '0001')
  assert.is(emptyBitmap(0).length, 0)
  assert.is(emptyBitmap(8).length, 1)
  assert.is(emptyBitmap(9).length, 2)
})

test('a bitmap of n has ⌈n/8⌉ bytes and no spare bit', () => {
  assert.ok(isBitmap(Uint8Array.of(0xff), 8))
  assert.ok(isBitmap(Uint8Array.of(0x7f), 7))
  assert.not.ok(isBitmap(Uint8Array.of(0x80), 7))
  assert.not.ok(isBitmap(Uint8Array.of(0, 0), 8))
  assert.not.ok(isBitmap(new Uint8Array(0), 1))
  assert.not.ok(isBitmap(new Uint8Array(1_000_000), 31))
  assert.ok(isBitmap(new Uint8Array(0), 0))
  for (let bit = 0; bit < 16; bit++) assert.is(isBitmap(bitmapOf(16, [bit]), 11), bit < 11)
})

test('the operations are those of sets', () => {
  const sets = fc.integer({ min: 1, max: 70 }).chain((n) => fc.tuple(fc.constant(n), fc.uniqueArray(fc.nat(n - 1)), fc.uniqueArray(fc.nat(n - 1))))
  const ascending = (members: Iterable<number>): number[] => [...members].sort((x, y) => x - y)
  fc.assert(
    fc.property(sets, ([n, x, y]) => {
      const [a, b] = [bitmapOf(n, x), bitmapOf(n, y)]
      const [before, inB] = [toHex(a), new Set(y)]
      assert.ok(isBitmap(a, n))
      assert.equal(membersOf(a), ascending(x))
      assert.is(countBits(a), x.length)
      for (let i = 0; i < n + 20; i++) assert.is(hasBit(a, i), x.includes(i))
      assert.equal(membersOf(unionOf(a, b)), ascending(new Set([...x, ...y])))
      assert.equal(membersOf(without(a, b)), ascending(x.filter((i) => !inB.has(i))))
      assert.is(
        overlaps(a, b),
        x.some((i) => inB.has(i)),
      )
      assert.is(
        includesAll(b, a),
        x.every((i) => inB.has(i)),
      )
      assert.is(toHex(a), before, 'the arguments stay as they are')
    }),
    { seed },
  )
})

test('a member that has no byte is a bug of ours, not silence', () => {
  for (const member of [8, 100, -1]) assert.throws(() => setBit(emptyBitmap(8), member), /broken invariant/)
  assert.throws(() => bitmapOf(8, [3, 8]), /broken invariant/)
})

test.run()
