import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import type { SeededRandom } from '../../src/lib/base/prng.js'
import {
  createPayload,
  Documents,
  deletePayload,
  MAX_DOCUMENT_BYTES,
  patchPayload,
  putPayload,
  updatePayload,
} from '../../src/lib/machine/documents.js'
import { canonicalJson, type Json, readJson } from '../../src/lib/machine/json.js'
import { mergePatch } from '../../src/lib/machine/merge-patch.js'
import { builtInComplies, reasonOf, transactionOf, transactionOfText } from './compliance.js'

const IDS = ['1', '2', '3']

function randomTransaction(random: SeededRandom) {
  const id = random.pick(IDS)
  const value = { n: random.upTo(5), [random.pick(['x', 'y'])]: { z: random.upTo(3) } }
  const version = random.upTo(2) === 0 ? random.upTo(30) : undefined
  switch (random.upTo(4)) {
    case 0:
      return transactionOf(createPayload(id, value))
    case 1:
      return transactionOf(updatePayload(id, value, version))
    case 2:
      return transactionOf(putPayload(id, value, version))
    case 3:
      return transactionOf(patchPayload(id, { ...value, n: null }, version))
    default:
      return transactionOf(random.upTo(1) === 0 ? deletePayload(id, version) : putPayload(id, value))
  }
}

builtInComplies(
  'documents',
  () => new Documents(),
  randomTransaction,
  (machine) => {
    const there = IDS.filter((id) => machine.query(`doc:${id}`) !== undefined)
    assert.equal(machine.query('documents'), { count: there.length })
  },
)

test('the life of a document: create, update, patch, delete', () => {
  const documents = new Documents()
  const run = (draft: Parameters<typeof transactionOf>[0]) => documents.apply(transactionOf(draft, null))
  assert.equal(run(createPayload('1', { title: 'a', tags: ['x'] })), { ok: true, result: { id: '1', version: 1 } })
  assert.equal(run(updatePayload('1', { title: 'b', tags: ['x'] }, 1)), { ok: true, result: { id: '1', version: 2 } })
  assert.equal(run(patchPayload('1', { tags: null, more: 1 })), { ok: true, result: { id: '1', version: 3 } })
  assert.equal(documents.query('doc:1'), { id: '1', version: 3, document: { title: 'b', more: 1 } })
  assert.is(reasonOf(run(createPayload('1', {}))), 'document 1 exists already, at version 3')
  assert.is(reasonOf(run(patchPayload('1', {}, 2))), 'document 1 is at version 3, not 2')
  assert.equal(run(deletePayload('1', 3)), { ok: true, result: { id: '1', version: 4 } })
  assert.is(documents.query('doc:1'), undefined)
  for (const draft of [updatePayload('1', {}), patchPayload('1', {}), deletePayload('1'), putPayload('1', {}, 4)]) {
    assert.is(reasonOf(run(draft)), 'there is no document 1')
  }
  assert.equal(run(putPayload('1', null)), { ok: true, result: { id: '1', version: 5 } }, 'no version comes twice')
  assert.equal(documents.query('doc:1'), { id: '1', version: 5, document: null })
})

test('merge patch: the examples of RFC 7386, appendix A', () => {
  const examples: [Json, Json, Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [target, patch, result] of examples) {
    assert.equal(mergePatch(target, patch), result)
    const documents = new Documents()
    documents.apply(transactionOf(createPayload('1', target)))
    documents.apply(transactionOf(patchPayload('1', patch)))
    assert.equal(documents.query('doc:1'), { id: '1', version: 2, document: result })
  }
})

test('a key named __proto__ is a key like any other', () => {
  const patch = readJson(utf8('{"__proto__":{"polluted":true},"constructor":1}'))
  const merged = mergePatch({ a: 1 }, patch)
  assert.is(canonicalJson(merged), '{"__proto__":{"polluted":true},"a":1,"constructor":1}')
  assert.is(Reflect.get({}, 'polluted'), undefined)
  assert.is(Object.getPrototypeOf(merged), Object.prototype)
})

test('equal documents are equal state, however they were written', () => {
  const [one, other] = [new Documents(), new Documents()]
  one.apply(transactionOfText(['doc:1'], '{"op":"put","id":"1","document":{"b":1.0,"a":"\\u00e9","2":0,"10":-0}}'))
  other.apply(transactionOfText(['doc:1', 'more'], ' { "document": {"10":0, "2":0e5, "a":"é", "b":1}, "version":null, "id":"1", "op":"put" }\n'))
  assert.is((one.query('doc:1') as { version: number }).version, 1)
  assert.equal(one.digest(), other.digest())
  assert.equal(one.snapshot(), other.snapshot())
})

test('JSON that readers understand differently is refused', () => {
  const refusals: [string, RegExp][] = [
    ['{"a":1,"\\u0061":2}', /stands twice/],
    ['[{"a":1},{"a":1,"b":{"a":1},"b":2}]', /stands twice/],
    ['"\\ud800"', /surrogate/],
    ['{"\\udc00":1}', /surrogate/],
    ['1e999', /cannot be kept/],
    ['[9007199254740992]', /cannot be kept/],
    [`${'['.repeat(65)}${']'.repeat(65)}`, /nested/],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, /nested|not JSON/],
    ['\ufeff1', /not JSON/],
    ['{a:1}', /not JSON/],
    ['NaN', /not JSON/],
    [`"${'\\"'.repeat(130_000)}`, /not JSON/],
  ]
  for (const [text, reason] of refusals) assert.throws(() => readJson(utf8(text)), reason)
  for (const bytes of [
    [0x22, 0xc0, 0x80, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0x22, 0xff, 0x22],
    [0x22, 0xe2, 0x82],
  ]) {
    assert.throws(() => readJson(Uint8Array.from(bytes)), /not JSON in UTF-8/)
  }
  const taken = [
    '{"a":{"a":[{"a":1}]},"b":"a:{[\\"","c":1}',
    `${'['.repeat(64)}${']'.repeat(64)}`,
    '"😀"',
    '"\\ud83d\\ude00"',
    '-1.5e-7',
    `"${'x'.repeat(260_000)}"`,
  ]
  for (const text of taken) assert.equal(readJson(utf8(text)), JSON.parse(text))
})

test('a document may not grow without end', () => {
  const documents = new Documents()
  const part = 'x'.repeat(MAX_DOCUMENT_BYTES / 2 - 100)
  assert.ok(documents.apply(transactionOf(createPayload('1', { a: part }))).ok)
  assert.ok(documents.apply(transactionOf(patchPayload('1', { b: part }))).ok)
  assert.match(reasonOf(documents.apply(transactionOf(patchPayload('1', { c: part })))), /larger than/)
  assert.is((documents.query('doc:1') as { version: number }).version, 2)
})

test('check refuses what can never be valid, by name', () => {
  const cases: [string[], string, string | RegExp][] = [
    [[], '{"op":"delete","id":"1"}', '“doc:1” is touched and not among the dependency keys'],
    [['doc:1'], '{"op":"create","id":"1","document":{},"version":0}', 'create: unknown field “version”'],
    [['doc:1'], '{"op":"update","id":"1"}', 'update: “document” is missing'],
    [['doc:1'], '{"op":"update","id":"1","document":1,"version":"1"}', 'update.version: not a whole number ≥ 0'],
    [['doc:1'], '{"op":"patch","id":"1","document":1}', 'patch: “patch” is missing'],
    [['doc:1'], '{"op":"drop","id":"1"}', 'op: not one of create, update, put, patch, delete'],
    [['doc:1'], `{"op":"delete","id":"1","${'y'.repeat(1000)}":1}`, /^delete: unknown field “y+…”$/],
  ]
  for (const [deps, text, expected] of cases) {
    const fault = new Documents().check(transactionOfText(deps, text)) ?? 'taken'
    if (typeof expected === 'string') assert.is(fault, expected, text)
    else assert.match(fault, expected)
  }
})

test.run()
