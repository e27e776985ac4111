/** Executed batches without a cluster: one history, and nodes that execute it in orders of their own. */
import { toHex, utf8 } from '../../../src/lib/base/bytes.js'
import { digestOf } from '../../../src/lib/base/hash.js'
import type { SeededRandom } from '../../../src/lib/base/prng.js'
import type { Certificate } from '../../../src/lib/core/certificate.js'
import { KeyLogs } from '../../../src/lib/core/key-logs.js'
import { type Batch, makeBatch, type Transaction, transactionId } from '../../../src/lib/core/transaction.js'
import { loadCrypto } from '../../../src/lib/node/crypto.js'
import type { ExecutedLog } from '../../../src/lib/node/executed-log.js'
import { Executor } from '../../../src/lib/node/executor.js'
import type { LoadedMachine } from '../../../src/lib/node/machine-file.js'
import { MachineWatch } from '../../../src/lib/node/machine-watch.js'

const crypto = loadCrypto()
export const CLUSTER_ID = toHex(digestOf(utf8('a cluster of the tests of sinks')))

/** Takes whatever it is given; its receipts tell how many transactions came before. */
class Counting implements LoadedMachine {
  readonly watch = new MachineWatch('counting')
  #applied = 0
  check(): undefined {}
  apply() {
    return { ok: true as const, result: this.#applied++ }
  }
  query(): undefined {}
  close() {}
  digest() {
    return new Uint8Array(32)
  }
  snapshot() {
    return utf8(String(this.#applied))
  }
  restore(snapshot: Uint8Array) {
    this.#applied = Number(new TextDecoder().decode(snapshot))
  }
}

let nonces = 0

/** A transaction on these keys. */
export function transaction(deps: string[], payload: Uint8Array = utf8(JSON.stringify({ deps }))): Transaction {
  return { deps, payload, client: null, nonce: utf8(`${nonces++}`), expiry: null, signature: null }
}

/** A batch of these transactions; each has its own sequence number. */
export function batchOf(transactions: Transaction[]): Batch {
  return makeBatch(crypto.ed25519, CLUSTER_ID, digestOf(utf8('link')), {
    epoch: 0,
    initiator: 0,
    sequence: nonces++,
    time: 1_700_000_000,
    transactions,
  })
}

/** Batches of one transaction each, in an order in which a node may execute them. */
export function history(count: number, keys: number, random: SeededRandom): Batch[] {
  return Array.from({ length: count }, () => batchOf([transaction([`key:${random.upTo(keys - 1)}`])]))
}

/** Another order of a history that is the same on every key. */
export function reordered(batches: readonly Batch[], random: SeededRandom): Batch[] {
  const queues = new Map<string, Batch[]>()
  for (const batch of batches) queues.set(batch.keys.join(), [...(queues.get(batch.keys.join()) ?? []), batch])
  const order: Batch[] = []
  for (let left = [...queues.values()]; left.length > 0; left = left.filter(({ length }) => length > 0)) {
    const next = left[random.upTo(left.length - 1)]?.shift()
    if (next) order.push(next)
  }
  return order
}

/** What a node has: its executor with a log, and nothing that would make a batch executed. */
export class TestNode {
  readonly executor = new Executor(new Counting(), { keepsLog: true })
  readonly logs = new KeyLogs(CLUSTER_ID)
  readonly #executed = new Set<string>()

  get log(): ExecutedLog {
    const { log } = this.executor
    if (!log) throw new Error('it keeps a log')
    return log
  }

  execute(batches: readonly Batch[]): this {
    for (const batch of batches) {
      const heights = this.logs.append(batch.id, batch.keys)
      const skipped = new Map<number, 'duplicate'>()
      batch.transactions.forEach((each, i) => {
        const txId = transactionId(CLUSTER_ID, each)
        if (this.#executed.has(txId)) skipped.set(i, 'duplicate')
        this.#executed.add(txId)
      })
      const value = { base: new Map<string, number>(), predecessors: [], tallies: null }
      const certificate: Certificate = {
        type: 'slow',
        epoch: 0,
        batchId: batch.id,
        ballot: 2,
        value,
        signers: Uint8Array.of(7),
        signature: new Uint8Array(96),
      }
      this.executor.execute({ batch, heights, certificate, value, skipped })
    }
    return this
  }

  /** The same node after a restart from a snapshot that stands for all that it has executed. */
  pruned(): TestNode {
    const node = new TestNode()
    const outcomes = Array.from({ length: this.log.size }, (_, i) => this.log.idAt(i)).map((txId) => [txId, this.log.outcomeOf(txId)] as const)
    for (const batchId of this.logs.executed) node.logs.append(batchId, [...(this.logs.heightsOf(batchId)?.keys() ?? [])])
    const { executedBatches, machine } = this.executor
    node.executor.restore(outcomes, { state: machine.snapshot(), executedBatches, logs: node.logs })
    return node
  }
}
