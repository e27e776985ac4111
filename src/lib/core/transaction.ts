/** Transactions and batches (§3): their shapes, limits, ids and signatures. A batch is what is ordered; a transaction is what is executed. */
import { compareText, fromHex, type Id, toHex, utf8Length } from '../base/bytes.js'
import { CborReader } from '../base/cbor-reader.js'
import { bytes, type Codec, type Decoded, fromCbor, list, mapped, nullable, object, refuse, text, toCbor, uint } from '../base/codec.js'
import { statementDigest, statementId } from '../base/hash.js'
import type { Ed25519 } from '../bls/backend.js'
import { LIMITS } from './limits.js'

/** The dependency key of a change of the set of signers (§24). It conflicts with every batch, whatever keys that one has. */
export const EPOCH_KEY = 'musig:epoch'

/** Whether a transaction or batch with these keys is a change of the set of signers. */
export function isChange(keys: readonly string[]): boolean {
  return keys.length === 1 && keys[0] === EPOCH_KEY
}

const key: Codec<string> = mapped(
  text(LIMITS.keyBytes, 1),
  (value, place) => (value.normalize('NFC') === value ? value : refuse(place, 'a dependency key that is not in NFC')),
  (value) => value,
)

/** Dependency keys: sorted by their UTF-8 bytes, each once. */
export const dependencyKeys: Codec<string[]> = mapped(
  list(key, LIMITS.keysPerTransaction),
  (keys, place) => {
    for (let i = 1; i < keys.length; i++)
      if (compareText(keys[i - 1] ?? '', keys[i] ?? '') >= 0) refuse(place, 'dependency keys are not sorted and unique')
    if (keys.includes(EPOCH_KEY) && !isChange(keys)) refuse(place, `${EPOCH_KEY} beside other keys`)
    return keys
  },
  (keys) => keys,
)

const content = {
  /** What it touches; transactions that share one are put in order, an empty list conflicts with nothing. */
  deps: dependencyKeys,
  /** What the state machine reads. */
  payload: bytes({ max: LIMITS.payloadBytes }),
  /** The ed25519 public key of who sends it, where the state machine asks for an owner. */
  client: nullable(bytes(32)),
  /** Any bytes that make it unlike every other one. */
  nonce: bytes({ min: 1, max: 32 }),
  /** Seconds since 1970 after which it is not executed any more. */
  expiry: nullable(uint(2 ** 40)),
}
const contentCodec = object(content)

export const transactionCodec = object({ ...content, signature: nullable(bytes(64)) })

/** Transactions that are handed in together. */
export const transactionsCodec = list(transactionCodec, LIMITS.transactionsPerBatch)

/** One transaction. Its id covers everything but the signature. */
export type Transaction = Decoded<typeof transactionCodec>

const TRANSACTION_TAG = 'musig/v1/transaction'

/** What the client signs: the transaction's id as bytes. */
function transactionDigest(clusterId: Id, transaction: Omit<Transaction, 'signature'>): Uint8Array {
  return statementDigest(TRANSACTION_TAG, clusterId, toCbor(contentCodec, transaction))
}

const ids = new WeakMap<Transaction, Id>()

/** The id of a transaction: covers the content without the signature, with tag and clusterId. */
export function transactionId(clusterId: Id, transaction: Transaction): Id {
  let id = ids.get(transaction)
  if (id === undefined) {
    id = statementId(TRANSACTION_TAG, clusterId, toCbor(contentCodec, transaction))
    ids.set(transaction, id)
  }
  return id
}

/** The transaction with its client's key and signature. */
export function signTransaction(ed25519: Ed25519, clusterId: Id, secretKey: Uint8Array, transaction: Transaction): Transaction {
  const owned = { ...transaction, client: ed25519.publicKey(secretKey) }
  return { ...owned, signature: ed25519.sign(secretKey, transactionDigest(clusterId, owned)) }
}

/** What is wrong with a transaction's signature, if anything: it has a client and a valid signature, or neither. */
export function transactionFault(ed25519: Ed25519, clusterId: Id, transaction: Transaction): string | undefined {
  const { client, signature } = transaction
  if (client === null && signature === null) return undefined
  if (client === null) return 'a signature without a client key'
  if (signature === null) return 'a client key without a signature'
  if (!ed25519.verify(client, transactionDigest(clusterId, transaction), signature)) return 'the client’s signature is invalid'
  return undefined
}

const batchContent = {
  epoch: uint(2 ** 32),
  initiator: uint(LIMITS.signers),
  /** Counts the initiator's batches from 0. */
  sequence: uint(),
  /** The initiator's clock in seconds since 1970: only compared with `expiry`. */
  time: uint(2 ** 40),
  transactions: list(transactionCodec, LIMITS.transactionsPerBatch),
}
const batchContentCodec = object(batchContent)
const batchCodec = object({ ...batchContent, signature: bytes(64) })

/** A batch as it travels: decoded once, kept with the bytes that came and what follows from them. */
export interface Batch extends Decoded<typeof batchCodec> {
  /** The digest of its content, transactions' signatures included. */
  id: Id
  /** The union of its transactions' keys, sorted. */
  keys: string[]
  /** The ids of its transactions, in their order. */
  txIds: Id[]
  /** Its encoding, forwarded as it came. */
  bytes: Uint8Array
}

/** What is kept of a batch for ever: what its tree, its views and its place in the order hang on. */
export type BatchOutline = Pick<Batch, 'id' | 'initiator' | 'keys'>

/** Signs a batch with the initiator's link key. At least one transaction. */
export function makeBatch(ed25519: Ed25519, clusterId: Id, linkSecretKey: Uint8Array, body: Decoded<typeof batchContentCodec>): Batch {
  const digest = statementDigest('musig/v1/batch', clusterId, toCbor(batchContentCodec, body))
  const signed = { ...body, signature: ed25519.sign(linkSecretKey, digest) }
  const txIds = body.transactions.map((transaction) => transactionId(clusterId, transaction))
  return { ...signed, id: toHex(digest), keys: unionOfKeys(body.transactions), txIds, bytes: toCbor(batchCodec, signed) }
}

/** Reads a batch. Errors: `BAD_ENCODING`. The signature is checked by `batchFault`. */
export function decodeBatch(clusterId: Id, encoded: Uint8Array): Batch {
  // Its bytes are kept anyway: what is in them need not be copied.
  const decoded = fromCbor(batchCodec, encoded, LIMITS.batchBytes, 'batch', { shares: true })
  if (decoded.transactions.length === 0) refuse('batch.transactions', 'empty')
  const keys = unionOfKeys(decoded.transactions)
  if (keys.includes(EPOCH_KEY) && decoded.transactions.length > 1) refuse('batch.transactions', 'a change of the signers beside others')
  if (!fitsBatch(keys)) refuse('batch.transactions', `more than ${LIMITS.keysPerBatch} dependency keys, or ${LIMITS.keyBytesPerBatch} bytes of them`)
  return { ...decoded, ...idsOf(clusterId, encoded), keys, bytes: encoded }
}

/** The heads of a batch's and a transaction's content, which is what is encoded without the signature. */
const BATCH_HEAD = headOf(batchContent)
const TRANSACTION_HEAD = headOf(content)

function headOf(fields: object): Uint8Array {
  return Uint8Array.of(0xa0 + Object.keys(fields).length)
}

/** The ids of a well-formed batch and of its transactions, from its bytes as they are: the signature stands last in a transaction, and before the transactions in a batch. */
function idsOf(clusterId: Id, encoded: Uint8Array): Pick<Batch, 'id' | 'txIds'> {
  const reader = new CborReader(encoded)
  const txIds: Id[] = []
  reader.map()
  const first = reader.at
  reader.skip(2 * (Object.keys(batchContent).length - 1))
  const signature = reader.at
  reader.skip(2)
  const transactions = reader.at
  reader.skip(1)
  for (let left = reader.list(); left > 0; left--) {
    reader.map()
    const { at } = reader
    reader.skip(2 * Object.keys(content).length)
    txIds.push(statementId(TRANSACTION_TAG, clusterId, TRANSACTION_HEAD, encoded.subarray(at, reader.at)))
    reader.skip(2)
  }
  const id = statementId('musig/v1/batch', clusterId, BATCH_HEAD, encoded.subarray(first, signature), encoded.subarray(transactions))
  return { id, txIds }
}

/** A batch inside something else: its encoding as a byte string. */
export function encodedBatchCodec(clusterId: Id): Codec<Batch> {
  return mapped(
    bytes({ max: LIMITS.batchBytes }),
    (encoded) => decodeBatch(clusterId, encoded),
    (batch) => batch.bytes,
  )
}

/** Whether the batch's signature is its initiator's. The id is the digest of the content: that is how batches are made and read. */
export function isSignedBatch(ed25519: Ed25519, linkKey: Uint8Array, batch: Batch): boolean {
  return ed25519.verify(linkKey, fromHex(batch.id), batch.signature)
}

function unionOfKeys(transactions: readonly Transaction[]): string[] {
  return [...new Set(transactions.flatMap((transaction) => transaction.deps))].sort(compareText)
}

/** Whether a batch may have these keys: a view of it must fit its limit. */
export function fitsBatch(keys: Iterable<string>): boolean {
  let count = 0
  let bytes = 0
  for (const k of keys) {
    count++
    bytes += utf8Length(k)
  }
  return count <= LIMITS.keysPerBatch && bytes <= LIMITS.keyBytesPerBatch
}

/** Whether two sorted lists of keys share one, or one of them is a change's: the batches conflict (§3, §24). */
export function shareKey(a: readonly string[], b: readonly string[]): boolean {
  if (isChange(a) || isChange(b)) return true
  const keys = new Set(a)
  return b.some((k) => keys.has(k))
}

/** Puts what a person typed into the form that is signed: keys in NFC, sorted, unique. */
export function normalizeKeys(keys: readonly string[]): string[] {
  return [...new Set(keys.map((k) => k.normalize('NFC')))].sort(compareText)
}

/** How many bytes a transaction takes in a batch, about. */
export function sizeOf(transaction: Transaction): number {
  return transaction.payload.length + transaction.deps.reduce((sum, k) => sum + utf8Length(k) + 2, 0) + 160
}
