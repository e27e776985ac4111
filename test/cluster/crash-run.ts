/** One point after the other on one cluster: brings the crashing signer there, sees it die, brings it back, and checks what must hold after each. */
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { Transaction } from '../../src/lib/core/transaction.js'
import { until } from '../until.js'
import { type CrashBench, type Crashing, endOf, type Met, metOf } from './crash-bench.js'
import { nameOf, type Order, type Point, type Role } from './crash-point.js'

/** Batches that are sent until the signer has the wanted role and meets its point; then the point is unknown. */
const TRIES = 60
/** How long a signer that has met its point may take to say so and to end. */
const LAST_WORDS_MS = 400
/** How long one that has forgotten something may take to hear of it. */
const NOTICE_MS = 20_000

/** What became of a point: `unknown` where the signer never came to it. */
export interface Outcome {
  point: Point
  result: 'died' | 'unknown'
  ms: number
}

/** What is sent to bring a signer to a point: one transfer, or rivals at several signers at once, which rarely agree on the fast path. */
export type Traffic = 'lone' | 'rivals'

export class CrashRun {
  readonly outcomes: Outcome[] = []
  readonly #bench: CrashBench
  readonly #signer: number
  #crashing: Crashing
  #turn = 0

  private constructor(bench: CrashBench, signer: number, crashing: Crashing) {
    this.#bench = bench
    this.#signer = signer
    this.#crashing = crashing
  }

  /** Takes the place of the process of `signer`. */
  static async begin(bench: CrashBench, signer: number): Promise<CrashRun> {
    await bench.musig('kill', String(signer))
    return new CrashRun(bench, signer, await bench.start(signer))
  }

  get crashing(): Crashing {
    return this.#crashing
  }

  /** All that the signer does with batches in a role, over some of them. */
  async steps(role: Role, traffic: Traffic, batches: number): Promise<Set<string>> {
    const { steps } = this.#crashing
    const seen = new Set<string>()
    for (let i = 0; i < batches; i++) {
      await this.#bench.tell(this.#crashing, { type: 'watch', role })
      steps.length = 0
      for (let tries = 0; tries < TRIES && steps.length === 0; tries++) {
        await Promise.all(this.#traffic(role, traffic).map(([transaction, to]) => this.#bench.submit(transaction, to)))
        await this.#bench.settled()
      }
      for (const step of steps) seen.add(step)
    }
    await this.#bench.tell(this.#crashing, { type: 'rest' })
    return seen
  }

  /** Brings the signer to the point, sees it die there, brings it back, and waits until all agree. */
  async crash(point: Point, traffic: Traffic): Promise<void> {
    const begun = performance.now()
    const { sent, answers } = await this.#bring({ type: 'die', point }, traffic, 0)
    const died = await this.#died()
    const met = metOf(this.#crashing)
    if (died) this.#crashing = await this.#bench.start(this.#signer)
    else await this.#bench.tell(this.#crashing, { type: 'rest' })
    // What was given to others may arrive only now.
    await Promise.all(answers)
    await this.#bench.settled()
    await this.#completed(sent, met)
    this.outcomes.push({ point, result: died ? 'died' : 'unknown', ms: Math.round(performance.now() - begun) })
  }

  /**
   * Brings the signer to the point while its store lies, sees it die there, and brings it back: it finds others with its word and none of it in its own records, so
   * it follows; once the loss is accepted it goes on. What it says about its loss.
   */
  async lie(point: Point): Promise<string> {
    // Nothing else may be under way: what is undecided when a loss is accepted is never signed by it.
    const { answers } = await this.#bring({ type: 'lie', point }, 'lone', LAST_WORDS_MS)
    assert.ok(await this.#died(), 'unknown: it never came there')
    this.#crashing = await this.#bench.start(this.#signer)
    let lost: string | null = null
    await until(
      'it notices that it has forgotten something',
      async () => {
        lost = (await this.#bench.status(this.#signer)).lost
        return lost !== null
      },
      NOTICE_MS,
    )
    await Promise.all(answers)
    this.#crashing.child.kill('SIGTERM')
    assert.equal(await endOf(this.#crashing), { code: 0, signal: null }, this.#crashing.output().slice(-2000))
    this.#crashing = await this.#bench.start(this.#signer, { flags: ['--accept-lost-history'] })
    await this.#bench.settled()
    return lost ?? ''
  }

  /** Sends until the signer has met its point or too much was sent; `pauseMs`: between one wave and the next. */
  async #bring(order: Order & { point: Point }, traffic: Traffic, pauseMs: number): Promise<{ sent: Transaction[]; answers: Promise<unknown>[] }> {
    await this.#bench.tell(this.#crashing, order)
    const sent: Transaction[] = []
    const answers: Promise<unknown>[] = []
    for (let tries = 0; tries < TRIES && metOf(this.#crashing) === undefined; tries++) {
      const wave = this.#traffic(order.point.role, traffic)
      sent.push(...wave.map(([transaction]) => transaction))
      answers.push(...wave.map(([transaction, to]) => this.#bench.submit(transaction, to)))
      await Promise.race([Promise.all(answers), this.#crashing.ended])
      if (pauseMs > 0) await Promise.race([sleep(pauseMs), this.#crashing.ended])
      // Its last words and its end are on the way.
      if (this.#crashing.isOver()) break
    }
    return { sent, answers }
  }

  /** Whether it ended at its point. That it ended in any other way is a failure. */
  async #died(): Promise<boolean> {
    if (metOf(this.#crashing) === undefined && !this.#crashing.isOver()) return false
    const { code, signal } = await endOf(this.#crashing)
    assert.ok(signal === 'SIGKILL' && metOf(this.#crashing), `ended with ${code} ${signal}: ${this.#crashing.output().slice(-2000)}`)
    return true
  }

  /** Every transfer is executed at all signers or known to none; that of a batch which was written or had left is executed; one that is lost can be sent anew. */
  async #completed(sent: readonly Transaction[], met: Met | undefined): Promise<void> {
    for (const transaction of sent) {
      const txId = this.#bench.idOf(transaction)
      const known = await Promise.all(Array.from({ length: this.#bench.n }, (_, from) => this.#bench.show(txId, from)))
      const executed = known.filter((result) => result?.status === 'executed').length
      assert.ok(executed === 0 || executed === this.#bench.n, `${txId} is not executed everywhere: ${JSON.stringify(known)}`)
      const isOwn = met?.point.role === 'root' && met.txIds.includes(txId)
      if (isOwn && (met.durable || met.left)) assert.is(executed, this.#bench.n, `${txId} was ${met.durable ? 'written' : 'sent'} and is lost`)
      if (executed === 0) assert.is((await this.#bench.submit(transaction, this.#signer))?.status, 'executed', `${txId} sent anew`)
    }
  }

  /** For the root everything goes through the signer, for the other roles through the others in turn. */
  #traffic(role: Role, traffic: Traffic): [Transaction, number][] {
    const { n } = this.#bench
    const other = (i: number) => (this.#signer + 1 + (i % (n - 1))) % n
    const first = role === 'root' ? this.#signer : other(this.#turn)
    this.#turn++
    if (traffic === 'lone') return [[this.#bench.transfer(), first]]
    const rivals = Array.from({ length: 3 }, (_, i) => other(this.#turn + i)).filter((to) => to !== first)
    const wave = [first, ...rivals].map((to, i): [Transaction, number] => [
      i % 2 ? this.#bench.transfer('a', 'b') : this.#bench.transfer('b', 'a'),
      to,
    ])
    // Whoever begins tends to be first everywhere, and then there is no rivalry.
    const begin = this.#turn % wave.length
    return [...wave.slice(begin), ...wave.slice(0, begin)]
  }
}

/** The outcomes as a table: for each role the points that were met, and those that never came. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const rows = [...new Set(outcomes.map(({ point }) => point.role))].map((role) => {
    const own = outcomes.filter(({ point }) => point.role === role)
    const died = own.filter(({ result }) => result === 'died')
    const count = (action: Point['action'], when: Point['when']) =>
      died
        .filter(({ point }) => point.action === action && point.when === when)
        .length.toString()
        .padStart(4)
    const columns = [count('append', 'before'), count('append', 'after'), count('send', 'before'), count('send', 'after'), count('receive', 'after')]
    return `${role.padEnd(11)} ${columns.join('  ')}   ${died.length} of ${own.length}`
  })
  const unknown = outcomes.filter(({ result }) => result === 'unknown').map(({ point }) => `unknown: ${nameOf(point)}`)
  return ['role        append b/a  send b/a  receive   met', ...rows, ...unknown].join('\n')
}
