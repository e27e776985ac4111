/** Ids by unique prefix. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { resolvePrefix } from '../../src/lib/cli/prefix.js'

const IDS = ['abcdef0011', 'abcdef0022', '123456789a', 'abcdef']
const refused = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof MusigError && error.code === code && message.test(error.message)

test('a unique prefix of six digits or more stands for the id, in any case, with or without 0x', () => {
  assert.is(resolvePrefix('123456', IDS, 'batch'), '123456789a')
  assert.is(resolvePrefix('0x123456789A', IDS, 'batch'), '123456789a')
  assert.is(resolvePrefix('abcdef001', IDS, 'batch'), 'abcdef0011')
})

test('a whole id is meant before ids that begin with it', () => assert.is(resolvePrefix('abcdef', IDS, 'batch'), 'abcdef'))

test('what is too short, not hex, unknown or fits several is refused with what to do', () => {
  assert.throws(() => resolvePrefix('12345', IDS, 'batch'), refused('BAD_INPUT', /"12345" is too short: give at least 6/))
  assert.throws(() => resolvePrefix('hello!', IDS, 'batch'), refused('BAD_INPUT', /"hello!" is not a batch id/))
  assert.throws(() => resolvePrefix('ffffff', IDS, 'batch'), refused('NOT_FOUND', /no batch whose id begins with ffffff/))
  assert.throws(() => resolvePrefix('abcdef0', IDS, 'batch'), refused('BAD_INPUT', /fits 2 batch ids \(abcdef0011, abcdef0022\): give more digits/))
})

test('the same id twice is one id', () => assert.is(resolvePrefix('123456', ['123456789a', '123456789a'], 'batch'), '123456789a'))

test.run()
