/**
 * The clients of a run: submit what is planned, wait until it is executed where it was submitted, and go to another signer with the same
 * transaction when theirs crashes, is busy, or keeps them waiting.
 */
import type { Id } from '../base/bytes.js'
import type { SeededRandom } from '../base/prng.js'
import type { Effect } from '../core/steppable.js'
import type { TransactionHistory } from './history.js'
import type { Timeline } from './timeline.js'
import type { PlannedTransaction } from './workload.js'

/** How long a client waits before it tries again, and for an answer before it tries elsewhere. */
const RETRY_MS = 50
const PATIENCE_MS = 15_000

/** What clients see of the signers. */
export interface ClientPorts {
  timeline: Timeline
  random: SeededRandom
  /** Signers that take connections. */
  upSigners(): number[]
  isUp(signer: number): boolean
  /** Whether a signer has executed a transaction. */
  hasExecuted(signer: number, txId: Id): boolean
  submit(signer: number, requestId: number, planned: PlannedTransaction): void
}

interface Waiting {
  index: number
  signer: number
}

export class Clients {
  readonly #ports: ClientPorts
  readonly #plan: readonly PlannedTransaction[]
  readonly transactions = new Map<Id, TransactionHistory>()
  /** By request. */
  readonly #waiting = new Map<number, Waiting>()
  #requests = 0
  /** Transactions whose client has its answer: executed or rejected. */
  settled = 0

  constructor(ports: ClientPorts, plan: readonly PlannedTransaction[]) {
    this.#ports = ports
    this.#plan = plan
    for (const [index, planned] of plan.entries()) ports.timeline.at(planned.atMs, () => this.#start(index))
  }

  /** Whether every client has its answer. */
  get isDone(): boolean {
    return this.settled === this.#plan.length
  }

  /** Transactions without an answer. */
  get unsettled(): PlannedTransaction[] {
    return this.#plan.filter(({ txId }) => !this.#isSettled(txId))
  }

  /** An operator's transaction: nobody waits for it here. */
  accompany(txId: Id, keys: string[]): void {
    this.transactions.set(txId, { txId, keys, submittedAt: this.#ports.timeline.now })
  }

  /** What a signer answered to a `submit`. */
  reply(signer: number, reply: Extract<Effect, { type: 'reply' }>): void {
    const waiting = this.#waiting.get(reply.requestId)
    if (!waiting) return
    const { index } = waiting
    if (!('reason' in reply)) {
      if (this.#ports.hasExecuted(signer, reply.txId)) this.#acknowledge(signer, reply.txId)
      return
    }
    this.#waiting.delete(reply.requestId)
    const history = this.transactions.get(reply.txId)
    if (reply.status === 'busy' || !history) return this.#ports.timeline.after(RETRY_MS, () => this.#submit(index))
    if (this.#isSettled(reply.txId)) return
    history.rejectedAt = this.#ports.timeline.now
    history.rejection = reply.reason
    this.#settle(index)
  }

  /** A signer executed transactions: clients that wait for them there are told. */
  executed(signer: number, txIds: readonly Id[]): void {
    for (const { index, signer: where } of [...this.#waiting.values()]) {
      const txId = this.#plan[index]?.txId
      if (where === signer && txId !== undefined && txIds.includes(txId)) this.#acknowledge(signer, txId)
    }
  }

  /** A signer crashed: its clients go elsewhere. */
  crashed(signer: number): void {
    for (const [requestId, waiting] of [...this.#waiting]) {
      if (waiting.signer !== signer) continue
      this.#waiting.delete(requestId)
      this.#ports.timeline.after(RETRY_MS, () => this.#submit(waiting.index))
    }
  }

  /** A signer starts over: what it told its clients was the word of a faulty one. */
  disown(signer: number): void {
    for (const history of this.transactions.values()) if (history.acknowledgedBy === signer) history.isDisowned = true
  }

  #start(index: number): void {
    const after = this.#plan[index]?.after
    const before = after === null || after === undefined ? undefined : this.#plan[after]
    // What waits for another one is started by it.
    if (before && !this.#isSettled(before.txId)) return
    this.#submit(index)
  }

  #submit(index: number): void {
    const planned = this.#plan[index]
    if (!planned || this.#isSettled(planned.txId)) return
    const { timeline, random } = this.#ports
    const known = this.transactions.get(planned.txId)
    const signer = !known && this.#ports.isUp(planned.signer) ? planned.signer : this.#anySigner(random)
    if (signer === undefined) return timeline.after(RETRY_MS, () => this.#submit(index))
    if (!known) this.transactions.set(planned.txId, { txId: planned.txId, keys: planned.transaction.deps, submittedAt: timeline.now })
    const requestId = ++this.#requests
    this.#waiting.set(requestId, { index, signer })
    timeline.after(PATIENCE_MS, () => {
      if (!this.#waiting.delete(requestId)) return
      this.#submit(index)
    })
    this.#ports.submit(signer, requestId, planned)
  }

  #anySigner(random: SeededRandom): number | undefined {
    const up = this.#ports.upSigners()
    return up.length === 0 ? undefined : random.pick(up)
  }

  #isSettled(txId: Id): boolean {
    const known = this.transactions.get(txId)
    return known?.acknowledgedAt !== undefined || known?.rejectedAt !== undefined
  }

  #acknowledge(signer: number, txId: Id): void {
    const history = this.transactions.get(txId)
    const index = this.#plan.findIndex((planned) => planned.txId === txId)
    if (!history || this.#isSettled(txId)) return
    history.acknowledgedAt = this.#ports.timeline.now
    history.acknowledgedBy = signer
    this.#settle(index)
  }

  #settle(index: number): void {
    this.settled++
    for (const [requestId, waiting] of [...this.#waiting]) if (waiting.index === index) this.#waiting.delete(requestId)
    const { timeline } = this.#ports
    for (const [follower, planned] of this.#plan.entries())
      if (planned.after === index && planned.atMs <= timeline.now) timeline.after(0, () => this.#submit(follower))
  }
}
