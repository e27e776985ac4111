/**
 * Receipts of machines that others wrote: read strictly, and copied, so that nothing that the machine still holds stands in what was told to clients. Built-in
 * machines make theirs well and are not read.
 */
import { shorten, utf8Length } from '../base/bytes.js'
import { refuse } from '../base/codec.js'
import type { Receipt } from './state-machine.js'

/** Bytes of a receipt as JSON. */
export const MAX_RECEIPT_BYTES = 1024 * 1024

/** Characters of the reason of a refusal. */
export const MAX_REASON = 1000

/** A value as JSON has it, `undefined` where there is nothing. Errors: `BAD_ENCODING` if it is no JSON or larger than `maxBytes`. */
export function jsonCopy(value: unknown, place: string, maxBytes: number): unknown {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    refuse(place, `not JSON: ${shorten(error instanceof Error ? error.message : String(error), 100)}`)
  }
  if (text === undefined) return undefined
  if (text.length > maxBytes || (text.length * 3 > maxBytes && utf8Length(text) > maxBytes)) refuse(place, `more than ${maxBytes} bytes of JSON`)
  const copy: unknown = JSON.parse(text)
  return copy
}

/** A receipt that a machine gave. Errors: `BAD_ENCODING` that says what is wrong with it. */
export function readReceipt(given: unknown): Receipt {
  const copy = jsonCopy(given, 'receipt', MAX_RECEIPT_BYTES)
  if (typeof copy !== 'object' || copy === null || Array.isArray(copy)) refuse('receipt', 'neither {ok: true, result} nor {ok: false, reason}')
  const { ok, result = null, reason } = copy as { ok?: unknown; result?: unknown; reason?: unknown }
  if (ok === true) return { ok, result }
  if (ok !== false) refuse('receipt', '“ok” is neither true nor false')
  if (typeof reason !== 'string' || reason === '') refuse('receipt', '“reason” is no text')
  return { ok, reason: shorten(reason, MAX_REASON) }
}
