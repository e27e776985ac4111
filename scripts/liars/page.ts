/** The tables of docs/liars.md, between their marks. Owns the columns and what of a row is wrong; the figures come from runs. */
import { LIES, NOBODY } from './lies.js'
import type { Row } from './lying-run.js'

/** The heading of the table. */
export const HEADING = '| lie | what it does | provable | seen | named | after | p50 | p95 |\n|---|---|---|---|---|---|---|---|'

/** One row of it. */
export function lineOf(row: Row): string {
  const { lie, p50, p95, evidence, suspicion, namedAfter, named, liars, turns, heldAfter } = row
  const { does = '', provable = '' } = LIES[lie] ?? {}
  const seen = [...evidence.map((kind) => `evidence: ${kind}`), ...suspicion.slice(0, 2).map((reason) => `suspicion: ${reason}`)].join('; ') || '–'
  // Rows of an earlier form have no second figure.
  const held = typeof heldAfter === 'number' ? ` (${heldAfter.toFixed(1)} s)` : ''
  const after = namedAfter === null ? '–' : `${namedAfter.toFixed(1)} s${held}`
  const hadTurns = turns ? `; turns: ${turns.map(({ count }) => (count === 0 ? 'none' : (count ?? '?'))).join(', ')}` : ''
  const count = liars === 0 ? '–' : `${named} of ${liars}${hadTurns}`
  return `| ${lie === NOBODY ? lie : `\`${lie}\``} | ${does} | ${provable} | ${seen} | ${count} | ${after} | ${p50} ms | ${p95} ms |`
}

/** What a row shows that must not be: in words, or nothing. */
export function wrongIn({ lie, agree, slandered, named, liars, namedAfter, turns }: Row): string[] {
  const { always } = LIES[lie] ?? {}
  const idle = (turns ?? []).filter(({ count }) => count === 0)
  return [
    ...(agree ? [] : ['honest signers do not agree']),
    ...(slandered ? ['evidence names somebody honest'] : []),
    ...(always ? idle.map(({ liar }) => `liar ${liar} had no turn`) : []),
    ...(always && named < liars ? [`${named} of ${liars} liars are proved guilty`] : []),
    ...(always && named === liars && (namedAfter ?? 0) > 10
      ? [`the last liar was proved guilty after ${namedAfter?.toFixed(1)} s, not within 10 s`]
      : []),
  ]
}

/** The page with another table for clusters of this size. Errors: `Error` where it has no marks for one. */
export function withTable(page: string, n: number, rows: readonly Row[]): string {
  const [begin, end] = [`<!-- liars of ${n} -->`, `<!-- end of liars of ${n} -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page has no ${begin} … ${end}`)
  return `${page.slice(0, from)}${begin}\n${HEADING}\n${rows.map(lineOf).join('\n')}\n${page.slice(to)}`
}
