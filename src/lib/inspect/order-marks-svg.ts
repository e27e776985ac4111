/** How a batch looks in the drawings of an order: the colour, dash and mark of its line, the same in every part of the drawing. */
import type { OrderLine } from './order-shape.js'
import { DASHES, type Ink, mark, polyline, SHAPES, type Shape, text } from './svg.js'

/** A part of a drawing: what is in it, how wide it is, and where it ends. */
export interface Part {
  readonly body: readonly string[]
  readonly width: number
  readonly bottom: number
}

/** The colour of a batch's line. */
export function inkOf({ line }: OrderLine): Ink {
  return `line${line % 7}`
}

/** The mark of a batch's line. */
export function shapeOf({ line }: OrderLine): Shape {
  return SHAPES[line % SHAPES.length] ?? 'disc'
}

/** The dashes of a batch's line. */
export function dashOf({ line }: OrderLine): string | undefined {
  return DASHES[line % DASHES.length]
}

/** A short piece of a batch's line with its mark. */
export function sample(line: OrderLine, x: number, y: number): string {
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

/** A batch's name beside its mark, at the height of the mark's middle. */
export function nameOf(line: OrderLine, x: number, y: number): string {
  return text(x, y + 4, line.name, { strong: true, tone: inkOf(line) })
}
