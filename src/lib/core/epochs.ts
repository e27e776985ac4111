/**
 * The epochs that a follower of the order has gone through (§24): a manifest for each, and the change that began it. Owns the chain only; when an epoch ends is
 * decided in `succession.ts`.
 */
import type { Id } from '../base/bytes.js'
import { invariant } from '../base/errors.js'
import { changeOf, manifestAfter } from './change.js'
import type { Manifest } from './manifest.js'
import type { Transaction } from './transaction.js'

/** A change that was executed, as it is kept: its batch may be pruned. */
export interface ChangeMade {
  batchId: Id
  transaction: Transaction
}

export class Epochs {
  /** From the one that this follower began with. */
  readonly #manifests: Manifest[]
  readonly #changes: ChangeMade[] = []
  /** That of the present epoch: asked for all the time. */
  #manifest: Manifest

  constructor(first: Manifest) {
    this.#manifests = [first]
    this.#manifest = first
  }

  /** The manifest that this follower began with. */
  get first(): Manifest {
    return this.#manifests[0] as Manifest
  }

  /** The manifest of the present epoch. */
  get manifest(): Manifest {
    return this.#manifest
  }

  /** All changes so far. */
  get changes(): readonly ChangeMade[] {
    return this.#changes
  }

  /** The manifest of an epoch that was gone through. */
  manifestOf(epoch: number): Manifest | undefined {
    return this.#manifests.find((manifest) => manifest.epoch === epoch)
  }

  /** The next epoch begins. */
  begin(change: ChangeMade): void {
    const { epoch, manifest, step } = changeOf(change.transaction)
    const next = manifestAfter(this.manifest, step)
    invariant(next.epoch === epoch && next.manifestId === manifest, 'an executed change leads to the manifest that it names')
    this.#manifests.push(next)
    this.#manifest = next
    this.#changes.push(change)
  }

  /** Goes back to where only the first of the changes were made. */
  keep(isMade: (batchId: Id) => boolean): void {
    const made = this.#changes.findIndex(({ batchId }) => !isMade(batchId))
    if (made < 0) return
    this.#changes.length = made
    this.#manifests.length = made + 1
    this.#manifest = this.#manifests[made] as Manifest
  }
}
