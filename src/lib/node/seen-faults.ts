/**
 * What a signer has seen others do wrong: proofs, which it keeps as files and tells in its log, and what it only observed. Owns keeping the two apart; what
 * proves what is decided in the core.
 */
import type { Logger } from 'pino'
import { invariant } from '../base/errors.js'
import type { Crypto } from '../bls/backend.js'
import { type Evidence, verifyEvidence } from '../core/evidence.js'
import type { Manifest } from '../core/manifest.js'
import { EvidenceFolder } from './evidence-folder.js'
import { Suspicions } from './suspicions.js'

export interface SeenFaultsOptions {
  manifest: Manifest
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
    const { store, manifest, log } = options
    this.#options = options
    this.evidence = new EvidenceFolder(store, manifest.clusterId, (error) => log.error({ err: error }, 'could not write evidence, or take it back'))
  }

  /** Takes back the proofs of earlier lives that hold. */
  takeBack(): Promise<void> {
    const { crypto, manifest } = this.#options
    return this.evidence.takeBack((evidence) => verifyEvidence(crypto, manifest, evidence))
  }

  /** Proof of guilt: kept for whoever asks, and told in the log. */
  accuse(evidence: Evidence): void {
    const { crypto, manifest, log } = this.#options
    const judgement = verifyEvidence(crypto, manifest, evidence)
    invariant(judgement.type === 'guilty', 'a signer tells only evidence that holds')
    const { signers, batchIds, text } = judgement
    const kept = this.evidence.keep(evidence, signers, batchIds)
    log.warn({ kind: evidence.type, guilty: signers, batchIds, kept }, `evidence: ${text}`)
  }

  /** What was observed and proves nothing. */
  suspect(signer: number, reason: string, batchId: string | null): void {
    this.suspicions.add(signer, reason, batchId)
    this.#options.log.debug({ suspect: signer, reason, batchId }, 'suspicion')
  }
}
