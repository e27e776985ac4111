/** Reads a drawing back: strict XML parsing, and the box that each text takes, from its position, size, anchor and `textLength`. */
import { SaxesParser } from 'saxes'

/** A text of a drawing with the room it takes, and its place among all that is drawn; one with a halo stands out from what lies below it. */
export interface TextBox {
  readonly content: string
  readonly order: number
  readonly halo: boolean
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** A straight piece of a line, and its place among all that is drawn. */
interface Segment {
  readonly order: number
  readonly from: readonly [number, number]
  readonly to: readonly [number, number]
}

/** What a drawing holds. */
export interface ReadSvg {
  readonly names: string[]
  readonly texts: TextBox[]
  readonly segments: Segment[]
  readonly titles: string[]
  readonly width: number
  readonly height: number
}

/** Parses a drawing; throws where it is not well-formed XML. */
export function readSvg(svg: string): ReadSvg {
  const parser = new SaxesParser()
  const names: string[] = []
  const texts: TextBox[] = []
  const segments: Segment[] = []
  const titles: string[] = []
  const open: { name: string; attributes: Record<string, string>; content: string }[] = []
  let [width, height] = [0, 0]
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', ({ name, attributes }) => {
    names.push(name)
    if (name === 'path') segments.push(...segmentsOf(attributes, names.length))
    open.push({ name, attributes, content: '' })
    if (open.length === 1) [width, height] = [Number(attributes['width']), Number(attributes['height'])]
  })
  parser.on('text', (content) => {
    const last = open.at(-1)
    if (last) last.content += content
  })
  parser.on('closetag', () => {
    const element = open.pop()
    if (element?.name === 'text') texts.push(boxOf(element.attributes, element.content, names.length))
    if (element?.name === 'title') titles.push(element.content)
  })
  parser.write(svg).close()
  return { names, texts, segments, titles, width, height }
}

/** The pieces of an open line; marks are closed or filled. */
function segmentsOf({ d = '', fill }: Record<string, string>, order: number): Segment[] {
  if (fill !== 'none' || d.includes('Z')) return []
  return d.split('M').flatMap((line) => {
    const points = [...line.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const)
    return points.slice(1).map((to, i) => ({ order, from: points[i] ?? to, to }))
  })
}

function boxOf(attributes: Record<string, string>, content: string, order: number): TextBox {
  const value = (name: string) => Number(attributes[name])
  const [x, y, size, length] = [value('x'), value('y'), value('font-size'), value('textLength')]
  const anchor = attributes['text-anchor'] ?? 'start'
  const left = anchor === 'start' ? x : anchor === 'end' ? x - length : x - length / 2
  return {
    content,
    order,
    halo: (attributes['class'] ?? '').includes('mp-halo'),
    left,
    right: left + length,
    top: y - size * 0.8,
    bottom: y + size * 0.22,
  }
}

/** Every pair of texts that overlap, and every text that leaves the drawing, in words. */
export function overlaps({ texts, width, height }: ReadSvg): string[] {
  const outside = texts.filter(({ left, right, top, bottom }) => !(left >= 0 && right <= width && top >= 0 && bottom <= height))
  const crossing = texts.flatMap((a, i) =>
    texts
      .slice(i + 1)
      .filter((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
      .map((b) => `"${a.content}" overlaps "${b.content}"`),
  )
  return [...outside.map(({ content }) => `"${content}" leaves the drawing`), ...crossing]
}

/** How far a line may run into the room of a text before it crosses it: the room is a little larger than the letters. */
const MARGIN = 1.5

/** Every text that a line runs through, in words; one with a halo is crossed only by what is drawn after it. */
export function crossedOut({ texts, segments }: ReadSvg): string[] {
  return texts
    .filter((text) => segments.some((segment) => (!text.halo || segment.order > text.order) && crosses(segment, text)))
    .map(({ content }) => `a line runs through "${content}"`)
}

/** Whether a part of the segment lies inside the text's room (Liang and Barsky). */
function crosses({ from: [x0, y0], to: [x1, y1] }: Segment, { left, right, top, bottom }: TextBox): boolean {
  let [enter, leave] = [0, 1]
  const sides: [number, number][] = [
    [x0 - x1, x0 - (left + MARGIN)],
    [x1 - x0, right - MARGIN - x0],
    [y0 - y1, y0 - (top + MARGIN)],
    [y1 - y0, bottom - MARGIN - y0],
  ]
  for (const [step, room] of sides) {
    if (step === 0 && room < 0) return false
    if (step < 0) enter = Math.max(enter, room / step)
    if (step > 0) leave = Math.min(leave, room / step)
  }
  return enter < leave
}
