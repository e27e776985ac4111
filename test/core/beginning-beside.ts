/** A peer that begins from a snapshot, beside a small cluster and in its time: signers with state machines that answer it, and lies in between. */
import { pino } from 'pino'
import type { Id } from '../../src/lib/base/bytes.js'
import { Learner } from '../../src/lib/core/learner.js'
import { asksForSnapshot, decodeMessage, encodeMessage, type Message, messageCodec, questionCodec } from '../../src/lib/core/message.js'
import type { Event, ExecutedBatch } from '../../src/lib/core/steppable.js'
import type { StateMachine } from '../../src/lib/machine/state-machine.js'
import { restoreBase } from '../../src/lib/node/base.js'
import { Executor } from '../../src/lib/node/executor.js'
import { PeerBeginning } from '../../src/lib/node/peer-beginning.js'
import { PeerSnapshots } from '../../src/lib/node/peer-snapshots.js'
import type { StoreBase } from '../../src/lib/node/store.js'
import { MixingMachine } from '../../src/lib/simulator/mixing-machine.js'
import { loaded } from '../node/loaded-machine.js'
import { FAKE, type SmallCluster } from './small-cluster.js'

const STEP_MS = 5

export interface BesideOptions {
  /** What a signer's message to the peer becomes on its way; undefined: it does not arrive. */
  bend?: (from: number, message: Message) => Message | undefined
  /** The state machine of a signer, where it is another one than that of the rest. */
  machineOf?: (signer: number) => StateMachine
  /** The signer that is asked for a snapshot first. */
  first?: number
  confirm?: number
  /** By how many milliseconds a signer's answers about snapshots come late. */
  lateMs?: (signer: number) => number
  /** Signers that the peer has links to; all where absent. */
  linked?: readonly number[]
}

/** One signer's state machine, and what it answers peers. */
interface Served {
  executor: Executor
  snapshots: PeerSnapshots
  applied: number
}

export class BeginningBeside {
  readonly suspected: { signer: number; reason: string }[] = []
  readonly heard: { from: number; message: Message }[] = []
  readonly asked: { to: number; message: Message }[] = []
  /** What was made durable, once that is so. */
  base: StoreBase | undefined
  readonly #cluster: SmallCluster
  readonly #options: BesideOptions
  readonly #peer: number
  readonly #served: Served[]
  readonly #beginning: PeerBeginning
  readonly #codec
  #alarms: { at: number; work: () => void }[] = []
  #toPeer: { from: number; message: Message }[] = []
  #read: number

  constructor(cluster: SmallCluster, options: BesideOptions = {}) {
    this.#cluster = cluster
    this.#options = options
    this.#peer = cluster.manifest.n
    this.#codec = messageCodec(cluster.manifest.clusterId)
    this.#served = cluster.signers.map((_, signer) => this.#serve(signer))
    this.#beginning = new PeerBeginning({
      manifest: cluster.manifest,
      crypto: FAKE,
      machine: loaded(new MixingMachine()),
      confirm: options.confirm ?? 0,
      first: options.first ?? 0,
      store: {
        begin: async (base) => {
          this.base = base
        },
      },
      log: pino({ level: 'silent' }),
      done: () => {},
      failed: (error) => {
        throw error
      },
    })
    this.#read = cluster.sent.length
    this.#step({ type: 'start', now: cluster.now })
    for (const signer of options.linked ?? cluster.manifest.signers.keys()) this.#step({ type: 'connected', now: cluster.now, signer })
  }

  get beginning(): PeerBeginning['steppable'] {
    return this.#beginning.steppable
  }

  #serve(signer: number): Served {
    const { manifest, keys } = this.#cluster
    const executor = new Executor(loaded(this.#options.machineOf?.(signer) ?? new MixingMachine()))
    const cluster = this.#cluster
    const snapshots = new PeerSnapshots({
      manifest,
      signer: {
        get journal() {
          const { journal } = cluster.signers[signer] ?? {}
          if (!journal) throw new Error('it is down')
          return journal
        },
        hasLostRecords: false,
        isComparing: false,
      },
      executor,
      ed25519: FAKE.ed25519,
      linkSecretKey: keys[signer]?.link ?? new Uint8Array(),
      send: (_, message) => this.#toPeer.push({ from: signer, message }),
      warn: (what) => {
        throw new Error(what)
      },
      later: (work, ms) => {
        const alarm = { at: this.#cluster.now + ms + (this.#options.lateMs?.(signer) ?? 0), work }
        this.#alarms.push(alarm)
        return () => {
          this.#alarms = this.#alarms.filter((other) => other !== alarm)
        }
      },
      now: () => this.#cluster.now,
    })
    return { executor, snapshots, applied: 0 }
  }

  /** Lets signers' state machines come as far as the signers have. */
  #apply(): void {
    this.#served.forEach((served, signer) => {
      for (const executed of (this.#cluster.executed[signer] ?? []).slice(served.applied)) {
        served.executor.execute(executed)
        served.applied++
      }
    })
  }

  #step(event: Event): void {
    const effects = this.beginning.step(event)
    this.#beginning.stepped(effects)
    for (const effect of effects) {
      if (effect.type === 'suspect') this.suspected.push(effect)
      if (effect.type !== 'send') continue
      this.asked.push(effect)
      const question = decodeMessage(questionCodec, encodeMessage(this.#codec, effect.message))
      if (asksForSnapshot(question)) this.#served[effect.to]?.snapshots.asked(this.#peer, question)
      else this.#cluster.inject(this.#peer, effect.to, question)
    }
  }

  /** Lets `ms` pass; `meanwhile` is called every few of them. */
  run(ms: number, meanwhile: () => void = () => {}): void {
    for (const end = this.#cluster.now + ms; this.#cluster.now < end && !this.isOver; ) {
      meanwhile()
      this.#cluster.run(STEP_MS)
      this.#apply()
      const due = this.#alarms.filter(({ at }) => at <= this.#cluster.now)
      this.#alarms = this.#alarms.filter(({ at }) => at > this.#cluster.now)
      for (const { work } of due) work()
      for (const { from, message } of this.#arriving()) {
        const bent = this.#options.bend ? this.#options.bend(from, message) : message
        if (!bent) continue
        this.heard.push({ from, message: bent })
        // As it would come over the wire: what cannot be read is dropped.
        let read: Message
        try {
          read = decodeMessage(this.#codec, encodeMessage(this.#codec, bent))
        } catch {
          continue
        }
        this.#step({ type: 'message', now: this.#cluster.now, from, message: read })
      }
      if ((this.beginning.wakeAt ?? Number.POSITIVE_INFINITY) <= this.#cluster.now) this.#step({ type: 'tick', now: this.#cluster.now })
    }
  }

  get isOver(): boolean {
    return this.beginning.progress.phase === 'over'
  }

  #arriving(): { from: number; message: Message }[] {
    const arriving = this.#toPeer
    this.#toPeer = []
    for (; this.#read < this.#cluster.sent.length; this.#read++) {
      const sent = this.#cluster.sent[this.#read]
      if (sent?.to === this.#peer) arriving.push(sent)
    }
    const linked = this.#options.linked
    return linked ? arriving.filter(({ from }) => linked.includes(from)) : arriving
  }

  /** A signer's digests of all that it has executed. */
  digestsOf(signer: number): { orderDigest: Id | undefined; machineDigest: Id | undefined; executed: number } {
    this.#apply()
    const served = this.#served[signer]
    const executed = served?.executor.executedBatches ?? 0
    return { orderDigest: this.#cluster.signers[signer]?.journal.logs.orderDigest, machineDigest: served?.executor.machineDigest, executed }
  }

  outcomeAt(signer: number, txId: Id) {
    return this.#served[signer]?.executor.outcome(txId)
  }

  /** The next life of the peer: from its base, with these batches after it if they are not in it. */
  nextLife(later: readonly ExecutedBatch[] = []): { executor: Executor; learner: Learner } {
    if (!this.base) throw new Error('it has not begun')
    const { manifest } = this.#cluster
    const executor = new Executor(loaded(new MixingMachine()))
    const learner = new Learner({ manifest, crypto: FAKE, confirm: this.#options.confirm ?? 0 })
    restoreBase(this.base, learner, executor)
    for (const { batch, certificate } of later) {
      if (learner.journal.isDecided(batch.id)) continue
      for (const record of [{ type: 'batch', batch } as const, { type: 'certificate', certificate } as const])
        for (const executed of learner.restore([record])) executor.execute(executed)
    }
    return { executor, learner }
  }
}
