/**
 * JSON as the built-in state machines take it: read so that every signer, whatever runs it, gets the same value or the same refusal (no key
 * twice, no number that cannot be kept, bounded depth), and written in one way only (RFC 8785), so that equal values are equal text.
 */
import { fromUtf8 } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'

/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** How deep lists and objects may be nested. */
const MAX_DEPTH = 64

/** In valid JSON text: a string, a number, or a bracket or colon. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[{}[\]:]/g

/** Reads JSON in UTF-8. Errors: `BAD_ENCODING`, with a reason that is the same everywhere. */
export function readJson(bytes: Uint8Array): Json {
  const text = fromUtf8(bytes) ?? ''
  let value: Json
  try {
    value = JSON.parse(text)
  } catch {
    // The engine's own words differ between its versions, and reasons stand in receipts.
    throw new MusigError('BAD_ENCODING', 'not JSON in UTF-8')
  }
  refuseAmbiguous(text)
  return value
}

/** Refuses valid JSON text that readers understand differently: RFC 8259 leaves each of these open. */
function refuseAmbiguous(text: string): void {
  /** The keys of each open object, undefined for a list. */
  const open: (Set<string> | undefined)[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : undefined)
      if (open.length > MAX_DEPTH) throw new MusigError('BAD_ENCODING', `JSON nested more than ${MAX_DEPTH} deep`)
    } else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const keys = open.at(-1)
      if (keys?.has(last)) throw new MusigError('BAD_ENCODING', 'JSON with a key that stands twice')
      keys?.add(last)
    } else if (token.startsWith('"')) {
      last = token.includes('\\') ? JSON.parse(token) : token.slice(1, -1)
      if (/\p{Surrogate}/u.test(last)) throw new MusigError('BAD_ENCODING', 'JSON text with half a surrogate pair')
    } else if (!isKept(token)) throw new MusigError('BAD_ENCODING', 'JSON with a number that cannot be kept exactly')
  }
}

/** Whether a number survives reading: finite, and exact if it is whole. */
function isKept(token: string): boolean {
  return /^-?\d+$/.test(token) ? Number.isSafeInteger(Number(token)) : Number.isFinite(Number(token))
}

/** The one canonical text of a value (RFC 8785: no spaces, keys sorted by UTF-16 units). */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1))
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`
}
