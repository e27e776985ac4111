/** What a report holds, as plain data: transactions, the pictures of their batches, faults, the cluster's state. Chosen so that nothing secret can be in it: no keys, tokens, addresses, folders or processes. */
import { toHex } from '../base/bytes.js'
import { fromJson } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { transactionCodec } from '../core/transaction.js'
import type { FaultsData } from './faults.js'
import type { BatchPictures } from './live-batch.js'
import type { TransactionData } from './transaction-text.js'
import type { Why } from './why.js'

/** One transaction of a report. `content`: undefined where nobody gave it out. */
export interface ReportTransaction {
  readonly data: TransactionData
  readonly why: Pick<Why, 'sentence' | 'details'>
  readonly content: TransactionContent | undefined
}

/** What a transaction touches and says: its payload as text, or in hex where it is none. */
export interface TransactionContent {
  readonly deps: readonly string[]
  readonly payload: string
  readonly payloadBytes: number
}

/** One batch of a report; without pictures why there are none. */
export interface ReportBatch {
  readonly batchId: string
  readonly pictures: BatchPictures | string
}

/** The state of a cluster, as much of it as a report shows. */
export interface ReportStatus {
  readonly cluster: string
  readonly id: string
  readonly n: number
  readonly quorum: number
  readonly crashBound: number
  readonly asyncByzantineBound: number
  readonly syncByzantineBound: number
  readonly deltaMs: number
  readonly ready: boolean
  readonly signers: readonly ReportSigner[]
  readonly peers: readonly ReportPeer[]
}

/** A signer's state. */
export interface ReportSigner {
  readonly index: number
  readonly name: string
  readonly state: string
  readonly lie: string | null
  readonly executed: number | null
  readonly orderDigest: string | null
  readonly machineDigest: string | null
}

/** A peer's state. */
export interface ReportPeer {
  readonly index: number
  readonly state: string
  readonly executed: number | null
  readonly behind: number | null
  readonly orderDigest: string | null
  readonly machineDigest: string | null
}

/** The whole report. `madeAt`: ISO time; `version`: of what made it. */
export interface ReportData {
  readonly madeAt: string
  readonly version: string
  readonly transactions: readonly ReportTransaction[]
  readonly batches: readonly ReportBatch[]
  readonly faults: FaultsData
  readonly status: ReportStatus
}

/** A transaction's content from its JSON form; undefined where a signer gave out something else. */
export function contentOf(json: unknown): TransactionContent | undefined {
  try {
    const { deps, payload } = fromJson(transactionCodec, json, 'transaction')
    return { deps, payload: textOf(payload), payloadBytes: payload.length }
  } catch (error) {
    if (error instanceof MusigError && error.code !== 'INTERNAL') return undefined
    throw error
  }
}

/** As UTF-8, or in hex where it is none. */
function textOf(payload: Uint8Array): string {
  const hex = toHex(payload)
  try {
    return decodeURIComponent(hex.replace(/../g, '%$&'))
  } catch {
    return hex
  }
}
