/**
 * A new local cluster: keys, manifest, ports, token and the folder that holds them, all of it or nothing. With a seed every key, and with them the
 * clusterId and every tree, comes out alike; the API's token does not, for nothing that is decided hangs on it.
 */
import { randomBytes } from 'node:crypto'
import { chmod, copyFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { compareBytes, equalBytes, toHex, uint32, utf8 } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { digestOf } from '../base/hash.js'
import type { Crypto } from '../bls/backend.js'
import {
  LOCAL_TIMING,
  type Manifest,
  makeManifest,
  manifestToJson,
  parseTolerance,
  signerEntry,
  type Timing,
  type Tolerance,
} from '../core/manifest.js'
import { deriveMaster, randomSecretKey } from '../node/derivation.js'
import { insecureKey, type OpenKey, openSecret, writeKeyFile } from '../node/keystore.js'
import { machineFileName } from '../node/machine-file.js'
import { makePrivateFolder, writePrivateFile } from '../node/private-file.js'
import type { ClusterFolder, ClusterRecord, SignerRecord } from './cluster-folder.js'
import { writeJson } from './cluster-folder.js'
import { type LiarRecord, processName, type WantedLiars } from './liars.js'

/** What decides how a new cluster is. */
export interface ClusterChoices {
  n: number
  /** `1/2` or `0.5`. */
  tolerance: string
  /** By its name in the manifest. */
  machine: string
  /** The file that this names, absolute; undefined for a built-in one. */
  machineFile: string | undefined
  tree: 'random' | 'regional'
  fanout: number
  /** Δ of the synchrony guard, milliseconds; 0: off. */
  deltaMs: number
  /** Given to the signers in turn. */
  regions: readonly string[]
  /** Signers in each process. */
  pack: number
  /** Signers that lie. */
  liars: readonly WantedLiars[]
  /** Executed batches between two snapshots, behind which signers prune; 0: never. */
  snapshotEvery: number
  /** What all keys follow from. */
  seed: string | undefined
}

type SignerKey = OpenKey & { kind: 'signer' }

/** Undecided batches that an initiator may have (§3). */
const WINDOW = 4
/** Up to so many signers this machine keeps up with `LOCAL_TIMING`. */
const SNAPPY_SIGNERS = 16
const MAX_SLOWNESS = 16
/** Files written at the same time. */
const WRITES = 32

/** Timing for n signers that share one machine: each step takes longer the more there are. The same n gives the same timing on every machine. */
export function timingFor(n: number): Timing {
  const slowness = Math.min(MAX_SLOWNESS, Math.max(1, n / SNAPPY_SIGNERS))
  const slower = (ms: number) => Math.round(ms * slowness)
  return {
    ...LOCAL_TIMING,
    hopTimeoutMs: slower(LOCAL_TIMING.hopTimeoutMs),
    orderWaitMs: slower(LOCAL_TIMING.orderWaitMs),
    sequenceWaitMs: slower(LOCAL_TIMING.sequenceWaitMs),
    catchUpWaitMs: slower(LOCAL_TIMING.catchUpWaitMs),
    recoveryTimeoutMs: slower(LOCAL_TIMING.recoveryTimeoutMs),
    syncIntervalMs: slower(LOCAL_TIMING.syncIntervalMs),
  }
}

/** Makes the cluster's folder. `ports`: one for each signer. Errors: `BAD_INPUT` on choices that make no cluster; then nothing is left behind. */
export async function createCluster(
  folder: ClusterFolder,
  choices: ClusterChoices,
  ports: readonly number[],
  crypto: Crypto,
  signal: AbortSignal,
): Promise<ClusterRecord> {
  const tolerance = parseTolerance(choices.tolerance)
  const keys = signerKeys(choices, crypto)
  const manifest = manifestOf(folder.name, choices, tolerance, keys, crypto)
  const record = recordOf(folder.name, choices, manifest, ports)
  await removeRemains(folder)
  // Under another name until it is whole; a dot first keeps it out of every list.
  const draft = join(dirname(folder.path), `.${folder.name}.${randomBytes(6).toString('hex')}.new`)
  try {
    await writeAll(draft, folder, manifest, record, keys, signal)
    if (choices.machineFile !== undefined) await copyMachine(choices.machineFile, join(draft, basename(folder.machineFolder)), choices.machine)
    signal.throwIfAborted()
    await rename(draft, folder.path)
    await folder.write(record)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return record
}

/** Errors: `BAD_INPUT` if the cluster's keys do not come from this seed. */
export function checkSeed(seed: string, manifest: Manifest, crypto: Crypto): void {
  const { publicKey } = openSecret('signer', seededKey(seed, 0), crypto)
  if (!manifest.signers.some((signer) => equalBytes(signer.publicKey, publicKey)))
    throw new MusigError(
      'BAD_INPUT',
      `the cluster “${manifest.name}” was not made from this --seed; leave it out, or take the cluster away with: musig cluster rm`,
    )
}

/** The addresses of all signers, as their processes read them. */
export async function writeAddresses(folder: ClusterFolder, record: ClusterRecord): Promise<void> {
  await writeJson(folder.resolve(record.addresses), addressList(record))
}

/** In the order of the manifest. */
function signerKeys({ n, seed }: ClusterChoices, crypto: Crypto): SignerKey[] {
  const keys: SignerKey[] = []
  for (let i = 0; i < n; i++) {
    const key = openSecret('signer', seed === undefined ? randomSecretKey() : seededKey(seed, i), crypto)
    if (key.kind === 'signer') keys.push(key)
  }
  return keys.sort((x, y) => compareBytes(x.publicKey, y.publicKey))
}

function seededKey(seed: string, i: number): Uint8Array {
  return deriveMaster(digestOf(utf8('musig/local/signer-key\0'), uint32(i), utf8(seed)))
}

function manifestOf(name: string, choices: ClusterChoices, tolerance: Tolerance, keys: readonly SignerKey[], crypto: Crypto): Manifest {
  const { n, machine, tree, fanout, deltaMs, regions } = choices
  return makeManifest({
    name,
    epoch: 0,
    tolerance,
    deltaMs,
    machine,
    // Keys without passphrases on one machine guard nothing: it is there to be hurt.
    test: true,
    tree: { strategy: tree, fanout },
    window: WINDOW,
    timing: timingFor(n),
    signers: keys.map((key, i) => signerEntry(crypto, key.secretKey, key.linkSecretKey, `signer-${i}`, regions[i % regions.length] ?? '')),
  })
}

function recordOf(name: string, choices: ClusterChoices, manifest: Manifest, ports: readonly number[]): ClusterRecord {
  const { n } = manifest
  const { pack, snapshotEvery, liars: wanted, seed } = choices
  const liars = seededLiars(wanted, seed)
  const signers = manifest.signers.map(
    (signer, index): SignerRecord => ({
      index,
      name: signer.name,
      publicKey: signer.publicKey,
      url: `http://127.0.0.1:${ports[index]}`,
      key: `signers/${index}/key.json`,
      store: `signers/${index}/store`,
      log: `logs/${processName(index, { pack, n, liars })}.log`,
      pid: null,
      joinedIn: null,
      evictedIn: null,
    }),
  )
  const files = { manifest: 'manifest.json', tokenFile: 'token', addresses: 'addresses.json' }
  const created = new Date().toISOString()
  return { id: manifest.clusterId, name, n, ...files, epochs: [], pack, snapshotEvery, signers, peers: [], liars, createdAt: created }
}

/** Liars with what their choices follow from: written down, so that whoever is started again lies on. */
export function seededLiars(wanted: readonly WantedLiars[], seed: string | undefined): LiarRecord[] {
  return wanted.map((liars, i) => {
    const drawn = seed === undefined ? randomBytes(16) : digestOf(utf8('musig/local/liar\0'), uint32(i), utf8(seed)).subarray(0, 16)
    return { ...liars, seed: toHex(drawn) }
  })
}

async function writeAll(
  draft: string,
  folder: ClusterFolder,
  manifest: Manifest,
  record: ClusterRecord,
  keys: readonly SignerKey[],
  signal: AbortSignal,
): Promise<void> {
  const at = (path: string) => join(draft, path)
  for (const path of ['', 'logs', basename(folder.processesFolder), 'signers']) await makePrivateFolder(at(path))
  const addresses = addressList(record)
  await writeJson(at(record.manifest), manifestToJson(manifest))
  await writeJson(at(record.addresses), addresses)
  await writePrivateFile(at(record.tokenFile), `${randomBytes(32).toString('hex')}\n`)
  for (let i = 0; i < record.n; i += WRITES) {
    signal.throwIfAborted()
    await Promise.all(
      record.signers.slice(i, i + WRITES).map(async ({ key }, j) => {
        const secret = keys[i + j]
        await makePrivateFolder(dirname(at(key)))
        if (secret) await writeKeyFile(at(key), insecureKey(secret))
      }),
    )
  }
}

/** The signers run this copy: the file may be changed or go, the cluster stays what it is. Errors: `BAD_INPUT` if it is another file by now. */
async function copyMachine(file: string, machineFolder: string, name: string): Promise<void> {
  await makePrivateFolder(machineFolder)
  const copy = join(machineFolder, basename(file))
  await copyFile(file, copy)
  const { mode } = await stat(copy)
  await chmod(copy, mode & 0o700)
  if ((await machineFileName(copy)) !== name) throw new MusigError('BAD_INPUT', `${file} was changed while the cluster was made; try again`)
}

function addressList({ signers }: ClusterRecord): object {
  return signers.map(({ index, url, publicKey }) => ({ index, url, publicKey: toHex(publicKey) }))
}

/** What a creation that was killed left behind. */
async function removeRemains(folder: ClusterFolder): Promise<void> {
  const parent = dirname(folder.path)
  for (const name of await readdir(parent))
    if (name.startsWith(`.${folder.name}.`) && /\.[0-9a-f]{12}\.new$/.test(name)) await rm(join(parent, name), { recursive: true, force: true })
  // Without its cluster.json, a folder is one that was being removed.
  if (folder.isThere() && !folder.hasRecord()) await rm(folder.path, { recursive: true, force: true })
}
