/** Who is faulty, merged over what members tell: what is proved is checked here and never somebody's word, what is suspected is marked as such. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/lib/base/bytes.js'
import { toJson } from '../../src/lib/base/codec.js'
import { evidenceCodec, verifyEvidence } from '../../src/lib/core/evidence.js'
import { faultsText } from '../../src/lib/inspect/faults-text.js'
import { type Claim, type Judged, LiveFaults, type Report } from '../../src/lib/inspect/live-faults.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { Liars } from '../core/evidence-samples.js'

const liars = new Liars(loadCrypto())
const { manifest, crypto } = liars
const codec = evidenceCodec(manifest.clusterId)
const samples = liars.samples().map(({ evidence, guilty }, i) => ({
  file: `${evidence.type}-${i}.json`,
  guilty,
  evidence,
  document: { schema: 1, clusterId: manifest.clusterId, evidence: toJson(codec, evidence) } as unknown,
}))
const [first] = samples
if (!first) throw new Error('no samples')

/** What an honest holder says of a sample. */
function claim({ file, evidence, guilty }: (typeof samples)[number], since = LATE): Claim {
  const judgement = verifyEvidence(crypto, manifest, evidence)
  return { kind: evidence.type, signers: guilty, batchIds: judgement.type === 'guilty' ? judgement.batchIds : [], file, since }
}

const EARLY = '2026-01-01T00:00:00.000Z'
const LATE = '2026-02-01T00:00:00.000Z'
const seen = (signer: number, reason: string, count = 1, last = LATE) => ({ signer, reason, count, since: EARLY, last, batchIds: ['ab'.repeat(32)] })

function report(index: number, more: Partial<Report> = {}): Report {
  return { name: `signer ${index}`, status: { suspicion: [] }, conduct: { decisions: 0, signers: [] }, proofs: [], ...more }
}

function live(reports: Report[], proof: (name: string, file: string) => unknown = () => undefined, judged: Judged = { manifest }) {
  const asked: string[] = []
  const faults = new LiveFaults(crypto, judged, {
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
  const proofs = samples.map((sample) => claim(sample))
  const { faults, asked } = live([report(0, { proofs }), report(1, { proofs: samples.map((sample) => claim(sample, EARLY)) })], (_, file) =>
    given(file),
  )
  const { evidence, suspicion } = await faults.look()
  await faults.look()
  assert.is(asked.length, new Set(proofs.map(({ kind, signers, batchIds }) => JSON.stringify([kind, signers, batchIds]))).size)
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
  const proofs = [claim(first)]
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

test('of one contradiction one proof is asked for, whoever holds another one of it; where that does not hold, the next', async () => {
  const others = ['a.json', 'b.json', 'c.json'].map((file) => ({ ...claim(first), file }))
  const reports = others.map((proof, i) => report(i, { proofs: [proof] }))
  const { faults, asked } = live(reports, () => first.document)
  const { evidence } = await faults.look()
  assert.equal(asked, ['signer 0 a.json'])
  assert.equal(
    evidence.map(({ signers, heldBy, file }) => [signers, heldBy, file]),
    [[first.guilty, ['signer 0', 'signer 1', 'signer 2'], 'a.json']],
  )
  const spoilt = live(reports, (name) => (name === 'signer 0' ? 'nonsense' : first.document))
  assert.equal((await spoilt.faults.look()).evidence[0]?.heldBy, ['signer 1', 'signer 2'])
  assert.equal(spoilt.asked, ['signer 0 a.json', 'signer 1 b.json'])
})

test('who says that a proof is of somebody else names nobody but itself', async () => {
  const [honest = 0] = [0, 1, 2, 3].filter((signer) => !first.guilty.includes(signer))
  const { faults } = live([report(3, { proofs: [{ ...claim(first), signers: [honest] }] })], () => first.document)
  const { evidence, suspicion } = await faults.look()
  assert.equal([evidence.length, suspicion.map(({ signer, reason }) => [signer, reason])], [0, [[3, 'claims evidence that does not hold']]])
})

test('a signer keeps its number when others are evicted: of evidence and suspicion of any epoch the same one is named', async () => {
  const [guilty = 0] = first.guilty
  // All signers come one place further down: one before them was evicted.
  const numbers = new Map(manifest.signers.map(({ publicKey }, index) => [toHex(publicKey), index + 1]))
  const reports = [report(0, { proofs: [claim(first)], status: { suspicion: [seen(guilty, 'late in 1b')] } })]
  const { faults } = live(reports, () => first.document, { manifest, numbers })
  const { evidence, suspicion } = await faults.look()
  assert.equal([evidence[0]?.signers, suspicion[0]?.signer], [first.guilty.map((signer) => signer + 1), guilty + 1])
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
  const proofs = [claim(first, EARLY)]
  const { faults } = live(
    [report(0, { proofs, status: { suspicion: [seen(2, 'late in 1b', 1, EARLY), seen(1, 'late in 3a')] } })],
    () => first.document,
  )
  const { evidence, suspicion } = await faults.look(Date.parse('2026-01-15'))
  assert.equal([evidence.length, suspicion.map(({ signer }) => signer)], [0, [1]])
  assert.is((await faults.look(0)).evidence.length, 1)
})

test('the text keeps the two apart, shows a few proofs of one kind and says what to do', async () => {
  const proofs = samples.map((sample) => claim(sample))
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
