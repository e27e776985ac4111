/**
 * A folder of keys by name: NAME.json holds the secret (`keystore.ts`), NAME.pub.json what others may know of it, with a signer's proof of
 * possession and its signed link key, so that a public export needs no passphrase. Owns names, look-up and what a public key file says.
 */
import { readdir, unlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { equalBytes, toHex } from '../base/bytes.js'
import { bytes, type Codec, fromJson, object, oneOf, text, toJson } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import type { Crypto } from '../bls/backend.js'
import { linkDigest, proofDigest, signerEntry } from '../core/manifest.js'
import { type KeyFile, type KeyKind, keyFileText, type OpenKey, readKeyFile, unlockKey } from './keystore.js'
import { checkPrivateFolder, makePrivateFolder, readPrivateFile, systemCode, writePrivateFile } from './private-file.js'

const SECRET_SUFFIX = '.json'
const PUBLIC_SUFFIX = '.pub.json'
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

const signerCodec = object({
  kind: oneOf(['signer']),
  name: text(64, 1),
  region: text(64),
  publicKey: bytes(48),
  linkKey: bytes(32),
  proof: bytes(96),
  linkSignature: bytes(96),
})
const clientCodec = object({ kind: oneOf(['client']), name: text(64, 1), publicKey: bytes(32) })

/** What others may know of a signer: its line of a manifest (§2). */
export type PublicSigner = ReturnType<(typeof signerCodec)['decode']>
/** What others may know of a client. */
type PublicClient = ReturnType<(typeof clientCodec)['decode']>
export type PublicKeyFile = PublicSigner | PublicClient

/** A key of the folder as it stands there: still locked if it is encrypted. */
export interface StoredKey {
  name: string
  /** The key file. */
  path: string
  kind: KeyKind
  publicKey: Uint8Array
  insecure: boolean
  file: KeyFile
}

/** The public half of an open key, with fresh proofs where it is a signer's. */
export function publicKeyFile(crypto: Crypto, key: OpenKey, name: string, region = ''): PublicKeyFile {
  if (key.kind === 'client') return { kind: 'client', name, publicKey: key.publicKey }
  return { kind: 'signer', ...signerEntry(crypto, key.secretKey, key.linkSecretKey, name, region) }
}

/** The fields of a public key file, bytes in hex. */
export function publicKeyFields(file: PublicKeyFile): object {
  return (file.kind === 'signer' ? toJson(signerCodec, file) : toJson(clientCodec, file)) as object
}

/** A public key file as it is written. */
export function publicKeyJson(file: PublicKeyFile): object {
  return { schema: 1, ...publicKeyFields(file) }
}

/** Reads a public key file's JSON. Shapes only: see `checkPublicKey`. Errors: `BAD_ENCODING` with the place. */
export function readPublicKey(json: unknown, what = 'public key file'): PublicKeyFile {
  if (typeof json !== 'object' || json === null) throw new MusigError('BAD_ENCODING', `${what}: not an object`)
  const { schema, ...rest } = json as Record<string, unknown>
  if (schema !== 1) throw new MusigError('BAD_ENCODING', `${what}.schema: not 1, the version that is known`)
  const codec: Codec<PublicKeyFile> = (rest.kind === 'client' ? clientCodec : signerCodec) as Codec<PublicKeyFile>
  return fromJson(codec, rest, what)
}

/** What is wrong with a public key file's key, proof of possession or signed link key; `undefined` if nothing is. */
export function checkPublicKey(crypto: Crypto, file: PublicKeyFile): string | undefined {
  if (file.kind === 'client') return undefined
  const { publicKey, linkKey, proof, linkSignature } = file
  if (!crypto.bls.isPublicKey(publicKey)) return 'the public key is no point of the group, or the point at infinity'
  if (!crypto.bls.verify([{ message: proofDigest(publicKey), publicKeys: [publicKey] }], proof)) return 'the proof of possession does not hold'
  if (!crypto.bls.verify([{ message: linkDigest(publicKey, linkKey), publicKeys: [publicKey] }], linkSignature))
    return 'the link key is not signed by the BLS key'
  return undefined
}

/** A folder of keys. */
export class Keyring {
  readonly folder: string

  constructor(folder: string) {
    this.folder = resolve(folder)
  }

  /** The folder's names, sorted. None if there is no folder yet. Errors: `BAD_INPUT` if it is open to others. */
  async names(): Promise<string[]> {
    const entries = await readdir(this.folder).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined
      throw new MusigError('BAD_INPUT', `cannot read ${this.folder}: ${systemCode(error) ?? 'unknown error'}`, { cause: error })
    })
    if (!entries) return []
    await checkPrivateFolder(this.folder)
    const names = entries
      .filter((entry) => entry.endsWith(SECRET_SUFFIX) && !entry.endsWith(PUBLIC_SUFFIX))
      .map((entry) => entry.slice(0, -SECRET_SUFFIX.length))
    return names.filter((name) => NAME.test(name)).sort()
  }

  async list(): Promise<StoredKey[]> {
    const keys: StoredKey[] = []
    for (const name of await this.names()) keys.push(await this.read(name))
    return keys
  }

  /**
   * A key by its name, or by the first characters (6 or more) of its public key. `undefined`: the only key of the folder. Errors: `NOT_FOUND`
   * with the names there are, `BAD_INPUT` where several are meant.
   */
  async find(wanted?: string): Promise<StoredKey> {
    const names = await this.names()
    if (wanted === undefined) {
      const [only, ...others] = names
      if (only !== undefined && others.length === 0) return this.read(only)
      if (only !== undefined) throw new MusigError('BAD_INPUT', `there are ${names.length} keys; choose one with --key: ${listOf(names)}`)
      throw new MusigError('NOT_FOUND', `no keys in ${this.folder}; make one with: musig keys gen`)
    }
    if (names.includes(wanted)) return this.read(wanted)
    const prefix = wanted.toLowerCase().replace(/^0x/, '')
    const found = /^[0-9a-f]{6,}$/.test(prefix) ? (await this.list()).filter((key) => toHex(key.publicKey).startsWith(prefix)) : []
    const [first, ...others] = found
    if (first && others.length === 0) return first
    if (first) throw new MusigError('BAD_INPUT', `${wanted} is the beginning of several keys: ${listOf(found.map((key) => key.name))}`)
    throw new MusigError('NOT_FOUND', `no key “${wanted}” in ${this.folder}${names.length > 0 ? `; there are: ${listOf(names)}` : ''}`)
  }

  private async read(name: string): Promise<StoredKey> {
    const path = this.secretPath(name)
    const file = await readKeyFile(path)
    const { kind, publicKey } = file
    if (!publicKey) throw new MusigError('BAD_INPUT', `${path} does not say its public key; bring it in with: musig keys import ${path} --name NAME`)
    return { name, path, kind, publicKey, insecure: file.type === 'insecure', file }
  }

  /** Opens a key of this folder; `ask` gets its passphrase and is not called for a plain one. Errors: as for `unlockKey`. */
  async open(key: StoredKey, crypto: Crypto, ask: () => Promise<string>): Promise<OpenKey> {
    return unlockKey(key.file, crypto, key.insecure ? undefined : await ask(), `the key ${key.name}`)
  }

  secretPath(name: string): string {
    return join(this.folder, checkName(name) + SECRET_SUFFIX)
  }

  publicPath(name: string): string {
    return join(this.folder, checkName(name) + PUBLIC_SUFFIX)
  }

  /** The public half that was written with a key; `undefined` if it is missing or of another key. Errors: `BAD_INPUT`, `BAD_ENCODING`. */
  async publicHalf(key: StoredKey): Promise<PublicKeyFile | undefined> {
    const path = this.publicPath(key.name)
    const content = await readPrivateFile(path, { loose: true }).catch((error: unknown) => {
      if (error instanceof MusigError && error.code === 'NOT_FOUND') return undefined
      throw error
    })
    if (content === undefined) return undefined
    const half = readPublicKey(parseJson(content, path), path)
    return half.kind === key.kind && equalBytes(half.publicKey, key.publicKey) ? half : undefined
  }

  /** Writes the public half of a key that is there already. */
  async putPublicHalf(half: PublicKeyFile): Promise<void> {
    await writePrivateFile(this.publicPath(half.name), publicText(half), { replace: true })
  }

  /** Names for `count` new keys: `name` itself for one, `name-0`, `name-1`, … for several, the next that are free if none was asked for. */
  async newNames(count: number, name: string | undefined, kind: KeyKind): Promise<string[]> {
    const taken = new Set(await this.names())
    if (name !== undefined) {
      checkName(name)
      const names = count === 1 ? [name] : Array.from({ length: count }, (_, i) => checkName(`${name}-${i}`))
      const clash = names.find((one) => taken.has(one))
      if (clash !== undefined) throw new MusigError('ALREADY_EXISTS', `there is a key “${clash}” in ${this.folder} already; choose another --name`)
      return names
    }
    const names: string[] = []
    for (let i = 0; names.length < count; i++) if (!taken.has(`${kind}-${i}`)) names.push(`${kind}-${i}`)
    return names
  }

  /** Writes new keys, all or none. Errors: `ALREADY_EXISTS`, `BAD_INPUT` (modes, disk). */
  async add(keys: readonly { file: KeyFile; half: PublicKeyFile }[]): Promise<void> {
    await makePrivateFolder(this.folder)
    const written: string[] = []
    try {
      for (const { file, half } of keys) {
        for (const [path, content] of [
          [this.secretPath(half.name), keyFileText(file)],
          [this.publicPath(half.name), publicText(half)],
        ] as const) {
          await writePrivateFile(path, content, { replace: path.endsWith(PUBLIC_SUFFIX) })
          written.push(path)
        }
      }
    } catch (error) {
      for (const path of written) await unlink(path).catch(() => undefined)
      throw error
    }
  }
}

function publicText(half: PublicKeyFile): string {
  return `${JSON.stringify(publicKeyJson(half), null, 2)}\n`
}

function parseJson(content: string, path: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    throw new MusigError('BAD_INPUT', `${path} is not JSON`)
  }
}

/** Errors: `BAD_INPUT` on a name that could not be a file's. */
function checkName(name: string): string {
  if (!NAME.test(name) || name.endsWith('.pub')) {
    throw new MusigError('BAD_INPUT', `“${name}” is no name for a key; use up to 64 letters, digits, “.”, “_” or “-”, a letter or digit first`)
  }
  return name
}

function listOf(names: readonly string[]): string {
  return names.length <= 8 ? names.join(', ') : `${names.slice(0, 8).join(', ')} and ${names.length - 8} more`
}
