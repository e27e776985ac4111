/** The ramp: where it stops, on a saturation curve that is known; what it says and draws of it; and once on a cluster. */
import { SaxesParser } from 'saxes'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { measuredCluster } from '../../src/lib/bench/bench.js'
import { findKnee, type RampResult, type RampStep, ramp } from '../../src/lib/bench/ramp.js'
import { rampSvg } from '../../src/lib/bench/ramp-svg.js'
import { RAMP_HEAD, rampRows, rampSentences } from '../../src/lib/bench/ramp-text.js'
import { BENCH_DEFAULTS } from '../../src/lib/bench/settings.js'
import { LiveCluster } from '../commands/live-cluster.js'

const cluster = new LiveCluster()
test.after(() => cluster.end())

/** A cluster that answers in 10 ms as long as it has less to do than `most` a second: then each more waits. */
const saturating = (most: number) => (clients: number) => {
  const perSecond = Math.min(most, clients * 100)
  const p50 = Math.max(10, (1000 * clients) / most)
  return Promise.resolve<RampStep>({ clients, rate: null, perSecond, latencyMs: { p50, p99: 2 * p50 }, fastShare: 1, errors: 0 })
}
const clientsOf = (steps: readonly RampStep[]) => steps.map(({ clients }) => clients)

const result = async (most: number, more: Partial<RampResult> = {}): Promise<RampResult> => {
  const { entries, seed, ...settings } = { ...BENCH_DEFAULTS, entries: 4, seed: 'test' }
  const { clients: _, rate: __, ...rest } = settings
  const loaded = { clients: null, rate: 0.7 * most, perSecond: 0.69 * most, latencyMs: { p50: 10, p99: 32 }, fastShare: 0.98, errors: 0 }
  return {
    ...{ schema: 1, n: 4, machine: 'documents', settings: { ...rest, entries, seed }, interrupted: false },
    ...(await findKnee(saturating(most))),
    loaded: { ...loaded, share: 0.7, p99OfP50: 3.2 },
    ...more,
  }
}

test('it doubles the clients and ends one step after the last that brought growth', async () => {
  const { steps, knee, saturated } = await findKnee(saturating(1600))
  assert.equal(clientsOf(steps), [1, 2, 4, 8, 16, 32])
  assert.equal([knee?.clients, knee?.perSecond, saturated], [16, 1600, true])
})

test('growth counts from five in a hundred on', async () => {
  const curve = (last: number) => (clients: number) => Promise.resolve({ clients, perSecond: clients === 1 ? 100 : clients === 2 ? last : 0 })
  const [little, enough] = [await findKnee(curve(104.9)), await findKnee(curve(105))]
  assert.equal([little.steps.length, little.knee?.clients], [2, 1])
  assert.equal([enough.steps.length, enough.knee?.clients], [3, 2])
})

test('a cluster that executes nothing ends it, and one that is never saturated does at the most clients', async () => {
  const dead = await findKnee((clients) => Promise.resolve({ clients, perSecond: 0 }))
  assert.equal([dead.steps.length, dead.saturated], [2, true])
  const endless = await findKnee(saturating(1e9))
  assert.equal([endless.steps.at(-1)?.clients, endless.knee?.clients, endless.saturated], [4096, 4096, false])
})

test('broken off it has the steps until then, and no knee', async () => {
  let left = 3
  const { steps, knee, saturated } = await findKnee((clients) => (left-- > 0 ? saturating(1600)(clients) : Promise.resolve(undefined)))
  assert.equal([clientsOf(steps), knee, saturated], [[1, 2, 4], null, false])
})

test('a row for each step and one for the open loop, and what follows in words', async () => {
  const found = await result(400)
  const rows = rampRows(found)
  assert.ok(rows.every((row) => row.length === RAMP_HEAD.length))
  assert.equal(rows, [
    ['1 client', '100', '', '10 ms', '20 ms', '100 %', 0],
    ['2 clients', '200', '+100 %', '10 ms', '20 ms', '100 %', 0],
    ['4 clients, the knee', '400', '+100 %', '10 ms', '20 ms', '100 %', 0],
    ['8 clients', '400', '0 %', '20 ms', '40 ms', '100 %', 0],
    ['280 a second, open', '276', '', '10 ms', '32 ms', '98 %', 0],
  ])
  assert.equal(rampSentences(found), [
    'Saturated at 400 transactions a second with 4 clients.',
    'At 70 % of that, in an open loop: p50 10 ms, p99 32 ms, 3.2 times as long.',
  ])
  assert.match(rampSentences({ ...found, interrupted: true, knee: null, loaded: null }).join(), /Broken off after 4 steps/)
})

test('the drawing is well-formed, whatever was found', async () => {
  const found = await result(3000)
  for (const one of [found, { ...found, loaded: null, knee: null }, { ...found, steps: [], loaded: null, knee: null }]) {
    const svg = rampSvg(one)
    const parser = new SaxesParser()
    parser.on('error', (error) => assert.unreachable(String(error)))
    parser.write(svg).close()
    assert.not.match(svg, /NaN|Infinity/)
  }
  const svg = rampSvg(found)
  for (const step of found.steps) assert.match(svg, `${step.clients} clients: ${step.perSecond} a second, p99 ${step.latencyMs.p99} ms`)
  assert.match(svg, /2100 a second: 2070 a second, p99 32 ms/)
})

test('on a cluster: steps, a knee among them, an open loop at 70 % of it', async () => {
  await cluster.up('documents')
  const settings = { ...BENCH_DEFAULTS, seconds: 0.2, warmUp: 0.1, entries: 4, seed: 'ramp' }
  const { steps, knee, loaded } = await ramp(measuredCluster(cluster.home, 'default'), settings, new AbortController().signal, () => {})
  assert.ok(steps.length >= 2 && knee && steps.includes(knee))
  assert.ok(Math.abs((loaded?.rate ?? 0) - 0.7 * (knee?.perSecond ?? 0)) < 0.01)
  assert.ok((loaded?.latencyMs.p50 ?? 0) > 0 && (loaded?.latencyMs.p99 ?? 0) >= (loaded?.latencyMs.p50 ?? 0))
})

test('it cannot be given a rate or clients of its own', async () => {
  for (const flag of ['rate', 'clients'])
    await cluster.refused(['bench', '--ramp', `--${flag}`, '5'], 2, 'BAD_INPUT', new RegExp(`^[^\\n]*--(ramp|${flag})[^\\n]*$`))
})

test.run()
