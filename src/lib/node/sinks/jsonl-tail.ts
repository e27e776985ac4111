/**
 * The end of a JSON Lines file of executed transactions: up to where its lines are whole, after its writer or the machine died in the middle of one. Owns
 * telling a torn end, which may be cut off, from a damaged file, which is left alone.
 */
import type { FileHandle } from 'node:fs/promises'
import { MusigError } from '../../base/errors.js'
import type { SinkPosition, SinkRecord } from './sink.js'

/** So many bytes may be written between two syncs, unless one line alone has more: a torn end is no longer. */
export const UNSYNCED_BYTES = 4 * 1024 * 1024

/** No line is nearly as long: where none ends within so many bytes the end is not read any further back. */
const LONGEST_LINE_BYTES = 64 * 1024 * 1024

/** Read at once. */
const READ_BYTES = 1024 * 1024

/** A line as it is read back: no more of it is looked at. */
export type ReadLine = Pick<SinkRecord, 'index' | 'txId' | 'batchId' | 'position' | 'logDigest'>

export interface Tail extends SinkPosition {
  /** Where the last whole line ends, in bytes. */
  end: number
}

/** Reads a line; undefined if it is not one that a sink has written. */
export function readLine(line: string): ReadLine | undefined {
  try {
    const read: Partial<ReadLine> | null = JSON.parse(line)
    const { index, txId, batchId, position, logDigest } = read ?? {}
    if (typeof index !== 'number' || typeof txId !== 'string' || typeof batchId !== 'string' || typeof position !== 'object') return undefined
    return logDigest === null || typeof logDigest === 'string' ? { index, txId, batchId, position, logDigest } : undefined
  } catch {
    return undefined
  }
}

/** Finds the end of the whole lines of a file whose records begin at `begin`. Errors: `CHECK_FAILED` if more than a torn end is damaged. */
export async function tailOf(file: FileHandle, begin: number, path: string): Promise<Tail> {
  const { size } = await file.stat()
  for (let window = 2 * UNSYNCED_BYTES; window <= LONGEST_LINE_BYTES; window *= 2) {
    const from = Math.max(begin, size - window)
    const buffer = Buffer.alloc(size - from)
    await readFully(file, buffer, from)
    const tail = lastWhole(buffer, from, from === begin)
    if (!tail) continue
    const cut = buffer.subarray(tail.end - from)
    if (cut.length > UNSYNCED_BYTES && cut.indexOf('\n') !== cut.lastIndexOf('\n'))
      throw new MusigError('CHECK_FAILED', `${path} is damaged at byte ${tail.end}, and not by a torn end: move it away to have it written anew`)
    return tail
  }
  throw new MusigError(
    'CHECK_FAILED',
    `${path} is damaged: no line ends within its last ${LONGEST_LINE_BYTES} bytes; move it away to have it written anew`,
  )
}

/** The last line of a buffer up to which all are whole; undefined where none of them is and more stands before the buffer. */
function lastWhole(buffer: Buffer, from: number, isAll: boolean): Tail | undefined {
  let start = isAll ? 0 : buffer.indexOf('\n') + 1
  let tail: Tail | undefined = isAll ? { count: 0, logDigest: null, end: from } : undefined
  for (let end = buffer.indexOf('\n', start); end >= 0; end = buffer.indexOf('\n', start)) {
    const line = readLine(buffer.toString('utf8', start, end))
    if (!line || (tail && line.index !== tail.count)) break
    start = end + 1
    tail = { count: line.index + 1, logDigest: line.logDigest, end: from + start }
  }
  return tail
}

/** The whole lines between two places of a file, as many at a time as one read brings. */
export async function* linesOf(file: FileHandle, begin: number, end: number): AsyncIterable<string[]> {
  let rest = Buffer.alloc(0)
  for (let at = begin; at < end; ) {
    const chunk = Buffer.alloc(Math.min(READ_BYTES, end - at))
    await readFully(file, chunk, at)
    at += chunk.length
    // Not by a reader of lines: those of Node end lines at U+2028 too, which JSON text may hold.
    const last = chunk.lastIndexOf('\n')
    if (last < 0) rest = Buffer.concat([rest, chunk])
    else {
      yield Buffer.concat([rest, chunk.subarray(0, last)])
        .toString('utf8')
        .split('\n')
      rest = chunk.subarray(last + 1)
    }
  }
}

/** Fills a buffer from a place in a file; what is behind the file's end stays zero. */
export async function readFully(file: FileHandle, buffer: Buffer, from: number): Promise<void> {
  for (let done = 0; done < buffer.length; ) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, from + done)
    if (bytesRead === 0) return
    done += bytesRead
  }
}
