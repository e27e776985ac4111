/** What the package gives to programs in Node: all of `pure.ts`, the client of a cluster and the native signing. Commands and processes are started through `musig`. */
export type { BatchAnswer, CertificateAnswer, Health, StatusAnswer, TransactionResult } from './lib/node/answers.js'
export { Client, type ClientOptions, type ReadOptions, type SubmitOptions } from './lib/node/client.js'
export { type LoadedCrypto, loadCrypto } from './lib/node/crypto.js'
export type { GroupAnswer } from './lib/node/descriptions.js'
export type { HeldEvidence } from './lib/node/evidence-folder.js'
export type { LinkFault } from './lib/node/link-faults.js'
export type { Phases } from './lib/node/phases.js'
export * from './pure.js'
