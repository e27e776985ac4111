// alone
// time limit: 900 s
/** Signers that stand still for ten seconds under load, as processes: the others go on while a quorum is left, and those that resume catch up. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { treeOf } from '../../src/lib/core/tree.js'
import { until } from '../until.js'
import { NetworkBench } from './network-bench.js'

/** Quorum 7: two may stand still, three may not. */
const N = 9
const STILL_MS = 10_000
const bench = new NetworkBench(N)

test.before(() => bench.start())
test.after(() => bench.end())

/** Pauses signers for so long, and lets the others work meanwhile; what they executed in that time. */
async function executedWhileStill(still: readonly number[]): Promise<{ txId: string; batchId: string; initiator: number }[]> {
  const names = still.map(String)
  const done: { txId: string; batchId: string; initiator: number }[] = []
  await bench.cluster('pause', ...names)
  const begun = performance.now()
  const others = bench.everyone.filter((signer) => !still.includes(signer))
  for (let i = 0; done.length < 4 || performance.now() - begun < STILL_MS; i++) {
    const initiator = others[i % others.length] ?? 0
    const { txId, batchId, status } = await bench.submit(initiator)
    assert.is(status, 'executed')
    done.push({ txId, batchId: batchId ?? '', initiator })
  }
  await bench.cluster('resume', ...names)
  return done
}

/** Where a signer stands in the tree of each batch. */
async function rolesOf(signer: number, batches: readonly { batchId: string; initiator: number }[]): Promise<Set<string>> {
  const manifest = await bench.client().manifest()
  return new Set(batches.map(({ batchId, initiator }) => (treeOf(batchId, initiator, manifest).childrenOf(signer).length > 0 ? 'inner' : 'leaf')))
}

test('n − q stand still, as inner signers and as leaves: the others go on, and those catch up', async () => {
  const still = [2, 5]
  const done = await executedWhileStill(still)
  console.log(`${done.length} executed within ${STILL_MS} ms without ${still.join(', ')}`)
  const roles = await Promise.all(still.map((signer) => rolesOf(signer, done)))
  assert.equal(new Set(roles.flatMap((own) => [...own])), new Set(['inner', 'leaf']))
  for (const { txId } of done) await bench.executed(txId, still)
  await bench.agreed()
})

test('a root stands still after others have its batch: they go on, its batch included, and it catches up', async () => {
  const others = bench.everyone.filter((signer) => signer !== 4)
  // So that its batch does not get done before it stands still.
  await bench.cluster('pause', '0', '1', '2')
  const txId = await bench.hand(4)
  await until('the batch at another signer', async () => (await bench.client().show(txId, { from: 3, timeoutMs: 2000 })).batchId !== null)
  await bench.cluster('pause', '4')
  await bench.cluster('resume', '0', '1', '2')
  const begun = performance.now()
  await bench.executed(txId, others)
  assert.is((await bench.submit(0)).status, 'executed')
  await sleep(Math.max(0, STILL_MS - (performance.now() - begun)))
  await bench.cluster('resume', '4')
  await bench.executed(txId, [4])
  await bench.agreed()
})

test('a third stands still: nothing is executed until they go on, and then everything', async () => {
  const still = ['1', '4', '7']
  await bench.agreed()
  await bench.cluster('pause', ...still)
  const { executed: before } = await bench.client().status({ from: 0 })
  const waiting = [await bench.hand(0), await bench.hand(5)]
  await bench.refused(['tx', 'open', 'later', '7', '--to', '3', '--timeout', '500'], 3, 'NO_QUORUM', /^no quorum: 6 of 7 signers reachable/)
  await sleep(STILL_MS)
  await bench.refused(['tx', 'open', 'latest', '7', '--to', '3', '--timeout', '500'], 3, 'NO_QUORUM', /^no quorum: 6 of 7 signers reachable/)
  assert.is((await bench.client().status({ from: 0 })).executed, before)
  await bench.cluster('resume', ...still)
  for (const txId of waiting) await bench.executed(txId)
  await bench.agreed()
})

test.run()
