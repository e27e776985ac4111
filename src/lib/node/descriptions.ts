/** What a signer tells of batches for people to look at: one, or all that belong into one picture with it. The description itself is the core's. */
import type { Id } from '../base/bytes.js'
import { type BatchDescription, describeBatch, neighboursOf } from '../core/describe.js'
import { knownBatch, type Subject } from './answers.js'

/** The batches of one picture, oldest first. */
export interface GroupAnswer {
  batches: BatchDescription[]
}

/** One batch. Errors: `NOT_FOUND`. */
export function descriptionAnswer(subject: Subject, batchId: Id): BatchDescription {
  const { manifest, journal, rounds } = subject
  return describeBatch(manifest, journal, knownBatch(journal, batchId), rounds.get(batchId))
}

/** A batch and those around it, each with what its votes say of the others. Errors: `NOT_FOUND`. */
export function groupAnswer(subject: Subject, batchId: Id): GroupAnswer {
  const { manifest, journal, rounds } = subject
  const group = neighboursOf(journal, knownBatch(journal, batchId))
  return { batches: group.map((id) => describeBatch(manifest, journal, knownBatch(journal, id), rounds.get(id), group)) }
}
