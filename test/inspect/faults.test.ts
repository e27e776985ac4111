/** Who is faulty, merged over what members tell: what is proved is checked here and never somebody's word, what is suspected is marked as such. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toJson } from '../../src/lib/base/codec.js'
import { evidenceCodec } from '../../src/lib/core/evidence.js'
import { faultsText } from '../../src/lib/inspect/faults-text.js'
import { LiveFaults, type Report } from '../../src/lib/inspect/live-faults.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { Liars } from '../core/evidence-samples.js'

const liars = new Liars(loadCrypto())
const { manifest, crypto } = liars
const codec = evidenceCodec(manifest.clusterId)
const samples = liars.samples().map(({ evidence, guilty }, i) => ({
  file: `${evidence.type}-${i}.json`,
  guilty,
  document: { schema: 1, clusterId: manifest.clusterId, evidence: toJson(codec, evidence) } as unknown,
}))
const [first] = samples
if (!first) throw new Error('no samples')

const EARLY = '2026-01-01T00:00:00.000Z'
const LATE = '2026-02-01T00:00:00.000Z'
const seen = (signer: number, reason: string, count = 1, last = LATE) => ({ signer, reason, count, since: EARLY, last, batchIds: ['ab'.repeat(32)] })

function report(index: number, more: Partial<Report> = {}): Report {
  return { name: `signer ${index}`, status: { suspicion: [] }, conduct: { decisions: 0, signers: [] }, proofs: [], ...more }
}

function live(reports: Report[], proof: (name: string, file: string) => unknown = () => undefined) {
  const asked: string[] = []
  const faults = new LiveFaults(crypto, manifest, {
    reports: async () => reports,
    proof: async (name, file) => {
      asked.push(`${name} ${file}`)
      return proof(name, file)
    },
  })
  return { faults, asked }
}

const given = (file: string) => samples.find((sample) => sample.file === file)?.document

test('proofs of every kind: who is guilty follows from the proof; one copy is taken however many hold it, and once', async () => {
  const proofs = samples.map(({ file }) => ({ file, since: LATE }))
  const { faults, asked } = live([report(0, { proofs }), report(1, { proofs: proofs.map(({ file }) => ({ file, since: EARLY })) })], (_, file) =>
    given(file),
  )
  const { evidence, suspicion } = await faults.look()
  await faults.look()
  assert.is(asked.length, samples.length)
  assert.equal(suspicion, [])
  for (const { guilty, document, file } of samples) {
    const found = evidence.find((fault) => fault.file === file)
    if (!found) continue
    assert.equal([found.signers, found.heldBy, found.since], [guilty, ['signer 0', 'signer 1'], EARLY])
    assert.is(faults.document(file), document)
  }
  assert.equal(new Set(evidence.map(({ kind }) => kind)).size, new Set(samples.map(({ file }) => file.replace(/-\d+\.json$/, ''))).size)
})

test('a signer that claims evidence which does not hold names nobody but itself, and hides no proof of another one’s', async () => {
  const spoilt = JSON.parse(JSON.stringify(first.document), (key, value) =>
    key === 'signature' && typeof value === 'string' ? `${value.slice(0, -2)}00` : value,
  )
  const proofs = [{ file: first.file, since: LATE }]
  for (const wrong of [spoilt, { evidence: 7 }, 'nonsense', null]) {
    const alone = await live([report(3, { proofs }), report(0)], () => wrong).faults.look()
    assert.equal(alone.evidence, [])
    assert.equal(
      alone.suspicion.map(({ signer, reason }) => [signer, reason]),
      [[3, 'claims evidence that does not hold']],
    )
    const { faults } = live([report(3, { proofs }), report(0, { proofs })], (name) => (name === 'signer 3' ? wrong : first.document))
    const both = await faults.look()
    assert.equal(
      both.evidence.map(({ signers }) => signers),
      [first.guilty],
    )
    assert.equal(
      both.suspicion.map(({ signer }) => signer),
      [3],
    )
  }
  // Who only says that it holds one, and does not give it out, proves nothing either.
  const withheld = await live([report(3, { proofs })]).faults.look()
  assert.equal(withheld.evidence, [])
})

test('suspicion is added up over all who say so, with who they are; as few as may lie prove nothing, not even together', async () => {
  assert.is(manifest.syncByzantineBound, 2)
  const { faults } = live([
    report(0, { status: { suspicion: [seen(2, 'late in 1b', 3)] } }),
    report(1, { status: { suspicion: [seen(2, 'late in 1b', 4), seen(0, 'invalid vote share')] } }),
    { ...report(3), name: 'peer 0', status: { suspicion: [seen(2, 'late in 1b')] } },
  ])
  const { suspicion } = await faults.look()
  const late = suspicion.find(({ reason }) => reason === 'late in 1b')
  assert.equal([late?.signer, late?.count, late?.observers, late?.isShared], [2, 8, ['signer 0', 'signer 1', 'peer 0'], true])
  assert.match(late?.advice ?? '', /overloaded/)
  const share = suspicion.find(({ reason }) => reason === 'invalid vote share')
  assert.equal([share?.observers, share?.isShared], [['signer 1'], false])
})

test('who does not answer, and who is in none of the latest certificates, is told; one that is missing from some is not', async () => {
  const counts = [0, 1, 2, 3].map((signer) => ({ signer, missingInARow: signer === 2 ? 40 : signer === 1 ? 3 : 0 }))
  const { faults } = live([report(0, { conduct: { decisions: 100, signers: counts } }), report(3, { status: null, conduct: null })])
  const { suspicion, silent } = await faults.look()
  assert.equal(silent, ['signer 3'])
  assert.equal(
    suspicion.map(({ signer, reason }) => [signer, reason]),
    [
      [2, 'in none of the last 32 certificates'],
      [3, 'does not answer'],
    ],
  )
})

test('since: nothing that was seen last before that', async () => {
  const proofs = [{ file: first.file, since: EARLY }]
  const { faults } = live(
    [report(0, { proofs, status: { suspicion: [seen(2, 'late in 1b', 1, EARLY), seen(1, 'late in 3a')] } })],
    () => first.document,
  )
  const { evidence, suspicion } = await faults.look(Date.parse('2026-01-15'))
  assert.equal([evidence.length, suspicion.map(({ signer }) => signer)], [0, [1]])
  assert.is((await faults.look(0)).evidence.length, 1)
})

test('the text keeps the two apart, shows a few proofs of one kind and says what to do', async () => {
  const proofs = samples.map(({ file }) => ({ file, since: LATE }))
  const { faults } = live([report(0, { proofs, status: { suspicion: [seen(2, 'late in 1b \u001b[31m')] } })], (_, file) => given(file))
  const text = faultsText(await faults.look(), { color: false, width: 80 })
  assert.match(text, /^Faults · 1 of 1 member answer/)
  assert.match(
    text,
    /Proved: \d+ proofs?, checked here[\s\S]*--export DIR[\s\S]*Suspected: seen, not proved[\s\S]*no more than may lie\n[\s\S]*→ slow, overloaded/,
  )
  assert.not.ok(text.includes('\u001b'))
  for (const line of text.split('\n')) assert.ok([...line].length <= 80, line)
  const nothing = faultsText(await live([report(0)]).faults.look(), { color: false, width: 80 })
  assert.match(nothing, /Proved: nothing\n\nSuspected: nobody\n$/)
})

test.run()
