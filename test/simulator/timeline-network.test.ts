/** Virtual time and network: what is due runs in order, links keep theirs unless told otherwise, delays and losses are as asked for. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { drawMs, parseDelay } from '../../src/lib/simulator/delay.js'
import { type LinkSettings, Network } from '../../src/lib/simulator/network.js'
import { notBefore, onGrid, Timeline } from '../../src/lib/simulator/timeline.js'

test('what is planned runs by time, and in the order of planning where times are equal', () => {
  const timeline = new Timeline()
  const random = new SeededRandom('timeline')
  const ran: { at: number; planned: number }[] = []
  for (let planned = 0; planned < 500; planned++) {
    const at = random.upTo(40)
    timeline.at(at, () => ran.push({ at: timeline.now, planned }))
  }
  while (timeline.step());
  assert.is(ran.length, 500)
  for (let i = 1; i < ran.length; i++) {
    const [a, b] = [ran[i - 1], ran[i]]
    assert.ok(a && b && (a.at < b.at || (a.at === b.at && a.planned < b.planned)))
  }
})

test('time never runs backwards: what is planned for the past runs now', () => {
  const timeline = new Timeline()
  const times: number[] = []
  timeline.at(10, () => timeline.at(3, () => times.push(timeline.now)))
  while (timeline.step());
  assert.equal(times, [10])
})

test('times lie on a grid that sums keep', () => {
  assert.is(onGrid(0.1) + onGrid(0.2) - onGrid(0.2), onGrid(0.1))
  assert.ok(notBefore(0.1) >= 0.1 && notBefore(0.1) < 0.102)
  assert.is(notBefore(onGrid(7.3)), onGrid(7.3))
})

test('delays are read, drawn with the mean they name, and refused otherwise', () => {
  const mean = (text: string) => {
    const random = new SeededRandom(text)
    const delay = parseDelay(text)
    return Array.from({ length: 4000 }, () => drawMs(delay, random)).reduce((sum, ms) => sum + ms, 0) / 4000
  }
  assert.is(mean('5'), 5)
  assert.ok(Math.abs(mean('2-20') - 11) < 0.5)
  assert.ok(Math.abs(mean('exp:10') - 10) < 1)
  assert.ok(Math.abs(mean('lognormal:10:0.5') - 10 * Math.exp(0.125)) < 1)
  for (const bad of ['', '-1', '20-2', 'exp', 'exp:x', 'lognormal:1', 'lognormal:1:9', '1e3', '999999999'])
    assert.throws(
      () => parseDelay(bad),
      (error: unknown) => error instanceof MusigError && error.code === 'BAD_INPUT',
    )
})

/** Sends `count` numbered packets, one each millisecond, and returns what arrived, in order. */
function arrivals(count: number, settings: Partial<LinkSettings>, act?: (network: Network<number>, timeline: Timeline) => void): number[] {
  const timeline = new Timeline()
  const arrived: number[] = []
  const usual: LinkSettings = { delay: parseDelay('1-50'), extraMs: 0, loss: 0, duplicate: 0, reorder: false }
  const network = new Network<number>(
    timeline,
    new SeededRandom('network'),
    () => ({ ...usual, ...settings }),
    (_from, _to, packet) => arrived.push(packet),
  )
  for (let i = 0; i < count; i++) timeline.at(i, () => network.send(0, 1, i))
  act?.(network, timeline)
  while (timeline.step());
  return arrived
}

const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b)

test('a link keeps the order of what is sent, and breaks it where it may', () => {
  const kept = arrivals(300, {})
  assert.equal(kept, sorted(kept))
  assert.is(kept.length, 300)
  const broken = arrivals(300, { reorder: true })
  assert.not.equal(broken, sorted(broken))
  assert.equal(sorted(broken), kept)
})

test('losses and doubles come in the share asked for, and end when they are told to', () => {
  const lossy = arrivals(2000, { loss: 0.2 })
  assert.ok(Math.abs(lossy.length / 2000 - 0.8) < 0.04, String(lossy.length))
  const doubled = arrivals(2000, { duplicate: 0.1 })
  assert.ok(Math.abs(doubled.length / 2000 - 1.1) < 0.03, String(doubled.length))
  const healed = arrivals(2000, { loss: 1 }, (network, timeline) =>
    timeline.at(1000, () => {
      network.lossy = false
    }),
  )
  assert.is(healed.length, 999)
})

test('a silent link passes nothing, one that is dropped loses what is on the way', () => {
  const silent = arrivals(100, {}, (network, timeline) => {
    timeline.at(20, () => network.silence(0, 1, true))
    timeline.at(60, () => network.silence(0, 1, false))
  })
  assert.not.ok(silent.some((packet) => packet > 20 && packet < 60))
  const dropped = arrivals(100, { delay: parseDelay('10') }, (network, timeline) => timeline.at(50.5, () => network.drop(0, 1)))
  assert.equal(
    dropped,
    Array.from({ length: 100 }, (_, i) => i).filter((i) => i <= 40 || i > 50),
  )
})

test('what is told about a link comes after what was sent over it', () => {
  let seen = -1
  const arrived: number[] = []
  const timeline = new Timeline()
  const settings: LinkSettings = { delay: parseDelay('exp:30'), extraMs: 0, loss: 0, duplicate: 0, reorder: false }
  const network = new Network<number>(
    timeline,
    new SeededRandom(3),
    () => settings,
    (_from, _to, packet) => arrived.push(packet),
  )
  for (let i = 0; i < 50; i++) network.send(0, 1, i)
  network.signal(0, 1, () => {
    seen = arrived.length
  })
  while (timeline.step());
  assert.is(seen, 50)
})

test.run()
