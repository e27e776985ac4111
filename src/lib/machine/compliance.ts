/**
 * What every state machine must do (§12), as tests for whatever runs tests: the package gives them to those who write a machine of their own, as
 * `musig-paxos/machine-compliance`. Needs no test library: a runner's `test` is handed in, and what is wrong is an error that says so. What a machine is about
 * is not checked here.
 */
import { toHex, utf8 } from '../base/bytes.js'
import type { SeededRandom } from '../base/prng.js'
import type { Transaction } from '../core/transaction.js'
import { Bench, digestOf, ensure, idOf, isEqual, jsonOf, type Step, type Suite, textOf } from './compliance-bench.js'

const DAY_MS = 86_400_000
const STRANGE_PATHS = ['', ' ', '/', '\0', '__proto__', 'constructor', 'x'.repeat(1000), '../x', '💥', '%00', ':', 'a:']

/** Declares the tests. */
export function complies(suite: Suite): void {
  const { test, name } = suite
  const declare = (what: string, run: (bench: Bench) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const bench = new Bench(suite)
      try {
        await run(bench)
      } finally {
        bench.close()
      }
    })
  declare('the same transactions give the same receipts and the same digest, at another time and however often it is asked', sameCalls)
  declare('transactions that share no key may come in any order', anyOrder)
  declare('what is refused changes nothing; equal states have equal digests', refusals)
  declare('a snapshot restores the whole state, over any other', restoring)
  declare('a snapshot that is cut short is refused and changes nothing', cutShort)
  declare('check depends on the transaction alone, and apply fails on nothing that check lets through', anyPayload)
  declare('queries change nothing, give JSON and fail on no path', queries)
}

async function sameCalls(bench: Bench): Promise<void> {
  const [one, other] = [await bench.machine(), await bench.machine()]
  const steps = await bench.steps(300, 'same')
  let executed = 0
  steps.forEach((step, i) => {
    const receipt = bench.apply(one, step)
    if (receipt.ok) executed++
    // Asked for at other moments than the first one's: asking must change nothing.
    if (i % 7 === 0) other.digest()
    const again = aDayLater(() => bench.apply(other, step))
    ensure(isEqual(receipt, again), `transaction ${i}, ${textOf(step.transaction)}, has two receipts: ${jsonOf(receipt)} and ${jsonOf(again)}`)
    const [digest, second] = [digestOf(one), aDayLater(() => digestOf(other))]
    ensure(digest === second, `the digests differ after transaction ${i}, ${textOf(step.transaction)}`)
  })
  ensure(executed * 4 >= steps.length, `only ${executed} of ${steps.length} samples are executed: the tests say little`)
}

async function anyOrder(bench: Bench): Promise<void> {
  for (let round = 0; round < 8; round++) {
    const random = bench.random(`shuffle/${round}`)
    const steps = await bench.steps(40, `order/${round}`)
    const [one, other] = [await bench.machine(), await bench.machine()]
    const receipts = new Map(steps.map((step) => [step, bench.apply(one, step)]))
    for (const step of shuffled(steps, random)) {
      const [first, second] = [receipts.get(step), bench.apply(other, step)]
      const reason = 'although all that shares a key with it came in the same order; does it touch something that its keys do not name?'
      ensure(isEqual(first, second), `the receipt of ${textOf(step.transaction)} is ${jsonOf(first)} and ${jsonOf(second)}, ${reason}`)
    }
    const reason = 'does a transaction touch what its keys do not name, or does the digest see in which order entries were made?'
    ensure(digestOf(one) === digestOf(other), `the digests differ where transactions without a common key came in another order; ${reason}`)
  }
}

async function refusals(bench: Bench): Promise<void> {
  const machine = await bench.machine()
  const digests = new Map([[toHex(machine.snapshot()), digestOf(machine)]])
  for (const [i, step] of (await bench.steps(300, 'refused')).entries()) {
    const before = digestOf(machine)
    const receipt = bench.apply(machine, step)
    const digest = digestOf(machine)
    ensure(receipt.ok || digest === before, `transaction ${i}, ${textOf(step.transaction)}, is refused and changes the state`)
    const snapshot = toHex(machine.snapshot())
    ensure((digests.get(snapshot) ?? digest) === digest, `after transaction ${i} the snapshot is one that was seen before and the digest is not`)
    digests.set(snapshot, digest)
  }
  ensure(new Set(digests.values()).size > 1, 'no transaction changes the digest')
}

async function restoring(bench: Bench): Promise<void> {
  const [machine, restored] = [await bench.machine(), await bench.machine()]
  for (const step of await bench.steps(50, 'other')) bench.apply(restored, step)
  restored.digest()
  const steps = await bench.steps(200, 'snapshot')
  const half = Math.floor(steps.length / 2)
  for (const step of steps.slice(0, half)) bench.apply(machine, step)
  restored.restore(machine.snapshot())
  ensure(digestOf(restored) === digestOf(machine), 'the digest after restoring a snapshot is not the one before')
  for (const step of steps.slice(half)) {
    const [first, second] = [bench.apply(machine, step), bench.apply(restored, step)]
    ensure(isEqual(first, second), `after restoring, ${textOf(step.transaction)} has another receipt: ${jsonOf(second)}, not ${jsonOf(first)}`)
  }
  ensure(digestOf(restored) === digestOf(machine), 'after restoring, the same transactions give another digest')
  const fresh = await bench.machine()
  restored.restore(fresh.snapshot())
  ensure(digestOf(restored) === digestOf(fresh), 'restoring the snapshot of an empty machine leaves something of what was there before')
}

async function cutShort(bench: Bench): Promise<void> {
  const machine = await bench.machine()
  for (const step of await bench.steps(60, 'cut')) bench.apply(machine, step)
  const [snapshot, before, random] = [machine.snapshot(), digestOf(machine), bench.random('cuts')]
  ensure(snapshot.length > 0, 'the snapshot is empty')
  for (let i = 0; i < 50; i++) {
    const length = i === 0 ? snapshot.length - 1 : random.upTo(snapshot.length - 1)
    const isRefused = fails(() => machine.restore(snapshot.slice(0, length)))
    ensure(isRefused, `the first ${length} of ${snapshot.length} bytes of a snapshot are restored as if they were one: restore must throw`)
    ensure(digestOf(machine) === before, 'a snapshot that was refused has changed the state')
  }
}

async function anyPayload(bench: Bench): Promise<void> {
  const [machine, fresh, random] = [await bench.machine(), await bench.machine(), bench.random('payloads')]
  for (let i = 0; i < 1000; i++) {
    const sample = bench.sample(random)
    const transaction = i % 3 === 0 ? sample : { ...sample, ...disturbed(sample, random) }
    const what = `transaction ${i}, ${textOf(transaction)}`
    const fault = machine.check(transaction)
    ensure(
      fault === undefined || (typeof fault === 'string' && fault !== ''),
      `check gives ${jsonOf(fault)} for ${what}: no reason, and not undefined`,
    )
    ensure(fault === aDayLater(() => fresh.check(transaction)), `check gives two answers for ${what}`)
    if (fault !== undefined) continue
    const position = { batchId: idOf(`batch/${i}`), index: 0, heights: new Map(transaction.deps.map((key) => [key, i + 1])), txId: idOf(`tx/${i}`) }
    try {
      bench.apply(machine, { transaction, position })
    } catch (error) {
      throw new Error(`apply fails on ${what}, which check lets through: ${error instanceof Error ? error.message : error}`, { cause: error })
    }
  }
}

async function queries(bench: Bench): Promise<void> {
  const machine = await bench.machine()
  const steps = await bench.steps(50, 'queries')
  for (const step of steps) bench.apply(machine, step)
  const before = digestOf(machine)
  for (const path of [...STRANGE_PATHS, ...steps.flatMap(({ transaction }) => transaction.deps)]) {
    const value = machine.query(path)
    const copy: unknown = value === undefined ? undefined : JSON.parse(JSON.stringify(value) ?? 'null')
    ensure(isEqual(copy, value), `the query ${jsonOf(path.slice(0, 40))} gives what is not plain JSON`)
  }
  ensure(digestOf(machine) === before, 'a query changes the state')
}

/** Another order of the same transactions in which all that share a key keep theirs. */
function shuffled(steps: readonly Step[], random: SeededRandom): Step[] {
  const left = [...steps]
  const order: Step[] = []
  while (left.length > 0) {
    const free = left.filter((step, i) => !left.slice(0, i).some((earlier) => sharesKey(earlier, step)))
    const next = random.pick(free)
    left.splice(left.indexOf(next), 1)
    order.push(next)
  }
  return order
}

function sharesKey(a: Step, b: Step): boolean {
  return a.transaction.deps.some((key) => b.transaction.deps.includes(key))
}

/** Other keys, another client, or a payload that is damaged or no sense at all. */
function disturbed({ deps, payload }: Transaction, random: SeededRandom): Partial<Transaction> {
  switch (random.upTo(6)) {
    case 0:
      return { deps: deps.slice(1) }
    case 1:
      return { client: null, signature: null }
    case 2:
      return { payload: random.bytes(random.upTo(200)) }
    case 3:
      return { payload: utf8(JSON.stringify(anyJson(random, 3))) }
    default:
      return { payload: mutated(payload, random) }
  }
}

/** A copy with a few bytes changed, dropped or doubled. */
export function mutated(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const list = [...bytes]
  for (let i = 0; i <= random.upTo(2); i++) {
    const at = random.upTo(list.length)
    const kind = random.upTo(2)
    if (kind === 0) list[at] = random.upTo(127)
    else if (kind === 1) list.splice(at, 1)
    else list.splice(at, 0, list[at] ?? 0)
  }
  return Uint8Array.from(list)
}

function anyJson(random: SeededRandom, depth: number): unknown {
  const kind = random.upTo(depth === 0 ? 4 : 6)
  if (kind === 5) return Array.from({ length: random.upTo(3) }, () => anyJson(random, depth - 1))
  if (kind === 6)
    return Object.fromEntries(Array.from({ length: random.upTo(3) }, (_, i) => [`${'ab'[i] ?? '__proto__'}`, anyJson(random, depth - 1)]))
  return [null, random.upTo(1) === 0, random.upTo(9) - 4, random.fraction() * 1e9, 'x'.repeat(random.upTo(20))][kind]
}

/** Runs a call with this process's clock a day ahead: what hangs on it comes out otherwise. */
function aDayLater<T>(call: () => T): T {
  const { Date: RealDate } = globalThis
  class LaterDate extends RealDate {
    constructor(...parts: unknown[]) {
      if (parts.length === 0) super(RealDate.now() + DAY_MS)
      else super(...(parts as [number]))
    }

    static override now(): number {
      return RealDate.now() + DAY_MS
    }
  }
  globalThis.Date = LaterDate as DateConstructor
  try {
    return call()
  } finally {
    globalThis.Date = RealDate
  }
}

function fails(call: () => unknown): boolean {
  try {
    call()
    return false
  } catch {
    return true
  }
}
