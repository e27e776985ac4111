/**
 * What a signer does with messages about another epoch's batches (§24): of a later one it only learns that it is behind; of an earlier one it shows what was
 * decided, and signs nothing. Messages that compare logs belong to no epoch.
 */
import type { Id } from '../base/bytes.js'
import type { CatchUp } from './catch-up.js'
import type { Commits } from './commits.js'
import type { Context } from './context.js'
import { batchIdOf, type Message } from './message.js'
import type { Notices } from './notices.js'
import { valueDigest } from './statement.js'
import type { Voting } from './voting.js'

export class OtherEpochs {
  readonly #ctx: Context
  readonly #voting: Voting
  readonly #commits: Commits
  readonly #notices: Notices
  readonly #catchUp: CatchUp
  /** When each was answered that a change is made: two that have gone on would answer one another without end. */
  readonly #answeredAt = new Map<number, number>()

  constructor(ctx: Context, voting: Voting, commits: Commits, notices: Notices, catchUp: CatchUp) {
    this.#ctx = ctx
    this.#voting = voting
    this.#commits = commits
    this.#notices = notices
    this.#catchUp = catchUp
  }

  /** Whether a message is about another epoch. */
  isAbout(message: Message): boolean {
    const epoch = this.#epochOf(message)
    return epoch !== undefined && epoch !== this.#ctx.manifest.epoch
  }

  /** Whether a message is about another epoch; then what is to be done about it is done. */
  take(from: number, message: Message): boolean {
    if (message.type === 'finals') this.#answerFinals(from, message.items)
    const epoch = this.#epochOf(message)
    const { manifest } = this.#ctx
    if (epoch === undefined || epoch === manifest.epoch) return false
    const batchId = batchIdOf(message) ?? ''
    if (message.type === 'have') this.#leave(batchId)
    if (epoch > manifest.epoch) this.#later(from, message)
    else if (message.type !== 'have' && message.type !== 'certificate') this.#show(from, batchId)
    return true
  }

  /** What waits for the batch is given up. */
  #leave(batchId: Id): void {
    if (this.#ctx.journal.hasArrived(batchId)) return
    this.#voting.leave(batchId)
    this.#commits.arrived(batchId)
  }

  #later(from: number, message: Message): void {
    // Its page goes beyond what can be taken in now.
    if (message.type === 'have') this.#catchUp.giveUp(from)
    else this.#ctx.events.behind(from)
  }

  #show(from: number, batchId: Id): void {
    const known = this.#ctx.journal.get(batchId)
    // Also what was decided and not executed: where the change stands follows from it.
    if (known?.committed) this.#notices.show(from, known)
    else this.#catchUp.compareWith(from)
  }

  /** Who reports a change of an earlier epoch waits for a quorum to do so. */
  #answerFinals(from: number, items: readonly { batchId: Id; valueDigest: Id }[]): void {
    const { journal, manifest, isComparing, now } = this.#ctx
    if (now - (this.#answeredAt.get(from) ?? Number.NEGATIVE_INFINITY) < manifest.timing.hopTimeoutMs) return
    const made = items.filter(({ batchId }) => journal.epochs.changes.some((change) => change.batchId === batchId))
    const finals = made.flatMap(({ batchId }) => {
      const committed = journal.get(batchId)?.committed
      return committed ? [{ batchId, valueDigest: valueDigest(manifest.clusterId, committed.value) }] : []
    })
    if (finals.length === 0 || isComparing) return
    this.#answeredAt.set(from, now)
    this.#ctx.send(from, { type: 'finals', items: finals })
  }

  #epochOf(message: Message): number | undefined {
    switch (message.type) {
      case 'propose':
      case 'have':
        return message.batch.epoch
      case 'order':
        return message.order.epoch
      case 'certificate':
        return message.certificate.epoch
      default: {
        const batchId = batchIdOf(message)
        return batchId === undefined ? undefined : this.#ctx.journal.get(batchId)?.batch.epoch
      }
    }
  }
}
