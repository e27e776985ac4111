/** A liar on a real link: the signer that sees both halves tells so in its status and metrics, and keeps a file that verifies offline. */
// time limit: 120 s
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { encodeMessage, messageCodec } from '../../src/lib/core/message.js'
import { voteDigest } from '../../src/lib/core/statement.js'
import { verifyEvidenceFile } from '../../src/lib/inspect/verify-evidence.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { loadConfig, Manifests } from '../../src/lib/node/signer-config.js'
import type { StatusAnswer } from '../../src/lib/node/signer-status.js'
import { createTransport } from '../../src/lib/node/transport.js'
import { until } from '../until.js'
import { clusterFiles } from './cluster-fixture.js'
import { startSigner } from './signers-fixture.js'

const LIAR = 0
const WITNESS = 1
const ID = 'ab'.repeat(32)

test('two views of one batch from a liar: evidence in the status, in the metrics and as a file', async () => {
  const crypto = loadCrypto()
  const files = await clusterFiles(4, 'evidence')
  const { manifest, addresses } = files
  const signer = await startSigner(files, WITNESS)
  const config = files.configs[LIAR]
  if (!config) throw new Error('no liar')
  const { key } = await loadConfig(config, crypto, new Manifests(crypto))
  const transport = createTransport({ self: LIAR, manifest, crypto, linkSecretKey: key.linkSecretKey, addresses })
  try {
    await transport.start({ message: () => undefined, connected: () => undefined, disconnected: () => undefined })
    await until('the liar is connected', () => transport.connected().includes(WITNESS))
    const codec = messageCodec(manifest.clusterId)
    for (const pending of [[], [ID]]) {
      const view = { heights: new Map<string, number>(), pending }
      const signature = crypto.bls.sign(key.secretKey, voteDigest(manifest, ID, view))
      const votes = [{ entries: [{ view, signers: bitmapOf(4, [LIAR]) }], signature }]
      transport.send(WITNESS, encodeMessage(codec, { type: 'shares', batchId: ID, votes, accepts: [] }))
    }
    const status = async () => (await (await fetch(`${signer.url}/api/status`)).json()) as StatusAnswer
    await until('evidence is told', async () => (await status()).evidence.length > 0)
    const [held, ...more] = (await status()).evidence
    if (!held) throw new Error('no evidence')
    assert.equal([held.kind, held.signers, held.batchIds, more], ['double-vote', [LIAR], [ID], []])
    assert.match(await (await fetch(`${signer.url}/metrics`)).text(), /musig_evidence_total\{kind="double-vote",self="1"\} 1/)
    await signer.stop()
    const file = join(files.configs[WITNESS]?.store ?? '', held.file)
    const verdict = verifyEvidenceFile(crypto, manifest, JSON.parse(readFileSync(file, 'utf8')), file)
    assert.equal([verdict.valid, verdict.signers], [true, [LIAR]])
    // The store opens as before with the folder in it.
    const again = await startSigner(files, WITNESS)
    await again.stop()
  } finally {
    await transport.stop()
    files.remove()
  }
})

test.run()
