// time limit: 120 s
/**
 * Certificates with real signatures: both backends verify every certificate of a run, no flipped bit passes, and whoever is given the same bytes, signer
 * or learner, comes to the same verdict.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { fromCbor, toCbor } from '../../src/lib/base/codec.js'
import { MusigError } from '../../src/lib/base/errors.js'
import { type Certificate, certificateCodec, certificateFault } from '../../src/lib/core/certificate.js'
import { Learner } from '../../src/lib/core/learner.js'
import type { MessageOf } from '../../src/lib/core/message.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { SmallCluster } from '../core/small-cluster.js'

const N = 4
const blst = loadCrypto('blst')
const noble = loadCrypto('noble')

/** A run in which two batches of one key meet half-way, so that one at least is decided in phase 3. */
const cluster = new SmallCluster({ n: N, crypto: blst })
const { manifest } = cluster
for (const signer of [0, 2]) cluster.submit(signer, cluster.transaction(['k']))
assert.ok(cluster.runUntil(() => cluster.executed.every((executed) => executed.length === 2)))
assert.ok(cluster.settle(cluster.propose(1, ['k']).id))

/** Every batch of it with its certificate, in the order of execution. */
const all = (cluster.executed[0] ?? []).map(({ batch, certificate }) => ({ batch, certificate }))

function one(type: Certificate['type']): (typeof all)[number] {
  const found = all.find(({ certificate }) => certificate.type === type)
  assert.ok(found, `no ${type} certificate`)
  return found
}

/** The certificate with one bit flipped, if that can be read at all. */
function flipped(certificate: Certificate, bit: number): Certificate | undefined {
  const bytes = toCbor(certificateCodec, certificate)
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  try {
    return fromCbor(certificateCodec, bytes, bytes.length)
  } catch (error) {
    assert.ok(error instanceof MusigError && error.code === 'BAD_ENCODING', String(error))
    return undefined
  }
}

const bitsOf = (certificate: Certificate): number[] => Array.from({ length: 8 * toCbor(certificateCodec, certificate).length }, (_, bit) => bit)

test('blst and noble verify every certificate of a run', () => {
  assert.is(all.length, 3)
  for (const { certificate } of all)
    for (const crypto of [blst, noble]) assert.is(certificateFault(crypto, manifest, certificate), undefined, crypto.bls.name)
})

for (const type of ['fast', 'slow'] as const)
  test(`no flipped bit passes: ${type}`, () => {
    const { certificate } = one(type)
    let read = 0
    for (const bit of bitsOf(certificate)) {
      const other = flipped(certificate, bit)
      if (!other) continue
      read++
      const fault = certificateFault(blst, manifest, other)
      assert.ok(fault !== undefined, `bit ${bit}`)
      // The slower one for a part of them.
      if (bit % 241 === 0) assert.ok(certificateFault(noble, manifest, other) !== undefined, `bit ${bit}, noble`)
    }
    assert.ok(read > 96 * 8, `${read} could be read`)
  })

/** What a signer that has seen nothing yet makes of it. */
function verdictOfSigner(others: SmallCluster, signer: number, have: MessageOf<'have'>): string {
  others.forget()
  others.inject(0, signer, have)
  if (others.recordsOf(signer, 'certificate').some(({ certificate }) => certificate.batchId === have.batch.id)) return 'taken'
  return others.suspicions.map(({ reason }) => reason).join()
}

/** What a learner that has seen nothing yet makes of it. */
function verdictOfLearner(crypto: typeof blst, have: MessageOf<'have'>): string {
  const learner = new Learner({ manifest, crypto })
  learner.step({ type: 'start', now: 0 })
  learner.step({ type: 'connected', now: 0, signer: 0 })
  const effects = learner.step({ type: 'message', now: 0, from: 0, message: have })
  if (effects.some((effect) => effect.type === 'persist' && effect.record.type === 'certificate')) return 'taken'
  return effects.flatMap((effect) => (effect.type === 'suspect' ? [effect.reason] : [])).join()
}

test('the same bytes, the same verdict: at every signer, and at learners with either backend', () => {
  const verdicts = new Set<string>()
  for (const type of ['fast', 'slow'] as const) {
    const { batch, certificate } = one(type)
    const others = new SmallCluster({ n: N, crypto: blst })
    assert.is(others.manifest.clusterId, manifest.clusterId)
    const mutants = bitsOf(certificate).flatMap((bit) => (bit % 173 === 0 ? (flipped(certificate, bit) ?? []) : []))
    const fewer: Certificate[] = certificate.type === 'slow' ? [{ ...certificate, signers: bitmapOf(N, [0, 1, 2]) }] : []
    // The true one last: after it nothing else of this batch is looked at.
    for (const given of [...mutants, ...fewer, { ...certificate, epoch: 1 }, certificate]) {
      // A certificate under another batch's id is not this batch's: a signer leaves it alone, a learner its sender.
      if (given.batchId !== batch.id) continue
      const have: MessageOf<'have'> = { type: 'have', batch, certificate: given }
      const expected = verdictOfLearner(blst, have)
      assert.is(expected === 'taken', given === certificate)
      verdicts.add(expected)
      assert.is(verdictOfLearner(noble, have), expected)
      for (let signer = 1; signer < N; signer++) assert.is(verdictOfSigner(others, signer, have), expected)
    }
  }
  assert.ok(verdicts.size > 3, [...verdicts].join('; '))
})

test.run()
