// time limit: 300 s
/** Signers of several machines, as far as one machine can be several: `musig signer start` with links over TLS, at an address that others reach where there is one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { Client } from '../../src/lib/node/client.js'
import type { SignerConfig } from '../../src/lib/node/signer-config.js'
import { type ClusterFiles, clusterFiles, putDocument, TOKEN } from '../node/cluster-fixture.js'
import { until } from '../until.js'
import { Bench } from './musig.js'

const N = 4
const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
const LIMIT_MS = 90_000

let bench: Bench
let files: ClusterFiles
let client: Client
const children: { child: ChildProcess; ended: Promise<number | null>; log: () => string }[] = []

function flagsOf(config: SignerConfig): string[] {
  const api = config.api === undefined ? [] : ['--api', config.api]
  const paths = ['--manifest', config.manifest, '--key', config.key, '--store', config.store]
  return [...paths, '--addresses', config.addresses, '--token-file', config.tokenFile, ...api]
}

function configOf(index: number): SignerConfig {
  const config = files.configs[index]
  if (!config) throw new Error(`no signer ${index}`)
  return config
}

function start(index: number): void {
  const child = spawn(process.execPath, [BIN, 'signer', 'start', ...flagsOf(configOf(index))], {
    env: { ...process.env, MUSIG_HOME: bench.home },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let log = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  children[index] = { child, ended: new Promise((resolve) => child.on('close', resolve)), log: () => log }
}

/** Whether all signers are linked to all others. */
async function linked(): Promise<boolean> {
  try {
    const states = await Promise.all(files.addresses.map((_, from) => client.status({ from })))
    return states.every(({ connected }) => connected.length === N - 1)
  } catch (error) {
    if (error instanceof MusigError && error.code === 'UNREACHABLE') return false
    throw error
  }
}

test.before(async () => {
  bench = new Bench()
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const own = all.find(({ internal, family }) => !internal && family === 'IPv4')?.address
  files = await clusterFiles(N, 'tls', own ?? '127.0.0.1')
  client = new Client({ addresses: files.addresses, token: TOKEN })
  for (let i = 0; i < N; i++) start(i)
  await until('all are linked', linked, LIMIT_MS)
})

test.after(async () => {
  client.close()
  for (const { child } of children) child.kill('SIGKILL')
  await Promise.all(children.map(({ ended }) => ended))
  files.remove()
  bench.remove()
})

test('transactions are executed; one that is killed comes back over TLS', async () => {
  const put = (to: number) => client.submit(putDocument(files.manifest, 'd', { to }), { to, timeoutMs: LIMIT_MS })
  for (let to = 0; to < N; to++) assert.is((await put(to)).status, 'executed')
  children[3]?.child.kill('SIGKILL')
  await children[3]?.ended
  start(3)
  await until('it is back', linked, LIMIT_MS)
  assert.is((await put(3)).status, 'executed')
  await until(
    'equal digests',
    async () => {
      const states = await Promise.all(files.addresses.map((_, from) => client.status({ from })))
      return new Set(states.map(({ orderDigest, transactions }) => `${orderDigest} ${transactions}`)).size === 1
    },
    LIMIT_MS,
  )
  assert.ok(children.every(({ log }) => /"links":"wss:\/\//.test(log())))
})

test('the API stays on this machine, and takes no links', async () => {
  const status = (url: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const call = request(new URL('/link', url), { headers: { connection: 'Upgrade', upgrade: 'websocket' } })
      call.on('response', (response) => resolve(response.resume().statusCode))
      call.on('error', reject).end()
    })
  assert.is(await status(files.addresses[0] ?? ''), 404)
  const apiFar = { ...configOf(0), api: 'http://10.0.0.1:7000' }
  const refused = await bench.process(['signer', 'start', ...flagsOf(apiFar)])
  assert.is(refused.code, 2)
  assert.match(refused.stderr, /API address of signer 0 “http:\/\/10\.0\.0\.1:7000” is not on this machine/)
})

test('refusals: one line with the address and the way out', async () => {
  const addresses = (url: string) => {
    const path = join(bench.folder, 'addresses.json')
    writeFileSync(path, JSON.stringify(files.addresses.map((_, index) => ({ index, url: index === 0 ? url : 'http://127.0.0.1:1' }))))
    return path
  }
  for (const [url, api, pattern] of [
    [
      'http://10.1.2.3:7000',
      undefined,
      /“http:\/\/10\.1\.2\.3:7000” is not on this machine; links between machines need TLS: give wss:\/\/10\.1\.2\.3:7000/,
    ],
    ['ws://example.org:7000', undefined, /“ws:\/\/example\.org:7000” is not on this machine; .* give wss:\/\/example\.org:7000/],
    ['http://0.0.0.0:7000', undefined, /“http:\/\/0\.0\.0\.0:7000” is not on this machine/],
    ['wss://127.0.0.1:7000', undefined, /links of signer 0 are at wss:\/\/127\.0\.0\.1:7000; .*--api http:\/\/127\.0\.0\.1:PORT/],
    ['wss://127.0.0.1:7000/path', undefined, /not of the form wss:\/\/host:port/],
    ['http://127.0.0.1:7000', 'http://127.0.0.1:7001', /http:\/\/127\.0\.0\.1:7001.* goes with a wss:\/\/ address only/],
  ] as const) {
    const { code, stderr } = await bench.process(['signer', 'start', ...flagsOf({ ...configOf(0), addresses: addresses(url), api })])
    assert.is(code, 2, stderr)
    assert.match(stderr, pattern)
    assert.is(stderr.trim().split('\n').length, 1, stderr)
  }
})

test.run()
