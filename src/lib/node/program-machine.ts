/**
 * A state machine in another language: a program that is given one JSON object a line and answers each with one. Owns what these lines say, their limits, and waiting for answers: a state machine is called and gives
 * its answer at once, so this thread sleeps until another one (`program-worker.ts`) has it.
 *
 * Whether a call that was not answered has changed the program's state cannot be known. So a program that ends, is too slow or answers what is no answer is ended for good: no call
 * succeeds any more, and the signer must stop. Started again it executes its records anew.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker, type WorkerOptions } from 'node:worker_threads'
import { type Id, shorten } from '../base/bytes.js'
import { toJson } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { type Transaction, transactionCodec } from '../core/transaction.js'
import { MAX_RECEIPT_BYTES, readReceipt } from '../machine/receipt.js'
import type { Position, Receipt, StateMachine } from '../machine/state-machine.js'
import type { MachineCall, MachineLog } from './machine-watch.js'
import type { AnswerMessage, CallMessage, NewsMessage, WorkerData } from './program-worker.js'

export interface ProgramOptions {
  log?: MachineLog | undefined
  /** Hears once of the failure after which nothing goes on. */
  failed: (error: MusigError) => void
  limits?: Partial<typeof PROGRAM_LIMITS>
}

/** What a program may take. */
export const PROGRAM_LIMITS = {
  /** For an answer. */
  callMs: 10_000,
  /** For its first answer, and for one that tells or takes the whole state. */
  stateMs: 60_000,
  /** Bytes of a line: a receipt or a value, and what stands round it. */
  lineBytes: MAX_RECEIPT_BYTES + 1024,
  /** Bytes of a state; a line has two characters for each. */
  stateBytes: 64 * 1024 * 1024,
}

/** Over the time that the other thread has: it keeps the limit, this one only sees that it is there. */
const BACKUP_MS = 5_000
const DIGEST_BYTES = 32

/** What the program says of itself: it could not do what was asked, and its state is what it was or what every other one's is. */
class SaidError extends Error {}

export class ProgramMachine implements StateMachine {
  readonly #file: string
  readonly #options: ProgramOptions
  readonly #limits: typeof PROGRAM_LIMITS
  readonly #worker: Worker
  readonly #calls: MessagePort
  readonly #news: MessagePort
  readonly #flag = new Int32Array(new SharedArrayBuffer(4))
  #isStarted = false
  #count = 0
  #isClosed = false
  #failure: MusigError | undefined

  /** Starts the program and waits for its first answer. `file` is an absolute path. Errors: `MACHINE_FAILED`. */
  static async start(file: string, options: ProgramOptions): Promise<ProgramMachine> {
    const machine = new ProgramMachine(file, options)
    await machine.#started()
    machine.#first()
    return machine
  }

  private constructor(file: string, options: ProgramOptions) {
    const [calls, news] = [new MessageChannel(), new MessageChannel()]
    this.#file = file
    this.#options = options
    this.#limits = { ...PROGRAM_LIMITS, ...options.limits }
    this.#calls = calls.port1
    this.#news = news.port1
    const workerData: WorkerData = { file, calls: calls.port2, news: news.port2, flag: this.#flag }
    this.#worker = startWorker({ workerData, transferList: [calls.port2, news.port2] })
    this.#worker.on('error', (error) => this.#ended(`cannot be run: ${error.message}`))
    this.#news.on('message', (message: NewsMessage) => this.#heard(message))
  }

  check(transaction: Transaction): string | undefined {
    const value = this.#call('check', { transaction: toJson(transactionCodec, transaction) })
    if (value === undefined || value === null) return undefined
    return typeof value === 'string' && value !== '' ? value : this.#nonsense('check', 'neither null nor a reason')
  }

  apply(transaction: Transaction, { batchId, index, heights, txId }: Position): Receipt {
    const position = { batchId, index, heights: Object.fromEntries(heights), txId }
    const value = this.#call('apply', { transaction: toJson(transactionCodec, transaction), position }, txId)
    try {
      return readReceipt(value)
    } catch (error) {
      return this.#nonsense('apply', error instanceof Error ? error.message : String(error), txId)
    }
  }

  query(path: string): unknown {
    return this.#call('query', { path }) ?? undefined
  }

  digest(): Uint8Array {
    return this.#digestOf(this.#call('digest', {}))
  }

  snapshot(): Uint8Array {
    const { stateMs, stateBytes, lineBytes } = this.#limits
    const value = this.#call('snapshot', {}, undefined, { timeMs: stateMs, maxBytes: 2 * stateBytes + lineBytes })
    return this.#bytesOf('snapshot', value)
  }

  restore(snapshot: Uint8Array): void {
    this.#call('restore', { snapshot: Buffer.from(snapshot).toString('hex') }, undefined, {
      timeMs: this.#limits.stateMs,
      maxBytes: this.#limits.lineBytes,
    })
  }

  /** Ends the program. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#failure ??= new MusigError('MACHINE_FAILED', `the state machine ${this.#file} was closed`)
    this.#news.close()
    this.#calls.close()
    // With the thread goes the pipe that the program's watchdog reads.
    void this.#worker.terminate()
  }

  #started(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.#failure) reject(this.#failure)
        if (this.#failure || this.#isStarted) {
          this.#news.off('message', look)
          this.#worker.off('error', look)
          resolve()
        }
      }
      this.#news.on('message', look)
      this.#worker.on('error', look)
    })
  }

  /** A program that speaks another language than this one is found out here. Then it keeps this process up no longer by itself. */
  #first(): void {
    try {
      const { stateMs, lineBytes } = this.#limits
      this.#digestOf(this.#call('digest', {}, undefined, { timeMs: stateMs, maxBytes: lineBytes }))
    } catch (error) {
      // A digest that fails is one that fails later on too; it speaks the language.
      if (!(error instanceof SaidError)) throw error
    }
    this.#worker.unref()
    this.#news.unref()
    this.#calls.unref()
  }

  /** The value of the answer. Errors: `MACHINE_FAILED`; `SaidError` where the program says that it failed. */
  #call(call: MachineCall, fields: object, txId?: Id, limits = { timeMs: this.#limits.callMs, maxBytes: this.#limits.lineBytes }): unknown {
    if (this.#failure) throw this.#failure
    const id = ++this.#count
    const asked: CallMessage = { line: `${JSON.stringify({ id, call, ...fields })}\n`, ...limits }
    const answer = this.#ask(asked)
    if (!answer) return this.#fail(`did not answer within ${limits.timeMs} ms`, call, txId)
    if (answer.type === 'ended') return this.#fail(answer.reason, call, txId)
    const { line } = answer
    let read: unknown
    try {
      read = JSON.parse(line)
    } catch {
      return this.#nonsense(call, `no JSON: “${shorten(line, 80)}”`, txId)
    }
    if (typeof read !== 'object' || read === null || Array.isArray(read) || (read as { id?: unknown }).id !== id)
      return this.#nonsense(call, `not an object with "id": ${id}: “${shorten(line, 80)}”`, txId)
    const { id: _, value, error, ...rest } = read as { id: unknown; value?: unknown; error?: unknown }
    const [unknown] = Object.keys(rest)
    if (unknown !== undefined) return this.#nonsense(call, `with the unknown field “${shorten(unknown)}”; there are id, value and error`, txId)
    if (error === undefined) return value
    if (typeof error !== 'string' || value !== undefined) return this.#nonsense(call, 'with an “error” that is no text, or a “value” beside it', txId)
    throw new SaidError(error)
  }

  /** Sends a call and sleeps until there is an answer. */
  #ask(asked: CallMessage): AnswerMessage | undefined {
    Atomics.store(this.#flag, 0, 0)
    this.#calls.postMessage(asked)
    // Twice: a process that was stopped by a signal finds the first time over when it goes on.
    for (let i = 0; i < 2; i++) {
      Atomics.wait(this.#flag, 0, 0, asked.timeMs + BACKUP_MS)
      const answer = receiveMessageOnPort(this.#calls)
      if (answer) return answer.message as AnswerMessage
    }
    return undefined
  }

  #digestOf(value: unknown): Uint8Array {
    const digest = this.#bytesOf('digest', value)
    return digest.length === DIGEST_BYTES ? digest : this.#nonsense('digest', `${digest.length} bytes, not ${DIGEST_BYTES}`)
  }

  #bytesOf(call: MachineCall, value: unknown): Uint8Array {
    if (typeof value !== 'string' || value.length % 2 !== 0 || /[^0-9a-f]/.test(value)) return this.#nonsense(call, 'no lower-case hex')
    return Uint8Array.from(Buffer.from(value, 'hex'))
  }

  #nonsense(call: MachineCall, what: string, txId?: Id): never {
    return this.#fail(`answered what is no answer to ${call}: ${what}`, call, txId)
  }

  /** The end: what it says counts no longer. */
  #fail(reason: string, call?: MachineCall, txId?: Id): never {
    if (this.#failure) throw this.#failure
    const during = call === undefined ? '' : ` (during ${call}${txId === undefined ? '' : ` of transaction ${txId}`})`
    this.#failure = new MusigError('MACHINE_FAILED', shorten(`the state machine ${this.#file} ${reason}${during}`, 1000))
    // What it said before is told before.
    for (let news = receiveMessageOnPort(this.#news); news; news = receiveMessageOnPort(this.#news)) this.#heard(news.message as NewsMessage)
    const failure = this.#failure
    this.close()
    this.#options.failed(failure)
    throw failure
  }

  #heard(message: NewsMessage): void {
    switch (message.type) {
      case 'started':
        this.#isStarted = true
        return
      case 'said':
        this.#options.log?.info({ machine: message.line }, 'the state machine says')
        return
      case 'ended':
        this.#ended(message.reason)
        return
    }
  }

  /** It has ended while nobody called it: whoever listens is told. */
  #ended(reason: string): void {
    try {
      this.#fail(reason)
    } catch {
      // Told.
    }
  }
}

/** In dist/ and in the folder of the bundle the thread's module lies beside this one; so it does among the sources, where it must be translated first. */
function startWorker(options: WorkerOptions): Worker {
  const here = import.meta.url
  if (!here.endsWith('.ts')) return new Worker(new URL('./program-worker.js', here), options)
  const [translator, source] = [import.meta.resolve('tsx/esm/api'), new URL('./program-worker.ts', here).href].map((url) => JSON.stringify(url))
  return new Worker(`import(${translator}).then(({ tsImport }) => tsImport(${source}, ${source}))`, { ...options, eval: true })
}
