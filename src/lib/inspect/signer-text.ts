/** One signer as itself and the others see it: keys, votes, how long they take, and what is proved or suspected of it. */
import type { FaultsData } from './faults.js'
import { faultsText } from './faults-text.js'
import { type Line, milliseconds, printLines, type TextOptions, wrap } from './lines.js'

/** Milliseconds within which half, 95 and 99 of a hundred were done. */
interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** What is shown of a signer. What it says of itself is null where it does not answer. */
export interface SignerData {
  readonly index: number
  readonly name: string
  readonly region: string
  readonly publicKey: string
  readonly linkKey: string
  readonly state: string | null
  readonly executed: number | null
  /** By its own word, on the batches whose times it remembers. */
  readonly votes: { readonly given: number; readonly missed: number } | null
  readonly latencyMs: { readonly vote: Percentiles | null; readonly commit: Percentiles | null; readonly execute: Percentiles | null } | null
  /** By the others’ certificates: in how many of the latest ones that each looked at it stands, and how many in a row it is missing from. */
  readonly seen: readonly { readonly by: string; readonly decisions: number; readonly counted: number; readonly missingInARow: number }[]
  readonly faults: FaultsData
}

const LABEL = 12

/** A signer as text. */
export function signerText(data: SignerData, options: TextOptions): string {
  const { index, name, region, state, executed, votes, latencyMs, seen } = data
  const rows: [string, string][] = [
    ['name', region === '' ? name : `${name} · ${region}`],
    ['state', state === null ? 'does not answer' : `${state}, ${executed} batches executed`],
    ['BLS key', data.publicKey],
    ['link key', data.linkKey],
    ['votes', votes === null ? '' : `${votes.given} given, ${votes.missed} missed, of the batches whose times it remembers`],
    ...(['vote', 'commit', 'execute'] as const).map((what): [string, string] => [`to ${what}`, percentilesText(latencyMs?.[what] ?? null)]),
    ...seen.map(({ by, decisions, counted, missingInARow }, i): [string, string] => [
      i === 0 ? 'counted' : '',
      `${by}: in ${counted} of the last ${decisions} certificates${missingInARow > 0 ? `, missing from the latest ${missingInARow}` : ''}`,
    ]),
  ]
  const lines = rows
    .filter(([, text]) => text !== '')
    .flatMap(([label, text]) =>
      wrap(text, Math.max(20, options.width - LABEL)).map((part, i): Line => [['faint', (i === 0 ? label : '').padEnd(LABEL)], part]),
    )
  return `${printLines([[['strong', `Signer ${index}`]], ...lines, [['faint', 'A certificate needs a quorum only: who is missing from some did nothing wrong.']], []], options)}${faultsText(data.faults, options)}`
}

function percentilesText(latency: Percentiles | null): string {
  return latency === null ? '' : `${milliseconds(latency.p50)} for half, ${milliseconds(latency.p95)} for 95 %, ${milliseconds(latency.p99)} for 99 %`
}
