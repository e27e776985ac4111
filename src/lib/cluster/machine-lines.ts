/** What is wrong with the state machine of a cluster, in lines for people. Owns the words; what is compared and counted stands in `machine-agreement.ts` and `node/machine-watch.ts`. */
import { type MachineReport, SLOW_APPLY_MS } from '../node/machine-watch.js'
import type { Agreement, Member, Since } from './machine-agreement.js'
import { signersText } from './network-faults.js'
import type { ClusterStatus } from './status.js'

/** Digits of a transaction's id: enough to ask for it. */
const SHOWN = 16

interface Told {
  member: Member
  report: MachineReport
}

/** The lines; none where all is well. */
export function machineLines({ machine, signers, peers }: Pick<ClusterStatus, 'machine' | 'signers' | 'peers'>): string[] {
  const told = [
    ...signers.map(({ index, machine: report }) => ({ member: { signer: index }, report })),
    ...peers.map(({ index, machine: report }) => ({ member: { peer: index }, report })),
  ].flatMap(({ member, report }): Told[] => (report ? [{ member, report }] : []))
  return [...divergenceLines(machine), ...failureLines(told), ...slowLines(told)]
}

/** One for each last failure: all signers that applied the transaction tell the same. */
function failureLines(told: readonly Told[]): string[] {
  const failed = told.flatMap(({ member, report: { lastFailure } }) => (lastFailure ? [{ member, value: lastFailure }] : []))
  return grouped(failed).map(({ members, value: { call, txId, error } }) => {
    const counts = told.flatMap(({ member, report }) => (members.includes(member) ? Object.values(report.failures) : []))
    const often = counts.reduce((sum, count) => sum + count, 0)
    const where = txId === null ? call : `${call} of transaction ${txId.slice(0, SHOWN)}`
    return `The state machine failed at ${membersText(members)}, ${often} times in all; the last time in ${where}: ${error}`
  })
}

function slowLines(told: readonly Told[]): string[] {
  const slow = told.flatMap(({ member, report }) => (report.slow ? [{ member, ...report.slow }] : [])).sort((a, b) => b.ms - a.ms)
  const [longest] = slow
  if (!longest) return []
  const { member, txId, ms } = longest
  const often = slow.reduce((sum, { count }) => sum + count, 0)
  const others = often > 1 ? `; ${often} took more than ${SLOW_APPLY_MS} ms in all, at ${membersText(slow.map((one) => one.member))}` : ''
  return [
    `The state machine is slow: transaction ${txId.slice(0, SHOWN)} took ${ms} ms at ${membersText([member])}, which did nothing else meanwhile${others}`,
  ]
}

function divergenceLines({ majority, differing }: Agreement): string[] {
  if (differing.length === 0) return []
  const lines = grouped(differing.map(({ since, ...member }) => ({ member: member as Member, value: since }))).map(({ members, value }) => {
    const differ =
      majority.length === 0
        ? `${membersText(members)} do not agree`
        : `${membersText(members)} ${members.length === 1 ? 'differs' : 'differ'} from ${membersText(majority)}`
    return `The state machine DIVERGES: ${differ} ${sinceText(value)}.`
  })
  return [
    ...lines,
    'The same transactions must give the same everywhere: no clock, random numbers or I/O, and nothing that the keys do not name (docs/state-machines.md).',
  ]
}

function sinceText({ txId, in: what, isExact }: Since): string {
  if (txId === null) return `on the ${what} from before the oldest transaction that is kept`
  const where = `transaction ${txId.slice(0, SHOWN)}`
  if (!isExact) return `on the ${what} after ${where}, or since one before it`
  return what === 'receipt' ? `since ${where}, on its receipt` : `since ${where}, on the state after it`
}

/** Those with equal values together, in their order. */
function grouped<T>(items: readonly { member: Member; value: T }[]): { members: Member[]; value: T }[] {
  const groups = new Map<string, { members: Member[]; value: T }>()
  for (const { member, value } of items) {
    const name = JSON.stringify(value)
    const group = groups.get(name) ?? { members: [], value }
    group.members.push(member)
    groups.set(name, group)
  }
  return [...groups.values()]
}

/** “signers 0-1,3 and peer 0”, in the order of their indices. */
function membersText(members: readonly Member[]): string {
  const listed = (word: string, indices: readonly number[]) =>
    indices.length === 0 ? [] : [`${word}${indices.length > 1 ? 's' : ''} ${signersText(indices)}`]
  return [
    ...listed(
      'signer',
      members.flatMap((member) => ('signer' in member ? [member.signer] : [])),
    ),
    ...listed(
      'peer',
      members.flatMap((member) => ('peer' in member ? [member.peer] : [])),
    ),
  ].join(' and ')
}
