/** What came of old transactions, held against a Map: the same whether it is in memory still or was put aside, in a store too. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/lib/base/bytes.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import type { Outcome } from '../../src/lib/node/executor.js'
import { type Aside, AsideInMemory, BLOCK, Outcomes } from '../../src/lib/node/outcomes.js'
import { openStore } from '../../src/lib/node/store.js'

const seed = String(Date.now())
console.log(`outcomes: seed ${seed}`)

function compare(aside: Aside, count: number): void {
  const random = new SeededRandom(seed)
  const batches = Array.from({ length: 50 }, () => toHex(random.bytes(32)))
  const [outcomes, map] = [new Outcomes(batches, aside), new Map<string, Outcome>()]
  for (let i = 0; i < count; i++) {
    const txId = toHex(random.bytes(32))
    const place = random.fraction() < 0.1 ? null : random.upTo(49)
    const receipt =
      random.fraction() < 0.2 ? { ok: false as const, reason: `é “${i}”` } : { ok: true as const, result: { i, text: 'ü'.repeat(random.upTo(20)) } }
    const where = place === null ? { batchId: null, index: null } : { batchId: batches[place] ?? '', index: random.upTo(1023) }
    const outcome = {
      ...where,
      receipt,
      ...(random.fraction() < 0.3 && { isKeyless: true as const }),
      ...(random.fraction() < 0.5 && { latencyMs: random.fraction() }),
    }
    assert.is(outcomes.has(txId), false)
    assert.is(outcomes.get(txId), undefined)
    outcomes.add(txId, outcome, place)
    outcomes.add(txId, { batchId: null, index: null, receipt: { ok: true, result: null } }, null)
    map.set(txId, outcome)
  }
  const all = [...map.keys()]
  assert.is(outcomes.size, count)
  assert.equal([...outcomes.ids()], all)
  for (const [from, to] of [
    [0, 1],
    [BLOCK - 2, BLOCK + 2],
    [count - 3, count],
  ] as const)
    assert.equal([...outcomes.ids(from, to)], all.slice(from, to))
  for (const at of [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK, count - 1, ...Array.from({ length: 300 }, () => random.upTo(count))]) {
    const txId = all[at] ?? ''
    assert.ok(outcomes.has(txId))
    assert.equal(outcomes.get(txId), map.get(txId))
    assert.equal([...outcomes.beginningWith(txId.slice(0, 20))], [txId])
  }
}

test('in memory', () => compare(new AsideInMemory(), 3 * BLOCK + 7))

test('in a store, and what another life has put there is not asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'musig-outcomes-'))
  try {
    for (let life = 0; life < 2; life++) {
      const store = await openStore(join(folder, 'store'), { clusterId: 'ab'.repeat(32), publicKey: new Uint8Array(48) })
      await store.load()
      compare(store.aside, (3 - life) * BLOCK + 7)
      // What was put is asked for once it is in the database, too.
      await store.append([Uint8Array.of(1)])
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.ok(store.aside.get(0))
      assert.is((await store.load()).length, life + 1)
      await store.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.run()
