/** Random numbers: the stream that every implementation must get alike (§4, §13), and the simulator's seeded generator. */
import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import { HashStream, type Random, SeededRandom } from '../../src/lib/base/prng.js'

/** The stream written a second time, from the text. */
function* words(seed: Uint8Array): Generator<number, never> {
  for (let k = 0; ; k++) {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(k)
    const block = createHash('sha256').update(seed).update(counter).digest()
    for (let i = 0; i < 32; i += 4) yield block.readUInt32BE(i)
  }
}

test('block k is SHA-256(seed ‖ k), read as big-endian numbers', () => {
  const seed = utf8('stream')
  const stream = new HashStream(seed)
  const expected = words(seed)
  for (let i = 0; i < 100; i++) assert.is(stream.upTo(2 ** 32 - 1), expected.next().value)
})

test('numbers at or above ⌊2³²/(i+1)⌋·(i+1) are refused, not folded', () => {
  // With this range almost half of all numbers are refused.
  const max = 2 ** 31
  const stream = new HashStream(utf8('rejection'))
  const expected = words(utf8('rejection'))
  let refused = 0
  for (let i = 0; i < 200; i++) {
    let word = expected.next().value
    while (word >= Math.floor(2 ** 32 / (max + 1)) * (max + 1)) {
      word = expected.next().value
      refused++
    }
    assert.is(stream.upTo(max), word % (max + 1))
  }
  assert.ok(refused > 100)
})

test('the first numbers of a known seed', () => {
  const stream = new HashStream(utf8('musig'))
  assert.equal(
    Array.from({ length: 8 }, () => stream.upTo(99)),
    [67, 63, 68, 77, 52, 0, 28, 35],
  )
})

const sources: [string, () => Random][] = [
  ['hash stream', () => new HashStream(utf8('even'))],
  ['seeded', () => new SeededRandom('even')],
]
for (const [name, make] of sources) {
  test(`${name}: every number from 0 to max, about equally often, never another`, () => {
    for (const max of [0, 1, 2, 6, 30]) {
      const random = make()
      const counts = new Array<number>(max + 1).fill(0)
      const rounds = 3000 * (max + 1)
      for (let i = 0; i < rounds; i++) {
        const value = random.upTo(max)
        assert.ok(Number.isInteger(value) && value >= 0 && value <= max)
        counts[value] = (counts[value] ?? 0) + 1
      }
      for (const count of counts) assert.ok(Math.abs(count - 3000) < 400, `${count} of about 3000 (max ${max})`)
    }
  })

  test(`${name}: the same again from the same seed`, () => {
    const [x, y] = [make(), make()]
    for (let i = 0; i < 100; i++) assert.is(x.upTo(1000), y.upTo(1000))
  })
}

test('the seeded generator is xoshiro128**', () => {
  const random = new SeededRandom(7)
  const digest = createHash('sha256').update('7').digest()
  const s = [0, 4, 8, 12].map((at) => BigInt(digest.readUInt32BE(at))) as [bigint, bigint, bigint, bigint]
  s[3] |= 1n
  const mask = 0xffffffffn
  const turn = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask
  for (let i = 0; i < 200; i++) {
    const result = (turn((s[1] * 5n) & mask, 7n) * 9n) & mask
    const t = (s[1] << 9n) & mask
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = turn(s[3], 11n)
    assert.is(random.uint32(), Number(result))
  }
})

test('fractions, bytes and picks stay in their ranges; other seeds give other numbers', () => {
  const random = new SeededRandom('ranges')
  for (let i = 0; i < 1000; i++) {
    const fraction = random.fraction()
    assert.ok(fraction >= 0 && fraction < 1)
    assert.ok(['a', 'b', 'c'].includes(random.pick(['a', 'b', 'c'])))
  }
  assert.is(random.bytes(33).length, 33)
  assert.not.equal(new SeededRandom(1).bytes(16), new SeededRandom(2).bytes(16))
  assert.equal(new SeededRandom(1).bytes(16), new SeededRandom('1').bytes(16))
})

test.run()
