/**
 * Batches that are known by id and not here: asks for each of them, whoever should have it first, then everyone in turn, with growing waits. Owns
 * what waits for a batch to arrive.
 */
import type { Id } from '../base/bytes.js'
import type { FollowerContext } from './follower-context.js'
import { LIMITS } from './limits.js'

interface Want {
  candidates: number[]
  tries: number
  retries: (() => void)[]
}

/** Missing batches that are asked for at once; beyond that the oldest is given up (a liar may name what does not exist). */
const MAX_WANTS = 16_384
/** What may wait for one batch at once. */
export const RETRIES_PER_BATCH = 64

export class Wants {
  readonly #ctx: FollowerContext
  readonly #isNeedless: (batchId: Id) => boolean
  readonly #wants = new Map<Id, Want>()

  /** `isNeedless`: a batch is here, or will never be taken in. */
  constructor(ctx: FollowerContext, isNeedless: (batchId: Id) => boolean) {
    this.#ctx = ctx
    this.#isNeedless = isNeedless
  }

  /** Runs `retry` whenever one of these batches has arrived; asks for them, these candidates first. */
  afterArrival(ids: readonly Id[], candidates: readonly number[], retry: () => void): void {
    this.want(ids, candidates)
    for (const batchId of ids) {
      const retries = this.#wants.get(batchId)?.retries
      if (retries && retries.length < RETRIES_PER_BATCH) retries.push(retry)
    }
  }

  /** Asks for batches that are not here, candidates first, then everyone in turn. */
  want(ids: readonly Id[], candidates: readonly number[]): void {
    const asked = new Map<number, Id[]>()
    for (const batchId of ids) {
      if (this.#isNeedless(batchId) || this.#wants.has(batchId)) continue
      const want = { candidates: [...new Set(candidates)], tries: 0, retries: [] }
      this.#wants.set(batchId, want)
      if (this.#wants.size > MAX_WANTS) this.#wants.delete(this.#wants.keys().next().value ?? '')
      const signer = this.#nextCandidate(want)
      if (signer !== undefined) asked.set(signer, [...(asked.get(signer) ?? []), batchId])
      this.#remind(batchId)
    }
    for (const [signer, wanted] of asked) {
      for (let at = 0; at < wanted.length; at += LIMITS.idsPerFetch)
        this.#ctx.send(signer, { type: 'fetch', ids: wanted.slice(at, at + LIMITS.idsPerFetch) })
    }
  }

  #nextCandidate(want: Want): number | undefined {
    const first = want.candidates[want.tries]
    want.tries++
    if (first !== undefined && this.#ctx.connected.has(first)) return first
    const others = [...this.#ctx.connected]
    return others[want.tries % Math.max(1, others.length)]
  }

  #remind(batchId: Id): void {
    const { timers, now, manifest } = this.#ctx
    const tries = this.#wants.get(batchId)?.tries ?? 0
    timers.set(`want ${batchId}`, now + manifest.timing.hopTimeoutMs * Math.min(tries, 16), () => {
      const want = this.#wants.get(batchId)
      if (!want) return
      const signer = this.#nextCandidate(want)
      if (signer !== undefined) this.#ctx.send(signer, { type: 'fetch', ids: [batchId] })
      this.#remind(batchId)
    })
  }

  /** Asks for nothing any more. */
  stop(): void {
    for (const batchId of this.#wants.keys()) this.#ctx.timers.clear(`want ${batchId}`)
    this.#wants.clear()
  }

  /** A batch is here: what waited for it goes on. */
  arrived(batchId: Id): void {
    const want = this.#wants.get(batchId)
    this.#wants.delete(batchId)
    this.#ctx.timers.clear(`want ${batchId}`)
    for (const retry of want?.retries ?? []) retry()
  }
}
