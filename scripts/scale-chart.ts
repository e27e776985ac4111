/** The figures of scale-table.ts, drawn: latency and throughput against the number of signers, one line for each shape. */
import { DASHES, drawing, type Ink, mark, polyline, type Shape, text } from '../src/lib/inspect/svg.js'

/** The shapes that are compared. */
export const SHAPES = ['tree, random', 'tree, regional', 'star', 'mesh'] as const
export type ShapeName = (typeof SHAPES)[number]

/** What a run showed, and what it costs at most: of all signers in turn, or of one that initiates everything. */
export interface ScaleRow {
  n: number
  shape: ShapeName
  load: number
  latencyMs: number
  p95Ms: number
  txsPerSecond: number
  uplinkMbit: number
  cpuShare: number
  all: { txsPerSecond: number; by: 'core' | 'uplink' }
  one: { txsPerSecond: number; by: 'core' | 'uplink' }
}

interface Panel {
  title: string
  of(row: ScaleRow): number
  /** The powers of ten between which it is drawn, and those in between that have a line. */
  marks: readonly number[]
}

const PANELS: readonly Panel[] = [
  { title: 'latency, median, ms', of: (row) => row.latencyMs, marks: [100, 200, 500, 1000, 2000, 5000] },
  { title: 'tx/s at most, all signers initiate', of: (row) => row.all.txsPerSecond, marks: [100, 1000, 10_000, 100_000] },
  { title: 'tx/s at most, one initiates', of: (row) => row.one.txsPerSecond, marks: [10, 100, 1000, 10_000, 100_000] },
]
const LOOKS: Record<ShapeName, { tone: Ink; shape: Shape; dash: string | undefined }> = {
  'tree, random': { tone: 'line0', shape: 'disc', dash: DASHES[0] },
  'tree, regional': { tone: 'line2', shape: 'square', dash: DASHES[1] },
  star: { tone: 'line1', shape: 'up', dash: DASHES[2] },
  mesh: { tone: 'line3', shape: 'diamond', dash: DASHES[3] },
}
const [LEFT, TOP, WIDTH, HEIGHT, GAP] = [78, 96, 230, 220, 88]

/** A self-contained SVG. Both ways logarithmic. */
export function scaleSvg(rows: readonly ScaleRow[]): string {
  const sizes = [...new Set(rows.map(({ n }) => n))]
  return drawing({
    title: 'Tree, star and mesh over a wide area',
    description: rows
      .map(
        ({ n, shape, latencyMs, all, one }) =>
          `${n} ${shape}: ${rounded(latencyMs)} ms, ${rounded(all.txsPerSecond)} and ${rounded(one.txsPerSecond)} tx/s`,
      )
      .join('; '),
    width: LEFT + PANELS.length * (WIDTH + GAP) - GAP + 24,
    height: TOP + HEIGHT + 56,
    body: [
      text(LEFT - 58, 30, 'Tree, star and mesh over a wide area', { size: 16, strong: true }),
      ...SHAPES.flatMap((shape, i) => legend(shape, LEFT - 58 + i * 170)),
      ...PANELS.flatMap((panel, i) => drawn(panel, LEFT + i * (WIDTH + GAP), rows, sizes)),
    ],
  })
}

function legend(shape: ShapeName, x: number): string[] {
  const { tone, shape: look, dash } = LOOKS[shape]
  const line: [number, number][] = [
    [x, 52],
    [x + 32, 52],
  ]
  return [polyline(line, tone, { 'stroke-width': 2, 'stroke-dasharray': dash }), mark(look, x + 16, 52, 4, tone), text(x + 40, 56, shape)]
}

function drawn({ title, of, marks }: Panel, left: number, rows: readonly ScaleRow[], sizes: readonly number[]): string[] {
  const [low, high] = [Math.log(marks[0] ?? 1), Math.log(marks.at(-1) ?? 10)]
  const [first, last] = [Math.log(sizes[0] ?? 1), Math.log(sizes.at(-1) ?? 10)]
  const x = (n: number) => left + 12 + ((WIDTH - 24) * (Math.log(n) - first)) / Math.max(1, last - first)
  const y = (value: number) => TOP + HEIGHT - (HEIGHT * (Math.log(value) - low)) / (high - low)
  const across = (value: number): [number, number][] => [
    [left, y(value)],
    [left + WIDTH, y(value)],
  ]
  return [
    text(left, TOP - 12, title, { strong: true }),
    ...marks.flatMap((value) => [
      polyline(across(value), 'rule', { 'stroke-width': 1 }),
      text(left - 8, y(value) + 4, value.toLocaleString('en-US'), { anchor: 'end', tone: 'faint', size: 11 }),
    ]),
    ...sizes.map((n) => text(x(n), TOP + HEIGHT + 18, String(n), { anchor: 'middle', size: 11 })),
    text(left + WIDTH / 2, TOP + HEIGHT + 38, 'signers', { anchor: 'middle', tone: 'faint', size: 11 }),
    ...SHAPES.flatMap((shape) => {
      const { tone, shape: look, dash } = LOOKS[shape]
      const own = rows.filter((row) => row.shape === shape)
      const points = own.map((row): [number, number] => [x(row.n), y(of(row))])
      return [
        polyline(points, tone, { 'stroke-width': 2, 'stroke-dasharray': dash }),
        ...own.map((row) => mark(look, x(row.n), y(of(row)), 4.5, tone, `${shape}, n = ${row.n}: ${rounded(of(row))}`)),
      ]
    }),
  ]
}

function rounded(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US')
}
