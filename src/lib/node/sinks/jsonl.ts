/**
 * The sink `jsonl`: a file of JSON Lines, its first line naming the cluster, each other one an executed transaction. Exactly once: where it stands is what its
 * last whole line says, and a torn one behind it is cut off. What a torn end is stands in `jsonl-tail.ts`.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { invariant, MusigError } from '../../base/errors.js'
import { takeLock } from '../lock-file.js'
import { systemCode, writePrivateFile } from '../private-file.js'
import { linesOf, readFully, readLine, tailOf, UNSYNCED_BYTES } from './jsonl-tail.js'
import type { HeldRecord, Sink, SinkPosition, SinkRecord } from './sink.js'

/** What is written goes to the end, whatever somebody else has done to the file: that is seen by its size afterwards. */
const MODE = constants.O_RDWR | constants.O_APPEND
/** The first line is shorter. */
const MAX_HEADER_BYTES = 4096
const TYPE = 'musig-executed'

interface OpenFile {
  file: FileHandle
  /** Where the records begin, and where the next one goes. */
  begin: number
  end: number
  release: () => Promise<void>
}

export class JsonlSink implements Sink {
  readonly #path: string
  readonly #cluster: { clusterId: string; cluster: string }
  #opening: Promise<SinkPosition> | undefined
  #open: OpenFile | undefined

  constructor(path: string, cluster: { clusterId: string; cluster: string }) {
    this.#path = path
    this.#cluster = cluster
  }

  open(): Promise<SinkPosition> {
    this.#opening = this.#begin()
    return this.#opening
  }

  async #begin(): Promise<SinkPosition> {
    const release = await takeLock(`${this.#path}.lock`, (holder) => `process ${holder ?? 'unknown'} writes to it`)
    let file: FileHandle | undefined
    try {
      file = await this.#openFile()
      const begin = await this.#readHeader(file)
      const { end, count, logDigest } = await tailOf(file, begin, this.#path)
      // Cut off before anything is written behind it. What a process has written that was killed before its sync counts from now on, and so must be surely there.
      if ((await file.stat()).size > end) await file.truncate(end)
      await file.sync()
      this.#open = { file, begin, end, release }
      return { count, logDigest }
    } catch (error) {
      await file?.close()
      await release()
      throw error
    }
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    for (let rest = records.map((record) => Buffer.from(`${JSON.stringify(record)}\n`)); rest.length > 0; ) {
      let bytes = 0
      const over = rest.findIndex((line) => {
        bytes += line.length
        return bytes > UNSYNCED_BYTES
      })
      const lines = over < 0 ? rest : rest.slice(0, Math.max(1, over))
      rest = rest.slice(lines.length)
      await this.#append(Buffer.concat(lines))
    }
  }

  async *held(): AsyncIterable<readonly HeldRecord[]> {
    const { file, begin, end } = this.#opened()
    for await (const lines of linesOf(file, begin, end)) {
      yield lines.map((text) => {
        const line = readLine(text)
        if (!line) throw new MusigError('CHECK_FAILED', `${this.#path} is damaged: it has a line that is no record`)
        return line
      })
    }
  }

  kept(position: SinkRecord['position']): SinkRecord['position'] {
    return position
  }

  async close(): Promise<void> {
    // An opening that ended later would keep the lock.
    await this.#opening?.catch(() => {})
    const opened = this.#open
    this.#open = undefined
    await opened?.file.close().catch(() => {})
    await opened?.release()
  }

  #opened(): OpenFile {
    invariant(this.#open, 'a sink is opened before it is used')
    return this.#open
  }

  async #append(lines: Buffer): Promise<void> {
    const opened = this.#opened()
    await this.#check(opened, opened.end)
    try {
      for (let done = 0; done < lines.length; ) done += (await opened.file.write(lines, done)).bytesWritten
      await opened.file.datasync()
    } catch (error) {
      // What could not be synced can be read all the same, and would count at the next opening.
      await opened.file.truncate(opened.end).catch(() => {})
      throw error
    }
    await this.#check(opened, opened.end + lines.length)
    opened.end += lines.length
  }

  /** Errors: where somebody else has moved the file away, cut it off or written to it: what is written would not stand where it is looked for. */
  async #check({ file }: OpenFile, bytes: number): Promise<void> {
    const [held, named] = await Promise.all([file.stat({ bigint: true }), stat(this.#path, { bigint: true }).catch(() => undefined)])
    if (named?.ino !== held.ino || named.dev !== held.dev)
      throw new Error(`${this.#path} is not the file any more that was opened: somebody else has moved it away`)
    if (held.size !== BigInt(bytes)) throw new Error(`${this.#path} has ${held.size} bytes and not ${bytes}: somebody else has changed it`)
  }

  /** Opens the file; a new one has its first line from the beginning. */
  async #openFile(): Promise<FileHandle> {
    try {
      return await open(this.#path, MODE)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
    await writePrivateFile(this.#path, `${JSON.stringify({ schema: 1, type: TYPE, ...this.#cluster })}\n`)
    return open(this.#path, MODE)
  }

  /** Resolves with where the first line ends. */
  async #readHeader(file: FileHandle): Promise<number> {
    const buffer = Buffer.alloc(MAX_HEADER_BYTES)
    await readFully(file, buffer, 0)
    const end = buffer.indexOf('\n')
    const header = end < 0 ? undefined : readHeader(buffer.toString('utf8', 0, end))
    if (!header) throw new MusigError('CHECK_FAILED', `${this.#path} is there and is no file of executed transactions: nothing was changed in it`)
    if (header.clusterId !== this.#cluster.clusterId)
      throw new MusigError('CHECK_FAILED', `${this.#path} holds the transactions of another cluster (${header.clusterId.slice(0, 16)}…)`)
    return end + 1
  }
}

function readHeader(line: string): { clusterId: string } | undefined {
  try {
    const header: { type?: unknown; schema?: unknown; clusterId?: unknown } | null = JSON.parse(line)
    const { type, schema, clusterId } = header ?? {}
    return type === TYPE && schema === 1 && typeof clusterId === 'string' ? { clusterId } : undefined
  } catch {
    return undefined
  }
}
