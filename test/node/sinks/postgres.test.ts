// time limit: 240 s
/** The sink postgres against a real server: the compliance suite, its rows, who may not write, outages, and what it tells of itself. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SeededRandom } from '../../../src/lib/base/prng.js'
import type { SinkStatus } from '../../../src/lib/node/sinks/feed.js'
import { PostgresSink } from '../../../src/lib/node/sinks/postgres.js'
import { readSinks } from '../../../src/lib/node/sinks/sink-spec.js'
import { skipped } from '../../skip.js'
import { until } from '../../until.js'
import { batchOf, CLUSTER_ID, history, TestNode, transaction } from './history.js'
import { hasOpenssl, OwnAuthority } from './own-authority.js'
import { noServer, PostgresServer } from './postgres-server.js'
import { assertFollows, caughtUp, feedOf, hasAll, type ReadBack, sinkCompliance } from './sink-compliance.js'

const test = suite('postgres')
const reason = noServer()
let server: PostgresServer
const folder = mkdtempSync(join(tmpdir(), 'musig-test-'))

test.before(async () => {
  server = await PostgresServer.start()
})

test.after(async () => {
  await server?.remove()
  rmSync(folder, { recursive: true, force: true })
})

let places = 0
const fresh = (): string => `t${places++}`
const sinkAt = (prefix: string, clusterId = CLUSTER_ID, database?: string) =>
  new PostgresSink({ url: { type: 'given', url: server.url(database) }, passwordFile: undefined, prefix, name: prefix, clusterId, cluster: 'test' })

async function read(prefix: string): Promise<ReadBack[]> {
  const rows = await server.query<{ index: string; tx_id: string; position: Record<string, number> }>(
    `SELECT index, tx_id, position FROM ${prefix}_transactions ORDER BY index`,
  )
  return rows.map(({ index, tx_id, position }) => ({ index: Number(index), txId: tx_id, position }))
}

sinkCompliance(test, 'postgres', { fresh: async () => fresh(), open: (prefix: string) => sinkAt(prefix), read, merges: true, locks: true })

async function fed(prefix: string, node: TestNode): Promise<void> {
  const feed = feedOf(sinkAt(prefix), node)
  await caughtUp(feed)
  await feed.stop(2000)
}

async function refusal(prefix: string, node: TestNode, clusterId = CLUSTER_ID, database?: string): Promise<string | null> {
  const feed = feedOf(sinkAt(prefix, clusterId, database), node)
  await until('it stops', () => feed.status.state === 'stopped')
  await feed.stop(2000)
  return feed.status.lastError
}

test('rows: all of a record in the types that one would ask with', async () => {
  const prefix = fresh()
  const payload = new TextEncoder().encode('{"to":"bob","amount":10}')
  const one = { ...transaction(['acct:alice', 'acct:bob'], payload), client: new Uint8Array(32).fill(7) }
  const batch = batchOf([one, transaction([], Uint8Array.of(0, 255))])
  const node = new TestNode().execute([batch])
  await fed(prefix, node)
  const rows = await server.query(
    `SELECT index, tx_id, batch_id, index_in_batch, position, keys, client, encode(payload, 'hex') AS payload, json, receipt, path, ballot,
       extract(epoch FROM time)::bigint AS time FROM ${prefix}_transactions ORDER BY index`,
  )
  const shared = { batch_id: batch.id, path: 'slow', ballot: '2', time: '1700000000' }
  assert.equal(rows, [
    {
      index: '0',
      tx_id: node.log.idAt(0),
      ...shared,
      index_in_batch: 0,
      position: { 'acct:alice': 1, 'acct:bob': 1 },
      keys: ['acct:alice', 'acct:bob'],
      client: '07'.repeat(32),
      payload: Buffer.from(payload).toString('hex'),
      json: { to: 'bob', amount: 10 },
      receipt: { ok: true, result: 0 },
    },
    {
      index: '1',
      tx_id: node.log.idAt(1),
      ...shared,
      index_in_batch: 1,
      position: {},
      keys: [],
      client: null,
      payload: '00ff',
      json: null,
      receipt: { ok: true, result: 1 },
    },
  ])
  const [sink] = await server.query(`SELECT version, cluster_id, cluster, transactions, length(log_digest) AS digest FROM ${prefix}_sink`)
  assert.equal(sink, { version: 1, cluster_id: CLUSTER_ID, cluster: 'test', transactions: '2', digest: 64 })
})

test('what jsonb or text cannot hold does not stop it: a receipt becomes its text, a value is left out, a zero character is replaced', async () => {
  const prefix = fresh()
  const node = new TestNode()
  const results = ['a\0b', { 'k\0': 1 }, '\ud800', Array.from({ length: 600 }).reduce<unknown>((inner) => [inner], 'deep'), 'fine']
  node.executor.machine.apply = () => ({ ok: true, result: results.shift() })
  for (let i = 0; i < 5; i++) node.execute([batchOf([transaction([`key\0${i}`], new TextEncoder().encode('"\\u0000"'))])])
  await fed(prefix, node)
  const rows = await server.query<{ keys: string[]; json: unknown; receipt: unknown }>(
    `SELECT keys, json, receipt FROM ${prefix}_transactions ORDER BY index`,
  )
  assert.equal(
    rows.map(({ keys, json }) => [keys, json]),
    [0, 1, 2, 3, 4].map((i) => [[`key\ufffd${i}`], null]),
  )
  const receipts = rows.map(({ receipt }) => receipt)
  assert.equal(receipts[0], '{"ok":true,"result":"a\\u0000b"}')
  assert.equal(
    receipts.map((receipt) => typeof receipt),
    ['string', 'string', 'string', 'string', 'object'],
  )
  assert.equal(receipts[4], { ok: true, result: 'fine' })
})

test('it refuses tables of another cluster, of a newer version, without their one row, and a database that is not in UTF-8', async () => {
  const node = new TestNode().execute(history(3, 2, new SeededRandom('refuse')))
  const prefix = fresh()
  await fed(prefix, node)
  assert.match(
    (await refusal(prefix, node, 'ab'.repeat(32))) ?? '',
    /its tables t\d+_\* hold the transactions of another cluster \([0-9a-f]{16}…\); give another prefix=/,
  )
  await server.query(`UPDATE ${prefix}_sink SET version = 9`)
  assert.match((await refusal(prefix, node)) ?? '', /are of version 9, and this musig knows 1: start a newer one/)
  await server.query(`DELETE FROM ${prefix}_sink`)
  assert.match((await refusal(prefix, node)) ?? '', /do not tell where they end/)
  await server.query(`CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`)
  assert.match((await refusal(fresh(), node, CLUSTER_ID, 'latin')) ?? '', /has the encoding LATIN1/)
})

test('rows that somebody has removed: it goes on where it stands, and says so where it has to compare', async () => {
  const random = new SeededRandom('removed')
  const prefix = fresh()
  const node = new TestNode().execute(history(10, 2, random))
  await fed(prefix, node)
  await server.query(`DELETE FROM ${prefix}_transactions WHERE index < 5`)
  node.execute(history(3, 2, random))
  await fed(prefix, node)
  assert.equal(
    (await read(prefix)).map(({ index }) => index),
    [5, 6, 7, 8, 9, 10, 11, 12],
  )
  await server.query(`UPDATE ${prefix}_sink SET log_digest = NULL`)
  assert.match((await refusal(prefix, node)) ?? '', /8 of its 13 transactions are there: it cannot be compared with this node’s log/)
})

test('a database that was put back to an older state gets what it lacks', async () => {
  const random = new SeededRandom('older')
  const prefix = fresh()
  const node = new TestNode().execute(history(10, 2, random))
  await fed(prefix, node)
  await server.query(`CREATE TABLE ${prefix}_kept AS SELECT * FROM ${prefix}_sink`)
  node.execute(history(10, 2, random))
  const feed = feedOf(sinkAt(prefix), node)
  await caughtUp(feed)
  assert.is(feed.taken, 20)
  await server.query(`DELETE FROM ${prefix}_transactions WHERE index >= 10`)
  await server.query(`UPDATE ${prefix}_sink SET (transactions, log_digest) = (SELECT transactions, log_digest FROM ${prefix}_kept)`)
  node.execute(history(1, 2, random))
  await caughtUp(feed)
  await feed.stop(2000)
  assertFollows(await read(prefix), node)
})

test('one who moves the position from outside is noticed, and nothing is written behind another position than is thought', async () => {
  const random = new SeededRandom('moved')
  const prefix = fresh()
  const node = new TestNode().execute(history(5, 2, random))
  const told: (string | null)[] = []
  const feed = feedOf(sinkAt(prefix), node, ({ lastError }) => told.push(lastError))
  await caughtUp(feed)
  await server.query(`UPDATE ${prefix}_sink SET transactions = 4`)
  node.execute(history(1, 2, random))
  await until('it notices', () => told.some((line) => line?.includes('its position is not 5 any more: another process has written to it')))
  // What it would read at its next try is not what is told here.
  await feed.stop(2000)
  await server.query(`UPDATE ${prefix}_sink SET transactions = 5`)
  await fed(prefix, node)
  assertFollows(await read(prefix), node)
})

test('what a user or database is set to does not make what is written less durable, and a connection that is dead is noticed', async () => {
  const prefix = fresh()
  const node = new TestNode().execute(history(1, 1, new SeededRandom('settings')))
  await fed(prefix, new TestNode())
  await server.query(`ALTER ROLE musig SET synchronous_commit TO off;
    CREATE FUNCTION ${prefix}_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO ${prefix}_seen VALUES (current_setting('synchronous_commit'), current_setting('tcp_keepalives_idle')); RETURN NULL; END $$;
    CREATE TABLE ${prefix}_seen (commit text, idle text);
    CREATE TRIGGER note AFTER INSERT ON ${prefix}_transactions FOR EACH STATEMENT EXECUTE FUNCTION ${prefix}_note()`)
  await fed(prefix, node)
  await server.query('ALTER ROLE musig RESET synchronous_commit')
  assert.equal(await server.query(`SELECT * FROM ${prefix}_seen`), [{ commit: 'on', idle: '60' }])
})

test('a database that takes no changes: its state says so, nothing is there by half, and all arrives once it does', async () => {
  const random = new SeededRandom('read-only')
  const prefix = fresh()
  const node = new TestNode().execute(history(5, 2, random))
  const told: (string | null)[] = []
  const feed = feedOf(sinkAt(prefix), node, ({ lastError }) => told.push(lastError))
  await caughtUp(feed)
  // A session keeps what it began with.
  const cut = () => server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'musig ${prefix}'`)
  await server.query('ALTER ROLE musig SET default_transaction_read_only TO on')
  await cut()
  try {
    node.execute(history(5, 2, random))
    await until('it says so', () => told.includes('cannot execute INSERT in a read-only transaction'))
    assert.is(feed.taken, 5)
    assert.is((await read(prefix)).length, 5)
  } finally {
    await server.query('BEGIN READ WRITE; ALTER ROLE musig RESET default_transaction_read_only; COMMIT')
  }
  await cut()
  await caughtUp(feed)
  await feed.stop(2000)
  assertFollows(await read(prefix), node)
})

/** Over TLS, as `parameters` say; what stands in the way, or whether the session was encrypted. */
async function overTls(host: string, parameters: string, node: TestNode): Promise<string | boolean | undefined> {
  const prefix = fresh()
  const [spec] = await readSinks([`${server.url().replace('127.0.0.1', host)}?${parameters},prefix=${prefix},name=${prefix}`])
  if (spec?.type !== 'postgres') throw new Error('a postgres sink')
  const feed = feedOf(new PostgresSink({ ...spec, clusterId: CLUSTER_ID, cluster: 'test' }), node)
  await until('it is fed, or not', () => feed.status.state === 'failing' || hasAll(feed))
  const { lastError } = feed.status
  const [session] = await server.query<{ ssl: boolean }>(
    'SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = $1',
    [`musig ${prefix}`],
  )
  await feed.stop(2000)
  const [made] = await server.query<{ name: string | null }>('SELECT to_regclass($1) AS name', [`${prefix}_sink`])
  assert.is(made?.name === null, lastError !== null, 'refused is nothing sent')
  return lastError ?? session?.ssl
}

if (hasOpenssl()) {
  test('TLS: a server is believed whose certificate names it and comes from the given authority, and nothing is sent to any other', async () => {
    const node = new TestNode().execute(history(3, 2, new SeededRandom('tls')))
    assert.is(await overTls('127.0.0.1', 'sslmode=require', node), 'The server does not support SSL connections')
    const [own, other] = [new OwnAuthority(), new OwnAuthority()]
    try {
      await server.useTls(own.certify('DNS:localhost'))
      const full = (root: string) => `sslmode=verify-full&sslrootcert=${root}`
      assert.is(await overTls('localhost', full(own.root), node), true)
      assert.match(String(await overTls('localhost', full(other.root), node)), /unable to verify the first certificate|self-signed certificate/)
      assert.match(String(await overTls('localhost', 'sslmode=verify-full', node)), /unable to verify the first certificate|self-signed certificate/)
      assert.match(String(await overTls('127.0.0.1', full(own.root), node)), /IP: 127\.0\.0\.1 is not in the cert's list/)
      assert.is(await overTls('127.0.0.1', 'sslmode=require', node), true)
      await server.useTls(own.certify('IP:127.0.0.1'))
      assert.is(await overTls('127.0.0.1', full(own.root), node), true)
      assert.match(String(await overTls('localhost', full(own.root), node)), /Host: localhost\. is not/)
      assert.is(await overTls('localhost', 'sslmode=disable', node), false)
    } finally {
      own.remove()
      other.remove()
    }
  })
} else skipped(1, 'there is no openssl on this machine')

test('a server that is stopped, crashes or stands still: its state says so, and all arrives once it is back', async () => {
  const random = new SeededRandom('outage')
  const prefix = fresh()
  const node = new TestNode().execute(history(5, 2, random))
  const told: SinkStatus[] = []
  const feed = feedOf(sinkAt(prefix), node, (status) => told.push(status))
  await caughtUp(feed)
  for (const mode of ['immediate', 'kill', 'fast'] as const) {
    await server.stop(mode)
    await until('an idle sink notices', () => feed.status.state === 'failing')
    node.execute(history(5, 2, random))
    assert.is(feed.status.behind, 5)
    await server.up()
    await caughtUp(feed)
  }
  server.pause('SIGSTOP')
  node.execute(history(5, 2, random))
  await new Promise((resolve) => setTimeout(resolve, 200))
  server.pause('SIGCONT')
  await caughtUp(feed)
  await feed.stop(2000)
  assertFollows(await read(prefix), node)
  assert.ok(told.every(({ lastError }) => !lastError?.includes('undefined')))
})

test('a statement that hangs behind somebody’s lock does not keep it from being stopped', async () => {
  const random = new SeededRandom('lock')
  const prefix = fresh()
  const node = new TestNode().execute(history(5, 2, random))
  const feed = feedOf(sinkAt(prefix), node)
  await caughtUp(feed)
  const blocked = server.query(`BEGIN; LOCK TABLE ${prefix}_sink IN EXCLUSIVE MODE; SELECT pg_sleep(3); COMMIT`)
  await until(
    'it is locked',
    async () => (await server.query(`SELECT 1 FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = '${prefix}_sink'::regclass`)).length > 0,
  )
  node.execute(history(5, 2, random))
  await feed.stop(100)
  await blocked
  await fed(prefix, node)
  assertFollows(await read(prefix), node)
})

test('one who may write to the tables and make none can feed them', async () => {
  const prefix = fresh()
  const node = new TestNode().execute(history(5, 2, new SeededRandom('role')))
  await fed(prefix, new TestNode())
  await server.query(`CREATE ROLE feeder LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT SELECT, INSERT ON ${prefix}_transactions TO feeder;
    GRANT SELECT, UPDATE ON ${prefix}_sink TO feeder`)
  const url = server.url().replace('musig@', 'feeder@')
  const sink = new PostgresSink({ url: { type: 'given', url }, passwordFile: undefined, prefix, name: 'x', clusterId: CLUSTER_ID, cluster: 'test' })
  const feed = feedOf(sink, node)
  await caughtUp(feed)
  await feed.stop(2000)
  assertFollows(await read(prefix), node)
})

test('a server with a password: from a file, from the environment, from a URL in a file; it is told to nobody', async () => {
  const secret = 's3cret/with:odd@characters'
  const guarded = await PostgresServer.start(secret)
  try {
    const node = new TestNode().execute(history(3, 2, new SeededRandom('password')))
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text, { mode: 0o600 })
      return join(folder, name)
    }
    const withPassword = guarded.url().replace('musig@', `musig:${encodeURIComponent(secret)}@`)
    const texts = [
      `${guarded.url()},prefix=a,password-file=${file('password', `${secret}\n`)}`,
      `postgres:@${file('url', `${withPassword}\n`)},prefix=b`,
      `${guarded.url()},prefix=c`,
    ]
    process.env['PGPASSWORD'] = secret
    for (const text of texts) {
      const [spec] = await readSinks([text])
      if (spec?.type !== 'postgres') throw new Error('a postgres sink')
      assert.not.match(JSON.stringify(spec), /s3cret/)
      const feed = feedOf(new PostgresSink({ ...spec, clusterId: CLUSTER_ID, cluster: 'test' }), node)
      await caughtUp(feed)
      await feed.stop(2000)
    }
    process.env['PGPASSWORD'] = 'wr0ng'
    const [wrong] = await readSinks([`${guarded.url()},prefix=d`])
    if (wrong?.type !== 'postgres') throw new Error('a postgres sink')
    const feed = feedOf(new PostgresSink({ ...wrong, clusterId: CLUSTER_ID, cluster: 'test' }), node)
    await until('it fails', () => feed.status.state === 'failing')
    assert.match(feed.status.lastError ?? '', /password authentication failed/)
    assert.not.match(JSON.stringify(feed.status), /wr0ng/)
    await feed.stop(2000)
  } finally {
    delete process.env['PGPASSWORD']
    await guarded.remove()
  }
})

if (reason === undefined) test.run()
else skipped(30, reason)
