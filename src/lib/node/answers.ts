/**
 * What a signer or a peer answers about the order: transactions, batches, certificates. Owns the JSON shapes of the API (ids in hex, one shape for one thing)
 * and how they follow from journal, receipts and phases. How a question arrives is `api.ts`; what it says of itself, `signer-status.ts` and `peer-status.ts`.
 */
import { type Id, toHex } from '../base/bytes.js'
import { toJson } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { certificateCodec, certificateId, orderCodec } from '../core/certificate.js'
import type { Journal } from '../core/journal.js'
import type { KnownBatch } from '../core/known-batch.js'
import type { Manifest } from '../core/manifest.js'
import type { Moments } from '../core/moments.js'
import type { Rounds } from '../core/round.js'
import { scoreOf, type Tally, tallyOf, valueCodec } from '../core/tally.js'
import { transactionCodec } from '../core/transaction.js'
import { viewCodec } from '../core/view.js'
import { countedViews, type VoteSet } from '../core/vote-set.js'
import type { Receipt } from '../machine/state-machine.js'
import type { Executor } from './executor.js'
import type { HistoryAnswer } from './machine-history.js'
import { type Phases, phaseTimesOf, rounded } from './phases.js'
import type { SinkStatus } from './sinks/feed.js'

/** A transaction's life as `tx submit` and `tx show` print it. */
export interface TransactionResult {
  txId: Id
  /** Null while it waits for a batch, where it was rejected, and at a peer that began from a snapshot after the execution of a transaction without keys. */
  batchId: Id | null
  /** The heights of its batch in the logs of its keys, of all keys of the batch where its body is pruned; empty before its execution. */
  position: Record<string, number>
  /** Its place within the batch. */
  index: number | null
  status: 'executed' | 'committed' | 'pending' | 'rejected'
  /** Null before the decision, and at a peer that began from a snapshot after it. */
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

/** Everything that is known of a batch. Codecs' JSON forms stand as `unknown`: read them with those codecs. */
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

/** What the answers are made of, at a signer or a peer. */
export interface Subject {
  readonly manifest: Manifest
  readonly journal: Journal
  /** What is remembered of batches' trips through their trees. */
  readonly rounds: Pick<Rounds, 'get'>
  readonly executor: Executor
  /** What is remembered of when things happened to batches. */
  readonly moments: Pick<Moments, 'of' | 'all'>
  /** Where what is executed goes besides. */
  readonly sinks: () => SinkStatus[]
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
  if (first === undefined) throw new MusigError('NOT_FOUND', `no ${what} ${wanted} is known here`)
  if (others.length > 0) throw new MusigError('BAD_INPUT', `${wanted} is the beginning of ${found.size} ids of a ${what}: give more digits`)
  return first
}

/** What the answers about transactions of one batch have in common. */
export type OfBatch = Pick<TransactionResult, 'path' | 'ballot' | 'score' | 'votes' | 'phases'> & { totalMs: number | null }

/** The life of a transaction. `batches`: what was worked out for others of the same answer. Errors: `NOT_FOUND`. */
export function transactionAnswer(subject: Subject, txId: Id, batches = new Map<Id, OfBatch>()): TransactionResult {
  const { executor, journal } = subject
  const outcome = executor.outcome(txId)
  const batchId = outcome ? outcome.batchId : executor.pendingBatch(txId)
  const blank = { txId, position: {}, index: null, path: null, ballot: null, score: null, votes: null, receipt: null, latencyMs: null, phases: {} }
  if (batchId === undefined) {
    const reason = executor.refusal(txId)
    if (reason === undefined) throw new MusigError('NOT_FOUND', `no transaction ${txId} is known here`)
    return { ...blank, batchId: null, status: 'rejected', reason }
  }
  const known = batchId === null ? undefined : journal.get(batchId)
  if (batchId === null && outcome) return { ...blank, batchId, status: 'executed', receipt: outcome.receipt }
  const past = batchId === null ? undefined : journal.pastOf(batchId)
  if (batchId !== null && past && outcome) {
    const path = past.isFast === null ? null : past.isFast ? 'fast' : 'slow'
    return { ...blank, batchId, position: positionOf(journal, batchId), index: outcome.index, status: 'executed', path, receipt: outcome.receipt }
  }
  if (batchId === null || !known) return { ...blank, batchId, status: 'pending' }
  if (!outcome) return { ...blank, batchId, ...decisionOf(subject, known), status: known.committed ? 'committed' : 'pending' }
  const ofBatch = batches.get(batchId) ?? sharedBy(subject, known)
  batches.set(batchId, ofBatch)
  const { totalMs, ...shared } = ofBatch
  const latencyMs = outcome.latencyMs ?? totalMs
  return {
    txId,
    batchId,
    position: positionOf(journal, batchId, known.batch.transactions[outcome.index ?? -1]?.deps),
    index: outcome.index,
    status: 'executed',
    ...shared,
    receipt: outcome.receipt,
    latencyMs: latencyMs === null ? null : rounded(latencyMs),
  }
}

function sharedBy(subject: Subject, known: KnownBatch): OfBatch {
  const times = phaseTimesOf(subject.moments.of(known.batch.id))
  return { ...decisionOf(subject, known), phases: times?.phases ?? {}, totalMs: times?.totalMs ?? null }
}

/** Everything known of a batch. Errors: `NOT_FOUND`. */
export function batchAnswer(subject: Subject, batchId: Id): BatchAnswer {
  const { manifest, journal, moments } = subject
  const known = knownBatch(journal, batchId)
  const { batch, vote, accepted, committed } = known
  const times = phaseTimesOf(moments.of(batchId))
  return {
    batchId,
    initiator: batch.initiator,
    sequence: batch.sequence,
    time: batch.time,
    keys: batch.keys,
    bytes: toHex(batch.bytes),
    transactions: batch.transactions.map((transaction, i) => ({
      txId: batch.txIds[i] ?? '',
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

/** What a state machine that a user wrote made of the latest transactions. Errors: `NOT_FOUND` where it is a built-in one. */
export function historyAnswer({ executor, journal }: Pick<Subject, 'executor' | 'journal'>): HistoryAnswer {
  const { history, name } = executor.machine.watch
  if (!history) throw new MusigError('NOT_FOUND', `the state machine ${name} is built in: there is no history of it`)
  return history.answer(name, journal.logs, executor.machineDigest)
}

/** A batch that arrived here. Errors: `NOT_FOUND`. */
export function knownBatch(journal: Journal, batchId: Id): KnownBatch {
  const known = journal.get(batchId)
  if (journal.pastOf(batchId))
    throw new MusigError('NOT_FOUND', `batch ${batchId} was executed and is pruned here; ask a signer that keeps all (--snapshot-every 0)`)
  if (!known) throw new MusigError('NOT_FOUND', `no batch ${batchId} is known here`)
  return known
}

/** The heights of a batch on these of its keys, or on all. */
function positionOf(journal: Journal, batchId: Id, keys?: readonly string[]): Record<string, number> {
  const heights = journal.logs.heightsOf(batchId) ?? new Map<string, number>()
  return Object.fromEntries(keys ? keys.flatMap((key) => (heights.has(key) ? [[key, heights.get(key) ?? 0]] : [])) : heights)
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
