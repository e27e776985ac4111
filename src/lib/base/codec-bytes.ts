/**
 * The bytes of codecs: how a value goes straight into CBOR and comes out of it. Owns the fields of objects as they stand there, sorted, with their names encoded once.
 * What a value must be is up to its codec; what is wrong with bytes, to `decodeCbor`.
 */
import { compareKeys, decodeCbor, encodeCbor, type Plain } from './cbor.js'
import { type CborReader, unread } from './cbor-reader.js'
import type { CborWriter } from './cbor-writer.js'
import type { Codec } from './codec.js'

/** Writes a value, through its plain form where its codec knows no other way. */
export function write<T>(codec: Codec<T>, value: T, to: CborWriter): void {
  if (codec.write) codec.write(value, to)
  else to.raw(encodeCbor(codec.encode(value, 'cbor') as Plain))
}

/** Reads what `write` wrote, and throws whatever on all else. */
export function read<T>(codec: Codec<T>, from: CborReader): T {
  if (codec.read) return codec.read(from)
  const item = from.item()
  return codec.decode(decodeCbor(item, item.length), 'cbor', '')
}

/** A field as it stands in the bytes. */
export interface Field {
  name: string
  /** Its name, encoded. */
  key: Uint8Array
  codec: Codec<unknown>
}

/** Fields in the order of their bytes. */
export function fieldsOf(fields: Record<string, Codec<unknown>>): Field[] {
  return Object.entries(fields)
    .map(([name, codec]) => ({ name, key: encodeCbor(name), codec }))
    .sort((a, b) => compareKeys(a.name, b.name))
}

/** Writes an object. */
export function writeFields(fields: readonly Field[], value: Record<string, unknown>, to: CborWriter): void {
  to.map(fields.length)
  for (const { name, key, codec } of fields) {
    to.raw(key)
    write(codec, value[name], to)
  }
}

/** Reads an object into `value`, which may hold others already. */
export function readFields<V extends Record<string, unknown>>(fields: readonly Field[], from: CborReader, value: V): V {
  if (from.map() !== fields.length) unread()
  for (const { name, key, codec } of fields) {
    from.expect(key)
    ;(value as Record<string, unknown>)[name] = read(codec, from)
  }
  return value
}

/** The fields of a variant with its type among them; undefined where it is not made by `object`. */
export function kindOf(type: Codec<string>, codec: Codec<unknown>): Field[] | undefined {
  const fields = codec.fields?.map(({ name, codec: inner }) => [name, inner] as const)
  return fields && fieldsOf({ ...Object.fromEntries(fields), type })
}

const TYPE_KEY = encodeCbor('type')

/** The type of the tagged object that comes next; nothing is read yet. */
export function typeAhead(from: CborReader): string {
  const { at } = from
  // Only shorter names and a few of four letters stand before it.
  for (let left = from.map(); left > 0 && !from.isNext(TYPE_KEY); left--) from.skip(2)
  const type = from.text()
  from.back(at)
  return type
}
