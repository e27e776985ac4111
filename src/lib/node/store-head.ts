/**
 * The head file of a store: how many records the store surely holds, and the chain hash of the last of them. It stands apart from the database so that
 * a log that lost its end, which looks like one that was never longer, is told from a whole one. Records and chain belong to `store.ts`.
 */
import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { equalBytes } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'

/** A point in the log: the number of records up to it, and the chain hash (32 bytes) there. */
export interface Head {
  count: number
  chain: Uint8Array
}

/** Two slots, written in turn, each in a disk sector of its own: a torn write leaves the other one whole. */
const SLOT_OFFSETS = [0, 512] as const
const CHAIN_BYTES = 32
const CHECK_BYTES = 8
const SLOT_BYTES = 8 + CHAIN_BYTES + CHECK_BYTES

/**
 * Reads the head at `path`; `undefined` if there is no such file. Of two whole slots the later one stands. Errors: `STORE_FAILED` if no slot is whole.
 */
export function readHead(path: string): Head | undefined {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new MusigError('STORE_FAILED', `the store's head ${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  let best: Head | undefined
  for (const offset of SLOT_OFFSETS) {
    const slot = decodeSlot(bytes.subarray(offset, offset + SLOT_BYTES))
    if (slot && (!best || slot.count > best.count)) best = slot
  }
  if (!best) throw new MusigError('STORE_FAILED', `the store's head ${path} is damaged; nothing tells how many records there were`)
  return best
}

/** Makes the file at `path` hold this head and no other, durably. Errors: `STORE_FAILED` where its folder cannot be written. */
export function replaceHead(path: string, head: Head): void {
  const fresh = `${path}.tmp`
  try {
    const file = new HeadFile(fresh, true)
    file.write(head)
    file.sync()
    file.close()
    renameSync(fresh, path)
    const folder = openSync(dirname(path), 'r')
    fsyncSync(folder)
    closeSync(folder)
  } catch (error) {
    throw new MusigError(
      'STORE_FAILED',
      `${path} cannot be written: ${(error as Error).message}; it must stand apart from the store: --history FILE`,
      {
        cause: error,
      },
    )
  }
}

/** The head file, open for writing. */
export class HeadFile {
  readonly #file: number
  #slot = 0

  /** Opens or makes the file; what it holds stays until the first `write`. */
  constructor(path: string, makes: boolean) {
    this.#file = openSync(path, makes ? 'w' : 'r+', 0o600)
  }

  /**
   * Writes the head without waiting for the disk: the records are durable already, and a head that is too low after a power loss is still true.
   * Death of the process alone loses nothing.
   */
  write(head: Head): void {
    writeSync(this.#file, encodeSlot(head), 0, SLOT_BYTES, SLOT_OFFSETS[this.#slot % 2])
    this.#slot++
  }

  sync(): void {
    fsyncSync(this.#file)
  }

  close(): void {
    closeSync(this.#file)
  }
}

function encodeSlot({ count, chain }: Head): Buffer {
  const slot = Buffer.alloc(SLOT_BYTES)
  slot.writeBigUInt64BE(BigInt(count))
  slot.set(chain, 8)
  slot.set(checkOf(slot), 8 + CHAIN_BYTES)
  return slot
}

function decodeSlot(slot: Buffer): Head | undefined {
  if (slot.length !== SLOT_BYTES || !equalBytes(slot.subarray(8 + CHAIN_BYTES), checkOf(slot))) return undefined
  return { count: Number(slot.readBigUInt64BE()), chain: Uint8Array.from(slot.subarray(8, 8 + CHAIN_BYTES)) }
}

function checkOf(slot: Buffer): Buffer {
  const covered = slot.subarray(0, 8 + CHAIN_BYTES)
  return createHash('sha256').update('musig/v1/store-head\0').update(covered).digest().subarray(0, CHECK_BYTES)
}
