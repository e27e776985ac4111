/**
 * Deterministic CBOR (RFC 8949 §4.2) through cborg. Decoding accepts exactly the bytes that encoding would have produced, so that bytes
 * and value determine one another and a digest over either is a digest over both.
 */
import { decode as cborDecode, encode as cborEncode, rfc8949EncodeOptions } from 'cborg'
import { equalBytes } from './bytes.js'
import { MusigError } from './errors.js'

/** The part of CBOR's data model that is used: no floats, tags, undefined or negative numbers. Maps have text keys. */
export type Plain = number | string | boolean | null | Uint8Array | Plain[] | Map<string, Plain>

/** Lists and maps inside one another; no message comes near. */
const MAX_DEPTH = 64

const DECODE_OPTIONS = {
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  allowBigInt: false,
} as const

export function encodeCbor(value: Plain): Uint8Array {
  return cborEncode(value, rfc8949EncodeOptions)
}

/** Decodes one CBOR item of at most `maxBytes`. Errors: `BAD_ENCODING`, for whatever is wrong with the bytes; never anything else. */
export function decodeCbor(bytes: Uint8Array, maxBytes: number): Plain {
  if (bytes.length > maxBytes) throw new MusigError('BAD_ENCODING', `${bytes.length} bytes of CBOR, at most ${maxBytes} are taken`)
  let value: Plain
  let again: Uint8Array
  try {
    value = cborDecode(bytes, DECODE_OPTIONS) as Plain
    again = encodeCbor(value)
  } catch (error) {
    // Deep nesting ends as a RangeError of the stack: as wrong as any other malformed input.
    throw new MusigError('BAD_ENCODING', `malformed CBOR: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!equalBytes(bytes, again)) throw new MusigError('BAD_ENCODING', 'CBOR is not in its deterministic form (RFC 8949 §4.2)')
  const fault = plainFault(value)
  if (fault) throw new MusigError('BAD_ENCODING', `CBOR ${fault}`)
  return value
}

/** What in a decoded value is outside `Plain` or too deep. Not recursive: how deep the stack is here must not decide what is refused. */
function plainFault(value: unknown): string | undefined {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = []
    for (const item of level) {
      if (typeof item === 'number' && !(Number.isSafeInteger(item) && item >= 0)) return 'with a number that is not a whole number from 0 to 2⁵³ − 1'
      if (depth >= MAX_DEPTH && (Array.isArray(item) || item instanceof Map)) return `nested more than ${MAX_DEPTH} deep`
      if (Array.isArray(item)) for (const inner of item) next.push(inner)
      if (item instanceof Map) {
        for (const [key, inner] of item) {
          if (typeof key !== 'string') return 'with a map key that is not text'
          next.push(inner)
        }
      }
    }
    level = next
  }
  return undefined
}
