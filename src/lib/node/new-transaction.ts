/** Makes transactions out of drafts: a fresh nonce, an expiry if one is wanted, the client's signature. What a draft says is its state machine's. */
import { randomBytes } from 'node:crypto'
import type { Manifest } from '../core/manifest.js'
import { normalizeKeys, signTransaction, type Transaction } from '../core/transaction.js'
import { nodeEd25519 } from './ed25519.js'

export interface NewTransaction {
  /** Dependency keys in any order. */
  deps: readonly string[]
  payload: Uint8Array
  /** The ed25519 secret (32 bytes) of the client that owns it; without it the transaction is unsigned. */
  secretKey?: Uint8Array | undefined
  /** Seconds from now after which it is not executed any more. */
  expiresIn?: number | undefined
}

/** A transaction for a cluster, unlike every other one by its nonce. Errors: `BAD_INPUT` on a bad secret key. */
export function newTransaction({ clusterId }: Pick<Manifest, 'clusterId'>, { deps, payload, secretKey, expiresIn }: NewTransaction): Transaction {
  const transaction: Transaction = {
    deps: normalizeKeys(deps),
    payload,
    client: null,
    nonce: Uint8Array.from(randomBytes(16)),
    expiry: expiresIn === undefined ? null : Math.floor(Date.now() / 1000) + Math.round(expiresIn),
    signature: null,
  }
  return secretKey ? signTransaction(nodeEd25519, clusterId, secretKey, transaction) : transaction
}
