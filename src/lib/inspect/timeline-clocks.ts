/**
 * Whether signers' clocks fit together, and by how much one that does not must be moved. A clock is believed as long as nothing arrives before it was sent; of
 * any other only what lies between its own moments is known, so its proposal and its votes are drawn as if both had been under way equally long.
 */
import type { Moment, MomentKind } from '../core/moments.js'
import type { Tree } from '../core/tree.js'

/** Milliseconds by which clocks of one machine may differ without being wrong. */
const SLACK_MS = 1

/** One signer with its moments and what to add to their times. */
interface Placed {
  readonly signer: number
  readonly moments: readonly Moment[]
  readonly shiftMs: number
}

/** For each signer whose clock does not fit, how many milliseconds to add to its times. `noted`: each signer's moments in its own clock. */
export function clockShifts(tree: Tree, noted: ReadonlyMap<number, readonly Moment[]>): Map<number, number> {
  const shifts = new Map<number, number>()
  // Parents stand before their children: whoever asked has its place already.
  for (const signer of tree.permutation) {
    const moments = noted.get(signer)
    const asked = moments?.find(({ what }) => what === 'proposed')
    const asker = asked && above(tree, noted, shifts, asked.signer ?? tree.parentOf(signer))
    if (!moments || !asked || !asker) continue
    const shift = shiftBetween(moments, asked.at, signer, asker)
    if (shift !== 0) shifts.set(signer, shift)
  }
  return shifts
}

/** A signer that asked, or the nearest one above it that tells its times. */
function above(
  tree: Tree,
  noted: ReadonlyMap<number, readonly Moment[]>,
  shifts: ReadonlyMap<number, number>,
  asker: number | undefined,
): Placed | undefined {
  for (let signer = asker; signer !== undefined; signer = tree.parentOf(signer)) {
    const moments = noted.get(signer)
    if (moments) return { signer, moments, shiftMs: shifts.get(signer) ?? 0 }
  }
  return undefined
}

function shiftBetween(own: readonly Moment[], arrivedAt: number, self: number, asker: Placed): number {
  const first = (moments: readonly Moment[], kind: MomentKind, signer?: number) =>
    moments.find((moment) => moment.what === kind && (signer === undefined || moment.signer === signer))?.at
  const sent = first(asker.moments, 'proposed')
  if (sent === undefined) return 0
  const down = arrivedAt - (sent + asker.shiftMs)
  const [answered, heard] = [first(own, 'vote sent', asker.signer), first(asker.moments, 'vote received', self)]
  const up = answered === undefined || heard === undefined ? undefined : heard + asker.shiftMs - answered
  if (down >= -SLACK_MS && (up ?? 0) >= -SLACK_MS) return 0
  return up === undefined ? -down : (up - down) / 2
}
