// alone
// time limit: 300 s
/** What sinks take in a second, with small transfers: printed, not judged. All of it must arrive. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../../src/lib/base/bytes.js'
import { JsonlSink } from '../../../src/lib/node/sinks/jsonl.js'
import { PostgresSink } from '../../../src/lib/node/sinks/postgres.js'
import type { Sink } from '../../../src/lib/node/sinks/sink.js'
import { WebhookSink } from '../../../src/lib/node/sinks/webhook.js'
import { skipped } from '../../skip.js'
import { batchOf, CLUSTER_ID, TestNode, transaction } from './history.js'
import { noServer, PostgresServer } from './postgres-server.js'
import { caughtUp, feedOf } from './sink-compliance.js'
import { WebhookServer } from './webhook-server.js'

const COUNT = 20_000
const PER_BATCH = 50

const folder = mkdtempSync(join(tmpdir(), 'musig-speed-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

const node = new TestNode()
for (let i = 0; i < COUNT; i += PER_BATCH) {
  const transfers = Array.from({ length: PER_BATCH }, (_, j) => {
    const [from, to] = [`a${(i + j) % 100}`, `b${(i + j) % 97}`]
    return transaction([`acct:${from}`, `acct:${to}`], utf8(JSON.stringify({ op: 'transfer', from, to, amount: 1 })))
  })
  node.execute([batchOf(transfers)])
}

/** Feeds a sink from nothing; resolves with what it took in a second, and in how long an idle one has a transaction. */
async function measure(sink: Sink): Promise<{ perSecond: number; aloneMs: number }> {
  const begun = performance.now()
  const feed = feedOf(sink, node)
  await caughtUp(feed)
  const perSecond = Math.round((1000 * node.log.size) / (performance.now() - begun))
  const alone: number[] = []
  for (let i = 0; i < 30; i++) {
    const start = performance.now()
    node.execute([batchOf([transaction(['acct:a1'])])])
    await caughtUp(feed)
    alone.push(performance.now() - start)
  }
  await feed.stop(1000)
  return { perSecond, aloneMs: alone.sort((a, b) => a - b)[15] ?? Number.NaN }
}

const print = (name: string, { perSecond, aloneMs }: { perSecond: number; aloneMs: number }, bytes: number) =>
  console.log(`| ${name} | ${perSecond} | ${aloneMs.toFixed(1)} ms | ${Math.round(bytes / node.log.size)} |`)

test('jsonl', async () => {
  const path = join(folder, 'speed.jsonl')
  const measured = await measure(new JsonlSink(path, { clusterId: CLUSTER_ID, cluster: 'test' }))
  print('jsonl', measured, statSync(path).size)
})

test('webhook', async () => {
  const server = await new WebhookServer().up()
  try {
    const positionFile = join(folder, 'webhook.json')
    const measured = await measure(
      new WebhookSink({ url: { type: 'given', url: server.url }, secretFile: undefined, plain: false, positionFile, clusterId: CLUSTER_ID }),
    )
    assert.is(server.received.length, node.log.size)
    print(
      'webhook',
      measured,
      server.deliveries.reduce((sum, { body }) => sum + body.length, 0),
    )
  } finally {
    await server.down()
  }
})

const reason = noServer()
if (reason !== undefined) skipped(1, reason)
else {
  test('postgres', async () => {
    const server = await PostgresServer.start()
    try {
      const url = { type: 'given', url: server.url() } as const
      const measured = await measure(
        new PostgresSink({ url, passwordFile: undefined, prefix: 'speed', name: 'speed', clusterId: CLUSTER_ID, cluster: 'test' }),
      )
      const [row] = await server.query<{ count: string; bytes: string }>(
        `SELECT count(*) AS count, pg_total_relation_size('speed_transactions') AS bytes FROM speed_transactions`,
      )
      assert.is(Number(row?.count), node.log.size)
      print('postgres', measured, Number(row?.bytes))
    } finally {
      await server.remove()
    }
  })
}

test.run()
