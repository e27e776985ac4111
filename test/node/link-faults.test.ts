/** Faults of links: what is lost, what is late, in which order, and which tables are refused. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { checkFaults, type LinkFault, LinkFaults } from '../../src/lib/node/link-faults.js'
import { refuseUnlessTest } from '../../src/lib/node/signer-config.js'
import { until } from '../until.js'
import { frame, testCluster } from './mesh.js'

function faulty(random = () => 0.5, queueBytes = 1000) {
  const sent: string[] = []
  const state = { lost: 0 }
  const faults = new LinkFaults({
    queueBytes,
    random,
    send: (to, late) => void sent.push(`${to} ${new TextDecoder().decode(late)}`),
    lost: () => state.lost++,
  })
  /** As a transport does. */
  const send = (to: number, text: string) => {
    if (!faults.takes(to, frame(text))) sent.push(`${to} ${text}`)
  }
  return { faults, sent, state, send }
}

const fault = (signer: number, other: Partial<LinkFault>): LinkFault => ({ signer, cut: false, delayMs: 0, lossPerMille: 0, ...other })

test('a link without faults is left alone; one that is cut loses all', () => {
  const { faults, sent, state, send } = faulty()
  faults.set([fault(1, { cut: true })])
  send(1, 'a')
  send(2, 'b')
  assert.equal(sent, ['2 b'])
  assert.is(state.lost, 1)
  faults.set([])
  send(1, 'c')
  assert.equal(sent, ['2 b', '1 c'])
})

test('a lossy link loses its share', () => {
  const random = new SeededRandom(5)
  const { faults, sent, send } = faulty(() => random.fraction())
  faults.set([fault(1, { lossPerMille: 300 })])
  for (let i = 0; i < 2000; i++) send(1, String(i))
  assert.ok(sent.length > 1300 && sent.length < 1500, `${sent.length} of 2000`)
  faults.set([fault(1, { lossPerMille: 1000 })])
  const before = sent.length
  for (let i = 0; i < 100; i++) send(1, String(i))
  assert.is(sent.length, before)
})

test('a late link keeps the order, also when it gets faster or whole while frames are under way', async () => {
  const { faults, sent, send } = faulty()
  const begun = performance.now()
  faults.set([fault(1, { delayMs: 100 })])
  send(1, 'a')
  send(1, 'b')
  faults.set([fault(1, { delayMs: 1 })])
  send(1, 'c')
  faults.set([])
  send(1, 'd')
  send(2, 'other')
  assert.equal(sent, ['2 other'])
  await until('all frames', () => sent.length === 5)
  assert.ok(performance.now() - begun >= 99)
  assert.equal(sent, ['2 other', '1 a', '1 b', '1 c', '1 d'])
  send(1, 'e')
  assert.is(sent.at(-1), '1 e', 'then nothing is held back')
})

test('what is late is capped, and lost when the link is cut, closes or stops', async () => {
  const { faults, sent, state, send } = faulty(undefined, 10)
  faults.set([fault(1, { delayMs: 20 }), fault(2, { delayMs: 20 })])
  send(1, '123456')
  send(1, '123456')
  assert.is(state.lost, 1)
  faults.set([fault(1, { cut: true, delayMs: 20 }), fault(2, { delayMs: 20 })])
  assert.is(state.lost, 2)
  send(2, 'x')
  faults.drop(2)
  send(2, 'y')
  faults.stop()
  assert.is(state.lost, 4)
  await sleep(40)
  assert.equal(sent, [])
})

test('tables that are not for this signer are refused, and all where it is no test cluster', () => {
  checkFaults([fault(1, {}), fault(2, {})], 0, 3)
  assert.throws(() => checkFaults([fault(3, {})], 0, 3), /no signer 3/)
  assert.throws(() => checkFaults([fault(0, {})], 0, 3), /signer 0/)
  assert.throws(() => checkFaults([fault(1, {}), fault(1, {})], 0, 3), /named twice/)
  const { manifest } = testCluster(3)
  refuseUnlessTest(manifest)
  assert.throws(() => refuseUnlessTest({ ...manifest, test: false }), /not that of a test cluster/)
})

test.run()
