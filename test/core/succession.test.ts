/** The end of an epoch under the synchrony guard: a signer goes on once a quorum says that the change is final, for until then others may need it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fake } from '../../src/lib/bls/fake.js'
import { approve, changeTransaction, type Step } from '../../src/lib/core/change.js'
import { FAKE, HOP_MS, SmallCluster } from './small-cluster.js'

const N = 5

/** A cluster in which all have executed a change, and hear of it only from those who may speak. */
function changed(speaking: Set<number>, deltaMs: number) {
  const small = new SmallCluster({ n: N, deltaMs })
  small.run(3 * deltaMs)
  small.delay = ({ from, message }) => (message.type === 'finals' && !speaking.has(from) ? undefined : HOP_MS)
  const step: Step = { type: 'evict', publicKey: small.manifest.signers[N - 1]?.publicKey ?? new Uint8Array(48) }
  const approvals = new Map(small.keys.map(({ bls }, seat) => [seat, approve(fake, small.manifest, step, bls)]))
  const transaction = changeTransaction(FAKE, small.manifest, step, approvals, new Uint8Array(16))
  assert.ok(transaction)
  small.submit(0, transaction)
  const isExecuted = () => small.executed.every((executed) => executed.length === 1)
  assert.ok(small.runUntil(isExecuted))
  const goneOn = () => small.done.flatMap(({ signer, effect }) => (effect.type === 'next-epoch' ? [signer] : [])).sort()
  return { small, goneOn, quorum: small.manifest.quorum, wait: 3 * small.manifest.timing.hopTimeoutMs }
}

test('without the guard whoever has executed the change goes on; under it where all speak', () => {
  const { goneOn } = changed(new Set(), 0)
  assert.equal(goneOn(), [0, 1, 2, 3, 4])
  const guarded = changed(new Set([0, 1, 2, 3, 4]), 50)
  guarded.small.run(guarded.wait)
  assert.equal(guarded.goneOn(), [0, 1, 2, 3, 4])
})

test('under the guard nobody goes on who knows of fewer than a quorum, itself counted in; who knows of one does', () => {
  const speaking = new Set<number>()
  const { small, goneOn, quorum, wait } = changed(speaking, 50)
  // Each hears of those that speak, and knows of itself.
  for (let signer = 0; signer < quorum; signer++) {
    small.run(wait)
    assert.equal(goneOn(), [], `${speaking.size} of ${quorum} speak`)
    if (speaking.size === quorum - 2) break
    speaking.add(signer)
  }
  speaking.add(quorum)
  small.run(wait)
  const silent = [...Array(N).keys()].filter((signer) => !speaking.has(signer))
  assert.equal(goneOn(), silent, 'who hears of all that speak, and is one more')
})

test.run()
