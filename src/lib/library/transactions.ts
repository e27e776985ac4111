/**
 * Transactions as a program makes them: a fresh nonce, an expiry if one is wanted, the client's signature; their ids, and their JSON. What a payload says is
 * its state machine's.
 */
import { randomBytes } from '@noble/hashes/utils.js'
import type { Id } from '../base/bytes.js'
import { fromJson, toJson } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import * as core from '../core/transaction.js'
import { type Transaction, transactionCodec } from '../core/transaction.js'
import { plainDraft } from '../machine/transaction-lines.js'
import { type CryptoOptions, type ForCluster, nobleCrypto } from './verify.js'

/** What a new transaction is to hold. */
export interface NewTransaction {
  /** Dependency keys in any order: transactions that share one are put in order, an empty list conflicts with nothing. */
  deps: readonly string[]
  /** What the state machine reads. */
  payload: Uint8Array
  /** The ed25519 secret (32 bytes) of the client that owns it; without it the transaction is unsigned. */
  secretKey?: Uint8Array | undefined
  /** Seconds from now after which it is not executed any more. */
  expiresIn?: number | undefined
}

const NONCE_BYTES = 16
/** A hundred years. */
const MAX_EXPIRY_SECONDS = 3_155_760_000

/**
 * A transaction for a cluster, unlike every other one by its nonce: handed in twice it is executed once. Errors: `BAD_INPUT` on a bad secret
 * key, and beyond the limits of keys and payload.
 *
 * @example
 * newTransaction(manifest, { ...transferPayload('alice', 'bob', 10), secretKey })
 */
export function newTransaction(cluster: ForCluster, content: NewTransaction, options: CryptoOptions = {}): Transaction {
  const { secretKey, expiresIn } = content
  const { deps, payload } = plainDraft(content.deps, content.payload)
  if (expiresIn !== undefined && !(expiresIn >= 0 && expiresIn <= MAX_EXPIRY_SECONDS))
    throw new MusigError('BAD_INPUT', `expiresIn is ${expiresIn}, not from 0 to ${MAX_EXPIRY_SECONDS} seconds`)
  const transaction: Transaction = {
    deps,
    payload,
    client: null,
    nonce: randomBytes(NONCE_BYTES),
    expiry: expiresIn === undefined ? null : Math.floor(Date.now() / 1000) + Math.round(expiresIn),
    signature: null,
  }
  return secretKey ? signTransaction(cluster, transaction, secretKey, options) : transaction
}

/**
 * The transaction with its client’s key and signature: what a state machine with owners asks for. Errors: `BAD_INPUT` on a secret key that has not 32 bytes.
 *
 * @example
 * const owned = signTransaction(manifest, transaction, secretKey)
 */
export function signTransaction(
  cluster: ForCluster,
  transaction: Transaction,
  secretKey: Uint8Array,
  { crypto = nobleCrypto }: CryptoOptions = {},
): Transaction {
  return core.signTransaction(crypto.ed25519, cluster.clusterId, secretKey, transaction)
}

/**
 * The id of a transaction: a digest of its content without the signature, and of the cluster.
 *
 * @example
 * await client.show(transactionId(manifest, transaction))
 */
export function transactionId(cluster: ForCluster, transaction: Transaction): Id {
  return core.transactionId(cluster.clusterId, transaction)
}

/**
 * A transaction as JSON, bytes in hex: what the API of signers takes as `{"transaction": …}`.
 *
 * @example
 * localStorage.setItem('unsent', JSON.stringify(transactionToJson(transaction)))
 */
export function transactionToJson(transaction: Transaction): object {
  return toJson(transactionCodec, transaction) as object
}

/**
 * Reads what `transactionToJson` gave. The signature is not checked. Errors: `BAD_ENCODING` with the place that is wrong.
 *
 * @example
 * const transaction = readTransaction(JSON.parse(text))
 */
export function readTransaction(json: unknown): Transaction {
  return fromJson(transactionCodec, json, 'transaction')
}
