/** A MultiSignature as SVG: one row of marks for each distinct message, one mark for each signer, then who is missing, the quorum and the price of verifying. */
import { DRAWN, type SignatureData } from './data.js'
import { count, wrap } from './lines.js'
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
import { drawing, mark, polyline, quorumBar, text, textWidth } from './svg.js'

const MARGIN = 20
const CELL = 15
const ROW = 20
const SIZE = 11
const PER_BLOCK = 64
const BAR = 320
/** Between one signature and the next. */
const GAP = 24

/** The aggregate signatures of a batch (§2), one below the other, as a self-contained SVG. Errors: none; at least one is given. */
export function drawSignatureSvg(signatures: readonly SignatureData[]): string {
  const parts: { body: readonly string[]; right: number; bottom: number }[] = []
  for (const data of signatures) parts.push(signaturePart(data, (parts.at(-1)?.bottom ?? -GAP) + GAP))
  return drawing({
    title: signatures.map(signatureTitle).join('; '),
    description: signatures
      .map(
        (data) =>
          `${quorumText(data)}. ${pairingsText(data)}. Missing: ${signerRanges(data.missing) || 'none'}. Faulty: ${faultText(data) || 'none'}.`,
      )
      .join(' '),
    width: Math.max(...parts.map(({ right }) => right)) + MARGIN,
    height: (parts.at(-1)?.bottom ?? 0) + 18,
    body: parts.flatMap(({ body }) => body),
  })
}

function signaturePart(data: SignatureData, top: number): { body: readonly string[]; right: number; bottom: number } {
  const { rows, hidden, hiddenSigners } = signatureRows(data)
  const title = signatureTitle(data)
  const across = Math.min(data.n, data.n > PER_BLOCK ? 50 : PER_BLOCK)
  const left = MARGIN + Math.max(textWidth('missing'), ...rows.map(({ label }) => textWidth(label))) + 14
  const right = left + across * CELL + 12
  const body: string[] = [text(MARGIN, top + 28, title, { size: 15, strong: true, tone: data.valid ? 'good' : 'bad' })]
  let y = top + 58
  const drawn = Math.min(data.n, DRAWN.signatureSigners)
  for (let from = 0; from < drawn; from += across) {
    const to = Math.min(drawn, from + across)
    body.push(...block(data, rows, from, to, { left, right, top: y }))
    y += ROW * (rows.length + (data.missing.length > 0 ? 2 : 1)) + 14
  }
  const notes = [
    ...(drawn < data.n ? [`signers from ${drawn} on are counted, not drawn`] : []),
    ...(hidden > 0 ? [`${count(hidden, 'more message')} of ${count(hiddenSigners, 'signer')}`] : []),
  ]
  for (const note of notes) {
    body.push(text(MARGIN, y, note, { tone: 'faint' }))
    y += ROW
  }
  const end = facts(data, y + 6, Math.max(right + 110, 640))
  return {
    body: [...body, ...end.body],
    right: Math.max(right + 110, MARGIN + textWidth(title, 15), end.right),
    bottom: end.bottom,
  }
}

interface Place {
  readonly left: number
  readonly right: number
  readonly top: number
}

function block(data: SignatureData, rows: readonly SignatureRow[], from: number, to: number, { left, right, top }: Place): string[] {
  const x = (signer: number) => left + (signer - from) * CELL + CELL / 2
  const body = [text(MARGIN, top + 4, 'signer', { tone: 'faint' }), text(right + 34, top + 4, 'message', { tone: 'faint' })]
  for (let signer = from; signer < to; signer++)
    if (to - from <= 10 || signer % 5 === 0) body.push(text(x(signer), top + 4, String(signer), { size: SIZE, tone: 'faint', anchor: 'middle' }))
  const line = (y: number, label: string, total: number, message: string, marks: string) => {
    body.push(
      text(MARGIN, y + 4, label) +
        marks +
        text(right + 24, y + 4, String(total), { anchor: 'end' }) +
        text(right + 34, y + 4, message, { tone: 'faint' }),
    )
  }
  rows.forEach((row, i) => {
    const y = top + ROW * (i + 1)
    let marks = polyline(
      [
        [left, y],
        [x(to - 1) + CELL / 2, y],
      ],
      'rule',
      { 'stroke-width': 1 },
    )
    for (let signer = from; signer < to; signer++) {
      if (!row.signers.has(signer)) continue
      const faulty = data.faulty?.includes(signer) === true
      marks += mark(faulty ? 'cross' : 'disc', x(signer), y, 5, faulty ? 'bad' : 'good', `signer ${signer}: ${row.label}${faulty ? ', faulty' : ''}`)
    }
    line(y, row.label, row.signers.size, row.message, marks)
  })
  if (data.missing.length > 0) {
    const y = top + ROW * (rows.length + 1)
    const here = data.missing.filter((signer) => signer >= from && signer < to)
    const rule = polyline(
      [
        [left, y],
        [x(to - 1) + CELL / 2, y],
      ],
      'rule',
      { 'stroke-width': 1, 'stroke-dasharray': '2 3' },
    )
    line(
      y,
      'missing',
      data.missing.length,
      '',
      rule + here.map((signer) => mark('ring', x(signer), y, 5, 'warn', `signer ${signer} is missing`)).join(''),
    )
  }
  return body
}

function facts(data: SignatureData, top: number, width: number): { body: string[]; bottom: number; right: number } {
  const said = quorumText(data)
  const lists = [
    pairingsText(data),
    ...(data.missing.length > 0 ? [`Missing: ${signerRanges(data.missing)}`] : []),
    ...(faultText(data) === '' ? [] : [`Faulty: ${faultText(data)}`]),
  ].flatMap((list) => wrap(list, Math.floor((width - 40) / textWidth('x'))))
  const lines = lists.map((list, i) => text(MARGIN, top + 28 + i * ROW, list))
  return {
    body: [quorumBar(MARGIN, top - 6, BAR, 12, signedCount(data), data.quorum, data.n), text(MARGIN + BAR + 14, top + 4, said), ...lines],
    bottom: top + 28 + (lists.length - 1) * ROW,
    right: Math.max(MARGIN + BAR + 14 + textWidth(said), ...lists.map((list) => MARGIN + textWidth(list))),
  }
}
