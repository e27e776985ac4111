/**
 * What a signer has seen others do wrong: proofs, which it keeps as files and tells in its log, and what it only observed. Owns keeping the two apart; what
 * proves what is decided in the core.
 */
import type { Logger } from 'pino'
import { invariant } from '../base/errors.js'
import type { Crypto } from '../bls/backend.js'
import { type Evidence, type Judgement, verifyEvidence } from '../core/evidence.js'
import type { Manifest } from '../core/manifest.js'
import { EvidenceFolder } from './evidence-folder.js'
import { Suspicions } from './suspicions.js'

export interface SeenFaultsOptions {
  /** Of all epochs so far. */
  manifests: () => readonly Manifest[]
  crypto: Crypto
  /** The signer's folder. */
  store: string
  log: Logger
}

export class SeenFaults {
  readonly evidence: EvidenceFolder
  readonly suspicions = new Suspicions()
  readonly #options: SeenFaultsOptions

  constructor(options: SeenFaultsOptions) {
    const { store, manifests, log } = options
    const clusterId = manifests()[0]?.clusterId ?? ''
    this.#options = options
    this.evidence = new EvidenceFolder(store, clusterId, (error) => log.error({ err: error }, 'could not write evidence, or take it back'))
  }

  /** Takes back the proofs of earlier lives that hold. */
  takeBack(): Promise<void> {
    return this.evidence.takeBack((evidence) => this.#judge(evidence))
  }

  /** Proof of guilt: kept for whoever asks, and told in the log. */
  accuse(evidence: Evidence): void {
    const { log } = this.#options
    const judgement = this.#judge(evidence)
    invariant(judgement.type === 'guilty', 'a signer tells only evidence that holds')
    const { signers, batchIds, text } = judgement
    const kept = this.evidence.keep(evidence, signers, batchIds)
    log.warn({ kind: evidence.type, guilty: signers, batchIds, kept }, `evidence: ${text}`)
  }

  /** What evidence proves, by the manifest of the epoch that it is from: mostly the present one. */
  #judge(evidence: Evidence): Judgement {
    const { crypto, manifests } = this.#options
    const judgements = [...manifests()].reverse().map((manifest) => verifyEvidence(crypto, manifest, evidence))
    return judgements.find(({ type }) => type === 'guilty') ?? (judgements[0] as Judgement)
  }

  /** What was observed and proves nothing. */
  suspect(signer: number, reason: string, batchId: string | null): void {
    this.suspicions.add(signer, reason, batchId)
    this.#options.log.debug({ suspect: signer, reason, batchId }, 'suspicion')
  }
}
