/**
 * What the built-in machines must do beside what is asked of every state machine (`src/lib/machine/compliance.ts`): snapshots are canonical, check and apply give one reason,
 * nothing throws whatever comes. Each one's test file calls `builtInComplies` with a source of transactions that mostly make sense.
 */
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex, utf8 } from '../../src/lib/base/bytes.js'
import { MusigError } from '../../src/lib/base/errors.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { normalizeKeys, type Transaction } from '../../src/lib/core/transaction.js'
import { complies, mutated } from '../../src/lib/machine/compliance.js'
import type { Draft } from '../../src/lib/machine/operation.js'
import type { Position, Receipt, StateMachine } from '../../src/lib/machine/state-machine.js'

/** Client keys of the tests; what signs with them is checked by the core, not by machines. */
export const CLIENTS: readonly Uint8Array[] = [0, 1, 2].map((i) => new Uint8Array(32).fill(i + 1))

/** A transaction round a draft. */
export function transactionOf(draft: Draft, client: Uint8Array | null = CLIENTS[0] ?? null): Transaction {
  return { ...draft, client, nonce: Uint8Array.of(1), expiry: null, signature: client && new Uint8Array(64) }
}

/** A transaction with any text as payload. */
export function transactionOfText(deps: string[], text: string, client: Uint8Array | null = CLIENTS[0] ?? null): Transaction {
  return transactionOf({ deps: normalizeKeys(deps), payload: utf8(text) }, client)
}

export const POSITION: Position = { batchId: '00'.repeat(32), index: 0, heights: new Map(), txId: '00'.repeat(32) }

/** The reason of a refusal. */
export function reasonOf(receipt: Receipt): string {
  return receipt.ok ? `no refusal: ${JSON.stringify(receipt.result)}` : receipt.reason
}

/** Adds the tests. `invariant` holds after every step; `refuses`: whether the machine ever refuses anything. */
export function builtInComplies(
  name: string,
  make: () => StateMachine,
  randomTransaction: (random: SeededRandom) => Transaction,
  invariant: (machine: StateMachine) => void,
  refuses = true,
): void {
  complies({ test, name, make, sample: randomTransaction, invariant })
  const random = (seed: string) => new SeededRandom(`${name}/${seed}`)
  const stateOf = (machine: StateMachine) => toHex(machine.digest()) + toHex(machine.snapshot())

  test(`${name}: different states have different digests, and snapshots are equal exactly where digests are`, () => {
    const machine = make()
    const source = random('refused')
    const seen = { ok: 0, refused: 0 }
    const digests = new Map([[toHex(machine.snapshot()), toHex(machine.digest())]])
    for (let i = 0; i < 500; i++) {
      const before = stateOf(machine)
      const receipt = machine.apply(randomTransaction(source), POSITION)
      seen[receipt.ok ? 'ok' : 'refused']++
      if (!receipt.ok) assert.is(stateOf(machine), before)
      const [snapshot, digest] = [toHex(machine.snapshot()), toHex(machine.digest())]
      assert.is(digests.get(snapshot) ?? digest, digest, 'equal states have equal digests')
      digests.set(snapshot, digest)
    }
    assert.is(new Set(digests.values()).size, digests.size, 'different states have different digests')
    assert.ok(digests.size > 100)
    assert.ok(seen.ok > 100 && (refuses ? seen.refused > 50 : seen.refused === 0), `the transactions are too much alike: ${JSON.stringify(seen)}`)
  })

  test(`${name}: a broken snapshot is refused and changes nothing`, () => {
    const [machine, source] = [make(), random('broken')]
    for (let i = 0; i < 100; i++) machine.apply(randomTransaction(source), POSITION)
    const [before, snapshot] = [stateOf(machine), machine.snapshot()]
    const copy = make()
    let refused = 0
    for (let i = 0; i < 200; i++) {
      const bad = snapshot.slice(0, i % 2 === 0 ? source.upTo(snapshot.length - 1) : snapshot.length)
      if (i % 2 === 1) bad[source.upTo(bad.length - 1)] = source.upTo(255)
      try {
        copy.restore(bad)
        // What is taken is a state of its own, never a different reading of this one.
        assert.equal(copy.snapshot(), bad)
      } catch (error) {
        if (!(error instanceof MusigError)) throw error
        assert.is(error.code, 'BAD_ENCODING')
        refused++
      }
      assert.throws(() => machine.restore(snapshot.slice(0, -1)), 'CBOR')
    }
    assert.is(stateOf(machine), before)
    assert.ok(refused >= 100)
  })

  test(`${name}: check and apply agree on what can never be valid, and neither throws, whatever the payload`, () => {
    const machine = make()
    const source = random('payloads')
    const keys = fc.uniqueArray(fc.constantFrom('acct:a', 'acct:b', 'doc:1', 'doc:2', 'x')).map(normalizeKeys)
    const client = fc.option(fc.constantFrom(...CLIENTS))
    const mutants = fc.integer().map((seed) => mutated(randomTransaction(new SeededRandom(seed)).payload, new SeededRandom(seed)))
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json({ maxDepth: 6 }).map((text) => utf8(text)),
      mutants,
      fc.record({ op: fc.string(), id: fc.jsonValue(), amount: fc.jsonValue() }).map((value) => utf8(JSON.stringify(value))),
    )
    fc.assert(
      fc.property(keys, payload, client, (deps, bytes, from) => {
        const transaction = transactionOf({ deps, payload: bytes }, from)
        const before = stateOf(machine)
        const fault = machine.check(transaction)
        assert.is(machine.check(transaction), fault)
        const receipt = machine.apply(transaction, POSITION)
        if (fault !== undefined) {
          assert.equal(receipt, { ok: false, reason: fault })
          assert.ok(fault.length > 0 && fault.length <= 200)
        }
        if (!receipt.ok) assert.is(stateOf(machine), before)
        invariant(machine)
      }),
      { numRuns: 1000, seed: source.upTo(2 ** 31 - 1) },
    )
  })

  test(`${name}: unknown paths read as nothing`, () => {
    for (const path of ['', 'x', '__proto__', 'acct:', 'doc:', 'acct:nobody', 'doc:nothing', 'acct:__proto__', 'doc:__proto__', '\0']) {
      assert.is(make().query(path), undefined, path)
    }
  })
}
