/**
 * A report as one page of HTML to hand on: it needs no script and no network, holds its drawings as SVG, and is well-formed XML besides. All that comes from a
 * cluster goes through `element` and `words`, which escape it.
 */
import type { OrderData } from './data.js'
import type { FaultsData } from './faults.js'
import { count, shortId } from './lines.js'
import { type Attributes, element, escapeXml } from './markup.js'
import { orderSentences } from './order-sentences.js'
import { drawOrderSvg } from './order-svg.js'
import type { ReportBatch, ReportData, ReportStatus, ReportTransaction } from './report-data.js'
import { REPORT_STYLE } from './report-style.js'
import { signerRanges } from './signature-shape.js'
import { drawSignatureSvg } from './signature-svg.js'
import { drawTimelineSvg } from './timeline-svg.js'
import { endOf, transactionFacts } from './transaction-text.js'
import { drawTreeSvg } from './tree-svg.js'

/** Characters of a payload that are shown. */
const PAYLOAD = 2000
const SHORT = 12
/** Nothing may be loaded, and nothing may run: the page says so to whoever shows it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

/** The report as a whole HTML document. */
export function reportHtml(data: ReportData): string {
  const { transactions, batches, faults, status, madeAt, version } = data
  const title = `${count(transactions.length, 'transaction')} of cluster ${status.cluster}`
  const head = element(
    'head',
    {},
    element('meta', { charset: 'utf-8' }),
    element('meta', { 'http-equiv': 'Content-Security-Policy', content: POLICY }),
    element('meta', { name: 'viewport', content: 'width=device-width' }),
    element('meta', { name: 'color-scheme', content: 'light dark' }),
    element('title', {}, words(title)),
    element('style', {}, REPORT_STYLE),
  )
  const body = element(
    'body',
    {},
    element(
      'header',
      {},
      element('h1', {}, words(title)),
      paragraph(
        `Cluster ${status.id} · made ${timeOf(madeAt)} UTC by musig ${version} · from what its signers told then; signatures and proofs were verified where this was made.`,
        'faint',
      ),
      contents(data),
    ),
    element(
      'main',
      {},
      ...transactions.map(transactionSection),
      ...batches.map(batchSection),
      section('faults', 'Faults', ...faultParts(faults)),
      section('status', 'Cluster', ...statusParts(status)),
    ),
  )
  return `<!DOCTYPE html>\n${element('html', { lang: 'en' }, head, body)}\n`
}

/** Text from anywhere, made harmless; line breaks and tabs stay. */
function words(text: string): string {
  return text
    .split(/(\n|\t)/)
    .map((part) => (part === '\n' || part === '\t' ? part : escapeXml(part)))
    .join('')
}

function paragraph(text: string, style?: string): string {
  return element('p', { class: style }, words(text))
}

function section(id: string, title: string, ...parts: readonly string[]): string {
  return `\n${element('section', { id }, element('h2', {}, words(title)), ...parts)}`
}

function table(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const row = (cell: 'td' | 'th', cells: readonly (string | number | null)[]) =>
    element('tr', {}, ...cells.map((text) => element(cell, cell === 'th' ? { scope: 'col' } : {}, words(text === null ? '–' : String(text)))))
  return wide(element('table', {}, element('thead', {}, row('th', head)), element('tbody', {}, ...rows.map((cells) => row('td', cells)))))
}

/** What may be wider than the window scrolls by itself, also with the keyboard. */
function wide(content: string, more: Attributes = {}): string {
  return element('div', { class: 'wide', tabindex: '0', ...more }, content)
}

function list(kind: 'ul' | 'ol', items: readonly string[]): string {
  return items.length === 0 ? '' : element(kind, {}, ...items.map((item) => element('li', {}, words(item))))
}

function link(to: string, text: string): string {
  return element('a', { href: `#${to}` }, words(text))
}

function contents({ transactions, batches }: ReportData): string {
  const rows = transactions.map(({ data }) =>
    element(
      'li',
      {},
      link(`tx-${data.txId}`, `transaction ${shortId(data.txId, SHORT)}`),
      words(` ${endOf(data)}`),
      batchLink(data.batchId, batches),
    ),
  )
  return element('nav', {}, element('ul', {}, ...rows, element('li', {}, link('faults', 'faults')), element('li', {}, link('status', 'cluster'))))
}

function batchLink(batchId: string | null, batches: readonly ReportBatch[]): string {
  return batches.some((batch) => batch.batchId === batchId) && batchId !== null
    ? `, in ${link(`batch-${batchId}`, `batch ${shortId(batchId, SHORT)}`)}`
    : ''
}

function transactionSection({ data, why, content }: ReportTransaction): string {
  const all = [['transaction', data.txId], ...transactionFacts(data), ...(content ? [['keys', content.deps.join(', ') || 'none']] : [])]
  const facts = all.flatMap(([name = '', fact = '']) => [element('dt', {}, words(name)), element('dd', {}, words(fact))])
  const end = endOf(data)
  return section(
    `tx-${data.txId}`,
    `Transaction ${shortId(data.txId, SHORT)}: ${end}`,
    paragraph(why.sentence, 'lead'),
    list('ul', why.details),
    element('dl', {}, ...facts),
    ...(content ? contentParts(content) : [paragraph('What it says is not known here.', 'faint')]),
  )
}

function contentParts({ payload, payloadBytes }: NonNullable<ReportTransaction['content']>): string[] {
  const more = payload.length - PAYLOAD
  return [
    element('pre', { tabindex: '0' }, words(payload.slice(0, PAYLOAD))),
    paragraph(`${count(payloadBytes, 'byte')} of payload${more > 0 ? `; ${more} more characters are not shown` : ''}`, 'faint'),
  ]
}

function batchSection({ batchId, pictures }: ReportBatch): string {
  const title = `Batch ${shortId(batchId, SHORT)}`
  if (typeof pictures === 'string') return section(`batch-${batchId}`, title, paragraph(pictures))
  const { tree, order, signatures, timeline } = pictures
  return section(
    `batch-${batchId}`,
    title,
    paragraph(batchId, 'faint'),
    figure('Order: why it stands there', drawOrderSvg(order), orderWords(order)),
    figure('Signatures: who signed what', signatures.length === 0 ? '' : drawSignatureSvg(signatures), signatureWords(pictures)),
    figure('Timeline: its phases at each signer', drawTimelineSvg(timeline)),
    figure('Tree: the way that it travelled', drawTreeSvg(tree)),
  )
}

function figure(title: string, svg: string, below = ''): string {
  return element('figure', {}, element('figcaption', {}, element('h3', {}, words(title))), wide(svg), below)
}

/** The sentences stand in the drawing too; here they can be read aloud and copied. */
function orderWords(order: OrderData): string {
  return list('ol', orderSentences(order))
}

function signatureWords({
  signatures,
}: {
  signatures: readonly { phase: string; valid: boolean; missing: readonly number[]; reason?: string }[]
}): string {
  if (signatures.length === 0) return paragraph('No signature of it was given out.')
  return list(
    'ul',
    signatures.map(({ phase, valid, missing, reason }) => {
      const verdict = valid ? 'verified where this was made' : `does not hold: ${reason ?? 'no reason is known'}`
      return `${phase}: ${verdict}; missing: ${signerRanges(missing) || 'nobody'}`
    }),
  )
}

function faultParts({ evidence, suspicion, asked, silent }: FaultsData): string[] {
  const proved =
    evidence.length === 0
      ? paragraph('Proved: nothing.')
      : paragraph(`Proved: ${count(evidence.length, 'proof')}, checked with the manifest alone.`) +
        table(
          ['signers', 'what', 'why', 'batches', 'since (UTC)', 'held by', 'file'],
          evidence.map(({ signers, kind, reason, batchIds, since, heldBy, file }) => [
            signerRanges(signers),
            kind,
            reason,
            batchIds.map((id) => shortId(id, SHORT)).join(', '),
            timeOf(since),
            heldBy.join(', '),
            file,
          ]),
        )
  const suspected =
    suspicion.length === 0
      ? paragraph('Suspected: nobody.')
      : paragraph('Suspected: seen, not proved; whoever says so may lie.') +
        table(
          ['signer', 'reason', 'times', 'since (UTC)', 'last', 'seen by', 'what to do'],
          suspicion.map(({ signer, reason, count: times, since, last, observers, isShared, advice }) => [
            signer,
            reason,
            times,
            timeOf(since),
            timeOf(last),
            `${observers.join(', ')}${isShared ? '' : ': no more than may lie'}`,
            advice,
          ]),
        )
  return [proved, suspected, paragraph(`Asked: ${asked.join(', ') || 'nobody'}. Without an answer: ${silent.join(', ') || 'nobody'}.`, 'faint')]
}

/** An ISO time to the second, as people read it. */
function timeOf(iso: string | null): string {
  return iso === null ? '–' : iso.slice(0, 19).replace('T', ' ')
}

function statusParts(status: ReportStatus): string[] {
  const { n, quorum, crashBound, asyncByzantineBound, syncByzantineBound, deltaMs, ready, signers, peers } = status
  const guard = deltaMs > 0 ? `${syncByzantineBound} while messages take less than ${deltaMs} ms` : 'the synchrony guard is off'
  return [
    paragraph(
      `${ready ? 'Ready' : 'Not ready: no quorum'} · ${count(n, 'signer')} · quorum ${quorum} · may crash ${crashBound} · may lie ${asyncByzantineBound} (${guard})`,
    ),
    table(
      ['signer', 'name', 'state', 'told to lie', 'executed', 'order', 'machine'],
      signers.map(({ index, name, state, lie, executed, orderDigest, machineDigest }) => [
        index,
        name,
        state,
        lie,
        executed,
        orderDigest && shortId(orderDigest),
        machineDigest && shortId(machineDigest),
      ]),
    ),
    ...(peers.length === 0
      ? []
      : [
          table(
            ['peer', 'state', 'executed', 'behind', 'order', 'machine'],
            peers.map(({ index, state, executed, behind, orderDigest, machineDigest }) => [
              index,
              state,
              executed,
              behind,
              orderDigest && shortId(orderDigest),
              machineDigest && shortId(machineDigest),
            ]),
          ),
        ]),
  ]
}
