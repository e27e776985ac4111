/** What every implementation of the `Store` port must do. A place is where a store keeps its records between openings. */
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { SeededRandom } from '../../src/lib/base/prng.js'
import type { Store } from '../../src/lib/node/ports.js'

export interface StorePlaces<P> {
  fresh(): Promise<P>
  open(place: P): Promise<Store>
}

export function text(record: Uint8Array): string {
  return new TextDecoder().decode(record)
}

export function record(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

export async function rejects(work: Promise<unknown>, code: string, words: RegExp): Promise<void> {
  try {
    await work
  } catch (error) {
    assert.is((error as { code?: string }).code, code, String(error))
    assert.match((error as Error).message, words)
    return
  }
  assert.unreachable(`expected ${code}`)
}

export function storeCompliance<P>(test: Test, name: string, places: StorePlaces<P>): void {
  test(`${name}: a new store is empty`, async () => {
    const store = await places.open(await places.fresh())
    assert.equal(await store.load(), [])
    await store.close()
  })

  test(`${name}: records come back in order after reopening, bytes unchanged`, async () => {
    const seed = Date.now()
    const random = new SeededRandom(seed)
    const place = await places.fresh()
    const written: Uint8Array[] = []
    for (let round = 0; round < 3; round++) {
      const store = await places.open(place)
      assert.equal(await store.load(), written, `seed ${seed}`)
      for (let i = 0; i < 5; i++) {
        const group = Array.from({ length: random.upTo(20) }, () => random.bytes(random.upTo(3000)))
        await store.append(group)
        written.push(...group)
      }
      assert.equal(await store.load(), written, `seed ${seed}`)
      await store.close()
    }
  })

  test(`${name}: appends that overlap keep the order of the calls`, async () => {
    const place = await places.fresh()
    const store = await places.open(place)
    await store.load()
    await Promise.all(Array.from({ length: 50 }, (_, i) => store.append([record(`${i}a`), record(`${i}b`)])))
    await store.close()
    const again = await places.open(place)
    assert.equal((await again.load()).map(text), Array.from({ length: 50 }, (_, i) => [`${i}a`, `${i}b`]).flat())
    await again.close()
  })

  test(`${name}: what is handed in and out is the caller's to change`, async () => {
    const store = await places.open(await places.fresh())
    await store.load()
    const mine = record('abc')
    const written = store.append([mine])
    mine.fill(0)
    await written
    const [first] = await store.load()
    assert.is(text(first as Uint8Array), 'abc')
    assert.is(Object.getPrototypeOf(first), Uint8Array.prototype)
    first?.fill(0)
    assert.is(text((await store.load())[0] as Uint8Array), 'abc')
    await store.close()
  })

  test(`${name}: an empty append and an empty record are allowed`, async () => {
    const place = await places.fresh()
    const store = await places.open(place)
    await store.load()
    await store.append([])
    await store.append([new Uint8Array(0)])
    await store.close()
    const again = await places.open(place)
    assert.equal(await again.load(), [new Uint8Array(0)])
    await again.close()
  })

  test(`${name}: a closed store refuses, and closing twice is no error`, async () => {
    const store = await places.open(await places.fresh())
    await store.load()
    await store.close()
    await store.close()
    await rejects(store.append([record('x')]), 'STORE_FAILED', /closed/)
    await rejects(store.load(), 'STORE_FAILED', /closed/)
  })
}
