/**
 * Transactions as people write them into files, one JSON object a line: an operation of a built-in machine (`{"op": …}`, whose keys follow from it), or
 * `{"deps": […], "payload": …}` for any machine. Owns reading them; sending is the caller's.
 */
import { utf8 } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import { normalizeKeys } from '../core/transaction.js'
import { documentsDraft } from './documents.js'
import { canonicalJson, type Json, readJson } from './json.js'
import { ledgerDraft } from './ledger.js'
import type { Draft } from './operation.js'

const MAX_LINES = 100_000

/** The transactions of a text; `what` names it in errors. Errors: `BAD_INPUT` with the line. */
export function readTransactionLines(text: string, machine: string, what: string): Draft[] {
  const lines = text.split('\n').map((line, i) => ({ line: line.trim(), place: `${what}, line ${i + 1}` }))
  const filled = lines.filter(({ line }) => line !== '')
  if (filled.length === 0) throw new MusigError('BAD_INPUT', `${what} holds no transactions`)
  if (filled.length > MAX_LINES) throw new MusigError('BAD_INPUT', `${what} holds ${filled.length} transactions, at most ${MAX_LINES} are taken`)
  return filled.map(({ line, place }) => {
    try {
      return readLine(line, machine)
    } catch (error) {
      if (error instanceof MusigError && (error.code === 'BAD_INPUT' || error.code === 'BAD_ENCODING'))
        throw new MusigError('BAD_INPUT', `${place}: ${error.message}`, { cause: error })
      throw error
    }
  })
}

/** A transaction from keys and payload as they were typed. Errors: `BAD_INPUT` beyond the limits. */
export function plainDraft(keys: readonly string[], payload: Uint8Array): Draft {
  const deps = normalizeKeys(keys)
  const wrong = deps.find((key) => utf8(key).length === 0 || utf8(key).length > LIMITS.keyBytes)
  if (wrong !== undefined) throw new MusigError('BAD_INPUT', `a dependency key has 1 to ${LIMITS.keyBytes} bytes, this one ${utf8(wrong).length}`)
  if (deps.length > LIMITS.keysPerTransaction)
    throw new MusigError('BAD_INPUT', `${deps.length} dependency keys; a transaction has at most ${LIMITS.keysPerTransaction}`)
  if (payload.length > LIMITS.payloadBytes)
    throw new MusigError('BAD_INPUT', `the payload has ${payload.length} bytes; at most ${LIMITS.payloadBytes} are taken`)
  return { deps, payload }
}

/** JSON as a person typed it; `what` names it in errors. Errors: `BAD_INPUT`. */
export function readTypedJson(bytes: Uint8Array, what: string): Json {
  try {
    return readJson(bytes)
  } catch (error) {
    if (error instanceof MusigError && error.code === 'BAD_ENCODING') throw new MusigError('BAD_INPUT', `${what}: ${error.message}`, { cause: error })
    throw error
  }
}

function readLine(line: string, machine: string): Draft {
  const json = readJson(utf8(line))
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new MusigError('BAD_INPUT', 'not a JSON object')
  const { deps = [], payload, ...rest } = json
  if (payload === undefined) return operationDraft(json, machine)
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw new MusigError('BAD_INPUT', `unknown field “${unknown}”; there are deps and payload`)
  if (!Array.isArray(deps) || !deps.every((key) => typeof key === 'string')) throw new MusigError('BAD_INPUT', '“deps” is no list of text')
  return plainDraft(deps as string[], utf8(typeof payload === 'string' ? payload : canonicalJson(payload)))
}

function operationDraft(operation: { [field: string]: Json }, machine: string): Draft {
  if (!Object.hasOwn(operation, 'op')) throw new MusigError('BAD_INPUT', 'neither “payload” nor “op” in it')
  if (machine === 'ledger') return ledgerDraft(operation)
  if (machine === 'documents') return documentsDraft(operation)
  throw new MusigError('BAD_INPUT', 'the keys of its “op” are known for the built-in machines only: give deps and payload')
}
