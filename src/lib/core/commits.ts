/**
 * Certificates and what is missing for them (§5, §10): verifies each once, records it, and answers who asks for batches. Owns what waits for
 * execution to go on; what waits for a batch is in `wants.ts`, comparing whole logs is `catch-up.ts`.
 */
import type { Id } from '../base/bytes.js'
import { type Certificate, certificateFault, certifiedValue, rankOf } from './certificate.js'
import type { Context } from './context.js'
import type { Guard } from './guard.js'
import { LIMITS } from './limits.js'
import type { MessageOf } from './message.js'
import type { Voting } from './voting.js'
import { RETRIES_PER_BATCH, Wants } from './wants.js'

export class Commits {
  readonly #ctx: Context
  readonly #voting: Voting
  readonly #guard: Guard
  readonly #wants: Wants
  /** What waits for more history, by batch. */
  readonly #behind = new Map<Id, (() => void)[]>()

  constructor(ctx: Context, voting: Voting, guard: Guard) {
    this.#ctx = ctx
    this.#guard = guard
    this.#voting = voting
    this.#wants = new Wants(ctx, (batchId) => ctx.journal.hasArrived(batchId) || voting.isInvalid(batchId))
  }

  /** A certificate that this signer has put together and verified itself. */
  decide(certificate: Certificate): void {
    this.#take(this.#ctx.self, certificate)
  }

  /** A certificate from another signer. */
  receive(from: number, certificate: Certificate): void {
    const { journal } = this.#ctx
    const known = journal.get(certificate.batchId)
    if (known?.committed) return this.#ctx.events.passOn(known.committed.certificate, from)
    // What is held already is at least as high: it only goes on from here.
    if (known?.lock && rankOf(known.lock.certificate) >= rankOf(certificate)) return this.#ctx.events.passOn(known.lock.certificate, from)
    if (!this.#isValid(from, certificate)) return
    // Others may have decided otherwise while this signer was away: an old certificate may come as if it were a new one.
    if (!this.#ctx.events.hasCaughtUp()) this.#doubt(certificate)
    this.#take(from, certificate)
  }

  /** A certificate that may not be the last word: all are asked before it becomes final (§9). */
  #doubt(certificate: Certificate): void {
    if (this.#ctx.rules.lateDoubted && this.#guard.doubt(certificate.batchId)) this.#ctx.events.doubted(certificate)
  }

  #isValid(from: number, certificate: Certificate): boolean {
    const fault = certificateFault(this.#ctx.crypto, this.#ctx.manifest, certificate)
    if (fault !== undefined) this.#ctx.suspect(from, `a certificate with ${fault}`, certificate.batchId)
    return fault === undefined
  }

  /** A verified certificate: recorded once its batch and the history that it speaks of are here. */
  #take(from: number, certificate: Certificate): void {
    const { journal, manifest } = this.#ctx
    const { batchId } = certificate
    if (journal.pastOf(batchId)) return
    const early = this.#voting.earlyBatch(batchId)
    if (early) this.#voting.admitNow(early)
    const known = journal.get(batchId)
    if (!known) return this.hold(from, batchId, () => this.#take(from, certificate))
    if (known.committed) return
    const value = certifiedValue(manifest, certificate, known.batch.keys, journal.logs)
    if (value === 'undecided') return this.#ctx.suspect(from, 'a fast certificate that is not decisive', batchId)
    if ('behindOn' in value) return this.afterExecution(batchId, from, () => this.#take(from, certificate))
    if (this.#guard.isFinal(known, certificate, value)) return this.#commit(certificate, from)
    if (!known.lock || rankOf(known.lock.certificate) < rankOf(certificate)) this.#ctx.persist({ type: 'lock', certificate })
    this.#ctx.events.passOn(certificate, from)
  }

  /** Looks again whether the certificate that is held of a batch is final by now. */
  review(batchId: Id): void {
    const known = this.#ctx.journal.get(batchId)
    if (!known?.lock || known.committed || !this.#guard.isFinal(known, known.lock.certificate, known.lock.value)) return
    this.#commit(known.lock.certificate, this.#ctx.self)
  }

  /** Looks at all of them again. */
  reviewAll(): void {
    for (const batchId of [...this.#ctx.journal.undecided]) this.review(batchId)
  }

  #commit(certificate: Certificate, from: number): void {
    const { journal } = this.#ctx
    this.#ctx.persist({ type: 'certificate', certificate })
    this.#ctx.events.committed(certificate, from)
    const value = journal.get(certificate.batchId)?.committed?.value
    if (!value || journal.isExecuted(certificate.batchId)) return
    this.want(
      value.predecessors.filter((named) => !journal.hasArrived(named)),
      [from],
    )
    for (const [key, height] of value.base) if (journal.logs.heightOf(key) < height) this.#ctx.events.behind(from)
  }

  /** After a restart: what committed batches wait for is asked for again. */
  restored(): void {
    const { journal } = this.#ctx
    for (const batchId of journal.waiting.keys()) {
      this.want(
        (journal.get(batchId)?.committed?.value.predecessors ?? []).filter((named) => !journal.hasArrived(named)),
        [],
      )
    }
  }

  /** Runs `retry` once a batch has arrived here; asks `from` for it first. */
  hold(from: number, batchId: Id, retry: () => void): void {
    this.afterArrival([batchId], [from], retry)
  }

  /** Runs `retry` whenever one of these batches has arrived; asks for them, these candidates first. */
  afterArrival(ids: readonly Id[], candidates: readonly number[], retry: () => void): void {
    this.#wants.afterArrival(ids, this.#others(candidates), retry)
  }

  /** Asks for batches that are not here, candidates first, then everyone in turn. */
  want(ids: readonly Id[], candidates: readonly number[]): void {
    this.#wants.want(ids, this.#others(candidates))
  }

  #others(signers: readonly number[]): number[] {
    return signers.filter((signer) => signer !== this.#ctx.self)
  }

  /** Runs `retry` after the next execution; asks `from` for its log. */
  afterExecution(batchId: Id, from: number, retry: () => void): void {
    const retries = this.#behind.get(batchId) ?? []
    if (retries.length < RETRIES_PER_BATCH) retries.push(retry)
    this.#behind.set(batchId, retries)
    this.#ctx.events.behind(from)
  }

  onFetch(from: number, { ids }: MessageOf<'fetch'>): void {
    let bytes = 0
    for (const batchId of ids) {
      const known = this.#ctx.journal.get(batchId)
      const batch = known?.batch ?? this.#voting.earlyBatch(batchId)
      if (!batch) continue
      // What does not fit into one answer is asked for again.
      bytes += batch.bytes.length
      if (bytes > LIMITS.messageBytes) return
      this.#ctx.send(from, { type: 'have', batch, certificate: known?.committed?.certificate ?? null })
    }
  }

  onFetchSequence(from: number, { initiator, from: first, to }: MessageOf<'fetch-sequence'>): void {
    const ids = []
    for (let sequence = first; sequence < Math.min(to, first + LIMITS.undecidedPerInitiator); sequence++) {
      ids.push(this.#ctx.journal.bySequence(initiator, sequence))
    }
    this.onFetch(from, { type: 'fetch', ids: ids.filter((batchId) => batchId !== undefined) })
  }

  onHave(from: number, { batch, certificate }: MessageOf<'have'>): void {
    if (certificate?.batchId !== batch.id) return this.#voting.admit(batch, from)
    if (this.#ctx.journal.get(batch.id)?.committed || !this.#isValid(from, certificate)) return
    if (!this.#voting.admitCommitted(batch, from)) return
    this.#doubt(certificate)
    this.#take(from, certificate)
  }

  /** A batch is here: what waited for it goes on. */
  arrived(batchId: Id): void {
    this.#wants.arrived(batchId)
  }

  /** Execution went on: what waited for history is looked at again. */
  executed(): void {
    const waiting = [...this.#behind.values()].flat()
    this.#behind.clear()
    for (const retry of waiting) retry()
  }
}
