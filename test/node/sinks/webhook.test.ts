/** The sink webhook against a receiver that takes, refuses, hangs, drops and repeats. */
import { createHmac } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SeededRandom } from '../../../src/lib/base/prng.js'
import { SinkFeed } from '../../../src/lib/node/sinks/feed.js'
import { type WebhookOptions, WebhookSink } from '../../../src/lib/node/sinks/webhook.js'
import { until } from '../../until.js'
import { batchOf, CLUSTER_ID, history, reordered, TestNode, transaction } from './history.js'
import { assertFollows, caughtUp, feedOf, sinkCompliance } from './sink-compliance.js'
import { type Answer, WebhookServer } from './webhook-server.js'

const test = suite('webhook')
const folder = mkdtempSync(join(tmpdir(), 'musig-webhook-'))

interface Place {
  server: WebhookServer
  positionFile: string
}

const places: Place[] = []
test.after(async () => {
  for (const { server } of places) await server.down()
  rmSync(folder, { recursive: true, force: true })
})

async function fresh(): Promise<Place> {
  const place = { server: await new WebhookServer().up(), positionFile: join(folder, String(places.length), 'webhook.json') }
  places.push(place)
  return place
}

const sinkAt = ({ server, positionFile }: Place, options: Partial<WebhookOptions> = {}) =>
  new WebhookSink({
    url: { type: 'given', url: server.url },
    secretFile: undefined,
    plain: false,
    positionFile,
    clusterId: CLUSTER_ID,
    ...options,
  })

sinkCompliance(test, 'webhook', {
  fresh,
  open: (place: Place) => sinkAt(place),
  read: async ({ server }) => server.received,
  merges: false,
  locks: false,
})

/** Pauses that a feed makes before the receiver has all. */
async function pausesOf(place: Place, node: TestNode, options: Partial<WebhookOptions> = {}): Promise<{ pauses: number[]; errors: string[] }> {
  const pauses: number[] = []
  const errors: string[] = []
  const feed = new SinkFeed({
    sink: sinkAt(place, options),
    log: node.log,
    clusterId: CLUSTER_ID,
    label: { name: 'webhook', type: 'webhook', target: 'there' },
    random: () => 1,
    changed: ({ lastError }) => {
      if (lastError) errors.push(lastError)
    },
    pause: async (ms) => {
      pauses.push(ms)
    },
  })
  feed.start()
  await caughtUp(feed)
  await feed.stop(1000)
  return { pauses, errors }
}

test('lists of at most 100 in order, each under its own key; what is delivered is set down durably', async () => {
  const place = await fresh()
  const node = new TestNode().execute(history(250, 3, new SeededRandom('lists')))
  const { pauses } = await pausesOf(place, node)
  assert.equal(pauses, [])
  const { deliveries } = place.server
  assert.equal(
    deliveries.map(({ records }) => records.length),
    [100, 100, 50],
  )
  assertFollows(place.server.received, node)
  const [first] = deliveries
  const digest = first?.records.at(-1)?.logDigest?.slice(0, 16)
  assert.is(first?.key, `${CLUSTER_ID.slice(0, 16)}-0-99-${digest}`)
  assert.is(new Set(deliveries.map(({ key }) => key)).size, 3)
  for (const { headers } of deliveries) {
    assert.is(headers['content-type'], 'application/json')
    assert.is(headers['webhook-id'], headers['idempotency-key'])
    assert.is(headers['webhook-signature'], undefined)
  }
  const position = JSON.parse(readFileSync(place.positionFile, 'utf8'))
  assert.equal(position, {
    schema: 1,
    clusterId: CLUSTER_ID,
    position: { count: 250, logDigest: deliveries.at(-1)?.records.at(-1)?.logDigest },
    sending: null,
  })
  assert.is(statSync(place.positionFile).mode & 0o777, 0o600)
})

test('requests are no larger than 1 MiB, unless one transaction is', async () => {
  const place = await fresh()
  const node = new TestNode()
  for (let i = 0; i < 6; i++) node.execute([batchOf([transaction(['k'], new Uint8Array(200_000).fill(i))])])
  await pausesOf(place, node)
  assert.ok(place.server.deliveries.some(({ records }) => records.length === 2))
  assertFollows(place.server.received, node)
  for (const { body } of place.server.deliveries) assert.ok(body.length <= 1024 * 1024)
  const other = await fresh()
  const large = new TestNode()
  large.executor.machine.apply = () => ({ ok: true, result: 'x'.repeat(1024 * 1024) })
  await pausesOf(other, large.execute(history(3, 1, new SeededRandom('one large'))))
  assertFollows(other.server.received, large)
  assert.is(other.server.deliveries.length, 3)
})

test('a signature that a receiver can check: over id, time and body, with either form of secret', async () => {
  const secret = Buffer.from('a secret of at least twenty-four bytes')
  for (const [i, text] of [`${secret}\n`, `whsec_${secret.toString('base64')}`].entries()) {
    const place = await fresh()
    const secretFile = join(folder, `secret-${i}`)
    writeFileSync(secretFile, text, { mode: 0o600 })
    await pausesOf(place, new TestNode().execute(history(3, 1, new SeededRandom('sign'))), { secretFile })
    const [delivery] = place.server.deliveries
    const { headers = {}, body = '' } = delivery ?? {}
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
    assert.is(headers['webhook-signature'], `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`)
  }
})

test('a secret that is exchanged while the node runs signs from the next try on', async () => {
  const place = await fresh()
  const secretFile = join(folder, 'exchanged')
  const secrets = ['the first secret, which is long enough', 'the second one, which is long enough too']
  writeFileSync(secretFile, secrets[0] ?? '', { mode: 0o600 })
  const signatures: unknown[] = []
  place.server.answer = ({ headers, body }) => {
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
    signatures.push(
      secrets.findIndex((secret) => headers['webhook-signature'] === `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`),
    )
    writeFileSync(secretFile, secrets[1] ?? '')
    return { status: signatures.length === 1 ? 401 : 200 }
  }
  await pausesOf(place, new TestNode().execute(history(1, 1, new SeededRandom('exchanged'))), { secretFile })
  assert.equal(signatures, [0, 1])
})

test('answers are read to their end, so that one connection serves for all', async () => {
  const place = await fresh()
  place.server.answer = () => ({ status: 200, body: 'x'.repeat(60_000) })
  await pausesOf(place, new TestNode().execute(history(450, 1, new SeededRandom('one connection'))))
  assert.equal([place.server.deliveries.length, place.server.connections], [5, 1])
})

test('a secret that is too short, or open to others, is refused', async () => {
  const place = await fresh()
  const node = new TestNode().execute(history(1, 1, new SeededRandom('short')))
  for (const [text, mode, words] of [
    ['short', 0o600, /is shorter than 24 bytes/],
    ['a secret of at least twenty-four bytes', 0o644, /is open to others/],
  ] as const) {
    const secretFile = join(folder, `secret-${mode}-${text.length}`)
    writeFileSync(secretFile, text, { mode })
    const feed = feedOf(sinkAt(place, { secretFile }), node)
    await until('it fails', () => feed.status.state === 'failing')
    assert.match(feed.status.lastError ?? '', words)
    await feed.stop(1000)
  }
  assert.is(place.server.deliveries.length, 0)
})

test('credentials of a URL in a file go into a header, and a path and query as they are', async () => {
  const place = await fresh()
  const path = join(folder, 'url')
  const url = `${place.server.url.replace('//', '//us%40er:p%3Ass@')}?token=s3cret`
  writeFileSync(path, `${url}\n`, { mode: 0o600 })
  await pausesOf(place, new TestNode().execute(history(1, 1, new SeededRandom('basic'))), { url: { type: 'file', path } })
  assert.is(place.server.deliveries[0]?.headers.authorization, `Basic ${Buffer.from('us@er:p:ss').toString('base64')}`)
})

const answers: [what: string, answer: Answer, pauseMs: number, error: RegExp][] = [
  ['an error of its own', { status: 500 }, 250, /^it answers 500$/],
  ['busy, and when to come again', { status: 503, headers: { 'retry-after': '7' } }, 7000, /^it answers 503$/],
  ['too many requests, and come again in a year', { status: 429, headers: { 'retry-after': '31536000' } }, 600_000, /^it answers 429$/],
  ['a date to come again', { status: 503, headers: { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' } }, 250, /^it answers 503$/],
  ['a time-out of its own', { status: 408 }, 250, /^it answers 408$/],
  ['too early', { status: 425 }, 250, /^it answers 425$/],
  ['what it was sent is wrong', { status: 422 }, 60_000, /^it answers 422$/],
  ['nobody is let in', { status: 401 }, 60_000, /^it answers 401$/],
  ['there is nothing', { status: 404 }, 60_000, /^it answers 404$/],
  ['go elsewhere', { status: 307, headers: { location: 'http://127.0.0.1:1/' } }, 60_000, /^it answers 307: redirects are not followed$/],
  ['nothing', 'hang', 250, /^it has not answered within 300 ms$/],
  ['a cut connection', 'drop', 250, /./],
]
for (const [what, answer, pauseMs, error] of answers) {
  test(`a receiver that answers: ${what}; the same is sent again under the same key`, async () => {
    const place = await fresh()
    const node = new TestNode().execute(history(120, 2, new SeededRandom('answers')))
    const keys: string[] = []
    let asked = 0
    place.server.answer = ({ key }) => {
      keys.push(key)
      return asked++ === 1 ? answer : { status: 200 }
    }
    const { pauses, errors } = await pausesOf(place, node, { timeoutMs: 300 })
    assert.equal(pauses, [pauseMs])
    assert.is(keys.length, 3)
    assert.is(keys[1], keys[2])
    for (const each of errors) assert.match(each, error)
    assert.not.match(errors.join(), /hook/, 'nothing is told of the path')
    assertFollows(place.server.received, node)
  })
}

test('a receiver for which lists are too large gets smaller ones', async () => {
  const place = await fresh()
  const node = new TestNode().execute(history(100, 2, new SeededRandom('large')))
  place.server.answer = ({ records }) => ({ status: records.length > 20 ? 413 : 200 })
  const { pauses } = await pausesOf(place, node)
  assert.is(pauses.length, 3)
  assert.equal(
    place.server.deliveries.map(({ records }) => records.length),
    [13, 13, 13, 13, 13, 13, 13, 9],
  )
  assertFollows(place.server.received, node)
})

test('a receiver for which one transaction is too large is asked again a minute later', async () => {
  const place = await fresh()
  let asked = 0
  place.server.answer = () => ({ status: asked++ === 0 ? 413 : 200 })
  const { pauses, errors } = await pausesOf(place, new TestNode().execute(history(1, 1, new SeededRandom('one'))))
  assert.equal([pauses, errors], [[60_000], ['it answers 413']])
})

test('410 Gone stops it', async () => {
  const place = await fresh()
  place.server.answer = () => ({ status: 410 })
  const feed = feedOf(sinkAt(place), new TestNode().execute(history(1, 1, new SeededRandom('gone'))))
  await until('it stops', () => feed.status.state === 'stopped')
  assert.is(feed.status.lastError, 'it answers 410 Gone: it wants nothing any more')
  await feed.stop(1000)
})

test('an answer without an end is not read to its end', async () => {
  const place = await fresh()
  place.server.answer = () => 'endless'
  const node = new TestNode().execute(history(150, 1, new SeededRandom('endless')))
  await pausesOf(place, node, { timeoutMs: 5000 })
  assert.is(place.server.deliveries.length, 2)
})

test('killed after a list was sent, and more was executed since: the same list comes again, under the same key', async () => {
  const place = await fresh()
  const random = new SeededRandom('killed')
  const node = new TestNode().execute(history(5, 2, random))
  let isReceived = false
  place.server.answer = () => {
    isReceived = true
    return 'hang'
  }
  const feed = feedOf(sinkAt(place), node)
  // Noted before it is sent; what is under way when the server answers otherwise would be counted with what comes after.
  await until('it is sent', () => isReceived)
  assert.is(JSON.parse(readText(place.positionFile)).sending?.count, 5)
  await feed.stop(0)
  const keys: string[] = []
  place.server.answer = ({ key }) => {
    keys.push(key)
    return { status: 200 }
  }
  node.execute(history(5, 2, random))
  const again = feedOf(sinkAt(place), node)
  await caughtUp(again)
  await again.stop(1000)
  assert.equal(
    keys.map((key) => key.split('-').slice(1, 3).join('-')),
    ['0-4', '5-9'],
  )
})

test('what may have been taken is not sent in another form: by a node that lost the end of its log, or executed it in another order', async () => {
  const place = await fresh()
  const all = history(8, 4, new SeededRandom('another form'))
  const node = new TestNode().execute(all)
  place.server.answer = () => 'drop'
  const feed = feedOf(sinkAt(place), node)
  await until('it was taken', () => place.server.deliveries.length > 0)
  await feed.stop(1000)
  const [taken] = place.server.deliveries
  place.server.answer = () => ({ status: 200 })
  const before = place.server.deliveries.length
  const other = feedOf(sinkAt(place), new TestNode().execute([...all.slice(1, 2), ...all.slice(0, 1), ...all.slice(2)]))
  await until('it stops', () => other.status.state === 'stopped')
  assert.match(other.status.lastError ?? '', /it was given 8 transactions in another order than this node’s.*to deliver all of them again remove/)
  await other.stop(1000)
  const short = new TestNode().execute(all.slice(0, 5))
  const again = feedOf(sinkAt(place), short)
  await until('it waits', () => again.status.state === 'failing')
  assert.is(again.status.lastError, 'it was being sent transactions up to number 8, which this node has not executed again yet')
  assert.is(place.server.deliveries.length, before)
  short.execute([...all.slice(5), ...history(2, 4, new SeededRandom('more'))])
  await caughtUp(again)
  await again.stop(1000)
  assert.is(place.server.deliveries[before]?.key, taken?.key)
  assertFollows(place.server.received, short)
})

test('a node that executed in another order is refused, and one of another cluster', async () => {
  const place = await fresh()
  const random = new SeededRandom('other order')
  const all = history(30, 6, random)
  const feed = feedOf(sinkAt(place), new TestNode().execute(all))
  await caughtUp(feed)
  await feed.stop(1000)
  const other = feedOf(sinkAt(place), new TestNode().execute(reordered(all, random)))
  await until('it stops', () => other.status.state === 'stopped')
  assert.match(other.status.lastError ?? '', /it was given 30 transactions in another order than this node’s.*to deliver all of them again remove/)
  await other.stop(1000)
  const stranger = feedOf(sinkAt(place, { clusterId: 'ab'.repeat(32) }), new TestNode().execute(all))
  await until('it stops', () => stranger.status.state === 'stopped')
  assert.match(stranger.status.lastError ?? '', /is of another cluster/)
  await stranger.stop(1000)
  writeFileSync(place.positionFile, '{"schema":1')
  const damaged = feedOf(sinkAt(place), new TestNode().execute(all))
  await until('it stops', () => damaged.status.state === 'stopped')
  assert.match(damaged.status.lastError ?? '', /is damaged; without it everything is delivered again/)
  await damaged.stop(1000)
  assert.is(place.server.received.length, 30)
})

test('a position that cannot be read is not taken for none', async () => {
  const place = await fresh()
  const node = new TestNode().execute(history(3, 2, new SeededRandom('unreadable')))
  await pausesOf(place, node)
  chmodSync(place.positionFile, 0o644)
  const feed = feedOf(sinkAt(place), node)
  await until('it fails', () => feed.status.state === 'failing')
  assert.match(feed.status.lastError ?? '', /is open to others/)
  await feed.stop(1000)
  assert.is(place.server.deliveries.length, 1)
})

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '{}'
  }
}

test.run()
