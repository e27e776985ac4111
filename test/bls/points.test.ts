/**
 * What only real curves can show, for noble and blst alike: non-canonical points, points outside the subgroup, keys that cancel out, rogue keys,
 * errors that cancel out; and that the two give the same verdict on the same bytes.
 */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, toHex } from '../../src/lib/base/bytes.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { noble } from '../../src/lib/bls/noble.js'
import { blst } from '../../src/lib/node/blst.js'
import { flipped, messageOf, secretKeys } from './compliance.js'

const G1 = bls12_381.G1.Point
const G2 = bls12_381.G2.Point
const ORDER = bls12_381.fields.Fr.ORDER
const MODULUS = bls12_381.fields.Fp.ORDER
const message = messageOf('points')
const [secret, secret2] = secretKeys(2) as [Uint8Array, Uint8Array]
const publicKey = noble.publicKey(secret)
const signature = noble.sign(secret, message)

function fieldBytes(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(96, '0'))
}

function scalarBytes(value: bigint): Uint8Array {
  return fromHex((((value % ORDER) + ORDER) % ORDER).toString(16).padStart(64, '0'))
}

function withFlags(bytes: Uint8Array, flags: number): Uint8Array {
  const copy = bytes.slice()
  copy[0] = (copy[0] ?? 0) | flags
  return copy
}

/** The lowest x for which the curve has a point that is not in the subgroup. */
function outsideSubgroup(): Uint8Array {
  for (let x = 1n; ; x++) {
    const bytes = withFlags(fieldBytes(x), 0x80)
    try {
      // Throws for a point that is not on the curve, and for one outside the subgroup with this word in its message.
      G1.fromBytes(bytes)
    } catch (error) {
      if (String(error).includes('subgroup')) return bytes
    }
  }
}

function signatureOutsideSubgroup(): Uint8Array {
  for (let x = 1n; ; x++) {
    const bytes = concat(withFlags(fieldBytes(0n), 0x80), fieldBytes(x))
    try {
      G2.fromBytes(bytes)
    } catch (error) {
      if (String(error).includes('subgroup')) return bytes
    }
  }
}

for (const bls of [noble, blst]) {
  test(`${bls.name}: points outside the subgroup are refused, as keys and as signatures`, () => {
    const key = outsideSubgroup()
    assert.not.ok(bls.isPublicKey(key))
    assert.not.ok(bls.verify([{ message, publicKeys: [key] }], signature))
    const wrong = signatureOutsideSubgroup()
    assert.not.ok(bls.isSignature(wrong))
    assert.is(bls.aggregate([signature, wrong]), undefined)
    assert.not.ok(bls.verify([{ message, publicKeys: [publicKey] }], wrong))
    assert.not.ok(bls.verifyAll([{ message, publicKeys: [publicKey], signature: wrong }]))
  })

  test(`${bls.name}: an error of small order in a signature is refused, though pairings alone would not see it`, () => {
    const torsion = G2.fromAffine(affineOf(signatureOutsideSubgroup())).multiplyUnsafe(ORDER - 1n)
    const small = torsion.add(G2.fromAffine(affineOf(signatureOutsideSubgroup())))
    const wrong = bls12_381.longSignatures.Signature.fromBytes(signature).add(small)
    const bytes = encodeSignature(wrong.toAffine())
    assert.not.ok(bls.isSignature(bytes))
    assert.not.ok(bls.verify([{ message, publicKeys: [publicKey] }], bytes))
    assert.is(bls.aggregate([bytes]), undefined)
  })

  test(`${bls.name}: coordinates at or above the modulus, wrong flags, off the curve, uncompressed: refused`, () => {
    const { x } = G1.fromBytes(publicKey).toAffine()
    const sign = (publicKey[0] ?? 0) & 0xa0
    const bad = [
      withFlags(fieldBytes(MODULUS), 0x80),
      withFlags(fieldBytes(MODULUS + 1n), 0x80),
      withFlags(fieldBytes(x), 0),
      withFlags(fieldBytes(x), sign | 0x40),
      withFlags(fieldBytes(0n), 0x40),
      withFlags(fieldBytes(0n), 0xe0),
      withFlags(fieldBytes(1n), 0xc0),
      withFlags(new Uint8Array(48).fill(0xff), 0x80),
      G1.fromBytes(publicKey).toBytes(false),
    ]
    if (x + MODULUS < 2n ** 381n) bad.push(withFlags(fieldBytes(x + MODULUS), sign))
    for (const bytes of bad) assert.not.ok(bls.isPublicKey(bytes), toHex(bytes))
    const point = bls12_381.longSignatures.Signature.fromBytes(signature).toAffine()
    const flags = (signature[0] ?? 0) & 0xe0
    const wrong = [
      concat(withFlags(fieldBytes(MODULUS), 0x80), fieldBytes(point.x.c0)),
      concat(withFlags(fieldBytes(point.x.c1), flags), fieldBytes(MODULUS)),
      concat(withFlags(fieldBytes(point.x.c1), flags & 0x7f), fieldBytes(point.x.c0)),
      concat(withFlags(fieldBytes(point.x.c1), flags | 0x40), fieldBytes(point.x.c0)),
      concat(withFlags(fieldBytes(point.x.c1), flags), fieldBytes(point.x.c0 + MODULUS)),
      concat(withFlags(fieldBytes(0n), 0xe0), fieldBytes(0n)),
      G2.fromAffine(point).toBytes(false),
    ]
    for (const bytes of wrong) {
      assert.not.ok(bls.isSignature(bytes), toHex(bytes))
      assert.is(bls.aggregate([signature, bytes]), undefined)
    }
  })

  test(`${bls.name}: a key and its negative sign nothing together`, () => {
    const negative = scalarBytes(-BigInt(`0x${toHex(secret)}`))
    const negativeKey = bls.publicKey(negative)
    assert.is(toHex(flipped(publicKey, 5)), toHex(negativeKey), 'only the bit for the sign differs')
    const infinity = withFlags(new Uint8Array(96), 0xc0)
    assert.is(bls.aggregate([bls.sign(secret, message), bls.sign(negative, message)]), undefined)
    for (const any of [infinity, signature]) {
      assert.not.ok(bls.verify([{ message, publicKeys: [publicKey, negativeKey] }], any))
      assert.not.ok(bls.verifyAll([{ message, publicKeys: [publicKey, negativeKey], signature: any }]))
    }
    const other = { message: messageOf('other'), publicKeys: [noble.publicKey(secret2)] }
    assert.not.ok(bls.verify([{ message, publicKeys: [publicKey, negativeKey] }, other], noble.sign(secret2, other.message)))
  })

  test(`${bls.name}: a rogue key verifies for two, which is why manifests demand proofs of possession, and it has none`, () => {
    const rogueSecret = secret2
    const rogue = G1.fromBytes(noble.publicKey(rogueSecret)).subtract(G1.fromBytes(publicKey)).toBytes()
    const forged = noble.sign(rogueSecret, message)
    assert.ok(bls.verify([{ message, publicKeys: [publicKey, rogue] }], forged), 'the attack itself')
    assert.not.ok(bls.verify([{ message: rogue, publicKeys: [rogue] }], noble.sign(rogueSecret, rogue)))
  })

  test(`${bls.name}: shares s+δ and s−δ add up rightly and are found all the same`, () => {
    const delta = bls12_381.longSignatures.Signature.fromBytes(noble.sign(secret2, messageOf('delta')))
    const [s1, s2] = [noble.sign(secret, message), noble.sign(secret2, message)].map((s) => bls12_381.longSignatures.Signature.fromBytes(s))
    assert.ok(s1 && s2)
    const shifted = [s1.add(delta), s2.subtract(delta)].map((point) => bls12_381.longSignatures.Signature.toBytes(point)) as [Uint8Array, Uint8Array]
    const keys = [publicKey, noble.publicKey(secret2)] as const
    assert.ok(bls.verify([{ message, publicKeys: keys }], bls.aggregate(shifted) ?? new Uint8Array(96)), 'the sum is right')
    assert.not.ok(
      bls.verifyAll([
        { message, publicKeys: [keys[0]], signature: shifted[0] },
        { message, publicKeys: [keys[1]], signature: shifted[1] },
      ]),
    )
  })
}

/** Decodes without the check of the subgroup. */
function affineOf(bytes: Uint8Array) {
  const { Fp2 } = bls12_381.fields
  const x = Fp2.fromBigTuple([BigInt(`0x${toHex(bytes.subarray(48))}`), 0n])
  return { x, y: Fp2.sqrt(Fp2.add(Fp2.mul(Fp2.sqr(x), x), Fp2.fromBigTuple([4n, 4n]))) }
}

function encodeSignature({ x, y }: ReturnType<typeof affineOf>): Uint8Array {
  const high = (y.c1 !== 0n ? y.c1 : y.c0) * 2n > MODULUS ? 0x20 : 0
  return concat(withFlags(fieldBytes(x.c1), 0x80 | high), fieldBytes(x.c0))
}

test('noble and blst make the same keys and signatures and give the same verdicts (random inputs)', () => {
  const seed = Date.now() & 0x7fffffff
  console.log(`points: seed ${seed}`)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 64 }), fc.nat(767), (key, text, bit) => {
      key[0] = (key[0] ?? 0) & 0x3f
      key[31] = (key[31] ?? 0) | 1
      const made = noble.publicKey(key)
      assert.equal(made, Uint8Array.from(blst.publicKey(key)))
      const signed = blst.sign(key, text)
      assert.equal(Uint8Array.from(signed), noble.sign(key, text))
      assert.ok(noble.verify([{ message: text, publicKeys: [made] }], signed))
      assert.is(noble.isSignature(flipped(signed, bit)), blst.isSignature(flipped(signed, bit)))
      assert.is(noble.isPublicKey(flipped(made, bit % 384)), blst.isPublicKey(flipped(made, bit % 384)))
    }),
    { seed, numRuns: 12 },
  )
})

test('noble and blst decode alike what is near the edges', () => {
  const seed = Date.now() % 1e9
  console.log(`points near the edges: seed ${seed}`)
  const random = new SeededRandom(seed)
  let accepted = 0
  for (let i = 0; i < 300; i++) {
    const bytes = fieldBytes(random.upTo(3) === 0 ? MODULUS - BigInt(random.upTo(4)) : BigInt(random.upTo(50)))
    const key = withFlags(bytes, random.upTo(7) << 5)
    assert.is(noble.isPublicKey(key), blst.isPublicKey(key), toHex(key))
    const sig = concat(key, fieldBytes(BigInt(random.upTo(20))))
    assert.is(noble.isSignature(sig), blst.isSignature(sig), toHex(sig))
    accepted += Number(noble.isPublicKey(noble.publicKey(scalarBytes(BigInt(i + 1)))))
  }
  assert.is(accepted, 300)
})

test.run()
