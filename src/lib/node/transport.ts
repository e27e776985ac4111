/**
 * The transport: one link to every other signer, on WebSockets that come in on one port, in plain on this machine
 * or over TLS, or in memory to those in the same
 * process. Owns which links there are. For each pair the smaller index dials, so two connections of one pair never cross; one that comes up later knocks,
 * and is dialled at once. A second session of a signer is refused while the older one answers. A link that is cut on purpose stays open underneath: its owner
 * hears that it is gone, and nothing passes. Handshake, dialling, accepting, faults and both kinds of link are in files of their own.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { equalBytes } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { Accepting, LINK_PATH } from './accepting.js'
import { Dialling, type DiallingOptions, knock } from './dialling.js'
import { PACKED_BYTES } from './framing.js'
import { type HandshakeContext, signerIdentity } from './handshake.js'
import { CLOSE, Link, type LinkOptions, type QueueTotal, type SignerLink, type TransportMetrics } from './link.js'
import { type LinkFault, LinkFaults } from './link-faults.js'
import type { LocalMember } from './local-links.js'
import { linkUrl } from './loopback.js'
import type { Transport, TransportHandlers } from './ports.js'
import { LINK_CAPS, LINK_TIMING, type LinkCaps, type LinkTiming, type TransportOptions } from './transport-options.js'

/** Who starts together with all others is dialled by them anyway: only one that came late has to knock. */
const KNOCK_AFTER_MS = 250

/** A transport over links, with what its owner may look at. */
export interface LinkTransport extends Transport {
  /** Takes an upgrade on `/link`; answers false, and leaves the socket alone, for any other path. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean
  /** Counters that go on changing. */
  readonly metrics: Readonly<TransportMetrics>
  /** The signers to which there is a link now that is not cut, ascending. */
  connected(): number[]
  /** Those of them that answer within `limitMs`: one that stands still keeps its links. */
  answering(limitMs: number): Promise<number[]>
  /** Bytes that wait to be sent to a signer. */
  queuedBytes(signer: number): number
  /** Puts faults on its links, instead of those before; none: all is well again. */
  setFaults(faults: readonly LinkFault[]): void
}

/** Makes a transport; `start` opens it. Errors: `BAD_INPUT` on addresses that are not on this machine, or a link key that is not the signer's. */
export function createTransport(options: TransportOptions): LinkTransport {
  return new Mesh(options)
}

class Mesh implements LinkTransport {
  readonly metrics = newMetrics()
  readonly #options: TransportOptions
  readonly #context: HandshakeContext
  readonly #timing: LinkTiming
  readonly #caps: LinkCaps
  readonly #queue: QueueTotal
  readonly #urls: URL[]
  readonly #accepting: Accepting
  readonly #dialling = new Map<number, Dialling>()
  readonly #links = new Map<number, SignerLink>()
  /** Signers that had a link before. */
  readonly #met = new Set<number>()
  readonly #asLocal: LocalMember
  /** Only once faults were set. */
  #faults: LinkFaults | undefined
  #handlers: TransportHandlers | undefined
  #keepAlive: NodeJS.Timeout | undefined
  #knocking: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: TransportOptions) {
    const { self, manifest, crypto, linkSecretKey, addresses, log } = options
    const context: HandshakeContext = { self, manifest, ed25519: crypto.ed25519, linkSecretKey }
    this.#options = options
    this.#context = context
    this.#timing = { ...LINK_TIMING, ...options.timing }
    this.#caps = { ...LINK_CAPS, ...options.caps }
    if (this.#caps.linkQueueBytes < PACKED_BYTES)
      throw new MusigError('BAD_INPUT', `a queue of ${this.#caps.linkQueueBytes} bytes does not hold one frame`)
    this.#queue = { bytes: 0, cap: this.#caps.totalQueueBytes }
    this.#urls = checkedUrls(addresses, manifest.n)
    if (!equalBytes(crypto.ed25519.publicKey(linkSecretKey), signerIdentity(manifest, self).key)) {
      throw new MusigError('BAD_INPUT', `the link key given is not that of signer ${self} of the manifest`)
    }
    this.#accepting = new Accepting({
      context,
      handshakeMs: this.#timing.handshakeMs,
      cap: Math.max(this.#caps.unauthenticated, 2 * manifest.n),
      metrics: this.metrics,
      log,
      knocked: (signer) => this.#dialling.get(signer)?.knocked(),
      objection: (signer) => this.#objection(signer),
      opened: (signer, webSocket, socket) => this.#open(signer, (link) => new Link(webSocket, socket, link)),
    })
    this.#asLocal = { self, open: (signer, make) => this.#open(signer, make) }
    this.#urls.forEach((url, signer) => {
      if (signer <= self || options.local?.has(signer)) return
      const { metrics } = this
      const opened: DiallingOptions['opened'] = (webSocket, socket) => this.#open(signer, (link) => new Link(webSocket, socket, link))
      this.#dialling.set(signer, new Dialling({ signer, url, context, timing: this.#timing, metrics, log, opened }))
    })
  }

  async start(handlers: TransportHandlers): Promise<void> {
    if (this.#handlers || this.#stopped) throw new MusigError('INTERNAL', 'a transport starts once')
    this.#handlers = handlers
    this.#options.server?.on('upgrade', this.#upgraded)
    this.#options.server?.on('tlsClientError', this.#strange)
    let looked = performance.now()
    this.#keepAlive = setInterval(() => {
      const now = performance.now()
      // A process that stood still has not listened: silence until now says nothing about the others.
      const graceful = now - looked > 2 * this.#timing.pingMs
      looked = now
      for (const link of [...this.#links.values()]) link.keepAlive(now, this.#timing.deadMs, graceful)
    }, this.#timing.pingMs).unref()
    this.#options.local?.join(this.#asLocal)
    for (const dialling of this.#dialling.values()) dialling.dial()
    this.#knocking = setTimeout(() => this.#knock(), KNOCK_AFTER_MS).unref()
  }

  send(to: number, frame: Uint8Array): void {
    if (this.#faults?.takes(to, frame)) return
    this.#send(to, frame)
  }

  setFaults(faults: readonly LinkFault[]): void {
    const before = new Set(this.connected())
    this.#faults ??= new LinkFaults({
      queueBytes: this.#caps.linkQueueBytes,
      send: (to, frame) => this.#send(to, frame),
      lost: () => this.metrics.droppedFaulty++,
    })
    this.#faults.set(faults)
    const after = new Set(this.connected())
    this.#options.log?.info({ faults: faults.length }, 'faults of links')
    if (this.#stopped) return
    for (const signer of before) if (!after.has(signer)) this.#handlers?.disconnected(signer)
    for (const signer of after) if (!before.has(signer)) this.#handlers?.connected(signer)
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#options.local?.leave(this.#asLocal)
    this.#options.server?.off('upgrade', this.#upgraded)
    this.#options.server?.off('tlsClientError', this.#strange)
    clearInterval(this.#keepAlive)
    clearTimeout(this.#knocking)
    this.#faults?.stop()
    const links = [...this.#links.values()]
    for (const link of links) link.close(CLOSE.stopped, 'stopped')
    this.#accepting.stop()
    for (const dialling of this.#dialling.values()) dialling.stop()
    await Promise.all(links.map((link) => link.gone))
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if (!this.#handlers && request.url?.split('?')[0] === LINK_PATH) {
      socket.destroy()
      return true
    }
    return this.#accepting.handleUpgrade(request, socket, head)
  }

  connected(): number[] {
    return [...this.#links.keys()].filter((signer) => !this.#isCut(signer)).sort((a, b) => a - b)
  }

  async answering(limitMs: number): Promise<number[]> {
    const connected = this.connected()
    const answers = await Promise.all(connected.map((signer) => this.#links.get(signer)?.answers(limitMs)))
    return connected.filter((_, i) => answers[i])
  }

  queuedBytes(signer: number): number {
    return this.#links.get(signer)?.queuedBytes ?? 0
  }

  readonly #upgraded = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    this.handleUpgrade(request, socket, head)
  }

  readonly #strange = (error: Error): void => {
    this.metrics.refused++
    this.#options.log?.debug({ reason: error.message }, 'connection without TLS of a signer')
  }

  #send(to: number, frame: Uint8Array): void {
    const link = this.#links.get(to)
    if (link) link.send(frame)
    else this.metrics.droppedUnconnected++
  }

  #isCut(signer: number): boolean {
    return this.#faults?.isCut(signer) ?? false
  }

  #knock(): void {
    const { self, local } = this.#options
    this.#urls.slice(0, self).forEach((url, signer) => {
      if (!this.#links.has(signer) && !local?.has(signer)) knock(url, signer, this.#context)
    })
  }

  async #objection(signer: number): Promise<string | undefined> {
    if (this.#options.local?.has(signer)) return `signer ${signer} runs in the process of signer ${this.#options.self}`
    if (signer > this.#options.self) return `signer ${signer} waits to be dialled; the smaller index dials`
    const older = this.#links.get(signer)
    if (!older) return undefined
    if (await older.answers(this.#timing.probeMs)) {
      this.metrics.secondSessions++
      this.#options.secondSession?.(signer)
      return `another session of signer ${signer} is alive`
    }
    older.close(CLOSE.replaced, 'replaced by a newer session')
    return undefined
  }

  #open(signer: number, make: (options: LinkOptions) => SignerLink): boolean {
    const { log } = this.#options
    if (this.#links.has(signer)) return false
    const link: SignerLink = make({
      queueBytes: this.#caps.linkQueueBytes,
      total: this.#queue,
      metrics: this.metrics,
      frame: (frame) => {
        if (this.#isCut(signer)) this.metrics.droppedFaulty++
        else if (!this.#stopped) this.#handlers?.message(signer, frame)
      },
      closed: (reason) => {
        if (this.#links.get(signer) !== link) return
        this.#links.delete(signer)
        this.metrics.disconnects++
        log?.info({ signer, reason }, 'link closed')
        this.#dialling.get(signer)?.lost(performance.now() - link.openedAt)
        this.#faults?.drop(signer)
        if (!this.#stopped && !this.#isCut(signer)) this.#handlers?.disconnected(signer)
      },
    })
    this.#links.set(signer, link)
    this.metrics.connects++
    if (this.#met.has(signer)) this.metrics.reconnects++
    this.#met.add(signer)
    log?.info({ signer }, 'link open')
    if (!this.#isCut(signer)) this.#handlers?.connected(signer)
    return true
  }
}

function checkedUrls(addresses: readonly string[], n: number): URL[] {
  if (addresses.length !== n) throw new MusigError('BAD_INPUT', `${addresses.length} addresses for ${n} signers; give one for each`)
  return addresses.map((address, i) => linkUrl(address, `the address of signer ${i}`))
}

function newMetrics(): TransportMetrics {
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
