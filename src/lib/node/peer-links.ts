/**
 * A signer's links to peers: anyone with a key may have one, up to a number of them. Owns their numbers, which go on from n and are never given twice, the door
 * through which they come, what they are told who get none, and what becomes of a slow reader. What a peer may cost is reckoned in `peer-turns.ts`, what it is
 * answered decided in the core.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { type Id, toHex } from '../base/bytes.js'
import { LIMITS } from '../core/limits.js'
import { Accepting } from './accepting.js'
import { PACKED_BYTES, PEER_PACK, packedLength } from './framing.js'
import type { HandshakeContext, Identity } from './handshake.js'
import { CLOSE, Link, newMetrics, type TransportMetrics } from './link.js'
import { Links } from './links.js'
import { type PeerTurn, PeerTurns } from './peer-turns.js'
import type { TransportHandlers } from './ports.js'
import type { LinkTiming, TransportLog } from './transport-options.js'

export interface PeerLinksOptions {
  context: HandshakeContext
  timing: LinkTiming
  log: TransportLog | undefined
  /** How many peers are served at once. */
  most?: number
}

/** What may wait for one peer, and for all together: apart from what waits for signers, so that nothing of theirs is dropped for a peer. */
const PEER_CAPS = { linkQueueBytes: 2 * PACKED_BYTES, totalQueueBytes: 64 * 1024 * 1024 } as const
/** Who is not read because it has not read itself cannot answer a ping. */
const DEAD_MS = 30_000
/** Connections of peers without a finished handshake. */
const UNAUTHENTICATED = 64
/** Few frames in each message, so that a peer that checks them slowly is not deaf meanwhile. */
const TO_PEER_PACK = { bytes: PACKED_BYTES, frames: 16 } as const

interface Peer extends PeerTurn {
  key: Id
}

export class PeerLinks {
  /** Counters of these links alone. */
  readonly metrics: TransportMetrics = newMetrics()
  readonly #most: number
  readonly #accepting: Accepting
  readonly #links: Links
  readonly #turns = new PeerTurns()
  readonly #peers = new Map<number, Peer>()
  #next: number
  #handlers: TransportHandlers | undefined

  constructor(options: PeerLinksOptions) {
    const { context, timing, log, most = LIMITS.peers } = options
    this.#most = most
    this.#next = context.manifest.n
    this.#links = new Links({
      end: 'peer',
      caps: PEER_CAPS,
      timing: { pingMs: timing.pingMs, deadMs: Math.max(timing.deadMs, DEAD_MS) },
      metrics: this.metrics,
      log,
      packs: { incoming: PEER_PACK, outgoing: TO_PEER_PACK },
      frame: (end, frame) => this.#asked(end, () => this.#handlers?.message(end, frame)),
      opened: (end) => this.#handlers?.connected(end),
      closed: (end) => this.#gone(end),
    })
    this.#accepting = new Accepting({
      context,
      role: 'peer',
      maxBytes: PEER_PACK.bytes,
      handshakeMs: timing.handshakeMs,
      cap: UNAUTHENTICATED,
      metrics: this.metrics,
      log,
      objection: async (dialler) => this.#objection(dialler),
      opened: (dialler, webSocket, socket) => this.#open(dialler, webSocket, socket),
    })
  }

  /** Serves peers from now on. */
  start(handlers: TransportHandlers): void {
    this.#handlers = handlers
    this.#links.start()
  }

  /** As of a transport. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    return this.#accepting.handleUpgrade(request, socket, head)
  }

  get count(): number {
    return this.#links.size
  }

  /** Queues a frame; a peer for which more waits than it is given is cut off: it can come again and catch up. */
  send(to: number, frame: Uint8Array): void {
    const length = packedLength(frame)
    const peer = this.#peers.get(to)
    if (peer && peer.queuedBytes + length > PEER_CAPS.linkQueueBytes) this.#cutOff(to)
    while (this.#links.queuedBytes + length > PEER_CAPS.totalQueueBytes && this.#links.size > 0) this.#cutOff(this.#slowest())
    const reached = this.#peers.get(to)
    if (reached) this.#turns.sent(reached, length)
    this.#links.send(to, frame)
  }

  async stop(): Promise<void> {
    this.#accepting.stop()
    this.#turns.stop()
    await this.#links.stop()
  }

  #objection({ key }: Identity): string | undefined {
    const older = this.#endOf(toHex(key))
    // Who has the key decides which of its sessions counts: a peer that was restarted does not wait for the end of its last one.
    if (older !== undefined) this.#links.get(older)?.close(CLOSE.replaced, 'replaced by a newer session')
    return this.#links.size >= this.#most ? `this signer serves ${this.#most} peers already; follow another one` : undefined
  }

  #open({ key }: Identity, webSocket: WebSocket, socket: Socket): boolean {
    if (this.#links.size >= this.#most || this.#endOf(toHex(key)) !== undefined) return false
    const end = this.#next++
    const link = () => this.#links.get(end)
    const peer: Peer = {
      key: toHex(key),
      pause: () => webSocket.pause(),
      resume: () => webSocket.resume(),
      get queuedBytes() {
        return link()?.queuedBytes ?? 0
      },
    }
    this.#peers.set(end, peer)
    socket.on('data', (chunk: Uint8Array) => {
      if (this.#peers.get(end) === peer) this.#turns.received(peer, chunk.length)
    })
    webSocket.on('ping', (data) => this.#asked(end, () => webSocket.pong(data, undefined, ignore)))
    return this.#links.open(end, (options) => new Link(webSocket, socket, options))
  }

  #asked(end: number, work: () => void): void {
    const peer = this.#peers.get(end)
    if (peer) this.#turns.ask(peer, work)
  }

  #gone(end: number): void {
    const peer = this.#peers.get(end)
    this.#peers.delete(end)
    if (peer) this.#turns.gone(peer)
    this.#handlers?.disconnected(end)
  }

  #endOf(key: Id): number | undefined {
    for (const [end, peer] of this.#peers) if (peer.key === key) return end
    return undefined
  }

  #cutOff(end: number): void {
    this.metrics.droppedFull++
    this.#links.get(end)?.close(CLOSE.slow, 'it reads too slowly')
  }

  #slowest(): number {
    const [slowest] = [...this.#peers].sort(([, a], [, b]) => b.queuedBytes - a.queuedBytes)
    return slowest?.[0] ?? -1
  }
}

/** A pong that cannot be sent shows as a link that is closed. */
function ignore(): void {}
