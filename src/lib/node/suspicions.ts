/** What was seen of signers that is wrong, late or silent, without proof: each reason once, with a count. Bounded. */

/** One reason, as a status shows it. */
export interface Suspicion {
  signer: number
  reason: string
  count: number
}

/** Different reasons that are kept apart. */
const KEPT = 1000

export class Suspicions {
  readonly #kept = new Map<string, Suspicion>()

  /** Notes a reason; true where it is a new one. */
  add(signer: number, reason: string): boolean {
    const name = `${signer} ${reason}`
    const known = this.#kept.get(name)
    if (known) known.count++
    const isNew = !known && this.#kept.size < KEPT
    if (isNew) this.#kept.set(name, { signer, reason, count: 1 })
    return isNew
  }

  /** All of them, the oldest first. */
  list(): Suspicion[] {
    return [...this.#kept.values()].map((suspicion) => ({ ...suspicion }))
  }
}
