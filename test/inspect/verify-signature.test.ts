/** Claims on signatures: how they are read, the verdict, who is at fault; on the plain JavaScript backend. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex, utf8 } from '../../src/lib/base/bytes.js'
import { noble, nobleEd25519 } from '../../src/lib/bls/noble.js'
import { LOCAL_TIMING, makeManifest, signerEntry } from '../../src/lib/core/manifest.js'
import { makeClaim, parseMessage, readClaim, readDocuments, type SignatureVerdict, verifyClaim } from '../../src/lib/inspect/verify-signature.js'

const secrets = [1, 2, 3, 4].map((i) => new Uint8Array(32).fill(i))
const keys = secrets.map((secret) => noble.publicKey(secret))
const hexKeys = keys.map(toHex)
const messages = ['a', 'b', 'a', 'c']
const shares = secrets.map((secret, i) => noble.sign(secret, utf8(messages[i] ?? '')))
const sum = (signatures: Uint8Array[]) => toHex(noble.aggregate(signatures) ?? new Uint8Array())
const infinity = (length: number) => `c0${'00'.repeat(length - 1)}`
const verdictOf = (document: object): SignatureVerdict => verifyClaim(noble, readClaim(document, 'f'))

test('a sum over three distinct messages of four signers is valid, in any order of the signers', () => {
  const whole = { publicKeys: hexKeys, messages, signature: sum(shares) }
  assert.equal(verdictOf(whole), { valid: true, signers: [0, 1, 2, 3], distinctMessages: 3 })
  const turned = { publicKeys: [...hexKeys].reverse().map((key) => `0x${key}`), messages: [...messages].reverse(), signature: `0x${sum(shares)}` }
  assert.is(verdictOf(turned).valid, true)
})

test('one message for all keys costs one part; one key may come without lists', () => {
  const same = secrets.map((secret) => noble.sign(secret, fromHex('dead')))
  assert.equal(verdictOf({ publicKeys: hexKeys, messages: ['0xDEAD'], signature: sum(same) }), {
    valid: true,
    signers: [0, 1, 2, 3],
    distinctMessages: 1,
  })
  assert.is(verdictOf({ publicKey: hexKeys[0], message: '0xdead', signature: toHex(same[0] ?? new Uint8Array()) }).valid, true)
})

test('a wrong message, key, signature or a missing signer: invalid', () => {
  const whole = { publicKeys: hexKeys, messages, signature: sum(shares) }
  for (const wrong of [
    { ...whole, messages: ['a', 'b', 'a', 'd'] },
    { ...whole, messages: ['b', 'a', 'a', 'c'] },
    { ...whole, publicKeys: hexKeys.slice(0, 3), messages: messages.slice(0, 3) },
    { ...whole, signature: sum(shares.slice(0, 3)) },
  ]) {
    const verdict = verdictOf(wrong)
    assert.is(verdict.valid, false)
    assert.is(verdict.reason, 'the signature does not verify')
    assert.is(verdict.faulty, undefined)
  }
})

test('with shares: the signers at fault, and only they', () => {
  const bad = shares.map((share, i) => (i === 1 || i === 3 ? noble.sign(secrets[i] ?? new Uint8Array(), utf8('other')) : share))
  const verdict = verdictOf({ publicKeys: hexKeys, messages, signature: sum(bad), signatures: bad.map(toHex) })
  assert.equal(verdict.faulty, [1, 3])
  assert.match(verdict.reason ?? '', /2 shares are wrong/)
  const lone = shares.map((share, i) => (i === 2 ? toHex(shares[0] ?? share) : toHex(share)))
  assert.equal(verdictOf({ publicKeys: hexKeys, messages, signature: sum(shares.slice(1)), signatures: lone }).faulty, [2])
})

test('errors of two shares that cancel out in the sum are a valid sum, and nobody is accused', () => {
  // Two signers that swap their shares change nothing in the sum.
  const swapped = [shares[2], shares[1], shares[0], shares[3]].map((share) => toHex(share ?? new Uint8Array()))
  assert.equal(verdictOf({ publicKeys: hexKeys, messages, signature: sum(shares), signatures: swapped }), {
    valid: true,
    signers: [0, 1, 2, 3],
    distinctMessages: 3,
  })
})

test('right shares with a wrong sum: nobody is accused', () => {
  const verdict = verdictOf({ publicKeys: hexKeys, messages, signature: sum(shares.slice(1)), signatures: shares.map(toHex) })
  assert.equal(verdict.faulty, [])
  assert.match(verdict.reason ?? '', /not their sum/)
})

test('infinity, points off the curve and signers that stand in it twice: invalid, with the place', () => {
  const whole = { publicKeys: hexKeys, messages, signature: sum(shares) }
  const cases: [object, RegExp][] = [
    [{ ...whole, publicKeys: [hexKeys[0], infinity(48), hexKeys[2], hexKeys[3]] }, /public key 1 is the point at infinity/],
    [{ ...whole, publicKeys: ['ff'.repeat(48), ...hexKeys.slice(1)] }, /public key 0 is no point/],
    [{ ...whole, publicKeys: [hexKeys[0], hexKeys[1], hexKeys[0], hexKeys[3]] }, /signer 2 stands in it twice: it has the public key of signer 0/],
    [{ ...whole, signature: infinity(96) }, /signature is the point at infinity/],
    [{ ...whole, signature: 'ff'.repeat(96) }, /signature is no point/],
  ]
  for (const [document, reason] of cases) {
    const verdict = verdictOf(document)
    assert.is(verdict.valid, false)
    assert.match(verdict.reason ?? '', reason)
  }
})

test('malformed claims are refused, with the part', () => {
  const whole = { publicKeys: hexKeys, messages, signature: sum(shares) }
  const cases: [unknown, RegExp][] = [
    [null, /not an object/],
    [[whole], /not an object/],
    [{}, /“publicKeys” is missing/],
    [{ ...whole, publicKeys: [] }, /no public keys/],
    [{ ...whole, publicKeys: 'x' }, /publicKeys is not a list/],
    [{ ...whole, publicKeys: hexKeys.map((key) => key.slice(2)) }, /public key 0 has 47 bytes, not 48/],
    [{ ...whole, publicKeys: [1, 2, 3, 4] }, /public key 0 is missing or not hex/],
    [{ ...whole, publicKeys: ['zz', ...hexKeys.slice(1)] }, /public key 0 is not hex/],
    [{ ...whole, messages: messages.slice(0, 2) }, /2 messages for 4 public keys/],
    [{ ...whole, messages: [] }, /0 messages/],
    [{ ...whole, messages: ['0xa'] }, /message .* is not hex/],
    [{ ...whole, messages: [1] }, /message 0 is not text/],
    [{ ...whole, signature: undefined }, /signature is missing/],
    [{ ...whole, signature: whole.signature.slice(2) }, /signature has 95 bytes, not 96/],
    [{ ...whole, signatures: [] }, /0 shares for 4/],
    [{ ...whole, signatures: ['00', '00', '00', '00'] }, /share 0 has 1 bytes/],
    [{ ...whole, publicKeys: Array.from({ length: 4097 }, () => hexKeys[0]) }, /4097 public keys/],
  ]
  for (const [document, reason] of cases)
    assert.throws(
      () => readClaim(document, 'f'),
      (error: { code?: string; message: string }) => error.code === 'BAD_INPUT' && reason.test(error.message),
      String(reason),
    )
})

test('messages: 0x is bytes, anything else its UTF-8', () => {
  assert.equal(parseMessage('0x'), new Uint8Array())
  assert.equal(parseMessage('0XfF'), fromHex('ff'))
  assert.equal(parseMessage('ff'), utf8('ff'))
  assert.equal(parseMessage('é'), fromHex('c3a9'))
  assert.throws(() => parseMessage('0xg0'), /not hex/)
})

test('one document, a list, JSON lines', () => {
  assert.equal(readDocuments('{"a":\n1}', 'f'), { documents: [{ a: 1 }], single: true })
  assert.equal(readDocuments('[{"a":1},{"b":2}]', 'f'), { documents: [{ a: 1 }, { b: 2 }], single: false })
  assert.equal(readDocuments('{"a":1}\n\n{"b":2}\r\n', 'f'), { documents: [{ a: 1 }, { b: 2 }], single: false })
  assert.throws(() => readDocuments('{"a":1}\n{"b"', 'f'), /line 2 is malformed/)
  assert.throws(() => readDocuments('', 'f'), /holds no signatures/)
  assert.throws(() => readDocuments('[]', 'f'), /holds no signatures/)
})

test('with a manifest: its numbers, its quorum, and only its keys', () => {
  const crypto = { bls: noble, ed25519: nobleEd25519 }
  const manifest = makeManifest({
    name: 'm',
    epoch: 0,
    tolerance: { a: 1, b: 2 },
    deltaMs: 0,
    machine: 'ledger',
    test: false,
    tree: { strategy: 'random', fanout: 2 },
    window: 4,
    timing: LOCAL_TIMING,
    signers: secrets.map((secret, i) => signerEntry(crypto, secret, secret, `s${i}`)),
  })
  const numbers = hexKeys.map((key) => manifest.signers.findIndex((signer) => toHex(signer.publicKey) === key))
  const verdict = verifyClaim(noble, makeClaim(hexKeys, messages, sum(shares)), manifest)
  assert.equal(verdict, { valid: true, signers: numbers, distinctMessages: 3, quorum: 4, reachesQuorum: true })
  const three = verifyClaim(noble, makeClaim(hexKeys.slice(1), messages.slice(1), sum(shares.slice(1))), manifest)
  assert.equal(three, { valid: true, signers: numbers.slice(1), distinctMessages: 3, quorum: 4, reachesQuorum: false })
  const stranger = new Uint8Array(32).fill(9)
  const mixed = makeClaim(
    [toHex(noble.publicKey(stranger)), hexKeys[0]],
    ['a'],
    sum([noble.sign(stranger, utf8('a')), shares[0] ?? new Uint8Array()]),
  )
  assert.is(verifyClaim(noble, mixed).valid, true)
  assert.match(verifyClaim(noble, mixed, manifest).reason ?? '', /public key 0 is not in the manifest/)
})

test.run()
