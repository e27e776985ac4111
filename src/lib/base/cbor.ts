/**
 * Deterministic CBOR (RFC 8949 §4.2) through cborg. Decoding accepts exactly the bytes that encoding would have produced, so that bytes
 * and value determine one another and a digest over either is a digest over both.
 */
import { decode as cborDecode, encode as cborEncode, type Token, Tokenizer, Type } from 'cborg'
import { equalBytes, utf8 } from './bytes.js'
import { compareKeys } from './cbor-writer.js'
import { MusigError } from './errors.js'

/** The part of CBOR's data model that is used: no floats, tags, undefined or negative numbers. Maps have text keys. */
export type Plain = number | string | boolean | null | Uint8Array | Plain[] | Map<string, Plain>

/** Lists and maps inside one another; no message comes near. */
const MAX_DEPTH = 64

const DECODE_OPTIONS = {
  strict: true,
  useMaps: true,
  retainStringBytes: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  allowBigInt: false,
} as const

export function encodeCbor(value: Plain): Uint8Array {
  // cborg sorts keys by length and then by bytes, twice as fast as in its mode for RFC 8949; for text the two are the same.
  return cborEncode(value)
}

/**
 * Decodes one CBOR item of at most `maxBytes`. Byte strings in it are copies, so that a small one does not keep all the rest in memory, unless it `shares`.
 * Errors: `BAD_ENCODING`, for whatever is wrong with the bytes; never anything else.
 */
export function decodeCbor(bytes: Uint8Array, maxBytes: number, { shares = false } = {}): Plain {
  if (bytes.length > maxBytes) throw new MusigError('BAD_ENCODING', `${bytes.length} bytes of CBOR, at most ${maxBytes} are taken`)
  const input = new Uncopied(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length)
  let value: unknown
  try {
    value = cborDecode(input, { ...DECODE_OPTIONS, tokenizer: new Deterministic(input, shares) })
  } catch (error) {
    // Deep nesting ends as a RangeError of the stack: as wrong as any other malformed input.
    throw new MusigError('BAD_ENCODING', `malformed CBOR: ${error instanceof Error ? error.message : String(error)}`)
  }
  const fault = plainFault(value)
  if (fault) throw new MusigError('BAD_ENCODING', `CBOR ${fault}`)
  return value as Plain
}

/** cborg copies each piece that it looks at, keys too: most of what decoding would take. */
class Uncopied extends Uint8Array {
  override slice(start = 0, end = this.length): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.buffer as ArrayBuffer, this.byteOffset + start, end - start)
  }
}

/** Refuses what cannot be seen any more once it is decoded: floats, for 2.0 looks like 2, and text whose bytes are not those of its characters. */
class Deterministic extends Tokenizer {
  readonly #shares: boolean

  constructor(input: Uncopied, shares: boolean) {
    super(input, DECODE_OPTIONS)
    this.#shares = shares
  }

  override next(): Token {
    const token = super.next()
    if (Type.equals(token.type, Type.bytes)) {
      if (!this.#shares) token.value = token.value.slice()
      return token
    }
    if (Type.equals(token.type, Type.float)) throw new Error('floats are not used')
    if (Type.equals(token.type, Type.string) && !isExact(token.value, token.byteValue)) throw new Error('text is not in UTF-8')
    return token
  }
}

/** Wrong bytes decode to a replacement character each, and a mark at the beginning is dropped. */
function isExact(text: string, bytes: Uint8Array | undefined): boolean {
  // The empty text is decoded without its bytes.
  if (!bytes) return text === ''
  return text.length === bytes.length && !text.includes('\ufffd') ? true : equalBytes(utf8(text), bytes)
}

/**
 * What in a decoded value is outside `Plain`, too deep, or not as encoding would have written it: with the shortest numbers and lengths (`strict`) and exact text
 * that leaves the order of keys. Not recursive: how deep the stack is here must not decide what is refused.
 */
function plainFault(value: unknown): string | undefined {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = []
    for (const item of level) {
      if (typeof item === 'number' && !(Number.isSafeInteger(item) && item >= 0)) return 'with a number that is not a whole number from 0 to 2⁵³ − 1'
      if (depth >= MAX_DEPTH && (Array.isArray(item) || item instanceof Map)) return `nested more than ${MAX_DEPTH} deep`
      if (Array.isArray(item)) for (const inner of item) next.push(inner)
      if (item instanceof Map) {
        let before: string | undefined
        for (const [key, inner] of item) {
          if (typeof key !== 'string') return 'with a map key that is not text'
          if (before !== undefined && compareKeys(before, key) >= 0) return 'whose map keys are not in order'
          before = key
          next.push(inner)
        }
      }
    }
    level = next
  }
  return undefined
}
