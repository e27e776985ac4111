/**
 * The driver: runs a `Steppable` in real time. Owns the order in which effects leave (§5: nothing before the records it hangs on are durable), the
 * clock, the wake-up for `tick`, frames to messages and back, and fail-stop. What executed batches mean belongs to whoever holds it; links to the
 * transport, durability to the store.
 *
 * Effects of one turn of the event loop are gathered: one append for all their records, then the rest in order. While an append is under way steps
 * go on, and what they ask for is gathered for the next one.
 */
import type { Id } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import { asksForSnapshot, decodeMessage, encodeMessage, type Message, messageCodec, questionCodec, type SnapshotQuestion } from '../core/message.js'
import { encodeRecord, recordCodec } from '../core/record.js'
import type { Effect, Event, ExecutedBatch, Steppable } from '../core/steppable.js'
import type { Transaction } from '../core/transaction.js'
import type { Store, Transport } from './ports.js'

/** The answer of a signer to a submitted transaction. */
export type Reply = Extract<Effect, { type: 'reply' }>

/** Hears what goes through a driver: for metrics, timelines and logs. Must not throw. */
export interface DriverObserver {
  /** After each step, before any of its effects has left. */
  stepped?(event: Event, effects: readonly Effect[]): void
  /** After each append. `records`: how many went into it. */
  appended?(records: number, durationMs: number): void
  received?(from: number, bytes: number): void
  sent?(to: number, bytes: number): void
  /** A frame that could not be read; it was dropped. */
  refused?(from: number, reason: string): void
  /** An own message that is too large for others to read; it was dropped. */
  unsendable?(to: number, what: string): void
}

export interface DriverOptions {
  steppable: Steppable
  clusterId: Id
  /** Ends of links from this number on are peers; none are where absent. */
  peersFrom?: number
  store: Pick<Store, 'append'>
  transport: Transport
  /** A peer asks about snapshots. */
  asked?: (peer: number, question: SnapshotQuestion) => void
  /** An executed batch, in order, once all that led to it is durable. */
  executed: (batch: ExecutedBatch) => void
  /** The signer is to be made anew from its records; this driver has stopped. */
  startsOver?: (reason: string) => void
  /** The epoch is over; this driver has stopped. `transactions`: those that wait for a batch. */
  epochEnds?: (transactions: readonly Transaction[]) => void
  /** The driver has stopped for good: a failed append, or a bug. The process must end. */
  failed: (error: MusigError) => void
  observers?: readonly DriverObserver[]
  /** Milliseconds of a clock that never runs backwards. */
  now?: () => number
  /** The wall clock in seconds since 1970, for batches. */
  time?: () => number
}

/** Timers beyond this ring at once in Node. */
const MAX_TIMER_MS = 2 ** 31 - 1

export class Driver {
  readonly #options: DriverOptions
  readonly #now: () => number
  readonly #time: () => number
  readonly #messages: ReturnType<typeof messageCodec>
  readonly #records: ReturnType<typeof recordCodec>
  readonly #observers: readonly DriverObserver[]
  /** Messages are sent to many: each is encoded once. */
  readonly #frames = new WeakMap<Message, Uint8Array>()
  readonly #waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: MusigError) => void }>()
  #gathered: Effect[] = []
  #flushing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #lastRequest = 0
  #started = false
  #stopped = false
  #failure: MusigError | undefined

  constructor(options: DriverOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#time = options.time ?? (() => Math.floor(Date.now() / 1000))
    this.#messages = messageCodec(options.clusterId)
    this.#records = recordCodec(options.clusterId)
    this.#observers = options.observers ?? []
  }

  /** Gives the steppable its first event, then opens the links. */
  async start(): Promise<void> {
    this.#started = true
    this.#step({ type: 'start', now: this.#now() })
    await this.#options.transport.start({
      message: (from, frame) => this.#receive(from, frame),
      connected: (signer) => this.#step({ type: 'connected', now: this.#now(), signer }),
      disconnected: (signer) => this.#step({ type: 'disconnected', now: this.#now(), signer }),
    })
  }

  /** Hands a client's transaction in. Errors: `STORE_FAILED` or `INTERNAL` if the driver has failed, `UNREACHABLE` if it was stopped. */
  submit(transaction: Transaction): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#failure || this.#stopped || !this.#started) {
        reject(this.#failure ?? new MusigError('UNREACHABLE', 'this signer is not running'))
        return
      }
      const requestId = ++this.#lastRequest
      this.#waiting.set(requestId, { resolve, reject })
      this.#step({ type: 'submit', now: this.#now(), requestId, transaction, time: this.#time() })
    })
  }

  /** Takes no more events; resolves once all that was asked for is durable and has left. The transport is stopped by the caller, after this. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#sleep()
    await this.#flushing
    this.#abandon(new MusigError('UNREACHABLE', 'this signer was stopped'))
  }

  /** Effects that wait for an append. */
  get queueLength(): number {
    return this.#gathered.length
  }

  #receive(from: number, frame: Uint8Array): void {
    if (this.#stopped || this.#failure) return
    this.#tell((observer) => observer.received?.(from, frame.length))
    const isPeer = from >= (this.#options.peersFrom ?? Number.POSITIVE_INFINITY)
    let message: Message
    try {
      message = isPeer ? decodeMessage(questionCodec, frame) : decodeMessage(this.#messages, frame)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#tell((observer) => observer.refused?.(from, reason))
      return
    }
    if (isPeer && asksForSnapshot(message)) this.#options.asked?.(from, message)
    else this.#step({ type: 'message', now: this.#now(), from, message })
  }

  /** Sends what no step asked for and what hangs on nothing that is not durable already. */
  tell(to: number, message: Message): void {
    if (!this.#stopped && !this.#failure) this.#send(to, message)
  }

  #step(event: Event): void {
    if (this.#stopped || this.#failure) return
    let effects: Effect[]
    try {
      effects = this.#options.steppable.step(event)
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#tell((observer) => observer.stepped?.(event, effects))
    for (const effect of effects) this.#gathered.push(effect)
    this.#wake()
    if (this.#gathered.length > 0 && !this.#flushing) this.#flushing = this.#flush()
  }

  /** Runs from the end of this turn until nothing is left to do. */
  async #flush(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    try {
      while (this.#gathered.length > 0 && !this.#failure) {
        const turn = this.#gathered
        this.#gathered = []
        await this.#carryOut(turn)
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#flushing = undefined
    }
  }

  async #carryOut(turn: readonly Effect[]): Promise<void> {
    const records = turn.flatMap((effect) => (effect.type === 'persist' ? [encodeRecord(this.#records, effect.record)] : []))
    const first = turn.findIndex((effect) => effect.type === 'persist')
    // What stands before the first record hangs on nothing that is not durable already: a batch is forwarded before it is stored.
    const free = first < 0 ? turn.length : first
    for (let i = 0; i < free; i++) this.#release(turn[i] as Effect)
    if (records.length === 0) return
    const begun = this.#now()
    await this.#options.store.append(records)
    this.#tell((observer) => observer.appended?.(records.length, this.#now() - begun))
    for (let i = free; i < turn.length; i++) this.#release(turn[i] as Effect)
  }

  #release(effect: Effect): void {
    if (this.#failure) return
    switch (effect.type) {
      case 'send':
        this.#send(effect.to, effect.message)
        return
      case 'execute':
        this.#options.executed(effect.executed)
        return
      case 'reply': {
        const waiting = this.#waiting.get(effect.requestId)
        this.#waiting.delete(effect.requestId)
        waiting?.resolve(effect)
        return
      }
      case 'start-over':
        this.#end(new MusigError('UNREACHABLE', 'this signer starts over'))
        this.#options.startsOver?.(effect.reason)
        return
      case 'next-epoch':
        this.#end(new MusigError('UNREACHABLE', 'this signer goes on in the next epoch'))
        this.#options.epochEnds?.(effect.transactions)
        return
      default:
        return
    }
  }

  #send(to: number, message: Message): void {
    let frame = this.#frames.get(message)
    if (!frame) {
      frame = encodeMessage(this.#messages, message)
      this.#frames.set(message, frame)
    }
    const { length } = frame
    // It may hold what others sent, more of it than fits: the message is lost, this process goes on.
    if (length > LIMITS.messageBytes) return this.#tell((observer) => observer.unsendable?.(to, `a ${message.type} of ${length} bytes`))
    this.#options.transport.send(to, frame)
    this.#tell((observer) => observer.sent?.(to, length))
  }

  #wake(): void {
    if (this.#stopped || this.#failure) return
    const due = this.#options.steppable.wakeAt
    // A timer that rings too early is cheaper than moving it at every step.
    if (due === undefined || due >= this.#timerAt) return
    this.#sleep()
    this.#timerAt = due
    this.#timer = setTimeout(() => this.#ring(), Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(due - this.#now()))))
  }

  #ring(): void {
    this.#sleep()
    const due = this.#options.steppable.wakeAt
    if (due !== undefined && due <= this.#now()) this.#step({ type: 'tick', now: this.#now() })
    // Also after a tick that left its alarm where it was.
    this.#wake()
  }

  #sleep(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  #fail(cause: unknown): void {
    if (this.#failure) return
    const failure =
      cause instanceof MusigError ? cause : new MusigError('INTERNAL', cause instanceof Error ? cause.message : String(cause), { cause })
    this.#end(failure)
    this.#options.failed(failure)
  }

  #end(reason: MusigError): void {
    this.#failure = reason
    this.#sleep()
    this.#gathered = []
    this.#abandon(reason)
  }

  #abandon(error: MusigError): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  #tell(what: (observer: DriverObserver) => void): void {
    for (const observer of this.#observers) what(observer)
  }
}
