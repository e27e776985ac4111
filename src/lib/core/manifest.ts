/**
 * The manifest: who the signers are and what they agree on before the first batch. Owns the quorums (§1, in whole numbers over n), the
 * order of signers, the clusterId, proofs of possession and link keys (§2). Addresses are not in it: they may change, the order may not.
 */
import { compareBytes, type Id, toHex } from '../base/bytes.js'
import {
  bool,
  bytes,
  type Codec,
  type Decoded,
  fromJson,
  id,
  list,
  mapped,
  object,
  oneOf,
  quoted,
  refuse,
  text,
  toCbor,
  toJson,
  uint,
} from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { statementDigest, statementId } from '../base/hash.js'
import type { Bls, Crypto } from '../bls/backend.js'
import { LIMITS } from './limits.js'

/** The clusterId that stands in statements that are made before there is a cluster: proofs of possession and link signatures (§13). */
const NO_CLUSTER: Id = '00'.repeat(32)

const MINUTE_MS = 60_000

/** The fraction of Byzantine signers to be survived while messages are timely: 1/2 ≤ a/b < 1 (§1). */
export interface Tolerance {
  a: number
  b: number
}

const toleranceCodec: Codec<Tolerance> = mapped(
  text(15, 3),
  (value, place) => parseToleranceAt(value, place),
  ({ a, b }) => `${a}/${b}`,
)

const timingCodec = object({
  /** How long a parent waits for a leaf's answer before it takes the grandchildren over; one more for each level above a leaf. */
  hopTimeoutMs: uint(MINUTE_MS),
  /** How long a root that has a quorum waits for late votes that could still make the batch decisive. */
  orderWaitMs: uint(MINUTE_MS),
  /** How long a batch that came before its predecessor in sequence waits for it. */
  sequenceWaitMs: uint(MINUTE_MS),
  /** How long a signer waits for executed batches that a reference view names before it signs its own view. */
  catchUpWaitMs: uint(MINUTE_MS),
  /** No progress for this long on an undecided batch: TIMEOUT (§7). Doubles with each of a signer's own attempts, up to 16 times. */
  recoveryTimeoutMs: uint(60 * MINUTE_MS),
  /** How far back a root's reference view reaches: batches executed this recently are listed by id. */
  reachBackMs: uint(MINUTE_MS),
  /** How often a signer compares its log with one other signer's. */
  syncIntervalMs: uint(60 * MINUTE_MS),
})

/** A signer in the manifest. */
export const signerCodec = object({
  name: text(64, 1),
  region: text(64),
  /** BLS public key (48 bytes). */
  publicKey: bytes(48),
  /** Ed25519 public key (32 bytes) under which it speaks alone. */
  linkKey: bytes(32),
  /** Proof of possession: BLS signature over its own public key. */
  proof: bytes(96),
  /** The link key, signed by the BLS key. */
  linkSignature: bytes(96),
})

const agreed = {
  name: text(64, 1),
  epoch: uint(2 ** 32),
  tolerance: toleranceCodec,
  /** Δ of the synchrony guard (§9) in milliseconds; 0: no guard. */
  deltaMs: uint(MINUTE_MS),
  /** The state machine that every signer runs: the name of a built-in one or the digest of a file. */
  machine: text(128, 1),
  /** Whether liars may be started in it, and its links be given faults, on purpose. */
  test: bool,
  tree: object({ strategy: oneOf(['random', 'regional']), fanout: uint(LIMITS.signers) }),
  /** Undecided batches that an initiator may have (§3). */
  window: uint(1024),
  timing: timingCodec,
}

/** What stands in the manifest of a later epoch besides (§24): the cluster that it goes on with, and the manifest before it. */
const succeeds = object({ clusterId: id, manifest: id })

const ofSigners = { signers: list(signerCodec, LIMITS.signers) }
const firstCodec = object({ ...agreed, ...ofSigners })
const laterCodec = object({ ...agreed, succeeds, ...ofSigners })

/** What the clusterId covers: everything but the proofs and the link signatures (§13). */
const ofIdentities = { signers: list(object({ name: text(64), region: text(64), publicKey: bytes(48), linkKey: bytes(32) }), LIMITS.signers) }
const firstIdentity = object({ ...agreed, ...ofIdentities })
const laterIdentity = object({ ...agreed, succeeds, ...ofIdentities })

/** The waits of a cluster in milliseconds: how long signers wait for one another before they do without. */
export type Timing = Decoded<typeof timingCodec>
/** One signer: its keys, and the two signatures that show that it holds their secrets. */
export type SignerEntry = Decoded<typeof signerCodec>
/** What a manifest's file says. `machine`: the name of a built-in one or the digest of a file; `window`: undecided batches that an initiator may have. */
export type ManifestContent = Decoded<typeof firstCodec> & { succeeds?: Decoded<typeof succeeds> }

/** Quorum and bounds (§1), all whole numbers of signers. More than `inclusion` votes that name a batch put it before. */
export interface Bounds {
  n: number
  quorum: number
  crashBound: number
  asyncByzantineBound: number
  syncByzantineBound: number
  inclusion: number
}

/**
 * A manifest with what follows from it: signers in their order, quorums, and the id that everything signed in the cluster covers, which is that of its first
 * manifest for ever. `manifestId`: its own.
 */
export interface Manifest extends ManifestContent, Bounds {
  clusterId: Id
  manifestId: Id
}

/** Timing for signers on one machine or in one room. */
export const LOCAL_TIMING: Timing = {
  hopTimeoutMs: 1000,
  orderWaitMs: 20,
  sequenceWaitMs: 200,
  catchUpWaitMs: 100,
  recoveryTimeoutMs: 5000,
  reachBackMs: 1000,
  syncIntervalMs: 1000,
}

/** The quorums for n signers and a tolerance (§1). */
export function boundsOf(n: number, { a, b }: Tolerance): Bounds {
  const quorum = Math.floor(((b + a) * n) / (2 * b)) + 1
  const asyncByzantineBound = Math.max(0, Math.ceil((3 * quorum - 2 * n) / 2) - 1)
  return {
    n,
    quorum,
    crashBound: n - quorum,
    asyncByzantineBound,
    syncByzantineBound: Math.floor((a * n) / b),
    inclusion: n - quorum + asyncByzantineBound,
  }
}

/** Reads `1/2` or `0.5`. Errors: `BAD_INPUT` outside 1/2 ≤ t < 1. */
export function parseTolerance(value: string): Tolerance {
  try {
    return parseToleranceAt(value, 'tolerance')
  } catch (error) {
    throw new MusigError('BAD_INPUT', `${(error as Error).message}; give a fraction from 1/2 up to, not including, 1, as in --tolerance 1/2`)
  }
}

function parseToleranceAt(value: string, place: string): Tolerance {
  const fraction = /^([1-9]\d{0,5})\/([1-9]\d{0,5})$/.exec(value)
  const decimal = /^0\.(\d{1,6})$/.exec(value)
  let tolerance: Tolerance
  if (fraction) tolerance = { a: Number(fraction[1]), b: Number(fraction[2]) }
  else if (decimal) tolerance = reduced(Number(decimal[1]), 10 ** (decimal[1] ?? '').length)
  else refuse(place, `“${value}” is no fraction`)
  if (2 * tolerance.a < tolerance.b) refuse(place, `${value} is below 1/2, where a fast decision could not be recovered`)
  if (tolerance.a >= tolerance.b) refuse(place, `${value} is not below 1`)
  return tolerance
}

function reduced(a: number, b: number): Tolerance {
  let [x, y] = [a, b]
  while (y !== 0) [x, y] = [y, x % y]
  return { a: a / x, b: b / x }
}

/** What a signer signs to show that it holds the secret key of this public key. */
export function proofDigest(publicKey: Uint8Array): Uint8Array {
  return statementDigest('musig/v1/proof', NO_CLUSTER, toCbor(object({ publicKey: bytes(48) }), { publicKey }))
}

/** What a signer signs with its BLS key to make a link key its own. */
export function linkDigest(publicKey: Uint8Array, linkKey: Uint8Array): Uint8Array {
  return statementDigest('musig/v1/link', NO_CLUSTER, toCbor(object({ publicKey: bytes(48), linkKey: bytes(32) }), { publicKey, linkKey }))
}

/** A signer's entry with its proof of possession and its signed link key. */
export function signerEntry(crypto: Crypto, blsSecretKey: Uint8Array, linkSecretKey: Uint8Array, name: string, region = ''): SignerEntry {
  const publicKey = crypto.bls.publicKey(blsSecretKey)
  const linkKey = crypto.ed25519.publicKey(linkSecretKey)
  return {
    name,
    region,
    publicKey,
    linkKey,
    proof: crypto.bls.sign(blsSecretKey, proofDigest(publicKey)),
    linkSignature: crypto.bls.sign(blsSecretKey, linkDigest(publicKey, linkKey)),
  }
}

/** Puts the signers in their order and derives quorums and clusterId. Errors: `BAD_INPUT` on no signers, or two with one key. */
export function makeManifest(content: ManifestContent): Manifest {
  const signers = [...content.signers].sort((x, y) => compareBytes(x.publicKey, y.publicKey))
  return deriveManifest({ ...content, signers })
}

function deriveManifest(content: ManifestContent): Manifest {
  const { signers } = content
  if (signers.length === 0) throw new MusigError('BAD_INPUT', 'the manifest has no signers; it needs at least one')
  for (let i = 1; i < signers.length; i++) {
    const order = compareBytes((signers[i - 1] as SignerEntry).publicKey, (signers[i] as SignerEntry).publicKey)
    if (order === 0) throw new MusigError('BAD_INPUT', `signers ${i - 1} and ${i} of the manifest have the same public key`)
    if (order > 0) throw new MusigError('BAD_INPUT', `signers ${i - 1} and ${i} of the manifest are not in the order of their public keys`)
  }
  const linkKeys = new Set(signers.map((signer) => toHex(signer.linkKey)))
  if (linkKeys.size < signers.length) throw new MusigError('BAD_INPUT', 'two signers of the manifest have the same link key')
  if (content.tree.fanout < Math.min(2, signers.length - 1))
    throw new MusigError('BAD_INPUT', `a fanout of ${content.tree.fanout} makes no tree; it must be at least 2`)
  for (const name of ['hopTimeoutMs', 'recoveryTimeoutMs', 'syncIntervalMs'] as const) {
    if (content.timing[name] === 0) throw new MusigError('BAD_INPUT', `the manifest’s ${name} is 0; it must be at least 1`)
  }
  if (content.epoch > 0 !== (content.succeeds !== undefined))
    throw new MusigError(
      'BAD_INPUT',
      `epoch ${content.epoch} of the manifest ${content.succeeds ? 'succeeds nothing' : 'does not say what it succeeds'}`,
    )
  const identity = content.succeeds ? toCbor(laterIdentity, { ...content, succeeds: content.succeeds }) : toCbor(firstIdentity, content)
  const manifestId = statementId('musig/v1/manifest', content.succeeds?.clusterId ?? NO_CLUSTER, identity)
  return { ...content, ...boundsOf(signers.length, content.tolerance), clusterId: content.succeeds?.clusterId ?? manifestId, manifestId }
}

/** The manifest of the next epoch, with other signers. Errors: `BAD_INPUT` as for `makeManifest`. */
export function succeed({ clusterId, manifestId, ...content }: Manifest, signers: readonly SignerEntry[]): Manifest {
  return makeManifest({ ...content, epoch: content.epoch + 1, succeeds: { clusterId, manifest: manifestId }, signers: [...signers] })
}

/** A manifest as its file holds it, bytes in hex: what `readManifest` takes. */
export function manifestToJson(manifest: ManifestContent): object {
  const { succeeds: before } = manifest
  return { schema: 1, ...((before ? toJson(laterCodec, { ...manifest, succeeds: before }) : toJson(firstCodec, manifest)) as object) }
}

/** Reads a manifest without checking its proofs: enough to draw, to make transactions and to read, not to trust signatures. Errors: `BAD_ENCODING`, `BAD_INPUT`. */
export function readManifest(json: unknown): Manifest {
  if (typeof json !== 'object' || json === null) throw new MusigError('BAD_ENCODING', 'manifest: not an object')
  const { schema, ...rest } = json as Record<string, unknown>
  if (schema !== 1) throw new MusigError('BAD_ENCODING', `manifest.schema: ${quoted(schema)} is not 1, the version that is known`)
  return deriveManifest('succeeds' in rest ? fromJson(laterCodec, rest, 'manifest') : fromJson(firstCodec, rest, 'manifest'))
}

/** Reads and checks a manifest: every key valid, every proof of possession and link signature right. Errors: also `BAD_INPUT`, with the signer. */
export function loadManifest(json: unknown, bls: Bls): Manifest {
  const manifest = readManifest(json)
  manifest.signers.forEach((signer, i) => {
    if (!bls.isPublicKey(signer.publicKey))
      throw new MusigError('BAD_INPUT', `signer ${i} (${signer.name}) of the manifest has an invalid public key`)
  })
  const proofs = manifest.signers.map((s) => ({ message: proofDigest(s.publicKey), publicKeys: [s.publicKey], signature: s.proof }))
  const links = manifest.signers.map((s) => ({ message: linkDigest(s.publicKey, s.linkKey), publicKeys: [s.publicKey], signature: s.linkSignature }))
  if (bls.verifyAll([...proofs, ...links])) return manifest
  const unproved = proofs.findIndex((proof) => !bls.verifyAll([proof]))
  if (unproved >= 0) throw new MusigError('BAD_INPUT', `signer ${unproved} of the manifest lacks a valid proof of possession`)
  const unlinked = links.findIndex((link) => !bls.verifyAll([link]))
  throw new MusigError('BAD_INPUT', `signer ${unlinked} of the manifest has a link key that its BLS key did not sign`)
}
