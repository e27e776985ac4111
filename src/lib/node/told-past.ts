/**
 * The past of a signer or a peer as others are told it: made from executor and outlines, batch by batch in the order in which they were applied, and kept as the
 * bytes of which snapshots send the first so many. What has been executed never changes, so it only grows.
 */
import type { Id } from '../base/bytes.js'
import { invariant } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import { encodeEntry, PastDigest } from '../core/past.js'
import { framed } from '../core/snapshot-body.js'
import type { BatchOutline } from '../core/transaction.js'
import { receiptText } from './base.js'
import type { Executor } from './executor.js'

/** What is told of the batch that was applied at a place, encoded. */
export function toldAt(executor: Executor, place: number, { id, initiator, keys }: BatchOutline): Uint8Array[] {
  const transactions: { txId: Id; index: number; receipt: string }[] = []
  const keyless: Uint8Array[] = []
  for (const txId of executor.appliedAt(place)?.txIds ?? []) {
    const outcome = executor.outcome(txId)
    if (!outcome) continue
    const receipt = receiptText(outcome.receipt)
    if (outcome.isKeyless) keyless.push(encodeEntry({ type: 'keyless', txId, place: null, receipt }))
    else transactions.push({ txId, index: outcome.index ?? 0, receipt })
  }
  return [encodeEntry({ type: 'batch', id, initiator, isFast: null, keys, transactions }), ...keyless]
}

export class ToldPast {
  readonly #executor: Executor
  readonly #outlineOf: (batchId: Id) => BatchOutline | undefined
  readonly #digest: PastDigest
  /** All but the last are full. */
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  #batches = 0

  constructor(clusterId: Id, executor: Executor, outlineOf: (batchId: Id) => BatchOutline | undefined) {
    this.#executor = executor
    this.#outlineOf = outlineOf
    this.#digest = new PastDigest(clusterId)
  }

  /** Takes in what was applied since, until it is time to stop. Returns whether that is all. */
  advance(isTime: () => boolean): boolean {
    while (this.#batches < this.#executor.executedBatches) {
      if (isTime()) return false
      const outline = this.#outlineOf(this.#executor.appliedAt(this.#batches)?.batchId ?? '')
      invariant(outline, 'of a batch that was applied there is an outline')
      for (const entry of toldAt(this.#executor, this.#batches, outline)) {
        this.#digest.add(entry)
        this.#append(framed(entry))
      }
      this.#batches++
    }
    return true
  }

  /** Bytes of what was taken in. */
  get bytes(): number {
    return this.#bytes
  }

  /** The digest of what was taken in. */
  digest(): Id {
    return this.#digest.digest()
  }

  /** The bytes between two places, both of them within. */
  slice(from: number, to: number): Uint8Array {
    const slice = new Uint8Array(to - from)
    for (let at = from; at < to; ) {
      const chunk = this.#chunks[Math.floor(at / LIMITS.partBytes)]
      invariant(chunk && to <= this.#bytes, 'only what is there is sent')
      const part = chunk.subarray(at % LIMITS.partBytes, Math.min(chunk.length, (at % LIMITS.partBytes) + to - at))
      slice.set(part, at - from)
      at += part.length
    }
    return slice
  }

  #append(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const at = this.#bytes % LIMITS.partBytes
      if (at === 0) this.#chunks.push(new Uint8Array(LIMITS.partBytes))
      const part = bytes.subarray(from, from + LIMITS.partBytes - at)
      this.#chunks.at(-1)?.set(part, at)
      this.#bytes += part.length
      from += part.length
    }
  }
}
