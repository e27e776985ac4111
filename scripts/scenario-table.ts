/**
 * Runs the simulator's scenarios over sizes and tolerances, keeps what came of them as lines of JSON, and makes docs/scenarios.md of these: what held,
 * over how many seeds. A run that was broken off goes on where it stopped. Every row is repeated by one `musig sim sweep`, which the page names.
 *
 *   node --import tsx scripts/scenario-table.ts --out /tmp/table.jsonl [--workers 2] [--minutes 60] [--scale 0.1] [--sizes 4,7]
 *   node --import tsx scripts/scenario-table.ts --out /tmp/table.jsonl --page docs/scenarios.md
 */
import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { boundsOf, parseTolerance } from '../src/lib/core/manifest.js'
import { CALM, LIES, type Scenario } from '../src/lib/simulator/scenario.js'
import { simulate, type Verdict } from '../src/lib/simulator/simulate.js'
import { SweepSum, sweptScenario } from '../src/lib/simulator/sweep.js'

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'scenario-table.jsonl' },
    workers: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '600' },
    scale: { type: 'string', default: '1' },
    sizes: { type: 'string', default: '4,5,7,10,13,16,31' },
    share: { type: 'string' },
    page: { type: 'string' },
  },
})

interface Row {
  what: string
  base: Scenario
  seeds: number
}

/** Seeds that one process runs at a stretch; `first` is the first of them. */
interface Chunk {
  row: Row
  first: number
  count: number
}

/** What came of a chunk: one line of the file. */
interface Outcome {
  commit: string
  command: string
  first: number
  count: number
  verdicts: Record<Verdict, number>
  executed: number
  fast: number
  failures: string[]
}

const SEEDS: Record<number, number> = { 4: 900, 5: 800, 7: 550, 10: 300, 13: 200, 16: 100, 31: 15 }
const TOLERANCES = ['1/2', '3/5', '2/3', '3/4']
const SEEDS_OF_A_LIE = 300

/** Faults for each size and tolerance; liars up to f_a in full asynchrony, and up to f_s under the guard; each lie by itself. */
function rows(): Row[] {
  const scale = Number(values.scale)
  const counted = (seeds: number) => Math.max(1, Math.round(scale * seeds))
  const sized = (size: string, tolerance: string) => {
    const n = Number(size)
    return { base: { ...CALM, n, tolerance, txs: 5 }, bounds: boundsOf(n, parseTolerance(tolerance)), seeds: counted(SEEDS[n] ?? 1) }
  }
  const all: Row[] = []
  for (const size of values.sizes.split(','))
    for (const tolerance of TOLERANCES) {
      const { base, bounds, seeds } = sized(size, tolerance)
      all.push({ what: 'faults, no liars', base, seeds })
      const { asyncByzantineBound: few, syncByzantineBound: many } = bounds
      if (few > 0) all.push({ what: 'f_a liars that see everything', base: { ...base, liars: few, lie: 'collude' }, seeds })
      if (few > 0) all.push({ what: 'f_a liars, a lie each', base: { ...base, liars: few }, seeds })
      all.push({ what: 'guard, f_s liars that see everything', base: { ...base, liars: many, lie: 'collude', deltaMs: 50 }, seeds })
    }
  const one = sized('7', '1/2').base
  for (const lie of LIES.filter((name) => name !== 'any' && name !== 'collude'))
    all.push({ what: `one liar: ${lie}`, base: { ...one, liars: 1, lie }, seeds: counted(SEEDS_OF_A_LIE) })
  return all
}

function commandOf({ base, seeds }: Row): string {
  const liars = base.liars > 0 ? ` --liars ${base.liars} --lie ${base.lie}` : ''
  const guard = base.deltaMs > 0 ? ` --delta-ms ${base.deltaMs}` : ''
  return `musig sim sweep -n ${base.n} --tolerance ${base.tolerance} --seeds ${seeds}${liars}${guard}`
}

/** All chunks, a few seeds of every row first, so that a run that is broken off has looked at everything. */
function chunks(): Chunk[] {
  const all = rows().flatMap((row) => {
    const size = row.base.n > 20 ? 3 : 25
    return Array.from({ length: Math.ceil(row.seeds / size) }, (_, i) => ({
      row,
      first: 1 + i * size,
      count: Math.min(size, row.seeds - i * size),
      share: i / Math.ceil(row.seeds / size),
    }))
  })
  return all.sort((a, b) => a.share - b.share)
}

function outcomes(): Outcome[] {
  if (!existsSync(values.out)) return []
  const lines = readFileSync(values.out, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Outcome)
}

const nameOf = ({ command, first }: { command: string; first: number }): string => `${command} from ${first}`

function runChunk({ row, first, count }: Chunk, commit: string): Outcome {
  const { crashBound } = boundsOf(row.base.n, parseTolerance(row.base.tolerance))
  const sum = new SweepSum(row.base.n, first)
  for (let seed = first; seed < first + count; seed++)
    sum.add(simulate(sweptScenario({ base: row.base, crashes: crashBound }, seed), { countBytes: false }))
  const { verdicts, batches, failures } = sum.result
  return {
    commit,
    command: commandOf(row),
    first,
    count,
    verdicts,
    executed: batches.executed,
    fast: batches.fast,
    failures: failures.map(({ verdict, command, violations }) => `${verdict}: ${command}: ${JSON.stringify(violations[0])}`),
  }
}

/** Runs every `of`th chunk, those that the file does not have. */
function runShare(part: number, of: number): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const done = new Set(outcomes().map(nameOf))
  const endsAt = Date.now() + 60_000 * Number(values.minutes)
  for (const [i, chunk] of chunks().entries()) {
    if (i % of !== part || done.has(nameOf({ command: commandOf(chunk.row), first: chunk.first }))) continue
    if (Date.now() > endsAt) return
    const outcome = runChunk(chunk, commit)
    appendFileSync(values.out, `${JSON.stringify(outcome)}\n`)
    for (const failure of outcome.failures) console.log(failure)
  }
}

async function runAll(workers: number): Promise<void> {
  const own = [...process.execArgv, ...process.argv.slice(1)]
  const children = Array.from({ length: workers }, (_, i) => spawn(process.execPath, [...own, '--share', `${i}/${workers}`], { stdio: 'inherit' }))
  const codes = await Promise.all(children.map((child) => new Promise<number | null>((resolve) => child.on('close', resolve))))
  if (codes.some((code) => code !== 0)) throw new Error(`processes ended with ${codes.join(', ')}`)
}

const total = (all: readonly Outcome[], of: (outcome: Outcome) => number): number => all.reduce((sum, outcome) => sum + of(outcome), 0)

/** One line of the page: all tolerances of one scenario and size together. */
function lineOf(group: readonly Row[], all: readonly Outcome[]): string {
  const commands = new Set(group.map(commandOf))
  const own = all.filter(({ command }) => commands.has(command))
  const first = group[0]
  if (!first || own.length === 0) return ''
  const tolerances = group.map(({ base }) => (base.liars > 0 ? `${base.tolerance} (${base.liars})` : base.tolerance)).join(', ')
  const verdicts = (['ok', 'unsafe', 'stuck', 'unknown'] as const).map((name) => total(own, (outcome) => outcome.verdicts[name]))
  const fast = Math.round(
    (100 * total(own, (outcome) => outcome.fast)) /
      Math.max(
        1,
        total(own, (outcome) => outcome.executed),
      ),
  )
  const cells = [first.what, first.base.n, tolerances, total(own, ({ count }) => count), ...verdicts, `${fast} %`, `\`${commandOf(first)}\``]
  return `| ${cells.join(' | ')} |\n`
}

/** Which commits were run, each with its seeds. */
function commitsOf(all: readonly Outcome[]): string {
  const commits = [...new Set(all.map(({ commit }) => commit))]
  const seedsOf = (name: string) =>
    total(
      all.filter(({ commit }) => commit === name),
      ({ count }) => count,
    )
  return commits.map((commit) => `${commit} (${seedsOf(commit)} seeds)`).join(' and ')
}

function page(all: readonly Outcome[]): string {
  const groups = new Map<string, Row[]>()
  for (const row of rows()) groups.set(`${row.what}/${row.base.n}`, [...(groups.get(`${row.what}/${row.base.n}`) ?? []), row])
  const order = [...new Set(rows().map(({ what }) => what))]
  const sorted = [...groups.values()].sort((a, b) => order.indexOf(a[0]?.what ?? '') - order.indexOf(b[0]?.what ?? ''))
  const planned = rows().reduce((sum, { seeds }) => sum + seeds, 0)
  const run = total(all, ({ count }) => count)
  const failures = all.flatMap((outcome) => outcome.failures)
  return `# What the simulator was run through

Written by \`scripts/scenario-table.ts\` from runs of commit ${commitsOf(all)}. *ok*: no invariant broken, and everything owed was executed. *unknown*: the run showed nothing, because nothing was
committed or a planned fault never happened. Progress is owed where at least a quorum of honest signers runs in the end. Under the guard messages between honest signers take less than Δ, and those who
crash count among the f_s. *fast*: the share of batches that needed no phase 3.

**${run} seeds in all${run < planned ? ` of ${planned} planned` : ''}: ${(['unsafe', 'stuck', 'unknown'] as const).map((name) => `${total(all, ({ verdicts }) => verdicts[name])} ${name}`).join(', ')}.** One line is one scenario and size over all tolerances
(the number of liars in brackets); the command repeats the first of them, the others with their own \`--tolerance\` and \`--liars\`.

| scenario | n | t | seeds | ok | unsafe | stuck | unknown | fast | again |
|---|---|---|---|---|---|---|---|---|---|
${sorted.map((group) => lineOf(group, all)).join('')}${failures.length === 0 ? '' : `\nWhat failed:\n\n${failures.map((text) => `- ${text}\n`).join('')}`}`
}

if (values.page !== undefined) writeFileSync(values.page, page(outcomes()))
else if (values.share === undefined) await runAll(Number(values.workers))
else {
  const [part = 0, of = 1] = values.share.split('/').map(Number)
  runShare(part, of)
}
