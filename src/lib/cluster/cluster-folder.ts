/**
 * The folder of a local cluster, <home>/clusters/NAME: where what lies in it, and the shape of cluster.json, which says who the signers and peers are and where they
 * listen. Owns names, paths, reading and writing; what is in a new cluster is decided in `create.ts`.
 *
 *   cluster.json  manifest.json  token  addresses.json  faults.json  machine/FILE  signers/I/{key.json, store/}  peers/I/  processes/NAME.json  logs/NAME.log
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bytes, type Decoded, fromJson, id, list, nullable, object, text, toJson, uint } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import { type Manifest, readManifest } from '../core/manifest.js'
import type { Member } from '../node/client.js'
import { lieFields } from '../node/lying.js'
import { makePrivateFolder, systemCode, writePrivateFile } from '../node/private-file.js'
import { MAX_SNAPSHOT_EVERY } from '../node/signer-config.js'
import { sinksCodec } from '../node/sinks/sink-spec.js'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const CLUSTER_FILE = 'cluster.json'
const PATH_CHARACTERS = 200
const MAX_EPOCHS = 1_000_000

const recordCodec = object({
  /** The clusterId. */
  id,
  name: text(64, 1),
  /** Signers in the first epoch. */
  n: uint(LIMITS.signers),
  /** Paths in it are seen from the cluster's folder. */
  manifest: text(PATH_CHARACTERS, 1),
  /** The manifests of later epochs. */
  epochs: list(object({ epoch: uint(), manifest: text(PATH_CHARACTERS, 1) }), MAX_EPOCHS),
  tokenFile: text(PATH_CHARACTERS, 1),
  addresses: text(PATH_CHARACTERS, 1),
  /** Signers in each process. */
  pack: uint(LIMITS.signers),
  /** Executed batches between two snapshots, behind which signers prune their records; 0: they keep all. */
  snapshotEvery: uint(MAX_SNAPSHOT_EVERY),
  signers: list(
    object({
      index: uint(LIMITS.signers),
      name: text(64, 1),
      publicKey: bytes(48),
      url: text(PATH_CHARACTERS, 1),
      key: text(PATH_CHARACTERS, 1),
      store: text(PATH_CHARACTERS, 1),
      log: text(PATH_CHARACTERS, 1),
      /** The process that was started for it last; null while it is down. */
      pid: nullable(uint()),
      /** The epoch in which it came, and that in which it was evicted. */
      joinedIn: nullable(uint()),
      evictedIn: nullable(uint()),
    }),
    LIMITS.signers,
  ),
  peers: list(
    object({
      index: uint(LIMITS.peers),
      name: text(64, 1),
      url: text(PATH_CHARACTERS, 1),
      store: text(PATH_CHARACTERS, 1),
      log: text(PATH_CHARACTERS, 1),
      /** Signers that must report the same log before it executes. */
      confirm: uint(LIMITS.signers),
      /** Where what it executes goes besides. */
      sinks: sinksCodec,
      pid: nullable(uint()),
    }),
    LIMITS.peers,
  ),
  /** Signers that do not keep to the protocol: what they do instead, and what all choices of it follow from. */
  liars: list(object({ signers: list(uint(LIMITS.signers), LIMITS.signers), ...lieFields }), LIMITS.signers),
  createdAt: text(40, 1),
})

/** What cluster.json says. */
export type ClusterRecord = Decoded<typeof recordCodec>
/** One signer in it. */
export type SignerRecord = ClusterRecord['signers'][number]
/** One peer in it. */
export type PeerRecord = ClusterRecord['peers'][number]

/** What the record says of a signer or a peer. Errors: `BAD_INPUT` where there is none. */
export function memberRecord(record: ClusterRecord, member: number): SignerRecord
export function memberRecord(record: ClusterRecord, member: { peer: number }): PeerRecord
export function memberRecord(record: ClusterRecord, member: Member): SignerRecord | PeerRecord
export function memberRecord({ signers, peers }: ClusterRecord, member: Member): SignerRecord | PeerRecord {
  const all: readonly (SignerRecord | PeerRecord)[] = typeof member === 'number' ? signers : peers
  const found = all[typeof member === 'number' ? member : member.peer]
  if (found) return found
  const others = all.length === 0 ? 'there are none' : `they are numbered 0 to ${all.length - 1}`
  throw new MusigError('BAD_INPUT', `there is no ${memberName(member)}; ${others}`)
}

/** The signers of the present epoch. */
export function seatedSigners({ signers }: ClusterRecord): SignerRecord[] {
  return signers.filter(({ evictedIn }) => evictedIn === null)
}

/** `signer 3`, `peer 0`. */
export function memberName(member: Member): string {
  return typeof member === 'number' ? `signer ${member}` : `peer ${member.peer}`
}

/** As a command line and the logs name it: 3, `peer:0`. */
export function typedName(member: Member): number | string {
  return typeof member === 'number' ? member : `peer:${member.peer}`
}

/** Where a cluster's things lie, whether it is there or not. */
export class ClusterFolder {
  readonly name: string
  /** Absolute, without symbolic links: processes are told from others by it. */
  readonly path: string

  /** Errors: `BAD_INPUT` on a name that could not be a folder's. */
  constructor(home: string, name: string) {
    if (!NAME.test(name) || name.endsWith('.lock'))
      throw new MusigError('BAD_INPUT', `“${name}” is no name for a cluster; use up to 64 letters, digits, “.”, “_” or “-”, a letter or digit first`)
    this.name = name
    this.path = join(clustersFolder(home), name)
  }

  get file(): string {
    return join(this.path, CLUSTER_FILE)
  }

  /** Held by the one command that changes the cluster. Beside the folder, so that it outlives its removal. */
  get lockFile(): string {
    return `${this.path}.lock`
  }

  /** Holds one file for each process, by which a process is known as the cluster's. */
  get processesFolder(): string {
    return join(this.path, 'processes')
  }

  /** Says what is wrong with the network, where something is. */
  get faultsFile(): string {
    return join(this.path, 'faults.json')
  }

  /** Holds the state machine, where it is a file of the user's. */
  get machineFolder(): string {
    return join(this.path, 'machine')
  }

  /** The file of the state machine; undefined where it is a built-in one. */
  machineFile(): string | undefined {
    const [name] = existsSync(this.machineFolder) ? readdirSync(this.machineFolder) : []
    return name === undefined ? undefined : join(this.machineFolder, name)
  }

  /** A path that the record gives. */
  resolve(path: string): string {
    return join(this.path, path)
  }

  /** Whether there is anything, also half of a cluster. */
  isThere(): boolean {
    return existsSync(this.path)
  }

  hasRecord(): boolean {
    return existsSync(this.file)
  }

  /** Errors: `NOT_FOUND` where there is no such cluster, `BAD_INPUT` or `BAD_ENCODING` where the file is damaged. */
  read(): ClusterRecord {
    const json = readJson(this.file, () => this.#missing())
    if (typeof json !== 'object' || json === null) throw new MusigError('BAD_INPUT', `${this.file} is damaged: not an object`)
    const { schema, ...rest } = json as Record<string, unknown>
    if (schema !== 1) throw new MusigError('BAD_INPUT', `${this.file} is not of version 1, the one that is known`)
    // Clusters that were made before there were liars have none, and those before signers of a cluster could prune keep all.
    const signers = Array.isArray(rest.signers)
      ? rest.signers.map((signer: object) => ({ joinedIn: null, evictedIn: null, ...signer }))
      : rest.signers
    return fromJson(recordCodec, { liars: [], snapshotEvery: 0, epochs: [], ...rest, signers }, this.file)
  }

  async write(record: ClusterRecord): Promise<void> {
    await writeJson(this.file, { schema: 1, ...(toJson(recordCodec, record) as object) })
  }

  /** Where the manifest of an epoch lies; that of the latest one, where none is named or it is not there. */
  manifestFile({ manifest, epochs }: ClusterRecord, epoch?: number): string {
    if (epoch === 0) return this.resolve(manifest)
    return this.resolve((epochs.find((known) => known.epoch === epoch) ?? epochs.at(-1))?.manifest ?? manifest)
  }

  /** The manifest of the latest epoch, its proofs not checked: signers do that. Errors: `NOT_FOUND`, `BAD_INPUT`, `BAD_ENCODING`. */
  manifest(record: ClusterRecord): Manifest {
    const path = this.manifestFile(record)
    return readManifest(readJson(path, () => new MusigError('NOT_FOUND', `${path} is missing: the cluster “${this.name}” is damaged`)))
  }

  #missing(): MusigError {
    const others = clusterNames(dirname(this.path))
    const known = others.length > 0 ? `; there are: ${others.join(', ')}` : ''
    return new MusigError('NOT_FOUND', `there is no cluster “${this.name}”${known}; start one with: musig cluster up`)
  }
}

/** The clusters of a home, by name. */
export function clustersOf(home: string): ClusterFolder[] {
  return clusterNames(clustersFolder(home)).map((name) => new ClusterFolder(home, name))
}

/** Makes the folder that holds the clusters. Errors: `BAD_INPUT` if others may read it. */
export async function makeClustersFolder(home: string): Promise<void> {
  await makePrivateFolder(clustersFolder(home))
}

/** Writes a JSON document (0600), wholly or not at all. */
export async function writeJson(path: string, document: object): Promise<void> {
  await writePrivateFile(path, `${JSON.stringify(document, null, 2)}\n`, { replace: true })
}

function clustersFolder(home: string): string {
  return join(existsSync(home) ? realpathSync(home) : home, 'clusters')
}

function clusterNames(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => NAME.test(name) && existsSync(join(folder, name, CLUSTER_FILE)))
    return names.sort()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw new MusigError('BAD_INPUT', `cannot read ${folder}: ${systemCode(error) ?? 'unknown error'}`, { cause: error })
  }
}

/** Reads a JSON document; `missing` decides what comes of a file that is not there. Errors: `BAD_INPUT` on one that cannot be read. */
export function readJson(path: string, missing: () => MusigError | undefined): unknown {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      const reason = missing()
      if (reason) throw reason
      return undefined
    }
    throw new MusigError('BAD_INPUT', `cannot read ${path}: ${systemCode(error) ?? 'unknown error'}`, { cause: error })
  }
  try {
    const json: unknown = JSON.parse(content)
    return json
  } catch {
    throw new MusigError('BAD_INPUT', `${path} is damaged: it is not JSON`)
  }
}
