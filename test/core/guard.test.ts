/** The synchrony guard: notices of slow rounds, the wait of 2Δ, locks and what makes them final, and what a restarted signer asks. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { fakeEd25519 } from '../../src/lib/bls/fake.js'
import type { Rules } from '../../src/lib/core/rules.js'
import { prepareDigest, timeoutDigest, valueDigest } from '../../src/lib/core/statement.js'
import { arrivals, FAKE, HOP_MS, SmallCluster } from './small-cluster.js'

const test = suite('guard')
const DELTA_MS = 50

/** Seven signers of whom three see V before U and four U before V: both are decided in phase 3. */
function contested(rules: Partial<Rules> = {}) {
  const cluster = new SmallCluster({ n: 7, deltaMs: DELTA_MS, rules })
  let first = ''
  cluster.delay = arrivals((to, id) => (to >= 4 && id === first ? cluster.now + 4 * HOP_MS : undefined))
  const u = cluster.propose(0, ['k'])
  first = u.id
  const v = cluster.propose(6, ['k'])
  return { cluster, u, v }
}

/** Seven signers that have settled. */
function calm(rules: Partial<Rules> = {}) {
  const cluster = new SmallCluster({ n: 7, deltaMs: DELTA_MS, rules })
  cluster.run(3 * DELTA_MS)
  return cluster
}

test('without phase 3 the guard says nothing', () => {
  const cluster = calm()
  const { id } = cluster.propose(2, ['k'])
  assert.ok(cluster.settle(id))
  for (const type of ['notice', 'inquire', 'finals'] as const) assert.is(cluster.sentOf(type).filter(({ at }) => at > 3 * DELTA_MS).length, 0, type)
})

test('every signer tells all of a slow round once, at its first sight of it', () => {
  const { cluster, u, v } = contested()
  assert.ok(cluster.settle(u.id, v.id))
  for (const { id } of [u, v]) {
    if (cluster.recordsOf(0, 'certificate').some(({ certificate }) => certificate.batchId === id && certificate.type === 'fast')) continue
    const notices = cluster.sentOf('notice', id).filter(({ message }) => message.ballot === 0)
    const pairs = new Set(notices.map(({ from, to }) => `${from}>${to}`))
    assert.is(pairs.size, 7 * 6)
    assert.is(notices.length, pairs.size)
  }
  assert.ok(cluster.sentOf('notice').length > 0, 'phase 3 ran')
})

for (const noticeWait of [true, false])
  test(`an accept is signed no sooner than 2Δ after the own notice${noticeWait ? '' : ': not so without the rule'}`, () => {
    const { cluster, u, v } = contested({ noticeWait })
    assert.ok(cluster.settle(u.id, v.id))
    let accepts = 0
    let early = 0
    for (const { at, signer, effect } of cluster.done) {
      if (effect.type !== 'persist' || effect.record.type !== 'accept') continue
      const { batchId, ballot } = effect.record.order
      const noticedAt = cluster.sentOf('notice', batchId).find(({ from, message }) => from === signer && message.ballot === ballot)?.at
      accepts++
      if (noticedAt === undefined || at < noticedAt + 2 * DELTA_MS) early++
    }
    assert.ok(accepts > 0)
    assert.is(early > 0, !noticeWait)
  })

/** A PREPARE of ballot 1 whose time-outs are signed by more than f_s signers: as liars could make it with honest ones' help. */
function prepareOf(cluster: SmallCluster, id: string, coordinator: number) {
  const { manifest, keys } = cluster
  const wanting = [3, 4, 5, 6]
  const crypto = FAKE
  const signatures = wanting.map((signer) => crypto.bls.sign(keys[signer]?.bls ?? new Uint8Array(), timeoutDigest(manifest, id, 1)))
  return {
    timeouts: { signers: bitmapOf(7, wanting), signature: crypto.bls.aggregate(signatures) ?? new Uint8Array(96) },
    signature: crypto.ed25519.sign(keys[coordinator]?.link ?? new Uint8Array(), prepareDigest(manifest, id, 1)),
  }
}

for (const noHigherNotice of [true, false])
  test(`a certificate below a noticed ballot is a lock until enough others call it final${noHigherNotice ? '' : ': not so without the rule'}`, () => {
    const cluster = calm({ noHigherNotice })
    // Signer 1 gets no certificate by itself.
    cluster.delay = ({ to, message }) => (to === 1 && (message.type === 'certificate' || message.type === 'page') ? undefined : HOP_MS)
    const { id, tree } = cluster.propose(0, ['k'])
    cluster.runUntil(() => cluster.signers[0]?.journal.isExecuted(id) === true)
    const coordinator = tree.permutation[1] ?? 0
    cluster.inject(3, 1, {
      type: 'notice',
      batchId: id,
      ballot: 1,
      heights: new Map(),
      round: { type: 'prepare', ...prepareOf(cluster, id, coordinator) },
    })
    const certificate = cluster.recordsOf(0, 'certificate')[0]?.certificate
    assert.ok(certificate)
    if (!certificate) return
    cluster.inject(0, 1, { type: 'certificate', certificate })
    assert.is(cluster.signers[1]?.journal.isExecuted(id), !noHigherNotice)
    if (!noHigherNotice) return
    const value = cluster.signers[0]?.journal.get(id)?.committed?.value
    if (!value) throw new Error('nothing is committed')
    const items = [{ batchId: id, valueDigest: valueDigest(cluster.manifest.clusterId, value) }]
    for (const signer of [2, 3, 4]) cluster.inject(signer, 1, { type: 'finals', items })
    cluster.inject(2, 1, { type: 'finals', items })
    assert.not.ok(cluster.signers[1]?.journal.isExecuted(id), 'three others are f_s, not more')
    cluster.inject(5, 1, { type: 'finals', items })
    assert.ok(cluster.signers[1]?.journal.isExecuted(id))
  })

test('a NOTICE without its proof changes nothing and is held against its sender', () => {
  const cluster = calm()
  cluster.delay = ({ to, message }) => (to === 1 && message.type === 'certificate' ? undefined : HOP_MS)
  const { id, tree } = cluster.propose(0, ['k'])
  cluster.runUntil(() => cluster.signers[0]?.journal.isExecuted(id) === true)
  const coordinator = tree.permutation[1] ?? 0
  const good = prepareOf(cluster, id, coordinator)
  const few = { ...good, timeouts: { ...good.timeouts, signers: bitmapOf(7, [3]) } }
  const foreign = { ...good, signature: fakeEd25519.sign(cluster.keys[2]?.link ?? new Uint8Array(), prepareDigest(cluster.manifest, id, 1)) }
  cluster.inject(3, 1, { type: 'notice', batchId: id, ballot: 1, heights: new Map(), round: { type: 'prepare', ...few } })
  cluster.inject(3, 1, { type: 'notice', batchId: id, ballot: 1, heights: new Map(), round: { type: 'prepare', ...foreign } })
  assert.is(cluster.suspicions.filter(({ reason }) => reason === 'a NOTICE without proof').length, coordinator === 2 ? 1 : 2)
  const certificate = cluster.recordsOf(0, 'certificate')[0]?.certificate
  if (certificate) cluster.inject(0, 1, { type: 'certificate', certificate })
  assert.ok(cluster.signers[1]?.journal.isExecuted(id))
})

for (const settling of [true, false])
  test(`after a restart nothing is final for 2Δ${settling ? '' : ': not so without the rule'}`, () => {
    // What comes before a signer has caught up waits as long by a rule of its own.
    const cluster = calm({ settling, lateDoubted: settling })
    cluster.delay = ({ to, message }) => (to === 1 && message.type === 'certificate' ? undefined : HOP_MS)
    const { id } = cluster.propose(0, ['k'])
    cluster.runUntil(() => cluster.signers[0]?.journal.isExecuted(id) === true)
    cluster.crash(1)
    cluster.run(DELTA_MS)
    cluster.restart(1)
    const restartedAt = cluster.now
    const certificate = cluster.recordsOf(0, 'certificate')[0]?.certificate
    if (certificate) cluster.inject(0, 1, { type: 'certificate', certificate })
    assert.is(cluster.signers[1]?.journal.isExecuted(id), !settling)
    assert.ok(cluster.runUntil(() => cluster.signers[1]?.journal.isExecuted(id) === true))
    if (settling) assert.ok(cluster.now >= restartedAt + HOP_MS)
    assert.is(cluster.recordsOf(1, 'lock').length > 0, settling)
  })

test('TIMEOUTs for a final batch do not put off the time-outs of those behind it', () => {
  const cluster = calm()
  const { id } = cluster.propose(0, ['k'])
  // The next one on the key gets no votes, so its time-outs run; it stands behind the first in every order of arrival.
  cluster.delay = ({ message }) => (message.type === 'vote' && message.batchId !== id ? undefined : HOP_MS)
  cluster.run(HOP_MS)
  const behind = cluster.propose(4, ['k'])
  assert.ok(cluster.runUntil(() => cluster.signers[1]?.journal.isExecuted(id) === true && cluster.signers[1].journal.get(behind.id) !== undefined))
  assert.ok(cluster.signers[1]?.journal.get(behind.id)?.frozen.pending.includes(id), 'it arrived before the first was executed')
  cluster.forget()
  const { recoveryTimeoutMs } = cluster.manifest.timing
  for (let ballot = 1; ballot <= 20; ballot++) {
    for (let signer = 0; signer < 7; signer++)
      if (signer !== 3) cluster.inject(3, signer, { type: 'timeout', batchId: id, ballot, signature: new Uint8Array(96) })
    cluster.run(recoveryTimeoutMs / 10)
  }
  assert.ok(cluster.sentOf('timeout', behind.id).some(({ from }) => from === 1))
})

test('with the guard off the same messages are not sent and certificates decide at once', () => {
  const cluster = new SmallCluster({ n: 7, deltaMs: 0 })
  const { id } = cluster.propose(0, ['k'])
  assert.ok(cluster.settle(id))
  assert.is(cluster.sentOf('notice').length + cluster.sentOf('inquire').length + cluster.sentOf('finals').length, 0)
  assert.is(cluster.recordsOf(1, 'lock').length, 0)
})

test.run()
