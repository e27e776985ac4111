/** Who is faulty, in a terminal: what is proved first, then what was only seen, each with what to do about it. */
import type { FaultsData, ProvedFault, SuspectedFault } from './faults.js'
import { PROVED_ADVICE } from './faults.js'
import { count, type Line, printLines, shortId, type TextOptions, wrap } from './lines.js'
import { signerRanges } from './signature-shape.js'

/** Proofs of one kind of guilt that are told one by one. */
const SHOWN = 2

/** The whole picture as text. */
export function faultsText(data: FaultsData, options: TextOptions): string {
  const { evidence, suspicion, asked, silent } = data
  const answered = asked.length - silent.length
  const head: Line = [
    ['strong', 'Faults'],
    ` · ${answered} of ${count(asked.length, 'member')} answer${silent.length === 0 ? '' : `; silent: ${silent.join(', ')}`}`,
  ]
  return printLines(
    [
      head,
      [],
      evidence.length === 0
        ? [['good', 'Proved'], ': nothing']
        : [['bad', 'Proved'], `: ${count(evidence.length, 'proof')}, checked here with the manifest alone`],
      ...guiltOf(evidence).flatMap((alike) => guiltLines(alike, options.width)),
      ...(evidence.length === 0 ? [] : indented(PROVED_ADVICE, options.width)),
      [],
      suspicion.length === 0 ? [['good', 'Suspected'], ': nobody'] : [['warn', 'Suspected'], ': seen, not proved; whoever says so may lie'],
      ...suspicion.flatMap((fault) => suspectedLines(fault, options.width)),
    ],
    options,
  )
}

/** Proofs of one kind of guilt of the same signers: a liar gives new ones with every batch. */
function guiltOf(evidence: readonly ProvedFault[]): ProvedFault[][] {
  const groups = new Map<string, ProvedFault[]>()
  for (const fault of evidence) {
    const name = `${fault.kind} ${fault.signers.join(',')}`
    groups.set(name, [...(groups.get(name) ?? []), fault])
  }
  return [...groups.values()]
}

function guiltLines(alike: readonly ProvedFault[], width: number): Line[] {
  const more = alike.length - SHOWN
  return [
    ...alike.slice(0, SHOWN).flatMap((fault) => provedLines(fault, width)),
    ...(more > 0 ? indented(`and ${more} more of the same kind; --json and --export have all`, width) : []),
  ]
}

function provedLines({ kind, signers, batchIds, reason, since, heldBy, file }: ProvedFault, width: number): Line[] {
  return [
    [['bad', `  ✗ signer${signers.length === 1 ? '' : 's'} ${signerRanges(signers)}`], ` · ${kind}`, ['faint', ` · since ${timeOf(since)}`]],
    ...indented(`${reason}; batches ${batchIds.map((id) => shortId(id, 12)).join(', ')}`, width),
    ...indented(`held by ${heldBy.join(', ')} as ${file}`, width),
  ]
}

function suspectedLines({ signer, reason, count: times, since, last, observers, batchIds, isShared, advice }: SuspectedFault, width: number): Line[] {
  const when = since === null || last === null ? '' : ` · ${since === last ? timeOf(since) : `${timeOf(since)} to ${timeOf(last)}`}`
  return [
    [['warn', `  ? signer ${signer}`], ` · ${reason}`, ['faint', ` · ${times} times${when}`]],
    ...indented(`seen by ${observers.join(', ')}${isShared ? '' : ': no more than may lie'}`, width),
    ...(batchIds.length === 0 ? [] : indented(`batches ${batchIds.map((id) => shortId(id, 12)).join(', ')}`, width)),
    ...indented(`→ ${advice}`, width),
  ]
}

function indented(text: string, width: number): Line[] {
  return wrap(text, Math.max(20, width - 6)).map((line): Line => ['      ', ['faint', line]])
}

/** An ISO time to the second, as people read it. */
function timeOf(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ')
}
