/**
 * What a program derives as every signer does: quorums, the order that follows from votes, the count of one batch's votes, a batch's tree. Plain data in and
 * out; the rules are the core's.
 */
import { type Id, shorten } from '../base/bytes.js'
import { fromJson } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import type { BatchDescription } from '../core/describe.js'
import { LIMITS } from '../core/limits.js'
import { type Bounds, boundsOf as boundsWith, type Manifest, parseTolerance } from '../core/manifest.js'
import { isFast, predecessorsOf, scoreOf, type Tally } from '../core/tally.js'
import { type TreeParameters, treeOf } from '../core/tree.js'
import type { OrderData, Path, TreeData } from '../inspect/data.js'
import { type DescribedBatch, orderDataOf, treeDataOf } from '../inspect/group.js'
import { batchVotesCodec, deriveFromVotes } from '../inspect/votes-file.js'

/** One signer’s vote on a batch: the conflicting batches that reached it earlier. */
export interface Vote {
  signer: number
  before: readonly string[]
}

/** Batches by id, each with its dependency keys. Ids are any text; two batches conflict where they share a key. */
export interface VotedBatches {
  /** How many signers there are. */
  n: number
  /** `1/2` unless given. */
  tolerance?: string | undefined
  batches: Readonly<Record<string, readonly string[]>>
}

/** What reached each signer, in its order: one list for each, all ids of `batches`. A batch missing from a list was not voted on by that signer. */
export interface Arrivals extends VotedBatches {
  arrivals: readonly (readonly string[])[]
}

/** The votes on each batch, as they were collected. */
export interface VoteSets extends VotedBatches {
  votes: Readonly<Record<string, readonly Vote[]>>
}

/** The votes on one batch, counted. */
export interface VoteCount {
  /** m: how many voted. */
  votes: number
  /** For each batch that is named, how many have it before. */
  before: Record<string, number>
  /** The least support among all pairs, as a share of all signers. */
  score: number
  /** Whether a quorum agrees on every pair. */
  decisive: boolean
  /** `fast`: the votes decide by themselves; `slow`: phase 3 is needed; `undecided`: fewer than a quorum voted. */
  path: Path
  /** The batches that more than `inclusion` votes have before: they go first. */
  predecessors: string[]
}

/** The tree of a batch, and the permutation that it is made from: the coordinator of ballot b is the signer at b mod n of it. */
export interface BatchTree extends TreeData {
  permutation: readonly number[]
}

/**
 * Quorum and bounds for `n` signers and a tolerance from 1/2 up to, not including, 1, as `1/2` or `0.5`. Errors: `BAD_INPUT`.
 *
 * @example
 * boundsOf(7) // { n: 7, quorum: 6, crashBound: 1, asyncByzantineBound: 1, syncByzantineBound: 3, inclusion: 2 }
 */
export function boundsOf(n: number, tolerance = '1/2'): Bounds {
  checkSize(n)
  return boundsWith(n, parseTolerance(tolerance))
}

function checkSize(n: number): void {
  if (!Number.isSafeInteger(n) || n < 1 || n > LIMITS.signers)
    throw new MusigError('BAD_INPUT', `n is ${n}; there are from 1 to ${LIMITS.signers} signers`)
}

/**
 * The one order that follows from what reached each signer (`arrivals`) or from collected votes (`votes`), with the count of every batch, every pair and the
 * components: what `musig inspect order --votes FILE` prints. Errors: `BAD_ENCODING`, `BAD_INPUT` with the place that is wrong.
 *
 * @example
 * deriveOrder({ n: 4, batches: { A: ['k'], B: ['k'] }, arrivals: [['A', 'B'], ['A', 'B'], ['A', 'B'], ['A', 'B']] }).order // ['A', 'B']
 */
export function deriveOrder(votes: Arrivals | VoteSets): OrderData {
  return deriveFromVotes({ ...votes, tolerance: votes.tolerance ?? '1/2' })
}

/**
 * Counts the votes on one batch: score, path, predecessors. `bounds`: from `boundsOf`, or a manifest. Errors: `BAD_ENCODING` on votes of another
 * shape, `BAD_INPUT` on a signer that there is not, or that votes twice.
 *
 * @example
 * countVotes([{ signer: 0, before: ['A'] }, { signer: 1, before: [] }], boundsOf(4)).before // { A: 1 }
 */
export function countVotes(votes: readonly Vote[], bounds: Bounds): VoteCount {
  const { n, quorum } = bounds
  const seen = new Set<number>()
  const inc = new Map<string, number>()
  for (const { signer, before } of fromJson(batchVotesCodec, votes, 'votes')) {
    if (signer >= n) throw new MusigError('BAD_INPUT', `there is no signer ${signer}; there are ${n}, from 0`)
    if (seen.has(signer)) throw new MusigError('BAD_INPUT', `signer ${signer} votes twice`)
    seen.add(signer)
    for (const named of new Set(before)) inc.set(named, (inc.get(named) ?? 0) + 1)
  }
  const tally: Tally = { votes: votes.length, base: new Map(), inc }
  const score = scoreOf(tally)
  return {
    votes: votes.length,
    before: Object.fromEntries(inc),
    score: score / n,
    decisive: score >= quorum,
    path: isFast(tally, bounds) ? 'fast' : votes.length >= quorum ? 'slow' : 'undecided',
    predecessors: predecessorsOf(tally, bounds),
  }
}

/**
 * The tree that a batch travels from its initiator, and the order of coordinators should that one fail. Of the manifest it takes `clusterId`, `n`, `tree` and
 * the signers’ regions. Errors: `BAD_INPUT` on a batch id that is none, or a root that is no signer.
 *
 * @example
 * drawTreeSvg(buildTree(manifest, batchId, 0))
 */
export function buildTree(manifest: TreeParameters, batchId: Id, root: number): BatchTree {
  if (!/^[0-9a-f]{64}$/.test(batchId)) throw new MusigError('BAD_INPUT', `“${shorten(batchId)}” is no batch id of 64 lower-case hex characters`)
  checkSize(manifest.n)
  if (!Number.isSafeInteger(manifest.tree.fanout) || manifest.tree.fanout < Math.min(2, manifest.n - 1))
    throw new MusigError('BAD_INPUT', `a fanout of ${manifest.tree.fanout} makes no tree; it must be at least 2`)
  if (!Number.isInteger(root) || root < 0 || root >= manifest.n)
    throw new MusigError('BAD_INPUT', `there is no signer ${root}; there are ${manifest.n}, from 0`)
  const tree = treeOf(batchId, root, manifest)
  const nodes = tree.permutation.map((signer) => ({
    signer,
    parent: tree.parentOf(signer) ?? null,
    children: [...tree.childrenOf(signer)],
    depth: tree.depthOf(signer),
    state: 'unknown' as const,
    region: manifest.signers[signer]?.region || undefined,
  }))
  return { batchId, ballot: 0, root, depth: tree.depth, nodes, permutation: [...tree.permutation] }
}

/**
 * The order of a group of batches as a signer describes it (`Client.group`), derived again from their votes. `bounds`: the manifest, or from `boundsOf`.
 *
 * @example
 * const { batches } = await client.group(txId)
 * const svg = drawOrderSvg(orderOfGroup(batches, await client.manifest()))
 */
export function orderOfGroup(batches: readonly DescribedBatch[], bounds: Bounds): OrderData {
  return orderDataOf(batches, bounds)
}

/**
 * The tree of a batch as a signer describes it (`Client.description`): with what became of each signer’s vote, and the signers’ names and regions.
 *
 * @example
 * const svg = drawTreeSvg(treeOfBatch(await client.description(txId), await client.manifest()))
 */
export function treeOfBatch(batch: BatchDescription, manifest: Pick<Manifest, 'signers'>): TreeData {
  return treeDataOf(batch, manifest)
}
