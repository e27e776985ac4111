/** `musig verify sig`, `pop` and `manifest`: verdicts, exit codes (0 yes, 1 no, 2 malformed), JSON shapes, all the ways of handing something in. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex, utf8 } from '../../src/lib/base/bytes.js'
import { LOCAL_TIMING, makeManifest, manifestToJson, signerEntry } from '../../src/lib/core/manifest.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { publicKeyFile, publicKeyJson } from '../../src/lib/node/keyring.js'
import { openSecret } from '../../src/lib/node/keystore.js'
import { Bench, jsonOf, type Outcome } from './musig.js'

const crypto = loadCrypto()
const bench = new Bench()
test.after(() => bench.remove())

const secrets = [1, 2, 3, 4].map((i) => new Uint8Array(32).fill(i))
const keys = secrets.map((secret) => toHex(crypto.bls.publicKey(secret)))
const messages = ['a', '0xdead', 'a', 'c']
const signed = [utf8('a'), Uint8Array.of(0xde, 0xad), utf8('a'), utf8('c')]
const shares = secrets.map((secret, i) => crypto.bls.sign(secret, signed[i] ?? new Uint8Array()))
const sum = (signatures: Uint8Array[]) => toHex(crypto.bls.aggregate(signatures) ?? new Uint8Array())
const whole = { publicKeys: keys, messages, signature: sum(shares) }
const flagsOf = (pubkeys: string[], texts: string[], signature: string) => [
  ...pubkeys.flatMap((key) => ['--pubkey', key]),
  ...texts.flatMap((text) => ['--message', text]),
  '--signature',
  signature,
]
const verify = (args: string[], input = '') => bench.musig(['verify', 'sig', ...args], { input })
const manifestContent = {
  name: 'four',
  epoch: 0,
  tolerance: { a: 1, b: 2 },
  deltaMs: 50,
  machine: 'ledger',
  test: false,
  tree: { strategy: 'random', fanout: 2 },
  window: 4,
  timing: LOCAL_TIMING,
  signers: secrets.map((secret, i) => signerEntry(crypto, secret, secret, `s${i}`)),
} as const
const manifest = makeManifest({ ...manifestContent, tree: { ...manifestContent.tree }, signers: [...manifestContent.signers] })
const manifestFile = bench.file('manifest.json', JSON.stringify(manifestToJson(manifest)))

function refusedAs(outcome: Outcome, exitCode: number, code: string, reason: RegExp): void {
  assert.is(outcome.code, exitCode, outcome.stdout + outcome.stderr)
  const { schema, error } = jsonOf(outcome)
  assert.is(schema, 1)
  assert.is((error as { code: string }).code, code)
  assert.match((error as { message: string }).message, reason)
}

test('flags: a single signature and a multi-signature, 0x messages and text', async () => {
  const one = await verify([...flagsOf(keys.slice(0, 1), ['a'], toHex(shares[0] ?? new Uint8Array())), '--json'])
  assert.is(one.code, 0)
  assert.equal(jsonOf(one), { schema: 1, valid: true, signers: [0], distinctMessages: 1 })
  assert.is(one.stderr, '')
  const all = await verify(flagsOf(keys, messages, whole.signature))
  assert.is(all.code, 0)
  assert.match(all.stdout, /^Valid: 4 signers, 3 distinct messages\n/)
  for (const [i, key] of keys.entries()) assert.match(all.stdout, new RegExp(`^ *${i} +${key} `, 'm'))
  assert.match(all.stderr, /^Warning: proofs of possession were not checked/)
})

test('a wrong signature exits 1, with JSON on stdout that says why', async () => {
  const outcome = await verify([...flagsOf(keys, ['a'], whole.signature), '--json'])
  assert.is(outcome.code, 1)
  assert.equal(jsonOf(outcome), { schema: 1, valid: false, signers: [0, 1, 2, 3], distinctMessages: 1, reason: 'the signature does not verify' })
  const plain = await verify(flagsOf(keys, ['a'], whole.signature))
  assert.is(plain.code, 1)
  assert.match(plain.stdout, /^INVALID: the signature does not verify/)
})

test('a file and stdin: one document, a list, JSON lines', async () => {
  const file = bench.file('whole.json', JSON.stringify(whole))
  assert.equal(jsonOf(await verify([file, '--json'])), { schema: 1, valid: true, signers: [0, 1, 2, 3], distinctMessages: 3 })
  const wrong = { ...whole, messages: ['a'] }
  for (const input of [JSON.stringify([whole, wrong]), `${JSON.stringify(whole)}\n${JSON.stringify(wrong)}\n`]) {
    const outcome = await verify(['-', '--json'], input)
    assert.is(outcome.code, 1)
    const { valid, results } = jsonOf(outcome) as { valid: boolean; results: { valid: boolean }[] }
    assert.is(valid, false)
    assert.equal(
      results.map((one) => one.valid),
      [true, false],
    )
  }
  const lines = await verify(['-'], `${JSON.stringify(whole)}\n${JSON.stringify(whole)}`)
  assert.is(lines.code, 0)
  assert.match(lines.stdout, /^0: Valid.*\n1: Valid.*\n2 of 2 valid\n$/)
})

test('who is at fault, from a document and from flags', async () => {
  const bad = shares.map((share, i) => (i === 2 ? (shares[3] ?? share) : share))
  const outcome = await verify(['-', '--json'], JSON.stringify({ ...whole, signature: sum(bad), signatures: bad.map(toHex) }))
  assert.is(outcome.code, 1)
  assert.equal(jsonOf(outcome).faulty, [2])
  const flags = await verify([...flagsOf(keys, messages, sum(bad)), ...bad.flatMap((share) => ['--share', toHex(share)])])
  assert.is(flags.code, 1)
  assert.match(flags.stdout, /at fault: 2/)
  assert.match(flags.stdout, new RegExp(`^ *2 +${keys[2]} .*WRONG$`, 'm'))
})

test('with a manifest: its numbers and its quorum', async () => {
  const outcome = await verify(['-', '--json', '--manifest', manifestFile], JSON.stringify(whole))
  assert.is(outcome.code, 0, outcome.stdout)
  const numbers = keys.map((key) => manifest.signers.findIndex((signer) => toHex(signer.publicKey) === key))
  assert.equal(jsonOf(outcome), { schema: 1, valid: true, signers: numbers, distinctMessages: 3, quorum: 4, reachesQuorum: true })
  assert.is(outcome.stderr, '')
})

test('infinity and points outside the group are a no; malformed input is exit 2', async () => {
  const infinity = await verify([...flagsOf([`c0${'00'.repeat(47)}`], ['a'], whole.signature), '--json'])
  assert.is(infinity.code, 1)
  assert.match(String(jsonOf(infinity).reason), /public key 0 is the point at infinity/)
  const signature = await verify([...flagsOf(keys.slice(0, 1), ['a'], `c0${'00'.repeat(95)}`), '--json'])
  assert.is(signature.code, 1)
  assert.match(String(jsonOf(signature).reason), /signature is the point at infinity/)
  const cases: [string[], string, RegExp][] = [
    [flagsOf(['zz'], ['a'], whole.signature), '', /public key 0 is not hex/],
    [flagsOf([keys[0]?.slice(2) ?? ''], ['a'], whole.signature), '', /47 bytes, not 48/],
    [flagsOf(keys, ['a'], whole.signature.slice(2)), '', /95 bytes, not 96/],
    [flagsOf(keys, ['a', 'b'], whole.signature), '', /2 messages for 4 public keys/],
    [['--pubkey', keys[0] ?? ''], '', /--message, --signature missing/],
    [[], '', /nothing to verify/],
    [['-', '--signature', whole.signature], JSON.stringify(whole), /either a file or/],
    [['-'], '{"publicKeys": [', /line 1 is malformed/],
    [['-'], '', /holds no signatures/],
    [['-'], '"text"', /not an object/],
    [[`${bench.folder}/none.json`], '', /cannot read/],
  ]
  for (const [args, input, reason] of cases) refusedAs(await verify([...args, '--json'], input), 2, 'BAD_INPUT', reason)
})

test('verify pop: yes, no, malformed', async () => {
  const half = publicKeyFile(crypto, openSecret('signer', secrets[0] ?? new Uint8Array(), crypto), 'alice')
  assert.ok(half.kind === 'signer')
  const pop = (document: object) => bench.musig(['verify', 'pop', '-', '--json'], { input: JSON.stringify(document) })
  const good = await pop(publicKeyJson(half))
  assert.is(good.code, 0)
  assert.equal(jsonOf(good), { schema: 1, valid: true, publicKey: keys[0] })
  const bad = await pop(publicKeyJson({ ...half, proof: half.linkSignature }))
  assert.is(bad.code, 1)
  assert.equal(jsonOf(bad), { schema: 1, valid: false, publicKey: keys[0], reason: 'the proof of possession does not hold' })
  // A plain signature over the public key is no proof: it has no tag.
  const untagged = crypto.bls.sign(secrets[0] ?? new Uint8Array(), half.publicKey)
  assert.is((await bench.musig(['verify', 'pop', '--pubkey', toHex(half.publicKey), '--proof', toHex(untagged)])).code, 1)
  refusedAs(await pop({ ...publicKeyJson(half), proof: 'ab' }), 2, 'BAD_ENCODING', /proof: 1 bytes, not 96/)
  refusedAs(await bench.musig(['verify', 'pop', '--pubkey', keys[0] ?? '', '--json']), 2, 'BAD_INPUT', /--proof/)
})

test('verify manifest: yes, no, malformed', async () => {
  const check = (document: object) => bench.musig(['verify', 'manifest', '-', '--json'], { input: JSON.stringify(document) })
  const good = await bench.musig(['verify', 'manifest', manifestFile, '--json'])
  assert.is(good.code, 0)
  const { clusterId, n, quorum } = manifest
  assert.equal(jsonOf(good), {
    schema: 1,
    valid: true,
    name: 'four',
    clusterId,
    epoch: 0,
    n,
    quorum,
    crashBound: 0,
    asyncByzantineBound: 1,
    syncByzantineBound: 2,
    inclusion: 1,
  })
  assert.match((await bench.musig(['verify', 'manifest', manifestFile])).stdout, new RegExp(`cluster id +${clusterId}`))
  const swapped = manifest.signers.map((signer, i) => (i === 2 ? { ...signer, proof: signer.linkSignature } : signer))
  const bad = await check(manifestToJson({ ...manifest, signers: swapped }))
  assert.is(bad.code, 1)
  assert.match(String(jsonOf(bad).reason), /signer 2 of the manifest lacks a valid proof of possession/)
  const json = manifestToJson(manifest) as { signers: object[]; tolerance: string }
  const [first, second] = json.signers
  refusedAs(await check({ ...json, signers: [first, first, second] }), 2, 'BAD_INPUT', /same public key/)
  refusedAs(await check({ ...json, signers: [{ ...first, proof: undefined }] }), 2, 'BAD_ENCODING', /“proof” is missing/)
  refusedAs(await check({ ...json, signers: [] }), 2, 'BAD_INPUT', /no signers/)
  refusedAs(await check({ ...json, tolerance: '1/3' }), 2, 'BAD_ENCODING', /below 1\/2/)
  refusedAs(await check({ ...json, tolerance: '1/1' }), 2, 'BAD_ENCODING', /not below 1/)
  refusedAs(await bench.musig(['verify', 'manifest', '-', '--json'], { input: '{' }), 2, 'BAD_INPUT', /not JSON/)
})

test('every command has examples in its help', async () => {
  const commands = [
    'keys gen',
    'keys list',
    'keys show',
    'keys import',
    'keys export',
    'keys prove',
    'keys aggregate',
    'sign',
    'verify sig',
    'verify pop',
    'verify manifest',
  ]
  for (const command of commands) {
    const { code, stdout } = await bench.musig([...command.split(' '), '--help'])
    assert.is(code, 0)
    assert.match(stdout, new RegExp(`EXAMPLES\\n +.*musig ${command}`), command)
    assert.match(stdout, /--json/)
  }
})

test.run()
