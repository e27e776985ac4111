/**
 * A table from text keys to values that knows its digest: the state of the built-in machines. Entries lie in 256 buckets by the hash of
 * their key; a digest hashes only the buckets that changed since the last one, so that it stays cheap on a large table.
 */
import { utf8 } from '../base/bytes.js'
import { encodeCbor } from '../base/cbor.js'
import { type Codec, fromCbor, mapOf, object, oneOf, toCbor } from '../base/codec.js'
import { sha256 } from '../base/hash.js'

/** Entries of a table that a snapshot may hold, and its bytes. */
const MAX_ENTRIES = 10_000_000
const MAX_BYTES = 2 ** 31

interface Bucket<V> {
  entries: Map<string, V>
  digest: Uint8Array | undefined
}

/** Values are replaced, never changed in place: the digest would not see it. */
export class Table<V> {
  readonly #name: string
  readonly #entries: Codec<Map<string, V>>
  readonly #snapshot: Codec<{ table: string; entries: Map<string, V> }>
  #buckets: Bucket<V>[] = emptyBuckets()
  /** The key that was looked for last, and the number of its bucket. */
  #latest: { key?: string; number: number } = { number: 0 }

  /** `name` keeps the digests of different kinds of tables apart; `value` checks values that a snapshot brings. */
  constructor(name: string, key: Codec<string>, value: Codec<V>) {
    this.#name = name
    this.#entries = mapOf(key, value, MAX_ENTRIES)
    this.#snapshot = object({ table: oneOf([name]), entries: this.#entries })
  }

  get(key: string): V | undefined {
    return this.#bucketOf(key).entries.get(key)
  }

  set(key: string, value: V): void {
    const bucket = this.#bucketOf(key)
    bucket.entries.set(key, value)
    bucket.digest = undefined
  }

  /** All values, in no agreed order. */
  *values(): Generator<V> {
    for (const bucket of this.#buckets) yield* bucket.entries.values()
  }

  /**
   * SHA-256 over name and bucket digests, each SHA-256 over the bucket's entries in deterministic CBOR. Which bucket an entry lies in follows
   * from its key and the encoding can be read back, so two tables have equal digests exactly where they have equal entries.
   */
  digest(): Uint8Array {
    const digests = this.#buckets.map((bucket) => {
      bucket.digest ??= sha256(toCbor(this.#entries, bucket.entries))
      return bucket.digest
    })
    return sha256(encodeCbor([this.#name, ...digests]))
  }

  /** Name and entries in deterministic CBOR: equal bytes exactly where the digest is equal. */
  snapshot(): Uint8Array {
    const entries = new Map(this.#buckets.flatMap((bucket) => [...bucket.entries]))
    return toCbor(this.#snapshot, { table: this.#name, entries })
  }

  /** Takes the place of everything. Errors: `BAD_ENCODING`, and the table stays as it was. */
  restore(snapshot: Uint8Array): void {
    const { entries } = fromCbor(this.#snapshot, snapshot, MAX_BYTES, 'snapshot')
    this.#buckets = emptyBuckets()
    for (const [key, value] of entries) this.set(key, value)
  }

  /** What is set was mostly read just before: the hash is worked out once for both. */
  #bucketOf(key: string): Bucket<V> {
    if (key !== this.#latest.key) this.#latest = { key, number: sha256(utf8(key))[0] ?? 0 }
    return this.#buckets[this.#latest.number] as Bucket<V>
  }
}

function emptyBuckets<V>(): Bucket<V>[] {
  return Array.from({ length: 256 }, () => ({ entries: new Map<string, V>(), digest: undefined }))
}
