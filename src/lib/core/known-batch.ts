/** What is known of one batch: what this signer has seen and said of it, and what was decided. */
import type { Certificate, Order } from './certificate.js'
import type { Value } from './tally.js'
import type { Batch } from './transaction.js'
import type { View } from './view.js'

/** What a signer knows of a batch that has arrived. */
export interface KnownBatch {
  readonly batch: Batch
  /** What its view contains, fixed at first sight (§6). */
  frozen: View
  /** The signed vote: the same bytes for ever. */
  vote?: { view: View; signature: Uint8Array }
  /** The latest order that was accepted. */
  accepted?: Order
  /** The highest ballot promised; 0: none. */
  promised: number
  /** Own orders as coordinator, by ballot. */
  readonly orders: Map<number, Order>
  /** The highest certificate held while none is final (§9). */
  lock?: { certificate: Certificate; value: Value }
  committed?: { certificate: Certificate; value: Value }
  /** It was undecided when this signer, having lost records, was let back in: what it said about it is not known any more. */
  isForgotten?: boolean
}
