/** What contradicts a statement among what came by (§10): lookups alone. Whether signatures hold is looked at by who finds something (`judge.ts`). */
import { overlaps } from '../base/bitmap.js'
import type { Id } from '../base/bytes.js'
import { type AcceptsHalf, denies, incoherence, type PromisesHalf } from './evidence.js'
import type { Journal } from './journal.js'
import { type Held, isUnder } from './said.js'
import type { SaidPromises, TraceMemory, Traces } from './traces.js'
import type { Batch } from './transaction.js'
import type { View } from './view.js'
import type { VoteSet } from './vote-set.js'

/** Promises of these signers above a ballot that deny their accept in it. */
export function* denials(traces: Traces, ballot: number, valueDigest: Id, signers: Uint8Array): Generator<Held<PromisesHalf>> {
  for (const said of traces.promises.values()) {
    if (said.ballot <= ballot || !denies(said.accepted, ballot, valueDigest)) continue
    for (const held of said.held) if (overlaps(held.signers, signers)) yield held
  }
}

/** Accepts of these signers below a ballot that their promise of it denies. */
export function* denied(
  traces: Traces,
  ballot: number,
  accepted: SaidPromises['accepted'],
  signers: Uint8Array,
): Generator<{ ballot: number; held: Held<AcceptsHalf> }> {
  for (const [lower, values] of traces.accepts) {
    if (lower >= ballot) continue
    for (const [value, said] of values) {
      if (!denies(accepted, lower, value)) continue
      for (const held of said.held) if (overlaps(held.signers, signers)) yield { ballot: lower, held }
    }
  }
}

/** Votes of these signers for other batches that nobody honest gives who gives this one. */
export function* incoherentWith(
  { memory, journal }: { memory: TraceMemory; journal: Journal },
  batch: Batch,
  view: View,
  signers: Uint8Array,
): Generator<{ other: Batch; held: Held<VoteSet> }> {
  for (const otherId of memory.conflicting(batch)) {
    const other = journal.get(otherId)?.batch
    if (!other) continue
    for (const said of memory.get(otherId)?.votes.values() ?? []) {
      if (!isUnder(said, signers) || incoherence({ batch, view }, { batch: other, view: said.view }) === undefined) continue
      for (const held of said.held) if (overlaps(held.signers, signers)) yield { other, held }
    }
  }
}
