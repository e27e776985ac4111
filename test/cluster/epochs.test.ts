// time limit: 400 s
/**
 * Changes of the signers, as processes: evicted and admitted under load, with a signer killed meanwhile, and a liar thrown out. Nothing that a client was told is
 * lost, all signers give the same receipts, and certificates of every epoch hold.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import type { Changed } from '../../src/lib/cluster/change.js'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { signTransaction, type Transaction } from '../../src/lib/core/transaction.js'
import { openPayload, transferPayload } from '../../src/lib/machine/ledger.js'
import type { TransactionResult } from '../../src/lib/node/answers.js'
import { Client } from '../../src/lib/node/client.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { Bench, jsonOf } from '../commands/musig.js'

const bench = new Bench()
const secret = new Uint8Array(32).fill(9)
const ACCOUNTS = ['a', 'b', 'c']
let number = 0

async function cluster<T>(...args: string[]): Promise<T> {
  const outcome = await bench.musig(['cluster', ...args, '--json'])
  assert.is(outcome.code, 0, outcome.stderr + outcome.stdout)
  return jsonOf(outcome) as T
}

function clientOf(name: string): Client {
  const folder = join(bench.home, 'clusters', name)
  return new Client({ clusterFile: join(folder, 'cluster.json'), token: readFileSync(join(folder, 'token'), 'utf8').trim() })
}

async function until(holds: () => Promise<boolean>, what: string, limitMs = 90_000): Promise<void> {
  for (const end = Date.now() + limitMs; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    if (await holds().catch(() => false)) return
    assert.ok(Date.now() < end, `${what}: not within ${limitMs} ms`)
  }
}

/** Transfers without a pause, through all signers, and what clients were told. */
class Load {
  readonly told: TransactionResult[] = []
  readonly #client: Client
  readonly #clusterId: string
  readonly #work: Promise<unknown>
  #isOver = false

  constructor(client: Client, clusterId: string, signers: number) {
    this.#client = client
    this.#clusterId = clusterId
    this.#work = Promise.all(Array.from({ length: 6 }, (_, i) => this.#run(i, signers)))
  }

  async #run(i: number, signers: number): Promise<void> {
    for (let j = i; !this.#isOver; j++) {
      const draft = transferPayload(ACCOUNTS[j % 3] ?? 'a', ACCOUNTS[(j + 1) % 3] ?? 'b', 1)
      const transaction = transactionOf(this.#clusterId, draft)
      // Whoever has no answer hands the same one in again.
      for (let result: TransactionResult | undefined; !result && !this.#isOver; ) {
        result = await this.#client.submit(transaction, { to: j % signers, timeoutMs: 20_000 }).catch(() => undefined)
        if (result?.status === 'executed') this.told.push(result)
      }
    }
  }

  async grows(by: number): Promise<void> {
    const wanted = this.told.length + by
    await until(async () => this.told.length >= wanted, `${by} more transfers`)
  }

  async end(): Promise<void> {
    this.#isOver = true
    await this.#work
  }
}

function transactionOf(clusterId: string, { deps, payload }: { deps: string[]; payload: Uint8Array }): Transaction {
  const nonce = utf8(`epochs ${++number}`)
  return signTransaction(nodeEd25519, clusterId, secret, { deps, payload, client: null, nonce, expiry: null, signature: null })
}

/** All that was told is the same at these signers, and so is what came of it. */
async function sameAt(client: Client, signers: readonly number[], told: readonly TransactionResult[]): Promise<void> {
  await until(async () => {
    const states = await Promise.all(signers.map((from) => client.status({ from })))
    return new Set(states.map(({ orderDigest, machineDigest, epoch }) => `${epoch}${orderDigest}${machineDigest}`)).size === 1
  }, 'one epoch, one order, one state')
  for (const { txId, position, receipt } of told)
    for (const from of signers) {
      const again = await client.show(txId, { from })
      assert.equal([again.position, again.receipt], [position, receipt], `${txId} at signer ${from}`)
    }
  const sum = (await Promise.all(ACCOUNTS.map((name) => client.query(`acct:${name}`)))) as { balance: number }[]
  assert.is(
    sum.reduce((all, { balance }) => all + balance, 0),
    3000,
  )
}

test.after(async () => {
  for (const name of ['change', 'liar']) await bench.musig(['cluster', 'rm', '--cluster', name])
  bench.remove()
})

test('evicted and admitted under load, one killed during a change and started again', async () => {
  await cluster('up', '-n', '5', '--cluster', 'change')
  const client = clientOf('change')
  const { clusterId } = await client.manifest()
  for (const name of ACCOUNTS) await client.submit(transactionOf(clusterId, openPayload(name, 1000)))
  const load = new Load(client, clusterId, 5)
  await load.grows(10)
  const [old] = load.told
  assert.ok(old)

  const evicted = await cluster<Changed>('evict', '3', '--cluster', 'change')
  assert.equal([evicted.epoch, evicted.n, evicted.quorum], [1, 4, 4])
  await load.grows(10)
  const admitted = await cluster<Changed>('admit', '--name', 'eve', '--cluster', 'change')
  assert.equal([admitted.epoch, admitted.signer, admitted.n], [2, 5, 5])
  await load.grows(10)

  const { signers } = await cluster<ClusterStatus>('status', '--cluster', 'change')
  const victim = signers[1]?.pid
  assert.ok(victim)
  const change = bench.process(['cluster', 'evict', '0', '--cluster', 'change', '--json'])
  process.kill(victim, 'SIGKILL')
  const changed = await change
  assert.is(changed.code, 0, changed.stderr)
  await cluster('restart', '1', '--cluster', 'change')
  await load.grows(10)
  await load.end()

  client.close()
  await sameAt(clientOf('change'), [1, 2, 4, 5], load.told)
  const status = await cluster<ClusterStatus>('status', '--cluster', 'change')
  assert.equal([status.epoch, status.n, status.ready], [3, 4, true])
  assert.equal(
    status.signers.map(({ state }) => state),
    ['evicted', 'ready', 'ready', 'evicted', 'ready', 'ready'],
  )
  assert.equal(
    status.signers.map(({ evictedIn }) => evictedIn),
    [3, null, null, 1, null, null],
  )

  // What was decided in the first epoch holds with its manifest, in the last one with the latest.
  const last = load.told.at(-1)
  for (const [name, txId] of [
    ['old', old.txId],
    ['new', last?.txId ?? ''],
  ] as const) {
    const file = join(bench.folder, `${name}.json`)
    const shown = await bench.musig(['tx', 'show', txId, '--certificate', file, '--cluster', 'change'])
    assert.is(shown.code, 0, shown.stderr)
    const verified = await bench.musig(['verify', 'cert', file, '--cluster', 'change'])
    assert.is(verified.code, 0, verified.stdout + verified.stderr)
  }

  // From nothing but their records all come back to the last epoch.
  await cluster('down', '--cluster', 'change')
  await cluster('up', '--cluster', 'change')
  await sameAt(clientOf('change'), [1, 2, 4, 5], load.told.slice(-5))
})

test('a liar is evicted: the others go on, and it is nobody', async () => {
  await cluster('up', '-n', '5', '--cluster', 'liar', '--byzantine', '2:equivocate')
  const client = clientOf('liar')
  const { clusterId } = await client.manifest()
  for (const name of ACCOUNTS) await client.submit(transactionOf(clusterId, openPayload(name, 1000)), { to: 0, timeoutMs: 60_000 })
  const { epoch } = await cluster<Changed>('evict', '2', '--cluster', 'liar')
  assert.is(epoch, 1)
  const result = await client.submit(transactionOf(clusterId, transferPayload('a', 'b', 1)), { to: 0, timeoutMs: 60_000 })
  assert.is(result.status, 'executed')
  await sameAt(client, [0, 1, 3, 4], [result])
  client.close()
})

test('what cannot be changed is refused in one line', async () => {
  const again = await bench.musig(['cluster', 'evict', '3', '--cluster', 'change'])
  assert.is(again.code, 2)
  assert.match(again.stderr, /signer 3 was evicted in epoch 1 already/)
  const unknown = await bench.musig(['cluster', 'evict', '9', '--cluster', 'change'])
  assert.is(unknown.code, 2)
  assert.match(unknown.stderr, /there is no signer 9/)
})

test.run()
