/**
 * Links that come and go: a time-out is put off by progress and by nothing else, and what a lost connection has held up goes on once it is there again,
 * without waiting out a time-out that grew meanwhile.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Order, signOrder } from '../../src/lib/core/certificate.js'
import type { Rules } from '../../src/lib/core/rules.js'
import { FAKE, HOP_MS, type Sent, SmallCluster } from './small-cluster.js'

const TIMING = { hopTimeoutMs: 400, recoveryTimeoutMs: 1000 }
/** A round trip and a half of everything: far less than any time-out. */
const AT_ONCE_MS = 8 * HOP_MS

/** A batch that all know and nobody decides in ballot 0: no vote gets through. */
function undecided(
  n: number,
  lost: (sent: Sent) => boolean = () => false,
  rules: Partial<Rules> = {},
): { cluster: SmallCluster; id: string; permutation: readonly number[] } {
  const cluster = new SmallCluster({ n, timing: TIMING, rules })
  cluster.delay = (sent) => (sent.message.type === 'vote' || lost(sent) ? undefined : HOP_MS)
  const { id, tree } = cluster.propose(0, ['k'])
  cluster.run(5 * HOP_MS)
  return { cluster, id, permutation: tree.permutation }
}

function isCommitted(cluster: SmallCluster, id: string): boolean {
  return cluster.signers.some((signer) => signer?.journal.get(id)?.committed)
}

/** Lets time pass until a batch is in a ballot of such a coordinator whose wait for promises is over. */
function runUntilPrepared(cluster: SmallCluster, id: string, isCoordinator: (signer: number) => boolean): number {
  let coordinator = -1
  cluster.forget()
  const found = cluster.runUntil(() => {
    coordinator = cluster.sentOf('prepare', id).at(-1)?.from ?? -1
    return isCoordinator(coordinator)
  })
  assert.ok(found)
  cluster.run(TIMING.hopTimeoutMs + 5 * HOP_MS)
  return coordinator
}

test('a root that comes and goes, faster than any time-out, puts nobody’s off', () => {
  const { cluster, id } = undecided(5, ({ from, message }) => from === 0 && message.type !== 'propose')
  const others = [1, 2, 3, 4]
  const begun = cluster.now
  while (!isCommitted(cluster, id) && cluster.now < begun + 20_000) {
    for (const other of others) cluster.cut(0, other)
    cluster.run(TIMING.hopTimeoutMs / 4)
    for (const other of others) cluster.join(0, other)
    cluster.run(TIMING.hopTimeoutMs / 4)
  }
  assert.ok(isCommitted(cluster, id))
  assert.ok(cluster.now - begun < TIMING.hopTimeoutMs + TIMING.recoveryTimeoutMs, `it took ${cluster.now - begun} ms`)
})

/** The highest ballot that a signer has asked for by the end of so many time-outs, while it is told the same things again and again. */
function ballotDespite(repeat: (order: Order, round: number) => Order): number {
  // Without this rule an order that is accepted already is looked at anew, as one is that cannot be accepted yet.
  const { cluster, id, permutation } = undecided(5, ({ message }) => message.type === 'accept' && message.ballot > 0, { oneAccept: false })
  assert.ok(cluster.runUntil(() => cluster.sentOf('order', id).some(({ message }) => message.order.ballot > 0)))
  cluster.run(2 * HOP_MS)
  const order = cluster.sentOf('order', id).at(-1)?.message.order
  if (!order) throw new Error('no order was sent')
  const from = permutation[order.ballot % 5] ?? 0
  const to = from === 4 ? 3 : 4
  // Nobody else draws it into another ballot.
  for (const other of [0, 1, 2, 3, 4]) if (other !== to) cluster.cut(other, to)
  for (let round = 0; round < 40; round++) {
    const said = signOrder(FAKE, cluster.manifest, cluster.keys[from]?.link ?? new Uint8Array(32), repeat(order, round))
    cluster.inject(from, to, { type: 'order', order: said })
    cluster.run(TIMING.recoveryTimeoutMs / 2)
  }
  return (cluster.signers[to]?.ballots.ballotOf(id) ?? 0) - order.ballot
}

test('an order that is repeated for ever is progress once', () => {
  assert.ok(ballotDespite((order) => order) > 0)
})

test('orders of ever higher ballots that follow from nothing are no progress', () => {
  assert.ok(ballotDespite((order, round) => ({ ...order, ballot: order.ballot + 5 * (round + 1) })) > 0)
})

test('a quorum that is back is used at once, whatever the back-off has grown to', () => {
  let isApart = true
  const { cluster, id, permutation } = undecided(9, ({ message }) => message.type === 'prepare' && isApart)
  const [root = 0, next = 0, ...others] = permutation
  const [alone = 0, ...together] = others
  for (const gone of [root, next]) cluster.crash(gone)
  for (const other of together) cluster.cut(alone, other)
  // Two ballots in a row have a coordinator that is gone, and the others’ attempts are lost: nothing that is said again helps there.
  const isGivenUp = (signer: number): boolean => {
    const ballot = cluster.signers[signer]?.ballots.ballotOf(id) ?? 0
    return ballot > 0 && ballot % 9 === 0
  }
  assert.ok(cluster.runUntil(() => together.every(isGivenUp), 1_000 * TIMING.recoveryTimeoutMs))
  cluster.run(TIMING.recoveryTimeoutMs)
  const begun = cluster.now
  for (const other of together) cluster.join(alone, other)
  isApart = false
  assert.ok(cluster.settle(id))
  assert.ok(cluster.now - begun < 5 * TIMING.recoveryTimeoutMs, `it took ${cluster.now - begun} ms`)
})

test('a signer that comes back while a ballot waits for it is asked for its promise', () => {
  const { cluster, id } = undecided(5)
  cluster.crash(0)
  cluster.crash(4)
  runUntilPrepared(cluster, id, (signer) => signer > 0 && signer < 4)
  assert.not.ok(isCommitted(cluster, id))
  cluster.restart(4)
  assert.ok(cluster.runUntil(() => isCommitted(cluster, id), AT_ONCE_MS))
})

test('a signer that comes back while an order waits for it is asked for its accept', () => {
  let gone = -1
  const { cluster, id } = undecided(5, ({ to, message }) => message.type === 'order' && message.order.ballot > 0 && to === gone)
  cluster.crash(0)
  const coordinator = runUntilPrepared(cluster, id, (signer) => {
    gone = signer === 4 ? 3 : 4
    return signer > 0
  })
  assert.not.ok(isCommitted(cluster, id))
  cluster.cut(coordinator, gone)
  cluster.run(HOP_MS)
  const lost = gone
  gone = -1
  cluster.join(coordinator, lost)
  assert.ok(cluster.runUntil(() => isCommitted(cluster, id), AT_ONCE_MS))
})

test('a time-out that a lost connection has swallowed is said again', () => {
  const { cluster, id, permutation } = undecided(9, ({ message }) => message.type === 'timeout')
  const coordinator = permutation[1] ?? 0
  assert.ok(cluster.runUntil(() => cluster.sentOf('timeout', id).filter(({ to }) => to === coordinator).length === 8))
  cluster.run(HOP_MS)
  cluster.delay = ({ message }) => (message.type === 'vote' ? undefined : HOP_MS)
  assert.is(cluster.sentOf('prepare', id).length, 0)
  for (const other of [permutation[2] ?? 0, permutation[3] ?? 0]) {
    cluster.cut(coordinator, other)
    cluster.run(HOP_MS)
    cluster.join(coordinator, other)
  }
  assert.ok(cluster.runUntil(() => isCommitted(cluster, id), AT_ONCE_MS))
})

test.run()
