/**
 * Micro benchmarks: `npm run bench` measures in one process what a signer does for each batch, vote and transaction, as medians, and beside it the floor that
 * such work cannot go below. `--only WORD`: those whose name has the word.
 * `npm run bench -- --contention -n 4` instead: what conflicts cost, on a cluster of its own, for each `--conflicts` (shares of transactions on one key) and
 * `--entries` (signers that are given transactions). Ctrl-C ends it with what was measured until then (exit code 130), and leaves nothing running.
 * Either prints a table, with `--json` one document, and with `--page docs/performance.md` writes the table there too. Wrong usage: exit code 2.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { renderTable } from '../src/lib/cli/table.js'
import { loadCrypto } from '../src/lib/node/crypto.js'
import { type Cell, type CellFigures, CONTENTION_HEAD, cellsOf, contention, contentionCells } from './bench/contention.js'
import { chosen, MICRO_HEAD, measured, microCells } from './bench/micro.js'
import { microCases } from './bench/micro-cases.js'
import { markdownTable, withSection } from './bench/page.js'

const OF_CONTENTION = { n: '4', seconds: '5', 'warm-up': '2', clients: '64', conflicts: '0,0.01,0.1,0.5,1', entries: '' }

const { values } = readArgs()

function readArgs() {
  try {
    return parseArgs({
      options: {
        only: { type: 'string' },
        json: { type: 'boolean', default: false },
        page: { type: 'string' },
        contention: { type: 'boolean', default: false },
        n: { type: 'string', short: 'n' },
        seconds: { type: 'string' },
        'warm-up': { type: 'string' },
        clients: { type: 'string' },
        conflicts: { type: 'string' },
        entries: { type: 'string' },
      },
    })
  } catch (error) {
    return failed(error)
  }
}

function failed(error: unknown): never {
  process.stderr.write(`Error: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
}

type OfContention = keyof typeof OF_CONTENTION

/** The numbers of a flag, by commas. */
function numbers(name: OfContention, least: number, most: number, whole: boolean): number[] {
  const text = values[name] ?? OF_CONTENTION[name]
  return text.split(',').map((part) => {
    const value = Number(part)
    if (part.trim() === '' || !(value >= least && value <= most) || (whole && !Number.isInteger(value)))
      throw new Error(`--${name} ${text}: “${part}” is no ${whole ? 'whole ' : ''}number from ${least} to ${most}`)
    return value
  })
}

function number(name: OfContention, least: number, most: number, whole: boolean): number {
  const [value, ...more] = numbers(name, least, most, whole)
  if (value === undefined || more.length > 0) throw new Error(`--${name} takes one number`)
  return value
}

/** What a table is without: which machine, and what ran. */
function conditions(): string {
  return `Node ${process.versions.node}, ${availableParallelism()} cores, ${process.arch}`
}

async function show(
  name: string,
  { head, rows, document, isBroken = false }: { head: readonly string[]; rows: readonly (string | number)[][]; document: object; isBroken?: boolean },
): Promise<void> {
  console.log(values.json ? JSON.stringify({ schema: 1, ...document }) : await renderTable(head, rows))
  // A part of a table does not replace a whole one.
  if (values.page === undefined || isBroken) return
  const command = ['npm run bench --', ...process.argv.slice(2)]
    .join(' ')
    .replace(/ --page \S+/, '')
    .replace(/ --$/, '')
  const content = `\`${command}\`, ${conditions()}:\n\n${markdownTable(head, rows)}`
  writeFileSync(values.page, withSection(readFileSync(values.page, 'utf8'), name, content))
}

async function micro(): Promise<void> {
  const given = Object.keys(OF_CONTENTION).find((name) => values[name as OfContention] !== undefined)
  if (given !== undefined) throw new Error(`--${given} goes with --contention only`)
  if (values.only !== undefined && values.page !== undefined) throw new Error('--page goes without --only: it takes the whole table')
  const crypto = loadCrypto()
  const cases = chosen(microCases(crypto), values.only)
  const rows = cases.map((one, i) => {
    process.stderr.write(`${i + 1} of ${cases.length}: ${one.group}, ${one.name}\n`)
    return measured(one)
  })
  const document = { node: process.versions.node, cores: availableParallelism(), bls: crypto.bls.name, rows }
  await show('micro', { head: MICRO_HEAD, rows: rows.map(microCells), document })
}

async function contentionTable(): Promise<void> {
  if (values.only !== undefined) throw new Error('--only goes without --contention')
  const n = number('n', 1, 31, true)
  const entries = values.entries === undefined ? [1, 4, n].filter((count) => count <= n) : numbers('entries', 1, n, true)
  const cells: Cell[] = cellsOf(n, numbers('conflicts', 0, 1, false), entries)
  const settings = {
    n,
    seconds: number('seconds', 0.1, 3600, false),
    warmUp: number('warm-up', 0, 3600, false),
    clients: number('clients', 1, 4096, true),
  }
  const stop = new AbortController()
  // npm passes on what the terminal sends as well: one Ctrl-C may come twice.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  const figures: CellFigures[] = await contention(cells, settings, stop.signal, (line) => process.stderr.write(`${line}\n`))
  const isBroken = stop.signal.aborted
  await show('contention', {
    head: CONTENTION_HEAD,
    rows: figures.map(contentionCells),
    document: { ...settings, interrupted: isBroken, rows: figures },
    isBroken,
  })
  if (isBroken) process.exit(130)
}

await (values.contention ? contentionTable() : micro()).catch(failed)
