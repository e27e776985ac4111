/**
 * A chain in a store's database: values by counter, each headed by the hash over the one before it and itself. Owns keys, hashes and reading it through
 * from a known point; which chains there are is the store's affair.
 */
import { createHash } from 'node:crypto'
import type { ClassicLevel } from 'classic-level'
import { concat, equalBytes, fromHex, utf8 } from '../base/bytes.js'
import type { StoreIdentity } from './store-folder.js'
import type { Head } from './store-head.js'

export type Database = ClassicLevel<Uint8Array, Uint8Array>

/** One change of a database. */
export type Change = { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array }

const CHAIN_BYTES = 32
/** Values fetched from the database in one go. */
const PAGE = 1000

/** Where the chain of records begins: another one for each signer of each cluster. */
export function genesisOf({ clusterId, publicKey }: StoreIdentity): Uint8Array {
  return plain(createHash('sha256').update(utf8('musig/v1/store\0')).update(fromHex(clusterId)).update(publicKey).digest())
}

/** Where the chain of outlines begins. */
export function genesisOfPast(genesis: Uint8Array): Uint8Array {
  return chainAfter(genesis, utf8('past'))
}

/** The key of a counter: big-endian, behind the prefix of its chain. */
export function chainKey(prefix: Uint8Array, count: number): Uint8Array {
  const key = new Uint8Array(prefix.length + 8)
  key.set(prefix)
  new DataView(key.buffer).setBigUint64(prefix.length, BigInt(count))
  return key
}

/** What has to be put for values behind the end of a chain, and its new end. */
export function extended(prefix: Uint8Array, { count, chain }: Head, values: readonly Uint8Array[]): { changes: Change[]; end: Head } {
  const end = { count, chain }
  const changes = values.map((value): Change => {
    end.chain = chainAfter(end.chain, value)
    return { type: 'put', key: chainKey(prefix, end.count++), value: concat(end.chain, value) }
  })
  return { changes, end }
}

/** The chain hash that stands before a value. */
export function chainOf(stored: Uint8Array): Uint8Array {
  return stored.slice(0, CHAIN_BYTES)
}

/**
 * Reads what stands between `start` and the key `end`, each value checked. `passed` hears of each point of the chain; `broken` is called with the counter
 * of the first value that is not the one that was written.
 */
export async function readChain(
  database: Database,
  range: { prefix: Uint8Array; start: Head; end: Uint8Array },
  passed: (point: Head) => void,
  broken: (count: number, problem: string) => never,
): Promise<{ values: Uint8Array[]; end: Head }> {
  const { prefix, start } = range
  const values: Uint8Array[] = []
  let { count, chain } = start
  passed(start)
  const iterator = database.iterator({ gte: prefix, lt: range.end, fillCache: false, highWaterMarkBytes: 1 << 20 })
  try {
    for (let page = await iterator.nextv(PAGE); page.length > 0; page = await iterator.nextv(PAGE)) {
      for (const [key, stored] of page) {
        if (!equalBytes(key, chainKey(prefix, count))) broken(count, 'is missing')
        if (stored.length < CHAIN_BYTES) broken(count, 'is cut short')
        const value = new Uint8Array(stored.buffer, stored.byteOffset + CHAIN_BYTES, stored.length - CHAIN_BYTES)
        chain = chainAfter(chain, value)
        if (!equalBytes(chain, stored.subarray(0, CHAIN_BYTES))) broken(count, 'is altered or out of its place')
        values.push(value)
        passed({ count: ++count, chain })
      }
    }
  } finally {
    await iterator.close()
  }
  return { values, end: { count, chain } }
}

/** The chain hash of a value: SHA-256 over the one before and the value. */
function chainAfter(previous: Uint8Array, value: Uint8Array): Uint8Array {
  return plain(createHash('sha256').update(previous).update(value).digest())
}

function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}
