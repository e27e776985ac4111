/**
 * The transport of a peer: it dials the signers that it follows, again and again, and nobody dials it. Owns which links there are; dialling and links are in files
 * of their own.
 */
import { equalBytes } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import type { Ed25519 } from '../bls/backend.js'
import type { Manifest } from '../core/manifest.js'
import { Dialling, type DiallingOptions } from './dialling.js'
import { PEER_PACK } from './framing.js'
import { type HandshakeContext, peerIdentity } from './handshake.js'
import { Link, newMetrics, type TransportMetrics } from './link.js'
import { Links } from './links.js'
import { linkUrl } from './loopback.js'
import type { Transport, TransportHandlers } from './ports.js'
import { LINK_CAPS, LINK_TIMING, type LinkTiming, type TransportLog } from './transport-options.js'

export interface FollowingOptions {
  manifest: Manifest
  crypto: { ed25519: Ed25519 }
  /** The secret seed (32 bytes) of the peer's own link key. */
  linkSecretKey: Uint8Array
  /** As of a signer's transport: `http://127.0.0.1:port` or `wss://host:port` of each signer, by index. */
  addresses: readonly string[]
  /** The signers to dial. */
  follow: readonly number[]
  log?: TransportLog | undefined
  timing?: Partial<LinkTiming>
}

export class Following implements Transport {
  /** Counters that go on changing. */
  readonly metrics: TransportMetrics = newMetrics()
  readonly #links: Links
  readonly #dialling = new Map<number, Dialling>()
  #handlers: TransportHandlers | undefined
  #stopped = false

  /** Errors: `BAD_INPUT` on addresses that may not be dialled, or where the link key is a signer's. */
  constructor({ manifest, crypto, linkSecretKey, addresses, follow, log, timing: given }: FollowingOptions) {
    const { metrics } = this
    const self = peerIdentity(crypto.ed25519.publicKey(linkSecretKey))
    if (manifest.signers.some(({ linkKey }) => equalBytes(linkKey, self.key)))
      throw new MusigError('BAD_INPUT', 'a peer needs a link key of its own, not a signer’s')
    const context: HandshakeContext = { self, manifest, ed25519: crypto.ed25519, linkSecretKey }
    const timing = { ...LINK_TIMING, ...given }
    this.#links = new Links({
      end: 'signer',
      caps: LINK_CAPS,
      timing,
      metrics,
      log,
      packs: { outgoing: PEER_PACK },
      frame: (signer, frame) => {
        if (!this.#stopped) this.#handlers?.message(signer, frame)
      },
      opened: (signer) => this.#handlers?.connected(signer),
      closed: (signer, livedMs) => {
        this.#dialling.get(signer)?.lost(livedMs)
        if (!this.#stopped) this.#handlers?.disconnected(signer)
      },
    })
    for (const signer of follow) {
      const url = linkUrl(addresses[signer] ?? '', `the address of signer ${signer}`)
      const opened: DiallingOptions['opened'] = (webSocket, socket) => this.#links.open(signer, (link) => new Link(webSocket, socket, link))
      this.#dialling.set(signer, new Dialling({ signer, url, context, timing, metrics, log, opened }))
    }
  }

  async start(handlers: TransportHandlers): Promise<void> {
    this.#handlers = handlers
    this.#links.start()
    for (const dialling of this.#dialling.values()) dialling.dial()
  }

  send(to: number, frame: Uint8Array): void {
    this.#links.send(to, frame)
  }

  /** The signers to which there is a link, ascending. */
  connected(): number[] {
    return this.#links.ends()
  }

  /** Bytes that wait to be sent. */
  get queuedBytes(): number {
    return this.#links.queuedBytes
  }

  async stop(): Promise<void> {
    this.#stopped = true
    const gone = this.#links.stop()
    for (const dialling of this.#dialling.values()) dialling.stop()
    await gone
  }
}
