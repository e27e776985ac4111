/**
 * One authenticated link to another signer. Owns the send queue and its caps, the framing of what comes in, and keep-alive. Who may have a link, and what
 * becomes of the pair when it closes, belongs to `transport.ts`.
 */
import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import { invariant } from '../base/errors.js'
import { type PackLimits, pack, packedLength, SIGNER_PACK, unpack } from './framing.js'

/** What happened on all links of a transport, as plain numbers that only grow. */
export interface TransportMetrics {
  /** Bytes of messages on authenticated links, the lengths of their frames included. */
  bytesIn: number
  bytesOut: number
  /** WebSocket messages, or what is handed over at once within the process; each holds one frame or more. */
  messagesIn: number
  messagesOut: number
  framesIn: number
  framesOut: number
  /** Frames dropped because there was no link, or its queue was full. */
  droppedUnconnected: number
  droppedFull: number
  /** Frames lost to faults that were put on links on purpose. */
  droppedFaulty: number
  /** Links opened and closed; dials begun; links opened again to a signer that had one before. */
  connects: number
  disconnects: number
  dials: number
  reconnects: number
  /** Connections that did not become links: refused handshakes and upgrades, time-outs, evictions, second sessions. */
  refused: number
  /** Those of them in which a signer proved its key while an older session of it was alive. */
  secondSessions: number
  /** Links closed for malformed framing, or because nothing was heard any more. */
  malformed: number
  dead: number
}

/** Counters of a transport that has done nothing yet. */
export function newMetrics(): TransportMetrics {
  return {
    bytesIn: 0,
    bytesOut: 0,
    messagesIn: 0,
    messagesOut: 0,
    framesIn: 0,
    framesOut: 0,
    droppedUnconnected: 0,
    droppedFull: 0,
    droppedFaulty: 0,
    connects: 0,
    disconnects: 0,
    dials: 0,
    reconnects: 0,
    refused: 0,
    secondSessions: 0,
    malformed: 0,
    dead: 0,
  }
}

/** Why a link is closed, as a WebSocket close code of the private range. */
export const CLOSE = { stopped: 1001, refused: 4000, malformed: 4001, replaced: 4003, slow: 4004 } as const

/** Bytes that wait in all queues of a transport together. */
export interface QueueTotal {
  bytes: number
  readonly cap: number
}

export interface LinkOptions {
  /** Bytes that may wait on this link. */
  queueBytes: number
  total: QueueTotal
  metrics: TransportMetrics
  /** What one message may hold that goes out, and one that comes in; what signers send where absent. */
  outgoing?: PackLimits
  incoming?: PackLimits
  frame(frame: Uint8Array): void
  /** Called once; `reason` in words, for the log. */
  closed(reason: string): void
}

/** A link to another signer, whatever carries its frames: they go out and come in in order, and when the queue is full the newest is dropped. */
export interface SignerLink {
  readonly openedAt: number
  /** Resolves when the link is gone for good, on both sides where that can be known. */
  readonly gone: Promise<void>
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number
  /** Queues a frame until the end of the turn, when all that were queued leave together. */
  send(frame: Uint8Array): void
  /** Looks whether the other side still lives. `graceful` starts the count anew. */
  keepAlive(now: number, deadMs: number, graceful: boolean): void
  /** Whether the other side answers within `limitMs`. */
  answers(limitMs: number): Promise<boolean>
  close(code: number, reason: string): void
}

/** How long the other side has to answer the closing of a connection before it is cut. */
const CLOSING_MS = 500

/** Closes a connection with a reason (at most 123 bytes of it are sent) and cuts it if the other side does not go along. */
export function shut(webSocket: WebSocket, code: number, reason: string): void {
  webSocket.close(
    code,
    Buffer.from(reason)
      .subarray(0, 120)
      .toString()
      .replace(/\ufffd/g, ''),
  )
  setTimeout(() => webSocket.terminate(), CLOSING_MS).unref()
}

/** A link on a WebSocket. */
export class Link implements SignerLink {
  readonly openedAt = performance.now()
  readonly gone: Promise<void>
  readonly #webSocket: WebSocket
  readonly #socket: Socket
  readonly #options: LinkOptions
  #frames: Uint8Array[] = []
  #queuedBytes = 0
  #closed = false
  #heardAt = performance.now()
  #bytesRead = 0
  #probes = 0

  constructor(webSocket: WebSocket, socket: Socket, options: LinkOptions) {
    this.#webSocket = webSocket
    this.#socket = socket
    this.#options = options
    webSocket.on('message', (data, isBinary) => this.#received(data, isBinary))
    this.gone = new Promise((resolve) => {
      webSocket.on('close', (code, reason) => {
        this.#end(reason.length > 0 ? reason.toString() : `closed with code ${code}`)
        resolve()
      })
    })
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  send(frame: Uint8Array): void {
    const { total, metrics, queueBytes, outgoing = SIGNER_PACK } = this.#options
    const length = packedLength(frame)
    invariant(frame.length > 0 && length <= outgoing.bytes, `a frame of ${frame.length} bytes`)
    if (this.#closed) {
      metrics.droppedUnconnected++
      return
    }
    if (this.#queuedBytes + length > queueBytes || total.bytes + length > total.cap) {
      metrics.droppedFull++
      return
    }
    this.#queuedBytes += length
    total.bytes += length
    if (this.#frames.length === 0) queueMicrotask(() => this.#flush())
    this.#frames.push(frame)
  }

  /** Pings a link on which nothing was heard since the last call, and cuts one on which nothing was heard for `deadMs`. `graceful` starts the count anew. */
  keepAlive(now: number, deadMs: number, graceful: boolean): void {
    const { bytesRead } = this.#socket
    if (bytesRead !== this.#bytesRead || graceful) {
      this.#bytesRead = bytesRead
      this.#heardAt = now
    }
    if (now - this.#heardAt >= deadMs) {
      this.#options.metrics.dead++
      this.#end(`nothing heard for ${Math.round(now - this.#heardAt)} ms`)
      this.#webSocket.terminate()
    } else if (now !== this.#heardAt || graceful) this.#webSocket.ping(undefined, undefined, ignore)
  }

  answers(limitMs: number): Promise<boolean> {
    const probe = `probe ${++this.#probes}`
    return new Promise((resolve) => {
      const finish = (alive: boolean) => {
        clearTimeout(timer)
        this.#webSocket.off('pong', heard)
        this.#webSocket.off('close', lost)
        resolve(alive)
      }
      // An answer to an earlier ping may have been under way when the other side died.
      const heard = (data: Buffer) => {
        if (data.toString() === probe) finish(true)
      }
      const lost = () => finish(false)
      const timer = setTimeout(lost, limitMs)
      this.#webSocket.on('pong', heard)
      this.#webSocket.on('close', lost)
      if (this.#closed) finish(false)
      else this.#webSocket.ping(probe, undefined, ignore)
    })
  }

  close(code: number, reason: string): void {
    if (this.#closed) return
    this.#end(reason)
    shut(this.#webSocket, code, reason)
  }

  #flush(): void {
    const frames = this.#frames
    this.#frames = []
    if (this.#closed) return
    const { metrics, outgoing } = this.#options
    metrics.framesOut += frames.length
    for (const message of pack(frames, outgoing)) {
      metrics.messagesOut++
      metrics.bytesOut += message.length
      this.#webSocket.send(message, { binary: true }, () => this.#left(message.length))
    }
  }

  /** Takes bytes off the queue once the system has them. */
  #left(bytes: number): void {
    if (this.#closed) return
    this.#queuedBytes -= bytes
    this.#options.total.bytes -= bytes
  }

  #received(data: RawData, isBinary: boolean): void {
    if (this.#closed) return
    const { metrics, incoming } = this.#options
    let frames: Uint8Array[]
    try {
      if (!isBinary || !(data instanceof Uint8Array)) throw new Error('a message on a link is text')
      metrics.messagesIn++
      metrics.bytesIn += data.length
      frames = unpack(data, incoming)
    } catch (error) {
      metrics.malformed++
      this.close(CLOSE.malformed, (error as Error).message)
      return
    }
    for (const frame of frames) {
      if (this.#closed) return
      metrics.framesIn++
      this.#options.frame(frame)
    }
  }

  #end(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#options.total.bytes -= this.#queuedBytes
    this.#queuedBytes = 0
    this.#options.closed(reason)
  }
}

/** A ping that cannot be sent shows as a link that is closed or not heard. */
function ignore(): void {}
