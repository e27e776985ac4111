/** A MultiSignature in a terminal: one row of marks for each distinct message, one mark for each signer, then who is missing, the quorum and the price of verifying. */
import { DRAWN, type SignatureData } from './data.js'
import { bar, columns, count, type Line, type Piece, pad, printLines, type TextOptions, wrap } from './lines.js'
import {
  faultText,
  pairingsText,
  quorumText,
  type SignatureRow,
  signatureRows,
  signatureTitle,
  signedCount,
  signerRanges,
} from './signature-shape.js'

/** The aggregate signature of a batch (§2) as text; signers are broken into blocks of tens where they do not fit into the width. */
export function drawSignatureText(data: SignatureData, options: TextOptions): string {
  const { rows, hidden, hiddenSigners } = signatureRows(data)
  const labels = Math.max(7, ...rows.map(({ label }) => columns(label))) + 2
  // Count (6 columns) and message (10) stand behind the marks.
  const room = options.width - labels - 16
  const drawn = Math.min(data.n, DRAWN.signatureSigners)
  const perBlock = drawn <= room ? drawn : Math.max(10, Math.floor(room / 10) * 10)
  const blocks: Line[] = []
  for (let from = 0; from < drawn; from += perBlock) {
    const to = Math.min(drawn, from + perBlock)
    blocks.push([], ...axis(from, to, labels), ...rows.map((row) => messageRow(data, row, from, to, labels)))
    if (data.missing.length > 0) blocks.push(missingRow(data, from, to, labels))
  }
  if (drawn < data.n) blocks.push([['faint', `signers from ${drawn} on are counted, not drawn`]])
  if (hidden > 0) blocks.push([['faint', `${count(hidden, 'more message')} of ${count(hiddenSigners, 'signer')}`]])
  return printLines([[[data.valid ? 'good' : 'bad', signatureTitle(data)]], ...blocks, [], ...facts(data, options.width)], options)
}

function axis(from: number, to: number, labels: number): Line[] {
  let tens = ''
  for (let at = from; at < to; at += 10) tens += pad(String(at), 10)
  return [[['faint', `${pad('signer', labels)}${tens}`]]]
}

function messageRow(data: SignatureData, row: SignatureRow, from: number, to: number, labels: number): Line {
  const marks = Array.from({ length: to - from }, (_, i): Piece => {
    if (!row.signers.has(from + i)) return ['faint', '·']
    return data.faulty?.includes(from + i) ? ['bad', '✗'] : ['good', '●']
  })
  return [pad(row.label, labels), ...marks, pad(String(row.signers.size), 6, 'right'), ['faint', `  ${row.message}`]]
}

function missingRow(data: SignatureData, from: number, to: number, labels: number): Line {
  const missing = new Set(data.missing)
  const marks = Array.from({ length: to - from }, (_, i): Piece => (missing.has(from + i) ? ['warn', '○'] : ['faint', '·']))
  return [pad('missing', labels), ...marks, pad(String(missing.size), 6, 'right')]
}

function facts(data: SignatureData, width: number): Line[] {
  const signed = signedCount(data)
  const { filled, rest } = bar(signed, data.quorum, data.n, 24)
  const lists = [
    ...(data.missing.length > 0 ? [`missing   ${signerRanges(data.missing)}`] : []),
    ...(faultText(data) === '' ? [] : [`faulty    ${faultText(data)}`]),
  ]
  return [
    ['quorum    ', [signed >= data.quorum ? 'good' : 'warn', filled], ['faint', rest], `  ${quorumText(data)}`],
    [`pairings  ${pairingsText(data)}`],
    ...lists.flatMap((list) => wrap(list, Math.max(20, width)).map((line): Line => [line])),
  ]
}
