/**
 * D2 over the stores of all signers, once they have ended: whatever one of them holds of another's word stands in that one's own store. It needs no second word
 * that contradicts the first: a vote that left before it was written is found even where it was never given anew.
 */
import { membersOf } from '../../src/lib/base/bitmap.js'
import { type Id, toHex } from '../../src/lib/base/bytes.js'
import type { Certificate, Order } from '../../src/lib/core/certificate.js'
import type { Manifest } from '../../src/lib/core/manifest.js'
import { valueDigest, voteDigest } from '../../src/lib/core/statement.js'
import { treeOf } from '../../src/lib/core/tree.js'
import type { VoteSet } from '../../src/lib/core/vote-set.js'
import type { OwnedRecord } from '../../src/lib/simulator/joined-evidence.js'

/** How much was compared, and what others hold that its author's store does not. */
export interface Comparison {
  compared: number
  missing: string[]
}

export function compareStores(manifest: Manifest, records: readonly OwnedRecord[]): Comparison {
  const own = ownStatements(manifest, records)
  const initiators = new Map(records.flatMap(({ record }) => (record.type === 'batch' ? [[record.batch.id, record.batch.initiator] as const] : [])))
  const seen = new Set<string>()
  const missing: string[] = []
  const claim = (holder: number, signer: number, name: string) => {
    if (seen.has(`${signer} ${name}`)) return
    seen.add(`${signer} ${name}`)
    if (!own.has(`${signer} ${name}`)) missing.push(`signer ${holder} holds of signer ${signer}: ${name}; its own store does not`)
  }
  for (const { signer: holder, record } of records) {
    const votes = (batchId: Id, { entries }: VoteSet) => {
      for (const { view, signers } of entries)
        for (const signer of membersOf(signers)) claim(holder, signer, voteName(batchId, voteDigest(manifest, batchId, view)))
    }
    const certified = (certificate: Certificate) => {
      if (certificate.type === 'fast') return votes(certificate.batchId, certificate.votes)
      const { batchId, ballot, value, signers } = certificate
      for (const signer of membersOf(signers)) claim(holder, signer, acceptName(batchId, ballot, valueDigest(manifest.clusterId, value)))
    }
    const ordered = ({ batchId, ballot, value, proof }: Order) => {
      votes(batchId, proof.type === 'votes' ? proof.votes : proof.promises.votes)
      const initiator = initiators.get(batchId)
      if (initiator !== undefined) {
        const coordinator = treeOf(batchId, initiator, manifest).permutation[ballot % manifest.n] ?? 0
        claim(holder, coordinator, orderName(batchId, ballot, valueDigest(manifest.clusterId, value)))
      }
      if (proof.type !== 'promises') return
      for (const { signers } of proof.promises.statements)
        for (const signer of membersOf(signers)) claim(holder, signer, promiseName(batchId, ballot))
    }
    switch (record.type) {
      case 'batch':
        claim(holder, record.batch.initiator, batchName(record.batch.id))
        break
      case 'order':
      case 'accept':
        ordered(record.order)
        break
      case 'certificate':
      case 'lock':
        certified(record.certificate)
        break
      default:
        break
    }
  }
  return { compared: seen.size, missing }
}

/** Everything that the signers' own stores say they said. */
function ownStatements(manifest: Manifest, records: readonly OwnedRecord[]): Set<string> {
  const own = new Set<string>()
  for (const { signer, record } of records) {
    const say = (name: string) => own.add(`${signer} ${name}`)
    switch (record.type) {
      case 'batch':
        say(batchName(record.batch.id))
        break
      case 'vote':
        say(voteName(record.batchId, voteDigest(manifest, record.batchId, record.view)))
        break
      case 'order':
        say(orderName(record.order.batchId, record.order.ballot, valueDigest(manifest.clusterId, record.order.value)))
        break
      case 'accept':
        say(acceptName(record.order.batchId, record.order.ballot, valueDigest(manifest.clusterId, record.order.value)))
        break
      case 'promise':
        say(promiseName(record.batchId, record.ballot))
        break
      default:
        break
    }
  }
  return own
}

const batchName = (batchId: Id) => `the batch ${batchId}`
const voteName = (batchId: Id, digest: Uint8Array) => `a vote ${toHex(digest).slice(0, 16)} for ${batchId}`
const acceptName = (batchId: Id, ballot: number, digest: Id) => `an accept of ${digest.slice(0, 16)} in ballot ${ballot} of ${batchId}`
const orderName = (batchId: Id, ballot: number, digest: Id) => `an order of ${digest.slice(0, 16)} in ballot ${ballot} of ${batchId}`
const promiseName = (batchId: Id, ballot: number) => `a promise of ballot ${ballot} of ${batchId}`
