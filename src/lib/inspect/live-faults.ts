/**
 * Faults of a running cluster: takes what its members tell, checks one proof of each contradiction, and remembers the verdicts, so that one can look again and again. How
 * members are asked is a port; what follows from it all is `faults.ts`.
 */
import { type Id, toHex } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import type { Crypto } from '../bls/backend.js'
import type { EvidenceKind } from '../core/evidence.js'
import type { Manifest } from '../core/manifest.js'
import { type Checked, type FaultsData, faultsOf, type Told } from './faults.js'
import { type EvidenceVerdict, verifyEvidenceFile } from './verify-evidence.js'

/** What a member tells, as far as faults go. */
export interface Report {
  readonly name: string
  readonly status: { readonly suspicion: Told['suspicion'] } | null
  readonly conduct: { readonly decisions: number; readonly signers: Told['missing'] } | null
  /** Proofs that it says it holds, and of what. */
  readonly proofs: readonly Claim[]
}

/** A proof as its holder describes it. */
export interface Claim {
  readonly kind: EvidenceKind
  readonly signers: readonly number[]
  readonly batchIds: readonly Id[]
  readonly file: string
  readonly since: string
}

/** Whoever can be asked. */
export interface Asked<R extends Report> {
  reports(): Promise<R[]>
  /** Undefined where a member does not give the file out. */
  proof(name: string, file: string): Promise<unknown>
}

/** What proofs are judged by, and what signers are called. */
export interface Judged {
  /** With its proofs of possession checked. */
  readonly manifest: Manifest
  /** Those of the epochs before it: evidence from these is evidence still. */
  readonly earlier?: readonly Manifest[]
  /** A signer's number by its public key as hex: its index changes with the epochs. Without it the index stands. */
  readonly numbers?: ReadonlyMap<string, number>
}

/** Proofs that are asked for at once. */
const AT_ONCE = 16

export class LiveFaults<R extends Report> {
  readonly #crypto: Crypto
  readonly #judged: Judged
  readonly #members: Asked<R>
  /** What is proved: a proof that holds, by what it is of. Others of the same are not asked for: it would be proved no better. */
  readonly #proofs = new Map<string, { file: string; document: unknown; verdict: EvidenceVerdict }>()
  readonly #documents = new Map<string, unknown>()
  /** Copies that do not hold, by file and member. */
  readonly #spoilt = new Map<string, Checked>()
  #reports: readonly R[] = []

  constructor(crypto: Crypto, judged: Judged, members: Asked<R>) {
    this.#crypto = crypto
    this.#judged = judged
    this.#members = members
  }

  /** What members told at the last look. */
  get reports(): readonly R[] {
    return this.#reports
  }

  /** Asks everybody. `since`: nothing older, in milliseconds since 1970. Errors: those of the asking. */
  async look(since?: number): Promise<FaultsData> {
    this.#reports = await this.#members.reports()
    const held = this.#reports.flatMap(({ name, proofs }) =>
      proofs.map((claim): Held => ({ by: name, file: claim.file, since: isoOf(claim.since), claim: nameOf(claim) })),
    )
    await this.#check(held)
    const checked = held.flatMap((one): Checked[] => {
      const { by, since } = one
      const proof = this.#proofs.get(one.claim)
      const spoilt = this.#spoilt.get(keyOf(one))
      if (spoilt) return [spoilt]
      return proof ? [{ by, since, file: proof.file, verdict: proof.verdict }] : []
    })
    const silent = this.#reports.filter(({ status }) => status === null).map(({ name }) => name)
    const told = this.#reports.flatMap(({ name, status, conduct }): Told[] =>
      status === null
        ? []
        : [
            {
              by: name,
              suspicion: status.suspicion.map(this.#numbered),
              decisions: conduct?.decisions ?? 0,
              missing: (conduct?.signers ?? []).map(this.#numbered),
            },
          ],
    )
    const { syncByzantineBound } = this.#judged.manifest
    return faultsOf(checked, told, { mayLie: syncByzantineBound, silent, ...(since !== undefined && { since }) })
  }

  /** A proof that was found to hold, as it came. */
  document(file: string): unknown {
    return this.#documents.get(file)
  }

  /** Of each contradiction one proof is enough; where it does not hold, or is not given out, the next one’s is taken. */
  async #check(held: readonly Held[]): Promise<void> {
    const wanted = new Map<string, Held[]>()
    for (const one of held)
      if (!this.#proofs.has(one.claim) && !this.#spoilt.has(keyOf(one))) wanted.set(one.claim, [...(wanted.get(one.claim) ?? []), one])
    const claims = [...wanted.values()]
    for (let i = 0; i < claims.length; i += AT_ONCE) await Promise.all(claims.slice(i, i + AT_ONCE).map((copies) => this.#checkOne(copies)))
  }

  async #checkOne(copies: readonly Held[]): Promise<void> {
    for (const copy of copies) {
      const document = await this.#members.proof(copy.by, copy.file)
      if (document === undefined) continue
      const verdict = this.#verdictOn(document, copy)
      if (verdict.valid) {
        this.#proofs.set(copy.claim, { file: copy.file, document, verdict })
        this.#documents.set(copy.file, document)
        return
      }
      this.#spoilt.set(keyOf(copy), { by: copy.by, file: copy.file, since: copy.since, verdict })
    }
  }

  #verdictOn(document: unknown, { file, claim }: Held): EvidenceVerdict {
    const { manifest, earlier = [] } = this.#judged
    try {
      const judged = [manifest, ...earlier].map((one) => ({ one, verdict: verifyEvidenceFile(this.#crypto, one, document, file) }))
      const found = judged.find(({ verdict }) => verdict.valid) ?? judged[0]
      if (!found) throw new MusigError('INTERNAL', 'there is no manifest')
      const { one, verdict } = found
      if (!verdict.valid) return verdict
      if (nameOf(verdict) !== claim)
        return { ...verdict, valid: false, signers: [], batchIds: [], reason: 'it proves something else than its holder says' }
      return { ...verdict, signers: verdict.signers.map((index) => this.#numberOf(one, index)) }
    } catch (error) {
      if (!(error instanceof MusigError) || error.code === 'INTERNAL') throw error
      return { valid: false, kind: 'double-vote', signers: [], batchIds: [], reason: error.message }
    }
  }

  #numberOf({ signers }: Manifest, index: number): number {
    const publicKey = signers[index]?.publicKey
    return (publicKey && this.#judged.numbers?.get(toHex(publicKey))) ?? index
  }

  /** What a member says of a signer, which it knows by its index in the present epoch. */
  readonly #numbered = <T extends { readonly signer: number }>(said: T): T => ({
    ...said,
    signer: this.#numberOf(this.#judged.manifest, said.signer),
  })
}

interface Held {
  by: string
  file: string
  since: string
  /** What it is of. */
  claim: string
}

/** What a proof is of, however it proves it. */
function nameOf({ kind, signers, batchIds }: Pick<Claim, 'kind' | 'signers' | 'batchIds'>): string {
  return JSON.stringify([kind, signers, batchIds])
}

function keyOf({ by, file }: Held): string {
  return `${by} ${file}`
}

/** A time as a member tells it; one that is none is the beginning of time. */
function isoOf(since: string): string {
  const ms = Date.parse(since)
  return new Date(Number.isNaN(ms) ? 0 : ms).toISOString()
}
