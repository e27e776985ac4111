// time limit: 300 s
/** A cluster that is parted into halves, as processes and by the commands: nothing commits without a quorum, everything does once it is whole again. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { NetworkBench } from './network-bench.js'

const bench = new NetworkBench(5)

test.before(() => bench.start())
test.after(() => bench.end())

test('two halves: nothing commits, also after a restart; once healed everything does', async () => {
  const { partition } = await bench.cluster('partition', '0-1/2-4')
  assert.equal(partition, [
    [0, 1],
    [2, 3, 4],
  ])
  const waiting = [await bench.hand(0), await bench.hand(3)]
  await bench.refused(
    ['tx', 'open', 'nobody', '--to', '2', '--timeout', '500'],
    3,
    'NO_QUORUM',
    /^no quorum: 3 of 4 signers reachable; it may have happened/,
  )
  await bench.cluster('restart', '1')
  assert.equal(await bench.states(), Array(5).fill('partitioned'))
  for (const from of [0, 3]) assert.is((await bench.client().status({ from })).executed, 0)
  await bench.cluster('heal')
  for (const txId of waiting) await bench.executed(txId)
  await bench.agreed()
  assert.equal(await bench.states(), Array(5).fill('ready'))
})

test('wrong input: one line, and nothing changes', async () => {
  await bench.refused(['cluster', 'partition', '0-2/2-4'], 2, 'BAD_INPUT', /signer 2 in two groups/)
  await bench.refused(['cluster', 'partition', '0-2/3-5'], 2, 'BAD_INPUT', /no signer 5; they are numbered 0 to 4/)
  await bench.refused(['cluster', 'link', '0', '7', '--delay', '1'], 2, 'BAD_INPUT', /no signer 7/)
  await bench.refused(['cluster', 'link', '0', '1', '--loss', '1.5'], 2, 'BAD_INPUT', /“1.5” is not a share/)
  await bench.refused(['cluster', 'link', '0', '1'], 2, 'BAD_INPUT', /give --delay MS, --loss P or both/)
  const { network } = (await bench.cluster('status')) as unknown as ClusterStatus
  assert.equal(network, { partition: [], links: [] })
})

test.run()
