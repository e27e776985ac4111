/**
 * A running peer: learner, driver, store, links to the signers that it follows, API, state machine and metrics, put together, started and stopped in the right
 * order. What a process does with it is `peer-host.ts`; what it has in common with a signer stands in parts that both are made of.
 */
import { rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { MusigError } from '../base/errors.js'
import type { Beginning } from '../core/beginning.js'
import { Learner } from '../core/learner.js'
import { decodeRecord, recordCodec } from '../core/record.js'
import type { Effect } from '../core/steppable.js'
import { Api, askAgain } from './api.js'
import { applyBatch } from './apply-batch.js'
import { restoreBase } from './base.js'
import type { LoadedCrypto } from './crypto.js'
import { Driver } from './driver.js'
import { Executor } from './executor.js'
import { Following } from './following.js'
import { API_LIMITS, Refusal } from './http-guard.js'
import { listen, writePidFile } from './listen.js'
import { type LoadedMachine, loadMachine } from './machine-file.js'
import { messageLog } from './message-log.js'
import { Metrics } from './metrics.js'
import { PeerBeginning } from './peer-beginning.js'
import type { LoadedPeer } from './peer-config.js'
import { behindMsOf, behindOf, type PeerHealth, type PeerSubject, peerHealthOf, peerStatusAnswer } from './peer-status.js'
import { Sinks } from './sinks/sinks.js'
import { openStore, type SignerStore } from './store.js'
import { bytesOf } from './store-folder.js'
import { Suspicions } from './suspicions.js'

export interface RunningPeerOptions {
  config: LoadedPeer
  crypto: LoadedCrypto
  log: Logger
  version: string
  /** It is to be stopped and started again, from its store. */
  startsOver: () => void
  /** It has stopped for good; the process must end. */
  failed: (error: MusigError) => void
}

/** In the peer's folder while the process lives: `{pid, startedAt, url}`. */
const PID_FILE = 'peer.pid'

/** What the log says of each. */
const HEALTH: Record<PeerHealth, string> = {
  level: 'level with the signers',
  behind: 'behind the signers',
  'no signer': 'no link to any signer',
  'left behind':
    'left behind: this peer lacks batches that every signer within reach has pruned, so it executes nothing more. Let it follow a signer that keeps all (--snapshot-every 0), or remove its folder and start it with --from-snapshot',
  begins: 'begins from a snapshot, and shows nothing before one is confirmed',
}

export class RunningPeer {
  readonly #options: RunningPeerOptions
  readonly #store: SignerStore
  readonly #server: Server
  readonly #learner: Learner
  /** In a first life that begins from a snapshot, instead of the learner. */
  readonly #beginning: PeerBeginning | undefined
  readonly #executor: Executor
  readonly #sinks: Sinks
  readonly #metrics: Metrics
  readonly #transport: Following
  readonly #driver: Driver
  readonly #api: Api
  readonly #subject: PeerSubject
  readonly #suspicions = new Suspicions()
  #levelAt: number | undefined
  #health: PeerHealth | undefined

  /** Opens the store, takes the records back, listens and dials. Errors: `BUSY` (port, store), `STORE_FAILED`, `BAD_INPUT`. */
  static async start(options: RunningPeerOptions): Promise<RunningPeer> {
    const { config, log } = options
    const { clusterId } = config.manifest
    const machine = await loadMachine(config.manifest.machine, config.machineFile, { log, failed: options.failed })
    const server = createServer({ maxHeaderSize: API_LIMITS.headerBytes, connectionsCheckingInterval: API_LIMITS.lookMs })
    let store: SignerStore | undefined
    let running: RunningPeer | undefined
    try {
      store = await openStore(
        config.store,
        { clusterId, publicKey: config.key.linkKey },
        { advice: 'remove the folder: the peer fills a new one from the signers' },
      )
      const codec = recordCodec(clusterId)
      const records = (await store.load()).map((record) => decodeRecord(codec, record))
      const base = store.takeBase()
      const begins = config.fromSnapshot && !base && records.length === 0
      const executor = new Executor(machine, { keepsLog: config.sinks.length > 0, aside: store.aside })
      running = new RunningPeer(options, store, server, executor, begins ? await rehearsedBy(options) : undefined)
      if (base) restoreBase(base, running.#learner, running.#executor)
      for (const executed of running.#learner.restore(records)) running.#executor.execute(executed)
      await listen(server, config.url)
      writePidFile(join(config.store, PID_FILE), config.url)
      await running.#driver.start()
      const { follow, confirm } = config
      log.info({ url: config.url.origin, follow, confirm, records: records.length, executed: running.#executor.executedBatches }, 'peer started')
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

  /** `rehearsed`: a state machine for a beginning from a snapshot. */
  private constructor(options: RunningPeerOptions, store: SignerStore, server: Server, executor: Executor, rehearsed: LoadedMachine | undefined) {
    const { config, crypto, log, version, startsOver, failed } = options
    const { manifest, key, addresses, follow, confirm, first } = config
    this.#options = options
    this.#store = store
    this.#server = server
    this.#executor = executor
    this.#sinks = new Sinks(config, executor, log)
    this.#metrics = new Metrics(config.name, true)
    this.#learner = new Learner({ manifest, crypto, confirm })
    this.#transport = new Following({ manifest, crypto, linkSecretKey: key.linkSecretKey, addresses, follow, log })
    this.#beginning = rehearsed && new PeerBeginning({ manifest, crypto, confirm, first, machine: rehearsed, store, log, done: startsOver, failed })
    this.#driver = new Driver({
      steppable: this.#follower,
      clusterId: manifest.clusterId,
      store,
      transport: this.#transport,
      executed: (batch) => {
        applyBatch({ executor, metrics: this.#metrics, log }, batch)
        this.#noteHealth()
      },
      // It goes on in the next epoch from its records.
      epochEnds: startsOver,
      failed,
      observers: [{ stepped: (_, effects) => this.#stepped(effects) }, this.#metrics, messageLog(log)],
    })
    this.#subject = this.#describe(version)
    this.#watch()
    this.#api = new Api({
      server,
      sharedWithLinks: false,
      subject: this.#subject,
      status: () => peerStatusAnswer(this.#subject),
      health: () => {
        const status = peerHealthOf(this.#subject)
        return { isWell: status === 'level', document: { status, connected: this.#follower.linked.size } }
      },
      changes: {
        async post() {
          throw new Refusal(405, 'this is a peer: it takes no transactions; give them to a signer, as musig tx submit does')
        },
      },
      late: async (txId, timeoutMs) => new MusigError('TIMED_OUT', `not executed by this peer within ${timeoutMs} ms; ${askAgain(txId)}`),
      metrics: () => this.#metrics.text(),
      log: (error, path) => log.error({ err: error, path }, 'request failed'),
    })
  }

  get url(): string {
    return this.#options.config.url.origin
  }

  /** Stops cleanly: what was begun is made durable, those who wait are answered. */
  async stop(): Promise<void> {
    const { config, log } = this.#options
    this.#api.close()
    await this.#driver.stop()
    await this.#transport.stop()
    this.#server.close()
    this.#server.closeAllConnections()
    await this.#sinks.stop()
    this.#executor.machine.close()
    this.#beginning?.close()
    await this.#store.close()
    this.forget()
    log.info({ executed: this.#executor.executedBatches, store: config.store }, 'peer stopped')
  }

  /** Undoes the part of a start that had happened. */
  private async abandon(): Promise<void> {
    this.#api.close()
    this.#beginning?.close()
    await this.#transport.stop()
    this.#server.close()
    this.forget()
  }

  /** Removes the process's file: the last thing, also where it cannot stop cleanly. */
  forget(): void {
    rmSync(join(this.#options.config.store, PID_FILE), { force: true })
  }

  get #follower(): Learner | Beginning {
    return this.#beginning?.steppable ?? this.#learner
  }

  #describe(version: string): PeerSubject {
    const { config, crypto } = this.#options
    const learner = this.#follower
    return {
      manifest: config.manifest,
      // Another one once the log is derived anew.
      get journal() {
        return learner.journal
      },
      learner,
      executor: this.#executor,
      // It sees what was decided, and nothing of how.
      rounds: { get: () => undefined },
      moments: { of: () => undefined, all: () => [] },
      sinks: () => this.#sinks.status,
      key: config.key.linkKey,
      confirm: config.confirm,
      follow: config.follow,
      beginning: () => this.#beginning?.steppable.progress,
      levelAt: () => this.#levelAt,
      storeBytes: () => bytesOf(config.store),
      suspicion: () => this.#suspicions.list(),
      bls: crypto.bls.name,
      version,
      startedAt: performance.now(),
    }
  }

  #watch(): void {
    const subject = this.#subject
    this.#metrics.watch({
      subject,
      gathered: () => this.#driver.queueLength,
      links: () => this.#transport.metrics,
      queuedBytes: () => this.#transport.queuedBytes,
    })
    this.#metrics.gauge('musig_connected_signers', 'Signers that this peer has a link to', () => this.#follower.linked.size)
    this.#metrics.gauge(
      'musig_distrusted_signers',
      'Signers that fed this peer what is not true and are left alone for a while',
      () => this.#follower.distrusted.size,
    )
    this.#metrics.gauge(
      'musig_behind_batches',
      'Executed batches fewer than signers have, as more of them say than may lie; NaN where too few have said it',
      () => behindOf(subject) ?? Number.NaN,
    )
    this.#metrics.gauge(
      'musig_behind_seconds',
      'Since when this peer is not level with the signers; 0 where it is, NaN where it never was',
      () => (behindMsOf(subject) ?? Number.NaN) / 1000,
    )
  }

  #stepped(effects: readonly Effect[]): void {
    this.#beginning?.stepped(effects)
    for (const effect of effects) {
      if (effect.type !== 'suspect') continue
      const { signer, reason, batchId } = effect
      const isNew = this.#suspicions.add(signer, reason, batchId)
      this.#options.log[isNew ? 'warn' : 'debug']({ suspect: signer, reason, batchId }, 'suspicion')
    }
    this.#noteHealth()
  }

  #noteHealth(): void {
    if (behindOf(this.#subject) === 0) this.#levelAt = performance.now()
    const health = peerHealthOf(this.#subject)
    if (health === this.#health) return
    this.#health = health
    const { executedBatches: executed } = this.#executor
    this.#options.log[health === 'left behind' ? 'error' : 'info']({ executed, behind: behindOf(this.#subject) ?? null }, HEALTH[health])
  }
}

/** A state machine to rehearse on. Where it fails on what a signer sent, another life asks another signer. */
function rehearsedBy({ config, log, startsOver }: RunningPeerOptions): Promise<LoadedMachine> {
  const failed = (error: MusigError) => {
    log.error({ err: error }, 'the state machine failed on a snapshot; another signer is asked')
    startsOver()
  }
  return loadMachine(config.manifest.machine, config.machineFile, { log, failed })
}
