// time limit: 120 s
/**
 * Under the guard, as processes: a signer comes back with a log that the others do not have, as if it alone had been given a certificate that was not the
 * last word. It signs nothing before it has compared, starts over from the others' log, and says so (protocol §9).
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { fromHex } from '../../src/lib/base/bytes.js'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { type DurableRecord, decodeRecord, encodeRecord, recordCodec } from '../../src/lib/core/record.js'
import { openStore } from '../../src/lib/node/store.js'
import { LiveCluster } from '../commands/live-cluster.js'

const SIGNER = 3
const cluster = new LiveCluster()
const folder = join(cluster.home, 'clusters', 'default')

test.before(async () => {
  await cluster.good(['cluster', 'up', '-n', '4'])
})
test.after(() => cluster.end())

interface ClusterFile {
  id: string
  signers: { store: string; key: string; publicKey: string; log?: string }[]
}

async function status(): Promise<ClusterStatus> {
  return (await cluster.document(['cluster', 'status'])) as unknown as ClusterStatus
}

async function untilAlike(): Promise<ClusterStatus> {
  for (const end = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const now = await status()
    if (now.signers.every(({ state, orderDigest }) => state === 'ready' && orderDigest === now.signers[0]?.orderDigest)) return now
    assert.ok(Date.now() < end, JSON.stringify(now.signers))
  }
}

/**
 * Rewrites the records of the signer, which is down, as they would be if it had decided the second batch without the first. Where the marker stays they
 * count as lost.
 */
async function decideOtherwise(first: string, second: string, keepsMarker = false): Promise<void> {
  const { id, signers } = JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')) as ClusterFile
  const { store: name = '', key = '', publicKey = '' } = signers[SIGNER] ?? {}
  const identity = { clusterId: id, publicKey: fromHex(publicKey) }
  const codec = recordCodec(id)
  const path = join(folder, name)
  const old = await openStore(path, identity)
  const records = (await old.load()).map((record) => decodeRecord(codec, record))
  await old.close()
  rmSync(path, { recursive: true })
  if (!keepsMarker) rmSync(join(folder, `${key}.${id.slice(0, 8)}.history`))
  const isOf = (record: DurableRecord, batchId: string) => record.type === 'certificate' && record.certificate.batchId === batchId
  const one = records.find((record) => isOf(record, first))
  assert.ok(one?.type === 'certificate')
  const batch = records.find((record) => record.type === 'batch' && record.batch.id === second)
  assert.ok(batch?.type === 'batch')
  const base = new Map(batch.batch.keys.map((dependency) => [dependency, 1]))
  const alone: DurableRecord = {
    type: 'certificate',
    certificate: {
      type: 'slow',
      epoch: 0,
      batchId: second,
      ballot: 0,
      value: { base, predecessors: [], tallies: { m: 4, inc: new Map() } },
      signers: bitmapOf(4, [0, 1, 2]),
      signature: new Uint8Array(96),
    },
  }
  const others = records.filter((record) => !isOf(record, second) && !isOf(record, first))
  const fresh = await openStore(path, identity)
  await fresh.load()
  await fresh.append([...others, alone, one].map((record) => encodeRecord(codec, record)))
  await fresh.close()
}

test('a signer whose log the others do not have starts over from theirs, and says so', async () => {
  await cluster.tx(['open', 'carol', '10'])
  await cluster.tx(['open', 'alice', '10'])
  await cluster.tx(['open', 'bob', '10'])
  const [first, second] = [await cluster.tx(['transfer', 'alice', 'bob', '1']), await cluster.tx(['transfer', 'alice', 'bob', '2'])]
  const before = await untilAlike()
  await cluster.good(['cluster', 'kill', String(SIGNER)])
  await decideOtherwise(first.batchId, second.batchId)
  await cluster.good(['cluster', 'restart', String(SIGNER)])
  const after = await untilAlike()
  assert.is(after.signers[SIGNER]?.orderDigest, before.signers[0]?.orderDigest)
  assert.is(after.signers[SIGNER]?.machineDigest, before.signers[0]?.machineDigest)
  const log = await cluster.good(['cluster', 'logs', String(SIGNER)])
  assert.match(log.stdout, /starts over: signers [012], [012], [012] have another log .*; 4 of the batches that it had executed count no longer/)
  // All four are needed here: it signs again, from another restart on too.
  assert.is((await cluster.tx(['transfer', 'alice', 'bob', '3', '--to', String(SIGNER)])).status, 'executed')
  await cluster.good(['cluster', 'restart', String(SIGNER)])
  assert.is((await cluster.tx(['transfer', 'alice', 'bob', '3'])).status, 'executed')
  await untilAlike()
})

test('a signer whose operator has accepted a loss may start over too: nothing is missed in its next life', async () => {
  const [first, second] = [await cluster.tx(['transfer', 'bob', 'alice', '1']), await cluster.tx(['transfer', 'bob', 'alice', '2'])]
  const before = await untilAlike()
  await cluster.good(['cluster', 'kill', String(SIGNER)])
  await decideOtherwise(first.batchId, second.batchId, true)
  await cluster.good(['cluster', 'restart', String(SIGNER), '--accept-lost-history'])
  const after = await untilAlike()
  assert.is(after.signers[SIGNER]?.orderDigest, before.signers[0]?.orderDigest)
  const log = await cluster.good(['cluster', 'logs', String(SIGNER)])
  assert.match(log.stdout, /lost records accepted.*starts over/s)
})

test.run()
