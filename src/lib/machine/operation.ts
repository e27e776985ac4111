/**
 * Operations: the payloads of the built-in state machines, JSON objects with an `op`. Owns reading them strictly, building them with the
 * dependency keys that they need, and the check that a transaction names those keys. What an operation does is its machine's.
 */
import { shorten, utf8 } from '../base/bytes.js'
import { type Codec, type Decoded, fromJson, mapped, refuse, text } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { normalizeKeys, type Transaction } from '../core/transaction.js'
import { readJson } from './json.js'

/** What a client sends to have an operation executed: a transaction without nonce, expiry and signature. */
export interface Draft {
  /** Dependency keys, sorted. */
  deps: string[]
  /** JSON in UTF-8. */
  payload: Uint8Array
}

/** The codec of each operation of a machine, by the value of its field `op`. */
export type Operations = Record<string, Codec<unknown>>

/** Any one of these operations. */
export type OperationOf<O extends Operations> = Decoded<O[keyof O]>

/**
 * A name within a dependency key: ASCII letters, digits and `._~:/@+-`, at most 100. Not more, because what counts as a letter and as its
 * normal form changes with the version of Unicode, and every signer must give the same answer.
 */
export const name: Codec<string> = mapped(
  text(100, 1),
  (value, place) => (/^[A-Za-z0-9._~:/@+-]+$/.test(value) ? value : refuse(place, 'a name takes letters, digits and . _ ~ : / @ + - only')),
  (value) => value,
)

/** Reads an operation. Errors: `BAD_ENCODING`, one line that names the field. */
function readOperation<O extends Operations>(operations: O, payload: Uint8Array): OperationOf<O> {
  const plain = readJson(payload)
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) refuse('payload', 'not a JSON object with an “op”')
  const op = Object.hasOwn(plain, 'op') ? plain.op : undefined
  const codec = typeof op === 'string' && Object.hasOwn(operations, op) ? operations[op] : undefined
  if (typeof op !== 'string' || codec === undefined) refuse('op', `not one of ${Object.keys(operations).join(', ')}`)
  return fromJson(codec, plain, op) as OperationOf<O>
}

/** Reads a transaction's operation and holds it against the keys it names; a string is the reason for which it can never be valid. */
export function operationOf<O extends Operations>(
  operations: O,
  keysOf: (operation: OperationOf<O>) => string[],
  transaction: Transaction,
): { operation: OperationOf<O> } | string {
  let operation: OperationOf<O>
  try {
    operation = readOperation(operations, transaction.payload)
  } catch (error) {
    if (error instanceof MusigError && error.code === 'BAD_ENCODING') return shorten(error.message, 200)
    throw error
  }
  const missing = keysOf(operation).find((key) => !transaction.deps.includes(key))
  // Without the key its place among the others would not be agreed, and what it does depends on that place.
  return missing === undefined ? { operation } : `“${missing}” is touched and not among the dependency keys`
}

/** Builds an operation. Errors: `BAD_INPUT` if the machine would refuse it whatever its state. */
export function draftOf<O extends Operations>(operations: O, keysOf: (operation: OperationOf<O>) => string[], fields: object): Draft {
  let payload: Uint8Array
  let operation: OperationOf<O>
  try {
    payload = utf8(JSON.stringify(fields))
    operation = readOperation(operations, payload)
  } catch (error) {
    throw new MusigError('BAD_INPUT', error instanceof Error ? error.message : String(error))
  }
  return { deps: normalizeKeys(keysOf(operation)), payload }
}
