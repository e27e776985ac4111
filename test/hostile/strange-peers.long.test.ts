// alone
// time limit: 900 s
/** A signer process of a real cluster, and strangers whom it serves as peers: what they may cost is bounded, and clients hardly notice. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Id } from '../../src/lib/base/bytes.js'
import { putDocument } from '../node/cluster-fixture.js'
import type { Target } from './attacks.js'
import { SignerProcesses } from './processes.js'
import { peerAttacks } from './strange-peers.js'
import { hardlyNoticed, latencies, STRANGERS, targetOf, withstand } from './under-attack.js'

const N = 5
const TARGET = 3
const EFFORT = { rounds: 8, samples: 8, leastMs: 1000 }
/** Batches that are asked for: 240 KB each. */
const LARGE = 40

let cluster: SignerProcesses
let target: Target
const ids: Id[] = []

test.before(async () => {
  cluster = await SignerProcesses.start(N, 'strange-peers')
  target = await targetOf(cluster, TARGET, 0)
  for (let i = 0; i < LARGE; i++) {
    const transaction = putDocument(cluster.files.manifest, `large-${i}`, 'x'.repeat(240_000))
    const { batchId } = await cluster.client.submit(transaction, { to: TARGET, timeoutMs: 60_000 })
    if (batchId) ids.push(batchId)
  }
  assert.is(ids.length, LARGE)
  await latencies(cluster, TARGET, { rounds: 1, samples: 100, leastMs: 0 })
})
test.after(() => cluster?.end())

// Their names are known before there is a cluster.
for (const [i, { name }] of peerAttacks('00'.repeat(32), []).entries())
  test(name, async () => {
    const attack = peerAttacks(cluster.files.manifest.clusterId, ids)[i]
    assert.ok(attack)
    hardlyNoticed(name, await withstand(cluster, attack, target, EFFORT), STRANGERS)
  })

test.run()
