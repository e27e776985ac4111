/** A learner: from nothing, from its records, fed by liars, and with confirmation: what it executes is what the signers did, or nothing. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Learner } from '../../src/lib/core/learner.js'
import type { Message, MessageOf } from '../../src/lib/core/message.js'
import type { DurableRecord } from '../../src/lib/core/record.js'
import type { Rules } from '../../src/lib/core/rules.js'
import { FAKE, SmallCluster } from './small-cluster.js'

const N = 4
/** The number of the learner's link at signers. */
const PEER = N

/** A learner beside a small cluster, in its time. `bend` changes what a signer tells it; undefined: nothing arrives. */
class Beside {
  readonly executed: string[] = []
  readonly records: DurableRecord[] = []
  readonly suspected: { signer: number; reason: string }[] = []
  readonly learner: Learner
  #read = 0

  constructor(
    readonly cluster: SmallCluster,
    readonly bend: (from: number, message: Message) => Message | undefined = (_, message) => message,
    { confirm = 0, rules = {}, earlier = [] }: { confirm?: number; rules?: Partial<Rules>; earlier?: DurableRecord[] } = {},
  ) {
    this.#read = cluster.sent.length
    this.learner = new Learner({ manifest: cluster.manifest, crypto: FAKE, confirm, rules })
    for (const { batch } of this.learner.restore(earlier)) this.executed.push(batch.id)
    this.#step({ type: 'start', now: cluster.now })
    for (let signer = 0; signer < N; signer++) this.#step({ type: 'connected', now: cluster.now, signer })
  }

  #step(event: Parameters<Learner['step']>[0]): void {
    for (const effect of this.learner.step(event)) {
      if (effect.type === 'persist') this.records.push(effect.record)
      if (effect.type === 'execute') this.executed.push(effect.executed.batch.id)
      if (effect.type === 'suspect') this.suspected.push(effect)
      if (effect.type === 'send') this.cluster.inject(PEER, effect.to, effect.message)
    }
  }

  /** Lets `ms` pass, with what signers send to the learner. */
  run(ms: number): void {
    for (const end = this.cluster.now + ms; this.cluster.now < end; ) {
      this.cluster.run(5)
      for (; this.#read < this.cluster.sent.length; this.#read++) {
        const sent = this.cluster.sent[this.#read]
        const message = sent?.to === PEER ? this.bend(sent.from, sent.message) : undefined
        if (sent && message) this.#step({ type: 'message', now: this.cluster.now, from: sent.from, message })
      }
      if ((this.learner.wakeAt ?? Number.POSITIVE_INFINITY) <= this.cluster.now) this.#step({ type: 'tick', now: this.cluster.now })
    }
  }
}

function withBatches(count: number): { cluster: SmallCluster; ids: string[] } {
  const cluster = new SmallCluster({ n: N })
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    const { id } = cluster.propose(i % N, ['k'])
    assert.ok(cluster.settle(id))
    ids.push(id)
  }
  return { cluster, ids }
}

/** A certificate for which nobody signed: its signature is that of something else. */
function forged(message: Message): Message {
  if (message.type !== 'have' || !message.certificate) return message
  const signature = new Uint8Array(96).fill(7)
  const { certificate } = message
  return {
    ...message,
    certificate: certificate.type === 'fast' ? { ...certificate, votes: { ...certificate.votes, signature } } : { ...certificate, signature },
  }
}

test('from nothing, then as it comes: every batch, in the order of the signers', () => {
  const { cluster, ids } = withBatches(5)
  const beside = new Beside(cluster)
  beside.run(3000)
  assert.equal(beside.executed, ids)
  const next = cluster.propose(1, ['k']).id
  beside.run(200)
  // Nothing had to be asked for: the signers tell who compared logs with them.
  assert.equal(beside.executed, [...ids, next])
  assert.is(beside.learner.journal.logs.orderDigest, cluster.signers[0]?.journal.logs.orderDigest)
  assert.is(beside.suspected.length, 0)
})

test('from its records: what it had is there at once, the rest comes', () => {
  const { cluster, ids } = withBatches(3)
  const before = new Beside(cluster)
  before.run(3000)
  assert.equal(before.executed, ids)
  const next = cluster.propose(2, ['k']).id
  assert.ok(cluster.settle(next))
  const after = new Beside(cluster, undefined, { earlier: before.records })
  assert.equal(after.executed, ids)
  after.run(3000)
  assert.equal(after.executed, [...ids, next])
})

test('forged certificates, of one signer and of all but one: not executed, the others are asked; without the check they would be', () => {
  const lying = (liars: number[]) => (from: number, message: Message) => (liars.includes(from) ? forged(message) : message)
  for (const liars of [[0], [0, 1, 3]]) {
    const { cluster, ids } = withBatches(4)
    const beside = new Beside(cluster, lying(liars))
    beside.run(8000)
    assert.equal(beside.executed, ids)
    assert.ok(beside.suspected.length > 0)
    assert.ok(beside.suspected.every(({ signer }) => liars.includes(signer)))
  }
  const { cluster } = withBatches(2)
  const strict = new Beside(cluster, lying([0, 1, 2, 3]))
  strict.run(4000)
  assert.equal(strict.executed, [])
  const credulous = new Beside(cluster, lying([0, 1, 2, 3]), { rules: { learnerVerifies: false } })
  credulous.run(4000)
  assert.is(credulous.executed.length, 2)
})

test('pages with gaps, of batches that nobody has, with one batch again and again; a silent signer; a foreign batch under a certificate', () => {
  const { cluster, ids } = withBatches(6)
  const { cluster: other } = withBatches(1)
  const foreign = other.recordsOf(0, 'batch')[0]?.batch
  assert.ok(foreign)
  const page = (message: Message, change: (page: MessageOf<'page'>) => MessageOf<'page'>) => (message.type === 'page' ? change(message) : message)
  const lies: ((message: Message) => Message | undefined)[] = [
    (message) => page(message, (one) => ({ ...one, ids: one.ids.filter((_, i) => i % 2 === 1) })),
    (message) => page(message, (one) => ({ ...one, ids: one.ids.map((_, i) => `${i}${i}`.padStart(64, 'a')), executed: 2 ** 40 })),
    (message) => page(message, (one) => ({ ...one, ids: Array.from({ length: 500 }, () => one.ids[0] ?? ''), executed: 2 ** 40 })),
    () => undefined,
    (message) => (message.type === 'have' ? { ...message, batch: foreign } : message),
  ]
  for (const lie of lies) {
    const beside = new Beside(cluster, (from, message) => (from === 2 ? message : lie(message)))
    beside.run(20_000)
    assert.equal(beside.executed, ids, `lie ${lies.indexOf(lie)}`)
    assert.ok(beside.suspected.every(({ signer }) => signer !== 2))
  }
})

test('confirmed by k signers, and not before: those that report another log do not count', () => {
  const { cluster, ids } = withBatches(3)
  const other = (message: Message): Message =>
    message.type === 'heads'
      ? { ...message, heads: new Map([...message.heads].map(([key, { height }]) => [key, { height, head: 'ab'.repeat(32) }])) }
      : message
  const enough = new Beside(cluster, (from, message) => (from === 3 ? other(message) : message), { confirm: 3 })
  enough.run(4000)
  assert.equal(enough.executed, ids)
  const tooFew = new Beside(cluster, (from, message) => (from === 3 ? other(message) : message), { confirm: 4 })
  tooFew.run(4000)
  assert.equal(tooFew.executed, [])
  assert.equal(tooFew.learner.journal.logs.executed, ids)
  const restored = new Beside(cluster, undefined, { confirm: 3, earlier: enough.records })
  assert.equal(restored.executed, ids)
})

test('more signers than may lie contradict: the log is derived anew, and nothing is handed on twice', () => {
  const { cluster, ids } = withBatches(3)
  let lying = true
  const other = (message: Message): Message =>
    lying && message.type === 'heads'
      ? { ...message, heads: new Map([...message.heads].map(([key, { height }]) => [key, { height, head: 'cd'.repeat(32) }])) }
      : message
  const beside = new Beside(cluster, (_, message) => other(message), { confirm: 2 })
  beside.run(2000)
  assert.ok(beside.records.some(({ type }) => type === 'forget'))
  assert.equal(beside.executed, [])
  lying = false
  beside.run(20_000)
  assert.equal(beside.executed, ids)
  assert.equal(new Beside(cluster, undefined, { confirm: 2, earlier: beside.records }).executed, ids)
})

test('signers take nothing else from a peer: no vote, no time-out, no proposal; and do not count it', () => {
  const { cluster, ids } = withBatches(1)
  const batch = cluster.recordsOf(0, 'batch')[0]?.batch
  assert.ok(batch)
  cluster.forget()
  for (let to = 0; to < N; to++) {
    cluster.inject(PEER, to, { type: 'timeout', batchId: ids[0] ?? '', ballot: 1, signature: new Uint8Array(96) })
    cluster.inject(PEER, to, { type: 'vote', batchId: ids[0] ?? '', votes: null, postponed: new Uint8Array([1]) })
    cluster.inject(PEER, to, { type: 'finals', items: [{ batchId: ids[0] ?? '', valueDigest: ids[0] ?? '' }] })
    cluster.inject(PEER, to, { type: 'have', batch, certificate: null })
  }
  cluster.run(1000)
  assert.is(cluster.sent.filter(({ to }) => to === PEER).length, 0)
  assert.is(cluster.suspicions.length, 0)
  assert.ok(cluster.settle(cluster.propose(0, ['k']).id))
})

test.run()
