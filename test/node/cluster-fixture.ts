/** A cluster's files in a temporary folder (throw-away keys, manifest, addresses on free ports, token), for tests that start signers. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toHex, utf8 } from '../../src/lib/base/bytes.js'
import { digestOf } from '../../src/lib/base/hash.js'
import { LOCAL_TIMING, type Manifest, makeManifest, manifestToJson, signerEntry } from '../../src/lib/core/manifest.js'
import { signTransaction, type Transaction } from '../../src/lib/core/transaction.js'
import { putPayload } from '../../src/lib/machine/documents.js'
import type { Json } from '../../src/lib/machine/json.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { insecureKey, keyFileText, openSecret } from '../../src/lib/node/keystore.js'
import type { SignerConfig } from '../../src/lib/node/signer-config.js'

export const TOKEN = 'f'.repeat(64)

export interface ClusterFiles {
  folder: string
  manifest: Manifest
  /** Where the APIs are, and the links too unless they are over TLS. */
  addresses: string[]
  clusterFile: string
  /** By the signers' indices. */
  configs: SignerConfig[]
  remove(): void
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Writes the files of a cluster of `n` signers that run `documents`; `tlsHost`: their links listen there, over TLS; `deltaMs`: that of the synchrony guard. */
export async function clusterFiles(n: number, seed = 'test', tlsHost?: string, deltaMs = 0): Promise<ClusterFiles> {
  const crypto = loadCrypto()
  const folder = mkdtempSync(join(tmpdir(), 'musig-test-'))
  const keys = Array.from({ length: n }, (_, i) => {
    const secret = digestOf(utf8(`${seed}/${i}`))
    secret[0] = 1
    const key = openSecret('signer', secret, crypto)
    if (key.kind !== 'signer') throw new Error('no signer key')
    return key
  })
  const manifest = makeManifest({
    name: seed,
    epoch: 0,
    tolerance: { a: 1, b: 2 },
    deltaMs,
    machine: 'documents',
    test: true,
    tree: { strategy: 'random', fanout: 2 },
    window: 4,
    timing: LOCAL_TIMING,
    signers: keys.map((key, i) => signerEntry(crypto, key.secretKey, key.linkSecretKey, `s${i}`)),
  })
  const ports = await freePorts(2 * n)
  const addresses = ports.slice(0, n).map((port) => `http://127.0.0.1:${port}`)
  const links = tlsHost === undefined ? addresses : ports.slice(n).map((port) => `wss://${tlsHost}:${port}`)
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return join(folder, name)
  }
  const signers = addresses.map((url, index) => ({ index, url }))
  const linkAddresses = links.map((url, index) => ({ index, url }))
  const shared = {
    manifest: file('manifest.json', JSON.stringify(manifestToJson(manifest))),
    addresses: file('addresses.json', JSON.stringify(linkAddresses)),
    tokenFile: file('token', `${TOKEN}\n`),
  }
  mkdirSync(join(folder, 'stores'))
  const configs = manifest.signers.map((signer, i) => {
    const key = keys.find(({ publicKey }) => toHex(publicKey) === toHex(signer.publicKey))
    if (!key) throw new Error('a key of the manifest is missing')
    const own = { key: file(`key-${i}.json`, keyFileText(insecureKey(key))), store: join(folder, 'stores', String(i)) }
    return { ...shared, ...own, ...(tlsHost !== undefined && { api: addresses[i] }) }
  })
  const clusterFile = file('cluster.json', JSON.stringify({ schema: 1, signers }))
  return { folder, manifest, addresses, clusterFile, configs, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

let nonces = 0

/** A transaction that makes a document, or another version of it. Unsigned where the machine allows it. */
export function putDocument(manifest: Manifest, name: string, content: Json): Transaction {
  const { deps, payload } = putPayload(name, content)
  const crypto = loadCrypto()
  const transaction = { deps, payload, client: null, nonce: utf8(`nonce-${nonces++}`), expiry: null, signature: null }
  return signTransaction(crypto.ed25519, manifest.clusterId, digestOf(utf8('client')), transaction)
}
