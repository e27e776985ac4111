/**
 * A running signer: core, driver, store, transport, API, state machine and metrics of one signer, put together, started and stopped in the right order.
 * Several may run in one process; what a process does with them is `signer-host.ts`.
 */
import { rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { MusigError } from '../base/errors.js'
import { Moments } from '../core/moments.js'
import { type DurableRecord, decodeRecord, encodeRecord, recordCodec } from '../core/record.js'
import type { Effect, ExecutedBatch } from '../core/steppable.js'
import { Api } from './api.js'
import { applyBatch } from './apply-batch.js'
import { SignerChanges } from './changes.js'
import type { AddressBook } from './config-files.js'
import type { LoadedCrypto } from './crypto.js'
import { Executor } from './executor.js'
import { API_LIMITS } from './http-guard.js'
import { createLinkServer, type LinkServer } from './link-tls.js'
import { listen, writePidFile } from './listen.js'
import type { LocalLinks } from './local-links.js'
import type { Liars } from './lying.js'
import { loadMachine } from './machine-file.js'
import { messageLog } from './message-log.js'
import { Metrics } from './metrics.js'
import { PeerSnapshots } from './peer-snapshots.js'
import { PresentEpoch } from './present-epoch.js'
import { SeenFaults } from './seen-faults.js'
import type { LoadedConfig } from './signer-config.js'
import { type Health, healthOf, type SignerSubject, statusAnswer } from './signer-status.js'
import { Sinks } from './sinks/sinks.js'
import { Snapshots } from './snapshots.js'
import { openStore, type SignerStore, type StoreBase } from './store.js'
import { bytesOf } from './store-folder.js'
import { createTransport } from './transport.js'

/** What a signer stands on: how its store is opened and its transport made. Tests stand between; otherwise these are the store's and the links' own. */
export interface Grounds {
  openStore: typeof openStore
  createTransport: typeof createTransport
}

export interface RunningOptions {
  config: LoadedConfig
  crypto: LoadedCrypto
  log: Logger
  /** The signers of its cluster that share this process, where there are others. */
  local?: LocalLinks | undefined
  /** Those of its process, where it may be told to lie. */
  liars?: Liars | undefined
  version: string
  /** Whether its metrics tell of the process too. */
  ofProcess: boolean
  grounds?: Grounds | undefined
  /** It is to be stopped and started again, from its records. */
  startsOver: () => void
  /** It has stopped for good; the process must end. */
  failed: (error: MusigError) => void
}

/** What is there before a signer: its store and records, its server, and where the others are. */
interface Parts {
  store: SignerStore
  server: Server
  executor: Executor
  records: readonly DurableRecord[]
  addresses: AddressBook
}

/** How long another signer has to say that it is there; a client waits a little longer than this past its own limit. */
const ANSWER_MS = 700
const GROUNDS: Grounds = { openStore, createTransport }
/** In the store's folder while the process lives: `{pid, startedAt, url}`. */
const PID_FILE = 'signer.pid'

/** What the log says of each. */
const HEALTH: Record<Health, string> = {
  ready: 'ready: a quorum is reachable',
  'no quorum': 'no quorum',
  compares: 'compares its order with that of others before it signs again',
  follows: 'follows the others and signs nothing',
  evicted: 'evicted: it is no signer any more',
  joining: 'follows the others until it comes to the epoch in which it is a signer',
  'left behind':
    'left behind: this signer lacks batches that every signer within reach has pruned, so it executes nothing more. Bring its store back, or connect a signer that keeps all (--snapshot-every 0)',
}

export class RunningSigner {
  readonly #options: RunningOptions
  readonly #store: SignerStore
  readonly #server: Server
  /** Where links come in over TLS. */
  readonly #linkServer: LinkServer | undefined
  readonly #epoch: PresentEpoch
  readonly #executor: Executor
  readonly #sinks: Sinks
  #snapshots: Snapshots | undefined
  readonly #peerSnapshots: PeerSnapshots
  readonly #moments = new Moments()
  readonly #metrics: Metrics
  readonly #api: Api
  readonly #subject: SignerSubject
  readonly #faults: SeenFaults
  #health: Health | undefined
  #lost: string | undefined

  /** Opens the store, takes the records back, listens and connects. Errors: `BUSY` (port, store), `STORE_FAILED`, `BAD_INPUT`. */
  static async start(options: RunningOptions): Promise<RunningSigner> {
    const { config, crypto, log } = options
    if ((crypto.bls.name as string) === 'fake')
      throw new MusigError('BAD_INPUT', 'the simulator’s fake signatures protect nothing; a process does not run with them')
    const machine = await loadMachine(config.manifest.machine, config.machineFile, { log, failed: options.failed })
    const { clusterId } = config.manifest
    const server = createServer({ maxHeaderSize: API_LIMITS.headerBytes, connectionsCheckingInterval: API_LIMITS.lookMs })
    let store: SignerStore | undefined
    let running: RunningSigner | undefined
    try {
      store = await (options.grounds ?? GROUNDS).openStore(config.store, { clusterId, publicKey: config.key.publicKey }, { marker: config.history })
      const codec = recordCodec(clusterId)
      const records = (await store.load()).map((record) => decodeRecord(codec, record))
      const executor = new Executor(machine, { keepsLog: config.sinks.length > 0, aside: store.aside })
      running = new RunningSigner(options, { store, server, executor, records, addresses: await config.addresses() })
      await running.#lookForLosses()
      await listen(server, config.url)
      if (running.#linkServer && config.linkUrl) await listen(running.#linkServer, config.linkUrl)
      writePidFile(join(config.store, PID_FILE), config.url)
      await running.#epoch.driver.start()
      log.info(
        {
          url: config.url.origin,
          ...(config.linkUrl && { links: config.linkUrl.origin }),
          records: records.length,
          executed: running.#executor.executedBatches,
          pruned: running.#epoch.signer.journal.pruned,
        },
        'signer started',
      )
      void running.#faults.takeBack()
      running.#noteHealth()
      running.#sinks.start()
      return running
    } catch (error) {
      await running?.abandon()
      machine.close()
      await store?.close()
      throw error
    }
  }

  private constructor(options: RunningOptions, { store, server, executor, records, addresses }: Parts) {
    const { config, crypto, log, version, ofProcess, grounds = GROUNDS } = options
    const { token, linkUrl, key } = config
    const { linkSecretKey } = key
    this.#options = options
    this.#store = store
    this.#server = server
    this.#executor = executor
    this.#sinks = new Sinks(config, executor, log)
    this.#metrics = new Metrics(String(config.self), ofProcess)
    const current = new PresentEpoch({
      running: options,
      grounds,
      store,
      check: (transaction) => executor.machine.check(transaction),
      hasLostRecords: store.lost !== undefined && !config.acceptLostHistory,
      secondSession: (signer) => {
        this.#metrics.suspected(signer)
        this.#faults.suspect(signer, `signer ${signer}'s key is in two processes`, null)
      },
      asked: (peer, question) => this.#peerSnapshots.asked(peer, question),
      executed: (batch) => this.#executed(batch),
      observers: [{ stepped: (_, effects) => this.#look(effects) }, this.#moments, this.#metrics, messageLog(log)],
      begun: () => {
        // Those of its links were by their numbers in the epoch before.
        this.#subject.faults = []
        this.#noteHealth()
      },
    })
    this.#epoch = current
    this.#faults = new SeenFaults({ manifests: () => current.manifests, crypto, store: config.store, log })
    this.#peerSnapshots = new PeerSnapshots({
      manifest: {
        clusterId: config.manifest.clusterId,
        get epoch() {
          return current.manifest.epoch
        },
      },
      signer: current,
      executor,
      ed25519: crypto.ed25519,
      linkSecretKey,
      send: (peer, message) => current.driver.tell(peer, message),
      warn: (what) => log.warn(what),
    })
    this.#restore(store.takeBase(), records)
    this.#linkServer = linkUrl && createLinkServer(current)
    current.open(this.#linkServer ?? server, addresses)
    if (config.faults.length > 0) current.transport.setFaults(config.faults)
    this.#subject = {
      get self() {
        return current.self
      },
      get manifest() {
        return current.journal.manifest
      },
      get journal() {
        return current.journal
      },
      get rounds() {
        return current.rounds
      },
      get connected() {
        return current.connected
      },
      publicKey: key.publicKey,
      executor,
      moments: this.#moments,
      sinks: () => this.#sinks.status,
      peers: () => this.#epoch.transport.peers,
      faults: config.faults,
      lost: () => this.#lost,
      isComparing: () => this.#epoch.signer.isComparing,
      beyondReach: () => this.#epoch.signer.beyondReach,
      storeBytes: () => bytesOf(config.store),
      evidence: this.#faults.evidence.held,
      suspicion: () => this.#faults.suspicions.list(),
      bls: crypto.bls.name,
      version,
      startedAt: performance.now(),
    }
    this.#watch()
    const refused = (error: unknown, path: string) => log.error({ err: error, path }, 'request failed')
    const changes = new SignerChanges({
      subject: this.#subject,
      token,
      submit: (transaction) => current.submit(transaction),
      answering: () => this.#epoch.transport.answering(ANSWER_MS),
      setFaults: (faults) => {
        this.#subject.faults = faults
        this.#epoch.transport.setFaults(faults)
      },
      log: refused,
    })
    this.#api = new Api({
      server,
      sharedWithLinks: linkUrl === undefined,
      subject: this.#subject,
      status: () => statusAnswer(this.#subject),
      health: () => {
        const status = healthOf(this.#subject)
        return { isWell: status === 'ready', document: { status, connected: this.#subject.connected.size } }
      },
      changes,
      late: (txId, timeoutMs) => changes.late(txId, timeoutMs),
      evidence: (name) => this.#faults.evidence.read(name),
      metrics: () => this.#metrics.text(),
      log: refused,
    })
  }

  #watch(): void {
    const subject = this.#subject
    const { executor } = subject
    this.#metrics.watch({
      subject,
      gathered: () => this.#epoch.driver.queueLength,
      links: () => this.#epoch.transport.metrics,
      queuedBytes: () => this.#epoch.transport.connected().reduce((sum, signer) => sum + this.#epoch.transport.queuedBytes(signer), 0),
    })
    this.#metrics.gauge('musig_connected_signers', 'Signers with a live link to this one', () => subject.connected.size)
    this.#metrics.gauge('musig_connected_peers', 'Peers with a link to this one', () => this.#epoch.transport.peers)
    this.#metrics.gauge('musig_ready', 'Whether a quorum is reachable', () => Number(subject.connected.size + 1 >= subject.manifest.quorum))
    this.#metrics.gauge('musig_undecided_batches', 'Batches that arrived and are not committed', () => subject.journal.undecided.size)
    this.#metrics.gauge('musig_waiting_transactions', 'Transactions submitted here and not executed', () => executor.waitingTransactions)
  }

  get index(): number {
    return this.#options.config.self
  }

  get url(): string {
    return this.#options.config.url.origin
  }

  /** Stops cleanly: what was begun is made durable and sent, those who wait are answered. */
  async stop(): Promise<void> {
    const { config, log } = this.#options
    this.#api.close()
    this.#peerSnapshots.stop()
    await this.#epoch.stop()
    for (const server of [this.#server, this.#linkServer]) {
      server?.close()
      server?.closeAllConnections()
    }
    await this.#faults.evidence.flushed()
    await this.#sinks.stop()
    this.#executor.machine.close()
    await this.#store.close()
    this.forget()
    log.info({ executed: this.#executor.executedBatches, store: config.store }, 'signer stopped')
  }

  /** Undoes the part of a start that had happened. */
  private async abandon(): Promise<void> {
    this.#api.close()
    await this.#epoch.transport.stop()
    this.#server.close()
    this.#linkServer?.close()
    this.forget()
  }

  /** Removes the process's file: the last thing, also where it cannot stop cleanly. */
  forget(): void {
    rmSync(join(this.#options.config.store, PID_FILE), { force: true })
  }

  /** Says what is lost, or lets this signer back in as its operator wants. Errors: `BAD_INPUT` if there is nothing to accept: the flag must not stay for the next loss. */
  async #lookForLosses(): Promise<void> {
    const { config, log } = this.#options
    if (!config.acceptLostHistory) return this.#noteLoss(this.#store.lost)
    if (this.#store.lost === undefined && !this.#epoch.signer.hasLostRecords)
      throw new MusigError('BAD_INPUT', `no records of signer ${config.self} are lost; leave --accept-lost-history out`)
    log.warn({ lost: this.#store.lost }, 'lost records accepted: this signer signs again, except about what is undecided now')
    const rejoin = { type: 'rejoin' } as const
    await this.#store.append([encodeRecord(recordCodec(config.manifest.clusterId), rejoin)])
    this.#store.acceptLoss()
    this.#snapshots?.replay([rejoin])
  }

  #noteLoss(lost?: string): void {
    if (!this.#epoch.signer.hasLostRecords || this.#lost !== undefined) return
    this.#lost = lost ?? 'a certificate holds a signature of this signer that its records know nothing of'
    this.#options.log.error(
      { lost: this.#lost },
      'records are lost: this signer follows the others and signs nothing, for it could contradict what it has signed before. Bring the store back, or accept the loss once with --accept-lost-history',
    )
  }

  #restore(base: StoreBase | undefined, records: readonly DurableRecord[]): void {
    const { config, failed } = this.#options
    const snapshots = new Snapshots(
      {
        signer: this.#epoch,
        stepped: this.#epoch.stepped,
        executor: this.#executor,
        store: this.#store,
        clusterId: config.manifest.clusterId,
        every: config.snapshotEvery,
        areTaken: (executed) => executed <= this.#peerSnapshots.wanted && this.#sinks.haveTaken(executed),
        failed,
      },
      base,
    )
    this.#snapshots = snapshots
    snapshots.replay(records)
    const { journal } = this.#epoch.signer
    for (const batchId of journal.arrivals()) {
      const known = journal.get(batchId)
      if (known && !journal.isExecuted(batchId)) this.#executor.arrived(known.batch)
    }
  }

  #look(effects: readonly Effect[]): void {
    let records = 0
    for (const effect of effects) {
      if (effect.type === 'persist') records++
      if (effect.type === 'persist' && effect.record.type === 'batch') this.#executor.arrived(effect.record.batch)
      if (effect.type === 'accuse') this.#faults.accuse(effect.evidence)
      if (effect.type === 'suspect') this.#faults.suspect(effect.signer, effect.reason, effect.batchId)
    }
    this.#snapshots?.taken(records)
    this.#noteLoss()
    this.#noteHealth()
  }

  #executed(executed: ExecutedBatch): void {
    const { log } = this.#options
    applyBatch({ executor: this.#executor, metrics: this.#metrics, log }, executed)
    this.#snapshots?.applied()
  }

  #noteHealth(): void {
    const health = healthOf(this.#subject)
    if (health === this.#health) return
    this.#health = health
    const { manifest, connected } = this.#subject
    this.#options.log[health === 'left behind' ? 'error' : 'info']({ reachable: connected.size + 1, quorum: manifest.quorum }, HEALTH[health])
  }
}
