/**
 * The way in: upgrades on `/link`, where signers come, or on `/peer`, where peers do. Each has a door of its own: what strangers do at the second takes nothing
 * from the first. Owns what is checked before and during the acceptor's half of the handshake and the cap on connections that have not
 * finished it. Whether who is known gets a link, and the link itself, belong to `transport.ts` and `peer-links.ts`.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { type WebSocket, WebSocketServer } from 'ws'
import { equalBytes } from '../base/bytes.js'
import { Acceptor, HANDSHAKE_BYTES, type HandshakeContext, type Identity } from './handshake.js'
import { HandshakeGuard } from './handshake-guard.js'
import type { TransportMetrics } from './link.js'
import { provedKey, signerOfSocket } from './link-tls.js'
import { isLoopback } from './loopback.js'
import type { TransportLog } from './transport-options.js'

/** The paths on which links are opened, by the role of who dials. */
export const LINK_PATHS: Record<Identity['role'], string> = { signer: '/link', peer: '/peer' }

/** Whether a request's target is one on which links are opened. */
export function isLinkTarget(target: string): boolean {
  const [path] = target.split('?', 1)
  return Object.values(LINK_PATHS).some((known) => known === path)
}

export interface AcceptingOptions {
  context: HandshakeContext
  /** Who is let in. */
  role: Identity['role']
  /** Bytes of the largest message on its links. */
  maxBytes: number
  handshakeMs: number
  /** Connections without a finished handshake. */
  cap: number
  metrics: TransportMetrics
  log: TransportLog | undefined
  /** A signer of a larger index asks to be dialled. */
  knocked?(signer: number): void
  /** Whether the dialler, proved to be who it says, may have a link: a reason against it, or `undefined`. */
  objection(dialler: Identity): Promise<string | undefined>
  /** Opens the link, or answers false if its place was taken meanwhile. The welcome leaves in the same turn, ahead of all frames. */
  opened(dialler: Identity, webSocket: WebSocket, socket: Socket): boolean
}

/** Takes in connections until it is stopped. */
export class Accepting {
  readonly #options: AcceptingOptions
  readonly #server: WebSocketServer
  /** Handshakes under way, oldest first. */
  readonly #pending = new Set<HandshakeGuard>()
  #stopped = false

  constructor(options: AcceptingOptions) {
    this.#options = options
    const { role, maxBytes: maxPayload } = options
    // A peer's pings are answered when it is its turn.
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload,
      autoPong: role === 'signer',
    })
  }

  /** Takes an upgrade on the path of links; answers false, and leaves the socket alone, for any other path. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const target = request.url ?? ''
    if (target.split('?')[0] !== LINK_PATHS[this.#options.role]) return false
    const problem = this.#problem(request, head)
    if (problem) {
      this.#options.metrics.refused++
      this.#options.log?.debug({ status: problem }, 'upgrade refused')
      answer(socket, problem)
      return true
    }
    const knocker = /\?knock=(\d{1,4})$/.exec(target)
    const { knocked } = this.#options
    if (knocker && knocked) {
      answer(socket, '204 No Content')
      knocked(Number(knocker[1]))
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
    const isAllowed = socket instanceof TLSSocket ? this.#mayShake(socket) : isLoopback(socket.remoteAddress)
    if (!isAllowed) return '403 Forbidden'
    if (head.length > HANDSHAKE_BYTES) return '413 Content Too Large'
    return undefined
  }

  /** Whether who has proved this key to TLS may be one that is let in here. */
  #mayShake(socket: TLSSocket): boolean {
    const isSigner = signerOfSocket(this.#options.context.manifest, socket) !== undefined
    return isSigner === (this.#options.role === 'signer')
  }

  #shakeHands(webSocket: WebSocket, socket: Socket, early: number): void {
    const { context, role, handshakeMs, cap, metrics, log } = this.#options
    const acceptor = new Acceptor(context, role)
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
          const dialler = acceptor.dialler(bytes)
          if (socket instanceof TLSSocket && !equalBytes(provedKey(socket) ?? new Uint8Array(), dialler.key))
            throw new Error(`handshake refused: the TLS key is not that of ${nameOf(dialler)}`)
          step = 'done'
          void this.#admit(dialler, webSocket, socket, guard, acceptor)
        } else throw new Error('a message before the welcome')
      },
    })
    // Malformed WebSocket frames: `close` follows.
    webSocket.on('error', (error) => log?.debug({ reason: error.message }, 'connection failed'))
    this.#pending.add(guard)
    const [oldest] = this.#pending
    if (this.#pending.size > cap) oldest?.cut('too many connections without a handshake')
  }

  async #admit(dialler: Identity, webSocket: WebSocket, socket: Socket, guard: HandshakeGuard, acceptor: Acceptor): Promise<void> {
    const { objection, opened, log } = this.#options
    const problem = await objection(dialler)
    if (!this.#pending.has(guard)) return
    if (problem || !opened(dialler, webSocket, socket)) {
      const reason = problem ?? 'another session was faster'
      // Anyone may come as a peer, as often as it likes.
      if (dialler.role === 'signer') log?.warn({ signer: dialler.index, reason }, 'link refused')
      else log?.debug({ reason }, 'link of a peer refused')
      guard.refuse(reason)
      return
    }
    this.#pending.delete(guard)
    guard.release()
    webSocket.send(acceptor.welcome())
  }
}

function nameOf({ index }: Identity): string {
  return index === null ? 'the peer' : `signer ${index}`
}

/** Answers an upgrade in plain HTTP and ends the connection. */
function answer(socket: Duplex, status: string): void {
  socket.on('error', () => {})
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  setTimeout(() => socket.destroy(), 500).unref()
}
