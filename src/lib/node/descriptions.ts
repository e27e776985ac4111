/** What a signer tells of batches for people to look at: one, all that belong into one picture with it, and when what happened. The description itself is the core's. */
import type { Id } from '../base/bytes.js'
import { type BatchDescription, describeBatch, neighboursOf } from '../core/describe.js'
import { type Moment, phase3MsOf } from '../core/moments.js'
import { knownBatch, type Subject } from './answers.js'

/** A batch of a picture. `phase3Ms`: how long phase 3 took here, in the ballot that decided; null where it did not run or is not remembered. */
export interface GroupBatch extends BatchDescription {
  phase3Ms: number | null
}

/** The batches of one picture, oldest first. */
export interface GroupAnswer {
  batches: GroupBatch[]
}

/** One batch. Errors: `NOT_FOUND`. */
export function descriptionAnswer(subject: Subject, batchId: Id): BatchDescription {
  const { manifest, journal, rounds } = subject
  return describeBatch(manifest, journal, knownBatch(journal, batchId), rounds.get(batchId))
}

/** A batch and those around it, each with what its votes say of the others. Errors: `NOT_FOUND`. */
export function groupAnswer(subject: Subject, batchId: Id): GroupAnswer {
  const { manifest, journal, rounds, moments } = subject
  const group = neighboursOf(journal, knownBatch(journal, batchId))
  return {
    batches: group.map((id) => ({
      ...describeBatch(manifest, journal, knownBatch(journal, id), rounds.get(id), group),
      phase3Ms: phase3MsOf(moments.of(id)),
    })),
  }
}

/** When what happened to a batch at one signer. */
export interface TimelineAnswer {
  batchId: Id
  initiator: number
  status: BatchDescription['status']
  /** In milliseconds since 1970 by this machine's clock; null where they are not remembered: since a restart, or for too many newer batches. */
  moments: Moment[] | null
}

/** Milliseconds by which the clock may drift from the time at the start of the process before it counts as set anew. */
const DRIFT_MS = 2

/** The moments of a batch. Errors: `NOT_FOUND`. */
export function timelineAnswer({ journal, moments }: Subject, batchId: Id): TimelineAnswer {
  const { batch, committed } = knownBatch(journal, batchId)
  // Two processes agree on `timeOrigin` to a fraction of a millisecond; `Date.now()` knows whole ones only.
  const drift = Date.now() - (performance.timeOrigin + performance.now())
  const origin = performance.timeOrigin + (Math.abs(drift) > DRIFT_MS ? drift : 0)
  const times = moments.of(batchId)?.map((moment) => ({ ...moment, at: Math.round((origin + moment.at) * 1000) / 1000 }))
  const status = journal.isExecuted(batchId) ? 'executed' : committed ? 'committed' : 'pending'
  return { batchId, initiator: batch.initiator, status, moments: times ?? null }
}
