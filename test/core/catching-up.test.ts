/**
 * Catching up with a long log: how much is asked for at a time, what happens when it is slow in coming, and what an empty page ends. And the other side: what
 * a signer answers a peer.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Message, MessageOf } from '../../src/lib/core/message.js'
import { Alone, batchOn, chained, fast, idsOf, manifest } from './lone-learner.js'
import { SmallCluster } from './small-cluster.js'

const { timing } = manifest
/** Batches of the largest size that fit into one message. */
const AT_ONCE = 8
const UNDER_WAY = 256
const PEER = 4

/** A log of so many batches on one key, each with its certificate. */
function log(count: number): { ids: string[]; haves: MessageOf<'have'>[] } {
  const batches = Array.from({ length: count }, () => batchOn('k'))
  return { ids: idsOf(...batches), haves: chained(...batches) }
}

const page = (from: number, ids: string[], executed: number): Message => ({ type: 'page', from, ids, executed, pruned: 0 })

/** The ids that were asked for since the last look. */
function asked(alone: Alone): string[] {
  const fetches = alone.sent('fetch')
  assert.ok(fetches.every(({ message }) => message.ids.length <= AT_ONCE))
  alone.forgetSent()
  return fetches.flatMap(({ message }) => message.ids)
}

test('a page is asked for little by little: few before sizes are known, then as much as fits on a link, and more as it comes', () => {
  const { ids, haves } = log(600)
  const alone = new Alone({ linked: [0] })
  alone.forgetSent()
  alone.tell(0, page(0, ids, 1000))
  alone.pass(1)
  const first = asked(alone)
  assert.equal(first, ids.slice(0, AT_ONCE))
  const all = [...first]
  for (const [i, have] of haves.entries()) {
    alone.tell(0, have)
    all.push(...asked(alone))
    assert.ok(all.length - i - 1 <= UNDER_WAY, `${all.length - i - 1} under way`)
    if (i > 0 && i < 300) assert.ok(all.length - i - 1 > UNDER_WAY / 2, 'the link is kept busy')
  }
  // Each once, in the order of the log.
  assert.equal(all, ids)
  assert.equal(alone.executed, ids)
})

test('a page that goes forward is not given up, however long it takes; one that stands still is', () => {
  const { ids, haves } = log(20)
  const alone = new Alone({ linked: [0, 1] })
  alone.tell(0, page(0, ids, 100))
  for (const have of haves.slice(0, 10)) {
    alone.pass(1.5 * timing.hopTimeoutMs)
    alone.tell(0, have)
  }
  alone.forgetSent()
  alone.pass(3 * timing.hopTimeoutMs)
  assert.ok(alone.sent('fetch').every(({ to }) => to === 0))
  alone.pass(2 * timing.hopTimeoutMs)
  alone.forgetSent()
  // Its pages are not read for a while; the other one's are.
  alone.tell(0, page(0, ids, 100))
  alone.tell(1, page(0, ids, 100))
  alone.pass(1)
  assert.equal([...new Set(alone.sent('fetch').map(({ to }) => to))], [1])
})

test('what waits for its history counts as here: what comes after it is asked for all the same', () => {
  const far = Array.from({ length: 4 }, () => ({ heights: new Map([['k', 500]]), pending: [] }))
  const batches = Array.from({ length: 2 * AT_ONCE }, () => batchOn('k'))
  const alone = new Alone({ linked: [0] })
  alone.tell(0, page(0, idsOf(...batches), 1000))
  alone.pass(1)
  assert.equal(asked(alone), idsOf(...batches.slice(0, AT_ONCE)))
  for (const batch of batches.slice(0, AT_ONCE)) alone.tell(0, fast(batch, far))
  assert.equal(alone.records, [])
  assert.equal(asked(alone), idsOf(...batches.slice(AT_ONCE)))
})

test('an empty page ends a walk, whatever it claims: nobody is kept asking', () => {
  const alone = new Alone({ linked: [0] })
  alone.forgetSent()
  alone.tell(0, page(0, [], 2 ** 40))
  assert.equal(alone.sent('sync'), [])
  assert.is(alone.learner.reach.get(0), 2 ** 40)
  alone.pass(timing.syncIntervalMs + 1)
  assert.is(alone.sent('sync').length, 1)
  // Where it ended counts from then on: of what came after it one page is enough.
  alone.forgetSent()
  alone.tell(0, page(7, [], 7))
  alone.pass(timing.syncIntervalMs + 1)
  assert.equal(
    alone.sent('sync').map(({ message }) => message.from),
    [7],
  )
})

test('a signer that feeds a page drop by drop gives way to the next one, and is no reason to wait', () => {
  const { ids, haves } = log(100)
  const alone = new Alone({ linked: [0, 1] })
  alone.tell(0, page(0, ids, 1000))
  alone.pass(1)
  const begun = alone.now
  for (const have of haves) {
    if (alone.sent('fetch', 1).length > 0) break
    alone.pass(3 * timing.hopTimeoutMs)
    alone.tell(0, have)
    alone.tell(1, page(0, ids, 1000))
    alone.pass(1)
  }
  assert.ok(alone.now - begun < 4 * timing.recoveryTimeoutMs + 4 * timing.hopTimeoutMs, `${alone.now - begun} ms`)
  assert.ok(alone.executed.length < 10)
})

test('how far signers are: as more of them say than may lie', () => {
  const alone = new Alone()
  const claims = [2 ** 40, 7, 9, 8]
  assert.is(alone.learner.furthest, undefined)
  alone.tell(0, page(0, [], claims[0] ?? 0))
  // One may lie: nothing is known by one.
  assert.is(alone.learner.furthest, undefined)
  for (const signer of [1, 2, 3]) alone.tell(signer, page(0, [], claims[signer] ?? 0))
  assert.is(alone.learner.furthest, 9)
  // Linked to one alone, its word is all there is.
  for (const signer of [1, 2, 3]) alone.step({ type: 'disconnected', now: alone.now, signer })
  assert.is(alone.learner.furthest, 2 ** 40)
})

test('how far signers are is known from their pages, and forgotten with their connection or when they are not believed', () => {
  const alone = new Alone({ linked: [0, 1] })
  alone.tell(0, page(0, [], 3))
  alone.tell(1, page(0, [], 5))
  assert.equal(
    [...alone.learner.reach],
    [
      [0, 3],
      [1, 5],
    ],
  )
  alone.step({ type: 'disconnected', now: alone.now, signer: 1 })
  assert.equal([...alone.learner.reach], [[0, 3]])
  const [lie] = chained(batchOn('k'))
  const [other] = chained(batchOn('k'))
  if (lie && other) alone.tell(0, { ...lie, certificate: other.certificate })
  assert.equal([...alone.learner.reach], [])
  assert.equal([...alone.learner.distrusted], [0])
})

test('a signer answers every SYNC of a peer, also where nothing is missing', () => {
  const cluster = new SmallCluster({ n: 4 })
  assert.ok(cluster.settle(cluster.propose(0, ['k']).id))
  const logs = cluster.signers[0]?.journal.logs
  assert.ok(logs)
  cluster.forget()
  const answer = (message: MessageOf<'sync'>): MessageOf<'page'> | undefined => {
    const from = cluster.sent.length
    cluster.inject(PEER, 0, message)
    cluster.run(100)
    return cluster.sent.slice(from).flatMap((sent) => (sent.to === PEER && sent.message.type === 'page' ? [sent.message] : []))[0]
  }
  assert.equal(answer({ type: 'sync', executed: 1, digest: logs.executedDigest, from: 0 }), page(1, [], 1))
  assert.equal(answer({ type: 'sync', executed: 0, digest: '0'.repeat(64), from: 0 })?.ids, logs.executed)
  assert.equal(answer({ type: 'sync', executed: 0, digest: '0'.repeat(64), from: 9 })?.ids, [])
})

test.run()
