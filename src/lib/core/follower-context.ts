/**
 * What everyone who follows the order shares among its parts, signer or learner: the manifest, the journal, alarms, connections, and the effects of the
 * step under way. Holds no keys.
 */
import type { Id } from '../base/bytes.js'
import type { Crypto } from '../bls/backend.js'
import { Journal } from './journal.js'
import type { Manifest } from './manifest.js'
import type { Message } from './message.js'
import type { DurableRecord } from './record.js'
import { ALL_RULES, type Rules } from './rules.js'
import type { Effect, ExecutedBatch } from './steppable.js'
import { Timers } from './timers.js'

/** What a follower of the order is made of. */
export interface FollowerOptions {
  manifest: Manifest
  crypto: Crypto
  journal?: Journal
  /** Rules that a test takes out. */
  rules?: Partial<Rules>
}

export class FollowerContext {
  readonly crypto: Crypto
  readonly rules: Rules
  readonly timers = new Timers()
  journal: Journal
  /** Signers with a live connection that are listened to; never this one. */
  readonly connected = new Set<number>()
  now = 0
  #effects: Effect[] = []

  constructor({ manifest, crypto, journal, rules }: FollowerOptions) {
    this.crypto = crypto
    this.rules = { ...ALL_RULES, ...rules }
    this.journal = journal ?? new Journal(manifest, this.rules)
  }

  /** The manifest of the present epoch. */
  get manifest(): Manifest {
    return this.journal.manifest
  }

  /** Records something: it is known from now on, and durable before any later effect leaves. Returns what can be executed by it, in order. */
  persist(record: DurableRecord): ExecutedBatch[] {
    const executed = this.journal.apply(record)
    this.#effects.push({ type: 'persist', record })
    return executed
  }

  send(to: number, message: Message): void {
    this.#effects.push({ type: 'send', to, message })
  }

  effect(effect: Effect): void {
    this.#effects.push(effect)
  }

  suspect(signer: number, reason: string, batchId: Id | null = null): void {
    this.#effects.push({ type: 'suspect', signer, reason, batchId })
  }

  takeEffects(): Effect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** Whether the synchrony guard is on (§9). */
  get isGuarded(): boolean {
    return this.manifest.deltaMs > 0 && this.rules.guard
  }

  /** As many signers may lie: a claim counts once more than these make it (§7, §9). */
  get witnessBound(): number {
    return this.isGuarded ? this.manifest.syncByzantineBound : this.manifest.asyncByzantineBound
  }
}
