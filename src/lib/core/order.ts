/**
 * From predecessors to one global order (§8): strongly connected components of the predecessor graph, predecessors first, and ranked pairs
 * inside a component. Pure: the same decided batches give the same order, whoever asks and in whatever sequence they became known.
 */
import type { Id } from '../base/bytes.js'
import { shareKey } from './transaction.js'

/** What the order is derived from: a batch with its agreed value. */
export interface DecidedBatch {
  id: Id
  keys: readonly string[]
  predecessors: readonly Id[]
  tallies: { m: number; inc: ReadonlyMap<Id, number> } | null
}

/** One conflicting pair of a component as ranked pairs sees it. */
export interface RankedPair {
  winner: Id
  loser: Id
  /** Infinity where only one direction was decided. */
  strength: number
  /** False if it was skipped because it would have closed a cycle. */
  locked: boolean
}

/**
 * Strongly connected components of everything reachable from `starts` over `edgesOf`, predecessors first (Tarjan 1972, without recursion: a
 * chain may be long). `edgesOf` names ids outside the graph by leaving them out.
 */
export function componentsOf(starts: Iterable<Id>, edgesOf: (batchId: Id) => readonly Id[]): Id[][] {
  const components: Id[][] = []
  const indexes = new Map<Id, number>()
  const lows = new Map<Id, number>()
  const open: Id[] = []
  const isOpen = new Set<Id>()
  const path: { batchId: Id; edges: readonly Id[]; next: number }[] = []
  const enter = (batchId: Id): void => {
    indexes.set(batchId, indexes.size)
    lows.set(batchId, indexes.size - 1)
    open.push(batchId)
    isOpen.add(batchId)
    path.push({ batchId, edges: edgesOf(batchId), next: 0 })
  }
  const low = (batchId: Id): number => lows.get(batchId) ?? 0
  for (const start of starts) {
    if (!indexes.has(start)) enter(start)
    for (let frame = path.at(-1); frame; frame = path.at(-1)) {
      const edge = frame.edges[frame.next++]
      if (edge !== undefined) {
        if (!indexes.has(edge)) enter(edge)
        else if (isOpen.has(edge)) lows.set(frame.batchId, Math.min(low(frame.batchId), indexes.get(edge) ?? 0))
        continue
      }
      path.pop()
      const parent = path.at(-1)
      if (parent) lows.set(parent.batchId, Math.min(low(parent.batchId), low(frame.batchId)))
      if (low(frame.batchId) === indexes.get(frame.batchId)) components.push(closeComponent(frame.batchId, open, isOpen))
    }
  }
  return components
}

function closeComponent(top: Id, open: Id[], isOpen: Set<Id>): Id[] {
  const component: Id[] = []
  for (let member = open.pop(); member !== undefined; member = open.pop()) {
    isOpen.delete(member)
    component.push(member)
    if (member === top) break
  }
  return component.sort()
}

/** The whole order of some decided batches: components topologically, smallest batchId first, each ranked inside (§13). */
export function orderOf(batches: ReadonlyMap<Id, DecidedBatch>): Id[][] {
  const edgesOf = (batchId: Id): readonly Id[] => (batches.get(batchId)?.predecessors ?? []).filter((named) => batches.has(named))
  const components = componentsOf([...batches.keys()].sort(), edgesOf)
  const homes = new Map<Id, number>()
  components.forEach((component, i) => {
    for (const member of component) homes.set(member, i)
  })
  const before = components.map(
    (component, i) => new Set(component.flatMap((member) => edgesOf(member).map((named) => homes.get(named) ?? i)).filter((home) => home !== i)),
  )
  const left = new Set(components.keys())
  const ordered: Id[][] = []
  while (left.size > 0) {
    const free = [...left].filter((i) => [...(before[i] ?? [])].every((other) => !left.has(other)))
    const next = free.reduce((best, i) => ((components[i]?.[0] ?? '') < (components[best]?.[0] ?? '') ? i : best))
    left.delete(next)
    ordered.push(rankedOrder((components[next] ?? []).flatMap((member) => batches.get(member) ?? [])).order)
  }
  return ordered
}

/** The order inside one component by ranked pairs (Tideman 1987), and the pairs as they were locked or skipped. */
export function rankedOrder(component: readonly DecidedBatch[]): { order: Id[]; pairs: RankedPair[] } {
  const members = [...component].sort((a, b) => (a.id < b.id ? -1 : 1))
  const pairs = rankedPairs(members)
  const places = new Map(members.map((member, i) => [member.id, i]))
  const reach = members.map(() => new Uint8Array(members.length))
  for (const pair of pairs) {
    const winner = places.get(pair.winner) ?? 0
    const loser = places.get(pair.loser) ?? 0
    if (reach[loser]?.[winner]) continue
    pair.locked = true
    if (!reach[winner]?.[loser]) connect(reach, winner, loser)
  }
  const order: Id[] = []
  const left = new Set(members.keys())
  while (left.size > 0) {
    // Members are sorted and a Set keeps its order: the first free one has the smallest id.
    const next = [...left].find((i) => ![...left].some((other) => reach[other]?.[i]))
    if (next === undefined) break
    left.delete(next)
    order.push(members[next]?.id ?? '')
  }
  return { order, pairs }
}

/** Everything that reaches `winner` now also reaches `loser` and all behind it. */
function connect(reach: readonly Uint8Array[], winner: number, loser: number): void {
  const behind = reach[loser]
  reach.forEach((row, i) => {
    if (i !== winner && !row[winner]) return
    row[loser] = 1
    behind?.forEach((reached, j) => {
      if (reached) row[j] = 1
    })
  })
}

/** The conflicting pairs with a direction, strongest first, then by winner and loser. */
function rankedPairs(members: readonly DecidedBatch[]): RankedPair[] {
  const pairs: RankedPair[] = []
  members.forEach((a, i) => {
    for (const b of members.slice(i + 1)) {
      const pair = shareKey(a.keys, b.keys) ? pairOf(a, b) : undefined
      if (pair) pairs.push({ ...pair, locked: false })
    }
  })
  return pairs.sort((x, y) => {
    if (x.strength !== y.strength) return x.strength > y.strength ? -1 : 1
    if (x.winner !== y.winner) return x.winner < y.winner ? -1 : 1
    return x.loser < y.loser ? -1 : 1
  })
}

/** Direction and strength of a pair with a.id < b.id; undefined where neither names the other (only in hand-made vote sets). */
function pairOf(a: DecidedBatch, b: DecidedBatch): Omit<RankedPair, 'locked'> | undefined {
  const aFirst = { winner: a.id, loser: b.id }
  const bFirst = { winner: b.id, loser: a.id }
  const aNamed = b.predecessors.includes(a.id)
  const bNamed = a.predecessors.includes(b.id)
  if (!aNamed && !bNamed) return undefined
  if (!bNamed) return { ...aFirst, strength: Number.POSITIVE_INFINITY }
  if (!aNamed) return { ...bFirst, strength: Number.POSITIVE_INFINITY }
  if (a.tallies && b.tallies) {
    const [supportA, supportB] = supportOf(a, b)
    return supportA >= supportB ? { ...aFirst, strength: supportA - supportB } : { ...bFirst, strength: supportB - supportA }
  }
  // A fast value's own predecessor goes first; where both are without tallies the votes no longer tell them apart.
  if (a.tallies) return { ...aFirst, strength: Number.POSITIVE_INFINITY }
  if (b.tallies) return { ...bFirst, strength: Number.POSITIVE_INFINITY }
  return { ...aFirst, strength: 0 }
}

/** Votes for "a before b" and "b before a" from both vote sets (§8); both must have tallies. */
export function supportOf(a: Pick<DecidedBatch, 'id' | 'tallies'>, b: Pick<DecidedBatch, 'id' | 'tallies'>): [number, number] {
  const [mA, mB] = [a.tallies?.m ?? 0, b.tallies?.m ?? 0]
  const bBeforeA = a.tallies?.inc.get(b.id) ?? 0
  const aBeforeB = b.tallies?.inc.get(a.id) ?? 0
  return [mA - bBeforeA + aBeforeB, bBeforeA + mB - aBeforeB]
}
