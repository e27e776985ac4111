/** A batch's timeline in a terminal: a bar for each signer, the phases as different characters, the critical path marked and told in words. */
import type { Span, TimelineData, TimelineSigner } from './data.js'
import { columns, cut, type Line, milliseconds, type Piece, pad, printLines, type TextOptions, wrap } from './lines.js'
import { drawnSigners, kindsIn, labelOf, pathPhrases, remarks, SPANS, tailOf, timelineTitle } from './timeline-shape.js'

const LABEL = 20
const MIN_BAR = 10

/** The timeline of a batch (§5) as text. */
export function drawTimelineText(data: TimelineData, options: TextOptions): string {
  const drawn = drawnSigners(data)
  const onPath = new Set(data.criticalPath.map(({ signer }) => signer))
  const label = Math.min(LABEL, Math.max(...drawn.map((signer) => columns(labelOf(signer)))))
  const tail = Math.max(...drawn.map((signer) => columns(tailOf(signer))))
  const width = Math.max(MIN_BAR, options.width - label - tail - 6)
  const end = milliseconds(data.totalMs)
  return printLines(
    [
      [['strong', timelineTitle(data)]],
      [],
      [['faint', `${' '.repeat(label + 4)}0${pad(end, width - 1, 'right')}`]],
      ...drawn.map((signer) => row(signer, onPath.has(signer.signer), { label, width, totalMs: data.totalMs })),
      [],
      ...legend(drawn, options.width),
      ...pathLines(data, options.width),
      ...remarks(data).flatMap((remark) => wrap(remark, options.width).map((line): Line => [['faint', line]])),
    ],
    options,
  )
}

function row(signer: TimelineSigner, isOnPath: boolean, { label, width, totalMs }: { label: number; width: number; totalMs: number }): Line {
  const pieces: Piece[] = [[isOnPath ? 'strong' : 'ink', `${isOnPath ? '▸' : ' '} ${pad(cut(labelOf(signer), label), label)}  `]]
  let at = 0
  for (const span of signer.spans) {
    const to = Math.max(at, Math.min(width, Math.round((span.toMs / (totalMs || 1)) * width)))
    if (to > at) pieces.push([SPANS[span.kind].tone as Exclude<Piece, string>[0], markOf(span).repeat(to - at)])
    at = to
  }
  return [...pieces, `${' '.repeat(width - at)}  `, ['faint', tailOf(signer)]]
}

function markOf({ kind, ballot = 0 }: Span): string {
  return kind === 'ballot' ? (ballot > 9 ? '+' : String(ballot)) : SPANS[kind].mark
}

function legend(signers: readonly TimelineSigner[], width: number): Line[] {
  const lines: Piece[][] = []
  let used = width
  for (const kind of kindsIn(signers)) {
    const { mark, word, tone } = SPANS[kind]
    const said = `${mark} ${word}   `
    if (used + columns(said) > width) {
      lines.push([])
      used = 0
    }
    lines.at(-1)?.push([tone as Exclude<Piece, string>[0], mark], ` ${word}   `)
    used += columns(said)
  }
  return lines
}

function pathLines({ criticalPath }: TimelineData, width: number): Line[] {
  if (criticalPath.length === 0) return []
  return wrap(`▸ critical path: ${pathPhrases(criticalPath).join(' → ')}`, width).map((line): Line => [line])
}
