/** Tallies: counting, predecessors, decisive pairs at every size, score, hopeless sets, values and their codec, against the plainest counting. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromCbor, toCbor } from '../../src/lib/base/codec.js'
import { sha256 } from '../../src/lib/base/hash.js'
import { KeyLogs } from '../../src/lib/core/key-logs.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import { boundsOf } from '../../src/lib/core/manifest.js'
import { valueDigest } from '../../src/lib/core/statement.js'
import {
  type CountedView,
  fastValue,
  isDecisivePair,
  isFast,
  isHopeless,
  leavesOut,
  predecessorsOf,
  scoreOf,
  slowValue,
  type Tally,
  tallyOf,
  type Value,
  valueCodec,
} from '../../src/lib/core/tally.js'
import { isCode } from './refusal.js'
import { hex, u32 } from './text.js'

const seed = Date.now() & 0x7fffffff
console.log(`tally: seed ${seed}`)
const HALF = { a: 1, b: 2 }
const id = (i: number): string => hex(sha256(u32(i)))
const CLUSTER = 'ab'.repeat(32)

function past(count: number): KeyLogs {
  const logs = new KeyLogs(CLUSTER)
  for (let i = 0; i < count; i++) logs.append(id(i), ['k'])
  return logs
}

const view = (height: number, pending: number[]) => ({ heights: new Map(height > 0 ? [['k', height]] : []), pending: pending.map(id).sort() })

test('votes are counted above the lowest height, each batch with the votes that have it', () => {
  const logs = past(4)
  const votes: CountedView[] = [
    { view: view(4, [10]), count: 2 },
    { view: view(2, [3, 11]), count: 3 },
    { view: view(3, []), count: 1 },
  ]
  const tally = tallyOf(['k'], votes, logs)
  assert.ok(!('behindOn' in tally))
  if ('behindOn' in tally) return
  assert.is(tally.votes, 6)
  assert.equal([...tally.base], [['k', 2]])
  // The third batch (index 2, height 3) is in the first and the last; the fourth in the first and, as pending, in the second.
  assert.equal(Object.fromEntries(tally.inc), { [id(2)]: 3, [id(3)]: 5, [id(10)]: 2, [id(11)]: 3 })
})

test('a vote above the reader’s history is not counted wrongly: the key is named', () => {
  assert.equal(tallyOf(['k'], [{ view: view(5, []), count: 1 }], past(4)), { behindOn: 'k' })
})

test('a claim of four billion batches costs nothing', () => {
  const start = performance.now()
  assert.equal(tallyOf(['k'], [{ view: { heights: new Map([['k', 4_294_967_295]]), pending: [] }, count: 1 }], past(4)), { behindOn: 'k' })
  assert.ok(performance.now() - start < 500)
})

test('fast, hopeless and score by trying out every vote that may still come', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 13 }).chain((n) =>
        fc.record({
          n: fc.constant(n),
          votes: fc.integer({ min: 0, max: n }),
          shares: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
        }),
      ),
      ({ n, votes, shares }) => {
        const bounds = boundsOf(n, HALF)
        const inc = new Map(shares.map((share, i) => [id(i), Math.max(Math.min(1, votes), Math.round(share * votes))]))
        const tally: Tally = { votes, base: new Map(), inc }
        const decisive = (yes: number, m: number) => 4 * yes > 3 * n || 4 * (m - yes) > 3 * n
        for (const yes of inc.values()) assert.is(isDecisivePair(yes, votes, bounds.quorum), decisive(yes, votes))
        const fast = 4 * votes > 3 * n && [...inc.values()].every((yes) => decisive(yes, votes))
        assert.is(isFast(tally, bounds), fast)
        assert.is(scoreOf(tally), Math.min(votes, ...[...inc.values()].map((yes) => Math.max(yes, votes - yes))))
        if (votes > 0 || inc.size === 0) assert.is(fast, 4 * scoreOf(tally) > 3 * n)
        // Hopeless: some pair stays indecisive however the missing votes fall.
        const stuck = [...inc.values()].some((yes) => !Array.from({ length: n - votes + 1 }, (_, more) => decisive(yes + more, n)).some(Boolean))
        assert.is(isHopeless(tally, bounds), stuck)
      },
    ),
    { seed, numRuns: 500 },
  )
})

test('predecessors: more than c votes, sorted; nothing decisive against it gets in, nothing decisive for it stays out', () => {
  for (let n = 1; n <= 60; n++) {
    const bounds = boundsOf(n, HALF)
    const inc = new Map(Array.from({ length: n + 1 }, (_, count) => [id(count), count]))
    const tally: Tally = { votes: n, base: new Map(), inc }
    const named = predecessorsOf(tally, bounds)
    assert.equal(
      named,
      [...inc]
        .filter(([, count]) => count > bounds.inclusion)
        .map(([batchId]) => batchId)
        .sort(),
    )
    assert.ok(named.includes(id(bounds.quorum)))
    assert.not.ok(named.includes(id(n - bounds.quorum)))
  }
})

test('a pair with a quorum on each batch’s votes is named by at least one of the two, always', () => {
  // If b leaves a out by its votes, at most c have a before b; then at least m − c have b before a, which must be more than c.
  for (let n = 1; n <= 300; n++) {
    const { quorum, inclusion } = boundsOf(n, HALF)
    assert.ok(quorum - (n - quorum) - inclusion > 0 || quorum > inclusion, `n = ${n}`)
    for (let m = quorum; m <= n; m++) assert.ok(m - inclusion > n - quorum, `n = ${n}, m = ${m}`)
  }
})

test('values: fast without tallies, slow with them; digests cover base, predecessors and tallies', () => {
  const bounds = boundsOf(7, HALF)
  const tally: Tally = {
    votes: 7,
    base: new Map([['k', 3]]),
    inc: new Map([
      [id(1), 4],
      [id(2), 1],
    ]),
  }
  const fast = fastValue(tally, bounds)
  const slow = slowValue(tally, bounds)
  assert.equal([fast.tallies, slow.tallies?.m, slow.predecessors], [null, 7, [id(1)]])
  const variants: Value[] = [
    fast,
    slow,
    { ...slow, base: new Map([['k', 4]]) },
    { ...slow, predecessors: [] },
    { ...slow, tallies: { m: 6, inc: tally.inc } },
    {
      ...slow,
      tallies: {
        m: 7,
        inc: new Map([
          [id(1), 4],
          [id(2), 2],
        ]),
      },
    },
  ]
  assert.is(new Set(variants.map((value) => valueDigest(CLUSTER, value))).size, variants.length)
  assert.is.not(valueDigest(CLUSTER, { ...slow }), valueDigest('00'.repeat(32), { ...slow }))
  // The order in which counts were gathered does not show.
  const turned: Value = { ...slow, tallies: { m: 7, inc: new Map([...tally.inc].reverse()) } }
  assert.is(valueDigest(CLUSTER, turned), valueDigest(CLUSTER, slow))
})

test('a value leaves out what is neither a predecessor nor below its base', () => {
  const logs = past(3)
  const value: Value = { base: new Map([['k', 2]]), predecessors: [id(10)], tallies: null }
  assert.equal(
    [0, 1, 2, 10, 11].map((i) => leavesOut(value, id(i), logs)),
    [false, false, true, false, true],
  )
})

test('values come back from their bytes; unsorted or double ids and counts above the limits do not', () => {
  const counts = fc.uniqueArray(fc.nat(50), { maxLength: 6 })
  fc.assert(
    fc.property(counts, counts, fc.nat(4), fc.boolean(), (predecessors, named, height, slow) => {
      const value: Value = {
        base: new Map(height > 0 ? [['k', height]] : []),
        predecessors: predecessors.map(id).sort(),
        tallies: slow ? { m: 9, inc: new Map(named.map((i) => [id(i), i] as const).sort(([a], [b]) => (a < b ? -1 : 1))) } : null,
      }
      assert.equal(fromCbor(valueCodec, toCbor(valueCodec, value), 1 << 20), value)
    }),
    { seed },
  )
  const two = [id(1), id(2)].sort().reverse()
  const refused: Value[] = [
    { base: new Map(), predecessors: two, tallies: null },
    { base: new Map(), predecessors: [id(1), id(1)], tallies: null },
    { base: new Map(), predecessors: [], tallies: { m: LIMITS.signers + 1, inc: new Map() } },
    { base: new Map(), predecessors: [], tallies: { m: 1, inc: new Map([[id(1), LIMITS.signers + 1]]) } },
    { base: new Map(), predecessors: Array.from({ length: 4 * LIMITS.pendingPerChange + 1 }, (_, i) => id(i)).sort(), tallies: null },
  ]
  for (const value of refused) isCode(() => fromCbor(valueCodec, toCbor(valueCodec, value), LIMITS.messageBytes), 'BAD_ENCODING')
})

test.run()
