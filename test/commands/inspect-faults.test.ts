/** `musig inspect faults` and `inspect signer` against a small cluster in which one signer lies. */
// time limit: 300 s
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sinceOf } from '../../src/lib/cli/since-flag.js'
import type { FaultsData } from '../../src/lib/inspect/faults.js'
import type { SignerData } from '../../src/lib/inspect/signer-text.js'
import { until } from '../until.js'
import { LiveCluster } from './live-cluster.js'
import { jsonOf } from './musig.js'

const LIAR = 3
const cluster = new LiveCluster()
test.before(async () => {
  await cluster.up('documents', ['--byzantine', `${LIAR}:equivocate`])
  const lines = Array.from({ length: 6 }, (_, i) => JSON.stringify({ op: 'put', id: 'x', document: { i } })).join('\n')
  const client = cluster.client()
  try {
    await until('a lie is seen', async () => {
      await cluster.musig(['tx', 'submit', '--batch', '-'], { input: lines })
      return (await client.status({ from: 0 })).evidence.length > 0
    })
  } finally {
    client.close()
  }
})
test.after(() => cluster.end())

const manifest = () => join(cluster.home, 'clusters', 'default', 'manifest.json')

test('faults: the liar and nobody else is proved guilty, exit code 1; each exported proof verifies with the manifest alone', async () => {
  const folder = join(cluster.folder, 'proofs')
  const outcome = await cluster.musig(['inspect', 'faults', '--json', '--export', folder])
  assert.is(outcome.code, 1, outcome.stderr)
  const data = jsonOf(outcome) as unknown as FaultsData & { schema: number }
  assert.is(data.schema, 1)
  assert.ok(data.evidence.length > 0)
  for (const { signers, batchIds, heldBy } of data.evidence) {
    assert.equal(signers, [LIAR])
    assert.ok(batchIds.length > 0 && heldBy.length > 0)
  }
  assert.equal([...readdirSync(folder)].sort(), data.evidence.map(({ file }) => file).sort())
  const [file = ''] = readdirSync(folder)
  const checked = await cluster.document(['verify', 'evidence', join(folder, file), '--manifest', manifest(), '--cluster', 'nowhere'])
  assert.equal([checked['valid'], checked['signers']], [true, [LIAR]])
})

test('faults: nothing older than --since; a refused time; text', async () => {
  const now = Date.parse('2026-11-28T12:00:00Z')
  assert.equal([sinceOf('10m', now), sinceOf('2h', now), sinceOf('2026-01-31', now)], [now - 600_000, now - 7_200_000, Date.parse('2026-01-31')])
  const later = (await cluster.document(['inspect', 'faults', '--since', '2200-01-01'])) as unknown as FaultsData
  assert.equal(later.evidence, [])
  await cluster.refused(['inspect', 'faults', '--since', 'yesterday'], 2, 'BAD_INPUT', /“yesterday” is no time/)
  const text = await cluster.musig(['inspect', 'faults'])
  assert.match(text.stdout, /^Faults · 4 of 4 members answer\n\nProved: \d+ proofs?[\s\S]*✗ signer 3 · /)
})

test('signer: keys, votes, latencies, the others’ certificates, and its own part of the faults', async () => {
  const outcome = await cluster.musig(['inspect', 'signer', String(LIAR), '--json'])
  assert.is(outcome.code, 1)
  const liar = jsonOf(outcome) as unknown as SignerData
  assert.ok(liar.faults.evidence.length > 0)
  const honest = (await cluster.document(['inspect', 'signer', '0'])) as unknown as SignerData
  assert.equal([honest.index, honest.name, honest.faults.evidence], [0, 'signer-0', []])
  assert.match(honest.publicKey, /^[0-9a-f]{96}$/)
  assert.ok((honest.votes?.given ?? 0) > 0)
  assert.ok((honest.latencyMs?.execute?.p50 ?? 0) > 0)
  assert.equal(
    honest.seen.map(({ by }) => by),
    ['signer 1', 'signer 2', 'signer 3'],
  )
  assert.ok(honest.seen.some(({ counted, decisions }) => counted > 0 && decisions >= counted))
  await cluster.refused(['inspect', 'signer', '4'], 2, 'BAD_INPUT', /no signer 4/)
})

test('evidence outlives its signer’s process: it is taken back, and told again', async () => {
  await cluster.good(['cluster', 'restart', '0'])
  assert.ok(existsSync(manifest()))
  const client = cluster.client()
  try {
    await until('the evidence is told again', async () => (await client.status({ from: 0 })).evidence.length > 0)
  } finally {
    client.close()
  }
})

test.run()
