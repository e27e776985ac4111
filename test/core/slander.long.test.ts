// time limit: 900 s
/** More than ten thousand mutants of valid evidence; `evidence.test.ts` has the short form. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { Liars } from './evidence-samples.js'
import { slander } from './slander.js'

const seed = process.env.MUSIG_TEST_SEED ?? String(Date.now())

test('slander: of ten thousand mutants of valid evidence, of every field, none is taken', () => {
  const mutants = slander(new Liars(loadCrypto(undefined)), seed, { eachField: 50, eachKind: 700 })
  console.log(`slander: seed ${seed}, ${mutants} mutants, 0 taken`)
  assert.ok(mutants >= 10_000, `${mutants} mutants`)
})

test.run()
