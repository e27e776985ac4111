/** Evidence: each kind holds offline and names the liars only; honest statements prove nothing; no mutant of it is taken. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { equalBytes, toHex } from '../../src/lib/base/bytes.js'
import { fromCbor, fromJson, toCbor, toJson } from '../../src/lib/base/codec.js'
import type { Certificate } from '../../src/lib/core/certificate.js'
import { type Evidence, evidenceCodec, incoherence, type Judgement, verifyEvidence } from '../../src/lib/core/evidence.js'
import type { PromiseStatement } from '../../src/lib/core/statement.js'
import { voteDigest } from '../../src/lib/core/statement.js'
import type { Value } from '../../src/lib/core/tally.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { ID, Liars, view } from './evidence-samples.js'
import { slander } from './slander.js'
import { FAKE } from './small-cluster.js'

const MAX_BYTES = 1 << 24
const real = new Liars(loadCrypto(undefined))
const codec = evidenceCodec(real.manifest.clusterId)
const judge = (evidence: Evidence, liars = real): Judgement => verifyEvidence(liars.crypto, liars.manifest, evidence)
const samples = real.samples()

const guiltyIn = (evidence: Evidence, liars = real): number[] => {
  const judgement = judge(evidence, liars)
  return judgement.type === 'guilty' ? judgement.signers : []
}

test('every kind holds with two implementations of the signatures and the manifest alone, through CBOR and JSON, and names the liars only', () => {
  const noble = loadCrypto('noble')
  for (const { evidence, guilty } of samples) {
    const judgement = judge(evidence)
    assert.is(judgement.type, 'guilty', JSON.stringify(judgement))
    if (judgement.type !== 'guilty') continue
    assert.equal(judgement.signers, guilty, evidence.type)
    const back = fromCbor(codec, toCbor(codec, evidence), MAX_BYTES, 'evidence')
    assert.equal(verifyEvidence(noble, real.manifest, back), judgement)
    const fromText = fromJson(codec, JSON.parse(JSON.stringify(toJson(codec, evidence))), 'evidence')
    assert.equal(judge(fromText), judgement)
  }
})

test('of another cluster nothing holds', () => {
  const other = new Liars(real.crypto, 5)
  for (const { evidence } of samples) {
    const there = fromCbor(evidenceCodec(other.manifest.clusterId), toCbor(codec, evidence), MAX_BYTES, 'evidence')
    assert.is(judge(there, other).type, 'fault', evidence.type)
  }
})

test('slander: no mutant of valid evidence is taken, field by field and byte by byte', () => {
  const mutants = slander(real, String(Date.now()), { eachField: 3, eachKind: 300 })
  assert.ok(mutants > 1000, `${mutants} mutants`)
})

test('the two halves the other way round, and a half twice, prove nothing', () => {
  for (const { evidence } of samples) {
    if (!('first' in evidence)) continue
    assert.is(judge({ ...evidence, first: evidence.second, second: evidence.first } as Evidence).type, 'fault', evidence.type)
    assert.is(judge({ ...evidence, second: evidence.first } as Evidence).type, 'fault', evidence.type)
  }
})

test('votes that a height may reconcile, that name one another one way, or of batches without a common key are coherent', () => {
  const a = { id: 'aa'.repeat(32), keys: ['k', 'l'] }
  const b = { id: 'bb'.repeat(32), keys: ['k', 'l', 'm'] }
  const because = (one: ReturnType<typeof view>, other: ReturnType<typeof view>) => incoherence({ batch: a, view: one }, { batch: b, view: other })
  assert.match(because(view(), view()) ?? '', /neither/)
  assert.match(because(view([], [['k', 2]]), view([], [['k', 2]])) ?? '', /neither/)
  assert.match(because(view(), view([], [['m', 9]])) ?? '', /neither/)
  assert.match(because(view([b.id]), view([a.id])) ?? '', /each/)
  assert.is(because(view(), view([a.id])), undefined)
  assert.is(because(view([b.id]), view()), undefined)
  assert.is(because(view([], [['k', 1]]), view()), undefined)
  assert.is(because(view([], [['l', 1]]), view([], [['l', 2]])), undefined)
  assert.is(incoherence({ batch: a, view: view() }, { batch: { id: b.id, keys: ['m'] }, view: view() }), undefined)
})

test('a promise above an accept that reports it, or a later one, is no lie; nor is one below it', () => {
  const said = (accepted: PromiseStatement['accepted']): PromiseStatement => ({ voteDigest: ID, accepted, blockers: [] })
  const value = '11'.repeat(32)
  const made = (ballot: number, accepted: PromiseStatement['accepted']): Evidence => ({
    type: 'false-promise',
    batchId: ID,
    ballot: 2,
    accepts: real.accepts(ID, 2, value, [1]),
    promises: real.promises(ID, ballot, [[1, said(accepted)]]),
  })
  assert.equal(guiltyIn(made(4, { ballot: 2, valueDigest: value })), [])
  assert.equal(guiltyIn(made(4, { ballot: 3, valueDigest: ID })), [])
  assert.equal(guiltyIn(made(2, null)), [])
  assert.equal(guiltyIn(made(1, null)), [])
  assert.equal(guiltyIn(made(3, null)), [1])
  assert.equal(guiltyIn(made(3, { ballot: 2, valueDigest: ID })), [1])
})

test('orders: what follows from the proof proves nothing, what does not is false, what needs the history is let be', () => {
  const liars = new Liars(FAKE, 7)
  const batch = liars.batch(0, ['k'])
  const [u, w] = ['11'.repeat(32), '22'.repeat(32)]
  const value = (m: number, counts: [string, number][], predecessors: string[], base: [string, number][] = []): Value => ({
    base: new Map(base),
    predecessors,
    tallies: { m, inc: new Map(counts) },
  })
  const say = (views: ReturnType<typeof view>[]) =>
    liars.votes(
      batch.id,
      views.map((one, signer) => [signer, one]),
    )
  const judged = (views: ReturnType<typeof view>[], one: Value): string => {
    const order = liars.order(batch, 0, one, { type: 'votes', votes: say(views) })
    const judgement = judge({ type: 'false-order', batch, order }, liars)
    return judgement.type === 'guilty' ? judgement.text : 'unproved'
  }
  const six = [view([u]), view([u]), view([u]), view([w]), view([]), view([])]
  const right: [string, number][] = [
    [u, 3],
    [w, 1],
  ]
  assert.is(judged(six, value(6, right, [u])), 'unproved')
  assert.match(judged(six.slice(1), value(5, right, [u])), /5 votes, 6 are needed/)
  assert.match(judged(six, { ...value(6, right, [u]), tallies: null }), /without counts/)
  assert.match(judged(six, value(7, right, [u])), /7 votes counted of 6/)
  assert.match(judged(six, value(6, right, [])), /leaves out a predecessor/)
  assert.match(judged(six, value(6, right, [u, w])), /names a predecessor/)
  assert.match(judged(six, value(6, [[u, 3]], [u])), /not counted/)
  assert.match(
    judged(
      six,
      value(
        6,
        [
          [u, 4],
          [w, 1],
        ],
        [u],
      ),
    ),
    /other counts/,
  )
  assert.match(judged(six, value(6, right, [u], [['k', 1]])), /another base/)
  // At level heights something listed may be below the base, so what is left out shows nothing; what is counted too often does.
  const level = six.map(({ pending }) => view(pending, [['k', 4]]))
  assert.is(judged(level, value(6, [[u, 3]], [u], [['k', 4]])), 'unproved')
  assert.match(judged(level, value(6, [[u, 4]], [u], [['k', 4]])), /other counts/)
  // Between heights the history counts.
  const uneven = [...level.slice(1), view([u], [['k', 3]])]
  assert.is(
    judged(
      uneven,
      value(
        6,
        [
          [u, 5],
          [w, 2],
        ],
        [u],
        [['k', 3]],
      ),
    ),
    'unproved',
  )

  const spoilt = { ...say(six), signature: say(level).signature }
  const order = liars.order(batch, 0, value(6, right, [u]), { type: 'votes', votes: spoilt })
  assert.equal(guiltyIn({ type: 'false-order', batch, order }, liars), [0])
  const stranger = liars.order(batch, 0, value(6, right, [u]), { type: 'votes', votes: spoilt }, 1)
  assert.equal(guiltyIn({ type: 'false-order', batch, order: stranger }, liars), [])
})

test('orders above ballot 0: a forced value passed over is proof; blockers that promises name, and values that follow, are none', () => {
  const liars = new Liars(FAKE, 7)
  const batch = liars.batch(0, ['k'])
  const u = '11'.repeat(32)
  const one = view([u])
  const votes = liars.votes(
    batch.id,
    [0, 1, 2, 3, 4, 5].map((signer) => [signer, one]),
  )
  const forced: Value = { base: new Map(), predecessors: [], tallies: { m: 6, inc: new Map() } }
  const counted: Value = { base: new Map(), predecessors: [u], tallies: { m: 6, inc: new Map([[u, 6]]) } }
  const digest = liars.orderHalf(batch, forced, votes).valueDigest
  const judged = (value: Value, accepted: PromiseStatement['accepted'], blockers: string[], values: Value[] = [forced], votesOf = votes): string => {
    const statement = { voteDigest: toHex(voteDigest(liars.manifest, batch.id, one)), accepted, blockers }
    const { statements, signature } = liars.promises(
      batch.id,
      3,
      [0, 1, 2, 3, 4, 5].map((signer) => [signer, statement]),
    )
    const promises = { votes: votesOf, statements, signature, values, backings: [], certificate: null }
    const order = liars.order(batch, 3, value, { type: 'promises', promises })
    const judgement = judge({ type: 'false-order', batch, order }, liars)
    if (judgement.type === 'guilty') assert.equal(judgement.signers, [liars.coordinator(batch, 3)])
    return judgement.type === 'guilty' ? judgement.text : 'unproved'
  }
  assert.is(judged(forced, { ballot: 0, valueDigest: digest }, []), 'unproved')
  assert.match(judged(counted, { ballot: 0, valueDigest: digest }, []), /than the forced one/)
  assert.match(judged(forced, { ballot: 0, valueDigest: digest }, [], []), /not shown/)
  assert.is(judged(counted, null, []), 'unproved')
  assert.match(judged(forced, null, []), /counts|counted/)
  const blocked = { ...counted, predecessors: [u, '22'.repeat(32)] }
  assert.is(judged(blocked, null, ['22'.repeat(32)]), 'unproved')
  assert.match(judged(blocked, null, []), /names a predecessor/)
  const fewer = liars.votes(
    batch.id,
    [0, 1, 2, 3, 4].map((signer) => [signer, one]),
  )
  assert.match(judged(counted, null, [], [forced], fewer), /not the same signers/)
})

test('with the guard on, a certificate shown goes first: a slow one must be the value, a fast one proves nothing, one that does not hold is false', () => {
  const liars = new Liars(FAKE, 4, 50)
  const batch = liars.batch(0, ['k'])
  const everyone = [0, 1, 2, 3]
  const votes = liars.votes(
    batch.id,
    everyone.map((signer) => [signer, view()]),
  )
  const certified: Value = { base: new Map(), predecessors: [ID], tallies: { m: 4, inc: new Map([[ID, 4]]) } }
  const counted: Value = { base: new Map(), predecessors: [], tallies: { m: 4, inc: new Map() } }
  const { signers, signature } = liars.accepts(batch.id, 1, liars.orderHalf(batch, certified, votes).valueDigest, everyone)
  const slow: Certificate = { type: 'slow', epoch: 0, batchId: batch.id, ballot: 1, value: certified, signers, signature }
  const fast: Certificate = { type: 'fast', epoch: 0, batchId: batch.id, votes }
  const statement = { voteDigest: toHex(voteDigest(liars.manifest, batch.id, view())), accepted: null, blockers: [] }
  const said = liars.promises(
    batch.id,
    2,
    everyone.map((signer) => [signer, statement]),
  )
  const order = (value: Value, certificate: Certificate | null) => {
    const promises = { votes, statements: said.statements, signature: said.signature, values: [], backings: [], certificate }
    return liars.order(batch, 2, value, { type: 'promises', promises })
  }
  const judged = (value: Value, certificate: Certificate | null): string => {
    const judgement = judge({ type: 'false-order', batch, order: order(value, certificate) }, liars)
    return judgement.type === 'guilty' ? judgement.text : 'unproved'
  }
  assert.is(judged(certified, slow), 'unproved')
  assert.match(judged(counted, slow), /than the certified one/)
  assert.is(judged(certified, fast), 'unproved')
  assert.match(judged(certified, null), /counts|predecessor/)
  assert.is(judged(counted, null), 'unproved')
  assert.match(judged(certified, { ...slow, ballot: 0 }), /does not verify/)
  assert.match(judged(certified, { ...slow, batchId: ID }), /another batch/)

  // Backings are not under the signature: whoever passes a false order on could put some in.
  const bare = order(counted, slow)
  if (bare.proof.type !== 'promises') throw new Error('no promises')
  const promises = { ...bare.proof.promises, backings: [{ type: 'certificate' as const, certificate: fast }] }
  assert.equal(guiltyIn({ type: 'false-order', batch, order: bare }, liars), [liars.coordinator(batch, 2)])
  assert.equal(guiltyIn({ type: 'false-order', batch, order: { ...bare, proof: { type: 'promises', promises } } }, liars), [])
})

test('two batches of one initiator with two numbers, or of two initiators with one, are as they should be', () => {
  const one = real.batch(0, ['k'], 3)
  for (const other of [real.batch(0, ['k'], 4), real.batch(1, ['k'], 3)]) {
    const [first, second] = one.id < other.id ? [one, other] : [other, one]
    assert.equal(guiltyIn({ type: 'double-batch', first, second }), [])
  }
})

test('codec: equal evidence has equal bytes', () => {
  for (const { evidence } of samples) {
    const bytes = toCbor(codec, evidence)
    assert.ok(equalBytes(bytes, toCbor(codec, fromCbor(codec, bytes, MAX_BYTES, 'evidence'))))
  }
})

test.run()
