/**
 * How much room promises may take (§7). What a promise names is signed, what shows it is not, and all of it goes into one ORDER that others must be able to
 * read: each promise gets a share for its backings, and where all together are too much those go that bring most. Pure.
 */
import type { Id } from '../base/bytes.js'
import { toCbor } from '../base/codec.js'
import { type Backing, backedBatch, backingCodec, bareOrder } from './certificate.js'
import { LIMITS } from './limits.js'
import type { PromiseOf } from './message.js'
import { valueCodec } from './tally.js'
import { viewCodec } from './view.js'

/** Bytes of a statement besides its blockers, and of each blocker. */
const STATEMENT_BYTES = 256
const BLOCKER_BYTES = 34

/** The least room that a backing counts for: as many as fit can then be listed in an order. */
const LEAST_BACKING = LIMITS.promisesBytes / LIMITS.signers

/** Bytes of backings that one promise may carry among n: half of the order is shared out, the rest is for views and values. Many signers name the same. */
export function backingShare(n: number): number {
  return Math.max(LIMITS.backingBytes, Math.floor(LIMITS.promisesBytes / 2 / n))
}

/** The room that a backing takes in an order, where it stands without backings of its own. */
function roomOf(backing: Backing): number {
  const bare: Backing = backing.type === 'order' ? { type: 'order', order: bareOrder(backing.order) } : backing
  return Math.max(LEAST_BACKING, toCbor(backingCodec, bare).length)
}

/** As many of these backings, the first first, as a promise among n may carry. */
export function backingsThatFit(backings: Iterable<Backing>, n: number): Backing[] {
  let left = backingShare(n)
  return [...backings].filter((backing) => {
    const room = roomOf(backing)
    if (room > left) return false
    left -= room
    return true
  })
}

/** What is wrong with what a promise among n carries besides its statement, if anything: backings are for its own blockers, one for each, within the share. */
export function backingsFault({ blockers, backings }: PromiseOf, n: number): string | undefined {
  const named = new Set(blockers)
  for (const backing of backings) if (!named.delete(backedBatch(backing))) return 'a backing of nothing that it names'
  return backingsThatFit(backings, n).length < backings.length ? `more than ${backingShare(n)} bytes of backings` : undefined
}

/** The parts of a promise that stand in a promise set, each by what makes it the same as another's, with its bytes. */
function partsOf({ voteDigest, view, accepted, value, blockers, backings }: PromiseOf): Map<Id, number> {
  const parts = new Map<Id, number>([
    [`vote ${voteDigest}`, toCbor(viewCodec, view).length],
    [`statement ${[voteDigest, accepted?.ballot, accepted?.valueDigest, ...blockers].join()}`, STATEMENT_BYTES + BLOCKER_BYTES * blockers.length],
  ])
  if (accepted && value) parts.set(`value ${accepted.valueDigest}`, toCbor(valueCodec, value).length)
  for (const backing of backings) parts.set(`backing ${backedBatch(backing)}`, roomOf(backing))
  return parts
}

/** The promises that fit into one order together: where all do not, those are left out that bring most, what several bring being shared among them. */
export function promisesThatFit(promises: ReadonlyMap<number, PromiseOf>): Map<number, PromiseOf> {
  const fitting = new Map(promises)
  const partsBySigner = new Map([...promises].map(([signer, promise]) => [signer, partsOf(promise)]))
  for (;;) {
    const bringers = new Map<Id, number>()
    const sizes = new Map<Id, number>()
    for (const signer of fitting.keys()) {
      for (const [part, size] of partsBySigner.get(signer) ?? []) {
        bringers.set(part, (bringers.get(part) ?? 0) + 1)
        sizes.set(part, Math.max(sizes.get(part) ?? 0, size))
      }
    }
    if ([...sizes.values()].reduce((sum, size) => sum + size, 0) <= LIMITS.promisesBytes) return fitting
    const weightOf = (signer: number): number =>
      [...(partsBySigner.get(signer) ?? [])].reduce((sum, [part, size]) => sum + size / (bringers.get(part) ?? 1), 0)
    const heaviest = [...fitting.keys()].reduce((most, signer) => (weightOf(signer) > weightOf(most) ? signer : most))
    fitting.delete(heaviest)
  }
}
