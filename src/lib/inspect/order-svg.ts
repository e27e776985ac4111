/**
 * A group's order as SVG: the seed's line diagram with the votes below it, the order with a sentence for each neighbour pair, then scores, distinct votes,
 * ranked pairs and all pairs. Each batch keeps its dash, mark, colour and name in all of them.
 */
import { DRAWN, type OrderData } from './data.js'
import { wrap } from './lines.js'
import { lineDiagram } from './order-diagram-svg.js'
import type { Part } from './order-marks-svg.js'
import { pairRows, rankRows, scoreRows, viewRows } from './order-rows-svg.js'
import { orderSentences } from './order-sentences.js'
import { type OrderShape, orderShape, orderTitle } from './order-shape.js'
import { drawing, text, textWidth } from './svg.js'

const LEFT = 20
const HEAD = 50
const LINE = 18
const GAP = 40
/** Sentences are broken at this width where the diagram is narrower. */
const READABLE = 760

/** The order of a group as a self-contained SVG: the line that lies below another for most signers goes first. */
export function drawOrderSvg(data: OrderData): string {
  const shape = orderShape(data)
  const title = orderTitle(data)
  const parts: Part[] = [shape.columns && shape.lines.length > 0 ? lineDiagram(shape, shape.columns) : noDiagram()]
  const below = () => (parts.at(-1)?.bottom ?? 0) + GAP
  parts.push(sentences(data, shape, below()))
  for (const rows of [scoreRows, viewRows, rankRows, pairRows]) {
    const part = rows(data, shape, below())
    if (part.body.length > 0) parts.push(part)
  }
  return drawing({
    title,
    description: `Final order: ${
      data.order
        .slice(0, DRAWN.batches)
        .map((id) => shape.nameOf(id))
        .join(', ') || 'none yet'
    }. ${orderSentences(data).join(' ')}`,
    width: Math.max(...parts.map(({ width }) => width), LEFT + textWidth(title, 15)) + LEFT,
    height: (parts.at(-1)?.bottom ?? 0) + 20,
    body: [text(LEFT, 28, title, { size: 15, strong: true }), ...parts.flatMap(({ body }) => body)],
  })
}

function noDiagram(): Part {
  return {
    body: [text(LEFT, HEAD, 'The arrival orders are not known here, only the votes on pairs.', { size: 11, tone: 'faint' })],
    width: READABLE,
    bottom: HEAD,
  }
}

function sentences(data: OrderData, shape: OrderShape, top: number): Part {
  const names = data.order.slice(0, DRAWN.batches).map((id) => shape.nameOf(id))
  const more = data.order.length - names.length
  const said = names.length === 0 ? 'Order: nothing is decided yet' : `Order: ${(more > 0 ? [...names, `${more} more`] : names).join(' → ')}`
  const perLine = Math.floor(READABLE / textWidth('x'))
  const order = wrap(said, perLine)
  const lines = [...order, ...orderSentences(data).flatMap((sentence) => wrap(sentence, perLine))]
  return {
    body: lines.map((line, i) => text(LEFT, top + i * LINE, line, { strong: i < order.length })),
    width: LEFT + Math.max(...lines.map((line) => textWidth(line))),
    bottom: top + (lines.length - 1) * LINE,
  }
}
