// time limit: 300 s
/** A local cluster that is hurt through the command line: paused signers, and what clients hear and get where a quorum is missing. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { LiveCluster, type TxDocument } from '../commands/live-cluster.js'
import { jsonOf } from '../commands/musig.js'
import { until } from '../until.js'

const bench = new LiveCluster()
const _WAIT_MS = 60_000

test.after(async () => {
  const folder = join(bench.home, 'clusters')
  for (const name of existsSync(folder) ? readdirSync(folder) : []) await bench.musig(['cluster', 'rm', '--cluster', name])
  bench.remove()
})

async function states(name: string): Promise<string[]> {
  const status = (await bench.document(['cluster', 'status', '--cluster', name])) as unknown as ClusterStatus
  return status.signers.map(({ state }) => state)
}

/** The outcome of a transaction that was sent before, as one signer knows it. */
async function shown(name: string, txId: string, signer: number): Promise<TxDocument> {
  return jsonOf(await bench.musig(['tx', 'show', txId, '--from', String(signer), '--cluster', name, '--json'])) as unknown as TxDocument
}

test('pause and resume: with the signers of the same process, seen in status; down ends paused ones', async () => {
  await bench.good(['cluster', 'up', '-n', '4', '--pack', '2', '--cluster', 'packed'])
  const { stdout } = await bench.good(['cluster', 'pause', '3', '--cluster', 'packed'])
  assert.is(stdout, 'Signer 3 is paused, and with it 2 of the same process.\n')
  const before = await states('packed')
  assert.equal(before.slice(2), ['paused', 'paused'])
  await bench.refused(['cluster', 'resume', '0', '--cluster', 'packed'], 2, 'BAD_INPUT', /signer 0 is not paused/)
  await bench.refused(['cluster', 'pause', '9', '--cluster', 'packed'], 2, 'BAD_INPUT', /there is no signer 9/)
  const resumed = await bench.document(['cluster', 'resume', '3', '2', '--cluster', 'packed'])
  assert.equal([resumed.asked, resumed.signers, (resumed.pids as number[]).length], [[3, 2], [2, 3], 1])
  await until('all ready again', async () => (await states('packed')).every((state) => state === 'ready'))
  await bench.good(['tx', 'open', 'alice', '100', '--cluster', 'packed'])

  await bench.good(['cluster', 'pause', '0', '3', '--cluster', 'packed'])
  assert.is((await bench.document(['cluster', 'down', '--cluster', 'packed'])).stopped, 2)
  assert.equal(await states('packed'), ['down', 'down', 'down', 'down'])
  await bench.refused(['cluster', 'pause', '1', '--cluster', 'packed'], 2, 'BAD_INPUT', /signer 1 does not run/)
})

test('without a quorum a client hears so, and its transaction is executed once a quorum is back', async () => {
  await bench.good(['cluster', 'up', '-n', '4', '--cluster', 'four'])
  await bench.good(['cluster', 'kill', '3', '--cluster', 'four'])
  const outcome = await bench.musig(['tx', 'open', 'bob', '50', '--to', '0', '--timeout', '800', '--cluster', 'four', '--json'])
  const { error } = jsonOf(outcome) as { error: { code: string; message: string } }
  assert.equal([outcome.code, error.code], [3, 'NO_QUORUM'], outcome.stdout)
  assert.match(error.message, /^no quorum: 3 of 4 signers reachable; [^\n]*$/)
  const [, txId = ''] = /tx show ([0-9a-f]{12})$/.exec(error.message) ?? []
  const plain = await bench.musig(['tx', 'open', 'carol', '50', '--to', '1', '--timeout', '800', '--cluster', 'four'])
  assert.is(plain.code, 3)
  assert.match(plain.stderr, /^Error: no quorum: 3 of 4 signers reachable; [^\n]*\n$/)

  await bench.good(['cluster', 'restart', '3', '--cluster', 'four'])
  await until('executed everywhere', async () => {
    const results = await Promise.all([0, 1, 2, 3].map((signer) => shown('four', txId, signer)))
    return results.every(({ status }) => status === 'executed')
  })

  // Its links stay open, and yet it is not there.
  await bench.good(['cluster', 'pause', '2', '--cluster', 'four'])
  const dave = ['tx', 'open', 'dave', '50', '--to', '0', '--timeout', '300', '--cluster', 'four']
  await bench.refused(dave, 3, 'NO_QUORUM', /^no quorum: 3 of 4 signers reachable; it may have happened/)
  await bench.good(['cluster', 'resume', '2', '--cluster', 'four'])
})

test('with a quorum left everything commits, on the fast path too', async () => {
  await bench.good(['cluster', 'up', '-n', '5', '--cluster', 'five'])
  await bench.good(['cluster', 'kill', '4', '--cluster', 'five'])
  const results: TxDocument[] = []
  for (let i = 0; i < 8; i++) results.push(await bench.tx(['open', `account${i}`, '10', '--to', String(i % 4), '--cluster', 'five']))
  assert.ok(
    results.every(({ status }) => status === 'executed'),
    JSON.stringify(results),
  )
  assert.ok(
    results.some(({ path }) => path === 'fast'),
    JSON.stringify(results.map(({ path }) => path)),
  )
})

test.run()
