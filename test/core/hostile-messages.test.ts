/**
 * Random and mutated messages against real signers in the middle of their work: everything that comes off the wire in the right form, from
 * anyone. A signer does not throw, answers with a bounded number of effects that can be encoded, forgets nothing, and what honest
 * signers agree on stays agreed.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { toHex } from '../../src/lib/base/bytes.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { type Backing, type Order, signOrder } from '../../src/lib/core/certificate.js'
import { decodeMessage, encodeMessage, type Message, messageCodec } from '../../src/lib/core/message.js'
import { decodeRecord, encodeRecord, recordCodec } from '../../src/lib/core/record.js'
import { acceptDigest, prepareDigest, promiseDigest, timeoutDigest, valueDigest, voteDigest } from '../../src/lib/core/statement.js'
import { makeBatch } from '../../src/lib/core/transaction.js'
import { FAKE, SmallCluster } from './small-cluster.js'

const seed = Number(process.env.MUSIG_TEST_SEED ?? Date.now() & 0x7fffffff)
console.log(`hostile messages: seed ${seed}`)

/** More than one message may ever set off, at n = 7. */
const MOST_EFFECTS = 3000
const NUMBERS = [0, 1, 2, 3, 6, 7, 8, 255, 1024, 4095, 4096, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER]

type Fields = Record<string, unknown>

/** Changes messages a little, with parts of others and of its own. */
class Mutator {
  readonly random: SeededRandom
  readonly ids: string[] = []
  /** Parts seen so far, by the name of the field that they stood in. */
  readonly #parts = new Map<string, unknown[]>()

  constructor(random: SeededRandom) {
    this.random = random
  }

  /** Remembers the parts of a message. */
  learn(value: unknown, name = ''): void {
    const known = this.#parts.get(name) ?? []
    this.#parts.set(name, known)
    if (known.length < 64) known.push(value)
    else known[this.random.upTo(63)] = value
    if (Array.isArray(value)) for (const item of value) this.learn(item, `${name}[]`)
    else if (isFields(value) && name !== 'batch') for (const [field, part] of Object.entries(value)) this.learn(part, field)
  }

  /** A copy of a message with some of its parts changed. */
  mutated(message: Message): Message {
    let changed: unknown = message
    for (let left = 1 + this.random.upTo(2); left > 0; left--) changed = this.#inside(changed, '')
    return changed as Message
  }

  #inside(value: unknown, name: string): unknown {
    if (name !== '' && this.random.upTo(3) === 0) return this.#part(value, name)
    if (isFields(value) && name !== 'batch') {
      const fields = Object.keys(value).filter((field) => field !== 'type')
      if (fields.length === 0) return value
      const field = this.random.pick(fields)
      return { ...value, [field]: this.#inside((value as Fields)[field], field) }
    }
    if (Array.isArray(value) && value.length > 0 && this.random.upTo(1) === 0) {
      const at = this.random.upTo(value.length - 1)
      return value.map((item: unknown, i) => (i === at ? this.#inside(item, `${name}[]`) : item))
    }
    return this.#part(value, name)
  }

  #part(value: unknown, name: string): unknown {
    const others = this.#parts.get(name) ?? []
    if (others.length > 0 && this.random.upTo(1) === 0) return this.random.pick(others)
    if (typeof value === 'number') return this.random.upTo(1) ? this.random.pick(NUMBERS) : value + 1
    if (typeof value === 'string') return /^[0-9a-f]{64}$/.test(value) ? this.#id() : value
    if (value instanceof Uint8Array) return this.#bytes(value)
    if (Array.isArray(value)) return this.#list(value)
    if (value instanceof Map) return this.#map(value)
    return value === null ? this.random.pick([null, ...others]) : value
  }

  #id(): string {
    return this.ids.length > 0 && this.random.upTo(3) > 0 ? this.random.pick(this.ids) : toHex(this.random.bytes(32))
  }

  #bytes(value: Uint8Array): Uint8Array {
    const changed = value.slice()
    const at = this.random.upTo(Math.max(0, value.length - 1))
    changed[at] = (changed[at] ?? 0) ^ (1 << this.random.upTo(7))
    const infinity = Uint8Array.from(value, (_, i) => (i === 0 ? 0xc0 : 0))
    const all = Uint8Array.from(value, () => 255)
    return this.random.pick([changed, changed, value.slice(1), Uint8Array.of(...value, 1), infinity, all, new Uint8Array(value.length)])
  }

  #list(value: unknown[]): unknown[] {
    const doubled = [...value, ...value]
    const mixed = [...value].sort(() => this.random.fraction() - 0.5)
    const ids = Array.from({ length: this.random.upTo(20) }, () => this.#id()).sort()
    return this.random.pick([[], value.slice(1), doubled, mixed, ids])
  }

  #map(value: Map<unknown, unknown>): Map<unknown, unknown> {
    const changed = new Map(value)
    const key = this.random.pick(['a', 'b', 'c', 'no such key', ...value.keys()])
    const number = this.random.pick(NUMBERS)
    changed.set(key, typeof [...value.values()][0] === 'object' ? 1 : number)
    return this.random.pick([changed, new Map([[key, number]]), new Map()])
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map) && !(value instanceof Uint8Array)
}

/** Signs again what a liar changed, where it is the liar's to sign. */
function resigned(cluster: SmallCluster, liar: number, message: Message): Message {
  const { manifest } = cluster
  const { bls, link } = cluster.keys[liar] ?? { bls: new Uint8Array(32), link: new Uint8Array(32) }
  const sign = (digest: Uint8Array): Uint8Array => FAKE.bls.sign(bls, digest)
  const signers = bitmapOf(manifest.n, [liar])
  switch (message.type) {
    case 'propose':
    case 'have': {
      const batch = makeBatch(FAKE.ed25519, manifest.clusterId, link, { ...message.batch, initiator: liar })
      return message.type === 'propose' ? { ...message, batch } : { ...message, batch, certificate: null }
    }
    case 'vote': {
      const view = message.votes?.entries[0]?.view
      if (!view) return message
      return { ...message, votes: { entries: [{ view, signers }], signature: sign(voteDigest(manifest, message.batchId, view)) } }
    }
    case 'accept': {
      if (!message.accepts) return message
      const digest = acceptDigest(manifest, message.batchId, message.accepts.ballot, message.accepts.valueDigest)
      return { ...message, accepts: { ...message.accepts, signers, signature: sign(digest) } }
    }
    case 'timeout':
      return { ...message, signature: sign(timeoutDigest(manifest, message.batchId, message.ballot)) }
    case 'prepare':
      return { ...message, signature: FAKE.ed25519.sign(link, prepareDigest(manifest, message.batchId, message.ballot)) }
    case 'order':
      return { ...message, order: signOrder(FAKE, manifest, link, message.order) }
    case 'promise': {
      const vote = voteDigest(manifest, message.batchId, message.promise.view)
      const { value } = message.promise
      const accepted = value && { ballot: message.promise.accepted?.ballot ?? 0, valueDigest: valueDigest(manifest.clusterId, value) }
      const promise = { ...message.promise, accepted, voteDigest: toHex(vote), voteSignature: sign(vote) }
      return { ...message, promise: { ...promise, signature: sign(promiseDigest(manifest, message.batchId, message.ballot, promise)) } }
    }
    default:
      return message
  }
}

/** A cluster at work: batches on few keys through several signers, messages of very different speed, one signer away for a while. */
class Work {
  readonly cluster: SmallCluster
  readonly random: SeededRandom
  readonly mutator: Mutator
  readonly batches: string[] = []
  readonly #codec
  #learnt = 0

  constructor(n: number) {
    this.random = new SeededRandom(`${seed}/${n}`)
    this.mutator = new Mutator(this.random)
    const timing = { recoveryTimeoutMs: 300, hopTimeoutMs: 60, syncIntervalMs: 400, sequenceWaitMs: 50 }
    const delay = () => (this.random.upTo(9) === 0 ? undefined : 1 + this.random.upTo(this.random.upTo(3) === 0 ? 120 : 15))
    this.cluster = new SmallCluster({ n, timing, delay })
    this.#codec = messageCodec(this.cluster.manifest.clusterId)
  }

  submit(signer: number): void {
    const keys = ['a', 'b', 'c'].filter(() => this.random.upTo(1) === 0)
    this.cluster.submit(signer, this.cluster.transaction(keys))
  }

  /** Remembers what was sent lately, and checks that all of it can be read. */
  learn(): void {
    for (const { effect } of this.cluster.done.splice(0)) {
      if (effect.type === 'send') decodeMessage(this.#codec, encodeMessage(this.#codec, effect.message))
    }
    for (const { message } of this.cluster.sent.slice(this.#learnt)) this.mutator.learn(message)
    this.#learnt = this.cluster.sent.length
    const ids = this.cluster.records.flatMap((records) => records.flatMap((record) => (record.type === 'batch' ? [record.batch.id] : [])))
    this.mutator.ids.splice(0, Number.POSITIVE_INFINITY, ...new Set(ids))
  }

  /** One message that nobody honest has sent, as far as it can be put on the wire. */
  #hostile(liar: number): Message | undefined {
    if (this.cluster.sent.length === 0) return undefined
    const original = this.random.pick(this.cluster.sent).message
    const mutated = this.mutator.mutated(original)
    try {
      const message = this.random.upTo(2) === 0 ? mutated : resigned(this.cluster, liar, mutated)
      return decodeMessage(this.#codec, encodeMessage(this.#codec, message))
    } catch {
      return undefined
    }
  }

  /** Gives one signer a hostile message; returns whether there was one. */
  attack(liar: number, isOnlyLiar: boolean): boolean {
    const message = this.#hostile(liar)
    if (!message) return false
    const { n } = this.cluster.manifest
    const to = this.random.upTo(n - 1)
    const from = isOnlyLiar ? liar : this.random.upTo(n - 1)
    if (to === from) return false
    const before = this.cluster.done.length
    try {
      this.cluster.inject(from, to, message)
    } catch (error) {
      console.log(`${from} → ${to}`, JSON.stringify(message, (_, part) => (part instanceof Uint8Array ? toHex(part) : part)).slice(0, 2000))
      throw error
    }
    assert.ok(this.cluster.done.length - before < MOST_EFFECTS, `${this.cluster.done.length - before} effects of one ${message.type}`)
    return true
  }
}

/** What no message may change: one vote for a batch, one accept and one own order for a ballot, records that bring back the same signer. */
function checkJournals({ cluster }: Work): void {
  const codec = recordCodec(cluster.manifest.clusterId)
  cluster.records.forEach((records, signer) => {
    const said = new Set<string>()
    for (const record of records) {
      decodeRecord(codec, encodeRecord(codec, record))
      const name =
        record.type === 'vote' || record.type === 'promise'
          ? `${record.type} ${record.batchId} ${'ballot' in record ? record.ballot : ''}`
          : record.type === 'accept' || record.type === 'order'
            ? `${record.type} ${record.order.batchId} ${record.order.ballot}`
            : record.type === 'batch'
              ? `batch ${record.batch.id}`
              : 'certificate' in record
                ? `certificate ${record.certificate.batchId}`
                : record.type
      assert.not.ok(said.has(name), `signer ${signer} recorded “${name}” twice`)
      said.add(name)
    }
    const before = cluster.signers[signer]?.journal
    const order = cluster.orderAt(signer)
    assert.equal(new Set(order).size, order.length)
    assert.equal(before?.logs.executed, order)
  })
  const logs = cluster.signers.map((signer) => signer?.journal.logs)
  for (const key of ['a', 'b', 'c']) {
    const longest = logs.reduce((best, log) => ((log?.heightOf(key) ?? 0) > (best?.heightOf(key) ?? 0) ? log : best))
    for (const log of logs)
      for (let height = 1; height <= (log?.heightOf(key) ?? 0); height++) assert.is(log?.batchAt(key, height), longest?.batchAt(key, height))
  }
}

function run(n: number, isOnlyLiar: boolean): number {
  const work = new Work(n)
  const { cluster, random } = work
  let attacks = 0
  for (let turn = 0; turn < 24; turn++) {
    for (let i = random.upTo(2); i > 0; i--) work.submit(random.upTo(n - 1))
    cluster.run(random.upTo(40))
    work.learn()
    for (let i = 0; i < 25; i++) if (work.attack(n - 1, isOnlyLiar)) attacks++
    work.learn()
    if (turn === 12) {
      cluster.crash(1)
      cluster.run(100)
      cluster.restart(1)
    }
  }
  cluster.delay = () => 5
  cluster.run(3000)
  work.learn()
  checkJournals(work)
  return attacks
}

test('a promise with backings as deep as a promise may carry them: the order that follows can still be encoded', () => {
  const cluster = new SmallCluster({ n: 7, timing: { recoveryTimeoutMs: 200 } })
  cluster.delay = ({ message }) => (message.type === 'vote' || message.type === 'order' ? undefined : 10)
  const { id } = cluster.propose(0, ['k'])
  cluster.runUntil(() => cluster.sentOf('promise', id).length >= 5, 3000)
  const [sent] = cluster.sentOf('promise', id)
  if (!sent) throw new Error('no promise was sent')
  const signature = new Uint8Array(96)
  const orderOver = (backings: Backing[]): Order => ({
    epoch: 0,
    batchId: id,
    ballot: 1,
    value: { base: new Map(), predecessors: [], tallies: null },
    proof: { type: 'promises', promises: { votes: { entries: [], signature }, statements: [], signature, values: [], backings, certificate: null } },
    signature: new Uint8Array(64),
  })
  const backings: Backing[] = [{ type: 'order', order: orderOver([{ type: 'order', order: orderOver([]) }]) }]
  const codec = messageCodec(cluster.manifest.clusterId)
  const lie: Message = { ...sent.message, promise: { ...sent.message.promise, backings } }
  cluster.inject(sent.from, sent.to, decodeMessage(codec, encodeMessage(codec, lie)))
  cluster.run(1000)
  assert.ok(cluster.recordsOf(sent.to, 'order').length > 0)
  for (const { message } of cluster.sent) encodeMessage(codec, message)
  for (const record of cluster.records[sent.to] ?? []) encodeRecord(recordCodec(cluster.manifest.clusterId), record)
})

for (const n of [5, 7])
  for (const isOnlyLiar of [true, false]) {
    test(`n = ${n}, hundreds of mutated messages ${isOnlyLiar ? 'of one liar' : 'in everyone’s name'}: nothing throws, nothing is forgotten or contradicted`, () => {
      const attacks = run(n, isOnlyLiar)
      assert.ok(attacks > 200, `${attacks} messages`)
    })
  }

test.run()
