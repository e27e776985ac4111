/**
 * Where a sink stands in a node's log of executed transactions. Nodes agree on the order on each key and on nothing beyond it, so a sink that another node has
 * filled, or this one before its store was lost, may hold the same transactions in another order. Owns finding the place of each, and the refusal of a sink
 * that holds another history; see docs/adr/0017-sinks.md.
 */
import type { Id } from '../../base/bytes.js'
import { MusigError } from '../../base/errors.js'
import type { ExecutedLog } from '../executed-log.js'
import { LogDigest } from './log-digest.js'
import type { HeldRecord, Sink, SinkPosition } from './sink.js'

export interface Place {
  /** How many transactions of the log are in the sink without a gap, from the first on. */
  reached: number
  /** How many transactions of the log behind these are in the sink too. */
  later: number
  /** Which, a bit for each place of the log; absent where there are none. */
  bits?: Uint8Array
}

/** All transactions that the sink holds. */
export function countOf({ reached, later }: Place): number {
  return reached + later
}

/** Whether the sink holds the next transaction of the log already. */
export function isNextHeld({ reached, bits }: Place): boolean {
  return bits !== undefined && hasBit(bits, reached)
}

/** The place once the next transaction of the log is in the sink. */
export function placeBehind(place: Place): Place {
  const later = place.later - Number(isNextHeld(place))
  return { reached: place.reached + 1, later, ...(later > 0 && place.bits && { bits: place.bits }) }
}

export interface Comparison {
  sink: Pick<Sink, 'held' | 'kept'>
  log: ExecutedLog
  clusterId: Id
  /** Where the sink says that it stands. */
  position: SinkPosition
  /** The digest of the log up to where the sink stood when it was looked at last. */
  digest: LogDigest
  signal: AbortSignal
  /** Hears that the sink holds what this node has not executed yet. */
  waits: (why: string) => void
}

/**
 * Finds the place of a sink, and the digest of the log up to it. Waits where the sink holds what this node has not executed yet; undefined if `signal` aborts
 * first. Errors: `CHECK_FAILED` if it holds what contradicts the log.
 */
export async function placeOf(comparison: Comparison): Promise<{ place: Place; digest: LogDigest } | undefined> {
  const { log, clusterId, position } = comparison
  if (position.count <= log.size && (position.logDigest !== null || position.count === 0)) {
    const digest = comparison.digest.count <= position.count ? comparison.digest.copy() : LogDigest.empty(log, clusterId)
    await digest.upTo(position.count)
    if (position.count === 0 || digest.value === position.logDigest) return { place: { reached: position.count, later: 0 }, digest }
  }
  const place = await placeOfAll(comparison)
  if (!place) return undefined
  const digest = LogDigest.empty(log, clusterId)
  await digest.upTo(place.reached)
  return { place, digest }
}

/** Looks for each transaction that the sink holds in the log. */
async function placeOfAll({ sink, log, position, signal, waits }: Comparison): Promise<Place | undefined> {
  const places = new Places(log)
  const found: number[] = []
  for await (const page of sink.held()) {
    for (const held of page) {
      let place = places.of(held.txId)
      while (place === undefined) {
        refuseIfPassed(log, held)
        waits(`it holds ${position.count} transactions, and ${held.txId} among them is not executed here yet: it is fed once this node has caught up`)
        await log.grown(log.size, signal)
        if (signal.aborted) return undefined
        place = places.of(held.txId)
      }
      refuseUnlessSame(sink, log, held, place)
      found.push(place)
    }
    await new Promise((resolve) => setImmediate(resolve))
    if (signal.aborted) return undefined
  }
  if (found.length !== position.count)
    throw new MusigError(
      'CHECK_FAILED',
      `${found.length} of its ${position.count} transactions are there: it cannot be compared with this node’s log`,
    )
  return placeFrom(found, log.size)
}

function placeFrom(found: readonly number[], size: number): Place {
  const bits = new Uint8Array(Math.ceil(size / 8))
  for (const place of found) bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7))
  let reached = 0
  while (reached < size && hasBit(bits, reached)) reached++
  const later = found.length - reached
  return { reached, later, ...(later > 0 && { bits }) }
}

function hasBit(bits: Uint8Array, place: number): boolean {
  return ((bits[place >> 3] ?? 0) & (1 << (place & 7))) !== 0
}

/** The places of transactions in a log that grows. */
class Places {
  readonly #log: ExecutedLog
  readonly #places = new Map<Id, number>()

  constructor(log: ExecutedLog) {
    this.#log = log
  }

  of(txId: Id): number | undefined {
    while (this.#places.size < this.#log.size) this.#places.set(this.#log.idAt(this.#places.size), this.#places.size)
    return this.#places.get(txId)
  }
}

/** The node has executed something else at the place of a transaction that it has not executed. */
function refuseIfPassed(log: ExecutedLog, { txId, position }: HeldRecord): void {
  for (const [key, height] of Object.entries(position)) if (log.heightOf(key) >= height) throw anotherHistory(txId)
}

function refuseUnlessSame(sink: Comparison['sink'], log: ExecutedLog, { txId, batchId, position }: HeldRecord, place: number): void {
  const keys = Object.keys(position)
  // One without keys may stand in any of the batches in which it was handed in.
  if (keys.length === 0) return
  const heights = log.heightsAt(place)
  const known = sink.kept(Object.fromEntries(heights))
  if (log.outcomeOf(txId).batchId !== batchId || keys.some((key) => known[key] !== position[key])) throw anotherHistory(txId)
}

function anotherHistory(txId: Id): MusigError {
  return new MusigError(
    'CHECK_FAILED',
    `it holds transaction ${txId} at a place where this node’s order has it not: it was filled from another history`,
  )
}
