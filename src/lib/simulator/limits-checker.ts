/**
 * The checkers of what a run may cost: messages for each batch (L2), and the time of transactions that have nothing to do with what went wrong (L1).
 * The bounds are those of §5 and §7 with some room; the history says where they are owed.
 */
import type { Id } from '../base/bytes.js'
import type { Manifest } from '../core/manifest.js'
import { longestMs, parseDelay } from './delay.js'
import type { History, Violation } from './history.js'
import { short } from './past.js'
import { longestRoundTripMs } from './regions.js'
import type { Scenario } from './scenario.js'

/** Messages for each batch and signer where no ballot but 0 is needed: down and up twice, down once more, and what comes late. */
const CALM_MESSAGES = 8
/** Messages for each batch, pair of signers and attempt at recovery; under the guard phase 3 is announced by all to all too. */
const RECOVERY_MESSAGES = 4

/** Whether a scenario has nothing go wrong, and all goes through the tree. */
export function isCalm({
  crashes,
  restarts,
  cuts,
  slow,
  partitions,
  pauses,
  jumps,
  loss,
  duplicate,
  reorder,
  liars,
  peers,
  evicts,
  admits,
  topology,
}: Scenario): boolean {
  const faults = [crashes, restarts, cuts, slow, partitions, pauses, jumps, loss, duplicate, liars, peers, evicts, admits]
  return faults.every((count) => count === 0) && !reorder && topology === 'tree'
}

/** How long one batch takes at most: five times through the tree and onto disks, the root's wait, the guard's; null if messages may take for ever. */
export function calmMsOf(scenario: Scenario, { n, timing, deltaMs }: Manifest): number | null {
  const { delay, disk, regions, regionMs, wideArea, bandwidth, signMs, verifyMs, messageMs } = scenario
  const farMs = wideArea ? longestRoundTripMs(regions) / 2 : regionMs
  const hopMs = longestMs(parseDelay(delay)) + 2 * longestMs(parseDelay(disk)) + (regions > 1 ? farMs : 0)
  const isFree = signMs + verifyMs + messageMs + bandwidth === 0
  if (!isFree || hopMs === Number.POSITIVE_INFINITY) return null
  return (5 * Math.ceil(Math.log2(Math.max(2, n))) + 2) * hopMs + timing.orderWaitMs + timing.catchUpWaitMs + 3 * deltaMs
}

/** L2 and the second half of L1. */
export function limitViolations(history: History): Violation[] {
  return [...messageViolations(history), ...delayViolations(history)]
}

/**
 * L2: a batch takes c·n messages in a calm run, and c·n² for each attempt at recovery and each signer that comes back where signers only crash and messages get lost;
 * under the guard n² more for each batch that conflicts with it, whose certificates are told in answer to each NOTICE and question.
 */
function messageViolations({ n, liars, messages, isCalm, isGuarded, attempts, batches }: History): Violation[] {
  if (liars.size > 0) return []
  const mostOf = (batchId: Id): number => {
    if (isCalm) return CALM_MESSAGES * n
    const keys = new Set(isGuarded ? batches.get(batchId)?.keys : [])
    const conflicts = [...batches].filter(([other, batch]) => other !== batchId && batch.keys.some((key) => keys.has(key)))
    return Math.ceil(n * n * (RECOVERY_MESSAGES * attempts + conflicts.length))
  }
  return [...messages].flatMap(([batchId, count]) => {
    const most = mostOf(batchId)
    return count > most ? [{ id: 'L2' as const, text: `batch ${short(batchId)} took ${count} messages, more than ${most}` }] : []
  })
}

/** L1: groups in which no liar has a batch are as fast as in a calm run. */
function delayViolations(history: History): Violation[] {
  const { transactions, calmMs } = history
  if (calmMs === null) return []
  return untouchedGroups(history).flatMap((group) => {
    // Batches of one group wait for one another.
    const most = calmMs * group.length
    return group
      .flatMap(({ transactions: own }) => own)
      .flatMap((txId): Violation[] => {
        const { submittedAt = 0, acknowledgedAt } = transactions.get(txId) ?? {}
        if (acknowledgedAt === undefined || acknowledgedAt - submittedAt <= most) return []
        const text = `transaction ${short(txId)} of a group without liars took ${Math.round(acknowledgedAt - submittedAt)} ms, more than ${most}`
        return [{ id: 'L1', text }]
      })
  })
}

type Group = { transactions: Id[] }[]

/** Groups of batches that hang together by keys and have no batch of a liar. */
function untouchedGroups({ batches, liars }: History): Group[] {
  const groups: { keys: Set<string>; isTouched: boolean; batches: Group }[] = []
  for (const batch of batches.values()) {
    const near = groups.filter(({ keys }) => batch.keys.some((key) => keys.has(key)))
    for (const group of near) groups.splice(groups.indexOf(group), 1)
    groups.push({
      keys: new Set([...batch.keys, ...near.flatMap(({ keys }) => [...keys])]),
      isTouched: liars.has(batch.initiator) || near.some(({ isTouched }) => isTouched),
      batches: [batch, ...near.flatMap((group) => group.batches)],
    })
  }
  return groups.filter(({ isTouched }) => !isTouched).map((group) => group.batches)
}
