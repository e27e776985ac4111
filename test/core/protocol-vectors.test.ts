/**
 * test/vectors/protocol.json: what the product makes of the fixed keys with either backend, and a second reading from docs/protocol.md that uses nothing
 * of the core but CBOR and SHA-256. Certificates and signatures are checked with noble and with blst.
 */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ProtocolVectors, protocolVectors } from '../../scripts/make-protocol-vectors.js'
import { decodeCbor, encodeCbor } from '../../src/lib/base/cbor.js'
import { sha256 } from '../../src/lib/base/hash.js'
import type { Bls, SignedBy } from '../../src/lib/bls/backend.js'
import { noble, nobleEd25519 } from '../../src/lib/bls/noble.js'
import { certificateFault } from '../../src/lib/core/certificate.js'
import { loadManifest, readManifest } from '../../src/lib/core/manifest.js'
import { decodeMessage, encodeMessage, messageCodec } from '../../src/lib/core/message.js'
import { blst } from '../../src/lib/node/blst.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { Acceptor, Dialler, signerIdentity } from '../../src/lib/node/handshake.js'
import { having, hex, itemsOf, type Json, members, omit, parentsByText, permutationByText, plainOf, statement, u32, unhex } from './text.js'

const vectors = JSON.parse(readFileSync(new URL('../vectors/protocol.json', import.meta.url), 'utf8')) as ProtocolVectors
const json = vectors as unknown as Json
const { clusterId } = vectors
const signers = json.manifest?.signers as unknown as Json[]
const NO_CLUSTER = '00'.repeat(32)

const both = (check: (bls: Bls) => void): void => {
  check(noble)
  check(blst)
}

const publicKeys = (bitmap: string): Uint8Array[] => members(bitmap).map((signer) => unhex(signers[signer]?.publicKey as string))

/** Whether an aggregate over (digest, bitmap) verifies, by either backend. */
function verifies(parts: readonly { digest: string; bitmap: string }[], signature: string): void {
  const signed: SignedBy[] = parts.map(({ digest, bitmap }) => ({ message: unhex(digest), publicKeys: publicKeys(bitmap) }))
  both((bls) => assert.ok(bls.verify(signed, unhex(signature)), bls.name))
}

/** The digests and bitmaps of a vote set, which must ascend. */
function voteParts(batchId: string, votes: Json): { digest: string; bitmap: string }[] {
  const parts = itemsOf(votes.entries).map((entry) => ({
    digest: statement('vote', clusterId, { epoch: 0, batchId, view: entry.view }),
    bitmap: entry.signers as string,
  }))
  assert.equal(
    parts,
    [...parts].sort((a, b) => (a.digest < b.digest ? -1 : 1)),
  )
  return parts
}

test('either backend makes exactly what the file holds', () => {
  assert.equal(JSON.parse(JSON.stringify(protocolVectors({ bls: noble, ed25519: nobleEd25519 }))), vectors)
  assert.equal(JSON.parse(JSON.stringify(protocolVectors({ bls: blst, ed25519: nodeEd25519 }))), vectors)
})

test('manifest: clusterId, proofs of possession, link signatures, order of signers', () => {
  const identity = having(omit(json.manifest as Json, 'schema'), { signers: signers.map((signer) => omit(signer, 'proof', 'linkSignature')) })
  assert.is(statement('manifest', NO_CLUSTER, identity), clusterId)
  signers.forEach((signer, i) => {
    const secrets = vectors.signers[i]
    const digest = statement('proof', NO_CLUSTER, { publicKey: signer.publicKey })
    assert.is(digest, secrets?.proofDigest)
    const link = statement('link', NO_CLUSTER, { publicKey: signer.publicKey, linkKey: signer.linkKey })
    both((bls) => {
      assert.is(hex(bls.publicKey(unhex(secrets?.blsSecret ?? ''))), signer.publicKey)
      assert.is(hex(bls.sign(unhex(secrets?.blsSecret ?? ''), unhex(digest))), signer.proof)
      assert.is(hex(bls.sign(unhex(secrets?.blsSecret ?? ''), unhex(link))), signer.linkSignature)
    })
    if (i > 0) assert.ok((signers[i - 1]?.publicKey as string) < (signer.publicKey as string))
  })
  both((bls) => assert.is(loadManifest(vectors.manifest, bls).clusterId, clusterId))
})

test('transactions and batches: bytes, ids and signatures', () => {
  for (const { json: transaction, cbor, txId } of vectors.transactions as unknown as { json: Json; cbor: string; txId: string }[]) {
    assert.is(hex(encodeCbor(plainOf(transaction))), cbor)
    assert.is(statement('transaction', clusterId, omit(transaction, 'signature')), txId)
    if (transaction.client) assert.ok(nobleEd25519.verify(unhex(transaction.client), unhex(txId), unhex(transaction.signature as string)))
  }
  for (const { batchId, keys, cbor, signature } of vectors.batches) {
    const batch = decodeCbor(unhex(cbor), 1 << 20) as Map<string, never>
    const content = new Map([...batch].filter(([name]) => name !== 'signature'))
    const digest = sha256(Buffer.concat([Buffer.from('musig/v1/batch\0'), unhex(clusterId), encodeCbor(content)]))
    assert.is(hex(digest), batchId)
    assert.is(hex(batch.get('signature') as unknown as Uint8Array), signature)
    const linkKey = signers[batch.get('initiator') as unknown as number]?.linkKey as string
    assert.ok(nobleEd25519.verify(unhex(linkKey), digest, unhex(signature)))
    const deps = (batch.get('transactions') as unknown as Map<string, string[]>[]).flatMap((transaction) => transaction.get('deps') ?? [])
    assert.equal(
      keys,
      [...new Set(deps)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    )
  }
})

test('trees: permutation and parents', () => {
  for (const { batchId, root, regions, strategy, fanout, permutation, parents } of vectors.trees) {
    assert.equal(permutationByText(clusterId, batchId, root, regions, strategy), permutation)
    assert.equal(parentsByText(permutation, fanout), parents)
  }
})

test('key logs: heads of the chains and orderDigest', () => {
  const heads = new Map<string, { height: number; head: Uint8Array }>()
  for (const step of vectors.keyLogs) {
    for (const key of step.keys) {
      const { height, head } = heads.get(key) ?? { height: 0, head: new Uint8Array(32) }
      const next = sha256(
        Buffer.concat([Buffer.from('musig/v1/key\0'), unhex(clusterId), Buffer.from(key), u32(height + 1), head, unhex(step.batchId)]),
      )
      heads.set(key, { height: height + 1, head: next })
    }
    const expected = step.keys.map((key) => ({ key, height: heads.get(key)?.height, head: hex(heads.get(key)?.head ?? new Uint8Array(0)) }))
    assert.equal(expected, step.heads)
    const pairs = [...heads].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { head }]) => [key, head])
    const digest = sha256(Buffer.concat([Buffer.from('musig/v1/order-digest\0'), unhex(clusterId), encodeCbor(pairs)]))
    assert.is(hex(digest), step.orderDigest)
  }
})

test('views: written as near to the reference as the own set allows, and still the own set', () => {
  const logs = new Map<string, string[]>()
  for (const { batchId, keys } of vectors.keyLogs) for (const key of keys) logs.set(key, [...(logs.get(key) ?? []), batchId])
  for (const { name, keys, own, referenceHeights, written } of vectors.views as unknown as Json[]) {
    const set = (view: Json) =>
      [
        ...new Set([
          ...itemsOf<string>(view.pending),
          ...itemsOf<string>(keys).flatMap((key) => logs.get(key)?.slice(0, Number(view.heights?.[key] ?? 0)) ?? []),
        ]),
      ].sort()
    const view = written?.json as Json
    assert.equal(set(view), set(own as Json), name as string)
    assert.is(hex(encodeCbor(plainOf(view))), written?.cbor)
    for (const key of itemsOf<string>(keys)) {
      const height = Number(view.heights?.[key] ?? 0)
      const frozen = Number(own?.heights?.[key] ?? 0)
      const wanted = Number(referenceHeights?.[key] ?? 0)
      const pending = itemsOf<string>(own?.pending)
      const log = logs.get(key) ?? []
      let best = Math.min(frozen, wanted)
      while (best >= frozen && best < wanted && pending.includes(log[best] ?? '')) best++
      assert.is(height, best, `${name} ${key}`)
    }
  }
})

test('statements: digests', () => {
  const { batchId, vote, accept, timeout, prepare, promise, state } = json.statements as Json
  const at = (ballot: number) => ({ epoch: 0, batchId, ballot })
  assert.is(statement('vote', clusterId, { epoch: 0, batchId, view: vote?.view }), vote?.digest)
  assert.is(statement('accept', clusterId, { ...at(0), valueDigest: accept?.valueDigest }), accept?.digest)
  assert.is(statement('timeout', clusterId, at(1)), timeout?.digest)
  assert.is(statement('prepare', clusterId, at(1)), prepare?.digest)
  assert.is(statement('state', clusterId, having(omit(state as Json, 'digest'), { epoch: 0 })), state?.digest)
  const { voteDigest, accepted, blockers } = promise as Json
  assert.is(statement('promise', clusterId, { ...at(1), voteDigest, accepted, blockers }), promise?.digest)
})

test('the past: its entries, and the digest over them in no order', () => {
  const { entries, digest } = vectors.past
  for (const { json: entry, cbor } of entries) assert.is(hex(encodeCbor(plainOf(entry))), cbor)
  const leaves = entries.map(({ cbor }) => hex(sha256(unhex(cbor)))).sort()
  assert.is(hex(sha256(Buffer.concat([Buffer.from('musig/v1/past\0'), unhex(clusterId), ...leaves.map(unhex)]))), digest)
  const body = Buffer.concat(entries.flatMap(({ cbor }) => [u32(cbor.length / 2), unhex(cbor)]))
  const part = vectors.messages.find(({ type }) => type === 'part')?.json as Json | undefined
  assert.is(part?.bytes, hex(body))
})

test('tallies: counts, predecessors, score and value', () => {
  const { quorum, inclusion } = vectors.bounds
  for (const { m, inc, fast, score, predecessors, value, valueDigest } of vectors.tallies) {
    const counts = Object.entries(inc)
    assert.equal(
      predecessors,
      counts
        .filter(([, count]) => count > inclusion)
        .map(([id]) => id)
        .sort(),
    )
    assert.is(fast, m >= quorum && counts.every(([, count]) => count >= quorum || m - count >= quorum))
    assert.is(score, Math.min(m, ...counts.map(([, count]) => Math.max(count, m - count))))
    assert.is(statement('value', clusterId, value.json), valueDigest)
    assert.is(hex(encodeCbor(plainOf(value.json))), value.cbor)
  }
})

test('certificates: a quorum, and their signatures verify with noble and blst', () => {
  const manifest = readManifest(vectors.manifest)
  for (const { json: certificate, cbor, certificateId } of vectors.certificates as unknown as { json: Json; cbor: string; certificateId: string }[]) {
    assert.is(hex(encodeCbor(plainOf(certificate))), cbor)
    const { type, batchId, ballot, value } = certificate
    const blank = '00'.repeat(96)
    const nameless =
      type === 'fast'
        ? having(certificate, { votes: having(certificate.votes as Json, { signature: blank }) })
        : having(certificate, { signature: blank })
    assert.is(statement('certificate', clusterId, nameless), certificateId)
    const accepted = () => ({
      digest: statement('accept', clusterId, { epoch: 0, batchId, ballot, valueDigest: statement('value', clusterId, value) }),
      bitmap: certificate.signers as unknown as string,
    })
    const votes = certificate.votes as Json
    const parts = type === 'fast' ? voteParts(batchId as string, votes) : [accepted()]
    assert.ok(parts.flatMap(({ bitmap }) => members(bitmap)).length >= vectors.bounds.quorum)
    verifies(parts, (type === 'fast' ? votes.signature : certificate.signature) as string)
    const decoded = decodeMessage(
      messageCodec(clusterId),
      encodeCbor(
        new Map([
          ['type', 'certificate'],
          ['certificate', plainOf(certificate)],
        ] as never),
      ),
    )
    assert.ok(decoded.type === 'certificate')
    if (decoded.type !== 'certificate') return
    for (const bls of [noble, blst]) assert.is(certificateFault({ bls, ed25519: nobleEd25519 }, manifest, decoded.certificate), undefined)
  }
})

test('orders: signed by the coordinator over the value and what it follows from', () => {
  for (const { coordinator, json: order, cbor } of vectors.orders as unknown as { coordinator: number; json: Json; cbor: string }[]) {
    assert.is(hex(encodeCbor(plainOf(order))), cbor)
    const { batchId, ballot, value, proof } = order
    assert.is(coordinator, vectors.trees[0]?.permutation[ballot as unknown as number])
    const digest = statement('order', clusterId, {
      epoch: 0,
      batchId,
      ballot,
      valueDigest: statement('value', clusterId, value),
      proofDigest: statement('proof-of-order', clusterId, proof),
    })
    assert.ok(nobleEd25519.verify(unhex(signers[coordinator]?.linkKey as string), unhex(digest), unhex(order.signature as string)))
    const votes = (proof?.type === 'votes' ? proof.votes : proof?.promises?.votes) as Json
    verifies(voteParts(batchId as string, votes), votes.signature as string)
    if (proof?.type !== 'promises') continue
    const set = proof.promises as Json
    const parts = itemsOf(set.statements).map((said) => ({
      digest: statement('promise', clusterId, having(omit(said, 'signers'), { epoch: 0, batchId, ballot })),
      bitmap: said.signers as string,
    }))
    verifies(parts, set.signature as string)
  }
})

test('messages: one of each type at least, and the same bytes again after decoding', () => {
  const codec = messageCodec(clusterId)
  const types = new Set(vectors.messages.map(({ type }) => type))
  assert.is(types.size, 30)
  for (const { type, json: message, cbor } of vectors.messages as unknown as { type: string; json: Json; cbor: string }[]) {
    assert.is(hex(encodeCbor(plainOf(message))), cbor, type)
    const decoded = decodeMessage(codec, unhex(cbor))
    assert.is(decoded.type, type)
    assert.is(hex(encodeMessage(codec, decoded)), cbor)
  }
})

test('hello: a real handshake signs the statement as the text has it', () => {
  const manifest = readManifest(vectors.manifest)
  const context = (self: number) => ({
    self: signerIdentity(manifest, self),
    manifest,
    ed25519: nobleEd25519,
    linkSecretKey: unhex(vectors.signers[self]?.linkSecret ?? ''),
  })
  const [dialler, acceptor] = [new Dialler(context(0), 1), new Acceptor(context(1))]
  const hello = dialler.hello()
  const answer = acceptor.answer(hello)
  const read = (bytes: Uint8Array) => decodeCbor(bytes, 4096) as Map<string, never>
  const nonceOf = (bytes: Uint8Array) => hex(read(bytes).get('nonce') as unknown as Uint8Array)
  const said = (signedBy: string) => {
    const { dialler: first, acceptor: second } = vectors.hello
    return statement('hello', clusterId, {
      epoch: 0,
      version: 1,
      signedBy,
      dialler: { ...first, nonce: nonceOf(hello) },
      acceptor: { ...second, nonce: nonceOf(answer) },
    })
  }
  const check = (signer: number, signedBy: string, bytes: Uint8Array) =>
    assert.ok(
      nobleEd25519.verify(unhex(signers[signer]?.linkKey as string), unhex(said(signedBy)), read(bytes).get('signature') as unknown as Uint8Array),
      signedBy,
    )
  check(1, 'acceptor', answer)
  check(0, 'dialler', dialler.proof(answer))
})

test.run()
