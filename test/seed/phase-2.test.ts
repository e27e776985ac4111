/** The seed's sentences on phase 2 and on the multi-signature, each as a test of real signers. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { membersOf } from '../../src/lib/base/bitmap.js'
import type { SignedBy } from '../../src/lib/bls/backend.js'
import { fake } from '../../src/lib/bls/fake.js'
import { type Certificate, certificateFault } from '../../src/lib/core/certificate.js'
import type { Message } from '../../src/lib/core/message.js'
import { FAKE, HOP_MS, SmallCluster } from '../core/small-cluster.js'
import { deriveByText, type VotesFile } from '../oracle/derive.js'
import { conflict } from './conflict.js'

const fastOf = (message: Message): Certificate & { type: 'fast' } => {
  if (message.type !== 'certificate' || message.certificate.type !== 'fast') throw new Error('no fast certificate')
  return message.certificate
}

test('“It works in 2 phases”: where all agree, the signatures go up once and come down once', () => {
  const cluster = new SmallCluster({ n: 31 })
  const { id } = cluster.propose(4, ['k'])
  assert.ok(cluster.settle(id))
  const types = new Map<string, number>()
  for (const { message } of cluster.sent) types.set(message.type, (types.get(message.type) ?? 0) + 1)
  assert.equal(Object.fromEntries(types), { propose: 30, vote: 30, certificate: 30 })
})

test('“Root signer collects and aggregates all signatures and arrival orders”', () => {
  const cluster = new SmallCluster({ n: 31 })
  const { id } = cluster.propose(4, ['k'])
  assert.ok(cluster.settle(id))
  // A quorum decides; what comes later is not waited for, but whoever is in it voted so and signed.
  const { votes } = fastOf(cluster.sentOf('certificate', id)[0]?.message as Message)
  const signers = votes.entries.flatMap((entry) => membersOf(entry.signers))
  assert.ok(signers.length >= cluster.manifest.quorum)
  for (const { view, signers: bitmap } of votes.entries)
    for (const signer of membersOf(bitmap)) assert.equal(cluster.recordsOf(signer, 'vote')[0]?.view, view)
  assert.is(certificateFault(FAKE, cluster.manifest, fastOf(cluster.sentOf('certificate', id)[0]?.message as Message)), undefined)
  const { cluster: split, a } = conflict(7, (signer) => signer % 2 === 0)
  assert.ok(split.settle(a))
  const [order] = split.sentOf('order', a)
  assert.ok(order?.message.order.proof.type === 'votes')
  if (order?.message.order.proof.type !== 'votes') return
  // It does not wait for those who can no longer make a difference.
  assert.ok(order.message.order.proof.votes.entries.flatMap((entry) => membersOf(entry.signers)).length >= split.manifest.quorum)
})

test('“It then sends this aggregated signature and order to its children”', () => {
  const cluster = new SmallCluster({ n: 31 })
  const { id, tree } = cluster.propose(4, ['k'])
  assert.ok(cluster.settle(id))
  const down = cluster.sentOf('certificate', id)
  assert.equal(
    down.map(({ from, to }) => [from, to]).sort(),
    tree.permutation.flatMap((from) => tree.childrenOf(from).map((to) => [from, to])).sort(),
  )
  const [first] = down
  for (const { message } of down) assert.equal(fastOf(message).votes.entries, fastOf(first?.message as Message).votes.entries)
})

test('“Once all signers have the signature and order of transaction, each signer can individually derive a global transaction order from it”', () => {
  const cluster = new SmallCluster({ n: 7 })
  cluster.delay = ({ from, to, message }) => (message.type === 'propose' ? 1 + ((from * 11 + to * 5) % 31) : HOP_MS)
  const ids = [0, 2, 4, 6].map((signer) => cluster.propose(signer, ['k']).id)
  assert.ok(cluster.settle(...ids))
  for (let signer = 0; signer < 7; signer++) assert.equal(cluster.orderAt(signer), cluster.orderAt(0))
  // From nothing but what one signer was sent: its certificates, and the votes in the orders.
  const votes: Record<string, { signer: number; before: string[] }[]> = {}
  for (const { batch, certificate } of cluster.executed[3] ?? []) {
    const order = cluster.recordsOf(3, 'accept').find((record) => record.order.batchId === batch.id)?.order
    const set = certificate.type === 'fast' ? certificate.votes : order?.proof.type === 'votes' ? order.proof.votes : undefined
    assert.ok(set)
    votes[batch.id] = (set?.entries ?? []).flatMap(({ view, signers }) => membersOf(signers).map((signer) => ({ signer, before: view.pending })))
  }
  const file: VotesFile = { n: 7, tolerance: '1/2', batches: Object.fromEntries(ids.map((id) => [id, ['k']])), votes }
  assert.equal(deriveByText(file).order, cluster.orderAt(3))
})

test('“Signers will also calculate an ordering score. If this score fails to pass a threshold … phase 3 is necessary”', () => {
  // Of eight signers, as many as `before` see a before b: the pair needs seven on one side.
  for (const [before, path] of [
    [7, 'fast'],
    [6, 'slow'],
    [4, 'slow'],
    [2, 'slow'],
    [1, 'fast'],
  ] as const) {
    const { cluster, a, b } = conflict(8, (signer) => signer - 1 < before)
    assert.ok(cluster.settle(a, b))
    assert.equal([...new Set(cluster.executed.flat().map(({ certificate }) => certificate.type))], [path], `${before} of 8`)
    assert.is(cluster.sentOf('order').length > 0, path === 'slow')
    assert.is(cluster.sentOf('accept').length > 0, path === 'slow')
  }
})

test('“An experimental aggregatable multi signature … makes the exponential scaling possible”: one pairing for each distinct message, whatever the size', () => {
  for (const n of [7, 63]) {
    let parts: readonly SignedBy[] = []
    const bls = {
      ...fake,
      verify(signed: readonly SignedBy[], signature: Uint8Array) {
        parts = signed
        return fake.verify(signed, signature)
      },
    }
    const cluster = new SmallCluster({ n })
    const { id, tree } = cluster.propose(0, ['k'])
    assert.ok(cluster.settle(id))
    const certificate = fastOf(cluster.sentOf('certificate', id)[0]?.message as Message)
    assert.is(certificateFault({ ...FAKE, bls }, cluster.manifest, certificate), undefined)
    assert.is(parts.length, 1)
    // Hops: down, up, down.
    assert.ok(3 * tree.depth * HOP_MS >= cluster.now - (cluster.sent[0]?.at ?? 0))
    for (let signer = 0; signer < n; signer++) assert.ok(cluster.sent.filter(({ from }) => from === signer).length <= 5)
  }
})

test.run()
