/**
 * Conformance with Ethereum's BLS test vectors (v0.1.1, the same ciphersuite), every file, for noble and blst. They are read from beside the
 * repository and skipped, with their count, where they are missing. Where our port is narrower than Ethereum's functions an adapter says how.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex, utf8 } from '../../src/lib/base/bytes.js'
import { MusigError } from '../../src/lib/base/errors.js'
import type { Bls, SignedBy } from '../../src/lib/bls/backend.js'
import { noble } from '../../src/lib/bls/noble.js'
import { blst } from '../../src/lib/node/blst.js'
import { skipped } from '../skip.js'

const FOLDER = fileURLToPath(new URL('../../../shared/vectors/ethereum-bls12-381-tests', import.meta.url))
const FILES = {
  aggregate: 6,
  aggregate_verify: 5,
  batch_verify: 2,
  deserialization_G1: 13,
  deserialization_G2: 15,
  fast_aggregate_verify: 12,
  hash_to_G2: 4,
  sign: 10,
  verify: 29,
}
const TOTAL = Object.values(FILES).reduce((sum, count) => sum + count, 0)
const INFINITY = /^(0x)?c0+$/

type Kind = keyof typeof FILES
interface Input {
  pubkey: string
  pubkeys: string[]
  message: string
  messages: string[]
  signature: string
  signatures: string[]
  privkey: string
  msg: string
}
interface Vector {
  input: Input
  output: unknown
}

/** One part for each message, as our port wants them. */
function partsOf(messages: readonly string[], pubkeys: readonly string[]): SignedBy[] {
  const parts = new Map<string, { message: Uint8Array; publicKeys: Uint8Array[] }>()
  messages.forEach((message, i) => {
    const part = parts.get(message) ?? { message: fromHex(message), publicKeys: [] }
    part.publicKeys.push(fromHex(pubkeys[i] ?? ''))
    parts.set(message, part)
  })
  return [...parts.values()]
}

function hexOrNull(bytes: Uint8Array | undefined): string | null {
  return bytes ? `0x${toHex(bytes)}` : null
}

function signed(bls: Bls, input: Input): string | null {
  try {
    return hexOrNull(bls.sign(fromHex(input.privkey), fromHex(input.message)))
  } catch (error) {
    if (error instanceof MusigError && error.code === 'BAD_INPUT') return null
    throw error
  }
}

const RUN: Record<Kind, (bls: Bls, vector: Vector) => void> = {
  sign: (bls, { input, output }) => assert.is(signed(bls, input), output),
  verify: (bls, { input, output }) =>
    assert.is(bls.verify([{ message: fromHex(input.message), publicKeys: [fromHex(input.pubkey)] }], fromHex(input.signature)), output),
  aggregate(bls, { input, output }) {
    const signatures = input as unknown as string[]
    // Narrower: infinity is no signature of ours, so it does not add up either.
    const expected = signatures.some((signature) => INFINITY.test(signature)) ? null : output
    assert.is(hexOrNull(bls.aggregate(signatures.map((signature) => fromHex(signature)))), expected)
  },
  aggregate_verify: (bls, { input, output }) => assert.is(bls.verify(partsOf(input.messages, input.pubkeys), fromHex(input.signature)), output),
  fast_aggregate_verify: (bls, { input, output }) =>
    assert.is(
      bls.verify([{ message: fromHex(input.message), publicKeys: input.pubkeys.map((key) => fromHex(key)) }], fromHex(input.signature)),
      output,
    ),
  batch_verify(bls, { input, output }) {
    const items = input.pubkeys.map((pubkey, i) => ({
      message: fromHex(input.messages[i] ?? ''),
      publicKeys: [fromHex(pubkey)],
      signature: fromHex(input.signatures[i] ?? ''),
    }))
    assert.is(bls.verifyAll(items), output)
    if (output === false) assert.ok(items.some((item) => !bls.verifyAll([item])))
  },
  // Narrower: infinity decodes, but it is neither a key nor a signature.
  deserialization_G1: (bls, { input, output }) => assert.is(bls.isPublicKey(fromHex(input.pubkey)), output === true && !INFINITY.test(input.pubkey)),
  deserialization_G2: (bls, { input, output }) =>
    assert.is(bls.isSignature(fromHex(input.signature)), output === true && !INFINITY.test(input.signature)),
  hash_to_G2(bls, { input, output }) {
    const message = utf8(input.msg)
    const { x, y } = output as { x: string; y: string }
    // The vectors are RFC 9380's, with its own domain separation tag, which our port does not offer: the curve code beneath is asked.
    const point = bls12_381.longSignatures.hash(message, 'QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_').toAffine()
    const text = ({ c0, c1 }: { c0: bigint; c1: bigint }): string => [c0, c1].map((c) => `0x${c.toString(16).padStart(96, '0')}`).join(',')
    assert.is(text(point.x), x)
    assert.is(text(point.y), y)
    // With the secret key 1 a signature is the hash itself, under our own tag.
    const one = fromHex('01'.padStart(64, '0'))
    const hash = bls12_381.longSignatures.hash(message, 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_')
    assert.is(toHex(bls.sign(one, message)), toHex(bls12_381.longSignatures.Signature.toBytes(hash)))
    assert.ok(bls.verify([{ message, publicKeys: [bls.publicKey(one)] }], bls.sign(one, message)))
  },
}

if (!existsSync(FOLDER)) {
  skipped(TOTAL, 'the folder with the vectors is missing')
} else {
  const kinds = Object.keys(FILES) as Kind[]
  test('the folder holds the files that are expected', () => {
    for (const kind of kinds) assert.is(readdirSync(`${FOLDER}/${kind}`).length, FILES[kind], kind)
    const folders = readdirSync(FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== 'formats')
    assert.equal(folders.map((entry) => entry.name).sort(), [...kinds].sort(), 'a kind of vectors that no adapter reads')
  })
  for (const bls of [noble, blst]) {
    for (const kind of kinds) {
      for (const file of readdirSync(`${FOLDER}/${kind}`)) {
        test(`${bls.name}: ${kind}/${file}`, () => RUN[kind](bls, JSON.parse(readFileSync(`${FOLDER}/${kind}/${file}`, 'utf8')) as Vector))
      }
    }
  }
}

test.run()
