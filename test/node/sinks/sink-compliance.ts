/** What every sink must do, whatever it is made of. A place is what of a sink survives its process. */
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { SeededRandom } from '../../../src/lib/base/prng.js'
import type { Batch } from '../../../src/lib/core/transaction.js'
import { SinkFeed, type SinkStatus } from '../../../src/lib/node/sinks/feed.js'
import type { HeldRecord, Sink, SinkPosition, SinkRecord } from '../../../src/lib/node/sinks/sink.js'
import { until } from '../../until.js'
import { batchOf, CLUSTER_ID, history, reordered, TestNode, transaction } from './history.js'

/** A record as its reader finds it. */
export type ReadBack = Pick<SinkRecord, 'index' | 'txId' | 'position'>

export interface SinkPlaces<P> {
  fresh(): Promise<P>
  /** A sink on this place, as a process makes it that knows nothing of those before. */
  open(place: P): Sink
  /** What its reader finds there; where it is delivered at least once, without what came again. */
  read(place: P): Promise<ReadBack[]>
  /** Whether it can go on where another node has filled it in another order. */
  merges: boolean
  /** Whether a second writer is kept away. */
  locks: boolean
}

const RUNS = 12

/** Feeds a sink, with pauses that take no time. */
export function feedOf(sink: Sink, { log }: TestNode, changed?: (status: SinkStatus) => void): SinkFeed {
  const feed = new SinkFeed({
    sink,
    log,
    clusterId: CLUSTER_ID,
    label: { name: 'sink', type: 'test', target: 'here' },
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    ...(changed && { changed }),
  })
  feed.start()
  return feed
}

/** Whether a sink is there and has taken all: one that still connects has nothing to be behind of. */
export const hasAll = ({ status }: SinkFeed) => status.state === 'ready' && status.behind === 0

export async function caughtUp(feed: SinkFeed): Promise<void> {
  await until(`caught up: ${JSON.stringify(feed.status)}`, () => {
    assert.is.not(feed.status.state, 'stopped', feed.status.lastError ?? '')
    return hasAll(feed)
  })
}

/** The records of a place follow the node's order. */
export function assertFollows(read: readonly ReadBack[], { log }: TestNode, note = ''): void {
  assert.equal(
    read.map(({ txId, index }) => [index, txId]),
    Array.from({ length: log.size }, (_, i) => [i, log.idAt(i)]),
    note,
  )
}

/** Every transaction of the node once, without gaps, and on each key in the order of its heights. */
function assertValid(read: readonly ReadBack[], { log }: TestNode, note = ''): void {
  assert.equal(
    read.map(({ index }) => index),
    read.map((_, i) => i),
    note,
  )
  assert.equal(read.map(({ txId }) => txId).sort(), Array.from({ length: log.size }, (_, i) => log.idAt(i)).sort(), note)
  const heights = new Map<string, number>()
  for (const { position } of read) {
    for (const [key, height] of Object.entries(position)) {
      assert.ok(height >= (heights.get(key) ?? 0), `${note}: ${key} comes to ${height} after ${heights.get(key)}`)
      heights.set(key, height)
    }
  }
}

/** Dies at one of its calls: before it does anything, in the middle of it, or after it and before anyone hears. */
class Dying implements Sink {
  readonly died: Promise<void>
  readonly #inner: Sink
  readonly #at: { call: number; when: 'before' | 'during' | 'after' }
  #calls = 0
  #die: () => void = () => {}

  constructor(inner: Sink, at: { call: number; when: 'before' | 'during' | 'after' }) {
    this.#inner = inner
    this.#at = at
    this.died = new Promise((resolve) => {
      this.#die = resolve
    })
  }

  open(lost: (error: Error) => void): Promise<SinkPosition> {
    return this.#call(() => this.#inner.open(lost))
  }

  write(records: readonly SinkRecord[]): Promise<void> {
    return this.#call(() => this.#inner.write(records))
  }

  held(): AsyncIterable<readonly HeldRecord[]> {
    return this.#inner.held()
  }

  kept(position: SinkRecord['position']): SinkRecord['position'] {
    return this.#inner.kept(position)
  }

  /** Of a process that is gone nothing is closed by itself. */
  async close(): Promise<void> {}

  async #call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#calls !== this.#at.call) {
      this.#calls++
      return work()
    }
    // One that fails (whoever was killed before may still hold the lock for a moment) comes again, and it dies then.
    if (this.#at.when === 'after') await work()
    const begun = this.#at.when === 'during' ? work().catch(() => {}) : undefined
    if (begun) await Promise.race([begun, new Promise((resolve) => setImmediate(resolve))])
    this.#die()
    return new Promise(() => {})
  }
}

export function sinkCompliance<P>(test: Test, name: string, places: SinkPlaces<P>): void {
  test(`${name}: what is executed arrives in order, also what was executed before, and after a restart`, async () => {
    const random = new SeededRandom('order')
    const place = await places.fresh()
    const node = new TestNode().execute(history(20, 3, random))
    for (let life = 0; life < 3; life++) {
      const sink = places.open(place)
      const feed = feedOf(sink, node)
      await caughtUp(feed)
      for (const batch of history(5, 3, random)) node.execute([batch])
      await caughtUp(feed)
      await feed.stop(2000)
      assertFollows(await places.read(place), node, `life ${life}`)
    }
  })

  test(`${name}: killed at each step of its life and started again: each transaction once, in order`, async () => {
    const seed = Date.now()
    const random = new SeededRandom(seed)
    const place = await places.fresh()
    const node = new TestNode()
    for (let run = 0; run < RUNS; run++) {
      const when = (['before', 'during', 'after'] as const)[run % 3] ?? 'before'
      const call = Math.floor(run / 3)
      const inner = places.open(place)
      const dying = new Dying(inner, { call, when })
      const feed = feedOf(dying, node)
      let dead = false
      void dying.died.then(() => {
        dead = true
      })
      for (let left = 20; left > 0 && !dead; left--) {
        node.execute(history(1 + random.upTo(4), 3, random))
        await until(`it dies ${when} call ${call} or takes what there is, seed ${seed}`, () => dead || hasAll(feed))
      }
      assert.ok(dead, `${when} call ${call}, seed ${seed}`)
      await feed.stop(0)
      await inner.close()
    }
    const feed = feedOf(places.open(place), node)
    await caughtUp(feed)
    await feed.stop(2000)
    assertFollows(await places.read(place), node, `seed ${seed}`)
  })

  test(`${name}: large payloads, strange keys, batches of many and transactions that stand in two batches`, async () => {
    const place = await places.fresh()
    const [twice, keyless] = [transaction(['a']), transaction([])]
    const strange = ['\0', '"', '\\', '{}', '\u2028', '__proto__', 'NULL', '😀', 'é'].sort()
    const node = new TestNode().execute([
      batchOf([twice, keyless, transaction(['a', 'b'])]),
      batchOf([twice, keyless]),
      batchOf([transaction([...strange])]),
      batchOf([transaction(['a'], new Uint8Array(256 * 1024).fill(255)), transaction([], new Uint8Array())]),
      batchOf(Array.from({ length: 1024 }, (_, i) => transaction([`k${i}`]))),
      ...[
        '{"a":"\\u0000"}',
        '"\\ud800"',
        '[1e400]',
        `${'['.repeat(60)}${']'.repeat(60)}`,
        `${'['.repeat(1e5)}${']'.repeat(1e5)}`,
        '{"a":1,"a":2}',
        ' {"b" : [1.5, null]}\n',
      ].map((json) => batchOf([transaction(['json'], new TextEncoder().encode(json))])),
    ])
    const feed = feedOf(places.open(place), node)
    await caughtUp(feed)
    await feed.stop(2000)
    assertFollows(await places.read(place), node)
  })

  test(`${name}: while it takes nothing the node goes on, nothing is queued, and it gets all of it later`, async () => {
    const random = new SeededRandom('slow')
    const place = await places.fresh()
    const node = new TestNode()
    const inner = places.open(place)
    let go: () => void = () => {}
    let most = 0
    let asked = 0
    const slow: Sink = {
      open: (lost) => inner.open(lost),
      write: async (records) => {
        asked++
        most = Math.max(most, records.length)
        if (asked === 2)
          await new Promise<void>((resolve) => {
            go = resolve
          })
        return inner.write(records)
      },
      held: () => inner.held(),
      kept: (position) => inner.kept(position),
      close: () => inner.close(),
    }
    const feed = feedOf(slow, node)
    node.execute(history(1, 3, random))
    await caughtUp(feed)
    for (let i = 0; i < 30; i++) {
      node.execute(history(100, 3, random))
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.is(asked, 2)
    assert.is(feed.status.position, 1)
    assert.is(feed.status.behind, 3000)
    assert.is(feed.taken, 1)
    go()
    await caughtUp(feed)
    assert.is(feed.taken, 3001)
    await feed.stop(2000)
    assert.ok(most <= 1000, `${most} at once`)
    assertFollows(await places.read(place), node)
  })

  test(`${name}: an error, a lost connection: it is opened again and goes on`, async () => {
    const random = new SeededRandom('errors')
    const place = await places.fresh()
    const node = new TestNode()
    const inner = places.open(place)
    let [opens, writes] = [0, 0]
    let lose: (error: Error) => void = () => {}
    const told: string[] = []
    const failing: Sink = {
      open: async (lost) => {
        if (opens++ % 2 === 0) throw new Error('not there')
        lose = lost
        return inner.open(lost)
      },
      write: async (records) => {
        const write = writes++ % 4
        if (write === 1) throw new Error('nothing was written')
        await inner.write(records)
        if (write === 3) throw new Error('it was written all the same')
      },
      held: () => inner.held(),
      kept: (position) => inner.kept(position),
      close: () => inner.close(),
    }
    const feed = feedOf(failing, node, ({ state, lastError }) => told.push(`${state} ${lastError}`))
    for (let i = 0; i < 6; i++) {
      node.execute(history(2, 3, random))
      await caughtUp(feed)
    }
    lose(new Error('the line is dead'))
    await until('it says so', () => told.includes('failing the line is dead'))
    await caughtUp(feed)
    assert.is(feed.status.lastError, null)
    await feed.stop(2000)
    for (const line of ['failing not there', 'failing nothing was written', 'failing it was written all the same', 'ready null'])
      assert.ok(told.includes(line), line)
    assertFollows(await places.read(place), node)
  })

  if (places.locks) {
    test(`${name}: a second writer waits, says so, and takes over when the first has gone`, async () => {
      const random = new SeededRandom('two')
      const place = await places.fresh()
      const node = new TestNode().execute(history(10, 3, random))
      const first = feedOf(places.open(place), node)
      await caughtUp(first)
      const second = feedOf(places.open(place), node)
      await until('it waits', () => second.status.state === 'waiting')
      assert.match(second.status.lastError ?? '', /writes to/)
      node.execute(history(10, 3, random))
      await caughtUp(first)
      assert.is(second.status.position, null)
      await first.stop(2000)
      node.execute(history(10, 3, random))
      await caughtUp(second)
      await second.stop(2000)
      assertFollows(await places.read(place), node)
    })
  }

  if (places.merges) mergingCompliance(test, name, places)
}

function mergingCompliance<P>(test: Test, name: string, places: SinkPlaces<P>): void {
  async function fed(place: P, node: TestNode): Promise<void> {
    const feed = feedOf(places.open(place), node)
    await caughtUp(feed)
    await feed.stop(2000)
  }

  test(`${name}: nodes that executed in other orders fill it one after the other: each transaction once, in a valid order`, async () => {
    const seed = Date.now()
    const random = new SeededRandom(seed)
    for (let run = 0; run < 5; run++) {
      const place = await places.fresh()
      const all = history(60, 8, random)
      const cut = random.upTo(60)
      await fed(place, new TestNode().execute(all.slice(0, cut)))
      const other = new TestNode().execute(reordered(all, random))
      await fed(place, other)
      assertValid(await places.read(place), other, `seed ${seed}, run ${run}, ${cut} before`)
      await fed(place, new TestNode().execute(reordered(all, random)))
      assertValid(await places.read(place), other, `seed ${seed}, run ${run}, once more`)
    }
  })

  test(`${name}: a node that has executed less than the sink holds feeds it once it has caught up`, async () => {
    const random = new SeededRandom('less')
    const place = await places.fresh()
    const all = history(40, 5, random)
    await fed(place, new TestNode().execute(all.slice(0, 30)))
    const order = reordered(all, random)
    const node = new TestNode().execute(order.slice(0, 5))
    const feed = feedOf(places.open(place), node)
    await until('it waits', () => feed.status.state === 'waiting')
    assert.match(feed.status.lastError ?? '', /it holds 30 transactions, and [0-9a-f]{64} among them is not executed here yet/)
    for (const batch of order.slice(5)) {
      node.execute([batch])
      await new Promise((resolve) => setImmediate(resolve))
    }
    await caughtUp(feed)
    await feed.stop(2000)
    assertValid(await places.read(place), node)
  })

  test(`${name}: once it holds just what its node has executed, the next start compares nothing`, async () => {
    const random = new SeededRandom('settled')
    const place = await places.fresh()
    const all = history(30, 5, random)
    await fed(place, new TestNode().execute(all.slice(0, 20)))
    const node = new TestNode().execute(reordered(all, random))
    await fed(place, node)
    node.execute(history(1, 5, random))
    await fed(place, node)
    const sink = places.open(place)
    const position = await sink.open(() => {})
    await sink.close()
    assert.is(position.count, 31)
    assert.ok(position.logDigest)
  })

  test(`${name}: one without keys may stand in another batch at another node`, async () => {
    const place = await places.fresh()
    const keyless = transaction([])
    const [one, two] = [batchOf([keyless, transaction(['a'])]), batchOf([transaction(['b']), keyless])]
    await fed(place, new TestNode().execute([one]))
    const node = new TestNode().execute([two, one])
    await fed(place, node)
    assertValid(await places.read(place), node)
  })

  const others: [what: string, make: (all: Batch[]) => TestNode][] = [
    ['that has something else at its places', (all) => new TestNode().execute([batchOf([transaction(['key:0'])]), ...all])],
    [
      'in which two of one key have changed places',
      (all) => new TestNode().execute([all[1], all[0], ...all.slice(2)].flatMap((batch) => batch ?? [])),
    ],
    [
      'in which one that it lacks stands before one that it holds',
      (all) => new TestNode().execute([all[0], batchOf([transaction(['key:0'])]), ...all.slice(1)].flatMap((batch) => batch ?? [])),
    ],
    [
      'in which a transaction stands in another batch',
      (all) => new TestNode().execute([...all.slice(0, -1), batchOf([...(all.at(-1)?.transactions ?? []), transaction(['x'])])]),
    ],
    ['that knows none of its transactions', () => new TestNode().execute(history(20, 1, new SeededRandom('none')))],
  ]
  for (const [what, make] of others) {
    test(`${name}: it refuses a history ${what}, and changes nothing`, async () => {
      const place = await places.fresh()
      const all = history(10, 1, new SeededRandom('other'))
      await fed(place, new TestNode().execute(all))
      const before = await places.read(place)
      for (const node of [make(all), make(all).pruned()]) {
        const feed = feedOf(places.open(place), node)
        await until('it stops', () => feed.status.state === 'stopped')
        assert.match(feed.status.lastError ?? '', /it was filled from another history/)
        node.execute(history(3, 1, new SeededRandom('later')))
        assert.is(feed.taken, 0)
        await feed.stop(2000)
      }
      assert.equal(await places.read(place), before)
    })
  }

  test(`${name}: it goes on behind what its node has pruned, and an empty one is refused there`, async () => {
    const random = new SeededRandom('pruned')
    const place = await places.fresh()
    const all = history(20, 4, random)
    const old = new TestNode().execute(all.slice(0, 15))
    await fed(place, old)
    const node = old.pruned().execute(all.slice(15))
    await fed(place, node)
    assertFollows(await places.read(place), node)
    const feed = feedOf(places.open(await places.fresh()), node)
    await until('it stops', () => feed.status.state === 'stopped')
    assert.is(
      feed.status.lastError,
      'transaction 0 of this node’s log is not in it and is pruned here: fill it first from a node that keeps all (--snapshot-every 0)',
    )
    await feed.stop(2000)
  })
}
