/**
 * Each rule against the attack that it is there for: with the rule taken out the attack works, with it kept the same steps come to nothing.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backing, Order } from '../../src/lib/core/certificate.js'
import { ALL_RULES, type Rules } from '../../src/lib/core/rules.js'
import { Attack } from './attack.js'

const test = suite('rules taken out')

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
  const [u, b] = [story.batch(7), story.batch(6)]
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

test.run()
