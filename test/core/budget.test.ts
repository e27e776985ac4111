/** What one liar can make honest signers send, record and do: its promises have a share of the order, and what is executed gets few more ballots. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Backing, isReadable, type Order } from '../../src/lib/core/certificate.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import { encodeMessage, type Message, messageCodec, type PromiseOf } from '../../src/lib/core/message.js'
import { backingsFault, backingsThatFit, promisesThatFit } from '../../src/lib/core/promise-budget.js'
import { timeoutDigest } from '../../src/lib/core/statement.js'
import { Attack } from './attack.js'
import { FAKE, HOP_MS, SmallCluster } from './small-cluster.js'

const idOf = (prefix: string, k: number): string => prefix + k.toString(16).padStart(64 - prefix.length, '0')

/** A certificate of a batch that nobody knows, of this many bytes or little less. */
function backing(batchId: string, bytes: number): Backing {
  const predecessors = Array.from({ length: Math.floor((bytes - 300) / 34) }, (_, k) => idOf('a', k))
  const value = { base: new Map(), predecessors, tallies: null }
  const signed = { signers: Uint8Array.of(0x3f), signature: new Uint8Array(96) }
  return { type: 'certificate', certificate: { type: 'slow', epoch: 0, batchId, ballot: 0, value, ...signed } }
}

/** A promise of which only the sizes matter. */
function promiseWith(signer: number, backings: Backing[], pending: string[] = []): PromiseOf {
  return {
    voteDigest: idOf('d', signer),
    accepted: null,
    blockers: backings.flatMap((one) => (one.type === 'certificate' ? [one.certificate.batchId] : [])).sort(),
    view: { heights: new Map(), pending },
    voteSignature: new Uint8Array(96),
    value: null,
    backings,
    certificate: null,
    signature: new Uint8Array(96),
  }
}

test('a liar’s promise just below the size of a message, full of backings of nothing that it names, is refused; the ballot decides without it', () => {
  const story = new Attack({ n: 7, liars: [6] })
  const { cluster } = story
  const batch = story.batch(6, [0])
  story.arrive(batch, story.honest)
  assert.ok(cluster.runUntil(() => cluster.sentOf('prepare', batch.id).some(({ from, message }) => from === 0 && message.ballot === 1)))
  const codec = messageCodec(cluster.manifest.clusterId)
  const backings = Array.from({ length: 64 }, (_, i) => backing(idOf('c', i), 129_000))
  const message: Message = { type: 'promise', batchId: batch.id, ballot: 1, promise: { ...story.promise(6, batch, 1, []), backings } }
  const { length } = encodeMessage(codec, message)
  assert.ok(length <= LIMITS.messageBytes && length > 0.95 * LIMITS.messageBytes, `${length} bytes`)
  cluster.inject(6, 0, message)
  cluster.runUntil(() => cluster.sentOf('order', batch.id).length > 0)
  const sizes = cluster.sentOf('order', batch.id).map((sent) => encodeMessage(codec, sent.message).length)
  assert.ok(sizes.length > 0 && sizes.every((size) => size < 100_000), `orders of ${sizes} bytes`)
  assert.ok(cluster.suspicions.some(({ signer, reason }) => signer === 6 && /a PROMISE with a backing of nothing/.test(reason)))
  assert.ok(cluster.runUntil(() => story.honest.every((signer) => cluster.signers[signer]?.journal.get(batch.id)?.committed)))
})

test('one backing for each blocker that is named, and all within the share of the promise', () => {
  const [one, other] = [backing(idOf('1', 0), 1000), backing(idOf('2', 0), 1000)]
  assert.is(backingsFault(promiseWith(0, [one, other]), 7), undefined)
  assert.match(backingsFault({ ...promiseWith(0, [one]), backings: [one, one] }, 7) ?? '', /nothing that it names/)
  assert.match(backingsFault({ ...promiseWith(0, [one]), backings: [other] }, 7) ?? '', /nothing that it names/)
  const many = Array.from({ length: 8 }, (_, k) => backing(idOf('1', k), 100_000))
  assert.match(backingsFault(promiseWith(0, many), 7) ?? '', /more than \d+ bytes of backings/)
  const some = backingsThatFit(many, 7)
  assert.is(some.length, 4)
  assert.is(backingsFault(promiseWith(0, some), 7), undefined)
})

test('promises with full shares that have nothing in common fit into one order, up to 12 signers', () => {
  for (const n of [4, 7, 12]) {
    const view = Array.from({ length: LIMITS.pendingPerView }, (_, k) => idOf('e', k))
    const ids = (signer: number) => Array.from({ length: 20 }, (_, k) => backing(idOf(`${signer.toString(16)}b`, k), 60_000))
    const promises = new Map(Array.from({ length: n }, (_, signer) => [signer, promiseWith(signer, backingsThatFit(ids(signer), n), view)]))
    assert.is(promisesThatFit(promises).size, n)
  }
})

test('where promises are too much for one order the liars’ go, however they share: what honest signers name alike weighs little', () => {
  const n = 150
  const common = Array.from({ length: 12 }, (_, k) => backing(idOf('b', k), 20_000))
  // Liars take their whole share, two and two the same, so that none of them is the only one to bring it.
  const ofLiars = (pair: number) => Array.from({ length: 5 }, (_, k) => backing(idOf(`${pair.toString(16)}c`, k), 64_000))
  const backingsOf = (signer: number) => (signer < 50 ? backingsThatFit(ofLiars(signer >> 1), n) : common)
  const promises = new Map(Array.from({ length: n }, (_, signer) => [signer, promiseWith(signer, backingsOf(signer))]))
  const fitting = promisesThatFit(promises)
  assert.ok(fitting.size < n, `${fitting.size} promises`)
  for (let signer = 50; signer < n; signer++) assert.ok(fitting.has(signer), `honest signer ${signer} is left out`)
})

test('an order that nobody could read is known before it is recorded', () => {
  const story = new Attack({ n: 4, liars: [3] })
  const batch = story.batch(3)
  story.arrive(batch, story.honest)
  story.cluster.run(HOP_MS)
  const order: Order = story.orderOfVotes(batch, story.votes(batch, [0, 1, 2]))
  assert.ok(isReadable(order))
  const predecessors = Array.from({ length: 4 * LIMITS.pendingPerChange + 1 }, (_, k) => idOf('a', k))
  assert.not.ok(isReadable({ ...order, value: { ...order.value, predecessors } }))
})

test('refusals add no more to a signer’s promise than its share, and nothing about batches that do not conflict', () => {
  const story = new Attack({ n: 7, liars: [6] })
  const { cluster } = story
  const { delay } = cluster
  cluster.delay = () => HOP_MS
  // Batches that are decided, on the key of the liar's batch and beside it.
  const certificates = (key: string, count: number) =>
    Array.from({ length: count }, (): Backing => {
      const { id } = cluster.propose(0, [key])
      assert.ok(cluster.settle(id))
      const certificate = cluster.signers[0]?.journal.get(id)?.committed?.certificate
      if (!certificate) throw new Error('not committed')
      return { type: 'certificate', certificate }
    })
  const [beside, before] = [certificates('beside', 8), certificates('k', 300)]
  cluster.delay = delay
  const batch = story.batch(6, [0, 1])
  // Nothing is decided: signer 0 has its order refused by the liar alone, and answers in the next ballot.
  story.isHeld = ({ message }) => message.type === 'accept'
  story.arrive(batch, story.honest)
  assert.ok(cluster.runUntil(() => cluster.sentOf('order', batch.id).some(({ from }) => from === 0)))
  for (const some of [before, beside]) {
    for (let at = 0; at < some.length; at += 16)
      cluster.inject(6, 0, { type: 'refuse', batchId: batch.id, ballot: 1, backings: some.slice(at, at + 16) })
  }
  const promises = () =>
    cluster.sentOf('promise', batch.id).flatMap(({ from, message }) => (from === 0 && message.ballot > 1 ? [message.promise] : []))
  assert.ok(cluster.runUntil(() => promises().length > 0))
  const [promise] = promises()
  if (!promise) throw new Error('no promise')
  const ids = (some: readonly Backing[]) => some.flatMap((one) => (one.type === 'certificate' ? [one.certificate.batchId] : []))
  assert.is(promise.blockers.length, backingsThatFit(before, 7).length)
  assert.ok(promise.blockers.length < before.length)
  assert.is(promise.blockers.filter((named) => ids(beside).includes(named)).length, 0)
  assert.is(backingsFault(promise, 7), undefined)
})

test('a liar that wants ballots of an executed batch gets few, and what was noticed of them is not kept', () => {
  const cluster = new SmallCluster({ n: 7, deltaMs: 50, timing: { recoveryTimeoutMs: 1000 } })
  const { id } = cluster.propose(0, ['k'])
  assert.ok(cluster.settle(id))
  cluster.run(5000)
  cluster.forget()
  const before = cluster.records.map((records) => records.length)
  // Each ballot as soon as the one before it was promised, and again and again.
  for (let round = 0; round < 200; round++) {
    const ballot = Math.max(...cluster.signers.map((signer) => signer?.journal.get(id)?.promised ?? 0)) + 1
    for (let to = 0; to < 6; to++) cluster.inject(6, to, { type: 'timeout', batchId: id, ballot, signature: new Uint8Array(96) })
    cluster.run(100)
  }
  const prepared = new Set(cluster.sentOf('prepare', id).map(({ message }) => message.ballot)).size
  // After 0, 1, 3, 7 and 15 time-outs.
  assert.ok(prepared >= 1 && prepared <= 5, `${prepared} ballots`)
  const most = Math.max(...cluster.records.map((records, i) => records.length - (before[i] ?? 0)))
  assert.ok(most <= 3 * 5, `${most} records`)
  const repeated = () => {
    cluster.forget()
    cluster.cut(0, 1)
    cluster.join(0, 1)
    return cluster.sentOf('notice', id).length
  }
  assert.ok(repeated() > 0)
  cluster.run(33_000)
  assert.is(repeated(), 0)
})

test('who wants a ballot of what is final is shown that it is, and helped when it asks again', () => {
  const cluster = new SmallCluster({ n: 7, deltaMs: 50 })
  const { id } = cluster.propose(0, ['k'])
  assert.ok(cluster.settle(id))
  cluster.run(1000)
  cluster.forget()
  const { bls } = cluster.keys[6] ?? { bls: new Uint8Array(32) }
  const signature = FAKE.bls.sign(bls, timeoutDigest(cluster.manifest, id, 1))
  const ask = () => {
    cluster.inject(6, 1, { type: 'timeout', batchId: id, ballot: 1, signature })
    cluster.run(HOP_MS)
    return cluster.sentOf('timeout', id).filter(({ from }) => from === 1).length
  }
  assert.is(ask(), 0)
  assert.ok(cluster.sentOf('finals').some(({ from, to }) => from === 1 && to === 6))
  assert.ok(ask() > 0)
})

test.run()
