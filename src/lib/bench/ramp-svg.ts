/** A ramp, drawn: throughput to the right, latency up, a point for each step; the knee and the open loop below it stand out. */
import { drawing, mark, polyline, text } from '../inspect/svg.js'
import { axisLines, niceAbove } from './axis-svg.js'
import type { RampResult, RampStep } from './ramp.js'

const [LEFT, TOP, WIDTH, HEIGHT] = [80, 96, 620, 300]
const CURVES = [
  { name: 'p50', shape: 'disc', tone: 'line0', dash: undefined },
  { name: 'p99', shape: 'square', tone: 'line1', dash: '7 3' },
] as const
/** Labels of points nearer to one another than this would lie over one another. */
const LABEL_ROOM = 26

/** A self-contained SVG. */
export function rampSvg(result: RampResult): string {
  const { steps, knee, loaded, n, machine } = result
  const all = loaded ? [...steps, loaded] : steps
  const [right, top] = [
    niceAbove(Math.max(0, ...all.map((step) => step.perSecond))),
    niceAbove(Math.max(0, ...all.map((step) => step.latencyMs.p99))),
  ]
  const x = (step: RampStep) => LEFT + (WIDTH * step.perSecond) / right
  const y = (value: number) => TOP + HEIGHT - (HEIGHT * value) / top
  const title = knee ? `${Math.round(knee.perSecond).toLocaleString('en-US')} transactions a second at the knee` : 'Throughput against latency'
  return drawing({
    title,
    description: all
      .map((step) => `${loadOf(step)}: ${step.perSecond} a second, p50 ${step.latencyMs.p50} ms, p99 ${step.latencyMs.p99} ms`)
      .join('; '),
    width: LEFT + WIDTH + 40,
    height: TOP + HEIGHT + 56,
    body: [
      text(LEFT, 30, title, { size: 16, strong: true }),
      text(LEFT, 52, `n = ${n}, ${machine}; the numbers are clients`, { tone: 'faint' }),
      ...legend(loaded !== null),
      ...axisLines({ left: LEFT, top: TOP, width: WIDTH, height: HEIGHT, most: top, unit: 'ms' }),
      ...Array.from({ length: 5 }, (_, i) => (right * i) / 4).map((value) =>
        text(LEFT + (WIDTH * value) / right, TOP + HEIGHT + 20, value.toLocaleString('en-US'), { anchor: 'middle', tone: 'faint', size: 11 }),
      ),
      text(LEFT + WIDTH / 2, TOP + HEIGHT + 42, 'transactions a second', { anchor: 'middle', tone: 'faint', size: 11 }),
      ...(knee ? [kneeLine(x(knee))] : []),
      ...CURVES.flatMap(({ name, shape, tone, dash }) => [
        polyline(
          steps.map((step): [number, number] => [x(step), y(step.latencyMs[name])]),
          tone,
          { 'stroke-width': 2, 'stroke-dasharray': dash },
        ),
        ...steps.map((step) => mark(shape, x(step), y(step.latencyMs[name]), 4, tone, tipOf(step, name))),
        ...(loaded ? [mark('open-diamond', x(loaded), y(loaded.latencyMs[name]), 6, tone, tipOf(loaded, name))] : []),
      ]),
      ...clientLabels(steps.map((step) => ({ label: String(step.clients), x: x(step), y: y(step.latencyMs.p99) - 10 }))),
    ],
  })
}

function kneeLine(at: number): string {
  return polyline(
    [
      [at, TOP],
      [at, TOP + HEIGHT],
    ],
    'faint',
    { 'stroke-width': 1, 'stroke-dasharray': '2 3' },
  )
}

function legend(hasLoaded: boolean): string[] {
  const entries = [...CURVES, ...(hasLoaded ? [{ name: 'open loop', shape: 'open-diamond', tone: 'ink' } as const] : [])]
  return entries.flatMap(({ name, shape, tone }, i) => [
    mark(shape, LEFT + 6 + 90 * i, 72, 4, tone),
    text(LEFT + 16 + 90 * i, 76, name, { size: 11 }),
  ])
}

/** The later of two labels that would meet is left out; its point tells what it is when it is pointed at. */
function clientLabels(labels: readonly { label: string; x: number; y: number }[]): string[] {
  const shown: (typeof labels)[number][] = []
  for (const one of labels)
    if (shown.every((other) => Math.abs(other.x - one.x) > LABEL_ROOM || Math.abs(other.y - one.y) > LABEL_ROOM / 2)) shown.push(one)
  return shown.map(({ label, x, y }) => text(x, y, label, { anchor: 'middle', size: 11, halo: true }))
}

function loadOf({ clients, rate }: RampStep): string {
  return clients === null ? `${Math.round(rate)} a second` : `${clients} clients`
}

function tipOf(step: RampStep, name: 'p50' | 'p99'): string {
  return `${loadOf(step)}: ${step.perSecond} a second, ${name} ${step.latencyMs[name]} ms`
}
