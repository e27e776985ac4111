/** The order of a group, drawn and explained: the seed's example to the letter, every kind of sentence, ids that look alike, groups too large to draw. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { OrderBatch, OrderData, OrderPair } from '../../src/lib/inspect/data.js'
import { viewsOf } from '../../src/lib/inspect/group.js'
import { orderSentences, sentencesAbout } from '../../src/lib/inspect/order-sentences.js'
import { drawOrderSvg } from '../../src/lib/inspect/order-svg.js'
import { explainOrderText } from '../../src/lib/inspect/order-tables.js'
import { drawOrderText } from '../../src/lib/inspect/order-text.js'
import { deriveFromVotes } from '../../src/lib/inspect/votes-file.js'
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

Distinct votes  how many signers say the same, and what they have before the
                batch
 T1         4 ███████████████████        —  ·  ·
            1 █████                      — T3  ·
 T3         3 ██████████████            T1  —  ·
            1 █████                      ·  —  ·
            1 █████                     T1  — T4
 T4         4 ███████████████████       T1 T3  —
            1 █████                     T1  ·  —

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

const slow = (ballot: number, phase3Ms?: number) => ({ path: 'slow' as const, ballot, phase3Ms })
const withPhase3 = (first: Partial<OrderBatch>, second: Partial<OrderBatch>, pair: Partial<OrderPair> = {}): OrderData => {
  const data = two(pair)
  return { ...data, batches: data.batches.map((one, i) => ({ ...one, ...(i === 0 ? first : second) })) }
}

test('a sentence says for whom phase 3 ran, in which ballot and how long, as far as that is told', () => {
  const fast = { path: 'fast' as const, ballot: 0 }
  const cases: [OrderData, string][] = [
    [withPhase3(fast, slow(0, 146.4)), 'phase 3; phase 3 ran in 146 ms.'],
    [withPhase3(slow(2, 146), fast), 'phase 3; phase 3 ran in ballot 2, in 146 ms.'],
    [withPhase3(slow(3), fast), 'phase 3; phase 3 ran in ballot 3.'],
    [withPhase3(slow(0, 146), slow(0, 8.25)), 'phase 3; phase 3 ran in 146 ms for the first and in 8.3 ms for the second.'],
    [withPhase3(slow(0), slow(0)), 'phase 3; phase 3 ran for both.'],
    [withPhase3(fast, fast), 'to skip phase 3.'],
    [withPhase3(fast, slow(0, 146), { decisive: true, before: [0, 31] }), 'enough to skip phase 3.'],
  ]
  for (const [data, end] of cases) assert.ok(orderSentences(data)[0]?.endsWith(end), `${orderSentences(data)[0]} / ${end}`)
})

test('the sentences about one batch are those of its nearest rivals, whoever stands between', () => {
  const data = seedOrder()
  const apart = { ...data, order: ['T1', 'x', 'T3', 'T4'], batches: [...data.batches, { ...batch('x', []), keys: ['other'] }] }
  assert.equal(sentencesAbout(apart, 'T3'), [
    'T1 before T3: 4 of 5 saw it first; 4 are enough to skip phase 3.',
    'T3 before T4: 4 of 5 saw it first; 4 are enough to skip phase 3.',
  ])
  assert.is(sentencesAbout(apart, 'T1').length, 1)
  assert.equal(sentencesAbout(apart, 'x'), [])
  assert.equal(sentencesAbout(apart, 'nobody'), [])
})

test('a cycle of majorities: which pairs were locked and which one was skipped', () => {
  const lists = ['A B C', 'B C A', 'C A B', 'A B C', 'B C A', 'C A B', 'A B C']
  const data = deriveFromVotes({
    n: 7,
    tolerance: '1/2',
    batches: { A: ['k'], B: ['k'], C: ['k'] },
    arrivals: lists.map((list) => list.split(' ')),
  })
  assert.equal(data.components, [['A', 'B', 'C']])
  // Two of seven are too few to make B a predecessor of A, or C one of B; four have C before A.
  assert.equal(data.ranked, [
    { winner: 'A', loser: 'B', strength: null, locked: true },
    { winner: 'B', loser: 'C', strength: null, locked: true },
    { winner: 'C', loser: 'A', strength: 2, locked: false },
  ])
  const text = explainOrderText(data, PLAIN)
  assert.match(text, /^ A → B {2}only this way round was agreed · ✓ locked$/m)
  assert.match(text, /^ C → A {2}by 2 · ✗ skipped: it would close a cycle$/m)
  const { texts } = readSvg(drawOrderSvg(data))
  const said = texts.map(({ content }) => content)
  assert.ok(said.includes('Ranked pairs of 1 component of 3 batches, strongest first'))
  assert.ok(said.includes('by 2 · ✗ skipped: it would close a cycle'))
})

test('equal votes are put together, most signers first; what is listed no more is counted', () => {
  assert.equal(
    viewsOf([
      { before: ['a'], signers: [3] },
      { before: ['b', 'a'], signers: [2] },
      { before: ['a', 'b'], signers: [1, 0] },
    ]),
    [
      { before: ['a', 'b'], signers: [0, 1, 2] },
      { before: ['a'], signers: [3] },
    ],
  )
  const data = sampleOrder(31, 8, 6)
  const most = Math.max(...data.batches.map(({ views = [] }) => views.length))
  assert.ok(most > 4)
  assert.match(explainOrderText(data, PLAIN), /^ +\d+ more votes of \d+ signers$/m)
  for (const { views = [], votes } of data.batches) assert.is(new Set(views.flatMap(({ signers }) => signers)).size, votes)
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
  const samples = [
    ...svg
      .slice(svg.indexOf('Scores: '), svg.indexOf('Distinct votes: '))
      .matchAll(/<path d="M20,\S+54,\S+" [^>]*?(?:stroke-dasharray="([^"]*)")?\/>(<\w+ [^>]*>)/g),
  ]
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
