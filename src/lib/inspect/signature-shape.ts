/** A MultiSignature made ready for drawing: its rows of signers, and the sentences that terminal and SVG share. */
import { DRAWN, type SignatureData } from './data.js'
import { count, cut, milliseconds, shortId } from './lines.js'

/** One row of marks: who stands in it, what it says, and the beginning of its message. */
export interface SignatureRow {
  readonly label: string
  readonly message: string
  readonly signers: ReadonlySet<number>
}

/** The rows of messages, most signers first, and how many messages are beyond what is drawn. */
export function signatureRows(data: SignatureData): { rows: SignatureRow[]; hidden: number; hiddenSigners: number } {
  const sorted = [...data.entries].sort((a, b) => b.signers.length - a.signers.length || (a.message < b.message ? -1 : 1))
  const rows = sorted.slice(0, DRAWN.messages).map(({ message, summary, signers }) => ({
    label: cut(summary, DRAWN.summaryColumns),
    message: shortId(message),
    signers: new Set(signers),
  }))
  const rest = sorted.slice(rows.length)
  return { rows, hidden: rest.length, hiddenSigners: rest.reduce((sum, { signers }) => sum + signers.length, 0) }
}

/** How many signers stand in the signature. */
export function signedCount(data: SignatureData): number {
  return data.entries.reduce((sum, { signers }) => sum + signers.length, 0)
}

/** The heading of both drawings. */
export function signatureTitle(data: SignatureData): string {
  return `Signature of batch ${shortId(data.batchId)} · phase ${data.phase} · ${data.valid ? '✓ valid' : '✗ not valid'}`
}

/** "3 pairings for 2 distinct messages, verified in 4.2 ms". */
export function pairingsText(data: SignatureData): string {
  const time = data.verificationMs === undefined ? '' : `, verified in ${milliseconds(data.verificationMs)}`
  return `${count(data.pairings, 'pairing')} for ${count(data.entries.length, 'distinct message')}${time}`
}

/** "29 of 31 signed, 24 make a quorum". */
export function quorumText(data: SignatureData): string {
  const signed = signedCount(data)
  return `${signed} of ${data.n} signed, ${data.quorum} make a quorum${signed < data.quorum ? ': too few' : ''}`
}

/** Who broke a signature that does not verify, and how that was found; empty where it verifies. */
export function faultText({ valid, phase, faulty = [], search }: SignatureData): string {
  if (faulty.length === 0 && valid) return ''
  if (!search)
    return faulty.length > 0
      ? signerRanges(faulty)
      : phase === 'accept'
        ? 'not known: signers give out their votes when asked, not their accepts'
        : 'not known'
  const how = `${count(search.checks, 'check')} of ${count(search.shares, 'share')}, by halving`
  if (faulty.length > 0) return `${signerRanges(faulty)} (found in ${how})`
  return search.shares === 0 ? 'not known: no signer gave its share' : `none of the shares that signers gave (${how}): the sum is not theirs`
}

/** Numbers of signers as ranges: "0–3, 7". */
export function signerRanges(signers: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const signer of [...new Set(signers)].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last && last[1] === signer - 1) last[1] = signer
    else ranges.push([signer, signer])
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : to === from + 1 ? `${from}, ${to}` : `${from}–${to}`)).join(', ')
}
