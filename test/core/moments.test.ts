/** What a signer notes of when things happened to batches, and how little of it: so many batches, so many moments of a kind. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/lib/core/limits.js'
import type { Message } from '../../src/lib/core/message.js'
import { Moments } from '../../src/lib/core/moments.js'
import type { Effect, Event } from '../../src/lib/core/steppable.js'
import type { Batch } from '../../src/lib/core/transaction.js'

const hex = (i: number) => i.toString(16).padStart(64, '0')
const batch = (i: number): Batch => ({ id: hex(i) }) as Batch
const arrives = (i: number): Effect => ({ type: 'persist', record: { type: 'batch', batch: batch(i) } })
const tick = (now: number): Event => ({ type: 'tick', now })
const message = (now: number, from: number, of: Message): Event => ({ type: 'message', now, from, message: of })
const vote = (i: number): Message => ({ type: 'vote', batchId: hex(i), votes: null, postponed: new Uint8Array(1) })

test('moments come in the order of the events, with the other end and the ballot', () => {
  const moments = new Moments()
  const propose: Message = { type: 'propose', batch: batch(1), reference: { heights: new Map(), pending: [] } }
  moments.stepped(message(1, 4, propose), [arrives(1)])
  moments.stepped(message(2, 5, propose), [])
  moments.stepped(tick(3), [
    { type: 'suspect', signer: 7, reason: 'late in 1b', batchId: hex(1) },
    { type: 'suspect', signer: 7, reason: 'an invalid PROMISE', batchId: hex(1) },
  ])
  const wanted = { type: 'timeout', batchId: hex(1), ballot: 2, signature: new Uint8Array(96) } as const
  moments.stepped(tick(4), [
    { type: 'send', to: 0, message: wanted },
    { type: 'send', to: 1, message: wanted },
    { type: 'persist', record: { type: 'promise', batchId: hex(1), ballot: 2 } },
  ])
  assert.equal(moments.of(hex(1)), [
    { what: 'proposed', at: 1, signer: 4 },
    { what: 'proposed', at: 2, signer: 5 },
    { what: 'late', at: 3, signer: 7 },
    { what: 'timed out', at: 4, ballot: 2 },
    { what: 'promised', at: 4, ballot: 2 },
  ])
})

test('what strangers say of batches that are not here is not noted', () => {
  const moments = new Moments()
  moments.stepped(message(1, 3, vote(1)), [])
  assert.is(moments.of(hex(1)), undefined)
})

test('only so many batches are remembered, the oldest goes first', () => {
  const moments = new Moments()
  for (let i = 0; i <= LIMITS.timedBatches; i++) moments.stepped(tick(i), [arrives(i)])
  assert.is([...moments.all()].length, LIMITS.timedBatches)
  assert.is(moments.of(hex(0)), undefined)
  assert.ok(moments.of(hex(1)))
})

test('of many alike only so many are kept, and always the latest', () => {
  const moments = new Moments()
  moments.stepped(tick(0), [arrives(1)])
  for (let i = 1; i <= 500; i++) moments.stepped(message(i, i, vote(1)), [])
  const votes = moments.of(hex(1))?.filter(({ what }) => what === 'vote received') ?? []
  assert.is(votes.length, LIMITS.momentsOfAKind)
  assert.is(votes.at(-1)?.at, 500)
})

test('what comes when it is decided is not noted: the last vote is the one that was waited for', () => {
  const moments = new Moments()
  moments.stepped(tick(0), [arrives(1)])
  moments.stepped(message(1, 2, vote(1)), [
    { type: 'persist', record: { type: 'certificate', certificate: { type: 'fast', batchId: hex(1) } } } as Effect,
  ])
  moments.stepped(message(2, 3, vote(1)), [])
  assert.equal(
    moments.of(hex(1))?.map(({ what, at }) => [what, at]),
    [
      ['proposed', 0],
      ['vote received', 1],
      ['certified', 1],
    ],
  )
})

test.run()
