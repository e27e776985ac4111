/**
 * Giving transactions to a cluster: makes them (nonce, owner's signature), sends one or many through the signers, and keeps what came of each. Which
 * operation a transaction holds is the caller's affair, waiting and turning to another signer the client's.
 */
import { randomBytes } from 'node:crypto'
import { type ErrorCode, MusigError } from '../base/errors.js'
import { signTransaction, type Transaction, transactionId } from '../core/transaction.js'
import type { TransactionResult } from '../node/answers.js'
import { nodeEd25519 } from '../node/ed25519.js'
import { isMachineFile } from '../node/machine-file.js'
import { clusterClientKey, namedClientKey } from './client-key.js'
import { type Connection, type Place, withCluster } from './connection.js'

/** What is to be sent: dependency keys and payload. */
export type Content = Pick<Transaction, 'deps' | 'payload'>

/** How it is sent. */
export interface Sending extends Place {
  /** The index of the signer to give it to. */
  to?: number | undefined
  /** The name of the client's key; the cluster's own one if absent. */
  as?: string | undefined
  wait: 'executed' | 'none'
  timeoutMs: number
  /** Gets the passphrase of an encrypted key. */
  ask: () => Promise<string>
}

/** What came of one of many: a result, or why there is none. */
export interface Sent {
  /** Its place in what was given, from 0. */
  index: number
  txId: string
  /** The signer it was given to first. */
  to: number
  result?: TransactionResult
  error?: { code: ErrorCode; message: string }
}

/** Transactions under way at the same time. */
const IN_FLIGHT = 256
const NONCE_BYTES = 16

/**
 * Sends one transaction; one that the signers reject is a result too. `machine`: the state machine that its operation is for. Errors: `BAD_INPUT` where
 * the cluster runs another one; `TIMED_OUT` and `NO_QUORUM` with the id to ask again; others of the client.
 */
export function submitOne(sending: Sending, content: Content, machine?: string): Promise<TransactionResult> {
  return withCluster(sending, async (connection) => {
    const { client, manifest } = connection
    if (machine !== undefined && !isMachineFile(manifest.machine) && manifest.machine !== machine)
      throw new MusigError('BAD_INPUT', `this cluster runs the ${manifest.machine} machine; this operation is one of the ${machine} machine`)
    const make = await maker(connection, sending)
    return submitted(connection, make(content), sending, client.submit.bind(client))
  })
}

/** Sends many at once, over all signers in turn unless `to` names one. `done` hears of each as it ends. Results in the order of what was given. */
export function submitMany(
  sending: Sending,
  contentsOf: (machine: string) => readonly Content[],
  done: (sent: Sent, total: number) => void,
): Promise<Sent[]> {
  return withCluster(sending, async (connection) => {
    const contents = contentsOf(connection.manifest.machine)
    const make = await maker(connection, sending)
    const { client, manifest } = connection
    const all: Sent[] = []
    let next = 0
    const work = async () => {
      while (next < contents.length) {
        const index = next++
        const content = contents[index]
        if (!content) return
        const transaction = make(content)
        const to = sending.to ?? index % manifest.n
        const sent: Sent = { index, txId: transactionId(manifest.clusterId, transaction), to }
        try {
          sent.result = await submitted(connection, transaction, { ...sending, to }, client.submit.bind(client))
        } catch (error) {
          if (!(error instanceof MusigError) || error.exitCode !== 3) throw error
          sent.error = { code: error.code, message: error.message }
        }
        all.push(sent)
        done(sent, contents.length)
      }
    }
    await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, contents.length) }, work))
    return all.sort((a, b) => a.index - b.index)
  })
}

/** Whether a transaction did, or may still do, what it was sent for. */
export function isAccepted({ status, receipt }: Pick<TransactionResult, 'status' | 'receipt'>): boolean {
  return status !== 'rejected' && receipt?.ok !== false
}

/** Makes transactions that nobody else can make: signed, with a nonce. */
async function maker({ folder, manifest }: Connection, { home, as, ask }: Sending): Promise<(content: Content) => Transaction> {
  const key = as === undefined ? await clusterClientKey(folder) : await namedClientKey(home, as, ask)
  return ({ deps, payload }) => {
    const bare: Transaction = { deps, payload, client: null, nonce: Uint8Array.from(randomBytes(NONCE_BYTES)), expiry: null, signature: null }
    return signTransaction(nodeEd25519, manifest.clusterId, key.secretKey, bare)
  }
}

async function submitted(
  { manifest }: Connection,
  transaction: Transaction,
  { to, wait, timeoutMs }: Pick<Sending, 'to' | 'wait' | 'timeoutMs'>,
  submit: Connection['client']['submit'],
): Promise<TransactionResult> {
  const txId = transactionId(manifest.clusterId, transaction)
  try {
    return await submit(transaction, { to, wait, timeoutMs })
  } catch (error) {
    if (!(error instanceof MusigError)) throw error
    if (error.code === 'REJECTED') return rejected(txId, error.message.replace(/^the transaction was rejected: /, ''))
    if (error.definite || error.message.includes(txId.slice(0, 12))) throw error
    throw new MusigError(error.code, `${error.message}; ask again with: musig tx show ${txId.slice(0, 12)}`, { cause: error })
  }
}

function rejected(txId: string, reason: string): TransactionResult {
  return {
    txId,
    batchId: null,
    position: {},
    index: null,
    status: 'rejected',
    path: null,
    ballot: null,
    score: null,
    votes: null,
    receipt: null,
    latencyMs: null,
    phases: {},
    reason,
  }
}
