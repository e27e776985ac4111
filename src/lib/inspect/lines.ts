/** Text for a terminal: lines of toned pieces, made harmless, cut to a width, painted only where asked. Also short ids and padding, which the SVG drawings share. */
import stringWidth from 'string-width'
import { DRAWN } from './data.js'

/** How to print: with colour codes or without any, and to how many columns lines are cut. */
export interface TextOptions {
  readonly color: boolean
  readonly width: number
}

/** What a piece of text means; colour only repeats what a mark or a word says. */
export type Tone = 'ink' | 'strong' | 'faint' | 'good' | 'warn' | 'bad' | 'info'

/** A piece of a line: text, or text with a tone or an ANSI colour number (30–37). */
export type Piece = string | readonly [Tone | number, string]

/** One printed line. */
export type Line = readonly Piece[]

const CODES: Record<Tone, number | undefined> = { ink: undefined, strong: 1, faint: 2, good: 32, warn: 33, bad: 31, info: 36 }

// Control, format and unassigned characters, lone surrogates and line separators: what could move the cursor, turn the text round or break XML.
const HARMFUL = /[\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Co}\p{Zl}\p{Zp}]/gu

/** The text with every character that could steer a terminal or break XML replaced by U+FFFD. */
export function plain(text: string): string {
  return text.replace(HARMFUL, '\ufffd')
}

/** Columns that a text takes in a terminal. */
export function columns(text: string): number {
  return stringWidth(plain(text))
}

/** The text cut to so many columns, the last one an ellipsis where something was cut. */
export function cut(text: string, width: number): string {
  const safe = plain(text)
  if (stringWidth(safe) <= width) return safe
  let taken = ''
  let used = 0
  for (const { segment } of new Intl.Segmenter().segment(safe)) {
    used += stringWidth(segment)
    if (used > width - 1) break
    taken += segment
  }
  return width < 1 ? '' : `${taken}…`
}

/** The text with spaces after it (or before it) up to so many columns. */
export function pad(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - columns(text)))
  return side === 'left' ? text + space : space + text
}

/** The lines as one text that ends in a newline, each cut to the width; without `color` it holds no escape codes at all. */
export function printLines(lines: readonly Line[], options: TextOptions): string {
  return lines.map((line) => `${printLine(line, options)}\n`).join('')
}

function printLine(line: Line, { color, width }: TextOptions): string {
  const total = line.reduce((sum, piece) => sum + columns(textOf(piece)), 0)
  let room = total <= width ? Number.POSITIVE_INFINITY : width
  let printed = ''
  for (const piece of line) {
    if (room <= 0) break
    const whole = plain(textOf(piece))
    // A piece that just fits would hide that the next one is missing, so the last column is kept for the ellipsis.
    const text = columns(whole) < room ? whole : cut(`${whole} `, room)
    room -= columns(text) + (text === whole ? 0 : room)
    printed += paint(text, typeof piece === 'string' ? 'ink' : piece[0], color)
  }
  return printed.trimEnd()
}

function textOf(piece: Piece): string {
  return typeof piece === 'string' ? piece : piece[1]
}

function paint(text: string, tone: Tone | number, color: boolean): string {
  const code = typeof tone === 'number' ? tone : CODES[tone]
  return color && code !== undefined && text.trim() !== '' ? `\u001b[${code}m${text}\u001b[0m` : text
}

/** Words broken into lines of at most so many columns. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of plain(text).split(' ')) {
    if (line !== '' && columns(line) + 1 + columns(word) > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

/** The first 8 hex digits of an id, the whole of a short one, the beginning of any other. */
export function shortId(id: string, width = 8): string {
  return /^[0-9a-f]+$/.test(id) ? id.slice(0, width) : cut(id, width)
}

/** Short names for ids that are shown together: as short as `shortId`, longer where two would look alike. */
export function shortIds(ids: readonly string[]): (id: string) => string {
  const names = new Map<string, string>()
  const name = (alike: readonly string[], width: number): void => {
    const groups = new Map<string, string[]>()
    for (const id of alike) {
      const group = groups.get(shortId(id, width))
      if (group) group.push(id)
      else groups.set(shortId(id, width), [id])
    }
    for (const [short, group] of groups) {
      if (group.length > 1 && width < DRAWN.idColumns) name(group, width + 1)
      else for (const [i, id] of group.entries()) names.set(id, i === 0 ? short : `${short}~${i + 1}`)
    }
  }
  name([...new Set(ids)], 8)
  return (id) => names.get(id) ?? shortId(id)
}

/** A bar of so many columns, filled to a share of `total`, with the column of `mark` shown by a line. */
export function bar(value: number, mark: number, total: number, width: number): { readonly filled: string; readonly rest: string } {
  const at = Math.min(width - 1, Math.max(0, Math.ceil((mark / total) * width) - 1))
  const end = Math.round((Math.min(value, total) / total) * width)
  const cells = Array.from({ length: width }, (_, i) => {
    if (i === at) return value >= mark ? '┃' : '│'
    return i < end ? '█' : '░'
  })
  return { filled: cells.slice(0, end).join(''), rest: cells.slice(end).join('') }
}

/** Milliseconds as people read them: "0.42 ms", "4.2 ms", "340 ms". */
export function milliseconds(value: number): string {
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : Number(value.toPrecision(2))} ms`
}

/** "1 signer", "2 signers". */
export function count(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? '' : 's'}`
}
