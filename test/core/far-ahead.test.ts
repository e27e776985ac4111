/** Claims that would send a signer far ahead: nobody writes what cannot be read back. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MAX_BALLOT } from '../../src/lib/core/statement.js'
import { treeOf } from '../../src/lib/core/tree.js'
import { SmallCluster } from './small-cluster.js'

test('a refusal of an order that was never made does not send a signer to another ballot', () => {
  const cluster = new SmallCluster({ n: 4, delay: () => undefined })
  const { id, tree } = cluster.propose(0, ['k'])
  const ballot = 4000 + tree.permutation.indexOf(0)
  assert.is(treeOf(id, 0, cluster.manifest).permutation[ballot % 4], 0)
  for (const from of [1, 2, 3]) cluster.inject(from, 0, { type: 'refuse', batchId: id, ballot, backings: [] })
  assert.is(cluster.signers[0]?.ballots.ballotOf(id), 0)
})

test('no time-out asks for a ballot that does not fit a message', () => {
  const cluster = new SmallCluster({ n: 5, timing: { recoveryTimeoutMs: 200 } })
  cluster.delay = ({ message }) => (message.type === 'vote' || message.type === 'order' ? undefined : 10)
  const { id } = cluster.propose(0, ['k'])
  cluster.run(50)
  for (let to = 0; to < 4; to++) cluster.inject(4, to, { type: 'timeout', batchId: id, ballot: MAX_BALLOT, signature: new Uint8Array(96) })
  cluster.run(5000)
  for (const { message } of cluster.sentOf('timeout')) assert.ok(message.ballot <= MAX_BALLOT)
})

test.run()
