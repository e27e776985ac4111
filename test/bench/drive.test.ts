/** The loops of a benchmark against a client that is made up: what they send when, and what they count. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { Drive } from '../../src/lib/bench/drive.js'
import { BENCH_DEFAULTS, type BenchSettings } from '../../src/lib/bench/settings.js'
import { Traffic } from '../../src/lib/bench/traffic.js'
import type { TransactionResult } from '../../src/lib/node/answers.js'
import type { Client, SubmitOptions } from '../../src/lib/node/client.js'

const NEVER = new AbortController().signal
const RESULT = { receipt: { ok: true }, path: 'fast', phases: { '1a': 2 } } as unknown as TransactionResult

/** A client that answers after a while, and what it was asked. */
function fakeClient(answer: (number: number) => TransactionResult | MusigError, delayMs = 5) {
  const asked: { to: number | undefined; group: number }[] = []
  let [underWay, most] = [0, 0]
  const work = async (group: number, { to }: SubmitOptions) => {
    const number = asked.push({ to, group })
    most = Math.max(most, ++underWay)
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    underWay--
    return answer(number)
  }
  const client = {
    submit: async (_: unknown, options: SubmitOptions) => {
      const result = await work(1, options)
      if (result instanceof MusigError) throw result
      return result
    },
    submitAll: async (transactions: readonly unknown[], options: SubmitOptions) => {
      const result = await work(transactions.length, options)
      return transactions.map(() => result)
    },
  }
  return { client: client as unknown as Client, asked, most: () => most }
}

function drive(client: Client, more: Partial<BenchSettings> = {}): Drive {
  const settings = { ...BENCH_DEFAULTS, entries: 3, seed: 'test', ...more }
  return new Drive(client, new Traffic({ clusterId: '00'.repeat(32), machine: 'documents' }, settings), settings)
}

test('a closed loop has so many requests under way, at the entries in turn, and counts each', async () => {
  const { client, asked, most } = fakeClient(() => RESULT)
  const driven = await drive(client, { clients: 4 }).run(200, NEVER)
  assert.is(most(), 4)
  assert.ok(asked.length >= 8)
  assert.equal(
    asked.slice(0, 6).map(({ to }) => to),
    [0, 1, 2, 0, 1, 2],
  )
  assert.equal([driven.executed, driven.fast, driven.refused, driven.errors], [asked.length, asked.length, 0, {}])
  assert.is(driven.latencies.totalCount, asked.length)
  assert.equal(driven.phases.get('1a'), { sum: 2 * asked.length, count: asked.length })
})

test('groups go in one request; errors and refusals are counted apart', async () => {
  const refused = { ...RESULT, path: 'slow', receipt: { ok: false, reason: 'no' } } as unknown as TransactionResult
  const { client, asked } = fakeClient((number) => (number % 2 ? refused : new MusigError('BUSY', 'full')))
  const driven = await drive(client, { clients: 1, group: 10 }).run(100, NEVER)
  assert.ok(asked.length >= 2 && asked.every(({ group }) => group === 10))
  const odd = Math.ceil(asked.length / 2)
  assert.equal([driven.executed, driven.refused, driven.fast, driven.errors['BUSY']], [10 * odd, 10 * odd, 0, 10 * (asked.length - odd)])
})

test('one request that fails counts as its error', async () => {
  const { client, asked } = fakeClient(() => new MusigError('TIMED_OUT', 'late'))
  const driven = await drive(client, { clients: 2 }).run(30, NEVER)
  assert.equal([driven.executed, driven.errors], [0, { TIMED_OUT: asked.length }])
})

test('an open loop sends what is due, and times from when it was due: a client that stands still shows', async () => {
  const { client, asked } = fakeClient(() => RESULT)
  const running = drive(client, { rate: 200 }).run(600, NEVER)
  await new Promise((resolve) => setTimeout(resolve, 50))
  // Nothing leaves for 200 ms; all that was due meanwhile is as late as that.
  const stand = performance.now() + 200
  while (performance.now() < stand);
  const driven = await running
  assert.ok(asked.length > 60 && asked.length <= 121, `${asked.length}`)
  assert.ok(driven.latencies.getValueAtPercentile(75) > 20_000, `${driven.latencies.getValueAtPercentile(75)} µs`)
  assert.ok(driven.latencies.maxValue > 190_000)
})

test('an abort ends it, without waiting for answers that may never come', async () => {
  for (const more of [{}, { rate: 50 }]) {
    const client = { submit: () => new Promise(() => {}) } as unknown as Client
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 30)
    const driven = await drive(client, more).run(60_000, controller.signal)
    assert.is(driven.executed, 0)
  }
})

test('a bug in an open loop ends it and is told', async () => {
  const { client } = fakeClient(() => {
    throw new TypeError('a bug')
  })
  let told: unknown
  await drive(client, { rate: 100 })
    .run(60_000, NEVER)
    .catch((error: unknown) => {
      told = error
    })
  assert.instance(told, TypeError)
})

test.run()
