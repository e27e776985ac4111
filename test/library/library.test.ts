/** The functions of the pure entry: what they give and refuse. That they verify and derive rightly is tested where the rules stand. */
// time limit: 300 s
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as library from '../../src/index.js'
import { INPUT } from './documents.js'

const {
  boundsOf,
  buildTree,
  countVotes,
  deriveOrder,
  Documents,
  Ledger,
  loadCrypto,
  loadManifest,
  MusigError,
  manifestToJson,
  newTransaction,
  putPayload,
  readBatch,
  readManifest,
  readTransaction,
  signatureClaim,
  signTransaction,
  simulate,
  transactionId,
  transactionToJson,
  transferPayload,
  verifyCertificate,
  verifyEvidence,
  verifySignature,
} = library

const crypto = loadCrypto()
const manifest = loadManifest(INPUT.manifest, { crypto })

/** Each must be refused with this code, in one line that says why. */
function refused(work: () => unknown, code: string, reason: RegExp): void {
  try {
    work()
  } catch (error) {
    assert.instance(error, MusigError)
    assert.is((error as library.MusigError).code, code)
    assert.match((error as library.MusigError).message, reason)
    return
  }
  assert.unreachable('nothing was refused')
}

test('a manifest is loaded with its proofs, read without, and written as it was', () => {
  assert.equal({ schema: 1, ...manifestToJson(manifest) }, INPUT.manifest)
  const [first, second, ...rest] = (INPUT.manifest as { signers: { proof: string }[] }).signers
  if (!first || !second) throw new Error('no signers')
  const unproved = { ...(INPUT.manifest as object), signers: [{ ...first, proof: second.proof }, second, ...rest] }
  assert.is(readManifest(unproved).clusterId, manifest.clusterId)
  for (const options of [{}, { crypto }]) refused(() => loadManifest(unproved, options), 'BAD_INPUT', /signer 0 of the manifest lacks a valid proof/)
  refused(() => loadManifest(null), 'BAD_ENCODING', /not an object/)
})

test('nothing is verified with a manifest whose proofs were not checked', () => {
  const unproved = readManifest(INPUT.manifest) as library.ProvedManifest
  const claim = signatureClaim(unproved, INPUT.fast)
  for (const verify of [
    () => verifyCertificate(unproved, INPUT.fast),
    () => verifyEvidence(unproved, {}),
    () => verifySignature(claim, { manifest: unproved }),
  ])
    refused(verify, 'BAD_INPUT', /the manifest of “default” was read without its proofs/)
  assert.is(verifyCertificate(structuredClone(manifest), INPUT.fast, { crypto }).valid, true)
})

test('bounds from text, within what a cluster can be', () => {
  assert.equal(boundsOf(7), { n: 7, quorum: 6, crashBound: 1, asyncByzantineBound: 1, syncByzantineBound: 3, inclusion: 2 })
  assert.is(boundsOf(7, '0.75').quorum, boundsOf(7, '3/4').quorum)
  refused(() => boundsOf(0), 'BAD_INPUT', /n is 0/)
  refused(() => boundsOf(1.5), 'BAD_INPUT', /n is 1.5/)
  refused(() => boundsOf(1e9), 'BAD_INPUT', /4096 signers/)
  refused(() => boundsOf(7, '1/3'), 'BAD_INPUT', /below 1\/2/)
})

test('both ways of signing give the same verdict on a certificate', () => {
  for (const document of [INPUT.fast, INPUT.slow]) {
    const verdict = verifyCertificate(manifest, document, { crypto })
    assert.is(verdict.valid, true)
    assert.equal(verifyCertificate(manifest, document), verdict)
  }
  refused(() => verifyCertificate(manifest, [], { crypto }), 'BAD_INPUT', /the document is no certificate/)
  refused(() => verifyEvidence(manifest, {}, { crypto }), 'BAD_INPUT', /the document is no evidence/)
})

test('evidence that two halves of one kind do not make is judged, not thrown', () => {
  const half = { valueDigest: '11'.repeat(32), proofDigest: '22'.repeat(32), signature: '33'.repeat(64) }
  const evidence = { type: 'double-order', batchId: '44'.repeat(32), ballot: 0, signer: 1, first: half, second: half }
  const { valid, kind, signers } = verifyEvidence(manifest, evidence)
  assert.equal([valid, kind, signers], [false, 'double-order', []])
})

test('the claim of a certificate is what its signers signed: changed in any part it does not hold', () => {
  for (const document of [INPUT.fast, INPUT.slow]) {
    const claim = signatureClaim(manifest, document)
    const verdict = verifySignature(claim, { manifest, crypto })
    assert.equal([verdict.valid, verdict.signers, verdict.reachesQuorum], [true, [0, 1, 2, 3, 4], true])
    assert.is(verifySignature({ ...claim, messages: [...claim.messages].fill('0x00') }, { crypto }).valid, false)
    assert.is(verifySignature({ ...claim, publicKeys: claim.publicKeys.slice(1), messages: claim.messages.slice(1) }, { crypto }).valid, false)
  }
  const { certificate } = INPUT.slow as { certificate: object }
  refused(() => signatureClaim(manifest, { ...certificate, signers: '20' }), 'BAD_INPUT', /names signer 5; the manifest has 5/)
  refused(() => verifySignature({ publicKeys: [], messages: [], signature: '' }), 'BAD_INPUT', /the claim/)
})

test('the batch in a certificate is read back, with its transactions', () => {
  const { batch, batchId } = INPUT.fast as { batch: string; batchId: string }
  const read = readBatch(manifest, batch)
  assert.is(read.id, batchId)
  assert.is(new TextDecoder().decode(read.transactions[0]?.payload), '{"op":"transfer","from":"bob","to":"alice","amount":2}')
  refused(() => readBatch(manifest, 'zz'), 'BAD_INPUT', /the batch is not hex/)
  refused(() => readBatch(manifest, 'ff'), 'BAD_ENCODING', /CBOR/)
})

test('votes on one batch are counted as the derivation of the whole counts them', () => {
  const { n, batches, arrivals } = INPUT.votes as { n: number; batches: Record<string, string[]>; arrivals: string[][] }
  const derived = deriveOrder({ n, batches, arrivals })
  const conflicts = (a: string, b: string) => (batches[a] ?? []).some((key) => batches[b]?.includes(key))
  for (const { id, keys, views, ...shown } of derived.batches) {
    const votes = arrivals.map((list, signer) => ({ signer, before: list.slice(0, list.indexOf(id)).filter((other) => conflicts(id, other)) }))
    const { before, ...count } = countVotes(votes, boundsOf(n))
    assert.equal(count, shown, id)
    assert.is(
      views?.reduce((sum, { signers }) => sum + signers.length, 0),
      count.votes,
      id,
    )
    assert.ok(keys && Object.keys(before).every((other) => conflicts(id, other)))
  }
  assert.is(countVotes([], boundsOf(4)).path, 'undecided')
  refused(() => countVotes([{ signer: 4, before: [] }], boundsOf(4)), 'BAD_INPUT', /no signer 4/)
  const twice = { signer: 0, before: [] }
  refused(() => countVotes([twice, twice], boundsOf(4)), 'BAD_INPUT', /signer 0 votes twice/)
  refused(() => countVotes([{ signer: 0.5, before: [] }], boundsOf(4)), 'BAD_ENCODING', /votes\[0\]\.signer/)
  refused(() => countVotes('votes' as never, boundsOf(4)), 'BAD_ENCODING', /votes: not a list/)
})

test('an order from collected votes, and what cannot be one', () => {
  const vote = (signer: number, ...before: string[]) => ({ signer, before })
  const votes = { A: [0, 1, 2, 3].map((signer) => vote(signer)), B: [0, 1, 2, 3].map((signer) => vote(signer, 'A')) }
  assert.equal(deriveOrder({ n: 4, batches: { A: ['k'], B: ['k'] }, votes }).order, ['A', 'B'])
  refused(() => deriveOrder({ n: 4, batches: {}, votes }), 'BAD_INPUT', /“A”, which is not among the batches/)
  refused(() => deriveOrder({ n: 0, batches: {}, arrivals: [] }), 'BAD_INPUT', /at least one/)
  refused(() => deriveOrder({ n: 4, tolerance: '1/5', batches: {}, votes: {} }), 'BAD_INPUT', /below 1\/2/)
})

test('a tree: every signer once, the root first, coordinators in the order of the permutation', () => {
  const { batchId } = INPUT.fast as { batchId: string }
  const { root, depth, nodes, permutation } = buildTree(manifest, batchId, 3)
  assert.equal([root, depth, nodes[0]?.signer, permutation[0]], [3, 2, 3, 3])
  assert.equal([...permutation].sort(), [0, 1, 2, 3, 4])
  for (const { signer, parent, children } of nodes) {
    if (parent !== null && parent !== undefined) assert.ok(nodes.find((node) => node.signer === parent)?.children.includes(signer))
    assert.ok(children.length <= 2)
  }
  refused(() => buildTree(manifest, 'T1', 0), 'BAD_INPUT', /“T1” is no batch id/)
  refused(() => buildTree(manifest, batchId, 5), 'BAD_INPUT', /no signer 5/)
  refused(() => buildTree({ ...manifest, n: 1e9 }, batchId, 5), 'BAD_INPUT', /n is 1000000000/)
  refused(() => buildTree({ ...manifest, tree: { strategy: 'random', fanout: 0 } }, batchId, 0), 'BAD_INPUT', /a fanout of 0 makes no tree/)
})

test('transactions: unlike one another, owned by their key, the same after a way through JSON', () => {
  const secretKey = new Uint8Array(32).fill(7)
  const content = { ...transferPayload('alice', 'bob', 10), secretKey, expiresIn: 60 }
  const [one, other] = [newTransaction(manifest, content), newTransaction(manifest, content, { crypto })]
  assert.is.not(transactionId(manifest, one), transactionId(manifest, other))
  assert.ok((one.expiry ?? 0) > Date.now() / 1000)
  assert.equal(one.client, other.client)
  assert.is(new Ledger().check(one), undefined)
  const again = readTransaction(JSON.parse(JSON.stringify(transactionToJson(one))))
  assert.equal(again, one)
  assert.equal(signTransaction(manifest, { ...one, signature: null }, secretKey).signature, one.signature)
  assert.is(newTransaction(manifest, { deps: ['b', 'a', 'b'], payload: new Uint8Array() }).deps.join(), 'a,b')
  refused(() => newTransaction(manifest, { ...content, secretKey: new Uint8Array(3) }), 'BAD_INPUT', /32 bytes, not 3/)
  refused(() => newTransaction(manifest, { ...content, deps: ['k'.repeat(129)] }), 'BAD_INPUT', /1 to 128 bytes, this one 129/)
  refused(() => newTransaction(manifest, { ...content, payload: new Uint8Array(300_000) }), 'BAD_INPUT', /at most 262144/)
  refused(() => newTransaction(manifest, { ...content, expiresIn: Number.NaN }), 'BAD_INPUT', /expiresIn is NaN/)
  refused(() => readTransaction({}), 'BAD_ENCODING', /transaction: “deps” is missing/)
})

test('a state machine runs by itself', () => {
  const documents = new Documents()
  const put = newTransaction(manifest, putPayload('a', { is: 1 }))
  const txId = transactionId(manifest, put)
  assert.equal(documents.apply(put), { ok: true, result: { id: 'a', version: 1 } })
  assert.equal(documents.query('doc:a'), { id: 'a', version: 1, document: { is: 1 } })
  assert.is(txId.length, 64)
})

test('a simulated cluster: the same settings give the same result', () => {
  const settings = { n: 5, seed: 11, txs: 6, restarts: 1 }
  const { verdict, command, batches } = simulate(settings)
  assert.equal([verdict, command], ['ok', 'musig sim replay 11 -n 5 --txs 6 --restarts 1'])
  assert.equal(simulate(settings).batches, batches)
  refused(() => simulate({ crashes: 7 }), 'BAD_INPUT', /7 of 7 signers crash/)
  refused(() => simulate({ n: 1e9 }), 'BAD_INPUT', /n is 1000000000/)
  refused(() => simulate({ n: 0 }), 'BAD_INPUT', /at least one/)
  refused(() => simulate({ txs: 1e9 }), 'BAD_INPUT', /txs is 1000000000/)
  refused(() => simulate({ topology: 'ring' as never }), 'BAD_INPUT', /topology is none of tree, star, mesh/)
  refused(() => simulate({ crash: 1 } as never), 'BAD_INPUT', /“crash” is no setting/)
})

test.run()
