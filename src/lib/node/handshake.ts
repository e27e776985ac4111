/**
 * The mutual handshake of a link (§2, statement `musig/v1/hello`). Owns its messages and what each side signs and checks; sockets, time limits and what
 * becomes of an authenticated link belong to `transport.ts`. Dialler and acceptor each give a fresh nonce and sign both nonces, both identities with their
 * roles, and which side they are, so that nothing signed for one handshake, side, cluster or version serves in another.
 *
 *     dialler → acceptor  hello    version, cluster, epoch, who I am, whom I want, my nonce
 *     acceptor → dialler  answer   the same of the acceptor, and its signature
 *     dialler → acceptor  proof    the dialler's signature
 *     acceptor → dialler  welcome  the link is open; frames may follow
 */
import { randomBytes } from 'node:crypto'
import { equalBytes, type Id } from '../base/bytes.js'
import { bytes, type Codec, type Decoded, fromCbor, id, nullable, object, oneOf, tagged, toCbor, uint } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { statementDigest } from '../base/hash.js'
import type { Ed25519 } from '../bls/backend.js'
import { LIMITS } from '../core/limits.js'
import type { Manifest } from '../core/manifest.js'

/** The version of the link protocol: handshake, framing and messages. Another one is refused. */
const LINK_VERSION = 1

/** Bytes of the largest message of a handshake, and of all that an unauthenticated connection may send. */
export const HANDSHAKE_BYTES = 4096

const NONCE_BYTES = 32
const SIGNATURE_BYTES = 64
const KEY_BYTES = 32
const TAG = 'musig/v1/hello'

/** One end of a link. A signer has its index and link key from the manifest; a peer has no index and any ed25519 key of its own. */
const identityCodec = object({
  role: oneOf(['signer', 'peer']),
  index: nullable(uint(LIMITS.signers - 1)),
  key: bytes(KEY_BYTES),
})

const introduction = { version: uint(0xffff), clusterId: id, epoch: uint(2 ** 32), nonce: bytes(NONCE_BYTES), self: identityCodec }

const messageCodec = tagged({
  hello: object({ ...introduction, wanted: identityCodec }),
  answer: object({ ...introduction, signature: bytes(SIGNATURE_BYTES) }),
  proof: object({ signature: bytes(SIGNATURE_BYTES) }),
  welcome: object({}),
}) as Codec<HandshakeMessage>

type HandshakeMessage =
  | { type: 'hello'; version: number; clusterId: Id; epoch: number; nonce: Uint8Array; self: Identity; wanted: Identity }
  | { type: 'answer'; version: number; clusterId: Id; epoch: number; nonce: Uint8Array; self: Identity; signature: Uint8Array }
  | { type: 'proof'; signature: Uint8Array }
  | { type: 'welcome' }

/** What a side signs; the clusterId comes in by the tag rule of `statementDigest`. */
const statementCodec = object({
  epoch: uint(2 ** 32),
  version: uint(0xffff),
  signedBy: oneOf(['dialler', 'acceptor']),
  dialler: object({ identity: identityCodec, nonce: bytes(NONCE_BYTES) }),
  acceptor: object({ identity: identityCodec, nonce: bytes(NONCE_BYTES) }),
})

export type Identity = Decoded<typeof identityCodec>

/** What this process brings to every handshake. */
export interface HandshakeContext {
  self: Identity
  manifest: Manifest
  ed25519: Ed25519
  linkSecretKey: Uint8Array
}

type Side = 'dialler' | 'acceptor'
type End = { identity: Identity; nonce: Uint8Array }

/** The identity of a signer that has no seat in the manifest of its epoch: it waits for the epoch that it was admitted to. */
export function unseatedIdentity(key: Uint8Array): Identity {
  return { role: 'signer', index: null, key }
}

/** The identity of signer `index`, as the manifest has it. Errors: `BAD_INPUT` if there is no such signer. */
export function signerIdentity(manifest: Manifest, index: number): Identity {
  const entry = manifest.signers[index]
  if (!entry) throw new MusigError('BAD_INPUT', `there is no signer ${index} in a cluster of ${manifest.n}`)
  return { role: 'signer', index, key: entry.linkKey }
}

/** The identity of a peer with this link key (32 bytes). */
export function peerIdentity(key: Uint8Array): Identity {
  return { role: 'peer', index: null, key }
}

/** The dialler's side. Each step takes what came and gives what goes out; whatever is wrong throws `CHECK_FAILED` or `BAD_ENCODING`. */
export class Dialler {
  readonly #context: HandshakeContext
  readonly #wanted: Identity
  readonly #me: End

  constructor(context: HandshakeContext, wanted: number) {
    this.#context = context
    this.#wanted = signerIdentity(context.manifest, wanted)
    this.#me = newEnd(context)
  }

  hello(): Uint8Array {
    return toCbor(messageCodec, { type: 'hello', ...introduce(this.#context, this.#me), wanted: this.#wanted })
  }

  /** Reads the answer, and gives the proof: from here on the acceptor is known to be the one that was wanted. */
  proof(answer: Uint8Array): Uint8Array {
    const message = read(answer, 'answer')
    const { manifest } = this.#context
    checkCluster(manifest, message)
    if (!sameIdentity(message.self, this.#wanted, message.epoch === manifest.epoch)) refused('it is not the signer that was dialled')
    const acceptor = { identity: message.self, nonce: message.nonce }
    verifyEnd(this.#context, manifest.epoch, 'acceptor', this.#me, acceptor, message.signature)
    return toCbor(messageCodec, { type: 'proof', signature: signEnd(this.#context, manifest.epoch, 'dialler', this.#me, acceptor) })
  }

  welcomed(welcome: Uint8Array): void {
    read(welcome, 'welcome')
  }
}

/** The acceptor's side, as `Dialler`. */
export class Acceptor {
  readonly #context: HandshakeContext
  readonly #serves: Identity['role']
  readonly #me: End
  #dialler: { end: End; epoch: number; known: Identity } | undefined

  /** `serves`: the role of the links that are opened here. */
  constructor(context: HandshakeContext, serves: Identity['role'] = 'signer') {
    this.#context = context
    this.#serves = serves
    this.#me = newEnd(context)
  }

  answer(hello: Uint8Array): Uint8Array {
    const { manifest } = this.#context
    const message = read(hello, 'hello')
    checkCluster(manifest, message)
    const isOfEpoch = message.epoch === manifest.epoch
    if (!sameIdentity(message.wanted, this.#me.identity, isOfEpoch)) refused('it wants another signer')
    if (message.self.role !== this.#serves) refused(`links of role “${message.self.role}” are not served here`)
    const known =
      this.#serves === 'signer' ? knownSigner(manifest, this.#me.identity, message.self, isOfEpoch) : strangerAsPeer(manifest, message.self)
    this.#dialler = { end: { identity: message.self, nonce: message.nonce }, epoch: message.epoch, known }
    const signature = signEnd(this.#context, message.epoch, 'acceptor', this.#dialler.end, this.#me)
    return toCbor(messageCodec, { type: 'answer', ...introduce(this.#context, this.#me), signature })
  }

  /** Reads the proof and tells who dialled: from here on that is certain. */
  dialler(proof: Uint8Array): Identity {
    const message = read(proof, 'proof')
    if (!this.#dialler) refused('the proof came before the hello')
    const { end, epoch, known } = this.#dialler
    verifyEnd(this.#context, epoch, 'dialler', end, this.#me, message.signature)
    return known
  }

  welcome(): Uint8Array {
    return toCbor(messageCodec, { type: 'welcome' })
  }
}

function newEnd({ self }: HandshakeContext): End {
  return { identity: self, nonce: Uint8Array.from(randomBytes(NONCE_BYTES)) }
}

function introduce({ manifest }: HandshakeContext, { identity, nonce }: End) {
  return { version: LINK_VERSION, clusterId: manifest.clusterId, epoch: manifest.epoch, nonce, self: identity }
}

/** Signers in different epochs are linked all the same: the one that is behind catches up over the link (§24). */
function checkCluster(manifest: Manifest, { version, clusterId }: { version: number; clusterId: Id }): void {
  if (version !== LINK_VERSION) refused(`it speaks version ${version}, not ${LINK_VERSION}`)
  if (clusterId !== manifest.clusterId) refused(`it belongs to cluster ${clusterId.slice(0, 12)}, not ${manifest.clusterId.slice(0, 12)}`)
}

/** The dialler's identity as the manifest has it, if it is that of another signer. In another epoch it may have had another index. */
function knownSigner(manifest: Manifest, me: Identity, other: Identity, isOfEpoch: boolean): Identity {
  if (!isOfEpoch) {
    const index = manifest.signers.findIndex(({ linkKey }) => equalBytes(linkKey, other.key))
    if (index < 0) refused(`its key is no signer’s in epoch ${manifest.epoch}`)
    return knownSigner(manifest, me, signerIdentity(manifest, index), true)
  }
  if (other.index === null || other.index >= manifest.n) refused(`signer ${other.index} is not in the manifest`)
  const known = signerIdentity(manifest, other.index)
  if (!sameIdentity(other, known, true)) refused(`its link key is not that of signer ${other.index}`)
  if (equalBytes(known.key, me.key)) refused('it says that it is this very signer')
  return known
}

/** A peer may have any key but a signer's: nobody vouches for it, and nothing that it says counts. */
function strangerAsPeer(manifest: Manifest, other: Identity): Identity {
  if (other.index !== null) refused('a peer has no index')
  const signer = manifest.signers.findIndex(({ linkKey }) => equalBytes(linkKey, other.key))
  if (signer >= 0) refused(`its key is that of signer ${signer}`)
  return other
}

/** Whether two say that they are the same. An index says nothing in another epoch. */
function sameIdentity(a: Identity, b: Identity, isOfEpoch: boolean): boolean {
  return a.role === b.role && (!isOfEpoch || a.index === b.index) && equalBytes(a.key, b.key)
}

function signEnd(context: HandshakeContext, epoch: number, side: Side, dialler: End, acceptor: End): Uint8Array {
  return context.ed25519.sign(context.linkSecretKey, helloDigest(context.manifest.clusterId, epoch, side, dialler, acceptor))
}

function verifyEnd({ manifest, ed25519 }: HandshakeContext, epoch: number, side: Side, dialler: End, acceptor: End, signature: Uint8Array): void {
  const { key } = (side === 'dialler' ? dialler : acceptor).identity
  if (!ed25519.verify(key, helloDigest(manifest.clusterId, epoch, side, dialler, acceptor), signature))
    refused(`the ${side}'s signature is not valid`)
}

/** `epoch`: the dialler's. */
function helloDigest(clusterId: Id, epoch: number, signedBy: Side, dialler: End, acceptor: End): Uint8Array {
  return statementDigest(TAG, clusterId, toCbor(statementCodec, { epoch, version: LINK_VERSION, signedBy, dialler, acceptor }))
}

function read<T extends HandshakeMessage['type']>(encoded: Uint8Array, type: T): Extract<HandshakeMessage, { type: T }> {
  const message = fromCbor(messageCodec, encoded, HANDSHAKE_BYTES, 'handshake')
  if (message.type !== type) refused(`“${message.type}” came where “${type}” belongs`)
  return message as Extract<HandshakeMessage, { type: T }>
}

function refused(problem: string): never {
  throw new MusigError('CHECK_FAILED', `handshake refused: ${problem}`)
}
