/** Writes the history of a run while it goes on: what became durable, what was executed, and the digests that go with it. */
import { fromHex, type Id, toHex, utf8 } from '../base/bytes.js'
import { digestOf } from '../base/hash.js'
import type { Order } from '../core/certificate.js'
import type { Evidence } from '../core/evidence.js'
import type { Manifest } from '../core/manifest.js'
import type { Message } from '../core/message.js'
import type { DurableRecord } from '../core/record.js'
import { valueDigest } from '../core/statement.js'
import type { ExecutedBatch } from '../core/steppable.js'
import { type Batch, transactionId } from '../core/transaction.js'
import type { StateMachine } from '../machine/state-machine.js'
import { DurableFirst } from './durable-first.js'
import type { BatchHistory, Execution, SignerHistory } from './history.js'
import type { OwnedRecord } from './joined-evidence.js'
import { MixingMachine } from './mixing-machine.js'
import type { Seats } from './seats.js'

/** The part of a signer's state that execution makes: its machine, and the recorder's own chain of each key. */
class Executed {
  readonly machine: StateMachine = new MixingMachine()
  readonly #chains = new Map<string, Uint8Array>()
  readonly #digest = new Uint8Array(32)

  /** Puts a batch on the chain of each of its keys. */
  append(batchId: Id, keys: readonly string[]): void {
    for (const key of keys) {
      const before = this.#chains.get(key) ?? new Uint8Array(32)
      const after = digestOf(before, fromHex(batchId))
      this.#toggle(key, before)
      this.#toggle(key, after)
      this.#chains.set(key, after)
    }
  }

  get orderDigest(): Id {
    return toHex(this.#digest)
  }

  #toggle(key: string, chain: Uint8Array): void {
    const part = digestOf(utf8(key), chain)
    for (let i = 0; i < 32; i++) this.#digest[i] = (this.#digest[i] ?? 0) ^ (part[i] ?? 0)
  }
}

/** Gathers the history of all signers and peers. */
export class Recorder {
  readonly #n: number
  readonly #clusterId: Id
  /** Signers, and peers from n on. */
  readonly signers: SignerHistory[]
  readonly batches = new Map<Id, BatchHistory>()
  readonly orders: Order[] = []
  /** Every durable record of a signer, for what they prove together. */
  readonly records: OwnedRecord[] = []
  readonly peerSuspicions: { by: number; signer: number; reason: string }[] = []
  readonly accusations: { by: number; evidence: Evidence; manifest: Manifest }[] = []
  /** The manifest of each epoch that a signer came to. */
  readonly manifests = new Map<number, Manifest>()
  readonly #seats: Seats
  readonly #orders = new Set<string>()
  readonly #firsts: DurableFirst[]
  #states: Executed[]

  /** `n`: hosts that are signers at some time. */
  constructor(n: number, peers: number, manifest: Manifest, seats: Seats) {
    this.#n = n
    this.#clusterId = manifest.clusterId
    this.#seats = seats
    this.entered(manifest)
    this.signers = Array.from({ length: n + peers }, (_, signer) => ({
      signer,
      executed: [],
      restarts: [],
      arrivals: [],
      votes: [],
      accepts: [],
      early: [],
      isUp: true,
    }))
    this.#states = this.signers.map(() => new Executed())
    this.#firsts = this.signers.map(() => new DurableFirst(manifest.clusterId))
  }

  /** A signer is in the epoch of this manifest. */
  entered(manifest: Manifest): void {
    if (!this.manifests.has(manifest.epoch)) this.manifests.set(manifest.epoch, manifest)
  }

  /** A record became durable at a signer. */
  durable(signer: number, record: DurableRecord): void {
    const history = this.#of(signer)
    this.#firsts[signer]?.recorded(record)
    if (signer < this.#n) this.records.push({ signer, record })
    switch (record.type) {
      case 'batch':
        this.#see(record.batch)
        history.arrivals.push(record.batch.id)
        return
      case 'vote':
        history.votes.push({ batchId: record.batchId, view: record.view })
        return
      case 'accept': {
        const { batchId, ballot, value } = record.order
        history.accepts.push({ batchId, ballot, valueDigest: valueDigest(this.#clusterId, value) })
        this.#order(record.order)
        return
      }
      case 'order':
        this.#order(record.order)
        return
      case 'promise':
      case 'certificate':
        return
    }
  }

  /** A signer sends a message. `seat`: its index in its epoch. */
  sent(signer: number, message: Message, seat: number): void {
    this.#of(signer).early.push(...(this.#firsts[signer]?.early(message, seat) ?? []))
  }

  /** A signer executed a batch. */
  executed(signer: number, at: number, { batch, heights, certificate, value, skipped }: ExecutedBatch): Execution {
    this.#see(batch)
    const state = this.#states[signer] ?? new Executed()
    state.append(batch.id, batch.keys)
    const applied: Id[] = []
    batch.transactions.forEach((transaction, index) => {
      if (skipped.has(index)) return
      const txId = transactionId(this.#clusterId, transaction)
      state.machine.apply(transaction, { batchId: batch.id, index, heights, txId })
      applied.push(txId)
    })
    const machineDigest = toHex(state.machine.digest())
    const execution = { at, batchId: batch.id, heights, certificate, value, applied, orderDigest: state.orderDigest, machineDigest }
    this.#of(signer).executed.push(execution)
    return execution
  }

  /** A signer came back: its machine starts anew and is fed what the records gave back. */
  restarted(signer: number, at: number, restored: readonly ExecutedBatch[]): void {
    const history = this.#of(signer)
    const before = history.executed.map(({ batchId }) => batchId)
    history.restarts.push({ before, restored: restored.map(({ batch }) => batch.id) })
    const earlier = history.executed
    history.executed = []
    this.#states[signer] = new Executed()
    for (const executed of restored) this.executed(signer, at, executed)
    // What was executed before the crash was seen then.
    history.executed = history.executed.map((execution, i) => ({
      ...execution,
      at: earlier[i]?.batchId === execution.batchId ? earlier[i].at : execution.at,
    }))
  }

  /** What a signer has executed so far does not count: it starts over. */
  disown(signer: number): void {
    this.#of(signer).executed = []
  }

  #see(batch: Batch): void {
    if (this.batches.has(batch.id)) return
    const transactions = batch.transactions.map((transaction) => transactionId(this.#clusterId, transaction))
    const manifest = this.manifests.get(batch.epoch)
    const initiator = manifest ? this.#seats.hostOf(manifest, batch.initiator) : -1
    this.batches.set(batch.id, { epoch: batch.epoch, keys: batch.keys, initiator, transactions })
  }

  #order(order: Order): void {
    const name = `${order.batchId}/${order.ballot}/${valueDigest(this.#clusterId, order.value)}`
    if (this.#orders.has(name)) return
    this.#orders.add(name)
    this.orders.push(order)
  }

  #of(signer: number): SignerHistory {
    return this.signers[signer] as SignerHistory
  }
}
