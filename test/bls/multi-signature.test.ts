/** The multi-signature: its form, merging, verification with one pairing for each distinct message and one, and the search for bad shares. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type MultiSignatureVectors, multiSignatureVectors } from '../../scripts/make-vectors.js'
import { bitmapOf, membersOf, overlaps, unionOf } from '../../src/lib/base/bitmap.js'
import { concat, fromHex, toHex } from '../../src/lib/base/bytes.js'
import { fromCbor, fromJson, toCbor, toJson } from '../../src/lib/base/codec.js'
import { sha256 } from '../../src/lib/base/hash.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import type { Bls } from '../../src/lib/bls/backend.js'
import { fake } from '../../src/lib/bls/fake.js'
import {
  findBadShares,
  type MultiSignature,
  mergeMultiSignatures,
  multiSignatureCodec,
  multiSignatureFault,
  multiSignatureFormFault,
  type Share,
  signersOf,
  singleSignature,
} from '../../src/lib/bls/multi-signature.js'
import { noble } from '../../src/lib/bls/noble.js'
import { blst } from '../../src/lib/node/blst.js'
import { flipped, messageOf, secretKeys } from './compliance.js'

const N = 13
const secrets = secretKeys(N, 'multi-signature')
const messages = ['a', 'b', 'c', 'd'].map((name) => sha256(messageOf(name)))
const [a, b] = messages as [Uint8Array, Uint8Array]
const seed = Date.now() & 0x7fffffff
console.log(`multi-signature: seed ${seed}`)

function share(bls: Bls, signer: number, message: Uint8Array): MultiSignature {
  return singleSignature(N, signer, message, bls.sign(secrets[signer] as Uint8Array, message))
}

function merged(bls: Bls, parts: readonly MultiSignature[]): MultiSignature {
  const whole = mergeMultiSignatures(bls, parts)
  assert.ok(whole, 'the parts do not merge')
  return whole as MultiSignature
}

function publicKeysOf(bls: Bls): Uint8Array[] {
  return secrets.map((secret) => bls.publicKey(secret))
}

/** A backend that counts its checks. */
function counting(bls: Bls): Bls & { checks: () => number } {
  let count = 0
  return {
    ...bls,
    verifyAll(items) {
      count++
      return bls.verifyAll(items)
    },
    checks: () => count,
  }
}

for (const bls of [fake, blst, noble]) {
  const publicKeys = publicKeysOf(bls)

  test(`${bls.name}: shares of one message and of several merge into one that verifies`, () => {
    const parts = [share(bls, 2, a), share(bls, 0, b), share(bls, 12, a), share(bls, 7, messages[2] as Uint8Array)]
    const whole = merged(bls, parts)
    assert.is(whole.entries.length, 3)
    assert.equal(membersOf(signersOf(whole)), [0, 2, 7, 12])
    assert.is(multiSignatureFault(bls, publicKeys, whole), undefined)
    const ordered = whole.entries.map((entry) => toHex(entry.message))
    assert.equal(ordered, [...ordered].sort())
    assert.equal(membersOf(whole.entries.find((entry) => toHex(entry.message) === toHex(a))?.signers ?? new Uint8Array(0)), [2, 12])
    for (const part of parts) assert.is(multiSignatureFault(bls, publicKeys, part), undefined)
  })

  test(`${bls.name}: a signer claimed too many, too few, or for another message makes it fail`, () => {
    const whole = merged(bls, [share(bls, 1, a), share(bls, 2, a), share(bls, 3, b)])
    const [first, second] = whole.entries
    assert.ok(first && second)
    const withSigners = (x: number[], y: number[]): MultiSignature => ({
      ...whole,
      entries: [
        { ...first, signers: bitmapOf(N, x) },
        { ...second, signers: bitmapOf(N, y) },
      ],
    })
    const [x, y] = [membersOf(first.signers), membersOf(second.signers)]
    assert.is(multiSignatureFault(bls, publicKeys, withSigners(x, y)), undefined)
    const wrong = [withSigners(x, [...y, 4]), withSigners(x.slice(1).concat(5), y), withSigners(y, x), withSigners([...x, 0], y)]
    for (const claim of wrong) assert.is(multiSignatureFault(bls, publicKeys, claim), 'its signature does not verify')
    assert.is(multiSignatureFault(bls, publicKeys, { ...whole, signature: share(bls, 1, a).signature }), 'its signature does not verify')
    assert.is(multiSignatureFault(bls, [...publicKeys].reverse(), whole), 'its signature does not verify')
  })

  test(`${bls.name}: nobody stands in it twice: overlaps do not merge`, () => {
    const one = share(bls, 1, a)
    assert.is(mergeMultiSignatures(bls, [one, one]), undefined)
    assert.is(mergeMultiSignatures(bls, [one, share(bls, 1, b)]), undefined)
    assert.is(mergeMultiSignatures(bls, [merged(bls, [one, share(bls, 2, a)]), merged(bls, [share(bls, 3, a), one])]), undefined)
  })

  test(`${bls.name}: nothing and malformed parts do not merge`, () => {
    const good = share(bls, 1, a)
    assert.is(mergeMultiSignatures(bls, []), undefined)
    const bad: MultiSignature[] = [
      { entries: [], signature: good.signature },
      { ...good, signature: good.signature.subarray(1) },
      { ...good, signature: new Uint8Array(96) },
      { ...good, signature: concat(Uint8Array.of(0xc0), new Uint8Array(95)) },
      { ...good, entries: [{ message: a, signers: new Uint8Array(2) }] },
      { ...good, entries: [{ message: a.subarray(1), signers: bitmapOf(N, [3]) }] },
    ]
    for (const part of bad) {
      assert.is(mergeMultiSignatures(bls, [part]), undefined)
      assert.is(mergeMultiSignatures(bls, [share(bls, 5, a), part]), undefined)
      assert.is(mergeMultiSignatures(bls, [part, share(bls, 5, a)]), undefined)
    }
    // A bitmap of another width is only seen beside others: n is not known here.
    const narrow: MultiSignature = { ...good, entries: [{ message: a, signers: Uint8Array.of(8) }] }
    assert.is(mergeMultiSignatures(bls, [share(bls, 5, a), narrow]), undefined)
    assert.is(mergeMultiSignatures(bls, [narrow, share(bls, 5, a)]), undefined)
  })

  const [many, most] = bls.name === 'noble' ? [16, 9] : [64, 13]
  test(`${bls.name}: one bad share among ${many} is found in at most ${most} checks, wherever it is; several too`, () => {
    const [secret] = secrets as [Uint8Array]
    const keys = Array.from({ length: many }, () => bls.publicKey(secret))
    const right = bls.sign(secret, a)
    const wrong = bls.sign(secret, b)
    const shares = (bad: readonly number[]): Share[] =>
      keys.map((_, signer) => ({ signer, message: a, signature: bad.includes(signer) ? wrong : right }))
    for (const bad of bls.name === 'noble' ? [[], [15]] : [[], ...keys.map((_, i) => [i])]) {
      const counted = counting(bls)
      assert.equal(findBadShares(counted, keys, shares(bad)), bad)
      assert.ok(counted.checks() <= (bad.length === 0 ? 1 : most), `${counted.checks()} checks for ${bad}`)
    }
    if (bls.name === 'noble') return
    for (const bad of [[0, 1], [3, 40], [0, 21, 42, 63], keys.map((_, i) => i)]) assert.equal(findBadShares(bls, keys, shares(bad)), bad)
  })

  test(`${bls.name}: malformed shares and unknown signers are found, too`, () => {
    const shares: Share[] = [
      { signer: 4, message: a, signature: new Uint8Array(96) },
      { signer: 0, message: a, signature: bls.sign(secrets[0] as Uint8Array, a) },
      { signer: 1, message: b, signature: bls.sign(secrets[1] as Uint8Array, b) },
      { signer: 99, message: a, signature: bls.sign(secrets[0] as Uint8Array, a) },
      { signer: 2, message: b, signature: bls.sign(secrets[2] as Uint8Array, a) },
      { signer: 3, message: b, signature: new Uint8Array(7) },
    ]
    assert.equal(findBadShares(bls, publicKeys, shares), [2, 3, 4, 99])
    assert.equal(findBadShares(bls, publicKeys, []), [])
  })
}

test('two signers who exchange their signatures are found, though the sum is right', () => {
  for (const bls of [fake, blst, noble]) {
    const [s0, s1] = [bls.sign(secrets[0] as Uint8Array, a), bls.sign(secrets[1] as Uint8Array, a)]
    const shares = [s1, s0, bls.sign(secrets[2] as Uint8Array, a)].map((signature, signer) => ({ signer, message: a, signature }))
    const parts = shares.map(({ signer, signature }) => singleSignature(N, signer, a, signature))
    assert.is(multiSignatureFault(bls, publicKeysOf(bls), merged(bls, parts)), undefined)
    assert.equal(findBadShares(bls, publicKeysOf(bls), shares), [0, 1])
  }
})

test('every fault of form is named', () => {
  const good = merged(fake, [share(fake, 1, a), share(fake, 12, b)])
  const [first, second] = good.entries
  assert.ok(first && second)
  const faulty: [MultiSignature, RegExp][] = [
    [{ ...good, entries: [] }, /no entries/],
    [{ ...good, entries: Array.from({ length: 14 }, () => first) }, /14 entries for 13 signers/],
    [{ ...good, signature: new Uint8Array(95) }, /95 bytes/],
    [{ ...good, signature: concat(Uint8Array.of(0xc0), new Uint8Array(95)) }, /infinity/],
    [{ ...good, entries: [second, first] }, /message 1 is not in ascending order/],
    [{ ...good, entries: [first, { ...second, message: first.message }] }, /message 1 stands in it twice/],
    [{ ...good, entries: [first, { ...second, signers: Uint8Array.of(0, 0x20) }] }, /no bitmap of 13/],
    [{ ...good, entries: [{ ...first, signers: Uint8Array.of(1) }] }, /no bitmap of 13/],
    [{ ...good, entries: [{ ...first, signers: new Uint8Array(3) }] }, /no bitmap of 13/],
    [{ ...good, entries: [first, { ...second, signers: new Uint8Array(2) }] }, /message 1 has no signers/],
    [{ ...good, entries: [first, { ...second, signers: unionOf(first.signers, second.signers) }] }, /signer (1|12) stands in it twice/],
    [{ ...good, entries: [{ ...first, message: first.message.subarray(1) }] }, /31 bytes/],
  ]
  assert.is(multiSignatureFormFault(N, good), undefined)
  for (const [multiSignature, why] of faulty) {
    assert.match(multiSignatureFormFault(N, multiSignature) ?? 'nothing', why)
    assert.match(multiSignatureFault(fake, publicKeysOf(fake), multiSignature) ?? 'nothing', why)
  }
})

test('verification costs one question with one part for each distinct message, whatever n', () => {
  const asked: number[] = []
  const spy: Bls = {
    ...fake,
    verify(parts, signature) {
      asked.push(parts.length)
      return fake.verify(parts, signature)
    },
  }
  const whole = merged(
    fake,
    secrets.map((_, signer) => share(fake, signer, messages[signer % 3] as Uint8Array)),
  )
  assert.is(multiSignatureFault(spy, publicKeysOf(fake), whole), undefined)
  assert.equal(asked, [3])
})

const partition = fc.array(fc.record({ part: fc.nat(4), message: fc.nat(3) }), { minLength: 1, maxLength: N })

function partsOf(bls: Bls, assigned: readonly { part: number; message: number }[]): MultiSignature[] {
  const groups = new Map<number, MultiSignature[]>()
  assigned.forEach(({ part, message }, signer) => {
    groups.set(part, [...(groups.get(part) ?? []), share(bls, signer, messages[message] as Uint8Array)])
  })
  return [...groups.values()].map((group) => merged(bls, group))
}

test('merging does not depend on order or grouping; encodings come back; every flipped bit is refused (property)', () => {
  fc.assert(
    fc.property(partition, fc.nat(), fc.nat(1e9), (assigned, bit, order) => {
      const parts = partsOf(fake, assigned)
      const whole = merged(fake, parts)
      const random = new SeededRandom(order)
      const shuffled = parts.map((part) => [random.uint32(), part] as const).sort((x, y) => x[0] - y[0])
      assert.equal(
        merged(
          fake,
          shuffled.map(([, part]) => part),
        ),
        whole,
      )
      assert.equal(
        parts.reduce((sum, part, i) => (i === 0 ? part : merged(fake, [part, sum]))),
        whole,
      )
      assert.is(membersOf(signersOf(whole)).length, assigned.length)
      for (const [i, entry] of whole.entries.entries()) {
        assert.not.ok(whole.entries.slice(i + 1).some((other) => overlaps(entry.signers, other.signers)))
      }
      assert.is(multiSignatureFault(fake, publicKeysOf(fake), whole), undefined)
      const encoded = toCbor(multiSignatureCodec, whole)
      assert.equal(fromCbor(multiSignatureCodec, encoded, 10_000), whole)
      assert.equal(fromJson(multiSignatureCodec, JSON.parse(JSON.stringify(toJson(multiSignatureCodec, whole)))), whole)
      const damaged = flipped(encoded, bit % (encoded.length * 8))
      let read: MultiSignature
      try {
        read = fromCbor(multiSignatureCodec, damaged, 10_000)
      } catch (error) {
        assert.is((error as { code?: unknown }).code, 'BAD_ENCODING')
        return
      }
      assert.ok(multiSignatureFault(fake, publicKeysOf(fake), read))
    }),
    { seed, numRuns: 300 },
  )
})

test('noble and blst merge into the same bytes (property)', () => {
  fc.assert(
    fc.property(partition, (assigned) => {
      const whole = merged(blst, partsOf(blst, assigned.slice(0, 4)))
      assert.equal(toHex(toCbor(multiSignatureCodec, merged(noble, partsOf(noble, assigned.slice(0, 4))))), toHex(toCbor(multiSignatureCodec, whole)))
      assert.is(multiSignatureFault(noble, publicKeysOf(blst), whole), undefined)
      assert.is(multiSignatureFault(blst, publicKeysOf(noble), whole), undefined)
    }),
    { seed, numRuns: 4 },
  )
})

test('own vectors: noble made them, blst makes the same, both give the verdicts that stand there', () => {
  const file = JSON.parse(readFileSync(new URL('../vectors/multi-signature.json', import.meta.url), 'utf8')) as MultiSignatureVectors
  for (const bls of [noble, blst]) {
    assert.equal(multiSignatureVectors(bls), file)
    const publicKeys = file.publicKeys.map((key) => fromHex(key))
    for (const { name, multiSignature, cbor, valid } of file.vectors) {
      const read = fromJson(multiSignatureCodec, multiSignature)
      assert.equal(fromCbor(multiSignatureCodec, fromHex(cbor), 10_000), read, name)
      assert.is(multiSignatureFault(bls, publicKeys, read) === undefined, valid, name)
    }
  }
  assert.ok(file.vectors.some((vector) => vector.valid) && file.vectors.some((vector) => !vector.valid))
})

test.run()
