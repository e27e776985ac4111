/** The latencies of a benchmark, drawn: how long which share of the transactions took. */
import { drawing, mark, polyline, text } from '../inspect/svg.js'
import { axisLines, niceAbove } from './axis-svg.js'
import type { BenchResult } from './bench.js'

const [LEFT, TOP, WIDTH, HEIGHT] = [70, 84, 620, 260]
const SHARES = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p99', 0.99],
  ['p999', 0.999],
] as const
const NAMES: Record<string, string> = { p50: '50 %', p90: '90 %', p99: '99 %', p999: '99.9 %' }

/** A self-contained SVG. Shares to the right, so that each step is ten times as rare; time up, from 0. */
export function benchSvg(result: BenchResult): string {
  const { latencyMs, n, machine, perSecond, fastShare } = result
  const top = niceAbove(latencyMs.p999)
  const x = (share: number) => LEFT + (WIDTH * Math.log10(1 / (1 - share))) / 3.2
  const y = (value: number) => TOP + HEIGHT - (HEIGHT * Math.min(value, top)) / top
  const points = SHARES.map(([name, share]) => ({ name, x: x(share), y: y(latencyMs[name]), value: latencyMs[name] }))
  return drawing({
    title: `Latency at ${Math.round(perSecond)} transactions a second`,
    description: SHARES.map(([name]) => `${NAMES[name]} within ${latencyMs[name]} ms`).join(', '),
    width: LEFT + WIDTH + 40,
    height: TOP + HEIGHT + 50,
    body: [
      text(LEFT, 30, `${Math.round(perSecond).toLocaleString('en-US')} transactions a second`, { size: 16, strong: true }),
      text(LEFT, 52, `n = ${n}, ${machine}, ${Math.round(100 * fastShare)} % decided in the fast phase`, { tone: 'faint' }),
      ...axisLines({ left: LEFT, top: TOP, width: WIDTH, height: HEIGHT, most: top, unit: 'ms' }),
      polyline([[LEFT, y(latencyMs.p50)], ...points.map((point): [number, number] => [point.x, point.y])], 'line0', { 'stroke-width': 2.5 }),
      ...points.flatMap((point) => [
        mark('disc', point.x, point.y, 4, 'line0', `${NAMES[point.name]}: ${point.value} ms`),
        text(point.x, point.y - 13, `${Number(point.value.toPrecision(3))} ms`, { anchor: 'middle', size: 11, halo: true }),
        text(point.x, TOP + HEIGHT + 20, NAMES[point.name] ?? '', { anchor: 'middle', size: 11 }),
      ]),
      text(LEFT + WIDTH / 2, TOP + HEIGHT + 40, 'share of the transactions that were executed within', { anchor: 'middle', tone: 'faint', size: 11 }),
    ],
  })
}
