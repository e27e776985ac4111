/** Transactions on keys in phase 3 (§8): their initiator holds them back, in their order, for no longer than the recovery time-out, and nothing else. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { transactionId } from '../../src/lib/core/transaction.js'
import { Attack } from './attack.js'

/** Signer 0 has seen a liar's order of phase 3 for a batch on `k`, which nobody else hears of: it stays undecided. */
function keyInPhase3(): Attack {
  const story = new Attack({ n: 8, liars: [6, 7] })
  const [before, slow] = [story.batch(7), story.batch(6, [7])]
  story.arrive(before, [0, 1])
  story.arrive(slow, story.honest)
  story.arrive(before, [2, 3, 4, 5])
  story.isHeld = () => true
  story.order(story.orderOfVotes(slow, story.votes(slow, [...story.honest, 6, 7])), [0])
  return story
}

/** The ids of what signer 0 has put into batches, in their order. */
const proposed = ({ cluster }: Attack) =>
  cluster
    .recordsOf(0, 'batch')
    .filter(({ batch }) => batch.initiator === 0)
    .map(({ batch }) => batch.transactions.map((transaction) => transactionId(cluster.manifest.clusterId, transaction)))

test('what is on such a key waits, what is not goes', () => {
  const story = keyInPhase3()
  story.cluster.submit(0, story.cluster.transaction(['k']))
  assert.equal(proposed(story), [])
  const other = story.cluster.submit(0, story.cluster.transaction(['other']))
  assert.equal(proposed(story), [[other]])
})

test('what came later on a key of one that waits does not overtake it', () => {
  const story = keyInPhase3()
  const { cluster } = story
  const held = [['a', 'k'], ['a', 'b'], ['b']].map((deps) => cluster.submit(0, cluster.transaction(deps)))
  const free = cluster.submit(0, cluster.transaction(['c']))
  assert.equal(proposed(story), [[free]])
  cluster.run(cluster.manifest.timing.recoveryTimeoutMs + 1000)
  assert.equal(proposed(story), [[free], held])
})

test('nothing waits for longer than the recovery time-out, though the liar begins anew all the time', () => {
  const story = keyInPhase3()
  const { cluster } = story
  const held = cluster.submit(0, cluster.transaction(['k']))
  const { recoveryTimeoutMs } = cluster.manifest.timing
  for (let waited = 0; waited < recoveryTimeoutMs - 500; waited += 500) {
    const next = story.batch(7)
    story.arrive(next, story.honest)
    // Signer 0 puts its own vote off.
    const votes = story.votes(next, [1, 2, 3, 4, 5, 6, 7])
    story.order(story.orderOfVotes(next, votes), [0], 500)
    assert.equal(proposed(story), [], `after ${waited} ms`)
  }
  cluster.run(1000)
  assert.equal(proposed(story), [[held]])
})

test.run()
