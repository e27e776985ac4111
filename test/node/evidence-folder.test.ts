/** Evidence on disk: one private file for each proof, the same one after a restart, and anyone can read it back. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { verifyEvidenceFile } from '../../src/lib/inspect/verify-evidence.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { EvidenceFolder } from '../../src/lib/node/evidence-folder.js'
import { Liars } from '../core/evidence-samples.js'

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

test.run()
