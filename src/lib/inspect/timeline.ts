/**
 * A batch's phases against time (§5), put together from what each signer noted: spans of time, ballots and retries. Which way had to be waited for is
 * `timeline-path.ts`, whether the signers' clocks fit is `timeline-clocks.ts`; how it looks is left to `timeline-text.ts` and `timeline-svg.ts`.
 */
import type { Id } from '../base/bytes.js'
import type { Moment } from '../core/moments.js'
import { type Tree, type TreeParameters, treeOf } from '../core/tree.js'
import type { Span, SpanKind, Telling, TimelineBallot, TimelineData, TimelineMoment, TimelineRetry, TimelineSigner } from './data.js'
import { clockShifts } from './timeline-clocks.js'
import { criticalPath } from './timeline-path.js'

/** What one signer says of a batch: the moments in milliseconds of its own clock; null where it has forgotten them. */
export interface Told {
  readonly status: TimelineData['status']
  readonly moments: readonly Moment[] | null
}

/** The timeline of a batch. `told`: by signer; null for one that does not answer, undefined for one that does not hold the batch. */
export function timelineOf(
  manifest: TreeParameters & { readonly signers: readonly { name: string; region: string }[] },
  batchId: Id,
  initiator: number,
  told: readonly (Told | null | undefined)[],
): TimelineData {
  const tree = treeOf(batchId, initiator, manifest)
  const noted = new Map(tree.permutation.flatMap((signer) => (told[signer]?.moments ? [[signer, told[signer].moments] as const] : [])))
  const shifts = clockShifts(tree, noted)
  const atShifted = ({ at }: Moment, signer: number) => at + (shifts.get(signer) ?? 0)
  const all = [...noted].flatMap(([signer, moments]) => moments.map((moment) => atShifted(moment, signer)))
  const [begun] = noted.get(initiator) ?? []
  const zero = begun ? atShifted(begun, initiator) : Math.min(...all)
  const totalMs = all.length === 0 ? 0 : rounded(Math.max(...all) - zero)
  const signers = tree.permutation.map((signer): TimelineSigner => {
    const moments = (noted.get(signer) ?? []).map((moment): TimelineMoment => {
      const { at: _, ...rest } = moment
      return { ...rest, atMs: rounded(atShifted(moment, signer) - zero) }
    })
    return {
      signer,
      parent: tree.parentOf(signer) ?? null,
      depth: tree.depthOf(signer),
      name: manifest.signers[signer]?.name,
      region: manifest.signers[signer]?.region || undefined,
      telling: tellingOf(told[signer]),
      clockShiftMs: rounded(shifts.get(signer) ?? 0),
      moments,
      spans: spansOf(moments, signer === initiator, totalMs),
    }
  })
  const statuses = told.flatMap((one) => (one ? [one.status] : []))
  return {
    batchId,
    root: initiator,
    n: manifest.n,
    status: statuses.includes('executed') ? 'executed' : statuses.includes('committed') ? 'committed' : 'pending',
    totalMs,
    signers,
    criticalPath: criticalPath(signers, initiator),
    ballots: ballotsOf(signers, tree),
    retries: retriesOf(signers),
  }
}

function tellingOf(told: Told | null | undefined): Telling {
  if (told === null) return 'silent'
  if (told === undefined) return 'unknown'
  return told.moments === null ? 'forgotten' : 'told'
}

/** What a signer's time went into, from its moments; it ends with the execution, or with all that is known. */
function spansOf(moments: readonly TimelineMoment[], isRoot: boolean, totalMs: number): Span[] {
  const first = (...kinds: TimelineMoment['what'][]) => moments.find(({ what, ballot = 0 }) => kinds.includes(what) && ballot === 0)?.atMs
  const arrived = first('proposed')
  if (arrived === undefined) return []
  const decided = moments.find(({ what }) => what === 'locked' || what === 'certified')?.atMs
  const end = first('executed') ?? totalMs
  const ordered = first('ordered')
  const cuts: { at: number | undefined; kind: SpanKind; ballot?: number }[] = [
    // The way down to this signer.
    { at: Math.min(0, arrived), kind: '1a' },
    { at: arrived, kind: '1b' },
    { at: isRoot ? undefined : first('vote sent'), kind: '2' },
    { at: ordered, kind: '3a' },
    { at: isRoot || ordered === undefined ? undefined : first('accept sent'), kind: '3b' },
    ...ballotsAbove(moments).map((ballot) => ({
      at: moments.find((moment) => moment.ballot === ballot)?.atMs,
      kind: 'ballot' as const,
      ballot,
    })),
    { at: decided, kind: 'waits' },
  ]
  const known = cuts.flatMap(({ at, ...cut }) => (at !== undefined && (cut.kind === 'waits' || at < (decided ?? end)) ? [{ at, ...cut }] : []))
  const sorted = known.sort((a, b) => a.at - b.at)
  return sorted.flatMap(({ at, ...cut }, i) => {
    const toMs = Math.min(sorted[i + 1]?.at ?? end, end)
    return toMs > at ? [{ ...cut, fromMs: at, toMs }] : []
  })
}

function ballotsAbove(moments: readonly TimelineMoment[]): number[] {
  return [...new Set(moments.flatMap(({ ballot = 0 }) => (ballot > 0 ? [ballot] : [])))].sort((a, b) => a - b)
}

function ballotsOf(signers: readonly TimelineSigner[], tree: Tree): TimelineBallot[] {
  const ballots = ballotsAbove(signers.flatMap(({ moments }) => moments))
  return ballots.map((ballot) => {
    const counted = (kind: TimelineMoment['what']) =>
      signers.filter(({ moments }) => moments.some((moment) => moment.what === kind && moment.ballot === ballot)).length
    const times = signers.flatMap(({ moments }) => moments.filter((moment) => moment.ballot === ballot).map(({ atMs }) => atMs))
    return {
      ballot,
      coordinator: tree.permutation[ballot % tree.permutation.length] ?? 0,
      fromMs: Math.min(...times),
      wanted: counted('timed out'),
      promised: counted('promised'),
      accepted: counted('accepted'),
    }
  })
}

function retriesOf(signers: readonly TimelineSigner[]): TimelineRetry[] {
  const retries = signers.flatMap(({ signer: by, moments }) =>
    moments.flatMap(({ what, signer, atMs }) => (what === 'late' && signer !== undefined ? [{ by, signer, atMs }] : [])),
  )
  return retries.sort((a, b) => a.atMs - b.atMs)
}

/** Milliseconds to a hundredth. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
