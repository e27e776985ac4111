// time limit: 120 s
/** A peer on real sockets and disks: from nothing, as it comes, after a restart, in plain and over TLS; what it answers, and what it refuses. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Client } from '../../src/lib/node/client.js'
import type { RunningSigner } from '../../src/lib/node/running-signer.js'
import { until } from '../until.js'
import { type ClusterFiles, clusterFiles, putDocument, TOKEN } from './cluster-fixture.js'
import { peerStatus, type StartedPeer, startPeer, startSigner } from './signers-fixture.js'

/** One may be down. */
const N = 5
let files: ClusterFiles
let signers: RunningSigner[]
let client: Client
const peers: StartedPeer[] = []

async function peer(...args: Parameters<typeof startPeer> extends [unknown, ...infer Rest] ? Rest : never): Promise<StartedPeer> {
  const started = await startPeer(files, ...args)
  peers.push(started)
  return started
}

async function put(name: string, content: number): Promise<void> {
  const { status } = await client.submit(putDocument(files.manifest, name, { content }))
  assert.is(status, 'executed')
}

/** Waits until a peer has executed what signer 0 has, and looks whether it is the same. */
async function level(of: StartedPeer): Promise<void> {
  const signer = await client.status({ from: 0 })
  await until('the peer is level', async () => (await peerStatus(of)).executed >= signer.executed)
  const status = await peerStatus(of)
  assert.is(status.orderDigest, signer.orderDigest)
  assert.is(status.machineDigest, signer.machineDigest)
}

async function stop(of: StartedPeer): Promise<void> {
  peers.splice(peers.indexOf(of), 1)
  await of.stop()
}

test.before.each(async () => {
  files = await clusterFiles(N, 'peers')
  signers = await Promise.all(files.configs.map((_, i) => startSigner(files, i)))
  client = new Client({ addresses: files.addresses, token: TOKEN })
  await until('all are connected', async () => (await client.status({ from: 0 })).connected.length === N - 1)
})

test.after.each(async () => {
  client.close()
  for (const each of peers.splice(0)) await each.stop()
  await Promise.all(signers.map((each) => each.stop()))
  files.remove()
})

test('from nothing, then as it comes, then from where it stopped', async () => {
  for (let i = 0; i < 5; i++) await put(`d${i % 2}`, i)
  const first = await peer('peer')
  await level(first)
  await put('d0', 7)
  await level(first)
  const status = await peerStatus(first)
  assert.equal([status.role, status.health, status.behind, status.behindMs], ['peer', 'level', 0, 0])
  assert.equal(status.connected, [0, 1, 2, 3, 4])
  assert.equal(status.suspicion, [])
  assert.is((await client.status({ from: 0 })).peers, 1)
  await stop(first)
  await put('d1', 8)
  const second = await peer('peer')
  await level(second)
  assert.is((await peerStatus(second)).key, status.key)
})

test('it answers the reads of a signer, and takes no transactions', async () => {
  await put('a', 1)
  const of = await peer('peer')
  await level(of)
  const reader = new Client({ addresses: [of.url], token: TOKEN })
  const [latest] = await reader.list()
  assert.ok(latest)
  assert.equal({ ...latest, latencyMs: 0, phases: {} }, { ...(await client.show(latest.txId, { from: 0 })), latencyMs: 0, phases: {} })
  assert.equal(await reader.query('doc:a'), await client.query('doc:a', { from: 0 }))
  assert.equal(await reader.certificate(latest.txId), await client.certificate(latest.txId, { from: 0 }))
  assert.is((await reader.manifest()).clusterId, files.manifest.clusterId)
  const heard: string[] = []
  await reader.subscribe(({ txId }) => heard.push(txId))
  await put('b', 2)
  await until('the subscriber hears of it', () => heard.length === 1)
  await level(of)
  try {
    await reader.submit(putDocument(files.manifest, 'c', {}))
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /^this is a peer: it takes no transactions; give them to a signer/)
  }
  const metrics = await (await fetch(new URL('/metrics', of.url))).text()
  assert.match(metrics, /musig_behind_batches\{self="peer-[0-9a-f]{8}"\} 0/)
  assert.match(metrics, /musig_batches_total\{path="fast",self="peer-[0-9a-f]{8}"\} 2/)
  assert.is((await fetch(new URL('/healthz', of.url))).status, 200)
  reader.close()
})

test('it follows several signers, and goes on without the one that feeds it', async () => {
  await put('a', 1)
  const of = await peer('peer', { follow: [2, 0] })
  await level(of)
  assert.equal((await peerStatus(of)).connected, [0, 2])
  const [lost] = signers.splice(2, 1)
  await lost?.stop()
  await until('the loss is seen', async () => (await peerStatus(of)).connected.length === 1)
  for (let i = 0; i < 3; i++) await put('a', i)
  await level(of)
  assert.equal((await peerStatus(of)).suspicion, [])
})

test('its key is its own, closed to others, and belongs to its records', async () => {
  await put('a', 1)
  const of = await peer('peer')
  await level(of)
  await stop(of)
  const store = join(files.folder, 'peer')
  const path = join(store, 'peer-key.json')
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.is(statSync(store).mode & 0o777, 0o700)
  const key = readFileSync(path, 'utf8')
  const refused = async (words: RegExp) => {
    try {
      await peer('peer')
      assert.unreachable()
    } catch (error) {
      assert.match((error as Error).message, words)
      assert.not.match((error as Error).message, new RegExp(JSON.parse(key).linkSecretKey))
    }
  }
  writeFileSync(path, key.replace(/[0-9a-f]{64}/, '0'.repeat(64)))
  await refused(/is no key of a peer/)
  rmSync(path)
  await refused(/peer-key\.json is gone/)
  writeFileSync(path, key, { mode: 0o600 })
  await level(await peer('peer'))
})

test.run()
