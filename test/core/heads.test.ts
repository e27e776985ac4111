/** Heads of key logs: what a signer answers, to signers and others alike, and that an answer tells any two logs apart. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../src/lib/base/hash.js'
import { SmallCluster } from './small-cluster.js'
import { hex, u32, unhex } from './text.js'

/** The head of a log, from the text of the protocol. */
function headOf(clusterId: string, key: string, batchIds: readonly string[]): string {
  return hex(
    batchIds.reduce(
      (head, batchId, i) =>
        sha256(Buffer.concat([Buffer.from('musig/v1/key\0'), unhex(clusterId), Buffer.from(key), u32(i + 1), head, unhex(batchId)])),
      new Uint8Array(32),
    ),
  )
}

test('heads at the heights asked for, at the latest where these lie higher, and nothing of keys without a log', () => {
  const cluster = new SmallCluster({ n: 4 })
  const ids: string[] = []
  for (let i = 0; i < 5; i++) {
    const { id } = cluster.propose(i % 4, i < 4 ? ['k'] : ['other'])
    assert.ok(cluster.settle(id))
    ids.push(id)
  }
  const log = ids.slice(0, 4)
  const { clusterId } = cluster.manifest
  const asked: [number, number][] = [
    [1, 1],
    [3, 3],
    [4, 4],
    [5, 4],
    [2 ** 32 - 1, 4],
  ]
  for (const [height, answered] of asked) {
    cluster.forget()
    cluster.inject(1, 2, {
      type: 'heads-request',
      heights: new Map([
        ['k', height],
        ['never', 7],
        ['other', 1],
      ]),
    })
    const [answer] = cluster.sentOf('heads')
    assert.equal(
      [...(answer?.message.heads ?? [])],
      [
        ['k', { height: answered, head: headOf(clusterId, 'k', log.slice(0, answered)) }],
        ['other', { height: 1, head: headOf(clusterId, 'other', ids.slice(4)) }],
      ],
    )
    assert.is(answer?.to, 1)
  }
  cluster.forget()
  cluster.inject(1, 2, { type: 'heads-request', heights: new Map([['k', 0]]) })
  assert.is(cluster.sentOf('heads')[0]?.message.heads.size, 0)
  assert.is(cluster.suspicions.length, 0)
})

test.run()
