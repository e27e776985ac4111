/** What a signer process is told to start with, and reading the files that this names: manifest, key, addresses, token. */
import { equalBytes, toHex } from '../base/bytes.js'
import { fromJson, uint } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { lieNamed } from '../byzantine/lies.js'
import { loadManifest, type Manifest } from '../core/manifest.js'
import { type AddressBook, readAddressBook, readJsonFile } from './config-files.js'
import type { LoadedCrypto } from './crypto.js'
import { type OpenKey, openKeyFile } from './keystore.js'
import { checkFaults, type LinkFault, linkFaultsCodec } from './link-faults.js'
import { linkUrl, loopbackUrl } from './loopback.js'
import { lieCodec, type ToldLie } from './lying.js'
import { readPrivateFile } from './private-file.js'
import { readSinks, type SinkSpec, sinksCodec } from './sinks/sink-spec.js'

/** One signer: all paths of files, or of a folder (`store`). */
export interface SignerConfig {
  manifest: string
  /** Its key file; which signer of the manifest it is follows from the key. */
  key: string
  /** The folder of its records, made if it is not there. */
  store: string
  /** JSON: `[{"index": 0, "url": "http://127.0.0.1:7000"}, …]`, all signers of the manifest; `wss://host:port` for links over TLS. */
  addresses: string
  /** Where its API listens on this machine, if its links are over TLS: they share no port then. */
  api?: string | undefined
  /** The cluster's API token, 0600. */
  tokenFile: string
  /** For an encrypted key. */
  passphraseFile?: string | undefined
  /** The state machine, where the manifest names one by its digest. */
  machineFile?: string | undefined
  /** The file that remembers how far its records went; beside its key if absent. */
  history?: string | undefined
  /** Lets it sign again although records of it are lost. */
  acceptLostHistory?: boolean | undefined
  /** It is not in the manifest yet: it follows until it has come to the epoch that it was admitted to. */
  joins?: boolean | undefined
  /** Executed batches between two snapshots, behind which records are pruned; 0, and where it is absent: never. */
  snapshotEvery?: number | undefined
  /** Where executed transactions go besides: `--sink` of the command line, each as it is written there. */
  sinks?: readonly string[] | undefined
  /** Faults of its links from the start, in a test cluster. */
  faults?: readonly LinkFault[] | undefined
  /** What it does instead of keeping to the protocol, in a test cluster. */
  lie?: ToldLie | undefined
}

/** The same, read. */
export interface LoadedConfig {
  /** Its index in the first manifest; −1 where it was admitted later. */
  self: number
  /** The first one: those of later epochs follow from its records. */
  manifest: Manifest
  key: OpenKey & { kind: 'signer' }
  /** Where all are, read anew for each epoch. */
  addresses: () => Promise<AddressBook>
  /** Where its API listens, and its links too unless they have an address of their own. */
  url: URL
  /** Where its links listen over TLS. */
  linkUrl: URL | undefined
  token: string
  store: string
  machineFile: string | undefined
  history: string
  acceptLostHistory: boolean
  snapshotEvery: number
  sinks: readonly SinkSpec[]
  faults: readonly LinkFault[]
  lie: ToldLie | undefined
}

const REQUIRED = ['manifest', 'key', 'store', 'addresses', 'tokenFile'] as const
const OPTIONAL = ['api', 'passphraseFile', 'machineFile', 'history'] as const
const FAULTS = 'faults'
const LIE = 'lie'
const ACCEPT = 'acceptLostHistory'
const JOINS = 'joins'
const SNAPSHOTS = 'snapshotEvery'
const SINKS = 'sinks'
/** The largest distance of two snapshots. */
export const MAX_SNAPSHOT_EVERY = 1_000_000_000

/** Reads manifests, each once: signers that share a process share it. */
export class Manifests {
  readonly #crypto: LoadedCrypto
  readonly #loaded = new Map<string, Promise<Manifest>>()

  constructor(crypto: LoadedCrypto) {
    this.#crypto = crypto
  }

  load(path: string): Promise<Manifest> {
    const loaded = this.#loaded.get(path) ?? readJsonFile(path).then((json) => loadManifest(json, this.#crypto.bls))
    this.#loaded.set(path, loaded)
    return loaded
  }
}

/** Reads the files of a configuration. Errors: `NOT_FOUND`, `BAD_INPUT`, `BAD_ENCODING`, each with the file. */
export async function loadConfig(config: SignerConfig, crypto: LoadedCrypto, manifests: Manifests): Promise<LoadedConfig> {
  const manifest = await manifests.load(config.manifest)
  const key = await openKeyFile(
    config.key,
    crypto,
    config.passphraseFile === undefined ? undefined : () => readPassphrase(config.passphraseFile ?? ''),
  )
  if (key.kind !== 'signer') throw new MusigError('BAD_INPUT', `${config.key} holds a client's key; a signer needs a signer's`)
  const self = manifest.signers.findIndex((signer) => equalBytes(signer.publicKey, key.publicKey))
  const entry = manifest.signers[self]
  if (!entry && !config.joins) throw new MusigError('BAD_INPUT', `the key in ${config.key} belongs to no signer of ${config.manifest}`)
  if (entry && !equalBytes(entry.linkKey, key.linkKey))
    throw new MusigError('BAD_INPUT', `the link key of ${config.key} is not the one of signer ${self} in ${config.manifest}`)
  const addresses = () => readAddressBook(config.addresses, manifest)
  const book = await addresses()
  manifest.signers.forEach(({ publicKey }, index) => {
    if (!book.has(toHex(publicKey))) throw new MusigError('BAD_INPUT', `${config.addresses} has no address of signer ${index}`)
  })
  const token = (await readPrivateFile(config.tokenFile)).trim()
  const listening = ownUrls(book.get(toHex(key.publicKey)) ?? '', config.api, self)
  const { store, machineFile, acceptLostHistory = false, snapshotEvery = 0, faults = [], lie } = config
  const sinks = await readSinks(config.sinks ?? [])
  const history = config.history ?? `${config.key}.${manifest.clusterId.slice(0, 8)}.history`
  if (faults.length > 0) refuseUnlessTest(manifest)
  if (lie) checkLie(lie, manifest, snapshotEvery)
  checkFaults(faults, self, manifest.n)
  return { self, manifest, key, addresses, ...listening, token, store, machineFile, history, acceptLostHistory, snapshotEvery, sinks, faults, lie }
}

/** Errors: `BAD_INPUT` where a cluster is not one that may be hurt; `consequence` says what follows. */
export function refuseUnlessTest({ name, test }: Manifest, consequence = 'its links take no faults'): void {
  if (!test) throw new MusigError('BAD_INPUT', `the manifest of “${name}” is not that of a test cluster: ${consequence}`)
}

/** Errors: `BAD_INPUT` where a signer must not lie, or cannot in this way. */
function checkLie({ strategy }: ToldLie, manifest: Manifest, snapshotEvery: number): void {
  refuseUnlessTest(manifest, `no signer lies in it (“${strategy}”)`)
  lieNamed(strategy)
  // The second of twins comes back from records alone.
  if (snapshotEvery > 0)
    throw new MusigError('BAD_INPUT', `a signer that lies (“${strategy}”) keeps all records; leave out ${SNAPSHOTS} ${snapshotEvery}`)
}

function ownUrls(address: string, api: string | undefined, self: number): { url: URL; linkUrl: URL | undefined } {
  const own = linkUrl(address, `the address of signer ${self}`)
  if (own.protocol !== 'wss:') {
    if (api !== undefined)
      throw new MusigError('BAD_INPUT', `signer ${self} has its API at ${own.origin}; one elsewhere (${api}) goes with a wss:// address only`)
    return { url: own, linkUrl: undefined }
  }
  if (api === undefined)
    throw new MusigError(
      'BAD_INPUT',
      `links of signer ${self} are at ${own.origin}; give its API an address of this machine: --api http://127.0.0.1:PORT`,
    )
  return { url: loopbackUrl(api, `the API address of signer ${self}`), linkUrl: own }
}

/** Reads a list of configurations, for several signers in one process. Errors: `BAD_INPUT`, `NOT_FOUND`. */
export async function readConfigs(path: string): Promise<SignerConfig[]> {
  const json = await readJsonFile(path)
  if (!Array.isArray(json) || json.length === 0) throw new MusigError('BAD_INPUT', `${path} is no list of signers`)
  return json.map((item: unknown, i) => {
    const fields = typeof item === 'object' && item !== null ? new Map<string, unknown>(Object.entries(item)) : new Map<string, unknown>()
    const unknown = [...fields.keys()].find(
      (name) => ![...REQUIRED, ...OPTIONAL, FAULTS, ACCEPT, JOINS, SNAPSHOTS, SINKS, LIE].some((known) => known === name),
    )
    if (unknown !== undefined) throw new MusigError('BAD_INPUT', `${path}: entry ${i} has the unknown field “${unknown}”`)
    const field = (name: string): string => {
      const value = fields.get(name)
      if (typeof value !== 'string') throw new MusigError('BAD_INPUT', `${path}: entry ${i} has no “${name}”`)
      return value
    }
    const [manifest, key, store, addresses, tokenFile] = REQUIRED.map(field) as [string, string, string, string, string]
    const optional = Object.fromEntries(OPTIONAL.filter((name) => fields.has(name)).map((name) => [name, field(name)]))
    const faults = fields.has(FAULTS) ? { faults: fromJson(linkFaultsCodec, fields.get(FAULTS), `${path}: entry ${i}: ${FAULTS}`) } : {}
    const accept = fields.get(ACCEPT) ?? false
    if (typeof accept !== 'boolean') throw new MusigError('BAD_INPUT', `${path}: entry ${i}: ${ACCEPT} is neither true nor false`)
    const joins = fields.get(JOINS) ?? false
    if (typeof joins !== 'boolean') throw new MusigError('BAD_INPUT', `${path}: entry ${i}: ${JOINS} is neither true nor false`)
    const snapshots = fields.has(SNAPSHOTS)
      ? { snapshotEvery: fromJson(uint(MAX_SNAPSHOT_EVERY), fields.get(SNAPSHOTS), `${path}: entry ${i}: ${SNAPSHOTS}`) }
      : {}
    const sinks = fields.has(SINKS) ? { sinks: fromJson(sinksCodec, fields.get(SINKS), `${path}: entry ${i}: ${SINKS}`) } : {}
    const lie = fields.has(LIE) ? { lie: fromJson(lieCodec, fields.get(LIE), `${path}: entry ${i}: ${LIE}`) } : {}
    return { manifest, key, store, addresses, tokenFile, ...optional, ...faults, ...snapshots, ...sinks, ...lie, joins, acceptLostHistory: accept }
  })
}

async function readPassphrase(path: string): Promise<string> {
  return (await readPrivateFile(path)).replace(/\r?\n$/, '')
}
