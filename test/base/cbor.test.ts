/**
 * Deterministic CBOR: what encodes comes back; every other byte string is refused with one typed error, in bounded time, and what is accepted
 * encodes to the same bytes again.
 */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, toHex, utf8 } from '../../src/lib/base/bytes.js'
import { decodeCbor, encodeCbor, type Plain } from '../../src/lib/base/cbor.js'

const seed = Date.now() & 0x7fffffff
console.log(`cbor: seed ${seed}`)

/** Asserts that these bytes are refused as `BAD_ENCODING`, quickly. */
function refused(bytes: Uint8Array, why: string): void {
  const start = performance.now()
  try {
    decodeCbor(bytes, 10_000_000)
  } catch (error) {
    assert.is((error as Error).name, 'MusigError', `${why}: ${String(error)}`)
    assert.is((error as { code?: unknown }).code, 'BAD_ENCODING', why)
    assert.ok((error as Error).message.length < 300, `${why}: an error of ${(error as Error).message.length} characters`)
    assert.ok(performance.now() - start < 2000, `${why}: ${performance.now() - start} ms`)
    return
  }
  assert.unreachable(`accepted: ${why}`)
}

const plain: fc.Arbitrary<Plain> = fc.letrec<{ value: Plain }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'plain' },
    fc.maxSafeNat(),
    fc.nat(300),
    fc.string({ unit: 'grapheme' }).filter((text) => !text.startsWith('\ufeff')),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5, depthIdentifier: 'plain' }),
    fc
      .array(fc.tuple(fc.string({ unit: 'binary' }), tie('value')), { maxLength: 5, depthIdentifier: 'plain' })
      .map((entries) => new Map(entries.filter(([key]) => !key.startsWith('\ufeff')))),
  ),
})).value

test('every plain value comes back, and its bytes too (property)', () => {
  fc.assert(
    fc.property(plain, (value) => {
      const bytes = encodeCbor(value)
      const again = decodeCbor(bytes, bytes.length)
      assert.equal(normalised(again), normalised(value))
      assert.is(toHex(encodeCbor(again)), toHex(bytes))
    }),
    { seed, numRuns: 400 },
  )
})

/** Maps in the order of their encoding, for comparison. */
function normalised(value: Plain): unknown {
  if (value instanceof Uint8Array) return `bytes ${toHex(value)}`
  if (Array.isArray(value)) return value.map(normalised)
  if (value instanceof Map)
    return [...value].map(([key, inner]) => [toHex(utf8(key)), normalised(inner)]).sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
  return value
}

test('what is read shares the memory of the bytes where it is asked to', () => {
  const bytes = encodeCbor([Uint8Array.of(7), 'text'])
  const [piece] = decodeCbor(bytes, 99, { shares: true }) as Uint8Array[]
  bytes.fill(9)
  assert.equal(piece, Uint8Array.of(9))
})

test('what is read shares no memory with the bytes, in whatever they came', () => {
  const value: Plain = [new Uint8Array(100).fill(7), 'text', new Map<string, Plain>([['key', new Uint8Array(3).fill(1)]])]
  for (const bytes of [Uint8Array.from(encodeCbor(value)), Buffer.from(encodeCbor(value))]) {
    const read = decodeCbor(bytes, 1000)
    bytes.fill(0)
    assert.equal(read, value)
  }
})

test('the examples of RFC 8949 that are in the data model', () => {
  const examples: [Plain, string][] = [
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [1000, '1903e8'],
    [1_000_000, '1a000f4240'],
    [1_000_000_000_000, '1b000000e8d4a51000'],
    [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
    ['', '60'],
    ['ü', '62c3bc'],
    ['\u{10151}', '64f0908591'],
    [false, 'f4'],
    [null, 'f6'],
    [fromHex('01020304'), '4401020304'],
    [[1, [2, 3]], '8201820203'],
    [
      new Map<string, Plain>([
        ['a', 1],
        ['b', [2, 3]],
      ]),
      'a26161016162820203',
    ],
  ]
  for (const [value, hex] of examples) {
    assert.is(toHex(encodeCbor(value)), hex)
    assert.equal(decodeCbor(fromHex(hex), 100), value)
  }
})

test('map keys sort by their encoded bytes: shorter keys first', () => {
  const map = new Map<string, Plain>([
    ['aa', 1],
    ['b', 2],
    ['', 3],
  ])
  assert.is(toHex(encodeCbor(map)), 'a3600361620262616101')
})

test('more bytes than allowed are refused unread', () => {
  assert.throws(() => decodeCbor(new Uint8Array(11), 10), /11 bytes of CBOR, at most 10/)
})

const MALFORMED: [string, string][] = [
  ['nothing', ''],
  ['a truncated number', '19'],
  ['truncated text', '62c3'],
  ['a truncated list', '8201'],
  ['a truncated map', 'a26161016162'],
  ['a list of 2³² − 1 items', '9affffffff'],
  ['a list of 2⁶⁴ − 1 items', '9bffffffffffffffff'],
  ['a map of 2³² − 1 entries', 'baffffffff'],
  ['bytes longer than there are', '5affffffff00'],
  ['bytes of 2⁶⁴ − 1', '5bffffffffffffffff00'],
  ['text of 2⁵³', '7b002000000000000000'],
  ['trailing bytes', '0000'],
  ['trailing bytes after a map', 'a0f6'],
  ['a number in two bytes that fits one', '1801'],
  ['a number in nine bytes that fits one', '1b0000000000000001'],
  ['a length in two bytes that fits one', '580141'],
  ['a list length in three bytes', '99000101'],
  ['a list of indefinite length', '9f01ff'],
  ['a map of indefinite length', 'bf616101ff'],
  ['bytes in pieces', '5f4101ff'],
  ['text in pieces', '7f6161ff'],
  ['a break alone', 'ff'],
  ['unsorted keys', 'a2616201616101'],
  ['keys sorted as text, not as bytes', 'a262616101616202'],
  ['a key twice', 'a2616101616102'],
  ['a number as key', 'a10102'],
  ['bytes as key', 'a1410102'],
  ['a list as key', 'a1800102'],
  ['null as key', 'a1f601'],
  ['a negative number', '20'],
  ['a large negative number', '3b7fffffffffffffff'],
  ['a half float', 'f93e00'],
  ['a half float that is whole', 'f93c00'],
  ['a double', 'fb3ff199999999999a'],
  ['a double beyond 2⁵³', 'fb4341c37937e08000'],
  ['minus zero', 'f98000'],
  ['NaN', 'f97e00'],
  ['NaN as a double', 'fb7ff8000000000000'],
  ['infinity', 'f97c00'],
  ['minus infinity', 'f9fc00'],
  ['a number of 2⁵³', '1b0020000000000000'],
  ['a number of 2⁶⁴ − 1', '1bffffffffffffffff'],
  ['undefined', 'f7'],
  ['an unassigned simple value', 'e0'],
  ['a simple value in two bytes', 'f8ff'],
  ['a reserved length', '1c'],
  ['a tag', 'c001'],
  ['a date', 'c11a514b67b0'],
  ['a big number', 'c249010000000000000000'],
  ['self-described CBOR', 'd9d9f700'],
  ['text that is not UTF-8', '61ff'],
  ['text with an overlong encoding', '62c080'],
  ['text with half a surrogate pair', '63eda080'],
  ['text that is cut within a character', '61c3'],
  ['a byte order mark, which decoders drop', '64efbbbf61'],
  ['a key that is not UTF-8', 'a161ff01'],
]

for (const [why, hex] of MALFORMED) {
  test(`refused: ${why}`, () => {
    refused(fromHex(hex), why)
    refused(concat(Uint8Array.of(0x81), fromHex(hex)), `${why}, in a list`)
    refused(concat(fromHex('a16161'), fromHex(hex)), `${why}, in a map`)
  })
}

test('a byte order mark in front of text in another alphabet is refused as well', () => {
  refused(fromHex('65efbbbfc3bc'), 'byte order mark')
  refused(encodeCbor('\ufeffü'), 'what encodes so does not decode')
})

test('nested 65 deep is refused, 64 is not; 10⁴ and 10⁶ are refused without harm', () => {
  const nested = (depth: number, last = 0x80): Uint8Array => concat(new Uint8Array(depth - 1).fill(0x81), Uint8Array.of(last))
  assert.ok(decodeCbor(nested(64), 100))
  assert.ok(decodeCbor(nested(65, 0), 100), 'a number in 64 lists')
  refused(nested(65), '65 deep')
  refused(nested(65, 0xa0), 'a map in 64 lists')
  refused(nested(10_000), '10⁴ deep')
  refused(nested(1_000_000), '10⁶ deep')
  refused(new Uint8Array(1_000_000).fill(0x81), '10⁶ deep without an end')
  refused(new Uint8Array(1_000_000).fill(0xa1), 'maps as keys of maps')
  refused(concat(...Array.from({ length: 10_000 }, () => fromHex('a16161')), fromHex('00')), 'maps 10⁴ deep')
})

test('how deep the caller is does not change the verdict', () => {
  const bytes = concat(new Uint8Array(3000).fill(0x81), Uint8Array.of(0x80))
  const deep = (levels: number): void => (levels === 0 ? refused(bytes, 'from deep below') : deep(levels - 1))
  deep(0)
  deep(2000)
})

test('`__proto__` and its like are keys as any other', () => {
  for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const value = new Map<string, Plain>([[key, new Map<string, Plain>([['polluted', true]])]])
    const read = decodeCbor(encodeCbor(value), 100)
    assert.ok(read instanceof Map && read.has(key))
    assert.is(({} as { polluted?: unknown }).polluted, undefined)
  }
})

test('work is bounded by the bytes: a megabyte of the worst is read or refused within seconds', () => {
  const keys = new Map<string, Plain>(Array.from({ length: 60_000 }, (_, i) => [`key ${i}`, i]))
  const start = process.cpuUsage()
  decodeCbor(encodeCbor(keys), 10_000_000)
  decodeCbor(encodeCbor(Array.from({ length: 300_000 }, () => [])), 10_000_000)
  refused(concat(Uint8Array.of(0x9a, 0, 0x10, 0, 0), new Uint8Array(1_000_000).fill(0xf6)), 'almost a million nulls')
  const { user, system } = process.cpuUsage(start)
  assert.ok(user + system < 6_000_000, `${(user + system) / 1000} ms of CPU`)
})

test('random bytes, and valid ones with a bit turned, are refused or encode to themselves (fuzz)', () => {
  const check = (bytes: Uint8Array): boolean => {
    let value: Plain
    try {
      value = decodeCbor(bytes, 10_000)
    } catch (error) {
      assert.is((error as { code?: unknown }).code, 'BAD_ENCODING', `${toHex(bytes)}: ${String(error)}`)
      return false
    }
    assert.is(toHex(encodeCbor(value)), toHex(bytes))
    return true
  }
  let accepted = 0
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
      accepted += Number(check(bytes))
    }),
    { seed, numRuns: 5000 },
  )
  fc.assert(
    fc.property(plain, fc.nat(), fc.nat(), (value, bit, cut) => {
      const bytes = encodeCbor(value)
      const copy = Uint8Array.from(bytes)
      const at = bit % (copy.length * 8)
      copy[at >>> 3] = (copy[at >>> 3] ?? 0) ^ (1 << (at & 7))
      accepted += Number(check(copy))
      refused(bytes.subarray(0, cut % bytes.length), 'truncated')
      refused(concat(bytes, Uint8Array.of(0)), 'trailing')
    }),
    { seed, numRuns: 1500 },
  )
  assert.ok(accepted > 0)
})

test.run()
