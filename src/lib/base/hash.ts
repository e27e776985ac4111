/** SHA-256, and the digest under which everything is signed: tag ‖ clusterId ‖ deterministic CBOR of the content (§2). */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, fromHex, type Id, toHex, utf8 } from './bytes.js'

export { sha256 }

/** The digest of raw parts, put together as they stand. */
export function digestOf(...parts: Uint8Array[]): Uint8Array {
  return sha256(parts.length === 1 && parts[0] ? parts[0] : concat(...parts))
}

/** The digest of a statement: `tag` (without its closing NUL) keeps kinds of statements apart, `clusterId` keeps clusters apart. */
export function statementDigest(tag: string, clusterId: Id, content: Uint8Array): Uint8Array {
  return sha256(concat(utf8(`${tag}\0`), fromHex(clusterId), content))
}

/** The same as an id. */
export function statementId(tag: string, clusterId: Id, content: Uint8Array): Id {
  return toHex(statementDigest(tag, clusterId, content))
}
