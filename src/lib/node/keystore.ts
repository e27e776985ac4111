/**
 * Key files: one secret of 32 bytes each, a signer's BLS key or a client's ed25519 key. Owns their two forms, the EIP-2335 keystore
 * (encrypted) and the plain file for throw-away clusters (marked `"insecure": true`), the bounds on what opening one may cost, and the
 * link key that follows from a BLS key. Where they lie and what they are called is `keyring.ts`; modes and durability, `private-file.ts`.
 *
 * A signer has two secrets, but one file is enough: linkSecret = SHA-256("musig/v1/link-secret\0" ‖ blsSecret). Whoever holds the BLS key
 * could sign a new link key anyway; the link key says nothing about the BLS key.
 */
import type { IKdfModule, IKeystore } from '@chainsafe/bls-keystore'
import { equalBytes, fromHex, toHex, utf8 } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { digestOf } from '../base/hash.js'
import type { Crypto } from '../bls/backend.js'
import { readPrivateFile, writePrivateFile } from './private-file.js'

/** Whose key it is: a signer's (BLS, with its link key) or a client's (ed25519). */
export type KeyKind = 'signer' | 'client'

/** A key file as it was read: still locked (EIP-2335), or plain. The public key of a foreign keystore may be missing. */
export type KeyFile =
  | { type: 'encrypted'; kind: KeyKind; publicKey: Uint8Array | undefined; keystore: IKeystore }
  | { type: 'insecure'; kind: KeyKind; publicKey: Uint8Array; secretKey: Uint8Array }

/** An open key: what a process signs with. Never printed, logged or put in an error. */
export type OpenKey =
  | { kind: 'signer'; publicKey: Uint8Array; secretKey: Uint8Array; linkKey: Uint8Array; linkSecretKey: Uint8Array }
  | { kind: 'client'; publicKey: Uint8Array; secretKey: Uint8Array }

/** How a passphrase becomes a key; `scrypt` with 2¹⁸ rounds (256 MiB, about a second) unless told otherwise. */
export type Kdf = Pick<IKdfModule, 'function' | 'params'>

/** What opening a keystore may cost at most; checked before any of it is spent. */
const KDF_LIMITS = { scryptBytes: 2 ** 29, scryptWork: 2 ** 31, pbkdf2Rounds: 10_000_000, saltBytes: 64 } as const

const SECRET_BYTES = 32
const PUBLIC_KEY_BYTES: Record<KeyKind, number> = { signer: 48, client: 32 }

/** The secret (32 bytes) of a signer's ed25519 link key, from its BLS secret key: SHA-256("musig/v1/link-secret\0" ‖ blsSecret). */
export function linkSecretOf(blsSecretKey: Uint8Array): Uint8Array {
  return digestOf(utf8('musig/v1/link-secret\0'), blsSecretKey)
}

/** The public half and, for a signer, the link key that belong to a secret. Errors: `BAD_INPUT` if it is no secret key. */
export function openSecret(kind: KeyKind, secretKey: Uint8Array, crypto: Crypto): OpenKey {
  if (secretKey.length !== SECRET_BYTES) throw new MusigError('BAD_INPUT', `a secret key has ${SECRET_BYTES} bytes, not ${secretKey.length}`)
  if (kind === 'client') return { kind, secretKey, publicKey: crypto.ed25519.publicKey(secretKey) }
  const linkSecretKey = linkSecretOf(secretKey)
  return { kind, secretKey, publicKey: crypto.bls.publicKey(secretKey), linkSecretKey, linkKey: crypto.ed25519.publicKey(linkSecretKey) }
}

/** Encrypts an open key as an EIP-2335 keystore. It blocks for as long as the KDF works; `encryptKeys` does several at once. */
export async function encryptKey(
  key: OpenKey,
  passphrase: string,
  { path = '', description = '', kdf }: { path?: string; description?: string; kdf?: Kdf } = {},
): Promise<KeyFile> {
  checkNewPassphrase(passphrase)
  const { create, defaultScryptModule } = await import('@chainsafe/bls-keystore')
  const keystore = await create(passphrase, key.secretKey, key.publicKey, path, description, kdf ?? defaultScryptModule())
  return encryptedKey(key, keystore)
}

/** A key file from a finished keystore of that key. */
export function encryptedKey({ kind, publicKey }: OpenKey, keystore: IKeystore): KeyFile {
  return { type: 'encrypted', kind, publicKey, keystore }
}

/** The plain form, for clusters that hold nothing of worth. */
export function insecureKey({ kind, publicKey, secretKey }: OpenKey): KeyFile {
  return { type: 'insecure', kind, publicKey, secretKey }
}

/** Errors: `BAD_INPUT` on a passphrase too short to keep anything. What EIP-2335 strips (control codes) does not count. */
export function checkNewPassphrase(passphrase: string): void {
  const length = [...passphrase.normalize('NFKD')].filter((c) => !/\p{Cc}/u.test(c)).length
  if (length < 8) throw new MusigError('BAD_INPUT', 'the passphrase is too short; it needs at least 8 characters')
}

/** Opens a key file. Errors: `BAD_INPUT` on a missing or wrong passphrase, on damage, or where the secret belongs to another public key. */
export async function unlockKey(file: KeyFile, crypto: Crypto, passphrase?: string, what = 'the key'): Promise<OpenKey> {
  const key = openSecret(file.kind, file.type === 'insecure' ? file.secretKey : await decrypt(file.keystore, passphrase, what), crypto)
  if (file.publicKey && !equalBytes(file.publicKey, key.publicKey)) {
    throw new MusigError('BAD_INPUT', `${what} is damaged: its secret key does not belong to its public key ${toHex(file.publicKey)}`)
  }
  return key
}

async function decrypt(keystore: IKeystore, passphrase: string | undefined, what: string): Promise<Uint8Array> {
  if (passphrase === undefined)
    throw new MusigError('BAD_INPUT', `${what} is encrypted; give its passphrase with --passphrase-file or MUSIG_PASSPHRASE_FILE`)
  const library = await import('@chainsafe/bls-keystore')
  try {
    return Uint8Array.from(await library.decrypt(keystore, passphrase))
  } catch (error) {
    if (error instanceof Error && error.message === 'Invalid password') throw new MusigError('BAD_INPUT', `wrong passphrase for ${what}`)
    // The library's own words stay out: they come from a place that held the secret.
    throw new MusigError('BAD_INPUT', `${what} cannot be opened: its KDF or cipher refuses its parameters`)
  }
}

/** The text of a key file. A signer's keystore has the fields of EIP-2335 and no other, so that other tools take it. */
export function keyFileText(file: KeyFile): string {
  return `${JSON.stringify(keyFileJson(file), null, 2)}\n`
}

function keyFileJson(file: KeyFile): object {
  if (file.type === 'insecure')
    return { schema: 1, insecure: true, kind: file.kind, publicKey: toHex(file.publicKey), secretKey: toHex(file.secretKey) }
  if (file.kind === 'signer') return file.publicKey ? { ...file.keystore, pubkey: toHex(file.publicKey) } : file.keystore
  const { pubkey: _, ...rest } = file.keystore
  return { kind: 'client', ...(file.publicKey ? { publicKey: toHex(file.publicKey) } : {}), ...rest }
}

/** Reads the text of a key file of either form. Errors: `BAD_INPUT` that names `what` and never quotes the text. */
export async function parseKeyFile(text: string, what: string): Promise<KeyFile> {
  const json = parseObject(text, what)
  if (json.insecure === true) return parseInsecure(json, what)
  const library = await import('@chainsafe/bls-keystore')
  const problem = library.schemaValidationErrors(json)?.[0]
  if (problem) throw new MusigError('BAD_INPUT', `${what} is no key file: ${shapeProblem(problem.instancePath, problem.message)}`)
  const kind = parseKind(json.kind ?? 'signer', what)
  const publicKey = json.pubkey ?? json.publicKey
  const keystore = library.Keystore.fromObject(json).toObject() as IKeystore
  checkCost(keystore.crypto.kdf, what)
  checkBytes(keystore.crypto.cipher.message, SECRET_BYTES, `${what}: its ciphertext`)
  checkBytes(keystore.crypto.cipher.params.iv, 16, `${what}: its iv`)
  checkBytes(keystore.crypto.checksum.message, 32, `${what}: its checksum`)
  return { type: 'encrypted', kind, keystore, publicKey: publicKey === undefined ? undefined : parsePublicKey(publicKey, kind, what) }
}

function shapeProblem(place: string, message = 'is malformed'): string {
  // Of alternatives the library names only what the first one lacks.
  if (place.startsWith('/crypto/kdf/')) return 'its kdf is no well-formed pbkdf2 or scrypt of EIP-2335'
  return `${place || 'the document'} ${message}`
}

function parseObject(text: string, what: string): Record<string, unknown> {
  if (text.trim() === '') throw new MusigError('BAD_INPUT', `${what} is empty`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new MusigError('BAD_INPUT', `${what} is no key file: it is not JSON`)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new MusigError('BAD_INPUT', `${what} is no key file: it is not a JSON object`)
  return json as Record<string, unknown>
}

function parseInsecure(json: Record<string, unknown>, what: string): KeyFile {
  if (json.schema !== 1) throw new MusigError('BAD_INPUT', `${what} is no key file that is known: its schema is not 1`)
  const kind = parseKind(json.kind, what)
  return {
    type: 'insecure',
    kind,
    publicKey: parsePublicKey(json.publicKey, kind, what),
    secretKey: checkBytes(json.secretKey, SECRET_BYTES, `${what}: its secretKey`),
  }
}

function parseKind(kind: unknown, what: string): KeyKind {
  if (kind !== 'signer' && kind !== 'client') throw new MusigError('BAD_INPUT', `${what} is no key file: its kind is neither signer nor client`)
  return kind
}

function parsePublicKey(hex: unknown, kind: KeyKind, what: string): Uint8Array {
  return checkBytes(hex, PUBLIC_KEY_BYTES[kind], `${what}: its public key`)
}

/** The value stays out of the error: it may be a secret. */
function checkBytes(hex: unknown, length: number, what: string): Uint8Array {
  if (typeof hex !== 'string' || !/^(0x)?([0-9a-f]{2})*$/i.test(hex)) throw new MusigError('BAD_INPUT', `${what} is not hex`)
  const bytes = fromHex(hex)
  if (bytes.length !== length) throw new MusigError('BAD_INPUT', `${what} has ${bytes.length} bytes, not ${length}`)
  return bytes
}

function checkCost(kdf: IKdfModule, what: string): void {
  const refuse = (problem: string): never => {
    throw new MusigError('BAD_INPUT', `${what}: its ${kdf.function} ${problem}; it was not opened`)
  }
  const { salt, dklen } = kdf.params
  if (dklen !== 32) refuse(`makes a key of ${dklen} bytes, not 32`)
  if (!/^([0-9a-f]{2})+$/i.test(salt)) refuse('has a salt that is not hex')
  if (salt.length > 2 * KDF_LIMITS.saltBytes) refuse(`has a salt of more than ${KDF_LIMITS.saltBytes} bytes`)
  if (kdf.function === 'pbkdf2') {
    const { c } = kdf.params
    if (c < 1 || c > KDF_LIMITS.pbkdf2Rounds) refuse(`asks for ${c} rounds, from 1 to ${KDF_LIMITS.pbkdf2Rounds} are taken`)
    return
  }
  const { n, r, p } = kdf.params
  if (n < 2 || !Number.isInteger(Math.log2(n)) || r < 1 || p < 1) refuse(`has impossible costs n=${n}, r=${r}, p=${p}`)
  if (128 * n * r > KDF_LIMITS.scryptBytes) refuse(`asks for ${128 * n * r} bytes of memory, at most ${KDF_LIMITS.scryptBytes} are given`)
  if (128 * n * r * p > KDF_LIMITS.scryptWork) refuse(`asks for too much work (n=${n}, r=${r}, p=${p})`)
}

/** Reads a key file that must be closed to others. Errors: `NOT_FOUND`, `BAD_INPUT`. */
export async function readKeyFile(path: string): Promise<KeyFile> {
  return parseKeyFile(await readPrivateFile(path), path)
}

/** Writes a key file, 0600, wholly or not at all. Errors: `ALREADY_EXISTS` unless `replace`. */
export async function writeKeyFile(path: string, file: KeyFile, options: { replace?: boolean } = {}): Promise<void> {
  await writePrivateFile(path, keyFileText(file), options)
}

/** Reads and opens a key file; `passphrase` is asked only if it is encrypted. Errors: as for `readKeyFile` and `unlockKey`. */
export async function openKeyFile(path: string, crypto: Crypto, passphrase?: () => Promise<string>): Promise<OpenKey> {
  const file = await readKeyFile(path)
  return unlockKey(file, crypto, file.type === 'encrypted' ? await passphrase?.() : undefined, path)
}
