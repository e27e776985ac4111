/**
 * What is told of a batch (§10): nothing where all agree. Where votes differ, who gave which; what was promised and accepted once a round was begun anew, and which value a
 * coordinator ordered. Owns what is worth telling to whom; telling it is `joining.ts`.
 */
import { bitmapOf, unionOf, without } from '../base/bitmap.js'
import { type Id, toHex } from '../base/bytes.js'
import type { Context } from './context.js'
import { halvesShown, type Line } from './halves.js'
import type { Said } from './said.js'
import { promiseDigest, voteDigest } from './statement.js'
import type { Traces } from './traces.js'

/** Statements to tell: those that few hold, to all; those that were shown to all, to a few, for there may be two kinds of “all”. */
export interface Lines {
  few: Line[]
  shown: Line[]
}

/** What is worth telling of a batch. Of signers whose guilt is known nothing is. */
export function linesOf(ctx: Context, batchId: Id, traces: Traces): Lines {
  const shown = shownOf(ctx, batchId)
  const guilty = bitmapOf(ctx.manifest.n, ctx.guilty)
  const lines: Lines = { few: [], shown: [] }
  const add = <T>(name: string, said: Said<T>, line: (signers: Uint8Array, isShown: boolean) => Line): void => {
    const all = without(
      said.held.reduce((sum, { signers }) => unionOf(sum, signers), bitmapOf(ctx.manifest.n, [])),
      guilty,
    )
    const few = without(all, shown.get(name) ?? guilty)
    const rest = without(all, few)
    if (few.some((byte) => byte > 0)) lines.few.push(line(few, false))
    if (rest.some((byte) => byte > 0)) lines.shown.push(line(rest, true))
  }
  if (traces.votes.size > 1)
    for (const [digest, said] of traces.votes)
      add(`vote ${digest}`, said, (signers, isShown) => ({ type: 'vote', digest, view: isShown ? null : said.view, signers }))
  const isRecovered = traces.promises.size > 0
  for (const [ballot, values] of traces.accepts)
    if (isRecovered || values.size > 1)
      for (const [valueDigest, said] of values)
        add(`accept ${ballot} ${valueDigest}`, said, (signers) => ({ type: 'accept', ballot, valueDigest, signers }))
  for (const [digest, said] of traces.promises)
    add(`promise ${digest}`, said, (signers) => ({ type: 'promise', ballot: said.ballot, accepted: said.accepted, signers }))
  // Under the guard NOTICE tells all of them.
  if (!ctx.isGuarded)
    for (const [ballot, values] of traces.orders) for (const valueDigest of values.keys()) lines.shown.push({ type: 'order', ballot, valueDigest })
  return lines
}

/** Who is under which statement in what this signer has verified and recorded of a batch. */
function shownOf({ manifest, journal }: Context, batchId: Id): Map<string, Uint8Array> {
  const shown = new Map<string, Uint8Array>()
  const known = journal.get(batchId)
  if (!known) return shown
  const add = (name: string, signers: Uint8Array) => shown.set(name, unionOf(shown.get(name) ?? new Uint8Array(signers.length), signers))
  for (const half of halvesShown(manifest, known)) {
    if (half.batchId !== batchId) continue
    if (half.type === 'votes') for (const { view, signers } of half.votes.entries) add(`vote ${toHex(voteDigest(manifest, batchId, view))}`, signers)
    if (half.type === 'accepts') add(`accept ${half.ballot} ${half.accepts.valueDigest}`, half.accepts.signers)
    if (half.type === 'promises')
      for (const statement of half.promises.statements)
        add(`promise ${toHex(promiseDigest(manifest, batchId, half.promises.ballot, statement))}`, statement.signers)
  }
  return shown
}
