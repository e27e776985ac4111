/**
 * One run from one seed: plans it, lets the world go on until everything owed is done or the time for it is over, has the checkers look at the
 * history, and says what came of it.
 */

import { SeededRandom } from '../base/prng.js'
import type { Crypto } from '../bls/backend.js'
import { fake, fakeEd25519 } from '../bls/fake.js'
import { verifyEvidence } from '../core/evidence.js'
import { Learner } from '../core/learner.js'
import { boundsOf, type Manifest, parseTolerance, type Timing } from '../core/manifest.js'
import type { Rules } from '../core/rules.js'
import { Signer, type SignerOptions } from '../core/signer.js'
import { violationsOf } from './checkers.js'
import { rememberingCrypto } from './counted-crypto.js'
import { type Fault, faultsOverMs, planFaults, planPeers } from './faults.js'
import type { Accusation, History, Violation } from './history.js'
import type { SimulatedSigner } from './host.js'
import { joinedEvidence, recordsOf } from './joined-evidence.js'
import { type LiarGroup, liarsOf } from './liars.js'
import { calmMsOf, isCalm } from './limits-checker.js'
import { type Load, measureLoad, planLoad } from './load.js'
import { MeshSigner } from './mesh.js'
import { checkTransaction } from './mixing-machine.js'
import { planChanges } from './operators.js'
import { endName, short } from './past.js'
import { quantile } from './quantile.js'
import { WIDE_AREA_TIMING } from './regions.js'
import { checkScenario, commandOf, type Scenario } from './scenario.js'
import { type Signers, signersOf } from './signers.js'
import type { TraceLine } from './trace.js'
import { planWorkload } from './workload.js'
import { type Costs, World } from './world.js'

/** What a run may be given besides its scenario. */
export interface RunOptions {
  /** The signing; without it the insecure and fast one. */
  crypto?: Crypto
  /** Told every event and effect. */
  trace?: (line: TraceLine) => void
  /** Given the history that the checkers look at, when the run is over. */
  history?: (history: History) => void
  /** Whether to encode every message to count its bytes. Default true. */
  countBytes?: boolean
  timing?: Partial<Timing>
  /** Rules of the core that a test takes out. */
  rules?: Partial<Rules>
  /** Wraps a signer: where liars come in. */
  wrap?: (signer: SimulatedSigner, index: number) => SimulatedSigner
  /** The signers that lie, because they are wrapped or made so. */
  liars?: ReadonlySet<number>
  /** How long the world goes on after everything is done. Default 100 ms. */
  settleMs?: number
  /** Makes a signer; without it the core's. */
  make?: (options: SignerOptions) => SimulatedSigner
}

/** What a run was, in one word: `unknown` where it showed nothing, because nothing was committed or a planned fault never happened. */
export type Verdict = 'ok' | 'unsafe' | 'stuck' | 'unknown'

/** Costs of the average signer, and of the one that had most of each. */
export type PerSigner = Costs

/** What came of one run. */
export interface Result {
  seed: number
  n: number
  runs: 1
  verdict: Verdict
  /** Whether no invariant was broken; null where the run showed nothing. */
  safe: boolean | null
  /** Whether everything owed was executed in time; null where nothing was owed or shown. */
  live: boolean | null
  violations: Violation[]
  /** Why the run shows nothing, if so. */
  unknown: string[]
  /** The command that repeats it. */
  command: string
  /** Batches that were executed, and how they were decided. */
  batches: { executed: number; fast: number; slow: number; recovered: number }
  /** The share of executed batches that were decided without phase 3. */
  fastShare: number
  /** What a run under load reached; null without. */
  load: Load | null
  /** From submission to execution at the signer that was asked: medians; `p95Ms` and `maxMs` of all transactions. */
  latency: { hops: number; ms: number; p95Ms: number; maxMs: number }
  perSigner: PerSigner
  busiest: PerSigner
  faults: readonly string[]
  lost: number
  suspicions: number
  /** Virtual milliseconds until everything was done. */
  virtualMs: number
  /** Actions on the timeline: how much the run did. */
  actions: number
}

/** How long the world goes on after everything is done: what is still on its way must not break anything. */
const SETTLE_MS = 100
/** How long a run goes on after its last fault at most where no progress is owed. */
const NOT_OWED_MS = 20_000

/** Runs a scenario. The same scenario and options give the same result and the same trace, byte for byte. Errors: `BAD_INPUT`. */
export function simulate(scenario: Scenario, options: RunOptions = {}): Result {
  checkScenario(scenario, boundsOf(Math.max(1, scenario.n), parseTolerance(scenario.tolerance)))
  const crypto = rememberingCrypto(options.crypto ?? { bls: fake, ed25519: fakeEd25519 })
  const signers = signersFor(scenario, options)
  const { manifest } = signers
  const planned = scenario.load > 0 ? planLoad : planWorkload
  const plan = planned(scenario, manifest.clusterId, new SeededRandom(`workload/${scenario.seed}`))
  const roots = plan.map(({ signer }) => signer)
  const faults = [
    ...planFaults(scenario, roots, new SeededRandom(`faults/${scenario.seed}`)),
    ...planPeers(scenario, new SeededRandom(`peers/${scenario.seed}`)),
  ]
  const group = liarsOf(scenario)
  const liars = options.liars ?? group.liars
  const world = new World({
    scenario,
    signers,
    crypto,
    plan,
    faults,
    changes: planChanges(scenario, new SeededRandom(`changes/${scenario.seed}`)),
    make: (self, counted) => makeSigner(scenario, options, signers, self, counted, group),
    liars,
    spy: group.spy,
    countBytes: options.countBytes !== false,
    trace: options.trace,
  })
  const overMs = faultsOverMs(scenario, faults)
  world.timeline.at(overMs, () => world.calm())
  const bug = goOn(world, overMs + (isOwed(faults, liars, manifest, scenario) ? scenario.limitMs : Math.min(scenario.limitMs, NOT_OWED_MS)))
  const virtualMs = world.timeline.now
  const history = historyOf(world, manifest, liars, scenario)
  history.isCalm = isCalm(scenario) && liars.size === 0 && manifest.deltaMs === 0 && options.wrap === undefined
  history.calmMs = group.isConfined && isCalm({ ...scenario, liars: 0 }) && options.wrap === undefined ? calmMsOf(scenario, manifest) : null
  if (bug === undefined) settle(world, options.settleMs ?? SETTLE_MS)
  history.accusations = accusationsIn(world, crypto)
  options.history?.(history)
  const violations: Violation[] = [...(bug === undefined ? [] : [{ id: 'BUG' as const, text: bug }]), ...violationsOf(history)]
  return resultOf(scenario, world, violations, history, faults.length, virtualMs)
}

/** What signers told as evidence, and what the records of all give together, each read again with the manifest of its epoch alone. */
function accusationsIn({ recorder, seats }: World, crypto: Crypto): Accusation[] {
  const joined = [...recorder.manifests.values()].flatMap((manifest) => {
    const epochOf = (batchId: string): number | undefined => recorder.batches.get(batchId)?.epoch
    const records = recordsOf(manifest, recorder.records, epochOf, (host) => seats.seatIn(manifest, host))
    return joinedEvidence(crypto, manifest, records).map((evidence) => ({ by: null, evidence, manifest }))
  })
  return [...recorder.accusations, ...joined].map(({ by, evidence, manifest }) => {
    const judgement = verifyEvidence(crypto, manifest, evidence)
    const guilty = judgement.type === 'fault' ? judgement : { ...judgement, signers: judgement.signers.map((seat) => seats.hostOf(manifest, seat)) }
    return { by, kind: evidence.type, judgement: guilty }
  })
}

function signersFor(scenario: Scenario, { crypto, timing }: RunOptions): Signers {
  const { n, tolerance, deltaMs, topology, regions, tree, wideArea } = scenario
  return signersOf(crypto ?? FAKE, {
    n,
    tolerance,
    deltaMs,
    fanout: topology === 'star' ? Math.max(2, n - 1) : 2,
    regions: regions > 1 ? Array.from({ length: regions }, (_, i) => `region-${i}`) : [],
    tree,
    timing: { ...(wideArea ? WIDE_AREA_TIMING : {}), ...timing },
    ...(scenario.admits > 0 && { spare: scenario.admits }),
  })
}

const FAKE: Crypto = { bls: fake, ed25519: fakeEd25519 }

function makeSigner(
  scenario: Scenario,
  options: RunOptions,
  { manifest, keys }: Signers,
  self: number,
  crypto: Crypto,
  group: LiarGroup,
): SimulatedSigner {
  if (self >= keys.length) return new Learner({ manifest, crypto, confirm: scenario.confirm, rules: options.rules ?? {} })
  const { bls, link } = keys[self] as { bls: Uint8Array; link: Uint8Array }
  const signerOptions: SignerOptions = {
    self: self < manifest.n ? self : -1,
    manifest,
    crypto,
    blsSecretKey: bls,
    linkSecretKey: link,
    check: checkTransaction,
    rules: options.rules ?? {},
  }
  const make = options.make ?? ((one: SignerOptions) => (scenario.topology === 'mesh' ? new MeshSigner(one) : new Signer(one)))
  const signer = make(signerOptions)
  const wrapped = signer instanceof Signer && group.liars.has(self) ? group.wrap(signer, signerOptions) : signer
  return options.wrap?.(wrapped, self) ?? wrapped
}

/** Whether enough signers that keep to the protocol will run in the end, so that progress is owed (L1). */
function isOwed(faults: readonly Fault[], liars: ReadonlySet<number>, manifest: Manifest, scenario: Scenario): boolean {
  const gone = new Set(liars)
  for (const fault of faults) if (fault.type === 'crash' && fault.signer < manifest.n && fault.backAfterMs === null) gone.add(fault.signer)
  return manifest.n - gone.size >= neededFor(manifest, scenario)
}

/** How many signers progress takes: a quorum, and under the guard as many as a signer that comes back compares itself with (§9). */
function neededFor({ n, quorum, syncByzantineBound, deltaMs }: Manifest, { restarts }: Scenario): number {
  return deltaMs > 0 && restarts > 0 ? Math.max(quorum, Math.min(syncByzantineBound + 2, n)) : quorum
}

/** Lets the world go on until all is done or `deadlineMs` has come; returns what a signer threw, if one did. */
function goOn(world: World, deadlineMs: number): string | undefined {
  const { timeline } = world
  let seen = -1
  try {
    for (;;) {
      if (world.progress !== seen) {
        seen = world.progress
        if (world.faultsAhead === 0 && world.isDone) return undefined
      }
      if (timeline.nextAt > deadlineMs || !timeline.step()) return undefined
    }
  } catch (error) {
    return `at ${timeline.now} ms: ${error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' ') : String(error)}`
  }
}

function settle({ timeline }: World, ms: number): void {
  const until = timeline.now + ms
  while (timeline.nextAt <= until) timeline.step()
}

function historyOf(world: World, manifest: Manifest, liars: ReadonlySet<number>, scenario: Scenario): History {
  const n = scenario.n + scenario.admits
  const isHonest = (host: number): boolean => world.hosts[host]?.isUp === true && !liars.has(host)
  const progressOwed = [...world.recorder.manifests.values()].every((one) => {
    const up = one.signers.filter((_, seat) => isHonest(world.seats.hostOf(one, seat))).length
    return up >= neededFor(one, scenario)
  })
  for (const history of world.recorder.signers) history.isUp = world.hosts[history.signer]?.isUp === true
  const pending = [
    ...world.changesWanted.map((text) => `operators wait: ${text}`),
    ...world.clients.unsettled.map(({ txId }) => `transaction ${short(txId)} has no answer`),
    ...world.behind().map(({ signer, batchIds }) => `${endName(signer, n)} has not executed ${batchIds.map(short).join(', ')}`),
  ]
  return {
    n,
    sizes: new Map([...world.recorder.manifests].map(([epoch, one]) => [epoch, one.n])),
    tolerance: manifest.tolerance,
    clusterId: manifest.clusterId,
    signers: world.recorder.signers.filter(({ signer }) => signer < n && !liars.has(signer)),
    peers: world.recorder.signers.slice(n),
    peerSuspicions: world.recorder.peerSuspicions,
    transactions: world.clients.transactions,
    batches: world.recorder.batches,
    orders: world.recorder.orders,
    accusations: [],
    liars,
    pending,
    progressOwed,
    messages: world.messages,
    isCalm: false,
    isGuarded: manifest.deltaMs > 0,
    // At a change all connect anew, each with each.
    attempts: 1 + world.timeline.now / manifest.timing.recoveryTimeoutMs + scenario.restarts + scenario.evicts + scenario.admits,
    calmMs: null,
  }
}

function resultOf(scenario: Scenario, world: World, violations: Violation[], history: History, planned: number, virtualMs: number): Result {
  const executed = new Map(
    history.signers.flatMap((signer) => signer.executed.map((execution) => [execution.batchId, execution.certificate] as const)),
  )
  const fast = [...executed.values()].filter((certificate) => certificate.type === 'fast').length
  const recovered = [...executed.values()].filter((certificate) => certificate.type === 'slow' && certificate.ballot > 0).length
  const begun = world.fired.filter((text) => !/ (?:back|again|as fast as before)$/.test(text)).length
  const unknown = [
    ...(executed.size === 0 ? ['nothing was committed'] : []),
    ...(begun < planned ? [`${planned - begun} planned faults did not happen`] : []),
    ...(scenario.loss > 0 && world.lost === 0 ? ['no message was lost'] : []),
    ...(scenario.snapshotEvery > 0 && world.hosts.every(({ prunings }) => prunings === 0) ? ['nothing was pruned'] : []),
  ]
  const isUnsafe = violations.some(({ id }) => id !== 'L1' && id !== 'L2')
  const isStuck = violations.some(({ id }) => id === 'L1' || id === 'L2')
  const verdict: Verdict = isUnsafe ? 'unsafe' : isStuck ? 'stuck' : unknown.length > 0 ? 'unknown' : 'ok'
  const latencies = [...history.transactions.values()].flatMap(({ submittedAt, acknowledgedAt }) =>
    acknowledgedAt === undefined ? [] : [acknowledgedAt - submittedAt],
  )
  const { perSigner, busiest } = costsOf(world.costs.slice(0, scenario.n))
  return {
    seed: scenario.seed,
    n: scenario.n,
    runs: 1,
    verdict,
    safe: isUnsafe ? false : unknown.length > 0 ? null : true,
    live: isStuck ? false : unknown.length > 0 || !history.progressOwed ? null : true,
    violations,
    unknown,
    command: commandOf(scenario),
    batches: { executed: executed.size, fast, slow: executed.size - fast - recovered, recovered },
    fastShare: executed.size === 0 ? 0 : fast / executed.size,
    load: scenario.load > 0 ? measureLoad(scenario, history.transactions.values(), busiest) : null,
    latency: {
      hops: quantile([...world.hopsOf.values()], 0.5),
      ms: quantile(latencies, 0.5),
      p95Ms: quantile(latencies, 0.95),
      maxMs: quantile(latencies, 1),
    },
    perSigner,
    busiest,
    faults: world.fired,
    lost: world.lost,
    suspicions: world.suspicions,
    virtualMs,
    actions: world.timeline.planned,
  }
}

function costsOf(costs: readonly Costs[]): { perSigner: PerSigner; busiest: PerSigner } {
  const of = (combine: (values: number[]) => number): PerSigner => ({
    messages: combine(costs.map((cost) => cost.messages)),
    bytes: combine(costs.map((cost) => cost.bytes)),
    workMs: combine(costs.map((cost) => cost.workMs)),
    signatures: combine(costs.map((cost) => cost.signatures)),
    verifications: combine(costs.map((cost) => cost.verifications)),
    pairings: combine(costs.map((cost) => cost.pairings)),
    linkSignatures: combine(costs.map((cost) => cost.linkSignatures)),
    linkVerifications: combine(costs.map((cost) => cost.linkVerifications)),
  })
  return {
    perSigner: of((values) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)),
    busiest: of((values) => values.reduce((most, value) => Math.max(most, value), 0)),
  }
}
