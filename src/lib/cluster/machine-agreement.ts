/**
 * Whether signers and peers made the same of what they executed, from what each tells of its state machine: who differs from the majority, and since which transaction. Owns comparing and nothing else.
 *
 * Only what must be equal is compared: the receipts of a transaction where the logs of its keys are the same up to it, and the digests of states that the same transactions made. Whoever has another order
 * than others is a case for the protocol, not for the machine.
 */
import { fromHex, type Id, toHex } from '../base/bytes.js'
import type { HistoryAnswer, HistoryEntry } from '../node/machine-history.js'

/** A signer or a peer, by its index. */
export type Member = { signer: number } | { peer: number }

/** Where one member differs from others for the first time, in its own order. */
export interface Since {
  /** Null where it did so before all that is kept, or before the first transaction. */
  txId: Id | null
  batchId: Id | null
  index: number | null
  /** What differs there. */
  in: 'receipt' | 'state'
  /** Whether it is this transaction; otherwise it is this one at the latest. */
  isExact: boolean
}

export interface Agreement {
  /** Who was compared with somebody. */
  compared: Member[]
  /** Those that agree and are more than any others that do; none where there are no such. */
  majority: Member[]
  differing: (Member & { since: Since })[]
}

/** One member with its history in a form that is quick to compare. */
interface Told {
  member: Member
  history: HistoryAnswer
  byId: ReadonlyMap<Id, HistoryEntry>
  /** The states that it looked at, in order: how many of the listed transactions came before, their sum with all before, and the digest. */
  states: { at: number; sum: Id; digest: Id }[]
  digests: ReadonlyMap<Id, Id>
}

type Verdict = 'same' | 'unknown' | Since

/** Compares what members tell. */
export function agreementOf(answers: readonly { member: Member; history: HistoryAnswer }[]): Agreement {
  const all = answers.map(told)
  const verdicts = all.map((one) => all.map((other): Verdict => (one === other ? 'same' : compare(one, other))))
  const verdict = (i: number, j: number): Verdict => verdicts[i]?.[j] ?? 'unknown'
  const members = all.map((_, i) => i)
  const agreeing = members.map((i) => members.filter((j) => verdict(i, j) === 'same'))
  const majority = majorityOf(agreeing)
  const measure = majority.length > 0 ? majority : members
  const differing = members.flatMap((i) => {
    if (majority.includes(i)) return []
    const since = earliest(
      all[i]?.history.transactions ?? [],
      measure.map((j) => verdict(i, j)),
    )
    return since && all[i] ? [{ ...all[i].member, since }] : []
  })
  const named = (list: readonly number[]) => list.flatMap((i) => all[i]?.member ?? [])
  const compared = members.filter((i) => members.some((j) => i !== j && verdict(i, j) !== 'unknown'))
  return { compared: named(compared), majority: named(differing.length > 0 ? majority : compared), differing }
}

/** The largest group, if none that is not part of it is as large. */
function majorityOf(groups: readonly (readonly number[])[]): readonly number[] {
  const largest = groups.reduce((best, group) => (group.length > best.length ? group : best), [])
  const rival = groups.some((group, i) => !largest.includes(i) && group.length >= largest.length)
  return largest.length < 2 || rival ? [] : largest
}

/** The earliest difference in the order of these transactions. */
function earliest(transactions: readonly HistoryEntry[], verdicts: readonly Verdict[]): Since | undefined {
  const place = ({ txId }: Since) => (txId === null ? -1 : transactions.findIndex((entry) => entry.txId === txId))
  return verdicts.flatMap((verdict) => (typeof verdict === 'object' ? [verdict] : [])).sort((a, b) => place(a) - place(b))[0]
}

function told({ member, history }: { member: Member; history: HistoryAnswer }): Told {
  const sum = fromHex(history.before.sum)
  const states: Told['states'] = []
  if (history.before.digest !== null) states.push({ at: 0, sum: toHex(sum), digest: history.before.digest })
  history.transactions.forEach(({ txId, digest }, i) => {
    fromHex(txId).forEach((byte, k) => {
      sum[k] = (sum[k] ?? 0) ^ byte
    })
    if (digest !== null) states.push({ at: i + 1, sum: toHex(sum), digest })
  })
  states.push({ at: history.transactions.length, ...history.now })
  const byId = new Map(history.transactions.map((entry) => [entry.txId, entry]))
  return { member, history, byId, states, digests: new Map(states.map(({ sum, digest }) => [sum, digest])) }
}

/** Where the first differs from the second, in the first one's order. */
function compare(one: Told, other: Told): Verdict {
  const { transactions } = one.history
  const pairs = transactions.map((entry) => ({ entry, theirs: other.byId.get(entry.txId) }))
  if (pairs.some(({ entry, theirs }) => theirs && theirs.order !== entry.order)) return 'unknown'
  const receiptAt = pairs.findIndex(({ entry, theirs }) => theirs && theirs.receipt !== entry.receipt)
  const common = one.states.filter(({ sum }) => other.digests.has(sum))
  const stateAt = common.find(({ sum, digest }) => other.digests.get(sum) !== digest)?.at ?? Number.POSITIVE_INFINITY
  const equalAt = common.findLast(({ at, sum, digest }) => at < stateAt && other.digests.get(sum) === digest)?.at ?? -1
  // A receipt is seen to differ where the states were equal before, or as soon as the state is seen to.
  if (receiptAt >= 0 && receiptAt < stateAt) return sinceAt(transactions, receiptAt, 'receipt', equalAt >= receiptAt)
  if (stateAt < Number.POSITIVE_INFINITY) return sinceAt(transactions, stateAt - 1, 'state', equalAt === stateAt - 1)
  return common.length > 0 || pairs.some(({ theirs }) => theirs) ? 'same' : 'unknown'
}

function sinceAt(transactions: readonly HistoryEntry[], at: number, what: Since['in'], isExact: boolean): Since {
  const { txId = null, batchId = null, index = null } = transactions[at] ?? {}
  return { txId, batchId, index, in: what, isExact: isExact && txId !== null }
}
