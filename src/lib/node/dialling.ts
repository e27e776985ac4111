/**
 * Dialling one signer, as signers do those of a larger index and peers those that they follow, again and again until there is a link, with exponential back-off and jitter. Owns the dialler's half of the
 * handshake on a socket. The link that comes of it belongs to `transport.ts` or `following.ts`, which says here when it is gone.
 */
import { request } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { LINK_PATHS } from './accepting.js'
import { PACKED_BYTES } from './framing.js'
import { Dialler, type HandshakeContext, signerIdentity } from './handshake.js'
import { HandshakeGuard } from './handshake-guard.js'
import type { TransportMetrics } from './link.js'
import { LinkAgent } from './link-tls.js'
import type { LinkTiming, TransportLog } from './transport-options.js'
import { Turnstile } from './turnstile.js'

export interface DiallingOptions {
  signer: number
  url: URL
  context: HandshakeContext
  timing: LinkTiming
  metrics: TransportMetrics
  log: TransportLog | undefined
  /** The link is authenticated and welcomed; called at most once for each dial. */
  opened(webSocket: WebSocket, socket: Socket): void
}

/** A link that lived this long shows that the other side is well: dialling starts from the shortest wait again. */
const STEADY_MS = 2000

/** A knock starts a dial at once, but no sooner than this after the last dial. */
const KNOCK_MS = 50

/** What a knock may take; nobody waits for it. */
const KNOCK_LIMIT_MS = 1000

/** A dial that was not answered for this long hangs: something listens, but it does not take links yet. */
const HANGING_MS = 500

/** Dials under way at a time, over all signers of this process. */
const turnstile = new Turnstile(16)

/** The dialler of one signer. */
export class Dialling {
  readonly #options: DiallingOptions
  readonly #agent: LinkAgent | undefined
  #attempts = 0
  #timer: NodeJS.Timeout | undefined
  #dialledAt = Number.NEGATIVE_INFINITY
  /** The dial under way. */
  #webSocket: WebSocket | undefined
  /** Gives the place in the turnstile back. */
  #leave: (() => void) | undefined
  #linked = false
  #stopped = false
  #lastProblem = ''

  constructor(options: DiallingOptions) {
    this.#options = options
    this.#agent = linkAgent(options.url, options.signer, options.context, options.timing.handshakeMs)
  }

  /** Dials as soon as it is this one's turn, unless a dial or a link is under way. */
  dial(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#stopped || this.#leave || this.#linked) return
    // Set before it may run: a place that is free is entered at once.
    let leave: (() => void) | undefined
    this.#leave = () => leave?.()
    leave = turnstile.take(() => this.#begin())
  }

  #begin(): void {
    const { url, context, timing, metrics } = this.#options
    metrics.dials++
    this.#dialledAt = performance.now()
    const address = new URL(LINK_PATHS[context.self.role], url)
    const webSocket = new WebSocket(address, {
      agent: this.#agent,
      perMessageDeflate: false,
      maxPayload: PACKED_BYTES,
      handshakeTimeout: timing.handshakeMs,
    })
    this.#webSocket = webSocket
    let socket: Socket | undefined
    let problem = 'closed before it was open'
    // `upgrade` shows the socket, `open` comes once the WebSocket listens on it.
    webSocket.on('upgrade', (response) => {
      socket = response.socket
    })
    webSocket.on('error', (error) => {
      problem = error.message
    })
    // Comes before the guard of the handshake hears of it; where that one has cut the connection, it has told already.
    webSocket.on('close', (_code, reason) => this.#failed(webSocket, reason.length > 0 ? reason.toString() : problem))
    webSocket.on('open', () => {
      if (socket) this.#shakeHands(webSocket, socket)
    })
  }

  #shakeHands(webSocket: WebSocket, socket: Socket): void {
    const { signer, context, timing } = this.#options
    const dialler = new Dialler(context, signer)
    let proved = false
    const guard = new HandshakeGuard(webSocket, socket, 0, {
      limitMs: timing.handshakeMs,
      ended: (reason) => this.#failed(webSocket, reason),
      message: (bytes) => {
        if (!proved) {
          webSocket.send(dialler.proof(bytes))
          proved = true
          guard.liftBytes()
          return
        }
        dialler.welcomed(bytes)
        guard.release()
        this.#end()
        this.#linked = true
        this.#lastProblem = ''
        this.#options.opened(webSocket, socket)
      },
    })
    webSocket.send(dialler.hello())
  }

  /** The link of the last dial is gone: dials again after a wait. */
  lost(livedMs: number): void {
    this.#linked = false
    if (livedMs >= STEADY_MS) this.#attempts = 0
    this.#dialLater()
  }

  /** The other side says that it is there: a wait that is under way is cut short, a dial that hangs is begun anew. */
  knocked(): void {
    const hangs = this.#webSocket?.readyState === WebSocket.CONNECTING && performance.now() - this.#dialledAt > HANGING_MS
    if (!this.#timer && !hangs) return
    const hanging = this.#webSocket
    if (hanging) this.#end()
    hanging?.terminate()
    this.#attempts = 0
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.dial(), Math.max(0, this.#dialledAt + KNOCK_MS - performance.now()))
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#webSocket?.terminate()
    this.#end()
  }

  #failed(webSocket: WebSocket, reason: string): void {
    if (this.#webSocket !== webSocket || this.#stopped) return
    this.#end()
    const { signer, log } = this.#options
    // A signer that is down is dialled for hours: one line for each new reason.
    if (reason !== this.#lastProblem) log?.[/refused:|session|peers/.test(reason) ? 'warn' : 'debug']({ signer, reason }, 'no link')
    this.#lastProblem = reason
    this.#dialLater()
  }

  /** The dial is over, one way or the other: the next one may begin. */
  #end(): void {
    this.#webSocket = undefined
    this.#leave?.()
    this.#leave = undefined
  }

  #dialLater(): void {
    if (this.#stopped) return
    const { backOffFirstMs, backOffLastMs } = this.#options.timing
    const longest = Math.min(backOffLastMs, backOffFirstMs * 2 ** Math.min(this.#attempts, 20))
    this.#attempts++
    this.#timer = setTimeout(() => this.dial(), longest * (0.5 + Math.random() / 2)).unref()
  }
}

/**
 * Tells a signer of a smaller index, which is the one to dial, that this one is up: without a word it would only find out after its back-off. Needs no proof, as
 * it only makes the other side dial an address that it knows, a little sooner.
 */
export function knock(url: URL, signer: number, context: HandshakeContext): void {
  const headers = { connection: 'Upgrade', upgrade: 'websocket' }
  const agent = linkAgent(url, signer, context, KNOCK_LIMIT_MS)
  const options = { headers, agent: agent ?? false, timeout: KNOCK_LIMIT_MS }
  const path = `${LINK_PATHS.signer}?knock=${context.self.index}`
  const call = agent ? secureRequest(new URL(path, `https://${url.host}`), options) : request(new URL(path, url), options)
  call.on('response', (response) => response.resume())
  call.on('upgrade', (_response, socket) => socket.destroy())
  call.on('timeout', () => call.destroy())
  // It is not up: then it dials by itself when it is.
  call.on('error', () => {})
  call.end()
}

function linkAgent(url: URL, signer: number, { manifest, linkSecretKey }: HandshakeContext, limitMs: number): LinkAgent | undefined {
  return url.protocol === 'wss:' ? new LinkAgent(url, linkSecretKey, signerIdentity(manifest, signer).key, limitMs) : undefined
}
