/**
 * From what a signer tells of batches to what is drawn: the tree of one, its signature taken apart, and the group with pairs, components and
 * order. Derives the order again from votes and values; the live order must come out of it.
 */
import type { Id } from '../base/bytes.js'
import type { BatchDescription } from '../core/describe.js'
import type { Bounds, Manifest } from '../core/manifest.js'
import { type DecidedBatch, orderOf, rankedOrder, supportOf } from '../core/order.js'
import { isDecisivePair, scoreOf, type Tally } from '../core/tally.js'
import { shareKey } from '../core/transaction.js'
import type {
  NodeTimes,
  OrderBatch,
  OrderData,
  OrderPair,
  OrderRank,
  OrderView,
  Role,
  SignatureData,
  TimelineData,
  TimelineSigner,
  TreeData,
} from './data.js'
import { shortId } from './lines.js'

/** Batches that a vote names in few words. */
const NAMED = 2

/** A batch as a signer describes it beside others. `phase3Ms`: how long phase 3 took at that signer; null where it did not run or is not remembered. */
export type DescribedBatch = BatchDescription & { readonly phase3Ms?: number | null }

/**
 * The tree of a batch with names and regions from the manifest. What became of each vote is the word of whoever described it; `timeline` adds when what happened,
 * and who was asked by another than its parent, by each signer's own word.
 */
export function treeDataOf({ batchId, ballot, tree }: BatchDescription, { signers }: Pick<Manifest, 'signers'>, timeline?: TimelineData): TreeData {
  const told = new Map(timeline?.signers.map((signer) => [signer.signer, signer]))
  const nodes = tree.nodes.map((node) => ({
    ...node,
    role: roleOf(node),
    name: signers[node.signer]?.name,
    region: signers[node.signer]?.region || undefined,
    adoptedBy: node.adoptedBy ?? adopterOf(told.get(node.signer)),
    ...timesOf(told.get(node.signer)),
  }))
  return { batchId, ballot, root: tree.root, depth: tree.depth, nodes }
}

/** What a signer has to do there. */
export function roleOf({ parent, children }: { parent: number | null; children: readonly number[] }): Role {
  if (parent === null) return 'root'
  return children.length === 0 ? 'leaf' : 'inner'
}

/** Who asked a signer, if it was another than its parent. */
function adopterOf(told: TimelineSigner | undefined): number | undefined {
  return told?.moments.find(({ what, signer }) => what === 'proposed' && signer !== undefined && signer !== told.parent)?.signer
}

function timesOf(told: TimelineSigner | undefined): { times?: NodeTimes; timeMs?: number | undefined } {
  if (!told || told.moments.length === 0) return {}
  const first = (...kinds: TimelineSigner['moments'][number]['what'][]) => told.moments.find(({ what }) => kinds.includes(what))?.atMs
  const times = {
    proposed: first('proposed'),
    voted: first('voted'),
    sent: first('vote sent'),
    committed: first('locked', 'certified'),
    executed: first('executed'),
  }
  return { times, timeMs: times.voted }
}

/** The vote or accept signature of a batch, taken apart; undefined where this signer has none. `valid` and times are the verifier's to fill in. */
export function signatureDataOf(batch: BatchDescription, phase: 'vote' | 'accept', { n, quorum }: Bounds): Omit<SignatureData, 'valid'> | undefined {
  const entries =
    phase === 'vote'
      ? batch.votes?.entries.map(({ message, signers, before }) => ({
          message,
          signers,
          summary: beforeText(before),
        }))
      : batch.accepts && [{ message: '', signers: batch.accepts.signers, summary: `accepts in ballot ${batch.ballot}` }]
  if (!entries) return undefined
  const present = new Set(entries.flatMap(({ signers }) => signers))
  const missing = Array.from({ length: n }, (_, signer) => signer).filter((signer) => !present.has(signer))
  return { batchId: batch.batchId, phase, n, quorum, entries, missing, pairings: entries.length + 1 }
}

/** "after 3f2a91cd, 4e3c9f6a, +3": what a vote has before the batch, in few words. */
function beforeText(before: readonly Id[]): string {
  const more = before.length - NAMED
  return before.length === 0
    ? 'after nothing'
    : `after ${before
        .slice(0, NAMED)
        .map((id) => shortId(id))
        .join(', ')}${more > 0 ? `, +${more}` : ''}`
}

/** A group of batches with its order. Names that are not in the group are left out of votes and predecessors. */
export function orderDataOf(batches: readonly DescribedBatch[], bounds: Bounds): OrderData {
  const known = new Set(batches.map(({ batchId }) => batchId))
  const tallies = new Map(batches.map((batch) => [batch.batchId, tallyOf(batch, known)]))
  const decided = new Map<Id, DecidedBatch>()
  for (const batch of batches) {
    if (batch.status === 'pending') continue
    const tally = tallies.get(batch.batchId)
    const agreed = batch.path === 'slow' && tally && batch.votes ? { m: tally.votes, inc: tally.inc } : null
    decided.set(batch.batchId, {
      id: batch.batchId,
      keys: batch.keys,
      predecessors: batch.predecessors.filter((id) => known.has(id)),
      tallies: agreed,
    })
  }
  const components = orderOf(decided)
  const { n, quorum, inclusion } = bounds
  const shown = batches.map((batch) => shownBatch(batch, tallies.get(batch.batchId), bounds, known))
  return {
    n,
    quorum,
    inclusion,
    batches: shown,
    pairs: pairsOf(batches, tallies, quorum),
    components,
    order: components.flat(),
    ranked: rankedOf(components, decided),
    arrivals: arrivalsOf(batches, known, n),
  }
}

/** The pairs of each component with more than one member, as they were locked or skipped; ids as in `decided`. */
export function rankedOf(components: readonly (readonly Id[])[], decided: ReadonlyMap<Id, DecidedBatch>): OrderRank[] {
  return components
    .filter(({ length }) => length > 1)
    .flatMap((component) => rankedOrder(component.flatMap((id) => decided.get(id) ?? [])).pairs)
    .map((pair) => ({ ...pair, strength: Number.isFinite(pair.strength) ? pair.strength : null }))
}

/** Votes that say the same put together, those of most signers first. */
export function viewsOf(votes: readonly OrderView[]): OrderView[] {
  const views = new Map<string, { before: readonly string[]; signers: number[] }>()
  for (const { before, signers } of votes) {
    const sorted = [...new Set(before)].sort()
    const name = JSON.stringify(sorted)
    const known = views.get(name)
    if (known) known.signers.push(...signers)
    else views.set(name, { before: sorted, signers: [...signers] })
  }
  const all = [...views.values()].map(({ before, signers }) => ({ before, signers: signers.sort((a, b) => a - b) }))
  return all.sort((a, b) => b.signers.length - a.signers.length || (a.signers[0] ?? 0) - (b.signers[0] ?? 0))
}

function tallyOf({ votes }: BatchDescription, known: ReadonlySet<Id>): Tally {
  const inc = new Map<Id, number>()
  let count = 0
  for (const { signers, before } of votes?.entries ?? []) {
    count += signers.length
    for (const id of before) if (known.has(id)) inc.set(id, (inc.get(id) ?? 0) + signers.length)
  }
  return { votes: count, base: new Map(), inc }
}

function shownBatch(batch: DescribedBatch, tally: Tally | undefined, { n, quorum }: Bounds, known: ReadonlySet<Id>): OrderBatch {
  const score = tally ? scoreOf(tally) : 0
  return {
    id: batch.batchId,
    keys: batch.keys,
    votes: tally?.votes ?? 0,
    score: score / n,
    decisive: score >= quorum,
    path: batch.path ?? 'undecided',
    predecessors: batch.predecessors.filter((id) => known.has(id)),
    views: viewsOf((batch.votes?.entries ?? []).map(({ before, signers }) => ({ before: before.filter((id) => known.has(id)), signers }))),
    ballot: batch.path === null ? undefined : batch.ballot,
    phase3Ms: batch.phase3Ms ?? undefined,
  }
}

function pairsOf(batches: readonly BatchDescription[], tallies: ReadonlyMap<Id, Tally>, quorum: number): OrderPair[] {
  const sorted = [...batches].sort((a, b) => (a.batchId < b.batchId ? -1 : 1))
  const none: Tally = { votes: 0, base: new Map(), inc: new Map() }
  return sorted.flatMap((a, i) =>
    sorted
      .slice(i + 1)
      .filter((b) => shareKey(a.keys, b.keys))
      .map((b) => {
        const [countA, countB] = [tallies.get(a.batchId) ?? none, tallies.get(b.batchId) ?? none]
        const before: [number, number] = [countA.inc.get(b.batchId) ?? 0, countB.inc.get(a.batchId) ?? 0]
        const decisive = isDecisivePair(before[0], countA.votes, quorum) && isDecisivePair(before[1], countB.votes, quorum)
        const support = supportOf(
          { id: a.batchId, tallies: { m: countA.votes, inc: countA.inc } },
          { id: b.batchId, tallies: { m: countB.votes, inc: countB.inc } },
        )
        return { a: a.batchId, b: b.batchId, before, support, decisive }
      }),
  )
}

/** What reached each signer in which order, as its votes tell it: a batch stands behind all that its vote has before it. */
function arrivalsOf(batches: readonly BatchDescription[], known: ReadonlySet<Id>, n: number): Id[][] {
  const votes = Array.from({ length: n }, () => new Map<Id, number>())
  for (const { batchId, votes: set } of batches) {
    for (const { signers, before } of set?.entries ?? []) {
      const place = before.filter((id) => known.has(id)).length
      for (const signer of signers) votes[signer]?.set(batchId, place)
    }
  }
  return votes.map((places) => [...places].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)).map(([id]) => id))
}
