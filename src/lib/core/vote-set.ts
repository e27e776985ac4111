/** Vote sets: the multi-signature over the views of a batch, with the views in full, so that everyone can count them (§5). */

import { countBits } from '../base/bitmap.js'
import { compareBytes, type Id, toHex } from '../base/bytes.js'
import { type Decoded, list, object } from '../base/codec.js'
import type { MultiSignature } from '../bls/multi-signature.js'
import { LIMITS } from './limits.js'
import type { Manifest } from './manifest.js'
import { bitmapCodec, blsSignatureCodec, voteDigest } from './statement.js'
import type { CountedView } from './tally.js'
import { type View, viewCodec } from './view.js'

/** Entries ascend by their vote's digest; their bitmaps are disjoint. */
export const voteSetCodec = object({
  entries: list(object({ view: viewCodec, signers: bitmapCodec }), LIMITS.signers),
  signature: blsSignatureCodec,
})

export type VoteSet = Decoded<typeof voteSetCodec>

type Place = Pick<Manifest, 'clusterId' | 'epoch'>

/** The multi-signature that a vote set stands for. */
export function multiSignatureOf(place: Place, batchId: Id, votes: VoteSet): MultiSignature {
  return { entries: votes.entries.map(({ view, signers }) => ({ message: voteDigest(place, batchId, view), signers })), signature: votes.signature }
}

/** The vote set of a multi-signature whose views are known by the digests of their votes. */
export function voteSetOf(multiSignature: MultiSignature, views: ReadonlyMap<Id, View>): VoteSet {
  const entries = [...multiSignature.entries].sort((a, b) => compareBytes(a.message, b.message))
  return {
    entries: entries.flatMap(({ message, signers }) => {
      const view = views.get(toHex(message))
      return view ? [{ view, signers }] : []
    }),
    signature: multiSignature.signature,
  }
}

/** The views of a vote set with the number of signers behind each. */
export function countedViews(votes: VoteSet): CountedView[] {
  return votes.entries.map(({ view, signers }) => ({ view, count: countBits(signers) }))
}
