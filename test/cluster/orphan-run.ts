/**
 * Batches whose root dies and stays dead until others have finished them: one crashing signer is the root, a second one may die while it recovers the batch. Owns
 * the order of these deaths; what must hold afterwards is the tests' affair.
 */
import type { Transaction } from '../../src/lib/core/transaction.js'
import { until } from '../until.js'
import { type CrashBench, type Crashing, endOf, type Met, metOf } from './crash-bench.js'
import type { Point } from './crash-point.js'

/** Waves that are sent until the root meets its point. */
const WAVES = 200
/** How long recovery may take to bring the second signer to its point: time-outs double. */
const RECOVERY_MS = 60_000
/** How long nothing may be undecided until it is over. */
const QUIET_MS = 3_000

/** A batch without its root. */
export interface Orphan {
  met: Met
  /** The transaction in it that went through its root. */
  txId: string
  /** What was given to others meanwhile. */
  answers: Promise<unknown>[]
}

export class OrphanRun {
  readonly bench: CrashBench
  readonly root: number
  #root: Crashing
  #turn = 0

  private constructor(bench: CrashBench, root: number, crashing: Crashing) {
    this.bench = bench
    this.root = root
    this.#root = crashing
  }

  static async begin(bench: CrashBench, root: number): Promise<OrphanRun> {
    await bench.musig('kill', String(root))
    return new OrphanRun(bench, root, await bench.start(root))
  }

  get others(): number[] {
    return this.bench.all.filter((signer) => signer !== this.root)
  }

  /** Kills the root at a point; `rivals`: with batches that conflict under way at others. Nothing where it never came there. */
  async orphan(point: Point, rivals: boolean): Promise<Orphan | undefined> {
    const { bench, root } = this
    await bench.tell(this.#root, { type: 'die', point })
    const answers: Promise<unknown>[] = []
    for (let wave = 0; wave < WAVES; wave++) {
      const sent: [Transaction, number][] = [[bench.transfer(), root]]
      if (rivals) for (const i of [0, 1]) sent.push([bench.transfer('b', 'a'), this.others[(this.#turn + i) % this.others.length] ?? 0])
      // Whoever begins tends to be first everywhere, and then there is no rivalry.
      if (this.#turn++ % 2) sent.reverse()
      answers.push(...sent.map(([transaction, to]) => bench.submit(transaction, to)))
      await Promise.race([Promise.all(answers), this.#root.ended])
      const met = metOf(this.#root)
      if (!met) continue
      await endOf(this.#root)
      return { met, txId: met.txIds[0] ?? '', answers }
    }
    await bench.tell(this.#root, { type: 'rest' })
    return undefined
  }

  /** Whether a second signer dies during the recovery that is under way; once the others have executed everything it will not come to its point any more. */
  async diesToo(second: Crashing): Promise<boolean> {
    let doneAt = Number.POSITIVE_INFINITY
    await until(
      'it dies, or the recovery is over',
      async () => {
        if (second.isOver()) return true
        const states = await Promise.all(this.others.map((signer) => this.bench.status(signer)))
        if (states.some(({ undecided }) => undecided > 0)) doneAt = Number.POSITIVE_INFINITY
        else doneAt = Math.min(doneAt, Date.now())
        return Date.now() > doneAt + QUIET_MS
      },
      RECOVERY_MS,
    )
    return metOf(second) !== undefined
  }

  /** Brings the root back; all agree again. */
  async heal(answers: readonly Promise<unknown>[]): Promise<void> {
    this.#root = await this.bench.start(this.root)
    await Promise.all(answers)
    await this.bench.settled()
  }
}
