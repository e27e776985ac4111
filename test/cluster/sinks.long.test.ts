// alone
// time limit: 900 s
/**
 * Two peers with one database and one file, under a load of transfers, as a seed decides: kill -9 of one or both peers, some with their stores lost, crashes,
 * kill -9 and stops of the database, sessions that are cut. In the end each transaction is there once, at each height of each key just those that follow from
 * the batches that the signers executed, with the receipts that a ledger of the test's own gives them, and the balances are those of the cluster.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { OwnCluster } from '../../scripts/chaos/own-cluster.js'
import { Transfers } from '../../scripts/chaos/transfers.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { LogReader } from '../../src/lib/cluster/logs.js'
import { processesOf } from '../../src/lib/cluster/processes.js'
import { clusterStatus } from '../../src/lib/cluster/status.js'
import { Client } from '../../src/lib/node/client.js'

import { noServer, PostgresServer } from '../node/sinks/postgres-server.js'
import { assertExact, type Judged, recordsOf, type ToldBatch, toldBatch } from '../node/sinks/whole.js'
import { skipped } from '../skip.js'
import { until } from '../until.js'

const N = 4
const PEERS = 2
const RUN_MS = 240_000
/** A run counts in which peers were killed, and the database went down in each of two ways, so often at least. It goes on for longer where it must. */
const LEAST = 3
const LONGEST_MS = 540_000
const ACCOUNTS = 12
const OPENING = 1000

const test = suite('sinks in chaos')
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1_000_000))
const random = new SeededRandom(seed)
const cluster = new OwnCluster()
let server: PostgresServer
let client: Client
let path: string

/** A row or line, as far as it is judged. */
interface Read extends Judged {
  json: { op: string; account?: string; amount: number; from?: string; to?: string }
  receipt: { ok: boolean }
}

test.before(async () => {
  server = await PostgresServer.start()
  path = join(cluster.home, 'executed.jsonl')
  await cluster.up(['-n', String(N), '--peers', String(PEERS), '--machine', 'ledger', '--sink', server.url(), '--sink', `jsonl:${path}`])
  client = new Client({ clusterFile: cluster.folder.file })
})

test.after(async () => {
  client?.close()
  await cluster.end(false)
  await server?.remove()
})

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** What happened, and how much was acknowledged while the database was away. */
const done = { peersKilled: 0, storesLost: 0, immediate: 0, killed: 0, fast: 0, sessionsCut: 0, meanwhile: [] as number[] }

async function killPeers(indices: readonly number[]): Promise<void> {
  for (const { name, pid } of await processesOf(cluster.folder)) {
    if (!indices.some((index) => name === `peer-${index}`)) continue
    process.kill(pid, 'SIGKILL')
    done.peersKilled++
  }
}

/** Kills peers, and starts them again; of one the store may be lost. */
async function hurtPeers(victims: readonly number[], isLost: boolean): Promise<void> {
  await killPeers(victims)
  await sleep(200 + random.upTo(2500))
  if (isLost) {
    rmSync(join(cluster.folder.path, 'peers', String(victims[0])), { recursive: true, force: true })
    done.storesLost++
  }
  await cluster.up()
}

/** Takes the database away for a while. A peer that is killed meanwhile finds none when it comes back. */
async function hurtDatabase(mode: 'immediate' | 'kill' | 'fast', peersToo: boolean, acknowledged: () => number): Promise<void> {
  await server.stop(mode)
  const before = acknowledged()
  if (peersToo) await killPeers([0, 1])
  await sleep(200 + random.upTo(2500))
  if (peersToo) await cluster.up()
  done.meanwhile.push(acknowledged() - before)
  await server.up()
  done[mode === 'kill' ? 'killed' : mode]++
}

async function cutSessions(): Promise<void> {
  await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'musig %'`)
  done.sessionsCut++
}

/** Each way often enough: a crash is one where the server says that it recovers from it, under load where transactions were executed while it was away. */
function isHurtEnough(): boolean {
  const { peersKilled, immediate, killed, meanwhile } = done
  return [peersKilled, immediate, killed, server.recoveries / 2, meanwhile.filter((count) => count > 0).length].every((count) => count >= LEAST)
}

/** Things that go wrong and are mended, each once, as the seed shuffles them. */
function hurts(acknowledged: () => number): (() => Promise<void>)[] {
  const all = [
    () => hurtPeers([random.upTo(1)], false),
    () => hurtPeers([random.upTo(1)], true),
    () => hurtPeers([0, 1], random.fraction() < 0.3),
    () => hurtDatabase('immediate', false, acknowledged),
    () => hurtDatabase('immediate', true, acknowledged),
    () => hurtDatabase('kill', false, acknowledged),
    () => hurtDatabase('kill', true, acknowledged),
    () => hurtDatabase('fast', false, acknowledged),
    cutSessions,
  ]
  return all
    .map((hurt) => ({ hurt, at: random.fraction() }))
    .sort((a, b) => a.at - b.at)
    .map(({ hurt }) => hurt)
}

/** All batches that a signer, none of which was hurt, says in its log to have executed, as the signers' API tells them. */
async function executedBatches(): Promise<ToldBatch[]> {
  const lines = new LogReader(cluster.folder, { member: 0, txId: undefined }).read()
  const ids = lines.flatMap(({ message, fields }) => (message === 'executed' ? [String(fields['batchId'])] : []))
  assert.is(new Set(ids).size, ids.length)
  const told: ToldBatch[] = []
  for (const [i, id] of ids.entries()) told.push(await toldBatch(client, id, i % N))
  return told
}

async function delivered(): Promise<boolean> {
  const { signers, peers } = await clusterStatus(cluster.folder)
  const executed = new Set([...signers, ...peers].map((node) => node.executed))
  const sinks = peers.flatMap((peer) => peer.sinks)
  assert.not(
    sinks.some(({ state }) => state === 'stopped'),
    JSON.stringify(sinks),
  )
  const isFed = (name: string) => sinks.some((sink) => sink.name === name && sink.state === 'ready' && sink.behind === 0)
  return executed.size === 1 && isFed('postgres') && isFed('jsonl')
}

async function inDatabase(): Promise<Read[]> {
  const rows = await server.query<
    { index: string; index_in_batch: number; tx_id: string; batch_id: string } & Pick<Read, 'position' | 'json' | 'receipt'>
  >('SELECT index, tx_id, batch_id, index_in_batch, position, json, receipt FROM musig_transactions ORDER BY index')
  return rows.map(({ index, tx_id, batch_id, index_in_batch, ...rest }) => ({
    ...rest,
    index: Number(index),
    txId: tx_id,
    batchId: batch_id,
    indexInBatch: index_in_batch,
  }))
}

test(`each transaction once, in order, with what a ledger makes of it (SEED=${seed})`, async () => {
  const transfers = new Transfers({
    client,
    clusterId: cluster.folder.manifest(cluster.folder.read()).clusterId,
    n: N,
    prefix: 'chaos',
    accounts: ACCOUNTS,
    conflicts: 0.3,
    doubles: 0.1,
    timeoutMs: 30_000,
    random: new SeededRandom(seed + 1),
  })
  await transfers.open()
  const acknowledged = () => transfers.seen.filter(({ outcome }) => outcome === 'ok')
  const begun = performance.now()
  const isOver = () => performance.now() - begun > (isHurtEnough() ? RUN_MS : LONGEST_MS)
  const load = transfers.run(5, 20, isOver)
  for (let left: (() => Promise<void>)[] = []; !isOver(); await sleep(random.upTo(3000))) {
    if (left.length === 0) left = hurts(() => acknowledged().length)
    await left.shift()?.()
  }
  await load
  await cluster.up()
  await until('all is delivered', delivered, 180_000)
  const { transactions, executed } = await client.status({ from: 0 })
  const batches = await executedBatches()
  assert.is(batches.length, executed)
  const leftOut = new Set<number>()
  for (const read of [await inDatabase(), recordsOf(path) as unknown as Read[]]) {
    leftOut.add(assertExact(read, batches, transactions))
    await judge(read)
    const there = new Map(read.map((record) => [record.txId, record]))
    for (const { txId, place } of acknowledged()) {
      const record = there.get(txId)
      assert.ok(record && place, `${txId} was acknowledged`)
      assert.is(record.receipt.ok, place.accepted, txId)
      for (const [key, height] of Object.entries(record.position)) assert.is(place.heights[key], height, txId)
    }
  }
  const figures = {
    transactions,
    batches: executed,
    acknowledged: acknowledged().length,
    leftOut: [...leftOut],
    recoveries: server.recoveries,
    ...done,
  }
  console.log(JSON.stringify(figures))
  assert.ok(transactions > 100, `${transactions} transactions are too few to judge`)
  assert.ok(isHurtEnough(), 'it was hurt too seldom to judge')
})

/** What a ledger makes of the records in their order is what they say, and what the cluster says. */
async function judge(read: readonly Read[]): Promise<void> {
  const balances = new Map<string, number>()
  for (const { txId, json, receipt } of read) {
    const { op, account = '', amount, from = '', to = '' } = json
    const held = balances.get(from)
    const fits = op === 'open' ? !balances.has(account) : held !== undefined && balances.has(to) && held >= amount
    assert.is(receipt.ok, fits, txId)
    if (!fits) continue
    if (op === 'open') balances.set(account, amount)
    else {
      balances.set(from, (held ?? 0) - amount)
      balances.set(to, (balances.get(to) ?? 0) + amount)
    }
  }
  assert.is(balances.size, ACCOUNTS)
  assert.is(
    [...balances.values()].reduce((sum, balance) => sum + balance, 0),
    ACCOUNTS * OPENING,
  )
  for (const [account, balance] of balances) {
    const held = (await client.query(`acct:${account}`, { from: 0 })) as { balance: number }
    assert.is(held.balance, balance, account)
  }
}

const reason = noServer()
if (reason === undefined) test.run()
else skipped(1, reason)
