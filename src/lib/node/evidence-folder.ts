/**
 * The evidence that a signer holds: each proof a JSON file in the folder `evidence` of its store, which `musig verify evidence` reads, and a list
 * of what they prove in memory. A proof stays: nothing displaces it. Bounded, so that whoever lies most leaves room for proofs against others; one that was kept by an earlier
 * life is taken back, and not written again.
 */
import { existsSync, readdirSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Id, toHex } from '../base/bytes.js'
import { fromJson, toCbor, toJson } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { digestOf } from '../base/hash.js'
import { type Evidence, type EvidenceKind, evidenceCodec, type Judgement } from '../core/evidence.js'
import { LIMITS } from '../core/limits.js'
import { makePrivateFolder, writePrivateFile } from './private-file.js'

/** One proof, without the signatures. */
export interface HeldEvidence {
  kind: EvidenceKind
  signers: number[]
  batchIds: Id[]
  /** The file that holds it, below the store’s folder. */
  file: string
  /** Since when it is held, as ISO 8601. */
  since: string
}

/** Bytes of a proof's file: JSON writes each byte as two characters, and a little more. */
const FILE_BYTES = 3 * LIMITS.recordBytes

export class EvidenceFolder {
  /** What is proved. */
  readonly held: HeldEvidence[] = []
  readonly #folder: string
  readonly #clusterId: Id
  readonly #failed: (error: unknown) => void
  #writes: Promise<void> = Promise.resolve()
  /** Bytes of the files. */
  #bytes = 0

  /** `failed`: told of a file that could not be written or taken back; the signer goes on without it. */
  constructor(signerFolder: string, clusterId: Id, failed: (error: unknown) => void) {
    this.#folder = join(signerFolder, 'evidence')
    this.#clusterId = clusterId
    this.#failed = failed
  }

  /** Keeps a proof, in memory at once and as a file soon; false where there is no room for it any more. */
  keep(evidence: Evidence, signers: number[], batchIds: Id[]): boolean {
    const codec = evidenceCodec(this.#clusterId)
    const bytes = toCbor(codec, evidence)
    const name = `${evidence.type}-${toHex(digestOf(bytes)).slice(0, 16)}.json`
    if (this.#holds(name)) return true
    if (bytes.length > LIMITS.recordBytes) return false
    const text = `${JSON.stringify({ schema: 1, clusterId: this.#clusterId, evidence: toJson(codec, evidence) }, null, 2)}\n`
    if (!this.#hasRoom(evidence.type, signers, text.length)) return false
    this.#hold({ kind: evidence.type, signers, batchIds, file: join('evidence', name), since: new Date().toISOString() }, text.length)
    this.#writes = this.#writes.then(() => this.#write(name, text)).catch(this.#failed)
    return true
  }

  /** Whether there is room for a proof against these signers. For the first against somebody there always is. */
  #hasRoom(kind: EvidenceKind, signers: readonly number[], bytes: number): boolean {
    const against = signers.map((signer) => this.held.filter((one) => one.signers.includes(signer)))
    if (against.some(({ length }) => length === 0)) return true
    return (
      this.held.length < LIMITS.accusations &&
      this.#bytes + bytes <= LIMITS.evidenceBytes &&
      against.some((held) => held.filter((one) => one.kind === kind).length < LIMITS.proofsOfAKind)
    )
  }

  #hold(held: HeldEvidence, bytes: number): void {
    this.held.push(held)
    this.#bytes += bytes
  }

  /** Takes back what earlier lives have kept, one proof after the other. What does not hold is told, and left alone. */
  async takeBack(judge: (evidence: Evidence) => Judgement): Promise<void> {
    const names = existsSync(this.#folder) ? readdirSync(this.#folder).filter((name) => name.endsWith('.json')) : []
    for (const name of names) {
      try {
        await this.#takeBackOne(name, judge)
      } catch (error) {
        this.#failed(error)
      }
    }
  }

  async #takeBackOne(name: string, judge: (evidence: Evidence) => Judgement): Promise<void> {
    const path = join(this.#folder, name)
    const { size, mtime } = await stat(path)
    if (size > FILE_BYTES) throw new MusigError('BAD_INPUT', `${path} has ${size} bytes: it is no proof that was kept here`)
    const evidence = fromJson(evidenceCodec(this.#clusterId), JSON.parse(await readFile(path, 'utf8'))?.evidence, name)
    const judgement = judge(evidence)
    if (judgement.type === 'fault') throw new MusigError('BAD_INPUT', `${path} proves nothing: ${judgement.fault}`)
    const { signers, batchIds } = judgement
    // It may have been proved again meanwhile.
    if (this.#holds(name) || !this.#hasRoom(evidence.type, signers, size)) return
    this.#hold({ kind: evidence.type, signers, batchIds, file: join('evidence', name), since: mtime.toISOString() }, size)
  }

  /** The document in one of the files that are held, by its name. Errors: `NOT_FOUND`. */
  async read(name: string): Promise<object> {
    await this.#writes
    if (!this.#holds(name)) throw new MusigError('NOT_FOUND', `no proof ${name.slice(0, 80)} is held here`)
    return JSON.parse(await readFile(join(this.#folder, name), 'utf8'))
  }

  #holds(name: string): boolean {
    return this.held.some(({ file }) => file === join('evidence', name))
  }

  async #write(name: string, text: string): Promise<void> {
    await makePrivateFolder(this.#folder)
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
