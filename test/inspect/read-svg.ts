/** Reads a drawing back: strict XML parsing, and the box that each text takes, from its position, size, anchor and `textLength`. */
import { SaxesParser } from 'saxes'

/** A text of a drawing with the room it takes. */
export interface TextBox {
  readonly content: string
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** What a drawing holds. */
export interface ReadSvg {
  readonly names: string[]
  readonly texts: TextBox[]
  readonly titles: string[]
  readonly width: number
  readonly height: number
}

/** Parses a drawing; throws where it is not well-formed XML. */
export function readSvg(svg: string): ReadSvg {
  const parser = new SaxesParser()
  const names: string[] = []
  const texts: TextBox[] = []
  const titles: string[] = []
  const open: { name: string; attributes: Record<string, string>; content: string }[] = []
  let [width, height] = [0, 0]
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', ({ name, attributes }) => {
    names.push(name)
    open.push({ name, attributes, content: '' })
    if (open.length === 1) [width, height] = [Number(attributes['width']), Number(attributes['height'])]
  })
  parser.on('text', (content) => {
    const last = open.at(-1)
    if (last) last.content += content
  })
  parser.on('closetag', () => {
    const element = open.pop()
    if (element?.name === 'text') texts.push(boxOf(element.attributes, element.content))
    if (element?.name === 'title') titles.push(element.content)
  })
  parser.write(svg).close()
  return { names, texts, titles, width, height }
}

function boxOf(attributes: Record<string, string>, content: string): TextBox {
  const value = (name: string) => Number(attributes[name])
  const [x, y, size, length] = [value('x'), value('y'), value('font-size'), value('textLength')]
  const anchor = attributes['text-anchor'] ?? 'start'
  const left = anchor === 'start' ? x : anchor === 'end' ? x - length : x - length / 2
  return { content, left, right: left + length, top: y - size * 0.8, bottom: y + size * 0.22 }
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
