// time limit: 400 s
/**
 * Changes of the signers, as processes: evicted and admitted under load, with a signer killed meanwhile. Nothing that a client was told is lost, all signers give the
 * same receipts, and certificates of every epoch hold. With liars: `epochs.long`.
 */
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Changed } from '../../src/lib/cluster/change.js'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { bench, clientOf, cluster, Load, opened, sameAt } from './changing.js'

test.after(async () => {
  await bench.musig(['cluster', 'rm', '--cluster', 'change'])
  bench.remove()
})

test('evicted and admitted under load, one killed during a change and started again', async () => {
  const { client, clusterId } = await opened('change', '-n', '5')
  const load = new Load(client, clusterId, 5)
  await load.grows(10)
  const [old] = load.told
  assert.ok(old)

  const evicted = await cluster<Changed>('evict', '3', '--cluster', 'change')
  assert.equal([evicted.epoch, evicted.n, evicted.quorum], [1, 4, 4])
  await load.grows(10)
  const admitted = await cluster<Changed>('admit', '--name', 'eve', '--cluster', 'change')
  assert.equal([admitted.epoch, admitted.signer, admitted.n], [2, 5, 5])
  await load.grows(10)

  const { signers } = await cluster<ClusterStatus>('status', '--cluster', 'change')
  const victim = signers[1]?.pid
  assert.ok(victim)
  const change = bench.process(['cluster', 'evict', '0', '--cluster', 'change', '--json'])
  process.kill(victim, 'SIGKILL')
  const changed = await change
  assert.is(changed.code, 0, changed.stderr)
  await cluster('restart', '1', '--cluster', 'change')
  await load.grows(10)
  await load.end()

  client.close()
  await sameAt(clientOf('change'), [1, 2, 4, 5], load.told)
  const status = await cluster<ClusterStatus>('status', '--cluster', 'change')
  assert.equal([status.epoch, status.n, status.ready], [3, 4, true])
  assert.equal(
    status.signers.map(({ state }) => state),
    ['evicted', 'ready', 'ready', 'evicted', 'ready', 'ready'],
  )
  assert.equal(
    status.signers.map(({ evictedIn }) => evictedIn),
    [3, null, null, 1, null, null],
  )

  // What was decided in the first epoch holds with its manifest, in the last one with the latest.
  const last = load.told.at(-1)
  for (const [name, txId] of [
    ['old', old.txId],
    ['new', last?.txId ?? ''],
  ] as const) {
    const file = join(bench.folder, `${name}.json`)
    const shown = await bench.musig(['tx', 'show', txId, '--certificate', file, '--cluster', 'change'])
    assert.is(shown.code, 0, shown.stderr)
    const verified = await bench.musig(['verify', 'cert', file, '--cluster', 'change'])
    assert.is(verified.code, 0, verified.stdout + verified.stderr)
  }

  // From nothing but their records all come back to the last epoch.
  await cluster('down', '--cluster', 'change')
  await cluster('up', '--cluster', 'change')
  await sameAt(clientOf('change'), [1, 2, 4, 5], load.told.slice(-5))
})

test('what cannot be changed is refused in one line', async () => {
  const again = await bench.musig(['cluster', 'evict', '3', '--cluster', 'change'])
  assert.is(again.code, 2)
  assert.match(again.stderr, /signer 3 was evicted in epoch 1 already/)
  const unknown = await bench.musig(['cluster', 'evict', '9', '--cluster', 'change'])
  assert.is(unknown.code, 2)
  assert.match(unknown.stderr, /there is no signer 9/)
})

test.run()
