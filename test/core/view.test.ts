/** Views: sets and their writing relative to a reference, reading above a base, limits, and claims from liars. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeCbor } from '../../src/lib/base/cbor.js'
import { fromCbor, toCbor } from '../../src/lib/base/codec.js'
import { sha256 } from '../../src/lib/base/hash.js'
import { KeyLogs } from '../../src/lib/core/key-logs.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import { EPOCH_KEY } from '../../src/lib/core/transaction.js'
import { baseOf, encodedAt, freezeView, idsAbove, keyAhead, sameSet, type View, viewCodec, viewFault } from '../../src/lib/core/view.js'
import { isCode } from './refusal.js'
import { hex, u32 } from './text.js'

const seed = Date.now() & 0x7fffffff
console.log(`view: seed ${seed}`)
const id = (i: number): string => hex(sha256(u32(i)))
const KEYS = ['a', 'b']

/** A history of 0–8 batches on keys a, b or both, an own arrival order over some of them and up to 4 open ones, and how far that signer had executed. */
const story = fc
  .record({
    past: fc.array(fc.constantFrom(['a'], ['b'], ['a', 'b']), { maxLength: 8 }),
    open: fc.subarray([100, 101, 102, 103]),
    executed: fc.nat(8),
    wanted: fc.record({ a: fc.nat(9), b: fc.nat(9) }),
    missing: fc.array(fc.nat(8), { maxLength: 2 }),
  })
  .map(({ past, open, executed, wanted, missing }) => {
    const logs = new KeyLogs('ab'.repeat(32))
    const early = new KeyLogs('ab'.repeat(32))
    past.forEach((keys, i) => {
      logs.append(id(i), keys)
      if (i < executed) early.append(id(i), keys)
    })
    // What it had executed lies below its heights; of the rest it knows all but a few, as pending.
    const pending = [...past.keys()]
      .filter((i) => i >= executed && !missing.includes(i))
      .concat(open)
      .map(id)
    return {
      logs,
      view: freezeView(KEYS, pending, early),
      wanted: new Map(Object.entries(wanted)),
      own: new Set(
        [...past.keys()]
          .filter((i) => i < executed)
          .map(id)
          .concat(pending),
      ),
    }
  })

const setOf = (view: View, logs: KeyLogs): Set<string> => idsAbove(view, KEYS, new Map(), logs)

test('a frozen view is everything executed by then and everything pending', () => {
  fc.assert(
    fc.property(story, ({ logs, view, own }) => assert.equal([...setOf(view, logs)].sort(), [...own].sort())),
    { seed },
  )
})

test('writing it relative to a reference never changes the set', () => {
  fc.assert(
    fc.property(story, ({ logs, view, wanted, own }) => {
      const written = encodedAt(view, KEYS, wanted, logs)
      assert.equal([...setOf(written, logs)].sort(), [...own].sort())
      assert.ok(sameSet(view, written, KEYS, logs))
      // It can be sent.
      assert.equal(fromCbor(viewCodec, toCbor(viewCodec, written), LIMITS.viewBytes), written)
    }),
    { seed, numRuns: 300 },
  )
})

test('signers with one set and one reference write the same bytes, however far they had executed', () => {
  let compared = 0
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(['a'], ['b'], ['a', 'b']), { maxLength: 8 }),
      fc.nat(8),
      fc.nat(8),
      fc.record({ a: fc.nat(8), b: fc.nat(8) }),
      (past, one, two, heights) => {
        const logs = new KeyLogs('ab'.repeat(32))
        past.forEach((keys, i) => void logs.append(id(i), keys))
        const at = (executed: number): View => {
          const early = new KeyLogs('ab'.repeat(32))
          past.slice(0, executed).forEach((keys, i) => void early.append(id(i), keys))
          return freezeView(KEYS, [...past.keys()].slice(executed).map(id), early)
        }
        const wanted = new Map(Object.entries(heights).filter(([, height]) => height > 0))
        // A reference lies at a point of somebody's log: here where both signers reach it.
        const reached = new Map([...wanted].map(([key, height]) => [key, Math.min(height, logs.heightOf(key))]))
        const [first, second] = [at(one), at(two)].map((view) => encodedAt(view, KEYS, reached, logs))
        assert.equal(first, second)
        compared++
      },
    ),
    { seed, numRuns: 300 },
  )
  assert.is(compared, 300)
})

test('sets that differ by one batch are not the same, and their bytes differ', () => {
  fc.assert(
    fc.property(story, ({ logs, view, wanted }) => {
      const more = { ...view, pending: [...view.pending, id(500)].sort() }
      assert.not.ok(sameSet(view, more, KEYS, logs))
      assert.not.equal(encodedAt(view, KEYS, wanted, logs), encodedAt(more, KEYS, wanted, logs))
    }),
    { seed },
  )
})

test('above a base: only what lies above it, by any key', () => {
  fc.assert(
    fc.property(story, fc.record({ a: fc.nat(5), b: fc.nat(5) }), ({ logs, view, own }, base) => {
      const below = (named: string) => [...(logs.heightsOf(named) ?? [])].some(([key, height]) => height <= (base[key as 'a' | 'b'] ?? 0))
      const above = idsAbove(view, KEYS, new Map(Object.entries(base)), logs)
      for (const named of above) assert.ok(own.has(named) && !below(named))
      for (const named of own) if (!below(named)) assert.ok(above.has(named), named)
    }),
    { seed },
  )
})

test('the base of several views is the lowest height of each key', () => {
  const view = (a: number, b: number): View => ({ heights: new Map(Object.entries({ a, b }).filter(([, height]) => height > 0)), pending: [] })
  assert.equal([...baseOf([view(3, 1), view(2, 5)], KEYS)].sort(), [
    ['a', 2],
    ['b', 1],
  ])
  assert.equal([...baseOf([view(3, 0), view(2, 5)], KEYS)], [['a', 2]])
  assert.equal([...baseOf([], KEYS)], [])
})

test('a view may reach above the reader’s history: the reader is told which key', () => {
  const logs = new KeyLogs('ab'.repeat(32))
  logs.append(id(1), ['a'])
  assert.is(keyAhead(new Map([['a', 1]]), logs), undefined)
  assert.is(keyAhead(new Map([['a', 2]]), logs), 'a')
  assert.is(keyAhead(new Map([['b', 4_294_967_295]]), logs), 'b')
})

test('refused in a vote: the batch before itself, and heights of keys that are not the batch’s', () => {
  assert.ok(viewFault({ heights: new Map(), pending: [id(1)] }, id(1), KEYS))
  assert.ok(viewFault({ heights: new Map([['c', 1]]), pending: [] }, id(1), KEYS))
  assert.is(viewFault({ heights: new Map([['a', 1]]), pending: [id(2)] }, id(1), KEYS), undefined)
  // Only a change of the signers may speak of all keys, and of so much.
  const long = { heights: new Map<string, number>(), pending: Array.from({ length: LIMITS.pendingPerView + 1 }, (_, i) => id(i + 10)) }
  assert.ok(viewFault(long, id(1), KEYS))
  assert.is(viewFault(long, id(1), [EPOCH_KEY]), undefined)
  assert.is(viewFault({ heights: new Map([['c', 1]]), pending: [] }, id(1), [EPOCH_KEY]), undefined)
})

test('refused on the wire: unsorted or double ids, a height of 0, too many ids, heights that are none', () => {
  const view = (heights: [string, unknown][], pending: unknown[]) =>
    encodeCbor(
      new Map<string, never>([
        ['heights', new Map(heights) as never],
        ['pending', pending as never],
      ]),
    )
  const bytes = (i: number) => sha256(u32(i))
  const [low, high] = [1, 2].map(bytes).sort(Buffer.compare)
  const read = (encoded: Uint8Array) => fromCbor(viewCodec, encoded, LIMITS.messageBytes)
  assert.is(read(view([['a', 1]], [low, high])).pending.length, 2)
  for (const bad of [
    view([], [high, low]),
    view([], [low, low]),
    view([['a', 0]], []),
    view([['a', 2 ** 32]], []),
    view([['', 1]], []),
    view([['a'.repeat(129), 1]], []),
    view([['a', '1']], []),
    view([], [bytes(1).subarray(1)]),
    view([], Array.from({ length: LIMITS.pendingPerChange + 1 }, (_, i) => bytes(i)).sort(Buffer.compare)),
  ])
    isCode(() => read(bad), 'BAD_ENCODING')
})

test('a hostile reference costs bounded work: heights of four billion, and ids by the hundred thousand', () => {
  const logs = new KeyLogs('ab'.repeat(32))
  for (let i = 0; i < 100; i++) logs.append(id(i), ['a'])
  const own = freezeView(['a'], [], logs)
  const ids = Array.from({ length: 200_000 }, () => new Uint8Array(32))
  const many = encodeCbor(
    new Map<string, never>([
      ['heights', new Map() as never],
      ['pending', ids as never],
    ]),
  )
  const start = performance.now()
  assert.equal(encodedAt(own, ['a'], new Map([['a', 4_294_967_295]]), logs), own)
  isCode(() => fromCbor(viewCodec, many, LIMITS.messageBytes), 'BAD_ENCODING')
  isCode(() => fromCbor(viewCodec, new Uint8Array(LIMITS.messageBytes + 1), LIMITS.messageBytes), 'BAD_ENCODING')
  assert.ok(performance.now() - start < 20_000)
})

test.run()
