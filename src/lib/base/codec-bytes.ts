/**
 * The bytes of codecs: how a value goes straight into CBOR and comes out of it. Owns the fields of objects as they stand there, sorted, with their names encoded once.
 * What a value must be is up to its codec; what is wrong with bytes, to `decodeCbor`.
 */
import { utf8 } from './bytes.js'
import { type CborReader, unread } from './cbor-reader.js'
import { type CborWriter, compareKeys } from './cbor-writer.js'
import type { Codec } from './codec.js'
import { invariant } from './errors.js'

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
    .map(([name, codec]) => ({ name, key: encoded(name), codec }))
    .sort((a, b) => compareKeys(a.name, b.name))
}

/** Writes an object. */
export function writeFields(fields: readonly Field[], value: Record<string, unknown>, to: CborWriter): void {
  to.map(fields.length)
  for (const { name, key, codec } of fields) {
    to.raw(key)
    codec.write(value[name], to)
  }
}

/** Reads an object into `value`, which may hold others already. */
export function readFields<V extends Record<string, unknown>>(fields: readonly Field[], from: CborReader, value: V): V {
  if (from.map() !== fields.length) unread()
  for (const { name, key, codec } of fields) {
    from.expect(key)
    ;(value as Record<string, unknown>)[name] = codec.read(from)
  }
  return value
}

const TYPE_KEY = encoded('type')

/** The type of the tagged object that comes next; nothing is read yet. */
export function typeAhead(from: CborReader): string {
  const { at } = from
  // Only shorter names and a few of four letters stand before it.
  for (let left = from.map(); left > 0 && !from.isNext(TYPE_KEY); left--) from.skip(2)
  const type = from.text()
  from.back(at)
  return type
}

/** The name of a field as text of CBOR. Names are short: the head is one byte. No writer is needed where nothing is written. */
function encoded(name: string): Uint8Array {
  const bytes = utf8(name)
  invariant(bytes.length < 24, `the name of a field, ${name}, is short`)
  return Uint8Array.of(0x60 + bytes.length, ...bytes)
}
