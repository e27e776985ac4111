/**
 * Holds a connection that is not yet authenticated to its limits of time and bytes. The bytes are counted on the socket, because the WebSocket receiver
 * would gather a message of the full size before it shows it.
 */
import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import { HANDSHAKE_BYTES } from './handshake.js'
import { CLOSE, shut } from './link.js'

/** What a WebSocket adds to the messages of a handshake: headers and masks of its three frames at most, and pings. */
const OVERHEAD_BYTES = 256

export interface GuardOptions {
  limitMs: number
  /** One message of the handshake; if it throws, the connection is closed with that reason. */
  message(bytes: Uint8Array): void
  /** Called once if the connection ends before `release`, with the reason in words. */
  ended(reason: string): void
}

/** The guard of one connection, from its opening until it is a link. */
export class HandshakeGuard {
  readonly #webSocket: WebSocket
  readonly #socket: Socket
  readonly #options: GuardOptions
  readonly #timer: NodeJS.Timeout
  #bytes: number
  #over = false

  /** `early`: bytes that came along with the upgrade. */
  constructor(webSocket: WebSocket, socket: Socket, early: number, options: GuardOptions) {
    this.#webSocket = webSocket
    this.#socket = socket
    this.#options = options
    this.#bytes = early
    this.#timer = setTimeout(() => this.cut(`no handshake within ${options.limitMs} ms`), options.limitMs)
    socket.on('data', this.#counted)
    webSocket.on('message', this.#received)
    webSocket.on('close', this.#closed)
  }

  /** The other side is known: it may send frames of any size. */
  liftBytes(): void {
    this.#socket.off('data', this.#counted)
  }

  /** The connection is a link now. */
  release(): void {
    this.liftBytes()
    this.#finish()
  }

  /** Closes the connection and tells the other side why. What it still sends counts as before. */
  refuse(reason: string): void {
    if (this.#over) return
    this.#finish()
    shut(this.#webSocket, CLOSE.refused, reason)
    this.#options.ended(reason)
  }

  /** Ends the connection at once. */
  cut(reason: string): void {
    this.#webSocket.terminate()
    if (this.#over) return
    this.#finish()
    this.#options.ended(reason)
  }

  #finish(): void {
    this.#over = true
    clearTimeout(this.#timer)
    this.#webSocket.off('message', this.#received)
    this.#webSocket.off('close', this.#closed)
  }

  readonly #counted = (chunk: Uint8Array): void => {
    this.#bytes += chunk.length
    if (this.#bytes > HANDSHAKE_BYTES + OVERHEAD_BYTES) this.cut(`more than ${HANDSHAKE_BYTES} bytes before the handshake was done`)
  }

  readonly #received = (data: RawData, isBinary: boolean): void => {
    try {
      if (!isBinary || !(data instanceof Uint8Array)) throw new Error('text where a handshake belongs')
      this.#options.message(new Uint8Array(data))
    } catch (error) {
      this.refuse((error as Error).message)
    }
  }

  readonly #closed = (code: number, reason: Buffer): void => {
    if (this.#over) return
    this.#finish()
    this.#options.ended(reason.length > 0 ? reason.toString() : `closed with code ${code}`)
  }
}
