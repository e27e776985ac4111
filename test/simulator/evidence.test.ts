/** K1 and K2 in the simulator: a planted contradiction is found and named by those who see both halves; nobody honest ever is. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { fake } from '../../src/lib/bls/fake.js'
import { verifyEvidence } from '../../src/lib/core/evidence.js'
import type { DurableRecord } from '../../src/lib/core/record.js'
import { voteDigest } from '../../src/lib/core/statement.js'
import type { Effect, Event } from '../../src/lib/core/steppable.js'
import type { Value } from '../../src/lib/core/tally.js'
import { violationsOf } from '../../src/lib/simulator/checkers.js'
import type { History } from '../../src/lib/simulator/history.js'
import type { SimulatedSigner } from '../../src/lib/simulator/host.js'
import { joinedEvidence, type OwnedRecord } from '../../src/lib/simulator/joined-evidence.js'
import { CALM } from '../../src/lib/simulator/scenario.js'
import { signersOf } from '../../src/lib/simulator/signers.js'
import { simulate } from '../../src/lib/simulator/simulate.js'
import { Liars } from '../core/evidence-samples.js'
import { FAKE } from '../core/small-cluster.js'

const LIAR = 2
const N = 5
const { manifest, keys } = signersOf(FAKE, { n: N, tolerance: CALM.tolerance, fanout: 2, regions: [], timing: {}, deltaMs: CALM.deltaMs })

/** Votes as it should, and tells one other signer of another view that it signed too. */
function doubleVoter(inner: SimulatedSigner): SimulatedSigner {
  const lie = (effect: Effect): Effect[] => {
    if (effect.type !== 'persist' || effect.record.type !== 'vote') return []
    const { batchId } = effect.record
    const view = { heights: new Map<string, number>(), pending: ['ab'.repeat(32)] }
    const signature = fake.sign(keys[LIAR]?.bls ?? new Uint8Array(), voteDigest(manifest, batchId, view))
    const votes = { entries: [{ view, signers: bitmapOf(N, [LIAR]) }], signature }
    return [{ type: 'send', to: (LIAR + 1) % N, message: { type: 'shares', batchId, votes: [votes], accepts: [] } }]
  }
  return {
    restore: (records) => inner.restore(records),
    step: (event: Event) => inner.step(event).flatMap((effect) => [effect, ...lie(effect)]),
    get wakeAt() {
      return inner.wakeAt
    },
  }
}

const run = (liars: ReadonlySet<number>) => {
  let history: History | undefined
  const result = simulate(
    { ...CALM, n: N, txs: 6, seed: 7 },
    {
      wrap: (signer, index) => (index === LIAR ? doubleVoter(signer) : signer),
      liars,
      history: (one) => {
        history = one
      },
    },
  )
  if (!history) throw new Error('no history')
  return { result, history }
}

test('K1: a double vote that two signers saw between them is proved and named', () => {
  const { result, history } = run(new Set([LIAR]))
  assert.equal(result.violations, [])
  assert.ok(history.accusations.length > 0)
  assert.ok(history.accusations.some(({ kind }) => kind === 'double-vote'))
  for (const { judgement } of history.accusations) assert.equal(judgement.type === 'guilty' && judgement.signers, [LIAR])
})

test('K1: two certificates of one ballot in two stores name everyone who is in both: 2q − n at least', () => {
  const liars = new Liars(FAKE, 5)
  const batch = liars.batch(0, ['k'])
  const votes = liars.votes(
    batch.id,
    [0, 1, 2, 3, 4].map((signer) => [signer, { heights: new Map(), pending: [] }]),
  )
  const record = (named: string[], signers: number[]): DurableRecord => {
    const value: Value = { base: new Map(), predecessors: named, tallies: { m: 5, inc: new Map(named.map((id) => [id, 5])) } }
    const accepts = liars.accepts(batch.id, 1, liars.orderHalf(batch, value, votes).valueDigest, signers)
    const more = { signers: accepts.signers, signature: accepts.signature }
    return { type: 'certificate', certificate: { type: 'slow', epoch: 0, batchId: batch.id, ballot: 1, value, ...more } }
  }
  const one: OwnedRecord = { signer: 0, record: record([], [0, 1, 2, 3]) }
  const other: OwnedRecord = { signer: 4, record: record(['ab'.repeat(32)], [1, 2, 3, 4]) }
  const [evidence, ...more] = joinedEvidence(FAKE, liars.manifest, [one, other])
  if (!evidence) throw new Error('nothing was found')
  const judgement = verifyEvidence(FAKE, liars.manifest, evidence)
  const { quorum, n } = liars.manifest
  assert.equal([more.length, judgement.type === 'guilty' && judgement.signers], [0, [1, 2, 3]])
  assert.is(2 * quorum - n, 3)
  assert.equal(joinedEvidence(FAKE, liars.manifest, [one, one]), [])
})

test('K2: evidence against who is not known to lie, or that does not hold, is a violation', () => {
  const { result, history } = run(new Set())
  assert.is(result.verdict, 'unsafe')
  assert.ok(result.violations.every(({ id, text }) => id === 'K2' && /votes? against honest signers: 2/.test(text)))
  const [accusation] = history.accusations
  if (!accusation) throw new Error('no accusation')
  const forged: History = {
    ...history,
    accusations: [{ ...accusation, judgement: { type: 'fault', fault: 'nothing in it' } }],
    liars: new Set([LIAR]),
  }
  assert.equal(
    violationsOf(forged).map(({ id }) => id),
    ['K2'],
  )
})

test.run()
