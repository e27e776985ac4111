/** What a signer answers peers about snapshots, and what that may cost: few are kept and not for long, one statement serves many, pauses, parts. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import type { Message, MessageOf } from '../../src/lib/core/message.js'
import { SnapshotBody } from '../../src/lib/core/snapshot-body.js'
import { stateDigest } from '../../src/lib/core/statement.js'
import { Executor } from '../../src/lib/node/executor.js'
import { PeerSnapshots } from '../../src/lib/node/peer-snapshots.js'
import { MixingMachine } from '../../src/lib/simulator/mixing-machine.js'
import { FAKE, SmallCluster } from '../core/small-cluster.js'
import { loaded } from './loaded-machine.js'

const MINUTE_MS = 60_000
const [ALICE, BOB, CAROL] = [5, 6, 7]

/** Counts what is asked of it; its state takes as many bytes as it is told, beside those that it needs. */
class CountingMachine extends MixingMachine {
  snapshots = 0
  digests = 0
  padding = 0

  override snapshot(): Uint8Array {
    this.snapshots++
    return Uint8Array.from([...super.snapshot(), ...utf8(' '.repeat(this.padding))])
  }

  override digest(): Uint8Array {
    this.digests++
    return super.digest()
  }
}

/** Signer 0 of a small cluster, with its peers, in time that the test lets pass. */
class Serving {
  readonly cluster = new SmallCluster({ n: 5 })
  readonly machine = loaded(new CountingMachine())
  readonly executor = new Executor(this.machine)
  readonly sent: { peer: number; message: Message }[] = []
  readonly warnings: string[] = []
  readonly signer = { journal: this.journal, hasLostRecords: false, isComparing: false }
  readonly snapshots: PeerSnapshots
  now = 0
  #alarms: { at: number; work: () => void }[] = []

  constructor() {
    const { manifest, keys } = this.cluster
    this.snapshots = new PeerSnapshots({
      manifest,
      signer: this.signer,
      executor: this.executor,
      ed25519: FAKE.ed25519,
      linkSecretKey: keys[0]?.link ?? new Uint8Array(),
      send: (peer, message) => this.sent.push({ peer, message }),
      warn: (what) => this.warnings.push(what),
      later: (work, ms) => {
        const alarm = { at: this.now + ms, work }
        this.#alarms.push(alarm)
        return () => {
          this.#alarms = this.#alarms.filter((other) => other !== alarm)
        }
      },
      now: () => this.now,
    })
  }

  get journal() {
    const { journal } = this.cluster.signers[0] ?? {}
    if (!journal) throw new Error('it is down')
    return journal
  }

  execute(batches: number, keys = ['a']): void {
    for (let i = 0; i < batches; i++) assert.ok(this.cluster.settle(this.cluster.propose(i % 5, keys).id))
    for (const executed of (this.cluster.executed[0] ?? []).slice(this.executor.executedBatches)) this.executor.execute(executed)
  }

  pass(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const next = this.#alarms.sort((a, b) => a.at - b.at)[0]
      if (!next || next.at > end) break
      this.#alarms.shift()
      this.now = Math.max(this.now, next.at)
      next.work()
    }
    this.now = Math.max(this.now, end)
  }

  take<T extends Message['type']>(type: T): { peer: number; message: MessageOf<T> }[] {
    return this.sent.splice(0).flatMap(({ peer, message }) => (message.type === type ? [{ peer, message: message as MessageOf<T> }] : []))
  }

  /** Asks for a snapshot and returns what is offered. */
  offer(peer = ALICE): MessageOf<'snapshot'> {
    this.snapshots.asked(peer, { type: 'snapshot-request' })
    this.pass(1000)
    const [offer] = this.take('snapshot')
    assert.ok(offer)
    return offer.message
  }

  /** All parts of a snapshot, as a peer takes them; undefined if it is not kept. */
  fetch(offer: MessageOf<'snapshot'>): SnapshotBody | undefined {
    const { manifest } = this.cluster
    const snapshot = Buffer.from(stateDigest(manifest, offer)).toString('hex')
    const body = new SnapshotBody(manifest.clusterId, offer)
    while (!body.isWhole) {
      this.snapshots.asked(ALICE, { type: 'part-request', snapshot, at: body.at })
      const [part] = this.take('part')
      assert.ok(part)
      if (part.message.bytes.length === 0) return undefined
      body.take(part.message.bytes)
    }
    return body
  }
}

test('a statement is about what the state machine has applied, whatever the core has done since, and comes with the log', () => {
  const serving = new Serving()
  serving.execute(6)
  assert.ok(serving.cluster.settle(serving.cluster.propose(0, ['a']).id))
  serving.snapshots.asked(ALICE, { type: 'state-request', from: 2 })
  serving.pass(0)
  const [answer] = serving.take('state')
  assert.ok(answer)
  const { executed, machineDigest, orderDigest, from, ids, signature } = answer.message
  assert.equal([executed, from, ids], [6, 2, serving.journal.logs.executed.slice(2, 6)])
  assert.is(machineDigest, serving.executor.machineDigest)
  assert.is(orderDigest, serving.journal.logs.orderDigestAt(serving.executor.heights))
  assert.is.not(orderDigest, serving.journal.logs.orderDigest)
  const { linkKey } = serving.cluster.manifest.signers[0] ?? {}
  assert.ok(linkKey && FAKE.ed25519.verify(linkKey, stateDigest(serving.cluster.manifest, answer.message), signature))
})

test('one statement serves all who wait, and the next one comes after a pause', () => {
  const serving = new Serving()
  serving.execute(3)
  const { digests } = serving.machine
  for (const peer of [ALICE, BOB, CAROL, ALICE]) serving.snapshots.asked(peer, { type: 'state-request', from: 0 })
  serving.pass(0)
  assert.equal(
    serving.take('state').map(({ peer }) => peer),
    [ALICE, BOB, CAROL],
  )
  assert.is(serving.machine.digests, digests + 1)
  // Nothing was executed since: there is nothing to be done.
  serving.snapshots.asked(BOB, { type: 'state-request', from: 0 })
  serving.pass(0)
  assert.is(serving.take('state').length, 1)
  assert.is(serving.machine.digests, digests + 1)
})

test('work that takes long is followed by nine times as long a pause', () => {
  const serving = new Serving()
  serving.execute(3)
  const { machine } = serving
  const digest = machine.digest.bind(machine)
  machine.digest = () => {
    serving.now += 100
    return digest()
  }
  serving.snapshots.asked(ALICE, { type: 'state-request', from: 0 })
  serving.pass(100)
  assert.is(serving.take('state').length, 1)
  serving.execute(1)
  serving.snapshots.asked(ALICE, { type: 'state-request', from: 0 })
  serving.pass(890)
  assert.is(serving.take('state').length, 0)
  serving.pass(20)
  assert.is(serving.take('state').length, 1)
})

test('the past is taken in for ten milliseconds at a time, and for as long not', () => {
  const serving = new Serving()
  serving.execute(10)
  const { journal } = serving
  const outlineOf = journal.outlineOf.bind(journal)
  let outlines = 0
  journal.outlineOf = (batchId) => {
    outlines++
    serving.now += 5
    return outlineOf(batchId)
  }
  serving.snapshots.asked(ALICE, { type: 'state-request', from: 0 })
  serving.pass(0)
  for (let slice = 1; slice < 5; slice++) {
    assert.equal([outlines, serving.sent.length], [2 * slice, 0])
    serving.pass(9)
    assert.is(outlines, 2 * slice)
    serving.pass(1)
  }
  assert.equal([outlines, serving.take('state').length], [10, 1])
})

test('a snapshot comes in parts that are what was announced, also where a part ends within an entry or holds some of both', () => {
  const serving = new Serving()
  serving.machine.padding = 2.5 * LIMITS.partBytes
  serving.execute(40, ['a', 'b'])
  const offer = serving.offer()
  const body = serving.fetch(offer)
  assert.ok(body)
  assert.ok(offer.pastBytes > 0 && offer.pastBytes < LIMITS.partBytes)
  assert.is(body.machine().length, offer.machineBytes)
  assert.equal(body.machine(), serving.machine.snapshot())
  assert.equal(
    body.entries.map((entry) => (entry.type === 'batch' ? entry.id : '')),
    serving.journal.logs.executed,
  )
  assert.is(body.digest.digest(), offer.pastDigest)
  const [entry] = body.entries
  assert.ok(entry?.type === 'batch')
  assert.equal([entry.isFast, entry.keys, entry.transactions.map(({ receipt }) => receipt)], [null, ['a', 'b'], ['{"ok":true,"result":2}']])
})

test('two are kept at most, the newest is given to whoever asks while it is fresh, and what goes on meanwhile does not change it', () => {
  const serving = new Serving()
  serving.execute(3)
  const first = serving.offer()
  serving.execute(1)
  assert.is(serving.offer(BOB).executed, 3)
  serving.pass(MINUTE_MS)
  const second = serving.offer(BOB)
  assert.is(second.executed, 4)
  serving.execute(1)
  serving.pass(MINUTE_MS)
  assert.is(serving.offer(CAROL).executed, 4)
  assert.is(serving.machine.snapshots, 2)
  assert.is(serving.fetch(first)?.entries.length, 3)
  assert.is(serving.fetch(second)?.entries.length, 4)
})

test('what nobody asks for goes after five minutes, what is asked for after fifteen; until then what came after it is wanted', () => {
  const serving = new Serving()
  serving.execute(3)
  assert.is(serving.snapshots.wanted, Number.POSITIVE_INFINITY)
  const idle = serving.offer()
  assert.is(serving.snapshots.wanted, 3)
  serving.pass(7 * MINUTE_MS)
  assert.is(serving.fetch(idle), undefined)
  assert.is(serving.snapshots.wanted, Number.POSITIVE_INFINITY)
  serving.execute(1)
  const used = serving.offer()
  for (let i = 0; i < 12; i++) {
    serving.pass(MINUTE_MS)
    assert.ok(serving.fetch(used), `minute ${i}`)
  }
  serving.pass(4 * MINUTE_MS)
  assert.is(serving.fetch(used), undefined)
})

test('a part that does not exist is not answered, one of a snapshot that is not kept is empty', () => {
  const serving = new Serving()
  serving.execute(2)
  const offer = serving.offer()
  const snapshot = Buffer.from(stateDigest(serving.cluster.manifest, offer)).toString('hex')
  serving.snapshots.asked(ALICE, { type: 'part-request', snapshot, at: offer.pastBytes + offer.machineBytes })
  serving.snapshots.asked(ALICE, { type: 'part-request', snapshot, at: 2 ** 50 })
  assert.is(serving.sent.length, 0)
  serving.snapshots.asked(ALICE, { type: 'part-request', snapshot: 'ab'.repeat(32), at: 0 })
  assert.is(serving.take('part')[0]?.message.bytes.length, 0)
})

test('a signer that may have to take back its log says nothing of it', () => {
  for (const silent of ['hasLostRecords', 'isComparing'] as const) {
    const serving = new Serving()
    serving.execute(2)
    serving.signer[silent] = true
    serving.snapshots.asked(ALICE, { type: 'state-request', from: 0 })
    serving.snapshots.asked(ALICE, { type: 'snapshot-request' })
    serving.pass(MINUTE_MS)
    assert.is(serving.sent.length, 0)
    serving.signer[silent] = false
    assert.ok(serving.offer())
  }
})

test('a state machine that cannot do it does not stop its signer', () => {
  const serving = new Serving()
  serving.execute(2)
  serving.machine.snapshot = () => {
    throw new Error('no room')
  }
  serving.snapshots.asked(ALICE, { type: 'snapshot-request' })
  serving.pass(2 * MINUTE_MS)
  assert.equal([serving.sent, serving.warnings], [[], ['no snapshot for peers: no room']])
})

test('a state machine without a digest is in no state that could be stated', () => {
  const serving = new Serving()
  serving.execute(2)
  serving.machine.digest = () => new Uint8Array(32)
  serving.machine.watch.failed('digest', new Error('none'), null)
  serving.snapshots.asked(ALICE, { type: 'state-request', from: 0 })
  serving.pass(2 * MINUTE_MS)
  assert.equal([serving.sent, serving.warnings], [[], ['no snapshot for peers: the state machine gives no digest']])
})

test('after its end nothing is done any more', () => {
  const serving = new Serving()
  serving.execute(2)
  serving.snapshots.asked(ALICE, { type: 'state-request', from: 0 })
  serving.snapshots.stop()
  serving.pass(60 * MINUTE_MS)
  assert.is(serving.sent.length, 0)
})

test.run()
