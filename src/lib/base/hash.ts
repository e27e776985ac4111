/** SHA-256, and the digest under which everything is signed: tag ‖ clusterId ‖ deterministic CBOR of the content (§2). */
import { sha256 as portableSha256 } from '@noble/hashes/sha2.js'
import { concat, fromHex, type Id, toHex, utf8 } from './bytes.js'

/** Node's own SHA-256, several times as fast on short input. Browsers have none that answers at once. */
interface NodeCrypto {
  hash(algorithm: 'sha256', data: Uint8Array, encoding: 'hex'): string
  hash(algorithm: 'sha256', data: Uint8Array, encoding: 'buffer'): Uint8Array
}
const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => NodeCrypto | undefined } }
const nodeCrypto = process?.getBuiltinModule?.('node:crypto')

/** SHA-256 as 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array<ArrayBuffer> {
  // Not as a Buffer: that is compared and printed in another way.
  return nodeCrypto ? new Uint8Array(nodeCrypto.hash('sha256', data, 'buffer')) : portableSha256(data)
}

function sha256Id(data: Uint8Array): Id {
  return nodeCrypto ? nodeCrypto.hash('sha256', data, 'hex') : toHex(portableSha256(data))
}

/** The digest of raw parts, put together as they stand. */
export function digestOf(...parts: Uint8Array[]): Uint8Array {
  return sha256(parts.length === 1 && parts[0] ? parts[0] : concat(...parts))
}

/** The digest of a statement: `tag` (without its closing NUL) keeps kinds of statements apart, `clusterId` keeps clusters apart. */
export function statementDigest(tag: string, clusterId: Id, content: Uint8Array): Uint8Array {
  return sha256(framed(tag, clusterId, content))
}

/** The same as an id. */
export function statementId(tag: string, clusterId: Id, content: Uint8Array): Id {
  return sha256Id(framed(tag, clusterId, content))
}

/** What stands before the content, by tag and cluster: a process knows few of either. */
const frames = new Map<string, Uint8Array>()
const FRAMES_KEPT = 256

function framed(tag: string, clusterId: Id, content: Uint8Array): Uint8Array {
  const name = `${tag}\0${clusterId}`
  let frame = frames.get(name)
  if (!frame) {
    frame = concat(utf8(`${tag}\0`), fromHex(clusterId))
    if (frames.size >= FRAMES_KEPT) frames.clear()
    frames.set(name, frame)
  }
  return concat(frame, content)
}
