/**
 * Measures in the simulator what latency and throughput tree, star and mesh reach over a wide area, and writes table and chart for docs/measurements.md.
 * `node --import tsx scripts/scale-table.ts [N…] [SHAPE…]` measures these (all of 1,023 takes some minutes of a core and 3 GB), keeps the figures in
 * scale-table.json beside it, and writes; without arguments it only writes. Repeatable: virtual time, fixed seed.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CALM, type Scenario } from '../src/lib/simulator/scenario.js'
import { type Result, simulate } from '../src/lib/simulator/simulate.js'
import { type ScaleRow, SHAPES, type ShapeName, scaleSvg } from './scale-chart.js'

const place = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const [BEGIN, END] = ['<!-- scale: begin -->', '<!-- scale: end -->']
const FIGURES = place('scale-table.json')
const PAGE = place('../docs/measurements.md')
const CHART = place('../docs/images/scale.svg')
const SIZES = [31, 127, 511, 1023]

/** Six regions, 100 Mbit/s, what `musig bench` measured of blst on one core, 100 transactions in a batch. */
const WIDE: Scenario = {
  ...CALM,
  regions: 6,
  wideArea: true,
  delay: '0-2',
  bandwidth: 100,
  signMs: 0.65,
  verifyMs: 1.9,
  messageMs: 0.05,
  windowMs: 200,
  bundle: 100,
}
const SETTINGS: Record<ShapeName, Partial<Scenario>> = {
  'tree, random': { topology: 'tree', tree: 'random' },
  'tree, regional': { topology: 'tree', tree: 'regional' },
  star: { topology: 'star' },
  mesh: { topology: 'mesh' },
}

/** Batches under way and turns. Where one batch is a million messages, or each signer one of a thousand, one at a time has to do. */
function loadOf(n: number, shape: ShapeName): Pick<Scenario, 'load' | 'turns'> {
  return n > 511 || (shape === 'mesh' && n > 127) ? { load: 1, turns: 2 } : { load: 8, turns: 4 }
}

function run(scenario: Scenario): Result {
  const result = simulate(scenario, { countBytes: false })
  if (result.verdict !== 'ok') throw new Error(`${result.verdict}: ${result.command}`)
  return result
}

function measured(n: number, shape: ShapeName): ScaleRow {
  const scenario = { ...WIDE, n, ...SETTINGS[shape] }
  const { load, turns } = loadOf(n, shape)
  const many = run({ ...scenario, load, turns })
  const alone = load === 1 ? many : run({ ...scenario, load: 1, turns: 2 })
  if (!many.load) throw new Error(`nothing measured: ${many.command}`)
  const { latencyMs, p95Ms, txsPerSecond, uplinkMbit, cpuShare } = many.load
  const most = (costs: { workMs: number; bytes: number }, { batches }: Result) => mostOf(scenario, costs, batches.executed)
  const row = { n, shape, load, latencyMs, p95Ms, txsPerSecond, uplinkMbit, cpuShare }
  return { ...row, all: most(many.perSigner, many), one: most(alone.busiest, alone) }
}

/** Transactions a second at which the core or the uplink that a number of batches cost so much has nothing left. */
function mostOf({ bandwidth, bundle }: Scenario, { workMs, bytes }: { workMs: number; bytes: number }, batches: number): ScaleRow['all'] {
  const core = (1000 * batches) / workMs
  const uplink = (bandwidth * 1e6 * batches) / (8 * bytes)
  return { txsPerSecond: bundle * Math.min(core, uplink), by: core < uplink ? 'core' : 'uplink' }
}

function of(value: number): string {
  return (value >= 100 ? Math.round(value) : Math.round(value * 10) / 10).toLocaleString('en-US')
}

function table(rows: readonly ScaleRow[]): string {
  const head = ['n', 'shape', 'under way', 'p50 ms', 'p95 ms', 'tx/s', 'uplink Mbit/s', 'core %', 'at most, all, tx/s', 'at most, one, tx/s']
  const lines = rows.map(({ n, shape, load, latencyMs, p95Ms, txsPerSecond, uplinkMbit, cpuShare, all, one }) => [
    String(n),
    shape,
    String(load),
    of(latencyMs),
    of(p95Ms),
    of(txsPerSecond),
    of(uplinkMbit),
    of(100 * cpuShare),
    `${of(all.txsPerSecond)} (${all.by})`,
    `${of(one.txsPerSecond)} (${one.by})`,
  ])
  return [head, head.map((_, i) => (i === 1 ? '---' : '--:')), ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

function kept(): ScaleRow[] {
  return existsSync(FIGURES) ? (JSON.parse(readFileSync(FIGURES, 'utf8')) as ScaleRow[]) : []
}

function keep(row: ScaleRow): void {
  const rank = ({ n, shape }: ScaleRow) => n * 10 + SHAPES.indexOf(shape)
  const others = kept().filter((other) => rank(other) !== rank(row))
  writeFileSync(
    FIGURES,
    `${JSON.stringify(
      [...others, row].sort((a, b) => rank(a) - rank(b)),
      null,
      2,
    )}\n`,
  )
}

const words = process.argv.slice(2)
const sizes = SIZES.filter((n) => words.includes(String(n)))
const shapes = SHAPES.filter((shape) => words.includes(shape))
for (const n of sizes) for (const shape of shapes.length > 0 ? shapes : SHAPES) keep(measured(n, shape))
const rows = kept()
const text = readFileSync(PAGE, 'utf8')
const [before, after] = [text.indexOf(BEGIN), text.indexOf(END)]
if (before < 0 || after < 0) throw new Error(`docs/measurements.md has no ${BEGIN} … ${END}`)
writeFileSync(PAGE, `${text.slice(0, before)}${BEGIN}\n${table(rows)}\n${text.slice(after)}`)
writeFileSync(CHART, scaleSvg(rows))
console.log(`wrote ${PAGE} and ${CHART}`)
