/** Messages: every type comes back from its bytes, every limit is refused when exceeded, and whatever bytes come, one typed error and bounded work. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ProtocolVectors } from '../../scripts/make-protocol-vectors.js'
import { decodeCbor, encodeCbor, type Plain } from '../../src/lib/base/cbor.js'
import { MusigError } from '../../src/lib/base/errors.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import { decodeMessage, encodeMessage, type Message, messageCodec } from '../../src/lib/core/message.js'
import { isCode } from './refusal.js'
import { hex, unhex } from './text.js'

const seed = Date.now() & 0x7fffffff
console.log(`message: seed ${seed}`)
const vectors = JSON.parse(readFileSync(new URL('../vectors/protocol.json', import.meta.url), 'utf8')) as ProtocolVectors
const codec = messageCodec(vectors.clusterId)
const frames = vectors.messages.map(({ cbor }) => unhex(cbor))
const read = (frame: Uint8Array): Message => decodeMessage(codec, frame)

/** The frame of the first vector of a type with some fields replaced; a path reaches inside (`votes.entries`). */
function changed(type: string, path: string, value: Plain): Uint8Array {
  const frame = vectors.messages.find((message) => message.type === type)
  const message = decodeCbor(unhex(frame?.cbor ?? ''), LIMITS.messageBytes) as Map<string, Plain>
  const names = path.split('.')
  const last = names.pop() ?? ''
  const place = names.reduce<Plain>(
    (at, name) => (Array.isArray(at) ? (at[Number(name)] ?? null) : ((at as Map<string, Plain>).get(name) ?? null)),
    message,
  )
  if (Array.isArray(place)) place[Number(last)] = value
  else (place as Map<string, Plain>).set(last, value)
  return encodeCbor(message)
}

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(1)
const copies = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)

const keyed = (count: number, item: Plain): Plain => new Map(Array.from({ length: count }, (_, i) => [`k${i}`, item]))
const headItem = (height: number): Plain =>
  new Map<string, Plain>([
    ['height', height],
    ['head', bytes(32)],
  ])

test('every vector comes back, and is the same again', () => {
  for (const frame of frames) assert.is(hex(encodeMessage(codec, read(frame))), hex(frame))
})

test('each limit and shape is refused when it is exceeded by one, and not before', () => {
  const ids = (count: number): Plain => copies(count, bytes(32))
  const taken: [string, string, Plain][] = [
    ['fetch', 'ids', ids(LIMITS.idsPerFetch)],
    ['page', 'ids', ids(LIMITS.idsPerPage)],
    ['page', 'ids', []],
    ['heads-request', 'heights', keyed(LIMITS.keysPerBatch, 1)],
    ['heads', 'heads', keyed(LIMITS.keysPerBatch, headItem(2 ** 32 - 1))],
    ['heads', 'heads', new Map()],
    ['vote', 'postponed', bytes(512)],
    ['fetch-sequence', 'to', Number.MAX_SAFE_INTEGER],
    ['timeout', 'ballot', 2 ** 32],
  ]
  for (const [type, path, value] of taken) assert.is(read(changed(type, path, value)).type, type)
  const refused: [string, string, Plain][] = [
    ['fetch', 'ids', ids(LIMITS.idsPerFetch + 1)],
    ['page', 'ids', ids(LIMITS.idsPerPage + 1)],
    ['heads-request', 'heights', keyed(LIMITS.keysPerBatch + 1, 1)],
    ['heads', 'heads', keyed(LIMITS.keysPerBatch + 1, headItem(1))],
    ['heads', 'heads', keyed(1, headItem(2 ** 32))],
    ['vote', 'postponed', bytes(513)],
    ['vote', 'postponed', bytes(0)],
    ['vote', 'votes.entries.0.signers', bytes(513)],
    ['vote', 'votes.entries.0.signers', bytes(0)],
    ['vote', 'votes.signature', bytes(95)],
    ['vote', 'votes.entries.0.view.pending', ids(LIMITS.pendingPerView + 1)],
    ['vote', 'votes.entries', copies(LIMITS.signers + 1, new Map())],
    ['vote', 'votes', []],
    ['vote', 'batchId', bytes(31)],
    ['vote', 'batchId', 'ab'.repeat(32)],
    ['shares', 'votes', copies(LIMITS.signers + 1, null)],
    ['shares', 'accepts', copies(LIMITS.signers + 1, null)],
    ['refuse', 'backings', copies(65, null)],
    ['promise', 'promise.blockers', ids(4097)],
    ['promise', 'promise.backings', copies(4097, null)],
    ['order', 'order.value.predecessors', ids(4 * LIMITS.pendingPerView + 1)],
    ['order', 'order.signature', bytes(63)],
    ['order', 'order.value.tallies.inc', copies(4 * LIMITS.pendingPerView + 1, null)],
    ['timeout', 'ballot', 2 ** 32 + 1],
    ['timeout', 'ballot', '1'],
    ['ask', 'phase', 'promise'],
    ['ask', 'more', 1],
    ['fetch-sequence', 'initiator', LIMITS.signers + 1],
    ['prepare', 'timeouts.signers', bytes(513)],
    ['propose', 'batch', bytes(LIMITS.batchBytes + 1)],
    ['propose', 'batch', bytes(10)],
    ['certificate', 'certificate.type', 'quick'],
    ['ask', 'type', 'constructor'],
    ['ask', 'type', '__proto__'],
    ['ask', 'type', null],
  ]
  for (const [type, path, value] of refused) isCode(() => read(changed(type, path, value)), 'BAD_ENCODING', `${type} ${path}`)
})

test('a missing field of any message is refused', () => {
  for (const frame of frames) {
    const fields = [...(decodeCbor(frame, LIMITS.messageBytes) as Map<string, Plain>)]
    for (let i = 0; i < fields.length; i++) isCode(() => read(encodeCbor(new Map(fields.filter((_, at) => at !== i)))), 'BAD_ENCODING')
  }
})

test('hostile sizes: 200,000 predecessors, 8 MiB of nothing, deep nesting: refused in bounded time', () => {
  const many = Array.from({ length: 200_000 }, (_, i) => Uint8Array.from({ length: 32 }, (_, at) => (at < 4 ? (i >>> (8 * (3 - at))) & 255 : 0)))
  const hostile = [
    changed('order', 'order.value.predecessors', many),
    new Uint8Array(LIMITS.messageBytes + 1),
    new Uint8Array(LIMITS.messageBytes),
    new Uint8Array(1_000_000).fill(0x81),
    new Uint8Array(1_000_000).fill(0x9f),
    Uint8Array.of(0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0x5b, 0x00, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0xbf, 0xff),
    Uint8Array.of(),
    Uint8Array.of(0xf7),
    Uint8Array.of(0xfb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0),
    Uint8Array.of(0x20),
  ]
  for (const frame of hostile) {
    const start = performance.now()
    isCode(() => read(frame), 'BAD_ENCODING')
    assert.ok(performance.now() - start < 20_000, `${frame.length} bytes took ${performance.now() - start} ms`)
  }
})

test('numbers in a longer form, maps in another order, the same message twice in a row: refused', () => {
  const ask = new Map<string, Plain>([
    ['type', 'ask'],
    ['batchId', bytes(32)],
    ['phase', 'vote'],
    ['ballot', 0],
  ])
  const good = encodeCbor(ask)
  assert.is(read(good).type, 'ask')
  isCode(() => read(Uint8Array.from([...good, ...good])), 'BAD_ENCODING')
  const at = Buffer.from(good).indexOf(Buffer.from('ballot')) + 'ballot'.length
  assert.is(good[at], 0)
  isCode(() => read(Uint8Array.from([...good.slice(0, at), 0x18, 0, ...good.slice(at + 1)])), 'BAD_ENCODING')
  // `type` before `phase` is the encoding's order; the other way round is not.
  const [phase, type] = [Buffer.from('ephasedvote'), Buffer.from('dtypecask')]
  const turned = Buffer.concat([Uint8Array.of(0xa4), Buffer.from(`ephasedvote`), Buffer.from('dtypecask'), good.slice(1 + 0)])
  assert.ok(phase.length > 0 && type.length > 0)
  isCode(() => read(turned), 'BAD_ENCODING')
})

test('fuzz: changed, cut and joined frames either decode to something that encodes to the same bytes, or give the one error', () => {
  const small = frames.filter((frame) => frame.length < 4000)
  fc.assert(
    fc.property(
      fc.constantFrom(...small),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      fc.option(fc.nat(), { freq: 4 }),
      fc.uint8Array({ maxLength: 6 }),
      (frame, flips, cut, more) => {
        const spoiled = Uint8Array.from([...frame.slice(0, cut === null ? frame.length : cut % frame.length), ...more])
        for (const [at, byte] of flips) if (spoiled.length > 0) spoiled[at % spoiled.length] = byte
        tryRead(spoiled)
      },
    ),
    { seed, numRuns: 1500 },
  )
})

test('fuzz: random plain values under known names', () => {
  const names = [...new Set(vectors.messages.flatMap(({ json }) => Object.keys(json as object)))]
  const leaf = fc.oneof(
    fc.nat(),
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ maxLength: 8 }),
    fc.boolean(),
    fc.constant(null),
    fc.constant(bytes(32)),
    fc.constant(bytes(96)),
  )
  const value: fc.Arbitrary<Plain> = fc.letrec<{ value: Plain }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.array(fc.tuple(fc.constantFrom(...names), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
    ),
  })).value
  const message = fc.tuple(
    fc.constantFrom(...vectors.messages.map(({ type }) => type)),
    fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 6 }),
  )
  fc.assert(
    fc.property(message, ([type, fields]) => tryRead(encodeCbor(new Map<string, Plain>([...fields, ['type', type]])))),
    { seed, numRuns: 1000 },
  )
})

function tryRead(frame: Uint8Array): void {
  let message: Message
  try {
    message = read(frame)
  } catch (error) {
    assert.ok(error instanceof MusigError && error.code === 'BAD_ENCODING', `${error} for ${hex(frame).slice(0, 200)}`)
    return
  }
  assert.is(hex(encodeMessage(codec, message)), hex(frame))
}

test.run()
