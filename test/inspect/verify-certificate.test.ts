/** Verdicts on fast certificates that a cluster of honest signers would not give: undecisive votes, different heights, a batch of somebody else. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { compareBytes, utf8 } from '../../src/lib/base/bytes.js'
import { fake } from '../../src/lib/bls/fake.js'
import { nobleEd25519 } from '../../src/lib/bls/noble.js'
import type { Certificate } from '../../src/lib/core/certificate.js'
import { LOCAL_TIMING, makeManifest, signerEntry } from '../../src/lib/core/manifest.js'
import { voteDigest } from '../../src/lib/core/statement.js'
import { makeBatch } from '../../src/lib/core/transaction.js'
import type { View } from '../../src/lib/core/view.js'
import { verifyCertificate } from '../../src/lib/inspect/verify-certificate.js'

const crypto = { bls: fake, ed25519: nobleEd25519 }
const secrets = [1, 2, 3, 4, 5].map((i) => new Uint8Array(32).fill(i))
const manifest = makeManifest({
  name: 'five',
  epoch: 0,
  tolerance: { a: 1, b: 2 },
  deltaMs: 0,
  machine: 'ledger',
  test: false,
  tree: { strategy: 'random', fanout: 2 },
  window: 4,
  timing: LOCAL_TIMING,
  signers: secrets.map((secret, i) => signerEntry(crypto, secret, secret, `s${i}`)),
})
/** In the manifest's order. */
const ordered = [...secrets].sort((a, b) => compareBytes(fake.publicKey(a), fake.publicKey(b)))
const transaction = { deps: ['k'], payload: utf8('x'), client: null, nonce: Uint8Array.of(1), expiry: null, signature: null }
const batchBy = (initiator: number, link = ordered[initiator] ?? new Uint8Array()) =>
  makeBatch(nobleEd25519, manifest.clusterId, link, { epoch: 0, initiator, sequence: 0, time: 0, transactions: [transaction] })
const batch = batchBy(0)
const other = 'ab'.repeat(32)

const view = (height: number, pending: string[] = []): View => ({ heights: new Map(height > 0 ? [['k', height]] : []), pending })

/** The certificate that these votes of signers 0, 1, … make. */
function fastOf(views: View[], of = batch): Certificate {
  const groups = new Map<string, { view: View; signers: number[] }>()
  views.forEach((one, signer) => {
    const name = JSON.stringify([[...one.heights], one.pending])
    const group = groups.get(name) ?? { view: one, signers: [] }
    group.signers.push(signer)
    groups.set(name, group)
  })
  const entries = [...groups.values()]
    .map((group) => ({ message: voteDigest(manifest, of.id, group.view), ...group }))
    .sort((a, b) => compareBytes(a.message, b.message))
  const shares = entries.flatMap(({ message, signers }) => signers.map((signer) => fake.sign(ordered[signer] ?? new Uint8Array(), message)))
  const signature = fake.aggregate(shares) ?? new Uint8Array(96)
  return {
    type: 'fast',
    epoch: 0,
    batchId: of.id,
    votes: { entries: entries.map((entry) => ({ view: entry.view, signers: bitmapOf(5, entry.signers) })), signature },
  }
}

const verdictOf = (certificate: Certificate, of: typeof batch | undefined = batch) =>
  verifyCertificate(crypto, manifest, { certificate, claims: {}, batch: of?.bytes, value: undefined })

test('votes that agree decide: with their predecessors and score', () => {
  const verdict = verdictOf(fastOf(Array.from({ length: 5 }, () => view(0, [other]))))
  assert.equal([verdict.valid, verdict.decisive, verdict.score, verdict.predecessors], [true, true, 1, [other]])
})

test('a quorum of signatures over votes that decide nothing is no certificate', () => {
  const verdict = verdictOf(fastOf([view(0, [other]), view(0, [other]), view(0), view(0), view(0)]))
  assert.equal([verdict.valid, verdict.decisive], [false, false])
  assert.match(verdict.reason ?? '', /not every pair is decisive/)
})

test('above a height it cannot be told: what is named may lie below', () => {
  const verdict = verdictOf(fastOf([view(3, [other]), view(3, [other]), view(3), view(3), view(3)]))
  assert.equal([verdict.valid, verdict.decisive], [true, null])
  assert.match(verdict.note ?? '', /needs the history/)
})

test('votes from different heights need the history of that key', () => {
  const verdict = verdictOf(fastOf([view(2), view(3), view(3), view(3), view(3)]))
  assert.equal([verdict.valid, verdict.decisive], [true, null])
  assert.match(verdict.note ?? '', /different heights of k/)
})

test('a batch that its initiator did not sign is not taken', () => {
  const forged = batchBy(1, ordered[2])
  const verdict = verdictOf(
    fastOf(
      Array.from({ length: 5 }, () => view(0)),
      forged,
    ),
    forged,
  )
  assert.equal([verdict.valid, verdict.reason], [false, 'the batch is not signed by its initiator'])
})

test('too few, and signatures over another batch', () => {
  assert.match(verdictOf(fastOf([view(0), view(0), view(0)])).reason ?? '', /3 signatures, 4 are needed/)
  const certificate = fastOf(
    Array.from({ length: 5 }, () => view(0)),
    batchBy(1),
  )
  assert.match(verdictOf({ ...certificate, batchId: batch.id }).reason ?? '', /does not verify/)
})

test.run()
