/** The examples do what the README says of them, and its picture is the one that the code draws. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { drawOrderSvg } from '../src/lib/inspect/order-svg.js'
import { deriveFromVotes } from '../src/lib/inspect/votes-file.js'

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8')

test('five signers: a fast batch, a disagreement that takes phase 3, and the one order', () => {
  const { order, components, batches } = deriveFromVotes(JSON.parse(read('examples/five-signers.json')))
  assert.equal(order, ['T1', 'T2', 'T3', 'T4'])
  assert.equal(components, [['T1'], ['T2', 'T3'], ['T4']])
  assert.equal(
    batches.map(({ path }) => path),
    ['fast', 'slow', 'slow', 'fast'],
  )
})

test('the README’s picture is up to date', () => {
  const drawn = drawOrderSvg(deriveFromVotes(JSON.parse(read('examples/five-signers.json'))))
  assert.is(read('docs/images/five-signers.svg').trim(), drawn.trim())
})

test.run()
