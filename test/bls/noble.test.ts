/** The plain JavaScript backend passes the compliance suites, and the test vectors of RFC 8032. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/lib/base/bytes.js'
import { noble, nobleEd25519 } from '../../src/lib/bls/noble.js'
import { blsCompliance, ed25519Compliance } from './compliance.js'

blsCompliance(test, noble)
ed25519Compliance(test, 'noble Ed25519', nobleEd25519)

test('RFC 8032, test 3', () => {
  const secret = fromHex('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7')
  const signature = '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a'
  assert.is(toHex(nobleEd25519.publicKey(secret)), 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025')
  assert.is(toHex(nobleEd25519.sign(secret, fromHex('af82'))), signature)
})

test.run()
