// alone
// time limit: 300 s
/**
 * Two thousand transactions, conflicting and free ones, through all signers of a cluster of seven processes at once: one order for each key
 * everywhere, equal digests, both paths taken, and every certificate holds for a second BLS implementation with the manifest alone.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import { fromJson } from '../../src/lib/base/codec.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { noble, nobleEd25519 } from '../../src/lib/bls/noble.js'
import { certificateCodec, certificateFault } from '../../src/lib/core/certificate.js'
import { readManifest } from '../../src/lib/core/manifest.js'
import { signTransaction } from '../../src/lib/core/transaction.js'
import { putPayload } from '../../src/lib/machine/documents.js'
import type { TransactionResult } from '../../src/lib/node/answers.js'
import { Client } from '../../src/lib/node/client.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { Bench } from '../commands/musig.js'

const N = 7
const TRANSACTIONS = 2000
const AT_ONCE = 140
const seed = Math.floor(Math.random() * 2 ** 32)

/** Calls `work` for 0..count-1, so many at a time. */
async function each<T>(count: number, atOnce: number, work: (i: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let i = next++; i < count; i = next++) results[i] = await work(i)
    }),
  )
  return results
}

const bench = new Bench()
const folder = join(bench.home, 'clusters', 'default')

test.before(async () => {
  const up = await bench.musig(['cluster', 'up', '-n', String(N), '--machine', 'documents', '--delta', '0'])
  assert.is(up.code, 0, up.stderr)
})

test.after(async () => {
  await bench.musig(['cluster', 'rm'])
  bench.remove()
})

test(`${TRANSACTIONS} transactions through ${N} signers at once (seed ${seed})`, async () => {
  console.log(`seed ${seed}`)
  const random = new SeededRandom(seed)
  const manifest = readManifest(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')))
  const client = new Client({ clusterFile: join(folder, 'cluster.json'), token: readFileSync(join(folder, 'token'), 'utf8').trim() })
  const secret = random.bytes(32)
  const transactions = Array.from({ length: TRANSACTIONS }, (_, i) => {
    const document = random.fraction() < 0.5 ? `hot-${random.upTo(4)}` : `free-${i}`
    const { deps, payload } = putPayload(document, { i })
    return signTransaction(nodeEd25519, manifest.clusterId, secret, {
      deps,
      payload,
      client: null,
      nonce: utf8(`n${i}`),
      expiry: null,
      signature: null,
    })
  })
  const began = Date.now()
  const results = await each(TRANSACTIONS, AT_ONCE, (i) =>
    client.submit(transactions[i] as (typeof transactions)[number], { to: i % N, timeoutMs: 60_000 }),
  )
  const tookMs = Date.now() - began
  assert.ok(results.every(({ status, receipt }) => status === 'executed' && receipt?.ok))
  await sameEverywhere(client, results)
  const batches = await verifyAll(client, manifest, results)
  const fast = [...batches.values()].filter((path) => path === 'fast').length
  console.log(`${TRANSACTIONS} transactions in ${batches.size} batches, ${fast} of them fast, in ${tookMs} ms`)
  assert.ok(fast > 0 && fast < batches.size, 'both paths are taken')
  client.close()
})

/** Every signer has every transaction at the same height of each key, and the same digests. */
async function sameEverywhere(client: Client, results: readonly TransactionResult[]): Promise<void> {
  const executed = async () => Promise.all(Array.from({ length: N }, (_, from) => client.status({ from })))
  for (let states = await executed(); states.some(({ transactions }) => transactions < TRANSACTIONS); states = await executed()) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const states = await executed()
  assert.is(new Set(states.map(({ orderDigest }) => orderDigest)).size, 1, 'one order')
  assert.is(new Set(states.map(({ machineDigest }) => machineDigest)).size, 1, 'one state')
  await each(results.length, 20, async (i) => {
    const result = results[i] as TransactionResult
    const elsewhere = await client.show(result.txId, { from: (i + 1) % N })
    assert.equal(
      [elsewhere.batchId, elsewhere.index, elsewhere.position, elsewhere.receipt],
      [result.batchId, result.index, result.position, result.receipt],
    )
  })
}

/** Every certificate verifies with noble and the manifest. Returns the path of each batch. */
async function verifyAll(
  client: Client,
  manifest: ReturnType<typeof readManifest>,
  results: readonly TransactionResult[],
): Promise<Map<string, string>> {
  const paths = new Map<string, string>()
  for (const { batchId } of results) {
    if (batchId === null || paths.has(batchId)) continue
    const answer = await client.certificate(batchId, { from: paths.size % N })
    const certificate = fromJson(certificateCodec, answer.certificate)
    assert.is(certificate.batchId, batchId)
    assert.is(certificateFault({ bls: noble, ed25519: nobleEd25519 }, manifest, certificate), undefined)
    paths.set(batchId, certificate.type)
  }
  return paths
}

test.run()
