/**
 * A learner by itself: every message that it gets is made here, with certificates that all signers of a small cluster sign, true or not; every message
 * that it sends is looked at.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/lib/core/limits.js'
import type { Message, MessageOf } from '../../src/lib/core/message.js'
import { Alone, batchOn, chained, DISTRUST_MS, EVERYONE, fast, headsOf, idsOf, MAY_LIE, manifest, NOT_THIS, slow, value } from './lone-learner.js'

const { timing } = manifest

const [A, B, C] = [batchOn('k'), batchOn('k'), batchOn('k')]
const [a, b, c] = chained(A, B, C) as [MessageOf<'have'>, MessageOf<'have'>, MessageOf<'have'>]

/** Whom to distrust at once, and for nothing else. */
const LIES: [what: string, lie: MessageOf<'have'>][] = [
  ['another cluster’s certificate', slow(A, value([]), 'ab'.repeat(32))],
  ['the certificate of another batch', { ...a, certificate: b.certificate }],
  ['a body that its initiator has not signed', { ...a, batch: { ...A, signature: new Uint8Array(64) } }],
  ['an epoch that is not', { ...a, certificate: a.certificate && { ...a.certificate, epoch: 1 } }],
  [
    'a fast certificate that does not decide',
    fast(
      B,
      [0, 1, 2, 3].map((i) => ({ heights: new Map(), pending: i < 2 ? [A.id] : [] })),
    ),
  ],
]

for (const [what, lie] of LIES)
  test(`${what}: nothing of it is kept, its sender is left alone for a while, the next one is asked`, () => {
    const alone = new Alone()
    alone.forgetSent()
    alone.tell(1, lie)
    assert.equal([alone.records, alone.executed, alone.suspected], [[], [], [1]])
    assert.equal(
      alone.sent('sync').map(({ to }) => to),
      [0],
    )
    // What is true is not heard from there either.
    alone.tell(1, a)
    assert.equal(alone.executed, [])
    alone.forgetSent()
    alone.pass(DISTRUST_MS - 10)
    assert.ok(alone.effects.some((effect) => effect.type === 'send'))
    assert.not.ok(alone.effects.some((effect) => effect.type === 'send' && effect.to === 1))
    // A new connection makes nobody better.
    alone.step({ type: 'connected', now: alone.now, signer: 1 })
    assert.equal([...alone.sent('sync', 1), ...alone.sent('fetch', 1)], [])
    alone.pass(20)
    assert.is(alone.sent('sync', 1).length, 1)
    alone.tell(1, a)
    assert.equal(alone.executed, [A.id])
  })

test('who is not connected is not heard', () => {
  const alone = new Alone({ linked: [0] })
  alone.tell(1, a)
  assert.equal(alone.executed, [])
})

test('predecessors are fetched from the sender, then from others, until they are here; executed in order', () => {
  const alone = new Alone()
  alone.forgetSent()
  alone.tell(2, c)
  assert.equal(
    alone.sent('fetch').map(({ to, message }) => [to, message.ids]),
    [[2, [B.id]]],
  )
  alone.pass(3 * timing.hopTimeoutMs)
  assert.ok(alone.sent('fetch').some(({ to }) => to !== 2))
  alone.tell(1, b)
  alone.forgetSent()
  alone.tell(0, a)
  assert.equal(alone.executed, idsOf(A, B, C))
  alone.pass(20 * timing.hopTimeoutMs)
  assert.equal(alone.sent('fetch'), [])
  // What is here already costs nothing more.
  const before = alone.effects.length
  alone.all(EVERYONE, b)
  assert.is(alone.effects.length, before)
})

test('a restart asks again for what committed batches wait for, and compares logs from time to time', () => {
  const before = new Alone()
  before.tell(2, c)
  const alone = new Alone({ earlier: before.records })
  alone.forgetSent()
  alone.pass(2 * timing.hopTimeoutMs)
  assert.ok(alone.sent('fetch').some(({ message }) => message.ids.includes(B.id)))
  assert.ok(alone.sent('sync').length > 0)
})

test('a certificate that speaks of history which is not here waits for it, and for nothing else; its sender’s log is asked for', () => {
  const alone = new Alone()
  alone.forgetSent()
  const views = EVERYONE.map(() => ({ heights: new Map([['k', 2]]), pending: [] }))
  alone.tell(3, fast(C, views))
  assert.equal(alone.records, [])
  assert.equal(
    alone.sent('sync').map(({ to }) => to),
    [3],
  )
  alone.tell(0, a, b)
  assert.equal(alone.executed, idsOf(A, B, C))
})

test('a value whose base is not reached asks its sender’s log', () => {
  const alone = new Alone()
  alone.forgetSent()
  alone.tell(3, slow(C, value([], [['k', 2]])))
  assert.equal(
    alone.sent('sync').map(({ to }) => to),
    [3],
  )
  alone.tell(0, a, b)
  assert.equal(alone.executed, idsOf(A, B, C))
})

test('batches that wait for history are kept up to a limit', () => {
  const alone = new Alone()
  const views = EVERYONE.map(() => ({ heights: new Map([['k', 3]]), pending: [] }))
  const waiting = Array.from({ length: 4100 }, () => fast(batchOn('k'), views))
  alone.tell(0, ...waiting)
  alone.tell(1, a, b, c)
  assert.is(alone.executed.length, 3 + 4096)
})

test('pages: only those that were asked for, from where they were asked; listed batches are fetched, and the log is walked on', () => {
  const alone = new Alone()
  const page = (from: number, ids: string[], executed: number): Message => ({ type: 'page', from, ids, executed, pruned: 0 })
  alone.forgetSent()
  alone.tell(0, page(1, idsOf(A), 9))
  alone.pass(timing.catchUpWaitMs)
  assert.equal(alone.sent('fetch'), [])
  alone.tell(0, page(0, idsOf(A, B), 9))
  alone.pass(1)
  assert.equal(
    alone.sent('fetch').map(({ to, message }) => [to, message.ids]),
    [[0, idsOf(A, B)]],
  )
  alone.forgetSent()
  alone.tell(0, a, b)
  assert.equal(
    alone.sent('sync').map(({ to, message }) => [to, message.from]),
    [[0, 2]],
  )
  // That was answered; the same again is not read.
  alone.tell(0, page(2, idsOf(C), 3))
  alone.tell(0, c)
  alone.forgetSent()
  alone.tell(0, page(3, idsOf(batchOn('k')), 9))
  alone.pass(1)
  assert.equal(alone.sent('fetch'), [])
})

test('who lists batches and does not supply them costs a wait, who leaves costs none', () => {
  const listed: Message = { type: 'page', from: 0, ids: idsOf(A), executed: 9, pruned: 0 }
  const alone = new Alone()
  alone.tell(0, listed)
  alone.forgetSent()
  alone.pass(4 * timing.hopTimeoutMs + 10)
  assert.ok(alone.sent('sync').some(({ to }) => to !== 0))
  alone.tell(1, listed)
  alone.pass(1)
  assert.is(alone.sent('fetch', 1).length, 1)
  // The page of whoever left is forgotten at once.
  alone.step({ type: 'disconnected', now: alone.now, signer: 1 })
  alone.tell(2, listed)
  alone.pass(1)
  assert.is(alone.sent('fetch', 2).length, 1)
})

test('a log that lists batches twice is none', () => {
  const alone = new Alone()
  alone.tell(0, a)
  alone.tell(1, { type: 'page', from: 0, ids: idsOf(A, A, A), executed: 2 ** 40, pruned: 0 })
  assert.equal(alone.suspected, [1])
})

// Confirmation.

test('confirmed by so many and no fewer, each key and in order; recorded before it is handed on', () => {
  const [onBoth, onOne] = [batchOn('k', 'm'), batchOn('k')]
  const alone = new Alone({ confirm: 2 })
  alone.tell(0, ...chained(onBoth, onOne))
  alone.all([0, 1, 2], headsOf({ k: [onBoth, onOne] }))
  alone.tell(0, headsOf({ m: [onBoth] }))
  assert.equal(alone.executed, [])
  // The same signer again is one signer, and older news does not take back what it said.
  alone.tell(0, headsOf({ m: [onBoth] }), headsOf({ k: [onBoth] }))
  assert.equal(alone.executed, [])
  alone.tell(3, headsOf({ m: [onBoth] }))
  assert.equal(alone.executed, idsOf(onBoth, onOne))
  const order = alone.effects.flatMap((effect) => (effect.type === 'persist' ? [effect.record.type] : effect.type === 'execute' ? ['execute'] : []))
  assert.equal(order.slice(-4), ['confirm', 'execute', 'confirm', 'execute'])
})

test('a report reaches as far as its height, and stays when an older one comes late', () => {
  const alone = new Alone({ confirm: 2 })
  alone.tell(0, a, b, c)
  alone.tell(0, headsOf({ k: [A, B] }), headsOf({ k: [A] }))
  alone.tell(1, headsOf({ k: [A] }))
  assert.equal(alone.executed, [A.id])
  alone.tell(1, headsOf({ k: [A, B] }))
  assert.equal(alone.executed, idsOf(A, B))
  // One that is further than this learner says nothing yet, and nothing against it.
  alone.all([0, 1, 2, 3], headsOf({ k: [A, B, C, batchOn('k')] }))
  assert.equal([alone.executed.length, alone.suspected], [2, []])
  assert.not.ok(alone.records.some(({ type }) => type === 'forget'))
})

test('asked again and again, all keys in turn, whoever is believed', () => {
  const names = (letter: string) => Array.from({ length: 600 }, (_, i) => `${letter}${i}`)
  const alone = new Alone({ confirm: 2 })
  alone.tell(3, { ...a, certificate: b.certificate })
  alone.tell(0, slow(batchOn(...names('a')), value([])), slow(batchOn(...names('b')), value([])))
  alone.pass(5000)
  const asked = alone.sent('heads-request')
  assert.equal([...new Set(asked.map(({ to }) => to))], [0, 1, 2])
  assert.ok(asked.every(({ message }) => message.heights.size <= LIMITS.keysPerBatch))
  assert.is(new Set(asked.flatMap(({ message }) => [...message.heights.keys()])).size, 1200)
  assert.ok(asked.length > 9)
})

test('what a liar confirms does not count', () => {
  const alone = new Alone({ confirm: 2 })
  alone.tell(1, { ...b, certificate: a.certificate })
  alone.tell(0, a)
  alone.all([0, 1], headsOf({ k: [A] }))
  assert.equal(alone.executed, [])
  alone.tell(2, headsOf({ k: [A] }))
  assert.equal(alone.executed, [A.id])
})

test('after a restart: what was handed on is not handed on again, what waited is asked about', () => {
  const before = new Alone({ confirm: 2 })
  before.tell(0, a, b)
  before.all([0, 1], headsOf({ k: [A] }))
  assert.equal(before.executed, [A.id])
  const alone = new Alone({ confirm: 2, earlier: before.records })
  assert.equal(alone.executed, [A.id])
  alone.pass(timing.catchUpWaitMs)
  assert.ok(alone.sent('heads-request').length > 0)
  alone.all([0, 1], headsOf({ k: [A, B] }))
  assert.equal(alone.executed, idsOf(A, B))
})

test('who reports another log than those that confirm is suspected; as many as may lie change nothing', () => {
  const alone = new Alone({ confirm: 2 })
  alone.tell(0, a, b)
  alone.tell(3, headsOf({ k: [A, A] }))
  assert.equal(alone.suspected, [])
  // Up to the first batch it may be right.
  alone.all([0, 1], headsOf({ k: [A] }))
  assert.equal([alone.executed, alone.suspected], [[A.id], []])
  alone.all([0, 1], headsOf({ k: [A, B] }))
  assert.equal([alone.executed, alone.suspected], [idsOf(A, B), [3]])
  // Nothing waits: what anyone says now is not remembered, and what was said is forgotten.
  alone.all([1, 2], NOT_THIS)
  alone.tell(0, c)
  alone.tell(2, headsOf({ k: [B, A, C] }))
  assert.not.ok(alone.records.some(({ type }) => type === 'forget'))
})

/** A learner that was told B before A, one confirmation for it, and then of more signers than may lie that it was A before B. */
function misled(confirm: number): Alone {
  const alone = new Alone({ confirm })
  alone.tell(3, ...chained(B, A))
  alone.tell(3, headsOf({ k: [B] }))
  // Held for history that is not here: from someone who is not the guide.
  alone.tell(
    3,
    fast(
      C,
      EVERYONE.map(() => ({ heights: new Map([['k', 3]]), pending: [] })),
    ),
  )
  // Asked for, and no longer wanted.
  alone.tell(3, chained(batchOn('m'), batchOn('m'))[1] as Message)
  alone.tell(2, { type: 'page', from: 0, ids: idsOf(batchOn('x')), executed: 1, pruned: 0 })
  alone.forgetSent()
  alone.all(EVERYONE.slice(1, 1 + MAY_LIE), headsOf({ k: [A, B] }))
  assert.not.ok(alone.records.some(({ type }) => type === 'forget'))
  alone.tell(0, headsOf({ k: [A, B] }))
  assert.ok(alone.records.some(({ type }) => type === 'forget'))
  return alone
}

test('contradicted by more than may lie: derived anew from one of them, handed on once, then all are asked again', () => {
  const alone = misled(2)
  assert.equal([alone.executed, alone.suspected], [[], []])
  assert.equal(
    alone.sent('sync').map(({ to }) => to),
    [0],
  )
  alone.pass(timing.catchUpWaitMs + 10)
  assert.equal(alone.sent('fetch'), [])
  // Only the guide's certificates are taken.
  alone.tell(1, a)
  assert.is(alone.learner.journal.logs.executed.length, 0)
  alone.tell(0, a, b)
  // What was reported of the log that was given up counts no longer.
  alone.tell(0, headsOf({ k: [A, B] }))
  assert.equal(alone.executed, [])
  alone.forgetSent()
  alone.tell(1, headsOf({ k: [A, B] }))
  assert.equal(alone.executed, idsOf(A, B))
  assert.equal(
    alone.sent('sync').map(({ to }) => to),
    EVERYONE,
  )
  const D = batchOn('k')
  alone.tell(2, slow(D, value([B])))
  // C was held before.
  assert.equal(alone.learner.journal.logs.executed, idsOf(A, B, D))
  const again = new Alone({ confirm: 2, earlier: alone.records })
  assert.equal(again.executed, idsOf(A, B))
  assert.equal(again.learner.journal.logs.executed, idsOf(A, B, D))
})

test('a guide that supplies nothing, or leaves, guides no longer; contradicted again, it is the next one’s turn', () => {
  const waits = misled(2)
  waits.forgetSent()
  waits.pass(timing.recoveryTimeoutMs)
  assert.equal([...new Set(waits.sent('sync').map(({ to }) => to))].sort(), EVERYONE)
  const left = misled(2)
  left.forgetSent()
  left.step({ type: 'disconnected', now: left.now, signer: 0 })
  assert.equal([...new Set(left.sent('sync').map(({ to }) => to))].sort(), [1, 2, 3])
  left.step({ type: 'connected', now: left.now, signer: 0 })
  left.tell(3, ...chained(B, A))
  left.forgetSent()
  left.all([0, 1], headsOf({ k: [A, B] }))
  assert.equal(
    left.sent('sync').map(({ to }) => to),
    [1],
  )
})

test('handed on at another place than it has now: nothing more on that key, and not twice', () => {
  const alone = misled(1)
  assert.equal(alone.executed, [B.id])
  const D = batchOn('k')
  const elsewhere = batchOn('m')
  alone.tell(0, a, b, slow(D, value([B])), slow(elsewhere, value([])))
  alone.all([0, 1, 2], headsOf({ k: [A, B, D], m: [elsewhere] }))
  assert.equal(alone.executed, idsOf(B, elsewhere))
})

test.run()
