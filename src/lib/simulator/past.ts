/**
 * What checkers know of the past: the log of each key as the furthest signer has it, and what stands before what. Heights are read against these
 * logs, so that every set of predecessors is a full set of ids. Written apart from the core; it knows the shapes of its data only.
 */
import type { Id } from '../base/bytes.js'
import type { Value } from '../core/tally.js'
import type { View } from '../core/view.js'
import type { History, SignerHistory } from './history.js'

/** The executed batches of one signer on each key, in order. */
export function keyLogsOf({ batches }: Pick<History, 'batches'>, signer: SignerHistory): Map<string, Id[]> {
  const logs = new Map<string, Id[]>()
  for (const { batchId } of signer.executed)
    for (const key of batches.get(batchId)?.keys ?? []) {
      const log = logs.get(key)
      if (log) log.push(batchId)
      else logs.set(key, [batchId])
    }
  return logs
}

/** The logs of all keys, each as long as any signer has it. */
export function longestLogs(all: readonly ReadonlyMap<string, Id[]>[]): Map<string, Id[]> {
  const longest = new Map<string, Id[]>()
  for (const logs of all) for (const [key, log] of logs) if (log.length > (longest.get(key)?.length ?? 0)) longest.set(key, log)
  return longest
}

/** All that heights and ids together name: everything up to each height, and the ids. */
function everythingNamed(logs: ReadonlyMap<string, Id[]>, heights: ReadonlyMap<string, number>, ids: readonly Id[]): Set<Id> {
  const named = new Set(ids)
  for (const [key, height] of heights) for (const below of (logs.get(key) ?? []).slice(0, height)) named.add(below)
  return named
}

/** Everything that a view has before its batch. */
export function namedByView(logs: ReadonlyMap<string, Id[]>, view: View): Set<Id> {
  return everythingNamed(logs, view.heights, view.pending)
}

/** Everything that a value has before its batch. */
export function namedByValue(logs: ReadonlyMap<string, Id[]>, value: Value): Set<Id> {
  return everythingNamed(logs, value.base, value.predecessors)
}

export function isSameSet(a: ReadonlySet<Id>, b: ReadonlySet<Id>): boolean {
  return a.size === b.size && [...a].every((member) => b.has(member))
}

/** Who it is, in a sentence: a signer, or a peer from n on. */
export function endName(end: number, n: number): string {
  return `${end < n ? 'signer' : 'peer'} ${end}`
}

/** An id as it stands in a sentence. */
export function short(id: Id): string {
  return id.slice(0, 8)
}
