/**
 * Batches of a running cluster: what its members tell put together into what is drawn. How they are asked is a port, which the client of a cluster is as it
 * stands; what follows from the answers is the business of the other files here.
 */
import { fromJson } from '../base/codec.js'
import { certificateCodec } from '../core/certificate.js'
import type { BatchDescription } from '../core/describe.js'
import type { Manifest } from '../core/manifest.js'
import { phase3MsOf } from '../core/moments.js'
import { type BatchSignature, batchSignatures, type Verifying, withBadVoters } from './batch-signatures.js'
import type { OrderData, TimelineData, TreeData } from './data.js'
import { type DescribedBatch, orderDataOf, treeDataOf } from './group.js'
import { sentencesAbout } from './order-sentences.js'
import { type Told, timelineOf } from './timeline.js'
import type { TransactionData } from './transaction-text.js'
import { type Why, type WhyFacts, type Witnessed, whyOf } from './why.js'

/** How long a root may take before another signer's word is good enough. */
const ROOT_MS = 2_000

/** Whom to ask: a signer by its index, or a peer by its own; without it any signer. */
interface From {
  readonly from?: number | { peer: number } | undefined
}

/** What a member answers about a batch, as far as it is used here. */
interface BatchTold {
  readonly initiator: number
  readonly ownVote: { readonly signature: string } | null
  readonly promised: number
  readonly accepted: unknown
  readonly waitingFor: WhyFacts['waitingFor']
  readonly transactions: readonly { readonly txId: string; readonly transaction: unknown }[]
}

/** Whoever can be asked. `everyone`: all signers at once; null for one that does not answer, undefined for one that answers and does not hold the batch. */
export interface Asking {
  readonly manifest: Manifest
  readonly client: {
    group(id: string, from: From): Promise<{ batches: readonly DescribedBatch[] }>
    certificate(id: string, from: From): Promise<{ certificate: unknown }>
    batch(id: string, from: From & { timeoutMs?: number }): Promise<BatchTold>
    timeline(id: string, from: From & { timeoutMs?: number }): Promise<Told>
  }
  everyone<T>(ask: (from: From & { timeoutMs: number }) => Promise<T>): Promise<(T | null | undefined)[]>
}

/** The tree, the order of its group, the signatures and the timeline of one batch. */
export interface BatchPictures {
  readonly tree: TreeData
  readonly order: OrderData
  readonly signatures: readonly BatchSignature[]
  readonly timeline: TimelineData
}

/** A batch's phases against time, as all signers tell them. */
export async function liveTimeline(
  { manifest, client, everyone }: Asking,
  { batchId, initiator }: Pick<BatchDescription, 'batchId' | 'initiator'>,
): Promise<TimelineData> {
  return timelineOf(manifest, batchId, initiator, await everyone((from) => client.timeline(batchId, from)))
}

/** A batch beside those that share its keys. How long phase 3 of each took is its root's word, unless one member alone is to be asked. Errors: `NOT_FOUND`. */
export async function liveOrder({ manifest, client }: Asking, id: string, from: From['from']): Promise<OrderData> {
  const { batches } = await client.group(id, { from })
  if (from !== undefined) return orderDataOf(batches, manifest)
  const timed = await Promise.all(
    batches.map(async (batch) => {
      if (batch.path !== 'slow') return batch
      // A root that is down or has forgotten leaves it at the word of the signer that was asked.
      const told = await client.timeline(batch.batchId, { from: batch.initiator, timeoutMs: ROOT_MS }).catch(() => undefined)
      const phase3Ms = phase3MsOf(told?.moments)
      return phase3Ms === null ? batch : { ...batch, phase3Ms }
    }),
  )
  return orderDataOf(timed, manifest)
}

/** The signatures of a batch, verified; where the votes' aggregate fails every signer is asked for its own vote, to find who is at fault. */
export async function liveSignatures(
  { client }: Asking,
  verifying: Verifying,
  batch: BatchDescription,
  from: From['from'],
): Promise<BatchSignature[]> {
  const certificate =
    batch.accepts === null ? undefined : fromJson(certificateCodec, (await client.certificate(batch.batchId, { from })).certificate, 'certificate')
  return Promise.all(
    batchSignatures(verifying, batch, certificate).map(async (signature) => {
      if (signature.valid || signature.phase !== 'vote') return signature
      return withBadVoters(verifying, signature, await sharesOf(client, signature))
    }),
  )
}

async function sharesOf(client: Asking['client'], { batchId, entries }: BatchSignature): Promise<Map<number, string>> {
  const shares = new Map<number, string>()
  await Promise.all(
    entries
      .flatMap(({ signers }) => signers)
      .map(async (signer) => {
        // A signer that is down has no share to tell.
        const told = await client.batch(batchId, { from: signer }).catch(() => undefined)
        if (told?.ownVote) shares.set(signer, told.ownVote.signature)
      }),
  )
  return shares
}

/** All that is drawn of a batch that was described. */
export async function livePictures(asking: Asking, verifying: Verifying, batch: BatchDescription, from?: From['from']): Promise<BatchPictures> {
  const [timeline, order, signatures] = await Promise.all([
    liveTimeline(asking, batch),
    liveOrder(asking, batch.batchId, from),
    liveSignatures(asking, verifying, batch, from),
  ])
  return { tree: treeDataOf(batch, asking.manifest, timeline), order, signatures, timeline }
}

/** Why a transaction is not executed yet, or stands where it does. */
export async function liveWhy(asking: Asking, result: TransactionData, from: From['from']): Promise<Why> {
  const { manifest, client, everyone } = asking
  const { batchId, status, reason, path, ballot, votes, position } = result
  const batch = batchId === null ? undefined : await client.batch(batchId, { from })
  const signers = await everyone(async (one) => (batchId === null ? undefined : witnessed(await client.batch(batchId, one))))
  const neighbours = batchId === null || status !== 'executed' ? [] : sentencesAbout(await liveOrder(asking, batchId, from), batchId)
  const { initiator = null, waitingFor = null } = batch ?? {}
  return whyOf({ manifest, batchId, status, reason, path, ballot, votes, position, initiator, waitingFor, neighbours, signers })
}

/** What one signer says of a batch. */
function witnessed({ ownVote, promised, accepted }: BatchTold): Witnessed {
  const ballot = (accepted as { ballot?: number } | null)?.ballot
  return { voted: ownVote !== null, promised, accepted: ballot ?? null }
}
