// time limit: 300 s
/**
 * A signer's store that is gone or put back to an older state while its key is kept, as processes: the signer notices, follows without signing anything,
 * and signs again only when it is told to.
 */
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex } from '../../src/lib/base/bytes.js'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { type DurableRecord, decodeRecord, recordCodec } from '../../src/lib/core/record.js'
import { openStore } from '../../src/lib/node/store.js'
import { LiveCluster, type TxDocument } from '../commands/live-cluster.js'
import { until } from '../until.js'

const cluster = new LiveCluster()
const folder = join(cluster.home, 'clusters', 'default')
let accounts = 0

test.before(async () => {
  await cluster.good(['cluster', 'up', '-n', '5'])
})
test.after(() => cluster.end())

async function status(): Promise<ClusterStatus> {
  return (await cluster.document(['cluster', 'status'])) as unknown as ClusterStatus
}

async function stateOf(index: number): Promise<string | undefined> {
  return (await status()).signers[index]?.state
}

/** Commits something; whether it could is what this is about. `to`: any but the signer that is looked at. */
function commit(to = 0): Promise<TxDocument> {
  return cluster.tx(['open', `account-${accounts++}`, '5', '--to', String(to)])
}

async function caughtUp(): Promise<boolean> {
  const digests = (await status()).signers.map(({ orderDigest }) => orderDigest)
  return digests[0] !== null && new Set(digests).size === 1
}

function storeOf(index: number): string {
  const { signers } = JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')) as { signers: { store: string }[] }
  return join(folder, signers[index]?.store ?? '')
}

function markersOf(index: number): string {
  const { id, signers } = JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')) as { id: string; signers: { key: string }[] }
  return join(folder, `${signers[index]?.key}.${id.slice(0, 8)}.history`)
}

async function kill(index: number): Promise<void> {
  await cluster.good(['cluster', 'kill', String(index)])
}

/** What a signer that is down has in its store. */
async function recordsOf(index: number): Promise<DurableRecord[]> {
  const { id, signers } = JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')) as { id: string; signers: { publicKey: string }[] }
  const store = await openStore(storeOf(index), { clusterId: id, publicKey: fromHex(signers[index]?.publicKey ?? '') })
  const records = (await store.load()).map((record) => decodeRecord(recordCodec(id), record))
  await store.close()
  return records
}

const isSigned = ({ type }: DurableRecord): boolean => ['vote', 'accept', 'promise', 'order'].includes(type)

test('the store is gone, the key is kept: the signer follows, signs nothing, also after another restart, until the loss is accepted', async () => {
  for (let i = 0; i < 3; i++) await commit(i)
  await until('all have executed the same', caughtUp)
  await kill(4)
  assert.ok((await recordsOf(4)).some(isSigned), 'it had signed before')
  rmSync(storeOf(4), { recursive: true })
  await cluster.good(['cluster', 'restart', '4'])
  assert.is(await stateOf(4), 'follows')
  assert.is((await commit(4)).status, 'executed', 'what is given to it is given to another')
  for (let i = 0; i < 3; i++) assert.is((await commit(i)).status, 'executed')
  await until('the follower has caught up', caughtUp)
  await cluster.good(['cluster', 'restart', '4'])
  assert.is(await stateOf(4), 'follows', 'a restart is no way to forget')
  await commit()
  await until('it follows still', caughtUp)
  await kill(4)
  const records = await recordsOf(4)
  assert.ok(records.filter(({ type }) => type === 'certificate').length >= 7, 'it has followed')
  assert.is(records.filter(isSigned).length, 0, 'and has signed nothing')

  await cluster.good(['cluster', 'restart', '4', '--accept-lost-history'])
  assert.is(await stateOf(4), 'ready')
  await commit(4)
  await cluster.refused(
    ['cluster', 'restart', '4', '--accept-lost-history'],
    3,
    'UNREACHABLE',
    /no records of signer 4 are lost; leave --accept-lost-history out/,
  )
  await cluster.good(['cluster', 'restart', '4'])
  assert.is(await stateOf(4), 'ready', 'what was accepted stays so')
})

test('a store that was put back to an older state is noticed, and one whose marker is gone too by what the others hold', async () => {
  await kill(3)
  cpSync(storeOf(3), `${storeOf(3)}.old`, { recursive: true })
  await cluster.good(['cluster', 'restart', '3'])
  for (let i = 0; i < 3; i++) await commit(i)
  await until('all have executed the same', caughtUp)
  await kill(3)
  rmSync(storeOf(3), { recursive: true })
  cpSync(`${storeOf(3)}.old`, storeOf(3), { recursive: true })
  await cluster.good(['cluster', 'restart', '3'])
  assert.is(await stateOf(3), 'follows')
  await until('the follower has caught up', caughtUp)

  await kill(3)
  rmSync(storeOf(3), { recursive: true })
  rmSync(markersOf(3))
  await cluster.good(['cluster', 'restart', '3'])
  await until('the others’ certificates tell it', async () => (await stateOf(3)) === 'follows')
  await cluster.good(['cluster', 'restart', '3', '--accept-lost-history'])
  assert.is(await stateOf(3), 'ready')
  await commit(3)
})

test.run()
