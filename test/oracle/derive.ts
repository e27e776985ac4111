/**
 * The order of batches derived a second time, from the protocol's text (§1, §5, §6, §8, §13) and the shape of a votes file alone. It shares
 * no code with the product and prefers the plainest method: matrices, fixpoints, trial. The tests hold the product against it; where the
 * two differ, one of them has misread the text. Random inputs come from `votes.ts`.
 */

/** What `inspect order --votes FILE` reads: arrival orders of all signers, or the vote sets as collected. */
export type VotesFile = {
  n: number
  /** `1/2` or `0.5`. */
  tolerance: string
  /** Dependency keys of each batch. */
  batches: Record<string, string[]>
} & ({ arrivals: string[][] } | { votes: Record<string, { signer: number; before: string[] }[]> })

/** What follows from a votes file, in the names of `inspect order --json`. */
export interface Derived {
  n: number
  quorum: number
  inclusion: number
  /** By id. */
  batches: { id: string; votes: number; score: number; decisive: boolean; path: 'fast' | 'slow' | 'undecided'; predecessors: string[] }[]
  /** Every conflicting pair of decided batches, a < b; `before` = [votes for a that have b before, votes for b that have a before]. */
  pairs: { a: string; b: string; before: [number, number]; support: [number, number]; decisive: boolean }[]
  /** In the order of execution, members too. */
  components: string[][]
  order: string[]
}

/** Orders strings by their UTF-8 bytes (§13). */
export function byBytes(x: string, y: string): number {
  return Buffer.compare(Buffer.from(x, 'utf8'), Buffer.from(y, 'utf8'))
}

/** §1: quorum and inclusion, exactly. */
export function quorumsByText(n: number, tolerance: string): { quorum: number; inclusion: number } {
  const [a, b] = fractionOf(tolerance)
  const size = BigInt(n)
  const q = ((b + a) * size) / (2n * b) + 1n
  // ⌈x/2⌉ = ⌊(x+1)/2⌋; 3q > 2n always, so nothing is negative here.
  const asyncBound = (3n * q - 2n * size + 1n) / 2n - 1n
  return { quorum: Number(q), inclusion: Number(size - q + (asyncBound > 0n ? asyncBound : 0n)) }
}

function fractionOf(tolerance: string): [bigint, bigint] {
  const [a, b] = tolerance.split('/')
  if (a !== undefined && b !== undefined) return [BigInt(a), BigInt(b)]
  const digits = tolerance.split('.')[1] ?? ''
  return [BigInt(digits), 10n ** BigInt(digits.length)]
}

/** Derives everything that a votes file determines. The file must be well-formed: at most one vote of a signer for a batch, known ids. */
export function deriveByText(input: VotesFile): Derived {
  const { n } = input
  const { quorum: q, inclusion: c } = quorumsByText(n, input.tolerance)
  const ids = Object.keys(input.batches).sort(byBytes)
  const conflict = (x: string, y: string) => x !== y && (input.batches[x] ?? []).some((key) => (input.batches[y] ?? []).includes(key))
  const voteSets = new Map(ids.map((id) => [id, votesFor(input, id).map((before) => ids.filter((u) => conflict(u, id) && before.includes(u)))]))

  const count = (id: string) => voteSets.get(id)?.length ?? 0
  /** How many votes for `id` have `u` before it. */
  const inc = (u: string, id: string) => (voteSets.get(id) ?? []).filter((before) => before.includes(u)).length
  const isDecisive = (u: string, id: string) => inc(u, id) >= q || count(id) - inc(u, id) >= q

  const batches = ids.map((id) => {
    const m = count(id)
    const named = ids.filter((u) => inc(u, id) > 0)
    const lowest = Math.min(...(named.length === 0 ? [m] : named.map((u) => Math.max(inc(u, id), m - inc(u, id)))))
    const fast = m >= q && named.every((u) => isDecisive(u, id))
    const path: 'fast' | 'slow' | 'undecided' = fast ? 'fast' : m >= q ? 'slow' : 'undecided'
    return { id, votes: m, score: lowest / n, decisive: lowest >= q, path, predecessors: ids.filter((u) => inc(u, id) > c) }
  })

  const decided = batches.filter((batch) => batch.path !== 'undecided').map((batch) => batch.id)
  const support = (x: string, y: string) => count(x) - inc(y, x) + inc(x, y)
  const pairs = decided.flatMap((a) =>
    decided
      .filter((b) => byBytes(a, b) < 0 && conflict(a, b))
      .map((b) => ({
        a,
        b,
        before: [inc(b, a), inc(a, b)] as [number, number],
        support: [support(a, b), support(b, a)] as [number, number],
        decisive: isDecisive(b, a) && isDecisive(a, b),
      })),
  )

  const predecessors = new Map(batches.map((batch) => [batch.id, batch.predecessors]))
  const isBefore = (x: string, y: string) => (predecessors.get(y) ?? []).includes(x)
  const hasTallies = (id: string) => batches.some((batch) => batch.id === id && batch.path === 'slow')

  const components = componentsOf(executable(decided, predecessors), isBefore).map((members) => {
    const edges = members.flatMap((x) =>
      members.filter((y) => byBytes(x, y) < 0 && conflict(x, y)).map((y) => comparePair(x, y, isBefore, hasTallies, support)),
    )
    return rankedPairs(
      members,
      edges.filter((edge) => edge !== undefined),
    )
  })
  return { n, quorum: q, inclusion: c, batches, pairs, components, order: components.flat() }
}

/** The votes for a batch, each as the list of what it has before. */
function votesFor(input: VotesFile, id: string): string[][] {
  if ('votes' in input) return (input.votes[id] ?? []).map((vote) => vote.before)
  return input.arrivals.filter((arrived) => arrived.includes(id)).map((arrived) => arrived.slice(0, arrived.indexOf(id)))
}

/** Decided batches without those that need, directly or not, one that is not. */
function executable(decided: string[], predecessors: Map<string, string[]>): string[] {
  let kept = decided
  for (;;) {
    const next = kept.filter((id) => (predecessors.get(id) ?? []).every((u) => kept.includes(u)))
    if (next.length === kept.length) return kept
    kept = next
  }
}

/** Strongly connected components, predecessors first, the one with the smallest member first (§8, §13). Members sorted. */
function componentsOf(ids: string[], isBefore: (x: string, y: string) => boolean): string[][] {
  const reach = ids.map((x) => ids.map((y) => isBefore(x, y)))
  const leads = (i: number, j: number) => reach[i]?.[j] === true
  for (let k = 0; k < ids.length; k++)
    for (let i = 0; i < ids.length; i++) for (let j = 0; j < ids.length; j++) if (leads(i, k) && leads(k, j)) (reach[i] as boolean[])[j] = true

  let left = ids.map((_, i) => i)
  const components: string[][] = []
  while (left.length > 0) {
    const together = (i: number, j: number) => i === j || (leads(i, j) && leads(j, i))
    // The ids are sorted, so the first that has nothing outside its component left before it is the smallest of a component that may go.
    const first = left.find((i) => left.every((j) => together(i, j) || !leads(j, i)))
    if (first === undefined) throw new Error('no component without a predecessor: the closure is wrong')
    components.push(left.filter((i) => together(i, first)).map((i) => ids[i] as string))
    left = left.filter((i) => !together(i, first))
  }
  return components
}

interface Edge {
  winner: string
  loser: string
  strength: number
}

/** §8 for one conflicting pair x < y of a component; undefined where neither is in the other's set. */
function comparePair(
  x: string,
  y: string,
  isBefore: (x: string, y: string) => boolean,
  hasTallies: (id: string) => boolean,
  support: (x: string, y: string) => number,
): Edge | undefined {
  const xFirst = isBefore(x, y)
  const yFirst = isBefore(y, x)
  if (!xFirst && !yFirst) return undefined
  if (!yFirst) return { winner: x, loser: y, strength: Number.POSITIVE_INFINITY }
  if (!xFirst) return { winner: y, loser: x, strength: Number.POSITIVE_INFINITY }
  if (hasTallies(x) && hasTallies(y)) {
    const difference = support(x, y) - support(y, x)
    return difference >= 0 ? { winner: x, loser: y, strength: difference } : { winner: y, loser: x, strength: -difference }
  }
  if (hasTallies(x)) return { winner: x, loser: y, strength: Number.POSITIVE_INFINITY } // y is fast and has x before it
  if (hasTallies(y)) return { winner: y, loser: x, strength: Number.POSITIVE_INFINITY }
  return { winner: x, loser: y, strength: 0 }
}

/** Locks the edges by falling strength, winner, loser, but for those that close a cycle; then the smallest with nothing left before it. */
function rankedPairs(members: string[], edges: Edge[]): string[] {
  const falling = [...edges].sort((e, f) => {
    if (e.strength !== f.strength) return e.strength > f.strength ? -1 : 1
    return byBytes(e.winner, f.winner) || byBytes(e.loser, f.loser)
  })
  const locked: Edge[] = []
  const comesTo = (from: string, to: string): boolean => from === to || locked.some((edge) => edge.winner === from && comesTo(edge.loser, to))
  for (const edge of falling) if (!comesTo(edge.loser, edge.winner)) locked.push(edge)

  const order: string[] = []
  let left = members
  while (left.length > 0) {
    const next = left.find((id) => !locked.some((edge) => edge.loser === id && left.includes(edge.winner)))
    if (next === undefined) throw new Error('the locked pairs have a cycle')
    order.push(next)
    left = left.filter((id) => id !== next)
  }
  return order
}
