/** SHA-256, and the digest under which everything is signed: tag ‖ clusterId ‖ deterministic CBOR of the content (§2). */
import { sha256 as portableSha256 } from '@noble/hashes/sha2.js'
import { concat, fromHex, type Id, toHex, utf8 } from './bytes.js'

/** Node's own SHA-256, several times as fast on short input. Browsers have none that answers at once. */
interface NodeCrypto {
  hash(algorithm: 'sha256', data: Uint8Array, encoding: 'hex' | 'latin1'): string
}
const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => NodeCrypto | undefined } }
const nodeCrypto = process?.getBuiltinModule?.('node:crypto')

/** SHA-256 as 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array<ArrayBuffer> {
  if (!nodeCrypto) return portableSha256(data)
  // A character for each byte: to make a Buffer takes Node longer than to hash.
  const text = nodeCrypto.hash('sha256', data, 'latin1')
  const digest = new Uint8Array(32)
  for (let i = 0; i < 32; i++) digest[i] = text.charCodeAt(i)
  return digest
}

function sha256Id(data: Uint8Array): Id {
  return nodeCrypto ? nodeCrypto.hash('sha256', data, 'hex') : toHex(portableSha256(data))
}

/** The digest of raw parts, put together as they stand. */
export function digestOf(...parts: Uint8Array[]): Uint8Array {
  return sha256(parts.length === 1 && parts[0] ? parts[0] : joined(parts))
}

/** Short input is put together here, to be hashed at once: larger memory of one's own costs as much as the hash. */
const scratch = new Uint8Array(1024)

function joined(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = length <= scratch.length ? scratch.subarray(0, length) : new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** The digest of a statement: `tag` (without its closing NUL) keeps kinds of statements apart, `clusterId` keeps clusters apart. */
export function statementDigest(tag: string, clusterId: Id, content: Uint8Array): Uint8Array {
  return sha256(framed(tag, clusterId, [content]))
}

/** The same as an id; the content may come in parts. */
export function statementId(tag: string, clusterId: Id, ...content: Uint8Array[]): Id {
  return sha256Id(framed(tag, clusterId, content))
}

/** What stands before the content, by cluster and tag: a process knows few of either. */
const frames = new Map<Id, Map<string, Uint8Array>>()
const CLUSTERS_KEPT = 64

function framed(tag: string, clusterId: Id, content: readonly Uint8Array[]): Uint8Array {
  let ofCluster = frames.get(clusterId)
  if (!ofCluster) {
    if (frames.size >= CLUSTERS_KEPT) frames.clear()
    ofCluster = new Map()
    frames.set(clusterId, ofCluster)
  }
  let frame = ofCluster.get(tag)
  if (!frame) {
    frame = concat(utf8(`${tag}\0`), fromHex(clusterId))
    ofCluster.set(tag, frame)
  }
  return joined([frame, ...content])
}
