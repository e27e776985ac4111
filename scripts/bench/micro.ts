/** Micro benchmarks run and put into rows: the median of each, and how it stands to its floor, measured right after it. */
import { medianUs } from './measure.js'
import type { MicroCase } from './micro-cases.js'

/** One benchmark's figures; times in microseconds. */
export interface MicroRow {
  group: string
  name: string
  us: number
  floor: { name: string; us: number } | null
  /** How many times its floor. */
  ratio: number | null
}

/** The heading of the table. */
export const MICRO_HEAD = ['what', '', 'µs', 'floor', 'µs of the floor', 'times its floor']

/** Those whose group or name has the word. Errors: `Error` where there are none. */
export function chosen(cases: readonly MicroCase[], word: string | undefined): MicroCase[] {
  const found = cases.filter(({ group, name }) => word === undefined || `${group} ${name}`.toLowerCase().includes(word.toLowerCase()))
  if (found.length === 0) throw new Error(`--only ${word} is in none of ${[...new Set(cases.map(({ group }) => group))].join(', ')}`)
  return found
}

export function measured({ group, name, of = 1, make }: MicroCase): MicroRow {
  const { work, floor } = make()
  const us = medianUs(work) / of
  const floorUs = floor && medianUs(floor.work) / of
  return {
    ...{ group, name, us: rounded(us) },
    floor: floor && floorUs !== undefined ? { name: floor.name, us: rounded(floorUs) } : null,
    ratio: floorUs === undefined ? null : rounded(us / floorUs),
  }
}

export function microCells({ group, name, us, floor, ratio }: MicroRow): (string | number)[] {
  return [group, name, us, floor?.name ?? '', floor?.us ?? '', ratio ?? '']
}

/** Three digits: more is noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
