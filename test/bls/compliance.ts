/**
 * The compliance suites of the two signature ports: what every `Bls` and every `Ed25519` does, real or fake. Each backend's test file runs
 * the suite on it; what only real curves can show (points, subgroups, rogue keys) is in `points.test.ts`.
 */
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { equalBytes, fromHex, toHex, utf8 } from '../../src/lib/base/bytes.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import type { Bls, Ed25519 } from '../../src/lib/bls/backend.js'

/** The order of the groups of BLS12-381. */
export const GROUP_ORDER = fromHex('73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001')

/** Secret keys that are the same in every run. */
export function secretKeys(count: number, seed = 'secret keys'): Uint8Array[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: count }, () => {
    const key = random.bytes(32)
    key[0] = (key[0] ?? 0) & 0x3f
    return key
  })
}

/** A message of 32 bytes. */
export function messageOf(text: string): Uint8Array {
  const message = new Uint8Array(32)
  message.set(utf8(text).subarray(0, 32))
  return message
}

/** The bytes with one bit turned over. */
export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice()
  copy[bit >>> 3] = (copy[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

function isBadInput(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'BAD_INPUT'
}

/** What every BLS backend does. */
export function blsCompliance(test: Test, bls: Bls): void {
  const secrets = secretKeys(5)
  const publicKeys = secrets.map((secret) => bls.publicKey(secret))
  const [a, b] = [messageOf('a'), messageOf('b')]
  const signA = secrets.map((secret) => bls.sign(secret, a))
  const signB = secrets.map((secret) => bls.sign(secret, b))
  const [pk0, pk1, pk2] = publicKeys as [Uint8Array, Uint8Array, Uint8Array]
  const [a0, a1, a2] = signA as [Uint8Array, Uint8Array, Uint8Array]
  const [b0, b1, b2] = signB as [Uint8Array, Uint8Array, Uint8Array]
  const [secret0] = secrets as [Uint8Array]
  const sum = (signatures: readonly Uint8Array[]): Uint8Array => bls.aggregate(signatures) ?? new Uint8Array(0)

  test(`${bls.name}: keys have 48 bytes, signatures 96, and both are accepted`, () => {
    for (const publicKey of publicKeys) {
      assert.is(publicKey.length, 48)
      assert.ok(bls.isPublicKey(publicKey))
      assert.ok(bls.isPublicKey(publicKey.slice()))
    }
    for (const signature of [...signA, ...signB]) {
      assert.is(signature.length, 96)
      assert.ok(bls.isSignature(signature))
    }
    assert.is(new Set(publicKeys.map((key) => toHex(key))).size, 5)
    assert.is(new Set([...signA, ...signB].map((signature) => toHex(signature))).size, 10)
  })

  test(`${bls.name}: the same key and message give the same bytes, in a plain array`, () => {
    assert.equal(bls.sign(secret0.slice(), a.slice()), a0)
    assert.equal(bls.publicKey(secret0.slice()), pk0)
    assert.ok(a0 instanceof Uint8Array && pk0 instanceof Uint8Array)
  })

  test(`${bls.name}: secret keys outside 0 < key < r are refused`, () => {
    const bad = [
      new Uint8Array(32),
      GROUP_ORDER,
      new Uint8Array(32).fill(0xff),
      new Uint8Array(31).fill(1),
      new Uint8Array(33).fill(1),
      new Uint8Array(0),
    ]
    for (const secret of bad) {
      assert.throws(() => bls.publicKey(secret), isBadInput)
      assert.throws(() => bls.sign(secret, a), isBadInput)
    }
    const highest = GROUP_ORDER.slice()
    highest[31] = 0
    assert.ok(bls.verify([{ message: a, publicKeys: [bls.publicKey(highest)] }], bls.sign(highest, a)))
  })

  test(`${bls.name}: one signature verifies for its key and message alone`, () => {
    assert.ok(bls.verify([{ message: a, publicKeys: [pk0] }], a0))
    assert.not.ok(bls.verify([{ message: b, publicKeys: [pk0] }], a0))
    assert.not.ok(bls.verify([{ message: a, publicKeys: [pk1] }], a0))
    assert.not.ok(bls.verify([{ message: a, publicKeys: [pk0] }], a1))
  })

  test(`${bls.name}: messages of any length, the empty one too`, () => {
    const messages = [new Uint8Array(0), new Uint8Array(1), new Uint8Array(2), utf8('abc'), new Uint8Array(1000).fill(3)]
    for (const message of messages) {
      const signature = bls.sign(secret0, message)
      for (const other of messages) assert.is(bls.verify([{ message: other, publicKeys: [pk0] }], signature), other === message)
    }
  })

  test(`${bls.name}: every flipped bit of a signature, of a key or of the message makes it fail`, () => {
    const step = bls.name === 'noble' ? 89 : 1
    for (let bit = 0; bit < 96 * 8; bit += step)
      assert.not.ok(bls.verify([{ message: a, publicKeys: [pk0] }], flipped(a0, bit)), `signature bit ${bit}`)
    for (let bit = 0; bit < 48 * 8; bit += step) assert.not.ok(bls.verify([{ message: a, publicKeys: [flipped(pk0, bit)] }], a0), `key bit ${bit}`)
    for (let bit = 0; bit < 32 * 8; bit += step)
      assert.not.ok(bls.verify([{ message: flipped(a, bit), publicKeys: [pk0] }], a0), `message bit ${bit}`)
  })

  test(`${bls.name}: an aggregate is the same in whatever order and grouping it is made`, () => {
    const all = sum(signA)
    assert.equal(sum([...signA].reverse()), all)
    assert.equal(sum([sum(signA.slice(0, 2)), sum(signA.slice(2))]), all)
    assert.equal(sum([sum([a0]), a1]), sum([a0, a1]))
    assert.equal(sum([a0]), a0)
  })

  test(`${bls.name}: an aggregate over one message verifies for exactly its signers`, () => {
    const three = sum([a0, a1, a2])
    assert.ok(bls.verify([{ message: a, publicKeys: [pk0, pk1, pk2] }], three))
    assert.ok(bls.verify([{ message: a, publicKeys: [pk2, pk0, pk1] }], three))
    assert.not.ok(bls.verify([{ message: a, publicKeys: [pk0, pk1] }], three))
    assert.not.ok(bls.verify([{ message: a, publicKeys }], three))
    assert.not.ok(bls.verify([{ message: a, publicKeys: [pk0, pk1, pk1] }], three))
    assert.ok(bls.verify([{ message: a, publicKeys: [pk0, pk0] }], sum([a0, a0])))
    assert.not.ok(bls.verify([{ message: a, publicKeys: [pk0] }], sum([a0, a0])))
  })

  test(`${bls.name}: an aggregate over several messages binds every signer to its own`, () => {
    const mixed = sum([a0, a1, b2])
    const parts = [
      { message: a, publicKeys: [pk0, pk1] },
      { message: b, publicKeys: [pk2] },
    ]
    assert.ok(bls.verify(parts, mixed))
    assert.ok(bls.verify([...parts].reverse(), mixed))
    assert.not.ok(bls.verify(parts.slice(0, 1), mixed))
    assert.not.ok(
      bls.verify(
        [
          { message: a, publicKeys: [pk0, pk2] },
          { message: b, publicKeys: [pk1] },
        ],
        mixed,
      ),
      'signers swapped',
    )
    assert.not.ok(bls.verify([...parts, { message: messageOf('c'), publicKeys: [pk1] }], mixed))
    assert.not.ok(bls.verify(parts, sum([a0, b1, b2])))
  })

  test(`${bls.name}: ill-formed questions are answered with false`, () => {
    assert.not.ok(bls.verify([], a0))
    assert.not.ok(bls.verify([{ message: a, publicKeys: [] }], a0))
    const twice = [
      { message: a, publicKeys: [pk0] },
      { message: a.slice(), publicKeys: [pk1] },
    ]
    assert.not.ok(bls.verify(twice, sum([a0, a1])), 'equal messages in two parts')
    for (const length of [0, 1, 47, 49, 95, 96, 97, 192]) {
      const zeros = new Uint8Array(length)
      assert.not.ok(bls.isSignature(zeros), `${length} zeros as a signature`)
      assert.not.ok(bls.verify([{ message: a, publicKeys: [pk0] }], zeros))
      assert.not.ok(bls.isPublicKey(zeros), `${length} zeros as a key`)
      assert.not.ok(bls.verify([{ message: a, publicKeys: [pk0, zeros] }], a0))
    }
    assert.not.ok(bls.isSignature(pk0))
    assert.not.ok(bls.isPublicKey(a0))
  })

  test(`${bls.name}: infinity is neither a key nor a signature`, () => {
    const [key, signature] = [new Uint8Array(48), new Uint8Array(96)]
    key[0] = 0xc0
    signature[0] = 0xc0
    assert.not.ok(bls.isPublicKey(key))
    assert.not.ok(bls.isSignature(signature))
    assert.not.ok(bls.verify([{ message: a, publicKeys: [key] }], signature))
    assert.is(bls.aggregate([signature]), undefined)
    assert.is(bls.aggregate([a0, signature]), undefined)
    assert.not.ok(bls.verifyAll([{ message: a, publicKeys: [key], signature }]))
  })

  test(`${bls.name}: nothing, and anything malformed, has no aggregate`, () => {
    assert.is(bls.aggregate([]), undefined)
    assert.is(bls.aggregate([a0, a1.subarray(1)]), undefined)
    assert.is(bls.aggregate([new Uint8Array(96)]), undefined)
    assert.is(bls.aggregate([a0, new Uint8Array(192)]), undefined)
  })

  test(`${bls.name}: verifyAll holds only if each holds`, () => {
    const items = [
      { message: a, publicKeys: [pk0], signature: a0 },
      { message: a, publicKeys: [pk1], signature: a1 },
      { message: b, publicKeys: [pk0, pk2], signature: sum([b0, b2]) },
    ]
    assert.ok(bls.verifyAll([]))
    assert.ok(bls.verifyAll(items))
    assert.ok(bls.verifyAll(items.slice(0, 1)))
    assert.ok(bls.verifyAll(items.slice(0, 2)))
    for (let i = 0; i < items.length; i++) {
      assert.not.ok(bls.verifyAll(items.map((item, j) => (i === j ? { ...item, signature: b1 } : item))), `wrong signature ${i}`)
      assert.not.ok(bls.verifyAll(items.map((item, j) => (i === j ? { ...item, publicKeys: [] } : item))), `no keys ${i}`)
      assert.not.ok(bls.verifyAll(items.map((item, j) => (i === j ? { ...item, signature: new Uint8Array(96) } : item))), `malformed signature ${i}`)
    }
  })

  test(`${bls.name}: verifyAll is not taken in by signatures that are exchanged, whose sum is right`, () => {
    assert.not.ok(
      bls.verifyAll([
        { message: a, publicKeys: [pk0], signature: a1 },
        { message: a, publicKeys: [pk1], signature: a0 },
      ]),
    )
  })

  test(`${bls.name}: bytes inside a larger buffer are read where they stand`, () => {
    const buffer = new Uint8Array(300).fill(0xaa)
    buffer.set(pk0, 7)
    buffer.set(a0, 101)
    buffer.set(a, 217)
    const view = { publicKeys: [buffer.subarray(7, 55)], message: buffer.subarray(217, 249) }
    assert.ok(bls.verify([view], buffer.subarray(101, 197)))
    assert.ok(bls.verifyAll([{ ...view, signature: buffer.subarray(101, 197) }]))
  })
}

/** What every Ed25519 backend does. */
export function ed25519Compliance(test: Test, name: string, ed25519: Ed25519): void {
  const [secret, other] = secretKeys(2, 'link keys') as [Uint8Array, Uint8Array]
  const publicKey = ed25519.publicKey(secret)
  const message = messageOf('link')
  const signature = ed25519.sign(secret, message)

  test(`${name}: keys have 32 bytes, signatures 64, always the same`, () => {
    assert.is(publicKey.length, 32)
    assert.is(signature.length, 64)
    assert.equal(ed25519.sign(secret.slice(), message), signature)
    assert.equal(ed25519.publicKey(secret.slice()), publicKey)
    assert.not.ok(equalBytes(publicKey, ed25519.publicKey(other)))
  })

  test(`${name}: a signature verifies for its key and message alone`, () => {
    assert.ok(ed25519.verify(publicKey, message, signature))
    assert.not.ok(ed25519.verify(publicKey, messageOf('other'), signature))
    assert.not.ok(ed25519.verify(ed25519.publicKey(other), message, signature))
    assert.not.ok(ed25519.verify(publicKey, message, ed25519.sign(other, message)))
    for (const any of [new Uint8Array(0), new Uint8Array(1), new Uint8Array(5000)])
      assert.ok(ed25519.verify(publicKey, any, ed25519.sign(secret, any)))
  })

  test(`${name}: every flipped bit makes it fail`, () => {
    for (let bit = 0; bit < 64 * 8; bit++) assert.not.ok(ed25519.verify(publicKey, message, flipped(signature, bit)), `signature bit ${bit}`)
    for (let bit = 0; bit < 32 * 8; bit++) {
      assert.not.ok(ed25519.verify(flipped(publicKey, bit), message, signature), `key bit ${bit}`)
      assert.not.ok(ed25519.verify(publicKey, flipped(message, bit), signature), `message bit ${bit}`)
    }
  })

  test(`${name}: wrong lengths: false for others' bytes, an error for our own secret`, () => {
    for (const length of [0, 31, 33, 63, 64, 65]) {
      if (length !== 32) assert.not.ok(ed25519.verify(new Uint8Array(length), message, signature))
      assert.not.ok(ed25519.verify(publicKey, message, new Uint8Array(length)))
      if (length !== 32) assert.throws(() => ed25519.sign(new Uint8Array(length), message), isBadInput)
      if (length !== 32) assert.throws(() => ed25519.publicKey(new Uint8Array(length)), isBadInput)
    }
  })
}
