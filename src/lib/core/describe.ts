/**
 * What a signer can tell of a batch for people to look at: who voted what, who accepted, and what became of each signer in the tree. Reads
 * journal and rounds; changes nothing. Drawing it is left to `inspect`.
 */

import { hasBit, membersOf } from '../base/bitmap.js'
import { type Id, toHex } from '../base/bytes.js'
import type { Journal } from './journal.js'
import type { KnownBatch } from './known-batch.js'
import { LIMITS } from './limits.js'
import type { Manifest } from './manifest.js'
import type { Round } from './round-state.js'
import { voteDigest } from './statement.js'
import { treeOf } from './tree.js'
import { baseOf, type Heights, idsAbove, isBelow, keyAhead, type View } from './view.js'
import { type VoteSet, voteSetOf } from './vote-set.js'

/** Votes with the same view: what they have before the batch, above the base of the whole set. */
export interface DescribedVotes {
  /** The statement's digest. */
  message: Id
  signers: number[]
  before: Id[]
}

/** One signer's place in the tree of a batch, and what became of its vote there. */
export interface DescribedNode {
  signer: number
  parent: number | null
  children: number[]
  depth: number
  state: 'voted' | 'late' | 'adopted' | 'invalid' | 'silent' | 'unknown'
  /** Who took it over, where that was seen. */
  adoptedBy: number | null
}

/** What a signer saw of a batch: who voted what, who accepted, and its tree. */
export interface BatchDescription {
  batchId: Id
  initiator: number
  keys: string[]
  status: 'pending' | 'committed' | 'executed'
  path: 'fast' | 'slow' | null
  ballot: number
  /** The votes that the decision follows from; null where only accepts are known here. */
  votes: { entries: DescribedVotes[]; signature: string } | null
  /** Accepts of phase 3 or of a later ballot; null on the fast path. */
  accepts: { signers: number[]; signature: string } | null
  predecessors: Id[]
  tree: { root: number; depth: number; nodes: DescribedNode[] }
}

/**
 * Describes a batch that arrived here. `round`: its trip through the tree, while that is remembered. `group`: the batches of one picture; votes
 * and predecessors then also tell which of them lie below the base.
 */
export function describeBatch(
  manifest: Manifest,
  journal: Journal,
  known: KnownBatch,
  round: Round | undefined,
  group: readonly Id[] = [],
): BatchDescription {
  const { batch, committed } = known
  const certificate = committed?.certificate
  const votes = decidingVotes(known) ?? gatheredVotes(round)
  return {
    batchId: batch.id,
    initiator: batch.initiator,
    keys: batch.keys,
    status: journal.isExecuted(batch.id) ? 'executed' : committed ? 'committed' : 'pending',
    path: certificate?.type ?? null,
    ballot: certificate?.type === 'slow' ? certificate.ballot : 0,
    votes: votes ? { entries: describedVotes(manifest, journal, known, votes, group), signature: toHex(votes.signature) } : null,
    accepts: certificate?.type === 'slow' ? { signers: membersOf(certificate.signers), signature: toHex(certificate.signature) } : null,
    predecessors: committed ? [...new Set([...committed.value.predecessors, ...within(group, committed.value.base, journal, batch.id)])].sort() : [],
    tree: describedTree(manifest, known, votes, round),
  }
}

/** The vote set that decided, as far as it came by here: in the certificate, or in the order that was accepted or made. */
function decidingVotes({ committed, accepted, orders }: KnownBatch): VoteSet | undefined {
  const certificate = committed?.certificate
  if (certificate?.type === 'fast') return certificate.votes
  const order = certificate ? [accepted, ...orders.values()].find((known) => known?.ballot === certificate.ballot) : accepted
  if (!order) return undefined
  return order.proof.type === 'votes' ? order.proof.votes : order.proof.promises.votes
}

function gatheredVotes(round: Round | undefined): VoteSet | undefined {
  const merged = round?.votes.merged()
  return merged && round ? voteSetOf(merged, round.views) : undefined
}

/** Which of a group lie at or below these heights. */
function within(group: readonly Id[], heights: Heights, journal: Journal, batchId: Id): Id[] {
  return group.filter((id) => id !== batchId && isBelow(id, heights, journal.logs))
}

function describedVotes(manifest: Manifest, journal: Journal, { batch }: KnownBatch, votes: VoteSet, group: readonly Id[]): DescribedVotes[] {
  const views = votes.entries.map(({ view }) => view)
  const base = baseOf(views, batch.keys)
  return votes.entries.map(({ view, signers }) => ({
    message: toHex(voteDigest(manifest, batch.id, view)),
    signers: membersOf(signers),
    before: [...new Set([...namedBy(view, batch.keys, base, journal), ...within(group, view.heights, journal, batch.id)])].sort(),
  }))
}

function namedBy(view: View, keys: readonly string[], base: Heights, { logs }: Journal): Iterable<Id> {
  return keyAhead(view.heights, logs) === undefined ? idsAbove(view, keys, base, logs) : view.pending
}

function describedTree(manifest: Manifest, { batch }: KnownBatch, votes: VoteSet | undefined, round: Round | undefined): BatchDescription['tree'] {
  const tree = treeOf(batch.id, batch.initiator, manifest)
  const voted = new Set(votes?.entries.flatMap(({ signers }) => membersOf(signers)))
  const stateOf = (signer: number): DescribedNode['state'] => {
    if (voted.has(signer)) return round?.adopted.has(signer) ? 'adopted' : 'voted'
    if (round && hasBit(round.votes.gathered, signer)) return 'late'
    if (round?.invalid.has(signer)) return 'invalid'
    return votes ? 'silent' : 'unknown'
  }
  const nodes = tree.permutation.map((signer) => ({
    signer,
    parent: tree.parentOf(signer) ?? null,
    children: [...tree.childrenOf(signer)],
    depth: tree.depthOf(signer),
    state: stateOf(signer),
    adoptedBy: round?.adopted.has(signer) ? round.self : null,
  }))
  return { root: tree.root, depth: tree.depth, nodes }
}

/**
 * The batches that belong into one picture with this one, oldest first: what conflicts with it within `reach` places of each key's log, and
 * what is pending beside it. At most as many as fit a drawing.
 */
export function neighboursOf(journal: Journal, known: KnownBatch, reach = 6): Id[] {
  const { batch } = known
  const ids = new Set<Id>([batch.id, ...(known.committed?.value.predecessors ?? [])])
  const heights = journal.logs.heightsOf(batch.id)
  for (const key of batch.keys) {
    const at = heights?.get(key) ?? journal.logs.heightOf(key) + 1
    for (let height = Math.max(1, at - reach); height <= at + reach; height++) {
      const other = journal.logs.batchAt(key, height)
      if (other !== undefined) ids.add(other)
    }
  }
  for (const id of journal.pendingOn(batch.keys)) ids.add(id)
  const present = [...ids].filter((id) => journal.get(id)).slice(0, LIMITS.batchesPerPicture)
  const order = new Map(journal.logs.executed.map((id, i) => [id, i]))
  return present.sort((a, b) => (order.get(a) ?? Number.POSITIVE_INFINITY) - (order.get(b) ?? Number.POSITIVE_INFINITY) || (a < b ? -1 : 1))
}
