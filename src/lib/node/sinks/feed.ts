/**
 * The feed of one sink: from the node's log of executed transactions, in order, each once, for as long as the node runs. Owns where the sink stands in the log,
 * the pauses between attempts, and what is told about it. Nothing is queued here: a sink that is slow or down is a place in the log that stands still.
 */
import type { Id } from '../../base/bytes.js'
import { MusigError } from '../../base/errors.js'
import type { ExecutedLog } from '../executed-log.js'
import { LogDigest } from './log-digest.js'
import { countOf, isNextHeld, type Place, placeBehind, placeOf } from './place.js'
import { type Sink, type SinkRecord, sinkRecord, TryLater } from './sink.js'

/**
 * `connecting`: it is being opened; `ready`: it takes what is executed; `waiting`: another process writes to it, or it holds more than this node has executed;
 * `failing`: it is tried again and again; `stopped`: only its operator can see to it, and the node must be started again.
 */
export type SinkState = 'connecting' | 'ready' | 'waiting' | 'failing' | 'stopped'

/** How a sink does, as a node's status tells it. No credentials. */
export interface SinkStatus {
  name: string
  type: string
  /** Where it is. */
  target: string
  state: SinkState
  /** Transactions that it holds; null before it was opened for the first time. */
  position: number | null
  /** Transactions that this node has executed and the sink does not hold; null likewise. */
  behind: number | null
  /** What is or was last wrong; null once it takes what is executed. */
  lastError: string | null
  /** Since when it is in this state (ISO 8601). */
  since: string
}

export interface FeedOptions {
  sink: Sink
  log: ExecutedLog
  clusterId: Id
  /** What is told of it. */
  label: Pick<SinkStatus, 'name' | 'type' | 'target'>
  /** Hears of each new state or error. */
  changed?: (status: SinkStatus) => void
  /** Waits between two attempts; ends at once when `signal` aborts. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>
  /** From 0 to 1, for the jitter. */
  random?: () => number
}

/** A group that is written at once: so many records at most, and about so many bytes unless one record alone has more. */
const GROUP = { records: 1000, bytes: 1024 * 1024 } as const
/** Bytes of a record besides its payload, keys and receipt, at least. */
const RECORD_BYTES = 300
/** Records that are made before others get their turn. */
const SLICE = 50
const FIRST_PAUSE_MS = 250
const LAST_PAUSE_MS = 30_000
/** Characters of an error that are told. */
const LONGEST_ERROR = 500

export class SinkFeed {
  readonly #options: FeedOptions
  readonly #stopping = new AbortController()
  #digest: LogDigest
  /** Where it stands, once that is known. */
  #place: Place | undefined
  #state: SinkState = 'connecting'
  #lastError: string | null = null
  #since = new Date()
  #attempts = 0
  #running: Promise<void> = Promise.resolve()

  constructor(options: FeedOptions) {
    this.#options = options
    this.#digest = LogDigest.empty(options.log, options.clusterId)
  }

  /** Begins, and goes on until it is stopped. Never fails: what goes wrong stands in its status. */
  start(): void {
    this.#running = this.#run()
  }

  /** Resolves once what is being written is written, or has been given up after so long. */
  async stop(limitMs: number): Promise<void> {
    this.#stopping.abort()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs)
    })
    await Promise.race([this.#running, late])
    await Promise.race([this.#options.sink.close().catch(() => {}), late])
    clearTimeout(timer)
  }

  get status(): SinkStatus {
    const { label, log } = this.#options
    const position = this.#place ? countOf(this.#place) : null
    const behind = position === null ? null : log.size - position
    return { ...label, state: this.#state, position, behind, lastError: this.#lastError, since: this.#since.toISOString() }
  }

  /** All transactions before this place of the log are durable in the sink. */
  get taken(): number {
    return this.#place?.reached ?? 0
  }

  async #run(): Promise<void> {
    const { sink, pause = sleep, random = Math.random } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#deliver()
      } catch (error) {
        await sink.close().catch(() => {})
        if (signal.aborted) return
        this.#noteFailure(error)
        if (this.#state === 'stopped') return
        const longest = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(20, this.#attempts++))
        const least = error instanceof TryLater ? error.pauseMs : 0
        await pause(Math.max(least, longest * (0.5 + random() / 2)), signal)
      }
    }
  }

  /** Opens the sink and feeds it until it fails or the feed is stopped. */
  async #deliver(): Promise<void> {
    const { sink, log, clusterId } = this.#options
    const ended = new AbortController()
    const signal = AbortSignal.any([this.#stopping.signal, ended.signal])
    let lost: Error | undefined
    const position = await sink.open((error) => {
      lost = error
      ended.abort()
    })
    const waits = (why: string) => this.#enter('waiting', why)
    const found = await placeOf({ sink, log, clusterId, position, digest: this.#digest, signal, waits })
    if (found) {
      this.#digest = found.digest
      this.#place = found.place
      this.#enter('ready', null)
    }
    while (this.#place && !signal.aborted) {
      const group = await this.#nextGroup(this.#place)
      if (group.records.length > 0) await sink.write(group.records)
      // Not before: a sink that opens and takes nothing is no better than one that does not open.
      this.#attempts = 0
      this.#digest = group.digest
      this.#place = group.place
      await log.grown(group.place.reached, signal)
    }
    if (lost) throw lost
  }

  /** What comes next behind a place, and where the sink stands once it has it. */
  async #nextGroup(from: Place): Promise<{ records: SinkRecord[]; place: Place; digest: LogDigest }> {
    const { log } = this.#options
    const digest = this.#digest.copy()
    const records: SinkRecord[] = []
    let place = from
    let bytes = 0
    for (let steps = 0; steps < GROUP.records && place.reached < log.size && bytes < GROUP.bytes; steps++) {
      // The node has other work.
      if (steps % SLICE === 0) await new Promise((resolve) => setImmediate(resolve))
      const at = place.reached
      const isHeld = isNextHeld(place)
      place = placeBehind(place)
      digest.next()
      if (isHeld) continue
      if (at < log.begin) {
        throw new MusigError(
          'CHECK_FAILED',
          `transaction ${at} of this node’s log is not in it and is pruned here: fill it first from a node that keeps all (--snapshot-every 0)`,
        )
      }
      const record = sinkRecord(log.at(at), countOf(place) - 1, place.later === 0 ? digest.value : null)
      bytes += sizeOf(record)
      records.push(record)
    }
    return { records, place, digest }
  }

  #noteFailure(error: unknown): void {
    // It may repeat what a stranger's server has said.
    const message = (error instanceof Error ? error.message || error.name : String(error)).replace(/\p{Cc}+/gu, ' ').slice(0, LONGEST_ERROR)
    const code = error instanceof MusigError ? error.code : undefined
    this.#enter(code === 'CHECK_FAILED' ? 'stopped' : code === 'BUSY' ? 'waiting' : 'failing', message)
  }

  #enter(state: SinkState, error: string | null): void {
    if (state === this.#state && error === this.#lastError) return
    if (state !== this.#state) this.#since = new Date()
    this.#state = state
    this.#lastError = error
    this.#options.changed?.(this.status)
  }
}

/** About what a record takes, and never more: what was once given to a sink in one piece must fit into a group again. A receipt may be larger than all else. */
function sizeOf({ payload, keys, receipt }: SinkRecord): number {
  return RECORD_BYTES + payload.length + keys.join().length + JSON.stringify(receipt).length
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
