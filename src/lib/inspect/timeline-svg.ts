/** A batch's timeline as SVG: a row for each signer, boxes for what it did itself, thin lines for what it waited for, and the critical path across the rows. */
import type { PathStep, Span, TimelineData, TimelineSigner } from './data.js'
import { milliseconds } from './lines.js'
import { box, drawing, mark, polyline, text, textWidth } from './svg.js'
import { drawnSigners, kindsIn, labelOf, pathPhrases, remarks, SPANS, tailOf, timelineTitle } from './timeline-shape.js'

const MARGIN = 20
const HEAD = 74
const BAR = 760
const SIZE = 11
const LINE = 18

/** Where things stand: the left edge of the bars, the height of a row, and the length of a millisecond. */
interface Scale {
  left: number
  row: number
  pixelsPerMs: number
}

/** The timeline of a batch (§5) as a self-contained SVG. */
export function drawTimelineSvg(data: TimelineData): string {
  const drawn = drawnSigners(data)
  const left = MARGIN + 14 + Math.max(...drawn.map((signer) => textWidth(labelOf(signer), SIZE))) + 10
  const scale: Scale = { left, row: drawn.length > 40 ? 15 : 20, pixelsPerMs: BAR / (data.totalMs || 1) }
  const rowOf = new Map(drawn.map(({ signer }, i) => [signer, HEAD + i * scale.row + scale.row / 2]))
  const onPath = new Set(data.criticalPath.map(({ signer }) => signer))
  const bottom = HEAD + drawn.length * scale.row
  const right = left + BAR + 12 + Math.max(...drawn.map((signer) => textWidth(tailOf(signer), SIZE)))
  const title = timelineTitle(data)
  const width = Math.max(right, MARGIN + textWidth(title, 15)) + MARGIN
  const key = legend(drawn, bottom + 24, width)
  const words = [...phrases(data), ...remarks(data)].flatMap((line) => broken(line, width - 2 * MARGIN))
  return drawing({
    title,
    description: `A row for each signer, the root first. ${pathPhrases(data.criticalPath).join(', ')}`,
    width,
    height: key.bottom + LINE * (words.length + 1),
    body: [
      text(MARGIN, 28, title, { size: 15, strong: true }),
      axis(scale, data.totalMs, bottom),
      ...drawn.map((signer) => row(signer, rowOf.get(signer.signer) ?? 0, onPath.has(signer.signer), scale)),
      path(data.criticalPath, rowOf, scale),
      ...drawn.map(({ spans, signer }) => ballotNumbers(spans, rowOf.get(signer) ?? 0, scale)),
      key.body,
      ...words.map((line, i) => text(MARGIN, key.bottom + LINE * (i + 1), line, { size: SIZE, tone: 'faint' })),
    ],
  })
}

function phrases({ criticalPath }: TimelineData): string[] {
  return criticalPath.length === 0 ? [] : [`Critical path (arrows): ${pathPhrases(criticalPath).join(' → ')}`]
}

function axis({ left, pixelsPerMs }: Scale, totalMs: number, bottom: number): string {
  const step = stepOf(totalMs)
  const ticks = Array.from({ length: Math.floor(totalMs / step) + 1 }, (_, i) => i * step)
  return ticks
    .map((ms) => {
      const x = left + ms * pixelsPerMs
      return (
        polyline(
          [
            [x, HEAD - 6],
            [x, bottom],
          ],
          'rule',
          { 'stroke-width': 1 },
        ) + text(x, HEAD - 12, milliseconds(ms), { size: SIZE, tone: 'faint', anchor: 'middle' })
      )
    })
    .join('')
}

/** A round number of milliseconds, of which about six make the whole. */
function stepOf(totalMs: number): number {
  const rough = Math.max(totalMs, 0.01) / 6
  const power = 10 ** Math.floor(Math.log10(rough))
  return ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power
}

function row(signer: TimelineSigner, y: number, isOnPath: boolean, scale: Scale): string {
  const label = labelOf(signer)
  return [
    isOnPath ? mark('disc', MARGIN + 4, y, 3, 'ink') : '',
    text(MARGIN + 14, y + 4, label, { size: SIZE, strong: isOnPath, tone: signer.telling === 'told' ? 'ink' : 'faint' }),
    ...signer.spans.map((span) => bar(span, y, scale)),
    ...signer.moments
      .filter(({ what }) => what === 'executed')
      .map(({ atMs }) => mark('disc', scale.left + atMs * scale.pixelsPerMs, y, 2.5, 'good')),
    text(scale.left + BAR + 12, y + 4, tailOf(signer), { size: SIZE, tone: 'faint' }),
  ].join('')
}

/** Boxes are the signer's own time, lines are waiting; each kind differs in form too. */
function bar(span: Span, y: number, { left, row, pixelsPerMs }: Scale): string {
  const { kind, fromMs, toMs, ballot = 0 } = span
  const { tone, word } = SPANS[kind]
  const [x0, x1] = [left + fromMs * pixelsPerMs, left + toMs * pixelsPerMs]
  const half = row / 2 - 4
  const tip = `${kind === 'ballot' ? `ballot ${ballot}` : word}: ${milliseconds(fromMs)} to ${milliseconds(toMs)}`
  if (kind === '1b') return box(x0, y - half, x1 - x0, 2 * half, { fill: tone, tip })
  if (kind === '3a') return box(x0, y - half, x1 - x0, 2 * half, { fill: 'paper', stroke: tone, tip })
  if (kind === 'ballot') {
    return box(x0, y - half, x1 - x0, 2 * half, { fill: 'paper', stroke: tone, dash: '4 2', tip })
  }
  const dash = { '1a': '1 3', '2': undefined, '3b': '6 3', waits: undefined }[kind]
  return polyline(
    [
      [x0, y],
      [x1, y],
    ],
    tone,
    { 'stroke-width': kind === 'waits' ? 4 : 1.5, 'stroke-dasharray': dash },
  )
}

/** The numbers of later ballots in their boxes, where there is room; above the critical path, which would cross them out. */
function ballotNumbers(spans: readonly Span[], y: number, { left, pixelsPerMs }: Scale): string {
  return spans
    .map(({ kind, fromMs, toMs, ballot = 0 }) => {
      const name = `b${ballot}`
      const fits = kind === 'ballot' && (toMs - fromMs) * pixelsPerMs > textWidth(name, SIZE) + 6
      return fits ? text(left + fromMs * pixelsPerMs + 4, y + 4, name, { size: SIZE, halo: true }) : ''
    })
    .join('')
}

/** From step to step, with an arrow head where it goes over to another signer. */
function path(steps: readonly PathStep[], rowOf: ReadonlyMap<number, number>, { left, pixelsPerMs }: Scale): string {
  const points = steps.flatMap(({ signer, atMs }): [number, number][] => {
    const y = rowOf.get(signer)
    return y === undefined ? [] : [[left + atMs * pixelsPerMs, y]]
  })
  if (points.length < 2) return ''
  const heads = points.flatMap(([x, y], i) => {
    const before = points[i - 1]
    if (!before || before[1] === y) return []
    return [head(before, [x, y])]
  })
  // With a rim, so that it stands out from the bars that it crosses.
  return (
    polyline(points, 'paper', { 'stroke-width': 4.5, 'stroke-linejoin': 'round' }) +
    polyline(points, 'ink', { 'stroke-width': 1.6, 'stroke-linejoin': 'round' }) +
    heads.join('')
  )
}

function head([x0, y0]: [number, number], [x, y]: [number, number]): string {
  const angle = Math.atan2(y - y0, x - x0)
  const wing = (turn: number): [number, number] => [x - 6 * Math.cos(angle + turn), y - 6 * Math.sin(angle + turn)]
  return polyline([wing(0.45), [x, y], wing(-0.45)], 'ink', { 'stroke-width': 1.6 })
}

function legend(signers: readonly TimelineSigner[], top: number, width: number): { body: string; bottom: number } {
  let [x, y] = [MARGIN, top]
  let body = ''
  for (const kind of kindsIn(signers)) {
    const { word } = SPANS[kind]
    const room = 34 + textWidth(word, SIZE) + 24
    if (x + room > width - MARGIN && x > MARGIN) [x, y] = [MARGIN, y + LINE]
    const sample: Span = { kind, fromMs: 0, toMs: 26, ballot: 1 }
    const scale: Scale = { left: x, row: 18, pixelsPerMs: 1 }
    body += bar(sample, y, scale) + ballotNumbers([sample], y, scale) + text(x + 34, y + 4, word, { size: SIZE })
    x += room
  }
  return { body, bottom: y + 10 }
}

/** Words broken into lines of so many pixels. */
function broken(line: string, width: number): string[] {
  const lines: string[] = []
  for (const word of line.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && textWidth(`${last} ${word}`, SIZE) <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
