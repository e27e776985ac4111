/**
 * Runs the simulator's scenarios over sizes and tolerances and writes docs/scenarios.md: what held, over how many seeds. Every row is repeated by
 * one `musig sim sweep`, which the row names.
 *
 *   node --import tsx scripts/scenario-table.ts [--seeds 100] [--minutes 10]
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { boundsOf, parseTolerance } from '../src/lib/core/manifest.js'
import { CALM, LIES, type Scenario } from '../src/lib/simulator/scenario.js'
import { simulate } from '../src/lib/simulator/simulate.js'
import { SweepSum, sweptScenario } from '../src/lib/simulator/sweep.js'

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '100' }, minutes: { type: 'string', default: '600' } } })
const seeds = Number(values.seeds)
const endsAt = Date.now() + 60_000 * Number(values.minutes)

interface Row {
  what: string
  base: Scenario
}

const SIZES = [4, 5, 7, 10, 13, 16, 31]
const TOLERANCES = ['1/2', '3/5', '2/3', '3/4']

/** Crashes, losses and partitions for each size and tolerance; each lie by f_a liars; conspiracies up to f_a, and up to f_s under the guard. */
function rows(): Row[] {
  const sized = (n: number, tolerance: string) => ({ base: { ...CALM, n, tolerance, txs: 5 }, bounds: boundsOf(n, parseTolerance(tolerance)) })
  const all: Row[] = []
  for (const n of SIZES)
    for (const tolerance of TOLERANCES) {
      const { base, bounds } = sized(n, tolerance)
      all.push({ what: 'crashes, restarts, losses, partitions', base })
      const { asyncByzantineBound: few, syncByzantineBound: many } = bounds
      if (few > 0) all.push({ what: `${few} liars that see everything`, base: { ...base, liars: few, lie: 'collude' } })
      if (few > 0) all.push({ what: `${few} liars, a lie each`, base: { ...base, liars: few } })
      // The guard is safe whatever the liars do; it owes progress with n − q of them.
      all.push({ what: `guard, ${many} liars that see everything`, base: { ...base, liars: many, lie: 'collude', deltaMs: 50, limitMs: 20_000 } })
    }
  for (const lie of LIES.filter((name) => name !== 'any' && name !== 'collude'))
    all.push({ what: `one liar: ${lie}`, base: { ...sized(7, '1/2').base, liars: 1, lie } })
  return all
}

function commandOf({ base }: Row, count: number): string {
  const liars = base.liars > 0 ? ` --liars ${base.liars} --lie ${base.lie}` : ''
  const guard = base.deltaMs > 0 ? ` --delta-ms ${base.deltaMs} --limit-ms ${base.limitMs}` : ''
  return `musig sim sweep -n ${base.n} --tolerance ${base.tolerance} --seeds ${count}${liars}${guard}`
}

const lines: string[] = []
const total = { seeds: 0, unsafe: 0, stuck: 0, unknown: 0 }
for (const row of rows()) {
  const { crashBound } = boundsOf(row.base.n, parseTolerance(row.base.tolerance))
  const sum = new SweepSum(row.base.n, 1)
  for (let seed = 1; seed <= seeds && Date.now() < endsAt; seed++) {
    const result = simulate(sweptScenario({ base: row.base, crashes: crashBound }, seed), { countBytes: false })
    sum.add(result)
    if (result.verdict === 'unsafe' || result.verdict === 'stuck') console.log(result.verdict, result.command, JSON.stringify(result.violations[0]))
  }
  if (sum.runs === 0) break
  const { verdicts, fastShare } = sum.result
  total.seeds += sum.runs
  for (const name of ['unsafe', 'stuck', 'unknown'] as const) total[name] += verdicts[name]
  const cells = [row.what, row.base.n, row.base.tolerance, sum.runs, verdicts.ok, verdicts.unsafe, verdicts.stuck, verdicts.unknown]
  lines.push(`| ${cells.join(' | ')} | ${Math.round(100 * fastShare)} % | \`${commandOf(row, sum.runs)}\` |`)
  console.log(lines.at(-1))
}

const page = `# What the simulator was run through

Written by \`node --import tsx scripts/scenario-table.ts --seeds ${seeds}\`. *ok*: no invariant broken, and everything owed was executed. *unknown*: the run showed nothing, because nothing was committed or a planned fault never
happened. Progress is owed where at least a quorum of honest signers runs in the end. Under the guard messages between honest signers take less than Δ.

**${total.seeds} seeds in all: ${total.unsafe} unsafe, ${total.stuck} stuck, ${total.unknown} unknown.**

| scenario | n | t | seeds | ok | unsafe | stuck | unknown | fast | again |
|---|---|---|---|---|---|---|---|---|---|
${lines.join('\n')}
`
writeFileSync(fileURLToPath(new URL('../docs/scenarios.md', import.meta.url)), page)
