/**
 * A stream of batches on one key that does not end: four signers in two regions, each batch on its way to the other region while the next one starts
 * there, so that neighbours are seen in opposite orders. What is executed together must not grow with the length of the stream.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { componentsOf } from '../../src/lib/core/order.js'
import type { Rules } from '../../src/lib/core/rules.js'
import { SmallCluster } from './small-cluster.js'

const [NEAR_MS, FAR_MS] = [5, 200]

function told<T extends { largest: number; executed: number }>(result: T): T {
  console.log(`${result.largest} batches in the largest component, ${result.executed} executed before the end`)
  return result
}

/** Sends a transaction every `everyMs`, to the signers in turn, for `forMs`; returns the sizes of the components in the end, and how much was executed before. */
function stream(rules: Partial<Rules>, everyMs: number, forMs: number): { largest: number; executed: number; windows: number } {
  const cluster = new SmallCluster({
    n: 4,
    rules,
    // What a signer sends goes straight to all: the tree has no part in it.
    fanout: 3,
    delay: ({ from, to }) => (from % 2 === to % 2 ? NEAR_MS : FAR_MS),
  })
  for (let i = 0; i * everyMs < forMs; i++) {
    cluster.submit(i % 4, cluster.transaction(['k']))
    cluster.run(everyMs)
  }
  const executed = cluster.orderAt(0).length
  const batches = cluster.signers.flatMap((_, signer) => cluster.recordsOf(signer, 'batch').map(({ batch }) => batch.id))
  assert.ok(cluster.settle(...new Set(batches)))
  const predecessors = new Map((cluster.executed[0] ?? []).map(({ batch, value }) => [batch.id, value.predecessors]))
  const components = componentsOf([...predecessors.keys()], (id) => predecessors.get(id) ?? [])
  const largest = Math.max(...components.map(({ length }) => length))
  return { largest, executed, windows: 4 * cluster.manifest.window }
}

for (const forMs of [2000, 4000])
  test(`without “putOff” and “holdBack” one component takes in everything for as long as the stream lasts: ${forMs} ms`, () => {
    const { largest, executed } = told(stream({ putOff: false, holdBack: false }, 75, forMs))
    // About one batch each 75 ms; the first seconds are before the stream has its shape.
    assert.ok(largest > (forMs - 1000) / 75)
    assert.ok(executed <= 16)
  })

test('with “putOff” alone components stay below what fits into all windows, where the stream fills them', () => {
  const { largest, executed, windows } = told(stream({ holdBack: false }, 75, 4000))
  assert.ok(largest <= windows)
  assert.ok(executed > windows)
})

test('a slower stream, which never fills the windows, keeps one component open with “putOff” alone', () => {
  const { largest, windows } = told(stream({ holdBack: false }, 133, 4000))
  assert.ok(largest > windows)
})

for (const everyMs of [75, 133])
  test(`with “holdBack” components stay small however long the stream lasts: one transaction every ${everyMs} ms`, () => {
    const [short, long] = [stream({}, everyMs, 4000), stream({}, everyMs, 8000)].map(told)
    // Two batches of each signer: what it had sent before it heard of the phase 3 of another’s, and what it held back.
    assert.ok((short?.largest ?? 0) <= 8 && (long?.largest ?? 0) <= 8)
    assert.ok((long?.executed ?? 0) >= 1.5 * (short?.executed ?? 0))
  })

test.run()
