/** What clients and the signer itself notice of an attack: latencies in a calm and under it, in turns in one run, and what the attacked process needs. */
import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { linkSecretOf, readKeyFile } from '../../src/lib/node/keystore.js'
import { putDocument } from '../node/cluster-fixture.js'
import { skipped } from '../skip.js'
import { type Attack, Ongoing, type Outcome, type Target } from './attacks.js'
import type { SignerProcesses } from './processes.js'

/** By how much longer honest clients may wait under an attack, and what it may add to the attacked process, MiB: heaps breathe. */
export interface Bounds {
  ratio: number
  growthMib: number
}

/** Strangers at the port. */
export const STRANGERS: Bounds = { ratio: 2, growthMib: 96 }
/** Those who may have work done: programs on the signer's own machine that read its API, and holders of a link key. Its CPU is what they get; on two cores attacker, client and all signers share it. */
export const ENTITLED: Bounds = { ratio: 4, growthMib: 256 }
/** Processes that run or wait for each core: the cluster and its attacker make less. */
const BUSY_LOAD = 3

/** How often calm and attack take turns, how long each of them lasts, and how many transactions are timed in it at least. */
export interface Effort {
  rounds: number
  samples: number
  leastMs: number
}

/** An attack under way. */
export type Hostile = Pick<Ongoing, 'stop' | 'halt'>

export interface Findings {
  outcomes: Outcome[]
  calmMs: number
  attackedMs: number
  ratio: number
  /** The most that the process had more than before, MiB. */
  growthMib: number
  samples: number
}

let documents = 0

/** A light load: one transaction after the other through one signer, each on a document of its own. How long each took, as its client saw it. */
export async function latencies(cluster: SignerProcesses, to: number, { samples, leastMs }: Effort): Promise<number[]> {
  const took: number[] = []
  for (const begun = performance.now(); took.length < samples || performance.now() - begun < leastMs; await sleep(10)) {
    const transaction = putDocument(cluster.files.manifest, `load-${documents++}`, {})
    const sent = performance.now()
    const { status } = await cluster.client.submit(transaction, { to, timeoutMs: 30_000 })
    took.push(performance.now() - sent)
    assert.is(status, 'executed')
  }
  return took
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** What is attacked: a signer, with the key of another one that is linked to it. */
export async function targetOf(cluster: SignerProcesses, index: number, known: number): Promise<Target> {
  return {
    address: cluster.address(index),
    index,
    manifest: cluster.files.manifest,
    known: { index: known, linkSecretKey: await linkKeyOf(cluster, known) },
  }
}

/** A signer's link key, as a thief of its key file has it. */
async function linkKeyOf(cluster: SignerProcesses, index: number): Promise<Uint8Array> {
  const file = await readKeyFile(cluster.config(index).key)
  if (file.type !== 'insecure') throw new Error('the keys of test clusters are in plain')
  return linkSecretOf(file.secretKey)
}

/** Calm and attack in short turns, so that whatever else the machine does meets both alike. Only the last attack is waited for until it has ended by itself. */
export async function measured(cluster: SignerProcesses, begin: () => Hostile, index: number, effort: Effort): Promise<Findings> {
  const calm: number[] = []
  const attacked: number[] = []
  const outcomes: Outcome[] = []
  let growth = 0
  const before = cluster.memory(index)
  const look = setInterval(() => {
    growth = Math.max(growth, cluster.memory(index) - before)
  }, 50)
  for (let i = 1; i <= effort.rounds; i++) {
    calm.push(...(await latencies(cluster, index, effort)))
    const ongoing = begin()
    await sleep(100)
    attacked.push(...(await latencies(cluster, index, effort)))
    outcomes.push(await (i === effort.rounds ? ongoing.stop() : ongoing.halt()))
    await sleep(100)
  }
  clearInterval(look)
  const [calmMs, attackedMs] = [median(calm), median(attacked)]
  return { outcomes, calmMs, attackedMs, ratio: attackedMs / calmMs, growthMib: growth / 2 ** 20, samples: attacked.length }
}

/**
 * Clients must hardly notice an attack. On a machine on which much else runs the figure says more about that than about the attack: it is printed all the same, and
 * counted as not tested.
 */
export function hardlyNoticed(name: string, { calmMs, ratio }: Findings, bounds: Bounds): void {
  const load = loadavg()[0] ?? 0
  const busy = BUSY_LOAD * availableParallelism()
  if (load < busy) assert.ok(ratio < bounds.ratio, `honest latency × ${ratio.toFixed(2)}`)
  else
    skipped(
      1,
      `${name}: latency × ${ratio.toFixed(2)} of ${calmMs.toFixed(0)} ms, at a load of ${load.toFixed(0)} where ${busy} is too much to judge it`,
    )
}

export function boundsOf({ isEntitled = false }: Attack): Bounds {
  return isEntitled ? ENTITLED : STRANGERS
}

/** One line about an attack. */
export function told(name: string, { outcomes, calmMs, attackedMs, ratio, growthMib, samples }: Findings): string {
  const opened = outcomes.reduce((sum, each) => sum + each.opened, 0)
  const longestMs = Math.max(...outcomes.map((each) => each.longestMs))
  return [
    `${name}: ${opened} connections, the longest ${Math.round(longestMs)} ms`,
    `latency ${calmMs.toFixed(1)} → ${attackedMs.toFixed(1)} ms (× ${ratio.toFixed(2)}, ${samples} samples)`,
    `memory + ${growthMib.toFixed(0)} MiB`,
  ].join('; ')
}

/** Begins an attack and looks at all of it: the endings that it must have, the signer alive, no honest link lost, memory bounded. */
export async function withstand(cluster: SignerProcesses, attack: Attack, target: Target, effort: Effort): Promise<Findings> {
  const disconnects = () => cluster.metric(target.index, 'musig_link_disconnects_total')
  const before = await disconnects()
  const findings = await measured(cluster, () => new Ongoing(attack, target), target.index, effort)
  console.log(told(attack.name, findings))
  for (const { opened, longestMs, endings } of findings.outcomes) {
    assert.ok(opened > 0, 'no connection was made')
    for (const [ending, count] of endings) assert.match(ending, attack.ends, `${count} × “${ending}”`)
    assert.ok(longestMs < attack.withinMs, `one lived ${Math.round(longestMs)} ms`)
  }
  assert.is(cluster.signer(target.index).child.exitCode, null, 'the signer has ended')
  assert.is(await disconnects(), before, 'a link of an honest signer was lost')
  assert.ok(findings.growthMib < boundsOf(attack).growthMib, `${findings.growthMib} MiB more`)
  return findings
}
