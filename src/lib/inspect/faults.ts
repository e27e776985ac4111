/**
 * Who is faulty and why, merged over all that can be asked: evidence, which anyone can check and which was checked here, and suspicion, which is somebody's word. The two
 * are never mixed: a liar can suspect whom it likes, and can claim evidence that does not hold. Asking is left to whoever calls.
 */
import type { Id } from '../base/bytes.js'
import type { EvidenceKind } from '../core/evidence.js'
import type { EvidenceVerdict } from './verify-evidence.js'

/** What one member tells: a signer or a peer, by name (`signer 3`). */
export interface Told {
  readonly by: string
  readonly suspicion: readonly { signer: number; reason: string; count: number; since: string; last: string; batchIds: readonly Id[] }[]
  /** The latest decisions that it looked at, and in how many of the very latest each signer does not stand. */
  readonly decisions: number
  readonly missing: readonly { signer: number; missingInARow: number }[]
}

/** A proof that a member holds, with what became of checking it. `file` is its name there. */
export interface Checked {
  readonly by: string
  readonly file: string
  readonly since: string
  readonly verdict: EvidenceVerdict
}

/** What is proved: by whom it is held, since when, and under which name it can be exported. */
export interface ProvedFault {
  readonly kind: EvidenceKind
  readonly signers: readonly number[]
  readonly batchIds: readonly Id[]
  readonly reason: string
  readonly since: string
  readonly heldBy: readonly string[]
  readonly file: string
}

/** What was observed and is not proved. `isShared`: more members say so than may lie, so one of them at least is honest. */
export interface SuspectedFault {
  readonly signer: number
  readonly reason: string
  readonly count: number
  readonly since: string | null
  readonly last: string | null
  readonly observers: readonly string[]
  readonly batchIds: readonly Id[]
  readonly isShared: boolean
  readonly advice: string
}

/** The whole picture. */
export interface FaultsData {
  readonly evidence: readonly ProvedFault[]
  readonly suspicion: readonly SuspectedFault[]
  /** Who was asked and who did not answer. */
  readonly asked: readonly string[]
  readonly silent: readonly string[]
}

/** What to do about a signer whose guilt is proved. */
export const PROVED_ADVICE =
  'Keep the proofs (--export DIR): anyone checks them with musig verify evidence FILE and the manifest. Throw these signers out: musig cluster evict I, in a local cluster; an operator who did not do it has lost the key to somebody.'

/** Decisions in a row in which a signer may be missing before that is worth telling. */
const MISSING_IN_A_ROW = 32

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^late in /, 'slow, overloaded or badly linked: look at musig cluster status, its log and its links'],
  [/^does not answer/, 'down, stopped or cut off: musig cluster status, then musig cluster restart'],
  [/^in none of /, 'it takes no part: look at its state (musig cluster status) and its log'],
  [/key is in two processes/, 'stop one of the two, and find out who else has the key'],
  [/^claims evidence that does not hold/, 'it slanders others, or its folder is damaged: look at its evidence folder'],
  [/^more undecided batches/, 'it proposes more than its window: a flood, or a client of it that goes wrong'],
  [/^another log of key/, 'it tells peers another history than the others: do not let peers follow it alone'],
]
const OTHER_ADVICE = 'broken or lying, and not proved: compare its version and manifest with the others’, read its log, watch whether it goes on'

/** Merges what was checked and what was told. `mayLie`: how many signers may lie at most. `silent`: who did not answer; `since`: nothing older than this. */
export function faultsOf(
  checked: readonly Checked[],
  told: readonly Told[],
  { mayLie, silent, since = 0 }: { mayLie: number; silent: readonly string[]; since?: number },
): FaultsData {
  const evidence = provedOf(checked).filter((fault) => Date.parse(fault.since) >= since)
  const slander = checked.filter(({ verdict }) => !verdict.valid)
  const observed = [
    ...told.flatMap(({ by, suspicion }) => suspicion.map((one) => ({ ...one, by }))),
    ...slander.flatMap(({ by, since }) => fromSigner(by, 'claims evidence that does not hold', since)),
    ...silent.flatMap((by) => fromSigner(by, 'does not answer', null)),
    ...told.flatMap(missingFor),
  ].filter(({ last }) => last === null || Date.parse(last) >= since)
  return { evidence, suspicion: suspectedOf(observed, mayLie), asked: [...told.map(({ by }) => by), ...silent], silent }
}

/** One observation of one member. */
interface Observation {
  by: string
  signer: number
  reason: string
  count: number
  since: string | null
  last: string | null
  batchIds: readonly Id[]
}

/** What whoever asks has seen of a member itself; of peers nothing is said here. */
function fromSigner(member: string, reason: string, at: string | null): Observation[] {
  const [, index] = /^signer (\d+)$/.exec(member) ?? []
  return index === undefined ? [] : [{ by: 'this command', signer: Number(index), reason, count: 1, since: at, last: at, batchIds: [] }]
}

function missingFor({ by, decisions, missing }: Told): Observation[] {
  if (decisions < MISSING_IN_A_ROW) return []
  return missing
    .filter(({ missingInARow }) => missingInARow >= MISSING_IN_A_ROW)
    .map(({ signer, missingInARow }) => ({
      by,
      signer,
      reason: `in none of the last ${MISSING_IN_A_ROW} certificates`,
      count: missingInARow,
      since: null,
      last: null,
      batchIds: [],
    }))
}

function provedOf(checked: readonly Checked[]): ProvedFault[] {
  const groups = new Map<string, ProvedFault>()
  for (const { by, file, since, verdict } of checked) {
    if (!verdict.valid) continue
    const { kind, signers, batchIds, reason } = verdict
    const name = JSON.stringify([kind, signers, batchIds])
    const known = groups.get(name)
    groups.set(name, {
      ...(known ?? { kind, signers, batchIds, reason, file, since }),
      since: known && known.since < since ? known.since : since,
      heldBy: [...new Set([...(known?.heldBy ?? []), by])],
    })
  }
  return [...groups.values()].sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0))
}

function suspectedOf(observed: readonly Observation[], mayLie: number): SuspectedFault[] {
  const groups = new Map<string, Observation[]>()
  for (const one of observed) groups.set(`${one.signer} ${one.reason}`, [...(groups.get(`${one.signer} ${one.reason}`) ?? []), one])
  const faults = [...groups.values()].flatMap((group): SuspectedFault[] => {
    const [first] = group
    if (!first) return []
    const { signer, reason } = first
    const times = (pick: (one: Observation) => string | null) => group.flatMap((one) => pick(one) ?? []).sort()
    const observers = [...new Set(group.map(({ by }) => by))]
    return [
      {
        signer,
        reason,
        count: group.reduce((sum, { count }) => sum + count, 0),
        since: times(({ since }) => since)[0] ?? null,
        last: times(({ last }) => last).at(-1) ?? null,
        observers,
        batchIds: [...new Set(group.flatMap(({ batchIds }) => batchIds))].slice(0, 8),
        // What whoever asks has seen itself needs no witness.
        isShared: observers.includes('this command') || observers.length > mayLie,
        advice: ADVICE.find(([pattern]) => pattern.test(reason))?.[1] ?? OTHER_ADVICE,
      },
    ]
  })
  return faults.sort((a, b) => a.signer - b.signer || b.count - a.count)
}
