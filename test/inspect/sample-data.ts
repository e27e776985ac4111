/**
 * Data to draw: the seed's example of 5 signers, and random trees, groups and signatures from a seed. Shared by the tests and by
 * `scripts/draw-samples.ts`. The order is derived in the plainest way (everybody voted, most wins first); the exact rules are the core's.
 */
import { SeededRandom } from '../../src/lib/base/prng.js'
import type { NodeState, OrderBatch, OrderData, OrderPair, SignatureData, TreeData, TreeNode } from '../../src/lib/inspect/data.js'
import { rankedOf, viewsOf } from '../../src/lib/inspect/group.js'

const REGIONS = ['eu-west', 'us-east', 'ap-south']

const hex = (random: SeededRandom, bytes: number): string => Buffer.from(random.bytes(bytes)).toString('hex')

/** Quorum and inclusion at tolerance 1/2 (§1). */
export function boundsFor(n: number): { quorum: number; inclusion: number } {
  const quorum = Math.floor((3 * n) / 4) + 1
  const async = Math.max(0, Math.ceil((3 * quorum - 2 * n) / 2) - 1)
  return { quorum, inclusion: n - quorum + async }
}

/** A range tree of n signers with states, regions and times. */
export function sampleTree(n: number, seed = 1, plainStates = false): TreeData {
  const random = new SeededRandom(`tree ${n} ${seed}`)
  const permutation = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = random.upTo(i)
    const [a, b] = [permutation[i] ?? 0, permutation[j] ?? 0]
    permutation[i] = b
    permutation[j] = a
  }
  const nodes: TreeNode[] = []
  const build = (range: number[], depth: number, parents: readonly number[], down: boolean): void => {
    const [signer = 0, ...rest] = range
    const parent = parents[0]
    const half = Math.ceil(rest.length / 2)
    const halves = [rest.slice(0, half), rest.slice(half)].filter((part) => part.length > 0)
    const adopted = down && parents[1] !== undefined
    const drawn = random.upTo(99)
    const chance: NodeState = drawn < 5 ? 'silent' : drawn < 9 ? 'late' : drawn < 11 ? 'invalid' : drawn < 12 ? 'unknown' : 'voted'
    const state = depth === 0 || plainStates ? 'voted' : adopted ? 'adopted' : chance
    const spoke = state !== 'silent' && state !== 'unknown'
    nodes.push({
      signer,
      ...(parent === undefined ? {} : { parent }),
      children: halves.map(([first = 0]) => first),
      depth,
      state,
      region: REGIONS[signer % 3],
      ...(adopted ? { adoptedBy: parents[1] } : {}),
      role: depth === 0 ? ('root' as const) : halves.length === 0 ? ('leaf' as const) : ('inner' as const),
      ...(spoke ? timesAt(depth * 9 + random.upTo(8) + (adopted || state === 'late' ? 120 : 0)) : {}),
    })
    for (const part of halves) build(part, depth + 1, [signer, ...parents], state === 'silent')
  }
  build(permutation, 0, [], false)
  return { batchId: hex(random, 32), ballot: 0, root: permutation[0] ?? 0, depth: Math.max(...nodes.map(({ depth }) => depth)), nodes }
}

function timesAt(timeMs: number): Pick<TreeNode, 'timeMs' | 'times'> {
  return { timeMs, times: { voted: timeMs, executed: timeMs + 210 } }
}

/** A group from its arrival orders. */
export function orderOf(ids: readonly string[], arrivals: readonly (readonly string[])[]): OrderData {
  const n = arrivals.length
  const { quorum, inclusion } = boundsFor(n)
  const voted = (id: string) => arrivals.filter((list) => list.includes(id))
  const inc = (id: string, other: string) => voted(id).filter((list) => list.includes(other) && list.indexOf(other) < list.indexOf(id)).length
  const batches = ids.map((id): OrderBatch => {
    const votes = voted(id).length
    const others = ids.filter((other) => other !== id)
    const scores = others.map((other) => Math.max(inc(id, other), votes - inc(id, other)))
    const least = Math.min(votes, ...scores)
    const path = votes < quorum ? 'undecided' : least >= quorum ? 'fast' : 'slow'
    return {
      id,
      keys: ['acct:a'],
      votes,
      score: least / n,
      decisive: least >= quorum,
      path,
      predecessors: others.filter((other) => inc(id, other) > inclusion),
      views: viewsOf(arrivals.flatMap((list, signer) => (list.includes(id) ? [{ before: list.slice(0, list.indexOf(id)), signers: [signer] }] : []))),
    }
  })
  const pairs = ids.flatMap((a, i) =>
    ids.slice(i + 1).map((b): OrderPair => {
      const [ofA, ofB] = [inc(a, b), inc(b, a)]
      const [mA, mB] = [voted(a).length, voted(b).length]
      return {
        a,
        b,
        before: [ofA, ofB],
        support: [mA - ofA + ofB, ofA + mB - ofB],
        decisive: Math.max(ofA, mA - ofA) >= quorum && Math.max(ofB, mB - ofB) >= quorum,
      }
    }),
  )
  const wins = (id: string) =>
    pairs.filter(({ a, b, support }) => (a === id && support[0] >= support[1]) || (b === id && support[1] > support[0])).length
  const order = [...ids].sort((a, b) => wins(b) - wins(a) || (a < b ? -1 : 1))
  const reach = (id: string): Set<string> => {
    const seen = new Set([id])
    for (const each of seen) for (const next of batches.find((batch) => batch.id === each)?.predecessors ?? []) seen.add(next)
    return seen
  }
  const components: string[][] = []
  for (const id of order) {
    const own = components.find(([first = '']) => reach(first).has(id) && reach(id).has(first))
    if (own) own.push(id)
    else components.push([id])
  }
  const inComponents = new Map(
    batches.map(({ id, keys = [], votes, predecessors }) => [
      id,
      { id, keys, predecessors, tallies: { m: votes, inc: new Map(ids.map((other) => [other, inc(id, other)])) } },
    ]),
  )
  return { n, quorum, inclusion, batches, pairs, components, order, ranked: rankedOf(components, inComponents), arrivals }
}

/** The seed's example: five signers, of which signer 0 sees T1, T3, T4 in that order ("Ordering transactions"). */
export function seedOrder(): OrderData {
  const lists = ['T1 T3 T4', 'T1 T3 T4', 'T3 T1 T4', 'T1 T4 T3', 'T1 T3 T4']
  return orderOf(
    ['T1', 'T3', 'T4'],
    lists.map((list) => list.split(' ')),
  )
}

/** A random group: arrivals jitter round a common time line, by `jitter` places; one signer in twenty misses a batch. */
export function sampleOrder(n: number, batches: number, jitter = 2, seed = 1): OrderData {
  const random = new SeededRandom(`order ${n} ${batches} ${seed}`)
  const ids = Array.from({ length: batches }, () => hex(random, 32))
  const arrivals = Array.from({ length: n }, () => {
    const times = ids.map((id, i) => ({ id, at: i + random.fraction() * jitter })).sort((a, b) => a.at - b.at)
    return times.filter(() => random.upTo(19) > 0).map(({ id }) => id)
  })
  return orderOf(ids, arrivals)
}

/** A random signature: most signers sign the first message, some are missing. */
export function sampleSignature(n: number, messages: number, seed = 1, faulty = 0): SignatureData {
  const random = new SeededRandom(`signature ${n} ${messages} ${seed}`)
  const entries = Array.from({ length: messages }, (_, i) => {
    const summary = i === 0 ? 'after nothing' : `after ${hex(random, 4)}${i > 1 ? `, ${hex(random, 4)}` : ''}`
    return { message: hex(random, 32), summary, signers: [] as number[] }
  })
  const missing: number[] = []
  for (let signer = 0; signer < n; signer++) {
    if (random.upTo(11) === 0) missing.push(signer)
    else entries[random.upTo(2) > 0 ? 0 : random.upTo(messages - 1)]?.signers.push(signer)
  }
  const used = entries.filter(({ signers }) => signers.length > 0)
  const signed = used.flatMap(({ signers }) => signers)
  return {
    batchId: hex(random, 32),
    phase: 'vote',
    n,
    quorum: boundsFor(n).quorum,
    entries: used,
    missing,
    pairings: used.length + 1,
    verificationMs: 4.237,
    valid: faulty === 0,
    ...(faulty > 0 ? { faulty: signed.slice(0, faulty) } : {}),
  }
}
