/** The logs of a cluster's signers and peers, merged by time and filtered by who wrote them and by transaction; all at once, or as they grow. Owns no format but that of a line. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import type { Id } from '../base/bytes.js'
import type { Member } from '../node/client.js'
import { type ClusterFolder, memberRecord, typedName } from './cluster-folder.js'

/** Which lines are wanted. */
export interface LogFilter {
  /** One signer or peer. */
  member: Member | undefined
  /** The id of a transaction, or its first six or more digits. */
  txId: string | undefined
}

/** A line of a log: what the process wrote as JSON, or plain text where it was none. */
export interface LogLine {
  /** The signer that wrote it, or the peer as `peer:0`, if it says. */
  self: number | string | undefined
  /** Milliseconds since 1970; NaN where the line does not say. */
  at: number
  level: number
  message: string
  /** Everything else that it says. */
  fields: Record<string, unknown>
  raw: string
}

const CHUNK_BYTES = 256 * 1024
const LOOK_MS = 200
/** Of lines that are no JSON: what Node or the start itself says before it ends. */
const ERROR_LEVEL = 50

/** Reads a cluster's logs. Errors: `NOT_FOUND`, `BAD_INPUT` on an unknown signer or peer. */
export class LogReader {
  readonly #filter: LogFilter
  readonly #files: { path: string; offset: number; rest: string }[]
  /** Batches that hold the wanted transaction. */
  readonly #batches = new Set<Id>()

  constructor(folder: ClusterFolder, filter: LogFilter) {
    const record = folder.read()
    const { member } = filter
    const wanted = member === undefined ? [...record.signers, ...record.peers] : [memberRecord(record, member)]
    this.#filter = filter
    this.#files = [...new Set(wanted.map(({ log }) => folder.resolve(log)))].map((path) => ({ path, offset: 0, rest: '' }))
  }

  /** The lines since the last call, oldest first. */
  read(): LogLine[] {
    const lines = this.#files.flatMap((file) => this.#readFile(file))
    for (const { fields } of lines) this.#noteBatch(fields)
    const wanted = lines.filter((line) => this.#isWanted(line))
    // What a process says without a time stays behind the line before it.
    return wanted
      .map((line, i) => ({ line, i }))
      .sort((x, y) => x.line.at - y.line.at || x.i - y.i)
      .map(({ line }) => line)
  }

  /** Hands on lines as they come, until the signal. */
  async follow(heard: (line: LogLine) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const line of this.read()) heard(line)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, LOOK_MS)
        function done() {
          clearTimeout(timer)
          signal.removeEventListener('abort', done)
          resolve()
        }
        signal.addEventListener('abort', done)
      })
    }
  }

  #readFile(file: { path: string; offset: number; rest: string }): LogLine[] {
    if (!existsSync(file.path)) return []
    const descriptor = openSync(file.path, 'r')
    const chunks: Buffer[] = []
    try {
      for (;;) {
        const chunk = Buffer.alloc(CHUNK_BYTES)
        const length = readSync(descriptor, chunk, 0, chunk.length, file.offset)
        if (length === 0) break
        file.offset += length
        chunks.push(chunk.subarray(0, length))
      }
    } finally {
      closeSync(descriptor)
    }
    const lines = (file.rest + Buffer.concat(chunks).toString('utf8')).split('\n')
    file.rest = lines.pop() ?? ''
    let at = 0
    return lines
      .filter((line) => line !== '')
      .map((raw) => {
        const line = parseLine(raw, at)
        at = line.at
        return line
      })
  }

  #noteBatch({ txIds, batchId }: Record<string, unknown>): void {
    const { txId } = this.#filter
    if (txId === undefined || typeof batchId !== 'string' || !Array.isArray(txIds)) return
    if (txIds.some((id: unknown) => typeof id === 'string' && id.startsWith(txId))) this.#batches.add(batchId)
  }

  #isWanted({ self, raw, fields }: LogLine): boolean {
    const { member } = this.#filter
    if (member !== undefined && self !== undefined && self !== typedName(member)) return false
    if (this.#filter.txId === undefined) return true
    return raw.includes(`"${this.#filter.txId}`) || (typeof fields['batchId'] === 'string' && this.#batches.has(fields['batchId']))
  }
}

/** A line as the process wrote it; `before` is the time of the one before. */
function parseLine(raw: string, before: number): LogLine {
  try {
    const { level, time, self, msg, ...fields } = JSON.parse(raw)
    const at = Date.parse(time)
    return {
      self: typeof self === 'number' || typeof self === 'string' ? self : undefined,
      at: Number.isNaN(at) ? before : at,
      level: typeof level === 'number' ? level : ERROR_LEVEL,
      message: String(msg ?? ''),
      fields,
      raw,
    }
  } catch {
    return { self: undefined, at: before, level: ERROR_LEVEL, message: raw, fields: {}, raw }
  }
}
