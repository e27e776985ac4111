/** The files that signers and peers are configured by alike: JSON, and the list of the signers' addresses. */
import { readFile } from 'node:fs/promises'
import { type Id, toHex } from '../base/bytes.js'
import { bytes, type Codec, fromJson, object, text, uint } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import type { Manifest } from '../core/manifest.js'

const url = text(200, 1)
const byIndex = object({ index: uint(LIMITS.signers), url })
const byKey = object({ index: uint(LIMITS.signers), url, publicKey: bytes(48) })

/** Errors: `NOT_FOUND`, `BAD_INPUT`, each with the file. */
export async function readJsonFile(path: string): Promise<unknown> {
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (error) {
    throw new MusigError('NOT_FOUND', `${path} cannot be read`, { cause: error })
  }
  try {
    const json: unknown = JSON.parse(content)
    return json
  } catch {
    throw new MusigError('BAD_INPUT', `${path} is not JSON`)
  }
}

/** Where signers are, by public key in hex: whatever index they have in an epoch. */
export type AddressBook = ReadonlyMap<Id, string>

/**
 * Reads `[{"index": 0, "url": "…"}, …]`: indices are those of this manifest, and with a `publicKey` in an entry that alone says whose it is. Errors: those of
 * `readJsonFile`, `BAD_ENCODING`.
 */
export async function readAddressBook(path: string, manifest: Manifest): Promise<AddressBook> {
  const json = await readJsonFile(path)
  if (!Array.isArray(json)) throw new MusigError('BAD_INPUT', `${path} is no list of addresses`)
  if (json.length > LIMITS.signers)
    throw new MusigError('BAD_INPUT', `${path} has ${json.length} addresses; there are at most ${LIMITS.signers} signers`)
  return new Map(
    json.flatMap((item: unknown, i): [Id, string][] => {
      const hasKey = typeof item === 'object' && item !== null && 'publicKey' in item
      const codec: Codec<{ index: number; url: string; publicKey?: Uint8Array }> = hasKey ? byKey : byIndex
      const entry = fromJson(codec, item, `${path}: entry ${i}`)
      const publicKey = entry.publicKey ?? manifest.signers[entry.index]?.publicKey
      return publicKey ? [[toHex(publicKey), entry.url]] : []
    }),
  )
}

/** The addresses of all signers of a manifest, by index. Errors: those of `readAddressBook`, and `BAD_INPUT` where one is missing. */
export async function readAddresses(path: string, manifest: Manifest): Promise<string[]> {
  const book = await readAddressBook(path, manifest)
  return manifest.signers.map(({ publicKey }, index) => {
    const address = book.get(toHex(publicKey))
    if (address === undefined) throw new MusigError('BAD_INPUT', `${path} has no address of signer ${index}`)
    return address
  })
}
