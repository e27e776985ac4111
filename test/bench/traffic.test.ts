/** The transactions of a benchmark: valid for their machine, on the keys that were asked for. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BENCH_DEFAULTS, type BenchSettings } from '../../src/lib/bench/settings.js'
import { Traffic } from '../../src/lib/bench/traffic.js'
import { type Transaction, transactionFault, transactionId } from '../../src/lib/core/transaction.js'
import { machineByName } from '../../src/lib/machine/machines.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'

const CLUSTER_ID = 'ab'.repeat(32)
const settings = (more: Partial<BenchSettings> = {}): BenchSettings => ({ ...BENCH_DEFAULTS, entries: 1, seed: 'test', ...more })
const traffic = (machine: string, more: Partial<BenchSettings> = {}) => new Traffic({ clusterId: CLUSTER_ID, machine }, settings(more))
const made = (of: Traffic, count: number) => Array.from({ length: count }, () => of.next())

/** How often each hot key is touched. */
function hotCounts(transactions: readonly Transaction[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { deps } of transactions) {
    const hot = deps.find((key) => key.includes('.hot'))
    if (hot !== undefined) counts.set(hot, (counts.get(hot) ?? 0) + 1)
  }
  return counts
}

for (const name of ['ledger', 'documents'])
  test(`a ${name} executes all of them, in any order`, () => {
    const machine = machineByName(name)
    const of = traffic(name, { conflicts: 0.3, hotKeys: 3 })
    const apply = (transaction: Transaction, i: number) => {
      assert.is(machine.check(transaction), undefined)
      assert.is(transactionFault(nodeEd25519, CLUSTER_ID, transaction), undefined)
      const txId = transactionId(CLUSTER_ID, transaction)
      const receipt = machine.apply(transaction, { txId, batchId: txId, index: 0, heights: new Map(transaction.deps.map((key) => [key, i + 1])) })
      assert.ok(receipt.ok, JSON.stringify(receipt))
    }
    of.prepared().forEach(apply)
    made(of, 1500).reverse().forEach(apply)
  })

test('own keys are not shared by what follows within thousands', () => {
  for (const machine of ['ledger', 'documents', 'digest-of-a-file']) {
    const keys = made(traffic(machine), 2000).flatMap(({ deps }) => deps)
    assert.is(new Set(keys).size, keys.length, machine)
  }
})

test('two benchmarks do not meet', () => {
  const [one, other] = [made(traffic('documents', { conflicts: 1 }), 10), made(traffic('documents', { conflicts: 1 }), 10)]
  const keys = new Set(one.flatMap(({ deps }) => deps))
  assert.ok(other.every(({ deps }) => deps.every((key) => !keys.has(key))))
})

test('the share of conflicts and the spread of hot keys are those that were asked for', () => {
  const even = hotCounts(made(traffic('documents', { conflicts: 0.25, hotKeys: 4 }), 8000))
  assert.is(even.size, 4)
  const total = [...even.values()].reduce((sum, count) => sum + count, 0)
  assert.ok(Math.abs(total / 8000 - 0.25) < 0.03, `${total}`)
  assert.ok(
    [...even.values()].every((count) => Math.abs(count / total - 0.25) < 0.06),
    JSON.stringify([...even]),
  )
  const zipf = [...hotCounts(made(traffic('documents', { conflicts: 1, hotKeys: 100, zipf: 1 }), 8000)).values()].sort((a, b) => b - a)
  // The first of a hundred has 1 / H(100) = 19 %.
  assert.ok(Math.abs((zipf[0] ?? 0) / 8000 - 0.193) < 0.03, `${zipf[0]}`)
})

test('payloads have the size that was asked for', () => {
  for (const size of [128, 1000]) {
    const [raw] = made(traffic('digest-of-a-file', { payload: size }), 1)
    assert.is(raw?.payload.length, size)
    const [document] = made(traffic('documents', { payload: size }), 1)
    assert.ok(Math.abs((document?.payload.length ?? 0) - size) <= 16, `${document?.payload.length}`)
  }
})

test.run()
