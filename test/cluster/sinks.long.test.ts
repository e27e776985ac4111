// alone
// time limit: 900 s
/**
 * Two peers with one database and one file, under a load of transfers, as a seed decides: kill -9 of one or both peers, some with their stores lost, crashes and
 * stops of the database, sessions that are cut. In the end each transaction is there once, in order, with the receipts that a ledger of the test's own
 * gives it, and the balances are those of the cluster.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { OwnCluster } from '../../scripts/chaos/own-cluster.js'
import { Transfers } from '../../scripts/chaos/transfers.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { processesOf } from '../../src/lib/cluster/processes.js'
import { clusterStatus } from '../../src/lib/cluster/status.js'
import { Client } from '../../src/lib/node/client.js'
import { until } from '../node/signers-fixture.js'
import { noServer, PostgresServer } from '../node/sinks/postgres-server.js'
import { assertWhole, recordsOf } from '../node/sinks/whole.js'
import { skipped } from '../skip.js'

const N = 4
const PEERS = 2
const RUN_MS = 240_000
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
interface Read {
  index: number
  txId: string
  position: Record<string, number>
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

async function killPeers(indices: readonly number[]): Promise<void> {
  for (const { name, pid } of await processesOf(cluster.folder)) if (indices.some((index) => name === `peer-${index}`)) process.kill(pid, 'SIGKILL')
}

/** One thing that goes wrong, and is mended. Resolves with its name. */
async function hurt(): Promise<string> {
  const draw = random.fraction()
  const holdMs = 200 + random.upTo(2500)
  if (draw < 0.5) {
    const victims = random.fraction() < 0.3 ? [0, 1] : [random.upTo(1)]
    const lost = random.fraction() < 0.3 ? victims[0] : undefined
    await killPeers(victims)
    await sleep(holdMs)
    if (lost !== undefined) rmSync(join(cluster.folder.path, 'peers', String(lost)), { recursive: true, force: true })
    await cluster.up()
    return lost === undefined ? `kill ${victims}` : `kill ${victims}, store of ${lost} lost`
  }
  if (draw < 0.8) {
    const mode = random.fraction() < 0.7 ? 'immediate' : 'fast'
    await server.stop(mode)
    // A peer that is killed meanwhile finds no database when it comes back.
    const killed = random.fraction() < 0.3
    if (killed) await killPeers([0, 1])
    await sleep(holdMs)
    if (killed) await cluster.up()
    await server.up()
    return `database stopped (${mode})${killed ? ', both peers killed' : ''}`
  }
  await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'musig %'`)
  return 'sessions cut'
}

test(`each transaction once, in order, with what a ledger makes of it (SEED=${seed})`, async () => {
  const folder = cluster.folder
  const { clusterId } = folder.manifest(folder.read())
  const transfers = new Transfers({
    client,
    clusterId,
    n: N,
    prefix: 'chaos',
    accounts: ACCOUNTS,
    conflicts: 0.3,
    doubles: 0.1,
    timeoutMs: 30_000,
    random: new SeededRandom(seed + 1),
  })
  await transfers.open()
  const end = performance.now() + RUN_MS
  const load = transfers.run(5, 20, () => performance.now() > end)
  const done = new Map<string, number>()
  while (performance.now() < end) {
    const what = await hurt()
    const kind = what.replace(/[\d,]+/g, 'N')
    done.set(kind, (done.get(kind) ?? 0) + 1)
    await sleep(random.upTo(4000))
  }
  await load
  await cluster.up()
  await until(
    'all is delivered',
    async () => {
      const { signers, peers } = await clusterStatus(folder)
      const executed = new Set([...signers, ...peers].map((node) => node.executed))
      const sinks = peers.flatMap((peer) => peer.sinks)
      assert.not(
        sinks.some(({ state }) => state === 'stopped'),
        JSON.stringify(sinks),
      )
      const isFed = (name: string) => sinks.some((sink) => sink.name === name && sink.state === 'ready' && sink.behind === 0)
      return executed.size === 1 && isFed('postgres') && isFed('jsonl')
    },
    180_000,
  )
  const { transactions } = await client.status({ from: 0 })
  const rows = await server.query<Omit<Read, 'index' | 'txId'> & { index: string; tx_id: string }>(
    'SELECT index, tx_id, position, json, receipt FROM musig_transactions ORDER BY index',
  )
  const inDatabase = rows.map(({ index, tx_id, ...rest }): Read => ({ ...rest, index: Number(index), txId: tx_id }))
  const inFile = recordsOf(path) as unknown as Read[]
  const acknowledged = transfers.seen.filter(({ outcome }) => outcome === 'ok')
  console.log(`${transactions} executed, ${acknowledged.length} acknowledged; ${[...done].map(([what, count]) => `${count} × ${what}`).join('; ')}`)
  assert.ok(transactions > 100, `${transactions} transactions are too few to judge`)
  for (const read of [inDatabase, inFile]) {
    assertWhole(read, transactions)
    await judge(read)
    const there = new Map(read.map((record) => [record.txId, record]))
    for (const { txId, place } of acknowledged) {
      const record = there.get(txId)
      assert.ok(record && place, `${txId} was acknowledged`)
      assert.is(record.receipt.ok, place.accepted, txId)
      for (const [key, height] of Object.entries(record.position)) assert.is(place.heights[key], height, txId)
    }
  }
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
