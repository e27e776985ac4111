/** The manifest: quorums held against what they mean, refusals, proofs, clusterId; and docs/bounds.md. */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { boundsPage } from '../../scripts/make-bounds.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { fake, fakeEd25519 } from '../../src/lib/bls/fake.js'
import {
  boundsOf,
  LOCAL_TIMING,
  loadManifest,
  type ManifestContent,
  makeManifest,
  manifestToJson,
  parseTolerance,
  readManifest,
  type SignerEntry,
  signerEntry,
} from '../../src/lib/core/manifest.js'
import { blst } from '../../src/lib/node/blst.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { isCode, saysWhy } from './refusal.js'

const HALF = { a: 1, b: 2 }
const FAKE = { bls: fake, ed25519: fakeEd25519 }

function entries(n: number, crypto = FAKE): SignerEntry[] {
  const random = new SeededRandom('manifest test')
  return Array.from({ length: n }, (_, i) => {
    const bls = random.bytes(32)
    bls[0] = 1
    return signerEntry(crypto, bls, random.bytes(32), `s${i}`, i % 2 ? 'eu' : '')
  })
}

const content = (n: number, more: Partial<ManifestContent> = {}): ManifestContent => ({
  name: 'test',
  epoch: 0,
  tolerance: HALF,
  deltaMs: 0,
  machine: 'ledger',
  test: true,
  tree: { strategy: 'random', fanout: 2 },
  window: 4,
  timing: LOCAL_TIMING,
  signers: entries(n),
  ...more,
})

const json = (n: number) => JSON.parse(JSON.stringify(manifestToJson(makeManifest(content(n)))))

test('the examples of the text', () => {
  const rows: Record<number, number[]> = { 31: [24, 7, 4, 15, 11], 13: [10, 3, 1, 6, 4], 7: [6, 1, 1, 3, 2], 4: [4, 0, 1, 2, 1] }
  for (const [n, row] of Object.entries(rows)) {
    const { quorum, crashBound, asyncByzantineBound, syncByzantineBound, inclusion } = boundsOf(Number(n), HALF)
    assert.equal([quorum, crashBound, asyncByzantineBound, syncByzantineBound, inclusion], row, `n = ${n}`)
  }
})

test('every bound means what it says, for n = 1 … 400 and several tolerances', () => {
  for (const tolerance of [HALF, { a: 2, b: 3 }, { a: 3, b: 5 }, { a: 999, b: 1000 }, { a: 51, b: 100 }]) {
    const { a, b } = tolerance
    for (let n = 1; n <= 400; n++) {
      const { quorum: q, crashBound, asyncByzantineBound: f, syncByzantineBound: s, inclusion: c } = boundsOf(n, tolerance)
      const place = `n = ${n}, t = ${a}/${b}`
      // The smallest number above (1 + t)/2 of all.
      assert.ok(2 * b * q > (a + b) * n && 2 * b * (q - 1) <= (a + b) * n, place)
      assert.ok(q <= n && crashBound === n - q, place)
      // The most liars with 3q > 2n + 2f.
      assert.ok(f === 0 || 3 * q > 2 * n + 2 * f, place)
      assert.ok(3 * q <= 2 * n + 2 * (f + 1), place)
      assert.ok(s * b <= a * n && (s + 1) * b > a * n, place)
      assert.is(c, n - q + f, place)
      // Two quorums meet in more than the share t of all; a fast decision can be found again: 4q > 3n.
      assert.ok(b * (2 * q - n) > a * n && 4 * q > 3 * n, place)
    }
  }
})

test('docs/bounds.md is what the script writes, and its rows are the bounds', () => {
  const page = readFileSync(new URL('../../docs/bounds.md', import.meta.url), 'utf8')
  assert.is(page, boundsPage())
  const rows = page.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim())
    return /^\d+$/.test(cells[1] ?? '') ? [cells.slice(1, -1).map(Number)] : []
  })
  assert.equal(
    rows.filter((row) => row.length === 6).map(([n]) => n),
    Array.from({ length: 100 }, (_, i) => i + 1),
  )
  for (const [n = 0, ...cells] of rows) {
    const row = (tolerance: { a: number; b: number }) => {
      const { quorum, crashBound, asyncByzantineBound, syncByzantineBound, inclusion } = boundsOf(n, tolerance)
      return [quorum, crashBound, asyncByzantineBound, syncByzantineBound, inclusion]
    }
    assert.equal(cells, cells.length === 5 ? row(HALF) : [...row(HALF), ...row({ a: 2, b: 3 })])
  }
})

test('tolerance: fractions and decimals from 1/2 up to, not including, 1', () => {
  assert.equal(
    [parseTolerance('1/2'), parseTolerance('0.5'), parseTolerance('0.75'), parseTolerance('2/3')],
    [HALF, HALF, { a: 3, b: 4 }, { a: 2, b: 3 }],
  )
  for (const bad of ['1/3', '0.49', '1', '1/1', '3/2', '0', '', '1/0', '0/2', '-1/2', '1e0/2', '１/2', ' 1/2', '0.5000001', '1/2/3', 'NaN'])
    isCode(() => parseTolerance(bad), 'BAD_INPUT', bad)
})

test('signers are put in the order of their keys; a file in another order is refused', () => {
  const manifest = makeManifest(content(5, { signers: entries(5).reverse() }))
  const keys = manifest.signers.map(({ publicKey }) => Buffer.from(publicKey).toString('hex'))
  assert.equal(keys, [...keys].sort())
  const file = json(5)
  file.signers.reverse()
  isCode(() => readManifest(file), 'BAD_INPUT')
})

test('refused: no signers, equal keys, equal link keys, a fanout that makes no tree, unknown or missing fields, other versions', () => {
  isCode(() => makeManifest(content(0)), 'BAD_INPUT')
  const [one, two] = entries(2) as [SignerEntry, SignerEntry]
  isCode(() => makeManifest(content(0, { signers: [one, one] })), 'BAD_INPUT')
  isCode(() => makeManifest(content(0, { signers: [one, { ...two, linkKey: one.linkKey }] })), 'BAD_INPUT')
  isCode(() => makeManifest(content(3, { tree: { strategy: 'random', fanout: 1 } })), 'BAD_INPUT')
  for (const spoil of [
    (file: Record<string, unknown>) => delete file.window,
    (file: Record<string, unknown>) => Object.assign(file, { more: 1 }),
    (file: Record<string, unknown>) => Object.assign(file, { tolerance: '1/3' }),
    (file: Record<string, unknown>) => Object.assign(file, { tolerance: '1/1' }),
    (file: Record<string, unknown>) => Object.assign(file, { window: 1025 }),
    (file: Record<string, unknown>) => Object.assign(file, { deltaMs: -1 }),
    (file: Record<string, unknown>) => Object.assign(file, { schema: 2 }),
    (file: Record<string, unknown>) => Object.assign(file, { tree: { strategy: 'star', fanout: 2 } }),
    (file: Record<string, unknown>) => Object.assign(file, { name: '' }),
  ]) {
    const file = json(3)
    spoil(file)
    isCode(() => readManifest(file), 'BAD_ENCODING', spoil.toString())
  }
  for (const bad of [null, 7, 'x', [], {}]) isCode(() => readManifest(bad), 'BAD_ENCODING')
})

test('more than 4,096 signers are refused', () => {
  const file = json(3)
  const [signer] = file.signers
  file.signers = Array.from({ length: 4097 }, () => signer)
  isCode(() => readManifest(file), 'BAD_ENCODING')
})

test('loading checks every key, proof of possession and link signature', () => {
  const crypto = { bls: blst, ed25519: nodeEd25519 }
  const good = JSON.parse(JSON.stringify(manifestToJson(makeManifest(content(0, { signers: entries(3, crypto) })))))
  assert.is(loadManifest(good, blst).n, 3)
  const spoiled = (spoil: (signers: Record<string, string>[]) => void) => {
    const file = JSON.parse(JSON.stringify(good))
    spoil(file.signers)
    return file
  }
  const exchanged = (field: string) =>
    spoiled(([x, y]) => {
      if (x && y) [x[field], y[field]] = [y[field] ?? '', x[field] ?? '']
    })
  for (const [file, text] of [
    [exchanged('proof'), 'signer 0 of the manifest lacks a valid proof'],
    [exchanged('linkSignature'), 'signer 0 of the manifest has a link key'],
    [exchanged('linkKey'), 'signer 0 of the manifest has a link key'],
    [spoiled((signers) => Object.assign(signers[0] ?? {}, { publicKey: '00'.repeat(48) })), 'signer 0 (s'],
    [spoiled((signers) => Object.assign(signers[2] ?? {}, { publicKey: `c0${'00'.repeat(47)}` })), ''],
    [spoiled((signers) => Object.assign(signers[1] ?? {}, { proof: '00'.repeat(96) })), 'signer 1'],
  ] as const)
    saysWhy(() => loadManifest(file, blst), 'BAD_INPUT', text)
})

test('the clusterId covers everything but proofs and link signatures', () => {
  const id = (more: Partial<ManifestContent>) => makeManifest(content(3, more)).clusterId
  const base = id({})
  const others = [
    id({ name: 'other' }),
    id({ tolerance: { a: 2, b: 3 } }),
    id({ tolerance: { a: 2, b: 4 } }),
    id({ deltaMs: 1 }),
    id({ machine: 'documents' }),
    id({ test: false }),
    id({ tree: { strategy: 'regional', fanout: 2 } }),
    id({ tree: { strategy: 'random', fanout: 3 } }),
    id({ window: 5 }),
    id({ signers: entries(4) }),
    id({ signers: entries(3).map((signer, i) => (i === 1 ? { ...signer, region: 'us' } : signer)) }),
    id({ signers: entries(3).map((signer, i) => (i === 1 ? { ...signer, name: 'x' } : signer)) }),
    ...Object.keys(LOCAL_TIMING).map((name) => id({ timing: { ...LOCAL_TIMING, [name]: 17 } })),
  ]
  assert.is(new Set([base, ...others]).size, others.length + 1)
  const blank = new Uint8Array(96)
  assert.is(id({ signers: entries(3).map((signer) => ({ ...signer, proof: blank, linkSignature: blank })) }), base)
})

test('a manifest read back from its file is the same', () => {
  const manifest = makeManifest(content(7))
  const again = readManifest(JSON.parse(JSON.stringify(manifestToJson(manifest))))
  assert.is(again.clusterId, manifest.clusterId)
  assert.equal([again.quorum, again.n, again.timing], [manifest.quorum, 7, LOCAL_TIMING])
})

test.run()
