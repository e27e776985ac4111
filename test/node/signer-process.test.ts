// time limit: 300 s
// alone
/** Signer processes, bundled as they ship: they find each other, agree, survive a kill, stop cleanly, and say in one line why they cannot start. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { Client } from '../../src/lib/node/client.js'
import { readKeyFile } from '../../src/lib/node/keystore.js'
import type { SignerConfig } from '../../src/lib/node/signer-config.js'
import { until } from '../until.js'
import { bundleSigner } from './bundle-signer.js'
import { type ClusterFiles, clusterFiles, putDocument, TOKEN } from './cluster-fixture.js'

const N = 5
const root = fileURLToPath(new URL('../..', import.meta.url))
/** Below the package, so that what is not bundled is found. */
const folder = join(root, 'node_modules', '.cache', `musig-signer-test-${process.pid}`)
const bundle = join(folder, 'signer.js')

interface Running {
  child: ChildProcess
  output: () => string
  ended: Promise<{ code: number | null; signal: string | null }>
}

const children = new Set<ChildProcess>()

function flagsOf(config: SignerConfig): string[] {
  return [
    '--manifest',
    config.manifest,
    '--key',
    config.key,
    '--store',
    config.store,
    '--addresses',
    config.addresses,
    '--token-file',
    config.tokenFile,
  ]
}

function start(args: readonly string[]): Running {
  const child = spawn(process.execPath, [bundle, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on('close', (code, signal) => {
      children.delete(child)
      resolve({ code, signal })
    })
  })
  return { child, output: () => output, ended }
}

let files: ClusterFiles
let client: Client
let signers: Running[]

async function agreed(): Promise<boolean> {
  const states = await Promise.all(files.addresses.map((_, from) => client.status({ from })))
  return new Set(states.map(({ orderDigest, machineDigest, transactions }) => `${orderDigest} ${machineDigest} ${transactions}`)).size === 1
}

function configOf(index: number): SignerConfig {
  const config = files.configs[index]
  if (!config) throw new Error(`no signer ${index}`)
  return config
}

async function connected(count: number): Promise<boolean> {
  try {
    const states = await Promise.all(files.addresses.slice(0, count).map((_, from) => client.status({ from })))
    return states.every((state) => state.connected.length === count - 1)
  } catch (error) {
    if (error instanceof MusigError && error.code === 'UNREACHABLE') return false
    throw error
  }
}

test.before(async () => {
  await bundleSigner('src/lib/node/signer-process.ts', folder)
  files = await clusterFiles(N, 'process')
  signers = files.configs.map((config) => start(flagsOf(config)))
  client = new Client({ addresses: files.addresses, token: TOKEN })
  await until('all are connected', () => connected(N), 60_000)
})

test.after(() => {
  client?.close()
  for (const child of children) child.kill('SIGKILL')
  files?.remove()
  rmSync(folder, { recursive: true, force: true })
})

test('each names itself in its store’s folder', () => {
  signers.forEach(({ child }, i) => {
    const { pid, startedAt, url } = JSON.parse(readFileSync(join(configOf(i).store, 'signer.pid'), 'utf8'))
    assert.is(pid, child.pid)
    assert.is(url, files.addresses[i])
    assert.ok(Math.abs(Date.now() - startedAt) < 60_000)
  })
})

test('transactions through all of them: one order, one state', async () => {
  const results = await Promise.all(
    Array.from({ length: 30 }, (_, i) => client.submit(putDocument(files.manifest, `d${i % 4}`, { i }), { to: i % N, timeoutMs: 60_000 })),
  )
  assert.ok(results.every(({ status, receipt }) => status === 'executed' && receipt?.ok))
  await until('equal digests', agreed, 60_000)
})

test('a second process on one store ends at once', async () => {
  const { output, ended } = start(flagsOf(configOf(0)))
  assert.is((await ended).code, 3)
  assert.match(output(), new RegExp(`^Error: the store in .* is in use by process ${signers[0]?.child.pid}\n$`))
})

test('one killed: the others go on; back again, it has what it had and what it missed', async () => {
  const [, , , , last] = signers
  const before = await client.status({ from: 4 })
  last?.child.kill('SIGKILL')
  await last?.ended
  for (let i = 0; i < 4; i++) {
    const { status } = await client.submit(putDocument(files.manifest, 'while-away', { i }), { to: i, timeoutMs: 60_000 })
    assert.is(status, 'executed')
  }
  assert.ok(existsSync(join(configOf(4).store, 'signer.pid')), 'a killed one leaves its file')
  signers[4] = start(flagsOf(configOf(4)))
  await until('it is back and has caught up', async () => (await connected(N)) && (await agreed()), 60_000)
  const after = await client.status({ from: 4 })
  assert.is(after.transactions, before.transactions + 4)
})

test('all killed at once: nothing that was executed is lost', async () => {
  const taken = await Promise.all(
    Array.from({ length: 10 }, (_, i) => client.submit(putDocument(files.manifest, `all-${i}`, {}), { to: i % N, timeoutMs: 60_000 })),
  )
  for (const { child } of signers) child.kill('SIGKILL')
  await Promise.all(signers.map(({ ended }) => ended))
  signers = files.configs.map((config) => start(flagsOf(config)))
  await until('all are back', () => connected(N), 60_000)
  await until('equal digests', agreed, 60_000)
  for (const { txId, batchId, receipt } of taken) {
    const shown = await client.show(txId)
    assert.equal([shown.status, shown.batchId, shown.receipt], ['executed', batchId, receipt])
  }
})

test('a signal stops it cleanly, and the file is gone', async () => {
  for (const [index, signal] of [
    [3, 'SIGTERM'],
    [4, 'SIGINT'],
  ] as const) {
    signers[index]?.child.kill(signal)
    assert.equal(await signers[index]?.ended, { code: 0, signal: null })
    assert.not.ok(existsSync(join(configOf(index).store, 'signer.pid')))
  }
})

test('a busy port is one clear line', async () => {
  const blocker = createServer()
  await new Promise<void>((resolve) => blocker.listen(Number(new URL(files.addresses[4] ?? '').port), '127.0.0.1', resolve))
  const { output, ended } = start(flagsOf(configOf(4)))
  assert.is((await ended).code, 3)
  assert.match(output(), /^Error: port \d+ on 127\.0\.0\.1 is in use by another process\n$/)
  assert.not.ok(existsSync(join(configOf(4).store, 'signer.pid')))
  blocker.close()
})

test('what it cannot start with is one clear line and the right exit code', async () => {
  const own = configOf(4)
  const write = (name: string, content: string, mode = 0o600) => {
    const path = join(files.folder, name)
    writeFileSync(path, content, { mode })
    chmodSync(path, mode)
    return path
  }
  const foreign = await clusterFiles(1, 'foreign')
  const cases: [what: string, args: string[], pattern: RegExp, code: number][] = [
    ['no flags', [], /--manifest is missing/, 2],
    ['unknown flag', ['--nonsense'], /--nonsense/, 2],
    ['fake signatures', [...flagsOf(own), '--bls', 'fake'], /does not sign for a process/, 2],
    ['no manifest', flagsOf({ ...own, manifest: '/nowhere' }), /\/nowhere cannot be read/, 2],
    ['bad manifest', flagsOf({ ...own, manifest: write('bad.json', '{') }), /is not JSON/, 2],
    ['foreign key', flagsOf({ ...own, key: foreign.configs[0]?.key ?? '' }), /belongs to no signer/, 2],
    ['loose key', flagsOf({ ...own, key: write('loose.json', readFileSync(own.key, 'utf8'), 0o644) }), /open to others/, 2],
    ['loose token', flagsOf({ ...own, tokenFile: write('loose-token', TOKEN, 0o644) }), /open to others/, 2],
    ['short token', flagsOf({ ...own, tokenFile: write('short-token', 'short') }), /less than 32 characters/, 2],
    ['missing address', flagsOf({ ...own, addresses: write('few.json', '[]') }), /no address of signer 0/, 2],
    [
      'far address',
      flagsOf({ ...own, addresses: write('far.json', JSON.stringify(files.addresses.map((_, index) => ({ index, url: 'http://10.0.0.1:80' })))) }),
      /not on this machine/,
      2,
    ],
    ['another signer’s store', flagsOf({ ...own, store: configOf(3).store }), /belongs to another signer/, 4],
    [
      'machine of a file that is not given',
      flagsOf({ ...own, manifest: write('machine.json', readFileSync(own.manifest, 'utf8').replace('"documents"', '"sha256:00"')) }),
      /the digest of a file, sha256:00: give that file with --machine-file/,
      2,
    ],
  ]
  const outcomes = await Promise.all(
    cases.map(async ([what, args, pattern, code]) => {
      const { output, ended } = start(args)
      return { what, pattern, code, got: (await ended).code, output: output() }
    }),
  )
  for (const { what, pattern, code, got, output } of outcomes) {
    assert.is(got, code, `${what}: ${output}`)
    assert.match(output, pattern)
    assert.match(output, /^Error: [^\n]*\n$/, what)
  }
  foreign.remove()
})

test('several signers in one process reach one another without their ports', async () => {
  for (const { child } of signers) child.kill('SIGTERM')
  await Promise.all(signers.map(({ ended }) => ended))
  const pack = join(files.folder, 'pack.json')
  const configs = files.configs.map((config, self) => {
    const addresses = join(files.folder, `addresses-${self}.json`)
    // Nobody listens where it is told that the others are.
    writeFileSync(addresses, JSON.stringify(files.addresses.map((url, index) => ({ index, url: index === self ? url : 'http://127.0.0.1:1' }))))
    return { ...config, addresses }
  })
  writeFileSync(pack, JSON.stringify(configs))
  const packed = start(['--pack', pack, '--log-level', 'warn'])
  await until('all are connected', () => connected(N), 60_000)
  const { status } = await client.submit(putDocument(files.manifest, 'packed', {}), { timeoutMs: 60_000 })
  assert.is(status, 'executed')
  packed.child.kill('SIGTERM')
  assert.equal(await packed.ended, { code: 0, signal: null })
  assert.is(packed.output(), '', 'nothing to warn of')
})

test('no secret in any log', async () => {
  const all = signers.map(({ output }) => output()).join('')
  assert.ok(all.length > 1000)
  assert.not.ok(all.includes(TOKEN))
  for (const { key } of files.configs) {
    const file = await readKeyFile(key)
    assert.is(file.type, 'insecure')
    if (file.type === 'insecure') assert.not.ok(all.includes(Buffer.from(file.secretKey).toString('hex')))
  }
})

test.run()
