/**
 * Writes sample drawings (trees, orders, signatures, timelines for n = 5, 31, 127) as SVG into the folder given, `sim-…` of batches that fought for a key in the
 * simulator, the others made up: `node --import tsx scripts/draw-samples.ts DIR`.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawOrderSvg } from '../src/lib/inspect/order-svg.js'
import { drawSignatureSvg } from '../src/lib/inspect/signature-svg.js'
import { drawTimelineSvg } from '../src/lib/inspect/timeline-svg.js'
import { drawTreeSvg } from '../src/lib/inspect/tree-svg.js'
import { sampleOrder, sampleSignature, sampleTree, seedOrder } from '../test/inspect/sample-data.js'
import { sampleTimeline } from '../test/inspect/sample-timeline.js'
import { simulatedRun } from '../test/inspect/simulated.js'

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  process.stderr.write('usage: node --import tsx scripts/draw-samples.ts DIR\n')
  process.exit(2)
}
mkdirSync(folder, { recursive: true })
const drawings: Record<string, string> = {
  'tree-5': drawTreeSvg(sampleTree(5)),
  'tree-31': drawTreeSvg(sampleTree(31, 3)),
  'tree-127': drawTreeSvg(sampleTree(127, 2)),
  'tree-1023': drawTreeSvg(sampleTree(1023)),
  'order-seed': drawOrderSvg(seedOrder()),
  'order-5': drawOrderSvg(sampleOrder(5, 4)),
  'order-31': drawOrderSvg(sampleOrder(31, 8, 3)),
  'order-127': drawOrderSvg(sampleOrder(127, 12, 2)),
  'order-votes-only': drawOrderSvg({ ...sampleOrder(31, 3), arrivals: undefined }),
  'timeline-5': drawTimelineSvg(sampleTimeline(5, 1, { slow: true })),
  'timeline-5-fast': drawTimelineSvg(sampleTimeline(5, 2, { silent: [2], forgotten: [1] })),
  'timeline-31': drawTimelineSvg(sampleTimeline(31, 3, { recovers: true, clocks: { 4: -500, 9: 2000 } })),
  'timeline-127': drawTimelineSvg(sampleTimeline(127, 2, { slow: true })),
  'signature-5': drawSignatureSvg([sampleSignature(5, 2)]),
  'signature-31': drawSignatureSvg([sampleSignature(31, 4)]),
  'signature-127': drawSignatureSvg([sampleSignature(127, 6, 1, 2)]),
}
for (const [n, txs] of [
  [5, 5],
  [31, 8],
  [127, 9],
] as const) {
  const { tree, order, signatures, timeline } = simulatedRun(n, txs)
  drawings[`sim-tree-${n}`] = drawTreeSvg(tree)
  drawings[`sim-order-${n}`] = drawOrderSvg(order)
  drawings[`sim-signature-${n}`] = drawSignatureSvg(signatures)
  drawings[`sim-timeline-${n}`] = drawTimelineSvg(timeline)
}
for (const [name, svg] of Object.entries(drawings)) writeFileSync(join(folder, `${name}.svg`), svg)
process.stdout.write(`${Object.keys(drawings).length} drawings written to ${folder}\n`)
