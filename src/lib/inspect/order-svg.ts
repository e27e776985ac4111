/**
 * The seed's line diagram as SVG: signers across, place of arrival up, one line for each batch, told apart by dash, marker, colour and end label;
 * below it the scores against the quorum, the final order, and a sentence for each neighbour pair.
 */
import { DRAWN, type OrderData } from './data.js'
import { count, wrap } from './lines.js'
import { type ArrivalColumn, type OrderLine, type OrderShape, orderSentences, orderShape, orderTitle, scoreVotes } from './order-shape.js'
import { DASHES, drawing, type Ink, mark, polyline, quorumBar, SHAPES, type Shape, text, textWidth } from './svg.js'

const LEFT = 64
const HEAD = 70
const LABEL = 18
const BAR = 260

interface Part {
  readonly body: readonly string[]
  readonly width: number
  readonly bottom: number
}

/** The line diagram of a group as a self-contained SVG: the line that lies below another for most signers goes first. */
export function drawOrderSvg(data: OrderData): string {
  const shape = orderShape(data)
  const title = orderTitle(data)
  const chart = shape.columns && shape.lines.length > 0 ? lineDiagram(shape, shape.columns) : noDiagram()
  const scores = scoreRows(data, shape, chart.bottom + 36)
  const words = sentences(data, shape, scores.bottom + 42, Math.max(chart.width, scores.width, 720))
  return drawing({
    title,
    description: `Final order: ${
      data.order
        .slice(0, DRAWN.batches)
        .map((id) => shape.nameOf(id))
        .join(', ') || 'none yet'
    }. ${orderSentences(data).join(' ')}`,
    width: Math.max(chart.width, scores.width, words.width, 20 + textWidth(title, 15)) + 20,
    height: words.bottom + 16,
    body: [text(20, 28, title, { size: 15, strong: true }), ...chart.body, ...scores.body, ...words.body],
  })
}

function noDiagram(): Part {
  return {
    body: [text(20, 50, 'The arrival orders are not known here, only the votes on pairs.', { size: 11, tone: 'faint' })],
    width: 0,
    bottom: HEAD - 20,
  }
}

function inkOf({ line }: OrderLine): Ink {
  return `line${line % 7}`
}

function shapeOf({ line }: OrderLine): Shape {
  return SHAPES[line % SHAPES.length] ?? 'disc'
}

function dashOf({ line }: OrderLine): string | undefined {
  return DASHES[line % DASHES.length]
}

function lineDiagram(shape: OrderShape, all: readonly ArrivalColumn[]): Part {
  const sorted = all.length > DRAWN.unsortedSigners
  const order = sorted ? [...all].sort(byArrival) : all
  const signers = order.slice(0, DRAWN.orderSigners)
  const places = Math.max(1, ...signers.map(({ lines }) => lines.length))
  const step = Math.max(8, Math.min(64, Math.floor(1000 / signers.length)))
  const rise = Math.max(22, Math.min(48, Math.floor(240 / places)))
  const bottom = HEAD + 20 + Math.max((places - 1) * rise, (shape.lines.length - 1) * LABEL)
  const x = (column: number) => LEFT + step / 2 + column * step
  const y = (place: number) => bottom - (place - 1) * rise
  const right = x(signers.length - 1) + step / 2
  const said = [
    'place of arrival, first at the bottom',
    ...(sorted ? ['signers sorted by what reached them first'] : []),
    ...(signers.length < all.length ? [`${all.length - signers.length} more signers not drawn`] : []),
    ...(shape.hidden > 0 ? [`${shape.hidden} more batches not drawn`] : []),
  ].join(' · ')
  const radius = Math.min(5.5, Math.max(2.6, step * 0.34))
  const drawn = shape.lines.map((line) => polylineOf(line, signers, x, y, radius))
  const labels = endLabels(shape, signers, right, y)
  return {
    body: [
      text(20, 50, said, { size: 11, tone: 'faint' }),
      ...axes(signers, places, x, y, right, sorted),
      ...drawn.map(({ path }) => path),
      ...drawn.map(({ marks }) => marks),
      ...labels.body,
    ],
    width: Math.max(labels.right, 20 + textWidth(said, 11)),
    bottom: bottom + 34,
  }
}

function byArrival(a: ArrivalColumn, b: ArrivalColumn): number {
  for (let i = 0; i < Math.max(a.lines.length, b.lines.length); i++) {
    const difference = (a.lines[i]?.line ?? -1) - (b.lines[i]?.line ?? -1)
    if (difference !== 0) return difference
  }
  return a.signer - b.signer
}

type Scale = (value: number) => number

function axes(signers: readonly ArrivalColumn[], places: number, x: Scale, y: Scale, right: number, sorted: boolean): string[] {
  const rules = Array.from({ length: places }, (_, i) => {
    const level = y(i + 1)
    return (
      polyline(
        [
          [LEFT, level],
          [right, level],
        ],
        'rule',
        { 'stroke-width': 1 },
      ) + text(LEFT - 8, level + 4, String(i + 1), { size: 11, tone: 'faint', anchor: 'end' })
    )
  })
  const under = y(1) + 24
  if (sorted) return [...rules, text(LEFT, under, count(signers.length, 'signer'), { size: 11, tone: 'faint' })]
  const numbers = signers.map(({ signer }, column) => text(x(column), under, String(signer), { size: 11, tone: 'faint', anchor: 'middle' }))
  return [...rules, text(LEFT - 8, under, 'signer', { size: 11, tone: 'faint', anchor: 'end' }), ...numbers]
}

/** A batch's line, broken where a signer did not vote, and its marks. */
function polylineOf(line: OrderLine, signers: readonly ArrivalColumn[], x: Scale, y: Scale, radius: number): { path: string; marks: string } {
  const parts: [number, number][][] = [[]]
  let marks = ''
  signers.forEach(({ lines, signer }, column) => {
    const place = lines.indexOf(line) + 1
    if (place === 0) {
      parts.push([])
      return
    }
    parts.at(-1)?.push([x(column), y(place)])
    marks += mark(shapeOf(line), x(column), y(place), radius, inkOf(line), `signer ${signer}: ${line.name} arrived ${place}.`)
  })
  const look = { 'stroke-width': Math.min(2, radius * 0.45), 'stroke-dasharray': dashOf(line), 'stroke-linejoin': 'round' }
  const path = parts
    .filter((part) => part.length > 1)
    .map((part) => polyline(part, inkOf(line), look))
    .join('')
  return { path, marks }
}

/** The names at the right end, each as near to its line's last place as the others let it. */
function endLabels(shape: OrderShape, signers: readonly ArrivalColumn[], right: number, y: Scale): { body: string[]; right: number } {
  const last = signers.at(-1)
  const wanted = shape.lines.map((line) => {
    const seen = [...signers].reverse().find(({ lines }) => lines.includes(line))
    const at = y((seen?.lines.indexOf(line) ?? 0) + 1)
    return { line, at, y: at, ends: seen !== undefined && seen === last }
  })
  // From the bottom up, each label at least a line's height above the one before; the chart is high enough for all of them.
  const placed = wanted.sort((a, b) => b.at - a.at || a.line.line - b.line.line)
  placed.forEach((label, i) => {
    const below = placed[i - 1]
    if (below) label.y = Math.min(label.at, below.y - LABEL)
  })
  const highest = Math.max(0, HEAD - 4 - (placed.at(-1)?.y ?? HEAD))
  for (const label of highest > 0 ? [...placed].reverse() : []) {
    const above = placed[placed.indexOf(label) + 1]
    label.y = above ? Math.max(label.y, above.y + LABEL) : label.y + highest
  }
  const start = right + 26
  const body = placed.map(({ line, at, y: level, ends }) => {
    const leader = ends
      ? polyline(
          [
            [right + 2, at],
            [start - 4, level],
          ],
          inkOf(line),
          { 'stroke-width': 1, 'stroke-dasharray': '1 2' },
        )
      : ''
    return leader + sample(line, start, level) + text(start + 42, level + 4, line.name, { strong: true, tone: inkOf(line) })
  })
  return { body, right: start + 42 + Math.max(0, ...placed.map(({ line }) => textWidth(line.name))) }
}

/** A short piece of a batch's line with its mark. */
function sample(line: OrderLine, x: number, y: number): string {
  const dash = { 'stroke-width': 2, 'stroke-dasharray': dashOf(line) }
  return (
    polyline(
      [
        [x, y],
        [x + 34, y],
      ],
      inkOf(line),
      dash,
    ) + mark(shapeOf(line), x + 17, y, 5, inkOf(line))
  )
}

function scoreRows(data: OrderData, shape: OrderShape, top: number): Part {
  const names = 20 + 42
  const bars = names + Math.max(0, ...shape.lines.map(({ name }) => textWidth(name))) + 16
  const words = bars + BAR + 14
  const rows = shape.lines.map((line, i) => {
    const { batch } = line
    const y = top + 24 + i * 24
    const reached = scoreVotes(data, batch)
    const before = batch.predecessors.slice(0, 6).map((id) => shape.nameOf(id))
    const more = batch.predecessors.length - before.length
    const after = before.length === 0 ? 'nothing' : `${before.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
    const said = `${reached} of ${data.n} · ${batch.path} · ${batch.votes} votes · after ${after}`
    const body =
      sample(line, 20, y) +
      text(names, y + 4, line.name, { strong: true, tone: inkOf(line) }) +
      quorumBar(bars, y - 6, BAR, 12, reached, data.quorum, data.n) +
      text(words, y + 4, said)
    return { body, right: words + textWidth(said) }
  })
  const head = `Scores: ${data.quorum} of ${data.n}, the upright stroke, skip phase 3; more than ${data.inclusion} votes make a predecessor`
  return {
    body: [text(20, top, head, { strong: true }), ...rows.map(({ body }) => body)],
    width: Math.max(20 + textWidth(head), ...rows.map(({ right }) => right)),
    bottom: top + 24 + (rows.length - 1) * 24,
  }
}

function sentences(data: OrderData, shape: OrderShape, top: number, width: number): Part {
  const names = data.order.slice(0, DRAWN.batches).map((id) => shape.nameOf(id))
  const more = data.order.length - names.length
  const said = names.length === 0 ? 'Order: nothing is decided yet' : `Order: ${(more > 0 ? [...names, `${more} more`] : names).join(' → ')}`
  const perLine = Math.floor((width - 40) / textWidth('x'))
  const order = wrap(said, perLine)
  const lines = [...order, ...orderSentences(data).flatMap((sentence) => wrap(sentence, perLine))]
  return {
    body: lines.map((line, i) => text(20, top + i * LABEL, line, { strong: i < order.length })),
    width: 20 + Math.max(...lines.map((line) => textWidth(line))),
    bottom: top + (lines.length - 1) * LABEL,
  }
}
