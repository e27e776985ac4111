// alone
// time limit: 900 s
/** A cluster whose network is hurt in other ways than by halves, as processes: an isolated root, one-way silence, late and lossy links, and faults that outlast the processes. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { until } from '../until.js'
import { NetworkBench } from './network-bench.js'

const N = 5
const bench = new NetworkBench(N)

test.before(() => bench.start())
test.after(() => bench.end())

test('an isolated root: the others go on without it; once healed its own batch is executed too', async () => {
  await bench.cluster('partition', '3')
  assert.equal(await bench.states(), ['ready', 'ready', 'ready', 'partitioned', 'ready'])
  const alone = await bench.hand(3)
  const meanwhile = await bench.submit(0)
  assert.is(meanwhile.status, 'executed')
  assert.is((await bench.client().show(alone, { from: 3 })).status, 'pending')
  await bench.cluster('heal')
  await bench.executed(alone)
  await bench.executed(meanwhile.txId, [3])
  await bench.agreed()
})

test('a root whose words reach nobody while it hears all: its batch is executed once it is heard', async () => {
  for (const to of [0, 1, 3, 4]) await bench.cluster('link', '2', String(to), '--loss', '1', '--one-way')
  const alone = await bench.hand(2)
  for (const to of [0, 4]) assert.is((await bench.submit(to)).status, 'executed')
  assert.is((await bench.client().show(alone, { from: 2 })).status, 'pending')
  await bench.cluster('heal')
  await bench.executed(alone)
  await bench.agreed()
})

test('one-way silence, delay and loss: everything is executed', async () => {
  const { links } = await bench.cluster('link', '0', '1', '--loss', '1', '--one-way')
  assert.equal(links, [{ from: 0, to: 1, delayMs: 0, loss: 1 }])
  await bench.cluster('link', '2', '3', '--delay', '150')
  await bench.cluster('link', '1', '4', '--loss', '20%')
  const results = await Promise.all(bench.everyone.map((to) => bench.submit(to)))
  for (const { txId } of results) await bench.executed(txId)
  const { links: healed } = await bench.cluster('heal')
  assert.equal(healed, [])
  await bench.agreed()
})

test('halves under load: nothing is executed, and once healed all of it is, without a fork', async () => {
  await bench.agreed()
  const [before] = await Promise.all([0, 4].map(async (from) => (await bench.client().status({ from })).executed))
  await bench.cluster('partition', '0-2/3-4')
  const waiting: string[] = []
  for (let i = 0; i < 2 * N; i++) waiting.push(await bench.hand(i % N))
  // Longer than a recovery time-out, so that both halves try.
  await new Promise((resolve) => setTimeout(resolve, 8000))
  for (const from of bench.everyone) assert.is((await bench.client().status({ from })).executed, before)
  await bench.cluster('heal')
  for (const txId of waiting) await bench.executed(txId)
  await bench.agreed()
  const places = await Promise.all(bench.everyone.map((from) => Promise.all(waiting.map((txId) => bench.client().show(txId, { from })))))
  const positions = places.map((results) => results.map(({ position, receipt }) => ({ position, receipt })))
  for (const own of positions) assert.equal(own, positions[0])
})

test('what changes while a signer stands still holds for it when it goes on', async () => {
  await bench.cluster('pause', '4')
  const changed = await bench.cluster('partition', '0-3/4')
  assert.equal([changed['paused'], changed['unreached']], [[4], []])
  await bench.cluster('resume', '4')
  assert.is((await bench.states())[4], 'partitioned')
  await bench.cluster('heal')
  await bench.allReady()
})

test('a root that dies between phases: another coordinator finishes what it began', async () => {
  const others = [0, 1, 3, 4]
  for (const other of others) await bench.cluster('link', String(other), '2', '--loss', '1', '--one-way')
  const txId = await bench.hand(2)
  await until('the batch at the others', async () => (await Promise.all(others.map((from) => bench.client().show(txId, { from })))).length === 4)
  await bench.cluster('kill', '2')
  await bench.executed(txId, others)
  const { ballot } = await bench.client().show(txId, { from: 0 })
  assert.ok((ballot ?? 0) >= 1, `ballot ${ballot}`)
  await bench.cluster('heal')
  await bench.cluster('restart', '2')
  await bench.executed(txId, [2])
  await bench.agreed()
})

test('a cluster that is paused and parted goes down, comes up parted, and is healed while it is down', async () => {
  await bench.cluster('partition', '0/1-4')
  await bench.cluster('pause', '1', '3')
  await bench.cluster('down')
  await bench.refused(['cluster', 'partition', '0'], 3, 'UNREACHABLE', /is down; start it with: musig cluster up/)
  const { stderr } = await bench.good(['cluster', 'up'])
  assert.match(stderr, /Warning: the cluster is partitioned, 0 \/ 1-4; end that with: musig cluster heal/)
  assert.equal(await bench.states(), ['partitioned', 'ready', 'ready', 'ready', 'ready'])
  await bench.cluster('down')
  await bench.cluster('heal')
  await bench.cluster('up')
  await bench.allReady()
})

test.run()
