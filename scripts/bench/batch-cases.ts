/**
 * The path of a batch through a signer and its client, step by step: what each step costs for one transaction, where 250 of 128 bytes travel together. Every
 * signer goes through the rows from “decode PROPOSE” to “apply”; those before, and the answer, are the work of the batch's initiator and of its client.
 */
import pino from 'pino'
import { bitmapOf } from '../../src/lib/base/bitmap.js'
import type { Id } from '../../src/lib/base/bytes.js'
import { fromCbor, toCbor } from '../../src/lib/base/codec.js'
import { BENCH_DEFAULTS } from '../../src/lib/bench/settings.js'
import { Traffic } from '../../src/lib/bench/traffic.js'
import type { Crypto } from '../../src/lib/bls/backend.js'
import { fake, fakeEd25519 } from '../../src/lib/bls/fake.js'
import { Journal } from '../../src/lib/core/journal.js'
import { KeyLogs } from '../../src/lib/core/key-logs.js'
import { decodeMessage, encodeMessage, messageCodec } from '../../src/lib/core/message.js'
import { Moments } from '../../src/lib/core/moments.js'
import { encodeRecord, recordCodec } from '../../src/lib/core/record.js'
import type { ExecutedBatch } from '../../src/lib/core/steppable.js'
import {
  type Batch,
  decodeBatch,
  makeBatch,
  type Transaction,
  transactionFault,
  transactionId,
  transactionsCodec,
} from '../../src/lib/core/transaction.js'
import { emptyView, encodedAt, freezeView } from '../../src/lib/core/view.js'
import { machineByName } from '../../src/lib/machine/machines.js'
import { type OfBatch, type Subject, transactionAnswer } from '../../src/lib/node/answers.js'
import { applyBatch } from '../../src/lib/node/apply-batch.js'
import { Executor } from '../../src/lib/node/executor.js'
import { MachineWatch } from '../../src/lib/node/machine-watch.js'
import { Metrics } from '../../src/lib/node/metrics.js'
import { extended } from '../../src/lib/node/store-chain.js'
import { signersOf } from '../../src/lib/simulator/signers.js'
import type { MicroCase } from './micro-cases.js'

const SIZE = 250
const FAKE: Crypto = { bls: fake, ed25519: fakeEd25519 }
const { manifest } = signersOf(FAKE, { n: 4, tolerance: '1/2', deltaMs: 0, fanout: 2, regions: [], timing: {} })
const CLUSTER_ID: Id = manifest.clusterId

/** Cases of one piece of work on all transactions of a batch, whose time is told for one of them. */
export function batchCases(): MicroCase[] {
  const step = (name: string, make: () => (run: number) => unknown): MicroCase => ({
    group: 'batch path',
    name,
    of: SIZE,
    make: () => ({ work: make() }),
  })
  const messages = messageCodec(CLUSTER_ID)
  const records = recordCodec(CLUSTER_ID)
  return [
    step('client: make them', () => {
      const made = traffic('made')
      return () => Array.from({ length: SIZE }, () => made.next())
    }),
    step('client: write the request', () => {
      const given = transactions()
      return () => toCbor(transactionsCodec, given)
    }),
    step('read the request', () => {
      const sent = toCbor(transactionsCodec, transactions())
      return () => fromCbor(transactionsCodec, sent, sent.length)
    }),
    step('ids', () => {
      const given = transactions()
      return () => given.map((transaction) => transactionId(CLUSTER_ID, { ...transaction }))
    }),
    step('make the batch', () => {
      const given = transactions()
      return (run) => batchOf(given, run)
    }),
    step('encode PROPOSE', () => {
      const [batch] = batches(1) as [Batch]
      return () => encodeMessage(messages, { type: 'propose', batch, reference: emptyView() })
    }),
    step('decode PROPOSE', () => {
      const [batch] = batches(1) as [Batch]
      const frame = encodeMessage(messages, { type: 'propose', batch, reference: emptyView() })
      return () => decodeMessage(messages, frame)
    }),
    step('decode the batch in it, with all ids', () => {
      const [batch] = batches(1) as [Batch]
      return () => decodeBatch(CLUSTER_ID, batch.bytes)
    }),
    step('signature and check', () => {
      const [batch] = batches(1) as [Batch]
      return () => batch.transactions.map((transaction) => transactionFault(fakeEd25519, CLUSTER_ID, transaction))
    }),
    step('view', () => {
      const [batch] = batches(1) as [Batch]
      const logs = new KeyLogs(CLUSTER_ID)
      return () => {
        const frozen = freezeView(batch.keys, [], logs)
        return encodedAt(frozen, batch.keys, frozen.heights, logs)
      }
    }),
    step('record and its chain', () => {
      const [batch] = batches(1) as [Batch]
      const head = { count: 0, chain: new Uint8Array(32) }
      return () => extended(new Uint8Array(), head, [encodeRecord(records, { type: 'batch', batch })])
    }),
    step('decide, into the key logs', () => {
      const given = batches(64)
      let journal = new Journal(manifest)
      return (run) => {
        if (run % given.length === 0) journal = new Journal(manifest)
        return executed(journal, given[run % given.length] as Batch)
      }
    }),
    step('apply', () => {
      const journal = new Journal(manifest)
      const given = batches(64).map((batch) => executed(journal, batch))
      let node = newNode()
      return (run) => {
        if (run % given.length === 0) node = newNode()
        node.executor.arrived((given[run % given.length] as ExecutedBatch).batch)
        applyBatch(node, given[run % given.length] as ExecutedBatch)
        return node.executor.executedTransactions
      }
    }),
    step('answer the request', () => {
      const answer = answering()
      return () => Buffer.from(answer())
    }),
    step('client: read the answer', () => {
      const sent = Buffer.from(answering()())
      return () => JSON.parse(sent.toString('utf8'))
    }),
  ]
}

function traffic(seed: string): Traffic {
  return new Traffic({ clusterId: CLUSTER_ID, machine: 'append' }, { ...BENCH_DEFAULTS, entries: 1, seed })
}

function transactions(seed = 'batch path'): Transaction[] {
  const made = traffic(seed)
  return Array.from({ length: SIZE }, () => made.next())
}

function batchOf(given: Transaction[], sequence: number): Batch {
  return makeBatch(fakeEd25519, CLUSTER_ID, new Uint8Array(32), { epoch: 0, initiator: 0, sequence, time: 1_700_000_000, transactions: given })
}

function batches(count: number): Batch[] {
  return Array.from({ length: count }, (_, i) => batchOf(transactions(`batch path ${i}`), i))
}

/** A batch decided in the fast phase: all have signed that nothing stands before it. */
function executed(journal: Journal, batch: Batch): ExecutedBatch {
  const votes = { entries: [{ view: emptyView(), signers: bitmapOf(4, [0, 1, 2, 3]) }], signature: new Uint8Array(96) }
  journal.apply({ type: 'batch', batch })
  const [first] = journal.apply({ type: 'certificate', certificate: { type: 'fast', epoch: 0, batchId: batch.id, votes } })
  if (!first) throw new Error('the batch that is to be measured is not executed')
  return first
}

function newNode() {
  const machine = Object.assign(machineByName('append'), { watch: new MachineWatch('append'), close: () => {} })
  const executor = new Executor(machine)
  return { executor, metrics: new Metrics('0', false), log: pino({ level: 'silent' }) }
}

/** What a signer does once all transactions of a request are executed: the text of its answer. */
function answering(): () => string {
  const [journal, node, moments] = [new Journal(manifest), newNode(), new Moments()]
  const [batch] = batches(1) as [Batch]
  const txIds = batch.transactions.map((transaction) => transactionId(CLUSTER_ID, transaction))
  for (const txId of txIds) node.executor.submitted(txId, 0)
  applyBatch(node, executed(journal, batch))
  const subject: Subject = { manifest, journal, executor: node.executor, moments, rounds: { get: () => undefined }, sinks: () => [] }
  return () => {
    const shared = new Map<Id, OfBatch>()
    return `${JSON.stringify({ results: txIds.map((txId) => transactionAnswer(subject, txId, shared)) })}\n`
  }
}
