/**
 * When a signer goes on to the next epoch (§24): at once when it has executed the change that ends its epoch, or, with the synchrony guard on, once a quorum has,
 * for until then others may need it to make the same decisions final (§9). Owns that wait; what it signs meanwhile stands behind the change, as all that arrives after it.
 */
import type { Id } from '../base/bytes.js'
import type { Context } from './context.js'
import type { Guard } from './guard.js'
import type { MessageOf } from './message.js'
import { valueDigest } from './statement.js'
import { isChange } from './transaction.js'

export class Succession {
  readonly #ctx: Context
  readonly #guard: Guard
  /** Who reports a change as final, by change and digest of its value. */
  readonly #reports = new Map<string, Set<number>>()

  constructor(ctx: Context, guard: Guard) {
    this.#ctx = ctx
    this.#guard = guard
  }

  /** Whether the next epoch begins now. */
  get isDue(): boolean {
    const end = this.#ended()
    if (!end) return false
    // Without the rule a signer goes on for a while as if nothing had been.
    if (!this.#ctx.rules.changesEnd) return this.#ctx.journal.logs.executed.at(-1) !== end.batchId
    if (!this.#guard.isOn || !this.#ctx.hasSeat) return true
    return (this.#reports.get(nameOf(end))?.size ?? 0) + 1 >= this.#ctx.manifest.quorum
  }

  /** The change is executed: all are told, again and again, for they wait for a quorum and this signer for their answers. */
  executed(): void {
    const { manifest, self, timers, now } = this.#ctx
    if (!this.#ended() || !this.#guard.isOn) return
    for (let signer = 0; signer < manifest.n; signer++) if (signer !== self) this.tell(signer)
    timers.set('epoch', now + manifest.timing.hopTimeoutMs, () => this.executed())
  }

  /** Tells another signer that the change is executed here, if it is. */
  tell(signer: number): void {
    const end = this.#ended()
    if (end && this.#guard.isOn && !this.#ctx.isSilent) this.#ctx.send(signer, { type: 'finals', items: [end] })
  }

  /** What is final for another signer. */
  onFinals(from: number, { items }: MessageOf<'finals'>): void {
    const { journal } = this.#ctx
    for (const item of items) {
      const known = journal.get(item.batchId)
      if (!known || !isChange(known.batch.keys)) continue
      const reports = this.#reports.get(nameOf(item)) ?? new Set()
      const isNew = !reports.has(from)
      // A liar may name many values: one more than there are signers says nothing.
      if (!this.#reports.has(nameOf(item)) && this.#reports.size >= 2 * this.#ctx.manifest.n) continue
      reports.add(from)
      this.#reports.set(nameOf(item), reports)
      if (isNew && journal.end === item.batchId) this.tell(from)
    }
  }

  #ended(): { batchId: Id; valueDigest: Id } | undefined {
    const { journal, manifest } = this.#ctx
    const committed = journal.end === undefined ? undefined : journal.get(journal.end)?.committed
    return committed && { batchId: committed.certificate.batchId, valueDigest: valueDigest(manifest.clusterId, committed.value) }
  }
}

function nameOf({ batchId, valueDigest: digest }: { batchId: Id; valueDigest: Id }): string {
  return `${batchId}/${digest}`
}
