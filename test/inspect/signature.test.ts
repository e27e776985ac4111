/** An aggregate signature, drawn: one mark for each signer, one row for each distinct message, who is missing, the quorum, the price of verifying. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { SignatureData } from '../../src/lib/inspect/data.js'
import { signerRanges } from '../../src/lib/inspect/signature-shape.js'
import { drawSignatureSvg } from '../../src/lib/inspect/signature-svg.js'
import { drawSignatureText } from '../../src/lib/inspect/signature-text.js'
import { overlaps, readSvg } from './read-svg.js'
import { sampleSignature } from './sample-data.js'

const PLAIN = { color: false, width: 80 }

const EXAMPLE: SignatureData = {
  batchId: 'a1b2c3d4e5f6',
  phase: 'vote',
  n: 7,
  quorum: 6,
  entries: [
    { message: 'ffee0011223344', summary: 'after T1', signers: [4] },
    { message: 'aabbccdd001122', summary: 'after T1, T3', signers: [0, 1, 2, 6] },
  ],
  missing: [3, 5],
  pairings: 3,
  verificationMs: 4.237,
  valid: true,
}

test('the terminal drawing has a row for each message, most signers first, and says who is missing', () => {
  const expected = `
Signature of batch a1b2c3d4 · phase vote · ✓ valid

signer        0
after T1, T3  ●●●···●     4  aabbccdd
after T1      ····●··     1  ffee0011
missing       ···○·○·     2

quorum    █████████████████░░░│░░░  5 of 7 signed, 6 make a quorum: too few
pairings  3 pairings for 2 distinct messages, verified in 4.2 ms
missing   3, 5
`
  assert.equal(drawSignatureText(EXAMPLE, PLAIN), expected.slice(1))
})

test('faulty signers are crossed out and named, in text and in the SVG', () => {
  const bad = { ...EXAMPLE, valid: false, faulty: [2, 6] }
  const text = drawSignatureText(bad, PLAIN)
  assert.match(text, /✗ not valid/)
  assert.match(text, /^after T1, T3 {2}●●✗···✗ /m)
  assert.match(text, /^faulty {4}2, 6$/m)
  const { texts, titles } = readSvg(drawSignatureSvg([bad]))
  assert.ok(titles.includes('signer 2: after T1, T3, faulty'))
  assert.ok(texts.some(({ content }) => content === 'Faulty: 2, 6'))
})

test('both signatures of a batch stand one below the other in one drawing', () => {
  const accepts = {
    ...EXAMPLE,
    phase: 'accept' as const,
    entries: [{ message: 'cc', summary: 'accepts in ballot 0', signers: [0, 1, 2, 4, 5, 6] }],
    missing: [3],
  }
  const read = readSvg(drawSignatureSvg([EXAMPLE, accepts]))
  assert.equal(overlaps(read), [])
  const heads = read.texts.filter(({ content }) => content.startsWith('Signature of batch'))
  assert.equal(
    heads.map(({ content }) => content),
    ['Signature of batch a1b2c3d4 · phase vote · ✓ valid', 'Signature of batch a1b2c3d4 · phase accept · ✓ valid'],
  )
  assert.is(read.titles.filter((tip) => tip.startsWith('signer 0:')).length, 2)
})

test('every signer stands in exactly one row, signed or missing', () => {
  for (const n of [5, 31, 127]) {
    const data = sampleSignature(n, 4, n)
    const marks = drawSignatureText(data, PLAIN).match(/[●○]/g)?.length
    assert.is(marks, n)
    const { titles } = readSvg(drawSignatureSvg([data]))
    const signers = titles.flatMap((tip) => /^signer (\d+)/.exec(tip)?.[1] ?? [])
    assert.is(new Set(signers).size, n)
    assert.is(signers.length, n)
  }
})

test('more messages or signers than are drawn are counted in words', () => {
  const many = sampleSignature(1500, 60)
  const beyond = many.entries.length - 40
  assert.ok(beyond > 0)
  for (const drawn of [drawSignatureText(many, PLAIN), drawSignatureSvg([many])]) {
    assert.match(drawn, new RegExp(`${beyond} more messages of \\d+ signers`))
    assert.match(drawn, /signers from 1023 on are counted, not drawn/)
  }
})

test('signers are listed as ranges', () => {
  assert.is(signerRanges([7, 0, 1, 2, 3, 9, 10, 7]), '0–3, 7, 9, 10')
  assert.is(signerRanges([]), '')
})

test.run()
