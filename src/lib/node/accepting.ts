/**
 * The way in: upgrades on `/link`. Owns what is checked before and during the acceptor's half of the handshake and the cap on connections that have not
 * finished it. Whether a known signer gets a link, and the link itself, belong to `transport.ts`.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { type WebSocket, WebSocketServer } from 'ws'
import { PACKED_BYTES } from './framing.js'
import { Acceptor, HANDSHAKE_BYTES, type HandshakeContext } from './handshake.js'
import { HandshakeGuard } from './handshake-guard.js'
import type { TransportMetrics } from './link.js'
import { signerOfSocket } from './link-tls.js'
import { isLoopback } from './loopback.js'
import type { TransportLog } from './transport-options.js'

/** The path on which links are opened. */
export const LINK_PATH = '/link'

export interface AcceptingOptions {
  context: HandshakeContext
  handshakeMs: number
  /** Connections without a finished handshake. */
  cap: number
  metrics: TransportMetrics
  log: TransportLog | undefined
  /** A signer of a larger index asks to be dialled. */
  knocked(signer: number): void
  /** Whether signer `signer`, proved to be it, may have a link: a reason against it, or `undefined`. */
  objection(signer: number): Promise<string | undefined>
  /** Opens the link, or answers false if the signer's place was taken meanwhile. The welcome leaves in the same turn, ahead of all frames. */
  opened(signer: number, webSocket: WebSocket, socket: Socket): boolean
}

/** Takes in connections until it is stopped. */
export class Accepting {
  readonly #options: AcceptingOptions
  readonly #server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: PACKED_BYTES })
  /** Handshakes under way, oldest first. */
  readonly #pending = new Set<HandshakeGuard>()
  #stopped = false

  constructor(options: AcceptingOptions) {
    this.#options = options
  }

  /** Takes an upgrade on the path of links; answers false, and leaves the socket alone, for any other path. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const target = request.url ?? ''
    if (target.split('?')[0] !== LINK_PATH) return false
    const problem = this.#problem(request, head)
    if (problem) {
      this.#options.metrics.refused++
      this.#options.log?.debug({ status: problem }, 'upgrade refused')
      answer(socket, problem)
      return true
    }
    const knocker = /\?knock=(\d{1,4})$/.exec(target)
    if (knocker) {
      answer(socket, '204 No Content')
      this.#options.knocked(Number(knocker[1]))
      return true
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#shakeHands(webSocket, request.socket, head.length))
    return true
  }

  stop(): void {
    this.#stopped = true
    for (const guard of [...this.#pending]) guard.cut('stopped')
  }

  /** The HTTP status with which an upgrade is refused. */
  #problem(request: IncomingMessage, head: Buffer): string | undefined {
    if (this.#stopped) return '503 Service Unavailable'
    // Signers are no browsers: a page that tries to speak for one gives itself away by its origin.
    if (request.headers.origin !== undefined) return '403 Forbidden'
    const { socket } = request
    const isAllowed = socket instanceof TLSSocket ? this.#signerOf(socket) !== undefined : isLoopback(socket.remoteAddress)
    if (!isAllowed) return '403 Forbidden'
    if (head.length > HANDSHAKE_BYTES) return '413 Content Too Large'
    return undefined
  }

  #signerOf(socket: TLSSocket): number | undefined {
    return signerOfSocket(this.#options.context.manifest, socket)
  }

  #shakeHands(webSocket: WebSocket, socket: Socket, early: number): void {
    const { context, handshakeMs, cap, metrics, log } = this.#options
    const acceptor = new Acceptor(context)
    let step: 'hello' | 'proof' | 'done' = 'hello'
    const guard = new HandshakeGuard(webSocket, socket, early, {
      limitMs: handshakeMs,
      ended: (reason) => {
        this.#pending.delete(guard)
        metrics.refused++
        log?.debug({ reason }, 'connection without a handshake')
      },
      message: (bytes) => {
        if (step === 'hello') {
          webSocket.send(acceptor.answer(bytes))
          step = 'proof'
        } else if (step === 'proof') {
          const signer = acceptor.dialler(bytes)
          if (socket instanceof TLSSocket && this.#signerOf(socket) !== signer)
            throw new Error(`handshake refused: the TLS key is not that of signer ${signer}`)
          step = 'done'
          void this.#admit(signer, webSocket, socket, guard, acceptor)
        } else throw new Error('a message before the welcome')
      },
    })
    // Malformed WebSocket frames: `close` follows.
    webSocket.on('error', (error) => log?.debug({ reason: error.message }, 'connection failed'))
    this.#pending.add(guard)
    const [oldest] = this.#pending
    if (this.#pending.size > cap) oldest?.cut('too many connections without a handshake')
  }

  async #admit(signer: number, webSocket: WebSocket, socket: Socket, guard: HandshakeGuard, acceptor: Acceptor): Promise<void> {
    const { objection, opened, log } = this.#options
    const problem = await objection(signer)
    if (!this.#pending.has(guard)) return
    if (problem || !opened(signer, webSocket, socket)) {
      const reason = problem ?? 'another session was faster'
      log?.warn({ signer, reason }, 'link refused')
      guard.refuse(reason)
      return
    }
    this.#pending.delete(guard)
    guard.release()
    webSocket.send(acceptor.welcome())
  }
}

/** Answers an upgrade in plain HTTP and ends the connection. */
function answer(socket: Duplex, status: string): void {
  socket.on('error', () => {})
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  setTimeout(() => socket.destroy(), 500).unref()
}
