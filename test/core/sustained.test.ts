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
  test(`without “putOff” one component takes in everything for as long as the stream lasts: ${forMs} ms`, () => {
    const { largest, executed } = stream({ putOff: false }, 75, forMs)
    console.log(`${forMs} ms: ${largest} batches in one component, ${executed} executed before the end`)
    // About one batch each 75 ms; the first seconds are before the stream has its shape.
    assert.ok(largest > (forMs - 1000) / 75)
    assert.ok(executed <= 16)
  })

test('with it components stay below what fits into all windows', () => {
  const { largest, executed, windows } = stream({}, 75, 4000)
  console.log(`${largest} batches in the largest component, ${executed} executed before the end`)
  assert.ok(largest <= windows)
  assert.ok(executed > windows)
})

test('a slower stream, which never fills the windows, still keeps one component open (ADR 0021)', () => {
  const { largest, executed, windows } = stream({}, 133, 4000)
  console.log(`${largest} batches in the largest component, ${executed} executed before the end`)
  assert.ok(largest > windows)
})

test.run()
