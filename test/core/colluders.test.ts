/**
 * Fifteen of 31 that work together (f_s = 15), messages on time. Without the guard they have honest signers disagree in a few hops, and every one of them is proved guilty for it: their
 * two stories are halves that honest signers join. With the guard the same steps come to nothing.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Order } from '../../src/lib/core/certificate.js'
import { verifyEvidence } from '../../src/lib/core/evidence.js'
import type { Batch } from '../../src/lib/core/transaction.js'
import { Attack } from './attack.js'
import { FAKE, HOP_MS } from './small-cluster.js'

const N = 31
const LIARS = Array.from({ length: 15 }, (_, i) => 16 + i)
const [U_ROOT, B_ROOT, COORDINATOR] = [30, 29, 28]

/**
 * Signers 0 to 8 saw B before U, 9 to 15 saw U first. The liars vote with the former, and show the fast certificate that comes of it, B alone, to signer 0 only. To all others they
 * begin ballot 1 and promise votes with the latter, by which B goes behind U.
 */
function attack(deltaMs: number) {
  const story = new Attack({ n: N, liars: LIARS, deltaMs })
  const [u, b] = [story.batch(U_ROOT), story.batch(B_ROOT, [COORDINATOR])]
  const [first, others] = [story.honest.filter((signer) => signer < 9), story.honest.filter((signer) => signer > 0)]
  story.arrive(b, first)
  story.arrive(u, story.honest)
  story.arrive(
    b,
    story.honest.filter((signer) => signer >= 9),
  )
  // The liars keep still until some honest signer wants ballot 1: with the guard on their own time-outs are one too few.
  story.timeOut(b, 1, 1)
  const begun = story.cluster.now
  story.give(story.fast(b, [...first, ...LIARS]), [0])
  story.prepare(b, 1, others)
  const order = suiting(story, b, u)
  const tookMs = story.cluster.now - begun
  if (order) {
    story.order(order, others, 2 * deltaMs + 2 * HOP_MS)
    story.give(story.certified(order), others)
  }
  story.cluster.run(2 * deltaMs + HOP_MS)
  const disagree = story.disagree(b)
  return { story, b, disagree, tookMs, committed: story.committed(b).filter((value) => value !== undefined).length }
}

/** What the liars order in ballot 1; undefined where no value that suits them follows from what honest signers promise. */
function suiting(story: Attack, b: Batch, u: Batch): Order | undefined {
  try {
    return story.orderOfPromises(b, 1, [u])
  } catch {
    return undefined
  }
}

/** Whom honest signers prove guilty within ten seconds more. */
function guilty({ cluster }: Attack): number[] {
  cluster.run(10_000)
  const named = cluster.done.flatMap(({ effect }) => {
    if (effect.type !== 'accuse') return []
    const judgement = verifyEvidence(FAKE, cluster.manifest, effect.evidence)
    return judgement.type === 'guilty' ? judgement.signers : []
  })
  return [...new Set(named)].sort((a, b) => a - b)
}

test('the guard off: honest signers disagree, and all fifteen are proved guilty within ten seconds, and nobody else', () => {
  const { story, disagree, tookMs } = attack(0)
  assert.ok(disagree)
  assert.ok(tookMs < 100, `${tookMs} ms`)
  assert.equal(guilty(story), LIARS)
})

test('the guard on: the same steps, and honest signers agree', () => {
  const { story, b, disagree, committed } = attack(50)
  assert.not.ok(disagree)
  assert.ok(committed > 0)
  assert.ok(guilty(story).every((signer) => LIARS.includes(signer)))
  assert.not.ok(story.disagree(b))
})

test.run()
