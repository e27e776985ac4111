/**
 * Liars as processes: what a signer of a test cluster is told to do instead of keeping to the protocol. Owns how that is written down, and who shares a
 * conspiracy: those of one process that were given the same seed. The lies are in `byzantine/`.
 */
import { type Id, toHex } from '../base/bytes.js'
import { type Decoded, object, text } from '../base/codec.js'
import { SeededRandom } from '../base/prng.js'
import { Conspiracy } from '../byzantine/conspiracy.js'
import type { Liar } from '../byzantine/liar.js'
import { COLLUDE, DRAWN, liarOf, lieNamed } from '../byzantine/lies.js'
import type { Message } from '../core/message.js'
import type { Signer, SignerOptions } from '../core/signer.js'

/** A lie as it is written down: its name, and what all of its choices follow from. */
export const lieFields = { strategy: text(64, 1), seed: text(128, 1) }
/** A lie in a signer's configuration. */
export const lieCodec = object(lieFields)
export type ToldLie = Decoded<typeof lieCodec>

/** The liars of one process. */
export class Liars {
  readonly #conspiracies = new Map<string, Conspiracy>()
  /** What each has said in all its lives, by its key: it is made anew for every epoch, and says in one what it said in another. */
  readonly #said = new Map<string, Message[]>()

  /** Makes a liar of a signer. Errors: `BAD_INPUT` on a lie that there is not. */
  make(signer: Signer, options: SignerOptions, { strategy, seed }: ToldLie): Liar {
    const { self, manifest } = options
    const lie = lieNamed(strategy)
    const random = new SeededRandom(`lie/${seed}/${self}`)
    const said = this.#saidBy(options)
    if (lie !== COLLUDE) return liarOf(signer, options, { lie, random, said, misleadsPeers: false })
    const own = new SeededRandom(`liars/${seed}/${self}`).pick(DRAWN)
    const conspiracy = this.#conspiracy(manifest.clusterId, seed)
    return liarOf(signer, options, { lie: own, random, said, misleadsPeers: true, conspiracy, listens: true })
  }

  #saidBy({ manifest, crypto, blsSecretKey }: SignerOptions): Message[] {
    const name = `${manifest.clusterId}/${toHex(crypto.bls.publicKey(blsSecretKey))}`
    const said = this.#said.get(name) ?? []
    this.#said.set(name, said)
    return said
  }

  #conspiracy(clusterId: Id, seed: string): Conspiracy {
    const name = `${clusterId}/${seed}`
    const conspiracy = this.#conspiracies.get(name) ?? new Conspiracy(new SeededRandom(`conspiracy/${seed}`))
    this.#conspiracies.set(name, conspiracy)
    return conspiracy
  }
}
