/**
 * One simulated machine: runs a signer on a virtual disk and clock, hands it events one at a time, and lets its effects out as the disk allows.
 * Owns crash and restart of that one signer; who is connected to whom is the world's business.
 */
import type { Id } from '../base/bytes.js'
import type { Journal } from '../core/journal.js'
import type { Manifest } from '../core/manifest.js'
import { Pruning, portionsOf } from '../core/pruning.js'
import type { DurableRecord } from '../core/record.js'
import { Signer } from '../core/signer.js'
import type { Effect, Event, ExecutedBatch, Steppable } from '../core/steppable.js'
import { Disk, type DiskBase, type TornWrite } from './disk.js'
import type { Seats } from './seats.js'
import { notBefore, type Timeline } from './timeline.js'

/** What the simulator runs: a signer that can come back from its records, or something wrapped round one. */
export interface SimulatedSigner extends Steppable {
  /** What it knows, where it follows the epochs. */
  readonly journal?: Journal
  /** Takes the records in, before the `start` event; returns what was executed, in order. */
  restore(records: Iterable<DurableRecord>): ExecutedBatch[]
}

/** An event without its time: the host's clock gives it. */
export type Happening = Event extends infer E ? (E extends Event ? Omit<E, 'now'> : never) : never

/** What a host asks of the world around it. */
export interface HostPorts {
  timeline: Timeline
  /** The first one. */
  manifest: Manifest
  seats: Seats
  make(): SimulatedSigner
  /** Draws how long a write takes, and by how much this run of the signer reads the clock differently. */
  writeMs(): number
  clockOffsetMs(): number
  torn: TornWrite
  /** What a step that ends now cost in time, given how many messages it read and hands out. */
  costMs(messages: number): number
  happened(event: Event): void
  /** A record became durable, or another effect leaves. False: the signer crashes at this very point. */
  released(effect: Effect): boolean
  /** Executed batches between two snapshots; 0: nothing is pruned. */
  snapshotEvery: number
  carryOut(effect: Exclude<Effect, { type: 'persist' }>): void
  /** Records as a restart reads them back. */
  readBack(records: readonly DurableRecord[]): DurableRecord[]
}

/** Events that a signer may be given at one moment before it is taken to run in a circle. */
const MAX_TICKS_AT_ONCE = 1000

export class Host {
  readonly index: number
  readonly #ports: HostPorts
  readonly #disk: Disk
  #signer: SimulatedSigner | undefined
  #pruning: Pruning | undefined
  /** Records that the signer has taken in, pruned ones and those under way to the disk included. */
  #taken = 0
  /** Batches that it has executed, in all its runs, as far as they were durable. */
  #executed: ExecutedBatch[] = []
  #inbox: Happening[] = []
  #isBusy = false
  #isPaused = false
  /** What is to go on with once the process does. */
  #held: (() => void)[] = []
  #offsetMs = 0
  #tickAt = Number.POSITIVE_INFINITY
  #tickNumber = 0
  #ticksAtOnce = { at: -1, count: 0 }
  /** Counts the times it was started; what was meant for an earlier run never reaches a later one. */
  incarnation = 0
  #manifest: Manifest
  /** How often records gave way to a snapshot. */
  prunings = 0
  /** By how much its clock was set, in all. */
  jumpedMs = 0
  /** Batches of which a durable record says that they arrived. */
  readonly known = new Set<Id>()

  constructor(index: number, ports: HostPorts) {
    this.index = index
    this.#ports = ports
    this.#manifest = ports.manifest
    this.#disk = new Disk({
      afterWrite: (run) => this.#afterWrite(run),
      durable: (record) => this.#durable(record),
      release: (effect) => this.#release(effect),
    })
  }

  get isUp(): boolean {
    return this.#signer !== undefined
  }

  /**
   * Starts the signer for the first time, connected with `others`: what it would send is thrown away, for that was before the run began, and a
   * thousand signers that greet each other would drown the rest.
   */
  boot(others: Iterable<number>): void {
    this.incarnation++
    this.#offsetMs = this.#ports.clockOffsetMs()
    const signer = this.#make()
    const now = this.#ports.timeline.now + this.#offsetMs
    signer.restore([])
    signer.step({ type: 'start', now })
    for (const other of others) signer.step({ type: 'connected', now, signer: other })
    this.#planTick()
  }

  /** The manifest of the epoch in which it is, or was when it ran. */
  get manifest(): Manifest {
    return this.#manifest
  }

  /** Starts the signer from its durable records; returns what these say was executed. */
  start(): ExecutedBatch[] {
    this.incarnation++
    this.#offsetMs = this.#ports.clockOffsetMs()
    const { base, records } = this.#disk
    const signer = this.#make(base)
    const before = this.#executed.slice(0, base?.past.length ?? 0)
    if (before.some(({ batch }, i) => batch.id !== base?.past[i]?.id)) throw new Error(`the past of signer ${this.index} is not what it executed`)
    this.#executed = before
    const left = this.#ports.readBack(records.slice(this.#taken))
    // All at once where nothing is pruned: a test's signer may read them in an order of its own.
    for (const some of this.#pruning && this.#ports.snapshotEvery > 0 ? portionsOf(left) : [left]) {
      for (const executed of signer.restore(some)) this.#applied(executed)
      this.#took(some.length)
    }
    this.#manifest = signer.journal?.manifest ?? this.#ports.manifest
    this.deliver({ type: 'start' })
    return [...this.#executed]
  }

  #make(base?: DiskBase): SimulatedSigner {
    const signer = this.#ports.make()
    this.#signer = signer
    if (base && signer instanceof Signer) signer.restoreSnapshot(base.past, base.journal)
    const { snapshotEvery } = this.#ports
    const { clusterId } = this.#ports.manifest
    // Whether the state machine comes back is looked at with real ones: here the order alone decides.
    this.#pruning = signer instanceof Signer ? new Pruning(signer, clusterId, snapshotEvery, () => new Uint8Array()) : undefined
    this.#taken = base?.records ?? 0
    return signer
  }

  /** The signer has taken in more records. */
  #took(records: number): void {
    this.#taken += records
    const pruned = this.#pruning?.taken(this.#taken)
    if (!pruned) return
    this.#disk.prune(pruned)
    this.prunings++
  }

  #applied(executed: ExecutedBatch): void {
    this.#executed.push(executed)
    this.#pruning?.applied(this.#executed.length)
  }

  /** Stops the signer on the spot: what is not durable is gone, what waits to be sent is not sent. */
  crash(): void {
    this.#signer = undefined
    this.#inbox = []
    this.#isBusy = false
    this.#isPaused = false
    this.#held = []
    this.#tickAt = Number.POSITIVE_INFINITY
    this.#tickNumber++
    this.#disk.crash(this.#ports.torn)
  }

  /** Stops the process: what comes meanwhile waits, and goes on in its order with `resume`. */
  pause(): void {
    if (this.#signer) this.#isPaused = true
  }

  /** Lets a stopped process go on; nothing if it crashed meanwhile. */
  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    const held = this.#held
    this.#held = []
    for (const goOn of held) goOn()
    if (this.#signer && !this.#isBusy) this.#work()
  }

  /** Sets the clock of the running signer. */
  jump(byMs: number): void {
    this.#offsetMs += byMs
    this.jumpedMs += byMs
    this.#tickAt = Number.POSITIVE_INFINITY
    if (!this.#isBusy) this.#planTick()
  }

  /** Gives the signer an event, after those that came before; nothing if it is down. */
  deliver(happening: Happening): void {
    if (!this.#signer) return
    this.#inbox.push(happening)
    if (!this.#isBusy && !this.#isPaused) this.#work()
  }

  #work(): void {
    const { incarnation } = this
    // A step may lead back here, through what it sends to itself.
    this.#isBusy = true
    for (let next = this.#inbox.shift(); next && this.#signer && this.incarnation === incarnation; next = this.#inbox.shift()) {
      const event = { ...next, now: this.#ports.timeline.now + this.#offsetMs } as Event
      this.#ports.happened(event)
      const { seats } = this.#ports
      const effects = this.#signer.step(seats.seated(this.#manifest, event)).map((effect) => seats.unseated(this.#manifest, effect))
      this.#took(effects.reduce((count, effect) => count + (effect.type === 'persist' ? 1 : 0), 0))
      const sends = effects.reduce((count, effect) => count + (effect.type === 'send' ? 1 : 0), 0)
      const costMs = this.#ports.costMs(sends + (event.type === 'message' ? 1 : 0))
      if (costMs > 0) {
        this.#later(costMs, () => {
          if (this.incarnation !== incarnation || !this.#signer) return
          this.#disk.take(effects)
          if (this.#signer && this.incarnation === incarnation) this.#work()
        })
        return
      }
      this.#disk.take(effects)
    }
    if (this.incarnation !== incarnation || !this.#signer) return
    this.#isBusy = false
    // Not before: a tick that waits behind the step under way would be due again at once.
    this.#planTick()
  }

  #planTick(): void {
    const { timeline } = this.#ports
    const wakeAt = this.#signer?.wakeAt
    if (wakeAt === undefined) return
    const at = Math.max(timeline.now, notBefore(wakeAt - this.#offsetMs))
    if (at >= this.#tickAt) return
    this.#tickAt = at
    const number = ++this.#tickNumber
    timeline.at(at, () => {
      if (number !== this.#tickNumber) return
      this.#tickAt = Number.POSITIVE_INFINITY
      this.#countTick(timeline.now)
      this.deliver({ type: 'tick' })
    })
  }

  #countTick(at: number): void {
    const once = this.#ticksAtOnce
    this.#ticksAtOnce = { at, count: once.at === at ? once.count + 1 : 1 }
    if (this.#ticksAtOnce.count > MAX_TICKS_AT_ONCE) throw new Error(`signer ${this.index} wants ticks without end at ${at} ms`)
  }

  /** Goes on after a time, or when a process that is stopped then goes on. */
  #later(ms: number, goOn: () => void): void {
    this.#ports.timeline.after(ms, () => {
      if (this.#isPaused) this.#held.push(goOn)
      else goOn()
    })
  }

  #afterWrite(run: () => void): void {
    const ms = this.#ports.writeMs()
    if (ms > 0) this.#later(ms, run)
    else run()
  }

  #durable(record: DurableRecord): void {
    if (record.type === 'batch') this.known.add(record.batch.id)
    if (!this.#ports.released({ type: 'persist', record })) this.#crashInside()
  }

  #release(effect: Exclude<Effect, { type: 'persist' }>): void {
    if (!this.#ports.released(effect)) return this.#crashInside()
    if (effect.type === 'execute') this.#applied(effect.executed)
    this.#ports.carryOut(effect)
  }

  /** The world brings down the rest of it, once this step is over. */
  #crashInside(): void {
    if (this.isUp) this.crash()
  }
}
