/**
 * The body of a snapshot on its way to a peer (§13): first the entries of the past, each behind its length (4 bytes, big-endian), then the state of the state
 * machine. Owns taking parts in and finding out, as early as can be, that they are not what was announced; whether it is true is found out in `beginning.ts`.
 */
import { concat, type Id } from '../base/bytes.js'
import { refuse } from '../base/codec.js'
import { LIMITS } from './limits.js'
import { decodeEntry, PAST_ENTRY_BYTES, PastDigest, type PastEntry } from './past.js'

const PREFIX_BYTES = 4
const PLACE = 'snapshot'

/** What was announced. */
export interface Announced {
  executed: number
  pastBytes: number
  machineBytes: number
}

/** An entry behind its length. */
export function framed(entry: Uint8Array): Uint8Array {
  const frame = new Uint8Array(PREFIX_BYTES + entry.length)
  new DataView(frame.buffer).setUint32(0, entry.length)
  frame.set(entry, PREFIX_BYTES)
  return frame
}

export class SnapshotBody {
  readonly #announced: Announced
  /** The entries as they came, and as they are read. */
  readonly encoded: Uint8Array[] = []
  readonly entries: PastEntry[] = []
  readonly digest: PastDigest
  readonly #batches = new Set<Id>()
  /** The beginning of an entry that is not whole yet. */
  #rest: Uint8Array = new Uint8Array()
  readonly #machine: Uint8Array[] = []
  #at = 0

  /** Errors: `BAD_ENCODING` where it is larger than what is fetched. */
  constructor(clusterId: Id, announced: Announced) {
    const { pastBytes, machineBytes } = announced
    if (pastBytes + machineBytes > LIMITS.snapshotBytes) refuse(PLACE, `more than ${LIMITS.snapshotBytes} bytes`)
    this.#announced = announced
    this.digest = new PastDigest(clusterId)
  }

  /** How many bytes are here: where the next part begins. */
  get at(): number {
    return this.#at
  }

  get bytes(): number {
    return this.#announced.pastBytes + this.#announced.machineBytes
  }

  get isWhole(): boolean {
    return this.#at === this.bytes
  }

  /** The state of the state machine, once all is here. */
  machine(): Uint8Array {
    return concat(...this.#machine)
  }

  /** Takes the next part in. Errors: `BAD_ENCODING` if it cannot be one. */
  take(part: Uint8Array): void {
    // Always as much as a part may hold: who sends little at a time could keep a peer waiting for ever.
    if (part.length !== Math.min(LIMITS.partBytes, this.bytes - this.#at)) refuse(PLACE, `a part of ${part.length} bytes`)
    const ofPast = Math.max(0, Math.min(part.length, this.#announced.pastBytes - this.#at))
    this.#at += part.length
    if (ofPast > 0) this.#readEntries(part.subarray(0, ofPast))
    if (ofPast < part.length) this.#machine.push(part.slice(ofPast))
    if (this.#at < this.#announced.pastBytes) return
    if (this.#rest.length > 0) refuse(PLACE, 'a past that ends within an entry')
    if (this.#batches.size !== this.#announced.executed) refuse(PLACE, `${this.#batches.size} batches, not ${this.#announced.executed}`)
  }

  #readEntries(part: Uint8Array): void {
    const bytes = this.#rest.length > 0 ? concat(this.#rest, part) : part
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let from = 0
    while (bytes.length - from >= PREFIX_BYTES) {
      const length = view.getUint32(from)
      if (length > PAST_ENTRY_BYTES) refuse(PLACE, `an entry of ${length} bytes`)
      const end = from + PREFIX_BYTES + length
      if (end > bytes.length) break
      // Copies: a part is not held for an entry.
      this.#take(bytes.slice(from + PREFIX_BYTES, end))
      from = end
    }
    this.#rest = bytes.slice(from)
  }

  #take(encoded: Uint8Array): void {
    const entry = decodeEntry(encoded)
    if (entry.type === 'batch') {
      if (entry.isFast !== null) refuse(PLACE, 'a batch with a path')
      if (this.#batches.has(entry.id)) refuse(PLACE, `batch ${entry.id} twice`)
      if (this.#batches.size === this.#announced.executed) refuse(PLACE, `more than ${this.#announced.executed} batches`)
      this.#batches.add(entry.id)
    } else if (entry.place !== null) refuse(PLACE, 'a transaction without keys that has a place')
    this.digest.add(encoded)
    this.encoded.push(encoded)
    this.entries.push(entry)
  }
}
