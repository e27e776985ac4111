/**
 * What a peer says of itself: whom it follows, how far it has come and how far behind that is, what it has seen of signers. What it answers about the order is
 * `answers.ts`. Owns what “level” means.
 */
import { toHex } from '../base/bytes.js'
import type { BeginningProgress } from '../core/beginning.js'
import type { Learner } from '../core/learner.js'
import { type NodeStatus, type NodeSubject, nodeStatusOf } from './node-status.js'

/**
 * `level`: it has executed what signers say they have, or had so a moment ago; `behind`: it has not; `no signer`: it has no link to any;
 * `left behind`: it lacks batches that all within reach have pruned; `begins`: it fetches a snapshot, or compares with signers what follows from it.
 */
export type PeerHealth = 'level' | 'behind' | 'no signer' | 'left behind' | 'begins'

/** A peer's state. */
export interface PeerStatusAnswer extends NodeStatus {
  role: 'peer'
  /** Its own link key. */
  key: string
  health: PeerHealth
  /** Signers that must report the same log before a batch is executed; 0: its certificate is enough. */
  confirm: number
  follows: number[]
  /** Those of them that fed what is not true, and are neither asked nor heard for a while. */
  distrusted: number[]
  /** How many batches each says it has executed; null where it has not said so since it is connected, or is not believed. */
  signers: { index: number; executed: number | null }[]
  /** Batches whose place is known and which wait: for history, or to be confirmed. */
  waiting: number
  /** How many batches fewer than signers have, as more of them say than may lie; null where too few have said it. */
  behind: number | null
  /** Since when it is not level, in milliseconds; 0: it is, null: it never was. */
  behindMs: number | null
  /** How far it has come with the snapshot that it begins from; null once it has begun. */
  beginning: BeginningProgress | null
}

/** What its state is made of. */
export interface PeerSubject extends NodeSubject {
  key: Uint8Array
  learner: Pick<Learner, 'linked' | 'distrusted' | 'reach' | 'furthest' | 'beyondReach' | 'journal'>
  confirm: number
  follow: readonly number[]
  beginning: () => BeginningProgress | undefined
  /** When it was level last, in the clock of `performance.now()`. */
  levelAt: () => number | undefined
}

/** Under load a peer is a batch behind at most moments; it counts as level until so long after it was. */
const LEVEL_MS = 10_000

/** How many batches fewer a peer has executed than signers have, as more of them say than may lie; undefined where too few have said it. */
export function behindOf({ learner, executor }: Pick<PeerSubject, 'learner' | 'executor'>): number | undefined {
  const { furthest } = learner
  return furthest === undefined ? undefined : Math.max(0, furthest - executor.executedBatches)
}

/** Since when a peer is not level, in milliseconds: 0 where it is, undefined where it never was. */
export function behindMsOf(subject: PeerSubject): number | undefined {
  const levelAt = subject.levelAt()
  if (behindOf(subject) === 0) return 0
  return levelAt === undefined ? undefined : Math.round(performance.now() - levelAt)
}

export function peerHealthOf(subject: PeerSubject): PeerHealth {
  const { learner, levelAt, beginning } = subject
  if (learner.beyondReach !== undefined) return 'left behind'
  if (learner.linked.size === 0) return 'no signer'
  if (beginning()) return 'begins'
  return performance.now() - (levelAt() ?? Number.NEGATIVE_INFINITY) < LEVEL_MS ? 'level' : 'behind'
}

export function peerStatusAnswer(subject: PeerSubject): PeerStatusAnswer {
  const { learner, executor, journal } = subject
  return {
    role: 'peer',
    key: toHex(subject.key),
    ...nodeStatusOf(subject, learner.linked, learner.beyondReach),
    health: peerHealthOf(subject),
    confirm: subject.confirm,
    follows: [...subject.follow],
    distrusted: [...learner.distrusted].sort((a, b) => a - b),
    signers: subject.follow.map((index) => ({ index, executed: learner.reach.get(index) ?? null })),
    waiting: journal.waiting.size + journal.logs.executed.length - executor.executedBatches,
    behind: behindOf(subject) ?? null,
    behindMs: behindMsOf(subject) ?? null,
    beginning: subject.beginning() ?? null,
  }
}
