/** Input that a command is given by name: a file, or `-` for stdin, within a limit. */
import { createReadStream } from 'node:fs'
import { MusigError } from '../base/errors.js'
import { reasonOf } from './home.js'

const MAX_INPUT_BYTES = 64 * 1024 * 1024

/** The bytes of a file, or of stdin for `-`. Errors: `BAD_INPUT` where it cannot be read or is larger than 64 MiB. */
export async function readInput(file: string): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of file === '-' ? process.stdin : createReadStream(file)) {
      const bytes = Buffer.from(chunk)
      length += bytes.length
      if (length > MAX_INPUT_BYTES) throw new MusigError('BAD_INPUT', `${nameOf(file)} is larger than ${MAX_INPUT_BYTES} bytes`)
      chunks.push(bytes)
    }
  } catch (error) {
    if (error instanceof MusigError) throw error
    throw new MusigError('BAD_INPUT', `cannot read ${nameOf(file)}: ${reasonOf(error)}`, { cause: error })
  }
  return Buffer.concat(chunks)
}

/** The JSON document in a file or on stdin. Errors: `BAD_INPUT`. */
export async function readJsonInput(file: string): Promise<unknown> {
  const bytes = await readInput(file)
  try {
    const document: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return document
  } catch (error) {
    throw new MusigError('BAD_INPUT', `${nameOf(file)} is not JSON: ${reasonOf(error)}`, { cause: error })
  }
}

function nameOf(file: string): string {
  return file === '-' ? 'stdin' : file
}
