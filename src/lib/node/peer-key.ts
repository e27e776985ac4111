/**
 * The link key of a peer: made when it is first started, kept in its folder (0600), and named by no manifest. It tells a signer nothing but that the same peer has
 * come again; whoever holds it can take that peer's place at a signer and nothing more.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { equalBytes } from '../base/bytes.js'
import { bytes, fromJson, object, oneOf, toJson, uint } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import type { Ed25519 } from '../bls/backend.js'
import { makePrivateFolder, readPrivateFile, writePrivateFile } from './private-file.js'

/** An ed25519 key. The secret is never printed, logged or put in an error. */
export interface PeerKey {
  linkKey: Uint8Array
  linkSecretKey: Uint8Array
}

const FILE = 'peer-key.json'
const SECRET_BYTES = 32
const fileCodec = object({ schema: uint(1), kind: oneOf(['peer']), linkKey: bytes(SECRET_BYTES), linkSecretKey: bytes(SECRET_BYTES) })

/** The key in a peer's folder; both are made where there are none. Errors: `BAD_INPUT` on a folder or file open to others, a damaged one, or one that is gone. */
export async function peerKeyOf(folder: string, ed25519: Ed25519): Promise<PeerKey> {
  await makePrivateFolder(folder)
  const path = join(folder, FILE)
  if (!existsSync(path)) {
    if (existsSync(join(folder, 'records')))
      throw new MusigError(
        'BAD_INPUT',
        `${path} is gone, and the records in ${folder} belong to its key; bring it back, or start with an empty folder`,
      )
    const linkSecretKey = Uint8Array.from(randomBytes(SECRET_BYTES))
    const fresh = { schema: 1, kind: 'peer' as const, linkKey: ed25519.publicKey(linkSecretKey), linkSecretKey }
    await writePrivateFile(path, `${JSON.stringify(toJson(fileCodec, fresh), null, 2)}\n`)
  }
  return readKey(await readPrivateFile(path), path, ed25519)
}

function readKey(text: string, path: string, ed25519: Ed25519): PeerKey {
  try {
    const { linkKey, linkSecretKey } = fromJson(fileCodec, JSON.parse(text), path)
    if (equalBytes(ed25519.publicKey(linkSecretKey), linkKey)) return { linkKey, linkSecretKey }
  } catch {
    // What is wrong with it may quote the secret.
  }
  throw new MusigError('BAD_INPUT', `${path} is no key of a peer; bring it back, or start with an empty folder`)
}
