/**
 * Codecs: from a value to its plain form and back, checking type, shape and limits on the way in. One codec serves two forms: `cbor`, where
 * bytes are byte strings and maps are maps, and `json`, where bytes are hex text and maps are objects. Every list has a limit.
 *
 * CBOR is written and read straight from and to its bytes, with the same checks of each value: a batch of transactions is not made into maps of maps on its way.
 * What cannot be read that way is decoded by the long one, which says what is wrong.
 */
import { fromHex, type Id, shorten, toHex, utf8Length } from './bytes.js'
import { decodeCbor } from './cbor.js'
import { CborReader, unread } from './cbor-reader.js'
import { CborWriter, compareKeys } from './cbor-writer.js'
import { type Field, fieldsOf, readFields, typeAhead, writeFields } from './codec-bytes.js'
import { MusigError } from './errors.js'

/** The two plain forms: deterministic CBOR's data model, or JSON's. */
export type Form = 'cbor' | 'json'

/** Translates between a value and its plain form. `decode` refuses whatever `encode` could not have made: `BAD_ENCODING` with the place. */
export interface Codec<T> {
  encode(value: T, form: Form): unknown
  decode(plain: unknown, form: Form, place: string): T
  /** The bytes of its CBOR form. */
  write(value: T, to: CborWriter): void
  /** Reads what `write` wrote, and throws on all else. */
  read(from: CborReader): T
}

/** The codec of an object: with its fields, in the order of its bytes. */
export interface ObjectCodec<T> extends Codec<T> {
  readonly fields: readonly Field[]
}

/** The type of the values of a codec. */
export type Decoded<C> = C extends Codec<infer T> ? T : never

/** Refuses a value at a place (`vote.view.pending[3]`). */
export function refuse(place: string, problem: string): never {
  throw new MusigError('BAD_ENCODING', `${place}: ${problem}`)
}

/** A value of someone else's document as an error line may quote it: whatever its size and depth. */
export function quoted(plain: unknown): string {
  if (Array.isArray(plain)) return 'a list'
  return typeof plain === 'object' && plain !== null ? 'an object' : shorten(String(JSON.stringify(plain)))
}

export function toCbor<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new CborWriter()
  codec.write(value, writer)
  return writer.end()
}

/** Errors: `BAD_ENCODING` on malformed, non-deterministic or ill-shaped bytes. `shares`: as `decodeCbor`. */
export function fromCbor<T>(codec: Codec<T>, bytes: Uint8Array, maxBytes: number, place = 'message', { shares = false } = {}): T {
  if (bytes.length <= maxBytes) {
    try {
      const reader = new CborReader(bytes, shares)
      const value = codec.read(reader)
      reader.end()
      return value
    } catch {
      // What is wrong is said below.
    }
  }
  return codec.decode(decodeCbor(bytes, maxBytes, { shares }), 'cbor', place)
}

export function toJson<T>(codec: Codec<T>, value: T): unknown {
  return codec.encode(value, 'json')
}

/** Reads what `JSON.parse` gave. Errors: `BAD_ENCODING` with the place that is wrong. */
export function fromJson<T>(codec: Codec<T>, plain: unknown, place = 'document'): T {
  return codec.decode(plain, 'json', place)
}

/** A whole number from 0 to `max`. */
export function uint(max = Number.MAX_SAFE_INTEGER): Codec<number> {
  const decode: Codec<number>['decode'] = (plain, _form, place) => {
    if (typeof plain !== 'number' || !Number.isSafeInteger(plain) || plain < 0 || Object.is(plain, -0)) refuse(place, 'not a whole number ≥ 0')
    if (plain > max) refuse(place, `${plain} is above ${max}`)
    return plain
  }
  return {
    encode: (value) => value,
    decode,
    write: (value, to) => (Number.isSafeInteger(value) && value >= 0 ? to.uint(value) : refuse('value', 'not a whole number ≥ 0')),
    read: (from) => decode(from.uint(), 'cbor', ''),
  }
}

/** Text of `min` to `max` bytes of UTF-8, well-formed. */
export function text(max: number, min = 0): Codec<string> {
  const decode: Codec<string>['decode'] = (plain, _form, place) => {
    if (typeof plain !== 'string') refuse(place, 'not text')
    if (plain.length > max || (plain.length * 3 > max && utf8Length(plain) > max)) refuse(place, `text longer than ${max} bytes`)
    if (plain.length < min && utf8Length(plain) < min) refuse(place, min === 1 ? 'empty text' : `text shorter than ${min} bytes`)
    if (/\p{Surrogate}/u.test(plain)) refuse(place, 'text with half a surrogate pair')
    // UTF-8 decoders drop it, so such a text would not come back from CBOR as it went in.
    if (plain.startsWith('\ufeff')) refuse(place, 'text with a byte order mark')
    return plain
  }
  return { encode: (value) => value, decode, write: (value, to) => to.text(value), read: (from) => decode(from.text(), 'cbor', '') }
}

/** Bytes, as many as `length` says: one number for exactly that many, or a range. In JSON lower-case hex. */
export function bytes(length: number | { max: number; min?: number }): Codec<Uint8Array> {
  const [min, max] = typeof length === 'number' ? [length, length] : [length.min ?? 0, length.max]
  const decode: Codec<Uint8Array>['decode'] = (plain, form, place) => {
    const value = form === 'json' ? hexAt(plain, place, max) : plain
    if (!(value instanceof Uint8Array)) refuse(place, 'not bytes')
    if (value.length < min || value.length > max)
      refuse(place, min === max ? `${value.length} bytes, not ${max}` : `${value.length} bytes, not ${min} to ${max}`)
    return value
  }
  return {
    encode: (value, form) => (form === 'json' ? toHex(value) : value),
    decode,
    write: (value, to) => to.bytes(value),
    read: (from) => decode(from.bytes(), 'cbor', ''),
  }
}

function hexAt(plain: unknown, place: string, max: number): Uint8Array {
  if (typeof plain !== 'string' || plain.length % 2 !== 0) refuse(place, 'not hex text')
  if (plain.length > 2 * max) refuse(place, `${plain.length / 2} bytes, at most ${max} are taken`)
  if (!/^[0-9a-f]*$/.test(plain)) refuse(place, 'not lower-case hex text')
  return fromHex(plain)
}

/** A digest: 32 bytes in CBOR, 64 lower-case hex characters everywhere else. */
export const id: Codec<Id> = {
  encode: (value, form) => (form === 'json' ? value : fromHex(value)),
  decode(plain, form, place) {
    if (form === 'json') {
      if (typeof plain !== 'string' || !/^[0-9a-f]{64}$/.test(plain)) refuse(place, 'not an id of 64 lower-case hex characters')
      return plain
    }
    if (!(plain instanceof Uint8Array) || plain.length !== 32) refuse(place, 'not an id of 32 bytes')
    return toHex(plain)
  },
  write: (value, to) => to.bytes(fromHex(value)),
  read: (from) => id.decode(from.bytes(), 'cbor', ''),
}

export const bool: Codec<boolean> = {
  encode: (value) => value,
  decode: (plain, _form, place) => (typeof plain === 'boolean' ? plain : refuse(place, 'neither true nor false')),
  write: (value, to) => to.bool(value),
  read: (from) => from.bool(),
}

/** One of a fixed list of words. */
export function oneOf<const W extends string>(words: readonly W[]): Codec<W> {
  const decode: Codec<W>['decode'] = (plain, _form, place) => words.find((word) => word === plain) ?? refuse(place, `not one of ${words.join(', ')}`)
  return { encode: (value) => value, decode, write: (value, to) => to.text(value), read: (from) => decode(from.text(), 'cbor', '') }
}

export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  return {
    encode: (value, form) => (value === null ? null : codec.encode(value, form)),
    decode: (plain, form, place) => (plain === null ? null : codec.decode(plain, form, place)),
    write: (value, to) => (value === null ? to.null() : codec.write(value, to)),
    read: (from) => (from.isNull() ? null : codec.read(from)),
  }
}

/** A list of at most `max` items. */
export function list<T>(codec: Codec<T>, max: number): Codec<T[]> {
  return {
    encode: (value, form) => value.map((item) => codec.encode(item, form)),
    decode(plain, form, place) {
      if (!Array.isArray(plain)) refuse(place, 'not a list')
      if (plain.length > max) refuse(place, `${plain.length} items, at most ${max} are taken`)
      return plain.map((item, i) => codec.decode(item, form, `${place}[${i}]`))
    },
    write(value, to) {
      to.list(value.length)
      for (const item of value) codec.write(item, to)
    },
    read(from) {
      const length = from.list()
      if (length > max) unread()
      const value: T[] = []
      for (let i = 0; i < length; i++) value.push(codec.read(from))
      return value
    },
  }
}

/** A map from text keys, each read by `key` in its JSON form (ids as hex) in both forms, to values; at most `max` entries. */
export function mapOf<T>(key: Codec<string>, codec: Codec<T>, max: number): Codec<Map<string, T>> {
  return {
    encode(value, form) {
      const entries = [...value].map(([k, item]) => [key.encode(k, 'json') as string, codec.encode(item, form)] as const)
      return form === 'json' ? Object.fromEntries(entries) : new Map(entries)
    },
    decode(plain, form, place) {
      const entries = entriesOf(plain, form, place)
      if (entries.size > max) refuse(place, `${entries.size} entries, at most ${max} are taken`)
      const value = new Map<string, T>()
      for (const [k, item] of entries) value.set(key.decode(k, 'json', `${place} key`), codec.decode(item, form, `${place}.${shorten(k)}`))
      return value
    },
    write(value, to) {
      const entries = [...value].map(([k, item]) => [key.encode(k, 'json') as string, item] as const).sort(([a], [b]) => compareKeys(a, b))
      to.map(entries.length)
      for (const [k, item] of entries) {
        to.text(k)
        codec.write(item, to)
      }
    },
    read(from) {
      const size = from.map()
      if (size > max) unread()
      const value = new Map<string, T>()
      let before: string | undefined
      for (let i = 0; i < size; i++) {
        const k = from.text()
        if (before !== undefined && compareKeys(before, k) >= 0) unread()
        before = k
        value.set(key.decode(k, 'json', ''), codec.read(from))
      }
      return value
    },
  }
}

type Fields = Record<string, Codec<unknown>>
type Values<F extends Fields> = { [K in keyof F]: Decoded<F[K]> }

/** An object with exactly these fields: a missing one and an unknown one are both refused. */
export function object<F extends Fields>(fields: F): ObjectCodec<Values<F>> {
  const names = Object.keys(fields)
  const inBytes = fieldsOf(fields)
  return {
    fields: inBytes,
    write: (value, to) => writeFields(inBytes, value, to),
    read: (from) => readFields(inBytes, from, {}) as Values<F>,
    encode(value, form) {
      const entries = names.map((name) => [name, (fields[name] as Codec<unknown>).encode(value[name], form)] as const)
      return form === 'json' ? Object.fromEntries(entries) : new Map(entries)
    },
    decode(plain, form, place) {
      const entries = entriesOf(plain, form, place)
      const value: Record<string, unknown> = {}
      for (const name of names) {
        if (!entries.has(name)) refuse(place, `“${name}” is missing`)
        value[name] = (fields[name] as Codec<unknown>).decode(entries.get(name), form, `${place}.${name}`)
      }
      if (entries.size > names.length)
        refuse(place, `unknown field “${shorten([...entries.keys()].find((name) => !Object.hasOwn(fields, name)) ?? '')}”`)
      return value as Values<F>
    },
  }
}

/** A union told apart by the field `type`: `{propose: object({…}), …}` reads `{type: 'propose', …}`. */
export function tagged<V extends Record<string, ObjectCodec<unknown>>>(
  variants: V,
): Codec<{ [K in keyof V & string]: { type: K } & Decoded<V[K]> }[keyof V & string]> {
  type Union = { [K in keyof V & string]: { type: K } & Decoded<V[K]> }[keyof V & string]
  const kinds = new Map(
    Object.entries(variants).map(([type, { fields }]) => {
      const inner = Object.fromEntries(fields.map(({ name, codec }) => [name, codec]))
      return [type, fieldsOf({ ...inner, type: oneOf([type]) })]
    }),
  )
  return {
    write(value, to) {
      writeFields(kinds.get(value.type) ?? refuse('type', `“${value.type}”`), value, to)
    },
    read(from) {
      return readFields(kinds.get(typeAhead(from)) ?? unread(), from, { type: '' }) as Union
    },
    encode(value, form) {
      const inner = (variants[value.type] as Codec<unknown>).encode(value, form)
      if (inner instanceof Map) return new Map<string, unknown>([['type', value.type], ...inner])
      return { type: value.type, ...(inner as object) }
    },
    decode(plain, form, place) {
      const entries = new Map(entriesOf(plain, form, place))
      const type = entries.get('type')
      if (typeof type !== 'string' || !Object.hasOwn(variants, type)) refuse(`${place}.type`, `not one of ${Object.keys(variants).join(', ')}`)
      entries.delete('type')
      const inner = (variants[type] as Codec<unknown>).decode(form === 'json' ? Object.fromEntries(entries) : entries, form, type)
      return { type, ...(inner as object) } as Union
    },
  }
}

/** Another codec's values with a further check or another in-memory form. */
export function mapped<T, U>(codec: Codec<T>, into: (value: T, place: string) => U, from: (value: U) => T): Codec<U> {
  return {
    encode: (value, form) => codec.encode(from(value), form),
    decode: (plain, form, place) => into(codec.decode(plain, form, place), place),
    write: (value, to) => codec.write(from(value), to),
    read: (reader) => into(codec.read(reader), ''),
  }
}

/** A codec for a shape that holds itself, at most `depth` deep. */
export function nested<T>(depth: number, make: (inner: Codec<T>) => Codec<T>): Codec<T> {
  const refuseAt = (place = 'value') => refuse(place, `nested more than ${depth} deep`)
  let codec: Codec<T> = { encode: () => refuseAt(), decode: (_plain, _form, place) => refuseAt(place), write: () => refuseAt(), read: unread }
  for (let i = 0; i < depth; i++) codec = make(codec)
  return codec
}

function entriesOf(plain: unknown, form: Form, place: string): Map<string, unknown> {
  if (plain instanceof Map) {
    for (const key of plain.keys()) if (typeof key !== 'string') refuse(place, 'map with a key that is not text')
    return plain
  }
  if (form === 'json' && typeof plain === 'object' && plain !== null && !Array.isArray(plain)) return new Map(Object.entries(plain))
  return refuse(place, form === 'json' ? 'not an object' : 'not a map')
}
