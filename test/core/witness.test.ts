/** The witness: contradictions that reach a signer become evidence that holds; honest work, and lies about others, never do. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import type { Certificate } from '../../src/lib/core/certificate.js'
import { type Evidence, verifyEvidence } from '../../src/lib/core/evidence.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import type { Message } from '../../src/lib/core/message.js'
import type { Value } from '../../src/lib/core/tally.js'
import { ID, Liars, view } from './evidence-samples.js'
import { arrivals, FAKE, HOP_MS, SmallCluster } from './small-cluster.js'

const liars = new Liars(FAKE, 4)

/** What a signer told when it was given these messages, each as if from a signer. */
function told(messages: [number, Message][]): { cluster: SmallCluster; evidence: Evidence[]; guilty: number[][] } {
  const cluster = new SmallCluster({ n: 4 })
  assert.is(cluster.manifest.clusterId, liars.manifest.clusterId)
  for (const [from, message] of messages) cluster.inject(from, 3, message)
  const evidence = accusations(cluster)
  const guilty = evidence.map((one) => {
    const judgement = verifyEvidence(FAKE, cluster.manifest, one)
    return judgement.type === 'guilty' ? judgement.signers : []
  })
  return { cluster, evidence, guilty }
}

const accusations = (cluster: SmallCluster): Evidence[] => cluster.done.flatMap(({ effect }) => (effect.type === 'accuse' ? [effect.evidence] : []))

const none = bitmapOf(4, [])
const value = (named: string[]): Value => ({ base: new Map(), predecessors: named, tallies: { m: 4, inc: new Map(named.map((id) => [id, 4])) } })

test('two views of one signer, in shares, votes or certificates', () => {
  const a = liars.batch(0, ['k'])
  const one: Message = { type: 'vote', batchId: a.id, votes: liars.votes(a.id, [[1, view()]]), postponed: none }
  const two = liars.votes(a.id, [
    [0, view()],
    [1, view([ID])],
    [2, view()],
  ])
  const shares: Message = { type: 'shares', batchId: a.id, votes: [two], accepts: [] }
  const fast: Message = { type: 'certificate', certificate: { type: 'fast', epoch: 0, batchId: a.id, votes: two } }
  for (const other of [shares, fast]) {
    const { evidence, guilty } = told([
      [1, one],
      [0, other],
      [0, other],
      [2, one],
    ])
    assert.equal([evidence.map(({ type }) => type), guilty], [['double-vote'], [[1]]])
  }
  assert.equal(
    told([
      [1, one],
      [0, one],
    ]).evidence,
    [],
  )
})

test('a lie about another, with a signature that is not its own, is no evidence, and does not hide a later truth', () => {
  const a = liars.batch(0, ['k'])
  const true1 = liars.votes(a.id, [[1, view()]])
  const forged = { ...liars.votes(a.id, [[1, view([ID])]]), signature: true1.signature }
  const share = (votes: typeof true1): Message => ({ type: 'shares', batchId: a.id, votes: [votes], accepts: [] })
  assert.equal(
    told([
      [2, share(forged)],
      [1, share(true1)],
    ]).evidence,
    [],
  )
  const both = told([
    [2, share(forged)],
    [1, share(true1)],
    [0, share(liars.votes(a.id, [[1, view([ID])]]))],
  ])
  assert.equal(both.guilty, [[1]])
})

test('who sends many forgeries is not listened to any more: the work that a liar makes is bounded', () => {
  const a = liars.batch(0, ['k'])
  const true1 = liars.votes(a.id, [[1, view()]])
  let verified = 0
  const verify = (...args: Parameters<typeof FAKE.bls.verify>): boolean => {
    verified++
    return FAKE.bls.verify(...args)
  }
  const counting = { ...FAKE, bls: { ...FAKE.bls, verify } }
  const cluster = new SmallCluster({ n: 4, crypto: counting })
  const share = (votes: typeof true1): Message => ({ type: 'shares', batchId: a.id, votes: [votes], accepts: [] })
  cluster.inject(1, 3, share(true1))
  for (let i = 0; i < 200; i++) {
    const id = i.toString(16).padStart(64, '0')
    cluster.inject(2, 3, share({ ...liars.votes(a.id, [[1, view([id])]]), signature: true1.signature }))
  }
  assert.ok(verified > 1 && verified <= LIMITS.unsoundParts + 1, `${verified} verifications`)
  assert.equal(accusations(cluster), [])
})

test('votes for two conflicting batches, neither before the other', () => {
  const [a, b] = [liars.batch(0, ['k']), liars.batch(1, ['k'])]
  const have = (batch: typeof a): Message => ({ type: 'have', batch, certificate: null })
  const votes = (batch: typeof a, pending: string[]): Message => ({
    type: 'shares',
    batchId: batch.id,
    votes: [
      liars.votes(batch.id, [
        [1, view(pending)],
        [2, view(batch === b ? [a.id] : [])],
      ]),
    ],
    accepts: [],
  })
  const messages = (pending: string[]): [number, Message][] => [
    [0, have(a)],
    [1, have(b)],
    [1, votes(a, [])],
    [1, votes(b, pending)],
  ]
  assert.equal(told(messages([])).guilty, [[1]])
  assert.equal(told(messages([])).evidence[0]?.type, 'incoherent-votes')
  assert.equal(told(messages([a.id])).evidence, [])
})

test('votes that come before the batch that they are for are compared once it has arrived, also where it waits for its turn', () => {
  const [first, a, b] = [liars.batch(0, ['x'], 0), liars.batch(0, ['k'], 1), liars.batch(1, ['k'])]
  const have = (batch: typeof a): Message => ({ type: 'have', batch, certificate: null })
  const propose = (batch: typeof a): Message => ({ type: 'propose', batch, reference: view() })
  const vote = (batch: typeof a): Message => ({ type: 'shares', batchId: batch.id, votes: [liars.votes(batch.id, [[1, view()]])], accepts: [] })
  const messages: [number, Message][] = [
    [1, have(b)],
    [1, vote(b)],
    [0, propose(a)],
    [1, vote(a)],
  ]
  assert.equal(told(messages).guilty, [])
  assert.equal(told([...messages, [0, propose(first)]]).guilty, [[1]])
})

test('two accepts of one ballot; a promise that denies an accept, whichever comes first', () => {
  const [v, w] = ['11'.repeat(32), '22'.repeat(32)]
  const accept = (digest: string, signers: number[]): Message => ({
    type: 'accept',
    batchId: ID,
    ballot: 1,
    accepts: { ballot: 1, ...liars.accepts(ID, 1, digest, signers) },
  })
  const twice = told([
    [1, accept(v, [1])],
    [0, accept(w, [0, 1])],
  ])
  assert.equal([twice.evidence[0]?.type, twice.guilty], ['double-accept', [[1]]])
  assert.equal(
    told([
      [1, accept(v, [1])],
      [0, accept(w, [0])],
      [0, accept(v, [1, 2])],
    ]).evidence,
    [],
  )
  const promise = (accepted: { ballot: number; valueDigest: string } | null): Message => {
    const promises = liars.promises(ID, 2, [[1, { voteDigest: ID, accepted, blockers: [] }]])
    const votes = liars.votes(ID, [[1, view()]])
    const more = { value: null, backings: [], certificate: null, signature: promises.signature }
    return {
      type: 'promise',
      batchId: ID,
      ballot: 2,
      promise: { voteDigest: ID, accepted, blockers: [], view: view(), voteSignature: votes.signature, ...more },
    }
  }
  for (const messages of [
    [
      [1, accept(v, [1, 2])],
      [1, promise(null)],
    ],
    [
      [1, promise(null)],
      [1, accept(v, [1, 2])],
    ],
  ] as [number, Message][][]) {
    const { evidence, guilty } = told(messages)
    assert.equal([evidence[0]?.type, guilty], ['false-promise', [[1]]])
  }
  assert.equal(
    told([
      [1, accept(v, [1])],
      [1, promise({ ballot: 1, valueDigest: v })],
    ]).evidence,
    [],
  )
})

test('two orders of one ballot; an order that does not follow; two batches of one number', () => {
  const a = liars.batch(0, ['k'])
  const have: Message = { type: 'have', batch: a, certificate: null }
  const votes = liars.votes(
    a.id,
    [0, 1, 2, 3].map((signer) => [signer, view()]),
  )
  const order = (one: Value): Message => ({ type: 'order', order: liars.order(a, 0, one, { type: 'votes', votes }) })
  const { evidence, guilty } = told([
    [0, have],
    [0, order(value([]))],
    [0, order(value([ID]))],
  ])
  assert.equal(evidence.map(({ type }) => type).sort(), ['double-order'])
  assert.equal(guilty, [[0]])
  const wrong = told([
    [0, have],
    [0, order(value([ID]))],
  ])
  assert.equal([wrong.evidence[0]?.type, wrong.guilty], ['false-order', [[0]]])
  const twin = liars.batch(0, ['x'], 0, 'twin')
  const twins = told([
    [0, have],
    [1, { type: 'have', batch: twin, certificate: null }],
    [1, { type: 'have', batch: twin, certificate: null }],
  ])
  assert.equal([twins.evidence.map(({ type }) => type), twins.guilty], [['double-batch'], [[0]]])
  const forged = told([
    [0, have],
    [1, { type: 'have', batch: { ...twin, signature: a.signature }, certificate: null }],
  ])
  assert.equal(forged.evidence, [])
})

test('halves that come in notices, refusals, promises and orders of others count as well', () => {
  const a = liars.batch(0, ['k'])
  const have: Message = { type: 'have', batch: a, certificate: null }
  const votes = liars.votes(
    a.id,
    [0, 1, 2, 3].map((signer) => [signer, view()]),
  )
  const notice = (one: Value): Message => ({
    type: 'notice',
    batchId: a.id,
    ballot: 0,
    heights: new Map(),
    round: { type: 'order', ...liars.orderHalf(a, one, votes) },
  })
  const noticed = told([
    [0, have],
    [1, notice(value([]))],
    [2, notice(value([ID]))],
  ])
  assert.equal([noticed.evidence[0]?.type, noticed.guilty], ['double-order', [[0]]])

  const slow = (one: Value, signers: number[]): Certificate => {
    const { signers: bitmap, signature } = liars.accepts(a.id, 0, liars.orderHalf(a, one, votes).valueDigest, signers)
    return { type: 'slow', epoch: 0, batchId: a.id, ballot: 0, value: one, signers: bitmap, signature }
  }
  const refusal = (certificate: Certificate): Message => ({
    type: 'refuse',
    batchId: ID,
    ballot: 0,
    backings: [{ type: 'certificate', certificate }],
  })
  const refused = told([
    [1, refusal(slow(value([]), [0, 1]))],
    [2, refusal(slow(value([ID]), [1, 2]))],
  ])
  assert.equal([refused.evidence[0]?.type, refused.guilty], ['double-accept', [[1]]])
  const backing: Message = {
    type: 'refuse',
    batchId: ID,
    ballot: 0,
    backings: [{ type: 'order', order: liars.order(a, 0, value([]), { type: 'votes', votes }) }],
  }
  const voted: Message = { type: 'shares', batchId: a.id, votes: [liars.votes(a.id, [[2, view([ID])]])], accepts: [] }
  assert.equal(
    told([
      [1, backing],
      [2, voted],
    ]).guilty,
    [[2]],
  )
})

test('what is kept is bounded: the oldest batches are forgotten, of those that are kept contradictions are found', () => {
  const votes = (id: string, pending: string[]): [number, Message] => [
    1,
    { type: 'shares', batchId: id, votes: [liars.votes(id, [[1, view(pending)]])], accepts: [] },
  ]
  const ids = Array.from({ length: LIMITS.witnessedBatches + 1 }, (_, i) => i.toString(16).padStart(64, '0'))
  const [oldest = '', second = ''] = ids
  const first = ids.map((id) => votes(id, []))
  assert.equal(told([...first, votes(oldest, [ID])]).guilty, [])
  assert.equal(told([...first, votes(second, [ID])]).guilty, [[1]])
})

test('what is kept is bounded in bytes and in age too', () => {
  const votes = (id: string, pending: string[]): Message => ({
    type: 'shares',
    batchId: id,
    votes: [liars.votes(id, [[1, view(pending)]])],
    accepts: [],
  })
  const large = Array.from({ length: LIMITS.pendingPerView }, (_, i) => i.toString(16).padStart(64, 'f'))
  const ids = Array.from({ length: 400 }, (_, i) => i.toString(16).padStart(64, '0'))
  const [oldest = '', latest = ''] = [ids[0], ids.at(-1)]
  const full = ids.map((id): [number, Message] => [1, votes(id, large)])
  assert.equal(told([...full, [1, votes(oldest, [])]]).guilty, [])
  assert.equal(told([...full, [1, votes(latest, [])]]).guilty, [[1]])
  const later = (ms: number): number[] => {
    const cluster = new SmallCluster({ n: 4 })
    cluster.inject(1, 3, votes(oldest, []))
    cluster.run(ms)
    // Only where something new comes is there a look at what is old.
    cluster.inject(1, 3, votes(latest, []))
    cluster.inject(1, 3, votes(oldest, [ID]))
    return accusations(cluster).flatMap((one) => {
      const judgement = verifyEvidence(FAKE, cluster.manifest, one)
      return judgement.type === 'guilty' ? judgement.signers : []
    })
  }
  assert.equal([later(LIMITS.witnessedMs - 1), later(LIMITS.witnessedMs + 1)], [[1], []])
})

test('honest work proves nothing against anyone: fast, slow, in recovery, through restarts', () => {
  // Nobody waits for anybody, so that there is as much to compare as can be.
  const cluster = new SmallCluster({ n: 7, rules: { holdBack: false } })
  const opposite = new Map<string, number>()
  cluster.delay = arrivals((to, batchId) => {
    const number = opposite.get(batchId) ?? opposite.size
    opposite.set(batchId, number)
    return cluster.now + HOP_MS * ((to + number * 3) % 7)
  })
  const ids: string[] = []
  for (let turn = 0; turn < 4; turn++) {
    for (const signer of [0, 3, 6]) ids.push(cluster.propose(signer, ['k', `own ${signer}`]).id)
    cluster.run(turn * HOP_MS)
    const down = (turn * 2 + 1) % 7
    cluster.crash(down)
    cluster.run(200)
    cluster.restart(down)
  }
  assert.ok(cluster.settle(...ids))
  assert.ok(cluster.sentOf('order').length > 0)
  assert.equal(accusations(cluster), [])
})

test.run()
