/** Every invariant has a history, made by hand, that breaks it and nothing else; the checkers must say so, and must be silent about a good one. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import type { Certificate, Order } from '../../src/lib/core/certificate.js'
import { valueDigest } from '../../src/lib/core/statement.js'
import type { Value } from '../../src/lib/core/tally.js'
import type { View } from '../../src/lib/core/view.js'
import { violationsOf } from '../../src/lib/simulator/checkers.js'
import { quorumsOf } from '../../src/lib/simulator/derivation.js'
import type { Execution, History, TransactionHistory } from '../../src/lib/simulator/history.js'

const N = 7
const CLUSTER = '00'.repeat(32)
const A = 'aa'.repeat(32)
const B = 'bb'.repeat(32)
const C = 'cc'.repeat(32)
const SIGNATURE = new Uint8Array(96)

const view = (pending: string[] = [], heights: [string, number][] = []): View => ({ heights: new Map(heights), pending })
const all = Array.from({ length: N }, (_, i) => i)

/** Votes: for each view who signed it. */
function votesOf(...entries: [View, number[]][]) {
  return { entries: entries.map(([one, signers]) => ({ view: one, signers: bitmapOf(N, signers) })), signature: SIGNATURE }
}

const fast = (batchId: string, ...entries: [View, number[]][]): Certificate => ({ type: 'fast', epoch: 0, batchId, votes: votesOf(...entries) })
const value = (predecessors: string[], tallies: Value['tallies'] = null, base: [string, number][] = []): Value => ({
  base: new Map(base),
  predecessors,
  tallies,
})

function execution(batchId: string, certificate: Certificate, decided: Value, at: number): Execution {
  const heights = new Map([['k', batchId === A ? 1 : 2]])
  return {
    at,
    batchId,
    heights,
    certificate,
    value: decided,
    applied: [`tx ${batchId}`],
    orderDigest: `order ${batchId}`,
    machineDigest: `state ${batchId}`,
  }
}

/** Seven signers that executed A and then B on key k, both fast, B after A in every vote. */
function goodHistory(): History {
  const certificates = [fast(A, [view(), all]), fast(B, [view([A]), [0, 1, 2]], [view([], [['k', 1]]), [3, 4, 5, 6]])]
  const transaction = (batchId: string, submittedAt: number, acknowledgedAt: number): [string, TransactionHistory] => [
    `tx ${batchId}`,
    { txId: `tx ${batchId}`, keys: ['k'], submittedAt, acknowledgedAt },
  ]
  return {
    n: N,
    sizes: new Map([[0, N]]),
    tolerance: { a: 1, b: 2 },
    clusterId: CLUSTER,
    peers: [],
    peerSuspicions: [],
    signers: all.map((signer) => ({
      signer,
      executed: [execution(A, certificates[0] as Certificate, value([]), 10), execution(B, certificates[1] as Certificate, value([A]), 20)],
      restarts: [],
      arrivals: [A, B],
      votes: [
        { batchId: A, view: view() },
        { batchId: B, view: view([A]) },
      ],
      accepts: [],
      early: [],
      isUp: true,
    })),
    transactions: new Map([transaction(A, 1, 11), transaction(B, 2, 21)]),
    batches: new Map([
      [A, { epoch: 0, keys: ['k'], initiator: 0, transactions: [`tx ${A}`] }],
      [B, { epoch: 0, keys: ['k'], initiator: 1, transactions: [`tx ${B}`] }],
    ]),
    orders: [],
    accusations: [],
    liars: new Set<number>(),
    pending: [],
    progressOwed: true,
    messages: new Map(),
    isCalm: false,
    isGuarded: false,
    attempts: 1,
    calmMs: null,
  }
}

type Mutation = (history: History) => void
const executions = (history: History, signer: number) => history.signers[signer]?.executed ?? []

/** Replaces one batch's certificate, value or both at every signer. */
function decideAnew(history: History, batchId: string, change: Partial<Execution>): void {
  for (const signer of history.signers) signer.executed = signer.executed.map((one) => (one.batchId === batchId ? { ...one, ...change } : one))
}

/** A peer that executed what the signers did. */
function withPeer(history: History): History['peers'][number] {
  const peer = { ...(structuredClone(history.signers[0]) as History['peers'][number]), signer: N }
  history.peers.push(peer)
  return peer
}

/** B decided in phase 3 of a ballot, from an order that was recorded. */
function decideSlowly(history: History, ballot: number, decided: Value, proof: Order['proof']): void {
  const certificate: Certificate = { type: 'slow', epoch: 0, batchId: B, ballot, value: decided, signers: bitmapOf(N, all), signature: SIGNATURE }
  decideAnew(history, B, { certificate, value: decided })
  history.orders.push({ epoch: 0, batchId: B, ballot, value: decided, proof, signature: new Uint8Array(64) })
}

const fromVotes = (...entries: [View, number[]][]): Order['proof'] => ({ type: 'votes', votes: votesOf(...entries) })

function fromPromises(entries: [View, number[]][], statements: { accepted: Value | null; blockers: string[]; signers: number[] }[]): Order['proof'] {
  return {
    type: 'promises',
    promises: {
      votes: votesOf(...entries),
      statements: statements.map(({ accepted, blockers, signers }) => ({
        voteDigest: CLUSTER,
        accepted: accepted && { ballot: 0, valueDigest: valueDigest(CLUSTER, accepted) },
        blockers,
        signers: bitmapOf(N, signers),
      })),
      signature: SIGNATURE,
      values: [],
      // Every blocker has what shows it: an order for it that leaves this batch out.
      backings: statements
        .flatMap(({ blockers }) => blockers)
        .map((batchId) => ({
          type: 'order' as const,
          order: {
            epoch: 0,
            batchId,
            ballot: 0,
            value: { base: new Map(), predecessors: [], tallies: null },
            proof: fromVotes(),
            signature: new Uint8Array(64),
          },
        })),
      certificate: null,
    },
  }
}

/** A third batch on another key, executed by nobody but named in `after` of `history`. */
function withC(history: History, keys: string[]): void {
  history.batches.set(C, { epoch: 0, keys, initiator: 2, transactions: [`tx ${C}`] })
  history.transactions.set(`tx ${C}`, { txId: `tx ${C}`, keys, submittedAt: 1 })
}

/** What breaks, the invariant, what is said about it, and which others cannot but break with it. */
const BROKEN: [title: string, id: string, says: RegExp, mutate: Mutation, also?: string[]][] = [
  ['two signers with two orders of a key', 'A1', /height 1 of key k/, (h) => executions(h, 3).reverse(), ['O2']],
  [
    'heights that are not places',
    'A1',
    /signer 3 tells other heights/,
    (h) => Object.assign(executions(h, 3)[1] ?? {}, { heights: new Map([['k', 3]]) }),
  ],
  [
    'one batch with two sets of predecessors',
    'A1',
    /other predecessors at signer 3/,
    (h) => Object.assign(executions(h, 3)[1] ?? {}, { value: value([]) }),
  ],
  ['one order, two states', 'A2', /one order and two states/, (h) => Object.assign(executions(h, 3)[1] ?? {}, { machineDigest: 'else' })],
  ['an execution that a restart forgot', 'D1', /did not after its restart/, (h) => h.signers[2]?.restarts.push({ before: [A, B], restored: [A] })],
  ['a vote sent before its record', 'D2', /before that was durable/, (h) => h.signers[2]?.early.push('vote of batch bb')],
  ['two views for one batch', 'D2', /two views/, (h) => h.signers[2]?.votes.push({ batchId: B, view: view() })],
  [
    'two accepts in one ballot',
    'D2',
    /two values .* ballot 4/,
    (h) => h.signers[2]?.accepts.push({ batchId: B, ballot: 4, valueDigest: A }, { batchId: B, ballot: 4, valueDigest: C }),
  ],
  ['a transaction that is applied twice', 'I1', /applied transaction .* twice/, (h) => executions(h, 1)[1]?.applied.push(`tx ${A}`)],
  [
    'a batch that is executed twice',
    'I1',
    /executed batch aaaaaaaa twice/,
    (h) => {
      for (const signer of h.signers) signer.executed.push({ ...(signer.executed[0] as Execution), applied: [] })
    },
    ['A1', 'O1', 'O2'],
  ],
  ['a transaction out of nowhere', 'I1', /nobody submitted/, (h) => executions(h, 1)[1]?.applied.push('tx else')],
  [
    'a transaction before its time',
    'I1',
    /before it was submitted/,
    (h) => Object.assign(h.transactions.get(`tx ${B}`) ?? {}, { submittedAt: 20.5, acknowledgedAt: 21 }),
  ],
  [
    'a transaction after its rejection',
    'I1',
    /which was rejected \(no\)/,
    (h) => Object.assign(h.transactions.get(`tx ${B}`) ?? {}, { rejectedAt: 3, rejection: 'no' }),
  ],
  [
    'a fast commit without a quorum',
    'O1',
    /with 5 votes, a quorum is 6/,
    (h) => decideAnew(h, A, { certificate: fast(A, [view(), [0, 1, 2, 3, 4]]) }),
  ],
  [
    'a fast commit with an open pair',
    'O1',
    /although 4 of 7 votes name/,
    (h) => decideAnew(h, B, { certificate: fast(B, [view([A]), [0, 1, 2, 3]], [view(), [4, 5, 6]]) }),
  ],
  [
    'a fast commit with predecessors that nobody named',
    'O1',
    /other predecessors than its votes/,
    (h) => decideAnew(h, B, { certificate: fast(B, [view(), all]), value: value([A]) }),
  ],
  [
    'an execution against the values',
    'O1',
    /their values give the other order/,
    (h) => {
      decideAnew(h, A, { certificate: fast(A, [view([B]), all]), value: value([B]) })
      decideAnew(h, B, { certificate: fast(B, [view(), all]), value: value([]) })
      for (const signer of h.signers) signer.arrivals.reverse()
    },
  ],
  [
    'an execution against what all saw',
    'O1',
    /every signer saw bbbbbbbb before aaaaaaaa/,
    (h) => {
      for (const signer of h.signers) signer.arrivals.reverse()
    },
  ],
  [
    'a slow commit of an order that nobody recorded',
    'O1',
    /nobody recorded that order/,
    (h) => {
      decideSlowly(h, 0, value([A], { m: 7, inc: new Map([[A, 5]]) }), fromVotes([view([A]), all]))
      h.orders.length = 0
    },
  ],
  [
    'a slow value with the wrong count',
    'O1',
    /counts 4 votes that name aaaaaaaa, there were 5/,
    (h) => decideSlowly(h, 0, value([A], { m: 7, inc: new Map([[A, 4]]) }), fromVotes([view([A]), [0, 1, 2, 3, 4]], [view(), [5, 6]])),
  ],
  [
    'a slow value without a predecessor that it must have',
    'O1',
    /other predecessors than votes of ballot 0/,
    (h) => decideSlowly(h, 0, value([], { m: 7, inc: new Map([[A, 3]]) }), fromVotes([view([A]), [0, 1, 2]], [view(), [3, 4, 5, 6]])),
  ],
  [
    'a slow value with a predecessor below the threshold',
    'O1',
    /other predecessors than votes of ballot 0/,
    (h) => decideSlowly(h, 0, value([A], { m: 7, inc: new Map([[A, 2]]) }), fromVotes([view([A]), [0, 1]], [view(), [2, 3, 4, 5, 6]])),
  ],
  [
    'a blocker that a recovered value leaves out',
    'O1',
    /other predecessors than promises of ballot 2/,
    (h) =>
      decideSlowly(
        h,
        2,
        value([], { m: 6, inc: new Map() }),
        fromPromises([[view(), [0, 1, 2, 3, 4, 5]]], [{ accepted: null, blockers: [A], signers: [0, 1, 2, 3, 4, 5] }]),
      ),
  ],
  [
    'a forced value that was not taken',
    'O1',
    /against the value that promises forced/,
    (h) =>
      decideSlowly(
        h,
        1,
        value([A], { m: 6, inc: new Map([[A, 6]]) }),
        fromPromises(
          [[view([A]), [0, 1, 2, 3, 4, 5]]],
          [
            { accepted: value([A]), blockers: [], signers: [0, 1, 2, 3] },
            { accepted: null, blockers: [], signers: [4, 5] },
          ],
        ),
      ),
  ],
  [
    'an order of two keys that goes in a circle',
    'O2',
    /circle/,
    (h) => {
      for (const batch of h.batches.values()) Object.assign(batch, { keys: ['k', 'l'] })
      h.batches.set(A, { epoch: 0, keys: ['k'], initiator: 0, transactions: [`tx ${A}`] })
      withC(h, ['k', 'l'])
      // On k: A, B, C. A stray history of signer 6 has C before B on l.
      const stray = {
        ...(executions(h, 0)[1] as Execution),
        batchId: C,
        certificate: fast(C, [view([A, B]), all]),
        value: value([A, B]),
        applied: [],
      }
      for (const signer of h.signers.slice(0, 6)) signer.executed.push(stray)
      const last = h.signers[6]
      if (last) last.executed = [stray, ...last.executed]
    },
    ['A1'],
  ],
  [
    'an acknowledged transaction behind a later one',
    'R1',
    /goes before bbbbbbbb|goes before tx bbbbb/,
    (h) => {
      Object.assign(h.transactions.get(`tx ${A}`) ?? {}, { submittedAt: 9, acknowledgedAt: 10 })
      Object.assign(h.transactions.get(`tx ${B}`) ?? {}, { submittedAt: 1, acknowledgedAt: 5 })
    },
  ],
  ['a peer with another order', 'A1', /^peer 7 executed bbbbbbbb at height 1/, (h) => withPeer(h).executed.reverse(), ['O2']],
  [
    'other heights at a peer',
    'A1',
    /^peer 7 tells other heights/,
    (h) => Object.assign(withPeer(h).executed[1] ?? {}, { heights: new Map([['k', 1]]) }),
  ],
  [
    'other predecessors at a peer',
    'A1',
    /other predecessors at peer 7 than/,
    (h) => Object.assign(withPeer(h).executed[1] ?? {}, { value: value([]) }),
  ],
  [
    'another state at a peer',
    'A2',
    /and peer 7 have one order and two states/,
    (h) => Object.assign(withPeer(h).executed[1] ?? {}, { machineDigest: 'x' }),
  ],
  ['a peer that forgot', 'D1', /^peer 7 had executed/, (h) => withPeer(h).restarts.push({ before: [A], restored: [] })],
  ['a peer that executes twice', 'I1', /^peer 7 applied/, (h) => withPeer(h).executed[1]?.applied.push(`tx ${A}`)],
  [
    'an honest signer that a peer suspects',
    'K2',
    /^peer 7 suspects honest signer 3/,
    (h) => h.peerSuspicions.push({ by: N, signer: 3, reason: 'x' }),
  ],
  ['something pending', 'L1', /has no answer/, (h) => h.pending.push('transaction cccccccc has no answer')],
  [
    'a transaction beside a liar that waits',
    'L1',
    /^transaction tx aaaaa of a group without liars took 10 ms, more than 8/,
    (h) => Object.assign(h, { calmMs: 4 }),
  ],
  [
    'too many messages in a calm run',
    'L2',
    /^batch aaaaaaaa took 57 messages, more than 56/,
    (h) => Object.assign(h, { isCalm: true, messages: new Map([[A, 57]]) }),
  ],
  [
    'too many messages in recovery',
    'L2',
    /^batch aaaaaaaa took 197 messages, more than 196/,
    (h) => Object.assign(h, { messages: new Map([[A, 197]]) }),
  ],
  [
    'too many messages under the guard, also where every other batch conflicts',
    'L2',
    /^batch aaaaaaaa took 9999 messages/,
    (h) => Object.assign(h, { isGuarded: true, messages: new Map([[A, 9999]]) }),
  ],
]

test('a good history breaks nothing, nor does a peer that has it, or suspects a liar', () => {
  const followed = goodHistory()
  withPeer(followed)
  followed.liars = new Set([3])
  followed.peerSuspicions.push({ by: N, signer: 3, reason: 'x' })
  assert.equal(violationsOf(followed), [])
  assert.equal(violationsOf(goodHistory()), [])
})

test('slow and recovered values that follow break nothing', () => {
  const slow = goodHistory()
  decideSlowly(slow, 0, value([A], { m: 7, inc: new Map([[A, 5]]) }), fromVotes([view([A]), [0, 1, 2, 3, 4]], [view(), [5, 6]]))
  assert.equal(violationsOf(slow), [])
  const recovered = goodHistory()
  const statements = [{ accepted: null, blockers: [A], signers: [0, 1, 2, 3, 4, 5] }]
  decideSlowly(recovered, 2, value([A], { m: 6, inc: new Map() }), fromPromises([[view(), [0, 1, 2, 3, 4, 5]]], statements))
  assert.equal(violationsOf(recovered), [])
})

for (const [title, id, says, mutate, also = []] of BROKEN) {
  test(`${id}: ${title}`, () => {
    const history = goodHistory()
    mutate(history)
    const found = violationsOf(history)
    assert.ok(
      found.some((violation) => violation.id === id && says.test(violation.text)),
      JSON.stringify(found),
    )
    const others = found.filter((violation) => violation.id !== id && !also.includes(violation.id))
    assert.equal(others, [])
  })
}

test('a group with a batch of a liar may wait, and liars cost what they like', () => {
  const history = goodHistory()
  Object.assign(history, { calmMs: 4, liars: new Set([1]), messages: new Map([[A, 1000]]) })
  assert.equal(violationsOf(history), [])
})

test('nothing pending is owed where too few signers run', () => {
  const history = goodHistory()
  history.pending.push('transaction cccccccc has no answer')
  history.progressOwed = false
  assert.equal(violationsOf(history), [])
})

test('the quorums are those of the table', () => {
  const half = { a: 1, b: 2 }
  for (const [n, quorum, liars, inclusion] of [
    [31, 24, 4, 11],
    [13, 10, 1, 4],
    [7, 6, 1, 2],
    [4, 4, 1, 1],
  ] as const)
    assert.equal(quorumsOf(n, half), { n, quorum, liars, inclusion })
})

test.run()
