/**
 * Views (§6): which conflicting batches arrived before a batch at a signer. Owns the shape, freezing at first sight, the encoding relative to
 * a reference so that equal sets become equal bytes, and reading views of one batch together.
 */
import { type Id, utf8Length } from '../base/bytes.js'
import { type Codec, id, list, mapOf, mapped, object, refuse, text, uint } from '../base/codec.js'
import type { History } from './key-logs.js'
import { LIMITS } from './limits.js'
import { isChange } from './transaction.js'

/** Heights by dependency key. */
export const heightsCodec: Codec<Map<string, number>> = heightsOf(LIMITS.keysPerBatch)

/** The same for what may speak of a change, and so of all keys. */
export const allHeightsCodec: Codec<Map<string, number>> = heightsOf(LIMITS.keysPerChange)

function heightsOf(keys: number): Codec<Map<string, number>> {
  return mapOf(text(LIMITS.keyBytes, 1), uint(2 ** 32 - 1), keys)
}

/**
 * Everything executed on a key up to its height (0 left out), and the ids of pending batches; sorted, each once. As large as a change's may be: the
 * limits of every other one are looked at once it is known what it is a view of.
 */
export const viewCodec: Codec<View> = mapped(
  object({
    heights: allHeightsCodec,
    pending: list(id, LIMITS.pendingPerChange),
  }),
  (view, place) => {
    for (const height of view.heights.values()) if (height === 0) refuse(place, 'a height of 0 is left out')
    if (bytesOf(view) > LIMITS.changeViewBytes) refuse(place, `a view of more than ${LIMITS.changeViewBytes} bytes`)
    for (let i = 1; i < view.pending.length; i++)
      if ((view.pending[i - 1] ?? '') >= (view.pending[i] ?? '')) refuse(place, 'pending ids are not sorted and unique')
    return view
  },
  (view) => view,
)

export interface View {
  heights: Map<string, number>
  pending: Id[]
}

/** How many bytes these keys take in a view, with a height each. */
export function heightBytesOf(keys: Iterable<string>): number {
  let bytes = 0
  for (const key of keys) bytes += utf8Length(key) + 7
  return bytes
}

function bytesOf({ heights, pending }: View): number {
  return heightBytesOf(heights.keys()) + pending.length * 34
}

/** How many ids a view of a batch with these keys may list. */
export function pendingLimit(keys: readonly string[]): number {
  return isChange(keys) ? LIMITS.pendingPerChange : LIMITS.pendingPerView
}

/** The keys of which a view of a batch with these keys may speak: its own, and where it is a change, all that have a height. */
export function within(keys: readonly string[], heights: Heights | undefined): Iterable<string> {
  return isChange(keys) ? (heights?.keys() ?? []) : keys
}

/** Heights of some keys; an absent key has 0. */
export type Heights = ReadonlyMap<string, number>

export const emptyView = (): View => ({ heights: new Map(), pending: [] })

/** What a signer's view of a batch contains at this moment. `keys`: those over which it conflicts; `pendingIds`: known conflicting batches, not executed. */
export function freezeView(keys: readonly string[], pendingIds: Iterable<Id>, history: History): View {
  const heights = new Map<string, number>()
  for (const key of keys) {
    const height = history.heightOf(key)
    if (height > 0) heights.set(key, height)
  }
  return { heights, pending: [...new Set(pendingIds)].sort() }
}

/** Whether an executed batch is at or below one of these heights. */
export function isBelow(batchId: Id, heights: Heights, history: History): boolean {
  const own = history.heightsOf(batchId)
  if (!own) return false
  for (const [key, height] of heights) if ((own.get(key) ?? Number.POSITIVE_INFINITY) <= height) return true
  return false
}

/** The ids of a view above `base`: what lies between base and its heights, and what is pending. Needs the history up to the view's heights. */
export function idsAbove(view: View, keys: readonly string[], base: Heights, history: History): Set<Id> {
  const ids = new Set<Id>()
  for (const key of within(keys, view.heights)) {
    for (let height = (base.get(key) ?? 0) + 1; height <= (view.heights.get(key) ?? 0); height++) {
      const executed = history.batchAt(key, height)
      if (executed !== undefined) ids.add(executed)
    }
  }
  for (const pending of view.pending) ids.add(pending)
  for (const named of ids) if (isBelow(named, base, history)) ids.delete(named)
  return ids
}

/** The lowest height of each key among views: below it everything is in all of them (§6). */
export function baseOf(views: readonly View[], keys: readonly string[]): Map<string, number> {
  const base = new Map<string, number>()
  for (const key of within(keys, views[0]?.heights)) {
    const lowest = views.reduce((low, view) => Math.min(low, view.heights.get(key) ?? 0), Number.POSITIVE_INFINITY)
    if (lowest > 0 && Number.isFinite(lowest)) base.set(key, lowest)
  }
  return base
}

/** A key on which these heights reach above what is executed here, if there is one: read them after catching up on it. */
export function keyAhead(heights: Heights, history: History): string | undefined {
  for (const [key, height] of heights) if (height > history.heightOf(key)) return key
  return undefined
}

/**
 * Whether a view reaches back so far behind what is executed here that it is left out (§6): of a signer that was away with an undecided batch.
 * With it the value would have to name everything since, more than a message or a record can hold.
 */
export function reachesTooFarBack(view: View, keys: readonly string[], history: History): boolean {
  return keys.some((key) => history.heightOf(key) - (view.heights.get(key) ?? 0) > LIMITS.heightsBack)
}

/** What is wrong with a view for a batch with these keys, if anything: it speaks of the batch itself or of keys that are not the batch's, or of too much. */
export function viewFault(view: View, batchId: Id, keys: readonly string[]): string | undefined {
  if (view.pending.includes(batchId)) return 'the batch before itself'
  if (isChange(keys)) return undefined
  if (view.pending.length > LIMITS.pendingPerView || bytesOf(view) > LIMITS.viewBytes) return 'more than a view may list'
  const known = new Set(keys)
  for (const key of view.heights.keys()) if (!known.has(key)) return 'a height of a key that is not the batch’s'
  return undefined
}

/** Whether two views are the same set. Both must lie within the history. */
export function sameSet(a: View, b: View, keys: readonly string[], history: History): boolean {
  const base = baseOf([a, b], keys)
  const [first, second] = [idsAbove(a, keys, base, history), idsAbove(b, keys, base, history)]
  if (first.size !== second.size) return false
  for (const named of first) if (!second.has(named)) return false
  return true
}

/**
 * The same set with other heights: as near to `wanted` as the set allows, everything above listed as pending. Signers with one set and one
 * reference get the same bytes from it.
 */
export function encodedAt(view: View, keys: readonly string[], wanted: Heights, history: History): View {
  const heights = new Map<string, number>()
  const pending = new Set(view.pending)
  for (const key of within(keys, wanted)) {
    const frozen = view.heights.get(key) ?? 0
    let height = Math.min(frozen, wanted.get(key) ?? 0)
    while (height >= frozen && height < (wanted.get(key) ?? 0) && pending.has(history.batchAt(key, height + 1) ?? '')) height++
    if (height > 0) heights.set(key, height)
  }
  return { heights, pending: [...idsAbove(view, keys, heights, history)].sort() }
}
