/**
 * What the parts of a signer share: who it is, what every follower of the order has (`follower-context.ts`), its keys, and messages to itself. The
 * parts call one another through `Events`, wired in `signer.ts`.
 */
import type { Id } from '../base/bytes.js'
import type { Crypto } from '../bls/backend.js'
import type { Certificate, Order } from './certificate.js'
import { changeFault, seatOf } from './change.js'
import { FollowerContext } from './follower-context.js'
import type { Journal } from './journal.js'
import type { KnownBatch } from './known-batch.js'
import type { Manifest } from './manifest.js'
import type { Message } from './message.js'
import type { DurableRecord } from './record.js'
import type { Rules } from './rules.js'
import type { ExecutedBatch } from './steppable.js'
import { type Batch, isChange, shareKey, type Transaction, transactionFault } from './transaction.js'
import { type Tree, treeOf } from './tree.js'

export interface SignerOptions {
  /** Its index in the manifest. */
  self: number
  manifest: Manifest
  crypto: Crypto
  /** 32 bytes. */
  blsSecretKey: Uint8Array
  /** Ed25519 seed, 32 bytes. */
  linkSecretKey: Uint8Array
  /** The pre-consensus check of the state machine: why a transaction can never be valid, or undefined. */
  check: (transaction: Transaction) => string | undefined
  /** Rules that a test takes out. */
  rules?: Partial<Rules>
  /** What it knows, where it goes on from an earlier epoch in the same process; without it, it begins with nothing. */
  journal?: Journal
  /** Some of its records are lost: it follows, passes on and answers, but signs nothing (§10). */
  hasLostRecords?: boolean
}

/** What one part of a signer tells the others. */
export interface Events {
  /** A batch has its place in the arrival order. */
  arrived(batchId: Id): void
  /** The own vote for a batch is signed and recorded. */
  voted(batchId: Id): void
  /** The own vote for a batch is put off. */
  postponed(batchId: Id): void
  /** A batch's body turned out to be invalid: there will be no vote. */
  invalid(batch: Batch): void
  /** A batch is known to be past ballot 0's fast phase. */
  slow(batchId: Id): void
  /** An order of this ballot was refused here, for it would leave a pair unordered. */
  refused(batchId: Id, ballot: number): void
  /** An order of this ballot follows from what it carries: the batch came nearer to its decision. */
  progress(batchId: Id, ballot: number): void
  /** A coordinator's signed order of a slow round is seen (§9). */
  sawOrder(known: KnownBatch, order: Order): void
  /** A coordinator's signed order does not follow from what it carries. */
  falseOrder(order: Order): void
  /** Whether this signer knows what enough others have decided while it was away (§9). */
  hasCaughtUp(): boolean
  /** Another signer's history reaches further than the own: catch up from it. */
  behind(signer: number): void
  /** A certificate came from `from` that decides nothing here, a lock (§9) or one held already: it only goes on to others. */
  passOn(certificate: Certificate, from: number): void
  /** A certificate came because it was asked for: all are asked whether it is the last word (§9). */
  doubted(certificate: Certificate): void
  /** Something changed on which it depends whether locks are final. */
  review(): void
  /** A batch is committed; the certificate came from `from`, which is the signer itself where it decided. */
  committed(certificate: Certificate, from: number): void
  executed(executed: readonly ExecutedBatch[]): void
}

const NOWHERE: Events = {
  arrived() {},
  voted() {},
  postponed() {},
  invalid() {},
  slow() {},
  refused() {},
  progress() {},
  sawOrder() {},
  falseOrder() {},
  hasCaughtUp: () => true,
  behind() {},
  passOn() {},
  doubted() {},
  review() {},
  committed() {},
  executed() {},
}

export class Context extends FollowerContext {
  readonly blsSecretKey: Uint8Array
  readonly linkSecretKey: Uint8Array
  readonly check: SignerOptions['check']
  events: Events = NOWHERE
  /** Whether this signer has forgotten some of what it said. Then it only follows: whatever it signed could contradict it. */
  hasLostRecords: boolean
  /** Whether it came back and has not seen yet that others have the same logs (§9). */
  isComparing = false
  /** Signers whose guilt is proved to this one. */
  readonly guilty = new Set<number>()
  readonly #publicKey: Uint8Array
  #seat: { manifest: Manifest; index: number } | undefined
  readonly #toSelf: Message[] = []

  constructor(options: SignerOptions) {
    super(options)
    this.#publicKey = options.manifest.signers[options.self]?.publicKey ?? options.crypto.bls.publicKey(options.blsSecretKey)
    this.blsSecretKey = options.blsSecretKey
    this.linkSecretKey = options.linkSecretKey
    this.check = options.check
    this.hasLostRecords = options.hasLostRecords ?? false
  }

  /** Its index in the manifest of the present epoch; −1 where it has no seat in it: then it only follows. */
  get self(): number {
    const { manifest } = this
    if (this.#seat?.manifest !== manifest) this.#seat = { manifest, index: this.seatIn(manifest) }
    return this.#seat.index
  }

  /** Its index in another manifest. */
  seatIn(manifest: Manifest): number {
    return seatOf(manifest, this.#publicKey)
  }

  /** Whether it is a signer of the present epoch. */
  get hasSeat(): boolean {
    return this.self >= 0
  }

  /** Whether this signer signs nothing at all: it only follows. */
  get isSilent(): boolean {
    return this.hasLostRecords || this.isComparing || !this.hasSeat
  }

  /** Whether this signer may sign anything about a batch: it remembers all that it said of it. */
  maySign({ isForgotten }: KnownBatch): boolean {
    return !this.isSilent && !isForgotten
  }

  /** Records something; what is executed by it leaves at once. */
  override persist(record: DurableRecord): ExecutedBatch[] {
    const executed = super.persist(record)
    for (const batch of executed) this.effect({ type: 'execute', executed: batch })
    if (executed.length > 0) this.events.executed(executed)
    return executed
  }

  /** Sends to another signer, or to this one itself within the same step. */
  override send(to: number, message: Message): void {
    if (to === this.self) this.#toSelf.push(message)
    else super.send(to, message)
  }

  sendAll(message: Message): void {
    for (let signer = 0; signer < this.manifest.n; signer++) this.send(signer, message)
  }

  /** The next message that this signer sent itself. */
  takeOwnMessage(): Message | undefined {
    return this.#toSelf.shift()
  }

  /** The tree of a batch that arrived or is about to. */
  treeOf(batch: Pick<Batch, 'id' | 'initiator'>): Tree {
    return treeOf(batch.id, batch.initiator, this.manifest)
  }

  /** The coordinator of a ballot: its place in the permutation of the ballot-0 tree (§7). */
  coordinatorOf(batch: Pick<Batch, 'id' | 'initiator'>, ballot: number): number {
    return this.treeOf(batch).permutation[ballot % this.manifest.n] ?? 0
  }

  /** Why a transaction can never be valid, if so: a change of the signers by its own rules, any other one by the state machine's. */
  faultOf(transaction: Transaction): string | undefined {
    const { crypto, manifest } = this
    const fault = transactionFault(crypto.ed25519, manifest.clusterId, transaction)
    if (fault !== undefined) return fault
    return isChange(transaction.deps) ? changeFault(crypto, manifest, transaction) : this.check(transaction)
  }

  conflict(a: Batch, b: Batch): boolean {
    return a.id !== b.id && shareKey(a.keys, b.keys)
  }
}
