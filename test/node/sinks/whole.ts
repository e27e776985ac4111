/** What a sink must hold of a cluster that ran: every transaction once, in an order that is valid. */
import { existsSync, readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { SinkRecord } from '../../../src/lib/node/sinks/sink.js'

/** The records of a file, as far as its lines are whole; none if there is none. */
export function recordsOf(path: string): SinkRecord[] {
  if (!existsSync(path)) return []
  const [, ...lines] = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line))
}

/**
 * So many transactions, each once, and on each key in the order of its log. A height may be missing: a batch that holds nothing on a key but what was executed
 * before has one too.
 */
export function assertWhole(records: readonly Pick<SinkRecord, 'index' | 'txId' | 'position'>[], count: number): void {
  assert.equal(
    records.map(({ index }) => index),
    Array.from({ length: count }, (_, i) => i),
  )
  assert.is(new Set(records.map(({ txId }) => txId)).size, count)
  const heights = new Map<string, number>()
  for (const { position } of records) {
    for (const [key, height] of Object.entries(position)) {
      assert.ok(height >= Math.max(1, heights.get(key) ?? 0), `${key} comes to ${height} after ${heights.get(key)}`)
      heights.set(key, height)
    }
  }
}
