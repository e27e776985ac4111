// time limit: 300 s
/**
 * Signers killed with SIGKILL, as processes: all at once under load, n − q for good, and two rival transfers at two signers at once. Nothing that a client
 * was told is lost, and every signer gives the same receipts.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { signTransaction, type Transaction } from '../../src/lib/core/transaction.js'
import { openPayload, transferPayload } from '../../src/lib/machine/ledger.js'
import type { TransactionResult } from '../../src/lib/node/answers.js'
import { Client } from '../../src/lib/node/client.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { Bench, jsonOf } from '../commands/musig.js'
import { until } from '../until.js'

const bench = new Bench()
let number = 0

async function cluster(...args: string[]): Promise<Record<string, unknown>> {
  const outcome = await bench.musig(['cluster', ...args, '--json'])
  assert.is(outcome.code, 0, outcome.stderr + outcome.stdout)
  return jsonOf(outcome)
}

/** A client of one cluster, as a program has it. */
function clientOf(name: string): Client {
  const folder = join(bench.home, 'clusters', name)
  return new Client({ clusterFile: join(folder, 'cluster.json'), token: readFileSync(join(folder, 'token'), 'utf8').trim() })
}

const secret = new Uint8Array(32).fill(7)
let clusterId = ''

/** Signed by the one client that owns all accounts. */
function transactionOf({ deps, payload }: { deps: string[]; payload: Uint8Array }): Transaction {
  const nonce = utf8(`killed ${++number}`)
  return signTransaction(nodeEd25519, clusterId, secret, { deps, payload, client: null, nonce, expiry: null, signature: null })
}

test.after(async () => {
  for (const name of ['all', 'some', 'rivals', 'root']) await bench.musig(['cluster', 'rm', '--cluster', name])
  bench.remove()
})

test('all signers killed at once under load and started again: nothing acknowledged is lost', async () => {
  await cluster('up', '-n', '4', '--cluster', 'all')
  const client = clientOf('all')
  clusterId = (await client.manifest()).clusterId
  for (const name of ['a', 'b', 'c']) await client.submit(transactionOf(openPayload(name, 1000)))
  const acknowledged: TransactionResult[] = []
  const names = ['a', 'b', 'c']
  let isOver = false
  const load = Array.from({ length: 8 }, async (_, i) => {
    for (let j = i; !isOver; j++) {
      const draft = transferPayload(names[j % 3] ?? 'a', names[(j + 1) % 3] ?? 'b', 1)
      const result = await client.submit(transactionOf(draft), { to: j % 4, timeoutMs: 3000 }).catch(() => undefined)
      if (result?.status === 'executed') acknowledged.push(result)
    }
  })
  await until('twenty acknowledged transfers', async () => acknowledged.length >= 20)
  const { signers } = (await cluster('status', '--cluster', 'all')) as unknown as ClusterStatus
  for (const { pid } of signers) if (pid !== null) process.kill(pid, 'SIGKILL')
  isOver = true
  const told = [...acknowledged]
  await Promise.all(load)
  await cluster('up', '--cluster', 'all')
  for (const { txId, position, receipt } of told)
    for (let from = 0; from < 4; from++) {
      await until(`${txId} at signer ${from}`, async () => (await client.show(txId, { from })).status === 'executed')
      const again = await client.show(txId, { from })
      assert.equal([again.position, again.receipt], [position, receipt])
    }
  const next = await client.submit(transactionOf(transferPayload('a', 'b', 1)), { timeoutMs: 30_000 })
  assert.is(next.status, 'executed')
  await until('equal digests', async () => {
    const states = await Promise.all([0, 1, 2, 3].map((from) => client.status({ from })))
    return new Set(states.map(({ orderDigest, machineDigest }) => `${orderDigest}${machineDigest}`)).size === 1
  })
  const sum = (await Promise.all(names.map((name) => client.query(`acct:${name}`)))) as { balance: number }[]
  assert.is(
    sum.reduce((total, { balance }) => total + balance, 0),
    3000,
  )
  client.close()
})

test('with n − q signers dead everything commits, on the fast path too', async () => {
  await cluster('up', '-n', '5', '--cluster', 'some')
  const client = clientOf('some')
  clusterId = (await client.manifest()).clusterId
  await cluster('kill', '2', '--cluster', 'some')
  const results: TransactionResult[] = []
  for (const to of [0, 1, 3, 4]) results.push(await client.submit(transactionOf(openPayload(`s${to}`, 10)), { to, timeoutMs: 30_000 }))
  assert.ok(results.every(({ status }) => status === 'executed'))
  assert.ok(results.some(({ path }) => path === 'fast'))
  client.close()
})

test('two rival transfers at two signers at once: one succeeds, the same receipts everywhere', async () => {
  await cluster('up', '-n', '4', '--cluster', 'rivals')
  const client = clientOf('rivals')
  clusterId = (await client.manifest()).clusterId
  for (const name of ['from', 'one', 'two']) await client.submit(transactionOf(openPayload(name, 10)))
  const rivals = await Promise.all(
    ['one', 'two'].map((name, to) => client.submit(transactionOf(transferPayload('from', name, 10)), { to, timeoutMs: 30_000 })),
  )
  assert.is(rivals.filter(({ receipt }) => receipt?.ok).length, 1)
  for (const { txId, receipt } of rivals)
    for (let from = 0; from < 4; from++) {
      await until(`${txId} at signer ${from}`, async () => (await client.show(txId, { from })).status === 'executed')
      assert.equal((await client.show(txId, { from })).receipt, receipt)
    }
  client.close()
})

test('a root killed between phases: another coordinator finishes, and tx why says so', async () => {
  const status = (await cluster('up', '-n', '5', '--cluster', 'root')) as unknown as ClusterStatus
  const client = clientOf('root')
  clusterId = (await client.manifest()).clusterId
  const pid = (signer: number) => status.signers[signer]?.pid ?? 0
  // Without these two ballot 0 can not finish: three votes are no quorum.
  for (const signer of [3, 4]) process.kill(pid(signer), 'SIGSTOP')
  const { txId, batchId } = await client.submit(transactionOf(openPayload('orphan', 5)), { to: 0, wait: 'none' })
  let held = batchId
  await until('another signer holds the batch', async () => {
    held ??= (await client.show(txId, { from: 1 })).batchId
    return held !== null && (await client.batch(held, { from: 1 })).ownVote !== null
  })
  const waiting = await bench.musig(['tx', 'why', txId, '--from', '1', '--cluster', 'root', '--json'])
  assert.is(waiting.code, 0, waiting.stderr)
  assert.match(String(jsonOf(waiting)['sentence']), /No quorum: 3 of 4/)
  process.kill(pid(0), 'SIGKILL')
  for (const signer of [3, 4]) process.kill(pid(signer), 'SIGCONT')
  await until('the orphan is executed', async () => (await client.show(txId, { from: 1 })).status === 'executed')
  const { ballot } = await client.show(txId, { from: 1 })
  assert.ok((ballot ?? 0) > 0, `decided in ballot ${ballot}`)
  const why = await bench.musig(['tx', 'why', txId, '--from', '1', '--cluster', 'root', '--json'])
  assert.match(String(jsonOf(why)['sentence']), new RegExp(`decided in ballot ${ballot} by coordinator [1-4], because root 0 did not finish`))
  client.close()
})

test.run()
