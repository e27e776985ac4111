/**
 * How many of the lies that honest signers could prove together are proved by one of them: `node --import tsx scripts/provable-lies.ts --seeds 40`. Runs each lie in the
 * simulator, shows everything that honest signers received to one witness, and compares what that one proves with what honest signers told by themselves. Prints the
 * table of docs/liars.md. `--apart`: without telling one another what they heard. Exit code 1 where a liar that they could name together is named by none.
 */
import { parseArgs } from 'node:util'
import { fake, fakeEd25519 } from '../src/lib/bls/fake.js'
import { Context } from '../src/lib/core/context.js'
import { type Evidence, verifyEvidence } from '../src/lib/core/evidence.js'
import { Judge } from '../src/lib/core/judge.js'
import type { Manifest } from '../src/lib/core/manifest.js'
import { boundsOf } from '../src/lib/core/manifest.js'
import type { Message } from '../src/lib/core/message.js'
import type { Event } from '../src/lib/core/steppable.js'
import { Witness } from '../src/lib/core/witness.js'
import type { SimulatedSigner } from '../src/lib/simulator/host.js'
import { liarsOf } from '../src/lib/simulator/liars.js'
import { CALM, LIES, type Scenario } from '../src/lib/simulator/scenario.js'
import { signersOf } from '../src/lib/simulator/signers.js'
import { simulate } from '../src/lib/simulator/simulate.js'
import { sweptScenario } from '../src/lib/simulator/sweep.js'

const FAKE = { bls: fake, ed25519: fakeEd25519 }
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '40' },
    first: { type: 'string', default: '1' },
    lies: { type: 'string', default: LIES.join() },
    n: { type: 'string', short: 'n', default: '7' },
    liars: { type: 'string', default: '2' },
    delta: { type: 'string', default: '0' },
    apart: { type: 'boolean', default: false },
  },
})

/** What is told of what was heard goes to all within a few seconds. */
const SETTLE_MS = 5000

interface Received {
  from: number
  message: Message
}

/** What a run left: everything that honest signers received, and what they told. */
function run(scenario: Scenario): { received: Received[]; told: Evidence[] } {
  const received: Received[] = []
  const told: Evidence[] = []
  const { liars } = liarsOf(scenario)
  const listening = (inner: SimulatedSigner): SimulatedSigner => ({
    restore: (records) => inner.restore(records),
    step(event: Event) {
      if (event.type === 'message') received.push({ from: event.from, message: event.message })
      const effects = inner.step(event)
      for (const effect of effects) if (effect.type === 'accuse') told.push(effect.evidence)
      return effects
    },
    get wakeAt() {
      return inner.wakeAt
    },
  })
  simulate(scenario, {
    countBytes: false,
    settleMs: SETTLE_MS,
    rules: { halvesJoined: !values.apart },
    wrap: (signer, index) => (liars.has(index) || index >= scenario.n ? signer : listening(signer)),
  })
  return { received, told }
}

/** Each contradiction of each signer, by name. */
function namesOf(manifest: Manifest, evidence: readonly Evidence[]): Set<string> {
  return new Set(
    evidence.flatMap((one) => {
      const judgement = verifyEvidence(FAKE, manifest, one)
      return judgement.type === 'guilty'
        ? judgement.signers.map((signer) => `${signer} ${one.type} ${judgement.batchIds.map((id) => id.slice(0, 6)).join()}`)
        : []
    }),
  )
}

/** What one witness proves that is shown all of it. */
function together(manifest: Manifest, received: readonly Received[]): Evidence[] {
  const nobody = { blsSecretKey: new Uint8Array(32), linkSecretKey: new Uint8Array(32), check: () => undefined }
  const ctx = new Context({ self: 0, manifest, crypto: FAKE, ...nobody })
  const witness = new Witness(ctx, new Judge(ctx, () => {}), () => {})
  for (const { message } of received)
    if ((message.type === 'propose' || message.type === 'have') && !ctx.journal.get(message.batch.id))
      ctx.journal.apply({ type: 'batch', batch: message.batch })
  for (const { from, message } of received) witness.observe(from, message)
  return ctx.takeEffects().flatMap((effect) => (effect.type === 'accuse' ? [effect.evidence] : []))
}

/** Of one lie: liars that honest signers could name together, and those that one of them named; contradictions, the same. */
interface Count {
  liars: number
  named: number
  lies: number
  proved: number
  /** Runs with a liar that nobody named. */
  missed: number[]
}

function count(lie: string): Count {
  const total: Count = { liars: 0, named: 0, lies: 0, proved: 0, missed: [] }
  for (let seed = Number(values.first); seed < Number(values.first) + Number(values.seeds); seed++) {
    const base: Scenario = { ...CALM, n, txs: 12, liars: Number(values.liars), lie, deltaMs: Number(values.delta), limitMs: 60_000 }
    const scenario = sweptScenario({ base, crashes: crashBound }, seed)
    const { manifest } = signersOf(FAKE, { n, tolerance: scenario.tolerance, fanout: 2, regions: [], timing: {}, deltaMs: scenario.deltaMs })
    const { received, told } = run(scenario)
    const alone = namesOf(manifest, told)
    const all = new Set([...namesOf(manifest, together(manifest, received)), ...alone])
    const signers = (names: Iterable<string>) => new Set([...names].map((name) => name.split(' ')[0])).size
    total.liars += signers(all)
    total.named += signers(alone)
    total.lies += all.size
    total.proved += alone.size
    if (signers(all) > signers(alone)) total.missed.push(seed)
  }
  return total
}

const n = Number(values.n)
const { crashBound } = boundsOf(n, { a: 1, b: 2 })
console.log('| lie | liars that could be named | named | contradictions | proved |\n|---|---|---|---|---|')
for (const lie of values.lies.split(',')) {
  const { liars, named, lies, proved, missed } = count(lie)
  console.log(`| \`${lie}\` | ${liars} | ${named} | ${lies} | ${proved} |`)
  if (missed.length === 0) continue
  process.stderr.write(`${lie}: a liar that could be named is not, seeds ${missed.join(', ')}\n`)
  process.exitCode = 1
}
