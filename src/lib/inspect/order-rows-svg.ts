/** The rows below a line diagram: scores against the quorum, distinct votes, ranked pairs, all pairs with the support for either way round. Parts of `order-svg`. */
import { DRAWN, type OrderData } from './data.js'
import { count } from './lines.js'
import { inkOf, nameOf, type Part, sample, shapeOf } from './order-marks-svg.js'
import { drawnViews, type OrderLine, type OrderShape, orderedPairs, rankText, scoreVotes } from './order-shape.js'
import { box, mark, polyline, quorumBar, text, textWidth } from './svg.js'

const LEFT = 20
const SAMPLE = 42
const BAR = 260
const NARROW = 120
const ROW = 24
const LOW = 18
const CELL = 16

interface Row {
  readonly body: string
  readonly right: number
}

/** A heading and rows of one height below it. */
function section(head: string, rows: readonly Row[], top: number, height: number): Part {
  return {
    body: [text(LEFT, top, head, { strong: true }), ...rows.map(({ body }) => body)],
    width: Math.max(LEFT + textWidth(head), ...rows.map(({ right }) => right)),
    bottom: top + 24 + Math.max(0, rows.length - 1) * height,
  }
}

const nowhere = (top: number): Part => ({ body: [], width: 0, bottom: top })

function widest({ lines }: OrderShape): number {
  return Math.max(0, ...lines.map(({ name }) => textWidth(name)))
}

function said(words: string, x: number, y: number): Row {
  return { body: text(x, y + 4, words), right: x + textWidth(words) }
}

/** How far the least agreed pair of each batch is from the quorum, how it was decided, and what goes before it. */
export function scoreRows(data: OrderData, shape: OrderShape, top: number): Part {
  const bars = LEFT + SAMPLE + widest(shape) + 16
  const rows = shape.lines.map((line, i): Row => {
    const { batch } = line
    const y = top + 24 + i * ROW
    const reached = scoreVotes(data, batch)
    const before = batch.predecessors.slice(0, 6).map((id) => shape.nameOf(id))
    const more = batch.predecessors.length - before.length
    const after = before.length === 0 ? 'nothing' : `${before.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
    const words = said(`${reached} of ${data.n} · ${batch.path} · ${batch.votes} votes · after ${after}`, bars + BAR + 14, y)
    const bar = quorumBar(bars, y - 6, BAR, 12, reached, data.quorum, data.n)
    return { body: sample(line, LEFT, y) + nameOf(line, LEFT + SAMPLE, y) + bar + words.body, right: words.right }
  })
  return section(
    `Scores: ${data.quorum} of ${data.n}, the upright stroke, skip phase 3; more than ${data.inclusion} votes make a predecessor`,
    rows,
    top,
    ROW,
  )
}

/** The distinct votes on each batch: a bar for how many signers say the same, and marks for what they have before the batch. */
export function viewRows(data: OrderData, shape: OrderShape, top: number): Part {
  const bars = LEFT + SAMPLE + widest(shape) + 16
  const cells = bars + NARROW + 50
  let y = top + 24 - LOW
  const rows = shape.lines.flatMap((line): Row[] => {
    const { views, hidden, hiddenSigners } = drawnViews(line.batch)
    if (views.length === 0) return []
    const listed = views.map(({ before, signers }, i): Row => {
      y += LOW
      const number = signers.length
      const marks = shape.lines.map((other, at) => cell(other, other === line, before.includes(other.batch.id), cells + at * CELL, y))
      return {
        body: [
          ...(i === 0 ? [sample(line, LEFT, y), nameOf(line, LEFT + SAMPLE, y)] : []),
          box(bars, y - 5, (NARROW * number) / data.n, 10, { fill: 'info', tip: `signers ${signers.join(', ')}` }),
          text(bars + NARROW + 36, y + 4, String(number), { anchor: 'end' }),
          ...marks,
        ].join(''),
        right: cells + shape.lines.length * CELL,
      }
    })
    if (hidden === 0) return listed
    y += LOW
    const words = `${count(hidden, 'more vote')} of ${count(hiddenSigners, 'signer')}`
    return [...listed, { body: text(bars, y + 4, words, { tone: 'faint' }), right: bars + textWidth(words) }]
  })
  if (rows.length === 0) return nowhere(top)
  return section('Distinct votes: how many signers say the same, and what they have before the batch, by its mark', rows, top, LOW)
}

function cell(line: OrderLine, isSelf: boolean, isBefore: boolean, x: number, y: number): string {
  const middle = x + CELL / 2
  if (isBefore) return mark(shapeOf(line), middle, y, 4.5, inkOf(line), `${line.name} before it`)
  const half = isSelf ? 5 : 1
  const stroke: [number, number][] = [
    [middle - half, y],
    [middle + half, y],
  ]
  return polyline(stroke, 'faint', { 'stroke-width': isSelf ? 1 : 2 })
}

/** The components, and how ranked pairs took the pairs inside of them. */
export function rankRows({ ranked = [], components }: OrderData, shape: OrderShape, top: number): Part {
  if (ranked.length === 0) return nowhere(top)
  const byId = new Map(shape.lines.map((line) => [line.batch.id, line]))
  const rows = ranked.slice(0, DRAWN.pairs).map((pair, i): Row => {
    const y = top + 24 + i * LOW
    const names = twoNames(byId.get(pair.winner), byId.get(pair.loser), shape, y, '→')
    const words = said(rankText(pair), names.right + 20, y)
    return { body: names.body + words.body, right: words.right }
  })
  const large = components.filter(({ length }) => length > 1)
  const head = `Ranked pairs of ${count(large.length, 'component')} of ${large.map(({ length }) => length).join(', ')} batches, strongest first`
  return section(head, withRest(rows, ranked.length - rows.length, top + 24 + rows.length * LOW), top, LOW)
}

/** All pairs that share a key: the support for either way round. */
export function pairRows(data: OrderData, shape: OrderShape, top: number): Part {
  const { pairs, hidden } = orderedPairs(data, shape)
  if (pairs.length === 0) return nowhere(top)
  const byId = new Map(shape.lines.map((line) => [line.batch.id, line]))
  const rows = pairs.map(({ a, b, support: [first, second], decisive }, i): Row => {
    const y = top + 24 + i * LOW
    const names = twoNames(byId.get(a), byId.get(b), shape, y, 'before')
    const total = Math.max(1, first + second)
    const bar = quorumBar(names.right + 20, y - 5, NARROW, 10, first, total / 2, total)
    const words = said(`${first} : ${second} · ${decisive ? '✓ decisive' : '– not decisive'}`, names.right + NARROW + 34, y)
    return { body: names.body + bar + words.body, right: words.right }
  })
  const head = 'Pairs: votes of both vote sets that say so : that say the opposite; the upright stroke is half of them'
  return section(head, withRest(rows, hidden, top + 24 + rows.length * LOW), top, LOW)
}

function twoNames(first: OrderLine | undefined, second: OrderLine | undefined, shape: OrderShape, y: number, between: string): Row {
  const wide = widest(shape)
  const middle = LEFT + 18 + wide + 10
  const right = middle + textWidth(between) + 10
  const named = (line: OrderLine | undefined, x: number) =>
    line ? mark(shapeOf(line), x + 6, y, 4.5, inkOf(line)) + nameOf(line, x + 18, y) : text(x + 18, y + 4, '…')
  return { body: named(first, LEFT) + text(middle, y + 4, between, { tone: 'faint' }) + named(second, right), right: right + 18 + wide }
}

function withRest(rows: readonly Row[], more: number, y: number): Row[] {
  return more > 0 ? [...rows, said(count(more, 'more pair'), LEFT, y)] : [...rows]
}
