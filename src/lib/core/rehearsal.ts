/**
 * A rehearsal (§13): what a peer does with a snapshot that it has and does not believe yet. It follows the signers from there on, in memory alone, and lets more
 * of them than may lie say what state they are in; each time it executes exactly what that signer had executed, and compares. Owns what is held back for that,
 * whose word is waited for, and the verdict; where snapshots come from is `beginning.ts`.
 *
 * Signers under load are hardly ever at one point. So no two have to be: each states the point at which it is, and the peer, which has the certificates of all
 * that was executed since the snapshot, goes to each point in turn.
 */
import type { Id } from '../base/bytes.js'
import type { FollowerContext } from './follower-context.js'
import type { Learner } from './learner.js'
import type { MessageOf } from './message.js'
import type { PastDigest } from './past.js'
import type { Stage } from './stage.js'
import { type StateStatement, stateDigest } from './statement.js'
import type { ExecutedBatch } from './steppable.js'

export interface RehearsalOptions {
  ctx: FollowerContext
  /** Follows from the snapshot on. */
  learner: Pick<Learner, 'journal' | 'beyondReach'>
  stage: Stage
  /** The digest of what the snapshot tells. */
  digest: PastDigest
  /** How many batches it stands for. */
  executed: number
  /** Who made it. */
  provider: number
  /** How many signers must be in the state that follows from it, the provider among them. */
  needed: number
  /** Those that may be asked. */
  signers: () => Iterable<number>
  /** It is confirmed, at the point at which the stage is. */
  confirmed: (signers: readonly number[]) => void
  /** It is not, and will not be. */
  failed: (reason: string) => void
}

/** What a signer has executed and the peer has not. */
interface Target {
  signer: number
  missing: Set<Id>
  /** What the signer says of its state then; undefined where it has executed more than it could list. */
  statement: StateStatement | undefined
}

/** Ids before the own point that are asked for too: so far the orders of independent batches may differ between signers. */
const REACH_BACK = 2048
/** How long an answer is waited for before the same signer is asked again, and a point that a signer has named. */
const ANSWER_MS = 60_000
const TARGET_MS = 30_000
/** Between two questions to the same signer, growing while nothing comes of it. */
const AGAIN_MS = 500
const AGAIN_MOST_MS = 8_000
/** When nothing has come of it for so long, though enough signers could be asked, another snapshot is tried. */
const STALL_MS = 180_000

export class Rehearsal {
  readonly #options: RehearsalOptions
  readonly #said = { confirmed: new Set<number>(), contradicted: new Set<number>(), unsound: new Set<number>() }
  readonly #asked = new Map<number, number>()
  readonly #answers = new Map<number, MessageOf<'state'>>()
  /** Handed on by the learner and not applied, in its order, and the keys of these. */
  readonly #held = new Map<Id, ExecutedBatch>()
  #heldKeys = new Set<string>()
  /** Applied since the snapshot. */
  readonly #applied = new Set<Id>()
  readonly #heights: Map<string, number>
  /** What is told of these, encoded. */
  readonly entries: Uint8Array[] = []
  #target: Target | undefined
  #againMs = AGAIN_MS
  #isOver = false

  constructor(options: RehearsalOptions) {
    const { logs } = options.learner.journal
    this.#options = options
    this.#heights = new Map(logs.keys().map((key) => [key, logs.heightOf(key)]))
    this.#said.confirmed.add(options.provider)
  }

  begin(): void {
    this.#watch()
    this.#judge()
    this.review()
  }

  /** Batches that are executed at the point at which the stage is. */
  get executed(): number {
    return this.#options.executed + this.#applied.size
  }

  /** Who has said that it is in the state that follows, and who that it is in another one. */
  get confirmed(): readonly number[] {
    return [...this.#said.confirmed].sort((a, b) => a - b)
  }

  get contradicted(): readonly number[] {
    return [...this.#said.contradicted].sort((a, b) => a - b)
  }

  /** Ends it without a verdict. */
  stop(): void {
    this.#isOver = true
    for (const name of ['rehearsal', 'target', 'again']) this.#options.ctx.timers.clear(name)
  }

  /** The learner hands a batch on. */
  derived(executed: ExecutedBatch): void {
    if (this.#isOver) return
    if (this.#target?.missing.has(executed.batch.id)) this.#tryApply(executed)
    else this.#hold(executed)
    this.review()
  }

  disconnected(signer: number): void {
    this.#asked.delete(signer)
    this.#answers.delete(signer)
  }

  /** A signer says in what state it is. */
  onState(from: number, message: MessageOf<'state'>): void {
    const { ctx } = this.#options
    if (this.#isOver || !this.#asked.delete(from)) return
    const { manifest, crypto } = ctx
    if (!crypto.ed25519.verify(manifest.signers[from]?.linkKey ?? new Uint8Array(), stateDigest(manifest, message), message.signature)) {
      this.#said.unsound.add(from)
      return ctx.suspect(from, 'a statement of its state that it did not sign')
    }
    this.#answers.set(from, message)
    this.review()
  }

  /** Goes to the next point that is known; asks where there is none. */
  review(): void {
    while (!this.#isOver && !this.#target) {
      const next = this.#nextTarget()
      if (!next) break
      this.#goTo(next)
    }
    const { timers, now } = this.#options.ctx
    if (this.#isOver || this.#target || timers.has('again')) return
    this.#ask()
    timers.set('again', now + this.#againMs, () => {
      if (this.#options.learner.beyondReach !== undefined) return this.#fail('what came after it is pruned everywhere')
      this.#againMs = Math.min(2 * this.#againMs, AGAIN_MOST_MS)
      this.review()
    })
  }

  #watch(): void {
    const { ctx, needed, signers } = this.#options
    const [executed, verdicts] = [this.executed, this.#verdicts]
    ctx.timers.set('rehearsal', ctx.now + STALL_MS, () => {
      const askable = [...signers()].filter((signer) => !this.#said.confirmed.has(signer)).length
      const isStalled = this.executed === executed && this.#verdicts === verdicts
      if (isStalled && this.#said.confirmed.size + askable >= needed) this.#fail('nobody confirms it')
      else this.#watch()
    })
  }

  get #verdicts(): number {
    return this.#said.confirmed.size + this.#said.contradicted.size
  }

  #isApplied(batchId: Id): boolean {
    return this.#applied.has(batchId) || this.#options.learner.journal.pastOf(batchId) !== undefined
  }

  #ask(): void {
    const { ctx, signers } = this.#options
    const { confirmed, contradicted, unsound } = this.#said
    for (const signer of signers()) {
      if (confirmed.has(signer) || contradicted.has(signer) || unsound.has(signer)) continue
      if (ctx.now - (this.#asked.get(signer) ?? Number.NEGATIVE_INFINITY) < ANSWER_MS) continue
      this.#asked.set(signer, ctx.now)
      ctx.send(signer, { type: 'state-request', from: Math.max(0, this.executed - REACH_BACK) })
    }
  }

  /**
   * Of the points that signers have named the nearest one that lies ahead; what does not is of no use: by now they are further. Who names one that does not
   * exist costs a wait, and then whoever has answered meanwhile has its turn.
   */
  #nextTarget(): Target | undefined {
    const answers = [...this.#answers].sort(([, a], [, b]) => a.executed - b.executed)
    for (const [signer, { from, ids, ...statement }] of answers) {
      this.#answers.delete(signer)
      const missing = new Set(ids.filter((batchId) => !this.#isApplied(batchId)))
      // As many as it has executed: all that was applied here is among them, and these are the others.
      if (this.executed + missing.size === statement.executed) return { signer, missing, statement }
      if (from + ids.length < statement.executed && missing.size > 0) return { signer, missing, statement: undefined }
    }
    return undefined
  }

  #goTo(target: Target): void {
    const { timers, now } = this.#options.ctx
    this.#target = target
    timers.clear('again')
    timers.set('target', now + TARGET_MS, () => {
      this.#target = undefined
      this.review()
    })
    const held = [...this.#held.values()]
    this.#held.clear()
    this.#heldKeys = new Set()
    for (const executed of held) {
      if (this.#target?.missing.has(executed.batch.id)) this.#tryApply(executed)
      else this.#hold(executed)
    }
    this.#lookAround()
  }

  #hold(executed: ExecutedBatch): void {
    const { id, keys } = executed.batch
    this.#held.set(id, executed)
    for (const key of keys) this.#heldKeys.add(key)
  }

  #tryApply(executed: ExecutedBatch): void {
    const { batch, heights } = executed
    if (batch.keys.some((key) => this.#heldKeys.has(key))) {
      // It leaves out what stands before this one on a key: no signer that keeps to the order is at such a point.
      this.#hold(executed)
      return this.#leave((signer) => this.#said.contradicted.add(signer))
    }
    for (const entry of this.#options.stage.execute(executed)) {
      this.#options.digest.add(entry)
      this.entries.push(entry)
    }
    this.#applied.add(batch.id)
    for (const [key, height] of heights) this.#heights.set(key, height)
    this.#target?.missing.delete(batch.id)
    this.#lookAround()
  }

  /** At the point that a signer has named: whether the state is its. */
  #lookAround(): void {
    if (!this.#target || this.#target.missing.size > 0) return
    const { statement } = this.#target
    this.#againMs = AGAIN_MS
    this.#leave((signer) => {
      if (statement) this.#said[this.#isAt(statement) ? 'confirmed' : 'contradicted'].add(signer)
    })
  }

  #isAt({ orderDigest, machineDigest, pastDigest }: StateStatement): boolean {
    const { learner, stage, digest } = this.#options
    return (
      learner.journal.logs.orderDigestAt(this.#heights) === orderDigest && stage.machineDigest() === machineDigest && digest.digest() === pastDigest
    )
  }

  #leave(verdict: (signer: number) => void): void {
    if (this.#target) verdict(this.#target.signer)
    this.#target = undefined
    this.#options.ctx.timers.clear('target')
    this.#judge()
  }

  #judge(): void {
    const { ctx, needed, confirmed } = this.#options
    if (this.#isOver) return
    if (this.#said.contradicted.size > ctx.witnessBound) return this.#fail(`signers ${this.contradicted.join(', ')} are in another state`)
    if (this.#said.confirmed.size < needed) return
    this.stop()
    for (const signer of this.contradicted) ctx.suspect(signer, `another state than ${this.#said.confirmed.size} signers are in`)
    confirmed(this.confirmed)
  }

  #fail(reason: string): void {
    this.stop()
    this.#options.failed(reason)
  }
}
