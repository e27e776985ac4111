/** The feed of a sink, on a sink in memory: the compliance suite, pauses, pruning, and what is told. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../../src/lib/base/errors.js'
import { SeededRandom } from '../../../src/lib/base/prng.js'
import { type Batch, transactionId } from '../../../src/lib/core/transaction.js'
import { SinkFeed, type SinkStatus } from '../../../src/lib/node/sinks/feed.js'
import { type Sink, TryLater } from '../../../src/lib/node/sinks/sink.js'
import { until } from '../../until.js'
import { batchOf, CLUSTER_ID, history, TestNode, transaction } from './history.js'
import { MemoryPlace, MemorySink } from './memory-sink.js'
import { caughtUp, feedOf, sinkCompliance } from './sink-compliance.js'
import { assertExact, assertWhole, type ToldBatch } from './whole.js'

const test = suite('feeds of sinks')

sinkCompliance(test, 'memory', {
  fresh: async () => new MemoryPlace(),
  open: (place: MemoryPlace) => new MemorySink(place),
  read: async ({ records }) => records,
  merges: true,
  locks: true,
})

test('a batch that holds nothing on a key but what was executed before has a height there, and the sink nothing at it', async () => {
  const [twice, other] = [transaction(['a']), transaction(['b'])]
  const batches = [batchOf([twice]), batchOf([twice]), batchOf([other, twice]), batchOf([transaction(['a', 'b'])])]
  const node = new TestNode().execute(batches)
  const place = new MemoryPlace()
  const feed = feedOf(new MemorySink(place), node)
  await caughtUp(feed)
  await feed.stop(1000)
  const { records } = place
  assert.equal(
    records.map(({ position }) => position),
    [{ a: 1 }, { b: 1 }, { a: 4, b: 2 }],
  )
  const told = batches.map(
    ({ id, transactions }): ToldBatch => ({
      batchId: id,
      position: Object.fromEntries(node.logs.heightsOf(id) ?? []),
      transactions: transactions.map((each) => ({ txId: transactionId(CLUSTER_ID, each), keys: each.deps })),
    }),
  )
  assert.is(assertExact(records, told, 3), 2)
  assertWhole(records, 3, 2)
  // The judges of other tests: no batch accounts for what is missing, in another order or at another place.
  const [first, second, third] = records
  assert.ok(first && second && third)
  const wrong = [
    [first, second],
    [first, third],
    [second, third],
    [third, first, second],
    [first, second, { ...third, position: { a: 3, b: 2 } }],
  ]
  for (const each of wrong) {
    const indexed = each.map((record, index) => ({ ...record, index }))
    assert.ok(isRefused(() => assertExact(indexed, told, each.length)))
  }
  assert.ok(isRefused(() => assertExact(records, told.toSpliced(1, 1), 3)))
  assert.ok(isRefused(() => assertWhole(records, 3, 1)))
})

function isRefused(judge: () => void): boolean {
  try {
    judge()
    return false
  } catch {
    return true
  }
}

const failing = (error: () => Error): Sink => ({
  ...new MemorySink(new MemoryPlace()),
  open: async () => {
    throw error()
  },
  close: async () => {},
  held: () => {
    throw error()
  },
  kept: (position) => position,
  write: async () => {},
})

async function pausesOf(sink: Sink, count: number, random: number): Promise<number[]> {
  const pauses: number[] = []
  const feed = new SinkFeed({
    sink,
    log: new TestNode().log,
    clusterId: CLUSTER_ID,
    label: { name: 'sink', type: 'test', target: 'here' },
    random: () => random,
    pause: (ms, signal) => {
      pauses.push(ms)
      return pauses.length < count
        ? Promise.resolve()
        : new Promise((resolve) => {
            signal.addEventListener('abort', () => resolve())
          })
    },
  })
  feed.start()
  await until('enough pauses', () => pauses.length === count)
  await feed.stop(1000)
  return pauses
}

test('pauses double up to half a minute, with jitter, and are never shorter than what the sink asks for', async () => {
  const broken = failing(() => new Error('no'))
  assert.equal(await pausesOf(broken, 10, 1), [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  assert.equal((await pausesOf(broken, 3, 0)).slice(0, 3), [125, 250, 500])
  assert.equal(
    await pausesOf(
      failing(() => new TryLater('later', 1500)),
      5,
      1,
    ),
    [1500, 1500, 1500, 2000, 4000],
  )
})

test('the pause begins anew once something was delivered', async () => {
  const node = new TestNode()
  const place = new MemoryPlace()
  const inner = new MemorySink(place)
  const pauses: number[] = []
  let fails = true
  const sink: Sink = {
    open: () => inner.open(),
    held: () => inner.held(),
    kept: (position) => position,
    close: () => inner.close(),
    write: (records) => (fails ? Promise.reject(new Error('no')) : inner.write(records)),
  }
  const feed = new SinkFeed({
    sink,
    log: node.log,
    clusterId: CLUSTER_ID,
    label: { name: 'sink', type: 'test', target: 'here' },
    random: () => 1,
    pause: async (ms) => {
      pauses.push(ms)
      if (pauses.length === 4) fails = false
    },
  })
  feed.start()
  node.execute(history(1, 1, new SeededRandom('pause')))
  await caughtUp(feed)
  fails = true
  node.execute(history(1, 1, new SeededRandom('again')))
  await until('it fails again', () => pauses.length > 4)
  fails = false
  await feed.stop(1000)
  assert.equal(pauses.slice(0, 5), [250, 500, 1000, 2000, 250])
})

test('while it holds what comes later in the log its digest is null, and what is before that does not count as taken', async () => {
  const [a, b, c] = ['a', 'b', 'c'].map((key) => batchOf([transaction([key])])) as [Batch, Batch, Batch]
  const place = new MemoryPlace()
  const first = feedOf(new MemorySink(place), new TestNode().execute([b]))
  await caughtUp(first)
  await first.stop(1000)
  const inner = new MemorySink(place)
  const write = inner.write.bind(inner)
  let go: () => void = () => {}
  const gone = new Promise<void>((resolve) => {
    go = resolve
  })
  inner.write = (records) => gone.then(() => write(records))
  const order = new TestNode().execute([a, b, c])
  const feed = feedOf(inner, order)
  await until('it is open', () => feed.status.state === 'ready')
  assert.equal([feed.status.position, feed.status.behind, feed.taken], [1, 2, 0])
  go()
  await caughtUp(feed)
  await feed.stop(1000)
  assert.is(feed.taken, 3)
  const alone = new MemoryPlace()
  const other = feedOf(new MemorySink(alone), order)
  await caughtUp(other)
  await other.stop(1000)
  const digests = ({ records }: MemoryPlace) => records.map(({ logDigest }) => logDigest)
  assert.equal(digests(place).slice(1), [null, digests(alone)[2]])
  assert.ok(digests(place)[0] && digests(alone)[2])
})

test('while a group is made others get their turn', async () => {
  const inner = new MemorySink(new MemoryPlace())
  let turns = 0
  const seen: number[] = []
  const write = inner.write.bind(inner)
  inner.write = (records) => {
    seen.push(turns)
    return write(records)
  }
  const turn = () => {
    turns++
    next = setImmediate(turn)
  }
  let next = setImmediate(turn)
  const feed = feedOf(inner, new TestNode().execute(history(1000, 1, new SeededRandom('turns'))))
  await until('it writes', () => seen.length > 0)
  clearImmediate(next)
  await feed.stop(1000)
  assert.ok((seen[0] ?? 0) >= 20, `${seen[0]} turns`)
})

test('a group is about 1 MiB, whatever of its records takes the room', async () => {
  const large = new TestNode()
  large.executor.machine.apply = () => ({ ok: true, result: 'x'.repeat(400_000) })
  const nodes = [
    large.execute(history(9, 1, new SeededRandom('large'))),
    new TestNode().execute(Array.from({ length: 9 }, () => batchOf([transaction(['k'], new Uint8Array(200_000))]))),
    new TestNode().execute(
      Array.from({ length: 200 }, (_, i) =>
        batchOf([
          transaction(
            Array.from({ length: 64 }, (_, k) => `${i}-${k}`.padEnd(128, 'x')),
            new Uint8Array(),
          ),
        ]),
      ),
    ),
  ]
  for (const node of nodes) {
    const place = new MemoryPlace()
    const inner = new MemorySink(place)
    const sizes: number[] = []
    const write = inner.write.bind(inner)
    inner.write = (records) => {
      sizes.push(JSON.stringify(records).length)
      return write(records)
    }
    const feed = feedOf(inner, node)
    await caughtUp(feed)
    await feed.stop(1000)
    assert.is(place.records.length, node.log.size)
    assert.ok(sizes.length > 1 && sizes.every((size) => size < 3 * 1024 * 1024), sizes.join())
  }
})

test('a sink that refuses for good stops, and is not tried again', async () => {
  let opened = 0
  const feed = feedOf(
    failing(() => {
      opened++
      return new MusigError('CHECK_FAILED', 'of another\ncluster\u001b[31m')
    }),
    new TestNode(),
  )
  await until('it stops', () => feed.status.state === 'stopped')
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.is(opened, 1)
  assert.is(feed.status.lastError, 'of another cluster [31m')
  await feed.stop(1000)
})

test('a sink that fails again and again with the same words is told of once, since when it does, and in 500 characters at most', async () => {
  let opened = 0
  const told: SinkStatus[] = []
  const sink = failing(() => {
    // So that the clock goes on between the two.
    for (const end = Date.now() + (opened === 6 ? 5 : 0); Date.now() < end; );
    return new Error((opened++ < 6 ? 'x' : 'y').repeat(10_000))
  })
  const feed = feedOf(sink, new TestNode(), (status) => told.push(status))
  await until('it was tried', () => opened > 9)
  await feed.stop(1000)
  assert.equal(
    told.map(({ state, lastError }) => [state, lastError]),
    ['x', 'y'].map((letter) => ['failing', letter.repeat(500)]),
  )
  assert.is(told[1]?.since, told[0]?.since)
})

test('stopping does not wait for a sink that hangs', async () => {
  let closed = false
  const node = new TestNode().execute(history(1, 1, new SeededRandom('hang')))
  const inner = new MemorySink(new MemoryPlace())
  const feed = feedOf(
    {
      open: () => inner.open(),
      held: () => inner.held(),
      kept: (position) => position,
      write: () => new Promise(() => {}),
      close: async () => {
        closed = true
      },
    },
    node,
  )
  await until('it writes', () => feed.status.state === 'ready')
  await feed.stop(50)
  assert.ok(closed)
})

test('what fails because it is stopped is no failure', async () => {
  const node = new TestNode().execute(history(1, 1, new SeededRandom('stopped')))
  const inner = new MemorySink(new MemoryPlace())
  let writing = false
  let end: (error: Error) => void = () => {}
  const told: string[] = []
  const sink: Sink = {
    open: () => inner.open(),
    held: () => inner.held(),
    kept: (position) => position,
    write: () =>
      new Promise((_, reject) => {
        writing = true
        end = reject
      }),
    close: async () => {},
  }
  const feed = feedOf(sink, node, ({ state }) => told.push(state))
  await until('it writes', () => writing)
  const stopped = feed.stop(1000)
  end(new Error('it was broken off'))
  await stopped
  assert.equal(told, ['ready'])
})

test('a log knows how many transactions stand in how many batches, and lets bodies go', () => {
  const batches = history(10, 2, new SeededRandom('log'))
  const [first] = batches
  assert.ok(first)
  const { log } = new TestNode().execute([...batches.slice(0, 4), first, ...batches.slice(4)])
  assert.is(log.size, 10)
  assert.equal(
    [1, 4, 5, 6, 11].map((count) => log.countOf(count)),
    [1, 4, 4, 5, 10],
  )
  log.prune(5)
  assert.is(log.begin, 4)
  assert.throws(() => log.at(3), /a body that is kept/)
  assert.is(log.at(4).batch.id, batches[4]?.id)
  assert.equal([...log.heightsAt(0).values()], [1])
})

test.run()
