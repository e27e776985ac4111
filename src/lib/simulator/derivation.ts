/**
 * The order, derived a second time from what a run recorded, to hold it against the order that was executed (invariant O1). Written from the
 * protocol's text (§1, §5, §7, §8) without a line of the core's: whole sets instead of heights, depth-first searches instead of Tarjan, trial
 * instead of a closure.
 */
import type { Id } from '../base/bytes.js'

/** A decided batch: everything that stands before it, and the counts if it was decided in phase 3. */
export interface Decided {
  keys: readonly string[]
  before: ReadonlySet<Id>
  tallies: { m: number; inc: ReadonlyMap<Id, number> } | null
}

/** The quorums of §1 that the derivation needs. */
export interface Quorums {
  n: number
  quorum: number
  liars: number
  inclusion: number
}

/** §1, over fractions in whole numbers. */
export function quorumsOf(n: number, { a, b }: { a: number; b: number }): Quorums {
  let quorum = 1
  while (quorum * 2 * b <= (a + b) * n) quorum++
  let liars = 0
  while (2 * (liars + 1) < 3 * quorum - 2 * n) liars++
  return { n, quorum, liars, inclusion: n - quorum + liars }
}

/** How many of these votes name each id. Each vote is a full set with the number of signers behind it. */
export function countNamed(votes: readonly { named: ReadonlySet<Id>; count: number }[]): { m: number; inc: Map<Id, number> } {
  const inc = new Map<Id, number>()
  let m = 0
  for (const { named, count } of votes) {
    m += count
    for (const id of named) inc.set(id, (inc.get(id) ?? 0) + count)
  }
  return { m, inc }
}

/** The components of the predecessor graph, predecessors first: two depth-first searches (Kosaraju). */
export function componentsInOrder(decided: ReadonlyMap<Id, Decided>): Id[][] {
  const ids = [...decided.keys()].sort()
  const before = new Map(ids.map((id) => [id, [...(decided.get(id)?.before ?? [])].filter((other) => decided.has(other)).sort()]))
  const after = new Map<Id, Id[]>(ids.map((id) => [id, []]))
  for (const [id, named] of before) for (const other of named) after.get(other)?.push(id)
  const finished = ids.length === 0 ? [] : finishingOrder(ids, after)
  const seen = new Set<Id>()
  const components: Id[][] = []
  for (const start of finished.reverse()) {
    if (seen.has(start)) continue
    const component: Id[] = []
    const open = [start]
    seen.add(start)
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      component.push(id)
      for (const other of before.get(id) ?? []) {
        if (seen.has(other)) continue
        seen.add(other)
        open.push(other)
      }
    }
    components.push(component.sort())
  }
  return components
}

function finishingOrder(ids: readonly Id[], edges: ReadonlyMap<Id, readonly Id[]>): Id[] {
  const seen = new Set<Id>()
  const finished: Id[] = []
  for (const start of ids) {
    if (seen.has(start)) continue
    seen.add(start)
    const path = [{ id: start, rest: [...(edges.get(start) ?? [])] }]
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const next = top.rest.pop()
      if (next === undefined) {
        finished.push(top.id)
        path.pop()
      } else if (!seen.has(next)) {
        seen.add(next)
        path.push({ id: next, rest: [...(edges.get(next) ?? [])] })
      }
    }
  }
  return finished
}

interface Win {
  winner: Id
  loser: Id
  strength: number
}

/** §8 for two conflicting batches, x with the smaller id; undefined where neither has the other before it. */
function winOf(xId: Id, x: Decided, yId: Id, y: Decided): Win | undefined {
  const xFirst = { winner: xId, loser: yId }
  const yFirst = { winner: yId, loser: xId }
  const yHasX = y.before.has(xId)
  const xHasY = x.before.has(yId)
  if (yHasX && !xHasY) return { ...xFirst, strength: Number.POSITIVE_INFINITY }
  if (xHasY && !yHasX) return { ...yFirst, strength: Number.POSITIVE_INFINITY }
  if (!xHasY) return undefined
  if (x.tallies === null && y.tallies === null) return { ...xFirst, strength: 0 }
  if (y.tallies === null) return { ...xFirst, strength: Number.POSITIVE_INFINITY }
  if (x.tallies === null) return { ...yFirst, strength: Number.POSITIVE_INFINITY }
  const yBeforeX = x.tallies.inc.get(yId) ?? 0
  const xBeforeY = y.tallies.inc.get(xId) ?? 0
  const margin = x.tallies.m - yBeforeX + xBeforeY - (yBeforeX + y.tallies.m - xBeforeY)
  return margin >= 0 ? { ...xFirst, strength: margin } : { ...yFirst, strength: -margin }
}

/** The order inside one component: the strongest wins are locked first, one that would close a circle is left out. */
export function orderInside(members: readonly Id[], decided: ReadonlyMap<Id, Decided>): Id[] {
  const wins: Win[] = []
  for (const x of members)
    for (const y of members) {
      const [first, second] = [decided.get(x), decided.get(y)]
      if (x >= y || !first || !second || !conflict(first.keys, second.keys)) continue
      const win = winOf(x, first, y, second)
      if (win) wins.push(win)
    }
  wins.sort((a, b) => (a.strength === b.strength ? compare(a.winner, b.winner) || compare(a.loser, b.loser) : a.strength > b.strength ? -1 : 1))
  const locked = new Map<Id, Id[]>(members.map((id) => [id, []]))
  for (const { winner, loser } of wins) if (!leadsTo(locked, loser, winner)) locked.get(winner)?.push(loser)
  const order: Id[] = []
  const left = new Set([...members].sort())
  while (left.size > 0) {
    const held = new Set([...left].flatMap((id) => locked.get(id) ?? []))
    const next = [...left].find((id) => !held.has(id))
    if (next === undefined) break
    left.delete(next)
    order.push(next)
  }
  return order
}

/** Two batches that share a key, or one of them changes the signers (§24). */
function conflict(a: readonly string[], b: readonly string[]): boolean {
  return a.includes('musig:epoch') || b.includes('musig:epoch') || a.some((key) => b.includes(key))
}

function compare(a: Id, b: Id): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function leadsTo(edges: ReadonlyMap<Id, readonly Id[]>, from: Id, to: Id): boolean {
  const seen = new Set([from])
  const open = [from]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === to) return true
    for (const next of edges.get(id) ?? []) {
      if (seen.has(next)) continue
      seen.add(next)
      open.push(next)
    }
  }
  return false
}
