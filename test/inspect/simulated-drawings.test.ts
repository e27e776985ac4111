/** Drawings of batches that fought for a key in the simulator, among 5, 31 and 127 signers: no label stands on another. */
// time limit: 240 s
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { orderSentences } from '../../src/lib/inspect/order-sentences.js'
import { drawOrderSvg } from '../../src/lib/inspect/order-svg.js'
import { drawSignatureSvg } from '../../src/lib/inspect/signature-svg.js'
import { drawTimelineSvg } from '../../src/lib/inspect/timeline-svg.js'
import { drawTreeSvg } from '../../src/lib/inspect/tree-svg.js'
import { crossedOut, overlaps, readSvg } from './read-svg.js'
import { simulatedRun } from './simulated.js'

for (const [n, txs] of [
  [5, 5],
  [31, 8],
  [127, 5],
] as const) {
  test(`${n} signers, ${txs} batches on one key: tree, order, signatures and timeline without labels on top of each other`, () => {
    const { order, tree, signatures, timeline } = simulatedRun(n, txs)
    assert.ok(
      order.components.some(({ length }) => length > 1),
      'batches that name each other',
    )
    assert.ok(
      order.ranked?.some(({ locked }) => !locked) && order.batches.some(({ views = [] }) => views.length > 1),
      'a cycle, and votes that differ',
    )
    assert.is(signatures.length, 2)
    assert.ok(
      orderSentences(order).some((sentence) => /phase 3 ran in \d+ ms for the first/.test(sentence)),
      orderSentences(order).join(' '),
    )
    const drawn = {
      tree: drawTreeSvg(tree),
      order: drawOrderSvg(order),
      timeline: drawTimelineSvg(timeline),
      signatures: drawSignatureSvg(signatures),
    }
    for (const [name, svg] of Object.entries(drawn)) {
      const read = readSvg(svg)
      assert.equal([...overlaps(read), ...crossedOut(read)], [], name)
      assert.ok(read.width < 2400, `${name}: ${read.width} wide`)
    }
  })
}

test.run()
