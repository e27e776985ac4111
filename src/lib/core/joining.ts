/**
 * Joining halves (§10): tells others what was heard of contested batches, answers with what contradicts what they heard, and passes the first proof against somebody on to
 * all. Owns when, to whom and how much; what is worth telling is `lines.ts`, what contradicts what `contradictions.ts`.
 */
import { type Id, toHex } from '../base/bytes.js'
import { toCbor } from '../base/codec.js'
import { digestOf } from '../base/hash.js'
import type { Order } from './certificate.js'
import type { Context } from './context.js'
import { denials, denied, incoherentWith } from './contradictions.js'
import { type Evidence, evidenceCodec } from './evidence.js'
import { type Half, type Heard, halfCodec, heardCodec, type Line } from './halves.js'
import { Judge } from './judge.js'
import { LIMITS } from './limits.js'
import { linesOf } from './lines.js'
import type { Message, MessageOf } from './message.js'
import { common, contradicting, type Held } from './said.js'
import type { Traces } from './traces.js'
import { Witness } from './witness.js'

/** How often something is told. */
const TELL_MS = 250
/** What was shown to all is told to so many at most. */
const TOLD_OF_SHOWN = 4
/** Statements in one HEARD that are looked at. */
const LINES_READ = 1024

/** Something to tell, its bytes, and to how many it is still told. */
interface Told {
  item: Heard
  bytes: number
  left: number
}

/** To how many of n something is told each time: all get their turn, and neither the messages at once nor the time until all were told grow as n does. */
function toldAtOnce(n: number): number {
  return Math.ceil(Math.sqrt(n))
}

export class Joining {
  readonly #ctx: Context
  readonly #judge: Judge
  readonly #witness: Witness
  /** Batches about which something came by that was not told yet. */
  readonly #changed = new Set<Id>()
  #tell: Told[] = []
  /** How many were told something so far: whose turn it is. */
  #turn = 0
  readonly #answeredAt = new Map<number, number>()
  /** The first proof against each whose guilt is proved, as far as it can be passed on. */
  readonly #proofs: Evidence[] = []
  readonly #seenProofs = new Set<Id>()
  readonly #proofsFrom = new Map<number, number>()

  constructor(ctx: Context) {
    this.#ctx = ctx
    this.#judge = new Judge(ctx, (evidence) => this.#proved(evidence))
    this.#witness = new Witness(ctx, this.#judge, (batchId) => this.#heard(batchId))
  }

  /** An order that its coordinator signed does not follow, by what this signer knows. */
  falseOrder(order: Order): void {
    this.#witness.falseOrder(order)
  }

  /** Looks at a message, after it was handled. */
  receive(from: number, message: Message): void {
    switch (message.type) {
      case 'heard':
        return this.#onHeard(from, message)
      case 'proof':
        return this.#onProof(from, message)
      default:
        return this.#witness.observe(from, message)
    }
  }

  /** A batch has its place in the arrival order. */
  arrived(batchId: Id): void {
    this.#witness.arrived(batchId)
  }

  /** A signer is there (again): it may not know who is guilty. */
  connected(signer: number): void {
    for (const evidence of this.#proofs) this.#ctx.send(signer, { type: 'proof', evidence })
  }

  #heard(batchId: Id): void {
    if (!this.#ctx.rules.halvesJoined) return
    this.#changed.add(batchId)
    this.#wake()
  }

  #wake(): void {
    const { timers, now } = this.#ctx
    if (!timers.has('heard')) timers.set('heard', now + TELL_MS, () => this.#next())
  }

  /** Tells the next ones in turn what there is to tell. */
  #next(): void {
    this.#gather()
    const { self, manifest, connected } = this.#ctx
    const atOnce = toldAtOnce(manifest.n)
    for (let i = 0; i < atOnce && this.#tell.length > 0; i++) {
      const partner = (self + 1 + (this.#turn++ % (manifest.n - 1))) % manifest.n
      let room = LIMITS.heardBytes
      const taken = this.#tell.filter(({ bytes }) => {
        if (room < bytes) return false
        room -= bytes
        return true
      })
      for (const told of taken) told.left--
      this.#tell = this.#tell.filter(({ left }) => left > 0)
      if (connected.has(partner)) this.#ctx.send(partner, { type: 'heard', items: taken.map(({ item }) => item) })
    }
    if (this.#tell.length > 0 || this.#changed.size > 0) this.#wake()
  }

  /** What is decided, or has had its time, is told: before that, shares are still on their way to where all see them. */
  #gather(): void {
    const { journal, manifest, now, witnessBound } = this.#ctx
    for (const batchId of this.#changed) {
      const traces = this.#witness.memory.get(batchId)
      if (traces && !journal.isDecided(batchId) && now - traces.since < manifest.timing.hopTimeoutMs) continue
      this.#changed.delete(batchId)
      if (!traces) continue
      const { few, shown } = linesOf(this.#ctx, batchId, traces)
      this.#add(batchId, few, manifest.n - 1)
      this.#add(batchId, shown, Math.min(manifest.n - 1, witnessBound + 1, TOLD_OF_SHOWN))
    }
  }

  #add(batchId: Id, said: readonly Line[], left: number): void {
    if (said.length === 0) return
    const item = { batchId, said: said.slice(0, LIMITS.heardStatements) }
    const bytes = toCbor(heardCodec, item).length
    if (bytes > LIMITS.heardBytes) return
    this.#tell.push({ item, bytes, left })
    if (this.#tell.length > LIMITS.heardBatches) this.#tell.shift()
  }

  #onHeard(from: number, { items }: MessageOf<'heard'>): void {
    const { now, rules } = this.#ctx
    const last = this.#answeredAt.get(from)
    if (!rules.halvesJoined || !this.#judge.isHeeded(from) || (last !== undefined && now - last < TELL_MS / 2)) return
    this.#answeredAt.set(from, now)
    const answer = this.#answerTo(items)
    if (answer.length > 0) this.#ctx.send(from, { type: 'halves', items: answer })
  }

  #answerTo(items: readonly Heard[]): Half[] {
    const answer: Half[] = []
    const parts = new Set<unknown>()
    let room = LIMITS.halvesBytes
    let lines = 0
    for (const { batchId, said } of items)
      for (const line of said) {
        if (lines++ >= LINES_READ) return answer
        for (const { half, part } of this.#against(batchId, line)) {
          const bytes = toCbor(halfCodec, half).length
          if (parts.has(part) || bytes > room) continue
          parts.add(part)
          room -= bytes
          answer.push(half)
          if (answer.length >= LIMITS.halvesPerAnswer) return answer
        }
      }
    return answer
  }

  /** Parts held here, their signatures verified, that contradict what another signer says it heard. Nothing against those whose guilt is known. */
  *#against(batchId: Id, line: Line): Generator<{ half: Half; part: unknown }> {
    const traces = this.#witness.memory.get(batchId)
    if (!traces) return
    for (const { half, held, isSound } of this.#contradicting(batchId, traces, line)) {
      const isNews = common(held, { signers: line.type === 'order' ? held.signers : line.signers }).some((signer) => !this.#ctx.guilty.has(signer))
      if (isNews && isSound()) yield { half, part: held.part }
    }
  }

  *#contradicting(batchId: Id, traces: Traces, line: Line): Generator<{ half: Half; held: Held<unknown>; isSound: () => boolean }> {
    const judge = this.#judge
    switch (line.type) {
      case 'vote': {
        for (const held of contradicting(traces.votes, line.digest, line.signers))
          yield { half: { type: 'votes', batchId, votes: held.part }, held, isSound: () => judge.votes(batchId, held) }
        const batch = this.#ctx.journal.get(batchId)?.batch
        if (!line.view || !batch) return
        const place = { memory: this.#witness.memory, journal: this.#ctx.journal }
        for (const { other, held } of incoherentWith(place, batch, line.view, line.signers))
          yield { half: { type: 'votes', batchId: other.id, votes: held.part }, held, isSound: () => judge.votes(other.id, held) }
        return
      }
      case 'accept': {
        const { ballot, valueDigest, signers } = line
        const values = traces.accepts.get(ballot)
        for (const held of values ? contradicting(values, valueDigest, signers) : [])
          yield { half: { type: 'accepts', batchId, ballot, accepts: held.part }, held, isSound: () => judge.accepts(batchId, ballot, held) }
        for (const held of denials(traces, ballot, valueDigest, signers))
          yield { half: { type: 'promises', batchId, promises: held.part }, held, isSound: () => judge.promises(batchId, held) }
        return
      }
      case 'promise':
        for (const { ballot, held } of denied(traces, line.ballot, line.accepted, line.signers))
          yield { half: { type: 'accepts', batchId, ballot, accepts: held.part }, held, isSound: () => judge.accepts(batchId, ballot, held) }
        return
      case 'order': {
        const batch = this.#ctx.journal.get(batchId)?.batch
        if (!batch) return
        const { ballot } = line
        const coordinator = this.#ctx.coordinatorOf(batch, ballot)
        for (const [valueDigest, said] of traces.orders.get(ballot) ?? [])
          for (const held of valueDigest === line.valueDigest ? [] : said.held)
            yield { half: { type: 'order', batchId, ballot, order: held.part }, held, isSound: () => judge.order(coordinator, batchId, ballot, held) }
      }
    }
  }

  /** A proof that another signer has. What does not hold is held against it. */
  #onProof(from: number, { evidence }: MessageOf<'proof'>): void {
    const count = this.#proofsFrom.get(from) ?? 0
    if (!this.#judge.isHeeded(from) || count >= this.#ctx.manifest.n + LIMITS.unsoundParts) return
    const digest = this.#digestOf(evidence)
    if (this.#seenProofs.has(digest)) return
    this.#proofsFrom.set(from, count + 1)
    if (this.#judge.accuse(evidence)) this.#seenProofs.add(digest)
    else this.#judge.blame(from)
  }

  /** The first proof against somebody: all learn of it, those that are not there when they come. */
  #proved(evidence: Evidence): void {
    if (!this.#ctx.rules.halvesJoined) return
    const bytes = toCbor(evidenceCodec(this.#ctx.manifest.clusterId), evidence)
    if (bytes.length > LIMITS.proofBytes) return
    this.#seenProofs.add(toHex(digestOf(bytes)))
    this.#proofs.push(evidence)
    for (const signer of this.#ctx.connected) this.#ctx.send(signer, { type: 'proof', evidence })
  }

  #digestOf(evidence: Evidence): Id {
    return toHex(digestOf(toCbor(evidenceCodec(this.#ctx.manifest.clusterId), evidence)))
  }
}
