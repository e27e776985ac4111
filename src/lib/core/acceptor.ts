/**
 * Whether a signer accepts an order (§5 3a, §7): its value follows from what it carries, the predecessors are held, the ballot is not below a
 * promise, and no conflicting pair is left unordered. Owns the accept record and the refusals; orders that must wait are looked at again.
 */

import type { Id } from '../base/bytes.js'
import { type Backing, bareOrder, isSignedOrder, type Order, rankOf } from './certificate.js'
import type { Commits } from './commits.js'
import type { Context } from './context.js'
import type { Guard } from './guard.js'
import type { KnownBatch } from './known-batch.js'
import { backingsThatFit } from './promise-budget.js'
import { type Reading, valueFromPromises, valueFromVotes } from './promises.js'
import { acceptDigest, valueDigest } from './statement.js'
import { leavesOut, type Value } from './tally.js'
import { keyAhead } from './view.js'

/** Told once: the accept's signature, or undefined if the order is refused for good. */
type Verdict = (signature: Uint8Array | undefined) => void

export class Acceptor {
  readonly #ctx: Context
  readonly #commits: Commits
  readonly #guard: Guard

  constructor(ctx: Context, commits: Commits, guard: Guard) {
    this.#ctx = ctx
    this.#commits = commits
    this.#guard = guard
  }

  /** Looks at an order of a batch that has arrived. May tell its verdict later, or never if what it needs does not come. */
  consider(order: Order, verdict: Verdict): void {
    const { journal, manifest, crypto } = this.#ctx
    const known = journal.get(order.batchId)
    if (!known || (known.committed && !this.#guard.isOn)) return
    if (known.accepted?.ballot === order.ballot && this.#ctx.rules.oneAccept) return this.#again(known.accepted, order, verdict)
    if (order.ballot < known.promised && this.#ctx.rules.promisesKept) return verdict(undefined)
    const coordinator = this.#ctx.coordinatorOf(known.batch, order.ballot)
    if (!isSignedOrder(crypto, manifest, coordinator, order)) return verdict(undefined)
    this.#ctx.events.sawOrder(known, order)
    if (!this.#ctx.maySign(known)) return verdict(undefined)
    const reading = this.#follows(known, order)
    if (reading.type === 'behind') return this.#commits.afterExecution(order.batchId, coordinator, () => this.consider(order, verdict))
    if (reading.type === 'missing') return this.#commits.afterArrival(reading.ids, [coordinator], () => this.consider(order, verdict))
    if (reading.type === 'fault') {
      this.#ctx.events.falseOrder(order)
      this.#ctx.suspect(coordinator, `an order that does not follow: ${reading.fault}`, order.batchId)
      return verdict(undefined)
    }
    if (!known.committed) this.#ctx.events.progress(order.batchId, order.ballot)
    // A value that was accepted elsewhere may begin above what is executed here: what it leaves out shows only then.
    if (keyAhead(order.value.base, journal.logs) !== undefined) {
      return this.#commits.afterExecution(order.batchId, coordinator, () => this.consider(order, verdict))
    }
    if (!known.committed && this.#mustWaitOrRefuse(known, order, coordinator, verdict)) return
    const acceptsFrom = this.#guard.acceptsFrom(order.batchId, order.ballot)
    if (this.#ctx.now < acceptsFrom) {
      return this.#ctx.timers.set(`accept ${order.batchId}`, acceptsFrom, () => this.consider(order, verdict))
    }
    const binding = this.#ctx.rules.locksBind ? this.#guard.bindingOf(known) : undefined
    if (binding && valueDigest(manifest.clusterId, binding.value) !== valueDigest(manifest.clusterId, order.value)) {
      this.#ctx.send(coordinator, { type: 'certificate', certificate: binding.certificate })
      return verdict(undefined)
    }
    this.#ctx.persist({ type: 'accept', order })
    verdict(this.#sign(order))
  }

  /** Whether the order must wait for a predecessor, or was refused because it would leave a pair unordered. */
  #mustWaitOrRefuse(known: KnownBatch, order: Order, coordinator: number, verdict: Verdict): boolean {
    const { journal } = this.#ctx
    const missing = order.value.predecessors.filter((named) => !journal.hasArrived(named))
    if (missing.length > 0) {
      this.#commits.afterArrival(missing, [coordinator], () => this.consider(order, verdict))
      return true
    }
    const unordered = this.#ctx.rules.neverUnordered ? this.unordered(known, order.value) : new Map()
    if (unordered.size > 0) {
      const shown = [...unordered.values()].flatMap((backing) => backing ?? []).slice(0, 64)
      const backings = backingsThatFit(shown, this.#ctx.manifest.n)
      this.#ctx.send(coordinator, { type: 'refuse', batchId: order.batchId, ballot: order.ballot, backings })
      this.#ctx.events.refused(order.batchId, order.ballot)
      verdict(undefined)
      return true
    }
    return false
  }

  #again(accepted: Order, order: Order, verdict: Verdict): void {
    const { clusterId } = this.#ctx.manifest
    const same = valueDigest(clusterId, accepted.value) === valueDigest(clusterId, order.value)
    verdict(same ? this.#sign(order) : undefined)
  }

  #sign(order: Order): Uint8Array {
    const { crypto, manifest, blsSecretKey } = this.#ctx
    return crypto.bls.sign(blsSecretKey, acceptDigest(manifest, order.batchId, order.ballot, valueDigest(manifest.clusterId, order.value)))
  }

  /** Whether the value is the one that follows from the votes (ballot 0) or from the promises. */
  #follows(known: KnownBatch, order: Order): Reading<true> {
    const { manifest } = this.#ctx
    if (!this.#ctx.rules.ordersChecked) return { type: 'read', value: true }
    if ((order.ballot === 0) !== (order.proof.type === 'votes')) return { type: 'fault', fault: 'the wrong kind of proof' }
    const { proof } = order
    const reading =
      proof.type === 'votes'
        ? valueFromVotes(this.#ctx, known.batch, proof.votes)
        : valueFromPromises(this.#ctx, known.batch, order.ballot, proof.promises)
    if (reading.type !== 'read') return reading
    const { value } = reading
    if (valueDigest(manifest.clusterId, value) !== valueDigest(manifest.clusterId, order.value)) return { type: 'fault', fault: 'another value' }
    return { type: 'read', value: true }
  }

  /**
   * What would be left unordered if this value were accepted (⚠ §7): conflicting batches that it leaves out and whose own standing value leaves
   * this batch out, and executed ones that it leaves out. Each with what shows it, unless that is pruned.
   */
  unordered(known: KnownBatch, value: Value): Map<Id, Backing | undefined> {
    const { journal } = this.#ctx
    const found = new Map<Id, Backing | undefined>(this.blockers(known).filter(([named]) => leavesOut(value, named, journal.logs)))
    for (const named of journal.executedAbove(known.batch.keys, value.base))
      if (leavesOut(value, named, journal.logs)) found.set(named, this.#backingOf(named))
    return found
  }

  /** Conflicting batches, not executed, whose standing value leaves this one out, each with what shows it. */
  blockers(known: KnownBatch): [Id, Backing][] {
    const { journal } = this.#ctx
    const found: [Id, Backing][] = []
    for (const named of journal.pendingOn(known.batch.keys)) {
      const other = journal.get(named)
      if (named === known.batch.id || !other) continue
      const standing = other.committed || other.lock || this.#ctx.rules.acceptedStands ? this.#standingOf(other) : undefined
      if (standing && leavesOut(standing.value, known.batch.id, journal.logs)) found.push([named, standing.backing])
    }
    return found
  }

  /** Executed batches on the keys of this one above its own vote's heights: they hold, and it must go behind them. */
  executedSince(known: KnownBatch): [Id, Backing][] {
    const { journal } = this.#ctx
    const found = new Map<Id, Backing>()
    for (const named of journal.executedAbove(known.batch.keys, known.vote?.view.heights ?? new Map())) {
      const backing = this.#backingOf(named)
      if (backing) found.set(named, backing)
    }
    return [...found]
  }

  #backingOf(batchId: Id): Backing | undefined {
    const other = this.#ctx.journal.get(batchId)
    return other && this.#standingOf(other)?.backing
  }

  /** A batch's standing value (⚠ §7): the committed one, else the higher-ranked of the latest accepted value and of the certificate held. */
  #standingOf(known: KnownBatch): { value: Value; backing: Backing } | undefined {
    const { accepted } = known
    const binding = this.#guard.bindingOf(known)
    const holds = binding && (known.committed || !accepted || rankOf(binding.certificate) >= accepted.ballot)
    if (holds) return { value: binding.value, backing: { type: 'certificate', certificate: binding.certificate } }
    return accepted && { value: accepted.value, backing: { type: 'order', order: bareOrder(accepted) } }
  }
}
