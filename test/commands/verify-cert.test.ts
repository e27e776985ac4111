/** `musig verify cert`, `verify sig --tx` and certificates in `verify sig`: from a small cluster, then offline, sound and tampered with. */
// time limit: 300 s
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeManifest, manifestToJson, readManifest } from '../../src/lib/core/manifest.js'
import type { CertificateAnswer } from '../../src/lib/node/answers.js'
import { LiveCluster } from './live-cluster.js'
import { jsonOf } from './musig.js'

type Fast = { type: 'fast'; votes: { entries: { signers: string }[]; signature: string } }
type Slow = { type: 'slow'; value: { predecessors: string[] }; signers: string; signature: string }

const cluster = new LiveCluster()
let fast: CertificateAnswer & { certificate: Fast }
let slow: CertificateAnswer & { certificate: Slow }
let slowTx = ''
let manifestFile = ''
test.before(async () => {
  await cluster.up()
  const quarrel = await cluster.quarrel()
  slowTx = quarrel.slow[0]?.txId ?? ''
  const calm = await cluster.tx(['open', 'calm', '1'])
  const client = cluster.client()
  fast = (await client.certificate(calm.txId)) as typeof fast
  slow = (await client.certificate(slowTx)) as typeof slow
  client.close()
  manifestFile = cluster.file('manifest.json', readFileSync(join(cluster.home, 'clusters', 'default', 'manifest.json'), 'utf8'))
})
test.after(() => cluster.end())

const verify = (document: unknown, more: string[] = []) =>
  cluster.musig(['verify', 'cert', '-', '--json', ...more], { input: typeof document === 'string' ? document : JSON.stringify(document) })

test('verify sig --tx fetches the certificate and checks it here', async () => {
  const verdict = await cluster.document(['verify', 'sig', '--tx', slowTx.slice(0, 12)])
  assert.is(verdict['valid'], true)
  assert.is(verdict['quorum'], 4)
  assert.equal(verdict['signers'], [0, 1, 2, 3])
  assert.is(verdict['distinctMessages'], 1)
  const { stdout } = await cluster.good(['verify', 'sig', '--tx', fast.batchId])
  assert.match(stdout, /^Valid: batch [0-9a-f]{16} is committed, by its votes alone$/m)
  await cluster.refused(['verify', 'sig', '--tx', '0'.repeat(12)], 2, 'NOT_FOUND', /is known here/)
  await cluster.refused(['verify', 'sig', '--tx', 'abc'], 2, 'BAD_INPUT', /too short/)
  await cluster.refused(['verify', 'sig', '--tx', slowTx, '--message', 'x'], 2, 'BAD_INPUT', /either --tx/)
})

test('offline: with everything down, by both implementations, as saved, as answered and bare', async () => {
  const file = join(cluster.folder, 'saved.json')
  await cluster.good(['tx', 'show', slowTx, '--certificate', file])
  await cluster.good(['cluster', 'down'])
  for (const bls of ['blst', 'noble']) {
    const saved = await cluster.document(['verify', 'cert', file, '--manifest', manifestFile, '--bls', bls])
    assert.is(saved['valid'], true)
    assert.is(saved['path'], 'slow')
    assert.equal(saved['transactions'], [slowTx])
    assert.is(saved['certificateId'], slow.certificateId)
  }
  const quick = jsonOf(await verify(fast))
  assert.equal([quick['valid'], quick['path'], quick['decisive'], quick['score'], quick['note']], [true, 'fast', true, 1, undefined])
  const bare = jsonOf(await verify(fast.certificate))
  assert.equal([bare['valid'], bare['decisive']], [true, null])
  assert.match(String(bare['note']), /needs the batch/)
  const text = await cluster.good(['verify', 'cert', '-', '--manifest', manifestFile], JSON.stringify(slow))
  assert.match(text.stdout, /^Valid: batch [0-9a-f]{16} is committed, by accepts of ballot \d+\nsigned by +4 of 4 signers, 4 make a quorum\n/)
  const sig = await cluster.document(['verify', 'sig', file, '--manifest', manifestFile])
  assert.is(sig['valid'], true)
})

test('whatever is changed, it does not hold any more: exit 1 with the reason', async () => {
  const [first] = fast.certificate.votes.entries
  const cases: [object, RegExp][] = [
    [{ ...slow, certificate: { ...slow.certificate, signature: fast.certificate.votes.signature } }, /does not verify/],
    [{ ...slow, certificateId: undefined, certificate: { ...slow.certificate, signers: '07' } }, /3 signatures, 4 are needed/],
    [{ ...slow, certificateId: undefined, certificate: { ...slow.certificate, signers: '1f' } }, /bitmap/],
    [{ ...slow, certificateId: undefined, certificate: { ...slow.certificate, ballot: 7 } }, /does not verify/],
    [
      { ...slow, certificateId: undefined, certificate: { ...slow.certificate, value: { ...slow.certificate.value, predecessors: [fast.batchId] } } },
      /does not verify/,
    ],
    [{ ...slow, certificateId: fast.certificateId }, /its id is not the one/],
    [{ ...slow, batchId: fast.batchId }, /another batch than the document says/],
    [{ ...slow, keys: ['other'] }, /its keys are not those of the batch/],
    [{ ...slow, batch: fast.batch }, /not the one that was certified/],
    [{ ...slow, clusterId: '00'.repeat(32) }, /another cluster/],
    [{ ...slow, value: fast.value }, /value in the document is not/],
    [{ ...fast, value: slow.value }, /does not follow from the votes/],
    [
      { ...fast, certificateId: undefined, certificate: { ...fast.certificate, votes: { ...fast.certificate.votes, entries: [first, first] } } },
      /ascending|twice/,
    ],
  ]
  for (const [document, reason] of cases) {
    const outcome = await verify(document)
    assert.is(outcome.code, 1, outcome.stdout + outcome.stderr)
    const verdict = jsonOf(outcome)
    assert.is(verdict['valid'], false)
    assert.match(String(verdict['reason']), reason)
  }
  const text = await cluster.musig(['verify', 'cert', '-'], { input: JSON.stringify({ ...slow, batchId: fast.batchId }) })
  assert.is(text.code, 1)
  assert.match(text.stdout, /^INVALID: it is of another batch/)
})

test('malformed certificates and manifests: exit 2, one line', async () => {
  for (const [document, reason] of [
    ['{', /not JSON/],
    ['[]', /no certificate/],
    [{}, /no certificate/],
    [{ certificate: {} }, /certificate\.type/],
    [{ certificate: { ...slow.certificate, signature: 'zz' } }, /signature/],
    [{ certificate: { ...slow.certificate, more: 1 } }, /more/],
    [{ ...slow, batch: 'ff' }, /batch/],
    [{ ...slow, batch: 'xyz' }, /batch is not hex/],
    [{ ...slow, value: 7 }, /value/],
    [{ ...slow, batchId: 7 }, /batchId is not text/],
    [{ ...slow, schema: 2 }, /schema 2 is not 1/],
    [{ ...slow, keys: 'k' }, /keys is no list/],
  ] as const) {
    const outcome = await verify(document)
    assert.is(outcome.code, 2, outcome.stdout + outcome.stderr)
    assert.match((jsonOf(outcome)['error'] as { message: string }).message, reason)
  }
  const manifest = readManifest(JSON.parse(readFileSync(manifestFile, 'utf8')))
  const [one, two, ...rest] = manifest.signers
  if (!one || !two) throw new Error('no signers')
  const unproved = cluster.file(
    'unproved.json',
    JSON.stringify(manifestToJson({ ...manifest, signers: [{ ...one, proof: two.proof }, two, ...rest] })),
  )
  const outcome = await verify(slow, ['--manifest', unproved])
  assert.is(outcome.code, 2)
  assert.match(outcome.stdout, /signer 0 of the manifest lacks a valid proof/)
  const other = cluster.file('other.json', JSON.stringify(manifestToJson(makeManifest({ ...manifest, name: 'other' }))))
  assert.match(String(jsonOf(await verify(slow, ['--manifest', other]))['reason']), /another cluster/)
  const missing = await verify(slow, ['--cluster', 'nowhere'])
  assert.is(missing.code, 2)
})

test.run()
