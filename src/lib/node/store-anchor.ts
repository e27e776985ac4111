/**
 * The anchor of a store whose first records are pruned: where the records that are left begin, with the chain hash there, how far the past goes, and
 * the digest of the snapshot. It goes onto the disk in one write with the snapshot and with the records' end, and carries a check of its own.
 */
import { createHash } from 'node:crypto'
import { equalBytes } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import type { Head } from './store-head.js'

export interface Anchor {
  /** The records that are pruned. */
  records: Head
  /** The outlines that stay of them, a chain of its own. */
  past: Head
  /** SHA-256 of the snapshot; 32 zero bytes while there is none. */
  snapshot: Uint8Array
}

const HEAD_BYTES = 8 + 32
const DIGEST_BYTES = 32

/** The check binds it to the store with this genesis. */
export function encodeAnchor(genesis: Uint8Array, { records, past, snapshot }: Anchor): Uint8Array {
  const content = Buffer.concat([encodeHead(records), encodeHead(past), snapshot])
  return new Uint8Array(Buffer.concat([content, checkOf(genesis, content)]))
}

/** Errors: `STORE_FAILED`. */
export function decodeAnchor(genesis: Uint8Array, encoded: Uint8Array, folder: string): Anchor {
  const content = encoded.subarray(0, 2 * HEAD_BYTES + DIGEST_BYTES)
  if (!equalBytes(encoded.subarray(content.length), checkOf(genesis, content)))
    throw new MusigError('STORE_FAILED', `the anchor of ${folder} is damaged; nothing tells where its records begin`)
  const [records, past] = [content.subarray(0, HEAD_BYTES), content.subarray(HEAD_BYTES, 2 * HEAD_BYTES)]
  return { records: decodeHead(records), past: decodeHead(past), snapshot: content.slice(2 * HEAD_BYTES) }
}

export function digestOfSnapshot(snapshot: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(snapshot).digest())
}

function encodeHead({ count, chain }: Head): Buffer {
  const encoded = Buffer.alloc(HEAD_BYTES)
  encoded.writeBigUInt64BE(BigInt(count))
  encoded.set(chain, 8)
  return encoded
}

function decodeHead(encoded: Uint8Array): Head {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.length)
  return { count: Number(view.getBigUint64(0)), chain: encoded.slice(8) }
}

function checkOf(genesis: Uint8Array, content: Uint8Array): Buffer {
  return createHash('sha256').update('musig/v1/store-anchor\0').update(genesis).update(content).digest()
}
