/** The seed's line diagram and, under the same columns, the matrix of the votes: at which place of arrival each signer has each batch. Parts of `order-svg`. */
import { DRAWN } from './data.js'
import { count } from './lines.js'
import { dashOf, inkOf, nameOf, type Part, sample, shapeOf } from './order-marks-svg.js'
import type { ArrivalColumn, OrderLine, OrderShape } from './order-shape.js'
import { mark, polyline, text, textWidth } from './svg.js'

const LEFT = 64
const HEAD = 70
const LABEL = 18
/** The height of the lines; many narrow columns need more, or all lines run steep. */
const LOW = 240
const TALL = 420
/** Size of the digits in the matrix, and the height of digits below one another. */
const DIGITS = 10
const DIGIT_ROW = 11

/** Where the columns stand. */
interface Columns {
  readonly signers: readonly ArrivalColumn[]
  readonly x: Scale
  readonly right: number
  readonly step: number
}

/** The line diagram, and the matrix below it. */
export function lineDiagram(shape: OrderShape, all: readonly ArrivalColumn[]): Part {
  const sorted = all.length > DRAWN.unsortedSigners
  const order = sorted ? [...all].sort(byArrival) : all
  const signers = order.slice(0, DRAWN.orderSigners)
  const places = Math.max(1, ...signers.map(({ lines }) => lines.length))
  const hasMatrix = signers.length <= DRAWN.matrixSigners
  const step = Math.max(8, Math.min(64, Math.floor(1000 / signers.length)), hasMatrix ? Math.ceil(textWidth(String(places), DIGITS)) + 2 : 0)
  const rise = Math.max(22, Math.min(48, Math.floor((sorted ? TALL : LOW) / places)))
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
  const columns = { signers, x, right, step }
  const numbers = signerNumbers(columns, bottom + 24)
  const below = hasMatrix ? matrix(shape, columns, numbers.bottom + 34) : { body: [], width: 0, bottom: numbers.bottom }
  return {
    body: [
      text(20, 50, said, { size: 11, tone: 'faint' }),
      ...rules(places, y, right),
      ...drawn.map(({ path }) => path),
      ...drawn.map(({ marks }) => marks),
      ...labels.body,
      ...numbers.body,
      ...below.body,
    ],
    width: Math.max(labels.right, 20 + textWidth(said, 11), below.width),
    bottom: below.bottom,
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

function rules(places: number, y: Scale, right: number): string[] {
  return Array.from({ length: places }, (_, i) => {
    const level = y(i + 1)
    const ends: [number, number][] = [
      [LEFT, level],
      [right, level],
    ]
    return polyline(ends, 'rule', { 'stroke-width': 1 }) + text(LEFT - 8, level + 4, String(i + 1), { size: 11, tone: 'faint', anchor: 'end' })
  })
}

/** The signers' numbers under the columns, their digits below one another where columns are narrow; only how many they are where there are too many. */
function signerNumbers({ signers, x, step }: Columns, top: number): Part {
  const head = text(LEFT - 8, top, 'signer', { size: 11, tone: 'faint', anchor: 'end' })
  if (signers.length > DRAWN.matrixSigners)
    return { body: [text(LEFT, top, count(signers.length, 'signer'), { size: 11, tone: 'faint' })], width: 0, bottom: top }
  const longest = Math.max(...signers.map(({ signer }) => String(signer).length))
  const isFlat = textWidth('0'.repeat(longest), 11) + 3 <= step
  const rows = isFlat ? 1 : longest
  const body = signers.flatMap(({ signer }, column) => {
    const digits = isFlat ? [String(signer)] : [...String(signer).padStart(longest)]
    return digits.map((digit, row) =>
      text(x(column), top + row * DIGIT_ROW, digit.trim(), { size: isFlat ? 11 : DIGITS, tone: 'faint', anchor: 'middle' }),
    )
  })
  return { body: [head, ...body], width: 0, bottom: top + (rows - 1) * DIGIT_ROW }
}

/** A row for each batch under the same columns: its place of arrival at each signer. */
function matrix({ lines }: OrderShape, { signers, x, right }: Columns, top: number): Part {
  const start = right + 26
  const head = 'Votes: the place of arrival of each batch at each signer; · no vote'
  const rows = lines.map((line, i) => {
    const y = top + 22 + i * LABEL
    const cells = signers.map((column, at) => {
      const place = column.lines.indexOf(line) + 1
      const said = { size: DIGITS, anchor: 'middle', tone: place === 0 ? 'faint' : 'ink' } as const
      return text(x(at), y + 4, place === 0 ? '·' : String(place), said)
    })
    return [mark(shapeOf(line), LEFT - 16, y, 4.5, inkOf(line)), ...cells, sample(line, start, y), nameOf(line, start + 42, y)].join('')
  })
  return {
    body: [text(20, top, head, { strong: true }), ...rows],
    width: Math.max(20 + textWidth(head), start + 42 + Math.max(0, ...lines.map(({ name }) => textWidth(name)))),
    bottom: top + 22 + (lines.length - 1) * LABEL,
  }
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
    return leader + sample(line, start, level) + nameOf(line, start + 42, level)
  })
  return { body, right: start + 42 + Math.max(0, ...placed.map(({ line }) => textWidth(line.name))) }
}
