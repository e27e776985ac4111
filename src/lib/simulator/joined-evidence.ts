/**
 * K1: what the durable records of all signers prove together. Reads them as one witness would that was shown everything, so that contradictions are found
 * whose halves never met in one signer; and so that whatever honest signers recorded is held against all the rest.
 */
import { bitmapOf } from '../base/bitmap.js'
import type { Id } from '../base/bytes.js'
import type { Crypto } from '../bls/backend.js'
import { Context } from '../core/context.js'
import type { Evidence } from '../core/evidence.js'
import { Judge } from '../core/judge.js'
import type { Manifest } from '../core/manifest.js'
import type { Message } from '../core/message.js'
import type { DurableRecord } from '../core/record.js'
import { Witness } from '../core/witness.js'

/** A record and whose it is. */
export interface OwnedRecord {
  signer: number
  record: DurableRecord
}

/** The evidence that follows from these records of one epoch together; by their seats in it. */
export function joinedEvidence(crypto: Crypto, manifest: Manifest, records: readonly OwnedRecord[]): Evidence[] {
  const nobody = { blsSecretKey: new Uint8Array(32), linkSecretKey: new Uint8Array(32), check: () => undefined }
  const ctx = new Context({ self: 0, manifest, crypto, ...nobody })
  const judge = new Judge(ctx, () => {})
  const witness = new Witness(ctx, judge, () => {})
  // Bodies first, for what is said of them is compared by their keys.
  for (const { record } of records) if (record.type === 'batch') ctx.journal.apply(record)
  const seen = new Set<object>()
  for (const { signer, record } of records) {
    const message = messageOf(manifest, signer, record)
    const said = 'order' in record ? record.order : 'certificate' in record ? record.certificate : record
    if (!message || seen.has(said)) continue
    seen.add(said)
    witness.observe(signer, message)
  }
  return ctx.takeEffects().flatMap((effect) => (effect.type === 'accuse' ? [effect.evidence] : []))
}

/** A message that says what a record holds, if it holds signatures. */
function messageOf({ n }: Manifest, signer: number, record: DurableRecord): Message | undefined {
  switch (record.type) {
    case 'batch':
      return { type: 'have', batch: record.batch, certificate: null }
    case 'vote': {
      const votes = { entries: [{ view: record.view, signers: bitmapOf(n, [signer]) }], signature: record.signature }
      return { type: 'shares', batchId: record.batchId, votes: [votes], accepts: [] }
    }
    case 'order':
    case 'accept':
      return { type: 'order', order: record.order }
    case 'certificate':
    case 'lock':
      return { type: 'certificate', certificate: record.certificate }
    default:
      return undefined
  }
}

/** The records that speak of one epoch's batches, with the seats of those whose they are. `epochOf`: of a batch by its id. */
export function recordsOf(
  manifest: Manifest,
  records: readonly OwnedRecord[],
  epochOf: (batchId: Id) => number | undefined,
  seatOf: (host: number) => number,
): OwnedRecord[] {
  return records.flatMap(({ signer, record }) => {
    const batchId = batchOf(record)
    const seat = seatOf(signer)
    return batchId !== undefined && epochOf(batchId) === manifest.epoch && seat >= 0 ? [{ signer: seat, record }] : []
  })
}

function batchOf(record: DurableRecord): Id | undefined {
  if ('batch' in record) return record.batch.id
  if ('order' in record) return record.order.batchId
  if ('certificate' in record) return record.certificate.batchId
  return 'batchId' in record ? record.batchId : undefined
}
