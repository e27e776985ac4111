/**
 * What a signer says of itself: whom it reaches, whether it could commit now, how far it has come, what it has seen of others. What it answers about the order is
 * `answers.ts`.
 */
import { type Id, toHex } from '../base/bytes.js'
import type { Subject } from './answers.js'
import type { HeldEvidence } from './evidence-folder.js'
import type { LinkFault } from './link-faults.js'
import type { MachineReport } from './machine-watch.js'
import type { SinkStatus } from './sinks/feed.js'
import type { Suspicion } from './suspicions.js'

/** A signer's state. */
export interface StatusAnswer {
  index: number
  name: string
  publicKey: string
  clusterId: Id
  cluster: string
  version: string
  pid: number
  uptimeMs: number
  n: number
  quorum: number
  /** Signers with a live link to this one. */
  connected: number[]
  /** How many peers have a link to it. */
  peers: number
  /** Whether it could commit now, or why not. */
  health: Health
  /** What shows that records of it are lost, so that it only follows and signs nothing. */
  lost: string | null
  /** A batch that is missing here and that all signers within reach have pruned: it executes nothing more. */
  beyondReach: Id | null
  /** Batches that were executed. */
  executed: number
  transactions: number
  undecided: number
  /** Executed batches of which only outline and receipts are kept. */
  pruned: number
  /** What its records take on the disk. */
  storeBytes: number
  orderDigest: Id
  machineDigest: Id
  /** What is seen of its state machine. */
  machine: MachineReport
  bls: string
  /** What is proved, each with the file in the signer's folder that proves it. */
  evidence: HeldEvidence[]
  /** What was only seen. */
  suspicion: Suspicion[]
  /** Where what is executed goes besides. */
  sinks: SinkStatus[]
  /** Faults put on its links on purpose. */
  faults: LinkFault[]
}

/** What its state is made of. */
export interface SignerSubject extends Subject {
  self: number
  connected: ReadonlySet<number>
  /** How many peers have a link to it. */
  peers: () => number
  /** What shows that records are lost. */
  lost: () => string | undefined
  /** Whether it waits to see that others have the same logs. */
  isComparing: () => boolean
  beyondReach: () => Id | undefined
  storeBytes: () => number
  /** Put on its links on purpose. */
  faults: readonly LinkFault[]
  evidence: readonly HeldEvidence[]
  suspicion: () => Suspicion[]
  bls: string
  version: string
  /** In the clock of `performance.now()`. */
  startedAt: number
}

export function statusAnswer(subject: SignerSubject): StatusAnswer {
  const { self, manifest, journal, executor, connected } = subject
  const signer = manifest.signers[self]
  const isApplied = executor.executedBatches === journal.logs.executed.length
  return {
    index: self,
    name: signer?.name ?? '',
    publicKey: toHex(signer?.publicKey ?? new Uint8Array()),
    clusterId: manifest.clusterId,
    cluster: manifest.name,
    version: subject.version,
    pid: process.pid,
    uptimeMs: Math.round(performance.now() - subject.startedAt),
    n: manifest.n,
    quorum: manifest.quorum,
    connected: [...connected].sort((a, b) => a - b),
    peers: subject.peers(),
    health: healthOf(subject),
    lost: subject.lost() ?? null,
    beyondReach: subject.beyondReach() ?? null,
    executed: executor.executedBatches,
    transactions: executor.executedTransactions,
    undecided: journal.undecided.size,
    pruned: journal.pruned,
    storeBytes: subject.storeBytes(),
    // Of what was applied, as the machine's digest: the two belong together.
    orderDigest: isApplied ? journal.logs.orderDigest : journal.logs.orderDigestAt(executor.heights),
    machineDigest: executor.machineDigest,
    machine: executor.machine.watch.report(),
    bls: subject.bls,
    evidence: [...subject.evidence],
    suspicion: subject.suspicion(),
    sinks: subject.sinks(),
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
