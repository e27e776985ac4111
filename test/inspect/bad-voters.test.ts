/** Who broke an aggregate of votes: found by halving among the shares that signers give when asked, in few checks, wherever they stand. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { toHex } from '../../src/lib/base/bytes.js'
import { sha256 } from '../../src/lib/base/hash.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { fakeEd25519 } from '../../src/lib/bls/fake.js'
import { type BatchSignature, withBadVoters } from '../../src/lib/inspect/batch-signatures.js'
import { faultText } from '../../src/lib/inspect/signature-shape.js'
import { drawSignatureSvg } from '../../src/lib/inspect/signature-svg.js'
import { drawSignatureText } from '../../src/lib/inspect/signature-text.js'
import { blst } from '../../src/lib/node/blst.js'
import { signersOf } from '../../src/lib/simulator/signers.js'
import { readSvg } from './read-svg.js'

const N = 64
/** One bad share among 64: 2·log₂ 64 + 1. */
const MOST = 13
const seed = Date.now() & 0x7fffffff
console.log(`bad-voters: seed ${seed}`)
const random = new SeededRandom(`bad voters ${seed}`)

const { manifest, keys } = signersOf({ bls: blst, ed25519: fakeEd25519 }, { n: N, tolerance: '1/2', deltaMs: 0, fanout: 2, regions: [], timing: {} })
const verifying = { bls: blst, manifest, now: () => 0 }
// Three different votes, as where batches crossed.
const messages = ['a', 'b', 'c'].map((name) => sha256(new TextEncoder().encode(name)))
const messageOf = (signer: number) => messages[signer % 3] ?? new Uint8Array(32)
const right = keys.map(({ bls }, signer) => blst.sign(bls, messageOf(signer)))

/** The votes of all 64, with some shares that are over another message. */
function broken(bad: readonly number[]): { signature: BatchSignature; shares: Map<number, string> } {
  const shares = right.map((share, signer) =>
    bad.includes(signer) ? blst.sign(keys[signer]?.bls ?? new Uint8Array(), messageOf(signer + 1)) : share,
  )
  const whole = blst.aggregate(shares) ?? new Uint8Array(96)
  const entries = messages.map((message, i) => {
    const signers = [...keys.keys()].filter((signer) => signer % 3 === i)
    return { message: toHex(message), summary: `vote ${i}`, signers }
  })
  const multiSignature = { entries: messages.map((message, i) => ({ message, signers: bitmapOf(N, entries[i]?.signers ?? []) })), signature: whole }
  const { n, quorum } = manifest
  const data = { batchId: 'ab'.repeat(32), phase: 'vote' as const, n, quorum, entries, missing: [], pairings: 4, valid: bad.length === 0 }
  return { signature: { ...data, signature: toHex(whole), multiSignature }, shares: new Map(shares.map((share, i) => [i, toHex(share)])) }
}

/** So many different signers. */
function some(count: number): number[] {
  const left = [...keys.keys()]
  return Array.from({ length: count }, () => left.splice(random.upTo(left.length - 1), 1)[0] ?? 0).sort((a, b) => a - b)
}

test('one bad share among 64, wherever it is, is found in at most 13 checks', () => {
  for (let run = 0; run < 16; run++) {
    const bad = some(1)
    const { signature, shares } = broken(bad)
    const { faulty, search } = withBadVoters(verifying, signature, shares)
    assert.equal(faulty, bad, `seed ${seed}`)
    assert.is(search?.shares, N)
    assert.ok((search?.checks ?? 99) <= MOST, `${search?.checks} checks for signer ${bad}, seed ${seed}`)
  }
})

test('several bad shares are all found, in fewer checks than one for each share', () => {
  for (const count of [2, 3, 5]) {
    const bad = some(count)
    const { signature, shares } = broken(bad)
    const { faulty, search } = withBadVoters(verifying, signature, shares)
    assert.equal(faulty, bad, `seed ${seed}`)
    assert.ok((search?.checks ?? 99) < N, `${search?.checks} checks for signers ${bad}, seed ${seed}`)
  }
})

test('who gave no share is not named, and right shares put the blame on the sum; the drawings say which', () => {
  const [bad = 0, other = 0] = some(2)
  const { signature, shares } = broken([bad, other])
  shares.delete(bad)
  const found = withBadVoters(verifying, signature, shares)
  assert.equal([found.faulty, found.search?.shares], [[other], N - 1])
  const said = `${other} (found in ${found.search?.checks} checks of 63 shares, by halving)`
  assert.is(faultText(found), said)
  assert.ok(drawSignatureText(found, { color: false, width: 120 }).includes(`faulty    ${said}\n`))
  const { texts } = readSvg(drawSignatureSvg([found]))
  assert.ok(texts.some(({ content }) => content === `Faulty: ${said}`))

  const honest = withBadVoters(verifying, signature, new Map(right.map((share, i) => [i, toHex(share)])))
  assert.equal([honest.faulty, honest.search], [[], { shares: N, checks: 1 }])
  assert.is(faultText(honest), 'none of the shares that signers gave (1 check of 64 shares, by halving): the sum is not theirs')
  assert.is(faultText(withBadVoters(verifying, signature, new Map())), 'not known: no signer gave its share')
  assert.is(faultText({ ...signature, phase: 'accept' }), 'not known: signers give out their votes when asked, not their accepts')
  assert.is(faultText({ ...signature, valid: true }), '')
})

test.run()
