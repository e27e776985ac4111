/** The table of contention: its cells, its rows, its place on the page. */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CONTENTION_HEAD, cellsOf, contention, contentionCells } from '../../scripts/bench/contention.js'
import { MICRO_HEAD } from '../../scripts/bench/micro.js'
import { markdownTable, withSection } from '../../scripts/bench/page.js'

const FIGURES = { conflicts: 0.01, entries: 4, perSecond: 1234.567, fastShare: 0.9876, p50: 8.7654, p99: 123.456, errors: 2 }

test('every share of conflicts with every number of entry signers that the cluster has, each once', () => {
  assert.equal(cellsOf(4, [0, 0.5], [1, 4, 4]), [
    { conflicts: 0, entries: 1 },
    { conflicts: 0, entries: 4 },
    { conflicts: 0.5, entries: 1 },
    { conflicts: 0.5, entries: 4 },
  ])
  assert.equal(
    cellsOf(7, [1, 0], [7, 1, 4, 9]).map(({ conflicts, entries }) => [conflicts, entries]),
    [0, 1].flatMap((conflicts) => [1, 4, 7].map((entries) => [conflicts, entries])),
  )
  assert.throws(() => cellsOf(4, [0], [5]), /--entries 5: the cluster has 4 signers/)
})

test('a row has a cell for each column, shares as percent, three digits', () => {
  const row = contentionCells(FIGURES)
  assert.is(row.length, CONTENTION_HEAD.length)
  assert.equal(row, ['1 %', 4, 1235, '98.8 %', 8.77, 123, 2])
  assert.equal(contentionCells({ ...FIGURES, conflicts: 0.005, fastShare: 1, perSecond: 34.21, errors: 0 }), [
    '0.5 %',
    4,
    34.2,
    '100 %',
    8.77,
    123,
    0,
  ])
})

test('in Markdown numbers stand to the right', () => {
  assert.is(
    markdownTable(CONTENTION_HEAD, [contentionCells(FIGURES)]),
    [
      '| conflicts | entry signers | a second | fast | p50 ms | p99 ms | without an answer |',
      '| --- | --: | --: | --- | --: | --: | --: |',
      '| 1 % | 4 | 1,235 | 98.8 % | 8.77 | 123 | 2 |',
    ].join('\n'),
  )
})

test('the page has a place for each table, and nothing else of it changes', () => {
  const page = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8')
  for (const [name, head] of [
    ['contention', CONTENTION_HEAD],
    ['micro', MICRO_HEAD],
  ] as const) {
    const [before, after] = [withSection(page, name, 'OLD'), withSection(page, name, markdownTable(head, []))]
    assert.is(withSection(after, name, 'OLD'), before)
    assert.is(before.split('OLD').length, 2)
    assert.ok(after.includes(`<!-- ${name}: begin -->\n| ${head.join(' | ')} |`))
  }
  assert.throws(() => withSection(page, 'nowhere', ''), /the page has no <!-- nowhere: begin -->/)
})

test('broken off before it began: no rows, and nothing is left', async () => {
  const stop = new AbortController()
  stop.abort()
  const told: string[] = []
  const settings = { n: 1, seconds: 1, warmUp: 0, clients: 1 }
  assert.equal(await contention(cellsOf(1, [0], [1]), settings, stop.signal, (line) => told.push(line)), [])
  assert.equal(told, [])
})

test('broken off in a cell: the cells before it, not the one under way, and the cluster is gone', async () => {
  const stop = new AbortController()
  const told: string[] = []
  const rows = await contention(cellsOf(1, [0, 1], [1]), { n: 1, seconds: 4, warmUp: 0, clients: 2 }, stop.signal, (line) => {
    told.push(line)
    // By then it measures, unless the machine is slow.
    if (line.startsWith('2 of 2')) setTimeout(() => stop.abort(), 3500)
  })
  assert.equal(
    rows.map(({ conflicts, entries, errors }) => ({ conflicts, entries, errors })),
    [{ conflicts: 0, entries: 1, errors: 0 }],
  )
  assert.ok((rows[0]?.perSecond ?? 0) > 0)
  assert.is(told.length, 2)
})

test.run()
