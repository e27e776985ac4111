/** The trace of a run: one line of JSON for each event and effect, in the order in which they happen. The same seed gives the same bytes. */
import { toHex } from '../base/bytes.js'
import type { Effect, Event } from '../core/steppable.js'
import { CALM, type Scenario } from './scenario.js'

/** One line. `signer` is null for what happens to the whole run. `at` in virtual milliseconds. */
export interface TraceLine {
  at: number
  signer: number | null
  /** What it is: the kind of an event (`message`, `tick`, …), of an effect (`send`, `execute`, …), `durable`, `fault`. */
  what: string
  /** The other end, where there is one. */
  peer?: number
  /** Everything else, as plain JSON. */
  data: unknown
}

/** An event as a line. */
export function eventLine(at: number, signer: number, event: Event): TraceLine {
  const { type, now: _, ...rest } = event
  if (event.type === 'message') return { at, signer, what: 'message', peer: event.from, data: plain(event.message) }
  return { at, signer, what: type, data: plain(rest) }
}

/** An effect as a line, when it leaves; a `persist` when its record is durable. */
export function effectLine(at: number, signer: number, effect: Effect): TraceLine {
  if (effect.type === 'persist') return { at, signer, what: 'durable', data: plain(effect.record) }
  if (effect.type === 'send') return { at, signer, what: 'send', peer: effect.to, data: plain(effect.message) }
  const { type, ...rest } = effect
  return { at, signer, what: type, data: plain(rest) }
}

/** A value as JSON: bytes as hex, maps as objects, batches by what names them; keys sorted, so that one content has one text. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (value instanceof Map) return sorted([...value].map(([key, item]) => [String(key), plain(item)]))
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if ('bytes' in value && 'initiator' in value && 'transactions' in value && Array.isArray(value.transactions)) {
    const { id, initiator, sequence, keys } = value as unknown as { id: string; initiator: number; sequence: number; keys: string[] }
    return { id, initiator, sequence, keys, transactions: value.transactions.length }
  }
  return sorted(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

function sorted(entries: [string, unknown][]): Record<string, unknown> {
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}

/** A line as it stands in a trace file. */
export function traceText(line: TraceLine): string {
  return JSON.stringify(line)
}

/** A line for people. */
export function lineForPeople({ at, signer, what, peer, data }: TraceLine): string {
  const who = signer === null ? '' : `signer ${signer}`
  const other = peer === undefined ? '' : what === 'send' ? ` to ${peer}` : ` from ${peer}`
  return `${at.toFixed(3).padStart(12)}  ${who.padEnd(11)} ${what}${other} ${summary(data)}`.trimEnd()
}

function summary(data: unknown): string {
  if (typeof data === 'string') return data
  if (typeof data !== 'object' || data === null) return ''
  const inner = innermost(data as Record<string, unknown>)
  const parts = Object.entries(inner).flatMap(([key, value]) => {
    if (typeof value === 'string' && /^[0-9a-f]{65,}$/.test(value)) return []
    if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return [`${key} ${value.slice(0, 8)}`]
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      return [key === 'type' ? String(value) : `${key} ${value}`]
    if (Array.isArray(value) && value.every((item) => typeof item === 'string'))
      return value.length === 0 ? [] : [`${key} ${value.map((item) => item.slice(0, 8)).join(' ')}`]
    return []
  })
  return parts.join(', ')
}

/** The fields of what a line is about: a message's batch, order or certificate laid beside its own. */
function innermost(data: Record<string, unknown>): Record<string, unknown> {
  const inner: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(data)) {
    if (['batch', 'order', 'certificate', 'executed', 'transaction'].includes(key) && typeof value === 'object' && value !== null)
      for (const [name, item] of Object.entries(innermost(value as Record<string, unknown>))) inner[name === 'type' ? `${key} type` : name] ??= item
    else inner[key] = value
  }
  return inner
}

/** The first line of a trace file: the scenario, from which the run can be repeated. */
export function headLine(scenario: Scenario): TraceLine {
  return { at: 0, signer: null, what: 'scenario', data: { ...scenario } }
}

/** The scenario in the first line of a trace, or undefined if there is none. Settings that are missing are a calm run's. */
export function scenarioOf(line: TraceLine | undefined): Scenario | undefined {
  if (line?.what !== 'scenario' || typeof line.data !== 'object' || line.data === null) return undefined
  return { ...CALM, ...line.data }
}
