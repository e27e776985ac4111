/** The seed's sentences on phases 1a and 1b, each as a test of real signers. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { membersOf, unionOf } from '../../src/lib/base/bitmap.js'
import { toHex, utf8 } from '../../src/lib/base/bytes.js'
import { voteDigest } from '../../src/lib/core/statement.js'
import { treeOf } from '../../src/lib/core/tree.js'
import { emptyView } from '../../src/lib/core/view.js'
import { HOP_MS, SmallCluster } from '../core/small-cluster.js'
import { conflict } from './conflict.js'

const N = 31

test('“A client will initiate a transaction by sending it to a signer”', () => {
  const cluster = new SmallCluster({ n: N })
  const txId = cluster.submit(4, cluster.transaction(['k'], 'hello'))
  assert.equal(
    cluster.done.filter(({ effect }) => effect.type === 'reply').map(({ signer, effect }) => [signer, effect.type === 'reply' && effect.txId]),
    [[4, txId]],
  )
  assert.ok(cluster.runUntil(() => cluster.executed.every(({ length }) => length === 1)))
  for (const [executed] of cluster.executed) assert.equal(executed?.batch.transactions[0]?.payload, utf8('hello'))
})

test('“Signer then generates a deterministic tree of signers from the transaction id”', () => {
  const cluster = new SmallCluster({ n: N })
  const first = cluster.propose(4, ['k'])
  assert.equal(treeOf(first.id, 4, cluster.manifest).permutation, first.tree.permutation)
  const second = cluster.propose(4, ['l'])
  assert.not.equal(second.tree.permutation, first.tree.permutation)
})

test('“nodes are positioned in the tree pseudo randomly”', () => {
  const cluster = new SmallCluster({ n: 7 })
  const children = new Map<number, number>()
  for (let i = 0; i < 600; i++) {
    const tree = treeOf(toHex(Uint8Array.from({ length: 32 }, (_, at) => (at < 2 ? (i >> (8 * at)) & 255 : 7))), 0, cluster.manifest)
    for (const child of tree.childrenOf(0)) children.set(child, (children.get(child) ?? 0) + 1)
  }
  // Each of the six others is a child of the root in a third of all trees: 200 of 600, within six standard deviations of 11.5.
  assert.is(children.size, 6)
  for (const count of children.values()) assert.ok(Math.abs(count - 200) < 70, String([...children]))
})

test('“it will do a pre-consensus check and will pass the transaction to its children”', () => {
  const cluster = new SmallCluster({ n: N, check: (transaction) => (transaction.payload.length > 3 ? 'too long' : undefined) })
  cluster.submit(4, cluster.transaction(['k'], 'long'))
  assert.ok(cluster.done.some(({ effect }) => effect.type === 'reply' && effect.status === 'rejected' && effect.reason === 'too long'))
  assert.equal(cluster.sentOf('propose'), [])
  const { tree } = cluster.propose(4, ['k'], 'ok')
  assert.equal(
    cluster.sentOf('propose').map(({ to }) => to),
    [...tree.childrenOf(4)],
  )
})

test('“It also stores the local arrival order of the transaction”', () => {
  const cluster = new SmallCluster({ n: N })
  const ids = ['k', 'l', 'k'].map((key) => {
    const { id } = cluster.propose(4, [key])
    cluster.run(HOP_MS)
    return id
  })
  assert.ok(cluster.settle(...ids))
  for (let signer = 0; signer < N; signer++) {
    assert.equal(
      cluster.recordsOf(signer, 'batch').map(({ batch }) => batch.id),
      ids,
    )
    cluster.crash(signer)
    cluster.restart(signer)
    assert.equal([...(cluster.signers[signer]?.journal.arrivals() ?? [])], ids)
  }
})

test('“Every child will run a pre-consensus check … and will pass it to its children until the transaction reaches the leaf signers”', () => {
  const asked = new Map<string, number>()
  const cluster = new SmallCluster({
    n: N,
    check: (transaction) => {
      const name = toHex(transaction.nonce)
      asked.set(name, (asked.get(name) ?? 0) + 1)
      return undefined
    },
  })
  const { id, tree } = cluster.propose(4, ['k'])
  assert.ok(cluster.settle(id))
  const edges = cluster.sentOf('propose', id).map(({ from, to }) => [from, to])
  assert.is(edges.length, N - 1)
  for (const [from, to] of edges) assert.is(tree.parentOf(to as number), from)
  // The initiator checks what the client sent, every other signer what came down.
  assert.equal([...asked.values()], [N])
})

test('“No signing is done in this half of the phase”', () => {
  const cluster = new SmallCluster({ n: N })
  const { id, tree } = cluster.propose(4, ['k'])
  assert.ok(cluster.settle(id))
  for (let signer = 0; signer < N; signer++) {
    if (signer === 4) continue
    const steps = cluster.done.filter((done) => done.signer === signer)
    const forwarded = steps.filter(({ effect }) => effect.type === 'send' && effect.message.type === 'propose').map(({ step }) => step)
    const signed = steps.find(({ effect }) => effect.type === 'persist' && effect.record.type === 'vote')?.step ?? 0
    assert.is(forwarded.length, tree.childrenOf(signer).length)
    for (const step of forwarded) assert.ok(step < signed, `signer ${signer} signs before it forwards`)
  }
  // What goes down holds nothing of anyone but the initiator: the same batch and reference for all.
  const [first, ...rest] = cluster.sentOf('propose', id).map(({ message }) => message)
  for (const message of rest) assert.equal([toHex(message.batch.bytes), message.reference], [first && toHex(first.batch.bytes), first?.reference])
  const votes = cluster.sentOf('vote', id)
  for (const { message } of cluster.sentOf('propose', id)) assert.equal(Object.keys(message).sort(), ['batch', 'reference', 'type'])
  assert.is(votes.length, N - 1)
})

test('“sending all dependent transactions to the same signer could improve performance significantly”', () => {
  const together = new SmallCluster({ n: 7, fanout: 6 })
  const ids = [1, 2, 3, 4].map(() => together.propose(0, ['k']).id)
  together.run(HOP_MS)
  assert.ok(together.settle(...new Set(ids)))
  assert.equal([...new Set(together.executed.flat().map(({ certificate }) => certificate.type))], ['fast'])
  const { cluster, a, b } = conflict(7, (signer) => signer % 2 === 0)
  assert.ok(cluster.settle(a, b))
  assert.equal([...new Set(cluster.executed.flat().map(({ certificate }) => certificate.type))], ['slow'])
  assert.ok(cluster.now > together.now)
})

test('“Every signer uses the same algorithm and seed to generate the pseudo random tree so that everybody gets the same tree for the same transaction”', () => {
  const cluster = new SmallCluster({ n: N })
  const { id, tree } = cluster.propose(4, ['k'])
  assert.ok(cluster.settle(id))
  // Down and up alike: whom each signer takes for its children and its parent.
  for (const type of ['propose', 'certificate'] as const)
    for (const { from, to } of cluster.sentOf(type, id)) assert.ok(tree.childrenOf(from).includes(to), `${type} from ${from} to ${to}`)
  for (const { from, to } of cluster.sentOf('vote', id)) assert.is(tree.parentOf(from), to)
  assert.is(cluster.sentOf('vote', id).length, N - 1)
})

test('“It is also possible to determine the tree based on geographical location of signers”', () => {
  const cluster = new SmallCluster({ n: 30, regions: ['eu', 'us', 'ap'] })
  const regionOf = (signer: number) => cluster.manifest.signers[signer]?.region
  const { id } = cluster.propose(0, ['k'])
  assert.ok(cluster.settle(id))
  const crossed = cluster.sentOf('propose', id).filter(({ from, to }) => regionOf(from) !== regionOf(to)).length
  const scattered = treeOf(id, 0, { ...cluster.manifest, tree: { strategy: 'random', fanout: 2 } })
  const usual = scattered.permutation.filter((signer) => regionOf(signer) !== regionOf(scattered.parentOf(signer) ?? signer)).length
  assert.ok(crossed <= 10 && usual > 10, `${crossed} of 29 edges cross regions, ${usual} without them`)
})

test('“a signer first collects signatures from its children. After a post-consensus check, it co-sign the transaction and its arrival order”', () => {
  const cluster = new SmallCluster({ n: N })
  const { id, tree } = cluster.propose(4, ['k'])
  assert.ok(cluster.settle(id))
  const votes = cluster.sentOf('vote', id)
  for (const vote of votes) {
    const children = tree.childrenOf(vote.from)
    const arrived = votes.filter(({ from }) => children.includes(from)).map(({ at }) => at + HOP_MS)
    assert.is(arrived.length, children.length)
    for (const at of arrived) assert.ok(at <= vote.at)
    const signers = (vote.message.votes?.entries ?? []).flatMap((entry) => membersOf(entry.signers))
    assert.ok(signers.includes(vote.from))
  }
})

test('“After a post-consensus check”: a vote that cannot be one is not passed up', () => {
  const cluster = new SmallCluster({ n: 7 })
  const { id, tree } = cluster.propose(0, ['k'])
  const [child = 0] = tree.childrenOf(0)
  const [leaf = 0] = tree.childrenOf(child)
  cluster.delay = ({ from, message }) => (from === leaf && message.type === 'vote' ? undefined : HOP_MS)
  cluster.run(2 * HOP_MS)
  const { epoch, clusterId, n } = cluster.manifest
  // It puts the batch before itself.
  const view = { heights: new Map(), pending: [id] }
  const signers = new Uint8Array(1).fill(1 << leaf)
  const signature = new Uint8Array(96).fill(1)
  assert.is(voteDigest({ epoch, clusterId }, id, view).length, 32)
  cluster.inject(leaf, child, {
    type: 'vote',
    batchId: id,
    votes: { entries: [{ view, signers }], signature },
    postponed: new Uint8Array(Math.ceil(n / 8)),
  })
  assert.ok(cluster.suspicions.some(({ signer, reason }) => signer === leaf && reason.includes('before itself')))
  assert.ok(cluster.settle(id))
  for (const { message } of cluster.sentOf('vote', id))
    for (const entry of message.votes?.entries ?? []) assert.not.ok(entry.view.pending.includes(id))
})

test('“It then aggregates its signature with children’s signatures and will send it back to its parent”', () => {
  const cluster = new SmallCluster({ n: N })
  const { id, tree } = cluster.propose(4, ['k'])
  assert.ok(cluster.settle(id))
  for (const { from, to, message } of cluster.sentOf('vote', id)) {
    assert.is(to, tree.parentOf(from))
    assert.is(message.votes?.signature.length, 96)
    // Nobody else had anything to vote about, so all of a subtree say the same and share one entry.
    assert.is(message.votes?.entries.length, 1)
    const all = (message.votes?.entries ?? []).map((entry) => entry.signers).reduce(unionOf, new Uint8Array(4))
    assert.equal(
      membersOf(all),
      [...tree.subtreeOf(from)].sort((a, b) => a - b),
    )
  }
})

test('“A signature is a single collective signature for both the transaction and its order”', () => {
  const { manifest } = new SmallCluster({ n: 4 })
  const [a, b, c] = ['aa', 'bb', 'cc'].map((byte) => byte.repeat(32)) as [string, string, string]
  const digests = [
    voteDigest(manifest, a, emptyView()),
    voteDigest(manifest, b, emptyView()),
    voteDigest(manifest, a, { heights: new Map(), pending: [b] }),
    voteDigest(manifest, a, { heights: new Map(), pending: [c] }),
    voteDigest(manifest, a, { heights: new Map([['k', 1]]), pending: [] }),
  ]
  assert.is(new Set(digests.map((digest) => toHex(digest))).size, digests.length)
})

test('“a signer also sends a combined order of transaction to its parent. This is a combined set of the orders from its children and its local order”', () => {
  const { cluster, a, b } = conflict(7, (signer) => signer % 2 === 0)
  assert.ok(cluster.settle(a, b))
  const deep = new SmallCluster({ n: 7 })
  deep.delay = ({ from, to, message }) => (message.type === 'propose' ? 1 + ((from * 7 + to * 5) % 29) : HOP_MS)
  const ids = [deep.propose(0, ['k']), deep.propose(5, ['k'])]
  assert.ok(deep.settle(...ids.map(({ id }) => id)))
  let mixed = 0
  for (const { id, tree } of ids) {
    for (const { from, message } of deep.sentOf('vote', id)) {
      const said = new Map((message.votes?.entries ?? []).flatMap(({ view, signers }) => membersOf(signers).map((signer) => [signer, view] as const)))
      if (said.size !== tree.subtreeOf(from).length) continue
      if ((message.votes?.entries.length ?? 0) > 1) mixed++
      for (const signer of tree.subtreeOf(from))
        assert.equal(said.get(signer), deep.recordsOf(signer, 'vote').find(({ batchId }) => batchId === id)?.view)
    }
  }
  assert.ok(mixed > 0, 'no subtree with two views: the story does not test anything')
})

test.run()
