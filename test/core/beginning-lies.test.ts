/**
 * Lies about snapshots: a signer whose snapshot is asked for first, or that is asked what state it is in, says what is not so. The peer begins all the same, from
 * what is true, and suspects nobody else. N is 7: one may lie without the guard, three with it.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex, utf8 } from '../../src/lib/base/bytes.js'
import { statementDigest } from '../../src/lib/base/hash.js'
import { KeyLogs } from '../../src/lib/core/key-logs.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import type { Message, MessageOf } from '../../src/lib/core/message.js'
import { decodeEntry, encodeEntry, PastDigest, type PastEntry } from '../../src/lib/core/past.js'
import { framed } from '../../src/lib/core/snapshot-body.js'
import { type StateStatement, stateDigest } from '../../src/lib/core/statement.js'
import type { Transaction } from '../../src/lib/core/transaction.js'
import type { Position, Receipt } from '../../src/lib/machine/state-machine.js'
import { MixingMachine } from '../../src/lib/simulator/mixing-machine.js'
import { BeginningBeside, type BesideOptions } from './beginning-beside.js'
import { FAKE, SmallCluster } from './small-cluster.js'

const N = 7
const LIAR = 2
const OTHER = 'ab'.repeat(32)
const MINUTE_MS = 60_000

function withBatches(deltaMs = 0): SmallCluster {
  const cluster = new SmallCluster({ n: N, deltaMs })
  for (let i = 0; i < 8; i++) assert.ok(cluster.settle(cluster.propose(i % N, [`k${i % 3}`]).id))
  return cluster
}

type Says<T extends Message['type']> = (message: MessageOf<T>, cluster: SmallCluster) => Message | undefined

/** The liar bends messages of one type. */
function bending<T extends Message['type']>(
  cluster: SmallCluster,
  type: T,
  says: Says<T>,
  liars: readonly number[] = [LIAR],
): NonNullable<BesideOptions['bend']> {
  return (from, message) => (liars.includes(from) && message.type === type ? says(message as MessageOf<T>, cluster) : message)
}

/** What others say of their state is lost until the liars have spoken. */
function liarsFirst(
  liars: readonly number[],
  bend: NonNullable<BesideOptions['bend']> = (_, message) => message,
): NonNullable<BesideOptions['bend']> {
  const silent = new Set(liars)
  return (from, message) => {
    if (message.type === 'state') silent.delete(from)
    return message.type === 'state' && silent.size > 0 && !liars.includes(from) ? undefined : bend(from, message)
  }
}

/** A statement that the liar signs itself. */
function signed<M extends StateStatement>(cluster: SmallCluster, signer: number, message: M): M & { signature: Uint8Array } {
  const secret = cluster.keys[signer]?.link ?? new Uint8Array()
  return { ...message, signature: FAKE.ed25519.sign(secret, stateDigest(cluster.manifest, message)) }
}

function begins(cluster: SmallCluster, options: BesideOptions): BeginningBeside {
  const beside = new BeginningBeside(cluster, { first: LIAR, ...options })
  beside.run(20 * MINUTE_MS)
  assert.ok(beside.isOver, 'it has not begun')
  const { executor, learner } = beside.nextLife(cluster.executed[0] ?? [])
  const { orderDigest, machineDigest } = beside.digestsOf(0)
  assert.equal([learner.journal.logs.orderDigest, executor.machineDigest], [orderDigest, machineDigest])
  for (const { batch } of cluster.executed[0] ?? []) assert.ok(learner.journal.isExecuted(batch.id))
  return beside
}

/** The receipts of all that the peer began with are those of signer 0. */
function hasReceipts(beside: BeginningBeside): void {
  const { executor } = beside.nextLife()
  let count = 0
  for (const txId of executor.beginningWith('')) {
    assert.equal(executor.outcome(txId)?.receipt, beside.outcomeAt(0, txId)?.receipt)
    count++
  }
  assert.ok(count > 0)
}

/** Where the liar alone is suspected, of something like this. */
function suspects(beside: BeginningBeside, words: RegExp, signers: readonly number[] = [LIAR]): void {
  assert.ok(beside.suspected.length > 0, 'nobody is suspected')
  for (const { signer, reason } of beside.suspected) {
    assert.ok(signers.includes(signer), `signer ${signer}: ${reason}`)
    assert.match(reason, words)
  }
}

/** The snapshot of the liar with another body, whatever it announces. */
function withBody(
  cluster: SmallCluster,
  change: (entries: PastEntry[]) => { entries: PastEntry[]; machine?: Uint8Array; rest?: Uint8Array },
  restate = false,
) {
  let body: Uint8Array = new Uint8Array()
  let announced: MessageOf<'snapshot'> | undefined
  let honest: Uint8Array | undefined
  const remake = (offer: MessageOf<'snapshot'>, bytes: Uint8Array): MessageOf<'snapshot'> => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const entries: PastEntry[] = []
    for (let at = 0; at < offer.pastBytes; ) {
      const end = at + 4 + view.getUint32(at)
      entries.push(decodeEntry(bytes.slice(at + 4, end)))
      at = end
    }
    const changed = change(entries)
    const encoded = changed.entries.map(encodeEntry)
    const machine = changed.machine ?? bytes.slice(offer.pastBytes)
    const past = [...encoded.map(framed), changed.rest ?? new Uint8Array()]
    body = Uint8Array.from([...past.flatMap((entry) => [...entry]), ...machine])
    const digest = new PastDigest(cluster.manifest.clusterId)
    for (const entry of encoded) digest.add(entry)
    const sizes = { pastBytes: past.reduce((sum, { length }) => sum + length, 0), machineBytes: machine.length }
    const logs = new KeyLogs(cluster.manifest.clusterId)
    for (const entry of changed.entries) if (entry.type === 'batch') logs.append(entry.id, entry.keys)
    return restate
      ? signed(cluster, LIAR, { ...offer, ...sizes, pastDigest: digest.digest(), orderDigest: logs.orderDigest })
      : { ...offer, ...sizes }
  }
  /** The true body, asked of the liar beforehand. */
  return (beside: BeginningBeside): NonNullable<BesideOptions['bend']> => {
    honest = beside.heard.flatMap(({ message }) => (message.type === 'part' ? [message.bytes] : []))[0]
    return (from, message) => {
      if (from !== LIAR) return message
      if (message.type === 'snapshot') announced = remake(message, honest ?? new Uint8Array())
      if (message.type === 'snapshot') return announced
      if (message.type !== 'part' || !announced) return message
      return { ...message, snapshot: toHex(stateDigest(cluster.manifest, announced)), bytes: body.slice(message.at, message.at + LIMITS.partBytes) }
    }
  }
}

/** Lets the peer begin once truly, to learn what the liar would say, and then with the lie. */
function lyingBody(cluster: SmallCluster, change: Parameters<typeof withBody>[1], restate = false): BeginningBeside {
  const honest = new BeginningBeside(cluster, { first: LIAR })
  honest.run(MINUTE_MS)
  return begins(cluster, { bend: withBody(cluster, change, restate)(honest) })
}

test('a statement that somebody else signed, is of another cluster, or of nobody', () => {
  const cluster = withBatches()
  const foreign: Says<'snapshot'>[] = [
    (message) => signed(cluster, 3, message),
    (message) => ({ ...message, signature: new Uint8Array(64) }),
    (message) => ({ ...message, machineDigest: OTHER }),
    (message) => ({ ...message, executed: message.executed + 1 }),
    (message) => {
      const digest = stateDigest({ ...cluster.manifest, clusterId: OTHER }, message)
      return { ...message, signature: FAKE.ed25519.sign(cluster.keys[LIAR]?.link ?? new Uint8Array(), digest) }
    },
    (message) => {
      const digest = stateDigest({ ...cluster.manifest, epoch: 1 }, message)
      return { ...message, signature: FAKE.ed25519.sign(cluster.keys[LIAR]?.link ?? new Uint8Array(), digest) }
    },
    (message) => {
      const digest = statementDigest('musig/v1/vote', cluster.manifest.clusterId, utf8(''))
      return { ...message, signature: FAKE.ed25519.sign(cluster.keys[LIAR]?.link ?? new Uint8Array(), digest) }
    },
  ]
  for (const says of foreign) suspects(begins(cluster, { bend: bending(cluster, 'snapshot', says) }), /a snapshot that it did not sign/)
})

test('what was said of its state by another signer does not count for it', () => {
  const cluster = withBatches()
  const bend = bending(cluster, 'state', (message) => signed(cluster, 4, message))
  const beside = begins(cluster, { first: 0, linked: [0, LIAR, 4], bend: liarsFirst([LIAR], bend) })
  suspects(beside, /a statement of its state that it did not sign/)
})

test('digests that its own snapshot does not give: of the state, the past, the order', () => {
  const cluster = withBatches()
  for (const [field, words] of [
    ['machineDigest', /a state with another digest/],
    ['pastDigest', /another past than its digest says/],
    ['orderDigest', /another order than its digest says/],
  ] as const) {
    // The parts are named by the statement: the liar keeps the name of the true one in mind.
    let name = ''
    const bend: BesideOptions['bend'] = (from, message) => {
      if (from !== LIAR || (message.type !== 'snapshot' && message.type !== 'part')) return message
      if (message.type === 'part') return { ...message, snapshot: name }
      const lie = signed(cluster, LIAR, { ...message, [field]: OTHER })
      name = toHex(stateDigest(cluster.manifest, lie))
      return lie
    }
    suspects(begins(cluster, { bend: honestParts(cluster, bend) }), words)
  }
})

/** Parts of a snapshot that nobody has under this name are answered with those of the true one. */
function honestParts(cluster: SmallCluster, bend: NonNullable<BesideOptions['bend']>): NonNullable<BesideOptions['bend']> {
  const honest = new BeginningBeside(cluster, { first: LIAR })
  honest.run(MINUTE_MS)
  const body = honest.heard.flatMap(({ message }) => (message.type === 'part' ? [message.bytes] : []))[0] ?? new Uint8Array()
  return (from, message) => {
    const bent = bend(from, message)
    return from === LIAR && bent?.type === 'part' ? { ...bent, bytes: body } : bent
  }
}

test('another body than the statement is about: state, receipts, keys, order, one batch less, one more, one twice', () => {
  const cluster = withBatches()
  const isBatch = (entry: PastEntry): entry is PastEntry & { type: 'batch' } => entry.type === 'batch'
  const change = (place: number, to: (entry: PastEntry & { type: 'batch' }) => PastEntry) => (entries: PastEntry[]) => ({
    entries: entries.map((entry, i) => (i === place && isBatch(entry) ? to(entry) : entry)),
  })
  const lies: [Parameters<typeof withBody>[1], RegExp][] = [
    [(entries) => ({ entries, machine: utf8('[]') }), /a state with another digest/],
    [(entries) => ({ entries, machine: utf8('no state') }), /the state machine cannot read it/],
    [
      change(2, (entry) => ({ ...entry, transactions: entry.transactions.map((one) => ({ ...one, receipt: '{"ok":true,"result":9}' })) })),
      /another past/,
    ],
    [change(2, (entry) => ({ ...entry, transactions: entry.transactions.map((one) => ({ ...one, txId: OTHER })) })), /another past/],
    [change(2, (entry) => ({ ...entry, keys: ['k9'] })), /another past/],
    [change(2, (entry) => ({ ...entry, isFast: true })), /a batch with a path/],
    [(entries) => ({ entries: [...entries.slice(3), ...entries.slice(0, 3)] }), /another order/],
    [(entries) => ({ entries: entries.slice(1) }), /7 batches, not 8/],
    [
      (entries) => ({ entries: [...entries, { type: 'batch', id: OTHER, initiator: 0, isFast: null, keys: [], transactions: [] }] }),
      /more than 8 batches/,
    ],
    [(entries) => ({ entries: [...entries.slice(1), entries[1] as PastEntry] }), /twice/],
    [(entries) => ({ entries: [...entries, { type: 'keyless', txId: OTHER, place: null, receipt: '{}' }] }), /another past/],
    [(entries) => ({ entries: [...entries, { type: 'keyless', txId: OTHER, place: { batchId: OTHER, index: 0 }, receipt: '{}' }] }), /has a place/],
    [(entries) => ({ entries, rest: new Uint8Array(2) }), /ends within an entry/],
  ]
  for (const [lie, words] of lies) suspects(lyingBody(cluster, lie), words)
})

const untrue: Record<string, Parameters<typeof withBody>[1]> = {
  'receipts that nobody gave': (entries) => ({
    entries: entries.map((entry) =>
      entry.type === 'batch'
        ? { ...entry, transactions: entry.transactions.map((one) => ({ ...one, receipt: '{"ok":false,"reason":"no"}' })) }
        : entry,
    ),
  }),
  'an order that nobody has, to the same end': (entries) => ({ entries: [...entries].reverse() }),
}

for (const [what, lie] of Object.entries(untrue)) {
  test(`a snapshot that is in itself as it should be, and untrue: ${what}`, () => {
    const beside = lyingBody(withBatches(), lie, true)
    suspects(beside, /signers \d, \d are in another state/)
    hasReceipts(beside)
  })
}

/** Comes to a state of its own; its receipts are those of others. */
class CrookedMachine extends MixingMachine {
  override apply(transaction: Transaction, position: Position): Receipt {
    return super.apply(transaction, { ...position, txId: OTHER })
  }
}

for (const [deltaMs, liars] of [
  [0, [LIAR]],
  [50, [1, LIAR, 3]],
] as const) {
  const machineOf = (signer: number) => ((liars as readonly number[]).includes(signer) ? new CrookedMachine() : new MixingMachine())

  test(`as many as may lie have another state, and agree about it, with Δ ${deltaMs}`, () => {
    const cluster = withBatches(deltaMs)
    const beside = begins(cluster, { machineOf })
    suspects(beside, /another state/, liars)
    hasReceipts(beside)
  })

  test(`as many as may lie contradict a true snapshot, with Δ ${deltaMs}`, () => {
    const cluster = withBatches(deltaMs)
    const beside = begins(cluster, { machineOf, first: 0, bend: liarsFirst(liars) })
    suspects(beside, /another state than \d signers are in/, liars)
  })
}

test('more than may lie are believed: that is what the bound is for', () => {
  const cluster = withBatches()
  const beside = new BeginningBeside(cluster, {
    first: LIAR,
    linked: [LIAR, 3],
    machineOf: (signer) => (signer === LIAR || signer === 3 ? new CrookedMachine() : new MixingMachine()),
  })
  beside.run(MINUTE_MS)
  assert.ok(beside.isOver)
  assert.not.equal(beside.nextLife().executor.machineDigest, beside.digestsOf(0).machineDigest)
})

test('one that announces too much, sends too little or too much, or nothing more', () => {
  const cluster = withBatches()
  const tooLong = bending(cluster, 'snapshot', (message) => ({ ...message, machineBytes: LIMITS.snapshotBytes }))
  suspects(begins(cluster, { bend: tooLong }), /more than 1073741824 bytes/)
  for (const bytes of [new Uint8Array(1), new Uint8Array(LIMITS.partBytes)])
    suspects(begins(cluster, { bend: bending(cluster, 'part', (message) => ({ ...message, bytes })) }), /a part of \d+ bytes/)
  const longer = bending(cluster, 'snapshot', (message) => ({ ...message, machineBytes: message.machineBytes + 5 * LIMITS.partBytes }))
  suspects(begins(cluster, { bend: longer }), /a part of \d+ bytes/)
  const entryTooLong = bending(cluster, 'part', (message) => ({ ...message, bytes: new Uint8Array(message.bytes.length).fill(255) }))
  suspects(begins(cluster, { bend: entryTooLong }), /an entry of 4294967295 bytes/)
  for (const type of ['snapshot', 'part'] as const) assert.equal(begins(cluster, { bend: bending(cluster, type, () => undefined) }).suspected, [])
  const empty = bending(cluster, 'part', (message) => ({ ...message, bytes: new Uint8Array() }))
  assert.equal(begins(cluster, { bend: empty }).suspected, [])
})

/** A cluster whose signers have gone on since the peer has its snapshot. */
function goneOn(
  bend: (cluster: SmallCluster, told: number) => NonNullable<BesideOptions['bend']>,
  goOn: (cluster: SmallCluster) => void,
): BeginningBeside {
  const cluster = withBatches()
  const told = cluster.executed[0]?.length ?? 0
  // No word about states before it is so.
  const mute = { isMute: true }
  const bent = bend(cluster, told)
  const beside = new BeginningBeside(cluster, {
    first: 0,
    linked: [0, LIAR, 4],
    bend: (from, message) => (mute.isMute && message.type === 'state' ? undefined : bent(from, message)),
    lateMs: (signer) => (signer === LIAR ? 0 : 200),
  })
  beside.run(5000)
  mute.isMute = false
  goOn(cluster)
  beside.run(20 * MINUTE_MS, () => {
    if (Math.floor(cluster.now / 1000) > told && cluster.now % 1000 < 5) goOn(cluster)
  })
  return beside
}

test('one that is always the first to say that it has executed what is new, and what does not exist', () => {
  const lie = (cluster: SmallCluster) =>
    bending(cluster, 'state', (message) => signed(cluster, LIAR, { ...message, executed: message.executed + 1, ids: [...message.ids, OTHER] }))
  const beside = goneOn(lie, (cluster) => cluster.submit(1, cluster.transaction(['k1'])))
  assert.ok(beside.isOver)
  assert.equal(beside.suspected, [])
})

test('one that is behind has no other state: it is asked again until it is level', () => {
  const cluster = withBatches()
  for (let other = 0; other < N; other++) if (other !== 4) cluster.cut(4, other)
  cluster.propose(0, ['k0'])
  cluster.run(2000)
  const beside = new BeginningBeside(cluster, { first: 0, linked: [0, 4] })
  beside.run(MINUTE_MS)
  assert.not(beside.isOver)
  assert.equal(beside.suspected, [])
  for (let other = 0; other < N; other++) if (other !== 4) cluster.join(4, other)
  beside.run(MINUTE_MS)
  assert.ok(beside.isOver)
  assert.equal(beside.suspected, [])
})

test('one that says it is at a point that leaves out what stands before', () => {
  const lie = (cluster: SmallCluster, told: number) =>
    bending(cluster, 'state', (message) =>
      message.executed < told + 2
        ? undefined
        : signed(cluster, LIAR, { ...message, executed: message.executed - 1, ids: message.ids.filter((_, i) => i !== told) }),
    )
  const beside = goneOn(lie, (cluster) => {
    for (let i = 0; i < 2; i++) assert.ok(cluster.settle(cluster.propose(1, ['k1']).id))
  })
  assert.ok(beside.isOver)
  suspects(beside, /another state than/)
  assert.is(beside.asked.filter(({ message }) => message.type === 'snapshot-request').length, 1)
})

test('what a signer says of its state without having been asked is not read', () => {
  const cluster = withBatches(50)
  const beside = new BeginningBeside(cluster, { first: LIAR, linked: [LIAR, 3] })
  beside.run(MINUTE_MS)
  const { phase, confirmed, needed } = beside.beginning.progress
  assert.equal([phase, confirmed, needed], ['rehearsing', 2, 4])
  const answer = beside.heard.find(({ from, message }) => from === 3 && message.type === 'state')
  assert.ok(answer?.message.type === 'state')
  const message = { ...answer.message, signature: new Uint8Array(64) }
  assert.equal(beside.beginning.step({ type: 'message', now: cluster.now, from: 3, message }), [])
})

test('who was not asked can put in no snapshot and no part: the one that was is not refused for it', () => {
  const cluster = withBatches()
  const offers: MessageOf<'snapshot'>[] = []
  const beside = new BeginningBeside(cluster, {
    first: 3,
    bend: (_, message) => {
      if (message.type === 'snapshot') offers.push(message)
      return message.type === 'part' ? undefined : message
    },
  })
  const runUntil = (phase: string) => {
    for (let i = 0; i < 1000 && beside.beginning.progress.phase !== phase; i++) beside.run(5)
    assert.is(beside.beginning.progress.phase, phase)
  }
  const says = (message: Message) => beside.beginning.step({ type: 'message', now: cluster.now, from: LIAR, message })
  runUntil('asking')
  const statement = { executed: 0, orderDigest: OTHER, machineDigest: OTHER, pastDigest: OTHER }
  assert.equal(says({ type: 'snapshot', ...signed(cluster, LIAR, statement), pastBytes: 1, machineBytes: 1 }), [])
  assert.is(beside.beginning.progress.signer, 3)
  runUntil('fetching')
  const [offer] = offers
  assert.ok(offer)
  assert.equal(says({ type: 'part', snapshot: toHex(stateDigest(cluster.manifest, offer)), at: 0, bytes: new Uint8Array(1) }), [])
  assert.equal([beside.beginning.progress.signer, beside.beginning.progress.phase], [3, 'fetching'])
})

test.run()
