/**
 * The evidence that a signer holds: each proof a JSON file in the folder `evidence` of its store, which `musig verify evidence` reads, and a list
 * of what they prove in memory. Bounded; a proof that was kept by an earlier life is not written again.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Id, toHex } from '../base/bytes.js'
import { toCbor, toJson } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { digestOf } from '../base/hash.js'
import { type Evidence, type EvidenceKind, evidenceCodec } from '../core/evidence.js'
import { LIMITS } from '../core/limits.js'
import { makePrivateFolder, writePrivateFile } from './private-file.js'

/** One proof, without the signatures. */
export interface HeldEvidence {
  kind: EvidenceKind
  signers: number[]
  batchIds: Id[]
  /** The file that holds it, below the store’s folder. */
  file: string
}

export class EvidenceFolder {
  /** What was proved since the start of this process. */
  readonly held: HeldEvidence[] = []
  readonly #folder: string
  readonly #clusterId: Id
  readonly #failed: (error: unknown) => void
  #writes: Promise<void> = Promise.resolve()

  /** `failed`: told of a file that could not be written; the signer goes on without it. */
  constructor(signerFolder: string, clusterId: Id, failed: (error: unknown) => void) {
    this.#folder = join(signerFolder, 'evidence')
    this.#clusterId = clusterId
    this.#failed = failed
  }

  /** Keeps a proof, in memory at once and as a file soon; false where there is no room for it any more. */
  keep(evidence: Evidence, signers: number[], batchIds: Id[]): boolean {
    const codec = evidenceCodec(this.#clusterId)
    const bytes = toCbor(codec, evidence)
    if (this.held.length >= LIMITS.accusations || bytes.length > LIMITS.recordBytes) return false
    const name = `${evidence.type}-${toHex(digestOf(bytes)).slice(0, 16)}.json`
    this.held.push({ kind: evidence.type, signers, batchIds, file: join('evidence', name) })
    const document = { schema: 1, clusterId: this.#clusterId, evidence: toJson(codec, evidence) }
    this.#writes = this.#writes.then(() => this.#write(name, `${JSON.stringify(document, null, 2)}\n`)).catch(this.#failed)
    return true
  }

  async #write(name: string, text: string): Promise<void> {
    await makePrivateFolder(this.#folder)
    if (readdirSync(this.#folder).length >= LIMITS.accusations) return
    try {
      await writePrivateFile(join(this.#folder, name), text)
    } catch (error) {
      if (!(error instanceof MusigError) || error.code !== 'ALREADY_EXISTS') throw error
    }
  }

  /** Resolves once all that was kept is written. */
  async flushed(): Promise<void> {
    await this.#writes
  }
}
