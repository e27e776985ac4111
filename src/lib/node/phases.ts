/** The phases of §5 as one signer went through them: how long a batch spent in each here, from the moments that were noted. A phase lasts until the first sign of the next one. */
import type { Moment, MomentKind } from '../core/moments.js'

/** The phases in their order. */
const PHASES = ['1a', '1b', '2', '3a', '3b'] as const

/** Milliseconds spent in each phase that a batch went through. */
export type Phases = { readonly [P in (typeof PHASES)[number]]?: number }

/** What became of a batch that was executed. */
export interface PhaseTimes {
  phases: Phases
  /** From first sight to execution here. */
  totalMs: number
}

/** How long each phase took; undefined before the execution and where nothing is remembered. */
export function phaseTimesOf(moments: readonly Moment[] | undefined): PhaseTimes | undefined {
  const first = (...kinds: MomentKind[]) => moments?.find(({ what }) => kinds.includes(what))?.at
  const [arrived, executed] = [first('proposed'), first('executed')]
  if (arrived === undefined || executed === undefined) return undefined
  const certificate = moments?.find(({ what }) => what === 'locked' || what === 'certified')
  const isFast = certificate !== undefined && certificate.ballot === undefined
  const starts = [
    arrived,
    first('vote received', 'vote sent'),
    // An order, or a certificate made of votes.
    first('ordered', 'accepted') ?? (isFast ? certificate.at : undefined),
    first('accept received', 'accept sent'),
    isFast ? undefined : certificate?.at,
  ]
  const phases: { -readonly [P in keyof Phases]: Phases[P] } = {}
  PHASES.forEach((phase, i) => {
    const begin = starts[i]
    if (begin === undefined) return
    const end = starts
      .slice(i + 1)
      .reduce<number>((earliest, time) => (time !== undefined && time >= begin ? Math.min(earliest, time) : earliest), executed)
    phases[phase] = rounded(end - begin)
  })
  return { phases, totalMs: rounded(executed - arrived) }
}

/** Milliseconds to a tenth. */
export function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}
