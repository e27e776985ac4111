// time limit: 300 s
/** `musig verify evidence`: offline, with the manifest alone: each kind holds, what was tampered with does not, what is malformed is refused. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toJson } from '../../src/lib/base/codec.js'
import { evidenceCodec } from '../../src/lib/core/evidence.js'
import { manifestToJson } from '../../src/lib/core/manifest.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { Liars } from '../core/evidence-samples.js'
import { Bench, jsonOf } from './musig.js'

const bench = new Bench()
test.after(() => bench.remove())

const liars = new Liars(loadCrypto())
const { clusterId } = liars.manifest
const samples = liars
  .samples()
  .map(({ evidence, guilty }) => ({ plain: toJson(evidenceCodec(clusterId), evidence) as Record<string, unknown>, guilty }))
const manifest = bench.file('manifest.json', JSON.stringify(manifestToJson(liars.manifest)))
const verify = (document: unknown, more: string[] = ['--json']) =>
  bench.musig(['verify', 'evidence', '-', '--manifest', manifest, ...more], {
    input: typeof document === 'string' ? document : JSON.stringify(document),
  })

test('every kind holds, from a file or stdin, with either implementation', async () => {
  for (const [i, { plain, guilty }] of samples.entries()) {
    const document = { schema: 1, clusterId, evidence: plain }
    const file = bench.file(`${i}.json`, JSON.stringify(document))
    const outcome = await bench.musig(['verify', 'evidence', file, '--manifest', manifest, '--json', '--bls', i % 2 === 0 ? 'blst' : 'noble'])
    assert.is(outcome.code, 0, outcome.stdout + outcome.stderr)
    const verdict = jsonOf(outcome)
    assert.equal([verdict['schema'], verdict['valid'], verdict['kind'], verdict['signers']], [1, true, plain['type'], guilty])
    assert.ok((verdict['batchIds'] as string[]).every((id) => /^[0-9a-f]{64}$/.test(id)))
  }
  const [doubleVote] = samples
  const bare = await verify(doubleVote?.plain, [])
  assert.is(bare.code, 0)
  assert.match(bare.stdout, /^Valid: double-vote, by signer 1\n/)
  assert.match(bare.stdout, /signed two different views for one batch/)
})

test('what was tampered with proves nothing: exit 1 with the reason', async () => {
  const [doubleVote, , doubleAccept] = samples.map(({ plain }) => plain)
  if (!doubleVote || !doubleAccept) throw new Error('no samples')
  for (const [document, reason] of [
    [{ ...doubleVote, second: doubleVote['first'] }, /not in order/],
    [{ ...doubleVote, batchId: 'cd'.repeat(32) }, /does not verify|ascending/],
    [{ ...doubleAccept, ballot: 3 }, /does not verify/],
    [{ clusterId: 'cd'.repeat(32), evidence: doubleVote }, /another cluster/],
  ] as const) {
    const outcome = await verify(document)
    assert.is(outcome.code, 1, outcome.stdout + outcome.stderr)
    const verdict = jsonOf(outcome)
    assert.equal([verdict['valid'], verdict['signers'], verdict['batchIds']], [false, [], []])
    assert.match(String(verdict['reason']), reason)
  }
  const text = await verify({ ...doubleAccept, ballot: 3 }, [])
  assert.is(text.code, 1)
  assert.match(text.stdout, /^INVALID: this double-accept proves nothing: the first accepts: its signature does not verify/)
})

test('malformed: exit 2, one line', async () => {
  const [doubleVote] = samples.map(({ plain }) => plain)
  for (const [document, reason] of [
    ['{', /not JSON/],
    ['[]', /no evidence/],
    [{ evidence: {} }, /type/],
    [{ type: 'murder' }, /not one of double-vote/],
    [{ schema: 2, evidence: doubleVote }, /schema 2 is not 1/],
    [{ ...doubleVote, more: 1 }, /more/],
  ] as const) {
    const outcome = await verify(document)
    assert.is(outcome.code, 2, outcome.stdout + outcome.stderr)
    assert.match((jsonOf(outcome)['error'] as { message: string }).message, reason)
  }
})

test.run()
