// time limit: 1800 s
// alone
/**
 * Fifteen of 31 that work together in a process of their own (f_s = 15), the guard on, two seconds for each message: 200 conflicting transactions are sent through the honest, each a
 * process too. Whatever part of them is executed, no two honest signers executed one in another place, or two in one place. `test/core/colluders.test.ts` has them win without the guard.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Client } from '../../src/lib/node/client.js'
import { until } from '../until.js'
import { LyingCluster } from './lying-cluster.js'

const cluster = new LyingCluster()
test.after(() => cluster.end())

const TRANSACTIONS = 200
/** How long the honest are given to execute what they can, and after how long without anything new that is over. */
const [LONGEST_MS, STILL_MS] = [300_000, 30_000]

/** Where each honest signer has executed a transaction: `key@height/index`, and the batch. */
async function placesOf(client: Client, txId: string): Promise<{ signer: number; place: string }[]> {
  const found = await Promise.all(
    cluster.honest.map(async (signer) => {
      const result = await client.show(txId, { from: signer, timeoutMs: 60_000 }).catch(() => undefined)
      if (result?.status !== 'executed') return []
      const heights = Object.entries(result.position ?? {}).map(([key, height]) => `${key}@${height}`)
      return [{ signer, place: `${heights.join()}/${result.index} in ${result.batchId}` }]
    }),
  )
  return found.flat()
}

test('no two honest signers disagree', async () => {
  await cluster.lie(31, '16-30:collude', ['--delta', '2000'])
  const client = cluster.client()
  try {
    const txIds: string[] = []
    while (txIds.length < TRANSACTIONS) {
      txIds.push(...(await cluster.put(cluster.honest, 'none')))
      await cluster.tempt()
    }
    const begun = performance.now()
    let [executed, changedAt] = [-1, begun]
    await until(
      'nothing more is executed',
      async () => {
        const states = await Promise.all(cluster.honest.map((from) => client.status({ from, timeoutMs: 10_000 }).catch(() => undefined)))
        const sum = states.reduce((all, state) => all + (state?.transactions ?? 0), 0)
        if (sum !== executed) [executed, changedAt] = [sum, performance.now()]
        return performance.now() - changedAt > STILL_MS || performance.now() - begun > LONGEST_MS
      },
      LONGEST_MS + 60_000,
      1000,
    )
    const at = new Map<string, string>()
    let known = 0
    for (const txId of txIds) {
      const places = await placesOf(client, txId)
      if (places.length > 0) known++
      for (const { signer, place } of places) {
        assert.is(place, places[0]?.place, `${txId} at signers ${places[0]?.signer} and ${signer}`)
        assert.is(at.get(place) ?? txId, txId, `two transactions at ${place}`)
        at.set(place, txId)
      }
    }
    console.log(
      `${txIds.length} transactions sent, ${known} executed by an honest signer; evidence: ${[...new Set(cluster.evidence())].join(', ') || 'none'}`,
    )
    assert.ok(txIds.length >= TRANSACTIONS)
  } finally {
    client.close()
  }
})

test.run()
