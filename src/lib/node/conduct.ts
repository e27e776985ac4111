/**
 * How signers do their work, as one member saw it: its own votes and how long they took, and whose votes and accepts stand in the latest certificates. Counted
 * when somebody asks, from the journal and from the moments that are kept anyway.
 */
import { membersOf, unionOf } from '../base/bitmap.js'
import type { Certificate } from '../core/certificate.js'
import type { Moment, MomentKind, Moments } from '../core/moments.js'
import type { Subject } from './answers.js'
import { rounded } from './phases.js'

/** Decisions that are looked at, the latest ones. */
const DECISIONS = 256

/** Milliseconds within which half, 95 and 99 of a hundred were done. */
export interface Percentiles {
  p50: number
  p95: number
  p99: number
}

/** What a member saw of how signers work. */
export interface ConductAnswer {
  /** Own votes on the batches whose times are remembered: given, and missed where a batch was executed without. */
  votes: { given: number; missed: number }
  /** From the batch’s arrival here to the own vote, to the decision, to the execution; null where nothing is remembered. */
  latencyMs: { vote: Percentiles | null; commit: Percentiles | null; execute: Percentiles | null }
  /** How many of the latest decisions were looked at. */
  decisions: number
  /** By signer: in how many of their certificates it stands, and in how many of the very latest ones it does not. A certificate needs a quorum only: who is missing in some did nothing wrong. */
  signers: { signer: number; counted: number; missingInARow: number }[]
}

/** What is told of it. */
export function conductAnswer({ manifest, journal, moments }: Subject): ConductAnswer {
  const remembered = [...moments.all()]
  const has = (list: readonly Moment[], kind: MomentKind) => list.some(({ what }) => what === kind)
  const counted = manifest.signers.map((_, signer) => ({ signer, counted: 0, missingInARow: 0 }))
  const latest = latestCertificates(journal)
  latest.forEach((certificate, i) => {
    for (const signer of signersOf(certificate)) {
      const entry = counted[signer]
      if (!entry) continue
      if (entry.counted === 0) entry.missingInARow = i
      entry.counted++
    }
  })
  return {
    votes: {
      given: remembered.filter((list) => has(list, 'voted')).length,
      missed: remembered.filter((list) => has(list, 'executed') && !has(list, 'voted')).length,
    },
    latencyMs: {
      vote: percentilesOf(remembered, 'voted'),
      commit: percentilesOf(remembered, 'certified'),
      execute: percentilesOf(remembered, 'executed'),
    },
    decisions: latest.length,
    signers: counted.map((entry) => (entry.counted === 0 ? { ...entry, missingInARow: latest.length } : entry)),
  }
}

/** Newest first, as far back as they are kept. */
function latestCertificates(journal: Subject['journal']): Certificate[] {
  return journal.logs.executed
    .slice(-DECISIONS)
    .reverse()
    .flatMap((batchId) => journal.get(batchId)?.committed?.certificate ?? [])
}

function signersOf(certificate: Certificate): number[] {
  if (certificate.type === 'slow') return membersOf(certificate.signers)
  const [first, ...others] = certificate.votes.entries.map(({ signers }) => signers)
  return first ? membersOf(others.reduce((all, signers) => unionOf(all, signers), first)) : []
}

function percentilesOf(remembered: ReturnType<Moments['all']> extends Iterable<infer M> ? M[] : never, kind: MomentKind): Percentiles | null {
  const times = remembered.flatMap((list) => {
    const [arrived, done] = [list.find(({ what }) => what === 'proposed')?.at, list.find(({ what }) => what === kind)?.at]
    return arrived === undefined || done === undefined ? [] : [done - arrived]
  })
  const sorted = times.sort((a, b) => a - b)
  const at = (share: number) => rounded(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
  return sorted.length === 0 ? null : { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}
