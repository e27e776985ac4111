/**
 * The world of one run: hosts, network, clients and outages on one timeline, all from one seed. Owns what leaves a signer and where it goes, and
 * counts what every signer sends and signs. What is planned comes from `workload.ts` and `faults.ts`, what is made of it from `simulate.ts`.
 */
import type { Id } from '../base/bytes.js'
import { SeededRandom } from '../base/prng.js'
import type { Crypto } from '../bls/backend.js'
import type { Manifest } from '../core/manifest.js'
import { batchIdOf, decodeMessage, encodeMessage, type Message, messageCodec } from '../core/message.js'
import { type DurableRecord, decodeRecord, encodeRecord, recordCodec } from '../core/record.js'
import type { Effect, ExecutedBatch } from '../core/steppable.js'
import { type Transaction, transactionId } from '../core/transaction.js'
import { Clients } from './clients.js'
import { type CryptoCounts, countedCrypto, noCounts } from './counted-crypto.js'
import { drawMs, parseDelay } from './delay.js'
import type { Fault } from './faults.js'
import { type Happening, Host, type SimulatedSigner } from './host.js'
import { Network } from './network.js'
import { Operators, type PlannedChange } from './operators.js'
import { Outages } from './outages.js'
import { Recorder } from './recorder.js'
import { distanceMs } from './regions.js'
import type { Scenario } from './scenario.js'
import { Seats } from './seats.js'
import type { Signers } from './signers.js'
import { Timeline } from './timeline.js'
import { effectLine, eventLine, type TraceLine } from './trace.js'
import type { PlannedTransaction } from './workload.js'

/** What one signer did in a run. */
export interface Costs extends CryptoCounts {
  /** Messages and bytes that it sent. */
  messages: number
  bytes: number
  /** Milliseconds for which its core was busy. */
  workMs: number
}

/** What a world is made of. */
export interface WorldOptions {
  scenario: Scenario
  signers: Signers
  crypto: Crypto
  plan: readonly PlannedTransaction[]
  faults: readonly Fault[]
  /** What operators want of the set of signers. */
  changes: readonly PlannedChange[]
  /** Makes the signer of a host, or the peer behind them, counting through the crypto it is given. */
  make(self: number, crypto: Crypto): SimulatedSigner
  countBytes: boolean
  /** Signers that lie: what they hold and do is owed to nobody. */
  liars: ReadonlySet<number>
  /** Those who see everything: told each durable record and each message sent. */
  spy: { recorded(signer: number, record: DurableRecord): void; sent(from: number, message: Message): void } | undefined
  trace: ((line: TraceLine) => void) | undefined
}

interface Packet {
  message: Message
  /** How many messages lie one after the other behind this one, for its batch. */
  hops: number
}

/** Seconds since 1970 when a run begins. */
const EPOCH_SECONDS = 1_700_000_000

export class World {
  readonly timeline = new Timeline()
  readonly hosts: Host[]
  readonly recorder: Recorder
  readonly clients: Clients
  readonly costs: Costs[]
  /** Messages of signers about each batch. */
  readonly messages = new Map<Id, number>()
  /** Hops behind the execution of a batch at its initiator. */
  readonly hopsOf = new Map<Id, number>()
  suspicions = 0
  readonly #options: WorldOptions
  readonly #network: Network<Packet>
  readonly #random: SeededRandom
  readonly #codec
  readonly #recordCodec
  readonly #encoded = new WeakMap<Message, Uint8Array>()
  readonly #hops: Map<Id, number>[]
  readonly #executedTxs: Set<Id>[]
  readonly #outages: Outages
  readonly #operators: Operators
  readonly seats: Seats
  /** Grows whenever something happened after which the run may be over. */
  progress = 0

  constructor(options: WorldOptions) {
    const { scenario, signers, plan } = options
    const { n, clusterId } = signers.manifest
    const hosts = signers.keys.length
    const ends = hosts + scenario.peers
    this.#options = options
    this.#random = new SeededRandom(`world/${scenario.seed}`)
    this.#codec = messageCodec(clusterId)
    this.#recordCodec = recordCodec(clusterId)
    this.seats = new Seats(signers.publicKeys, scenario.peers)
    this.recorder = new Recorder(hosts, scenario.peers, signers.manifest, this.seats)
    this.costs = Array.from({ length: ends }, () => ({ messages: 0, bytes: 0, workMs: 0, ...noCounts() }))
    this.#hops = Array.from({ length: ends }, () => new Map())
    this.#executedTxs = Array.from({ length: ends }, () => new Set())
    this.#network = this.#makeNetwork(new SeededRandom(`network/${scenario.seed}`))
    this.hosts = Array.from({ length: ends }, (_, index) => this.#makeHost(index))
    this.#outages = this.#makeOutages()
    const all = Array.from({ length: n }, (_, signer) => signer)
    for (const self of all) this.hosts[self]?.boot(all.filter((other) => other !== self))
    this.clients = this.#makeClients(plan)
    this.#outages.plan(options.faults)
    this.#operators = this.#makeOperators(options.changes)
  }

  /** Whether every client has its answer and every running signer and peer has executed every batch that any running signer holds. */
  get isDone(): boolean {
    return this.clients.isDone && this.#operators.isDone && this.behind().length === 0
  }

  /** Running signers and peers with the batches that they have not executed and that a running signer holds. */
  behind(): { signer: number; batchIds: Id[] }[] {
    const latest = this.latest()
    const up = this.hosts.filter((host) => host.isUp && !this.#options.liars.has(host.index) && this.#isOwed(host, latest))
    const known = new Set<Id>()
    for (const host of up) if (this.#isSigner(host.index)) for (const batchId of host.known) known.add(batchId)
    for (const batchId of this.#droppedAmong(known, up)) known.delete(batchId)
    return up.flatMap(({ index }) => {
      const { executed } = this.recorder.signers[index] ?? { executed: [] }
      // What was not executed in its epoch counts nowhere.
      if (executed.length === known.size && this.hosts[index]?.manifest.epoch === latest.epoch) return []
      const done = new Set(executed.map(({ batchId }) => batchId))
      const batchIds = [...known].filter((batchId) => !done.has(batchId))
      return batchIds.length === 0 ? [] : [{ signer: index, batchIds }]
    })
  }

  /** The manifest of the latest epoch that a signer is in. */
  latest(): Manifest {
    return this.hosts.reduce((latest, { manifest }) => (manifest.epoch > latest.epoch ? manifest : latest), this.#options.signers.manifest)
  }

  /** A signer that was evicted owes nothing. */
  #isOwed({ index }: Host, latest: Manifest): boolean {
    return !this.#isSigner(index) || this.seats.seatIn(latest, index) >= 0
  }

  /** Batches of an epoch that is over for a signer which did not execute them in it. */
  #droppedAmong(known: ReadonlySet<Id>, up: readonly Host[]): Id[] {
    const furthest = up.reduce((best, host) => (host.manifest.epoch > best.manifest.epoch ? host : best), up[0] as Host)
    const executed = new Set(this.recorder.signers[furthest?.index ?? 0]?.executed.map(({ batchId }) => batchId))
    return [...known].filter(
      (batchId) => (this.recorder.batches.get(batchId)?.epoch ?? 0) < (furthest?.manifest.epoch ?? 0) && !executed.has(batchId),
    )
  }

  #isSigner(end: number): boolean {
    return end < this.#options.signers.keys.length
  }

  /** What operators still want, in words. */
  get changesWanted(): string[] {
    return this.#operators.wanted
  }

  /** Faults that happened, in words. */
  get fired(): readonly string[] {
    return this.#outages.fired
  }

  /** Faults that are still to come or under way. */
  get faultsAhead(): number {
    return this.#outages.ahead
  }

  /** Ends all losses. */
  calm(): void {
    this.#network.lossy = false
  }

  /** Messages that were lost on the way. */
  get lost(): number {
    return this.#network.lost
  }

  #makeNetwork(random: SeededRandom): Network<Packet> {
    const { scenario } = this.#options
    const delay = parseDelay(scenario.delay)
    const { loss, duplicate, reorder, bandwidth } = scenario
    const settings = { delay, loss, duplicate, reorder }
    return new Network(
      this.timeline,
      random,
      (from, to) => ({ ...settings, extraMs: distanceMs(scenario, from, to) }),
      (from, to, packet) => this.#arrive(from, to, packet),
      bandwidth,
    )
  }

  #makeHost(index: number): Host {
    const { scenario, crypto, make } = this.#options
    const costs = this.costs[index] as Costs
    const counted = countedCrypto(crypto, costs)
    const disk = parseDelay(scenario.disk)
    let charged = 0
    return new Host(index, {
      timeline: this.timeline,
      manifest: this.#options.signers.manifest,
      seats: this.seats,
      snapshotEvery: scenario.snapshotEvery,
      make: () => make(index, counted),
      writeMs: () => drawMs(disk, this.#random),
      clockOffsetMs: () => this.#random.upTo(1 << 20),
      torn: (count) => this.#random.upTo(count),
      costMs: (messages) => {
        const total = costs.signatures * scenario.signMs + costs.verifications * scenario.verifyMs
        const ms = total - charged + messages * scenario.messageMs
        charged = total
        costs.workMs += ms
        return ms
      },
      happened: (event) => this.#options.trace?.(eventLine(this.timeline.now, index, event)),
      released: (effect) => this.#releasedAt(index, effect),
      carryOut: (effect) => this.#carryOut(index, effect),
      readBack: (records) => records.map((record) => decodeRecord(this.#recordCodec, encodeRecord(this.#recordCodec, record))),
    })
  }

  #makeOutages(): Outages {
    return new Outages({
      timeline: this.timeline,
      hosts: this.hosts,
      n: this.#options.signers.keys.length,
      network: this.#network,
      random: this.#random,
      happened: (fault) => {
        this.progress++
        this.#options.trace?.({ at: this.timeline.now, signer: null, what: 'fault', data: fault })
      },
      wentDown: (signer) => {
        this.#network.clear(signer)
        this.clients.crashed(signer)
      },
      started: (signer, executed) => {
        const { manifest } = this.hosts[signer] ?? {}
        if (manifest) this.recorder.entered(manifest)
        this.recorder.restarted(signer, this.timeline.now, executed)
        this.#executedTxs[signer] = new Set(executed.flatMap(({ batch }) => this.recorder.batches.get(batch.id)?.transactions ?? []))
      },
    })
  }

  #makeOperators(changes: readonly PlannedChange[]): Operators {
    const { crypto, signers, scenario } = this.#options
    const { manifest, keys } = signers
    const ports = {
      timeline: this.timeline,
      random: new SeededRandom(`operators/${scenario.seed}`),
      crypto,
      keys,
      seats: this.seats,
      latest: () => this.latest(),
      up: () => this.hosts.filter((host) => host.isUp && this.#isSigner(host.index)).map((host) => host.index),
      join: (host: number) => this.#outages.join(host),
      submit: (host: number, transaction: Transaction) => {
        this.clients.accompany(transactionId(manifest.clusterId, transaction), transaction.deps)
        this.#submit(host, 0, transaction)
      },
    }
    return new Operators(ports, changes)
  }

  #submit(signer: number, requestId: number, transaction: Transaction): void {
    const time = EPOCH_SECONDS + Math.floor((this.timeline.now + (this.hosts[signer]?.jumpedMs ?? 0)) / 1000)
    this.#deliver(signer, { type: 'submit', requestId, transaction, time })
  }

  #makeClients(plan: readonly PlannedTransaction[]): Clients {
    return new Clients(
      {
        timeline: this.timeline,
        random: new SeededRandom(`clients/${this.#options.scenario.seed}`),
        upSigners: () => this.hosts.filter((host) => host.isUp && this.#isSigner(host.index)).map((host) => host.index),
        isUp: (signer) => this.hosts[signer]?.isUp === true,
        hasExecuted: (signer, txId) => this.#executedTxs[signer]?.has(txId) === true,
        submit: (signer, requestId, { transaction }) => this.#submit(signer, requestId, transaction),
      },
      plan,
    )
  }

  #deliver(signer: number, happening: Happening): void {
    this.hosts[signer]?.deliver(happening)
  }

  #arrive(from: number, to: number, { message, hops }: Packet): void {
    const batchId = batchIdOf(message)
    const known = this.#hops[to]
    if (batchId !== undefined && known && (known.get(batchId) ?? 0) < hops) known.set(batchId, hops)
    const read = this.#options.scenario.bytes ? decodeMessage(this.#codec, this.#encode(message)) : message
    this.#deliver(to, { type: 'message', from, message: read })
  }

  #encode(message: Message): Uint8Array {
    let bytes = this.#encoded.get(message)
    if (!bytes) {
      bytes = encodeMessage(this.#codec, message)
      this.#encoded.set(message, bytes)
    }
    return bytes
  }

  /** Counts and notes what leaves a signer; false where a planned crash comes first. */
  #releasedAt(signer: number, effect: Effect): boolean {
    if (effect.type === 'persist') {
      this.recorder.durable(signer, effect.record)
      const seat = this.#seatOf(signer)
      if (seat >= 0) this.#options.spy?.recorded(seat, effect.record)
      this.#options.trace?.(effectLine(this.timeline.now, signer, effect))
    }
    if (effect.type !== 'persist' && effect.type !== 'send') return true
    return this.#outages.survives(signer)
  }

  #carryOut(signer: number, effect: Exclude<Effect, { type: 'persist' }>): void {
    if (effect.type !== 'send') this.progress++
    this.#options.trace?.(effectLine(this.timeline.now, signer, effect))
    switch (effect.type) {
      case 'send':
        return this.#send(signer, effect.to, effect.message)
      case 'execute':
        return this.#executed(signer, effect.executed)
      case 'reply':
        return this.clients.reply(signer, effect)
      case 'suspect':
        this.suspicions++
        if (!this.#isSigner(signer)) this.recorder.peerSuspicions.push({ by: signer, signer: effect.signer, reason: effect.reason })
        return
      case 'accuse':
        this.recorder.accusations.push({
          by: signer,
          evidence: effect.evidence,
          manifest: this.hosts[signer]?.manifest ?? this.#options.signers.manifest,
        })
        return
      case 'start-over':
        // The rest of the world hears of it once this step is over.
        this.timeline.at(this.timeline.now, () => this.#startOver(signer))
        return
      case 'next-epoch':
        this.timeline.at(this.timeline.now, () => this.#nextEpoch(signer, effect.transactions))
        return
    }
  }

  /** What a signer had executed that the others do not have, and told its clients, was that of a faulty signer (§9). */
  #startOver(signer: number): void {
    this.clients.disown(signer)
    this.recorder.disown(signer)
    this.#outages.startOver(signer)
  }

  #nextEpoch(signer: number, transactions: readonly Transaction[]): void {
    if (this.hosts[signer]?.isUp !== true) return
    this.#outages.nextEpoch(signer)
    for (const transaction of transactions) this.#submit(signer, 0, transaction)
  }

  #send(from: number, to: number, message: Message): void {
    const seat = this.#seatOf(from)
    if (seat >= 0) this.#options.spy?.sent(seat, message)
    this.recorder.sent(from, message, seat)
    const costs = this.costs[from] as Costs
    costs.messages++
    const isCounted = this.#options.countBytes || this.#options.scenario.bandwidth > 0
    const bytes = isCounted ? this.#encode(message).length : 0
    costs.bytes += bytes
    const batchId = batchIdOf(message)
    if (batchId !== undefined && this.#isSigner(from) && this.#isSigner(to)) this.messages.set(batchId, (this.messages.get(batchId) ?? 0) + 1)
    if (!this.#outages.reaches(from, to)) return
    const hops = batchId === undefined ? 0 : (this.#hops[from]?.get(batchId) ?? 0) + 1
    this.#network.send(from, to, { message, hops }, bytes)
  }

  /** A host's index in the manifest of its own epoch. */
  #seatOf(host: number): number {
    return this.seats.seatIn(this.hosts[host]?.manifest ?? this.#options.signers.manifest, host)
  }

  #executed(signer: number, executed: ExecutedBatch): void {
    const { batch } = executed
    this.recorder.executed(signer, this.timeline.now, executed)
    if (batch.initiator === this.#seatOf(signer) && !this.hopsOf.has(batch.id)) this.hopsOf.set(batch.id, this.#hops[signer]?.get(batch.id) ?? 0)
    // A skipped transaction was executed earlier, or is past its expiry: its client has its answer all the same.
    const txIds = batch.transactions.map((transaction) => transactionId(this.#options.signers.manifest.clusterId, transaction))
    for (const txId of txIds) this.#executedTxs[signer]?.add(txId)
    this.clients.executed(signer, txIds)
  }
}
