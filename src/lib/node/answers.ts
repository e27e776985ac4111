/**
 * What a signer answers about itself: transactions, batches, certificates, its state. Owns the JSON shapes of the API (ids in hex, one shape for one thing)
 * and how they follow from journal, receipts and phases. How a question arrives is `api.ts`.
 */
import { type Id, toHex } from '../base/bytes.js'
import { toJson } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { certificateCodec, certificateId, orderCodec } from '../core/certificate.js'
import type { Journal, KnownBatch } from '../core/journal.js'
import type { Manifest } from '../core/manifest.js'
import type { Rounds } from '../core/round.js'
import { scoreOf, type Tally, tallyOf, valueCodec } from '../core/tally.js'
import { transactionCodec, transactionId } from '../core/transaction.js'
import { viewCodec } from '../core/view.js'
import { countedViews, type VoteSet } from '../core/vote-set.js'
import type { Receipt } from '../machine/state-machine.js'
import type { HeldEvidence } from './evidence-folder.js'
import type { Executor } from './executor.js'
import type { LinkFault } from './link-faults.js'
import { type PhaseClock, type Phases, rounded } from './phases.js'

/** A transaction's life as `tx submit` and `tx show` print it. */
export interface TransactionResult {
  txId: Id
  /** Null while it waits for a batch, or where it was rejected. */
  batchId: Id | null
  /** The heights of its batch in the logs of its keys; empty before its execution. */
  position: Record<string, number>
  /** Its place within the batch. */
  index: number | null
  status: 'executed' | 'committed' | 'pending' | 'rejected'
  path: 'fast' | 'slow' | null
  ballot: number | null
  /** The ordering score as a share of all signers. */
  score: number | null
  /** Votes that were counted. */
  votes: number | null
  receipt: Receipt | null
  /** From the submission, or from first sight where it was submitted elsewhere, to the execution at this signer. */
  latencyMs: number | null
  phases: Phases
  /** Why it was rejected. */
  reason?: string
}

/** Everything that a signer knows of a batch. Codecs' JSON forms stand as `unknown`: read them with those codecs. */
export interface BatchAnswer {
  batchId: Id
  initiator: number
  sequence: number
  time: number
  keys: string[]
  /** Its encoding in hex, from which its id follows. */
  bytes: string
  transactions: { txId: Id; transaction: unknown }[]
  status: 'executed' | 'committed' | 'pending'
  position: Record<string, number>
  path: 'fast' | 'slow' | null
  ballot: number | null
  /** The ordering score as a share of all signers. */
  score: number | null
  /** Votes that were counted. */
  votes: number | null
  /** For each batch named above the base, how many votes have it before. */
  inc: Record<Id, number>
  ownVote: { view: unknown; signature: string } | null
  promised: number
  /** The latest order that this signer accepted. */
  accepted: unknown
  certificate: unknown
  certificateId: Id | null
  value: unknown
  /** What a committed batch waits for. */
  waitingFor: { batchId: Id } | { key: string; height: number } | null
  phases: Phases
  totalMs: number | null
}

/** A certificate with what is needed to check it offline, next to the manifest. */
export interface CertificateAnswer {
  clusterId: Id
  batchId: Id
  keys: string[]
  batch: string
  certificate: unknown
  certificateId: Id
  value: unknown
}

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
  bls: string
  /** What is proved, each with the file in the signer's folder that proves it. */
  evidence: HeldEvidence[]
  /** What was only seen. */
  suspicion: { signer: number; reason: string; count: number }[]
  /** Faults put on its links on purpose. */
  faults: LinkFault[]
}

/** What the answers are made of. */
export interface Subject {
  self: number
  manifest: Manifest
  journal: Journal
  /** What is remembered of batches' trips through their trees. */
  rounds: Pick<Rounds, 'get'>
  executor: Executor
  phases: PhaseClock
  connected: ReadonlySet<number>
  /** What shows that records are lost. */
  lost: () => string | undefined
  /** Whether it waits to see that others have the same logs. */
  isComparing: () => boolean
  beyondReach: () => Id | undefined
  storeBytes: () => number
  /** Put on its links on purpose. */
  faults: readonly LinkFault[]
  evidence: readonly HeldEvidence[]
  suspicion: ReadonlyMap<string, { signer: number; reason: string; count: number }>
  bls: string
  version: string
  /** In the clock of `performance.now()`. */
  startedAt: number
}

/** Ids may be shortened to so many characters. */
const MIN_PREFIX = 6

/** The one id that begins like this. Errors: `BAD_INPUT`, `NOT_FOUND`. */
export function findId(ids: Iterable<Id>, prefix: string, what: string): Id {
  const wanted = prefix.toLowerCase()
  if (!/^[0-9a-f]+$/.test(wanted) || wanted.length < MIN_PREFIX || wanted.length > 64)
    throw new MusigError('BAD_INPUT', `“${prefix.slice(0, 80)}” is no id of a ${what}: give ${MIN_PREFIX} to 64 hex digits`)
  const found = new Set<Id>()
  for (const id of ids) if (id.startsWith(wanted)) found.add(id)
  const [first, ...others] = found
  if (first === undefined) throw new MusigError('NOT_FOUND', `this signer knows no ${what} ${wanted}`)
  if (others.length > 0) throw new MusigError('BAD_INPUT', `${wanted} is the beginning of ${found.size} ids of a ${what}: give more digits`)
  return first
}

/** The life of a transaction. Errors: `NOT_FOUND`. */
export function transactionAnswer(subject: Subject, txId: Id): TransactionResult {
  const { executor, journal, phases } = subject
  const outcome = executor.outcome(txId)
  const batchId = outcome?.batchId ?? executor.pendingBatch(txId)
  const blank = { txId, position: {}, index: null, path: null, ballot: null, score: null, votes: null, receipt: null, latencyMs: null, phases: {} }
  if (batchId === undefined) {
    const reason = executor.refusal(txId)
    if (reason === undefined) throw new MusigError('NOT_FOUND', `this signer knows no transaction ${txId}`)
    return { ...blank, batchId: null, status: 'rejected', reason }
  }
  const known = batchId === null ? undefined : journal.get(batchId)
  const past = batchId === null ? undefined : journal.pastOf(batchId)
  if (batchId !== null && past && outcome) {
    const path = past.isFast ? 'fast' : 'slow'
    return { ...blank, batchId, position: positionOf(journal, batchId), index: outcome.index, status: 'executed', path, receipt: outcome.receipt }
  }
  if (batchId === null || !known) return { ...blank, batchId, status: 'pending' }
  if (!outcome) return { ...blank, batchId, ...decisionOf(subject, known), status: known.committed ? 'committed' : 'pending' }
  const times = phases.of(batchId)
  const latencyMs = outcome.latencyMs ?? times?.totalMs
  return {
    txId,
    batchId,
    position: positionOf(journal, batchId),
    index: outcome.index,
    status: 'executed',
    ...decisionOf(subject, known),
    receipt: outcome.receipt,
    latencyMs: latencyMs === undefined ? null : rounded(latencyMs),
    phases: times?.phases ?? {},
  }
}

/** Everything known of a batch. Errors: `NOT_FOUND`. */
export function batchAnswer(subject: Subject, batchId: Id): BatchAnswer {
  const { manifest, journal, phases } = subject
  const known = knownBatch(journal, batchId)
  const { batch, vote, accepted, committed } = known
  const times = phases.of(batchId)
  return {
    batchId,
    initiator: batch.initiator,
    sequence: batch.sequence,
    time: batch.time,
    keys: batch.keys,
    bytes: toHex(batch.bytes),
    transactions: batch.transactions.map((transaction) => ({
      txId: transactionId(manifest.clusterId, transaction),
      transaction: toJson(transactionCodec, transaction),
    })),
    status: journal.isExecuted(batchId) ? 'executed' : committed ? 'committed' : 'pending',
    position: positionOf(journal, batchId),
    ...decisionOf(subject, known),
    inc: Object.fromEntries(talliedVotes(subject, known)?.inc ?? []),
    ownVote: vote ? { view: toJson(viewCodec, vote.view), signature: toHex(vote.signature) } : null,
    promised: known.promised,
    accepted: accepted ? toJson(orderCodec, accepted) : null,
    certificate: committed ? toJson(certificateCodec, committed.certificate) : null,
    certificateId: committed ? certificateId(manifest, committed.certificate) : null,
    value: committed ? toJson(valueCodec, committed.value) : null,
    waitingFor: journal.waiting.get(batchId) ?? null,
    phases: times?.phases ?? {},
    totalMs: times?.totalMs ?? null,
  }
}

/** The certificate of a batch. Errors: `NOT_FOUND`, also while it is not committed. */
export function certificateAnswer({ manifest, journal }: Subject, batchId: Id): CertificateAnswer {
  const { batch, committed } = knownBatch(journal, batchId)
  if (!committed) throw new MusigError('NOT_FOUND', `batch ${batchId} is not committed yet: it has no certificate`)
  const { certificate, value } = committed
  return {
    clusterId: manifest.clusterId,
    batchId,
    keys: batch.keys,
    batch: toHex(batch.bytes),
    certificate: toJson(certificateCodec, certificate),
    certificateId: certificateId(manifest, certificate),
    value: toJson(valueCodec, value),
  }
}

export function statusAnswer(subject: Subject): StatusAnswer {
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
    bls: subject.bls,
    evidence: [...subject.evidence],
    suspicion: [...subject.suspicion.values()],
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
}: Pick<Subject, 'manifest' | 'connected' | 'lost' | 'isComparing' | 'beyondReach'>): Health {
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

/** A batch that arrived here. Errors: `NOT_FOUND`. */
export function knownBatch(journal: Journal, batchId: Id): KnownBatch {
  const known = journal.get(batchId)
  if (journal.pastOf(batchId))
    throw new MusigError('NOT_FOUND', `batch ${batchId} was executed and is pruned here; ask a signer that keeps all (--snapshot-every 0)`)
  if (!known) throw new MusigError('NOT_FOUND', `this signer knows no batch ${batchId}`)
  return known
}

function positionOf(journal: Journal, batchId: Id): Record<string, number> {
  return Object.fromEntries(journal.logs.heightsOf(batchId) ?? [])
}

function pathOf({ committed }: KnownBatch): { path: 'fast' | 'slow' | null; ballot: number | null } {
  if (!committed) return { path: null, ballot: null }
  const { certificate } = committed
  return certificate.type === 'fast' ? { path: 'fast', ballot: 0 } : { path: 'slow', ballot: certificate.ballot }
}

function decisionOf(subject: Subject, known: KnownBatch): Pick<TransactionResult, 'path' | 'ballot' | 'score' | 'votes'> {
  const tally = talliedVotes(subject, known)
  return { ...pathOf(known), score: tally ? scoreOf(tally) / subject.manifest.n : null, votes: tally?.votes ?? null }
}

/** The votes that decided, counted: those of a fast certificate, else the agreed tallies, else those of the order that was accepted. */
function talliedVotes({ journal }: Subject, { batch, committed, accepted }: KnownBatch): Tally | undefined {
  if (committed?.value.tallies) return { base: committed.value.base, votes: committed.value.tallies.m, inc: committed.value.tallies.inc }
  const votes = committed?.certificate.type === 'fast' ? committed.certificate.votes : accepted && votesOf(accepted.proof)
  if (!votes) return undefined
  const tally = tallyOf(batch.keys, countedViews(votes), journal.logs)
  return 'behindOn' in tally ? undefined : tally
}

function votesOf(proof: { type: 'votes'; votes: VoteSet } | { type: 'promises'; promises: { votes: VoteSet } }): VoteSet {
  return proof.type === 'votes' ? proof.votes : proof.promises.votes
}
