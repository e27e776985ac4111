// time limit: 3600 s
/** A million hostile bytes against every decoder, with the memory before and after; `decoders.test.ts` is the short form. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fuzz, heapBytes } from './fuzz.js'

const seed = process.env.MUSIG_TEST_SEED ?? String(Date.now())
const INPUTS = 1_000_000
/** What the heap may have grown by at the end: code and caches of fixed size, not a part of each input. */
const GROWTH_BYTES = 24 * 2 ** 20

test('1,000,000 hostile inputs, some of 1 MiB: one typed error or the same bytes back, in bounded time, and the heap is as it was', async () => {
  await fuzz(`${seed}/warm`, 20_000, 40, 2 ** 18)
  const start = heapBytes()
  const rssStart = process.memoryUsage().rss
  const { inputs, tookMs, dearest } = await fuzz(seed, INPUTS, 400, 2 ** 20)
  const end = heapBytes()
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
  console.log(`decoders: seed ${seed}, ${inputs} inputs in ${Math.round(tookMs / 1000)} s; dearest large input ${JSON.stringify(dearest)}`)
  console.log(`heap ${mib(start)} → ${mib(end)} MiB; rss ${mib(rssStart)} → ${mib(process.memoryUsage().rss)} MiB`)
  assert.ok(end - start < GROWTH_BYTES, `the heap grew from ${mib(start)} to ${mib(end)} MiB (seed ${seed})`)
})

test.run()
