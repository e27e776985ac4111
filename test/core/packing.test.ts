/** Which transactions make the next batch: groups on contested keys by themselves, nothing overtakes on a key, nothing waits for ever. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import { type KeysNow, packNext, type Waiting } from '../../src/lib/core/packing.js'
import { EPOCH_KEY } from '../../src/lib/core/transaction.js'

const waiting = (...keys: string[][]): Waiting[] =>
  keys.map((deps, i) => ({
    since: i,
    transaction: { deps, payload: new Uint8Array(0), client: null, nonce: Uint8Array.of(i & 255, i >> 8, 1), expiry: null, signature: null },
  }))

const keysNow = (contested: readonly string[], held: readonly string[] = []): KeysNow => ({
  isContested: (key) => contested.includes(key),
  isHeld: (key) => held.includes(key),
})

/** What is packed until nothing more is, as places in the queue. */
function packAll(queue: readonly Waiting[], keys: KeysNow): number[][] {
  const batches: number[][] = []
  for (let left = [...queue]; ; ) {
    const { taken } = packNext(left, keys)
    if (taken.size === 0) return batches
    batches.push([...taken].map((one) => queue.indexOf(one)))
    left = left.filter((one) => !taken.has(one))
  }
}

test('what hangs together with a contested key goes into a batch of its own', () => {
  const queue = waiting(['a'], ['hot', 'b'], ['c'], [], ['b'], ['a', 'd'], ['d'])
  assert.equal(packAll(queue, keysNow(['hot'])), [
    [0, 2, 3, 5, 6],
    [1, 4],
  ])
  assert.equal(packAll(queue, keysNow([])), [[0, 1, 2, 3, 4, 5, 6]])
})

test('the oldest says of which kind a batch is, so that neither kind waits for ever', () => {
  assert.equal(packAll(waiting(['hot'], ['a'], ['hot']), keysNow(['hot'])), [[0, 2], [1]])
})

test('an older one of the same group goes with it, though its own key is not contested', () => {
  assert.equal(packAll(waiting(['a'], ['b'], ['a', 'hot']), keysNow(['hot'])), [[0, 2], [1]])
})

test('what is held back stays, and all behind it on its keys; whether anything was left for another batch is told', () => {
  const packed = packNext(waiting(['slow', 'a'], ['a'], ['hot'], ['b']), keysNow(['hot'], ['slow']))
  assert.equal(
    [...packed.taken].map(({ since }) => since),
    [2],
  )
  assert.is(packed.held?.since, 0)
  assert.ok(packed.isSplit)
  assert.not.ok(packNext(waiting(['a'], ['b']), keysNow([])).isSplit)
})

test('however many are held back, what came behind them on other keys goes', () => {
  const held = Array.from({ length: 5 * LIMITS.transactionsPerBatch }, () => ['slow'])
  assert.equal(packAll(waiting(...held, ['a']), keysNow([], ['slow'])), [[held.length]])
})

test('a batch holds no more than its limits, and a change of the signers stands alone', () => {
  const many = waiting(...Array.from({ length: LIMITS.transactionsPerBatch + 5 }, (_, i) => [`k${i % 50}`]))
  assert.equal(
    packAll(many, keysNow([])).map(({ length }) => length),
    [LIMITS.transactionsPerBatch, 5],
  )
  assert.equal(packAll(waiting(['a'], [EPOCH_KEY], ['b']), keysNow([])), [[0], [1], [2]])
})

test('random queues: all go, each batch of one kind, nothing overtakes on a key', () => {
  const seed = Date.now()
  console.log(`seed ${seed}`)
  const random = new SeededRandom(`packing ${seed}`)
  const keys = Array.from({ length: 12 }, (_, i) => `k${i}`)
  for (let run = 0; run < 300; run++) {
    const queue = waiting(
      ...Array.from({ length: random.upTo(30) }, () => [
        ...new Set(Array.from({ length: random.upTo(3) }, () => keys[random.upTo(keys.length - 1)] ?? '')),
      ]),
    )
    const now = keysNow(keys.filter(() => random.fraction() < 0.2))
    const batches = packAll(queue, now)
    assert.equal(
      batches.flat().sort((a, b) => a - b),
      queue.map((_, i) => i),
    )
    const depsOf = (place: number) => queue[place]?.transaction.deps ?? []
    for (const [i, batch] of batches.entries()) {
      const later = batches.slice(i + 1).flat()
      const isContested = batch.some((place) => depsOf(place).some(now.isContested))
      for (const place of batch) {
        // A group is never divided, so it shares no key with what is left.
        assert.not.ok(later.some((other) => depsOf(other).some((key) => depsOf(place).includes(key))))
        const group = batch.filter((other) => reaches(place, other, batch, depsOf))
        assert.is(
          group.some((other) => depsOf(other).some(now.isContested)),
          isContested,
        )
      }
    }
  }
})

/** Whether two places hang together by keys within a batch. */
function reaches(from: number, to: number, batch: readonly number[], depsOf: (place: number) => readonly string[]): boolean {
  const seen = new Set([from])
  for (const place of seen) for (const other of batch) if (depsOf(other).some((key) => depsOf(place).includes(key))) seen.add(other)
  return seen.has(to)
}

test.run()
