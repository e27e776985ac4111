/**
 * One sweep up the tree (§5 1b and 3a, §10, §13): the shares that a signer has gathered for one statement kind of one batch, who is still
 * awaited, and who was sent what. Shares stay apart as they came, so that disjoint ones can be given out on overlap or when one is bad.
 */
import { type Bitmap, countBits, emptyBitmap, includesAll, overlaps, unionOf } from '../base/bitmap.js'
import type { Bls } from '../bls/backend.js'
import { type MultiSignature, mergeMultiSignatures, signersOf } from '../bls/multi-signature.js'

/** A multi-signature as it came from one signer. */
export interface SweepShare {
  from: number
  signers: Bitmap
  signature: MultiSignature
}

export class Sweep {
  readonly #n: number
  readonly #bls: Bls
  #shares: SweepShare[] = []
  #gathered: Bitmap
  /** Signers who were asked and have not answered. */
  readonly awaiting = new Set<number>()
  /** Who asked, with the signers whose shares it was sent. */
  readonly #askers = new Map<number, { sent: Bitmap; answered: boolean }>()
  /** Whether the first answer went up; from then on shares go up as they come. */
  flushed = false

  constructor(n: number, bls: Bls) {
    this.#n = n
    this.#bls = bls
    this.#gathered = emptyBitmap(n)
  }

  /** All signers whose shares are here. */
  get gathered(): Bitmap {
    return this.#gathered
  }

  get count(): number {
    return countBits(this.#gathered)
  }

  get shares(): readonly SweepShare[] {
    return this.#shares
  }

  get askers(): Iterable<number> {
    return this.#askers.keys()
  }

  /** Remembers who asked; one who asks again is given everything again. */
  askedBy(signer: number): void {
    this.#askers.set(signer, { sent: emptyBitmap(this.#n), answered: false })
  }

  /** Adds a share. `overlap`: it holds signers that are here already and others that are not; its parts must be asked for. */
  add(from: number, signature: MultiSignature): 'added' | 'known' | 'overlap' {
    const signers = signersOf(signature)
    if (includesAll(this.#gathered, signers)) return 'known'
    if (overlaps(this.#gathered, signers)) {
      const inside = this.#shares.filter((share) => includesAll(signers, share.signers))
      const rest = this.#shares.filter((share) => !includesAll(signers, share.signers))
      const sent = [...this.#askers.values()].some((asker) => overlaps(asker.sent, signers))
      if (inside.length === 0 || sent || rest.some((share) => overlaps(share.signers, signers))) return 'overlap'
      this.#shares = rest
    }
    this.#shares.push({ from, signers, signature })
    this.#gathered = this.#shares.reduce((all, share) => unionOf(all, share.signers), emptyBitmap(this.#n))
    return 'added'
  }

  /** Takes a share out again: it was found to be bad. */
  drop(bad: SweepShare): void {
    this.#shares = this.#shares.filter((share) => share !== bad)
    this.#gathered = this.#shares.reduce((all, share) => unionOf(all, share.signers), emptyBitmap(this.#n))
  }

  /** Everything gathered as one multi-signature; undefined if there is nothing, or a share has malformed bytes. */
  merged(): MultiSignature | undefined {
    return mergeMultiSignatures(
      this.#bls,
      this.#shares.map((share) => share.signature),
    )
  }

  /** What an asker has not been sent yet, as one multi-signature; `first`: this is the first answer to it. */
  takeFor(asker: number): { signature: MultiSignature | undefined; first: boolean } {
    const known = this.#askers.get(asker)
    if (!known) return { signature: undefined, first: false }
    const fresh = this.#shares.filter((share) => !overlaps(share.signers, known.sent))
    const first = !known.answered
    const signature = mergeMultiSignatures(
      this.#bls,
      fresh.map((share) => share.signature),
    )
    if (signature) known.sent = unionOf(known.sent, signersOf(signature))
    known.answered = true
    return { signature, first }
  }
}
