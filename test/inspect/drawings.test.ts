/** What every drawing keeps: well-formed, self-contained, no labels on top of each other, hostile text harmless, no colour codes unless asked for. */
import { stripVTControlCharacters } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { drawOrderSvg } from '../../src/lib/inspect/order-svg.js'
import { explainOrderText } from '../../src/lib/inspect/order-tables.js'
import { drawOrderText } from '../../src/lib/inspect/order-text.js'
import { drawSignatureSvg } from '../../src/lib/inspect/signature-svg.js'
import { drawSignatureText } from '../../src/lib/inspect/signature-text.js'
import { drawTreeSvg } from '../../src/lib/inspect/tree-svg.js'
import { drawTreeText } from '../../src/lib/inspect/tree-text.js'
import { HARMFUL, HOSTILE } from './hostile.js'
import { crossedOut, overlaps, readSvg } from './read-svg.js'
import { orderOf, sampleOrder, sampleSignature, sampleTree, seedOrder } from './sample-data.js'

const SIZES = [1, 5, 31, 127]
const SEEDS = [1, 2, 3]

function* everyDrawing(): Generator<[name: string, svg: string]> {
  for (const n of SIZES) {
    for (const seed of SEEDS) {
      yield [`tree n=${n} seed=${seed}`, drawTreeSvg(sampleTree(n, seed))]
      yield [`signature n=${n} seed=${seed}`, drawSignatureSvg([sampleSignature(n, seed, seed)])]
      for (const batches of [1, 2, 4, 8, 12])
        yield [`order n=${n} batches=${batches} seed=${seed}`, drawOrderSvg(sampleOrder(n, batches, seed, seed))]
    }
  }
  yield ['tree of 1023', drawTreeSvg(sampleTree(1023))]
  yield ['order of the seed', drawOrderSvg(seedOrder())]
  yield ['order of 45 batches', drawOrderSvg(sampleOrder(7, 45))]
  yield ['order of 300 signers', drawOrderSvg(sampleOrder(300, 3))]
  yield ['order without arrivals', drawOrderSvg({ ...sampleOrder(31, 3), arrivals: undefined })]
  yield ['signature of 1500', drawSignatureSvg([sampleSignature(1500, 50)])]
}

test('every SVG is well-formed, self-contained, named for screen readers, and no two labels overlap or leave it', () => {
  for (const [name, svg] of everyDrawing()) {
    const read = readSvg(svg)
    assert.equal([...overlaps(read), ...crossedOut(read)], [], name)
    assert.ok(read.texts.length > 0 && read.width > 0 && read.width < 2400, `${name}: ${read.width} wide`)
    assert.equal([read.names[0], read.names[1], read.names[2]], ['svg', 'title', 'desc'], name)
    assert.not.match(svg.replace('http://www.w3.org/2000/svg', ''), /https?:|url\(|@import|href|<script|NaN|undefined|Infinity/, name)
    assert.match(svg, /prefers-color-scheme:dark/, name)
  }
})

test('the overlap check itself finds overlapping and leaving labels', () => {
  const svg =
    '<svg width="50" height="20"><text x="0" y="10" font-size="10" textLength="30">a</text><text x="20" y="12" font-size="10" textLength="40">b</text></svg>'
  assert.equal(overlaps(readSvg(svg)), ['"b" leaves the drawing', '"a" overlaps "b"'])
  assert.throws(() => readSvg('<svg width="1"><g></svg>'))
  const crossed = (line: string, style = '') =>
    crossedOut(readSvg(`<svg width="50" height="20">${line}<text x="5" y="10" font-size="10" textLength="30" ${style}>a</text></svg>`))
  const through = '<path d="M0,0L50,15" fill="none"/>'
  assert.equal(crossed(through), ['a line runs through "a"'])
  assert.equal(crossed(through, 'class="mp-halo"'), [])
  assert.equal(crossed('<path d="M0,15L50,15M40,0L40,20" fill="none"/>'), [])
})

function hostileDrawings(options = { color: false, width: 100 }): { svgs: string[]; texts: string[] } {
  const tree = sampleTree(7)
  const nodes = tree.nodes.map((node, i) => ({ ...node, region: HOSTILE[i], name: HOSTILE[(i + 1) % 7] }))
  const order = orderOf(HOSTILE, [HOSTILE, [...HOSTILE].reverse(), HOSTILE, HOSTILE, HOSTILE])
  const plainSignature = sampleSignature(31, 7)
  const entries = plainSignature.entries.map((entry, i) => ({ ...entry, message: HOSTILE[i] ?? '', summary: HOSTILE[i] ?? '' }))
  const signature = { ...plainSignature, batchId: '<i>', entries }
  return {
    svgs: [drawTreeSvg({ ...tree, batchId: '<x>', nodes }), drawOrderSvg(order), drawSignatureSvg([signature])],
    texts: [
      drawTreeText({ ...tree, nodes }, options),
      drawOrderText(order, options),
      explainOrderText(order, options),
      drawSignatureText(signature, options),
    ],
  }
}

test('hostile ids, names and regions stay text', () => {
  const { svgs, texts } = hostileDrawings()
  for (const svg of svgs) {
    const read = readSvg(svg)
    assert.equal(overlaps(read), [])
    assert.not.ok(read.names.some((name) => !['svg', 'title', 'desc', 'style', 'rect', 'circle', 'path', 'text'].includes(name)))
    assert.not.match(svg, HARMFUL)
  }
  assert.ok(svgs.some((svg) => svg.includes('&lt;script')))
  for (const text of texts) assert.not.match(text, HARMFUL)
})

test('without colour there is no escape code, with colour the same text stands between them', () => {
  const plain = hostileDrawings({ color: false, width: 90 }).texts
  const painted = hostileDrawings({ color: true, width: 90 }).texts
  plain.forEach((text, i) => {
    assert.not.ok(text.includes('\u001b'))
    assert.ok(painted[i]?.includes('\u001b['))
    assert.equal(stripVTControlCharacters(painted[i] ?? '').replace(/ +$/gm, ''), text)
  })
})

test('no line of text is wider than asked for', () => {
  for (const width of [40, 60, 80, 120]) {
    const options = { color: false, width }
    const texts = [5, 31, 127].flatMap((n) => [
      drawTreeText(sampleTree(n), options),
      drawOrderText(sampleOrder(n, 12, 3), options),
      explainOrderText(sampleOrder(n, 12, 3), options),
      drawSignatureText(sampleSignature(n, 5), options),
    ])
    for (const line of texts.join('').split('\n')) assert.ok([...line].length <= width, `${width}: ${line}`)
  }
})

test.run()
