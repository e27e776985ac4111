/**
 * Invariant O1: every executed value follows from the votes or promises that were recorded for it, the executed order of every key is the one that
 * follows from the values, and what all saw first comes first. Uses its own derivation, not the core's.
 */

import { countBits } from '../base/bitmap.js'
import type { Id } from '../base/bytes.js'
import type { Certificate, Order, PromiseSet } from '../core/certificate.js'
import { valueDigest } from '../core/statement.js'
import type { Value } from '../core/tally.js'
import type { VoteSet } from '../core/vote-set.js'
import { componentsInOrder, countNamed, type Decided, orderInside, type Quorums, quorumsOf } from './derivation.js'
import type { Execution, History, Violation } from './history.js'
import { isSameSet, namedByValue, namedByView, short } from './past.js'

type Logs = ReadonlyMap<string, Id[]>

/** What breaks O1 in a run. `logs`: the furthest log of each key. */
export function orderViolations(history: History, logs: Logs): Violation[] {
  const quorums = quorumsOf(history.sizes.get(0) ?? history.n, history.tolerance)
  const executions = firstExecutions(history)
  const quorumsAt = (batchId: Id): Quorums => {
    const epoch = history.batches.get(batchId)?.epoch ?? 0
    return quorumsOf(history.sizes.get(epoch) ?? history.n, history.tolerance)
  }
  const values = [...executions.values()].flatMap((execution) => valueFaults(history, logs, quorumsAt(execution.batchId), execution))
  const decided = new Map<Id, Decided>()
  for (const [batchId, { value }] of executions) {
    const keys = history.batches.get(batchId)?.keys ?? []
    decided.set(batchId, { keys, before: namedByValue(logs, value), tallies: value.tallies })
  }
  const components = componentsInOrder(decided)
  const homes = new Map(components.flatMap((component, home) => component.map((id) => [id, home] as const)))
  const places = new Map<Id, number>()
  for (const component of components) for (const id of orderInside(component, decided)) places.set(id, places.size)
  // That what all saw first comes first is owed with up to f_a liars only; with more, up to f_s, the order is still one order.
  const arrivals = history.liars.size <= quorums.liars ? arrivalFaults(history, homes, logs) : []
  return [...values, ...orderFaults(logs, places), ...arrivals].map((text) => ({ id: 'O1', text }))
}

function firstExecutions(history: History): Map<Id, Execution> {
  const executions = new Map<Id, Execution>()
  for (const { executed } of history.signers)
    for (const execution of executed) if (!executions.has(execution.batchId)) executions.set(execution.batchId, execution)
  return executions
}

function countVotes(logs: Logs, votes: VoteSet) {
  return countNamed(votes.entries.map(({ view, signers }) => ({ named: namedByView(logs, view), count: countBits(signers) })))
}

/** What is wrong with the value of one execution, given the votes or promises that led to it. */
function valueFaults(history: History, logs: Logs, quorums: Quorums, { batchId, certificate, value }: Execution): string[] {
  const before = namedByValue(logs, value)
  const name = `batch ${short(batchId)}`
  if (certificate.type === 'fast') {
    const { m, inc } = countVotes(logs, certificate.votes)
    const undecided = [...inc].find(([, count]) => count < quorums.quorum && m - count < quorums.quorum)
    if (m < quorums.quorum) return [`${name} was committed fast with ${m} votes, a quorum is ${quorums.quorum}`]
    if (undecided) return [`${name} was committed fast although ${undecided[1]} of ${m} votes name ${short(undecided[0])}`]
    return isSameSet(before, included(inc, quorums)) ? [] : [`${name} has other predecessors than its votes give`]
  }
  const order = history.orders.find((one) => isFor(history, one, certificate))
  if (!order) return [`${name} was committed in ballot ${certificate.ballot} and nobody recorded that order`]
  const expected =
    order.proof.type === 'votes' ? fromVotes(logs, quorums, order.proof.votes) : fromPromises(history, batchId, logs, quorums, order.proof.promises)
  if (expected.m < quorums.quorum) return [`${name} was ordered in ballot ${order.ballot} from ${expected.m} votes, a quorum is ${quorums.quorum}`]
  if (expected.digest !== undefined)
    return valueDigest(history.clusterId, value) === expected.digest
      ? []
      : [`${name} was decided in ballot ${order.ballot} against the value that promises forced`]
  if (!isSameSet(before, expected.before)) return [`${name} has other predecessors than ${order.proof.type} of ballot ${order.ballot} give`]
  if (expected.isFast) return value.tallies === null ? [] : [`${name} has tallies, its fast certificate has none`]
  return talliesFault(logs, value, expected).map((fault) => `${name}: ${fault}`)
}

function isFor(history: History, order: Order, certificate: Certificate & { type: 'slow' }): boolean {
  if (order.batchId !== certificate.batchId || order.ballot !== certificate.ballot) return false
  return valueDigest(history.clusterId, order.value) === valueDigest(history.clusterId, certificate.value)
}

function included(inc: ReadonlyMap<Id, number>, { inclusion }: Quorums): Set<Id> {
  return new Set([...inc].filter(([, count]) => count > inclusion).map(([id]) => id))
}

interface Expected {
  m: number
  inc: ReadonlyMap<Id, number>
  before: Set<Id>
  /** The digest of the value that had to be taken, if one was forced. */
  digest?: Id
  /** The value is that of a fast certificate: without tallies. */
  isFast?: boolean
}

function fromVotes(logs: Logs, quorums: Quorums, votes: VoteSet): Expected {
  const { m, inc } = countVotes(logs, votes)
  return { m, inc, before: included(inc, quorums) }
}

/** Whether a certificate of phase 3 stands against a fast one, each without the other (§9). */
function isVoid(batchId: Id, before: ReadonlySet<Id>, logs: Logs, { backings }: PromiseSet): boolean {
  return backings.some((backing) => {
    if (backing.type !== 'certificate' || backing.certificate.type !== 'slow') return false
    return !before.has(backing.certificate.batchId) && !namedByValue(logs, backing.certificate.value).has(batchId)
  })
}

/** §7 and §9: the value of the certificate shown, else the forced value, else what the votes in the promises include, and the blockers. */
function fromPromises({ clusterId }: History, batchId: Id, logs: Logs, quorums: Quorums, promises: PromiseSet): Expected {
  const { m, inc } = countVotes(logs, promises.votes)
  const { certificate } = promises
  if (certificate?.type === 'slow') return { m, inc, before: new Set(), digest: valueDigest(clusterId, certificate.value) }
  if (certificate) {
    const before = included(countVotes(logs, certificate.votes).inc, quorums)
    if (!isVoid(batchId, before, logs, promises)) return { m, inc, before, isFast: true }
  }
  const needed = m - (quorums.n - quorums.quorum) - quorums.liars
  const reported = new Map<Id, number>()
  for (const { accepted, signers } of promises.statements)
    if (accepted) reported.set(accepted.valueDigest, (reported.get(accepted.valueDigest) ?? 0) + countBits(signers))
  const forced = [...reported].find(([, count]) => count >= needed)
  const before = included(inc, quorums)
  const backed = new Set(promises.backings.map((backing) => (backing.type === 'order' ? backing.order.batchId : backing.certificate.batchId)))
  // A blocker that nothing backs is a lie and counts for nothing.
  for (const { blockers } of promises.statements) for (const blocker of blockers) if (backed.has(blocker)) before.add(blocker)
  return { m, inc, before, ...(forced ? { digest: forced[0] } : {}) }
}

/** Whether the counts in a value are the counts of its votes, for what lies above its base. */
function talliesFault(logs: Logs, value: Value, { m, inc }: Expected): string[] {
  if (!value.tallies) return []
  if (value.tallies.m !== m) return [`its value counts ${value.tallies.m} votes, there were ${m}`]
  const below = namedByValue(logs, { ...value, predecessors: [] })
  for (const id of new Set([...inc.keys(), ...value.tallies.inc.keys()]))
    if (!below.has(id) && (inc.get(id) ?? 0) !== (value.tallies.inc.get(id) ?? 0))
      return [`its value counts ${value.tallies.inc.get(id) ?? 0} votes that name ${short(id)}, there were ${inc.get(id) ?? 0}`]
  return []
}

/** Where the executed order of a key is not the one that the values give. */
function orderFaults(logs: Logs, places: ReadonlyMap<Id, number>): string[] {
  const faults: string[] = []
  for (const [key, log] of logs)
    for (let i = 1; i < log.length; i++) {
      const [earlier, later] = [log[i - 1] ?? '', log[i] ?? '']
      if ((places.get(earlier) ?? 0) > (places.get(later) ?? 0))
        faults.push(`on key ${key} batch ${short(earlier)} was executed before ${short(later)}; their values give the other order`)
    }
  return faults
}

/** How far apart in a log two batches are compared by arrival: nearer ones are those that arrived together. */
const NEAR = 16

/** What every signer saw first and was executed second. Only what stands outside a circle: a circle has to be cut somewhere. */
function arrivalFaults(history: History, homes: ReadonlyMap<Id, number>, logs: Logs): string[] {
  const arrivals = history.signers.map((signer) => new Map(signer.arrivals.map((id, i) => [id, i])))
  const faults: string[] = []
  for (const [key, log] of logs)
    for (const [i, first] of log.entries())
      for (const second of log.slice(i + 1, i + 1 + NEAR)) {
        if (homes.get(first) === homes.get(second)) continue
        const saw = arrivals.filter((arrived) => arrived.has(first))
        if (saw.length > 0 && saw.every((arrived) => (arrived.get(second) ?? Number.POSITIVE_INFINITY) < (arrived.get(first) ?? 0)))
          faults.push(`on key ${key} every signer saw ${short(second)} before ${short(first)}, which was executed first`)
      }
  return faults
}
