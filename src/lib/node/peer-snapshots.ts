/**
 * What a running signer answers peers that begin from a snapshot (§13): in what state it is, signed, and snapshots in parts. Owns what that may cost: work is done
 * a slice at a time with a pause after each, one statement serves all who wait, two snapshots at most are kept, in memory and for some minutes. The statement
 * is always about what the state machine has applied, which is durable; so it may be made at any moment between two batches.
 */
import { type Id, toHex } from '../base/bytes.js'
import { MusigError, unreachable } from '../base/errors.js'
import type { Ed25519 } from '../bls/backend.js'
import { LIMITS } from '../core/limits.js'
import type { Manifest } from '../core/manifest.js'
import type { Message, MessageOf, SnapshotQuestion } from '../core/message.js'
import type { Signer } from '../core/signer.js'
import { type StateStatement, stateDigest } from '../core/statement.js'
import { statedDigest } from './base.js'
import type { Executor } from './executor.js'
import { ToldPast } from './told-past.js'

export interface PeerSnapshotsOptions {
  manifest: Pick<Manifest, 'clusterId' | 'epoch'>
  signer: Pick<Signer, 'journal' | 'hasLostRecords' | 'isComparing'>
  executor: Executor
  ed25519: Ed25519
  linkSecretKey: Uint8Array
  send: (peer: number, message: Message) => void
  /** Something that people should know. */
  warn: (what: string) => void
  /** Runs something after so many milliseconds; returns what calls it off. */
  later?: (work: () => void, ms: number) => () => void
  /** Milliseconds of a clock that never runs backwards. */
  now?: () => number
}

interface Signed extends StateStatement {
  signature: Uint8Array
}

interface Kept {
  offer: MessageOf<'snapshot'>
  machine: Uint8Array
  madeAt: number
  usedAt: number
}

/** The past is taken in for so long at a time, and for as long not. */
const SLICE_MS = 10
/** After a statement, which takes one piece of work, nothing is done for so many times as long: a tenth of the time at most goes to peers. */
const PAUSE = 9
const KEPT = 2
/** A snapshot that is younger than this is good enough for whoever asks. */
const FRESH_MS = 60_000
/** A snapshot goes when nothing was asked of it for so long, and in any case after so long; the past goes with the last. */
const IDLE_MS = 300_000
const KEPT_MS = 900_000

export class PeerSnapshots {
  readonly #options: PeerSnapshotsOptions
  readonly #later: (work: () => void, ms: number) => () => void
  readonly #now: () => number
  /** Peers that wait for a statement, each with the place from which on it wants the log; and those that wait for a snapshot. */
  readonly #states = new Map<number, number>()
  readonly #snapshots = new Set<number>()
  readonly #kept = new Map<Id, Kept>()
  #past: ToldPast | undefined
  #signed: Signed | undefined
  #notBefore = 0
  #askedAt = 0
  #callOffWork: (() => void) | undefined
  #callOffTidying: (() => void) | undefined

  constructor(options: PeerSnapshotsOptions) {
    this.#options = options
    this.#later = options.later ?? laterOf
    this.#now = options.now ?? (() => performance.now())
  }

  /** Answers a question of a peer, sooner or later. */
  asked(peer: number, question: SnapshotQuestion): void {
    this.#askedAt = this.#now()
    switch (question.type) {
      case 'state-request':
        if (this.#states.size < LIMITS.peers) this.#states.set(peer, question.from)
        return this.#plan()
      case 'snapshot-request':
        if (this.#snapshots.size < LIMITS.peers) this.#snapshots.add(peer)
        return this.#plan()
      case 'part-request':
        return this.#sendPart(peer, question)
      default:
        return unreachable(question)
    }
  }

  /** Peers may want what was executed after so many batches: those of the oldest snapshot that is kept. */
  get wanted(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.#kept.values()].map(({ offer }) => offer.executed))
  }

  stop(): void {
    this.#callOffWork?.()
    this.#callOffTidying?.()
  }

  #plan(): void {
    if (this.#callOffWork) return
    this.#callOffWork = this.#later(
      () => {
        this.#callOffWork = undefined
        try {
          this.#work()
        } catch (error) {
          // Peers are strangers: what a state machine cannot do for them must not stop its signer.
          this.#forgetAskers()
          this.#notBefore = this.#now() + FRESH_MS
          this.#options.warn(`no snapshot for peers: ${error instanceof Error ? error.message : String(error)}`)
        }
      },
      Math.max(0, this.#notBefore - this.#now()),
    )
  }

  #work(): void {
    const { signer, executor, manifest } = this.#options
    // Its log may not be the last word: it says nothing of it.
    if (signer.hasLostRecords || signer.isComparing) return this.#forgetAskers()
    this.#past ??= new ToldPast(manifest.clusterId, executor, (batchId) => signer.journal.outlineOf(batchId))
    this.#tidyLater()
    const begun = this.#now()
    if (!this.#past.advance(() => this.#now() - begun >= SLICE_MS)) {
      this.#notBefore = this.#now() + SLICE_MS
      return this.#plan()
    }
    const statement = this.#statement(this.#past)
    for (const [peer, from] of this.#states) this.#sendState(peer, from, statement)
    const offer = this.#snapshots.size > 0 ? this.#offer(statement, this.#past) : undefined
    if (offer) for (const peer of this.#snapshots) this.#options.send(peer, offer)
    this.#forgetAskers()
    this.#notBefore = this.#now() + PAUSE * (this.#now() - begun)
  }

  #forgetAskers(): void {
    this.#states.clear()
    this.#snapshots.clear()
  }

  /** What state the state machine is in. */
  #statement(past: ToldPast): Signed {
    const { signer, executor, manifest, ed25519, linkSecretKey } = this.#options
    const executed = executor.executedBatches
    if (this.#signed?.executed === executed) return this.#signed
    const machineDigest = statedDigest(executor)
    if (machineDigest === undefined) throw new MusigError('MACHINE_FAILED', 'the state machine gives no digest')
    const { logs } = signer.journal
    const orderDigest = logs.executed.length === executed ? logs.orderDigest : logs.orderDigestAt(executor.heights)
    const statement = { executed, orderDigest, machineDigest, pastDigest: past.digest() }
    this.#signed = { ...statement, signature: ed25519.sign(linkSecretKey, stateDigest(manifest, statement)) }
    return this.#signed
  }

  #sendState(peer: number, from: number, statement: Signed): void {
    const { logs } = this.#options.signer.journal
    const ids = logs.executed.slice(from, Math.min(from + LIMITS.idsPerState, statement.executed))
    this.#options.send(peer, { type: 'state', ...statement, from, ids })
  }

  /** A snapshot to begin from: one that is kept, as long as it is fresh or no other one has room; else one of this moment. */
  #offer(statement: Signed, past: ToldPast): MessageOf<'snapshot'> | undefined {
    const { executor, manifest, warn } = this.#options
    const newest = [...this.#kept.values()].at(-1)
    const now = this.#now()
    if (newest && (this.#kept.size === KEPT || now - newest.madeAt < FRESH_MS || newest.offer.executed === statement.executed)) {
      newest.usedAt = now
      return newest.offer
    }
    const { machine: made } = executor
    const machine = (made.offer ? made.offer() : made.snapshot())?.slice()
    if (!machine) {
      warn('a peer asks for a snapshot, and the state machine makes none')
      return undefined
    }
    const offer = { type: 'snapshot' as const, ...statement, pastBytes: past.bytes, machineBytes: machine.length }
    if (offer.pastBytes + offer.machineBytes > LIMITS.snapshotBytes) {
      warn(`a peer asks for a snapshot, and one would take ${offer.pastBytes + offer.machineBytes} bytes; at most ${LIMITS.snapshotBytes} are sent`)
      return undefined
    }
    this.#kept.set(toHex(stateDigest(manifest, statement)), { offer, machine, madeAt: now, usedAt: now })
    return offer
  }

  #sendPart(peer: number, { snapshot, at }: MessageOf<'part-request'>): void {
    const kept = this.#kept.get(snapshot)
    if (!kept || !this.#past) return this.#options.send(peer, { type: 'part', snapshot, at, bytes: new Uint8Array() })
    const { offer, machine } = kept
    kept.usedAt = this.#now()
    const end = Math.min(at + LIMITS.partBytes, offer.pastBytes + offer.machineBytes)
    if (at >= end) return
    const bytes = new Uint8Array(end - at)
    const ofPast = Math.min(end, offer.pastBytes)
    if (at < ofPast) bytes.set(this.#past.slice(at, ofPast))
    if (end > offer.pastBytes) bytes.set(machine.subarray(Math.max(0, at - offer.pastBytes), end - offer.pastBytes), Math.max(0, ofPast - at))
    this.#options.send(peer, { type: 'part', snapshot, at, bytes })
  }

  /** Lets go what nobody has asked for lately. */
  #tidyLater(): void {
    this.#callOffTidying ??= this.#later(() => {
      this.#callOffTidying = undefined
      const now = this.#now()
      for (const [snapshot, { madeAt, usedAt }] of this.#kept) if (now - usedAt >= IDLE_MS || now - madeAt >= KEPT_MS) this.#kept.delete(snapshot)
      if (this.#kept.size === 0 && now - this.#askedAt >= IDLE_MS) this.#past = this.#signed = undefined
      else this.#tidyLater()
    }, FRESH_MS)
  }
}

function laterOf(work: () => void, ms: number): () => void {
  const timer = setTimeout(work, ms).unref()
  return () => clearTimeout(timer)
}
