// time limit: 240 s
/** Signers with stores on the disk that prune: status, restart from a snapshot, receipts of what is pruned, a store that stays small, one that was lost. */
import { rmSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { type Transaction, transactionId } from '../../src/lib/core/transaction.js'
import { Client } from '../../src/lib/node/client.js'
import type { RunningSigner } from '../../src/lib/node/running-signer.js'
import type { StatusAnswer } from '../../src/lib/node/signer-status.js'
import { openStore } from '../../src/lib/node/store.js'
import { until } from '../until.js'
import { type ClusterFiles, clusterFiles, putDocument, TOKEN } from './cluster-fixture.js'
import { startSigner } from './signers-fixture.js'

const N = 5
const EVERY = 20
const test = suite('signers that prune')

let files: ClusterFiles
let client: Client
const signers: (RunningSigner | undefined)[] = []
const submitted: Transaction[] = []

const status = (from: number): Promise<StatusAnswer> => client.status({ from })
const start = async (index: number): Promise<void> => {
  signers[index] = await startSigner(files, index)
}
const stop = async (index: number): Promise<void> => {
  await signers[index]?.stop()
  signers[index] = undefined
}

async function work(batches: number, to: readonly number[]): Promise<void> {
  for (let i = 0; i < batches; i++) {
    const transaction = putDocument(files.manifest, `d${submitted.length % 7}`, { i: 'x'.repeat(2000) })
    const result = await client.submit(transaction, { to: to[i % to.length] ?? 0, timeoutMs: 60_000 })
    assert.is(result.receipt?.ok, true)
    submitted.push(transaction)
  }
}

async function agreed(indices: readonly number[]): Promise<boolean> {
  const states = await Promise.all(indices.map(status))
  return new Set(states.map(({ orderDigest, machineDigest, executed }) => `${orderDigest} ${machineDigest} ${executed}`)).size === 1
}

const connected = async (count: number): Promise<boolean> => {
  const up = signers.flatMap((signer) => (signer ? [signer.index] : []))
  return (await Promise.all(up.map(status))).every((one) => one.connected.length === count - 1)
}

test.before(async () => {
  files = await clusterFiles(N, 'pruning')
  files.configs = files.configs.map((config) => ({ ...config, snapshotEvery: EVERY }))
  client = new Client({ addresses: files.addresses, token: TOKEN })
  for (let i = 0; i < N; i++) await start(i)
  await until('all are connected', () => connected(N))
})

test.after(async () => {
  client?.close()
  for (const signer of signers) await signer?.stop()
  files?.remove()
})

test('all prune what all hold, and agree on everything', async () => {
  await until(
    'all have pruned',
    async () => {
      await work(10, [0, 1, 2, 3, 4])
      return (await Promise.all([0, 1, 2, 3, 4].map(status))).every(({ pruned }) => pruned >= EVERY)
    },
    120_000,
  )
  await until('equal digests', () => agreed([0, 1, 2, 3, 4]))
})

test('after a restart from its snapshot a signer is who it was; receipts of what is pruned are there, and nothing is executed twice', async () => {
  const before = await status(1)
  await stop(1)
  await start(1)
  await until('all are connected', () => connected(N))
  const after = await status(1)
  for (const field of ['orderDigest', 'machineDigest', 'executed', 'transactions', 'pruned'] as const) assert.is(after[field], before[field], field)
  const [first] = submitted
  assert.ok(first)
  const shown = await client.show(transactionId(files.manifest.clusterId, first), { from: 1 })
  assert.equal([shown.status, shown.position, shown.receipt], ['executed', { 'doc:d0': 1 }, { ok: true, result: { id: 'd0', version: 1 } }])
  const again = await client.submit(first, { to: 1, timeoutMs: 60_000 })
  assert.equal(again.receipt, shown.receipt)
  await until(
    'it prunes on',
    async () => {
      await work(10, [1, 2])
      return (await status(1)).pruned > before.pruned
    },
    60_000,
  )
  await until('equal digests', () => agreed([0, 1, 2, 3, 4]))
  assert.is((await status(1)).transactions, submitted.length)
})

test('its store stays within what is kept: snapshot, outlines, and the records since', async () => {
  const { executed } = await status(2)
  await stop(2)
  const config = files.configs[2]
  assert.ok(config)
  const publicKey = files.manifest.signers[2]?.publicKey ?? new Uint8Array()
  const store = await openStore(config.store, { clusterId: files.manifest.clusterId, publicKey })
  const records = await store.load()
  const base = store.takeBase()
  await store.close()
  await start(2)
  const kept = executed - (base?.past.length ?? 0)
  assert.ok(records.length < 8 * kept, `${records.length} records of ${kept} batches`)
  const bytes = (base?.past ?? []).reduce((sum, outline) => sum + outline.length, 0) / (base?.past.length ?? 1)
  console.log(
    `${bytes.toFixed(0)} bytes are left of a pruned batch; ${base?.snapshot.length} of the snapshot; ${records.length} records of ${kept} batches`,
  )
  assert.ok(bytes < 400)
  await until('all are connected', () => connected(N))
})

test('who has lost its store says that it cannot catch up; the others go on', async () => {
  await stop(4)
  rmSync(files.configs[4]?.store ?? '', { recursive: true })
  await start(4)
  let said = await status(4)
  await until('it says so', async () => {
    said = await status(4)
    return said.beyondReach !== null
  })
  const { lost, executed, beyondReach } = said
  assert.match(lost ?? '', /is empty, and this key has a history/)
  assert.is(executed, 0)
  await work(5, [0, 1, 2, 3])
  await until('equal digests', () => agreed([0, 1, 2, 3]))
  try {
    await client.batch(beyondReach ?? '', { from: 0 })
    assert.unreachable()
  } catch (error) {
    assert.ok(error instanceof MusigError)
    assert.match(error.message, /was executed and is pruned here; ask a signer that keeps all/)
  }
})

test.run()
