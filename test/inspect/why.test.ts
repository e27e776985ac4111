/** Why a transaction is where it is, in words: from what signers say of its batch. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type WhyFacts, type Witnessed, whyOf } from '../../src/lib/inspect/why.js'
import { SmallCluster } from '../core/small-cluster.js'

const { manifest } = new SmallCluster({ n: 7 })
const BATCH = 'ab'.repeat(32)
const voted: Witnessed = { voted: true, promised: 0, accepted: null }

function facts(change: Partial<WhyFacts>): WhyFacts {
  const none = { reason: undefined, path: null, ballot: null, votes: null, position: {}, waitingFor: null, neighbours: [] }
  return { manifest, batchId: BATCH, initiator: 2, status: 'pending', ...none, signers: Array(7).fill(voted), ...change }
}

test('silent signers are told from those that have not voted', () => {
  const { sentence, silent, notVoted } = whyOf(facts({ signers: [voted, null, undefined, { ...voted, voted: false }, voted, voted, voted] }))
  assert.equal([silent, notVoted], [[1], [2, 3]])
  assert.match(sentence, /waits for votes: 2 signers that answer have not voted yet \(2, 3\)/)
})

test('no quorum comes first', () => {
  assert.match(whyOf(facts({ signers: [voted, voted, voted, voted, voted, null, null] })).sentence, /No quorum: 5 of 6 .* silent: 5, 6/)
})

test('a ballot above 0 names its coordinator', () => {
  const why = whyOf(facts({ signers: Array(7).fill({ ...voted, promised: 3 }) }))
  assert.is(why.ballot, 3)
  assert.match(why.sentence, new RegExp(`Ballot 3 is under way, coordinated by signer ${why.coordinator}, because root 2`))
  assert.equal(why.notAccepted, [0, 1, 2, 3, 4, 5, 6])
})

test('what is committed waits for something; what is executed stands somewhere; what was rejected says why', () => {
  assert.match(whyOf(facts({ status: 'committed', waitingFor: { batchId: 'cd'.repeat(32) } })).sentence, /waits for batch cdcdcdcd/)
  assert.match(whyOf(facts({ status: 'committed', waitingFor: { key: 'k', height: 9 } })).sentence, /key k is executed up to 9/)
  const place = { status: 'executed' as const, position: { k: 4 }, ballot: 0 }
  assert.match(whyOf(facts({ ...place, path: 'fast', votes: 7 })).sentence, /executed at k 4, by its votes alone: 7 of 7/)
  const [first] = whyOf(facts({ ...place, path: 'slow', neighbours: ['a before b: 5 of 7 saw it first.'] })).details
  assert.is(first, 'a before b: 5 of 7 saw it first.')
  assert.match(whyOf(facts({ ...place, path: 'slow' })).sentence, /agreed in phase 3/)
  assert.match(whyOf(facts({ ...place, path: 'slow', ballot: 2 })).sentence, /decided in ballot 2 by coordinator/)
  assert.match(whyOf(facts({ status: 'rejected', reason: 'too large' })).sentence, /rejected: too large/)
  assert.match(whyOf(facts({ batchId: null, initiator: null })).sentence, /next batch/)
})

test.run()
