/** Bytes: hex, the two orders (bytes, and text by its UTF-8 bytes), big-endian integers; hashes under a tag. */

import { sha256 as portableSha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  compareBytes,
  compareText,
  concat,
  equalBytes,
  fromHex,
  fromUtf8,
  shorten,
  toHex,
  uint32,
  utf8,
  utf8Length,
} from '../../src/lib/base/bytes.js'
import { digestOf, sha256, statementDigest, statementId } from '../../src/lib/base/hash.js'

const seed = Date.now() & 0x7fffffff
console.log(`bytes: seed ${seed}`)

test('hex comes back, with 0x and in either case', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.equal(fromHex(toHex(bytes)), bytes)
      assert.equal(fromHex(`0x${toHex(bytes).toUpperCase()}`), bytes)
      assert.match(toHex(bytes), /^([0-9a-f]{2})*$/)
    }),
    { seed },
  )
})

test('what is not hex is refused with what it was meant to be, cut short', () => {
  for (const text of ['a', 'zz', '0x0', '0xg0', ' 00', '0x'.repeat(2), 'q'.repeat(10_000)]) {
    try {
      fromHex(text, 'the id')
      assert.unreachable(text)
    } catch (error) {
      assert.is((error as { code?: unknown }).code, 'BAD_INPUT')
      assert.match((error as Error).message, /^the id is not hex: /)
      assert.ok((error as Error).message.length < 100)
    }
  }
})

test('bytes are ordered as unsigned numbers, a beginning before the whole, as their hex is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 }), (a, b) => {
      const order = Math.sign(compareBytes(a, b))
      assert.is(order, toHex(a) < toHex(b) ? -1 : toHex(a) > toHex(b) ? 1 : 0)
      assert.is(equalBytes(a, b), order === 0)
      assert.is(Math.sign(compareBytes(b, a)), order === 0 ? 0 : -order)
    }),
    { seed },
  )
})

test('text is ordered by its UTF-8 bytes, which is not the order of UTF-16', () => {
  assert.ok(compareText('\uffee', '\u{10000}') < 0)
  assert.ok('\uffee' > '\u{10000}')
  const character = fc.constantFrom('a', 'z', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{1f600}', '\u{10ffff}')
  const text = fc.array(character, { maxLength: 4 }).map((characters) => characters.join(''))
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.is(Math.sign(compareText(a, b)), Math.sign(compareBytes(utf8(a), utf8(b))))
    }),
    { seed, numRuns: 1000 },
  )
})

test('integers are four bytes, big-endian', () => {
  assert.is(toHex(uint32(0)), '00000000')
  assert.is(toHex(uint32(0x01020304)), '01020304')
  assert.is(toHex(uint32(0xffffffff)), 'ffffffff')
})

test('long text is cut to its length', () => {
  assert.is(shorten('abc', 3), 'abc')
  assert.is(shorten('abcd', 3), 'ab…')
})

test('a statement is the hash of tag, NUL, clusterId and content', () => {
  const cluster = '11'.repeat(32)
  const content = utf8('content')
  assert.is(toHex(sha256(utf8('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.equal(statementDigest('musig/v1/vote', cluster, content), sha256(concat(utf8('musig/v1/vote\0'), fromHex(cluster), content)))
  assert.is(statementId('musig/v1/vote', cluster, content), toHex(statementDigest('musig/v1/vote', cluster, content)))
  assert.not.equal(statementDigest('musig/v1/vote', cluster, content), statementDigest('musig/v1/accept', cluster, content))
  assert.not.equal(statementDigest('musig/v1/vote', cluster, content), statementDigest('musig/v1/vote', '12'.repeat(32), content))
  assert.equal(digestOf(utf8('a'), utf8('bc')), sha256(utf8('abc')))
  assert.equal(digestOf(), sha256(new Uint8Array(0)))
})

/** The strict decoder that the language itself has. */
function byEscapes(bytes: Uint8Array): string | undefined {
  try {
    return decodeURIComponent(toHex(bytes).replace(/../g, '%$&'))
  } catch {
    return undefined
  }
}

test('UTF-8 is read strictly: overlong forms, surrogates and cut sequences are none, a mark at the beginning stays', () => {
  const wrong = ['c0af', 'e0809f', 'f0808080', 'eda080', 'c3', 'e282', 'f09f98', 'ff', '80', 'f4908080']
  for (const hex of wrong) assert.is(fromUtf8(fromHex(hex)), undefined, hex)
  assert.is(fromUtf8(fromHex('efbbbf61')), '\ufeffa')
  const near = fc.array(fc.constantFrom(0x41, 0x80, 0xbf, 0xc2, 0xc3, 0xe0, 0xed, 0xa0, 0xef, 0xbb, 0xf0, 0x9f, 0x98, 0xf4), { maxLength: 6 })
  fc.assert(
    fc.property(near, (bytes) => assert.is(fromUtf8(Uint8Array.from(bytes)), byEscapes(Uint8Array.from(bytes)))),
    { seed, numRuns: 2000 },
  )
})

test('the length of a text in UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => assert.is(utf8Length(text), utf8(text).length)),
    { seed },
  )
})

test('the platform hashes as JavaScript does, also a part of a longer buffer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(50), (bytes, from) => {
      assert.equal(sha256(bytes.subarray(from)), portableSha256(bytes.subarray(from)))
      assert.is(statementId('t', '00'.repeat(32), bytes), toHex(portableSha256(concat(utf8('t\0'), new Uint8Array(32), bytes))))
    }),
    { seed },
  )
})

test.run()
