/**
 * Writes test/vectors/protocol.json: examples of everything in docs/protocol.md that two implementations must do alike, made with noble from fixed
 * keys. The test recomputes them with blst, and a second time from the text alone. The same values every time: the file changes when the protocol does.
 *
 *   node --import tsx scripts/make-protocol-vectors.ts
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bitmapOf } from '../src/lib/base/bitmap.js'
import { compareBytes, concat, type Id, toHex, utf8 } from '../src/lib/base/bytes.js'
import { type Codec, toCbor, toJson } from '../src/lib/base/codec.js'
import { sha256 } from '../src/lib/base/hash.js'
import type { Crypto } from '../src/lib/bls/backend.js'
import { type MultiSignature, mergeMultiSignatures, singleSignature } from '../src/lib/bls/multi-signature.js'
import { noble, nobleEd25519 } from '../src/lib/bls/noble.js'
import {
  type Certificate,
  certificateCodec,
  certificateId,
  type Order,
  orderCodec,
  type PromiseSet,
  proofOfOrderDigest,
  signOrder,
} from '../src/lib/core/certificate.js'
import { headsAt } from '../src/lib/core/heads.js'
import { KeyLogs } from '../src/lib/core/key-logs.js'
import { type Manifest, makeManifest, manifestToJson, proofDigest, signerEntry } from '../src/lib/core/manifest.js'
import { encodeMessage, type Message, messageCodec, type PromiseOf } from '../src/lib/core/message.js'
import { type DecidedBatch, rankedOrder } from '../src/lib/core/order.js'
import { encodeEntry, PastDigest, type PastEntry } from '../src/lib/core/past.js'
import { framed } from '../src/lib/core/snapshot-body.js'
import { acceptDigest, prepareDigest, promiseDigest, stateDigest, timeoutDigest, valueDigest, voteDigest } from '../src/lib/core/statement.js'
import { fastValue, isFast, predecessorsOf, scoreOf, slowValue, type Tally, tallyOf, type Value, valueCodec } from '../src/lib/core/tally.js'
import { type Batch, makeBatch, signTransaction, type Transaction, transactionCodec, transactionId } from '../src/lib/core/transaction.js'
import { treeOf } from '../src/lib/core/tree.js'
import { encodedAt, type View, viewCodec } from '../src/lib/core/view.js'
import { countedViews, type VoteSet, voteSetOf } from '../src/lib/core/vote-set.js'

const N = 7
const EVERYONE = [...Array(N).keys()]

/** What test/vectors/protocol.json holds: JSON values only; bytes and ids as lower-case hex. */
export type ProtocolVectors = ReturnType<typeof protocolVectors>

interface Keys {
  bls: Uint8Array
  link: Uint8Array
}

const secret = (name: string): Uint8Array => {
  const key = sha256(utf8(`musig vector, ${name}`))
  key[0] = (key[0] ?? 0) & 0x3f
  return key
}

const encoded = <T>(codec: Codec<T>, value: T) => ({ json: toJson(codec, value), cbor: toHex(toCbor(codec, value)) })

function cluster(crypto: Crypto): { manifest: Manifest; keys: Keys[] } {
  const keys = EVERYONE.map((i) => ({ bls: secret(`secret key ${i}`), link: secret(`link key ${i}`) }))
    .map((pair) => ({ pair, publicKey: crypto.bls.publicKey(pair.bls) }))
    .sort((a, b) => compareBytes(a.publicKey, b.publicKey))
    .map(({ pair }) => pair)
  const manifest = makeManifest({
    name: 'vectors',
    epoch: 0,
    tolerance: { a: 1, b: 2 },
    deltaMs: 0,
    machine: 'ledger',
    test: true,
    tree: { strategy: 'random', fanout: 2 },
    window: 4,
    // Fixed here, so that the vectors do not move with the defaults.
    timing: {
      hopTimeoutMs: 500,
      orderWaitMs: 20,
      sequenceWaitMs: 200,
      catchUpWaitMs: 100,
      recoveryTimeoutMs: 3000,
      reachBackMs: 1000,
      syncIntervalMs: 1000,
    },
    signers: keys.map(({ bls, link }, i) => signerEntry(crypto, bls, link, `signer-${i}`, ['eu', 'us', 'ap'][i % 3])),
  })
  return { manifest, keys }
}

function transactions(crypto: Crypto, { clusterId }: Manifest): Transaction[] {
  const plain = (deps: string[], text: string, nonce: string): Transaction => ({
    deps,
    payload: utf8(text),
    client: null,
    nonce: utf8(nonce),
    expiry: null,
    signature: null,
  })
  const owned = { ...plain(['acct:alice', 'acct:bob'], '{"op":"transfer"}', 'two'), expiry: 1_800_000_000 }
  // U+FF5E stands before U+1F600 by UTF-8 bytes and after it by UTF-16 units.
  return [plain(['acct:alice'], 'one', '1'), signTransaction(crypto.ed25519, clusterId, secret('client'), owned), plain(['a', '～', '😀'], '', '3')]
}

/** Adds up what some signers say, each one message. */
function gathered(crypto: Crypto, keys: readonly Keys[], said: readonly { signer: number; message: Uint8Array }[]): MultiSignature {
  const parts = said.map(({ signer, message }) => singleSignature(N, signer, message, crypto.bls.sign((keys[signer] as Keys).bls, message)))
  const merged = mergeMultiSignatures(crypto.bls, parts)
  if (!merged) throw new Error('the parts of a vector do not merge')
  return merged
}

function votesFor(crypto: Crypto, manifest: Manifest, keys: readonly Keys[], batchId: Id, views: ReadonlyMap<number, View>): VoteSet {
  const said = [...views].map(([signer, view]) => ({ signer, message: voteDigest(manifest, batchId, view) }))
  const byDigest = new Map([...views.values()].map((view) => [toHex(voteDigest(manifest, batchId, view)), view]))
  return voteSetOf(gathered(crypto, keys, said), byDigest)
}

const readTally = (batch: Batch, votes: VoteSet, logs: KeyLogs): Tally => {
  const tally = tallyOf(batch.keys, countedViews(votes), logs)
  if ('behindOn' in tally) throw new Error('a vector reaches above its history')
  return tally
}

function slowCertificate(crypto: Crypto, manifest: Manifest, keys: readonly Keys[], order: Order, signers: readonly number[]): Certificate {
  const { batchId, ballot, value } = order
  const message = acceptDigest(manifest, batchId, ballot, valueDigest(manifest.clusterId, value))
  const { entries, signature } = gathered(
    crypto,
    keys,
    signers.map((signer) => ({ signer, message })),
  )
  return { type: 'slow', epoch: 0, batchId, ballot, value, signers: entries[0]?.signers ?? bitmapOf(N, []), signature }
}

/** A promise of each signer for ballot 1; the first `accepted` of them report the order of ballot 0. */
function promisesFor(crypto: Crypto, manifest: Manifest, keys: readonly Keys[], views: ReadonlyMap<number, View>, order: Order, accepted: number) {
  const { clusterId } = manifest
  const all = new Map<number, PromiseOf>()
  for (const [signer, view] of views) {
    const digest = voteDigest(manifest, order.batchId, view)
    const said = signer < accepted ? { ballot: 0, valueDigest: valueDigest(clusterId, order.value) } : null
    const statement = { voteDigest: toHex(digest), accepted: said, blockers: [] }
    const { bls } = keys[signer] as Keys
    all.set(signer, {
      ...statement,
      view,
      voteSignature: crypto.bls.sign(bls, digest),
      value: said && order.value,
      backings: [],
      certificate: null,
      signature: crypto.bls.sign(bls, promiseDigest(manifest, order.batchId, 1, statement)),
    })
  }
  const said = [...all].map(([signer, promise]) => ({ signer, message: promiseDigest(manifest, order.batchId, 1, promise) }))
  const statements = new Map([...all.values()].map((promise) => [toHex(promiseDigest(manifest, order.batchId, 1, promise)), promise]))
  const merged = gathered(crypto, keys, said)
  const set: PromiseSet = {
    votes: votesFor(crypto, manifest, keys, order.batchId, views),
    statements: merged.entries.flatMap(({ message, signers }) => {
      const promise = statements.get(toHex(message))
      return promise ? [{ voteDigest: promise.voteDigest, accepted: promise.accepted, blockers: promise.blockers, signers }] : []
    }),
    signature: merged.signature,
    values: accepted > 0 ? [order.value] : [],
    backings: [],
    certificate: null,
  }
  return { all, set }
}

function treeVectors(manifest: Manifest, batchId: Id) {
  const shapes = [
    { n: 7, strategy: 'random' as const, fanout: 2, root: 3, regions: [''] },
    { n: 7, strategy: 'regional' as const, fanout: 2, root: 3, regions: ['eu', 'us', 'ap'] },
    { n: 31, strategy: 'random' as const, fanout: 2, root: 0, regions: [''] },
    { n: 31, strategy: 'random' as const, fanout: 5, root: 30, regions: [''] },
    { n: 13, strategy: 'regional' as const, fanout: 3, root: 12, regions: ['b', 'a'] },
  ]
  return shapes.map(({ n, strategy, fanout, root, regions }) => {
    const signers = Array.from({ length: n }, (_, i) => ({ region: regions[i % regions.length] ?? '' }))
    const tree = treeOf(batchId, root, { clusterId: manifest.clusterId, n, tree: { strategy, fanout }, signers })
    const parents = signers.map((_, signer) => tree.parentOf(signer) ?? null)
    return {
      n,
      strategy,
      fanout,
      root,
      regions: signers.map((signer) => signer.region),
      batchId,
      permutation: tree.permutation,
      parents,
      depth: tree.depth,
    }
  })
}

/** Three batches executed on `acct:alice`, two of them on `acct:bob` too. */
function history(clusterId: Id) {
  const logs = new KeyLogs(clusterId)
  const past = [1, 2, 3].map((i) => ({ batchId: toHex(sha256(utf8(`past ${i}`))), keys: i === 2 ? ['acct:alice'] : ['acct:alice', 'acct:bob'] }))
  const steps = past.map(({ batchId, keys }) => {
    logs.append(batchId, keys)
    return {
      batchId,
      keys,
      heads: keys.map((key) => ({ key, height: logs.heightOf(key), head: toHex(logs.headOf(key)) })),
      orderDigest: logs.orderDigest,
    }
  })
  return { logs, steps, ids: past.map(({ batchId }) => batchId) }
}

function viewVectors(keys: readonly string[], past: readonly Id[], open: Id, logs: KeyLogs) {
  const cases: [string, View, [string, number][]][] = [
    ['at the reference', { heights: new Map([['acct:alice', 3]]), pending: [open] }, [['acct:alice', 3]]],
    [
      'reaching back to the reference',
      {
        heights: new Map([
          ['acct:alice', 3],
          ['acct:bob', 2],
        ]),
        pending: [open],
      },
      [
        ['acct:alice', 1],
        ['acct:bob', 1],
      ],
    ],
    [
      'no reference height: everything listed',
      {
        heights: new Map([
          ['acct:alice', 3],
          ['acct:bob', 2],
        ]),
        pending: [],
      },
      [],
    ],
    [
      'up to the reference over what was pending',
      {
        heights: new Map([
          ['acct:alice', 1],
          ['acct:bob', 1],
        ]),
        pending: past.slice(1),
      },
      [
        ['acct:alice', 3],
        ['acct:bob', 2],
      ],
    ],
    [
      'only as far as the own set goes',
      {
        heights: new Map([
          ['acct:alice', 1],
          ['acct:bob', 1],
        ]),
        pending: past.slice(1, 2),
      },
      [
        ['acct:alice', 3],
        ['acct:bob', 2],
      ],
    ],
  ]
  return cases.map(([name, own, reference]) => {
    const own2 = { ...own, pending: [...own.pending].sort() }
    return {
      name,
      keys,
      own: toJson(viewCodec, own2),
      referenceHeights: Object.fromEntries(reference),
      written: encoded(viewCodec, encodedAt(own2, keys, new Map(reference), logs)),
    }
  })
}

function rankedVectors() {
  const id = (name: string): Id => toHex(sha256(utf8(name)))
  const [a, b, c] = ['x', 'y', 'z'].map(id).sort() as [Id, Id, Id]
  const batch = (self: Id, inc: [Id, number][]): DecidedBatch => ({
    id: self,
    keys: ['k'],
    predecessors: inc.map(([other]) => other),
    tallies: { m: 7, inc: new Map(inc) },
  })
  const groups: [string, DecidedBatch[]][] = [
    ['two that name each other, the majority wins', [batch(a, [[b, 4]]), batch(b, [[a, 3]])]],
    ['a tie, the smaller id goes first', [batch(a, [[b, 3]]), batch(b, [[a, 3]])]],
    [
      'a cycle, its weakest pair is skipped',
      [
        batch(a, [
          [b, 3],
          [c, 5],
        ]),
        batch(b, [
          [a, 5],
          [c, 3],
        ]),
        batch(c, [
          [a, 3],
          [b, 4],
        ]),
      ],
    ],
    ['a fast one without tallies goes behind its own predecessor', [{ ...batch(a, [[b, 0]]), tallies: null }, batch(b, [[a, 6]])]],
  ]
  return groups.map(([name, members]) => {
    const { order, pairs } = rankedOrder(members)
    return {
      name,
      batches: members.map(({ id: batchId, predecessors, tallies }) => ({
        batchId,
        predecessors,
        tallies: tallies && { m: tallies.m, inc: Object.fromEntries(tallies.inc) },
      })),
      pairs: pairs.map(({ winner, loser, strength, locked }) => ({ winner, loser, strength: Number.isFinite(strength) ? strength : null, locked })),
      order,
    }
  })
}

/** Makes the vectors with any backend. */
export function protocolVectors(crypto: Crypto) {
  const { manifest, keys } = cluster(crypto)
  const { clusterId } = manifest
  const txs = transactions(crypto, manifest)
  const link = (signer: number): Uint8Array => (keys[signer] as Keys).link
  const body = (initiator: number, sequence: number, list: Transaction[]) => ({
    epoch: 0,
    initiator,
    sequence,
    time: 1_790_000_000,
    transactions: list,
  })
  const batch = makeBatch(crypto.ed25519, clusterId, link(3), body(3, 0, txs.slice(0, 2)))
  const other = makeBatch(crypto.ed25519, clusterId, link(5), body(5, 2, txs.slice(0, 1)))
  const { logs, steps, ids } = history(clusterId)
  const heights = new Map([
    ['acct:alice', 3],
    ['acct:bob', 2],
  ])
  const without: View = { heights, pending: [] }
  const having: View = { heights, pending: [other.id] }
  const reaching: View = {
    heights: new Map([
      ['acct:alice', 2],
      ['acct:bob', 1],
    ]),
    pending: [...ids.slice(2)],
  }

  const fastViews = new Map(EVERYONE.slice(0, 6).map((i) => [i, i === 5 ? reaching : without]))
  const slowViews = new Map(EVERYONE.map((i) => [i, i < 4 ? having : without]))
  const fastVotes = votesFor(crypto, manifest, keys, batch.id, fastViews)
  const slowVotes = votesFor(crypto, manifest, keys, batch.id, slowViews)
  const fast: Certificate = { type: 'fast', epoch: 0, batchId: batch.id, votes: fastVotes }
  const slowTally = readTally(batch, slowVotes, logs)
  const order = signOrder(crypto, manifest, link(3), {
    batchId: batch.id,
    ballot: 0,
    value: slowValue(slowTally, manifest),
    proof: { type: 'votes', votes: slowVotes },
  })
  const slow = slowCertificate(crypto, manifest, keys, order, [0, 1, 2, 4, 5, 6])

  const coordinator = treeOf(batch.id, 3, manifest).permutation[1] ?? 0
  const forced = promisesFor(crypto, manifest, keys, slowViews, order, 5)
  const forcedOrder = signOrder(crypto, manifest, link(coordinator), {
    batchId: batch.id,
    ballot: 1,
    value: order.value,
    proof: { type: 'promises', promises: forced.set },
  })
  const timeout = timeoutDigest(manifest, batch.id, 1)
  const timeouts = gathered(
    crypto,
    keys,
    [0, 6].map((signer) => ({ signer, message: timeout })),
  )
  const digest = valueDigest(clusterId, order.value)
  const promise = forced.all.get(0) as PromiseOf
  const accepts = {
    ballot: 0,
    valueDigest: digest,
    signers: bitmapOf(N, [2]),
    signature: crypto.bls.sign((keys[2] as Keys).bls, acceptDigest(manifest, batch.id, 0, digest)),
  }

  const past = pastVectors(clusterId, batch)
  const said = { executed: 1, orderDigest: logs.orderDigest, machineDigest: toHex(sha256(utf8('a state'))), pastDigest: past.digest }
  const state = { said, digest: stateDigest(manifest, said) }

  const messages: Message[] = [
    { type: 'propose', batch, reference: without },
    { type: 'vote', batchId: batch.id, votes: slowVotes, postponed: bitmapOf(N, []) },
    { type: 'vote', batchId: batch.id, votes: null, postponed: bitmapOf(N, [1]) },
    { type: 'order', order },
    { type: 'order', order: forcedOrder },
    { type: 'accept', batchId: batch.id, ballot: 0, accepts },
    { type: 'certificate', certificate: fast },
    { type: 'ask', batchId: batch.id, phase: 'vote', ballot: 0 },
    { type: 'shares', batchId: batch.id, votes: [fastVotes], accepts: [] },
    { type: 'timeout', batchId: batch.id, ballot: 1, signature: crypto.bls.sign((keys[0] as Keys).bls, timeout) },
    {
      type: 'prepare',
      batchId: batch.id,
      ballot: 1,
      timeouts: { signers: timeouts.entries[0]?.signers ?? bitmapOf(N, []), signature: timeouts.signature },
      signature: crypto.ed25519.sign(link(coordinator), prepareDigest(manifest, batch.id, 1)),
    },
    { type: 'promise', batchId: batch.id, ballot: 1, promise },
    {
      type: 'refuse',
      batchId: batch.id,
      ballot: 0,
      backings: [
        { type: 'certificate', certificate: slow },
        { type: 'order', order },
      ],
    },
    {
      type: 'notice',
      batchId: batch.id,
      ballot: 0,
      heights: new Map([['acct:alice', 3]]),
      round: { type: 'order', valueDigest: digest, proofDigest: proofOfOrderDigest(clusterId, order.proof), signature: order.signature },
    },
    {
      type: 'notice',
      batchId: batch.id,
      ballot: 1,
      heights: new Map(),
      round: {
        type: 'prepare',
        timeouts: { signers: timeouts.entries[0]?.signers ?? bitmapOf(N, []), signature: timeouts.signature },
        signature: crypto.ed25519.sign(link(coordinator), prepareDigest(manifest, batch.id, 1)),
      },
    },
    {
      type: 'heard',
      items: [
        {
          batchId: batch.id,
          said: [
            { type: 'vote', digest: toHex(voteDigest(manifest, batch.id, without)), view: without, signers: bitmapOf(N, [2]) },
            { type: 'accept', ballot: 0, valueDigest: digest, signers: bitmapOf(N, [2]) },
            { type: 'promise', ballot: 1, accepted: { ballot: 0, valueDigest: digest }, signers: bitmapOf(N, [3]) },
            { type: 'order', ballot: 0, valueDigest: digest },
          ],
        },
      ],
    },
    {
      type: 'halves',
      items: [
        { type: 'votes', batchId: batch.id, votes: fastVotes },
        {
          type: 'accepts',
          batchId: batch.id,
          ballot: 0,
          accepts: { valueDigest: digest, signers: accepts.signers, signature: accepts.signature },
        },
      ],
    },
    { type: 'proof', evidence: { type: 'double-batch', first: batch, second: other } },
    { type: 'inquire', items: [{ batchId: batch.id, rank: 1 }] },
    { type: 'finals', items: [{ batchId: batch.id, valueDigest: digest }] },
    { type: 'fetch', ids: [batch.id, other.id] },
    { type: 'fetch-sequence', initiator: 5, from: 0, to: 2 },
    { type: 'have', batch, certificate: slow },
    { type: 'sync', executed: 3, digest: logs.executedDigest, from: 0 },
    { type: 'page', from: 0, ids, executed: 3, pruned: 1 },
    { type: 'heads-request', heights: new Map([['acct:alice', 2]]) },
    headsAt(logs, new Map(logs.keys().map((key) => [key, 2]))),
    { type: 'state-request', from: 1 },
    { type: 'snapshot-request' },
    { type: 'part-request', snapshot: toHex(state.digest), at: 0 },
    { type: 'state', ...state.said, signature: crypto.ed25519.sign(link(2), state.digest), from: 1, ids: ids.slice(1) },
    { type: 'snapshot', ...state.said, signature: crypto.ed25519.sign(link(2), state.digest), pastBytes: past.body.length, machineBytes: 3 },
    { type: 'part', snapshot: toHex(state.digest), at: 0, bytes: past.body },
  ]
  const codec = messageCodec(clusterId)
  const counted = (name: string, votes: VoteSet) => {
    const tally = readTally(batch, votes, logs)
    const value: Value = isFast(tally, manifest) ? fastValue(tally, manifest) : slowValue(tally, manifest)
    return {
      name,
      m: tally.votes,
      inc: Object.fromEntries(tally.inc),
      fast: isFast(tally, manifest),
      score: scoreOf(tally),
      predecessors: predecessorsOf(tally, manifest),
      value: encoded(valueCodec, value),
      valueDigest: valueDigest(clusterId, value),
    }
  }
  return {
    about: 'Examples for docs/protocol.md: seven signers with fixed keys. Bytes and ids are lower-case hex; cbor is the deterministic encoding.',
    signers: keys.map(({ bls, link: seed }, i) => ({
      blsSecret: toHex(bls),
      linkSecret: toHex(seed),
      proofDigest: toHex(proofDigest(manifest.signers[i]?.publicKey ?? new Uint8Array(48))),
    })),
    manifest: manifestToJson(manifest),
    bounds: {
      quorum: manifest.quorum,
      crashBound: manifest.crashBound,
      asyncByzantineBound: manifest.asyncByzantineBound,
      syncByzantineBound: manifest.syncByzantineBound,
      inclusion: manifest.inclusion,
    },
    clusterId,
    transactions: txs.map((transaction) => ({ ...encoded(transactionCodec, transaction), txId: transactionId(clusterId, transaction) })),
    batches: [batch, other].map(({ id, keys: union, bytes, signature }) => ({
      batchId: id,
      keys: union,
      cbor: toHex(bytes),
      signature: toHex(signature),
    })),
    trees: treeVectors(manifest, batch.id),
    keyLogs: steps,
    views: viewVectors(batch.keys, ids, other.id, logs),
    statements: {
      batchId: batch.id,
      vote: { view: toJson(viewCodec, having), digest: toHex(voteDigest(manifest, batch.id, having)) },
      accept: { ballot: 0, valueDigest: digest, digest: toHex(acceptDigest(manifest, batch.id, 0, digest)) },
      timeout: { ballot: 1, digest: toHex(timeout) },
      prepare: { ballot: 1, digest: toHex(prepareDigest(manifest, batch.id, 1)) },
      promise: {
        ballot: 1,
        voteDigest: promise.voteDigest,
        accepted: promise.accepted,
        blockers: promise.blockers,
        digest: toHex(promiseDigest(manifest, batch.id, 1, promise)),
      },
      state: { ...state.said, digest: toHex(state.digest) },
    },
    past: { entries: past.entries.map((entry) => ({ json: entry, cbor: toHex(encodeEntry(entry)) })), digest: past.digest },
    tallies: [counted('fast', fastVotes), counted('slow', slowVotes)],
    certificates: [fast, slow].map((certificate) => ({
      ...encoded(certificateCodec, certificate),
      certificateId: certificateId(manifest, certificate),
    })),
    orders: [order, forcedOrder].map((value) => ({ coordinator: value.ballot === 0 ? 3 : coordinator, ...encoded(orderCodec, value) })),
    ranked: rankedVectors(),
    messages: messages.map((message) => ({ type: message.type, json: toJson(codec, message), cbor: toHex(encodeMessage(codec, message)) })),
    hello: helloVector(manifest),
  }
}

/** The past after one batch, of whose transactions the second is taken to have no keys. */
function pastVectors(clusterId: Id, { id, initiator, keys, transactions: [first, second] }: Batch) {
  const txIdOf = (transaction: Transaction | undefined) => (transaction ? transactionId(clusterId, transaction) : '')
  const receipt = '{"ok":true,"result":null}'
  const entries: PastEntry[] = [
    { type: 'batch', id, initiator, isFast: null, keys, transactions: [{ txId: txIdOf(first), index: 0, receipt }] },
    { type: 'keyless', txId: txIdOf(second), place: null, receipt },
  ]
  const digest = new PastDigest(clusterId)
  for (const entry of entries) digest.add(encodeEntry(entry))
  return { entries, digest: digest.digest(), body: concat(...entries.map((entry) => framed(encodeEntry(entry)))) }
}

/** The statement of a handshake, spelled out: dialler 0, acceptor 1, nonces of one repeated byte. */
function helloVector({ clusterId, signers }: Manifest) {
  const end = (index: number) => ({
    identity: { role: 'signer', index, key: toHex(signers[index]?.linkKey ?? new Uint8Array(32)) },
    nonce: toHex(new Uint8Array(32).fill(index + 1)),
  })
  return { clusterId, signedBy: 'dialler', version: 1, epoch: 0, dialler: end(0), acceptor: end(1) }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = new URL('../test/vectors/protocol.json', import.meta.url)
  writeFileSync(file, `${JSON.stringify(protocolVectors({ bls: noble, ed25519: nobleEd25519 }), null, 1)}\n`)
}
