/**
 * The transport of a signer: one link to every other signer, on WebSockets that come in on one port, in plain on this machine or over TLS, or in memory to those
 * in the same process; and links of peers, which have numbers from n on. Owns which links to signers there are. For each pair the smaller index dials, so two connections of one pair never cross; one that comes up later knocks,
 * and is dialled at once. A second session of a signer is refused while the older one answers. A link that is cut on purpose stays open underneath: its owner
 * hears that it is gone, and nothing passes. Handshake, dialling, accepting, faults, peers and both kinds of link are in files of their own.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { compareBytes, equalBytes, type Id, toHex } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { Accepting, isLinkTarget } from './accepting.js'
import { Dialling, type DiallingOptions, knock } from './dialling.js'
import { PACKED_BYTES } from './framing.js'
import { type HandshakeContext, signerIdentity, unseatedIdentity } from './handshake.js'
import { CLOSE, Link, newMetrics, type TransportMetrics } from './link.js'
import { type LinkFault, LinkFaults } from './link-faults.js'
import { Links } from './links.js'
import type { LocalMember } from './local-links.js'
import { linkUrl } from './loopback.js'
import { PeerLinks } from './peer-links.js'
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
  /** How many peers have a link. */
  readonly peers: number
  /** Puts faults on its links to signers, instead of those before; none: all is well again. */
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
  readonly #urls: (URL | undefined)[]
  readonly #publicKey: Uint8Array
  /** Public keys in hex, by index. */
  readonly #keys: Id[]
  readonly #accepting: Accepting
  readonly #dialling = new Map<number, Dialling>()
  readonly #links: Links
  readonly #peers: PeerLinks
  readonly #asLocal: LocalMember
  /** Only once faults were set. */
  #faults: LinkFaults | undefined
  #handlers: TransportHandlers | undefined
  #knocking: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: TransportOptions) {
    const { self, manifest, crypto, linkSecretKey, addresses, log } = options
    const { metrics } = this
    const identity = self >= 0 ? signerIdentity(manifest, self) : unseatedIdentity(crypto.ed25519.publicKey(linkSecretKey))
    const context: HandshakeContext = { self: identity, manifest, ed25519: crypto.ed25519, linkSecretKey }
    this.#publicKey = manifest.signers[self]?.publicKey ?? options.publicKey ?? new Uint8Array()
    this.#keys = manifest.signers.map((signer) => toHex(signer.publicKey))
    this.#options = options
    this.#context = context
    this.#timing = { ...LINK_TIMING, ...options.timing }
    this.#caps = { ...LINK_CAPS, ...options.caps }
    if (this.#caps.linkQueueBytes < PACKED_BYTES)
      throw new MusigError('BAD_INPUT', `a queue of ${this.#caps.linkQueueBytes} bytes does not hold one frame`)
    this.#urls = checkedUrls(addresses, manifest.n)
    if (!equalBytes(crypto.ed25519.publicKey(linkSecretKey), context.self.key)) {
      throw new MusigError('BAD_INPUT', `the link key given is not that of signer ${self} of the manifest`)
    }
    this.#links = new Links({
      end: 'signer',
      caps: this.#caps,
      timing: this.#timing,
      metrics,
      log,
      frame: (signer, frame) => this.#heard(signer, frame),
      opened: (signer) => {
        if (!this.#isCut(signer)) this.#handlers?.connected(signer)
      },
      closed: (signer, livedMs) => this.#lost(signer, livedMs),
    })
    this.#peers = new PeerLinks({ context, timing: this.#timing, log })
    this.#accepting = new Accepting({
      context,
      role: 'signer',
      maxBytes: PACKED_BYTES,
      handshakeMs: this.#timing.handshakeMs,
      cap: Math.max(this.#caps.unauthenticated, 2 * manifest.n),
      metrics,
      log,
      knocked: (signer) => this.#dialling.get(signer)?.knocked(),
      objection: ({ index }) => this.#objection(index ?? self),
      opened: ({ index }, webSocket, socket) => this.#links.open(index ?? self, (link) => new Link(webSocket, socket, link)),
    })
    this.#asLocal = {
      key: toHex(this.#publicKey),
      knows: (key) => this.#keys.includes(key),
      open: (key, make) => this.#links.open(this.#keys.indexOf(key), make),
    }
    this.#urls.forEach((url, signer) => {
      if (!url || !this.#isDialled(signer) || this.#isLocal(signer)) return
      const opened: DiallingOptions['opened'] = (webSocket, socket) => this.#links.open(signer, (link) => new Link(webSocket, socket, link))
      this.#dialling.set(signer, new Dialling({ signer, url, context, timing: this.#timing, metrics, log, opened }))
    })
  }

  async start(handlers: TransportHandlers): Promise<void> {
    if (this.#handlers || this.#stopped) throw new MusigError('INTERNAL', 'a transport starts once')
    this.#handlers = handlers
    this.#options.server?.on('upgrade', this.#upgraded)
    this.#options.server?.on('tlsClientError', this.#strange)
    this.#links.start()
    this.#peers.start(handlers)
    this.#options.local?.join(this.#asLocal)
    for (const dialling of this.#dialling.values()) dialling.dial()
    this.#knocking = setTimeout(() => this.#knock(), KNOCK_AFTER_MS).unref()
  }

  send(to: number, frame: Uint8Array): void {
    if (to >= this.#options.manifest.n) this.#peers.send(to, frame)
    else if (!this.#faults?.takes(to, frame)) this.#links.send(to, frame)
  }

  setFaults(faults: readonly LinkFault[]): void {
    const before = new Set(this.connected())
    this.#faults ??= new LinkFaults({
      queueBytes: this.#caps.linkQueueBytes,
      send: (to, frame) => this.#links.send(to, frame),
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
    clearTimeout(this.#knocking)
    this.#faults?.stop()
    const gone = [this.#links.stop(), this.#peers.stop()]
    this.#accepting.stop()
    for (const dialling of this.#dialling.values()) dialling.stop()
    await Promise.all(gone)
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if (!this.#handlers && isLinkTarget(request.url ?? '')) {
      socket.destroy()
      return true
    }
    return this.#accepting.handleUpgrade(request, socket, head) || this.#peers.handleUpgrade(request, socket, head)
  }

  connected(): number[] {
    return this.#links.ends().filter((signer) => !this.#isCut(signer))
  }

  async answering(limitMs: number): Promise<number[]> {
    const connected = this.connected()
    const answers = await Promise.all(connected.map((signer) => this.#links.get(signer)?.answers(limitMs)))
    return connected.filter((_, i) => answers[i])
  }

  queuedBytes(signer: number): number {
    return this.#links.get(signer)?.queuedBytes ?? 0
  }

  get peers(): number {
    return this.#peers.count
  }

  readonly #upgraded = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    this.handleUpgrade(request, socket, head)
  }

  readonly #strange = (error: Error): void => {
    this.metrics.refused++
    this.#options.log?.debug({ reason: error.message }, 'connection without TLS of a link')
  }

  /** Of a pair the one with the smaller public key dials, in whatever epochs they are. */
  #isDialled(signer: number): boolean {
    const other = this.#options.manifest.signers[signer]?.publicKey
    return other !== undefined && compareBytes(other, this.#publicKey) > 0
  }

  #isLocal(signer: number): boolean {
    return this.#options.local?.has(this.#keys[signer] ?? '') === true
  }

  #isCut(signer: number): boolean {
    return this.#faults?.isCut(signer) ?? false
  }

  #knock(): void {
    // Without a seat it has no number to knock with.
    if (this.#options.self < 0) return
    this.#urls.forEach((url, signer) => {
      if (url && signer < this.#options.self && !this.#links.get(signer) && !this.#isLocal(signer)) knock(url, signer, this.#context)
    })
  }

  async #objection(signer: number): Promise<string | undefined> {
    if (this.#isLocal(signer)) return `signer ${signer} runs in the process of signer ${this.#options.self}`
    if (this.#isDialled(signer)) return `signer ${signer} waits to be dialled; the smaller index dials`
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

  #heard(signer: number, frame: Uint8Array): void {
    if (this.#isCut(signer)) this.metrics.droppedFaulty++
    else if (!this.#stopped) this.#handlers?.message(signer, frame)
  }

  #lost(signer: number, livedMs: number): void {
    this.#dialling.get(signer)?.lost(livedMs)
    this.#faults?.drop(signer)
    if (!this.#stopped && !this.#isCut(signer)) this.#handlers?.disconnected(signer)
  }
}

function checkedUrls(addresses: readonly (string | undefined)[], n: number): (URL | undefined)[] {
  if (addresses.length !== n) throw new MusigError('BAD_INPUT', `${addresses.length} addresses for ${n} signers; give one for each`)
  return addresses.map((address, i) => (address === undefined ? undefined : linkUrl(address, `the address of signer ${i}`)))
}
