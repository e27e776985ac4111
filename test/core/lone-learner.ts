/** A learner by itself, for tests that make every message that it gets: certificates that all signers of a small cluster sign, true or not. */
import * as assert from 'uvu/assert'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { toHex, utf8 } from '../../src/lib/base/bytes.js'
import { mergeMultiSignatures, singleSignature } from '../../src/lib/bls/multi-signature.js'
import type { Certificate } from '../../src/lib/core/certificate.js'
import { KeyLogs } from '../../src/lib/core/key-logs.js'
import { Learner } from '../../src/lib/core/learner.js'
import type { Message, MessageOf } from '../../src/lib/core/message.js'
import type { DurableRecord } from '../../src/lib/core/record.js'
import { acceptDigest, valueDigest, voteDigest } from '../../src/lib/core/statement.js'
import type { Effect, Event } from '../../src/lib/core/steppable.js'
import type { Value } from '../../src/lib/core/tally.js'
import { type Batch, makeBatch } from '../../src/lib/core/transaction.js'
import type { View } from '../../src/lib/core/view.js'
import { voteSetOf } from '../../src/lib/core/vote-set.js'
import { signersOf } from '../../src/lib/simulator/signers.js'
import { FAKE } from './small-cluster.js'

const N = 4
export const EVERYONE = [0, 1, 2, 3]
export const { manifest, keys: secrets } = signersOf(FAKE, { n: N, tolerance: '1/2', deltaMs: 0, fanout: 2, regions: [], timing: {} })
const { clusterId } = manifest
/** So many may lie; one more that contradict make a learner start over. */
export const MAY_LIE = 1
export const DISTRUST_MS = 60_000

let made = 0
/** A batch of signer 0 on these keys. */
export function batchOn(...keys: string[]): Batch {
  const sequence = made++
  const transaction = { deps: [...keys].sort(), payload: new Uint8Array(), client: null, nonce: utf8(`${sequence}`), expiry: null, signature: null }
  const body = { epoch: 0, initiator: 0, sequence, time: 0, transactions: [transaction] }
  return makeBatch(FAKE.ed25519, clusterId, secrets[0]?.link ?? new Uint8Array(), body)
}

export const value = (predecessors: Batch[], base: [string, number][] = []): Value => ({
  base: new Map(base),
  predecessors: predecessors.map(({ id }) => id).sort(),
  tallies: null,
})

export const secretOf = (signer: number) => secrets[signer]?.bls ?? new Uint8Array()

/** A batch with a phase-3 certificate of all signers for this value. */
export function slow(batch: Batch, decided: Value, signedFor = clusterId): MessageOf<'have'> {
  const message = acceptDigest({ ...manifest, clusterId: signedFor }, batch.id, 0, valueDigest(signedFor, decided))
  const signature = FAKE.bls.aggregate(EVERYONE.map((signer) => FAKE.bls.sign(secretOf(signer), message))) ?? new Uint8Array()
  const certificate: Certificate = { type: 'slow', epoch: 0, batchId: batch.id, ballot: 0, value: decided, signers: bitmapOf(N, EVERYONE), signature }
  return { type: 'have', batch, certificate }
}

/** A batch with a fast certificate of these views, one for each signer. */
export function fast(batch: Batch, views: View[]): MessageOf<'have'> {
  const singles = views.map((view, signer) => {
    const digest = voteDigest(manifest, batch.id, view)
    return singleSignature(N, signer, digest, FAKE.bls.sign(secretOf(signer), digest))
  })
  const merged = mergeMultiSignatures(FAKE.bls, singles)
  assert.ok(merged)
  const votes = voteSetOf(merged, new Map(views.map((view) => [toHex(voteDigest(manifest, batch.id, view)), view])))
  return { type: 'have', batch, certificate: { type: 'fast', epoch: 0, batchId: batch.id, votes } }
}

/** Each with the one before it as predecessor. */
export const chained = (...batches: Batch[]): MessageOf<'have'>[] =>
  batches.map((batch, i) => slow(batch, value(batches.slice(Math.max(0, i - 1), i))))

/** The heads of these logs. */
export function headsOf(logs: Record<string, Batch[]>): MessageOf<'heads'> {
  const all = new KeyLogs(clusterId)
  const heads = Object.entries(logs).map(([key, log]) => {
    for (const batch of log) all.append(batch.id, [key])
    return [key, { height: log.length, head: toHex(all.headOf(key)) }] as const
  })
  return { type: 'heads', heads: new Map(heads) }
}

export const NOT_THIS = headsOf({ k: [batchOn('k')] })

/** The learner, its time, and what it did. */
export class Alone {
  now = 1000
  readonly effects: Effect[] = []
  readonly learner: Learner

  constructor({ confirm = 0, earlier = [], linked = EVERYONE }: { confirm?: number; earlier?: DurableRecord[]; linked?: number[] } = {}) {
    this.learner = new Learner({ manifest, crypto: FAKE, confirm })
    for (const executed of this.learner.restore(earlier)) this.effects.push({ type: 'execute', executed })
    this.step({ type: 'start', now: this.now })
    for (const signer of linked) this.step({ type: 'connected', now: this.now, signer })
  }

  step(event: Event): void {
    this.effects.push(...this.learner.step(event))
  }

  tell(from: number, ...messages: Message[]): void {
    for (const message of messages) this.step({ type: 'message', now: this.now, from, message })
  }

  /** The same from several signers. */
  all(signers: number[], message: Message): void {
    for (const signer of signers) this.tell(signer, message)
  }

  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now = Math.min(end, Math.max(this.now, this.learner.wakeAt ?? end))
      this.step({ type: 'tick', now: this.now })
    }
  }

  /** What was sent since the last question, of one type: to whom, and what. */
  sent<T extends Message['type']>(type: T, to?: number): { to: number; message: MessageOf<T> }[] {
    return this.effects.flatMap((effect) => {
      if (effect.type !== 'send' || effect.message.type !== type || (to !== undefined && effect.to !== to)) return []
      return [{ to: effect.to, message: effect.message as MessageOf<T> }]
    })
  }

  forgetSent(): void {
    this.effects.splice(0, this.effects.length, ...this.effects.filter(({ type }) => type !== 'send'))
  }

  get executed(): string[] {
    return this.effects.flatMap((effect) => (effect.type === 'execute' ? [effect.executed.batch.id] : []))
  }

  get records(): DurableRecord[] {
    return this.effects.flatMap((effect) => (effect.type === 'persist' ? [effect.record] : []))
  }

  get suspected(): number[] {
    return this.effects.flatMap((effect) => (effect.type === 'suspect' ? [effect.signer] : []))
  }
}

export const idsOf = (...batches: Batch[]): string[] => batches.map(({ id }) => id)
