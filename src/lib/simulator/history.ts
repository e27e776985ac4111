/** What a run leaves behind for the checkers: what each signer recorded and executed, what clients were told, and when. Data only. */
import type { Id } from '../base/bytes.js'
import type { Certificate, Order } from '../core/certificate.js'
import type { EvidenceKind, Judgement } from '../core/evidence.js'
import type { Value } from '../core/tally.js'
import type { View } from '../core/view.js'

/** A batch as one signer executed it. */
export interface Execution {
  at: number
  batchId: Id
  /** The height on each of its keys, as the signer said. */
  heights: ReadonlyMap<string, number>
  certificate: Certificate
  value: Value
  /** Transactions that were applied, in order. */
  applied: Id[]
  /** Equal exactly where the logs of all keys are. */
  orderDigest: Id
  machineDigest: Id
}

/** One signer's part of a run. */
export interface SignerHistory {
  signer: number
  /** Every batch that it executed, through all its restarts. */
  executed: Execution[]
  /** For each restart: what had been executed before it, and what the records gave back. */
  restarts: { before: Id[]; restored: Id[] }[]
  /** Batches in the order in which they were durably recorded as arrived. */
  arrivals: Id[]
  /** Votes and accepts that were durably recorded. */
  votes: { batchId: Id; view: View }[]
  accepts: { batchId: Id; ballot: number; valueDigest: Id }[]
  /** What it said before the record of it was durable, in words. */
  early: string[]
  /** Whether it runs at the end. */
  isUp: boolean
}

/** A client's transaction. */
export interface TransactionHistory {
  txId: Id
  keys: string[]
  submittedAt: number
  /** When its client was first told that it is executed. */
  acknowledgedAt?: number
  acknowledgedBy?: number
  /** The signer that told it started over since then: its word does not count. */
  isDisowned?: boolean
  rejectedAt?: number
  rejection?: string
}

/** A batch that anyone recorded or executed. */
export interface BatchHistory {
  epoch: number
  keys: readonly string[]
  /** Its host. */
  initiator: number
  transactions: Id[]
}

/** Evidence that one signer told, and what comes of reading it with the manifest alone. */
export interface Accusation {
  /** Null: it follows from the records of all signers together. */
  by: number | null
  kind: EvidenceKind
  judgement: Judgement
}

/** Everything that the checkers look at. */
export interface History {
  n: number
  /** How many signers there were in each epoch. */
  sizes: ReadonlyMap<number, number>
  tolerance: { a: number; b: number }
  clusterId: Id
  signers: SignerHistory[]
  /** What peers executed, and whom they suspect. Numbered from n on. */
  peers: SignerHistory[]
  peerSuspicions: { by: number; signer: number; reason: string }[]
  transactions: Map<Id, TransactionHistory>
  batches: Map<Id, BatchHistory>
  /** Orders that were durably recorded, by coordinators and by those who accepted. */
  orders: Order[]
  /** What signers told as evidence, each read again with the manifest alone. */
  accusations: Accusation[]
  /** Signers that break the protocol in this run; whoever else is named is slandered. */
  liars: ReadonlySet<number>
  /** What was owed when the run ended: too few signers to owe anything, or whatever was still missing in time. */
  pending: string[]
  /** Whether at least a quorum of signers ran in the end, so that progress was owed. */
  progressOwed: boolean
  /** Messages about each batch. */
  messages: ReadonlyMap<Id, number>
  /** Whether nothing at all went wrong, and phase 3 is announced to nobody: the guard is off. */
  isCalm: boolean
  /** Whether the synchrony guard is on. */
  isGuarded: boolean
  /** How often a batch may have been tried to recover, or told anew to a signer that comes back, at most. */
  attempts: number
  /** The longest time that a batch by itself takes in a calm run; null where more may go wrong than what is wrong with some batches. */
  calmMs: number | null
}

/** A broken invariant: its id in the list of invariants, and one line that says what broke. */
export interface Violation {
  id: 'A1' | 'A2' | 'D1' | 'D2' | 'I1' | 'O1' | 'O2' | 'R1' | 'K2' | 'E1' | 'L1' | 'L2' | 'BUG'
  text: string
}
