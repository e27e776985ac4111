/** `musig inspect …` against a small cluster and offline: documents, drawings, and that what is derived is what was executed. */
// time limit: 300 s
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/lib/base/bytes.js'
import { batchSignatures, withBadVoters } from '../../src/lib/inspect/batch-signatures.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { LiveCluster, type TxDocument } from './live-cluster.js'

const cluster = new LiveCluster()
let slow: TxDocument | undefined
let all: TxDocument[] = []
test.before(async () => {
  await cluster.up()
  const quarrel = await cluster.quarrel()
  slow = quarrel.slow[0]
  all = quarrel.all
})
test.after(() => cluster.end())

const slowId = () => slow?.batchId ?? ''
const manifestFile = () => join(cluster.home, 'clusters', 'default', 'manifest.json')

test('tree: the document, the same tree offline, text, SVG and DOT', async () => {
  const tree = (await cluster.document(['inspect', 'tree', slow?.txId.slice(0, 10) ?? ''])) as {
    nodes: { signer: number; parent: number | null; children: number[]; depth: number; state: string }[]
    root: number
    batchId: string
    depth: number
    ballot: number
  }
  assert.is(tree.batchId, slowId())
  assert.is(tree.nodes.length, 4)
  assert.is(tree.depth, 2)
  assert.equal(
    tree.nodes.map(({ state }) => state),
    ['voted', 'voted', 'voted', 'voted'],
  )
  const offline = (await cluster.document([
    'inspect',
    'tree',
    slowId(),
    '--manifest',
    manifestFile(),
    '--root',
    String(tree.root),
    '--cluster',
    'nowhere',
  ])) as typeof tree
  const shape = ({ nodes }: typeof tree) => nodes.map(({ signer, parent, children, depth }) => ({ signer, parent, children, depth }))
  assert.equal(shape(offline), shape(tree))
  const text = await cluster.good(['inspect', 'tree', slowId().slice(0, 6)])
  assert.match(text.stdout, new RegExp(`^Tree of batch ${slowId().slice(0, 8)} · ballot 0 · root ${tree.root} · depth 2 · 4 signers\n`))
  const dot = await cluster.good(['inspect', 'tree', slowId(), '--dot', '-'])
  assert.match(dot.stdout, /^digraph "batch [0-9a-f]{64}" \{\n/)
  assert.is(dot.stdout.match(/->/g)?.length, 3)
  const file = join(cluster.folder, 'tree.svg')
  const drawn = await cluster.good(['inspect', 'tree', slowId(), '--svg', file])
  assert.is(drawn.stdout, '')
  assert.match(readFileSync(file, 'utf8'), /^<svg /)
})

test('order: what is derived from the votes is what every key’s log holds', async () => {
  const data = (await cluster.document(['inspect', 'order', slowId()])) as {
    n: number
    quorum: number
    inclusion: number
    order: string[]
    components: string[][]
    batches: { id: string; votes: number; path: string; phase3Ms: number; views: { signers: number[] }[] }[]
    ranked: { winner: string; loser: string }[]
    pairs: { a: string; b: string; before: number[]; support: number[]; decisive: boolean }[]
  }
  assert.equal([data.n, data.quorum, data.inclusion], [4, 4, 1])
  assert.equal(data.components.flat(), data.order)
  assert.ok(
    data.pairs.some(({ decisive }) => !decisive),
    'a quarrel',
  )
  const drawnSlow = data.batches.find(({ id }) => id === slowId())
  assert.ok(drawnSlow)
  assert.is(drawnSlow.path, 'slow')
  assert.is(
    drawnSlow.views.reduce((sum, { signers }) => sum + signers.length, 0),
    drawnSlow.votes,
  )
  assert.ok(drawnSlow.phase3Ms > 0, 'how long phase 3 took')
  const inComponents = data.components.filter(({ length }) => length > 1).flat()
  for (const { winner, loser } of data.ranked) assert.ok(inComponents.includes(winner) && inComponents.includes(loser))
  const drawn = new Set(data.order)
  for (const key of ['acct:left', 'acct:right']) {
    const executed = all.filter(({ batchId, position }) => drawn.has(batchId) && position[key] !== undefined)
    const log = executed.sort((a, b) => (a.position[key] ?? 0) - (b.position[key] ?? 0)).map(({ batchId }) => batchId)
    const touched = new Set(log)
    assert.ok(log.length > 1)
    assert.equal(
      data.order.filter((id) => touched.has(id)),
      [...touched],
    )
  }
  const text = await cluster.good(['inspect', 'order', slowId()])
  for (const part of [/place of arrival/, /^Pairs /m, /^Scores /m, /^Components /m, /^Order\n/m]) assert.match(text.stdout, part)
  const why = (await cluster.document(['tx', 'why', slow?.txId ?? ''])) as { details: string[] }
  const mine = why.details.filter((line) => line.includes(slowId().slice(0, 8)) && / saw it first/.test(line))
  assert.ok(mine.length > 0, why.details.join('; '))
  assert.ok(
    why.details.some((line) => /needed to skip phase 3; phase 3 ran (in|for)/.test(line)),
    why.details.join('; '),
  )
  const svg = await cluster.good(['inspect', 'order', slowId(), '--svg', '-'])
  assert.match(svg.stdout, /^<svg [\s\S]*<\/svg>\s*$/)
})

const VOTES = {
  n: 5,
  tolerance: '1/2',
  batches: { T1: ['acct:a'], T2: ['acct:a', 'acct:b'], T3: ['acct:b'] },
  arrivals: [
    ['T1', 'T2', 'T3'],
    ['T1', 'T2', 'T3'],
    ['T2', 'T1', 'T3'],
    ['T1', 'T2', 'T3'],
    ['T1', 'T3', 'T2'],
  ],
}

test('order --votes: offline, from a file or stdin, also without a cluster', async () => {
  const file = cluster.file('votes.json', JSON.stringify(VOTES))
  const data = await cluster.document(['inspect', 'order', '--votes', file, '--cluster', 'nowhere'])
  assert.equal(data['order'], ['T1', 'T2', 'T3'])
  assert.is((data['pairs'] as unknown[]).length, 2)
  const piped = await cluster.good(['inspect', 'order', '--votes', '-'], JSON.stringify(VOTES))
  assert.match(piped.stdout, /^Order of 3 batches · 5 signers/)
})

test('sig: both signatures of the slow path, verified here, with bitmaps', async () => {
  const data = (await cluster.document(['inspect', 'sig', slowId()])) as {
    valid: boolean
    path: string
    signatures: {
      phase: string
      valid: boolean
      pairings: number
      verificationMs: number
      missing: number[]
      entries: { message: string; signers: number[]; bitmap: string }[]
    }[]
  }
  assert.is(data.valid, true)
  assert.is(data.path, 'slow')
  assert.equal(
    data.signatures.map(({ phase }) => phase),
    ['vote', 'accept'],
  )
  for (const { valid, pairings, entries, verificationMs } of data.signatures) {
    assert.is(valid, true)
    assert.is(pairings, entries.length + 1)
    assert.ok(verificationMs > 0)
    for (const { signers, bitmap } of entries)
      assert.is(
        Number.parseInt(bitmap, 16),
        signers.reduce((bits, signer) => bits | (1 << signer), 0),
      )
  }
  const text = await cluster.good(['inspect', 'sig', slowId(), '--phase', 'accept'])
  assert.match(text.stdout, /^Signature of batch [0-9a-f]{8} · phase accept · ✓ valid\n/)
  const file = join(cluster.folder, 'sig.svg')
  await cluster.good(['inspect', 'sig', slowId(), '--svg', file])
  assert.ok(existsSync(file))
})

test('a signature that does not verify is told as such, and who is at fault where single votes are known', async () => {
  const client = cluster.client()
  const manifest = await client.manifest()
  const description = await client.description(slowId())
  const own = await Promise.all([0, 1, 2, 3].map(async (from) => [from, (await client.batch(slowId(), { from })).ownVote?.signature ?? ''] as const))
  client.close()
  const verifying = { bls: loadCrypto().bls, manifest, now: () => 0 }
  const [good] = batchSignatures(verifying, description, undefined)
  assert.is(good?.valid, true)
  const shares = new Map(own)
  if (!good || !description.votes) throw new Error('no votes')
  const honest = withBadVoters(verifying, good, shares)
  assert.equal([honest.faulty, honest.search], [[], { shares: 4, checks: 1 }])
  shares.set(2, shares.get(1) ?? '')
  assert.equal(withBadVoters(verifying, good, shares).faulty, [2])
  const sum = verifying.bls.aggregate([...shares.values()].map((share) => Uint8Array.from(Buffer.from(share, 'hex'))))
  const [bad] = batchSignatures(verifying, { ...description, votes: { ...description.votes, signature: toHex(sum ?? new Uint8Array()) } }, undefined)
  assert.is(bad?.valid, false)
  assert.match(bad?.reason ?? '', /does not verify/)
})

test('bad input ends in one line and exit code 2', async () => {
  await cluster.refused(['inspect', 'tree', 'ab12'], 2, 'BAD_INPUT', /too short/)
  await cluster.refused(['inspect', 'tree', '0'.repeat(12)], 2, 'NOT_FOUND', /no batch or transaction 000000000000 is known here/)
  await cluster.refused(['inspect', 'tree', slowId(), '--from', '7'], 2, 'BAD_INPUT', /no signer 7/)
  await cluster.refused(['inspect', 'tree', slowId(), '--cluster', 'nowhere'], 2, 'NOT_FOUND', /no cluster/)
  await cluster.refused(['inspect', 'tree', slowId(), '--svg', '-'], 2, 'BAD_INPUT', /both go to stdout/)
  await cluster.refused(['inspect', 'tree', slowId(), '--svg', '/does/not/exist/x.svg'], 2, 'BAD_INPUT', /cannot write/)
  await cluster.refused(['inspect', 'tree', slowId().slice(0, 8), '--manifest', manifestFile()], 2, 'BAD_INPUT', /all 64 are needed/)
  await cluster.refused(['inspect', 'tree', slowId(), '--manifest', manifestFile(), '--root', '4'], 2, 'BAD_INPUT', /no signer 4/)
  await cluster.refused(['inspect', 'tree', slowId(), '--root', '1'], 2, 'BAD_INPUT', /--manifest/)
  await cluster.refused(['inspect', 'order'], 2, 'BAD_INPUT', /id of a batch or transaction, or --votes/)
  await cluster.refused(['inspect', 'order', slowId(), '--votes', '-'], 2, 'BAD_INPUT', /id of a batch or transaction, or --votes/)
  await cluster.refused(['inspect', 'order', '--votes', '/does/not/exist'], 2, 'BAD_INPUT', /cannot read/)
  await cluster.refused(['inspect', 'order', '--votes', '-'], 2, 'BAD_INPUT', /not JSON/, '{"n":')
  for (const [change, reason] of [
    [{ n: 0 }, /n is 0/],
    [{ n: '5' }, /votes file\.n/],
    [{ tolerance: '1/3' }, /tolerance|1\/3/],
    [{ arrivals: [['T9'], [], [], [], []] }, /T9/],
    [{ arrivals: [['T1'], []] }, /2 arrival lists for 5 signers/],
    [{ arrivals: [['T1', 'T1'], [], [], [], []] }, /twice/],
    [{ batches: { T1: [7] } }, /batches/],
  ] as const) {
    const outcome = await cluster.musig(['inspect', 'order', '--votes', '-'], { input: JSON.stringify({ ...VOTES, ...change }) })
    assert.is(outcome.code, 2, outcome.stderr)
    assert.match(outcome.stderr, reason)
    assert.match(outcome.stderr, /^Error: [^\n]+\n$/)
  }
})

test.run()
