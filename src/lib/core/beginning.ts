/**
 * How a peer begins from a snapshot (§11, §13) instead of from the first batch: it asks one signer after the other for one, fetches it part by part, looks
 * whether it is what it says of itself, and rehearses with it until more signers than may lie are in the state that follows. Only then is anything of it durable.
 * Owns whose snapshot is tried; the body is `snapshot-body.ts`, the trial `rehearsal.ts`.
 */
import { type Id, shorten, toHex } from '../base/bytes.js'
import { refuse } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { FollowerContext } from './follower-context.js'
import type { Journal } from './journal.js'
import { Learner, type LearnerOptions } from './learner.js'
import type { Message, MessageOf } from './message.js'
import { pastOf } from './past.js'
import { Rehearsal } from './rehearsal.js'
import { encodeSnapshot } from './snapshot.js'
import { SnapshotBody } from './snapshot-body.js'
import type { Stage } from './stage.js'
import { stateDigest } from './statement.js'
import type { Effect, Event, Steppable } from './steppable.js'

export interface BeginningOptions extends LearnerOptions {
  stage: Stage
  /** The signer that is asked first, so that not all peers ask the same one. */
  first?: number
}

type Phase =
  | { type: 'choosing' }
  | { type: 'asking'; signer: number }
  | { type: 'fetching'; signer: number; offer: MessageOf<'snapshot'>; snapshot: Id; body: SnapshotBody }
  | { type: 'rehearsing'; signer: number; learner: Learner; rehearsal: Rehearsal }
  | { type: 'over' }

/** How far a peer has come that begins from a snapshot: it chooses a signer, asks it, fetches, and rehearses until enough signers confirm it. */
export interface BeginningProgress {
  phase: 'choosing' | 'asking' | 'fetching' | 'rehearsing' | 'over'
  /** Whose snapshot it is. */
  signer: number | null
  /** Bytes of it that are here, and all. */
  bytes: number
  ofBytes: number
  /** Signers that are in the state that follows, and how many must be. */
  confirmed: number
  needed: number
}

/** Links come up one after the other, and who was sent away comes back: so long no signer is chosen. */
const GATHER_MS = 500
/** How long a signer may take to make a snapshot, or to send a part; and how long all parts may take together. */
const OFFER_MS = 90_000
const PART_MS = 30_000
const FETCH_MS = 600_000
/** How long a signer whose snapshot was no good, or did not come, is not asked for another. */
const AWAY_MS = 60_000

export class Beginning implements Steppable {
  readonly #ctx: FollowerContext
  readonly #options: BeginningOptions
  readonly #linked = new Set<number>()
  /** Signers that are not asked for a snapshot for a while, and since when. */
  readonly #away = new Map<number, number>()
  readonly needed: number
  #turn: number
  #phase: Phase = { type: 'choosing' }

  constructor(options: BeginningOptions) {
    this.#options = options
    this.#ctx = new FollowerContext(options)
    this.#turn = (options.first ?? 0) - 1
    this.needed = Math.max(this.#ctx.witnessBound + 1, options.confirm ?? 0)
  }

  /** Empty: of what is not confirmed nothing is shown. */
  get journal(): Journal {
    return this.#ctx.journal
  }

  get linked(): ReadonlySet<number> {
    return this.#linked
  }

  get distrusted(): ReadonlySet<number> {
    return this.#learner?.distrusted ?? new Set()
  }

  get reach(): ReadonlyMap<number, number> {
    return this.#learner?.reach ?? new Map()
  }

  /** Never known: what it has is not confirmed. */
  get furthest(): undefined {
    return undefined
  }

  /** Never: it goes on with another snapshot. */
  get beyondReach(): undefined {
    return undefined
  }

  get progress(): BeginningProgress {
    const phase = this.#phase
    const body = phase.type === 'fetching' ? phase.body : undefined
    return {
      phase: phase.type,
      signer: 'signer' in phase ? phase.signer : null,
      bytes: body?.at ?? 0,
      ofBytes: body?.bytes ?? 0,
      confirmed: phase.type === 'rehearsing' ? phase.rehearsal.confirmed.length : 0,
      needed: this.needed,
    }
  }

  get wakeAt(): number | undefined {
    if (this.#phase.type === 'over') return undefined
    const wakes = [this.#ctx.timers.next, this.#learner?.wakeAt].filter((at) => at !== undefined)
    return wakes.length > 0 ? Math.min(...wakes) : undefined
  }

  get #learner(): Learner | undefined {
    return this.#phase.type === 'rehearsing' ? this.#phase.learner : undefined
  }

  step(event: Event): Effect[] {
    if (this.#phase.type === 'over') return []
    this.#ctx.now = Math.max(this.#ctx.now, event.now)
    this.#ctx.timers.run(this.#ctx.now)
    if (event.type === 'start') this.#wait('choose', GATHER_MS, () => {})
    if (event.type === 'connected') this.#linked.add(event.signer)
    if (event.type === 'disconnected') this.#linked.delete(event.signer)
    const learner = this.#learner
    if (event.type === 'message') this.#receive(event.from, event.message)
    // One that was made just now has heard of all links.
    if (learner && learner === this.#learner) this.#follow(learner, event)
    if (event.type === 'disconnected') this.#left(event.signer)
    if (this.#phase.type === 'choosing' && !this.#ctx.timers.has('choose')) this.#choose()
    return this.#ctx.takeEffects()
  }

  #receive(from: number, message: Message): void {
    const phase = this.#phase
    switch (message.type) {
      case 'snapshot':
        return phase.type === 'asking' && phase.signer === from ? this.#onSnapshot(from, message) : undefined
      case 'part':
        return phase.type === 'fetching' && phase.signer === from && message.snapshot === phase.snapshot ? this.#onPart(phase, message) : undefined
      case 'state':
        return phase.type === 'rehearsing' ? phase.rehearsal.onState(from, message) : undefined
      default:
        return undefined
    }
  }

  #choose(): void {
    const candidates = [...this.#linked].filter((signer) => this.#ctx.now - (this.#away.get(signer) ?? Number.NEGATIVE_INFINITY) >= AWAY_MS)
    candidates.sort((a, b) => a - b)
    const signer = candidates.find((candidate) => candidate > this.#turn) ?? candidates[0]
    if (signer === undefined) return this.#wait('choose', GATHER_MS, () => {})
    this.#turn = signer
    this.#phase = { type: 'asking', signer }
    this.#ctx.send(signer, { type: 'snapshot-request' })
    this.#wait('offer', OFFER_MS, () => this.#giveUp(signer))
  }

  #wait(name: string, ms: number, ring: () => void): void {
    this.#ctx.timers.set(name, this.#ctx.now + ms, ring)
  }

  #onSnapshot(signer: number, offer: MessageOf<'snapshot'>): void {
    const { manifest, crypto, timers } = this.#ctx
    timers.clear('offer')
    const digest = stateDigest(manifest, offer)
    if (!crypto.ed25519.verify(manifest.signers[signer]?.linkKey ?? new Uint8Array(), digest, offer.signature))
      return this.#refuse(signer, 'a snapshot that it did not sign')
    this.#trying(signer, () => {
      const phase = { type: 'fetching' as const, signer, offer, snapshot: toHex(digest), body: new SnapshotBody(manifest.clusterId, offer) }
      this.#phase = phase
      this.#wait('fetch', FETCH_MS, () => this.#giveUp(signer))
      this.#fetch(phase)
    })
  }

  #fetch(phase: Phase & { type: 'fetching' }): void {
    const { signer, snapshot, body } = phase
    if (body.isWhole) return this.#rehearse(phase)
    this.#ctx.send(signer, { type: 'part-request', snapshot, at: body.at })
    this.#wait('part', PART_MS, () => this.#giveUp(signer))
  }

  #onPart(phase: Phase & { type: 'fetching' }, { at, bytes }: MessageOf<'part'>): void {
    const { signer, body } = phase
    if (at !== body.at) return
    // It does not keep it any more.
    if (bytes.length === 0) return this.#giveUp(signer)
    this.#trying(signer, () => {
      body.take(bytes)
      this.#fetch(phase)
    })
  }

  /** All of it is here: it must be what its signer says of it, before anyone else is asked. */
  #rehearse({ signer, offer, body }: Phase & { type: 'fetching' }): void {
    this.#stopWaiting()
    const { executed } = offer
    const { stage } = this.#options
    if (body.digest.digest() !== offer.pastDigest) refuse('snapshot', 'another past than its digest says')
    const learner = new Learner(this.#options)
    const { batches, keyless } = pastOf(body.entries)
    learner.restoreSnapshot(
      batches,
      encodeSnapshot(this.#ctx.manifest.clusterId, { executed, hasRejoined: false, changes: [], sequences: [], open: [] }),
      keyless,
    )
    if (learner.journal.logs.orderDigest !== offer.orderDigest) refuse('snapshot', 'another order than its digest says')
    play(stage, body, learner)
    if (stage.machineDigest() !== offer.machineDigest) refuse('snapshot', 'a state with another digest')
    const rehearsal = new Rehearsal({
      ctx: this.#ctx,
      learner,
      stage,
      digest: body.digest,
      executed,
      provider: signer,
      needed: this.needed,
      signers: () => [...this.#linked].filter((other) => !learner.distrusted.has(other)),
      confirmed: (confirmedBy) => {
        this.#phase = { type: 'over' }
        this.#ctx.effect({ type: 'begin', executed: rehearsal.executed, past: [...body.encoded, ...rehearsal.entries], confirmedBy })
      },
      failed: (reason) => this.#refuse(signer, `a snapshot that came to nothing: ${reason}`),
    })
    this.#phase = { type: 'rehearsing', signer, learner, rehearsal }
    this.#follow(learner, { type: 'start', now: this.#ctx.now })
    for (const other of this.#linked) this.#follow(learner, { type: 'connected', now: this.#ctx.now, signer: other })
    rehearsal.begin()
  }

  /** Lets the learner of the rehearsal have an event; what it executes is played, and nothing that it records is kept. */
  #follow(learner: Learner, event: Event): void {
    for (const effect of learner.step(event)) {
      const phase = this.#phase
      if (phase.type !== 'rehearsing' || phase.learner !== learner) return
      if (effect.type === 'execute') phase.rehearsal.derived(effect.executed)
      else if (effect.type !== 'persist') this.#ctx.effect(effect)
      else if (effect.record.type === 'forget') this.#refuse(phase.signer, 'a snapshot that came to nothing: what followed it was not the last word')
    }
  }

  #left(signer: number): void {
    const phase = this.#phase
    if (phase.type === 'rehearsing') phase.rehearsal.disconnected(signer)
    else if ('signer' in phase && phase.signer === signer) this.#giveUp(signer)
  }

  /** Does something with what a signer sent; if it cannot be right another one is asked. */
  #trying(signer: number, what: () => void): void {
    try {
      what()
    } catch (error) {
      if (!(error instanceof MusigError) || error.code !== 'BAD_ENCODING') throw error
      this.#refuse(signer, `a snapshot that is not what it says (${error.message})`)
    }
  }

  #refuse(signer: number, reason: string): void {
    this.#ctx.suspect(signer, reason)
    this.#giveUp(signer)
  }

  /** The next one is asked. */
  #giveUp(signer: number): void {
    this.#stopWaiting()
    if (this.#phase.type === 'rehearsing') this.#phase.rehearsal.stop()
    this.#away.set(signer, this.#ctx.now)
    this.#phase = { type: 'choosing' }
    this.#choose()
  }

  #stopWaiting(): void {
    for (const name of ['choose', 'offer', 'part', 'fetch']) this.#ctx.timers.clear(name)
  }
}

/** Puts a snapshot on the stage. Errors: `BAD_ENCODING`, whatever the state machine says. */
function play(stage: Stage, body: SnapshotBody, { journal: { logs } }: Learner): void {
  try {
    stage.restore(body.entries, body.machine(), logs)
  } catch (error) {
    refuse('snapshot', `the state machine cannot read it: ${shorten(error instanceof Error ? error.message : String(error), 100)}`)
  }
}
