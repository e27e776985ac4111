// time limit: 300 s
/** Peers of a local cluster as a user has them, through the built command line: up with them, read from them, hurt, restart, more of them, down. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClusterRecord } from '../../src/lib/cluster/cluster-folder.js'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { LiveCluster } from '../commands/live-cluster.js'
import { until } from '../until.js'

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
const cluster = new LiveCluster()

test.after(() => cluster.end())

function record(): ClusterRecord {
  return JSON.parse(readFileSync(join(cluster.home, 'clusters', 'default', 'cluster.json'), 'utf8'))
}

async function status(): Promise<ClusterStatus> {
  return (await cluster.document(['cluster', 'status'])) as unknown as ClusterStatus
}

async function states(): Promise<string[]> {
  return (await status()).peers.map(({ state }) => state)
}

test('up with peers: level, written down, with the digests of the signers', async () => {
  const up = await cluster.document(['cluster', 'up', '-n', '5', '--peers', '1', '--confirm', '2', '--machine', 'ledger'])
  assert.equal([up['created'], up['started'], up['startedPeers']], [true, 5, 1])
  await cluster.tx(['open', 'alice', '100'])
  await cluster.tx(['open', 'bob', '0'])
  await until('the peer has it', async () => (await status()).peers[0]?.executed === 2)
  const { signers, peers } = await status()
  const [peer] = peers
  assert.ok(peer)
  assert.equal([peer.index, peer.state, peer.confirm, peer.behind], [0, 'level', 2, 0])
  assert.equal([peer.orderDigest, peer.machineDigest], [signers[0]?.orderDigest, signers[0]?.machineDigest])
  assert.is(record().peers[0]?.pid, peer.pid)
  const text = await cluster.good(['cluster', 'status'])
  assert.match(text.stdout, /^ {3}0 {2}level +\d+ +127\.0\.0\.1:\d+ +2 +0 +[0-9a-f]{8} +[0-9a-f]{8}$/m)
  assert.ok(text.stdout.split('\n').every((line) => line.length <= 100))
})

test('reads from a peer: query, tx show, list and watch; and what is not there', async () => {
  assert.equal(await cluster.document(['query', 'acct:alice', '--from', 'peer:0']), await cluster.document(['query', 'acct:alice', '--from', '0']))
  const { txId } = await cluster.tx(['transfer', 'alice', 'bob', '10'])
  await until('the peer has it', async () => (await status()).peers[0]?.executed === 3)
  const shown = await cluster.tx(['show', txId, '--from', 'peer:0'])
  assert.equal([shown.status, shown.receipt?.ok, shown.latencyMs], ['executed', true, null])
  const { transactions } = (await cluster.document(['tx', 'list', '--from', 'peer:0'])) as { transactions: { txId: string }[] }
  assert.is(transactions[0]?.txId, txId)
  const watching = spawn(process.execPath, [BIN, 'tx', 'watch', '--from', 'peer:0', '--limit', '1', '--json'], {
    env: { ...process.env, MUSIG_HOME: cluster.home },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let heard = ''
  watching.stdout.setEncoding('utf8').on('data', (text: string) => {
    heard += text
  })
  const ended = new Promise((resolve) => watching.on('close', resolve))
  await new Promise<void>((resolve) => watching.stderr.setEncoding('utf8').on('data', (text: string) => text.includes('Watching') && resolve()))
  const next = await cluster.tx(['transfer', 'alice', 'bob', '10'])
  assert.is(await ended, 0)
  assert.is(JSON.parse(heard).txId, next.txId)
  await cluster.refused(['query', 'acct:alice', '--from', 'peer:3'], 2, 'BAD_INPUT', /there is no peer 3; they are numbered 0 to 0/)
  await cluster.refused(['query', 'acct:alice', '--from', 'x'], 2, 'BAD_INPUT', /is no signer or peer/)
})

test('kill, restart, pause, resume and logs by name; what was missed comes by itself', async () => {
  const hurt = await cluster.document(['cluster', 'kill', 'peer:0'])
  assert.equal([hurt['signers'], hurt['peers']], [[], [0]])
  assert.equal(await states(), ['down'])
  await cluster.refused(['cluster', 'kill', 'peer:0'], 2, 'BAD_INPUT', /peer 0 does not run; start it with: musig cluster restart peer:0/)
  await cluster.refused(['query', 'acct:alice', '--from', 'peer:0'], 3, 'UNREACHABLE', /cannot reach peer 0 at /)
  await cluster.tx(['transfer', 'alice', 'bob', '1'])
  await cluster.good(['cluster', 'restart', 'peer:0'])
  // Level is what a restart waits for.
  const { signers, peers } = await status()
  assert.is(peers[0]?.orderDigest, signers[0]?.orderDigest)
  const paused = await cluster.good(['cluster', 'pause', '4', 'peer:0'])
  assert.is(paused.stdout, 'Signer 4 and peer 0 are paused.\n')
  assert.equal(await states(), ['paused'])
  await cluster.good(['cluster', 'resume', '4', 'peer:0'])
  await cluster.refused(['cluster', 'restart', 'peer:0', '--accept-lost-history'], 2, 'BAD_INPUT', /a peer signs nothing/)
  const { stdout } = await cluster.good(['cluster', 'logs', 'peer:0', '--json'])
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.ok(lines.length > 5 && lines.every(({ self }) => self === 'peer:0'))
  assert.is(lines.filter(({ message }) => message === 'peer started').length, 2)
  const all = await cluster.good(['cluster', 'logs'])
  assert.match(all.stdout, / peer:0 /)
})

test('a cluster that stands is given more peers, and never fewer', async () => {
  const up = await cluster.document(['cluster', 'up', '--peers', '2'])
  assert.equal([up['created'], up['started'], up['startedPeers']], [false, 0, 1])
  assert.equal(await states(), ['level', 'level'])
  assert.is(record().peers[1]?.confirm, 2)
  await cluster.refused(['cluster', 'up', '--peers', '1'], 2, 'BAD_INPUT', /stands with --peers 2, not 1/)
  await cluster.refused(['cluster', 'up', '--confirm', '3'], 2, 'BAD_INPUT', /stands with --confirm 2, not 3/)
})

test('down ends them, up brings them back with what they had', async () => {
  const down = await cluster.document(['cluster', 'down'])
  assert.is(down['stopped'], 7)
  assert.equal(await states(), ['down', 'down'])
  assert.ok(record().peers.every(({ pid }) => pid === null))
  const up = await cluster.document(['cluster', 'up'])
  assert.equal([up['started'], up['startedPeers']], [5, 2])
  const { signers, peers } = await status()
  for (const peer of peers) assert.is(peer.orderDigest, signers[0]?.orderDigest)
})

test.run()
