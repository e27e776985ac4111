/** The driver: what leaves waits for its records, turns share an append, a failed append ends everything. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { decodeMessage, encodeMessage, type Message, messageCodec } from '../../src/lib/core/message.js'
import type { DurableRecord } from '../../src/lib/core/record.js'
import type { Effect, Event, ExecutedBatch, Steppable } from '../../src/lib/core/steppable.js'
import { Driver, type DriverObserver } from '../../src/lib/node/driver.js'
import { HeldStore, RecordingTransport } from './memory-ports.js'

const CLUSTER = '11'.repeat(32)
const codec = messageCodec(CLUSTER)
const idOf = (n: number) => n.toString(16).padStart(64, '0')

const promise = (n: number): Effect => ({ type: 'persist', record: { type: 'promise', batchId: idOf(n), ballot: n } satisfies DurableRecord })
const fetch = (n: number): Message => ({ type: 'fetch', ids: [idOf(n)] })
const send = (n: number, to = 1): Effect => ({ type: 'send', to, message: fetch(n) })
const execute = (n: number): Effect => ({ type: 'execute', executed: { value: n } as unknown as ExecutedBatch })
const reply = (requestId: number): Effect => ({ type: 'reply', requestId, txId: idOf(1), status: 'taken' })

/** Does at each event what the test has put down for it. */
class Scripted implements Steppable {
  readonly events: Event[] = []
  readonly script: Effect[][] = []
  wakeAt: number | undefined

  step(event: Event): Effect[] {
    this.events.push(event)
    return event.type === 'start' ? [] : (this.script.shift() ?? [])
  }
}

async function setUp(observers: DriverObserver[] = []) {
  const [steppable, store, transport] = [new Scripted(), new HeldStore(), new RecordingTransport()]
  const executed: unknown[] = []
  const failures: MusigError[] = []
  const driver = new Driver({
    steppable,
    clusterId: CLUSTER,
    store,
    transport,
    executed: (batch) => executed.push(batch.value),
    failed: (error) => failures.push(error),
    observers,
  })
  await driver.start()
  const sent = () =>
    transport.sent.map(({ to, frame }) => `${to}:${Number.parseInt((decodeMessage(codec, frame) as { ids: string[] }).ids[0] ?? '', 16)}`)
  const receive = (...effects: Effect[]) => {
    steppable.script.push(effects)
    transport.handlers?.message(2, encodeMessage(codec, fetch(99)))
  }
  return { driver, steppable, store, transport, executed, failures, sent, receive }
}

/** Lets the turn end, and what follows from it happen. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 5))

test('start comes first and once', async () => {
  const { steppable, receive } = await setUp()
  receive()
  assert.equal(
    steppable.events.map(({ type }) => type),
    ['start', 'message'],
  )
})

test('what stands after a record leaves when it is durable, what stands before it at once, all in order', async () => {
  const { store, executed, sent, receive } = await setUp()
  receive(send(1), promise(1), send(2), execute(7), promise(2), send(3, 0))
  await turn()
  assert.equal(sent(), ['1:1'])
  assert.equal(executed, [])
  assert.is(store.appends.length, 1)
  assert.is(store.appends[0]?.records.length, 2)
  store.appends[0]?.resolve()
  await turn()
  assert.equal(sent(), ['1:1', '1:2', '0:3'])
  assert.equal(executed, [7])
})

test('all that happens in one turn shares one append', async () => {
  const { store, sent, receive } = await setUp()
  receive(promise(1), send(1))
  receive(promise(2), send(2))
  receive(promise(3), send(3))
  await turn()
  assert.is(store.appends.length, 1)
  assert.is(store.appends[0]?.records.length, 3)
  store.appends[0]?.resolve()
  await turn()
  assert.equal(sent(), ['1:1', '1:2', '1:3'])
})

test('steps go on during an append; what they ask for waits, also where it has no record of its own', async () => {
  const { store, sent, receive } = await setUp()
  receive(promise(1), send(1))
  await turn()
  receive(send(2))
  receive(promise(3), send(3))
  receive(promise(4), send(4))
  await turn()
  assert.equal(sent(), [], 'a send of a later step may hang on the record that is under way')
  assert.is(store.appends.length, 1, 'one append at a time')
  store.appends[0]?.resolve()
  await turn()
  assert.equal(sent(), ['1:1', '1:2'])
  assert.is(store.appends[1]?.records.length, 2)
  store.appends[1]?.resolve()
  await turn()
  assert.equal(sent(), ['1:1', '1:2', '1:3', '1:4'])
})

test('a reply leaves after the records before it', async () => {
  const { driver, steppable, store } = await setUp()
  steppable.script.push([promise(1), reply(1)])
  let answered = false
  const answer = driver
    .submit({ deps: [], payload: new Uint8Array(), client: null, nonce: Uint8Array.of(1), expiry: null, signature: null })
    .then(() => {
      answered = true
    })
  await turn()
  assert.not.ok(answered)
  store.appends[0]?.resolve()
  await answer
})

test('a failed append stops everything: nothing of it leaves, nothing more is taken, those who wait hear of it', async () => {
  const { driver, steppable, store, sent, failures, receive, executed } = await setUp()
  steppable.script.push([promise(1), send(1), execute(1), reply(1)])
  const answer = driver.submit({ deps: [], payload: new Uint8Array(), client: null, nonce: Uint8Array.of(1), expiry: null, signature: null })
  const refused = answer.then(
    () => undefined,
    (error: MusigError) => error.code,
  )
  await turn()
  receive(send(2), promise(2))
  store.appends[0]?.reject(new MusigError('STORE_FAILED', 'the disk is full'))
  assert.is(await refused, 'STORE_FAILED')
  await turn()
  assert.equal([failures.length, failures[0]?.code], [1, 'STORE_FAILED'])
  const steps = steppable.events.length
  receive(send(3))
  await turn()
  assert.is(steppable.events.length, steps)
  assert.equal(sent(), [])
  assert.equal(executed, [])
  assert.is(store.appends.length, 1)
})

test('a bug in a step stops the driver as well', async () => {
  const { steppable, failures, receive, sent } = await setUp()
  steppable.step = () => {
    throw new TypeError('x is undefined')
  }
  receive(send(1))
  await turn()
  assert.is(failures[0]?.code, 'INTERNAL')
  assert.equal(sent(), [])
})

test('frames that cannot be read are dropped and told', async () => {
  const refused: string[] = []
  const { steppable, transport, failures } = await setUp([{ refused: (from, reason) => refused.push(`${from} ${reason}`) }])
  for (const frame of [new Uint8Array(), Uint8Array.of(0xff, 0xff), Uint8Array.of(0xa0), new Uint8Array(100)]) transport.handlers?.message(3, frame)
  await turn()
  assert.is(refused.length, 4)
  assert.ok(refused.every((line) => line.startsWith('3 ')))
  assert.is(steppable.events.length, 1)
  assert.equal(failures, [])
})

test('a message too large for others is dropped and told, and what follows it leaves', async () => {
  const dropped: string[] = []
  const { receive, sent, failures } = await setUp([{ unsendable: (to, what) => dropped.push(`${to} ${what}`) }])
  const ids = Array.from({ length: 260_000 }, () => idOf(1))
  receive({ type: 'send', to: 1, message: { type: 'fetch', ids } }, send(2))
  await turn()
  assert.match(dropped.join(), /^1 a fetch of \d+ bytes$/)
  assert.equal(sent(), ['1:2'])
  assert.equal(failures, [])
})

test('a record too large to be read again never gets into the store', async () => {
  const { store, receive, failures } = await setUp()
  receive({ type: 'persist', record: { type: 'promise', batchId: '00'.repeat(17 * 1024 * 1024), ballot: 1 } })
  await turn()
  assert.is(failures[0]?.code, 'INTERNAL')
  assert.is(store.appends.length, 0)
})

test('a message object is encoded once, however many it goes to', async () => {
  const { transport, receive } = await setUp()
  const message = fetch(5)
  receive({ type: 'send', to: 0, message }, { type: 'send', to: 1, message })
  await turn()
  assert.is(transport.sent.length, 2)
  assert.is(transport.sent[0]?.frame, transport.sent[1]?.frame)
})

test('ticks come when they are due, also when the time was moved, and never after the end', async () => {
  const { driver, steppable, receive } = await setUp()
  const ticks = () => steppable.events.filter(({ type }) => type === 'tick').length
  steppable.wakeAt = performance.now() + 10_000
  receive()
  steppable.wakeAt = performance.now() + 20
  receive()
  await new Promise((resolve) => setTimeout(resolve, 10))
  assert.is(ticks(), 0)
  const step = steppable.step.bind(steppable)
  steppable.step = (event) => {
    if (event.type === 'tick') {
      assert.ok(event.now >= (steppable.wakeAt ?? 0), 'not before its time')
      steppable.wakeAt = undefined
    }
    return step(event)
  }
  await new Promise((resolve) => setTimeout(resolve, 40))
  assert.is(ticks(), 1)
  steppable.wakeAt = performance.now() + 10
  receive()
  await driver.stop()
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.is(ticks(), 1)
})

test('stop waits for what was begun', async () => {
  const { driver, store, sent, receive } = await setUp()
  receive(promise(1), send(1))
  await turn()
  let stopped = false
  const stopping = driver.stop().then(() => {
    stopped = true
  })
  await turn()
  assert.not.ok(stopped)
  store.appends[0]?.resolve()
  await stopping
  assert.equal(sent(), ['1:1'])
  receive(send(2))
  await turn()
  assert.equal(sent(), ['1:1'])
})

test.run()
