/** Joining halves: what two signers hold between them is proved and known to all; what is told and answered is bounded, and nobody honest is blamed for it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { inOrder, verifyEvidence } from '../../src/lib/core/evidence.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import type { Message, MessageOf } from '../../src/lib/core/message.js'
import type { ALL_RULES } from '../../src/lib/core/rules.js'
import type { Value } from '../../src/lib/core/tally.js'
import { treeOf } from '../../src/lib/core/tree.js'
import type { VoteSet } from '../../src/lib/core/vote-set.js'
import { ID, Liars, view } from './evidence-samples.js'
import { FAKE, SmallCluster } from './small-cluster.js'

const N = 7
/** Two that sign what the test wants; nothing else comes from them, for they are down. */
const [LIAR, FELLOW] = [1, 3]
const HONEST = [0, 2, 4, 5, 6]
const [A, B] = [4, 5]
const liars = new Liars(FAKE, N)
const NEXT = 'cd'.repeat(32)

/** A cluster, and what its signers have told by now: kind, who told it, who is guilty. */
function cluster(rules: Partial<typeof ALL_RULES> = {}) {
  const small = new SmallCluster({ n: N, rules })
  for (const liar of [LIAR, FELLOW]) small.crash(liar)
  const told = () =>
    small.done.flatMap(({ signer, effect }) => {
      if (effect.type !== 'accuse') return []
      const judgement = verifyEvidence(FAKE, small.manifest, effect.evidence)
      return [{ signer, kind: effect.evidence.type, guilty: judgement.type === 'guilty' ? judgement.signers : [] }]
    })
  return { small, told }
}

const value = (named: string[]): Value => ({ base: new Map(), predecessors: named, tallies: { m: 7, inc: new Map(named.map((id) => [id, 7])) } })
const shares = (batchId: string, ...votes: VoteSet[]): Message => ({ type: 'shares', batchId, votes, accepts: [] })

/** Two messages that lie together, each to a signer of its own, and whatever all get before. */
interface Story {
  kind: string
  all?: Message[]
  toA: [number, Message][]
  toB: [number, Message][]
}

function stories(): Story[] {
  const [a, b] = [liars.batch(LIAR, ['k']), liars.batch(0, ['k'])]
  const have = (batch: typeof a): Message => ({ type: 'have', batch, certificate: null })
  const everyone = liars.votes(
    a.id,
    Array.from({ length: N }, (_, signer) => [signer, view()]),
  )
  const notice = (one: Value): Message => ({
    type: 'notice',
    batchId: a.id,
    ballot: 0,
    heights: new Map(),
    round: { type: 'order', ...liars.orderHalf(a, one, everyone) },
  })
  const accept = (digest: string, signer = LIAR): Message => ({
    type: 'accept',
    batchId: a.id,
    ballot: 0,
    accepts: { ballot: 0, ...liars.accepts(a.id, 0, digest, [signer]) },
  })
  const promises = liars.promises(a.id, 2, [[LIAR, { voteDigest: ID, accepted: null, blockers: [] }]])
  const vote = liars.votes(a.id, [[LIAR, view()]])
  const promise: Message = {
    type: 'promise',
    batchId: a.id,
    ballot: 2,
    promise: {
      ...{ voteDigest: ID, accepted: null, blockers: [], view: view(), voteSignature: vote.signature },
      ...{ value: null, backings: [], certificate: null, signature: promises.signature },
    },
  }
  const others = liars.votes(a.id, [[FELLOW, view([NEXT])]])
  return [
    { kind: 'double-order', all: [have(a)], toA: [[LIAR, notice(value([]))]], toB: [[LIAR, notice(value([ID]))]] },
    {
      kind: 'double-vote',
      all: [have(a), shares(a.id, others)],
      toA: [[LIAR, shares(a.id, liars.votes(a.id, [[LIAR, view([ID])]]))]],
      toB: [[LIAR, shares(a.id, vote)]],
    },
    {
      kind: 'incoherent-votes',
      all: [have(a), have(b), shares(a.id, others)],
      toA: [[LIAR, shares(a.id, vote)]],
      toB: [[LIAR, shares(b.id, liars.votes(b.id, [[LIAR, view()]]))]],
    },
    {
      kind: 'double-accept',
      all: [have(a)],
      toA: [
        [LIAR, accept(ID)],
        [FELLOW, accept(NEXT, FELLOW)],
      ],
      toB: [[LIAR, accept(NEXT)]],
    },
    { kind: 'false-promise', all: [have(a)], toA: [[LIAR, promise]], toB: [[LIAR, accept(ID)]] },
  ]
}

function tell({ small }: ReturnType<typeof cluster>, { all = [], toA, toB }: Story): void {
  for (const message of all) for (const to of HONEST) small.inject(LIAR, to, message)
  for (const [from, message] of toA) small.inject(from, A, message)
  for (const [from, message] of toB) small.inject(from, B, message)
}

for (const story of stories())
  test(`${story.kind}: one half at one signer, one at another: proved within 10 s, and known to all; without the rule to nobody`, () => {
    const joined = cluster()
    tell(joined, story)
    assert.not.ok(joined.told().some(({ kind }) => kind === story.kind))
    joined.small.run(10_000)
    const found = joined.told().filter(({ kind }) => kind === story.kind)
    assert.ok(found.length > 0, JSON.stringify(joined.told()))
    assert.ok(joined.told().every(({ guilty }) => guilty.every((signer) => signer === LIAR)))
    const knowing = new Set(joined.told().map(({ signer }) => signer))
    assert.equal([...knowing].sort(), HONEST)
    const apart = cluster({ halvesJoined: false })
    tell(apart, story)
    apart.small.run(10_000)
    assert.equal(
      apart.told().filter(({ kind }) => kind === story.kind),
      [],
    )
  })

for (const [n, atOnce] of [
  [7, 3],
  [31, 6],
  [127, 12],
] as const)
  test(`of ${n} each tells ${atOnce} at a time, and so all others, in a time that grows as the root of n`, () => {
    const many = new Liars(FAKE, n)
    const small = new SmallCluster({ n })
    // Who would answer, and so end what there is to tell, is down: one tells alone.
    for (let signer = 1; signer < n; signer++) if (signer !== 2) small.crash(signer)
    const batch = many.batch(1, ['k'])
    small.inject(2, 0, { type: 'have', batch, certificate: null })
    for (const pending of [[], [ID]]) small.inject(2, 0, shares(batch.id, many.votes(batch.id, [[pending.length + 3, view(pending)]])))
    for (let signer = 1; signer < n; signer++) if (signer !== 2) small.join(0, signer)
    small.forget()
    const { hopTimeoutMs } = small.manifest.timing
    small.run(hopTimeoutMs + 250 * Math.ceil((n - 1) / atOnce) + 250)
    const heard = small.sentOf('heard').filter(({ from }) => from === 0)
    assert.is(new Set(heard.map(({ to }) => to)).size, n - 1)
    const atTimes = new Map<number, number>()
    for (const { at } of heard) atTimes.set(at, (atTimes.get(at) ?? 0) + 1)
    assert.ok([...atTimes.values()].every((count) => count <= atOnce))
  })

test('honest work that agrees is not talked about; work that does not is, and proves nothing', () => {
  const { told, small } = cluster()
  for (const liar of [LIAR, FELLOW]) small.restart(liar)
  small.run(1000)
  small.propose(0, ['x'])
  small.run(3000)
  assert.equal(small.sentOf('heard'), [])
  for (const signer of [0, 2, 4]) small.submit(signer, small.transaction(['k']))
  small.run(20_000)
  assert.equal([told(), small.sentOf('halves')], [[], []])
})

test('a part that does not hold is given to nobody, and whoever was fed it is not blamed', () => {
  const joined = cluster()
  const a = liars.batch(LIAR, ['k'])
  const forged = { ...liars.votes(a.id, [[0, view([ID])]]), signature: liars.votes(a.id, [[0, view()]]).signature }
  tell(joined, {
    kind: 'none',
    all: [{ type: 'have', batch: a, certificate: null }, shares(a.id, liars.votes(a.id, [[FELLOW, view([NEXT])]]))],
    toA: [[0, shares(a.id, liars.votes(a.id, [[0, view()]]))]],
    toB: [[LIAR, shares(a.id, forged)]],
  })
  joined.small.run(10_000)
  assert.ok(joined.small.sentOf('heard').length > 0)
  assert.equal([joined.told(), joined.small.sentOf('halves').filter(({ from }) => from === B)], [[], []])
})

test('what one signer asks for is bounded: one answer in a while, of so many halves', () => {
  const { small } = cluster()
  const a = liars.batch(0, ['k'])
  small.inject(LIAR, A, { type: 'have', batch: a, certificate: null })
  for (let signer = 0; signer < N; signer++)
    for (let i = 0; i < 4; i++) small.inject(signer, A, shares(a.id, liars.votes(a.id, [[signer, view([i.toString(16).padStart(64, `${signer}`)])]])))
  const before = small.sentOf('halves').length
  const line = (signer: number) => ({ type: 'vote' as const, digest: NEXT, view: null, signers: bitmapOf(N, [signer]) })
  const item = { batchId: a.id, said: Array.from({ length: N }, (_, signer) => line(signer)) }
  const asking: MessageOf<'heard'> = { type: 'heard', items: Array.from({ length: 64 }, () => item) }
  for (let i = 0; i < 50; i++) small.inject(3, A, asking)
  const answers = small.sentOf('halves').slice(before)
  // Each of them is guilty of two views by now, and of the guilty nothing more is said.
  assert.equal(answers, [])
  const { small: other } = cluster()
  const batches = Array.from({ length: 4 }, (_, i) => liars.batch(0, [`k${i}`], i))
  for (const batch of batches) {
    other.inject(LIAR, A, { type: 'have', batch, certificate: null })
    for (let signer = 0; signer < N; signer++) other.inject(signer, A, shares(batch.id, liars.votes(batch.id, [[signer, view()]])))
  }
  for (let i = 0; i < 50; i++) other.inject(2, A, { type: 'heard', items: batches.map(({ id }) => ({ ...item, batchId: id })) })
  const [first, ...more] = other.sentOf('halves')
  assert.equal([first?.to, first?.message.items.length, more.length], [2, LIMITS.halvesPerAnswer, 0])
})

test('a proof is passed on once, to who comes later too; who passes on what proves nothing is not listened to', () => {
  const { small, told } = cluster()
  const [sample] = liars.samples()
  if (!sample) throw new Error('no samples')
  small.crash(6)
  small.inject(2, A, { type: 'proof', evidence: sample.evidence })
  small.run(1000)
  assert.equal(
    told()
      .map(({ signer }) => signer)
      .sort(),
    [0, 2, 4, 5],
  )
  small.restart(6)
  small.run(1000)
  assert.ok(told().some(({ signer }) => signer === 6))
  let verified = 0
  const verify = (...args: Parameters<typeof FAKE.ed25519.verify>): boolean => {
    verified++
    return FAKE.ed25519.verify(...args)
  }
  const counting = {
    ...FAKE,
    ed25519: { ...FAKE.ed25519, verify },
  }
  const flooded = new SmallCluster({ n: N, crypto: counting })
  const twins = [liars.batch(0, ['k']), liars.batch(0, ['x'])].sort((a, b) => (a.id < b.id ? -1 : 1))
  const [first, second] = twins
  if (!first || !second) throw new Error('no batches')
  verified = 0
  for (let i = 0; i < 100; i++) {
    const signature = new Uint8Array(64).fill(i)
    flooded.inject(2, A, { type: 'proof', evidence: { type: 'double-batch', first: { ...first, signature }, second } })
  }
  assert.is(verified, LIMITS.unsoundParts)
})

test('of one that passes on proof after proof only so many are looked at', () => {
  let verified = 0
  const verify = (...args: Parameters<typeof FAKE.bls.verify>): boolean => {
    verified++
    return FAKE.bls.verify(...args)
  }
  const small = new SmallCluster({ n: N, crypto: { ...FAKE, bls: { ...FAKE.bls, verify } } })
  const proofs = Array.from({ length: 100 }, (_, i) => {
    const id = i.toString(16).padStart(64, '0')
    const votes = [liars.votes(id, [[LIAR, view()]]), liars.votes(id, [[LIAR, view([ID])]])].sort((a, b) => (inOrder(a, b) ? -1 : 1))
    return { type: 'double-vote' as const, batchId: id, first: votes[0] as VoteSet, second: votes[1] as VoteSet }
  })
  verified = 0
  for (const evidence of [...proofs, ...proofs]) small.inject(2, A, { type: 'proof', evidence })
  assert.is(verified, 2 * (N + LIMITS.unsoundParts))
})

test('who lies without end does not hide another liar', () => {
  const { small, told } = cluster()
  const twice = (signer: number, i: number) => {
    const id = i.toString(16).padStart(64, '0')
    const one = liars.votes(id, [[signer, view()]])
    const other = liars.votes(id, [[signer, view([ID])]])
    small.inject(signer, A, shares(id, one, other))
  }
  for (let i = 0; i < LIMITS.proofsOfAKind + 5; i++) twice(LIAR, i)
  twice(2, 9999)
  const ofA = told().filter(({ signer }) => signer === A)
  assert.is(ofA.filter(({ guilty }) => guilty.includes(LIAR)).length, LIMITS.proofsOfAKind)
  assert.ok(ofA.some(({ guilty }) => guilty.includes(2)))
})

test('whose guilt is proved is asked last and not waited for: its silence costs nothing any more', () => {
  const took = (isKnown: boolean): number => {
    const small = new SmallCluster({ n: N })
    const sample = liars.samples().find(({ evidence }) => evidence.type === 'double-vote')
    if (!sample) throw new Error('no sample')
    const [guilty = 0] = sample.guilty
    if (isKnown) {
      small.inject(2, A, { type: 'proof', evidence: sample.evidence })
      small.run(1000)
    }
    small.delay = ({ from, message }) => (from === guilty && message.type === 'vote' ? undefined : 10)
    const root = Array.from({ length: N }, (_, signer) => signer).find((signer) => signer !== guilty) ?? 0
    let made = small.propose(root, ['k0'])
    // One in whose tree it has signers below it.
    for (let i = 1; treeOf(made.id, root, small.manifest).childrenOf(guilty).length === 0; i++) {
      small.settle(made.id)
      made = small.propose(root, [`k${i}`])
    }
    const at = small.now
    assert.ok(small.settle(made.id))
    return small.now - at
  }
  const { hopTimeoutMs } = new SmallCluster({ n: N }).manifest.timing
  assert.ok(took(false) >= hopTimeoutMs)
  assert.ok(took(true) < hopTimeoutMs / 2)
})

test.run()
