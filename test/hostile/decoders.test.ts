/** Hostile bytes against every decoder: tens of thousands, from a seed that is printed. A million of them: `decoders.long.test.ts`. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fuzz } from './fuzz.js'

const seed = process.env.MUSIG_TEST_SEED ?? String(Date.now())

test('50,000 hostile inputs: one typed error or the same bytes back, in bounded time', async () => {
  const { inputs, tookMs, tallies, dearest } = await fuzz(seed, 50_000, 40, 2 ** 18)
  console.log(`decoders: seed ${seed}, ${inputs} inputs in ${Math.round(tookMs)} ms; dearest large input ${JSON.stringify(dearest)}`)
  // A mutator that only makes rubbish, or none, would test nothing; of a few inputs chance may take all.
  for (const [name, { inputs: tried, taken, refused }] of tallies)
    assert.ok(refused > 0 || tried < 100 || name.startsWith('payloads'), `${name}: ${taken} taken, ${refused} refused`)
})

test.run()
