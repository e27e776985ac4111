/**
 * What is explained and drawn: the JSON shapes of `inspect tree`, `order`, `sig` and `timeline`, and how much of them fits into one drawing.
 * Plain data only, as it comes from a signer, a file or a simulation; deriving it from votes is left to the core.
 */
import type { MomentKind } from '../core/moments.js'

/** What became of one signer's vote (§5): in the root's vote set, in it as a supplement, gathered by another than its parent, refused, not come, or not told. */
export type NodeState = 'voted' | 'late' | 'adopted' | 'invalid' | 'silent' | 'unknown'

/** What a signer has to do in the tree of a batch (§4). */
export type Role = 'root' | 'inner' | 'leaf'

/** When a signer got a batch, voted, sent its subtree's votes up, knew the decision and executed it, by its own word, in milliseconds since the start of phase 1a at the root. */
export interface NodeTimes {
  readonly proposed?: number | undefined
  readonly voted?: number | undefined
  readonly sent?: number | undefined
  readonly committed?: number | undefined
  readonly executed?: number | undefined
}

/** One signer's place in the tree of a batch (§4). `timeMs` is when it voted; `adoptedBy` is the signer that asked it in its parent's place. */
export interface TreeNode {
  readonly signer: number
  readonly parent?: number | null | undefined
  readonly children: readonly number[]
  readonly depth: number
  readonly state: NodeState
  readonly name?: string | undefined
  readonly region?: string | undefined
  readonly adoptedBy?: number | undefined
  readonly timeMs?: number | undefined
  readonly role?: Role | undefined
  readonly times?: NodeTimes | undefined
}

/** The tree of a batch (§4) with what happened in it. */
export interface TreeData {
  readonly batchId: string
  readonly ballot: number
  readonly root: number
  readonly depth: number
  readonly nodes: readonly TreeNode[]
}

/** How a batch was decided: by its votes alone, with phase 3, or not yet. */
export type Path = 'fast' | 'slow' | 'undecided'

/** Votes on a batch that say the same: which batches of the group they have before it, and whose they are. */
export interface OrderView {
  readonly before: readonly string[]
  readonly signers: readonly number[]
}

/**
 * One batch of a group: `votes` is m, the number of votes, `score` a share of n from 0 to 1, `predecessors` the ids that more than `inclusion` votes name.
 * `views`: its distinct votes, those of most signers first. Where a signer tells of it: the ballot that decided it, and how long phase 3 took there.
 */
export interface OrderBatch {
  readonly id: string
  readonly keys?: readonly string[] | undefined
  readonly votes: number
  readonly score: number
  readonly decisive: boolean
  readonly path: Path
  readonly predecessors: readonly string[]
  readonly views?: readonly OrderView[] | undefined
  readonly ballot?: number | undefined
  readonly phase3Ms?: number | undefined
}

/**
 * Two conflicting batches. `before` is [inc_a(b), inc_b(a)]: votes on a that have b before it, votes on b that have a before it (§5);
 * `support` is [for a before b, for b before a], both vote sets added up (§8).
 */
export interface OrderPair {
  readonly a: string
  readonly b: string
  readonly before: readonly [number, number]
  readonly support: readonly [number, number]
  readonly decisive: boolean
}

/** A pair of a component as ranked pairs takes it (§8), strongest first: skipped (not `locked`) where it would close a cycle. `strength`: null where only one way round was agreed. */
export interface OrderRank {
  readonly winner: string
  readonly loser: string
  readonly strength: number | null
  readonly locked: boolean
}

/** A group of batches and its order (§8). `ranked`: the pairs inside components of more than one batch. `arrivals`, where known, has one list for each signer: the batches in the order in which they reached it. */
export interface OrderData {
  readonly n: number
  readonly quorum: number
  readonly inclusion: number
  readonly batches: readonly OrderBatch[]
  readonly pairs: readonly OrderPair[]
  readonly components: readonly (readonly string[])[]
  readonly order: readonly string[]
  readonly ranked?: readonly OrderRank[] | undefined
  readonly arrivals?: readonly (readonly string[])[] | undefined
}

/** One (message, signers) entry of a MultiSignature (§2): the digest that was signed in hex, and what it says in a few words. */
export interface SignatureEntry {
  readonly message: string
  readonly summary: string
  readonly signers: readonly number[]
}

/** A MultiSignature over votes or accepts of a batch, taken apart (§2). */
export interface SignatureData {
  readonly batchId: string
  readonly phase: 'vote' | 'accept'
  readonly n: number
  readonly quorum: number
  readonly entries: readonly SignatureEntry[]
  readonly missing: readonly number[]
  readonly pairings: number
  readonly verificationMs?: number | undefined
  readonly valid: boolean
  readonly faulty?: readonly number[] | undefined
  /** Where it does not verify: among how many signers' own shares the wrong ones were looked for, and how many checks that took. */
  readonly search?: { readonly shares: number; readonly checks: number } | undefined
}

/** What a stretch of a signer's time is: a phase of §5 as that signer went through it, a ballot above 0, or the wait of what is committed for what goes before it. */
export type SpanKind = '1a' | '1b' | '2' | '3a' | '3b' | 'ballot' | 'waits'

/** A stretch of a signer's time, in milliseconds since the start of phase 1a at the root. */
export interface Span {
  readonly kind: SpanKind
  readonly fromMs: number
  readonly toMs: number
  readonly ballot?: number | undefined
}

/** A moment as a signer noted it, in milliseconds since the start of phase 1a at the root. `signer` is the other end. */
export interface TimelineMoment {
  readonly what: MomentKind
  readonly atMs: number
  readonly signer?: number | undefined
  readonly ballot?: number | undefined
}

/** `forgotten`: it answers and does not remember the times; `unknown`: it answers and does not hold the batch; `silent`: it does not answer. */
export type Telling = 'told' | 'forgotten' | 'unknown' | 'silent'

/** One signer's part of a timeline. `clockShiftMs`: by how much its own clock had to be moved to fit the others'; 0 where it fits. */
export interface TimelineSigner {
  readonly signer: number
  readonly parent: number | null
  readonly depth: number
  readonly name?: string | undefined
  readonly region?: string | undefined
  readonly telling: Telling
  readonly clockShiftMs: number
  readonly moments: readonly TimelineMoment[]
  readonly spans: readonly Span[]
}

/** One step of the way that everybody had to wait for. */
export interface PathStep {
  readonly signer: number
  readonly what: MomentKind
  readonly atMs: number
}

/** A ballot above 0: who coordinates it, when the first signer turned to it, and how many wanted, promised and accepted it. */
export interface TimelineBallot {
  readonly ballot: number
  readonly coordinator: number
  readonly fromMs: number
  readonly wanted: number
  readonly promised: number
  readonly accepted: number
}

/** `by` gave `signer` up for late and asked the signers below it itself. */
export interface TimelineRetry {
  readonly by: number
  readonly signer: number
  readonly atMs: number
}

/** A batch's phases against time (§5), as its signers tell them, those of the tree's upper levels first. */
export interface TimelineData {
  readonly batchId: string
  readonly root: number
  readonly n: number
  readonly status: 'pending' | 'committed' | 'executed'
  /** From the start of phase 1a to the last thing that is known. */
  readonly totalMs: number
  readonly signers: readonly TimelineSigner[]
  readonly criticalPath: readonly PathStep[]
  readonly ballots: readonly TimelineBallot[]
  readonly retries: readonly TimelineRetry[]
}

/** How much stands in one drawing; what goes beyond is counted there in words, never dropped silently. */
export const DRAWN = {
  /** Signers of a tree: whole levels are left out below that. */
  treeSigners: 255,
  /** Signers across a line diagram. */
  orderSigners: 255,
  /** Signers up to which the line diagram keeps their numbers' order; wider ones are sorted by what reached them. */
  unsortedSigners: 31,
  /** Lines of a line diagram, and rows of the tables beside it. */
  batches: 40,
  /** Rows of the tables of pairs. */
  pairs: 60,
  /** Signers up to which a line diagram has the matrix of places below it. */
  matrixSigners: 127,
  /** Different votes on one batch listed one by one. */
  views: 4,
  /** Different arrival orders listed one by one. */
  arrivalOrders: 12,
  /** Rows of a signature: different messages. */
  messages: 40,
  /** Signers of a signature's rows of marks. */
  signatureSigners: 1023,
  /** Signers of a timeline. */
  timelineSigners: 255,
  /** Columns of a signer's name or region. */
  nameColumns: 16,
  /** Columns of a batch's short id before equal ones are told apart by a number. */
  idColumns: 24,
  /** Columns of what a signed message says. */
  summaryColumns: 28,
} as const
