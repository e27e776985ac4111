// time limit: 600 s
/** A local cluster whose signers prune, through the built command line: it stays so over restarts, and peers that come later, or lost their stores, begin from snapshots. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClusterRecord } from '../../src/lib/cluster/cluster-folder.js'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import type { StatusAnswer } from '../../src/lib/node/signer-status.js'
import { LiveCluster } from '../commands/live-cluster.js'
import { until } from '../until.js'

const EVERY = 5
const ACCOUNTS = ['alice', 'bob', 'carol']
const cluster = new LiveCluster()
const folder = join(cluster.home, 'clusters', 'default')

test.after(() => cluster.end())

function record(): ClusterRecord {
  return JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8'))
}

async function status(): Promise<ClusterStatus> {
  return (await cluster.document(['cluster', 'status'])) as unknown as ClusterStatus
}

/** What each signer was told and says: the distance of its snapshots, and how many batches it has pruned. */
function told(): number[] {
  return record().signers.map(({ index }) => JSON.parse(readFileSync(join(folder, 'processes', `${index}.json`), 'utf8'))[0].snapshotEvery)
}

async function pruned(): Promise<number[]> {
  return Promise.all(record().signers.map(async ({ url }) => ((await (await fetch(`${url}/api/status`)).json()) as StatusAnswer).pruned))
}

function isLevel({ signers, peers }: ClusterStatus): boolean {
  const [first] = signers
  return peers.every(
    ({ state, orderDigest, machineDigest }) => state === 'level' && orderDigest === first?.orderDigest && machineDigest === first?.machineDigest,
  )
}

function hasBegun(peer: number): boolean {
  return readFileSync(join(folder, 'logs', `peer-${peer}.log`), 'utf8').includes('begins from a snapshot that enough signers have confirmed')
}

/** At once through all signers: a batch of each. */
async function transfers(): Promise<void> {
  const lines = [0, 1, 2, 3].map((i) => ({ op: 'transfer', from: ACCOUNTS[i % 3], to: ACCOUNTS[(i + 1) % 3], amount: 1 }))
  await cluster.good(['tx', 'submit', '--batch', '-'], lines.map((line) => JSON.stringify(line)).join('\n'))
}

let opened = ''

test('signers of a new cluster prune', async () => {
  await cluster.document(['cluster', 'up', '-n', '4', '--machine', 'ledger', '--snapshot-every', String(EVERY)])
  assert.equal(told(), [EVERY, EVERY, EVERY, EVERY])
  for (const account of ACCOUNTS) opened = (await cluster.tx(['open', account, '100'])).txId
  for (let i = 0; i < 30 && (await pruned()).some((batches) => batches < EVERY); i++) await transfers()
  assert.ok((await pruned()).every((batches) => batches >= EVERY))
})

test('peers that come when the first batches are pruned have what the signers have, and answer for receipts', async () => {
  await cluster.document(['cluster', 'up', '--peers', '2'])
  assert.ok(hasBegun(0) && hasBegun(1))
  await until('both have it', async () => isLevel(await status()))
  const shown = await cluster.tx(['show', opened, '--from', 'peer:1'])
  assert.equal([shown.status, shown.receipt?.ok, shown.path], ['executed', true, null])
  await transfers()
  await until('both have what came after', async () => isLevel(await status()))
})

test('a peer whose store is gone begins anew', async () => {
  await cluster.document(['cluster', 'kill', 'peer:0'])
  rmSync(join(folder, 'peers', '0'), { recursive: true })
  rmSync(join(folder, 'logs', 'peer-0.log'))
  await cluster.good(['cluster', 'restart', 'peer:0'])
  assert.ok(hasBegun(0))
  await until('both have it', async () => isLevel(await status()))
})

test('it stays so when it is down and up again; another distance is taken while it is down, and none is not', async () => {
  await cluster.refused(['cluster', 'up', '--snapshot-every', '7'], 2, 'BAD_INPUT', /runs with --snapshot-every 5; stop it first/)
  await cluster.good(['cluster', 'down'])
  await cluster.refused(['cluster', 'up', '--snapshot-every', '0'], 2, 'BAD_INPUT', /have pruned, with --snapshot-every 5, and cannot keep all/)
  await cluster.document(['cluster', 'up'])
  assert.equal(told(), [EVERY, EVERY, EVERY, EVERY])
  // What is pruned stays so; none of them keeps a snapshot for a peer any more, which would hold it up.
  const before = await pruned()
  for (let i = 0; i < 30 && !(await pruned()).every((batches, signer) => batches > (before[signer] ?? 0)); i++) await transfers()
  assert.ok((await pruned()).every((batches, signer) => batches > (before[signer] ?? 0)))
  await until('the peers have it', async () => isLevel(await status()))
  await cluster.good(['cluster', 'down'])
  await cluster.document(['cluster', 'up', '--snapshot-every', '7'])
  assert.equal([record().snapshotEvery, ...told()], [7, 7, 7, 7, 7])
  await until('the peers have it', async () => isLevel(await status()))
})

test.run()
