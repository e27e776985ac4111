/**
 * The thread beside a signer that holds the process of a state machine in another language: starts it, writes calls to it and reads its answers, one line each, and sees that it ends. The signer
 * waits for each answer asleep, so all that must go on meanwhile (time limits, stderr) goes on here. What calls and answers mean is `program-machine.ts`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { type MessagePort, workerData } from 'node:worker_threads'

/** What the thread is started with. */
export interface WorkerData {
  file: string
  calls: MessagePort
  news: MessagePort
  /** One cell: 1 once an answer lies in `calls`. */
  flag: Int32Array
}

/** A call: a whole line, and what its answer may take. */
export interface CallMessage {
  line: string
  maxBytes: number
  timeMs: number
}

/** What comes of a call. */
export type AnswerMessage = { type: 'line'; line: string } | { type: 'ended'; reason: string }

/** What is told unasked. */
export type NewsMessage = { type: 'started' } | { type: 'said'; line: string } | { type: 'ended'; reason: string }

/**
 * The program takes this shell's place. Beside it stays a watchdog that reads from a pipe of which this thread holds the other end: when the thread is gone, by a kill -9 of its process too, so is
 * whatever the program has started.
 */
const SCRIPT = '(exec </dev/null >/dev/null 2>&1; read -r _ <&3; kill -KILL 0) & exec 3<&-; exec "$0"'

/** Once time is up an answer that lies there already counts still: a signer that was stopped by a signal finds its time over when it goes on. */
const GRACE_MS = 500
/** How long the rest of stderr is waited for once the program has ended. */
const LAST_WORDS_MS = 200
/** Lines of stderr that are passed on in so much time, and what of each. */
const SAID_LINES = 100
const SAID_WINDOW_MS = 5_000
const SAID_CHARACTERS = 500
/** The lines among which its last words are looked for. */
const LAST_LINES = 10

class Program {
  readonly #child: ChildProcess
  readonly #news: MessagePort
  readonly #calls: MessagePort
  readonly #flag: Int32Array
  #waiting: { maxBytes: number; timer: NodeJS.Timeout } | undefined
  #chunks: Buffer[] = []
  #length = 0
  #reason: string | undefined
  #line = ''
  #lastSaid: string[] = []
  #window = { since: 0, lines: 0, dropped: 0 }

  constructor({ file, calls, news, flag }: WorkerData) {
    this.#calls = calls
    this.#news = news
    this.#flag = flag
    const child = spawn('/bin/sh', ['-c', SCRIPT, file], { detached: true, cwd: '/', stdio: ['pipe', 'pipe', 'pipe', 'pipe'] })
    this.#child = child
    child.on('error', (error) => this.#end(`could not be started: ${error.message}`))
    child.on('exit', (code, signal) => this.#exited(signal === null ? `ended with code ${code}` : `was ended by ${signal}`))
    // A program that is gone is heard of by its exit; what is written to it then is lost.
    for (const stream of child.stdio) stream?.on('error', () => undefined)
    child.stdout?.on('data', (chunk: Buffer) => this.#read(chunk))
    // It may be about to end: that is the better reason.
    child.stdout?.on('end', () => setTimeout(() => this.#end('closed its output'), 2 * LAST_WORDS_MS))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#say(text))
    calls.on('message', (call: CallMessage) => this.#call(call))
    if (child.pid !== undefined) this.#tell({ type: 'started' })
  }

  #call({ line, maxBytes, timeMs }: CallMessage): void {
    if (this.#reason !== undefined) {
      this.#answer({ type: 'ended', reason: this.#reason })
      return
    }
    const late = () => this.#end(`did not answer within ${timeMs} ms`)
    const timer = setTimeout(() => {
      if (this.#waiting) this.#waiting.timer = setTimeout(late, GRACE_MS)
    }, timeMs)
    this.#waiting = { maxBytes, timer }
    this.#child.stdin?.write(line)
  }

  #read(chunk: Buffer): void {
    if (this.#reason !== undefined) return
    if (!this.#waiting) return this.#end(`wrote without being asked: ${shown(chunk)}`)
    const { maxBytes } = this.#waiting
    const at = chunk.indexOf(10)
    const length = at < 0 ? chunk.length : at
    if (this.#length + length > maxBytes) return this.#end(`wrote a line of more than ${maxBytes} bytes`)
    this.#chunks.push(chunk.subarray(0, length))
    this.#length += length
    if (at < 0) return
    const line = Buffer.concat(this.#chunks)
    this.#chunks = []
    this.#length = 0
    this.#take(line, chunk.subarray(at + 1))
  }

  #take(line: Buffer, rest: Buffer): void {
    if (rest.length > 0) return this.#end(`wrote more than one line: ${shown(line)} and ${shown(rest)}`)
    let text: string
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(line)
    } catch {
      return this.#end(`wrote a line that is not UTF-8: ${shown(line)}`)
    }
    this.#answer({ type: 'line', line: text })
  }

  #exited(how: string): void {
    const { stderr } = this.#child
    if (!stderr || stderr.readableEnded) return this.#end(how)
    setTimeout(() => this.#end(how), LAST_WORDS_MS)
    stderr.once('end', () => this.#end(how))
  }

  /** Nothing that it says counts from now on; whoever holds it ends it. */
  #end(how: string): void {
    if (this.#reason !== undefined) return
    if (this.#line !== '') this.#say('\n')
    // Some languages end their complaint with other lines than the one that names the error.
    const words = this.#lastSaid.findLast((line) => /error|exception|panic/i.test(line)) ?? this.#lastSaid.at(-1)
    this.#reason = words === undefined ? how : `${how}; it last said: ${words}`
    if (this.#waiting) this.#answer({ type: 'ended', reason: this.#reason })
    else this.#tell({ type: 'ended', reason: this.#reason })
  }

  #answer(message: AnswerMessage): void {
    clearTimeout(this.#waiting?.timer)
    this.#waiting = undefined
    this.#calls.postMessage(message)
    Atomics.store(this.#flag, 0, 1)
    Atomics.notify(this.#flag, 0)
  }

  #say(text: string): void {
    const lines = (this.#line + text).split('\n')
    this.#line = (lines.pop() ?? '').slice(0, SAID_CHARACTERS)
    for (const line of lines) {
      const words = line.trimEnd().slice(0, SAID_CHARACTERS)
      if (words === '') continue
      this.#lastSaid = [...this.#lastSaid.slice(1 - LAST_LINES), words.trim()]
      this.#passOn(words)
    }
  }

  #passOn(line: string): void {
    const now = performance.now()
    const { dropped } = this.#window
    if (now - this.#window.since > SAID_WINDOW_MS) {
      this.#window = { since: now, lines: 0, dropped: 0 }
      if (dropped > 0) this.#tell({ type: 'said', line: `(${dropped} lines more were left out)` })
    }
    if (this.#window.lines++ < SAID_LINES) this.#tell({ type: 'said', line })
    else this.#window.dropped++
  }

  #tell(message: NewsMessage): void {
    this.#news.postMessage(message)
  }
}

function shown(bytes: Buffer): string {
  const text = bytes
    .subarray(0, 60)
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, '·')
  return `“${text}${bytes.length > 60 ? '…' : ''}”`
}

new Program(workerData as WorkerData)
