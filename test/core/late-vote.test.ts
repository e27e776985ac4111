/** A vote that makes a vote set decisive after the root has ordered phase 3: with the guard on the order stands, for a fast certificate could not be final. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HOP_MS, SmallCluster } from './small-cluster.js'

for (const deltaMs of [0, 50])
  test(`a late vote that makes it fast does not hold a batch up until its time-out, deltaMs ${deltaMs}`, () => {
    const cluster = new SmallCluster({ n: 5, fanout: 4, deltaMs })
    // Signer 4 sees the second batch first; signer 3 sees both in order, and its vote comes late.
    let first = ''
    cluster.delay = ({ from, to, message }) => {
      if (message.type === 'propose' && message.batch.initiator === 1 && to === 4) return 10 * HOP_MS
      if (message.type === 'vote' && message.batchId !== first && from === 3) return 12 * HOP_MS
      return HOP_MS
    }
    first = cluster.propose(1, ['k']).id
    cluster.run(4 * HOP_MS)
    const second = cluster.propose(0, ['k']).id
    const begun = cluster.now
    assert.ok(cluster.settle(first, second))
    assert.ok(cluster.sentOf('order', second).length > 0)
    assert.ok(cluster.now - begun < cluster.manifest.timing.recoveryTimeoutMs / 2, `it took ${cluster.now - begun} ms`)
  })

test.run()
