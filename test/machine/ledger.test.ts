import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeCbor, type Plain } from '../../src/lib/base/cbor.js'
import type { SeededRandom } from '../../src/lib/base/prng.js'
import { Ledger, MAX_OPENING, openPayload, transferPayload } from '../../src/lib/machine/ledger.js'
import { builtInComplies, CLIENTS, reasonOf, transactionOf, transactionOfText } from './compliance.js'

const [ALICE, BOB] = CLIENTS as [Uint8Array, Uint8Array]
const NAMES = ['a', 'b', 'c', 'd', 'e']

function randomTransaction(random: SeededRandom) {
  const [from, to] = [random.pick(NAMES), random.pick(NAMES)]
  const client = random.upTo(4) === 0 ? random.pick(CLIENTS) : CLIENTS[NAMES.indexOf(from) % CLIENTS.length]
  if (from === to || random.upTo(9) === 0) return transactionOf(openPayload(from, random.upTo(1000)), client)
  return transactionOf(transferPayload(from, to, 1 + random.upTo(random.pick([5, 50, 500]))), client)
}

function sumOf(ledger: { query(path: string): unknown }): number {
  return (ledger.query('accounts') as { sum: number }).sum
}

builtInComplies(
  'ledger',
  () => new Ledger(),
  randomTransaction,
  (machine) => {
    for (const name of NAMES) {
      const account = machine.query(`acct:${name}`) as { balance: number } | undefined
      assert.ok(account === undefined || (Number.isSafeInteger(account.balance) && account.balance >= 0))
    }
  },
)

function opened(): Ledger {
  const ledger = new Ledger()
  ledger.apply(transactionOf(openPayload('alice', 100), ALICE))
  ledger.apply(transactionOf(openPayload('bob', 5), BOB))
  return ledger
}

test('a transfer moves money, and only by its owner', () => {
  const ledger = opened()
  const draft = transferPayload('alice', 'bob', 30)
  assert.equal(draft.deps, ['acct:alice', 'acct:bob'])
  assert.is(new TextDecoder().decode(draft.payload), '{"op":"transfer","from":"alice","to":"bob","amount":30}')
  assert.equal(ledger.apply(transactionOf(draft, ALICE)), { ok: true, result: { balances: { alice: 70, bob: 35 } } })
  assert.equal(ledger.query('acct:alice'), { account: 'alice', owner: '01'.repeat(32), balance: 70 })
  assert.is(reasonOf(ledger.apply(transactionOf(draft, BOB))), 'account alice belongs to another client')
  assert.is(ledger.check(transactionOf(draft, null)), 'transfer needs a client key and its signature')
  assert.equal(ledger.query('accounts'), { count: 2, sum: 105 })
})

test('a balance is never negative and an account is opened once', () => {
  const ledger = opened()
  assert.is(reasonOf(ledger.apply(transactionOf(transferPayload('alice', 'bob', 101)))), 'account alice holds 100, less than 101')
  assert.is(reasonOf(ledger.apply(transactionOf(openPayload('alice', 1), BOB))), 'account alice exists already')
  assert.is(reasonOf(ledger.apply(transactionOf(transferPayload('alice', 'carol', 1)))), 'there is no account carol')
  assert.is(reasonOf(ledger.apply(transactionOf(transferPayload('carol', 'alice', 1)))), 'there is no account carol')
  assert.ok(ledger.apply(transactionOf(transferPayload('alice', 'bob', 100))).ok)
  assert.is((ledger.query('acct:alice') as { balance: number }).balance, 0)
})

test('after the opening the sum stays as it is', () => {
  const ledger = opened()
  for (let i = 0; i < 1000; i++) {
    const [from, to] = i % 3 === 0 ? ['alice', 'bob'] : ['bob', 'alice']
    ledger.apply(transactionOf(transferPayload(from as string, to as string, 1 + (i % 17)), CLIENTS[i % 2]))
    assert.is(sumOf(ledger), 105)
  }
})

test('the order of free transfers does not show in the digest', () => {
  const [one, other] = [opened(), opened()]
  const drafts = ['x', 'y', 'z'].map((name) => transactionOf(openPayload(name, 7), BOB))
  for (const draft of drafts) one.apply(draft)
  for (const draft of drafts.reverse()) other.apply(draft)
  assert.equal(one.digest(), other.digest())
})

test('check refuses what can never be valid, by name', () => {
  const ledger = new Ledger()
  const cases: [string[], string, string | RegExp][] = [
    [[], '{"op":"open","account":"a","amount":1}', '“acct:a” is touched and not among the dependency keys'],
    [['acct:a'], '{"op":"transfer","from":"a","to":"b","amount":1}', '“acct:b” is touched and not among the dependency keys'],
    [['acct:a', 'acct:b'], '{"op":"transfer","from":"a","to":"b","amount":-1}', 'transfer.amount: not a whole number ≥ 0'],
    [['acct:a', 'acct:b'], '{"op":"transfer","from":"a","to":"b","amount":0}', 'transfer.amount: not above 0'],
    [['acct:a', 'acct:b'], '{"op":"transfer","from":"a","to":"b","amount":0.5}', 'transfer.amount: not a whole number ≥ 0'],
    [['acct:a', 'acct:b'], '{"op":"transfer","from":"a","to":"b","amount":"1"}', 'transfer.amount: not a whole number ≥ 0'],
    [['acct:a', 'acct:b'], '{"op":"transfer","from":"a","to":"b","amount":9007199254740993}', 'JSON with a number that cannot be kept exactly'],
    [['acct:a', 'acct:b'], '{"op":"transfer","from":"a","to":"b","amount":1,"amount":9}', 'JSON with a key that stands twice'],
    [['acct:a', 'acct:b'], '{"op":"transfer","from":"a","to":"b","amount":1,"memo":""}', 'transfer: unknown field “memo”'],
    [['acct:a'], '{"op":"transfer","from":"a","to":"a","amount":1}', 'a transfer from an account to itself'],
    [['acct:a'], `{"op":"open","account":"a","amount":${MAX_OPENING + 1}}`, /above 1000000/],
    [['acct:a'], '{"op":"open","account":"","amount":1}', 'open.account: empty text'],
    [['acct:a'], '{"op":"open","account":"ä","amount":1}', /letters, digits/],
    [['acct:a'], '{"op":"open","account":"a"}', 'open: “amount” is missing'],
    [['acct:a'], '{"op":"mint"}', 'op: not one of open, transfer'],
    [['acct:a'], '{"op":"__proto__"}', 'op: not one of open, transfer'],
    [['acct:a'], '[]', 'payload: not a JSON object with an “op”'],
    [['acct:a'], '{}', 'op: not one of open, transfer'],
    [['acct:a'], '{"op":', 'not JSON in UTF-8'],
    [['acct:a'], '', 'not JSON in UTF-8'],
  ]
  for (const [deps, text, expected] of cases) {
    const fault = ledger.check(transactionOfText(deps, text)) ?? 'taken'
    if (typeof expected === 'string') assert.is(fault, expected, text)
    else assert.match(fault, expected)
  }
})

test('an amount that the receiver could not hold is refused', () => {
  const ledger = new Ledger()
  const rich = (balance: number): Plain => new Map<string, Plain>([...Object.entries({ owner: ALICE, balance })])
  const entries: Plain = new Map<string, Plain>([
    ['a', rich(Number.MAX_SAFE_INTEGER)],
    ['b', rich(1)],
  ])
  ledger.restore(encodeCbor(new Map<string, Plain>([...Object.entries({ table: 'ledger', entries })])))
  assert.is(reasonOf(ledger.apply(transactionOf(transferPayload('b', 'a', 1)))), 'account a cannot hold that much')
  assert.ok(ledger.apply(transactionOf(transferPayload('a', 'b', 1))).ok)
})

test('builders refuse what the ledger would', () => {
  for (const build of [
    () => transferPayload('a', 'b', 0),
    () => transferPayload('a', 'b', Number.NaN),
    () => openPayload('a b'),
    () => openPayload('a', -1),
  ]) {
    assert.throws(build, (error: unknown) => (error as { code?: string }).code === 'BAD_INPUT')
  }
})

test.run()
