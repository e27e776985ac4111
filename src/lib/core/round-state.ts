/**
 * What a signer remembers of a batch's trip through its tree (§5) while it lasts and shortly after. Volatile: whatever must survive is in the
 * journal. Who is asked and told is `round.ts`, what the root decides is `root.ts`.
 */

import { type Bitmap, emptyBitmap } from '../base/bitmap.js'
import type { Id } from '../base/bytes.js'
import type { Order } from './certificate.js'
import type { Context } from './context.js'
import type { Message } from './message.js'
import { Sweep } from './sweep.js'
import type { Batch } from './transaction.js'
import type { Tree } from './tree.js'
import type { View } from './view.js'

/** The two sweeps up the tree: 1b and 3a. */
export type Phase = 'vote' | 'accept'

/** When what happened, in the clock of the events; for people, and for nothing else. */
export interface RoundTimes {
  proposed: number
  ordered?: number
  certified?: number
}

/** What is remembered of a round while it lasts and shortly after. */
export interface Round {
  readonly batch: Batch
  readonly tree: Tree
  readonly reference: View
  readonly votes: Sweep
  readonly accepts: Sweep
  /** Views by the digests of their votes. */
  readonly views: Map<Id, View>
  /** PROPOSE went down from here. */
  isProposed: boolean
  /** Signers who put their vote off. */
  postponed: Bitmap
  /** The own accept was refused: nobody waits for it. */
  abstains: boolean
  /** ORDER of ballot 0, once it was seen. */
  order?: Order
  /** The certificate as it was passed on, and to whom. */
  passed?: { message: Message; targets: Set<number>; down: boolean }
  /** Root only: the wait for late votes is over. */
  waitIsOver: boolean
  /** The signer whose memory this is. */
  readonly self: number
  /** Signers whose own share did not hold, for people. */
  readonly invalid: Set<number>
  /** Who was asked by this signer in the place of whom, for people. */
  readonly adopted: Map<number, number>
  readonly times: RoundTimes
}

/** A round at its beginning. */
export function newRound(ctx: Context, batch: Batch, reference: View): Round {
  const { manifest, crypto, now, self } = ctx
  return {
    batch,
    tree: ctx.treeOf(batch),
    reference,
    votes: new Sweep(manifest.n, crypto.bls),
    accepts: new Sweep(manifest.n, crypto.bls),
    views: new Map(),
    isProposed: false,
    postponed: emptyBitmap(manifest.n),
    abstains: false,
    waitIsOver: false,
    self,
    invalid: new Set(),
    adopted: new Map(),
    times: { proposed: now },
  }
}

/** The sweep of a phase. */
export function sweepOf(round: Round, phase: Phase): Sweep {
  return phase === 'vote' ? round.votes : round.accepts
}

/** What goes down to ask for the answers of a phase. */
export function downward(round: Round, phase: Phase): Message {
  if (phase === 'accept' && round.order) return { type: 'order', order: round.order }
  return { type: 'propose', batch: round.batch, reference: round.reference }
}
