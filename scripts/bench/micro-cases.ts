/** What the micro benchmarks measure: the work that a signer does for each batch, vote and transaction, alone in a process. */
import { createHash } from 'node:crypto'
import { bitmapOf, emptyBitmap } from '../../src/lib/base/bitmap.js'
import type { Id } from '../../src/lib/base/bytes.js'
import { toCbor } from '../../src/lib/base/codec.js'
import { sha256 } from '../../src/lib/base/hash.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { BENCH_DEFAULTS } from '../../src/lib/bench/settings.js'
import { Traffic } from '../../src/lib/bench/traffic.js'
import type { Crypto } from '../../src/lib/bls/backend.js'
import { KeyLogs } from '../../src/lib/core/key-logs.js'
import { decodeMessage, encodeMessage, type Message, messageCodec } from '../../src/lib/core/message.js'
import { type DecidedBatch, orderOf, rankedOrder } from '../../src/lib/core/order.js'
import { tallyOf } from '../../src/lib/core/tally.js'
import { decodeBatch, makeBatch, transactionCodec, transactionId } from '../../src/lib/core/transaction.js'
import { type TreeParameters, treeOf } from '../../src/lib/core/tree.js'
import { batchCases } from './batch-cases.js'

type Work = (run: number) => unknown

/** One benchmark. `make` prepares it; its floor is what no such work can do without. */
export interface MicroCase {
  group: string
  name: string
  /** Of how many things a run is the work, where the time of one of them is told. */
  of?: number
  make(): { work: Work; floor?: { name: string; work: Work } }
}

const CLUSTER_ID = 'ab'.repeat(32)
const KEYS = ['a', 'b', 'c', 'd']
const idOf = (name: string): Id => createHash('sha256').update(name).digest('hex')
const digestOf = (name: string): Uint8Array => Uint8Array.from(createHash('sha256').update(name).digest())
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
/** SHA-256 by the platform, of the bytes that the work reads or writes. */
const hashing = (bytes: Uint8Array) => ({ name: `SHA-256 of its ${bytes.length} bytes`, work: () => createHash('sha256').update(bytes).digest() })

/** All of them. Random data has a seed of its own for each, so that every run measures the same. */
export function microCases(crypto: Crypto): MicroCase[] {
  return [
    ...[7, 31, 127].map(tallyCase),
    ...orderCases(),
    ...codecCases(),
    ...batchCases(),
    ...[31, 1023].map(treeCase),
    ...signatureCases(crypto),
    ...hashCases(),
  ]
}

/** Every vote has a view of its own: of four keys on which up to 8 of 16 batches are above the base, and 8 of 12 pending ones. */
function tallyCase(n: number): MicroCase {
  return {
    group: 'tally',
    name: `n = ${n}, every view another one`,
    make() {
      const random = new SeededRandom(`tally ${n}`)
      const history = new KeyLogs(CLUSTER_ID)
      for (let i = 0; i < 16; i++) history.append(idOf(`executed ${i}`), KEYS)
      const pending = numbers(12).map((i) => idOf(`pending ${i}`))
      const views = numbers(n).map(() => ({
        view: {
          heights: new Map(KEYS.map((key) => [key, 8 + random.upTo(8)])),
          pending: pending.filter(() => random.fraction() < 2 / 3).sort(),
        },
        count: 1,
      }))
      return { work: () => tallyOf(KEYS, views, history) }
    },
  }
}

/** Eight batches that all name one another, with votes for and against; `before` goes before all of them. */
function component(name: string, before: readonly Id[] = []): DecidedBatch[] {
  const random = new SeededRandom(name)
  const ids = numbers(8).map((i) => idOf(`${name} ${i}`))
  return ids.map((id) => {
    const others = ids.filter((other) => other !== id)
    const inc = new Map([...others.map((other): [Id, number] => [other, 1 + random.upTo(6)]), ...before.map((one): [Id, number] => [one, 7])])
    return { id, keys: ['k'], predecessors: [...others, ...before], tallies: { m: 7, inc } }
  })
}

function orderCases(): MicroCase[] {
  return [
    {
      group: 'order',
      name: 'ranked pairs in a component of 8',
      make() {
        const members = component('ranked')
        return { work: () => rankedOrder(members) }
      },
    },
    {
      group: 'order',
      name: 'derive the order of 64, 8 components of 8',
      make() {
        const all: DecidedBatch[] = []
        for (let i = 0; i < 8; i++)
          all.push(
            ...component(
              `derived ${i}`,
              all.slice(-8).map(({ id }) => id),
            ),
          )
        const batches = new Map(all.map((batch) => [batch.id, batch]))
        return { work: () => orderOf(batches) }
      },
    },
  ]
}

function codecCases(): MicroCase[] {
  const traffic = () => new Traffic({ clusterId: CLUSTER_ID, machine: 'ledger' }, { ...BENCH_DEFAULTS, entries: 1, seed: 'micro' })
  // Signing has its own row.
  const unsigned = { publicKey: () => new Uint8Array(32), sign: () => new Uint8Array(64), verify: () => true }
  const content = () => ({ epoch: 0, initiator: 3, sequence: 7, time: 1_700_000_000, transactions: numbers(100).map(() => made.next()) })
  const made = traffic()
  const batchOf = (body: ReturnType<typeof content>) => makeBatch(unsigned, CLUSTER_ID, new Uint8Array(32), body)
  const codec = messageCodec(CLUSTER_ID)
  return [
    {
      group: 'codec',
      name: 'encode a batch of 100 transfers, with its id',
      make() {
        const body = content()
        return { work: () => batchOf(body), floor: hashing(batchOf(body).bytes) }
      },
    },
    {
      group: 'codec',
      name: 'decode it, with its id',
      make() {
        const { bytes } = batchOf(content())
        return { work: () => decodeBatch(CLUSTER_ID, bytes), floor: hashing(bytes) }
      },
    },
    {
      group: 'codec',
      name: 'encode a vote of 15 signers',
      make: () => ({ work: () => encodeMessage(codec, VOTE), floor: hashing(encodeMessage(codec, VOTE)) }),
    },
    {
      group: 'codec',
      name: 'decode it',
      make() {
        const frame = encodeMessage(codec, VOTE)
        return { work: () => decodeMessage(codec, frame), floor: hashing(frame) }
      },
    },
    {
      group: 'codec',
      name: 'the id of a transfer',
      make() {
        const transfer = made.next()
        // Of a copy: the id of a transaction is worked out once.
        return { work: () => transactionId(CLUSTER_ID, { ...transfer }), floor: hashing(toCbor(transactionCodec, transfer)) }
      },
    },
  ]
}

const VOTE: Message = {
  type: 'vote',
  batchId: idOf('voted'),
  votes: {
    entries: [
      {
        view: {
          heights: new Map(KEYS.map((key, i) => [key, i + 1])),
          pending: numbers(4)
            .map((i) => idOf(`open ${i}`))
            .sort(),
        },
        signers: bitmapOf(31, numbers(15)),
      },
    ],
    signature: new Uint8Array(96).fill(1),
  },
  postponed: emptyBitmap(31),
}

function treeCase(n: number): MicroCase {
  return {
    group: 'tree',
    name: `n = ${n}, fanout 2`,
    make() {
      const parameters: TreeParameters = {
        clusterId: CLUSTER_ID,
        n,
        tree: { strategy: 'random', fanout: 2 },
        signers: numbers(n).map(() => ({ region: '' })),
      }
      // More than are kept: each is made anew.
      const ids = numbers(512).map((i) => idOf(`tree ${i}`))
      return { work: (run) => treeOf(ids[run % ids.length] ?? '', run % n, parameters) }
    },
  }
}

/** 31 signers, of whom each has signed one of so many messages. */
function signatureCases({ bls, ed25519 }: Crypto): MicroCase[] {
  const secretKeys = numbers(31).map((i) => Uint8Array.from([1, ...digestOf(`signer ${i}`).subarray(1)]))
  const signed = (messages: number) => {
    const publicKeys = secretKeys.map((key) => bls.publicKey(key))
    const texts = numbers(messages).map((i) => digestOf(`message ${i}`))
    const signatures = secretKeys.map((key, i) => bls.sign(key, texts[i % messages] ?? new Uint8Array(32)))
    const parts = texts.map((message, i) => ({ message, publicKeys: publicKeys.filter((_, signer) => signer % messages === i) }))
    return { parts, signature: bls.aggregate(signatures) ?? new Uint8Array(96) }
  }
  const verifying = (messages: number): Work => {
    const { parts, signature } = signed(messages)
    if (!bls.verify(parts, signature)) throw new Error('the signature that is to be measured is wrong')
    return () => bls.verify(parts, signature)
  }
  const [seed, text] = [digestOf('client'), digestOf('text')]
  return [
    {
      group: bls.name,
      name: 'sign',
      make: () => ({ work: () => bls.sign(secretKeys[0] ?? new Uint8Array(32), text) }),
    },
    ...[1, 2, 8, 31].map((messages) => ({
      group: bls.name,
      name: `verify 31 signers, ${messages} ${messages === 1 ? 'message' : 'messages'}`,
      make: () => ({ work: verifying(messages), ...(messages > 1 && { floor: { name: 'one message', work: verifying(1) } }) }),
    })),
    {
      group: 'ed25519',
      name: 'verify',
      make() {
        const [publicKey, signature] = [ed25519.publicKey(seed), ed25519.sign(seed, text)]
        return { work: () => ed25519.verify(publicKey, text, signature) }
      },
    },
  ]
}

function hashCases(): MicroCase[] {
  return [64, 1024, 65_536].map((length) => ({
    group: 'SHA-256',
    name: `${length} bytes`,
    make() {
      const bytes = new Uint8Array(length).fill(7)
      return { work: () => sha256(bytes) }
    },
  }))
}
