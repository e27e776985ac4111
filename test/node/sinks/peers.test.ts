// time limit: 240 s
/** Sinks of running peers: a store that was lost, two peers with one file, and a signer that goes on where a peer has stopped. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Client } from '../../../src/lib/node/client.js'
import type { RunningSigner } from '../../../src/lib/node/running-signer.js'
import { until } from '../../until.js'
import { type ClusterFiles, clusterFiles, putDocument, TOKEN } from '../cluster-fixture.js'
import type { StartedPeer } from '../signers-fixture.js'
import { peerStatus, startPeer, startSigner } from '../signers-fixture.js'
import { assertWhole, recordsOf } from './whole.js'

const N = 4
const test = suite('sinks of peers')

let files: ClusterFiles
let client: Client
let path: string
let sinks: string[]
const signers: RunningSigner[] = []
const peers = new Map<string, StartedPeer>()
let submitted = 0

/** Many at once, most of which do not conflict: nodes execute these in different orders. */
async function work(count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const i = submitted++
      await client.submit(putDocument(files.manifest, `d${i % 40}`, { i }), { to: i % N, timeoutMs: 60_000 })
    }),
  )
}

async function start(name: string, confirm = 0): Promise<void> {
  peers.set(name, await startPeer(files, name, { sinks, confirm }))
}

async function stop(name: string): Promise<void> {
  await peers.get(name)?.stop()
  peers.delete(name)
}

const sinkOf = async (name: string) => {
  const peer = peers.get(name)
  const [status] = peer ? (await peerStatus(peer)).sinks : []
  if (!status) throw new Error('no sink')
  return status
}

const filled = () => until('the file has all', () => recordsOf(path).length === submitted, 60_000)

test.before(async () => {
  files = await clusterFiles(N, 'sinks of peers')
  path = join(files.folder, 'executed.jsonl')
  sinks = [`jsonl:${path}`]
  client = new Client({ addresses: files.addresses, token: TOKEN })
  for (let i = 0; i < N; i++) signers.push(await startSigner(files, i))
  await until('all are connected', async () => {
    const states = await Promise.all(signers.map((_, from) => client.status({ from })))
    return states.every(({ connected }) => connected.length === N - 1)
  })
})

test.after(async () => {
  client?.close()
  for (const name of [...peers.keys()]) await stop(name)
  for (const signer of signers) await signer.stop()
  files?.remove()
})

test('a peer fills its sink from the first transaction on, and goes on after a restart', async () => {
  await work(60)
  await start('one')
  await filled()
  await work(20)
  await stop('one')
  await work(20)
  await start('one')
  await filled()
  assertWhole(recordsOf(path), submitted)
})

test('with its store lost, and with another number of confirmations, it goes on where the sink stands', async () => {
  for (const confirm of [0, 2]) {
    await stop('one')
    rmSync(join(files.folder, 'one'), { recursive: true })
    await work(40)
    await start('one', confirm)
    await filled()
    assertWhole(recordsOf(path), submitted)
  }
  await stop('one')
  await work(20)
  // Its records know of what was confirmed alone; it waits until it has come as far as the sink again.
  await start('one', 3)
  await filled()
  assertWhole(recordsOf(path), submitted)
})

test('of two peers with one file the second waits, and takes over when the first has gone', async () => {
  await start('two')
  await until('it waits', async () => (await sinkOf('two')).state === 'waiting')
  assert.match((await sinkOf('two')).lastError ?? '', /process \d+ writes to it/)
  await work(20)
  await filled()
  await stop('one')
  await work(20)
  await filled()
  assert.is((await sinkOf('two')).state, 'ready')
  assertWhole(recordsOf(path), submitted)
})

test('a signer goes on where a peer has stopped', async () => {
  await stop('two')
  await signers[0]?.stop()
  const [config] = files.configs
  if (!config) throw new Error('no signer')
  files.configs[0] = { ...config, sinks }
  signers[0] = await startSigner(files, 0)
  await until('it is connected', async () => (await client.status({ from: 0 })).connected.length === N - 1)
  await work(20)
  await filled()
  assertWhole(recordsOf(path), submitted)
})

test.run()
