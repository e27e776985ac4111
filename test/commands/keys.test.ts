// time limit: 300 s
/** `musig keys`, `musig sign`: what they write and print, exit codes, what is refused, and that no secret is ever shown. */
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/lib/base/bytes.js'
import { noble } from '../../src/lib/bls/noble.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { derivePath, mnemonicSeed, signerPath } from '../../src/lib/node/derivation.js'
import { publicKeyFile, readPublicKey } from '../../src/lib/node/keyring.js'
import { encryptKey, keyFileText, type OpenKey, openKeyFile, openSecret } from '../../src/lib/node/keystore.js'
import { Bench, jsonOf, type Outcome } from './musig.js'

const crypto = loadCrypto()
const bench = new Bench()
const PASSPHRASE = 'correct horse battery staple'
const passphraseFile = bench.file('passphrase', `${PASSPHRASE}\n`)
const MNEMONIC = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about'
test.after(() => bench.remove())

/** Opening takes a second and 256 MiB: what is looked at again is opened once. */
const opened = new Map<string, OpenKey>()
async function open(file: string): Promise<OpenKey> {
  const key = opened.get(file) ?? (await openKeyFile(file, crypto, async () => PASSPHRASE))
  opened.set(file, key)
  return key
}

/** A keystore under the passphrase that costs next to nothing. */
const QUICK = { function: 'scrypt', params: { dklen: 32, n: 16, r: 8, p: 1, salt: 'ab'.repeat(32) } } as const
const quickText = async (key: OpenKey) => keyFileText(await encryptKey(key, PASSPHRASE, { kdf: QUICK }))

interface KeyDocument {
  name: string
  kind: string
  publicKey: string
  linkKey?: string
  proof?: string
  file: string
  insecure: boolean
}

function keysOf(outcome: Outcome): KeyDocument[] {
  assert.is(outcome.code, 0, outcome.stderr)
  const { schema, keys } = jsonOf(outcome)
  assert.is(schema, 1)
  return keys as KeyDocument[]
}

type Refusal = [args: string[], exitCode: number, code: string, reason: RegExp]

async function refused(...refusals: Refusal[]): Promise<void> {
  for (const refusal of refusals) await bench.refused(...refusal)
}

test('gen: an encrypted signer key that opens, with a proof that holds', async () => {
  const [key, ...others] = keysOf(
    await bench.musig(['keys', 'gen', '--name', 'alice', '--region', 'eu', '--passphrase-file', passphraseFile, '--json']),
  )
  assert.is(others.length, 0)
  assert.ok(key?.name === 'alice' && key.kind === 'signer' && key.insecure === false && key.proof)
  assert.is(key.file, join(bench.home, 'keys', 'alice.json'))
  assert.is(statSync(key.file).mode & 0o777, 0o600)
  assert.is(statSync(join(bench.home, 'keys')).mode & 0o777, 0o700)
  const alice = await open(key.file)
  assert.ok(alice.kind === 'signer')
  assert.is(toHex(alice.publicKey), key.publicKey)
  assert.is(toHex(alice.linkKey), key.linkKey)
  const half = readPublicKey(JSON.parse(readFileSync(join(bench.home, 'keys', 'alice.pub.json'), 'utf8')))
  assert.equal(half, publicKeyFile(crypto, alice, 'alice', 'eu'))
  assert.is((await bench.musig(['verify', 'pop', '--pubkey', key.publicKey, '--proof', key.proof])).code, 0)
  // Commands that open it from here on are about other things than the cost of that.
  writeFileSync(key.file, await quickText(alice))
})

test('gen: several at once, by MUSIG_PASSPHRASE_FILE, with progress on stderr', async () => {
  const outcome = await bench.process(['keys', 'gen', '-n', '2', '--name', 'pair'], { env: { MUSIG_PASSPHRASE_FILE: passphraseFile } })
  assert.is(outcome.code, 0, outcome.stderr)
  assert.match(outcome.stdout, /^pair-0 +signer +[0-9a-f]{96}$/m)
  assert.match(outcome.stdout, /^pair-1 +signer +[0-9a-f]{96}$/m)
  assert.match(outcome.stderr, /Encrypt 2 keys/)
  for (const name of ['pair-0', 'pair-1']) await open(join(bench.home, 'keys', `${name}.json`))
})

test('gen: plain keys are marked, warned about, and go where --out says', async () => {
  const out = join(bench.folder, 'throw-away')
  const outcome = await bench.musig(['keys', 'gen', '-n', '3', '--insecure', '--out', out, '--json'])
  const keys = keysOf(outcome)
  assert.match(outcome.stderr, /^Warning: .*not encrypted/)
  assert.equal(
    keys.map((key) => key.name),
    ['signer-0', 'signer-1', 'signer-2'],
  )
  for (const key of keys) {
    const text = readFileSync(key.file, 'utf8')
    assert.is((JSON.parse(text) as { insecure: boolean }).insecure, true)
    assert.is(statSync(key.file).mode & 0o777, 0o600)
    assert.is(toHex((await openKeyFile(key.file, crypto)).publicKey), key.publicKey)
  }
  const again = keysOf(await bench.musig(['keys', 'gen', '--insecure', '--out', out, '--json']))
  assert.is(again[0]?.name, 'signer-3')
})

test('gen: from a mnemonic, the keys of EIP-2334', async () => {
  const words = bench.file('words', `${MNEMONIC}\n`)
  const args = ['keys', 'gen', '-n', '2', '--name', 'derived', '--insecure', '--json']
  const keys = keysOf(await bench.musig([...args, '--mnemonic-file', words, '--index', '5']))
  const seed = await mnemonicSeed(MNEMONIC)
  for (const [i, key] of keys.entries()) assert.is(key.publicKey, toHex(crypto.bls.publicKey(derivePath(seed, signerPath(5 + i)))))
  const lost = join(bench.folder, 'lost-words')
  await refused([
    ['keys', 'gen', '--name', 'derived', '-n', '2', '--index', '4294967295', '--new-mnemonic', lost, '--insecure'],
    2,
    'ALREADY_EXISTS',
    /derived-0/,
  ])
  await refused([
    ['keys', 'gen', '--name', 'edge', '-n', '2', '--index', '4294967295', '--new-mnemonic', lost, '--insecure'],
    2,
    'BAD_INPUT',
    /no index/,
  ])
  assert.not.ok(existsSync(lost))
  const fresh = join(bench.folder, 'fresh-words')
  const [made] = keysOf(await bench.musig(['keys', 'gen', '--name', 'fresh', '--insecure', '--json', '--new-mnemonic', fresh]))
  assert.is(statSync(fresh).mode & 0o777, 0o600)
  assert.is(made?.publicKey, toHex(crypto.bls.publicKey(derivePath(await mnemonicSeed(readFileSync(fresh, 'utf8')), signerPath(0)))))
  await refused([['keys', 'gen', '--mnemonic', '--insecure'], 2, 'BAD_INPUT', /no terminal to ask on: give --mnemonic-file/])
  await refused([
    ['keys', 'gen', '--mnemonic-file', bench.file('bad-words', 'zebra zebra'), '--insecure'],
    2,
    'BAD_INPUT',
    /mnemonic of 2 words is wrong/,
  ])
  await refused(
    [['keys', 'gen', '--mnemonic-file', words, '--insecure', '--kind', 'client'], 2, 'BAD_INPUT', /client keys are not derived/],
    [['keys', 'gen', '--new-mnemonic', fresh, '--insecure'], 2, 'ALREADY_EXISTS', /nothing was overwritten/],
  )
})

test('gen: a client key', async () => {
  const [key] = keysOf(await bench.musig(['keys', 'gen', '--kind', 'client', '--name', 'bank', '--passphrase-file', passphraseFile, '--json']))
  assert.is(key?.kind, 'client')
  assert.is(key?.publicKey.length, 64)
  assert.is(key?.proof, undefined)
  assert.is(toHex((await open(key?.file ?? '')).publicKey), key?.publicKey)
  await refused([['sign', 'x', '--key', 'bank'], 2, 'BAD_INPUT', /client’s key/], [['keys', 'prove', 'bank'], 2, 'BAD_INPUT', /only signers prove/])
})

test('gen: bad wishes leave nothing behind', async () => {
  const before = readdirSync(join(bench.home, 'keys'))
  await refused(
    [['keys', 'gen', '--name', 'alice', '--insecure'], 2, 'ALREADY_EXISTS', /“alice”/],
    [['keys', 'gen', '--name', '../up', '--insecure'], 2, 'BAD_INPUT', /no name for a key/],
    [['keys', 'gen', '-n', '0', '--insecure'], 2, 'BAD_INPUT', /0/],
    [['keys', 'gen', '--kind', 'peer'], 2, 'BAD_INPUT', /peer/],
    [['keys', 'gen'], 2, 'BAD_INPUT', /passphrase is needed and there is no terminal/],
    [['keys', 'gen', '--passphrase-file', bench.file('short', 'short\n')], 2, 'BAD_INPUT', /too short/],
    [['keys', 'gen', '--passphrase-file', bench.file('open', PASSPHRASE, 0o644)], 2, 'BAD_INPUT', /chmod 600/],
  )
  assert.equal(readdirSync(join(bench.home, 'keys')), before)
})

test('a refusal for people is one line on stderr, nothing on stdout', async () => {
  const outcome = await bench.musig(['keys', 'show', 'nobody'])
  assert.is(outcome.code, 2)
  assert.is(outcome.stdout, '')
  assert.match(outcome.stderr, /^Error: no key “nobody” in .*\n$/)
})

test('list and show: what is public, and nothing else', async () => {
  const names = ['alice', 'bank', 'derived-0', 'derived-1', 'fresh', 'pair-0', 'pair-1']
  const keys = keysOf(await bench.musig(['keys', 'list', '--json']))
  assert.equal(
    keys.map((key) => key.name),
    names,
  )
  const listed = await bench.musig(['keys', 'list'])
  for (const name of names) assert.match(listed.stdout, new RegExp(`^${name} `, 'm'))
  const shown = jsonOf(await bench.musig(['keys', 'show', keys[0]?.publicKey.slice(0, 10) ?? '', '--json']))
  assert.is(shown.name, 'alice')
  assert.is(shown.schema, 1)
  assert.equal(
    Object.keys(shown).sort(),
    ['file', 'insecure', 'kind', 'linkKey', 'linkSignature', 'name', 'proof', 'publicKey', 'region', 'schema'].sort(),
  )
  assert.match((await bench.musig(['keys', 'show', 'derived-0'])).stdout, /insecure +true/)
  await refused([['keys', 'show', 'nobody'], 2, 'NOT_FOUND', /no key “nobody”.*there are: alice, bank/])
  const none = await bench.musig(['keys', 'list', '--home', join(bench.folder, 'other-home')])
  assert.is(none.code, 0)
  assert.match(none.stdout, /musig keys gen/)
})

test('loose modes are refused, with the chmod that helps', async () => {
  const folder = join(bench.home, 'keys')
  const file = join(folder, 'fresh.json')
  chmodSync(file, 0o644)
  await refused([['sign', 'x', '--key', 'fresh'], 2, 'BAD_INPUT', /chmod 600 .*fresh\.json/])
  chmodSync(file, 0o600)
  chmodSync(folder, 0o755)
  await refused([['keys', 'list'], 2, 'BAD_INPUT', /chmod 700 .*keys/])
  chmodSync(folder, 0o700)
  chmodSync(bench.home, 0o755)
  await refused([['keys', 'list'], 2, 'BAD_INPUT', /chmod 700 .*home/])
  chmodSync(bench.home, 0o700)
})

test('export and import: the public half, the keystore, and never a bare secret on stdout', async () => {
  const half = jsonOf(await bench.musig(['keys', 'export', 'alice']))
  assert.is(half.kind, 'signer')
  const locked = await bench.musig(['keys', 'export', 'alice', '--keystore'])
  assert.is(locked.code, 0)
  assert.equal(JSON.parse(locked.stdout), JSON.parse(readFileSync(join(bench.home, 'keys', 'alice.json'), 'utf8')))
  const out = join(bench.folder, 'derived-keystore.json')
  assert.is((await bench.musig(['keys', 'export', 'derived-0', '--keystore', '--out', out, '--passphrase-file', passphraseFile])).code, 0)
  assert.is(statSync(out).mode & 0o777, 0o600)
  const other = join(bench.folder, 'imported')
  const imported = jsonOf(
    await bench.musig(['keys', 'import', out, '--name', 'again', '--keys', other, '--passphrase-file', passphraseFile, '--json']),
  )
  const shown = jsonOf(await bench.musig(['keys', 'show', 'derived-0', '--json']))
  assert.is(imported.publicKey, shown.publicKey)
  assert.is(imported.insecure, false)
  const plain = join(bench.folder, 'plain.json')
  const exported = await bench.musig(['keys', 'export', 'alice', '--insecure', '--out', plain, '--passphrase-file', passphraseFile])
  assert.is(exported.code, 0, exported.stderr)
  assert.match(exported.stderr, /not encrypted/)
  assert.is(toHex((await openKeyFile(plain, crypto)).publicKey), half.publicKey)
  await refused(
    [['keys', 'export', 'alice', '--insecure'], 2, 'BAD_INPUT', /--out/],
    [['keys', 'export', 'alice', '--out', plain], 2, 'ALREADY_EXISTS', /nothing was overwritten/],
  )
  chmodSync(plain, 0o644)
  await refused([['keys', 'import', plain, '--keys', other], 2, 'BAD_INPUT', /chmod 600/])
  chmodSync(plain, 0o600)
  assert.is((await bench.musig(['keys', 'import', plain, '--keys', other])).code, 0)
})

test('import: wrong passphrases, damage and costs are refused; a foreign keystore is taken', async () => {
  const key = openSecret('signer', fromHex('0000000000000000000000000000000000000000000000000000000000000539'), crypto)
  const { pubkey: _, ...foreign } = JSON.parse(await quickText(key))
  const file = bench.file('foreign.json', JSON.stringify(foreign), 0o644)
  const imported = jsonOf(await bench.musig(['keys', 'import', file, '--name', 'foreign', '--passphrase-file', passphraseFile, '--json']))
  assert.is(imported.publicKey, toHex(key.publicKey))
  assert.is((JSON.parse(readFileSync(String(imported.file), 'utf8')) as { pubkey: string }).pubkey, toHex(key.publicKey))
  await refused(
    [['keys', 'import', file, '--passphrase-file', bench.file('wrong', 'another passphrase')], 2, 'BAD_INPUT', /wrong passphrase/],
    [['keys', 'import', file], 2, 'BAD_INPUT', /no terminal/],
    [['keys', 'import', bench.file('junk.json', '{"version":4}')], 2, 'BAD_INPUT', /no key file/],
  )
  const costly = { ...foreign, crypto: { ...foreign.crypto, kdf: { ...foreign.crypto.kdf, params: { ...QUICK.params, n: 2 ** 30 } } } }
  await refused([
    ['keys', 'import', bench.file('costly.json', JSON.stringify(costly)), '--passphrase-file', passphraseFile],
    2,
    'BAD_INPUT',
    /bytes of memory/,
  ])
})

test('prove: the proof that was kept, or a fresh one', async () => {
  const kept = await bench.musig(['keys', 'prove', 'fresh', '--json'])
  const proof = jsonOf(kept)
  assert.is((await bench.musig(['verify', 'pop', '-'], { input: kept.stdout })).code, 0)
  const path = join(bench.home, 'keys', 'fresh.pub.json')
  writeFileSync(path, readFileSync(path, 'utf8').replace(String(proof.proof), String(proof.linkSignature)))
  assert.is(jsonOf(await bench.musig(['keys', 'prove', 'fresh', '--json'])).proof, proof.proof)
  assert.is(jsonOf(await bench.musig(['keys', 'prove', 'fresh', '--fresh', '--json'])).proof, proof.proof)
  assert.is((JSON.parse(readFileSync(path, 'utf8')) as { proof: string }).proof, proof.proof)
})

test('sign: text, hex, files and stdin; noble agrees', async () => {
  const { publicKey } = jsonOf(await bench.musig(['keys', 'show', 'fresh', '--json']))
  const sign = async (args: string[], message: Uint8Array, input = '') => {
    const outcome = await bench.musig(['sign', ...args, '--key', 'fresh'], { input })
    assert.is(outcome.code, 0, outcome.stderr)
    const signature = fromHex(outcome.stdout.trim())
    assert.ok(noble.verify([{ message, publicKeys: [fromHex(String(publicKey))] }], signature), args.join(' '))
    return outcome
  }
  await sign(['hello'], Buffer.from('hello'))
  await sign(['0xDEADbeef'], fromHex('deadbeef'))
  await sign(['deadbeef', '--hex'], fromHex('deadbeef'))
  await sign(['deadbeef'], Buffer.from('deadbeef'))
  await sign([bench.file('message', 'a\nb'), '--file'], Buffer.from('a\nb'))
  await sign(['-', '--file'], Buffer.from('from stdin'), 'from stdin')
  const warned = await sign(['ab'.repeat(32), '--hex'], fromHex('ab'.repeat(32)))
  assert.match(warned.stderr, /^Warning: the message has 32 bytes/)
  const document = jsonOf(await bench.musig(['sign', 'hello', '--key', 'alice', '--passphrase-file', passphraseFile, '--json']))
  assert.equal(Object.keys(document), ['schema', 'key', 'publicKeys', 'messages', 'signature'])
  assert.equal(document.messages, ['0x68656c6c6f'])
  await refused(
    [['sign', 'xyz', '--hex', '--key', 'fresh'], 2, 'BAD_INPUT', /not hex/],
    [['sign', join(bench.folder, 'gone'), '--file', '--key', 'fresh'], 2, 'BAD_INPUT', /gone/],
    [['sign', 'x', '--hex', '--file', '--key', 'fresh'], 2, 'BAD_INPUT', /--hex|--file/],
    [['sign', 'x', '--key', 'alice'], 2, 'BAD_INPUT', /no terminal/],
  )
})

test('aggregate: every key is checked, and the danger is said', async () => {
  const keys = keysOf(await bench.musig(['keys', 'list', '--json', '--keys', join(bench.folder, 'throw-away')]))
  const [a, b] = keys.map((key) => key.publicKey)
  assert.ok(a && b)
  const outcome = await bench.musig(['keys', 'aggregate', a, `0x${b}`])
  assert.is(outcome.code, 0, outcome.stderr)
  assert.match(outcome.stderr, /safe only if the proof of possession/)
  const message = Buffer.from('m')
  const secrets = await Promise.all(keys.slice(0, 2).map((key) => openKeyFile(key.file, crypto)))
  const sum = crypto.bls.aggregate(secrets.map((key) => crypto.bls.sign(key.secretKey, message)))
  assert.ok(noble.verify([{ message, publicKeys: [fromHex(outcome.stdout.trim())] }], sum ?? new Uint8Array()))
  const halves = await Promise.all(
    keys.slice(0, 2).map(async (key) => jsonOf(await bench.musig(['keys', 'prove', key.name, '--json', '--keys', join(bench.folder, 'throw-away')]))),
  )
  const proofs = halves.map((half) => String(half.proof))
  const proved = await bench.musig(['keys', 'aggregate', a, b, '--json', ...proofs.flatMap((proof) => ['--proof', proof])])
  assert.equal(jsonOf(proved), { schema: 1, aggregate: outcome.stdout.trim(), publicKeys: [a, b], proofsChecked: true })
  assert.is(proved.stderr, '')
  await refused([
    ['keys', 'aggregate', a, b, ...[...proofs].reverse().flatMap((proof) => ['--proof', proof])],
    1,
    'CHECK_FAILED',
    /possession of public key 0/,
  ])
  await refused(
    [['keys', 'aggregate', a, b, '--proof', proofs[0] ?? ''], 2, 'BAD_INPUT', /1 proofs for 2 keys/],
    [['keys', 'aggregate', a, a], 2, 'BAD_INPUT', /same as public key 0/],
    [['keys', 'aggregate', a, b.slice(2)], 2, 'BAD_INPUT', /public key 1 has 47 bytes/],
    [['keys', 'aggregate', a, `c0${'00'.repeat(47)}`], 2, 'BAD_INPUT', /infinity/],
  )
  const negated = fromHex(a).map((byte, i) => (i === 0 ? byte ^ 0x20 : byte))
  await refused([['keys', 'aggregate', a, toHex(negated)], 2, 'BAD_INPUT', /rogue/])
})

test('no secret was ever printed', async () => {
  const folders = [join(bench.home, 'keys'), join(bench.folder, 'throw-away'), join(bench.folder, 'imported')]
  let searched = 0
  for (const folder of folders.filter((one) => existsSync(one))) {
    for (const name of readdirSync(folder).filter((one) => one.endsWith('.json') && !one.endsWith('.pub.json'))) {
      const key = await open(join(folder, name))
      const secrets = key.kind === 'signer' ? [key.secretKey, key.linkSecretKey] : [key.secretKey]
      for (const secret of secrets) assert.not.ok(bench.printed.includes(toHex(secret)), `${name} was printed`)
      searched++
    }
  }
  assert.ok(searched >= 12, `${searched} keys were looked for`)
  assert.not.ok(bench.printed.includes('abandon abandon'))
  assert.not.ok(bench.printed.includes(readFileSync(join(bench.folder, 'fresh-words'), 'utf8').trim()))
})

test.run()
