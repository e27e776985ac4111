/**
 * Where a sink stands that cannot tell by itself: a small file in the node's store, replaced as a whole. It also notes what is being sent, so that after a crash
 * the same is sent again under the same name.
 */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Id } from '../../base/bytes.js'
import { fromJson, id, nullable, object, uint } from '../../base/codec.js'
import { MusigError } from '../../base/errors.js'
import { readPrivateFile, writePrivateFile } from '../private-file.js'
import type { SinkPosition } from './sink.js'

const positionCodec = object({ count: uint(), logDigest: nullable(id) })
const fileCodec = object({ schema: uint(1), clusterId: id, position: positionCodec, sending: nullable(positionCodec) })

export interface Sending {
  /** All before it were taken. */
  position: SinkPosition
  /** Where it will stand once what is being sent is taken; null while nothing is. */
  sending: SinkPosition | null
}

export class PositionFile {
  readonly #path: string
  readonly #clusterId: Id

  constructor(path: string, clusterId: Id) {
    this.#path = path
    this.#clusterId = clusterId
  }

  /** Errors: `CHECK_FAILED` if it is not this cluster's, or damaged. */
  async read(): Promise<Sending> {
    const text = await readPrivateFile(this.#path).catch((error: unknown) => {
      if (error instanceof MusigError && error.code === 'NOT_FOUND') return undefined
      throw error
    })
    if (text === undefined) return { position: { count: 0, logDigest: null }, sending: null }
    const { clusterId, position, sending } = this.#decode(text)
    if (clusterId !== this.#clusterId) throw new MusigError('CHECK_FAILED', `${this.#path} is of another cluster (${clusterId.slice(0, 16)}…)`)
    return { position, sending }
  }

  async write({ position, sending }: Sending): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    await writePrivateFile(this.#path, `${JSON.stringify({ schema: 1, clusterId: this.#clusterId, position, sending })}\n`, { replace: true })
  }

  #decode(text: string) {
    try {
      return fromJson(fileCodec, JSON.parse(text), this.#path)
    } catch (error) {
      throw new MusigError('CHECK_FAILED', `${this.#path} is damaged; without it everything is delivered again from the beginning`, { cause: error })
    }
  }
}
