/**
 * A liar: a signer wrapped so that what it sends, or what it hears, is bent. Owns the wrapping only: what each lie is stands in `strategies.ts`,
 * what several liars do together in `conspiracy.ts`. A liar signs with its own keys alone; anything else would not be lying but breaking BLS.
 */
import { type Id, toHex } from '../base/bytes.js'
import type { SeededRandom } from '../base/prng.js'
import type { Crypto } from '../bls/backend.js'
import type { Journal } from '../core/journal.js'
import type { Manifest } from '../core/manifest.js'
import { isAboutFaults, type Message, type MessageOf } from '../core/message.js'
import type { DurableRecord } from '../core/record.js'
import { promiseDigest, voteDigest } from '../core/statement.js'
import type { Effect, Event, ExecutedBatch, Steppable } from '../core/steppable.js'
import type { View } from '../core/view.js'

/** What can be wrapped: a signer that shows what it knows and comes back from its records. */
export interface Liable extends Steppable {
  readonly journal: Journal
  /** The other signers with a live connection. */
  readonly connected: ReadonlySet<number>
  restore(records: Iterable<DurableRecord>): ExecutedBatch[]
}

/** What a liar has to work with. */
export interface LiarTools {
  self: number
  manifest: Manifest
  crypto: Crypto
  /** 32 bytes. */
  blsSecretKey: Uint8Array
  /** Ed25519 seed, 32 bytes. */
  linkSecretKey: Uint8Array
  /** Every choice of the lie. */
  random: SeededRandom
  /** What it has said, to be said again. */
  said: Message[]
  /** What the honest signer inside knows. */
  journal: Journal
}

/** Bends what a step of the honest signer inside brought about; returns what leaves instead. */
export type Lie = (event: Event, effects: Effect[]) => Effect[]

export class Liar implements Liable {
  readonly #signer: Liable
  readonly #lie: Lie

  constructor(signer: Liable, lie: Lie) {
    this.#signer = signer
    this.#lie = lie
  }

  get journal(): Journal {
    return this.#signer.journal
  }

  get connected(): ReadonlySet<number> {
    return this.#signer.connected
  }

  get wakeAt(): number | undefined {
    return this.#signer.wakeAt
  }

  restore(records: Iterable<DurableRecord>): ExecutedBatch[] {
    return this.#signer.restore(records)
  }

  step(event: Event): Effect[] {
    // A liar tells nobody what it knows of others' lies.
    return this.#lie(
      event,
      this.#signer
        .step(event)
        .filter(({ type }) => type !== 'accuse' && type !== 'suspect')
        .filter((effect) => effect.type !== 'send' || !isAboutFaults(effect.message)),
    )
  }
}

/** A vote of this liar for a view of its choice. */
export function signedVote({ manifest, crypto, blsSecretKey }: LiarTools, batchId: Id, view: View): Uint8Array {
  return crypto.bls.sign(blsSecretKey, voteDigest(manifest, batchId, view))
}

/** A promise of this liar with parts exchanged, signed anew. */
export function changedPromise(
  tools: LiarTools,
  { batchId, ballot, promise }: MessageOf<'promise'>,
  change: Partial<MessageOf<'promise'>['promise']>,
): MessageOf<'promise'> {
  const changed = { ...promise, ...change }
  const view = changed.view
  const said = {
    ...changed,
    voteDigest: toHex(voteDigest(tools.manifest, batchId, view)),
    voteSignature: view === promise.view ? changed.voteSignature : signedVote(tools, batchId, view),
  }
  const signature = tools.crypto.bls.sign(tools.blsSecretKey, promiseDigest(tools.manifest, batchId, ballot, said))
  return { type: 'promise', batchId, ballot, promise: { ...said, signature } }
}

/** Exchanges each message that leaves: undefined keeps it back. */
export function bending(bend: (message: Message, to: number) => Message | undefined): Lie {
  return (_event, effects) =>
    effects.flatMap((effect): Effect[] => {
      if (effect.type !== 'send') return [effect]
      const message = bend(effect.message, effect.to)
      return message === undefined ? [] : [{ ...effect, message }]
    })
}

/** A signature with one bit turned. */
export function spoilt(signature: Uint8Array): Uint8Array {
  const changed = signature.slice()
  changed[0] = (changed[0] ?? 0) ^ 1
  return changed
}
