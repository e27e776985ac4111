/** Proofs that an earlier life kept are taken back: those that hold, each once, and nothing that was put beside them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Evidence, verifyEvidence } from '../../src/lib/core/evidence.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { EvidenceFolder } from '../../src/lib/node/evidence-folder.js'
import { Liars } from '../core/evidence-samples.js'

const liars = new Liars(loadCrypto())
const judge = (evidence: Evidence) => verifyEvidence(liars.crypto, liars.manifest, evidence)

test('what holds is taken back once and given out; a spoilt file, one of nonsense and one that is not held are not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'musig-evidence-'))
  try {
    const failures: unknown[] = []
    const life = () => new EvidenceFolder(folder, liars.manifest.clusterId, (error) => failures.push(error))
    const first = life()
    for (const { evidence, guilty } of liars.samples()) first.keep(evidence, guilty, [])
    await first.flushed()
    const names = readdirSync(join(folder, 'evidence')).sort()
    const spoilt = names[0] ?? ''
    const text = readFileSync(join(folder, 'evidence', spoilt), 'utf8')
    writeFileSync(
      join(folder, 'evidence', spoilt),
      JSON.stringify(JSON.parse(text, (key, value) => (key === 'signature' && typeof value === 'string' ? `${value.slice(0, -2)}00` : value))),
    )
    writeFileSync(join(folder, 'evidence', 'nonsense.json'), '{')
    const second = life()
    await second.takeBack(judge)
    await second.takeBack(judge)
    assert.equal(second.held.map(({ file }) => file.slice('evidence/'.length)).sort(), names.slice(1))
    assert.is(failures.length, 4)
    assert.ok(await second.read(names[1] ?? ''))
    for (const name of [spoilt, 'nonsense.json', '../store', '']) {
      const refused = await second.read(name).then(
        () => undefined,
        (error: { code?: string }) => error.code,
      )
      assert.is(refused, 'NOT_FOUND', name)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.run()
