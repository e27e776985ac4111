/** Who differs, and since which transaction: over nodes that execute one history in orders of their own with machines that are not all the same. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex, utf8 } from '../../src/lib/base/bytes.js'
import { sha256 } from '../../src/lib/base/hash.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { agreementOf, type Member } from '../../src/lib/cluster/machine-agreement.js'
import { KeyLogs } from '../../src/lib/core/key-logs.js'
import { type Batch, transactionId } from '../../src/lib/core/transaction.js'
import type { Receipt } from '../../src/lib/machine/state-machine.js'
import { Executor } from '../../src/lib/node/executor.js'
import { type HistoryAnswer, MachineHistory } from '../../src/lib/node/machine-history.js'
import { MachineWatch } from '../../src/lib/node/machine-watch.js'
import { batchOf, CLUSTER_ID, history, reordered, transaction } from '../node/sinks/history.js'

/** What a machine makes of the n-th transaction on a key, where it is not what all others make of it. */
interface Quirk {
  receipt?: (text: string, nth: number) => unknown
  state?: (text: string, nth: number) => string
  start?: string
  /** It has no digest that it looks at. */
  slow?: boolean
}

/** Counts transactions by key. */
class Counts {
  readonly watch: MachineWatch
  readonly #quirk: Quirk
  #counts = new Map<string, string>()

  constructor(quirk: Quirk) {
    this.#quirk = quirk
    if (quirk.start) this.#counts.set('start', quirk.start)
    this.watch = new MachineWatch('sha256:test', new MachineHistory(toHex(this.digest())))
  }

  check() {
    return undefined
  }

  apply({ deps, payload }: { deps: string[]; payload: Uint8Array }): Receipt {
    const [key = ''] = deps
    const text = new TextDecoder().decode(payload)
    const nth = Number((this.#counts.get(key) ?? '0').split('/')[0]) + 1
    this.#counts.set(key, `${nth}/${this.#quirk.state?.(text, nth) ?? ''}`)
    return { ok: true, result: this.#quirk.receipt?.(text, nth) ?? nth }
  }

  query() {
    return undefined
  }

  digest(): Uint8Array {
    return sha256(utf8(JSON.stringify([...this.#counts].sort())))
  }

  snapshot(): Uint8Array {
    return utf8(JSON.stringify([...this.#counts]))
  }

  restore(snapshot: Uint8Array): void {
    this.#counts = new Map(JSON.parse(new TextDecoder().decode(snapshot)))
  }

  close() {}
}

class Node {
  readonly executor: Executor
  readonly logs = new KeyLogs(CLUSTER_ID)

  constructor(quirk: Quirk = {}) {
    this.executor = new Executor(new Counts(quirk))
  }

  run(batches: readonly Batch[], { replayed = false } = {}): this {
    for (const batch of batches) {
      const heights = this.logs.append(batch.id, batch.keys)
      this.executor.execute({ batch, heights, skipped: new Map() } as never, replayed ? undefined : 0)
    }
    return this
  }

  answer(): HistoryAnswer {
    const kept = this.executor.machine.watch.history
    if (!kept) throw new Error('it keeps a history')
    // Through JSON, as it travels.
    return JSON.parse(JSON.stringify(kept.answer('sha256:test', this.logs, this.executor.machineDigest)))
  }
}

const compared = (nodes: readonly Node[], member = (i: number): Member => ({ signer: i })) =>
  agreementOf(nodes.map((node, i) => ({ member: member(i), history: node.answer() })))
const signers = (...list: number[]) => list.map((signer) => ({ signer }))
const idOf = (batch: Batch | undefined, index = 0) => {
  const tx = batch?.transactions[index]
  return tx ? transactionId(CLUSTER_ID, tx) : 'none'
}

test('machines that are alike agree, in whatever order independent transactions came', () => {
  const random = new SeededRandom('alike')
  const batches = history(200, 5, random)
  const nodes = [batches, reordered(batches, random), reordered(batches, random), reordered(batches, random)].map((order) => new Node().run(order))
  assert.equal(compared(nodes), { compared: signers(0, 1, 2, 3), majority: signers(0, 1, 2, 3), differing: [] })
})

test('no false alarm while some are further than others', () => {
  const random = new SeededRandom('apart')
  for (let i = 0; i < 50; i++) {
    const batches = history(40, 4, random)
    const nodes = [0, 1, 2, 3].map(() => new Node().run(reordered(batches, random).slice(0, random.upTo(40))))
    assert.equal(compared(nodes).differing, [])
  }
})

test('one machine whose receipt differs once is named, with that transaction', () => {
  const random = new SeededRandom('receipt')
  const batches = history(60, 3, random)
  const odd = batches[25]
  const text = new TextDecoder().decode(odd?.transactions[0]?.payload)
  const nth = batches.slice(0, 26).filter(({ keys }) => keys[0] === odd?.keys[0]).length
  const quirk: Quirk = { receipt: (given, n) => (given === text && n === nth ? 'other' : n) }
  const nodes = [0, 1, 2, 3].map((i) => new Node(i === 2 ? quirk : {}).run(reordered(batches, random)))
  const since = { txId: idOf(odd), batchId: odd?.id, index: 0, in: 'receipt', isExact: true }
  assert.equal(compared(nodes), { compared: signers(0, 1, 2, 3), majority: signers(0, 1, 3), differing: [{ signer: 2, since }] })
})

test('one machine whose state alone differs is named, with the transaction after which it does, also within a batch', () => {
  const keyed = (text: string) => transaction(['k'], utf8(text))
  const batches = [batchOf([keyed('a')]), batchOf([keyed('b'), keyed('c'), keyed('odd'), keyed('d')]), batchOf([keyed('e')])]
  const quirk: Quirk = { state: (text) => (text === 'odd' ? 'other' : '') }
  const nodes = [0, 1, 2, 3].map((i) => new Node(i === 1 ? quirk : {}).run(batches))
  const since = { txId: idOf(batches[1], 2), batchId: batches[1]?.id, index: 2, in: 'state', isExact: true }
  assert.equal(compared(nodes).differing, [{ signer: 1, since }])
  assert.equal(compared(nodes).majority, signers(0, 2, 3))
})

test('a state that differs between two points where both were looked at is said to differ at the latest there', () => {
  const keyed = (key: string) => batchOf([transaction([key], utf8(key))])
  const [a, b, c, d] = [keyed('a'), keyed('b'), keyed('c'), keyed('d')] as [Batch, Batch, Batch, Batch]
  const quirk: Quirk = { state: (text) => (text === 'b' ? 'other' : '') }
  // Between a and d they have executed the same nowhere.
  const nodes = [new Node().run([a, b, c, d]), new Node().run([a, b, c, d]), new Node(quirk).run([a, c, d, b])]
  const [first] = compared(nodes).differing
  assert.equal(first, { signer: 2, since: { txId: idOf(b), batchId: b.id, index: 0, in: 'state', isExact: false } })
})

test('random numbers: nobody agrees, all are named, with the first transaction', () => {
  const batches = history(10, 2, new SeededRandom('random'))
  const nodes = [0, 1, 2, 3].map((i) => new Node({ receipt: (_, nth) => `${i}/${nth}` }).run(batches))
  const { majority, differing } = compared(nodes)
  assert.equal(majority, [])
  const since = { txId: idOf(batches[0]), batchId: batches[0]?.id, index: 0, in: 'receipt', isExact: true }
  assert.equal(
    differing,
    [0, 1, 2, 3].map((signer) => ({ signer, since })),
  )
})

test('two against two is no majority; two against one and one is', () => {
  const batches = history(10, 2, new SeededRandom('halves'))
  const quirks = (...names: string[]) => names.map((name) => new Node(name === '' ? {} : { state: () => name }).run(batches))
  assert.equal(compared(quirks('', '', 'x', 'x')).majority, [])
  assert.equal(
    compared(quirks('', '', 'x', 'x')).differing.map((one) => 'signer' in one && one.signer),
    [0, 1, 2, 3],
  )
  assert.equal(compared(quirks('x', '', 'y', '')).majority, signers(1, 3))
  assert.equal(
    compared(quirks('x', '', 'y', '')).differing.map((one) => 'signer' in one && one.signer),
    [0, 2],
  )
})

test('a machine that begins otherwise differs before the first transaction', () => {
  const nodes = ['', '', 'x'].map((start) => new Node({ start }).run([]))
  const since = { txId: null, batchId: null, index: null, in: 'state', isExact: false }
  assert.equal(compared(nodes).differing, [{ signer: 2, since }])
})

test('peers are named as such', () => {
  const batches = history(10, 2, new SeededRandom('peers'))
  const nodes = [0, 1, 2].map((i) => new Node(i === 2 ? { receipt: () => 'x' } : {}).run(batches))
  const { differing, majority } = compared(nodes, (i) => (i === 2 ? { peer: 0 } : { signer: i }))
  assert.equal(majority, signers(0, 1))
  assert.is((differing[0] as { peer: number }).peer, 0)
})

test('who has another order of one key is not compared: that is no machine’s fault', () => {
  const [a, b] = history(2, 1, new SeededRandom('order')) as [Batch, Batch]
  const nodes = [new Node().run([a, b]), new Node().run([a, b]), new Node().run([b, a])]
  assert.equal(compared(nodes), { compared: signers(0, 1), majority: signers(0, 1), differing: [] })
})

test('after a restart the state is compared where it stands, and exactly from then on', () => {
  const batches = history(20, 3, new SeededRandom('restart'))
  const odd = batches[5]?.transactions[0]
  const text = new TextDecoder().decode(odd?.payload)
  const before = new Node({ state: (given) => (given === text ? 'x' : '') })
  const nodes = [new Node().run(batches, { replayed: true }), new Node().run(batches), before.run(batches, { replayed: true })]
  const [first] = compared(nodes).differing
  assert.is((first as { signer: number }).signer, 2)
  assert.is(first?.since.txId, idOf(batches[19]))
  assert.is(first?.since.isExact, false)
  // What differs only later is named exactly: the state is looked at before the first transaction that is not read back.
  const later = history(3, 1, new SeededRandom('later'))
  const onKey = batches.filter(({ keys }) => keys[0] === later[0]?.keys[0]).length
  const state: Quirk['state'] = (text, nth) => (text === '{"deps":["key:0"]}' && nth === onKey + 1 ? 'x' : '')
  const sound = [0, 1, 2].map((i) => new Node(i === 2 ? { state } : {}).run(batches, { replayed: true }))
  assert.equal(compared(sound).differing, [])
  for (const node of sound) node.run(later)
  const since = { txId: idOf(later[0]), batchId: later[0]?.id, index: 0, in: 'state', isExact: true }
  assert.equal(compared(sound).differing, [{ signer: 2, since }])
})

test('what differed before all that is kept is said to have done so, and a history has an end', () => {
  const batches = history(700, 2, new SeededRandom('long'))
  const nodes = [0, 1, 2].map((i) => new Node(i === 2 ? { state: (_, nth) => (nth === 1 ? '' : 'x') } : {}).run(batches))
  const answers = nodes.map((node) => node.answer())
  for (const { transactions, isWhole } of answers) {
    assert.is(isWhole, false)
    assert.ok(transactions.length >= 256 && transactions.length < 512)
  }
  const [first] = compared(nodes).differing
  assert.is((first as { signer: number }).signer, 2)
  assert.is(first?.since.isExact, false)
  assert.is(first?.since.txId, null)
})

test('a snapshot that is restored goes on where it was taken', () => {
  const batches = history(30, 3, new SeededRandom('snapshot'))
  const [early, late] = [batches.slice(0, 20), batches.slice(20)]
  const whole = new Node().run(early)
  const outcomes = early.flatMap((batch) => {
    const txId = idOf(batch)
    const outcome = whole.executor.outcome(txId)
    return outcome ? [[txId, outcome] as const] : []
  })
  const restored = new Node()
  for (const batch of early) restored.logs.append(batch.id, batch.keys)
  restored.executor.restore(outcomes, { state: whole.executor.machine.snapshot(), executedBatches: 20, logs: restored.logs })
  const odd = new Node({ receipt: (_, nth) => (nth > 8 ? 'x' : nth) }).run(early)
  const nodes = [whole.run(late), restored.run(late), odd.run(late)]
  assert.equal(compared(nodes).majority, signers(0, 1))
  assert.equal(nodes[1]?.answer().now, nodes[0]?.answer().now)
  assert.is(nodes[1]?.answer().isWhole, false)
})

test.run()
