// time limit: 240 s
/** Sinks of running signers: what they are given, restarts, pruning that waits for them, status and metrics. */
import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../../src/lib/base/errors.js'
import { Client } from '../../../src/lib/node/client.js'
import type { RunningSigner } from '../../../src/lib/node/running-signer.js'
import type { SinkStatus } from '../../../src/lib/node/sinks/feed.js'
import type { SinkRecord } from '../../../src/lib/node/sinks/sink.js'
import { until } from '../../until.js'
import { type ClusterFiles, clusterFiles, putDocument, TOKEN } from '../cluster-fixture.js'
import { startSigner } from '../signers-fixture.js'
import { WebhookServer } from './webhook-server.js'
import { assertExact, assertWhole, recordsOf, toldBatch } from './whole.js'

const N = 5
const EVERY = 10
const test = suite('sinks of nodes')

let files: ClusterFiles
let client: Client
let receiver: WebhookServer
const signers: (RunningSigner | undefined)[] = []
let submitted = 0
const pathOf = (name: string) => join(files.folder, name)

const read = (name: string) => recordsOf(pathOf(name))

async function work(count: number): Promise<void> {
  const results = Array.from({ length: count }, async () => {
    const i = submitted++
    await client.submit(putDocument(files.manifest, `d${i % 7}`, { i }), { to: i % N, timeoutMs: 60_000 })
  })
  await Promise.all(results)
}

async function start(index: number, sinks: string[] = []): Promise<void> {
  const config = files.configs[index]
  if (!config) throw new Error('no signer')
  files.configs[index] = { ...config, sinks, snapshotEvery: EVERY }
  signers[index] = await startSigner(files, index)
}

async function stop(index: number): Promise<void> {
  await signers[index]?.stop()
  signers[index] = undefined
}

const sinkOf = async (index: number): Promise<SinkStatus> => {
  const [status] = (await client.status({ from: index })).sinks
  if (!status) throw new Error('no sink')
  return status
}

const renumbered = (records: readonly SinkRecord[]) => records.map((record, index) => ({ ...record, index }))

test.before(async () => {
  files = await clusterFiles(N, 'sinks')
  client = new Client({ addresses: files.addresses, token: TOKEN })
  receiver = await new WebhookServer().up()
  for (let i = 0; i < N; i++) await start(i, i === 0 ? [`jsonl:${pathOf('zero.jsonl')}`] : i === 1 ? [`webhook:${receiver.url}`] : [])
  await until('all are connected', async () => {
    const states = await Promise.all([0, 1, 2, 3, 4].map((from) => client.status({ from })))
    return states.every(({ connected }) => connected.length === N - 1)
  })
})

test.after(async () => {
  client?.close()
  for (const signer of signers) await signer?.stop()
  await receiver?.down()
  files?.remove()
})

test('a signer tells its sinks of what it executes, and its status and metrics tell of them', async () => {
  await work(12)
  await until('the file has all', () => read('zero.jsonl').length === 12)
  await until('the receiver has all', () => receiver.received.length === 12)
  assertWhole(read('zero.jsonl'), 12)
  assertWhole(receiver.received, 12)
  for (const record of read('zero.jsonl').slice(0, 3)) {
    const shown = await client.show(record.txId, { from: 0 })
    assert.equal([record.batchId, record.position, record.indexInBatch], [shown.batchId, shown.position, shown.index])
    assert.equal([record.receipt, record.path, record.ballot], [shown.receipt, shown.path, shown.ballot])
  }
  await until('it says that it has all', async () => (await sinkOf(0)).behind === 0)
  const { since, ...status } = await sinkOf(0)
  assert.equal(status, { name: 'jsonl', type: 'jsonl', target: pathOf('zero.jsonl'), state: 'ready', position: 12, behind: 0, lastError: null })
  assert.ok(Date.parse(since) > 0)
  const metrics = await (await fetch(`${files.addresses[0]}/metrics`)).text()
  for (const line of [
    'musig_sink_ready{sink="jsonl",self="0"} 1',
    'musig_sink_position{sink="jsonl",self="0"} 12',
    'musig_sink_behind{sink="jsonl",self="0"} 0',
  ])
    assert.ok(metrics.includes(line), line)
  assert.not.match(JSON.stringify(await client.status({ from: 1 })), /\/hook/)
})

test('a restarted signer goes on where its sinks stand', async () => {
  await stop(0)
  await stop(1)
  await start(0, [`jsonl:${pathOf('zero.jsonl')}`])
  await start(1, [`webhook:${receiver.url}`])
  await work(5)
  await until('the file has all', () => read('zero.jsonl').length === submitted)
  await until('the receiver has all', () => receiver.received.length === submitted)
  assertWhole(read('zero.jsonl'), submitted)
  assert.is(receiver.deliveries.flatMap(({ records }) => records).length, submitted, 'nothing came twice')
})

test('what a sink has not taken is not pruned, and goes once it has; an empty sink is refused after that', async () => {
  await stop(2)
  // A folder stands where the file should be.
  mkdirSync(pathOf('two.jsonl'))
  await start(2, [`jsonl:${pathOf('two.jsonl')}`])
  const pruned = async (index: number) => (await client.status({ from: index })).pruned
  await until(
    'others prune',
    async () => {
      await work(EVERY)
      return (await pruned(3)) > 2 * EVERY
    },
    120_000,
  )
  const { state, lastError, position } = await sinkOf(2)
  assert.equal([state, position], ['failing', null])
  assert.match(lastError ?? '', /EISDIR/)
  assert.is(await pruned(2), 0)
  rmdirSync(pathOf('two.jsonl'))
  await until('it has all', () => read('two.jsonl').length === submitted, 60_000)
  await until(
    'it prunes',
    async () => {
      await work(EVERY)
      return (await pruned(2)) > EVERY
    },
    120_000,
  )
  await until('it has all', () => read('two.jsonl').length === submitted, 60_000)
  assertWhole(read('two.jsonl'), submitted)
  await stop(2)
  await start(2, [`jsonl:${pathOf('two.jsonl')}`, `jsonl:${pathOf('new.jsonl')},name=new`])
  await work(3)
  await until('behind what was pruned it goes on', () => read('two.jsonl').length === submitted, 60_000)
  assertWhole(read('two.jsonl'), submitted)
  let refused: SinkStatus | undefined
  await until('the empty one stops', async () => {
    refused = (await client.status({ from: 2 })).sinks[1]
    return refused?.state === 'stopped'
  })
  assert.match(refused?.lastError ?? '', /transaction 0 of this node’s log is not in it and is pruned here: fill it first from a node that keeps all/)
})

test('a transaction that was handed in at two signers is there once; its second batch leaves a height out, and accounts for it', async () => {
  const transaction = putDocument(files.manifest, 'twice', { i: 0 })
  const cut = (self: number) => signers.flatMap((_, signer) => (signer === self ? [] : [{ signer, cut: true, delayMs: 0, lossPerMille: 0 }]))
  // Neither hears of the other's batch before it has made its own.
  for (let i = 0; i < N; i++) await client.setFaults(i, cut(i))
  const batchIds: string[] = []
  for (const signer of [0, 1]) {
    const { txId } = await client.submit(transaction, { to: signer, wait: 'none' })
    batchIds.push((await client.show(txId, { from: signer })).batchId ?? '')
  }
  for (let i = 0; i < N; i++) await client.setFaults(i, [])
  const told = () => Promise.all(batchIds.map((id) => toldBatch(client, id, 0)))
  await until('both are executed', async () => (await told()).every(({ position }) => position['doc:twice'] !== undefined))
  const { batchId } = await client.submit(putDocument(files.manifest, 'twice', { i: 1 }), { to: 0, timeoutMs: 60_000 })
  batchIds.push(batchId ?? '')
  submitted += 2
  await until('the file has all', () => read('zero.jsonl').length === submitted)
  const records = read('zero.jsonl').filter(({ keys }) => keys.includes('doc:twice'))
  assert.equal(
    records.map(({ position }) => position['doc:twice']),
    [1, 3],
  )
  const batches = await told()
  assert.is(new Set(batchIds).size, 3)
  assert.is(assertExact(renumbered(records), batches, 2), 1)
  assertWhole(read('zero.jsonl'), submitted, 1)
})

test('sinks that are wrong keep a signer from starting, with one line', async () => {
  const config = files.configs[4]
  if (!config) throw new Error('no signer')
  await stop(4)
  files.configs[4] = { ...config, sinks: ['postgres://a:s3cret@b/c'] }
  try {
    await startSigner(files, 4)
    assert.unreachable()
  } catch (error) {
    assert.instance(error, MusigError)
    assert.match((error as Error).message, /has credentials in it/)
  }
})

test.run()
