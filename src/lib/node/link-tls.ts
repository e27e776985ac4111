/**
 * TLS under links between machines: 1.3 only, on both sides with the certificate of the signer's link key, and the other side's key held against the manifest
 * before anything that it sends is read, or anything is sent to it. Owns both ends of that. No authority, name or date counts: the handshake of TLS proves that
 * the other side has the secret of the key it shows, and the manifest says whose key that is. The handshake of links (`handshake.ts`) follows on top.
 */
import { constants } from 'node:crypto'
import type { ClientRequestArgs, IncomingMessage } from 'node:http'
import { Agent, createServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect, type SecureContextOptions, type TLSSocket } from 'node:tls'
import { equalBytes } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import type { Manifest } from '../core/manifest.js'
import { rawPublicKey } from './ed25519.js'
import { linkCertificate } from './link-certificate.js'
import { LINK_CAPS, LINK_TIMING } from './transport-options.js'

/** The server that links over TLS come in on. */
export type LinkServer = ReturnType<typeof createServer>

export interface LinkServerOptions {
  /** Asked for at each connection: they are others in the next epoch. */
  readonly self: number
  readonly manifest: Manifest
  linkSecretKey: Uint8Array
  /** From the opening of a connection to the end of the TLS handshake, and from there to the request. */
  handshakeMs?: number
  /** Connections that have not asked for a link yet; one more pushes out the oldest. */
  handshakes?: number
}

/** What a request on a link needs at most, and how often time limits are looked at. */
const HEADER_BYTES = 8 * 1024
const LOOK_MS = 1000

/**
 * Makes the server of signer `self`; its owner listens. It lets in who proves an Ed25519 key of its own: other signers of the manifest, and peers, who are any
 * others; which paths are open to whom is checked where links are accepted. What fails here is told as `tlsClientError`, whether TLS found it or not.
 */
export function createLinkServer(options: LinkServerOptions): LinkServer {
  const { linkSecretKey, handshakeMs = LINK_TIMING.handshakeMs } = options
  const handshakes = options.handshakes ?? Math.max(LINK_CAPS.unauthenticated, 2 * options.manifest.n)
  const server = createServer({
    ...settings(linkSecretKey),
    requestCert: true,
    handshakeTimeout: handshakeMs,
    headersTimeout: handshakeMs,
    requestTimeout: handshakeMs,
    maxHeaderSize: HEADER_BYTES,
    connectionsCheckingInterval: LOOK_MS,
  })
  const pending = new Map<string, Socket>()
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket)
    pending.set(name, socket)
    socket.once('close', () => {
      if (pending.get(name) === socket) pending.delete(name)
    })
    const [oldest] = pending.values()
    if (pending.size > handshakes) oldest?.destroy()
  })
  // Ahead of the listener that reads requests: nothing is read from a socket that is gone.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    if (provedKey(socket) && signerOfSocket(options.manifest, socket) !== options.self) return
    socket.on('error', () => {})
    socket.destroy()
    server.emit('tlsClientError', new MusigError('CHECK_FAILED', 'TLS refused: it proves no Ed25519 key, or this signer’s own'), socket)
  })
  // From here on it counts among those without a finished handshake of links.
  server.prependListener('upgrade', ({ socket }: IncomingMessage) => pending.delete(nameOf(socket)))
  server.on('request', (_request, response) => response.writeHead(404, { connection: 'close' }).end())
  return server
}

/** The signer whose link key the other side of a TLS connection has proved to hold. */
export function signerOfSocket(manifest: Manifest, socket: TLSSocket): number | undefined {
  const key = provedKey(socket)
  const signer = key ? manifest.signers.findIndex(({ linkKey }) => equalBytes(linkKey, key)) : -1
  return signer < 0 ? undefined : signer
}

/** What dials one signer over TLS: hands out sockets on which that signer has proved its key, and no others. */
export class LinkAgent extends Agent {
  readonly #url: URL
  readonly #secure: SecureContextOptions
  readonly #linkKey: Uint8Array
  readonly #limitMs: number

  constructor(url: URL, linkSecretKey: Uint8Array, linkKey: Uint8Array, limitMs: number) {
    super()
    this.#url = url
    this.#secure = settings(linkSecretKey)
    this.#linkKey = linkKey
    this.#limitMs = limitMs
  }

  override createConnection(_options: ClientRequestArgs, done: (error: Error | null, socket: Duplex) => void = () => {}): undefined {
    const host = this.#url.hostname.replace(/^\[|\]$/g, '')
    const socket = connect({ ...this.#secure, host, port: Number(this.#url.port || 443), rejectUnauthorized: false })
    const settled = () => {
      clearTimeout(timer)
      socket.off('error', failed)
      socket.off('close', closed)
    }
    const failed = (error: Error) => {
      settled()
      socket.on('error', () => {})
      socket.destroy()
      done(error, socket)
    }
    const closed = () => failed(new Error('closed during the TLS handshake'))
    const timer = setTimeout(() => failed(new Error(`no TLS handshake within ${this.#limitMs} ms`)), this.#limitMs)
    socket.on('error', failed)
    socket.on('close', closed)
    socket.once('secureConnect', () => {
      const key = provedKey(socket)
      if (!key || !equalBytes(key, this.#linkKey)) return failed(new Error('TLS refused: the key is not that of the signer that was dialled'))
      settled()
      done(null, socket)
    })
  }
}

/** The Ed25519 key of the other side's certificate, whose secret the handshake has proved it to hold. */
export function provedKey(socket: TLSSocket): Uint8Array | undefined {
  try {
    const certificate = socket.getPeerX509Certificate()
    return certificate && rawPublicKey(certificate.publicKey)
  } catch {
    // A key of a kind that is not known here.
    return undefined
  }
}

function settings(linkSecretKey: Uint8Array) {
  // The other side's certificate is not checked against authorities, but by its key: see above. Without tickets every connection proves the key anew.
  return {
    ...linkCertificate(linkSecretKey),
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    rejectUnauthorized: false,
    secureOptions: constants.SSL_OP_NO_TICKET,
  } as const
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
