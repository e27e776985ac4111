/**
 * `cluster up`: from nothing, from a cluster that is down or from one that runs in part to one that takes transactions. Owns what of a cluster that stands is
 * changed, and the ports; what cannot be is `same-cluster.ts`, making the folder `create.ts`, starting processes `launch.ts`.
 */
import { rm } from 'node:fs/promises'
import { MusigError } from '../base/errors.js'
import { boundsOf, parseTolerance } from '../core/manifest.js'
import { loadCrypto } from '../node/crypto.js'
import { checkMachineFile } from '../node/machine-file.js'
import { placedSinks } from '../node/sinks/sink-spec.js'
import { ClusterFolder, type ClusterRecord, clustersOf, seatedSigners } from './cluster-folder.js'
import { type ClusterChoices, createCluster, seededLiars, writeAddresses } from './create.js'
import { freePorts, portsFrom } from './free-ports.js'
import { abandon, awaitReady, launch, portless, processGroups } from './launch.js'
import { awaitLevel, checkPeers, launchPeers, peerProcessName, peersAt } from './launch-peers.js'
import { areSameLiars, checkLiars, liarsText, processName } from './liars.js'
import { withLock } from './lock.js'
import { readFaults, signersText } from './network-faults.js'
import { type ClusterProcess, processesOf, type StartedProcess } from './processes.js'
import { checkSame, checkSameMachine, portOf } from './same-cluster.js'

/** What is asked of a cluster. What is left open is as it stands, or, in a new one, as `DEFAULTS` say. */
export type Wanted = { [K in keyof ClusterChoices]?: ClusterChoices[K] | undefined } & {
  /** The first of the ports, side by side, signers' first; free ones are found without it. */
  basePort?: number | undefined
  /** How many peers beside the signers; a cluster that stands may be given more. */
  peers?: number | undefined
  /** Signers that must report the same log before a peer executes. */
  confirm?: number | undefined
  /** Where what peers execute goes besides. A cluster that stands may be given others, for peers that do not run. */
  sinks?: readonly string[] | undefined
}

export interface UpOptions {
  home: string
  name: string
  wanted: Wanted
  signal: AbortSignal
  /** Hears what is out of the ordinary, a line each. */
  warn: (line: string) => void
}

/** One part of the work, with what it is busy with. */
export interface UpStep {
  title: string
  run(say: (detail: string) => void): Promise<void>
}

/** A cluster that is up. */
export interface UpResult {
  folder: ClusterFolder
  record: ClusterRecord
  /** Whether it was made by this. */
  created: boolean
  /** How many signers, and how many peers, this started; the others ran already. */
  started: number
  startedPeers: number
}

/** What a new cluster is like unless it is told. */
export const DEFAULTS: Omit<ClusterChoices, 'seed' | 'machineFile'> = {
  n: 4,
  tolerance: '1/2',
  machine: 'ledger',
  tree: 'random',
  fanout: 2,
  deltaMs: 50,
  regions: [],
  pack: 1,
  liars: [],
  snapshotEvery: 0,
}

/** Brings a cluster up. `show` runs the steps it is given and shows them. Errors: `BAD_INPUT`, `BUSY`, `StartFailed`; then no process is left that this started. */
export async function upCluster(options: UpOptions, show: (steps: readonly UpStep[]) => Promise<void>): Promise<UpResult> {
  const folder = new ClusterFolder(options.home, options.name)
  return withLock(options.home, folder, () => new Up(options, folder).run(show))
}

class Up {
  readonly #options: UpOptions
  readonly #folder: ClusterFolder
  readonly #started: StartedProcess[] = []
  #record: ClusterRecord | undefined
  #created = false
  #running: ClusterProcess[] = []

  constructor(options: UpOptions, folder: ClusterFolder) {
    this.#options = options
    this.#folder = folder
  }

  async run(show: (steps: readonly UpStep[]) => Promise<void>): Promise<UpResult> {
    const folder = this.#folder
    const hasPeers = (this.#options.wanted.peers ?? 0) > 0 || (folder.hasRecord() && folder.read().peers.length > 0)
    try {
      await show([
        { title: 'Keys, manifest and ports', run: () => this.#prepare() },
        { title: 'Signer processes', run: (say) => this.#launch(say) },
        { title: 'Ready to take transactions', run: (say) => this.#awaitReady(say) },
        ...(hasPeers ? [{ title: 'Peers level with the signers', run: (say: (detail: string) => void) => this.#bringPeers(say) }] : []),
      ])
    } catch (error) {
      await this.#undo()
      throw error
    }
    const record = this.#prepared()
    const names = new Set(this.#started.map(({ name }) => name))
    const started = [...processGroups(record)].reduce((sum, [name, signers]) => sum + (names.has(name) ? signers.length : 0), 0)
    const startedPeers = record.peers.filter((peer) => names.has(peerProcessName(peer))).length
    return { folder, record, created: this.#created, started, startedPeers }
  }

  async #prepare(): Promise<void> {
    const folder = this.#folder
    this.#running = await processesOf(folder)
    if (folder.hasRecord()) {
      this.#record = await this.#reuse(folder.read())
      await this.#addPeers(this.#record)
      return
    }
    if (this.#running.length > 0)
      throw new MusigError('BAD_INPUT', `processes of a cluster “${folder.name}” run whose folder is gone; end them with: musig cluster rm`)
    const { wanted, signal } = this.#options
    await placedSinks(wanted.sinks ?? [])
    const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
    const choices: ClusterChoices = { ...DEFAULTS, seed: undefined, machineFile: undefined, ...given }
    // Tried here first: what is wrong with it is said once, and before anything is made.
    if (choices.machineFile !== undefined) choices.machine = await checkMachineFile(choices.machineFile)
    checkLiars(choices.liars, choices)
    checkPeers(wanted.peers ?? 0, wanted, boundsOf(choices.n, parseTolerance(choices.tolerance)).quorum)
    const ports = wanted.basePort === undefined ? await this.#findPorts(choices.n) : await portsFrom(wanted.basePort, choices.n)
    this.#record = await createCluster(folder, choices, ports, loadCrypto(), signal)
    this.#created = true
    await this.#addPeers(this.#record)
  }

  /** Writes down the peers that are wanted beyond those that are there. */
  async #addPeers(record: ClusterRecord): Promise<void> {
    const { basePort, confirm, sinks: asked, peers = record.peers.length } = this.#options.wanted
    const sinks = asked && (await placedSinks(asked))
    const { length } = record.peers
    const stands = (flag: string, value: number, other: number) =>
      new MusigError(
        'BAD_INPUT',
        `the cluster “${record.name}” stands with ${flag} ${value}, not ${other}; leave ${flag} out, or take the cluster away with: musig cluster rm`,
      )
    if (peers < length) throw stands('--peers', length, peers)
    const other = record.peers.find((peer) => confirm !== undefined && peer.confirm !== confirm)
    if (other && confirm !== undefined) throw stands('--confirm', other.confirm, confirm)
    checkPeers(peers, { confirm, sinks }, this.#folder.manifest(record).quorum)
    if (sinks) this.#replaceSinks(record, sinks)
    if (peers === length) return sinks && this.#folder.write(record)
    const ports =
      basePort === undefined ? await this.#findPorts(peers - length, record) : await portsFrom(basePort + record.n + length, peers - length)
    const [first] = record.peers
    record.peers.push(...peersAt(ports, length, { confirm: confirm ?? first?.confirm ?? 0, sinks: sinks ?? first?.sinks ?? [] }))
    await this.#folder.write(record)
  }

  /** Those of the peers that are there. */
  #replaceSinks(record: ClusterRecord, sinks: string[]): void {
    const others = record.peers.filter((peer) => peer.sinks.join('\n') !== sinks.join('\n'))
    const running = new Set(this.#running.map(({ name }) => name))
    const runs = others.find((peer) => running.has(peerProcessName(peer)))
    if (runs) throw new MusigError('BAD_INPUT', `peer ${runs.index} runs with other sinks; stop it first with: musig cluster kill peer:${runs.index}`)
    for (const peer of others) peer.sinks = sinks
  }

  /** A cluster that stands, held against what is asked for, with ports that can be had. */
  async #reuse(record: ClusterRecord): Promise<ClusterRecord> {
    const { wanted } = this.#options
    const manifest = this.#folder.manifest(record)
    checkSame(wanted, record, manifest)
    if (wanted.machineFile !== undefined) await checkSameMachine(wanted.machineFile, manifest)
    this.#regroup(record)
    if (wanted.snapshotEvery !== undefined && wanted.snapshotEvery !== record.snapshotEvery) this.#pruneEvery(record, wanted.snapshotEvery)
    const missing = this.#missing(record)
    const blocked = await portless(missing.flatMap((name) => processGroups(record).get(name) ?? []))
    const [first] = blocked
    if (!first) return record
    if (this.#running.length > 0) {
      // The others were told the old address when they started.
      throw new MusigError(
        'BUSY',
        `${first.url} of signer ${first.index} is in use by another process; free it, or take new ports with: musig cluster down && musig cluster up`,
      )
    }
    const ports = await this.#findPorts(blocked.length, record)
    blocked.forEach((signer, i) => {
      const url = `http://127.0.0.1:${ports[i]}`
      this.#options.warn(`${signer.url} is in use by another process; signer ${signer.index} now listens on ${url}`)
      signer.url = url
    })
    await this.#folder.write(record)
    return record
  }

  /** Errors: `BAD_INPUT` while its signers run as they were started. */
  #mustBeDown({ name }: ClusterRecord, withWhat: string): void {
    if (this.#running.length > 0)
      throw new MusigError('BAD_INPUT', `the cluster “${name}” runs with ${withWhat}; stop it first with: musig cluster down`)
  }

  #pruneEvery(record: ClusterRecord, batches: number): void {
    this.#mustBeDown(record, `--snapshot-every ${record.snapshotEvery}`)
    // Its peers would begin with the first batch again, and nobody has that.
    if (batches === 0)
      throw new MusigError(
        'BAD_INPUT',
        `the signers of the cluster “${record.name}” have pruned, with --snapshot-every ${record.snapshotEvery}, and cannot keep all any more; give a larger number, or take the cluster away with: musig cluster rm`,
      )
    record.snapshotEvery = batches
  }

  /** Other liars, or another number of signers in each process, for a cluster that does not run. */
  #regroup(record: ClusterRecord): void {
    const { pack = record.pack, liars = record.liars, seed } = this.#options.wanted
    const isOther = !areSameLiars(liars, record.liars)
    checkLiars(liars, { n: record.n, pack })
    if (pack === record.pack && !isOther) return
    this.#mustBeDown(record, isOther ? 'other liars' : `--pack ${record.pack}`)
    record.pack = pack
    if (isOther) record.liars = seededLiars(liars, seed)
    for (const signer of record.signers) signer.log = `logs/${processName(signer.index, record)}.log`
  }

  /** Free ports that no other cluster of this home has, even while it is down. */
  async #findPorts(count: number, own?: ClusterRecord): Promise<number[]> {
    const portsOf = ({ signers, peers }: ClusterRecord) => [...signers, ...peers].map(({ url }) => portOf(url))
    const taken = new Set(own ? portsOf(own) : [])
    for (const other of clustersOf(this.#options.home)) {
      try {
        for (const port of portsOf(other.read())) taken.add(port)
      } catch {
        // A damaged one is no reason not to start this one.
      }
    }
    return freePorts(count, taken, this.#folder.path)
  }

  #missing(record: ClusterRecord): string[] {
    const running = new Set(this.#running.map(({ name }) => name))
    return [...processGroups(record).keys()].filter((name) => !running.has(name))
  }

  async #launch(say: (detail: string) => void): Promise<void> {
    const record = this.#prepared()
    this.#options.signal.throwIfAborted()
    const missing = this.#missing(record)
    say(`${missing.length} to start`)
    const liars = liarsText(record, this.#folder.manifest(record))
    if (liars !== undefined) this.#options.warn(liars)
    const { partition, links } = readFaults(this.#folder)
    if (partition.length > 0)
      this.#options.warn(`the cluster is partitioned, ${partition.map(signersText).join(' / ')}; end that with: musig cluster heal`)
    if (links.length > 0) this.#options.warn(`${links.length} links are late or lose messages; end that with: musig cluster heal`)
    if (missing.length === 0) return
    await writeAddresses(this.#folder, record)
    await launch(this.#folder, record, missing, this.#started)
  }

  async #bringPeers(say: (detail: string) => void): Promise<void> {
    const record = this.#prepared()
    const { warn, signal } = this.#options
    const running = new Set(this.#running.map(({ name }) => name))
    const missing = record.peers.filter((peer) => !running.has(peerProcessName(peer)))
    // Nobody dials a peer: it may listen anywhere.
    const blocked = await portless(missing)
    const ports = await this.#findPorts(blocked.length, record)
    blocked.forEach((peer, i) => {
      const url = `http://127.0.0.1:${ports[i]}`
      warn(`${peer.url} is in use by another process; peer ${peer.index} now listens on ${url}`)
      peer.url = url
    })
    say(`${missing.length} to start`)
    const started: StartedProcess[] = []
    try {
      await launchPeers(this.#folder, record, missing, started)
      await awaitLevel(this.#folder, record, { started, signal, told: (level) => say(`${level} of ${missing.length}`) })
    } finally {
      this.#started.push(...started)
    }
  }

  async #awaitReady(say: (detail: string) => void): Promise<void> {
    const record = this.#prepared()
    const { quorum } = this.#folder.manifest(record)
    await awaitReady(this.#folder, record, {
      started: this.#started,
      quorum,
      signal: this.#options.signal,
      told: (ready) => say(`${ready} of ${seatedSigners(record).length}`),
    })
  }

  /** A cluster whose making the user broke off is not kept; one that failed is, with its logs. */
  async #undo(): Promise<void> {
    if (this.#record && this.#started.length > 0) await abandon(this.#folder, this.#record, this.#started)
    if (this.#created && this.#options.signal.aborted) await rm(this.#folder.path, { recursive: true, force: true })
  }

  #prepared(): ClusterRecord {
    if (!this.#record) throw new MusigError('INTERNAL', 'the cluster was not prepared')
    return this.#record
  }
}
