/** The files that signers and peers are configured by alike: JSON, and the list of the signers' addresses. */
import { readFile } from 'node:fs/promises'
import { fromJson, list, object, text, uint } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'

const addressesCodec = list(object({ index: uint(LIMITS.signers), url: text(200, 1) }), LIMITS.signers)

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

/** The addresses of all `n` signers, by index, from `[{"index": 0, "url": "…"}, …]`. Errors: those of `readJsonFile`, `BAD_ENCODING`. */
export async function readAddresses(path: string, n: number): Promise<string[]> {
  const entries = fromJson(addressesCodec, await readJsonFile(path), path)
  const urls = new Map(entries.map(({ index, url }) => [index, url]))
  return Array.from({ length: n }, (_, index) => {
    const url = urls.get(index)
    if (url === undefined) throw new MusigError('BAD_INPUT', `${path} has no address of signer ${index}`)
    return url
  })
}
