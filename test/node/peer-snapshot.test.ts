// time limit: 240 s
/** A peer on real sockets and disks that begins from a snapshot, where every signer has pruned what it would need else: then as it comes, and after a restart. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { transactionId } from '../../src/lib/core/transaction.js'
import { Client } from '../../src/lib/node/client.js'
import type { RunningSigner } from '../../src/lib/node/running-signer.js'
import { until } from '../until.js'
import { type ClusterFiles, clusterFiles, putDocument, TOKEN } from './cluster-fixture.js'
import { peerStatus, type StartedPeer, startPeer, startSigner } from './signers-fixture.js'

const N = 5
const EVERY = 10
const test = suite('peers that begin from a snapshot')

let files: ClusterFiles
let client: Client
let first = ''
let made = 0
const signers: RunningSigner[] = []
const peers: StartedPeer[] = []

async function put(to: number): Promise<string> {
  const transaction = putDocument(files.manifest, `d${made++ % 7}`, { made })
  assert.is((await client.submit(transaction, { to, timeoutMs: 60_000 })).receipt?.ok, true)
  return transactionId(files.manifest.clusterId, transaction)
}

/** Waits until a peer has executed all that was made, and looks whether it is what signer 0 has. */
async function level(peer: StartedPeer): Promise<void> {
  // Between its two lives it does not answer.
  const status = () => peerStatus(peer).catch(() => undefined)
  await until(
    'the peer is level',
    async () => (await status())?.transactions === made && (await client.status({ from: 0 })).transactions === made,
    60_000,
  )
  const [own, signer] = [await peerStatus(peer), await client.status({ from: 0 })]
  for (const field of ['orderDigest', 'machineDigest', 'executed', 'transactions'] as const) assert.is(own[field], signer[field], field)
}

async function start(name: string, options: Parameters<typeof startPeer>[2]): Promise<StartedPeer> {
  const peer = await startPeer(files, name, options)
  peers.push(peer)
  return peer
}

test.before(async () => {
  files = await clusterFiles(N, 'peer-snapshot')
  files.configs = files.configs.map((config) => ({ ...config, snapshotEvery: EVERY }))
  client = new Client({ addresses: files.addresses, token: TOKEN })
  for (let i = 0; i < N; i++) signers.push(await startSigner(files, i))
  await until('all are connected', async () => (await client.status({ from: 0 })).connected.length === N - 1)
  first = await put(0)
  const havePruned = async () =>
    (await Promise.all(signers.map(({ index }) => client.status({ from: index })))).every(({ pruned }) => pruned >= EVERY)
  for (let i = 0; i < 500 && !(await havePruned()); i++) await put(i % N)
  assert.ok(await havePruned())
})

test.after(async () => {
  client?.close()
  for (const each of [...peers, ...signers]) await each.stop()
  files?.remove()
})

test('from nothing it cannot begin; from a snapshot it can, and goes on', async () => {
  const left = await start('left', { fromSnapshot: false })
  await until('it says so', async () => (await peerStatus(left)).health === 'left behind')
  const peer = await start('peer', { fromSnapshot: true })
  await level(peer)
  await put(1)
  await level(peer)
  const status = await peerStatus(peer)
  assert.equal([status.health, status.beginning, status.suspicion], ['level', null, []])
})

test('it answers for what is in the snapshot', async () => {
  const [, peer] = peers
  const reader = new Client({ addresses: [peer?.url ?? ''], token: TOKEN })
  const { latencyMs: _, ...shown } = await reader.show(first)
  const { receipt, position, index, batchId } = await client.show(first, { from: 0 })
  assert.equal(shown, { ...shown, receipt, position, index, batchId, path: null, status: 'executed' })
  assert.equal(await reader.query('doc:d0'), await client.query('doc:d0', { from: 0 }))
  reader.close()
})

test('after a restart it goes on from its store, with the flag and without', async () => {
  await peers[1]?.stop()
  for (const fromSnapshot of [true, false]) {
    await put(2)
    const peer = await startPeer(files, 'peer', { fromSnapshot })
    await level(peer)
    await put(3)
    await level(peer)
    await peer.stop()
  }
})

test('with confirm too', async () => {
  const peer = await start('confirming', { fromSnapshot: true, confirm: 4 })
  await level(peer)
  await put(3)
  await level(peer)
})

test.run()
