/** Noble's and node's Ed25519 give one verdict on all bytes: points of small order, non-canonical encodings, S out of range, torsion. */
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, toHex } from '../../src/lib/base/bytes.js'
import { nobleEd25519 } from '../../src/lib/bls/noble.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { flipped, messageOf, secretKeys } from './compliance.js'

const Point = ed25519.Point
const ORDER = Point.Fn.ORDER
const P = 2n ** 255n - 19n
const TORSION = ED25519_TORSION_SUBGROUP.map((hex) => fromHex(hex))
const message = messageOf('ed25519')

function encode(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).reverse()
}

function decode(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`)
}

function verdict(publicKey: Uint8Array, text: Uint8Array, signature: Uint8Array): boolean {
  const answer = nobleEd25519.verify(publicKey, text, signature)
  assert.is(nodeEd25519.verify(publicKey, text, signature), answer, `key ${toHex(publicKey)} signature ${toHex(signature)}`)
  return answer
}

/** Signs with a known scalar for whatever bytes stand for key and R: (a·h + r, R). */
function craft(scalar: bigint, keyBytes: Uint8Array, r: bigint, rBytes: Uint8Array, text: Uint8Array): Uint8Array {
  const challenge = decode(sha512(concat(rBytes, keyBytes, text))) % ORDER
  return concat(rBytes, encode((challenge * scalar + r) % ORDER))
}

test('both make the same keys and signatures (random inputs)', () => {
  const seed = Date.now() & 0x7fffffff
  console.log(`ed25519: seed ${seed}`)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 200 }), fc.nat(511), (secret, text, bit) => {
      const publicKey = nobleEd25519.publicKey(secret)
      assert.equal(publicKey, nodeEd25519.publicKey(secret))
      const signature = nodeEd25519.sign(secret, text)
      assert.equal(nobleEd25519.sign(secret, text), signature)
      assert.ok(verdict(publicKey, text, signature))
      assert.not.ok(verdict(publicKey, text, flipped(signature, bit)))
      assert.not.ok(verdict(flipped(publicKey, bit % 256), text, signature))
    }),
    { seed, numRuns: 40 },
  )
})

test('keys of small order are refused, also in their odd encodings, though the equation would hold', () => {
  const keys = [...TORSION]
  // Other encodings of the same points: y + p where it fits, and the sign bit where x is 0.
  for (const y of [0n, 1n]) for (const sign of [0, 0x80]) keys.push(flippedTop(encode(y + P), sign))
  for (const y of [1n, P - 1n]) keys.push(flippedTop(encode(y), 0x80))
  for (const key of keys) {
    for (let s = 0n; s < 4n; s++) {
      const forged = concat(s === 0n ? encode(1n) : Point.BASE.multiply(s).toBytes(), encode(s))
      for (const text of [message, messageOf('other'), new Uint8Array(0)]) assert.not.ok(verdict(key, text, forged))
    }
    for (const r of TORSION) assert.not.ok(verdict(key, message, concat(r, encode(0n))))
  }
})

function flippedTop(bytes: Uint8Array, sign: number): Uint8Array {
  const copy = bytes.slice()
  copy[31] = (copy[31] ?? 0) ^ sign
  return copy
}

test('S at or above the order is refused', () => {
  const [secret] = secretKeys(1, 's') as [Uint8Array]
  const publicKey = nodeEd25519.publicKey(secret)
  const signature = nodeEd25519.sign(secret, message)
  const s = decode(signature.subarray(32))
  for (const wrong of [s + ORDER, s + 2n * ORDER, s + 8n * ORDER, ORDER, 2n ** 256n - 1n]) {
    if (wrong < 2n ** 256n) assert.not.ok(verdict(publicKey, message, concat(signature.subarray(0, 32), encode(wrong))))
  }
})

test('the equation has no cofactor: torsion in R or in the key counts', () => {
  const scalar = 123456789n
  const honest = Point.BASE.multiply(scalar)
  const r = 987654321n
  const bigR = Point.BASE.multiply(r)
  assert.ok(verdict(honest.toBytes(), message, craft(scalar, honest.toBytes(), r, bigR.toBytes(), message)))
  let held = 0
  for (const bytes of TORSION) {
    const torsion = Point.fromBytes(bytes)
    const isZero = torsion.is0()
    const shiftedR = bigR.add(torsion).toBytes()
    assert.is(verdict(honest.toBytes(), message, craft(scalar, honest.toBytes(), r, shiftedR, message)), isZero)
    const mixed = honest.add(torsion).toBytes()
    for (let i = 0; i < 16; i++) {
      // Holds by accident where the challenge is a multiple of the torsion's order: then for both.
      const text = messageOf(`mixed ${i}`)
      held += Number(verdict(mixed, text, craft(scalar, mixed, r, bigR.toBytes(), text)))
    }
  }
  assert.ok(held > 16 && held < 128, `${held} of 128`)
})

test('R of small order is refused, canonical or not, though the equation holds', () => {
  const scalar = 5n
  const key = Point.BASE.multiply(scalar).toBytes()
  // With r = 0 the equation gives 1, the identity, which has other encodings too. OpenSSL takes it up to 3.4 and refuses it from 3.5 on.
  for (const wrong of [encode(1n), encode(1n + P), flippedTop(encode(1n), 0x80), flippedTop(encode(1n + P), 0x80)]) {
    assert.not.ok(verdict(key, message, craft(scalar, key, 0n, wrong, message)))
  }
})

test('keys with y at or above p, or off the curve, are refused by both', () => {
  const [secret] = secretKeys(1, 'y') as [Uint8Array]
  const signature = nodeEd25519.sign(secret, message)
  for (let y = 0n; y < 40n; y++) {
    for (const sign of [0, 0x80]) {
      verdict(flippedTop(encode(y), sign), message, signature)
      if (P + y < 2n ** 255n) {
        const odd = flippedTop(encode(P + y), sign)
        assert.not.ok(verdict(odd, message, signature))
        assert.not.ok(verdict(odd, message, concat(encode(1n), encode(0n))))
      }
    }
  }
})

test.run()
