/** A signer that was away for longer than views reach back. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/lib/core/limits.js'
import { SmallCluster } from './small-cluster.js'

test('a batch whose only vote is far older than the history of its key is recovered without that vote', () => {
  const cluster = new SmallCluster({ n: 5, delay: () => undefined })
  cluster.submit(4, cluster.transaction(['k']))
  const own = cluster.recordsOf(4, 'batch')[0]?.batch.id ?? ''
  cluster.crash(4)
  cluster.delay = () => 1
  for (let i = 0; i < LIMITS.heightsBack + 20; i++) {
    cluster.submit(0, cluster.transaction(['k']))
    cluster.run(12)
    cluster.forget()
  }
  // Votes of ballot 0 are lost, so that promises have to do it.
  cluster.delay = ({ message }) => (message.type === 'vote' ? undefined : 1)
  cluster.restart(4)
  assert.ok(cluster.settle(own))
  for (const signer of cluster.signers) {
    const { certificate, value } = signer?.journal.get(own)?.committed ?? {}
    assert.is(certificate?.type, 'slow')
    assert.equal(value?.predecessors, [])
  }
})

test.run()
