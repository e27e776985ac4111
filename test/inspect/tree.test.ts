/** The tree of a batch, drawn: what stands where, which levels are left out, and what is refused. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TreeData } from '../../src/lib/inspect/data.js'
import { drawTreeSvg } from '../../src/lib/inspect/tree-svg.js'
import { drawTreeText } from '../../src/lib/inspect/tree-text.js'
import { readSvg } from './read-svg.js'
import { sampleTree } from './sample-data.js'

const PLAIN = { color: false, width: 80 }

const EXAMPLE: TreeData = {
  batchId: 'a1b2c3d4e5f60718a1b2c3d4e5f60718a1b2c3d4e5f60718a1b2c3d4e5f60718',
  ballot: 0,
  root: 3,
  depth: 3,
  nodes: [
    {
      signer: 3,
      parent: null,
      children: [0, 5],
      depth: 0,
      state: 'voted',
      region: 'eu',
      role: 'root',
      timeMs: 0,
      times: { proposed: 0, voted: 0, executed: 140 },
    },
    { signer: 0, parent: 3, children: [2, 4], depth: 1, state: 'silent', region: 'us' },
    { signer: 2, parent: 0, children: [6], depth: 2, state: 'adopted', adoptedBy: 3, region: 'us', timeMs: 131.7 },
    { signer: 6, parent: 2, children: [], depth: 3, state: 'late', timeMs: 0.42 },
    { signer: 4, parent: 0, children: [], depth: 2, state: 'invalid' },
    { signer: 5, parent: 3, children: [1], depth: 1, state: 'voted', name: 'berlin', timeMs: 4.25 },
    { signer: 1, parent: 5, children: [], depth: 2, state: 'unknown' },
  ],
}

test('the terminal tree shows parents above children, states by mark and word, regions, names and times', () => {
  const expected = `
Tree of batch a1b2c3d4 · ballot 0 · root 3 · depth 3 · 7 signers

● 3 · A eu · root · 0 ms → 140 ms
├─○ 0 · B us · silent
│ ├─■ 2 · B us · 132 ms · adopted · asked by 3
│ │ └─◆ 6 · 0.42 ms · late
│ └─✗ 4 · invalid
└─● 5 · berlin · 4.3 ms
  └─? 1 · not known

● voted 2   ◆ late 1   ■ adopted 1   ✗ invalid 1   ○ silent 1   ? not known 1
`
  assert.equal(drawTreeText(EXAMPLE, PLAIN), expected.slice(1))
})

test('the SVG names every signer once, tells states by shape and says them when pointed at', () => {
  const { texts, titles } = readSvg(drawTreeSvg(EXAMPLE))
  for (const label of ['3 · root · 0 ms → 140 ms', '0', '2 · 132 ms · asked by 3', '6 · 0.42 ms', '4', '5 · berlin · 4.3 ms', '1', 'eu 1', 'us 2'])
    assert.is(texts.filter(({ content }) => content === label).length, 1, label)
  for (const tip of ['4 · invalid', '0 · us · silent', '1 · not known', '3 · root · eu · proposed 0 ms · voted 0 ms · executed 140 ms · voted'])
    assert.ok(titles.includes(tip), tip)
  // A region has its letter besides its colour.
  assert.equal(
    ['A', 'B'].map((letter) => texts.filter(({ content }) => content === letter).length),
    [2, 3],
  )
})

test('children stand to the right of their parent', () => {
  const tree = sampleTree(31, 1, true)
  const { texts } = readSvg(drawTreeSvg(tree))
  const left = new Map(texts.map(({ content, left: x }) => [content.split(' · ')[0], x]))
  for (const { signer, parent } of tree.nodes) if (typeof parent === 'number') assert.ok((left.get(`${signer}`) ?? 0) > (left.get(`${parent}`) ?? 0))
})

test('a tree of more signers than fit is drawn by whole levels, and the rest is counted', () => {
  const tree = sampleTree(1023)
  const text = drawTreeText(tree, { color: false, width: 200 })
  const drawn = text.split('\n').filter((line) => / · [ABC] (eu-west|us-east|ap-south)/.test(line))
  assert.is(drawn.length, 255)
  const below = [...text.matchAll(/\+(\d+) below/g)].reduce((sum, [, number]) => sum + Number(number), 0)
  assert.is(below, 1023 - 255)
  assert.match(drawTreeSvg(tree), /\+\d+ below: \d+ voted/)
  assert.is(drawTreeText(sampleTree(255), PLAIN).includes('below'), false)
  assert.is(drawTreeText(sampleTree(256), PLAIN).includes('below'), true)
})

test('what is no tree is refused with a reason', () => {
  const change = (at: number, node: Partial<TreeData['nodes'][number]>): TreeData => ({
    ...EXAMPLE,
    nodes: EXAMPLE.nodes.map((each, i) => (i === at ? { ...each, ...node } : each)),
  })
  const refused: [TreeData, RegExp][] = [
    [{ ...EXAMPLE, root: 9 }, /signer 9 is named but missing/],
    [change(1, { signer: 5 }), /twice/],
    [change(3, { children: [0] }), /signer 0 names another parent/],
    [change(5, { children: [] }), /1 of its 7 signers cannot be reached/],
    [change(4, { depth: 1 }), /signer 4 has depth 1, not 2/],
  ]
  for (const [data, reason] of refused)
    for (const draw of [() => drawTreeText(data, PLAIN), () => drawTreeSvg(data)])
      assert.throws(draw, (error: Error & { code?: string }) => error.code === 'BAD_INPUT' && reason.test(error.message))
})

test.run()
