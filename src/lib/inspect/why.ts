/**
 * Why a transaction is where it is: one sentence, then the details, from what each signer says of its batch. Owns the words only; asking the signers is the
 * command's.
 */
import type { Manifest } from '../core/manifest.js'
import { treeOf } from '../core/tree.js'

/** What one signer says of a batch; null where it does not answer or does not know it. */
export interface Witnessed {
  voted: boolean
  /** The highest ballot that it has promised. */
  promised: number
  /** The ballot of the latest order that it accepted. */
  accepted: number | null
}

/** What is known of a transaction's batch. */
export interface WhyFacts {
  manifest: Manifest
  batchId: string | null
  initiator: number | null
  status: 'executed' | 'committed' | 'pending' | 'rejected'
  reason: string | undefined
  path: 'fast' | 'slow' | null
  ballot: number | null
  votes: number | null
  position: Readonly<Record<string, number>>
  waitingFor: { batchId: string } | { key: string; height: number } | null
  /** Once executed: why it stands before and behind its nearest rivals, a sentence each. */
  neighbours: readonly string[]
  /** By signer: null for one that does not answer, undefined for one that answers and does not hold the batch. */
  signers: readonly (Witnessed | null | undefined)[]
}

/** The answer in one sentence, with details for whoever wants more. */
export interface Why {
  sentence: string
  details: string[]
  /** Signers that answer and have not voted, those that have not accepted in the present ballot, and those that do not answer. */
  notVoted: number[]
  notAccepted: number[]
  silent: number[]
  /** The ballot that the batch is in, and who coordinates it. */
  ballot: number | null
  coordinator: number | null
}

const SHOWN = 8

/** Says why a transaction is executed where it is, or is not yet executed. */
export function whyOf(facts: WhyFacts): Why {
  const { manifest, batchId, initiator, signers } = facts
  const at = (holds: (signer: Witnessed | null | undefined) => boolean) => signers.flatMap((signer, i) => (holds(signer) ? [i] : []))
  const silent = at((signer) => signer === null)
  const ballot = facts.ballot ?? Math.max(0, ...signers.map((signer) => signer?.promised ?? 0))
  const notVoted = at((signer) => signer === undefined || signer?.voted === false)
  const notAccepted = at((signer) => signer === undefined || (signer !== null && (signer.accepted ?? -1) < ballot))
  const tree = batchId === null || initiator === null ? undefined : treeOf(batchId, initiator, manifest)
  const coordinator = tree?.permutation[ballot % manifest.n] ?? null
  const why = { notVoted, notAccepted, silent, ballot: batchId === null ? null : ballot, coordinator }
  return { sentence: sentenceOf(facts, why), details: detailsOf(facts, why), ...why }
}

function sentenceOf(facts: WhyFacts, { silent, ballot, coordinator, notVoted }: Omit<Why, 'sentence' | 'details'>): string {
  const { manifest, status, path, votes, initiator, waitingFor } = facts
  if (status === 'rejected') return `It was rejected: ${facts.reason ?? 'no reason was given'}.`
  if (facts.batchId === null) return 'It waits at the signer that took it for a place in that signer’s next batch.'
  if (status === 'executed') {
    const place = Object.entries(facts.position)
      .map(([key, height]) => `${key} ${height}`)
      .join(', ')
    const where = place === '' ? 'It is executed; it has no keys, so no place in a common order' : `It is executed at ${place}`
    if (path === 'fast')
      return `${where}, by its votes alone: ${votes ?? 'a quorum'} of ${manifest.n} signers voted, and a quorum agrees on every pair.`
    if ((ballot ?? 0) > 0)
      return `${where}, decided in ballot ${ballot} by coordinator ${coordinator}, because root ${initiator} did not finish ballot 0 in time.`
    return `${where}, agreed in phase 3, because the votes disagree about what came before it.`
  }
  if (waitingFor && 'batchId' in waitingFor)
    return `It is committed and waits for batch ${waitingFor.batchId.slice(0, SHOWN)}, which goes before it and is not committed yet.`
  if (waitingFor) return `It is committed and waits until key ${waitingFor.key} is executed up to ${waitingFor.height}.`
  if (status === 'committed') return 'It is committed and about to be executed.'
  const reachable = manifest.n - silent.length
  if (reachable < manifest.quorum)
    return `No quorum: ${reachable} of ${manifest.quorum} signers that are needed answer; silent: ${silent.join(', ')}.`
  if ((ballot ?? 0) > 0)
    return `Ballot ${ballot} is under way, coordinated by signer ${coordinator}, because root ${initiator} did not finish ballot 0 in time.`
  if (manifest.n - silent.length - notVoted.length < manifest.quorum)
    return `It waits for votes: ${notVoted.length} signers that answer have not voted yet (${notVoted.join(', ')}).`
  return 'Enough signers have voted; root and signers are agreeing on its place.'
}

function detailsOf(facts: WhyFacts, { silent, ballot, coordinator, notVoted, notAccepted }: Omit<Why, 'sentence' | 'details'>): string[] {
  const { manifest, batchId, initiator, status } = facts
  if (batchId === null) return []
  const line = (what: string, signers: readonly number[]) => (signers.length === 0 ? [] : [`${what}: ${signers.join(', ')}`])
  const isOpen = status === 'pending'
  return [
    ...facts.neighbours,
    `batch ${batchId}, root ${initiator}, ballot ${ballot}, coordinator ${coordinator}`,
    `${manifest.n} signers, quorum ${manifest.quorum}`,
    ...line('signers that do not answer', silent),
    ...(isOpen ? line('signers that have not voted', notVoted) : []),
    ...(isOpen && facts.path !== 'fast' ? line(`signers that have not accepted in ballot ${ballot}`, notAccepted) : []),
  ]
}
