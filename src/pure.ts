/**
 * The package without Node: what runs in a browser as it is. Manifests, verdicts, the order, trees, transactions, state machines, drawings, the simulator. The
 * entry for Node, `index.ts`, has all of it and more.
 */

export type { Id } from './lib/base/bytes.js'
export { type ErrorCode, MusigError } from './lib/base/errors.js'
export type { Bls, Crypto, Ed25519, SignedBy } from './lib/bls/backend.js'
export type { BatchDescription, DescribedNode, DescribedVotes } from './lib/core/describe.js'
export type { EvidenceKind } from './lib/core/evidence.js'
export {
  type Bounds,
  type Manifest,
  type ManifestContent,
  manifestToJson,
  readManifest,
  type SignerEntry,
  type Timing,
  type Tolerance,
} from './lib/core/manifest.js'
export type { Batch, Transaction } from './lib/core/transaction.js'
export type { TreeParameters } from './lib/core/tree.js'
export type {
  NodeState,
  NodeTimes,
  OrderBatch,
  OrderData,
  OrderPair,
  OrderRank,
  OrderView,
  Path,
  Role,
  TreeData,
  TreeNode,
} from './lib/inspect/data.js'
export type { DescribedBatch } from './lib/inspect/group.js'
export { drawOrderSvg } from './lib/inspect/order-svg.js'
export { drawTreeSvg } from './lib/inspect/tree-svg.js'
export type { CertificateVerdict } from './lib/inspect/verify-certificate.js'
export type { EvidenceVerdict } from './lib/inspect/verify-evidence.js'
export type { SignatureVerdict } from './lib/inspect/verify-signature.js'
export {
  type Arrivals,
  type BatchTree,
  boundsOf,
  buildTree,
  countVotes,
  deriveOrder,
  orderOfGroup,
  treeOfBatch,
  type Vote,
  type VoteCount,
  type VotedBatches,
  type VoteSets,
} from './lib/library/derive.js'
export { type SimulationResult, simulate } from './lib/library/simulate.js'
export {
  type NewTransaction,
  newTransaction,
  readTransaction,
  signTransaction,
  transactionId,
  transactionToJson,
} from './lib/library/transactions.js'
export {
  type CryptoOptions,
  type ForCluster,
  loadManifest,
  nobleCrypto,
  type ProvedManifest,
  readBatch,
  type SignatureClaim,
  type SignatureOptions,
  signatureClaim,
  verifyCertificate,
  verifyEvidence,
  verifySignature,
} from './lib/library/verify.js'
export { Append } from './lib/machine/append.js'
export { createPayload, Documents, deletePayload, documentKey, patchPayload, putPayload, updatePayload } from './lib/machine/documents.js'
export type { Json } from './lib/machine/json.js'
export { accountKey, Ledger, openPayload, transferPayload } from './lib/machine/ledger.js'
export type { Draft } from './lib/machine/operation.js'
export type { Position, Receipt, StateMachine } from './lib/machine/state-machine.js'
export type { Violation } from './lib/simulator/history.js'
export type { Scenario, Topology } from './lib/simulator/scenario.js'
