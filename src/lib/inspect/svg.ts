/**
 * A small SVG writer: one style sheet for light and dark, the marks and dashes of all drawings. Elements and escaping are `markup`’s.
 * Every text carries its `textLength`, so that whatever font the viewer has, it takes the room that the layout gave it.
 */
import { columns, type Tone } from './lines.js'
import { type Attributes, element, escapeXml, round } from './markup.js'

/** A tone of the text drawings, or one of the seven line colours `line0` … `line6`. */
export type Ink = Exclude<Tone, 'strong'> | `line${number}`

/** The light and the dark value of each tone. */
// The lines' colours follow Okabe and Ito, darkened or lightened until they read on their ground.
export const PALETTE = {
  ink: ['#1f2328', '#e6edf3'],
  faint: ['#5b636c', '#9da7b1'],
  rule: ['#d0d7de', '#373e47'],
  paper: ['#ffffff', '#0d1117'],
  good: ['#1a7f37', '#3fb950'],
  warn: ['#8a5300', '#e3a008'],
  bad: ['#c9242f', '#ff7b72'],
  info: ['#0969da', '#58a6ff'],
  line0: ['#0060a8', '#56b4e9'],
  line1: ['#b34a00', '#ff9a4d'],
  line2: ['#00735a', '#2fd1a5'],
  line3: ['#a03d78', '#f29fd0'],
  line4: ['#7a5c00', '#e8c547'],
  line5: ['#5b3fb8', '#b39dff'],
  line6: ['#b3202c', '#ff8a80'],
} as const satisfies Record<string, readonly [light: string, dark: string]>
const COLUMN = 0.602
const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"

const rules = (side: 0 | 1) =>
  Object.entries(PALETTE)
    .map(([name, value]) => `.mp-f-${name}{fill:${value[side]}}.mp-s-${name}{stroke:${value[side]}}`)
    .join('')
const HALO = '.mp-halo{paint-order:stroke;stroke-width:3px;stroke-linejoin:round}'
const STYLE = `${HALO}${rules(0)}@media (prefers-color-scheme:dark){${rules(1)}}`

/** Width in pixels of a text at a font size. */
export function textWidth(content: string, size = 12): number {
  return columns(content) * COLUMN * size
}

/** How a text stands at its point. */
export interface TextStyle {
  readonly size?: number
  readonly tone?: Ink
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly strong?: boolean
  readonly halo?: boolean
}

/** A text with its baseline at (x, y). */
export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { size = 12, tone = 'ink', anchor = 'start', strong = false, halo = false } = style
  if (content === '') return ''
  return element(
    'text',
    {
      x,
      y,
      class: `mp-f-${tone}${halo ? ' mp-halo mp-s-paper' : ''}`,
      'font-size': size,
      'font-weight': strong ? 'bold' : undefined,
      'text-anchor': anchor === 'start' ? undefined : anchor,
      textLength: textWidth(content, size),
      lengthAdjust: 'spacingAndGlyphs',
    },
    escapeXml(content),
  )
}

/** A straight or broken line through points. */
export function polyline(points: readonly (readonly [number, number])[], tone: Ink | 'rule' | 'paper', more: Attributes = {}): string {
  const path = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${round(x)},${round(y)}`).join('')
  return element('path', { d: path, class: `mp-s-${tone}`, fill: 'none', stroke: '#555', 'stroke-width': 1.5, ...more })
}

/** The shapes that tell lines, states and signers apart without colour; the first twelve lines of a diagram differ in shape alone. */
export const SHAPES = ['disc', 'square', 'diamond', 'up', 'ring', 'down', 'cross', 'box', 'plus', 'open-diamond', 'open-up', 'open-down'] as const

/** One of the shapes. */
export type Shape = (typeof SHAPES)[number]

/** The dashes that tell lines apart without colour; five dashes and twelve shapes give sixty different lines. */
export const DASHES = [undefined, '7 3', '2 3', '10 3 2 3', '5 2'] as const

const DIAMOND = 'M0,-1.2L1.2,0L0,1.2L-1.2,0Z'
const UP = 'M-1,0.8L1,0.8L0,-1.1Z'
const DOWN = 'M-1,-0.8L1,-0.8L0,1.1Z'
const SQUARE = 'M-0.8,-0.8L0.8,-0.8L0.8,0.8L-0.8,0.8Z'

// Outlines for a radius of 1, and how each is drawn: filled, hollow, or as strokes only.
const OUTLINES: Record<Shape, readonly ['filled' | 'hollow' | 'strokes', string]> = {
  disc: ['filled', ''],
  square: ['filled', SQUARE],
  diamond: ['filled', DIAMOND],
  up: ['filled', UP],
  ring: ['hollow', ''],
  down: ['filled', DOWN],
  cross: ['strokes', 'M-0.8,-0.8L0.8,0.8M-0.8,0.8L0.8,-0.8'],
  box: ['hollow', SQUARE],
  plus: ['strokes', 'M-1,0L1,0M0,-1L0,1'],
  'open-diamond': ['hollow', DIAMOND],
  'open-up': ['hollow', UP],
  'open-down': ['hollow', DOWN],
}

/** A mark of radius r round (x, y); `tip` is what a viewer shows when pointed at. */
export function mark(shape: Shape, x: number, y: number, r: number, tone: Ink, tip?: string): string {
  const [kind, outline] = OUTLINES[shape]
  const children = tip === undefined ? [] : [element('title', {}, escapeXml(tip))]
  const look = {
    filled: { class: `mp-f-${tone} mp-s-paper`, 'stroke-width': 0.5 },
    hollow: { class: `mp-f-paper mp-s-${tone}`, stroke: '#555', 'stroke-width': Math.max(1.2, r * 0.35) },
    strokes: { class: `mp-s-${tone}`, fill: 'none', stroke: '#555', 'stroke-width': Math.max(1.6, r * 0.5) },
  }[kind]
  if (outline === '') return element('circle', { cx: x, cy: y, r: kind === 'hollow' ? r * 0.85 : r, ...look }, ...children)
  const numbers = outline.replace(
    /(-?[\d.]+),(-?[\d.]+)/g,
    (_, dx: string, dy: string) => `${round(x + Number(dx) * r)},${round(y + Number(dy) * r)}`,
  )
  return element('path', { d: numbers, ...look }, ...children)
}

/** A rectangle, filled, with an outline where `stroke` is given; `tip` is what a viewer shows when pointed at. */
export function box(
  x: number,
  y: number,
  width: number,
  height: number,
  look: { fill: Ink | 'paper'; stroke?: Ink; dash?: string; tip?: string },
): string {
  const { fill, stroke, dash, tip } = look
  const children = tip === undefined ? [] : [element('title', {}, escapeXml(tip))]
  const outline = stroke === undefined ? {} : { stroke: '#555', 'stroke-width': 1.5, 'stroke-dasharray': dash }
  const tones = `mp-f-${fill}${stroke === undefined ? '' : ` mp-s-${stroke}`}`
  return element('rect', { x, y, width: Math.max(0.75, width), height, class: tones, fill: '#ddd', ...outline }, ...children)
}

/** A horizontal bar filled to value/total with a tick at `at`, the quorum. */
export function quorumBar(x: number, y: number, width: number, height: number, value: number, at: number, total: number): string {
  const enough = value >= at
  const tick = x + (width * at) / total
  return [
    element('rect', { x, y, width, height, class: 'mp-f-rule', fill: '#ddd' }),
    element('rect', { x, y, width: (width * Math.min(value, total)) / total, height, class: `mp-f-${enough ? 'good' : 'warn'}` }),
    polyline(
      [
        [tick, y - 4],
        [tick, y + height + 4],
      ],
      'ink',
      { 'stroke-width': 2 },
    ),
  ].join('')
}

/** A finished, self-contained drawing: `title` and `description` are what a screen reader says. */
export function drawing(parts: { title: string; description: string; width: number; height: number; body: readonly string[] }): string {
  const width = Math.ceil(parts.width)
  const height = Math.ceil(parts.height)
  const svg = element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'font-family': FONT },
    element('title', {}, escapeXml(parts.title)),
    element('desc', {}, escapeXml(parts.description)),
    element('style', {}, STYLE),
    element('rect', { width, height, class: 'mp-f-paper', fill: '#fff' }),
    ...parts.body.filter((part) => part !== '').map((part) => `\n${part}`),
  )
  return `${svg}\n`
}
