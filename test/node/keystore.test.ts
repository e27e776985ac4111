/** Key files: the vectors of EIP-2335, round trips of both forms, modes, durability, and what is refused before any work is done. */
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/lib/base/bytes.js'
import { MusigError } from '../../src/lib/base/errors.js'
import { sha256 } from '../../src/lib/base/hash.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { deriveMaster, randomSecretKey } from '../../src/lib/node/derivation.js'
import { encryptKeys } from '../../src/lib/node/encrypt-keys.js'
import { checkPublicKey, Keyring, publicKeyFile, publicKeyJson, readPublicKey } from '../../src/lib/node/keyring.js'
import {
  encryptKey,
  insecureKey,
  type Kdf,
  keyFileText,
  linkSecretOf,
  type OpenKey,
  openKeyFile,
  openSecret,
  parseKeyFile,
  readKeyFile,
  unlockKey,
  writeKeyFile,
} from '../../src/lib/node/keystore.js'
import { makePrivateFolder, readPrivateFile, writePrivateFile } from '../../src/lib/node/private-file.js'
import { skipped } from '../skip.js'

const crypto = loadCrypto()
const VECTORS = fileURLToPath(new URL('../../../shared/vectors/eip-2335-keystores/', import.meta.url))
/** The password and secret of all vectors; those that carry their own say so themselves. */
const PASSWORD = '𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑'
const SECRET = '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f'
const FILES = [
  'chainsafe/pbkdf2-0.json',
  'chainsafe/pbkdf2-1.json',
  'chainsafe/scrypt-0.json',
  'chainsafe/scrypt-1.json',
  'erc-2335-text/pbkdf2.json',
  'erc-2335-text/scrypt.json',
  'staking-deposit-cli/test0.json',
  'staking-deposit-cli/test1.json',
]
const PASSPHRASE = 'correct horse battery'
/** Cheap, for tests alone. */
const QUICK: Kdf = { function: 'scrypt', params: { dklen: 32, n: 16, r: 8, p: 1, salt: '00'.repeat(32) } }

const folder = mkdtempSync(join(tmpdir(), 'musig-keystore-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

function freshFolder(): string {
  return mkdtempSync(join(folder, 'keys-'))
}

function newKey(kind: 'signer' | 'client' = 'signer'): OpenKey {
  return openSecret(kind, kind === 'signer' ? randomSecretKey() : Uint8Array.from(randomBytes(32)), crypto)
}

async function refusal(work: Promise<unknown>, code: string, reason: RegExp): Promise<void> {
  const error = await work.then(
    () => assert.unreachable(`not refused: ${reason}`),
    (thrown: unknown) => thrown,
  )
  assert.instance(error, MusigError)
  assert.is((error as MusigError).code, code)
  assert.match((error as MusigError).message, reason)
  assert.not.match((error as MusigError).message, /\n/)
}

if (existsSync(VECTORS)) {
  test('no file of vectors is left out', () => {
    const found = readdirSync(VECTORS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'))
    assert.equal(found.sort(), [...FILES].sort())
  })
}

for (const name of FILES) {
  if (!existsSync(join(VECTORS, name))) {
    skipped(1, `no vector ${name}`)
    continue
  }
  test(`EIP-2335 ${name}: opens with its password, and with no other`, async () => {
    const document = JSON.parse(readFileSync(join(VECTORS, name), 'utf8')) as { keystore?: object; password?: string; secret?: string }
    const file = await parseKeyFile(JSON.stringify(document.keystore ?? document), name)
    const key = await unlockKey(file, crypto, document.password ?? PASSWORD)
    assert.is(toHex(key.secretKey), (document.secret ?? SECRET).replace('0x', ''))
    assert.is(toHex(key.publicKey), toHex(file.publicKey as Uint8Array))
    if (name.includes('pbkdf2')) await refusal(unlockKey(file, crypto, 'another password', name), 'BAD_INPUT', /^wrong passphrase for /)
  })
}

test('an encrypted key comes back with the right passphrase only; the file shows no secret', async () => {
  for (const kind of ['signer', 'client'] as const) {
    const key = newKey(kind)
    const text = keyFileText(await encryptKey(key, PASSPHRASE, { kdf: QUICK, path: 'm/12381/3600/0/0/0', description: 'a signer' }))
    assert.not.match(text, new RegExp(toHex(key.secretKey)))
    const file = await parseKeyFile(text, 'the file')
    assert.is(file.type, 'encrypted')
    assert.is(file.kind, kind)
    assert.equal(await unlockKey(file, crypto, PASSPHRASE), key)
    // Control codes do not count (EIP-2335).
    assert.equal(await unlockKey(file, crypto, `${PASSPHRASE}\u0007`), key)
    await refusal(unlockKey(file, crypto, 'correct horse batterz', 'k'), 'BAD_INPUT', /^wrong passphrase for k$/)
    await refusal(unlockKey(file, crypto, undefined, 'k'), 'BAD_INPUT', /k is encrypted; give its passphrase with --passphrase-file/)
    if (kind === 'signer') assert.equal(Object.keys(JSON.parse(text)).sort(), ['crypto', 'description', 'path', 'pubkey', 'uuid', 'version'])
  }
})

test('fresh keystores use scrypt with 2^18 rounds, an own salt and an own iv', async () => {
  const key = newKey()
  const [a, b] = await encryptKeys([{ key }, { key }], PASSPHRASE)
  assert.ok(a?.type === 'encrypted' && b?.type === 'encrypted')
  const { kdf, cipher } = a.keystore.crypto
  assert.ok(kdf.function === 'scrypt' && kdf.params.n === 2 ** 18 && kdf.params.r === 8 && kdf.params.p === 1)
  assert.is.not(kdf.params.salt, b.keystore.crypto.kdf.params.salt)
  assert.is.not(cipher.params.iv, b.keystore.crypto.cipher.params.iv)
  assert.is.not(a.keystore.uuid, b.keystore.uuid)
  assert.equal(await unlockKey(a, crypto, PASSPHRASE), key)
})

test('several keys are encrypted by threads, in their order, each counted once', async () => {
  const keys = Array.from({ length: 7 }, () => ({ key: newKey() }))
  const counts: number[] = []
  const files = await encryptKeys(keys, PASSPHRASE, { kdf: QUICK, onDone: (done) => counts.push(done) })
  assert.equal(counts, [1, 2, 3, 4, 5, 6, 7])
  for (const [i, file] of files.entries()) assert.equal(await unlockKey(file, crypto, PASSPHRASE), keys[i]?.key)
  assert.equal(await encryptKeys([], PASSPHRASE), [])
  await refusal(encryptKeys(keys, 'short', { kdf: QUICK }), 'BAD_INPUT', /too short/)
})

test('the link key follows from the BLS key, under its own tag', () => {
  const secret = fromHex('01'.repeat(32))
  assert.is(toHex(linkSecretOf(secret)), toHex(sha256(Buffer.concat([Buffer.from('musig/v1/link-secret\0'), secret]))))
  assert.is(toHex(linkSecretOf(secret)), 'cb8a3f0790a0fbdd77cd9a013808e94b9dbcac3e3a92eaa7776333062b801f05')
  const key = openSecret('signer', secret, crypto)
  assert.ok(key.kind === 'signer')
  const message = Buffer.from('hello')
  assert.ok(crypto.ed25519.verify(key.linkKey, message, crypto.ed25519.sign(key.linkSecretKey, message)))
})

test('plain keys are marked insecure and come back', async () => {
  for (const kind of ['signer', 'client'] as const) {
    const key = newKey(kind)
    const text = keyFileText(insecureKey(key))
    assert.is((JSON.parse(text) as { insecure: unknown }).insecure, true)
    assert.equal(await unlockKey(await parseKeyFile(text, 'f'), crypto), key)
  }
})

test('what opening would cost is checked before it is spent', async () => {
  const file = JSON.parse(keyFileText(await encryptKey(newKey(), PASSPHRASE, { kdf: QUICK })))
  const withKdf = (name: string, params: object) => {
    const kdf = { function: name, message: '', params: { dklen: 32, salt: 'aa'.repeat(32), ...params } }
    return parseKeyFile(JSON.stringify({ ...file, crypto: { ...file.crypto, kdf } }), 'f')
  }
  const started = Date.now()
  await refusal(withKdf('scrypt', { n: 2 ** 30, r: 8, p: 1 }), 'BAD_INPUT', /bytes of memory/)
  await refusal(withKdf('scrypt', { n: 2 ** 18, r: 2 ** 20, p: 1 }), 'BAD_INPUT', /bytes of memory/)
  await refusal(withKdf('scrypt', { n: 2 ** 18, r: 8, p: 9 }), 'BAD_INPUT', /too much work/)
  await refusal(withKdf('scrypt', { n: 3, r: 8, p: 1 }), 'BAD_INPUT', /impossible costs/)
  await refusal(withKdf('scrypt', { n: 0, r: 0, p: 0 }), 'BAD_INPUT', /impossible costs/)
  await refusal(withKdf('scrypt', { n: 16, r: 8, p: 1, dklen: 2 ** 31 }), 'BAD_INPUT', /a key of/)
  await refusal(withKdf('pbkdf2', { c: 9, prf: 'hmac-sha256', salt: 'ab'.repeat(65) }), 'BAD_INPUT', /salt of more than/)
  await refusal(withKdf('pbkdf2', { c: 9, prf: 'hmac-sha256', salt: 'x' }), 'BAD_INPUT', /salt that is not hex/)
  await refusal(withKdf('scrypt', { n: 16, r: 8, p: 1, salt: 'aa' }), 'BAD_INPUT', /no well-formed/)
  await refusal(withKdf('scrypt', { n: 1.5, r: 8, p: 1 }), 'BAD_INPUT', /no well-formed/)
  await refusal(withKdf('pbkdf2', { c: 10_000_001, prf: 'hmac-sha256' }), 'BAD_INPUT', /10000001 rounds/)
  await refusal(withKdf('pbkdf2', { c: 0, prf: 'hmac-sha256' }), 'BAD_INPUT', /0 rounds/)
  await refusal(withKdf('argon2', {}), 'BAD_INPUT', /no key file/)
  assert.ok(Date.now() - started < 500)
})

test('malformed key files are refused, and never quoted', async () => {
  const secret = '5e'.repeat(32)
  const good = keyFileText(insecureKey(openSecret('signer', fromHex('01'.repeat(32)), crypto)))
  const plain = JSON.parse(good)
  const locked = JSON.parse(keyFileText(await encryptKey(newKey(), PASSPHRASE, { kdf: QUICK })))
  const damaged = (part: 'cipher' | 'checksum', message: string) => ({
    ...locked,
    crypto: { ...locked.crypto, [part]: { ...locked.crypto[part], message } },
  })
  const cases: [unknown, RegExp][] = [
    ['', /f is empty/],
    [`{"secretKey": "${secret}`, /not JSON/],
    [[], /not a JSON object/],
    [null, /not a JSON object/],
    [{}, /no key file/],
    [{ ...plain, schema: 2 }, /schema/],
    [{ ...plain, kind: 'peer' }, /kind/],
    [{ ...plain, secretKey: `${secret}ff` }, /secretKey has 33 bytes, not 32/],
    [{ ...plain, secretKey: 'x' }, /secretKey is not hex/],
    [{ ...plain, publicKey: plain.publicKey.slice(2) }, /public key has 47 bytes, not 48/],
    [{ ...plain, secretKey: undefined }, /not hex/],
    [{ ...locked, version: 3 }, /version/],
    [{ ...locked, pubkey: 'ab' }, /pubkey/],
    [damaged('cipher', 'aa'), /cipher/],
    [damaged('checksum', 'zz'), /checksum/],
  ]
  for (const [document, reason] of cases) {
    const text = typeof document === 'string' ? document : JSON.stringify(document)
    await refusal(parseKeyFile(text, 'f'), 'BAD_INPUT', reason)
    await parseKeyFile(text, 'f').catch((error: Error) => assert.not.match(error.message, new RegExp(secret)))
  }
  const other = await parseKeyFile(JSON.stringify({ ...plain, secretKey: secret }), 'f')
  await refusal(unlockKey(other, crypto, undefined, 'f'), 'BAD_INPUT', /does not belong to its public key/)
  const zero = await parseKeyFile(JSON.stringify({ ...plain, secretKey: '00'.repeat(32) }), 'f')
  await refusal(unlockKey(zero, crypto), 'BAD_INPUT', /zero/)
  // A broken ciphertext cannot be told from a wrong passphrase.
  const broken = await parseKeyFile(JSON.stringify(damaged('cipher', '00'.repeat(32))), 'f')
  await refusal(unlockKey(broken, crypto, PASSPHRASE, 'f'), 'BAD_INPUT', /wrong passphrase/)
})

test('files are 0600 in folders of 0700, never overwritten, and leave nothing beside them', async () => {
  const keys = join(freshFolder(), 'a', 'b')
  await makePrivateFolder(keys)
  assert.is(statSync(keys).mode & 0o777, 0o700)
  const path = join(keys, 'k.json')
  const key = newKey()
  await writeKeyFile(path, insecureKey(key))
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.equal(await openKeyFile(path, crypto), key)
  await refusal(writeKeyFile(path, insecureKey(newKey())), 'ALREADY_EXISTS', /nothing was overwritten/)
  assert.equal(await openKeyFile(path, crypto), key)
  const next = newKey()
  await writeKeyFile(path, insecureKey(next), { replace: true })
  assert.equal(await openKeyFile(path, crypto), next)
  assert.equal(readdirSync(keys), ['k.json'])
  await refusal(writePrivateFile(join(keys, 'missing', 'k.json'), 'x'), 'BAD_INPUT', /cannot write .*ENOENT/)
})

test('of two that write one key at once, one wins', async () => {
  const path = join(freshFolder(), 'k.json')
  const keys = Array.from({ length: 8 }, () => newKey())
  const outcomes = await Promise.allSettled(keys.map((key) => writeKeyFile(path, insecureKey(key))))
  const winner = outcomes.findIndex((outcome) => outcome.status === 'fulfilled')
  assert.is(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 1)
  assert.equal(await openKeyFile(path, crypto), keys[winner])
})

test('what others could read is refused, with the chmod that helps', async () => {
  const keys = freshFolder()
  const path = join(keys, 'k.json')
  await writeKeyFile(path, insecureKey(newKey()))
  for (const mode of [0o640, 0o604, 0o622, 0o644]) {
    chmodSync(path, mode)
    await refusal(readKeyFile(path), 'BAD_INPUT', /open to others \(mode 06\d\d\); close it with: chmod 600 .*k\.json$/)
  }
  chmodSync(path, 0o400)
  await readKeyFile(path)
  for (const mode of [0o755, 0o750, 0o701]) {
    chmodSync(keys, mode)
    await refusal(new Keyring(keys).list(), 'BAD_INPUT', /chmod 700 /)
    await refusal(makePrivateFolder(keys), 'BAD_INPUT', /chmod 700 /)
  }
  await refusal(readPrivateFile(join(keys, 'none')), 'NOT_FOUND', /does not exist/)
  mkdirSync(join(keys, 'dir'))
  await refusal(readPrivateFile(join(keys, 'dir')), 'BAD_INPUT', /is a folder/)
  writeFileSync(join(keys, 'big'), 'x'.repeat(65537), { mode: 0o600 })
  await refusal(readPrivateFile(join(keys, 'big')), 'BAD_INPUT', /larger than/)
})

test('a keyring finds keys by name and by the beginning of their public key', async () => {
  const ring = new Keyring(join(freshFolder(), 'keys'))
  assert.equal(await ring.names(), [])
  await refusal(ring.find(), 'NOT_FOUND', /musig keys gen/)
  const keys = [newKey(), newKey('client')]
  const names = ['alice', 'bob']
  await ring.add(keys.map((key, i) => ({ file: insecureKey(key), half: publicKeyFile(crypto, key, names[i] ?? '') })))
  assert.equal(await ring.names(), names)
  assert.equal((await ring.find('bob')).publicKey, keys[1]?.publicKey)
  assert.is((await ring.find(toHex(keys[0]?.publicKey ?? new Uint8Array()).slice(0, 8))).name, 'alice')
  await refusal(ring.find(), 'BAD_INPUT', /choose one with --key: alice, bob/)
  await refusal(ring.find('carol'), 'NOT_FOUND', /there are: alice, bob/)
  await refusal(ring.find('../alice'), 'NOT_FOUND', /no key/)
  await refusal(ring.newNames(1, 'alice', 'signer'), 'ALREADY_EXISTS', /alice/)
  await refusal(ring.newNames(1, '../x', 'signer'), 'BAD_INPUT', /no name/)
  assert.equal(await ring.newNames(2, undefined, 'signer'), ['signer-0', 'signer-1'])
  assert.equal(await ring.newNames(2, 'x', 'signer'), ['x-0', 'x-1'])
})

test('new keys are written all or none', async () => {
  const ring = new Keyring(join(freshFolder(), 'keys'))
  const put = (names: string[]) =>
    ring.add(names.map(() => newKey()).map((key, i) => ({ file: insecureKey(key), half: publicKeyFile(crypto, key, names[i] ?? '') })))
  await put(['b'])
  const before = readdirSync(ring.folder)
  await refusal(put(['a', 'b']), 'ALREADY_EXISTS', /b\.json/)
  assert.equal(readdirSync(ring.folder), before)
})

test('a public half holds what a manifest needs, and is checked', async () => {
  const key = openSecret('signer', deriveMaster(new Uint8Array(32).fill(7)), crypto)
  const half = publicKeyFile(crypto, key, 'alice', 'eu')
  assert.ok(half.kind === 'signer')
  assert.equal(readPublicKey(publicKeyJson(half)), half)
  assert.is(checkPublicKey(crypto, half), undefined)
  const other = publicKeyFile(crypto, newKey(), 'bob')
  assert.ok(other.kind === 'signer')
  assert.match(checkPublicKey(crypto, { ...half, proof: other.proof }) ?? '', /proof of possession/)
  assert.match(checkPublicKey(crypto, { ...half, linkKey: other.linkKey }) ?? '', /link key/)
  const infinity = Uint8Array.from([0xc0, ...new Array<number>(47).fill(0)])
  assert.match(checkPublicKey(crypto, { ...half, publicKey: infinity }) ?? '', /infinity/)
  assert.not.match(JSON.stringify(publicKeyJson(half)), new RegExp(toHex(key.secretKey)))
})

test.run()
