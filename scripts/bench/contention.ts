/** How much contention costs: the same benchmark for each share of conflicts and each number of entry signers, on one cluster of its own. */
import { bench, measuredCluster } from '../../src/lib/bench/bench.js'
import { withOwnCluster } from '../../src/lib/bench/own-cluster.js'
import { BENCH_DEFAULTS } from '../../src/lib/bench/settings.js'
import { runSteps } from '../../src/lib/cli/progress.js'

/** One cell of the table: the share of transactions on one hot key, and the signers that are given transactions. */
export interface Cell {
  conflicts: number
  entries: number
}

/** What a cell reached. Times in milliseconds. */
export interface CellFigures extends Cell {
  perSecond: number
  fastShare: number
  p50: number
  p99: number
  /** Transactions without an execution. */
  errors: number
}

/** What each cell is measured with. */
export interface CellSettings {
  n: number
  seconds: number
  warmUp: number
  clients: number
}

/** The heading of the table. */
export const CONTENTION_HEAD = ['conflicts', 'entry signers', 'a second', 'fast', 'p50 ms', 'p99 ms', 'without an answer']

/** All cells, by conflicts, then by entries: those that are given, each once, that the cluster has. Errors: `Error` where none is left. */
export function cellsOf(n: number, conflicts: readonly number[], entries: readonly number[]): Cell[] {
  const possible = [...new Set(entries)].filter((count) => count <= n).sort((a, b) => a - b)
  if (possible.length === 0) throw new Error(`--entries ${entries.join(',')}: the cluster has ${n} signers`)
  return [...new Set(conflicts)].sort((a, b) => a - b).flatMap((share) => possible.map((count) => ({ conflicts: share, entries: count })))
}

/** Measures cell by cell; an abort ends it with those until then, and takes the cluster away. `told` hears of each before it. */
export async function contention(
  cells: readonly Cell[],
  { n, ...settings }: CellSettings,
  signal: AbortSignal,
  told: (line: string) => void,
): Promise<CellFigures[]> {
  const done: CellFigures[] = []
  try {
    await withOwnCluster(
      { n, machine: 'documents' },
      { signal, show: (steps) => runSteps(steps, { silent: false }), warn: told },
      async (home, cluster) => {
        const measured = measuredCluster(home, cluster)
        for (const [i, cell] of cells.entries()) {
          told(`${i + 1} of ${cells.length}: ${percent(cell.conflicts)} conflicts, ${cell.entries} entry signers`)
          const result = await bench(measured, { ...BENCH_DEFAULTS, ...settings, ...cell, seed: 'contention' }, signal, () => {})
          if (result.interrupted) return
          const { perSecond, fastShare, latencyMs, errors } = result
          const lost = Object.values(errors).reduce((sum, count) => sum + count, 0)
          done.push({ ...cell, perSecond, fastShare, p50: latencyMs.p50, p99: latencyMs.p99, errors: lost })
        }
      },
    )
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return done
}

export function contentionCells({ conflicts, entries, perSecond, fastShare, p50, p99, errors }: CellFigures): (string | number)[] {
  const short = (value: number) => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)))
  return [percent(conflicts), entries, short(perSecond), percent(fastShare), short(p50), short(p99), errors]
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`
}
