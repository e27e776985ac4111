/**
 * What a signer says of itself: whom it reaches, whether it could commit now, how far it has come, what it has seen of others. What it answers about the order is
 * `answers.ts`.
 */
import { equalBytes, type Id, toHex } from '../base/bytes.js'
import type { Journal } from '../core/journal.js'
import type { HeldEvidence } from './evidence-folder.js'
import type { LinkFault } from './link-faults.js'
import { type NodeStatus, type NodeSubject, nodeStatusOf } from './node-status.js'

/** A signer's state. */
export interface StatusAnswer extends NodeStatus {
  index: number
  name: string
  publicKey: string
  /** The epoch that it is in, and that in which it was evicted. */
  epoch: number
  evictedIn: number | null
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
  /** −1: it has no seat. */
  readonly self: number
  publicKey: Uint8Array
  readonly connected: ReadonlySet<number>
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
    publicKey: toHex(subject.publicKey),
    ...nodeStatusOf(subject, connected, subject.beyondReach()),
    epoch: manifest.epoch,
    evictedIn: evictionOf(journal, subject.publicKey) ?? null,
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
  self,
  publicKey,
  journal,
  manifest,
  connected,
  lost,
  isComparing,
  beyondReach,
}: Pick<SignerSubject, 'self' | 'publicKey' | 'journal' | 'manifest' | 'connected' | 'lost' | 'isComparing' | 'beyondReach'>): Health {
  if (self < 0) return evictionOf(journal, publicKey) === undefined ? 'joining' : 'evicted'
  if (beyondReach() !== undefined) return 'left behind'
  if (lost() !== undefined) return 'follows'
  if (connected.size + 1 < manifest.quorum) return 'no quorum'
  return isComparing() ? 'compares' : 'ready'
}

/** The epoch in which a signer was evicted, if it was. */
export function evictionOf({ epochs, manifest }: Journal, publicKey: Uint8Array): number | undefined {
  let wasSeated = false
  for (let epoch = manifest.epoch - epochs.changes.length; epoch <= manifest.epoch; epoch++) {
    const isSeated = epochs.manifestOf(epoch)?.signers.some((signer) => equalBytes(signer.publicKey, publicKey)) === true
    if (wasSeated && !isSeated) return epoch
    wasSeated = isSeated
  }
  return undefined
}

/**
 * `evicted`: it is no signer any more; `joining`: it is none yet; `follows`: records of it are lost, it signs nothing; `compares`: it came back and has not seen yet that others have the same order (§9), it signs nothing
 * meanwhile; `left behind`: it lacks batches that all within reach have pruned; `no quorum`: it reaches too few others.
 */
export type Health = 'ready' | 'no quorum' | 'compares' | 'follows' | 'left behind' | 'evicted' | 'joining'
