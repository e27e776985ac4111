/** The verdict on a certificate in words. */
import { type Line, printLines, shortId, type TextOptions, wrap } from './lines.js'
import { signerRanges } from './signature-shape.js'
import type { CertificateVerdict } from './verify-certificate.js'

const LABEL = 12

/** What a certificate proves, or why it proves nothing. `n`: how many signers there are. */
export function certificateText(verdict: CertificateVerdict, n: number, options: TextOptions): string {
  const { valid, signers, quorum, distinctMessages, path, ballot, reason, note, transactions, predecessors } = verdict
  const title: Line = valid
    ? [
        ['good', 'Valid'],
        `: batch ${shortId(verdict.batchId, 16)} is committed, by ${path === 'fast' ? 'its votes alone' : `accepts of ballot ${ballot}`}`,
      ]
    : [['bad', 'INVALID'], `: ${reason ?? 'it proves nothing'}`]
  const facts: [string, string][] = [
    ['signed by', `${signers.length} of ${n} signers, ${quorum} make a quorum${signers.length < quorum ? ': too few' : ''}`],
    ['signers', signerRanges(signers)],
    ['signature', `one, over ${distinctMessages} distinct ${distinctMessages === 1 ? 'message' : 'messages'}: ${distinctMessages + 1} pairings`],
    ['decisive', decisiveText(verdict, n)],
    [
      'before it',
      predecessors === null ? '' : predecessors.length === 0 ? 'nothing above the base' : predecessors.map((id) => shortId(id)).join(' '),
    ],
    ['transactions', transactions === null ? '' : transactions.map((id) => shortId(id, 12)).join(' ')],
    ['certificate', verdict.certificateId],
    ['note', note ?? ''],
  ]
  const width = Math.max(20, options.width - LABEL - 2)
  const lines = facts
    .filter(([, text]) => text !== '')
    .flatMap(([label, text]) => wrap(text, width).map((part, i): Line => [['faint', (i === 0 ? label : '').padEnd(LABEL + 2)], part]))
  return printLines([title, ...lines], options)
}

function decisiveText({ path, decisive, score }: CertificateVerdict, n: number): string {
  const votes = score === null ? '' : `, score ${Math.round(score * n)} of ${n}`
  if (path === 'slow') return `agreed in phase 3 or later${votes}`
  return decisive === null ? '' : `${decisive ? 'every pair' : 'not every pair'}${votes}`
}
