/**
 * Each rule against the attack that it is there for: with the rule taken out the attack works, with it kept the same steps come to nothing.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backing, Order } from '../../src/lib/core/certificate.js'
import { ALL_RULES, type Rules } from '../../src/lib/core/rules.js'
import { MAX_BALLOT } from '../../src/lib/core/statement.js'
import type { Batch } from '../../src/lib/core/transaction.js'
import { joinedEvidence } from '../../src/lib/simulator/joined-evidence.js'
import { Attack } from './attack.js'
import { FAKE, HOP_MS } from './small-cluster.js'

const test = suite('rules taken out')
const DELTA_MS = 50

/** Tells the story twice. `story` returns whether it came to a bad end. */
function attack(rule: keyof Rules, end: string, story: (rules: Partial<Rules>) => boolean): void {
  test(`${rule} out: ${end}`, () => assert.ok(story({ [rule]: false })))
  test(`${rule} kept: not so`, () => assert.not.ok(story(ALL_RULES)))
}

/**
 * Eight signers, the last two lie (f_a = 2). Signers 0 and 1 saw U before B, the others B before U: with the liars' votes B goes behind U, and without
 * them not. Signer 6 is B's root, `coordinator` has ballot 1.
 */
function twoValues(rules: Partial<Rules>, coordinator: number) {
  const story = new Attack({ n: 8, liars: [6, 7], rules })
  const [u, b] = [story.batch(7), story.batch(6, [coordinator])]
  story.arrive(u, [0, 1])
  story.arrive(b, story.honest)
  story.arrive(u, [2, 3, 4, 5])
  const all = [...story.honest, 6, 7]
  const alone = story.orderOfVotes(b, story.votes(b, all))
  return { story, u, b, all, alone }
}

attack('oneAccept', 'a coordinator gets two values accepted in one ballot', (rules) => {
  const { story, u, b } = twoValues(rules, 7)
  story.prepare(b, 1, story.honest)
  const [alone, behind] = [story.orderOfPromises(b, 1, []), story.orderOfPromises(b, 1, [u])]
  story.order(alone, story.honest)
  story.order(behind, story.honest)
  story.give(story.certified(alone), [0])
  story.give(story.certified(behind), [1])
  return story.disagree(b)
})

attack('promisesKept', 'an order below a promise is accepted after another value above it', (rules) => {
  const { story, u, b, alone } = twoValues(rules, 7)
  story.prepare(b, 1, story.honest)
  const later = story.orderOfPromises(b, 1, [u])
  story.order(later, story.honest)
  story.order(alone, story.honest)
  story.give(story.certified(later), [0])
  story.give(story.certified(alone), [1])
  return story.disagree(b)
})

for (const rule of ['acceptedReported', 'forcedValue'] as const)
  attack(rule, 'another value is decided above one that was accepted by all', (rules) => {
    const { story, u, b, alone } = twoValues(rules, 1)
    story.order(alone, story.honest)
    const kept = story.certified(alone)
    assert.ok(kept)
    story.isHeld = ({ message }) => message.type === 'certificate'
    story.helpCoordinator(b, 1, [u])
    story.give(kept, [0])
    return story.disagree(b)
  })

attack('ordersChecked', 'a root shows one signer this value and another that', (rules) => {
  const { story, u, b, alone } = twoValues(rules, 7)
  // Only with all votes the value follows; this one is named without reason.
  const forged = story.forged(b, { ...alone.value, predecessors: [u.id] }, alone.proof)
  story.order(forged, story.honest)
  story.give(story.certified(forged), [0])
  return story.committed(b).some((value) => value === u.id)
})

/** Eight signers, the last two lie (f_a = 2). 0, 1, 2 saw U before B, 3, 4, 5 B before U: so few name the other that each alone could go without it. */
function unordered(rules: Partial<Rules>) {
  const story = new Attack({ n: 8, liars: [6, 7], rules })
  const [u, b] = [story.batch(7, [0, 1, 2]), story.batch(6)]
  story.arrive(u, [0, 1, 2])
  story.arrive(b, story.honest)
  story.arrive(u, [3, 4, 5])
  const all = [...story.honest, 6, 7]
  return { story, u, b, orderOfU: story.orderOfVotes(u, story.votes(u, all)), orderOfB: story.orderOfVotes(b, story.votes(b, all)) }
}

for (const rule of ['neverUnordered', 'acceptedStands'] as const)
  attack(rule, 'two batches are decided each without the other', (rules) => {
    const { story, u, b, orderOfU, orderOfB } = unordered(rules)
    story.isHeld = ({ message }) => message.type === 'certificate'
    story.order(orderOfB, story.honest)
    story.order(orderOfU, story.honest)
    story.give(story.certified(orderOfB), [0])
    story.give(story.certified(orderOfU), [1])
    return story.fork(u, b)
  })

attack('blockers', 'a batch is ordered for ever without what is decided without it', (rules) => {
  const { story, u, orderOfB } = unordered(rules)
  story.order(orderOfB, story.honest)
  const decided = story.certified(orderOfB)
  assert.ok(decided)
  story.give(decided, story.honest)
  return !isDecided(story, u, 1, [])
})

attack('prepareNeedsTimeouts', 'one PREPARE of one liar, of the last ballot there is, stops a batch for good', (rules) => {
  const story = new Attack({ n: 8, liars: [6], rules })
  const b = story.batch(6)
  story.arrive(b, story.honest)
  // Its root coordinates every eighth ballot.
  const prepare = story.prepareMessage(b, MAX_BALLOT, [6])
  for (const signer of story.honest) story.cluster.inject(6, signer, prepare)
  story.cluster.runUntil(() => story.committed(b).every((value) => value !== undefined), 300_000)
  return story.committed(b).every((value) => value === undefined)
})

attack('arrivalKept', 'a signer that was away names two batches neither before the other, and is taken for a liar', (rules) => {
  const story = new Attack({ n: 4, liars: [3], rules })
  const [b, u] = [story.batch(3), story.batch(3)]
  story.arrive(b, [0])
  story.arrive(u, [0])
  story.cluster.crash(0)
  // The crash came before its vote for U was durable.
  const lost = story.cluster.records[0]?.pop()
  assert.is(lost?.type, 'vote')
  story.cluster.restart(0)
  const records = (story.cluster.records[0] ?? []).map((record) => ({ signer: 0, record }))
  assert.is(records.filter(({ record }) => record.type === 'vote').length, 2)
  return joinedEvidence(FAKE, story.cluster.manifest, records).some(({ type }) => type === 'incoherent-votes')
})

/**
 * Eight signers, the last one lies (f_a = 2, n − q = 1) and is the root of both batches: 0, 1, 2 accept B without U, the others U without B. From then on the
 * liar answers every PREPARE at once, claims to have accepted that value too, and accepts nothing: it takes all seven others.
 */
attack('waitsForAll', 'two conflicting values are both forced, in every ballot', (rules) => {
  const story = new Attack({ n: 8, liars: [7], rules })
  const [u, b] = [story.batch(7), story.batch(7)]
  story.arrive(b, [0, 1, 2])
  story.arrive(u, story.honest)
  story.arrive(b, [3, 4, 5, 6])
  const withoutU = story.orderOfVotes(b, story.votes(b, [0, 1, 2, 3, 4, 5, 7]))
  const withoutB = story.orderOfVotes(u, story.votes(u, [1, 2, 3, 4, 5, 6, 7]))
  assert.equal([withoutU.value.predecessors, withoutB.value.predecessors], [[], []])
  story.order(withoutU, [0, 1, 2])
  story.order(withoutB, [3, 4, 5, 6])
  // Well within the wait for all.
  story.delayOf = ({ from, message }) => (message.type === 'promise' && message.batchId === b.id && from > 2 ? 2 * HOP_MS : HOP_MS)
  const isDecided = (batch: Batch) => story.committed(batch).every((value) => value !== undefined)
  // After eight ballots the same coordinators come again.
  const hadAll = (batch: Batch) => story.cluster.sentOf('order', batch.id).some(({ message }) => message.order.ballot > 8)
  story.answerAtOnce([withoutU, withoutB], () => [b, u].every((batch) => isDecided(batch) || hadAll(batch)))
  return !isDecided(b) && !isDecided(u)
})

attack('putOff', 'a signer votes on what conflicts with a batch in phase 3', (rules) => {
  const { story, alone } = twoValues(rules, 7)
  story.order(alone, [0])
  const next = story.batch(7)
  story.arrive(next, [0])
  const hasVoted = () => story.cluster.recordsOf(0, 'vote').some(({ batchId }) => batchId === next.id)
  const voted = hasVoted()
  // Put off, not refused.
  assert.ok(story.cluster.runUntil(hasVoted))
  return voted
})

/** All saw B before W, and B is committed fast at signer 0 alone. In ballot 1 of B the liars say that W stands without B. */
function falseBlocker(rules: Partial<Rules>, backingOf: (order: Order) => Backing): boolean {
  const story = new Attack({ n: 8, liars: [6, 7], rules })
  const [b, w] = [story.batch(6, [7]), story.batch(7)]
  story.arrive(b, story.honest)
  story.arrive(w, story.honest)
  const all = [...story.honest, 6, 7]
  story.isHeld = ({ from }) => from === 0
  story.give(story.fast(b, all), [0])
  assert.is(story.committed(b)[0], '')
  const votes = story.votes(w, all)
  const real = story.orderOfVotes(w, votes)
  const backing = backingOf(story.forged(w, { ...real.value, predecessors: [] }, real.proof))
  story.prepare(b, 1, [1, 2, 3, 4, 5])
  const order = story.orderOfPromises(b, 1, [], { blockers: [backing] })
  story.order(order, [1, 2, 3, 4, 5])
  story.give(story.certified(order), [1])
  return story.disagree(b)
}

attack('backingsVerify', 'a blocker that nothing shows goes before what is committed without it', (rules) =>
  falseBlocker(rules, (order) => ({ type: 'order', order: { ...order, signature: new Uint8Array(64) } })),
)

test('an order that its own coordinator signed and that does not follow backs nothing', () =>
  assert.not.ok(falseBlocker(ALL_RULES, (order) => ({ type: 'order', order }))))

/**
 * Under the guard: five signers, the last two lie (f_s = 2). 0, 1 saw B before W, 2 W before B; so few name the other that liars can have B committed fast
 * and W in phase 3, each without the other.
 */
function fastAgainstSlow(rules: Partial<Rules>) {
  const story = new Attack({ n: 5, liars: [3, 4], deltaMs: DELTA_MS, rules })
  const [b, w] = [story.batch(4, [0, 1, 2]), story.batch(3)]
  story.arrive(b, [0, 1])
  story.arrive(w, story.honest)
  story.arrive(b, [2])
  const orderOfW = story.orderOfVotes(w, story.votes(w, [0, 2, 3, 4]))
  story.order(orderOfW, [0, 2], 2 * DELTA_MS + HOP_MS)
  const decided = story.certified(orderOfW)
  assert.ok(decided)
  // Only one of them may be final, and it must be the same one everywhere.
  story.give(story.fast(b, [0, 1, 3, 4]), [1])
  story.give(decided, story.honest)
  return { story, b, w }
}

attack('noticedConflicts', 'a fast certificate is final although what it leaves out is decided without it', (rules) => {
  const { story, b, w } = fastAgainstSlow(rules)
  return story.fork(b, w)
})

attack('fastIsVoid', 'a fast certificate that nobody may take stands in the way for ever', (rules) => {
  const { story, b } = fastAgainstSlow(rules)
  return !isDecided(story, b, 1, [])
})

/** Whether all honest signers commit the batch within three ballots of honest coordinators, the liars helping. */
function isDecided(story: Attack, batch: Batch, first: number, liarsName: readonly Batch[]): boolean {
  for (let ballot = first; ballot < first + 3; ballot++) {
    if (story.committed(batch).every((value) => value !== undefined)) return true
    story.helpCoordinator(batch, ballot, liarsName)
  }
  return story.committed(batch).every((value) => value !== undefined)
}

/**
 * Under the guard: five signers, the last two lie. Only 0 saw U before B. Without the liars' votes B goes alone, which 0 and 1 accept in ballot 0, so
 * that the liars have the certificate; with them it goes behind U.
 */
function keptBack(rules: Partial<Rules>, coordinators: readonly number[]) {
  const story = new Attack({ n: 5, liars: [3, 4], deltaMs: DELTA_MS, rules })
  const [u, b] = [story.batch(3), story.batch(4, coordinators)]
  story.arrive(u, [0])
  story.arrive(b, story.honest)
  story.arrive(u, [1, 2])
  const alone = story.orderOfVotes(b, story.votes(b, [0, 1, 3, 4]))
  story.order(alone, [0, 1], 2 * DELTA_MS + HOP_MS)
  const kept = story.certified(alone)
  assert.ok(kept)
  return { story, u, b, kept }
}

for (const rule of ['locksBind', 'noticeAnswered'] as const)
  attack(rule, 'another value is accepted above a certificate that is final somewhere', (rules) => {
    const { story, u, b, kept } = keptBack(rules, [3])
    story.timeOut(b, 1, 3)
    story.give(kept, [1])
    assert.is(story.committed(b)[1], '')
    story.prepare(b, 1, [0, 2])
    const later = story.orderOfPromises(b, 1, [u])
    story.order(later, [0, 2], 3 * DELTA_MS)
    story.give(story.certified(later), [2])
    return story.disagree(b)
  })

attack('noHigherNotice', 'an old certificate is final while a later ballot decides', (rules) => {
  const { story, u, b, kept } = keptBack(rules, [3])
  story.prepare(b, 1, [0, 2])
  const later = story.orderOfPromises(b, 1, [u])
  story.order(later, [0, 2], 3 * DELTA_MS)
  story.give(kept, [1])
  story.give(story.certified(later), [2])
  return story.disagree(b)
})

attack('noticeWait', 'a later ballot decides before the notice of it has reached all', (rules) => {
  const { story, u, b, kept } = keptBack(rules, [3])
  story.delayOf = () => DELTA_MS - HOP_MS
  story.prepare(b, 1, [0, 2], 1)
  const later = story.orderOfPromises(b, 1, [u])
  story.order(later, [0, 2], 1)
  story.give(kept, [1])
  story.give(story.certified(later), [2])
  story.cluster.run(3 * DELTA_MS)
  story.give(story.certified(later), [2])
  return story.disagree(b)
})

attack('certificateFirst', 'ballots ask for another value than the certificate that binds those who are asked, for ever', (rules) => {
  const { story, u, b, kept } = keptBack(rules, [3, 0, 1, 2])
  story.timeOut(b, 1, 1)
  story.give(kept, [1])
  story.prepare(b, 1, [0, 2])
  assert.equal(story.committed(b), [undefined, '', undefined])
  return !isDecided(story, b, 2, [u])
})

/** Under the guard: seven signers, the last two lie. 0 and 1 saw U before B, the others B first; the liars hold a certificate of ballot 0 by which B goes alone. */
function keptOfSeven(rules: Partial<Rules>, hopMs = HOP_MS) {
  const story = new Attack({ n: 7, liars: [5, 6], deltaMs: DELTA_MS, rules })
  story.delayOf = () => hopMs
  const [u, b] = [story.batch(5), story.batch(6, [5])]
  story.arrive(u, [0, 1])
  story.arrive(b, story.honest)
  story.arrive(u, [2, 3, 4])
  const alone = story.orderOfVotes(b, story.votes(b, [...story.honest, 5, 6]))
  story.order(alone, [1, 2, 3, 4], 2 * DELTA_MS + 2 * hopMs)
  const kept = story.certified(alone)
  assert.ok(kept)
  return { story, u, b, kept }
}

attack('settling', 'a signer that was away takes an old certificate for the last word', (rules) => {
  // It shows only where what comes before a signer has caught up is not doubted either.
  const { story, u, b, kept } = keptOfSeven({ ...rules, lateDoubted: rules.settling === true })
  story.cluster.crash(4)
  story.prepare(b, 1, [0, 1, 2, 3])
  const later = story.orderOfPromises(b, 1, [u])
  story.order(later, [0, 1, 2, 3], 3 * DELTA_MS)
  story.cluster.restart(4)
  story.give(kept, [4])
  const decided = story.certified(later)
  assert.ok(decided)
  story.give(decided, [0])
  story.cluster.run(3 * DELTA_MS)
  return story.disagree(b)
})

/**
 * Under the guard: seven signers, the last two lie and signer 4 is down for a while, which makes three (f_s). The liars give it alone the certificate
 * of ballot 0, which is final there, and decide otherwise in ballot 1 while it is away.
 */
function awayWithCertificate(rules: Partial<Rules>) {
  const { story, u, b, kept } = keptOfSeven(rules)
  story.isHeld = ({ from }) => from === 4
  story.give(kept, [4])
  assert.is(story.committed(b)[4], '')
  story.cluster.crash(4)
  story.isHeld = () => false
  story.prepare(b, 1, [0, 1, 2, 3])
  const later = story.orderOfPromises(b, 1, [u])
  story.order(later, [0, 1, 2, 3], 3 * DELTA_MS)
  const decided = story.certified(later)
  assert.ok(decided)
  story.give(decided, [0])
  return { story, u, b }
}

attack('headsCompared', 'a signer that was away keeps to what it alone was told', (rules) => {
  const { story, u, b } = awayWithCertificate(rules)
  // U is decided too: what all have executed can be compared.
  story.give(story.fast(u, story.honest.filter((signer) => signer !== 4).concat(5, 6)), [0])
  story.cluster.run(3 * DELTA_MS)
  story.cluster.restart(4)
  story.cluster.run(20_000)
  return story.disagree(b)
})

/** Signer 4 was away while the others decided otherwise, and is shown the old certificate; `meanwhile`: what else reaches it before. */
function shownTheOldOne(rules: Partial<Rules>, hopMs: number, meanwhile: (story: Attack) => void = () => {}): boolean {
  const { story, u, b, kept } = keptOfSeven(rules, hopMs)
  story.cluster.crash(4)
  const others = [0, 1, 2, 3]
  const orderOfU = story.orderOfVotes(u, story.votes(u, [...others, 5, 6], [b]))
  story.order(orderOfU, others, 3 * DELTA_MS)
  story.give(story.certified(orderOfU), others)
  story.prepare(b, 1, others)
  const later = story.orderOfPromises(b, 1, [u])
  story.order(later, others, 4 * DELTA_MS)
  story.give(story.certified(later), others)
  // It is executed: nobody speaks of it any more without being asked.
  story.cluster.run(20 * DELTA_MS)
  assert.ok(others.every((signer) => story.cluster.orderAt(signer).includes(b.id)))
  story.cluster.restart(4)
  story.cluster.run(2 * DELTA_MS + 1)
  meanwhile(story)
  story.give(kept, [4])
  story.cluster.run(20_000)
  assert.is(story.committed(b)[4] !== undefined, true)
  return story.disagree(b)
}

for (const hopMs of [HOP_MS, DELTA_MS - 1])
  attack('lateDoubted', `a signer that was away is shown an old certificate before it has caught up (${hopMs} ms a hop)`, (rules) =>
    shownTheOldOne(rules, hopMs),
  )

test('strangers who come as peers and claim its own log make no signer believe that it has caught up', () => {
  const strangers = (story: Attack) => {
    const logs = story.cluster.signers[4]?.journal.logs
    for (let peer = 7; peer < 20; peer++)
      story.cluster.inject(peer, 4, { type: 'sync', executed: logs?.executed.length ?? 0, digest: logs?.executedDigest ?? '', from: 0 })
    story.cluster.run(1)
  }
  assert.not.ok(shownTheOldOne({}, DELTA_MS - 1, strangers))
})

test.run()
