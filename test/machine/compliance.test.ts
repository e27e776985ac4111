/** The compliance suite: what keeps the rules passes, and each breach is found by the test that is there for it, in words that say what is wrong. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import { sha256 } from '../../src/lib/base/hash.js'
import type { Transaction } from '../../src/lib/core/transaction.js'
import { complies } from '../../src/lib/machine/compliance.js'
import { type Suite, transactionOf } from '../../src/lib/machine/compliance-bench.js'
import type { Position, Receipt, StateMachine } from '../../src/lib/machine/state-machine.js'

const read = ({ payload }: Transaction): { key: string; amount: number } => JSON.parse(new TextDecoder().decode(payload))

/** Sums by key that are never below zero. */
class Sums implements StateMachine {
  sums = new Map<string, number>()

  check(transaction: Transaction): string | undefined {
    try {
      const { key, amount } = read(transaction)
      if (!/^[abc]$/.test(key) || !transaction.deps.includes(key)) return 'no key'
      return Number.isSafeInteger(amount) && Math.abs(amount) < 1000 ? undefined : 'no amount'
    } catch {
      return 'no JSON'
    }
  }

  apply(transaction: Transaction, _position: Position): Receipt {
    const { key, amount } = read(transaction)
    const sum = (this.sums.get(key) ?? 0) + amount
    if (sum < 0) return { ok: false, reason: 'below zero' }
    this.sums.set(key, sum)
    return { ok: true, result: sum }
  }

  query(path: string): unknown {
    return this.sums.get(path)
  }

  digest(): Uint8Array {
    return sha256(utf8(JSON.stringify(this.entries())))
  }

  snapshot(): Uint8Array {
    return utf8(JSON.stringify(this.entries()))
  }

  restore(snapshot: Uint8Array): void {
    this.sums = new Map(JSON.parse(new TextDecoder().decode(snapshot)))
  }

  entries(): [string, number][] {
    return [...this.sums].sort(([a], [b]) => (a < b ? -1 : 1))
  }
}

const sample: Suite['sample'] = (random) => {
  const key = random.pick(['a', 'b', 'c'])
  return { deps: [key], payload: { key, amount: random.upTo(20) - 10 } }
}

/** What the suite finds in a machine: the name of each test that fails, with its error. */
async function breaches(make: Suite['make'], more: Partial<Suite> = {}): Promise<Map<string, string>> {
  const tests: [string, () => Promise<void>][] = []
  complies({ test: (name, run) => tests.push([name, run]), name: 'm', make, sample, ...more })
  assert.is(tests.length, 7)
  const found = new Map<string, string>()
  for (const [name, run] of tests) await run().catch((error: Error) => found.set(name, error.message))
  return found
}

test('a machine that keeps the rules passes, made at once or later', async () => {
  assert.equal([...(await breaches(() => new Sums()))], [])
  assert.equal([...(await breaches(async () => new Sums()))], [])
})

let made = 0
const BREACHES: [what: string, make: () => StateMachine, test: RegExp, message: RegExp][] = [
  [
    'random numbers in a receipt',
    () =>
      new (class extends Sums {
        override apply(transaction: Transaction, position: Position): Receipt {
          const receipt = super.apply(transaction, position)
          return receipt.ok ? { ok: true, result: Math.random() } : receipt
        }
      })(),
    /the same transactions/,
    /transaction \d+, “{"key":"[abc]","amount":-?\d+}” on [abc], has two receipts: /,
  ],
  [
    'random numbers in the state alone',
    () =>
      new (class extends Sums {
        salt = Math.random()
        override digest() {
          return sha256(utf8(String(this.salt)))
        }
      })(),
    /the same transactions/,
    /the digests differ after transaction 0/,
  ],
  [
    'the clock',
    () =>
      new (class extends Sums {
        override apply(transaction: Transaction, position: Position): Receipt {
          return new Date().getDate() === new Date(Date.now()).getDate()
            ? { ok: true, result: Math.floor(Date.now() / 3_600_000) }
            : super.apply(transaction, position)
        }
      })(),
    /the same transactions/,
    /has two receipts/,
  ],
  [
    'the clock in check',
    () =>
      new (class extends Sums {
        override check(transaction: Transaction) {
          return Math.floor(Date.now() / 86_400_000) % 2 === 0 ? super.check(transaction) : undefined
        }
      })(),
    /check depends/,
    /check gives two answers|apply fails on/,
  ],
  [
    'a digest that changes when it is asked for',
    () =>
      new (class extends Sums {
        asked = 0
        override digest() {
          return sha256(utf8(JSON.stringify(this.entries()) + this.asked++))
        }
      })(),
    /the same transactions/,
    /the digests differ/,
  ],
  [
    'a digest that sees the order of entries',
    () =>
      new (class extends Sums {
        override entries() {
          return [...this.sums]
        }
      })(),
    /share no key may come in any order/,
    /the digests differ where transactions without a common key came in another order/,
  ],
  [
    'a count over all keys',
    () =>
      new (class extends Sums {
        count = 0
        override apply(): Receipt {
          return { ok: true, result: ++this.count }
        }
      })(),
    /share no key may come in any order/,
    /does it touch something that its keys do not name/,
  ],
  [
    'a refusal that changes the state',
    () =>
      new (class extends Sums {
        override apply(transaction: Transaction, position: Position): Receipt {
          const receipt = super.apply(transaction, position)
          if (!receipt.ok) this.sums.set('refused', 1)
          return receipt
        }
      })(),
    /what is refused changes nothing/,
    /transaction \d+, .*, is refused and changes the state/,
  ],
  [
    'a digest that does not see the state',
    () =>
      new (class extends Sums {
        override digest() {
          return new Uint8Array(32)
        }
      })(),
    /equal states have equal digests/,
    /no transaction changes the digest/,
  ],
  [
    'a digest of 31 bytes',
    () =>
      new (class extends Sums {
        override digest() {
          return super.digest().slice(1)
        }
      })(),
    /the same transactions/,
    /the digest is not a Uint8Array of 32 bytes/,
  ],
  [
    'a snapshot that leaves something out',
    () =>
      new (class extends Sums {
        override snapshot() {
          return utf8(JSON.stringify(this.entries().filter(([key]) => key !== 'c')))
        }
      })(),
    /a snapshot restores the whole state/,
    /the digest after restoring a snapshot is not the one before/,
  ],
  [
    'restoring that leaves something there',
    () =>
      new (class extends Sums {
        override restore(snapshot: Uint8Array) {
          const entries = JSON.parse(new TextDecoder().decode(snapshot)) as [string, number][]
          for (const [key, sum] of entries) this.sums.set(key, sum)
        }
      })(),
    /a snapshot restores the whole state/,
    /leaves something of what was there before/,
  ],
  [
    'a torn snapshot that is taken',
    () =>
      new (class extends Sums {
        override restore(snapshot: Uint8Array) {
          try {
            super.restore(snapshot)
          } catch {
            this.sums = new Map()
          }
        }
      })(),
    /cut short/,
    /restore must throw/,
  ],
  [
    'a torn snapshot that is refused too late',
    () =>
      new (class extends Sums {
        override restore(snapshot: Uint8Array) {
          this.sums = new Map()
          super.restore(snapshot)
        }
      })(),
    /cut short/,
    /a snapshot that was refused has changed the state/,
  ],
  [
    'a check that looks at the state',
    () =>
      new (class extends Sums {
        override check(transaction: Transaction) {
          return this.sums.size > 2 ? 'too late' : super.check(transaction)
        }
      })(),
    /check depends on the transaction alone/,
    /check gives two answers/,
  ],
  [
    'apply that throws on what check lets through',
    () =>
      new (class extends Sums {
        override check(): undefined {
          return undefined
        }
      })(),
    /check depends on the transaction alone/,
    /apply fails on transaction \d+, .*, which check lets through: /,
  ],
  [
    'a query that changes the state',
    () =>
      new (class extends Sums {
        override query(path: string) {
          this.sums.set(path, 1)
          return 1
        }
      })(),
    /queries change nothing/,
    /a query changes the state/,
  ],
  [
    'a query that throws',
    () =>
      new (class extends Sums {
        override query(path: string) {
          if (path === '__proto__') throw new Error('not that one')
          return super.query(path)
        }
      })(),
    /queries change nothing/,
    /not that one/,
  ],
  [
    'a receipt that is no JSON',
    () =>
      new (class extends Sums {
        override apply(): Receipt {
          return { ok: true, result: { when: new Date(0) } }
        }
      })(),
    /the same transactions/,
    /is not plain JSON/,
  ],
  [
    'variables that machines share',
    () =>
      new (class extends Sums {
        override apply(transaction: Transaction, position: Position): Receipt {
          const receipt = super.apply(transaction, position)
          return receipt.ok ? { ok: true, result: ++made } : receipt
        }
      })(),
    /the same transactions/,
    /has two receipts/,
  ],
]

for (const [what, make, name, message] of BREACHES)
  test(`found: ${what}`, async () => {
    const found = await breaches(make)
    const hit = [...found].find(([test]) => name.test(test))
    assert.ok(hit, `no failure of ${name} among ${JSON.stringify([...found])}`)
    assert.match(hit?.[1] ?? '', message)
  })

test('samples that say nothing are refused, and an invariant is held after each transaction', async () => {
  const refused = await breaches(() => new Sums(), { sample: () => ({ deps: [], payload: 'x' }) })
  assert.match([...refused.values()][0] ?? '', /check refuses 300 of 300 samples/)
  const never = await breaches(() => new Sums(), { sample: () => ({ deps: ['a'], payload: { key: 'a', amount: -1 } }) })
  assert.match([...never.values()][0] ?? '', /only 0 of 300 samples are executed/)
  const broken = await breaches(() => new Sums(), {
    invariant: (machine) => assert.ok(((machine.query('a') as number | undefined) ?? 0) < 10, 'ten are too many'),
  })
  assert.match([...broken.values()][0] ?? '', /ten are too many/)
})

test('machines are closed at the end of each test, also of one that fails', async () => {
  let open = 0
  const make = () => {
    open++
    return Object.assign(new Sums(), { close: () => open-- })
  }
  await breaches(make)
  assert.is(open, 0)
  await breaches(make, {
    invariant: () => {
      throw new Error('never')
    },
  })
  assert.is(open, 0)
})

test('a sample’s payload may be text, bytes or JSON', () => {
  assert.equal(transactionOf({ deps: ['b', 'a', 'b'], payload: 'x' }).payload, utf8('x'))
  assert.equal(transactionOf({ deps: ['b', 'a', 'b'], payload: 'x' }).deps, ['a', 'b'])
  assert.equal(transactionOf({ deps: [], payload: utf8('y') }).payload, utf8('y'))
  assert.equal(transactionOf({ deps: [], payload: [1] }).payload, utf8('[1]'))
  assert.is(transactionOf({ deps: [], payload: '', client: null }).signature, null)
})

test.run()
