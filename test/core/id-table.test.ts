/** The table of ids, held against a Map: same numbers, same size, same order, whatever comes, also where ids share their beginnings. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/lib/base/bytes.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { IdTable } from '../../src/lib/core/id-table.js'

const seed = String(Date.now())
console.log(`id table: seed ${seed}`)

/** `alike`: how many bytes at the beginning are the same for all. */
function compare(count: number, alike: number): void {
  const random = new SeededRandom(`${seed} ${alike}`)
  const [table, map] = [new IdTable(), new Map<string, number>()]
  const beginning = random.bytes(alike)
  const made = () => toHex(Uint8Array.from([...beginning, ...random.bytes(32 - alike)]))
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    const old = ids[random.upTo(ids.length + 1)]
    const id = random.fraction() < 0.3 && old !== undefined ? old : made()
    ids.push(id)
    const number = random.fraction() < 0.1 ? 2 ** 32 - 1 : i
    assert.is(table.get(id), map.get(id))
    table.set(id, number)
    map.set(id, number)
    assert.is(table.size, map.size)
    const other = made()
    assert.is(table.has(other), map.has(other))
  }
  for (const id of ids) assert.is(table.get(id), map.get(id))
  assert.equal([...table.entries()], [...map])
  for (const digits of [0, 1, 6, 8, 9, 63, 64])
    for (const id of [ids[0] ?? '', ids.at(-1) ?? '', made()]) {
      const prefix = id.slice(0, digits)
      assert.equal(
        [...table.beginningWith(prefix)],
        [...map.keys()].filter((one) => one.startsWith(prefix)),
      )
    }
}

test('the same as a Map, over several pieces of memory', () => compare(5_000, 0))

for (const alike of [4, 8, 29]) test(`the same where all begin with the same ${alike} bytes`, () => compare(500, alike))

test('an empty one holds nothing', () => {
  assert.is(new IdTable().get('00'.repeat(32)), undefined)
  assert.equal([...new IdTable().entries()], [])
})

test.run()
