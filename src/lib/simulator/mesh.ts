/**
 * The mesh, for comparison only: an initiator sends its batch to all, every signer sends its signed vote to every other, each gathers a quorum and
 * derives the same as the others. No tree, no phase 3, no recovery: a batch on which the votes disagree stays undecided. Batches and votes are
 * durable before they leave, as in the protocol, so that the comparison is fair; a signer that comes back does not read them.
 */
import { bitmapOf } from '../base/bitmap.js'
import { type Id, toHex } from '../base/bytes.js'
import { type MultiSignature, mergeMultiSignatures, multiSignatureFault, singleSignature } from '../bls/multi-signature.js'
import { publicKeysOf } from '../core/certificate.js'
import { Execution } from '../core/execution.js'
import { KeyLogs } from '../core/key-logs.js'
import type { Message } from '../core/message.js'
import type { SignerOptions } from '../core/signer.js'
import { voteDigest } from '../core/statement.js'
import type { Effect, Event, ExecutedBatch } from '../core/steppable.js'
import { fastValue, isFast, tallyOf, type Value } from '../core/tally.js'
import { type Batch, isSignedBatch, makeBatch, type Transaction, transactionId } from '../core/transaction.js'
import { emptyView, freezeView, type View } from '../core/view.js'
import { countedViews, type VoteSet, voteSetOf } from '../core/vote-set.js'
import type { SimulatedSigner } from './host.js'

interface Ballot {
  batch?: Batch
  /** By voter; each with its digest, once. */
  votes: Map<number, MultiSignature>
  views: Map<Id, View>
  committed?: { votes: VoteSet; value: Value }
}

/** A signer that talks with everyone. */
export class MeshSigner implements SimulatedSigner {
  readonly #options: SignerOptions
  readonly #logs: KeyLogs
  readonly #execution: Execution
  readonly #ballots = new Map<Id, Ballot>()
  readonly #pending = new Set<Id>()
  readonly #executedTxs = new Set<Id>()
  #sequence = 0
  #effects: Effect[] = []

  constructor(options: SignerOptions) {
    this.#options = options
    this.#logs = new KeyLogs(options.manifest.clusterId)
    this.#execution = new Execution(this.#logs, (id) => {
      const { batch, committed } = this.#ballots.get(id) ?? {}
      return batch && committed && { id, keys: batch.keys, value: committed.value }
    })
  }

  restore(): ExecutedBatch[] {
    return []
  }

  get wakeAt(): number | undefined {
    return undefined
  }

  step(event: Event): Effect[] {
    if (event.type === 'submit') this.#submit(event.requestId, event.transaction, event.time)
    if (event.type === 'message') this.#receive(event.from, event.message)
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  #submit(requestId: number, transaction: Transaction, time: number): void {
    const { manifest, crypto, linkSecretKey, self, check } = this.#options
    const txId = transactionId(manifest.clusterId, transaction)
    const reason = check(transaction)
    if (reason !== undefined) {
      this.#effects.push({ type: 'reply', requestId, txId, status: 'rejected', reason })
      return
    }
    const body = { epoch: manifest.epoch, initiator: self, sequence: this.#sequence++, time, transactions: [transaction] }
    const batch = makeBatch(crypto.ed25519, manifest.clusterId, linkSecretKey, body)
    this.#effects.push({ type: 'reply', requestId, txId, status: 'taken' })
    this.#arrive(batch)
  }

  #receive(from: number, message: Message): void {
    const { manifest, crypto } = this.#options
    if (message.type === 'propose') {
      const { batch } = message
      const linkKey = manifest.signers[batch.initiator]?.linkKey
      if (linkKey && isSignedBatch(crypto.ed25519, linkKey, batch)) this.#arrive(batch)
    }
    if (message.type === 'vote' && message.votes) this.#count(from, message.batchId, message.votes)
  }

  /** First sight: votes, and tells everyone; an own batch goes first. */
  #arrive(batch: Batch): void {
    const { manifest, crypto, blsSecretKey, self } = this.#options
    const ballot = this.#ballotOf(batch.id)
    if (ballot.batch) return
    ballot.batch = batch
    const before = [...this.#pending].filter((id) => this.#ballots.get(id)?.batch?.keys.some((key) => batch.keys.includes(key)))
    const view = freezeView(batch.keys, before, this.#logs)
    this.#pending.add(batch.id)
    const signature = crypto.bls.sign(blsSecretKey, voteDigest(manifest, batch.id, view))
    this.#effects.push(
      { type: 'persist', record: { type: 'batch', batch } },
      { type: 'persist', record: { type: 'vote', batchId: batch.id, view, signature } },
    )
    if (batch.initiator === self) this.#sendAll({ type: 'propose', batch, reference: emptyView() })
    const votes: VoteSet = { entries: [{ view, signers: bitmapOf(manifest.n, [self]) }], signature }
    this.#sendAll({ type: 'vote', batchId: batch.id, votes, postponed: bitmapOf(manifest.n, []) })
    this.#count(self, batch.id, votes)
  }

  #count(from: number, batchId: Id, { entries, signature }: VoteSet): void {
    const { manifest } = this.#options
    const ballot = this.#ballotOf(batchId)
    const view = entries[0]?.view
    if (!view || ballot.committed || ballot.votes.has(from)) return
    const digest = voteDigest(manifest, batchId, view)
    ballot.views.set(toHex(digest), view)
    ballot.votes.set(from, singleSignature(manifest.n, from, digest, signature))
    this.#decide(batchId, ballot)
  }

  /** Adds the votes up once a quorum is there, and again with each further one while they disagree. */
  #decide(batchId: Id, ballot: Ballot): void {
    const { manifest, crypto } = this.#options
    if (!ballot.batch || ballot.committed || ballot.votes.size < manifest.quorum) return
    const merged = mergeMultiSignatures(crypto.bls, [...ballot.votes.values()])
    if (!merged || multiSignatureFault(crypto.bls, publicKeysOf(manifest), merged) !== undefined) return
    const votes = voteSetOf(merged, ballot.views)
    const tally = tallyOf(ballot.batch.keys, countedViews(votes), this.#logs)
    if ('behindOn' in tally || !isFast(tally, manifest)) return
    ballot.committed = { votes, value: fastValue(tally, manifest) }
    for (const id of this.#execution.commit(batchId)) this.#executed(id)
    // Votes that reach further than this signer had executed can be read now.
    for (const id of [...this.#pending]) this.#decide(id, this.#ballotOf(id))
  }

  #executed(batchId: Id): void {
    const { batch, committed } = this.#ballotOf(batchId)
    if (!batch || !committed) return
    this.#pending.delete(batchId)
    const { epoch, clusterId } = this.#options.manifest
    const skipped = new Map<number, 'duplicate'>()
    batch.transactions.forEach((transaction, index) => {
      const txId = transactionId(clusterId, transaction)
      if (this.#executedTxs.has(txId)) skipped.set(index, 'duplicate')
      this.#executedTxs.add(txId)
    })
    const certificate = { type: 'fast' as const, epoch, batchId, votes: committed.votes }
    const heights = this.#logs.heightsOf(batchId) ?? new Map<string, number>()
    this.#effects.push({ type: 'execute', executed: { batch, heights, certificate, value: committed.value, skipped } })
  }

  #ballotOf(batchId: Id): Ballot {
    let ballot = this.#ballots.get(batchId)
    if (!ballot) {
      ballot = { votes: new Map(), views: new Map() }
      this.#ballots.set(batchId, ballot)
    }
    return ballot
  }

  #sendAll(message: Message): void {
    const { manifest, self } = this.#options
    for (let to = 0; to < manifest.n; to++) if (to !== self) this.#effects.push({ type: 'send', to, message })
  }
}
