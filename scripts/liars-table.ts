/**
 * Liars as processes, one lie after the other: `npm run liars -- -n 7,31 --page docs/liars.md`. For each lie a cluster of its own with signers that tell it (one of 7, three of
 * 31), transactions through the honest and the liars, and then the same while honest ones are killed, paused and slowed. Prints rows as they come and writes the tables of the page.
 * `--throughput -n 31` instead: transactions a second of an honest cluster, of one in which three of 31 equivocate, and once these are evicted, in turns; exit code 1 where that
 * is below 70 %. Exit code 0: honest signers agree, evidence names liars alone, and all of them where their lie is proved always, within 10 s; 1: not; 2: wrong usage. Ctrl-C leaves
 * nothing running. `--out FILE` keeps rows, and goes on where it was broken off.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { LIE_NAMES, lieNamed } from '../src/lib/byzantine/lies.js'
import { OwnCluster } from './chaos/own-cluster.js'
import { NOBODY } from './liars/lies.js'
import { LyingRun, type Row, SIZES } from './liars/lying-run.js'
import { HEADING, lineOf, withTable, wrongIn } from './liars/page.js'
import { throughput } from './liars/throughput.js'

const { values } = parseArgs({
  options: {
    n: { type: 'string', short: 'n', default: '7' },
    seconds: { type: 'string', default: '6' },
    lies: { type: 'string', default: [NOBODY, ...LIE_NAMES].join() },
    out: { type: 'string' },
    page: { type: 'string' },
    throughput: { type: 'boolean', default: false },
    turns: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
})

/** The cluster that runs. */
let running: OwnCluster | undefined
const broken = new AbortController()
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => {
    broken.abort(new Error('broken off'))
    // Whatever waits for an answer of the cluster would go on waiting: it ends, and with it the script.
    void (running?.end(false) ?? Promise.resolve()).finally(() => process.exit(code))
  })

function number(name: 'seconds' | 'turns', most: number): number {
  const value = Number(values[name])
  if (!(value >= 1 && value <= most)) throw new Error(`--${name} ${values[name]} is no number from 1 to ${most}`)
  return value
}

/** Rows that an earlier run has kept. */
function kept(): Row[] {
  if (values.out === undefined || !existsSync(values.out)) return []
  return readFileSync(values.out, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
}

/** A row; where a cluster fails to start, or its clients, another one is tried once. */
async function measured(n: number, lie: string, seconds: number): Promise<Row> {
  for (let attempt = 1; ; attempt++) {
    const cluster = new OwnCluster()
    running = cluster
    try {
      return await new LyingRun(n, lie, cluster).row(seconds)
    } catch (error) {
      if (attempt > 1 || broken.signal.aborted) throw error
      process.stderr.write(`${lie} of ${n}: ${error instanceof Error ? error.message : String(error)}; once more\n`)
    } finally {
      await cluster.end(false)
    }
  }
}

async function table(n: number, lies: readonly string[], seconds: number): Promise<void> {
  const rows = kept().filter((row) => row.n === n)
  if (!values.json) console.log(`\n${n} signers, ${SIZES[n]?.liars.length} of them lie\n\n${HEADING}`)
  for (const [i, lie] of lies.entries()) {
    if (broken.signal.aborted) return
    const known = rows.find((row) => row.lie === lie)
    if (!known) process.stderr.write(`${n} signers, ${i + 1} of ${lies.length}: ${lie}\n`)
    const row = known ?? (await measured(n, lie, seconds))
    if (!known) {
      rows.push(row)
      if (values.out !== undefined) appendFileSync(values.out, `${JSON.stringify(row)}\n`)
    }
    console.log(values.json ? JSON.stringify({ schema: 1, ...row }) : lineOf(row))
    for (const wrong of wrongIn(row)) {
      process.stderr.write(`${lie} of ${n}: ${wrong}\n`)
      process.exitCode = 1
    }
  }
  if (values.page === undefined) return
  const ofTable = lies.flatMap((lie) => rows.find((row) => row.lie === lie) ?? [])
  writeFileSync(values.page, withTable(readFileSync(values.page, 'utf8'), n, ofTable))
}

async function main(): Promise<void> {
  const sizes = values.n.split(',').map(Number)
  const lies = values.lies.split(',')
  const seconds = number('seconds', 600)
  for (const n of sizes) if (!SIZES[n]) throw new Error(`-n ${n} is none of ${Object.keys(SIZES).join(', ')}`)
  for (const lie of lies) if (lie !== NOBODY) lieNamed(lie)
  if (!values.throughput) {
    for (const n of sizes) await table(n, lies, seconds)
    return
  }
  for (const n of sizes) {
    const runs = (cluster: OwnCluster) => {
      running = cluster
    }
    const told = (line: string) => console.log(line)
    const { honest, lying, evicted } = await throughput({ n, seconds, turns: number('turns', 20), told, runs, broken: broken.signal })
    const share = (figure: number) => `${figure.toFixed(1)} (${Math.round((figure / honest) * 100)} %)`
    console.log(
      `transactions a second of ${n}: ${honest.toFixed(1)} where all are honest, ${share(lying)} where ${SIZES[n]?.liars.length} equivocate, ${share(evicted)} once they are evicted`,
    )
    if (!(evicted >= 0.7 * honest)) process.exitCode = 1
  }
}

main().catch((error: unknown) => {
  if (broken.signal.aborted) return
  process.stderr.write(`Error: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
})
