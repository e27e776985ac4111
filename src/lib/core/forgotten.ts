/**
 * What others know of a signer's past (§10): a certificate that names it, for a vote or an accept of which it has no record, shows that its store was
 * lost or put back to an older state. A signer that sees this stops signing.
 */
import { hasBit } from '../base/bitmap.js'
import type { Certificate } from './certificate.js'
import type { KnownBatch } from './known-batch.js'

/** Whether a valid certificate holds a signature of `self` that its records know nothing of. */
export function isForgotten(self: number, { vote, accepted }: Pick<KnownBatch, 'vote' | 'accepted'>, certificate: Certificate): boolean {
  if (certificate.type === 'fast') return !vote && certificate.votes.entries.some(({ signers }) => hasBit(signers, self))
  return hasBit(certificate.signers, self) && (accepted?.ballot ?? -1) < certificate.ballot
}
