/** What the drawings of benchmarks share: the lines of an axis from 0 to a round value. */
import { polyline, text } from '../inspect/svg.js'

/** Where an axis stands, and its highest value. */
export interface Axis {
  left: number
  top: number
  width: number
  height: number
  most: number
  unit: string
}

/** Five lines across, each with its value to the left. */
export function axisLines({ left, top, width, height, most, unit }: Axis): string[] {
  return Array.from({ length: 5 }, (_, i) => i / 4).flatMap((share) => {
    const y = top + height - height * share
    return [
      polyline(
        [
          [left, y],
          [left + width, y],
        ],
        'rule',
        { 'stroke-width': 1 },
      ),
      text(left - 8, y + 4, `${Number((most * share).toPrecision(3))} ${unit}`, { anchor: 'end', tone: 'faint', size: 11 }),
    ]
  })
}

/** The next of 1, 2, 5, 10 … above. */
export function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 0.001)))
  return ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10) * power
}
