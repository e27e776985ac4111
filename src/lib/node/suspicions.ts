/** What was seen of signers that is wrong, late or silent, without proof: each reason once, with a count and the time. Bounded. */
import type { Id } from '../base/bytes.js'

/** One reason, as a status shows it. */
export interface Suspicion {
  signer: number
  reason: string
  count: number
  /** When it was seen first and last, as ISO 8601. */
  since: string
  last: string
  /** The latest batches in which it was seen. */
  batchIds: Id[]
}

/** Different reasons that are kept apart. */
const KEPT = 1000
/** Batches named for one reason. */
const BATCHES = 4

export class Suspicions {
  readonly #kept = new Map<string, { signer: number; reason: string; count: number; since: number; last: number; batchIds: Id[] }>()

  /** Notes a reason; true where it is a new one. */
  add(signer: number, reason: string, batchId: Id | null = null): boolean {
    const name = `${signer} ${reason}`
    const now = Date.now()
    const known = this.#kept.get(name)
    if (!known && this.#kept.size >= KEPT) return false
    const kept = known ?? { signer, reason, count: 0, since: now, last: now, batchIds: [] }
    kept.count++
    kept.last = now
    if (batchId !== null && !kept.batchIds.includes(batchId)) kept.batchIds = [...kept.batchIds, batchId].slice(-BATCHES)
    if (!known) this.#kept.set(name, kept)
    return !known
  }

  /** All of them, the oldest first. */
  list(): Suspicion[] {
    return [...this.#kept.values()].map(({ since, last, batchIds, ...rest }) => ({
      ...rest,
      since: new Date(since).toISOString(),
      last: new Date(last).toISOString(),
      batchIds: [...batchIds],
    }))
  }
}
