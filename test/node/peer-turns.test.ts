/** Turns among peers: one at a time, the least demanding first, and all together no more than their share. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type PeerTurn, PeerTurns } from '../../src/lib/node/peer-turns.js'

const RATES = { bytesPerSecond: 100_000, burstBytes: 100_000, unreadBytes: 1000 }

class TestPeer implements PeerTurn {
  isPaused = false
  queuedBytes = 0
  readonly done: string[] = []

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }
}

let turns: PeerTurns | undefined
let now = 0
test.before.each(() => {
  now = 0
  turns = new PeerTurns(RATES, () => now)
})
test.after.each(() => turns?.stop())

function theTurns(): PeerTurns {
  if (!turns) throw new Error('no turns')
  return turns
}

/** A peer sends a chunk in which so many questions are; `told` hears of each that is answered. */
function ask(peer: TestPeer, names: string[], told: string[] = [], bytes = 10): void {
  theTurns().received(peer, bytes)
  for (const name of names)
    theTurns().ask(peer, () => {
      peer.done.push(name)
      told.push(name)
    })
}

/** Lets all that can happen now happen; the clock stands still. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('who has sent something is not read again before it is answered', async () => {
  const peer = new TestPeer()
  ask(peer, ['one', 'two'])
  assert.ok(peer.isPaused)
  assert.equal(peer.done, [])
  await settle()
  assert.equal(peer.done, ['one', 'two'])
  assert.not.ok(peer.isPaused)
  // A chunk in which nothing is, as of a frame in pieces, is only a turn.
  theTurns().received(peer, 10)
  assert.ok(peer.isPaused)
  await settle()
  assert.not.ok(peer.isPaused)
})

test('one thing at a time; who has used the least comes first, and what was used is forgotten with time', async () => {
  const [greedy, modest] = [new TestPeer(), new TestPeer()]
  const told: string[] = []
  theTurns().sent(greedy, 20_000)
  ask(greedy, ['g1', 'g2'], told)
  ask(modest, ['m1', 'm2'], told)
  await settle()
  assert.equal(told, ['m1', 'm2', 'g1', 'g2'])
  now += 60_000
  theTurns().sent(modest, 5000)
  ask(modest, ['m3'], told)
  ask(greedy, ['g3'], told)
  await settle()
  assert.equal(told.slice(4), ['g3', 'm3'])
})

test('all together they get so many bytes in a second, and what came in counts many times', async () => {
  const peers = [new TestPeer(), new TestPeer(), new TestPeer()]
  // 32 × 4,000 bytes are more than there are at first.
  for (const peer of peers) ask(peer, ['x'], [], 4000)
  await settle()
  await sleep(60)
  assert.equal(
    peers.map(({ done, isPaused }) => [done.length, isPaused]),
    [
      [0, true],
      [0, true],
      [0, true],
    ],
  )
  // Until the debt is paid.
  now += 3000
  await sleep(3100)
  await settle()
  assert.equal(
    peers.map(({ done }) => done.length),
    [1, 1, 1],
  )
})

test('who does not read what it was sent gets nothing else, and keeps nobody from their turn', async () => {
  const [deaf, other] = [new TestPeer(), new TestPeer()]
  deaf.queuedBytes = RATES.unreadBytes + 1
  ask(deaf, ['x'])
  await settle()
  ask(other, ['y'])
  await sleep(100)
  assert.equal([deaf.done, deaf.isPaused, other.done], [[], true, ['y']])
  deaf.queuedBytes = 0
  await sleep(100)
  assert.equal([deaf.done, deaf.isPaused], [['x'], false])
})

test('what a peer that is gone has asked for is not done', async () => {
  const peer = new TestPeer()
  ask(peer, ['x'])
  theTurns().gone(peer)
  await settle()
  assert.equal(peer.done, [])
})

test.run()
