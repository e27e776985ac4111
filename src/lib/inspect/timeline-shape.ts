/** What both drawings of a timeline share: how a stretch of time is marked and called, which signers are drawn, and the words around the bars. */
import { DRAWN, type PathStep, type SpanKind, type Telling, type TimelineBallot, type TimelineData, type TimelineSigner } from './data.js'
import { count, cut, milliseconds, shortId } from './lines.js'
import { signerRanges } from './signature-shape.js'
import type { Ink } from './svg.js'

/** In the order of the protocol. */
const KINDS: readonly SpanKind[] = ['1a', '1b', '2', '3a', '3b', 'ballot', 'waits']

/** How a kind of span looks: its character in a terminal, its colour, and what it says. */
export interface SpanLook {
  readonly mark: string
  readonly tone: Ink
  readonly word: string
}

/** The look of every kind of span. Ballots are drawn as their number. */
export const SPANS: Record<SpanKind, SpanLook> = {
  '1a': { mark: '·', tone: 'faint', word: '1a on its way down' },
  '1b': { mark: '▒', tone: 'info', word: '1b voting, gathering votes' },
  '2': { mark: '─', tone: 'faint', word: '2 waiting for the root' },
  '3a': { mark: '█', tone: 'warn', word: '3a accepting, gathering accepts' },
  '3b': { mark: '═', tone: 'faint', word: '3b waiting for the certificate' },
  ballot: { mark: '#', tone: 'bad', word: 'a later ballot, by its number' },
  waits: { mark: '░', tone: 'good', word: 'committed, waits for its turn' },
}

const TELLINGS: Record<Telling, string> = {
  told: '',
  forgotten: 'times not remembered',
  unknown: 'does not hold it',
  silent: 'does not answer',
}

/** The signers that are drawn: whole levels of the tree, from the root down. */
export function drawnSigners({ signers }: TimelineData): readonly TimelineSigner[] {
  if (signers.length <= DRAWN.timelineSigners) return signers
  const deepest = signers.filter((_, i) => i > 0).sort((a, b) => a.depth - b.depth)[DRAWN.timelineSigners - 1]?.depth ?? 1
  return signers.filter(({ depth }) => depth < deepest)
}

/** The heading. */
export function timelineTitle({ batchId, n, status, totalMs, root }: TimelineData): string {
  const end = status === 'executed' ? 'executed at the last signer' : status
  return `Timeline of batch ${shortId(batchId)} · root ${root} · ${count(n, 'signer')} · ${end} after ${milliseconds(totalMs)}`
}

/** What stands behind a signer's bar: when it had executed, or why there is no bar. */
export function tailOf({ telling, moments }: TimelineSigner): string {
  if (telling !== 'told') return TELLINGS[telling]
  const executed = moments.find(({ what }) => what === 'executed')
  return executed ? milliseconds(executed.atMs) : 'not executed'
}

/** A signer's number with its name, as far as there is room. */
export function labelOf({ signer, name, clockShiftMs }: TimelineSigner): string {
  const shown = name === undefined || name === '' ? `${signer}` : `${signer} ${cut(name, DRAWN.nameColumns)}`
  return clockShiftMs === 0 ? shown : `${shown} ≈`
}

/** Which kinds of spans occur, in the order of the protocol. */
export function kindsIn(signers: readonly TimelineSigner[]): SpanKind[] {
  const kinds = new Set(signers.flatMap(({ spans }) => spans.map(({ kind }) => kind)))
  return KINDS.filter((kind) => kinds.has(kind))
}

/** The steps of the critical path, each as one phrase. */
export function pathPhrases(path: readonly PathStep[]): string[] {
  return path.map(({ signer, what, atMs }) => `${signer} ${what} ${milliseconds(atMs)}`)
}

/** What there is to say below the bars: later ballots, retries, clocks, who is left out. */
export function remarks(data: TimelineData): string[] {
  const { signers, ballots, retries } = data
  const moved = signers.filter(({ clockShiftMs }) => clockShiftMs !== 0)
  const left = signers.length - drawnSigners(data).length
  return [
    ...ballots.map(ballotText),
    ...retries
      .slice(0, DRAWN.batches)
      .map(({ by, signer, atMs }) => `${by} gave ${signer} up for late at ${milliseconds(atMs)} and asked those below it itself`),
    ...(retries.length > DRAWN.batches ? [`and ${retries.length - DRAWN.batches} more were given up for late`] : []),
    moved.length === 0
      ? 'The signers’ clocks fit together; all times count from the start of phase 1a at the root.'
      : `≈ ${signerRanges(moved.map(({ signer }) => signer))}: a clock of its own that does not fit the others’; its times are moved so that PROPOSE to it and VOTE from it took equally long.`,
    ...(left > 0 ? [`${count(left, 'signer')} of the lower levels are not drawn; --json has all.`] : []),
  ]
}

function ballotText({ ballot, coordinator, fromMs, wanted, promised, accepted }: TimelineBallot): string {
  return `Ballot ${ballot} from ${milliseconds(fromMs)}, coordinator ${coordinator}: wanted by ${wanted}, promised by ${promised}, accepted by ${accepted}`
}
