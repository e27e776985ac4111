/**
 * Faults of a running cluster: takes what its members tell, checks every proof once, and remembers the verdicts, so that one can look again and again. How members
 * are asked is a port; what follows from it all is `faults.ts`.
 */
import { MusigError } from '../base/errors.js'
import type { Crypto } from '../bls/backend.js'
import type { Manifest } from '../core/manifest.js'
import { type Checked, type FaultsData, faultsOf, type Told } from './faults.js'
import { type EvidenceVerdict, verifyEvidenceFile } from './verify-evidence.js'

/** What a member tells, as far as faults go. */
export interface Report {
  readonly name: string
  readonly status: { readonly suspicion: Told['suspicion'] } | null
  readonly conduct: { readonly decisions: number; readonly signers: Told['missing'] } | null
  /** Proofs that it says it holds. */
  readonly proofs: readonly { readonly file: string; readonly since: string }[]
}

/** Whoever can be asked. */
export interface Asked<R extends Report> {
  reports(): Promise<R[]>
  /** Undefined where a member does not give the file out. */
  proof(name: string, file: string): Promise<unknown>
}

/** Proofs that are asked for at once. */
const AT_ONCE = 16

export class LiveFaults<R extends Report> {
  readonly #crypto: Crypto
  readonly #manifest: Manifest
  readonly #earlier: readonly Manifest[]
  readonly #members: Asked<R>
  /** Proofs that hold, by file. */
  readonly #proofs = new Map<string, { document: unknown; verdict: EvidenceVerdict }>()
  /** Copies that do not hold, by file and member. */
  readonly #spoilt = new Map<string, Checked>()
  #reports: readonly R[] = []

  /** `manifest`: with its proofs of possession checked; `earlier`: those of epochs before it, evidence from which is evidence still. */
  constructor(crypto: Crypto, manifest: Manifest, members: Asked<R>, earlier: readonly Manifest[] = []) {
    this.#earlier = earlier
    this.#crypto = crypto
    this.#manifest = manifest
    this.#members = members
  }

  /** What members told at the last look. */
  get reports(): readonly R[] {
    return this.#reports
  }

  /** Asks everybody. `since`: nothing older, in milliseconds since 1970. Errors: those of the asking. */
  async look(since?: number): Promise<FaultsData> {
    this.#reports = await this.#members.reports()
    const held = this.#reports.flatMap(({ name, proofs }) => proofs.map((proof): Held => ({ by: name, file: proof.file, since: isoOf(proof.since) })))
    await this.#check(held)
    const checked = held.flatMap((one): Checked[] => {
      const proof = this.#proofs.get(one.file)
      const spoilt = this.#spoilt.get(keyOf(one))
      return [...(proof ? [{ ...one, verdict: proof.verdict }] : []), ...(spoilt ? [spoilt] : [])]
    })
    const silent = this.#reports.filter(({ status }) => status === null).map(({ name }) => name)
    const told = this.#reports.flatMap(({ name, status, conduct }): Told[] =>
      status === null ? [] : [{ by: name, suspicion: status.suspicion, decisions: conduct?.decisions ?? 0, missing: conduct?.signers ?? [] }],
    )
    const { syncByzantineBound } = this.#manifest
    return faultsOf(checked, told, { mayLie: syncByzantineBound, silent, ...(since !== undefined && { since }) })
  }

  /** A proof that was found to hold, as it came. */
  document(file: string): unknown {
    return this.#proofs.get(file)?.document
  }

  /** Of each proof one copy is enough; where it does not hold, or is not given out, the next one’s is taken. */
  async #check(held: readonly Held[]): Promise<void> {
    const wanted = new Map<string, Held[]>()
    for (const one of held)
      if (!this.#proofs.has(one.file) && !this.#spoilt.has(keyOf(one))) wanted.set(one.file, [...(wanted.get(one.file) ?? []), one])
    const files = [...wanted.values()]
    for (let i = 0; i < files.length; i += AT_ONCE) await Promise.all(files.slice(i, i + AT_ONCE).map((copies) => this.#checkOne(copies)))
  }

  async #checkOne(copies: readonly Held[]): Promise<void> {
    for (const copy of copies) {
      const document = await this.#members.proof(copy.by, copy.file)
      if (document === undefined) continue
      const verdict = this.#verdictOn(document, copy.file)
      if (verdict.valid) {
        this.#proofs.set(copy.file, { document, verdict })
        return
      }
      this.#spoilt.set(keyOf(copy), { ...copy, verdict })
    }
  }

  #verdictOn(document: unknown, file: string): EvidenceVerdict {
    try {
      const verdicts = [this.#manifest, ...this.#earlier].map((manifest) => verifyEvidenceFile(this.#crypto, manifest, document, file))
      return verdicts.find(({ valid }) => valid) ?? (verdicts[0] as EvidenceVerdict)
    } catch (error) {
      if (!(error instanceof MusigError) || error.code === 'INTERNAL') throw error
      return { valid: false, kind: 'double-vote', signers: [], batchIds: [], reason: error.message }
    }
  }
}

interface Held {
  by: string
  file: string
  since: string
}

function keyOf({ by, file }: Held): string {
  return `${by} ${file}`
}

/** A time as a member tells it; one that is none is the beginning of time. */
function isoOf(since: string): string {
  const ms = Date.parse(since)
  return new Date(Number.isNaN(ms) ? 0 : ms).toISOString()
}
