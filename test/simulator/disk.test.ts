/** The virtual disk: nothing leaves before the records ahead of it are durable, and a crash keeps these and nothing else. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SeededRandom } from '../../src/lib/base/prng.js'
import type { DurableRecord } from '../../src/lib/core/record.js'
import type { Effect } from '../../src/lib/core/steppable.js'
import { Disk } from '../../src/lib/simulator/disk.js'

const record = (name: string): DurableRecord => ({ type: 'promise', batchId: name, ballot: 1 })
const persist = (name: string): Effect => ({ type: 'persist', record: record(name) })
const send = (name: string): Effect => ({ type: 'suspect', signer: 0, reason: name, batchId: null })

/** A disk whose writes end when `finish` is called; `log` has what became durable (`+x`) and what left (`x`). */
function makeDisk(stopAt = '') {
  const log: string[] = []
  const writes: (() => void)[] = []
  const note = (entry: string, disk: Disk) => {
    if (entry === stopAt) disk.crash(() => 0)
    else log.push(entry)
  }
  const disk: Disk = new Disk({
    afterWrite: (run) => writes.push(run),
    durable: (durable) => note(`+${durable.type === 'promise' ? durable.batchId : ''}`, disk),
    release: (effect) => note(effect.type === 'suspect' ? effect.reason : effect.type, disk),
  })
  const finish = () => writes.shift()?.()
  return { disk, log, finish, writes }
}

test('what stands before a record leaves at once, what stands behind it when it is durable', () => {
  const { disk, log, finish } = makeDisk()
  disk.take([send('a'), persist('r'), send('b')])
  assert.equal(log, ['a'])
  finish()
  assert.equal(log, ['a', '+r', 'b'])
})

test('a step without records waits behind the records of the steps before it', () => {
  const { disk, log, finish } = makeDisk()
  disk.take([persist('r'), send('a')])
  disk.take([send('b')])
  assert.equal(log, [])
  finish()
  assert.equal(log, ['+r', 'a', 'b'])
})

test('records that wait are written at once, and everything leaves in its order', () => {
  const { disk, log, finish, writes } = makeDisk()
  disk.take([persist('1'), send('a')])
  disk.take([persist('2'), send('b'), persist('3'), send('c')])
  disk.take([send('d')])
  finish()
  assert.is(writes.length, 1)
  assert.equal(log, ['+1', 'a'])
  finish()
  assert.equal(log, ['+1', 'a', '+2', '+3', 'b', 'c', 'd'])
  assert.equal(
    disk.records.map((kept) => (kept.type === 'promise' ? kept.batchId : '')),
    ['1', '2', '3'],
  )
})

test('a crash keeps durable records, a front part of the write under way, and lets nothing out afterwards', () => {
  for (const torn of [0, 1, 2]) {
    const { disk, log, finish } = makeDisk()
    disk.take([persist('1'), send('a')])
    finish()
    disk.take([persist('2'), persist('3'), send('b')])
    disk.take([persist('4'), send('c')])
    disk.crash((count) => {
      assert.is(count, 2)
      return torn
    })
    finish()
    assert.equal(log, ['+1', 'a', ...['+2', '+3'].slice(0, torn)])
    disk.take([send('new')])
    assert.is(log.at(-1), 'new')
  }
})

test('a crash between two effects of one step keeps the second from leaving', () => {
  for (const [stopAt, expected] of [
    ['+1', []],
    ['a', ['+1', '+2']],
    ['b', ['+1', '+2', 'a']],
  ] as const) {
    const { disk, log, finish } = makeDisk(stopAt)
    disk.take([persist('1'), persist('2'), send('a'), send('b'), send('c')])
    finish()
    assert.equal(log, expected, stopAt)
  }
})

test('whatever is taken and whenever writes end: nothing leaves early, nothing is lost, nothing is reordered', () => {
  const random = new SeededRandom('disk')
  for (let round = 0; round < 200; round++) {
    const { disk, log, finish, writes } = makeDisk()
    const order: string[] = []
    for (let step = 0; step < 12; step++) {
      const effects = Array.from({ length: random.upTo(4) }, (_, i) => {
        const name = `${step}.${i}`
        const isRecord = random.upTo(2) === 0
        order.push(isRecord ? `+${name}` : name)
        return isRecord ? persist(name) : send(name)
      })
      disk.take(effects)
      if (random.upTo(1) === 0) finish()
    }
    while (writes.length > 0) finish()
    const leaving = order.filter((entry) => !entry.startsWith('+'))
    assert.equal(
      log.filter((entry) => !entry.startsWith('+')),
      leaving,
    )
    for (const [i, entry] of order.entries()) {
      if (entry.startsWith('+')) continue
      const before = order.slice(0, i).filter((other) => other.startsWith('+'))
      assert.ok(before.every((other) => log.indexOf(other) >= 0 && log.indexOf(other) < log.indexOf(entry)))
    }
  }
})

test.run()
