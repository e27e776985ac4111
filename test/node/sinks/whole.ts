/** What a sink must hold of a cluster that ran: every transaction once, in an order that is valid, and no height left out for which nothing accounts. */
import { existsSync, readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { Client } from '../../../src/lib/node/client.js'
import type { SinkRecord } from '../../../src/lib/node/sinks/sink.js'

/** Of a record, what is judged. */
export type Judged = Pick<SinkRecord, 'index' | 'txId' | 'batchId' | 'indexInBatch' | 'position'>

/** A batch as one who executed it tells of it. */
export interface ToldBatch {
  batchId: string
  /** Its height on each of its keys. */
  position: Record<string, number>
  transactions: readonly { txId: string; keys: readonly string[] }[]
}

/** What a signer says of a batch that it has executed, or is about to: then its position is empty. */
export async function toldBatch(client: Client, id: string, from: number): Promise<ToldBatch> {
  const { batchId, position, transactions } = await client.batch(id, { from })
  return { batchId, position, transactions: transactions.map(({ txId, transaction }) => ({ txId, keys: (transaction as { deps: string[] }).deps })) }
}

/** The records of a file, as far as its lines are whole; none if there is none. */
export function recordsOf(path: string): SinkRecord[] {
  if (!existsSync(path)) return []
  const [, ...lines] = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line))
}

/**
 * So many transactions, each once, and on each key in the order of its log, height after height. `leftOut`: how many heights stand for a batch that holds nothing
 * on its key but what was executed before, because a transaction was handed in at two signers.
 */
export function assertWhole(records: readonly Judged[], count: number, leftOut = 0): void {
  assertOnce(records, count)
  const tops = new Map<string, { height: number; batchId: string }>()
  let missing = 0
  for (const { batchId, position } of records) {
    for (const [key, height] of Object.entries(position)) {
      const top = tops.get(key) ?? { height: 0, batchId: '' }
      const isNext = height > top.height || (height === top.height && batchId === top.batchId)
      assert.ok(isNext, `${key} comes to ${height} after ${top.height}`)
      missing += Math.max(0, height - top.height - 1)
      tops.set(key, { height, batchId })
    }
  }
  assert.is(missing, leftOut, 'heights that are missing')
}

/**
 * Just what follows from all batches that a node has executed: at each height of each key the transactions of the batch there that stand in no lower one, in
 * the order of the batch. Returns how many heights have none.
 */
export function assertExact(records: readonly Judged[], batches: readonly ToldBatch[], count: number): number {
  assertOnce(records, count)
  const logs = logsOf(batches)
  const first = new Map<string, ToldBatch>()
  const expected = new Map<string, [height: number, indexInBatch: number, txId: string][]>()
  let leftOut = 0
  for (const [key, log] of logs) {
    const lines: [number, number, string][] = []
    for (const batch of log) {
      const height = batch.position[key] ?? 0
      const before = lines.length
      for (const [index, { txId, keys }] of batch.transactions.entries()) {
        if (!keys.includes(key)) continue
        const stands = first.get(txId)
        // All batches with a transaction meet on each of its keys: they cannot come in another order there.
        if (stands) assert.ok(stands === batch || (stands.position[key] ?? 0) < height, `${txId} stands first in one batch on all of its keys`)
        if (stands && stands !== batch) continue
        first.set(txId, batch)
        lines.push([height, index, txId])
      }
      if (lines.length === before) leftOut++
    }
    expected.set(key, lines)
  }
  const found = new Map<string, [number, number, string][]>()
  for (const { txId, batchId, indexInBatch, position } of records) {
    if (Object.keys(position).length > 0) assert.is(batchId, first.get(txId)?.batchId, `the batch of ${txId}`)
    for (const [key, height] of Object.entries(position)) {
      const lines = found.get(key) ?? []
      found.set(key, lines)
      lines.push([height, indexInBatch, txId])
    }
  }
  for (const [key, lines] of expected) assert.equal(found.get(key) ?? [], lines, key)
  assert.is(found.size, [...expected.values()].filter(({ length }) => length > 0).length, 'keys')
  return leftOut
}

/** The log of each key, of which nothing is missing and nothing is there twice. */
function logsOf(batches: readonly ToldBatch[]): Map<string, ToldBatch[]> {
  const logs = new Map<string, ToldBatch[]>()
  for (const batch of batches) {
    for (const [key, height] of Object.entries(batch.position)) {
      const log = logs.get(key) ?? []
      logs.set(key, log)
      assert.is(log[height - 1], undefined, `two batches at height ${height} of ${key}`)
      log[height - 1] = batch
    }
  }
  for (const [key, log] of logs) for (let i = 0; i < log.length; i++) assert.ok(log[i], `no batch was told of at height ${i + 1} of ${key}`)
  return logs
}

function assertOnce(records: readonly Judged[], count: number): void {
  assert.equal(
    records.map(({ index }) => index),
    Array.from({ length: count }, (_, i) => i),
  )
  assert.is(new Set(records.map(({ txId }) => txId)).size, count)
}
