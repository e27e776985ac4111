/** Runs over a wide area: distances, uplinks that queue, load, and trees that keep to regions. Ways and times are worked out here by hand. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/lib/base/bytes.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { fake, fakeEd25519 } from '../../src/lib/bls/fake.js'
import { treeOf } from '../../src/lib/core/tree.js'
import { parseDelay } from '../../src/lib/simulator/delay.js'
import type { TransactionHistory } from '../../src/lib/simulator/history.js'
import { measureLoad } from '../../src/lib/simulator/load.js'
import { Network } from '../../src/lib/simulator/network.js'
import { REGIONS } from '../../src/lib/simulator/regions.js'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { signersOf } from '../../src/lib/simulator/signers.js'
import { simulate } from '../../src/lib/simulator/simulate.js'
import { Timeline } from '../../src/lib/simulator/timeline.js'
import type { TraceLine } from '../../src/lib/simulator/trace.js'
import { refusesSettings } from './refused.js'

const WIDE: Scenario = { ...CALM, n: 16, regions: 8, wideArea: true, contention: 0, delay: '0', disk: '0' }

function traced(scenario: Scenario): TraceLine[] {
  const lines: TraceLine[] = []
  const { verdict } = simulate(scenario, { trace: (line) => lines.push(line) })
  assert.is(verdict, 'ok')
  return lines
}

/** How long each message was under way, by the names of the two regions. */
function waysOf(lines: readonly TraceLine[], regions: number): Map<string, Set<number>> {
  const sent = new Map<string, number[]>()
  const ways = new Map<string, Set<number>>()
  for (const { what, signer, peer, at } of lines) {
    if (signer === null || peer === undefined) continue
    if (what === 'send') sent.set(`${signer} ${peer}`, [...(sent.get(`${signer} ${peer}`) ?? []), at])
    if (what !== 'message') continue
    const name = [peer, signer].map((end) => REGIONS[end % regions]).join(' ')
    ways.set(name, (ways.get(name) ?? new Set()).add(at - (sent.get(`${peer} ${signer}`)?.shift() ?? Number.NaN)))
  }
  return ways
}

test('a message takes half the round trip between the regions of its ends, the same both ways', () => {
  const ways = waysOf(traced({ ...WIDE, topology: 'mesh' }), 8)
  assert.is(ways.size, 64)
  const told = {
    'Virginia Ireland': 34,
    'Ireland Virginia': 34,
    'Tokyo Virginia': 74,
    'Frankfurt Ireland': 12.5,
    'São Paulo Singapore': 162.5,
    'Mumbai Mumbai': 0.5,
  }
  for (const [name, ms] of Object.entries(told)) assert.equal([...(ways.get(name) ?? [])], [ms], name)
})

test('--delay comes on top, drawn anew for each message', () => {
  const times = [...(waysOf(traced({ ...WIDE, topology: 'mesh', delay: '0-2' }), 8).get('Virginia Ireland') ?? [])]
  assert.ok(times.length > 10 && times.every((ms) => ms >= 34 && ms <= 36), times.join(' '))
})

/** When packets arrive that are sent at 0, and what is done with the network meanwhile. */
function arrivals(
  uplinkMbit: number,
  sends: [from: number, to: number, bytes: number][],
  more: (network: Network<number>, timeline: Timeline) => void,
) {
  const timeline = new Timeline()
  const arrived: [packet: number, at: number][] = []
  const settings = { delay: parseDelay('5'), extraMs: 0, loss: 0, duplicate: 0, reorder: false }
  const random = new SeededRandom('uplink')
  const network = new Network<number>(
    timeline,
    random,
    () => settings,
    (_from, _to, packet) => arrived.push([packet, timeline.now]),
    uplinkMbit,
  )
  for (const [i, [from, to, bytes]] of sends.entries()) network.send(from, to, i, bytes)
  more(network, timeline)
  while (timeline.step());
  return arrived
}

test('messages leave an uplink one after the other, whatever link they take: 1 MB takes a second on 8 Mbit/s', () => {
  const sends: [number, number, number][] = [
    [0, 1, 1_000_000],
    [0, 2, 1_000_000],
    [1, 2, 500_000],
  ]
  const nothing = () => {}
  assert.equal(arrivals(8, sends, nothing), [
    [2, 505],
    [0, 1005],
    [1, 2005],
  ])
  assert.equal(
    arrivals(0, sends, nothing).map(([, at]) => at),
    [5, 5, 5],
  )
})

test('an uplink that had nothing to do begins at once, and one whose end went down begins anew', () => {
  const first: [number, number, number][] = [[0, 1, 1_000_000]]
  const later = (network: Network<number>, timeline: Timeline) => timeline.at(1500, () => network.send(0, 1, 1, 1_000_000))
  assert.equal(
    arrivals(8, first, later).map(([, at]) => at),
    [1005, 2505],
  )
  const down = (network: Network<number>, timeline: Timeline) =>
    timeline.at(500, () => {
      network.drop(0, 1)
      network.clear(0)
      network.send(0, 2, 1, 1_000_000)
    })
  assert.equal(arrivals(8, first, down), [[1, 1505]])
})

test('a run counts what its messages take of the uplinks', () => {
  const alone: Scenario = { ...CALM, n: 4, load: 1, turns: 2, bundle: 1000, delay: '0', disk: '0' }
  const [free, narrow] = [0, 8].map((bandwidth) => simulate({ ...alone, bandwidth }).latency.ms)
  // Three copies of 128,000 bytes go down the tree of four, two of them from the root; the second arrives after 256 ms.
  assert.is(free, 0)
  assert.ok(narrow !== undefined && narrow > 256 && narrow < 400, String(narrow))
})

const LOADED: Scenario = { ...WIDE, n: 12, regions: 6, delay: '0-2', bandwidth: 50, load: 5, turns: 4, signMs: 0.65, verifyMs: 1.9, messageMs: 0.05 }

test('under load each of these signers has one batch under way at a time, and all its turns are executed', () => {
  const lines = traced(LOADED)
  const open = new Map<number, number>()
  let submitted = 0
  for (const { what, signer, data } of lines) {
    if (signer === null) continue
    if (what === 'submit') {
      submitted++
      open.set(signer, (open.get(signer) ?? 0) + 1)
      assert.is(open.get(signer), 1)
    }
    const { batch } = (data as { executed?: { batch: { initiator: number } } }).executed ?? {}
    if (what === 'execute' && batch?.initiator === signer) open.set(signer, (open.get(signer) ?? 0) - 1)
  }
  assert.is(submitted, 20)
  assert.is(open.size, 5)
  assert.ok([...open.values()].every((count) => count === 0))
})

test('the same seed gives the same figures, another one others', () => {
  const [first, second, other] = [1, 1, 2].map((seed) => simulate({ ...LOADED, seed }))
  assert.ok(first?.load && other?.load)
  assert.equal(first, second)
  assert.not.equal(first?.load, other?.load)
})

test('what is measured lies between everyone’s first answer and the first one’s last', () => {
  const done = (index: number, submittedAt: number, acknowledgedAt: number): TransactionHistory => ({
    txId: String(index),
    keys: [`load:${index}`],
    submittedAt,
    acknowledgedAt,
  })
  // Two signers, three turns: one answers every 100 ms, the other every 150.
  const all = [done(0, 0, 100), done(1, 0, 150), done(2, 100, 200), done(4, 200, 300), done(3, 150, 300), done(5, 300, 450)]
  const costs = { messages: 0, bytes: 6_000_000, workMs: 60, signatures: 0, verifications: 0, pairings: 0, linkSignatures: 0, linkVerifications: 0 }
  const load = measureLoad({ ...CALM, load: 2, bundle: 10 }, all, costs)
  assert.equal(load, {
    txsPerSecond: 200,
    batchesPerSecond: 20,
    latencyMs: 100,
    p95Ms: 150,
    uplinkMbit: 160,
    cpuShare: 0.2,
    measuredMs: 150,
    batches: 3,
  })
})

const FAKE = { bls: fake, ed25519: fakeEd25519 }
const PLACES = Array.from({ length: 6 }, (_, i) => `region-${i}`)

test('a tree of regions has each region in one piece, so that few edges cross; a random one looks at no region', () => {
  const n = 60
  for (let i = 0; i < 20; i++) {
    const id = toHex(new SeededRandom(`batch ${i}`).bytes(32))
    const cross = (tree: Scenario['tree']): number => {
      const { manifest } = signersOf(FAKE, { n, tolerance: '1/2', deltaMs: 0, fanout: 2, regions: PLACES, tree, timing: {} })
      const made = treeOf(id, i, manifest)
      const { permutation } = made
      const bare = { clusterId: manifest.clusterId, n, tree: manifest.tree, signers: Array.from({ length: n }, () => ({ region: '' })) }
      if (tree === 'random') assert.equal(permutation, treeOf(id, i, bare).permutation)
      const changes = permutation.filter((signer, at) => at > 0 && signer % 6 !== (permutation[at - 1] ?? 0) % 6).length
      if (tree === 'regional') assert.is(changes, 5, `batch ${i}: a region in two pieces`)
      return permutation.filter((signer) => (made.parentOf(signer) ?? signer) % 6 !== signer % 6).length
    }
    const [regional, random] = [cross('regional'), cross('random')]
    assert.ok(regional <= 24 && random > 36, `batch ${i}: ${regional} and ${random} of 59 edges cross`)
  }
})

test('--tree says which of the two a run takes', () => {
  const far = (tree: Scenario['tree']): number => {
    const proposals = traced({ ...WIDE, n: 60, regions: 6, txs: 3, tree }).filter(
      ({ what, data }) => what === 'send' && (data as { type: string }).type === 'propose',
    )
    return proposals.filter(({ signer, peer }) => (signer ?? 0) % 6 !== (peer ?? 0) % 6).length / proposals.length
  }
  const [regional, random] = [far('regional'), far('random')]
  assert.ok(regional < 0.4 && random > 0.6, `${regional} and ${random} of the proposals cross regions`)
})

const BAD: [Partial<Scenario>, RegExp][] = [
  [{ wideArea: true }, /--wide-area needs 2 to 8: Virginia/],
  [{ wideArea: true, regions: 9 }, /regions is 9/],
  [{ bandwidth: -1 }, /bandwidth is -1/],
  [{ load: 8 }, /load is 8; there are 7 signers/],
  [{ load: 2, turns: 1 }, /turns is 1/],
  [{ load: 7, turns: 1e9 }, /at most 1000000/],
  [{ bundle: 2049 }, /bundle is 2049, not from 1 to 2048/],
  [{ bundle: 0 }, /bundle is 0/],
]

refusesSettings(BAD)

test.run()
