/** A cluster of real processes whose network is hurt through the commands, and clients that look what became of their transactions. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { signTransaction, type Transaction, transactionId } from '../../src/lib/core/transaction.js'
import { openPayload } from '../../src/lib/machine/ledger.js'
import type { TransactionResult } from '../../src/lib/node/answers.js'
import { Client } from '../../src/lib/node/client.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { LiveCluster } from '../commands/live-cluster.js'
import { until } from '../until.js'

const _WAIT_MS = 120_000
const _LOOK_MS = 100
const OWNER = new Uint8Array(32).fill(7)

export class NetworkBench extends LiveCluster {
  readonly n: number
  #client: Client | undefined
  #clusterId = ''
  #number = 0

  constructor(n: number) {
    super()
    this.n = n
  }

  get everyone(): number[] {
    return Array.from({ length: this.n }, (_, signer) => signer)
  }

  override client(): Client {
    assert.ok(this.#client, 'the cluster was not started')
    return this.#client
  }

  async start(): Promise<void> {
    await this.cluster('up', '-n', String(this.n))
    const folder = join(this.home, 'clusters', 'default')
    this.#client = new Client({ clusterFile: join(folder, 'cluster.json'), token: readFileSync(join(folder, 'token'), 'utf8').trim() })
    this.#clusterId = (await this.#client.manifest()).clusterId
  }

  override async end(): Promise<void> {
    this.#client?.close()
    await super.end()
  }

  /** A `musig cluster …` that must end well. */
  cluster(...args: string[]): Promise<Record<string, unknown>> {
    return this.document(['cluster', ...args])
  }

  async states(): Promise<string[]> {
    const { signers } = (await this.cluster('status')) as unknown as ClusterStatus
    return signers.map(({ state }) => state)
  }

  /** Opens an account that nobody else opens; all of them conflict on one key, so that signers have something to agree on. */
  transaction(): Transaction {
    const { deps, payload } = openPayload(`account-${++this.#number}`, 1)
    const bare = { deps: [...deps, 'shared'].sort(), payload, client: null, nonce: utf8(`network ${this.#number}`), expiry: null, signature: null }
    return signTransaction(nodeEd25519, this.#clusterId, OWNER, bare)
  }

  submit(to: number): Promise<TransactionResult> {
    return this.client().submit(this.transaction(), { to, timeoutMs: 60_000 })
  }

  /** Hands a transaction to a signer and does not wait for it. */
  async hand(to: number): Promise<string> {
    const given = this.transaction()
    await this.client().submit(given, { to, wait: 'none' })
    return transactionId(this.#clusterId, given)
  }

  /** Waits until signers have executed a transaction. */
  async executed(txId: string, signers: readonly number[] = this.everyone): Promise<void> {
    for (const from of signers)
      await until(`${txId} at signer ${from}`, async () => (await this.client().show(txId, { from, timeoutMs: 2000 })).status === 'executed')
  }

  /** Waits until all signers have executed the same, in one order. */
  async agreed(): Promise<void> {
    await until('one order and one state everywhere', async () => {
      const all = await Promise.all(this.everyone.map((from) => this.client().status({ from, timeoutMs: 2000 })))
      return new Set(all.map(({ executed, orderDigest, machineDigest }) => `${executed} ${orderDigest} ${machineDigest}`)).size === 1
    })
  }

  async allReady(): Promise<void> {
    await until('all signers ready', async () => (await this.states()).every((state) => state === 'ready'))
  }
}
