/** What the tests of changes of the signers share: a cluster of processes, transfers without a pause, and what must hold of them afterwards. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import { signTransaction, type Transaction } from '../../src/lib/core/transaction.js'
import { openPayload, transferPayload } from '../../src/lib/machine/ledger.js'
import type { TransactionResult } from '../../src/lib/node/answers.js'
import { Client } from '../../src/lib/node/client.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { Bench, jsonOf } from '../commands/musig.js'
import { until } from '../until.js'

export const bench = new Bench()
const secret = new Uint8Array(32).fill(9)
export const ACCOUNTS = ['a', 'b', 'c']
/** How long a change may hold up what waits behind it. */
const LIMIT_MS = 90_000
let number = 0

export async function cluster<T>(...args: string[]): Promise<T> {
  const outcome = await bench.musig(['cluster', ...args, '--json'])
  assert.is(outcome.code, 0, outcome.stderr + outcome.stdout)
  return jsonOf(outcome) as T
}

export function clientOf(name: string): Client {
  const folder = join(bench.home, 'clusters', name)
  return new Client({ clusterFile: join(folder, 'cluster.json'), token: readFileSync(join(folder, 'token'), 'utf8').trim() })
}

/** A cluster with its accounts opened, through its first signer. */
export async function opened(name: string, ...flags: string[]): Promise<{ client: Client; clusterId: string }> {
  await cluster('up', '--cluster', name, ...flags)
  const client = clientOf(name)
  const { clusterId } = await client.manifest()
  for (const account of ACCOUNTS) await client.submit(transactionOf(clusterId, openPayload(account, 1000)), { to: 0, timeoutMs: 60_000 })
  return { client, clusterId }
}

/** Transfers without a pause, through all signers, and what clients were told. */
export class Load {
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
    await until(`${by} more transfers`, () => this.told.length >= wanted, LIMIT_MS)
  }

  async end(): Promise<void> {
    this.#isOver = true
    await this.#work
  }
}

export function transactionOf(clusterId: string, { deps, payload }: { deps: string[]; payload: Uint8Array }): Transaction {
  const nonce = utf8(`epochs ${++number}`)
  return signTransaction(nodeEd25519, clusterId, secret, { deps, payload, client: null, nonce, expiry: null, signature: null })
}

/** All that was told is the same at these signers, and so is what came of it. */
export async function sameAt(client: Client, signers: readonly number[], told: readonly TransactionResult[]): Promise<void> {
  await until(
    'one epoch, one order, one state',
    async () => {
      const states = await Promise.all(signers.map((from) => client.status({ from })))
      return new Set(states.map(({ orderDigest, machineDigest, epoch }) => `${epoch}${orderDigest}${machineDigest}`)).size === 1
    },
    LIMIT_MS,
  )
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
