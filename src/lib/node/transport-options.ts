/** What a transport is made from, and the figures by which it works. */
import type { Server } from 'node:http'
import type { Ed25519 } from '../bls/backend.js'
import type { Manifest } from '../core/manifest.js'
import type { LinkServer } from './link-tls.js'
import type { LocalLinks } from './local-links.js'

/** The times of links, in milliseconds. */
export interface LinkTiming {
  /** From the opening of a connection to its welcome. */
  handshakeMs: number
  /** How often a link is looked at, and pinged if it was silent. */
  pingMs: number
  /** Silence after which a link is dead; found at the next look. */
  deadMs: number
  /** How long an older session has to answer before a second one may replace it. */
  probeMs: number
  /** The first wait before dialling again; it doubles up to the last, with jitter between half and all of it. */
  backOffFirstMs: number
  backOffLastMs: number
}

/** The caps of a transport. */
export interface LinkCaps {
  /** Bytes that wait on one link; at least one frame of the largest size fits. */
  linkQueueBytes: number
  /** Bytes that wait on all links together. */
  totalQueueBytes: number
  /** Connections without a finished handshake. One more pushes out the oldest, which an honest dialler left behind long ago. */
  unauthenticated: number
}

export const LINK_TIMING: LinkTiming = { handshakeMs: 5000, pingMs: 2500, deadMs: 6000, probeMs: 1000, backOffFirstMs: 50, backOffLastMs: 5000 }

export const LINK_CAPS: LinkCaps = { linkQueueBytes: 16 * 1024 * 1024, totalQueueBytes: 128 * 1024 * 1024, unauthenticated: 256 }

/** Where a transport tells what happened; a pino logger is one. No secrets are in it. */
export interface TransportLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface TransportOptions {
  /** The index of this signer; −1 where it has no seat. */
  self: number
  /** Its BLS public key, where it has no seat: of a pair the one with the smaller key dials. */
  publicKey?: Uint8Array
  manifest: Manifest
  crypto: { ed25519: Ed25519 }
  /** The ed25519 secret seed (32 bytes) of this signer's link key. */
  linkSecretKey: Uint8Array
  /** `http://127.0.0.1:port` or `wss://host:port` of each signer, by index; the entry of this signer is not dialled, nor is one that is not known. */
  addresses: readonly (string | undefined)[]
  /**
   * Its upgrades on `/link` are served; other paths are left alone. Without it the owner of the server calls `handleUpgrade`. Links over TLS come in on one made by
   * `createLinkServer`.
   */
  server?: Server | LinkServer
  /** Those of the cluster's signers that share this process, this one among them: no socket leads from one to another. */
  local?: LocalLinks | undefined
  log?: TransportLog
  /** Signer `signer` proved its key in a second session while the older one, which is kept, is alive: two processes hold that key. */
  secondSession?(signer: number): void
  timing?: Partial<LinkTiming>
  caps?: Partial<LinkCaps>
}
