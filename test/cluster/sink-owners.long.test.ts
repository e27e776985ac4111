// time limit: 300 s
/** Sinks of a local cluster's peers, through the built command line: up with them, what status shows, a standby that takes over after kill -9, other sinks. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import type { SinkStatus } from '../../src/lib/node/sinks/feed.js'
import { LiveCluster } from '../commands/live-cluster.js'

import { assertWhole, recordsOf } from '../node/sinks/whole.js'
import { until } from '../until.js'

const cluster = new LiveCluster()
const path = join(cluster.home, 'executed.jsonl')
const other = join(cluster.home, 'other.jsonl')
test.after(() => cluster.end())

async function sinks(): Promise<(SinkStatus | undefined)[]> {
  const { peers } = (await cluster.document(['cluster', 'status'])) as unknown as ClusterStatus
  return peers.map((peer) => peer.sinks[0])
}

test('sinks that are wrong, or have no peer, are refused before anything is made', async () => {
  await cluster.refused(['cluster', 'up', '--sink', `jsonl:${path}`], 2, 'BAD_INPUT', /--sink is for peers; say how many with --peers K/)
  const secret = 'postgres://app:s3cret@db/app'
  await cluster.refused(['cluster', 'up', '--peers', '1', '--sink', secret], 2, 'BAD_INPUT', /has credentials in it/)
  assert.not.match(cluster.printed, /s3cret/)
  assert.not(existsSync(join(cluster.home, 'clusters', 'default', 'cluster.json')))
})

test('two peers with one file: one feeds it, the other waits, and status says which', async () => {
  await cluster.good(['cluster', 'up', '-n', '4', '--pack', '4', '--peers', '2', '--machine', 'ledger', '--sink', `jsonl:${path}`])
  await cluster.tx(['open', 'alice', '100'])
  await cluster.tx(['open', 'bob', '0'])
  await until('the file has both', () => recordsOf(path).length === 2)
  assertWhole(recordsOf(path), 2)
  await until(
    'one waits',
    async () =>
      (await sinks())
        .map((sink) => sink?.state)
        .sort()
        .join() === 'ready,waiting',
  )
  const { stdout } = await cluster.good(['cluster', 'status'])
  assert.match(stdout, /^peer \d feeds jsonl at .*executed\.jsonl: ready, 2 transactions there$/m)
  assert.match(stdout, /^peer \d feeds jsonl at .*executed\.jsonl: waiting: process \d+ writes to it$/m)
})

test('the one that feeds it is killed: the other takes over, and it goes on when it is back', async () => {
  const feeds = (await sinks()).findIndex((sink) => sink?.state === 'ready')
  await cluster.good(['cluster', 'kill', `peer:${feeds}`])
  await cluster.tx(['transfer', 'alice', 'bob', '10'])
  await until('the other one feeds', () => recordsOf(path).length === 3, 60_000)
  await cluster.good(['cluster', 'up'])
  await cluster.tx(['transfer', 'alice', 'bob', '10'])
  await until('the file has all', () => recordsOf(path).length === 4)
  assertWhole(recordsOf(path), 4)
})

test('other sinks for peers that do not run; those that run keep theirs', async () => {
  await cluster.refused(
    ['cluster', 'up', '--sink', `jsonl:${other}`],
    2,
    'BAD_INPUT',
    /peer 0 runs with other sinks; stop it first with: musig cluster kill peer:0/,
  )
  await cluster.good(['cluster', 'up', '--sink', `jsonl:${path}`])
  await cluster.good(['cluster', 'down'])
  await cluster.good(['cluster', 'up', '--sink', `jsonl:${other}`])
  await until('the new file has all', () => recordsOf(other).length === 4)
  assertWhole(recordsOf(other), 4)
  assert.is(readFileSync(path, 'utf8').split('\n').slice(1).join('\n'), readFileSync(other, 'utf8').split('\n').slice(1).join('\n'))
})

test.run()
