/** Codecs: both forms come back, limits and shapes are refused with the place, and a decoder takes nothing that its encoder could not have made. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeCbor, type Plain } from '../../src/lib/base/cbor.js'
import {
  bool,
  bytes,
  type Codec,
  type Decoded,
  fromCbor,
  fromJson,
  id,
  list,
  mapOf,
  mapped,
  nested,
  nullable,
  object,
  oneOf,
  refuse,
  tagged,
  text,
  toCbor,
  toJson,
  uint,
} from '../../src/lib/base/codec.js'

const seed = Date.now() & 0x7fffffff
console.log(`codec: seed ${seed}`)

interface Tree {
  name: string
  children: Tree[]
}

const sample = object({
  count: uint(1000),
  name: text(20, 1),
  data: bytes({ max: 10 }),
  key: bytes(4),
  batchId: id,
  flag: bool,
  colour: oneOf(['red', 'green']),
  maybe: nullable(uint()),
  items: list(uint(9), 5),
  heights: mapOf(text(11), uint(), 4),
  byId: mapOf(id, bytes(1), 3),
  shape: tagged({ circle: object({ radius: uint() }), square: object({ side: uint() }), none: object({}) }),
  tree: nested<Tree>(3, (inner) => object({ name: text(5), children: list(inner, 3) })),
})
type Sample = Decoded<typeof sample>

const word = (maxLength: number, minLength = 0): fc.Arbitrary<string> =>
  fc.stringMatching(/^[a-zA-Z _é]*$/, { maxLength }).filter((s) => s.length >= minLength)
const idArbitrary = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => Buffer.from(b).toString('hex'))
const tree: fc.Arbitrary<Tree> = fc.record({
  name: word(2),
  children: fc.array(fc.record({ name: word(2), children: fc.array(fc.record({ name: word(2), children: fc.constant([]) }), { maxLength: 2 }) }), {
    maxLength: 3,
  }),
})
const samples: fc.Arbitrary<Sample> = fc.record({
  count: fc.nat(1000),
  name: word(10, 1),
  data: fc.uint8Array({ maxLength: 10 }),
  key: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  batchId: idArbitrary,
  flag: fc.boolean(),
  colour: fc.constantFrom('red' as const, 'green' as const),
  maybe: fc.option(fc.maxSafeNat()),
  items: fc.array(fc.nat(9), { maxLength: 5 }),
  heights: fc
    .array(fc.tuple(fc.constantFrom('a', 'bb', '__proto__', 'constructor', ''), fc.nat()), { maxLength: 4 })
    .map((entries) => new Map(entries)),
  byId: fc.array(fc.tuple(idArbitrary, fc.uint8Array({ minLength: 1, maxLength: 1 })), { maxLength: 3 }).map((entries) => new Map(entries)),
  shape: fc.oneof(
    fc.record({ type: fc.constant('circle' as const), radius: fc.nat() }),
    fc.record({ type: fc.constant('square' as const), side: fc.nat() }),
    fc.record({ type: fc.constant('none' as const) }),
  ),
  tree,
})

test('values come back from CBOR, and from JSON through its text (property)', () => {
  fc.assert(
    fc.property(samples, (value) => {
      const encoded = toCbor(sample, value)
      const read = fromCbor(sample, encoded, 10_000)
      assert.equal(Buffer.from(toCbor(sample, read)).toString('hex'), Buffer.from(encoded).toString('hex'))
      const fromText = fromJson(sample, JSON.parse(JSON.stringify(toJson(sample, value))))
      assert.equal(Buffer.from(toCbor(sample, fromText)).toString('hex'), Buffer.from(encoded).toString('hex'))
      assert.equal(read.heights.get('__proto__'), value.heights.get('__proto__'))
      assert.equal(JSON.stringify(toJson(sample, fromText)), JSON.stringify(toJson(sample, value)))
    }),
    { seed, numRuns: 300 },
  )
})

/** Asserts that a value is refused with `BAD_ENCODING` and a message that matches. */
function refused<T>(codec: Codec<T>, plain: unknown, form: 'cbor' | 'json', why: RegExp): void {
  try {
    codec.decode(plain, form, 'here')
  } catch (error) {
    assert.is((error as { code?: unknown }).code, 'BAD_ENCODING', String(error))
    assert.match((error as Error).message, why)
    assert.ok((error as Error).message.length < 300)
    return
  }
  assert.unreachable(`accepted ${JSON.stringify(plain)}`)
}

const WRONG: [string, Codec<unknown>, 'cbor' | 'json', unknown[], RegExp][] = [
  [
    'numbers',
    uint(10),
    'json',
    [-1, -0, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '1', null, true, [], {}, undefined, 1n],
    /here: not a whole number/,
  ],
  ['numbers above the limit', uint(10), 'cbor', [11, Number.MAX_SAFE_INTEGER], /is above 10/],
  ['text of the wrong type', text(4), 'json', [1, null, [], {}, undefined, new Uint8Array(1)], /not text/],
  ['text too long in bytes', text(4), 'cbor', ['abcde', 'üüü', '€€', 'x'.repeat(1e6)], /longer than 4 bytes/],
  ['text too short', text(9, 1), 'json', [''], /empty/],
  ['text that is not well-formed', text(9), 'json', ['\ud800', 'a\udc00', '\udc00\ud800'], /surrogate/],
  ['text with a byte order mark', text(9), 'json', ['\ufeff', '\ufeffabc'], /byte order mark/],
  ['bytes of the wrong type', bytes(2), 'cbor', ['0102', 1, null, [1, 2], {}, new Uint16Array(2)], /not bytes/],
  ['bytes of the wrong length', bytes(2), 'cbor', [new Uint8Array(1), new Uint8Array(3)], /bytes, not 2/],
  ['bytes outside a range', bytes({ min: 1, max: 2 }), 'cbor', [new Uint8Array(0), new Uint8Array(3)], /not 1 to 2/],
  ['hex', bytes(2), 'json', ['0x01', '010', 'zz00', 'AB00', ' 0 1', 1, null, new Uint8Array(2)], /hex/],
  ['hex that is too long', bytes(2), 'json', ['000102', '00'.repeat(1e6)], /at most 2/],
  ['ids', id, 'json', ['00', 'AA'.repeat(32), `0x${'00'.repeat(32)}`, 'g'.repeat(64), new Uint8Array(32), null], /not an id/],
  ['ids in CBOR', id, 'cbor', ['00'.repeat(32), new Uint8Array(31), null], /not an id of 32 bytes/],
  ['booleans', bool, 'json', [0, 1, 'true', null], /neither true nor false/],
  ['words', oneOf(['a', 'b']), 'json', ['c', '', 0, null, ['a'], 'A'], /not one of a, b/],
  ['lists', list(uint(), 2), 'json', [{}, 'ab', null, new Uint8Array(1), { length: 1 }], /not a list/],
  ['lists too long', list(uint(), 2), 'json', [[1, 2, 3], new Array(1e6)], /at most 2/],
  [
    'list items',
    list(uint(), 2),
    'json',
    [
      [1, 'x'],
      [1, undefined],
    ],
    /here\[1\]/,
  ],
  ['maps', mapOf(text(3), uint(), 2), 'cbor', [{}, [], null, 'a'], /not a map/],
  ['maps too large', mapOf(text(3), uint(), 2), 'json', [{ a: 1, b: 2, c: 3 }], /at most 2/],
  ['map keys', mapOf(text(3), uint(), 2), 'json', [{ abcd: 1 }], /here key/],
  [
    'map keys that are not text',
    mapOf(text(3), uint(), 2),
    'cbor',
    [new Map<unknown, unknown>([[1, 1]]), new Map([[new Uint8Array(1), 1]])],
    /key that is not text/,
  ],
  ['map values', mapOf(text(1e6), uint(), 2), 'json', [{ [`k${'x'.repeat(1e5)}`]: 'y' }], /here\.kxxx.*…: not a whole/],
  ['objects', object({ a: uint() }), 'json', [[], null, 'a', 1], /not an object/],
  ['missing fields', object({ a: uint() }), 'json', [{}, { b: 1 }, Object.create({ a: 1 })], /“a” is missing/],
  [
    'unknown fields',
    object({ a: uint() }),
    'json',
    [{ a: 1, b: 2 }, JSON.parse('{"a":1,"__proto__":{}}'), { a: 1, ['z'.repeat(1e5)]: 1 }],
    /unknown field/,
  ],
  ['field values', object({ a: uint() }), 'cbor', [new Map([['a', 'x']])], /here\.a/],
  ['tags', tagged({ x: object({}) }), 'json', [{ type: 'y' }, {}, { type: 1 }, { type: '__proto__' }, { type: 'constructor' }], /type: not one of x/],
  ['tagged fields', tagged({ x: object({ a: uint() }) }), 'json', [{ type: 'x', a: 1, b: 1 }], /unknown field “b”/],
  ['depth', nested<unknown>(2, (inner) => list(inner, 3)), 'json', [[[[]]]], /nested more than 2 deep/],
]

for (const [name, codec, form, values, why] of WRONG) {
  test(`refused: ${name}`, () => {
    for (const value of values) refused(codec, value, form, why)
  })
}

test('lengths of text count bytes of UTF-8', () => {
  assert.is(text(3).decode('€', 'json', ''), '€')
  assert.is(text(3, 3).decode('€', 'json', ''), '€')
  refused(text(3, 3), 'é', 'json', /shorter than 3 bytes/)
})

test('an empty map decodes; ids as keys are hex text in both forms', () => {
  const codec = mapOf(id, uint(), 2)
  const value = new Map([['ab'.repeat(32), 7]])
  assert.equal(fromCbor(codec, toCbor(codec, value), 200), value)
  assert.equal(toJson(codec, value), { ['ab'.repeat(32)]: 7 })
  assert.is(codec.decode(new Map(), 'cbor', '').size, 0)
})

test('a mapped codec checks and translates both ways', () => {
  const even = mapped(
    uint(),
    (value, place) => (value % 2 ? refuse(place, 'odd') : { half: value / 2 }),
    ({ half }) => half * 2,
  )
  assert.equal(even.decode(8, 'json', 'here'), { half: 4 })
  assert.is(toJson(even, { half: 5 }), 10)
  refused(even, 7, 'json', /here: odd/)
})

test('bytes that are not of the codec are refused, whatever they are (fuzz)', () => {
  const valid = fc.sample(samples, { seed, numRuns: 30 }).map((value) => toCbor(sample, value))
  fc.assert(
    fc.property(fc.constantFrom(...valid), fc.nat(), fc.nat(255), (encoded, at, byte) => {
      const copy = Uint8Array.from(encoded)
      copy[at % copy.length] = byte
      try {
        assert.equal(Buffer.from(toCbor(sample, fromCbor(sample, copy, 10_000))), Buffer.from(copy))
      } catch (error) {
        assert.is((error as { code?: unknown }).code, 'BAD_ENCODING', String(error))
      }
    }),
    { seed, numRuns: 2000 },
  )
  const other: Plain[] = [0, 'text', null, [], new Map(), new Map([['count', 1]])]
  for (const value of other) assert.throws(() => fromCbor(sample, encodeCbor(value), 100), /message/)
})

test('a million hostile items are refused before they are looked at', () => {
  const start = performance.now()
  const codec = object({ predecessors: list(id, 256) })
  const many = new Map<string, Plain>([['predecessors', Array.from({ length: 1_000_000 }, () => 0)]])
  assert.throws(() => fromCbor(codec, encodeCbor(many), 10_000_000), /1000000 items, at most 256/)
  assert.ok(performance.now() - start < 6000, `${performance.now() - start} ms`)
})

test.run()
