/** A sink in memory: what the port asks for and nothing else. Its place is what survives it. */
import { MusigError } from '../../../src/lib/base/errors.js'
import type { HeldRecord, Sink, SinkPosition, SinkRecord } from '../../../src/lib/node/sinks/sink.js'

export class MemoryPlace {
  readonly records: SinkRecord[] = []
  writer: MemorySink | undefined
}

export class MemorySink implements Sink {
  readonly #place: MemoryPlace

  constructor(place: MemoryPlace) {
    this.#place = place
  }

  async open(): Promise<SinkPosition> {
    if (this.#place.writer && this.#place.writer !== this) throw new MusigError('BUSY', 'another sink writes to it')
    this.#place.writer = this
    return { count: this.#place.records.length, logDigest: this.#place.records.at(-1)?.logDigest ?? null }
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#place.writer !== this) throw new Error('it is not open')
    this.#place.records.push(...records)
  }

  async *held(): AsyncIterable<readonly HeldRecord[]> {
    yield this.#place.records
  }

  kept(position: SinkRecord['position']): SinkRecord['position'] {
    return position
  }

  async close(): Promise<void> {
    if (this.#place.writer === this) this.#place.writer = undefined
  }
}
