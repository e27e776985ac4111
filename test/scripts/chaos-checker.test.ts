/** The checker of chaos runs, on a sound history and on histories that each break one promise. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Call, checkHistory, type Place, type SignerState } from '../../scripts/chaos/checker.js'

interface Mutable {
  calls: Call[]
  states: (SignerState & { places: Map<string, Place> })[]
}

const place = (batchId: string, heights: Record<string, number>, accepted = true): Place => ({ batchId, index: 0, heights, accepted })

/** Two accounts; a transfer, one that is too much, and one whose client never heard of it. */
function sound(): Mutable {
  const places = new Map<string, Place>([
    ['open-a', place('b1', { 'acct:a': 1 })],
    ['open-b', place('b2', { 'acct:b': 1 })],
    ['t1', place('b3', { 'acct:a': 2, 'acct:b': 2 })],
    ['t2', place('b4', { 'acct:a': 3, 'acct:b': 3 }, false)],
    ['t3', place('b5', { 'acct:a': 4, 'acct:b': 4 })],
  ])
  const calls: Call[] = [
    { txId: 'open-a', operation: { op: 'open', account: 'a', amount: 10 }, invokedMs: 0, endedMs: 1, outcome: 'ok' },
    { txId: 'open-b', operation: { op: 'open', account: 'b', amount: 10 }, invokedMs: 0, endedMs: 1, outcome: 'ok' },
    { txId: 't1', operation: { op: 'transfer', from: 'a', to: 'b', amount: 4 }, invokedMs: 2, endedMs: 5, outcome: 'ok' },
    { txId: 't2', operation: { op: 'transfer', from: 'a', to: 'b', amount: 99 }, invokedMs: 6, endedMs: 8, outcome: 'ok' },
    { txId: 't3', operation: { op: 'transfer', from: 'b', to: 'a', amount: 1 }, invokedMs: 7, endedMs: 99, outcome: 'unknown' },
    { txId: 't4', operation: { op: 'transfer', from: 'b', to: 'a', amount: 1 }, invokedMs: 7, endedMs: 9, outcome: 'refused' },
  ]
  const states = [0, 1].map((signer) => ({
    signer,
    orderDigest: 'o',
    machineDigest: 'm',
    transactions: 5,
    places: new Map([...places].map(([txId, at]): [string, Place] => [txId, { ...at, heights: { ...at.heights } }])),
    balances: { a: 7, b: 13 },
  }))
  for (const call of calls) {
    const at = call.outcome === 'ok' ? places.get(call.txId) : undefined
    if (at) call.place = { ...at, heights: { ...at.heights } }
  }
  return { calls, states }
}

/** The invariants that are broken once the history was tampered with. */
function broken(tamper: (history: Mutable) => void): string[] {
  const history = sound()
  tamper(history)
  return [...new Set(checkHistory(history.calls, history.states).map(({ invariant }) => invariant))].sort()
}

const swap = (places: Map<string, Place>, a: string, b: string) => {
  const [x, y] = [places.get(a), places.get(b)]
  if (x && y) places.set(a, y).set(b, x)
}

/** At all signers and in what clients were told, so that nothing but the order is wrong. */
const swapEverywhere = ({ calls, states }: Mutable, a: string, b: string) => {
  for (const { places } of states) swap(places, a, b)
  for (const call of calls) {
    const at = states[0]?.places.get(call.txId)
    if (call.outcome === 'ok' && at) call.place = at
  }
}

test('a sound history breaks nothing, and so does a signer that is behind', () => {
  assert.equal(
    broken(() => {}),
    [],
  )
  const behind = broken(({ states }) => {
    const [, late] = states
    late?.places.delete('t3')
    if (late) Object.assign(late, { transactions: 4, orderDigest: 'older' })
  })
  assert.equal(behind, [])
})

test('two orders at two signers', () => {
  assert.ok(broken(({ states }) => swap(states[1]?.places ?? new Map(), 't2', 't3')).includes('A1'))
})

test('one order, two states', () => {
  assert.equal(
    broken(({ states }) => states[1] && Object.assign(states[1], { machineDigest: 'other' })),
    ['A2'],
  )
})

test('executed though refused, twice, or though nobody submitted it', () => {
  assert.ok(
    broken(({ states }) => {
      for (const state of states) {
        state.places.set('t4', place('b6', { 'acct:a': 5, 'acct:b': 5 }))
        Object.assign(state, { transactions: 6, balances: { a: 8, b: 12 } })
      }
    }).includes('I1'),
  )
  assert.equal(
    broken(({ states }) => states[0] && Object.assign(states[0], { transactions: 6 })),
    ['I1'],
  )
  assert.ok(broken(({ calls }) => calls.splice(4, 1)).includes('I1'))
})

test('acknowledged and lost, or moved', () => {
  assert.ok(broken(({ states }) => states[1]?.places.delete('t1')).includes('D1'))
  assert.ok(broken(({ calls }) => calls[2]?.place && Object.assign(calls[2].place, { index: 3 })).includes('D1'))
})

test('acknowledged before the other was submitted, and put after it', () => {
  assert.ok(broken((history) => swapEverywhere(history, 't1', 't3')).includes('R1'))
})

test('logs of two keys that contradict each other', () => {
  const cycle = broken(({ states }) => {
    for (const { places } of states) {
      const [a, b] = [places.get('t2'), places.get('t3')]
      if (a && b) [a.heights['acct:b'], b.heights['acct:b']] = [4, 3]
    }
  })
  assert.ok(cycle.includes('O2'))
})

test('a receipt, a balance or a sum that the order does not give', () => {
  assert.equal(
    broken(({ calls, states }) => {
      for (const { places } of states) Object.assign(places.get('t2') ?? {}, { accepted: true })
      Object.assign(calls[3]?.place ?? {}, { accepted: true })
    }),
    ['LEDGER'],
  )
  assert.equal(
    broken(({ states }) => states[0] && Object.assign(states[0].balances, { a: 8, b: 12 })),
    ['LEDGER'],
  )
  assert.equal(
    broken(({ states }) => states[0] && Object.assign(states[0].balances, { c: 1 })),
    ['LEDGER'],
  )
})

test.run()
