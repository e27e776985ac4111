/**
 * What of a running signer belongs to one epoch: the core with its seat, its driver, and its links. Owns the turn to the next one: links end, the signer goes on with
 * what it knows under the next manifest, and what comes meanwhile waits. All else of a running signer asks here for whoever is the signer now.
 */
import type { Server } from 'node:http'
import { toHex } from '../base/bytes.js'
import { invariant, type MusigError } from '../base/errors.js'
import type { Liable } from '../byzantine/liar.js'
import type { Journal } from '../core/journal.js'
import type { Manifest } from '../core/manifest.js'
import type { SnapshotQuestion } from '../core/message.js'
import { Signer, type SignerOptions } from '../core/signer.js'
import type { ExecutedBatch } from '../core/steppable.js'
import type { Transaction } from '../core/transaction.js'
import type { AddressBook } from './config-files.js'
import { Driver, type DriverObserver, type Reply } from './driver.js'
import type { LinkServer } from './link-tls.js'
import type { Grounds, RunningOptions } from './running-signer.js'
import { evictionOf } from './signer-status.js'
import type { SignerStore } from './store.js'
import type { LinkTransport } from './transport.js'

/** What an epoch stands on, and whom it tells. */
export interface PresentEpochOptions {
  running: RunningOptions
  grounds: Grounds
  store: SignerStore
  /** The pre-consensus check of the state machine. */
  check: SignerOptions['check']
  hasLostRecords: boolean
  secondSession: (signer: number) => void
  asked: (peer: number, question: SnapshotQuestion) => void
  executed: (batch: ExecutedBatch) => void
  observers: readonly DriverObserver[]
  /** The next epoch has begun. */
  begun: () => void
}

export class PresentEpoch {
  readonly #options: PresentEpochOptions
  #signer: Signer
  #stepped: Liable
  #open: { transport: LinkTransport; driver: Driver; server: Server | LinkServer } | undefined
  #turning: Promise<void> | undefined

  /** The signer as it is before its records are taken back. */
  constructor(options: PresentEpochOptions) {
    this.#options = options
    const signing = this.#signing(options.hasLostRecords)
    this.#signer = new Signer(signing)
    this.#stepped = this.#disguised(signing)
  }

  /** Makes links and driver, once the records are taken back: they say which epoch it is. */
  open(server: Server | LinkServer, addresses: AddressBook): void {
    const transport = this.#newTransport(server, addresses)
    this.#open = { server, transport, driver: this.#newDriver(transport) }
  }

  get signer(): Signer {
    return this.#signer
  }

  /** The signer, or what bends its messages. */
  get stepped(): Liable {
    return this.#stepped
  }

  get self(): number {
    return this.#signer.self
  }

  get linkSecretKey(): Uint8Array {
    return this.#options.running.config.key.linkSecretKey
  }

  get manifest(): Manifest {
    return this.#signer.journal.manifest
  }

  get journal(): Journal {
    return this.#signer.journal
  }

  get rounds(): Signer['rounds'] {
    return this.#signer.rounds
  }

  get connected(): ReadonlySet<number> {
    return this.#stepped.connected
  }

  get hasLostRecords(): boolean {
    return this.#signer.hasLostRecords
  }

  get isComparing(): boolean {
    return this.#signer.isComparing
  }

  isHeldByAll(executed: number): boolean {
    return this.#signer.isHeldByAll(executed)
  }

  restoreSnapshot(...snapshot: Parameters<Signer['restoreSnapshot']>): void {
    this.#signer.restoreSnapshot(...snapshot)
  }

  /** The manifests of all epochs so far. */
  get manifests(): Manifest[] {
    const { epochs, manifest } = this.#signer.journal
    return Array.from({ length: manifest.epoch + 1 }, (_, epoch) => epochs.manifestOf(epoch)).filter((one) => one !== undefined)
  }

  get transport(): LinkTransport {
    return this.#opened.transport
  }

  get driver(): Driver {
    return this.#opened.driver
  }

  /** Stops driver and links, also those of an epoch that is about to begin. */
  async stop(): Promise<void> {
    await this.#turning
    await this.driver.stop()
    await this.transport.stop()
  }

  /** Hands a client's transaction in; between two epochs it waits. */
  async submit(transaction: Transaction): Promise<Reply> {
    await this.#turning
    return this.driver.submit(transaction)
  }

  get #opened() {
    invariant(this.#open, 'a signer is opened before it is used')
    return this.#open
  }

  #signing(hasLostRecords: boolean, journal?: Journal): SignerOptions {
    const { running, check } = this.#options
    const { self, manifest, key } = running.config
    const keys = { blsSecretKey: key.secretKey, linkSecretKey: key.linkSecretKey }
    return { self, manifest, crypto: running.crypto, ...keys, check, hasLostRecords, ...(journal && { journal }) }
  }

  /** What runs: the signer as it is, or a liar made of it where its configuration says so. */
  #disguised(signing: SignerOptions): Liable {
    const { config, liars, log } = this.#options.running
    if (!config.lie) return this.#signer
    invariant(liars !== undefined, 'who may be told to lie is started with the liars of its process')
    log.warn({ strategy: config.lie.strategy }, 'this signer lies')
    return liars.make(this.#signer, signing, config.lie)
  }

  #newTransport(server: Server | LinkServer, addresses: AddressBook): LinkTransport {
    const { running, grounds, secondSession } = this.#options
    const { config, crypto, log, local } = running
    const { publicKey, linkSecretKey } = config.key
    const known = this.manifest.signers.map((signer) => addresses.get(toHex(signer.publicKey)))
    // Whoever was evicted is linked to nobody.
    const isOut = evictionOf(this.journal, publicKey) !== undefined
    const links = isOut ? { addresses: known.map(() => undefined), local: undefined } : { addresses: known, local }
    return grounds.createTransport({
      self: this.self,
      manifest: this.manifest,
      publicKey,
      crypto,
      linkSecretKey,
      ...links,
      server,
      log,
      secondSession,
    })
  }

  #newDriver(transport: LinkTransport): Driver {
    const { running, store, asked, executed, observers } = this.#options
    return new Driver({
      steppable: this.#stepped,
      clusterId: this.manifest.clusterId,
      peersFrom: this.manifest.n,
      asked,
      store,
      transport,
      executed,
      startsOver: (reason) => {
        running.log.error(`this signer starts over: ${reason}`)
        running.startsOver()
      },
      epochEnds: (transactions) => {
        this.#turning = this.#next(transactions).catch((error: unknown) => running.failed(error as MusigError))
      },
      failed: running.failed,
      observers,
    })
  }

  /** The epoch is over. `transactions`: those that wait for a batch. */
  async #next(transactions: readonly Transaction[]): Promise<void> {
    const { config, log, startsOver } = this.#options.running
    const { server, driver, transport } = this.#opened
    // A liar is made anew from its records: what bends it may hold a second signer.
    if (config.lie) return startsOver()
    await driver.stop()
    await transport.stop()
    const { journal, hasLostRecords } = this.#signer
    journal.apply({ type: 'epoch' })
    this.#signer = new Signer(this.#signing(hasLostRecords, journal))
    this.#stepped = this.#signer
    this.open(server, await config.addresses())
    const { epoch, n, quorum } = this.manifest
    if (this.self < 0) log.warn({ epoch }, `evicted in epoch ${epoch}: this signer takes no part any more; stop it`)
    else log.info({ epoch, signers: n, quorum, index: this.self }, 'the next epoch begins')
    await this.driver.start()
    this.#turning = undefined
    for (const transaction of transactions) await this.driver.submit(transaction)
    this.#options.begun()
  }
}
