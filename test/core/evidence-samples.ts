/** Evidence of every kind, made with real signing keys by hand: what liars would have to sign. */
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import { toHex, utf8 } from '../../src/lib/base/bytes.js'
import type { Crypto } from '../../src/lib/bls/backend.js'
import { mergeMultiSignatures, singleSignature } from '../../src/lib/bls/multi-signature.js'
import { proofOfOrderDigest, signOrder } from '../../src/lib/core/certificate.js'
import type { Evidence } from '../../src/lib/core/evidence.js'
import { inOrder } from '../../src/lib/core/evidence.js'
import { acceptDigest, type PromiseStatement, promiseDigest, valueDigest, voteDigest } from '../../src/lib/core/statement.js'
import type { Value } from '../../src/lib/core/tally.js'
import { type Batch, makeBatch } from '../../src/lib/core/transaction.js'
import { treeOf } from '../../src/lib/core/tree.js'
import type { View } from '../../src/lib/core/view.js'
import { type VoteSet, voteSetOf } from '../../src/lib/core/vote-set.js'
import { type Signers, signersOf } from '../../src/lib/simulator/signers.js'

export const view = (pending: string[] = [], heights: [string, number][] = []): View => ({ heights: new Map(heights), pending: [...pending].sort() })

export const ID = 'ab'.repeat(32)

/** Signs whatever a test wants said, right or wrong. */
export class Liars {
  readonly signers: Signers
  readonly crypto: Crypto

  constructor(crypto: Crypto, n = 4, deltaMs = 0) {
    this.crypto = crypto
    this.signers = signersOf(crypto, { n, tolerance: '1/2', fanout: 2, regions: [], timing: {}, deltaMs })
  }

  get manifest() {
    return this.signers.manifest
  }

  #keys(signer: number) {
    const keys = this.signers.keys[signer]
    if (!keys) throw new Error(`no signer ${signer}`)
    return keys
  }

  batch(initiator: number, keys: string[], sequence = 0, nonce = 'n'): Batch {
    const transactions = [{ deps: keys, payload: utf8('p'), client: null, nonce: utf8(nonce), expiry: null, signature: null }]
    return makeBatch(this.crypto.ed25519, this.manifest.clusterId, this.#keys(initiator).link, {
      epoch: 0,
      initiator,
      sequence,
      time: 0,
      transactions,
    })
  }

  #merge(statements: [number, Uint8Array][]) {
    const shares = statements.map(([signer, message]) =>
      singleSignature(this.manifest.n, signer, message, this.crypto.bls.sign(this.#keys(signer).bls, message)),
    )
    const merged = mergeMultiSignatures(this.crypto.bls, shares)
    if (!merged) throw new Error('no multi-signature')
    return merged
  }

  votes(batchId: string, views: [number, View][]): VoteSet {
    const known = new Map(views.map(([, one]) => [toHex(voteDigest(this.manifest, batchId, one)), one]))
    return voteSetOf(this.#merge(views.map(([signer, one]) => [signer, voteDigest(this.manifest, batchId, one)])), known)
  }

  accepts(batchId: string, ballot: number, digest: string, signers: number[]) {
    const merged = this.#merge(signers.map((signer) => [signer, acceptDigest(this.manifest, batchId, ballot, digest)]))
    return { valueDigest: digest, signers: bitmapOf(this.manifest.n, signers), signature: merged.signature }
  }

  promises(batchId: string, ballot: number, said: [number, PromiseStatement][]) {
    const statements = new Map(said.map(([, one]) => [toHex(promiseDigest(this.manifest, batchId, ballot, one)), one]))
    const merged = this.#merge(said.map(([signer, one]) => [signer, promiseDigest(this.manifest, batchId, ballot, one)]))
    return {
      ballot,
      statements: merged.entries.flatMap(({ message, signers }) => {
        const statement = statements.get(toHex(message))
        return statement ? [{ ...statement, signers }] : []
      }),
      signature: merged.signature,
    }
  }

  coordinator(batch: Batch, ballot: number): number {
    return treeOf(batch.id, batch.initiator, this.manifest).permutation[ballot % this.manifest.n] ?? 0
  }

  order(batch: Batch, ballot: number, value: Value, proof: Parameters<typeof signOrder>[3]['proof'], signer = this.coordinator(batch, ballot)) {
    return signOrder(this.crypto, this.manifest, this.#keys(signer).link, { batchId: batch.id, ballot, value, proof })
  }

  orderHalf(batch: Batch, value: Value, votes: VoteSet) {
    const proof = { type: 'votes' as const, votes }
    return {
      valueDigest: valueDigest(this.manifest.clusterId, value),
      proofDigest: proofOfOrderDigest(this.manifest.clusterId, proof),
      signature: this.order(batch, 0, value, proof).signature,
    }
  }

  /** One of every kind, with who is guilty of it. */
  samples(): { evidence: Evidence; guilty: number[] }[] {
    const a = this.batch(0, ['k', 'l'], 0, 'a')
    const b = this.batch(1, ['k', 'm'], 0, 'b')
    const [low, high] = a.id < b.id ? [a, b] : [b, a]
    const one = this.votes(a.id, [
      [0, view()],
      [1, view()],
      [2, view([ID])],
    ])
    const other = this.votes(a.id, [
      [1, view([b.id])],
      [2, view([ID])],
      [3, view([b.id])],
    ])
    const [first, second] = inOrder(one, other) ? [one, other] : [other, one]
    const value = (named: string[]): Value => ({ base: new Map(), predecessors: named, tallies: { m: 4, inc: new Map(named.map((id) => [id, 4])) } })
    const digests = ['11'.repeat(32), '22'.repeat(32)] as const
    const honest: PromiseStatement = { voteDigest: ID, accepted: { ballot: 1, valueDigest: digests[0] }, blockers: [] }
    const all = this.votes(
      a.id,
      [0, 1, 2, 3].map((signer) => [signer, view([ID])]),
    )
    const halves = [this.orderHalf(a, value([ID]), all), this.orderHalf(a, value([]), all)] as const
    const [less, more] = halves[0].valueDigest < halves[1].valueDigest ? halves : [halves[1], halves[0]]
    const twin = this.batch(0, ['x'], 0, 'twin')
    return [
      { evidence: { type: 'double-vote', batchId: a.id, first, second }, guilty: [1] },
      {
        evidence: {
          type: 'incoherent-votes',
          first: {
            batch: low,
            votes: this.votes(
              low.id,
              [0, 1, 2].map((signer) => [signer, signer === 2 ? view([high.id]) : view()]),
            ),
          },
          second: {
            batch: high,
            votes: this.votes(
              high.id,
              [1, 2, 3].map((signer) => [signer, view([], [['m', 3]])]),
            ),
          },
        },
        guilty: [1],
      },
      {
        evidence: {
          type: 'double-accept',
          batchId: a.id,
          ballot: 2,
          first: this.accepts(a.id, 2, digests[0], [0, 1, 2]),
          second: this.accepts(a.id, 2, digests[1], [1, 2, 3]),
        },
        guilty: [1, 2],
      },
      {
        evidence: {
          type: 'false-promise',
          batchId: a.id,
          ballot: 1,
          accepts: this.accepts(a.id, 1, digests[0], [0, 1, 2]),
          promises: this.promises(a.id, 2, [
            [0, honest],
            [1, { ...honest, accepted: null }],
            [2, { ...honest, accepted: { ballot: 0, valueDigest: digests[0] } }],
            [3, { ...honest, accepted: null }],
          ]),
        },
        guilty: [1, 2],
      },
      { evidence: { type: 'double-order', batchId: a.id, ballot: 0, signer: 0, first: less, second: more }, guilty: [0] },
      { evidence: { type: 'false-order', batch: a, order: this.order(a, 0, value([]), { type: 'votes', votes: all }) }, guilty: [0] },
      {
        evidence: { type: 'double-batch', first: a.id < twin.id ? a : twin, second: a.id < twin.id ? twin : a },
        guilty: [0],
      },
    ]
  }
}
