/** Key derivation: every vector of EIP-2333 and BIP-39 that is at hand, and the native implementation as a second opinion. */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { SecretKey } from '@chainsafe/blst'
import { entropyToMnemonic, mnemonicToSeed } from '@scure/bip39'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/lib/base/bytes.js'
import {
  deriveChild,
  deriveMaster,
  derivePath,
  lamportPublicKey,
  lamportSecret,
  mnemonicSeed,
  newMnemonic,
  randomSecretKey,
  signerPath,
} from '../../src/lib/node/derivation.js'
import { skipped } from '../skip.js'

const VECTORS = new URL('../../../shared/vectors/eip-2333-key-derivation/', import.meta.url)
const FILES = [
  'chainsafe-bls-hd-key.json',
  'staking-deposit-cli-tree_kdf.json',
  'staking-deposit-cli-tree_kdf_intermediate.json',
  'staking-deposit-cli-mnemonic.json',
]
const WORDLISTS: Record<string, string> = {
  chinese_simplified: 'simplified-chinese',
  chinese_traditional: 'traditional-chinese',
  english: 'english',
  italian: 'italian',
  korean: 'korean',
  portuguese: 'portuguese',
  spanish: 'spanish',
}

interface KdfVector {
  seed: string
  master_SK: string
  child_index: number
  child_SK: string
}

/** JSON whose whole numbers above 2⁵³ keep all their digits, as text. */
function parseBig(text: string): unknown {
  return JSON.parse(text.replace(/(:\s*)(\d{16,})(?=\s*[,}\]])/g, '$1"$2"'))
}

function decimal(secretKey: Uint8Array): string {
  return BigInt(`0x${toHex(secretKey)}`).toString()
}

function checkKdf({ seed, master_SK, child_index, child_SK }: KdfVector): void {
  const master = deriveMaster(fromHex(seed))
  assert.is(decimal(master), master_SK)
  assert.is(decimal(deriveChild(master, child_index)), child_SK)
  assert.is(decimal(derivePath(fromHex(seed), `m/${child_index}`)), child_SK)
}

/** A test for a file of vectors, or a note that it is missing. */
function vectors(file: string, count: number, check: (document: unknown) => Promise<number> | number): void {
  const url = new URL(file, VECTORS)
  if (!existsSync(url)) {
    skipped(count, `no vectors ${file}`)
    return
  }
  test(`${file}: all ${count} vectors`, async () => {
    assert.is(await check(parseBig(readFileSync(url, 'utf8'))), count)
  })
}

for (const file of FILES.slice(0, 2)) {
  vectors(file, 4, (document) => {
    const { kdf_tests } = document as { kdf_tests: KdfVector[] }
    for (const vector of kdf_tests) checkKdf(vector)
    return kdf_tests.length
  })
}

vectors('staking-deposit-cli-tree_kdf_intermediate.json', 1, async (document) => {
  const vector = document as KdfVector & {
    mnemonic: string
    password: string
    path: string
    lamport_0: string[]
    lamport_1: string[]
    compressed_lamport_PK: string
  }
  assert.is(toHex(await mnemonicSeed(vector.mnemonic, vector.password)), vector.seed)
  checkKdf(vector)
  assert.is(decimal(derivePath(fromHex(vector.seed), vector.path)), vector.child_SK)
  const master = deriveMaster(fromHex(vector.seed))
  assert.equal(lamportSecret(master, vector.child_index).map(toHex), vector.lamport_0)
  const flipped = master.map((byte) => byte ^ 0xff)
  assert.equal(lamportSecret(flipped, vector.child_index).map(toHex), vector.lamport_1)
  assert.is(toHex(lamportPublicKey(master, vector.child_index)), vector.compressed_lamport_PK)
  return 1
})

vectors('staking-deposit-cli-mnemonic.json', 168, async (document) => {
  let count = 0
  for (const [language, rows] of Object.entries(document as Record<string, [string, string, string, string][]>)) {
    const { wordlist } = (await import(`@scure/bip39/wordlists/${WORDLISTS[language]}.js`)) as { wordlist: string[] }
    for (const [entropy, mnemonic, seed] of rows) {
      const ours = entropyToMnemonic(fromHex(entropy), wordlist)
      assert.is(ours.normalize('NFKD'), mnemonic.normalize('NFKD'))
      const made = language === 'english' ? await mnemonicSeed(mnemonic, 'TREZOR') : await mnemonicToSeed(mnemonic, 'TREZOR')
      assert.is(toHex(made), seed)
      count++
    }
  }
  return count
})

if (existsSync(VECTORS)) {
  test('no file of vectors is left out', () => {
    assert.equal(
      readdirSync(VECTORS).filter((name) => name.endsWith('.json')),
      [...FILES].sort(),
    )
  })
}

test('the same keys as the native implementation, for random seeds', () => {
  for (let i = 0; i < 8; i++) {
    const seed = randomBytes(32 + 8 * i)
    const index = seed.readUInt32BE(0)
    const native = SecretKey.deriveMasterEip2333(seed)
    const note = `seed ${toHex(seed)}, child ${index}`
    assert.is(toHex(deriveMaster(seed)), toHex(native.toBytes()), note)
    assert.is(toHex(deriveChild(deriveMaster(seed), index)), toHex(native.deriveChildEip2333(index).toBytes()), note)
  }
})

test('a signer’s path has the purpose, coin, account and uses of EIP-2334', () => {
  assert.is(signerPath(7), 'm/12381/3600/7/0/0')
  const seed = fromHex('01'.repeat(64))
  const steps = [12381, 3600, 7, 0, 0].reduce((parent, index) => deriveChild(parent, index), deriveMaster(seed))
  assert.is(toHex(derivePath(seed, signerPath(7))), toHex(steps))
})

test('fresh keys and mnemonics differ, and a fresh mnemonic is accepted', async () => {
  assert.is.not(toHex(randomSecretKey()), toHex(randomSecretKey()))
  const mnemonic = newMnemonic()
  assert.is(mnemonic.split(' ').length, 24)
  const seed = toHex(await mnemonicSeed(mnemonic))
  assert.is(toHex(await mnemonicSeed(`  ${mnemonic.toUpperCase().replaceAll(' ', '\n ')} `)), seed)
  assert.is.not(toHex(await mnemonicSeed(newMnemonic())), seed)
})

test('bad seeds, paths, indexes and mnemonics are refused, without the words', async () => {
  assert.throws(() => deriveMaster(new Uint8Array(31)), /31 bytes is too short/)
  assert.throws(() => deriveChild(new Uint8Array(32), 2 ** 32), /no index/)
  assert.throws(() => deriveChild(new Uint8Array(32), -1), /no index/)
  for (const path of ['', '12381', 'm/', 'm/01', 'm/-1', "m/1'", 'm/99999999999', 'm/a'])
    assert.throws(() => derivePath(new Uint8Array(32), path), /no key path/, path)
  assert.throws(() => derivePath(new Uint8Array(32), 'm/4294967296'), /no index/)
  const refused = async (mnemonic: string, reason: RegExp) => {
    const error = await mnemonicSeed(mnemonic).then(
      () => assert.unreachable(mnemonic),
      (thrown: Error) => thrown,
    )
    assert.match(error?.message ?? '', reason)
    assert.not.match(error?.message ?? '', /zebra|hunter/)
  }
  await refused('zebra zebra hunter2 zebra', /word 3 /)
  await refused(`${'zebra '.repeat(11)}zebra`, /12 words is wrong/)
  await refused('zebra', /1 words is wrong/)
})

test.run()
