/**
 * What a signer says of itself: whom it reaches, whether it could commit now, how far it has come, what it has seen of others. What it answers about the order is
 * `answers.ts`.
 */
import { type Id, toHex } from '../base/bytes.js'
import type { HeldEvidence } from './evidence-folder.js'
import type { LinkFault } from './link-faults.js'
import { type NodeStatus, type NodeSubject, nodeStatusOf } from './node-status.js'

/** A signer's state. */
export interface StatusAnswer extends NodeStatus {
  index: number
  name: string
  publicKey: string
  /** How many peers have a link to it. */
  peers: number
  /** Whether it could commit now, or why not. */
  health: Health
  /** What shows that records of it are lost, so that it only follows and signs nothing. */
  lost: string | null
  undecided: number
  /** Executed batches of which only outline and receipts are kept. */
  pruned: number
  /** What is proved, each with the file in the signer's folder that proves it. */
  evidence: HeldEvidence[]
  /** Faults put on its links on purpose. */
  faults: LinkFault[]
}

/** What its state is made of. */
export interface SignerSubject extends NodeSubject {
  self: number
  connected: ReadonlySet<number>
  /** How many peers have a link to it. */
  peers: () => number
  /** What shows that records are lost. */
  lost: () => string | undefined
  /** Whether it waits to see that others have the same logs. */
  isComparing: () => boolean
  beyondReach: () => Id | undefined
  /** Put on its links on purpose. */
  faults: readonly LinkFault[]
  evidence: readonly HeldEvidence[]
}

export function statusAnswer(subject: SignerSubject): StatusAnswer {
  const { self, manifest, journal, connected } = subject
  const signer = manifest.signers[self]
  return {
    index: self,
    name: signer?.name ?? '',
    publicKey: toHex(signer?.publicKey ?? new Uint8Array()),
    ...nodeStatusOf(subject, connected, subject.beyondReach()),
    peers: subject.peers(),
    health: healthOf(subject),
    lost: subject.lost() ?? null,
    undecided: journal.undecided.size,
    pruned: journal.pruned,
    evidence: [...subject.evidence],
    faults: [...subject.faults],
  }
}

/** Whether this signer could commit now: `ready`; or why not. */
export function healthOf({
  manifest,
  connected,
  lost,
  isComparing,
  beyondReach,
}: Pick<SignerSubject, 'manifest' | 'connected' | 'lost' | 'isComparing' | 'beyondReach'>): Health {
  if (beyondReach() !== undefined) return 'left behind'
  if (lost() !== undefined) return 'follows'
  if (connected.size + 1 < manifest.quorum) return 'no quorum'
  return isComparing() ? 'compares' : 'ready'
}

/**
 * `follows`: records of it are lost, it signs nothing; `compares`: it came back and has not seen yet that others have the same order (§9), it signs nothing
 * meanwhile; `left behind`: it lacks batches that all within reach have pruned; `no quorum`: it reaches too few others.
 */
export type Health = 'ready' | 'no quorum' | 'compares' | 'follows' | 'left behind'
