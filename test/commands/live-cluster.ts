/** A small packed cluster for tests of commands: four signers in one process, in a state folder of its own. */
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { Client } from '../../src/lib/node/client.js'
import { Bench, jsonOf, type Outcome } from './musig.js'

/** What `tx submit --json` and its like print. */
export interface TxDocument {
  schema: number
  txId: string
  batchId: string
  position: Record<string, number>
  status: string
  path: string
  ballot: number
  score: number
  votes: number
  receipt: { ok: boolean; result?: unknown; reason?: string } | null
  latencyMs: number
  phases: Record<string, number>
  reason?: string
}

export class LiveCluster extends Bench {
  async up(machine: 'ledger' | 'documents' = 'ledger', more: readonly string[] = []): Promise<void> {
    await this.good(['cluster', 'up', '-n', '4', '--pack', '4', '--machine', machine, ...more])
  }

  /** A client of the cluster, to be closed: where a command more would only take time. */
  client(): Client {
    return new Client({ clusterFile: join(this.home, 'clusters', 'default', 'cluster.json') })
  }

  /** Ends the cluster and removes every trace. */
  async end(): Promise<void> {
    await this.musig(['cluster', 'rm'])
    this.remove()
  }

  /** Runs a command that must end well. */
  async good(args: readonly string[], input = ''): Promise<Outcome> {
    const outcome = await this.musig(args, { input })
    assert.is(outcome.code, 0, `musig ${args.join(' ')}: ${outcome.stdout}${outcome.stderr}`)
    return outcome
  }

  /** The JSON document of a command that must end well. */
  async document(args: readonly string[], input = ''): Promise<Record<string, unknown>> {
    return jsonOf(await this.good([...args, '--json'], input))
  }

  /** A transaction that must be executed. */
  async tx(args: readonly string[]): Promise<TxDocument> {
    return (await this.document(['tx', ...args])) as unknown as TxDocument
  }

  /** Transfers that fight for two accounts, sent at once through all signers; those on the slow path, and all. */
  async quarrel(): Promise<{ slow: TxDocument[]; all: TxDocument[] }> {
    for (const account of ['left', 'right']) await this.musig(['tx', 'open', account, '1000'])
    for (let attempt = 0; attempt < 5; attempt++) {
      const lines = Array.from({ length: 4 }, (_, i) => ({
        op: 'transfer',
        from: i % 2 ? 'left' : 'right',
        to: i % 2 ? 'right' : 'left',
        amount: i + 1,
      }))
      const { stdout } = await this.good(['tx', 'submit', '--batch', '-', '--json'], lines.map((line) => JSON.stringify(line)).join('\n'))
      const all = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as TxDocument & { summary?: unknown })
        .filter(({ summary }) => !summary)
      const slow = all.filter(({ path }) => path === 'slow')
      if (slow.length > 0) return { slow, all }
    }
    throw new Error('five quarrels, and none of them took the slow path')
  }
}
