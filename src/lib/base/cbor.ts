/**
 * Deterministic CBOR (RFC 8949 §4.2) through cborg. Decoding accepts exactly the bytes that encoding would have produced, so that bytes
 * and value determine one another and a digest over either is a digest over both.
 */
import { decode as cborDecode, encode as cborEncode, rfc8949EncodeOptions } from 'cborg'
import { equalBytes } from './bytes.js'
import { MusigError } from './errors.js'

/** The part of CBOR's data model that is used: no floats, tags, undefined or negative numbers. Maps have text keys. */
export type Plain = number | string | boolean | null | Uint8Array | Plain[] | Map<string, Plain>

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
  return value
}
