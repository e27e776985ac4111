/** What a peer process is told to start with, and reading the files that this names: manifest, addresses, its own key. */
import { toHex } from '../base/bytes.js'
import { bool, type Decoded, fromJson, list, nullable, object, text, uint } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import type { Manifest } from '../core/manifest.js'
import { readAddresses, readJsonFile } from './config-files.js'
import type { LoadedCrypto } from './crypto.js'
import { loopbackUrl } from './loopback.js'
import { type PeerKey, peerKeyOf } from './peer-key.js'
import { Manifests } from './signer-config.js'
import { readSinks, type SinkSpec, sinksCodec } from './sinks/sink-spec.js'

const PATH_CHARACTERS = 4096
const path = text(PATH_CHARACTERS, 1)

const configCodec = object({
  manifest: path,
  /** As of a signer: where the signers listen. */
  addresses: path,
  /** The folder of its records and its key, made if it is not there. */
  store: path,
  /** Where its API listens on this machine. */
  api: text(200, 1),
  /** The state machine, where the manifest names one by its digest. */
  machineFile: nullable(path),
  /** How many signers must report the same log before a batch is handed on; 0: its certificate is enough. */
  confirm: uint(LIMITS.signers),
  /** The signers to follow, the one first that is to be asked first for a snapshot; null: all of them. */
  follow: nullable(list(uint(LIMITS.signers), LIMITS.signers)),
  /** Whether it begins from a snapshot while its store is empty; else it fetches everything. */
  fromSnapshot: bool,
  /** What its log and metrics call it; null: by the beginning of its key. */
  name: nullable(text(64, 1)),
  /** Where what it executes goes besides: `--sink` of the command line, each as it is written there. */
  sinks: sinksCodec,
})

/** One peer: all paths of files, or of a folder (`store`). */
export type PeerConfig = Decoded<typeof configCodec>

/** Digits of its key by which a peer is named that has no other name. */
const NAME_DIGITS = 8

/** The same, read. */
export interface LoadedPeer {
  name: string
  manifest: Manifest
  key: PeerKey
  addresses: string[]
  url: URL
  store: string
  machineFile: string | undefined
  confirm: number
  /** Ascending, each once. */
  follow: number[]
  sinks: readonly SinkSpec[]
  fromSnapshot: boolean
  /** The signer that is asked first for a snapshot: the first one that was named, or any. */
  first: number
}

/** Reads a configuration from a JSON file. Errors: `NOT_FOUND`, `BAD_INPUT`, `BAD_ENCODING`. */
export async function readPeerConfig(file: string): Promise<PeerConfig> {
  const json = await readJsonFile(file)
  return fromJson(configCodec, typeof json === 'object' && json !== null && !Array.isArray(json) ? { sinks: [], ...json } : json, file)
}

/** Reads the files of a configuration. Errors: `NOT_FOUND`, `BAD_INPUT`, `BAD_ENCODING`, each with the file. */
export async function loadPeer(config: PeerConfig, crypto: LoadedCrypto): Promise<LoadedPeer> {
  const manifest = await new Manifests(crypto).load(config.manifest)
  const { n, quorum } = manifest
  const follow = [...new Set(config.follow ?? manifest.signers.keys())].sort((a, b) => a - b)
  const unknown = follow.find((signer) => signer >= n)
  if (unknown !== undefined) throw new MusigError('BAD_INPUT', `there is no signer ${unknown} to follow; they are numbered 0 to ${n - 1}`)
  if (follow.length === 0) throw new MusigError('BAD_INPUT', 'a peer needs at least one signer to follow')
  const { confirm } = config
  // More may never run at once.
  if (confirm > quorum)
    throw new MusigError('BAD_INPUT', `--confirm ${confirm} is more than the quorum of ${quorum}: so many signers may never agree`)
  if (confirm > follow.length) throw new MusigError('BAD_INPUT', `--confirm ${confirm} needs as many signers to follow, not ${follow.length}`)
  const { fromSnapshot } = config
  const mayLie = manifest.deltaMs > 0 ? manifest.syncByzantineBound : manifest.asyncByzantineBound
  if (fromSnapshot && follow.length <= mayLie)
    throw new MusigError('BAD_INPUT', `--from-snapshot needs ${mayLie + 1} signers to follow, not ${follow.length}: so many must say the same`)
  const first = config.follow?.[0] ?? Math.floor(Math.random() * n)
  const addresses = await readAddresses(config.addresses, manifest)
  const url = loopbackUrl(config.api, 'the API address')
  const sinks = await readSinks(config.sinks)
  const key = await peerKeyOf(config.store, crypto.ed25519)
  const name = config.name ?? `peer-${toHex(key.linkKey).slice(0, NAME_DIGITS)}`
  const machineFile = config.machineFile ?? undefined
  return { name, manifest, key, addresses, url, store: config.store, machineFile, confirm, follow, fromSnapshot, first, sinks }
}
