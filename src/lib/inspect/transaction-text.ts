/**
 * A transaction's life in words: its place in the order, how it was decided, how long each phase took, what came of it; and the same as a row of a table
 * or a line of a feed.
 */
import { type Line, milliseconds, plain, printLines, shortId, type TextOptions, wrap } from './lines.js'

/** What is known of a transaction, as a signer tells it. */
export interface TransactionData {
  readonly txId: string
  readonly batchId: string | null
  /** The heights of its batch in the logs of its keys. */
  readonly position: Readonly<Record<string, number>>
  readonly index: number | null
  readonly status: 'executed' | 'committed' | 'pending' | 'rejected'
  readonly path: 'fast' | 'slow' | null
  readonly ballot: number | null
  /** A share of all signers, from 0 to 1. */
  readonly score: number | null
  readonly votes: number | null
  readonly receipt: { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly reason: string } | null
  readonly latencyMs: number | null
  readonly phases: Readonly<Record<string, number | undefined>>
  readonly reason?: string
}

/** The columns of `transactionRow`. */
export const TRANSACTION_COLUMNS = ['transaction', 'place in the order', 'path', 'score', 'phases', 'ms', 'outcome'] as const

/** Columns that a place or an outcome takes in a table. */
const CELL = 44
const LABEL = 10

/** What became of it in one word: of what was executed, also that the state machine refused it. */
export function endOf({ status, receipt }: TransactionData): 'refused' | TransactionData['status'] {
  return status === 'executed' && receipt?.ok === false ? 'refused' : status
}

/** What is known of a transaction, each fact with its name; what is not known is left out. */
export function transactionFacts(data: TransactionData): [name: string, fact: string][] {
  const { status, batchId, receipt } = data
  const facts: [string, string][] = [
    ['batch', batchId ?? ''],
    ['place', placeText(data)],
    ['decided', decisionText(data)],
    ['phases', phasesText(data)],
    ['latency', data.latencyMs === null ? '' : milliseconds(data.latencyMs)],
    [receipt?.ok === false || status === 'rejected' ? 'reason' : 'receipt', outcomeText(data)],
  ]
  return facts.filter(([, fact]) => fact !== '')
}

/** A transaction on several lines. */
export function transactionText(data: TransactionData, options: TextOptions): string {
  const ended = endOf(data)
  const tone = ended === 'executed' ? 'good' : ended === 'refused' || ended === 'rejected' ? 'bad' : 'warn'
  const lines = transactionFacts(data).flatMap(([label, text]) =>
    wrap(plain(text), Math.max(20, options.width - LABEL)).map((part, i): Line => [['faint', (i === 0 ? label : '').padEnd(LABEL)], part]),
  )
  return printLines([[[tone, `${ended[0]?.toUpperCase()}${ended.slice(1)}`], ' ', ['strong', data.txId]], ...lines], options)
}

/** A transaction as a row of cells for `TRANSACTION_COLUMNS`. */
export function transactionRow(data: TransactionData): (string | number | undefined)[] {
  const { txId, status, path, ballot, score, phases, latencyMs } = data
  const way = path === null ? status : `${path}${ballot !== null && ballot > 0 ? `, ballot ${ballot}` : ''}`
  const names = phasesOf(phases).map(([phase]) => phase)
  return [
    shortId(txId),
    clipped(placeText(data)),
    way,
    score === null ? undefined : percent(score),
    names.length === 0 ? undefined : names.join(' '),
    latencyMs === null ? undefined : Math.round(latencyMs),
    clipped(outcomeText(data)),
  ]
}

/** "acct:alice 3, acct:bob 1": heights in the logs of its keys. */
function placeText({ position, index, status }: TransactionData): string {
  const places = Object.entries(position).map(([key, height]) => `${key} ${height}`)
  if (places.length === 0) return status === 'executed' ? 'no keys: anywhere' : ''
  return `${places.join(', ')}${index !== null && index > 0 ? ` (+${index} in its batch)` : ''}`
}

function decisionText({ path, ballot, score, votes }: TransactionData): string {
  if (path === null) return ''
  const way = path === 'fast' ? 'fast path, by the votes alone' : ballot === 0 ? 'slow path, with phase 3' : `slow path, in ballot ${ballot}`
  return `${way}${score === null ? '' : ` · score ${percent(score)}`}${votes === null ? '' : ` · ${votes} votes`}`
}

function phasesText({ phases }: TransactionData): string {
  return phasesOf(phases)
    .map(([phase, ms]) => `${phase} ${milliseconds(ms ?? 0)}`)
    .join(' · ')
}

/** In the order of §5: an object puts a name that looks like a number first. */
function phasesOf(phases: TransactionData['phases']): [string, number | undefined][] {
  return Object.entries(phases).sort(([a], [b]) => (a < b ? -1 : 1))
}

function outcomeText({ receipt, reason, status }: TransactionData): string {
  if (reason !== undefined) return reason
  if (receipt === null) return status === 'pending' || status === 'committed' ? 'not executed yet' : ''
  if (!receipt.ok) return receipt.reason
  return receipt.result === null || receipt.result === undefined ? 'done' : JSON.stringify(receipt.result)
}

function percent(share: number): string {
  return `${Math.floor(share * 1000 + 1e-9) / 10} %`
}

function clipped(text: string): string {
  const safe = plain(text)
  return safe.length <= CELL ? safe : `${safe.slice(0, CELL - 1)}…`
}

/** A transaction on one line, for a feed. */
export function transactionLine(data: TransactionData): string {
  const [id, place, way, score, , ms, outcome] = transactionRow(data)
  const parts = [id, place, way, score === undefined ? '' : `score ${score}`, ms === undefined ? '' : `${ms} ms`, outcome]
  return parts.filter((part) => part !== undefined && part !== '').join(' · ')
}
