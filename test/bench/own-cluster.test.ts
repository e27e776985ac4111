/** A cluster for one benchmark: what the work gave is kept where the cluster cannot be taken away. */
import { existsSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { withOwnCluster } from '../../src/lib/bench/own-cluster.js'
import { ClusterFolder } from '../../src/lib/cluster/cluster-folder.js'
import { downCluster } from '../../src/lib/cluster/down.js'
import { takeLock } from '../../src/lib/node/lock-file.js'

const show = async (steps: readonly { run(say: (detail: string) => void): Promise<void> }[]) => {
  for (const step of steps) await step.run(() => {})
}

test('a cluster that cannot be taken away is warned of, and the figures are there', async () => {
  const warnings: string[] = []
  let [home, release]: [string, () => Promise<void>] = ['', async () => {}]
  const { signal } = new AbortController()
  try {
    const result = await withOwnCluster({ n: 1 }, { signal, show, warn: (line) => warnings.push(line) }, async (at, cluster) => {
      home = at
      release = await takeLock(new ClusterFolder(at, cluster).lockFile, () => 'held by the test')
      return 'figures'
    })
    assert.is(result, 'figures')
    assert.is(warnings.length, 1)
    assert.match(warnings[0] ?? '', /^the cluster in .* could not be taken away: .* is being changed by process/)
    assert.ok(existsSync(home))
  } finally {
    await release()
    await downCluster(home, 'bench', { purge: true })
    rmSync(home, { recursive: true })
  }
})

test.run()
