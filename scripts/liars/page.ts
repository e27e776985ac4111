/** The tables of docs/liars.md, between their marks. Owns the columns and what each lie is called; the figures come from runs. */
import { NOBODY, type Row } from './lying-run.js'

/** What each lie does, and whether what it says proves it; `always`: within ten seconds. */
export const LIES: Readonly<Record<string, { does: string; provable: string; always?: true }>> = {
  [NOBODY]: { does: '–', provable: '–' },
  silent: { does: 'says nothing', provable: 'no' },
  withhold: { does: 'passes on what others say, never votes, accepts or promises', provable: 'no' },
  equivocate: { does: 'signs another view for each receiver', provable: 'yes', always: true },
  flip: { does: 'turns its view round', provable: 'yes', always: true },
  invent: { does: 'names predecessors that do not exist', provable: 'where two of its votes contradict each other' },
  boast: { does: 'claims heights that nobody has', provable: 'where it says two things of one batch' },
  'bad-share': { does: 'spoils the signatures that it sends up', provable: 'no' },
  'lie-subtree': { does: 'claims the votes of its subtree for its own view', provable: 'no' },
  'two-faced-initiator': { does: 'two batches under one sequence number', provable: 'yes', always: true },
  'half-proposal': { does: 'sends its batches to a part of the tree only', provable: 'no' },
  'two-faced-root': { does: 'shows different signers different vote sets', provable: 'where the values differ' },
  censor: { does: 'leaves votes out', provable: 'no' },
  'withheld-certificate': { does: 'gives certificates to nobody', provable: 'no' },
  'certificate-to-one': { does: 'gives certificates to one signer only', provable: 'no' },
  'unjustified-order': { does: 'asks for a value that does not follow', provable: 'yes, once it orders anything' },
  'false-blockers': { does: 'names blockers that nothing backs', provable: 'no' },
  'hidden-accepts': { does: 'denies in promises what it accepted', provable: 'where both were said of one batch' },
  'pre-empt': { does: 'asks for ballots that nobody wants', provable: 'no' },
  replay: { does: 'says again what it once said', provable: 'no: it did say it' },
  'mislead-peers': { does: 'feeds peers what is not true', provable: 'no' },
  'replay-any': { does: 'says again anything it heard, also changed', provable: 'no' },
  twin: { does: 'is two signers with one key', provable: 'where the two halves differ' },
  collude: { does: 'deals certificates, misleads peers, and one more lie', provable: 'as that lie' },
}

/** The heading of the table. */
export const HEADING = '| lie | what it does | provable | seen | named | after | p50 | p95 |\n|---|---|---|---|---|---|---|---|'

/** One row of it. */
export function lineOf({ lie, p50, p95, evidence, suspicion, namedAfter, named, liars }: Row): string {
  const { does = '', provable = '' } = LIES[lie] ?? {}
  const seen = [...evidence.map((kind) => `evidence: ${kind}`), ...suspicion.slice(0, 2).map((reason) => `suspicion: ${reason}`)].join('; ') || '–'
  const after = namedAfter === null ? '–' : `${namedAfter.toFixed(1)} s`
  const count = liars === 0 ? '–' : `${named} of ${liars}`
  return `| ${lie === NOBODY ? lie : `\`${lie}\``} | ${does} | ${provable} | ${seen} | ${count} | ${after} | ${p50} ms | ${p95} ms |`
}

/** What a row shows that must not be: in words, or nothing. */
export function wrongIn({ lie, agree, slandered, named, liars, namedAfter }: Row): string[] {
  const { always } = LIES[lie] ?? {}
  return [
    ...(agree ? [] : ['honest signers do not agree']),
    ...(slandered ? ['evidence names somebody honest'] : []),
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
