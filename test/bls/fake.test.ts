/** The simulator's stand-in passes the compliance suites, says that it is fake, and is fast. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fake, fakeEd25519 } from '../../src/lib/bls/fake.js'
import { noble, nobleEd25519 } from '../../src/lib/bls/noble.js'
import { blsCompliance, ed25519Compliance, messageOf, secretKeys } from './compliance.js'

blsCompliance(test, fake)
ed25519Compliance(test, 'fake Ed25519', fakeEd25519)

const [secret] = secretKeys(1) as [Uint8Array]
const message = messageOf('m')

test('nobody takes a fake for a real one: the real backends refuse its keys and signatures, it refuses theirs', () => {
  assert.is(fake.name, 'fake')
  assert.not.ok(noble.isPublicKey(fake.publicKey(secret)))
  assert.not.ok(noble.isSignature(fake.sign(secret, message)))
  assert.not.ok(fake.isPublicKey(noble.publicKey(secret)))
  assert.not.ok(fake.isSignature(noble.sign(secret, message)))
  assert.not.ok(nobleEd25519.verify(fakeEd25519.publicKey(secret), message, fakeEd25519.sign(secret, message)))
  assert.match(new TextDecoder().decode(fake.publicKey(secret)), 'INSECURE')
  assert.match(new TextDecoder().decode(fake.sign(secret, message)), 'INSECURE')
})

test('all zero, its infinity, is neither key nor signature, and shares that cancel out have no aggregate', () => {
  const [key, signature] = [fake.publicKey(secret), fake.sign(secret, message)]
  const negative = signature.slice()
  let carry = 1
  for (let lane = 0; lane < 4; lane++, carry = 1) {
    for (let i = lane * 4; i < lane * 4 + 4; i++) {
      const byte = (~(signature[i] ?? 0) & 0xff) + carry
      negative[i] = byte
      carry = byte >>> 8
    }
  }
  assert.ok(fake.isSignature(negative))
  assert.is(fake.aggregate([signature, negative]), undefined)
  assert.not.ok(fake.isPublicKey(key.fill(0, 0, 16)))
  assert.not.ok(fake.isSignature(signature.fill(0, 0, 16)))
})

test('signing and verifying take microseconds', () => {
  const start = performance.now()
  for (let i = 0; i < 20_000; i++) {
    message[0] = i
    fake.sign(secret, message)
  }
  const microseconds = ((performance.now() - start) * 1000) / 20_000
  assert.ok(microseconds < 50, `${microseconds} µs for one signature`)
})

test.run()
