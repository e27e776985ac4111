/** What signers and peers say of themselves alike: which process of which cluster it is, how far it has come, what it holds, what it has seen of others. */
import type { Id } from '../base/bytes.js'
import type { Subject } from './answers.js'
import type { MachineReport } from './machine-watch.js'
import type { SinkStatus } from './sinks/feed.js'
import type { Suspicion } from './suspicions.js'

/** The state of a signer or a peer, as far as it is the same for both. */
export interface NodeStatus {
  clusterId: Id
  cluster: string
  version: string
  pid: number
  uptimeMs: number
  n: number
  quorum: number
  /** Signers to which there is a link. */
  connected: number[]
  /** A batch that is missing here and that all signers within reach have pruned: it executes nothing more. */
  beyondReach: Id | null
  /** Batches that were executed. */
  executed: number
  transactions: number
  /** What its records take on the disk. */
  storeBytes: number
  orderDigest: Id
  machineDigest: Id
  /** What is seen of its state machine. */
  machine: MachineReport
  bls: string
  /** What was only seen, and is not proved. */
  suspicion: Suspicion[]
  /** Where what is executed goes besides. */
  sinks: SinkStatus[]
}

/** What such a state is made of. */
export interface NodeSubject extends Subject {
  storeBytes: () => number
  suspicion: () => Suspicion[]
  bls: string
  version: string
  /** In the clock of `performance.now()`. */
  startedAt: number
}

export function nodeStatusOf(subject: NodeSubject, connected: Iterable<number>, beyondReach: Id | undefined): NodeStatus {
  const { manifest, journal, executor } = subject
  const isApplied = executor.executedBatches === journal.logs.executed.length
  return {
    clusterId: manifest.clusterId,
    cluster: manifest.name,
    version: subject.version,
    pid: process.pid,
    uptimeMs: Math.round(performance.now() - subject.startedAt),
    n: manifest.n,
    quorum: manifest.quorum,
    connected: [...connected].sort((a, b) => a - b),
    beyondReach: beyondReach ?? null,
    executed: executor.executedBatches,
    transactions: executor.executedTransactions,
    storeBytes: subject.storeBytes(),
    // Of what was applied, as the machine's digest: the two belong together.
    orderDigest: isApplied ? journal.logs.orderDigest : journal.logs.orderDigestAt(executor.heights),
    machineDigest: executor.machineDigest,
    machine: executor.machine.watch.report(),
    bls: subject.bls,
    suspicion: subject.suspicion(),
    sinks: subject.sinks(),
  }
}
