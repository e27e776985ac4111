/**
 * The key with which a person's transactions are signed: one from the keyring by name, or the cluster's own throw-away client key, made on first use, so
 * that a local cluster can be used at once.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { MusigError } from '../base/errors.js'
import { loadCrypto } from '../node/crypto.js'
import { insecureKey, type OpenKey, openKeyFile, openSecret, writeKeyFile } from '../node/keystore.js'
import type { ClusterFolder } from './cluster-folder.js'

type ClientKey = OpenKey & { kind: 'client' }

/** A client's key of the state folder, by its name; `ask` gets its passphrase if it is encrypted. Errors: `NOT_FOUND`, `BAD_INPUT`. */
export async function namedClientKey(home: string, name: string, ask: () => Promise<string>): Promise<ClientKey> {
  // Loaded only where it is needed: a command starts faster without.
  const { Keyring } = await import('../node/keyring.js')
  const ring = new Keyring(join(home, 'keys'))
  const stored = await ring.find(name)
  if (stored.kind !== 'client')
    throw new MusigError('BAD_INPUT', `“${stored.name}” is a signer’s key; transactions are signed with one of: musig keys gen --kind client`)
  return clientOnly(await ring.open(stored, loadCrypto('noble'), ask), stored.name)
}

/** The cluster's own client key, made if there is none yet: a plain file (0600) in the cluster's folder. */
export async function clusterClientKey(folder: ClusterFolder): Promise<ClientKey> {
  const path = folder.resolve('client.json')
  const crypto = loadCrypto('noble')
  try {
    return clientOnly(await openKeyFile(path, crypto), path)
  } catch (error) {
    if (!(error instanceof MusigError) || error.code !== 'NOT_FOUND') throw error
  }
  try {
    await writeKeyFile(path, insecureKey(openSecret('client', Uint8Array.from(randomBytes(32)), crypto)))
  } catch (error) {
    // Another command was first: its key is the cluster's.
    if (!(error instanceof MusigError) || error.code !== 'ALREADY_EXISTS') throw error
  }
  return clientOnly(await openKeyFile(path, crypto), path)
}

function clientOnly(key: OpenKey, what: string): ClientKey {
  if (key.kind !== 'client') throw new MusigError('BAD_INPUT', `${what} holds a signer’s key, not a client’s`)
  return key
}
