/** Whole runs: repeatable byte for byte, safe and live under the faults of this level, and never “ok” where nothing was shown. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { noble, nobleEd25519 } from '../../src/lib/bls/noble.js'
import type { DurableRecord } from '../../src/lib/core/record.js'
import { Signer } from '../../src/lib/core/signer.js'
import type { Event } from '../../src/lib/core/steppable.js'
import type { SimulatedSigner } from '../../src/lib/simulator/host.js'
import { CALM, commandOf, type Scenario } from '../../src/lib/simulator/scenario.js'
import { flagOf, SETTINGS, scenarioFrom } from '../../src/lib/simulator/settings.js'
import { type RunOptions, simulate } from '../../src/lib/simulator/simulate.js'
import { headLine, scenarioOf, traceText } from '../../src/lib/simulator/trace.js'
import { refusesSettings } from './refused.js'

const hard: Partial<Scenario> = { contention: 1, hotKeys: 2, crashes: 1, restarts: 2, loss: 0.05, cuts: 1, slow: 1, delay: 'exp:10' }

function traced(scenario: Scenario, options: RunOptions = {}): { text: string; result: ReturnType<typeof simulate> } {
  const lines: string[] = []
  const result = simulate(scenario, { ...options, trace: (line) => lines.push(traceText(line)) })
  return { text: lines.join('\n'), result }
}

test('the same seed gives the same trace, another seed another one', () => {
  for (const seed of [3, 4]) {
    const first = traced({ ...CALM, ...hard, seed })
    const second = traced({ ...CALM, ...hard, seed })
    assert.ok(first.text.length > 50_000)
    assert.ok(first.text === second.text, `seed ${seed} gave two traces`)
    assert.equal(first.result, second.result)
  }
  assert.ok(traced({ ...CALM, ...hard, seed: 3 }).text !== traced({ ...CALM, ...hard, seed: 4 }).text)
})

test('objects and bytes on the wire give the same run: nothing depends on who holds an object', () => {
  for (const seed of [5, 6, 7]) {
    const [objects, bytes] = [false, true].map((wire) => traced({ ...CALM, ...hard, seed, bytes: wire }).text)
    assert.ok(objects === bytes, `seed ${seed}`)
  }
})

test('a calm run commits everything by the fast path', () => {
  const { verdict, batches, fastShare, perSigner, live, safe } = simulate({ ...CALM, contention: 0 })
  assert.is(verdict, 'ok')
  assert.ok(safe && live)
  assert.is(batches.executed, 5)
  assert.is(fastShare, 1)
  assert.is(perSigner.signatures, 5)
})

test('a batch of its own takes 2·depth hops to its initiator in tree and star, and two in the mesh', () => {
  const alone: Scenario = { ...CALM, n: 31, txs: 1, contention: 0, delay: '5', disk: '0' }
  assert.equal(
    (['tree', 'star', 'mesh'] as const).map((topology) => simulate({ ...alone, topology }).latency),
    [8, 2, 2].map((hops) => ({ hops, ms: hops * 5, p95Ms: hops * 5, maxMs: hops * 5 })),
  )
})

test('one signer alone works', () => {
  assert.is(simulate({ ...CALM, n: 1 }).verdict, 'ok')
})

test('real signatures give the same order as fake ones', () => {
  const scenario: Scenario = { ...CALM, n: 4, txs: 2, contention: 1, seed: 9 }
  const order = (options: RunOptions) => {
    const lines: unknown[] = []
    const result = simulate(scenario, { ...options, trace: ({ what, data }) => what === 'submit' && lines.push(data) })
    return { verdict: result.verdict, executed: result.batches.executed, lines: lines.length }
  }
  assert.equal(order({ crypto: { bls: noble, ed25519: nobleEd25519 } }), order({}))
})

test('n − q signers crash for good, roots too: everything commits', () => {
  for (const [n, crashes] of [
    [7, 1],
    [9, 2],
    [13, 3],
  ] as const)
    for (let seed = 0; seed < 8; seed++) {
      const { verdict, command, violations } = simulate({ ...CALM, n, crashes, contention: 0.9, seed }, { countBytes: false })
      assert.is(verdict, 'ok', `${command} ${JSON.stringify(violations)}`)
    }
})

test('all signers crash and come back', () => {
  for (let seed = 0; seed < 8; seed++) {
    const { verdict, command, violations } = simulate({ ...CALM, restarts: 7, contention: 0.9, seed }, { countBytes: false })
    assert.is(verdict, 'ok', `${command} ${JSON.stringify(violations)}`)
  }
})

test('clients go elsewhere when their signer crashes, and what they sent twice is executed once', () => {
  let retried = 0
  for (let seed = 0; seed < 30; seed++) {
    const submits = new Map<string, number>()
    const scenario: Scenario = { ...CALM, crashes: 1, restarts: 1, contention: 1, seed }
    const { verdict } = simulate(scenario, {
      countBytes: false,
      trace: ({ what, data }) => {
        if (what !== 'submit') return
        const { nonce } = (data as { transaction: { nonce: string } }).transaction
        submits.set(nonce, (submits.get(nonce) ?? 0) + 1)
      },
    })
    assert.is(verdict, 'ok')
    retried += [...submits.values()].filter((times) => times > 1).length
  }
  assert.ok(retried > 3, `${retried} transactions were submitted twice`)
})

test('a run without a commit is unknown, and one that cannot go on is stuck', () => {
  assert.is(simulate({ ...CALM, txs: 0 }).verdict, 'unknown')
  assert.is(simulate({ ...CALM, txs: 0 }).safe, null)
  // A signer that is deaf: nothing of what it is sent reaches it, and nobody knows.
  const deaf = (signer: SimulatedSigner): SimulatedSigner => ({
    restore: (records) => signer.restore(records),
    step: (event) => (event.type === 'message' ? [] : signer.step(event)),
    get wakeAt() {
      return signer.wakeAt
    },
  })
  const { verdict, live, violations } = simulate({ ...CALM, limitMs: 20_000 }, { wrap: (signer, index) => (index < 2 ? deaf(signer) : signer) })
  assert.is(verdict, 'stuck')
  assert.is(live, false)
  assert.ok(violations.every(({ id }) => id === 'L1'))
})

/** A signer whose records all get lost at a restart, though the disk has them. */
function forgetful(signer: SimulatedSigner): SimulatedSigner {
  return {
    restore: () => signer.restore([]),
    step: (event: Event) => signer.step(event),
    get wakeAt() {
      return signer.wakeAt
    },
  }
}

test('the simulator has teeth: signers that forget their records at a restart are caught', () => {
  const caught = new Set<string>()
  for (let seed = 0; seed < 12; seed++) {
    const { violations } = simulate({ ...CALM, restarts: 4, contention: 1, hotKeys: 1, seed }, { countBytes: false, wrap: forgetful })
    for (const { id } of violations) caught.add(id)
  }
  assert.ok(caught.has('D1') || caught.has('D2'), [...caught].join())
})

test('a signer that throws ends the run as unsafe, with what it threw', () => {
  const { verdict, violations } = simulate(CALM, {
    make: (options) => {
      const signer = new Signer(options)
      return {
        restore: (records: Iterable<DurableRecord>) => signer.restore(records),
        step: (event) => {
          if (event.type === 'message') throw new Error('planted')
          return signer.step(event)
        },
        get wakeAt() {
          return signer.wakeAt
        },
      }
    },
  })
  assert.is(verdict, 'unsafe')
  assert.match(violations[0]?.text ?? '', /planted/)
})

test('a command repeats its run: every setting goes through flags and back', () => {
  const scenario: Scenario = { ...CALM, ...hard, n: 9, seed: 77, reorder: true, windowMs: 12.5, disk: '0-4', bytes: true, topology: 'star' }
  const [, , , seed, ...words] = commandOf(scenario).split(' ')
  const given: Record<string, unknown> = {}
  for (let i = 0; i < words.length; i++) {
    const flag = (words[i] ?? '').replace(/^-+/, '')
    const setting = SETTINGS.find(({ name }) => flagOf(name) === flag)
    assert.ok(setting, flag)
    given[flag] = setting.kind === 'switch' ? true : setting.kind === 'whole' || setting.kind === 'number' ? Number(words[++i]) : words[++i]
  }
  assert.equal({ ...scenarioFrom(CALM, given), seed: Number(seed) }, scenario)
  assert.equal(scenarioOf(headLine(scenario)), scenario)
  assert.equal(['seed', ...SETTINGS.map(({ name }) => name)].sort(), Object.keys(CALM).sort())
})

const BAD: [Partial<Scenario>, RegExp][] = [
  [{ n: 0 }, /manifest has no signers|at least one/],
  [{ crashes: 2 }, /more than n − q = 1/],
  [{ restarts: 8 }, /more than the 7 signers/],
  [{ loss: 1.5 }, /share/],
  [{ contention: 1, hotKeys: 0 }, /hot key/],
  [{ delay: 'fast' }, /is no delay/],
  [{ tolerance: '1/3' }, /1\/3/],
  [{ topology: 'mesh', crashes: 1 }, /mesh/],
  [{ txs: -1 }, /txs is -1/],
]

refusesSettings(BAD)

test.run()
