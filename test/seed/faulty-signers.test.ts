/** "It is easy to identify the faulty signers from the aggregated signature": two aggregates that contradict one another name them, and nobody else. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inOrder, verifyEvidence } from '../../src/lib/core/evidence.js'
import { Liars, view } from '../core/evidence-samples.js'
import { FAKE } from '../core/small-cluster.js'

test('it is easy to identify the faulty signers from the aggregated signature: those who stand under both of two views', () => {
  const liars = new Liars(FAKE, 7)
  const batch = liars.batch(0, ['k'])
  const other = liars.batch(1, ['k'])
  const faulty = [2, 5]
  const shown = (without: number, lie: boolean) =>
    liars.votes(
      batch.id,
      [0, 1, 2, 3, 4, 5, 6]
        .filter((signer) => signer !== without)
        .map((signer) => [signer, faulty.includes(signer) && lie ? view([other.id]) : view(signer === 6 ? [other.id] : [])]),
    )
  const [one, two] = [shown(0, false), shown(1, true)]
  const [first, second] = inOrder(one, two) ? [one, two] : [two, one]
  const judgement = verifyEvidence(FAKE, liars.manifest, { type: 'double-vote', batchId: batch.id, first, second })
  assert.equal(judgement.type === 'guilty' && judgement.signers, faulty)
})

test.run()
