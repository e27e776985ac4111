/** The order of a group, drawn and explained: the seed's example to the letter, every kind of sentence, ids that look alike, groups too large to draw. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { OrderBatch, OrderData, OrderPair } from '../../src/lib/inspect/data.js'
import { orderSentences } from '../../src/lib/inspect/order-shape.js'
import { drawOrderSvg } from '../../src/lib/inspect/order-svg.js'
import { explainOrderText } from '../../src/lib/inspect/order-tables.js'
import { drawOrderText } from '../../src/lib/inspect/order-text.js'
import { readSvg } from './read-svg.js'
import { orderOf, sampleOrder, seedOrder } from './sample-data.js'

const PLAIN = { color: false, width: 80 }

test("the seed's five signers and three transactions in a terminal", () => {
  const expected = `
Order of 3 batches · 5 signers · quorum 4 · inclusion 1

place of arrival, first at the bottom
   3 │ T4 T4 T4 T3 T4
   2 │ T3 T3 T1 T4 T3
   1 │ T1 T1 T3 T1 T1
     └────────────────
        0  1  2  3  4  signer
`
  assert.equal(drawOrderText(seedOrder(), PLAIN), expected.slice(1))
})

test("the seed's example explained: votes, pairs, scores, predecessors, components, order", () => {
  const expected = `
Votes  place of arrival at each signer; · not voted
signer    T1  T3  T4
     0     1   2   3
     1     1   2   3
     2     2   1   3
     3     1   3   2
     4     1   2   3

Pairs  votes that name the other; support for a first : for b first
 a       b       a names b  b names a      support
 T1      T3            1/5        4/5        8 : 2  ✓ decisive
 T1      T4            0/5        5/5       10 : 0  ✓ decisive
 T3      T4            1/5        4/5        8 : 2  ✓ decisive

Scores  least agreed pair; 4 of 5, the stroke, skip phase 3
 T1      ███████████████████┃░░░░       4/5  0.80     5 votes  fast
 T3      ███████████████████┃░░░░       4/5  0.80     5 votes  fast
 T4      ███████████████████┃░░░░       4/5  0.80     5 votes  fast

Predecessors  batches that more than 1 votes name
 T1 after nothing
 T3 after T1
 T4 after T1, T3

Components  batches that name each other, in the order of execution
 {T1} {T3} {T4}

Order
 T1 → T3 → T4
 T1 before T3: 4 of 5 saw it first; 4 are enough to skip phase 3.
 T3 before T4: 4 of 5 saw it first; 4 are enough to skip phase 3.
`
  assert.equal(explainOrderText(seedOrder(), PLAIN), expected.slice(1))
})

test('a batch that did not reach a signer leaves a gap, in text and in the line', () => {
  const data = orderOf(
    ['T1', 'T2', 'T3', 'T4'],
    [
      ['T1', 'T2', 'T3', 'T4'],
      ['T1', 'T2', 'T4'],
      ['T2', 'T1', 'T3', 'T4'],
      ['T1', 'T3', 'T2', 'T4'],
      ['T1', 'T2', 'T3'],
    ],
  )
  const text = drawOrderText(data, PLAIN)
  assert.match(text, / {3}4 │ T4 {2}· T4 T4 {2}·\n {3}3 │ T3 T4 T3 T2 T3\n/)
  const { titles } = readSvg(drawOrderSvg(data))
  assert.is(titles.filter((tip) => / arrived \d\.$/.test(tip)).length, 18)
  assert.ok(titles.includes('signer 1: T4 arrived 3.'))
  assert.not.ok(titles.some((tip) => tip.startsWith('signer 4: T4')))
})

const batch = (id: string, predecessors: string[]): OrderBatch => ({ id, votes: 31, score: 20 / 31, decisive: false, path: 'slow', predecessors })
const two = (pair: Partial<OrderPair> | undefined, predecessors: [string[], string[]] = [['T3'], ['T1']]): OrderData => ({
  n: 31,
  quorum: 24,
  inclusion: 11,
  batches: [batch('T1', predecessors[0]), batch('T3', predecessors[1])],
  pairs: pair ? [{ a: 'T1', b: 'T3', before: [9, 22], support: [44, 18], decisive: false, ...pair }] : [],
  components: [['T1', 'T3']],
  order: ['T1', 'T3'],
})

test('one sentence for each neighbour pair says why it stands so', () => {
  const cases: [OrderData, string][] = [
    [two({}), 'T1 before T3: 22 of 31 saw it first; 24 are needed to skip phase 3.'],
    [two({ before: [3, 28], support: [56, 6], decisive: true }), 'T1 before T3: 28 of 31 saw it first; 24 are enough to skip phase 3.'],
    [two({ a: 'T3', b: 'T1', before: [22, 9], support: [18, 44] }), 'T1 before T3: 22 of 31 saw it first; 24 are needed to skip phase 3.'],
    [two(undefined), 'T1 before T3: they share no key, so neither waits for the other.'],
    [
      two({ before: [21, 10], support: [20, 42] }),
      'T1 before T3: only 10 of 31 saw it first, but stronger pairs of their component put it there: the majorities form a cycle; 24 are needed to skip phase 3.',
    ],
    [
      two({ before: [15, 15], support: [31, 31] }),
      'T1 before T3: 15 of 31 saw it first, as much support either way, so a stronger pair or the smaller id decides; 24 are needed to skip phase 3.',
    ],
    [
      two({ before: [16, 15], support: [30, 32] }, [[], ['T1']]),
      'T1 before T3: 15 of 31 saw it first, and only T3 has the other as its predecessor; 24 are needed to skip phase 3.',
    ],
  ]
  for (const [data, sentence] of cases) {
    assert.equal(orderSentences(data), [sentence])
    const { texts } = readSvg(drawOrderSvg(data))
    assert.ok(
      texts
        .map(({ content }) => content)
        .join(' ')
        .includes(sentence),
    )
  }
})

test('nothing decided, nothing in conflict, no arrivals: each is said', () => {
  const open = { ...two(undefined), order: [], components: [] }
  assert.match(explainOrderText(open, PLAIN), /Pairs {2}no two of these batches share a key/)
  assert.match(explainOrderText(open, PLAIN), /Order {2}nothing is decided yet/)
  assert.match(drawOrderText(open, PLAIN), /arrival orders are not known/)
  assert.match(drawOrderSvg(open), /nothing is decided yet/)
  assert.equal(orderSentences(open), [])
})

test('31 signers and 12 batches fit into 80 columns; more signers are summarised, none is forgotten', () => {
  const grid = drawOrderText(sampleOrder(31, 12, 3), PLAIN)
  assert.match(grid, / {2}12 │/)
  assert.not.match(grid, /do not fit/)
  const text = drawOrderText(sampleOrder(127, 12), PLAIN)
  assert.match(text, /^127 signers do not fit into 80 columns\.$/m)
  const listed = [...text.matchAll(/^ {2}(?:(\d+) signers|signer \d+) {2,}/gm)].reduce((sum, [, number]) => sum + Number(number ?? 1), 0)
  const rest = Number(/(\d+) more signers in \d+ other orders/.exec(text)?.[1])
  assert.is(listed + rest, 127)
})

test('lines of a diagram differ in shape and dash without their colour', () => {
  const svg = drawOrderSvg(sampleOrder(5, 12))
  const samples = [...svg.matchAll(/<path d="M20,\S+54,\S+" [^>]*?(?:stroke-dasharray="([^"]*)")?\/>(<\w+ [^>]*>)/g)]
  const looks = samples.map(
    ([, dash, shape]) =>
      `${dash} ${shape
        ?.replace(/class="[^"]*"/, '')
        .replace(/-?[\d.]+,-?[\d.]+/g, '')
        .replace(/c?[xy]="[^"]*"/g, '')}`,
  )
  assert.is(looks.length, 12)
  assert.is(new Set(looks).size, 12)
})

test('ids that begin alike are told apart', () => {
  const start = 'abcdef0123456789'
  const ids = [`${start}00`, `${start}01`, 'feed'.repeat(16), 'x'.repeat(60), `${'x'.repeat(60)}y`]
  const data = orderOf(ids, [ids, ids, ids, ids, ids])
  const text = explainOrderText(data, { color: false, width: 200 })
  for (const name of [`${start}00`, `${start}01`, 'feedfeed', `${'x'.repeat(23)}…`, `${'x'.repeat(23)}…~2`])
    assert.ok(text.includes(` ${name} `), name)
})

test('ids that are no batch of the group are named all the same', () => {
  const data = { ...seedOrder(), components: [['T1'], ['a1'.repeat(32)]], order: ['T1', 'b2'.repeat(32), 'T3'], arrivals: [['T1', 'c3', 'T3', 'T1']] }
  assert.match(explainOrderText(data, PLAIN), /\{T1\} \{a1a1a1a1\}/)
  assert.match(explainOrderText(data, PLAIN), /T1 → b2b2b2b2 → T3/)
  assert.match(drawOrderText(data, PLAIN), / {3}2 │ T3\n {3}1 │ T1\n/)
})

test('more batches, pairs and signers than are drawn are counted in words', () => {
  const many = sampleOrder(7, 45)
  assert.match(drawOrderText(many, PLAIN), /5 more batches are not drawn/)
  assert.match(explainOrderText(many, PLAIN), /930 more pairs/)
  assert.match(explainOrderText(many, PLAIN), /→ 5 more/)
  assert.match(drawOrderSvg(many), /5 more batches not drawn/)
  assert.match(drawOrderSvg(sampleOrder(300, 3)), /45 more signers not drawn/)
})

test.run()
