/**
 * A few real signers in memory, in virtual time, for tests that look at every message: constant delays unless the test says otherwise, everything that
 * was sent, recorded and executed kept in order. Messages and records pass through their encodings. Signatures are the insecure fast ones unless
 * given. For random runs with faults there is the simulator; this is for telling one story at a time.
 */
import { utf8 } from '../../src/lib/base/bytes.js'
import type { Crypto } from '../../src/lib/bls/backend.js'
import { fake, fakeEd25519 } from '../../src/lib/bls/fake.js'
import type { Manifest } from '../../src/lib/core/manifest.js'
import { decodeMessage, encodeMessage, type Message, type MessageOf, messageCodec } from '../../src/lib/core/message.js'
import { type Pruned, Pruning, portionsOf } from '../../src/lib/core/pruning.js'
import { type DurableRecord, decodeRecord, encodeRecord, recordCodec } from '../../src/lib/core/record.js'
import type { Rules } from '../../src/lib/core/rules.js'
import { Signer } from '../../src/lib/core/signer.js'
import type { Effect, Event, ExecutedBatch } from '../../src/lib/core/steppable.js'
import { type Transaction, transactionId } from '../../src/lib/core/transaction.js'
import { type Tree, treeOf } from '../../src/lib/core/tree.js'
import { type SecretKeys, type SignersOptions, signersOf } from '../../src/lib/simulator/signers.js'

export const FAKE: Crypto = { bls: fake, ed25519: fakeEd25519 }

/** One message on its way: sent at, over, and whether it was lost. */
export interface Sent {
  at: number
  from: number
  to: number
  message: Message
}

/** Something that a signer did, with the place in the order of everything. */
export interface Done {
  step: number
  at: number
  signer: number
  effect: Effect
}

export interface SmallClusterOptions extends Partial<SignersOptions> {
  n: number
  crypto?: Crypto
  check?: (transaction: Transaction) => string | undefined
  /** Rules that the signers break. */
  rules?: Partial<Rules>
  /** Executed batches between two snapshots, behind which a signer prunes; 0: never. */
  snapshotEvery?: (signer: number) => number
  /** Milliseconds that a message takes; undefined: it is lost. Messages of one link stay in order. */
  delay?: (sent: Sent) => number | undefined
}

/** How long a message takes where nothing else is said. */
export const HOP_MS = 10

export class SmallCluster {
  readonly manifest: Manifest
  readonly keys: SecretKeys[]
  readonly signers: (Signer | undefined)[] = []
  readonly records: DurableRecord[][]
  /** What took the place of a signer's first records; `past` is the whole of it. */
  readonly bases: (Pruned | undefined)[] = []
  readonly #prunings: Pruning[] = []
  readonly #taken: number[] = []
  readonly executed: ExecutedBatch[][]
  readonly sent: Sent[] = []
  readonly done: Done[] = []
  now = 0
  delay: (sent: Sent) => number | undefined
  readonly #options: SmallClusterOptions
  readonly #codec
  readonly #recordCodec
  #queue: { at: number; number: number; to: number; event: (now: number) => Event }[] = []
  #number = 0
  #step = 0
  readonly #lastArrival = new Map<string, number>()
  /** Links that are cut, each by its two ends. */
  readonly #cut = new Set<string>()

  constructor(options: SmallClusterOptions) {
    const { n, tolerance = '1/2', deltaMs = 0, fanout = 2, regions = [], timing = {}, crypto = FAKE } = options
    this.#options = options
    const { manifest, keys } = signersOf(crypto, { n, tolerance, deltaMs, fanout, regions, timing })
    this.manifest = manifest
    this.keys = keys
    this.delay = options.delay ?? (() => HOP_MS)
    this.#codec = messageCodec(manifest.clusterId)
    this.#recordCodec = recordCodec(manifest.clusterId)
    this.records = Array.from({ length: n }, () => [])
    this.executed = Array.from({ length: n }, () => [])
    for (let i = 0; i < n; i++) this.#boot(i)
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) if (i !== j) this.#happen(i, { type: 'connected', now: 0, signer: j })
    this.run(5 * HOP_MS)
    this.forget()
  }

  /** Forgets what was sent and done so far. */
  forget(): void {
    this.sent.length = 0
    this.done.length = 0
  }

  #boot(self: number): void {
    const { crypto = FAKE, check = () => undefined, rules = {} } = this.#options
    const { bls, link } = this.keys[self] as SecretKeys
    const signer = new Signer({ self, manifest: this.manifest, crypto, blsSecretKey: bls, linkSecretKey: link, check, rules })
    this.signers[self] = signer
    const base = this.bases[self]
    if (base) signer.restoreSnapshot(base.past, base.journal)
    this.#prunings[self] = new Pruning(signer, this.manifest.clusterId, this.#options.snapshotEvery?.(self) ?? 0, () => new Uint8Array())
    this.#taken[self] = base?.records ?? 0
    const records = (this.records[self] ?? [])
      .slice(base?.records ?? 0)
      .map((one) => decodeRecord(this.#recordCodec, encodeRecord(this.#recordCodec, one)))
    // All at once where nothing is pruned: with a rule taken out a signer reads them in an order of its own.
    for (const some of this.#options.snapshotEvery ? portionsOf(records) : [records]) {
      if (signer.restore(some).length > 0) this.#prunings[self]?.applied(signer.journal.logs.executed.length)
      this.#take(self, some.length)
    }
    this.#happen(self, { type: 'start', now: this.now })
  }

  /** A signer has taken in records: those behind a ripe snapshot go. */
  #take(self: number, records: number): void {
    this.#taken[self] = (this.#taken[self] ?? 0) + records
    const pruned = this.#prunings[self]?.taken(this.#taken[self])
    if (pruned) this.bases[self] = { ...pruned, past: [...(this.bases[self]?.past ?? []), ...pruned.past] }
  }

  /** The signer stops on the spot; what it has sent still arrives. */
  crash(signer: number): void {
    this.signers[signer] = undefined
    this.#queue = this.#queue.filter(({ to }) => to !== signer)
    for (const other of this.signers.keys()) if (this.signers[other]) this.#happen(other, { type: 'disconnected', now: this.now, signer })
  }

  /** The signer starts again from its records. */
  restart(signer: number): void {
    this.#boot(signer)
    for (const other of this.signers.keys()) {
      if (other === signer || !this.signers[other]) continue
      this.#happen(other, { type: 'connected', now: this.now, signer })
      this.#happen(signer, { type: 'connected', now: this.now, signer: other })
    }
  }

  /** The link between two signers is gone: both hear of it, and nothing passes until it is joined again. */
  cut(a: number, b: number): void {
    this.#cut.add(linkOf(a, b))
    this.#happen(a, { type: 'disconnected', now: this.now, signer: b })
    this.#happen(b, { type: 'disconnected', now: this.now, signer: a })
  }

  /** The link between two signers is there again. */
  join(a: number, b: number): void {
    this.#cut.delete(linkOf(a, b))
    this.#happen(a, { type: 'connected', now: this.now, signer: b })
    this.#happen(b, { type: 'connected', now: this.now, signer: a })
  }

  /** A transaction made of text: its keys, its payload, and a nonce that makes it unlike others. */
  transaction(deps: readonly string[], payload = '', more: Partial<Transaction> = {}): Transaction {
    const nonce = utf8(`${++this.#number}`)
    return { deps: [...deps].sort(), payload: utf8(payload), client: null, nonce, expiry: null, signature: null, ...more }
  }

  /** Hands a transaction to a signer; returns its id. `time` is in seconds since 1970. */
  submit(signer: number, transaction: Transaction, time = 1_700_000_000): string {
    this.#happen(signer, { type: 'submit', now: this.now, requestId: ++this.#number, transaction, time })
    return transactionId(this.manifest.clusterId, transaction)
  }

  /** Submits a transaction and returns the batch that comes of it: at once from an idle signer, else after it has waited for company. */
  propose(signer: number, deps: readonly string[], payload = ''): { id: string; tree: Tree } {
    const own = () => this.recordsOf(signer, 'batch').filter(({ batch }) => batch.initiator === signer)
    const before = own().length
    this.submit(signer, this.transaction(deps, payload))
    this.runUntil(() => own().length > before, 10 * HOP_MS)
    const made = own()[before]
    if (!made) throw new Error('no batch was made')
    return { id: made.batch.id, tree: treeOf(made.batch.id, signer, this.manifest) }
  }

  /** Gives a signer a message as if it came from another. */
  inject(from: number, to: number, message: Message): void {
    this.#happen(to, { type: 'message', now: this.now, from, message })
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    this.runUntil(() => false, ms)
  }

  /** Lets time pass until something holds, or `limitMs` have passed. Returns whether it holds. */
  runUntil(holds: () => boolean, limitMs = 60_000): boolean {
    const end = this.now + limitMs
    for (;;) {
      if (holds()) return true
      const wakes = this.signers.map((signer) => signer?.wakeAt ?? Number.POSITIVE_INFINITY)
      const wake = Math.min(...wakes)
      const head = this.#queue[0]
      const at = Math.max(this.now, Math.min(wake, head?.at ?? Number.POSITIVE_INFINITY))
      if (at > end) break
      this.now = at
      if (head && head.at <= wake) {
        this.#queue.shift()
        if (this.signers[head.to]) this.#happen(head.to, head.event(at))
      } else this.#happen(wakes.indexOf(wake), { type: 'tick', now: at })
    }
    this.now = end
    return holds()
  }

  /** Runs until all running signers have executed these batches. */
  settle(...batchIds: string[]): boolean {
    return this.runUntil(() => this.signers.every((signer) => !signer || batchIds.every((batchId) => signer.journal.isExecuted(batchId))))
  }

  #happen(signer: number, event: Event): void {
    const effects = this.signers[signer]?.step(event) ?? []
    this.#take(signer, effects.filter(({ type }) => type === 'persist').length)
    for (const effect of effects) this.#carryOut(signer, effect)
  }

  #carryOut(signer: number, effect: Effect): void {
    this.done.push({ step: this.#step++, at: this.now, signer, effect })
    if (effect.type === 'persist') this.records[signer]?.push(effect.record)
    if (effect.type === 'start-over') {
      this.crash(signer)
      this.executed[signer] = (this.executed[signer] ?? []).slice(0, this.bases[signer]?.past.length ?? 0)
      this.restart(signer)
    }
    if (effect.type === 'execute') {
      this.executed[signer]?.push(effect.executed)
      this.#prunings[signer]?.applied(this.executed[signer]?.length ?? 0)
    }
    if (effect.type !== 'send') return
    const { to, message } = effect
    const sent = { at: this.now, from: signer, to, message }
    this.sent.push(sent)
    const delay = this.signers[to] && !this.#cut.has(linkOf(signer, to)) ? this.delay(sent) : undefined
    if (delay === undefined) return
    const link = `${signer}>${to}`
    const at = Math.max(this.now + delay, this.#lastArrival.get(link) ?? 0)
    this.#lastArrival.set(link, at)
    const frame = encodeMessage(this.#codec, message)
    const event = (now: number): Event => ({ type: 'message', now, from: signer, message: decodeMessage(this.#codec, frame) })
    const number = ++this.#number
    const place = this.#queue.findIndex((other) => other.at > at)
    this.#queue.splice(place < 0 ? this.#queue.length : place, 0, { at, number, to, event })
  }

  /** What was sent of one type, in order. */
  sentOf<T extends Message['type']>(type: T, batchId?: string): (Sent & { message: MessageOf<T> })[] {
    const isOf = (sent: Sent): sent is Sent & { message: MessageOf<T> } => sent.message.type === type
    return this.sent.filter(isOf).filter(({ message }) => batchId === undefined || batchOf(message) === batchId)
  }

  /** What a signer recorded of one type, in order. */
  recordsOf<T extends DurableRecord['type']>(signer: number, type: T): Extract<DurableRecord, { type: T }>[] {
    const isOf = (record: DurableRecord): record is Extract<DurableRecord, { type: T }> => record.type === type
    return (this.records[signer] ?? []).filter(isOf)
  }

  /** Executed batches of a signer, in its order. */
  orderAt(signer: number): string[] {
    return (this.executed[signer] ?? []).map(({ batch }) => batch.id)
  }

  /** What signers were suspected of. */
  get suspicions(): { signer: number; reason: string }[] {
    return this.done.flatMap(({ effect }) => (effect.type === 'suspect' ? [{ signer: effect.signer, reason: effect.reason }] : []))
  }
}

function linkOf(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`
}

/** The batch that a message speaks of. */
export function batchOf(message: Message): string | undefined {
  if ('batchId' in message) return message.batchId
  if (message.type === 'propose' || message.type === 'have') return message.batch.id
  if (message.type === 'certificate') return message.certificate.batchId
  return message.type === 'order' ? message.order.batchId : undefined
}

/** Delays under which signer `to` gets the PROPOSE of batch b at `arrival(to, b)`, whoever sends it, and everything else takes one hop. */
export function arrivals(arrival: (to: number, batchId: string) => number | undefined): (sent: Sent) => number {
  return ({ at, to, message }) => {
    const wanted = message.type === 'propose' ? arrival(to, message.batch.id) : undefined
    return wanted === undefined ? HOP_MS : Math.max(0, wanted - at)
  }
}
