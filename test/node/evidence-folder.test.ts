/** Evidence on disk: one private file for each proof, the same one after a restart, and anyone can read it back. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inOrder } from '../../src/lib/core/evidence.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import type { VoteSet } from '../../src/lib/core/vote-set.js'
import { verifyEvidenceFile } from '../../src/lib/inspect/verify-evidence.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { EvidenceFolder } from '../../src/lib/node/evidence-folder.js'
import { ID, Liars, view } from '../core/evidence-samples.js'

const liars = new Liars(loadCrypto())
const { clusterId } = liars.manifest

test('each proof is one private file that verifies; a second life writes none twice; a failure is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'musig-evidence-'))
  try {
    const failures: unknown[] = []
    for (const _life of [1, 2]) {
      const evidence = new EvidenceFolder(folder, clusterId, (error) => failures.push(error))
      for (const sample of liars.samples()) assert.ok(evidence.keep(sample.evidence, sample.guilty, []))
      await evidence.flushed()
      assert.is(evidence.held.length, liars.samples().length)
      assert.is(readdirSync(join(folder, 'evidence')).length, liars.samples().length)
      for (const { file, kind, signers } of evidence.held) {
        assert.is(statSync(join(folder, file)).mode & 0o777, 0o600)
        const verdict = verifyEvidenceFile(liars.crypto, liars.manifest, JSON.parse(readFileSync(join(folder, file), 'utf8')), file)
        assert.equal([verdict.valid, verdict.kind, verdict.signers], [true, kind, signers])
      }
    }
    assert.equal(failures, [])
    const [sample] = liars.samples()
    if (!sample) throw new Error('no samples')
    const nowhere = new EvidenceFolder(join(folder, 'evidence', readdirSync(join(folder, 'evidence'))[0] ?? ''), clusterId, (error) =>
      failures.push(error),
    )
    nowhere.keep(sample.evidence, sample.guilty, [])
    await nowhere.flushed()
    assert.is(failures.length, 1)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('proofs stay; who lies most leaves room for proofs against others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'musig-evidence-'))
  try {
    const evidence = new EvidenceFolder(folder, clusterId, () => {})
    const twice = (signer: number, i: number) => {
      const id = i.toString(16).padStart(64, '0')
      const votes = [liars.votes(id, [[signer, view()]]), liars.votes(id, [[signer, view([ID])]])]
      const [first, second] = votes.sort((a, b) => (inOrder(a, b) ? -1 : 1)) as [VoteSet, VoteSet]
      return evidence.keep({ type: 'double-vote', batchId: id, first, second }, [signer], [id])
    }
    const kept = Array.from({ length: LIMITS.proofsOfAKind + 5 }, (_, i) => twice(1, i))
    assert.is(kept.filter(Boolean).length, LIMITS.proofsOfAKind)
    const [oldest] = evidence.held
    assert.ok(twice(2, 1000))
    assert.ok(twice(1, 0), 'one that is held already')
    assert.is(evidence.held[0], oldest)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.run()
