/**
 * The checkers: what must hold in every run, each invariant by itself, from the history of the run alone. Written apart from the core: whatever
 * both did wrong in the same way would stay unseen. O1 is in `order-checker.ts`, what a run may
 * cost in `limits-checker.ts`.
 */
import type { Id } from '../base/bytes.js'
import { valueDigest } from '../core/statement.js'
import { epochViolations } from './epoch-checker.js'
import type { Execution, History, SignerHistory, Violation } from './history.js'
import { limitViolations } from './limits-checker.js'
import { orderViolations } from './order-checker.js'
import { endName, isSameSet, keyLogsOf, longestLogs, namedByValue, short } from './past.js'

/** Everything that broke in a run; empty if all held. */
export function violationsOf(history: History): Violation[] {
  const { n } = history
  const followers = [...history.signers, ...history.peers]
  const ofAll = { ...history, signers: followers }
  const all = followers.map((follower) => keyLogsOf(history, follower))
  const logs = longestLogs(all)
  const forks = followers.flatMap(({ signer }, i) => forkViolations(endName(signer, n), all[i] ?? new Map(), logs))
  // Heights mean nothing where the logs differ, so what is read against them waits for that to be put right.
  const ordered = forks.length > 0 ? [] : [...valueViolations(ofAll, logs), ...orderViolations(history, logs)]
  return [
    ...forks,
    ...heightViolations(ofAll),
    ...ordered,
    ...digestViolations(ofAll),
    ...durabilityViolations(ofAll),
    ...onceViolations(ofAll),
    ...circleViolations(all),
    ...acknowledgedFirstViolations(history, logs),
    ...epochViolations(history),
    ...slanderViolations(history),
    ...progressViolations(history),
    ...limitViolations(history),
  ]
}

type Logs = ReadonlyMap<string, Id[]>

/** A1: the executed batches of a key are prefixes of one sequence. */
function forkViolations(name: string, logs: Logs, longest: Logs): Violation[] {
  return [...logs].flatMap(([key, log]) => {
    const furthest = longest.get(key) ?? []
    const at = log.findIndex((id, i) => id !== furthest[i])
    return at < 0 ? [] : [fork(name, key, at, log[at] ?? '', furthest[at] ?? '')]
  })
}

function fork(name: string, key: string, at: number, here: Id, elsewhere: Id): Violation {
  return { id: 'A1', text: `${name} executed ${short(here)} at height ${at + 1} of key ${key}, another signer ${short(elsewhere)}` }
}

/** A1: the heights that a signer tells are the places in the log of each key. */
function heightViolations({ n, signers, batches }: History): Violation[] {
  return signers.flatMap(({ signer, executed }) => {
    const tops = new Map<string, number>()
    return executed.flatMap(({ batchId, heights }) => {
      const keys = batches.get(batchId)?.keys ?? []
      for (const key of keys) tops.set(key, (tops.get(key) ?? 0) + 1)
      if (heights.size === keys.length && keys.every((key) => heights.get(key) === tops.get(key))) return []
      return [{ id: 'A1' as const, text: `${endName(signer, n)} tells other heights of batch ${short(batchId)} than it has executed` }]
    })
  })
}

/** A1: one batch has the same predecessors everywhere. */
function valueViolations(history: History, logs: Logs): Violation[] {
  const seen = new Map<Id, { digest: Id; before: Set<Id>; signer: number }>()
  const violations: Violation[] = []
  for (const { signer, executed } of history.signers)
    for (const { batchId, value } of executed) {
      const digest = valueDigest(history.clusterId, value)
      const known = seen.get(batchId)
      if (known?.digest === digest) continue
      const before = namedByValue(logs, value)
      if (!known) seen.set(batchId, { digest, before, signer })
      else if (!isSameSet(known.before, before))
        violations.push({
          id: 'A1',
          text: `batch ${short(batchId)} has other predecessors at ${endName(signer, history.n)} than at ${endName(known.signer, history.n)}`,
        })
    }
  return violations
}

/** A2: the same order gives the same state. */
function digestViolations({ n, signers }: History): Violation[] {
  const states = new Map<Id, { machineDigest: Id; signer: number }>()
  const violations: Violation[] = []
  for (const { signer, executed } of signers)
    for (const { orderDigest, machineDigest, batchId } of executed) {
      const known = states.get(orderDigest)
      if (!known) states.set(orderDigest, { machineDigest, signer })
      else if (known.machineDigest !== machineDigest)
        violations.push({
          id: 'A2',
          text: `after batch ${short(batchId)} ${endName(known.signer, n)} and ${endName(signer, n)} have one order and two states`,
        })
    }
  return violations
}

/** D1 and D2: a restart gives back what was executed; one view for each batch, one accept for each ballot; nothing is said before its record. */
function durabilityViolations({ n, signers }: History): Violation[] {
  return signers.flatMap((history) => [...restartViolations(history, n), ...twiceViolations(history), ...earlyViolations(history, n)])
}

function restartViolations({ signer, restarts }: SignerHistory, n: number): Violation[] {
  return restarts.flatMap(({ before, restored }) => {
    const at = before.findIndex((id, i) => id !== restored[i])
    if (at < 0) return []
    return [{ id: 'D1' as const, text: `${endName(signer, n)} had executed ${short(before[at] ?? '')} and did not after its restart` }]
  })
}

function earlyViolations({ signer, early }: SignerHistory, n: number): Violation[] {
  return early.map((what) => ({ id: 'D2', text: `${endName(signer, n)} sent its ${what} before that was durable` }))
}

function twiceViolations({ signer, votes, accepts }: SignerHistory): Violation[] {
  const views = new Map<Id, string>()
  const values = new Map<string, Id>()
  const violations: Violation[] = []
  for (const { batchId, view } of votes) {
    const text = JSON.stringify([[...view.heights].sort(), view.pending])
    if ((views.get(batchId) ?? text) !== text) violations.push({ id: 'D2', text: `signer ${signer} recorded two views for batch ${short(batchId)}` })
    views.set(batchId, text)
  }
  for (const { batchId, ballot, valueDigest } of accepts) {
    const place = `${batchId}/${ballot}`
    if ((values.get(place) ?? valueDigest) !== valueDigest)
      violations.push({ id: 'D2', text: `signer ${signer} accepted two values for batch ${short(batchId)} in ballot ${ballot}` })
    values.set(place, valueDigest)
  }
  return violations
}

/** I1: every transaction at most once, only what was submitted, never after a reject. */
function onceViolations(history: History): Violation[] {
  return history.signers.flatMap(({ signer, executed }) => {
    const batches = new Set<Id>()
    const applied = new Set<Id>()
    return executed.flatMap((execution) => {
      const texts = batches.has(execution.batchId) ? [`${endName(signer, history.n)} executed batch ${short(execution.batchId)} twice`] : []
      batches.add(execution.batchId)
      texts.push(...execution.applied.flatMap((txId) => appliedFaults(history, signer, execution, txId, applied)))
      return texts.map((text): Violation => ({ id: 'I1', text }))
    })
  })
}

function appliedFaults({ n, transactions }: History, signer: number, { at }: Execution, txId: Id, applied: Set<Id>): string[] {
  const name = `transaction ${short(txId)}`
  const who = endName(signer, n)
  const known = transactions.get(txId)
  const faults: string[] = []
  if (applied.has(txId)) faults.push(`${who} applied ${name} twice`)
  applied.add(txId)
  if (!known) faults.push(`${who} applied ${name}, which nobody submitted`)
  else if (known.submittedAt > at) faults.push(`${who} applied ${name} before it was submitted`)
  if (known?.rejectedAt !== undefined) faults.push(`${who} applied ${name}, which was rejected (${known.rejection ?? ''})`)
  return faults
}

/** O2: "executed before" has no circle over all keys and signers. */
function circleViolations(all: readonly Logs[]): Violation[] {
  const after = new Map<Id, Set<Id>>()
  const before = new Map<Id, number>()
  for (const logs of all)
    for (const log of logs.values())
      for (const [i, id] of log.entries()) {
        const followers = after.get(id) ?? new Set()
        after.set(id, followers)
        if (!before.has(id)) before.set(id, 0)
        const next = log[i + 1]
        if (next === undefined || followers.has(next)) continue
        followers.add(next)
        before.set(next, (before.get(next) ?? 0) + 1)
      }
  const free = [...before].filter(([, count]) => count === 0).map(([id]) => id)
  let left = before.size
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    left--
    for (const next of after.get(id) ?? []) {
      const count = (before.get(next) ?? 0) - 1
      before.set(next, count)
      if (count === 0) free.push(next)
    }
  }
  return left === 0 ? [] : [{ id: 'O2', text: `${left} batches stand in a circle of “executed before”` }]
}

/** R1: what was acknowledged before another on the same key was submitted goes before it. */
function acknowledgedFirstViolations(history: History, logs: Logs): Violation[] {
  const violations: Violation[] = []
  for (const [key, log] of logs) {
    const applied = log.flatMap((batchId) => history.batches.get(batchId)?.transactions ?? [])
    const onKey = [...new Set(applied)]
      .flatMap((txId) => history.transactions.get(txId) ?? [])
      .filter((transaction) => transaction.keys.includes(key))
    // Going back through the log: nothing may have been acknowledged before the submission of something that it follows.
    let earliest: { acknowledgedAt: number; txId: Id } | undefined
    for (const { txId, submittedAt, acknowledgedAt, isDisowned } of onKey.reverse()) {
      if (earliest && earliest.acknowledgedAt < submittedAt)
        violations.push({
          id: 'R1',
          text: `on key ${key} ${short(txId)} goes before ${short(earliest.txId)}, which was acknowledged at ${earliest.acknowledgedAt} ms, before ${short(txId)} was submitted`,
        })
      if (acknowledgedAt !== undefined && !isDisowned && (!earliest || acknowledgedAt < earliest.acknowledgedAt)) earliest = { acknowledgedAt, txId }
    }
  }
  return violations
}

/** L1: nothing is pending at the end, where progress was owed. */
function progressViolations({ pending, progressOwed }: History): Violation[] {
  return progressOwed ? pending.map((text) => ({ id: 'L1', text })) : []
}

/** K2: evidence holds with the manifest alone, and names nobody who keeps to the protocol; nor does a peer suspect such a signer of lies. */
function slanderViolations({ accusations, peerSuspicions, liars }: History): Violation[] {
  const slandered = peerSuspicions
    .filter(({ signer }) => !liars.has(signer))
    .map(({ by, signer, reason }): Violation => ({ id: 'K2', text: `peer ${by} suspects honest signer ${signer}: ${reason}` }))
  const accused = accusations.flatMap(({ by, kind, judgement }): Violation[] => {
    if (judgement.type === 'fault') return [{ id: 'K2' as const, text: `${whoTold(by)} evidence of ${kind} that does not hold: ${judgement.fault}` }]
    const honest = judgement.signers.filter((signer) => !liars.has(signer))
    if (honest.length === 0) return []
    return [{ id: 'K2' as const, text: `${whoTold(by)} evidence of ${kind} against honest signers: ${honest.join(', ')}` }]
  })
  return [...slandered, ...accused]
}

const whoTold = (by: number | null): string => (by === null ? 'all records together give' : `signer ${by} told`)
