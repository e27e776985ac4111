/**
 * From a vote set to pairs, score and value (§5, phase 2). Owns the counting rules of one batch; how batches are put in one order is
 * `order.ts`. All decisions are comparisons of whole numbers over n.
 */
import type { Id } from '../base/bytes.js'
import { type Codec, id, list, mapped, nullable, object, refuse, uint } from '../base/codec.js'
import type { History } from './key-logs.js'
import { LIMITS } from './limits.js'
import type { Bounds } from './manifest.js'
import { allHeightsCodec, baseOf, type Heights, idsAbove, keyAhead, type View } from './view.js'

/** A view and how many signers voted for it. */
export interface CountedView {
  view: View
  count: number
}

/** A vote set, counted: m votes, and for each batch named above the base the number of votes that have it before. */
export interface Tally {
  votes: number
  base: Map<string, number>
  inc: Map<Id, number>
}

/** What a batch is decided to be (§13): base heights, predecessors above them, and the counts if decided in phase 3. */
export interface Value {
  base: Map<string, number>
  predecessors: Id[]
  tallies: { m: number; inc: Map<Id, number> } | null
}

const maxNamed = LIMITS.pendingPerChange * 4

export const valueCodec: Codec<Value> = mapped(
  object({
    base: allHeightsCodec,
    predecessors: list(id, maxNamed),
    tallies: nullable(object({ m: uint(LIMITS.signers), inc: countsCodec() })),
  }),
  (value, place) => {
    for (let i = 1; i < value.predecessors.length; i++)
      if ((value.predecessors[i - 1] ?? '') >= (value.predecessors[i] ?? '')) refuse(place, 'predecessors are not sorted and unique')
    return value
  },
  (value) => value,
)

/** Counts by id: a list of pairs in CBOR, for map keys are text there. */
function countsCodec(): Codec<Map<Id, number>> {
  return mapped(
    list(object({ id, count: uint(LIMITS.signers) }), maxNamed),
    (pairs, place) => {
      for (let i = 1; i < pairs.length; i++) if ((pairs[i - 1]?.id ?? '') >= (pairs[i]?.id ?? '')) refuse(place, 'counts are not sorted and unique')
      return new Map(pairs.map((pair) => [pair.id, pair.count]))
    },
    (counts) => [...counts].map(([named, count]) => ({ id: named, count })).sort((a, b) => (a.id < b.id ? -1 : 1)),
  )
}

/** Counts a vote set, or names a key on which the reader must catch up first (§6). */
export function tallyOf(keys: readonly string[], views: readonly CountedView[], history: History): Tally | { behindOn: string } {
  for (const { view } of views) {
    const behindOn = keyAhead(view.heights, history)
    if (behindOn !== undefined) return { behindOn }
  }
  const base = baseOf(
    views.map(({ view }) => view),
    keys,
  )
  const inc = new Map<Id, number>()
  let votes = 0
  for (const { view, count } of views) {
    votes += count
    for (const named of idsAbove(view, keys, base, history)) inc.set(named, (inc.get(named) ?? 0) + count)
  }
  return { votes, base, inc }
}

/** {U : inc > c}: the batches that go before (§5). Sorted. */
export function predecessorsOf(tally: Tally, { inclusion }: Bounds): Id[] {
  return [...tally.inc]
    .filter(([, inc]) => inc > inclusion)
    .map(([named]) => named)
    .sort()
}

/** Whether a pair is decisive: a quorum says one or the other. */
export function isDecisivePair(inc: number, votes: number, quorum: number): boolean {
  return inc >= quorum || votes - inc >= quorum
}

/** Whether the vote set is a certificate by itself: a quorum of votes and every pair decisive. */
export function isFast(tally: Tally, { quorum }: Bounds): boolean {
  if (tally.votes < quorum) return false
  for (const inc of tally.inc.values()) if (!isDecisivePair(inc, tally.votes, quorum)) return false
  return true
}

/** Whether no further vote can make the set decisive: some pair stays short of a quorum on both sides. */
export function isHopeless(tally: Tally, { n, quorum }: Bounds): boolean {
  const missing = n - tally.votes
  for (const inc of tally.inc.values()) if (inc + missing < quorum && tally.votes - inc + missing < quorum) return true
  return false
}

/** The score in votes (divide by n to show it): the least support among named pairs, or all votes where none is named. */
export function scoreOf(tally: Tally): number {
  let score = tally.votes
  for (const inc of tally.inc.values()) score = Math.min(score, Math.max(inc, tally.votes - inc))
  return score
}

/** The value of a fast commit: without tallies. */
export function fastValue(tally: Tally, bounds: Bounds): Value {
  return { base: tally.base, predecessors: predecessorsOf(tally, bounds), tallies: null }
}

/** The value to be agreed in phase 3: with tallies, so that m and inc are agreed too. */
export function slowValue(tally: Tally, bounds: Bounds): Value {
  return { base: tally.base, predecessors: predecessorsOf(tally, bounds), tallies: { m: tally.votes, inc: tally.inc } }
}

/** Whether a value has neither this batch among its predecessors nor below its base. */
export function leavesOut(value: Value, batchId: Id, history: History): boolean {
  if (value.predecessors.includes(batchId)) return false
  const own = history.heightsOf(batchId)
  if (!own) return true
  return !isAtOrBelow(own, value.base)
}

function isAtOrBelow(own: Heights, base: Heights): boolean {
  for (const [key, height] of base) if ((own.get(key) ?? Number.POSITIVE_INFINITY) <= height) return true
  return false
}
