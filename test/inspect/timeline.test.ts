/** A batch's phases against time: spans, the critical path, later ballots, clocks that do not fit, signers that tell nothing; and how it is drawn. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { treeOf } from '../../src/lib/core/tree.js'
import type { TimelineData } from '../../src/lib/inspect/data.js'
import { timelineOf } from '../../src/lib/inspect/timeline.js'
import { drawTimelineSvg } from '../../src/lib/inspect/timeline-svg.js'
import { drawTimelineText } from '../../src/lib/inspect/timeline-text.js'
import { crossedOut, overlaps, readSvg } from './read-svg.js'
import { sampleCluster, sampleTimeline, sampleTold } from './sample-timeline.js'

const PLAIN = { color: false, width: 100 }
const kindsOf = ({ signers }: TimelineData, index: number) => signers.find(({ signer }) => signer === index)?.spans.map(({ kind }) => kind)

test('a root goes through 1b and 3a, all others through every phase; the spans of a signer follow one another without gaps', () => {
  const data = sampleTimeline(7, 1, { slow: true })
  for (const { signer, spans } of data.signers) {
    assert.equal(kindsOf(data, signer), signer === 0 ? ['1b', '3a', 'waits'] : ['1a', '1b', '2', '3a', '3b', 'waits'], String(signer))
    for (const [i, { fromMs }] of spans.entries()) assert.is(fromMs, i === 0 ? 0 : spans[i - 1]?.toMs)
  }
  const fast = sampleTimeline(7, 1)
  for (const { signer } of fast.signers) assert.equal(kindsOf(fast, signer), signer === 0 ? ['1b', 'waits'] : ['1a', '1b', '2', 'waits'])
})

test('the critical path goes down the tree to the share that came last and up again, and never back in time', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    for (const n of [1, 2, 5, 31]) {
      for (const options of [{}, { slow: true }]) {
        const { criticalPath, signers } = sampleTimeline(n, seed, options)
        assert.equal([criticalPath[0]?.signer, criticalPath[0]?.what], [0, 'proposed'])
        assert.equal(
          criticalPath.slice(-2).map(({ signer, what }) => [signer, what]),
          [
            [0, 'certified'],
            [0, 'executed'],
          ],
        )
        for (const [i, { atMs }] of criticalPath.entries()) assert.ok(i === 0 || atMs >= (criticalPath[i - 1]?.atMs ?? 0), `n=${n} seed=${seed}`)
        // Whatever came last at the root is on it.
        const kind = 'slow' in options ? 'accept received' : 'vote received'
        const last = signers[0]?.moments.findLast(({ what }) => what === kind)
        if (last) assert.ok(criticalPath.some(({ what, atMs }) => what === kind && atMs === last.atMs))
        if (n > 1) assert.is(criticalPath.filter(({ what }) => what === 'voted').length, 1)
      }
    }
  }
})

test('a later ballot: its coordinator, how many wanted, promised and accepted it, and the path through the last of them', () => {
  const data = sampleTimeline(5, 1, { recovers: true })
  const [ballot, ...more] = data.ballots
  assert.equal(more, [])
  assert.equal([ballot?.ballot, ballot?.wanted, ballot?.promised, ballot?.accepted], [1, 4, 4, 4])
  assert.equal(
    data.criticalPath.map(({ what }) => what),
    ['proposed', 'prepared', 'promised', 'promise received', 'ordered', 'accepted', 'accept received', 'certified', 'executed'],
  )
  assert.is(data.criticalPath.at(-1)?.signer, ballot?.coordinator)
  assert.equal(kindsOf(data, ballot?.coordinator ?? -1), ['1a', '1b', '2', 'ballot', 'waits'])
  assert.match(drawTimelineText(data, PLAIN), /11111[\s\S]*Ballot 1 from \d+ ms, coordinator \d: wanted by 4, promised by 4, accepted by 4/)
})

test('clocks that fit are left alone; one that does not is moved so that nothing arrives before it was sent', () => {
  const right = sampleTimeline(15, 2, { slow: true })
  assert.ok(right.signers.every(({ clockShiftMs }) => clockShiftMs === 0))
  const clocks = { 3: -5000, 7: 90_000 }
  const wrong = sampleTimeline(15, 2, { slow: true, clocks })
  for (const { signer, clockShiftMs, moments } of wrong.signers) {
    const off = clocks[signer as keyof typeof clocks] ?? 0
    // Within the time that a hop takes, which nobody can know better.
    assert.ok(Math.abs(clockShiftMs + off) < 10, `${signer}: ${clockShiftMs}`)
    assert.ok(moments.every(({ atMs }) => atMs >= 0))
  }
  assert.equal(
    wrong.signers
      .filter(({ clockShiftMs }) => clockShiftMs !== 0)
      .map(({ signer }) => signer)
      .sort(),
    [3, 7],
  )
  assert.match(drawTimelineText(wrong, PLAIN), /≈ 3, 7: a clock of its own/)
  assert.match(drawTimelineText(right, PLAIN), /clocks fit together/)
})

test('the clock of a signer whose parent tells nothing is set by the nearest one above that does', () => {
  const { batchId } = sampleTold(15, 4)
  const tree = treeOf(batchId, 0, sampleCluster(15))
  const below = tree.permutation.find((signer) => tree.depthOf(signer) === 2) ?? 0
  const parent = tree.parentOf(below) ?? 0
  const data = sampleTimeline(15, 4, { silent: [parent], clocks: { [below]: -1000 } })
  assert.ok((data.signers.find(({ signer }) => signer === below)?.clockShiftMs ?? 0) > 900)
  assert.ok(data.totalMs < 500)
})

test('who does not answer, has forgotten, or does not hold the batch is said to, and nothing breaks where nobody tells anything', () => {
  const { batchId, told } = sampleTold(5, 1, { silent: [1], forgotten: [2] })
  const data = timelineOf(sampleCluster(5), batchId, 0, [...told.slice(0, 3), undefined, told[4]])
  assert.equal(
    [0, 1, 2, 3, 4].map((index) => data.signers.find(({ signer }) => signer === index)?.telling),
    ['told', 'silent', 'forgotten', 'unknown', 'told'],
  )
  const text = drawTimelineText(data, PLAIN)
  for (const words of [/1 signer-1 .*does not answer/, /2 signer-2 .*times not remembered/, /3 signer-3 .*does not hold it/])
    assert.match(text, words)
  const nothing = timelineOf(sampleCluster(5), batchId, 0, [null, null, null, null, null])
  assert.equal([nothing.totalMs, nothing.criticalPath, nothing.status], [0, [], 'pending'])
  for (const drawn of [drawTimelineText(nothing, PLAIN), drawTimelineSvg(nothing)]) assert.not.match(drawn, /NaN|Infinity|undefined/)
})

test('whatever a signer tells is drawn: times before the proposal, out of order, of signers that do not exist', () => {
  const { batchId, told } = sampleTold(5, 1, { slow: true })
  const odd = told.map((one) => ({
    status: 'executed' as const,
    moments: [...(one?.moments ?? [])].reverse().map((moment) => ({ ...moment, at: -moment.at, signer: 99 })),
  }))
  const data = timelineOf(sampleCluster(5), batchId, 0, odd)
  for (const drawn of [drawTimelineText(data, PLAIN), drawTimelineSvg(data)]) assert.not.match(drawn, /NaN|Infinity|undefined/)
})

test('every row is as wide as asked for; more signers than fit are left out by whole levels, and counted', () => {
  for (const width of [60, 80, 140])
    for (const n of [5, 31, 127])
      for (const line of drawTimelineText(sampleTimeline(n, 1, { slow: true }), { color: false, width }).split('\n'))
        assert.ok([...line].length <= width, line)
  const many = sampleTimeline(600, 1)
  assert.match(drawTimelineText(many, PLAIN), /345 signers of the lower levels are not drawn/)
})

test('the SVG has no labels on top of each other, for 1 to 127 signers', () => {
  for (const n of [1, 2, 5, 31, 127]) {
    for (const options of [{}, { slow: true }, { recovers: n > 1 }, { clocks: { 1: 500 }, silent: [2] }]) {
      const svg = drawTimelineSvg(sampleTimeline(n, n, options))
      const read = readSvg(svg)
      assert.equal([...overlaps(read), ...crossedOut(read)], [], `n=${n}`)
      assert.ok(read.width < 2400)
      assert.match(svg, /prefers-color-scheme:dark/)
      assert.not.match(svg, /NaN|undefined|Infinity/)
    }
  }
})

test.run()
