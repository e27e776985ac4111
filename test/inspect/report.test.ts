/** A report: everything in it, nothing but text from others, nothing that runs or is loaded, and readable where it is shown. */
// time limit: 240 s
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SaxesParser } from 'saxes'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BatchSignature } from '../../src/lib/inspect/batch-signatures.js'
import type { FaultsData } from '../../src/lib/inspect/faults.js'
import { contentOf, type ReportData } from '../../src/lib/inspect/report-data.js'
import { reportHtml } from '../../src/lib/inspect/report-html.js'
import type { TransactionData } from '../../src/lib/inspect/transaction-text.js'
import { chromiumPath, withChromium } from '../library/chromium.js'
import { skipped } from '../skip.js'
import { HARMFUL, HOSTILE } from './hostile.js'
import { orderOf, sampleOrder, sampleSignature, sampleTree } from './sample-data.js'
import { sampleTimeline } from './sample-timeline.js'

const BATCH = 'ab'.repeat(32)
const [SCRIPT = ''] = HOSTILE

function transaction(more: Partial<TransactionData> = {}): TransactionData {
  const decided = { status: 'executed' as const, path: 'slow' as const, ballot: 0, score: 0.6, votes: 5 }
  const times = { latencyMs: 42, phases: { '1a': 1.5, '3a': 3 } }
  return {
    txId: 'cd'.repeat(32),
    batchId: BATCH,
    position: { 'acct:a': 3 },
    index: 0,
    receipt: { ok: true, result: { done: 1 } },
    ...decided,
    ...times,
    ...more,
  }
}

const FAULTS: FaultsData = {
  evidence: [
    {
      kind: 'double-vote',
      signers: [2],
      batchIds: [BATCH],
      reason: 'two votes of signer 2',
      since: '2026-01-02T03:04:05.678Z',
      heldBy: ['signer 0'],
      file: 'proof.json',
    },
  ],
  suspicion: [],
  asked: ['signer 0', 'signer 1'],
  silent: ['signer 1'],
}

function report(more: Partial<ReportData> = {}): ReportData {
  const signature = { ...sampleSignature(5, 2), signature: '', multiSignature: { entries: [], signature: new Uint8Array() } }
  return {
    madeAt: '2026-11-28T04:40:00.000Z',
    version: '0.1.0',
    transactions: [
      {
        data: transaction(),
        why: { sentence: 'It is executed.', details: ['a before b: 4 of 5 saw it first.'] },
        content: { deps: ['acct:a'], payload: '{"op":"transfer"}', payloadBytes: 17 },
      },
    ],
    batches: [{ batchId: BATCH, pictures: { tree: sampleTree(5), order: sampleOrder(5, 4), signatures: [signature], timeline: sampleTimeline(5) } }],
    faults: FAULTS,
    status: {
      cluster: 'default',
      id: 'ee'.repeat(32),
      n: 5,
      quorum: 4,
      crashBound: 1,
      asyncByzantineBound: 0,
      syncByzantineBound: 2,
      deltaMs: 50,
      ready: true,
      signers: [{ index: 0, name: 'signer-0', state: 'ready', lie: null, executed: 8, orderDigest: 'f0af0f8a', machineDigest: null }],
      peers: [{ index: 0, state: 'level', executed: 8, behind: 0, orderDigest: 'f0af0f8a', machineDigest: null }],
    },
    ...more,
  }
}

/** The elements with their attributes, and all text; throws where it is not well-formed. */
function read(html: string): { elements: { name: string; attributes: Record<string, string> }[]; text: string } {
  const parser = new SaxesParser()
  const elements: { name: string; attributes: Record<string, string> }[] = []
  let text = ''
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', ({ name, attributes }) => elements.push({ name, attributes: attributes as Record<string, string> }))
  parser.on('text', (part) => {
    text += part
  })
  parser.write(html).close()
  return { elements, text }
}

const KNOWN = new Set(
  'html head meta title style body header h1 h2 h3 p nav ul ol li a main section dl dt dd pre figure figcaption div table thead tbody tr th td svg desc rect circle path text'.split(
    ' ',
  ),
)

/** What a page that is handed on must not have: anything that runs, loads, submits or leads away. */
function harmless(html: string): void {
  assert.not.match(html.replaceAll('\n', ''), HARMFUL)
  for (const { name, attributes } of read(html).elements) {
    assert.ok(KNOWN.has(name), name)
    for (const [key, value] of Object.entries(attributes)) {
      assert.not.ok(/^on|^src$|^srcset$|^action$|^style$|^xlink/i.test(key), `${name} ${key}`)
      if (key === 'href') assert.match(value, /^#/)
      assert.not.match(key === 'xmlns' ? '' : value, /url\(|javascript:|https?:/i)
    }
  }
  assert.match(html, /http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;;/)
}

test('the page holds the transaction, its batch in four drawings, faults and the state of the cluster', () => {
  const html = reportHtml(report())
  harmless(html)
  const { elements, text } = read(html)
  assert.is(elements.filter(({ name }) => name === 'svg').length, 4)
  for (const said of [
    'It is executed.',
    'a before b: 4 of 5 saw it first.',
    '{"op":"transfer"}',
    'slow path, with phase 3',
    'acct:a 3',
    'two votes of signer 2',
    '2026-01-02 03:04:05',
    'Without an answer: signer 1',
    'may lie 0 (2 while messages take less than 50 ms)',
    'f0af0f8a',
  ])
    assert.ok(text.includes(said), said)
  const ids = elements.flatMap(({ attributes }) => attributes['id'] ?? [])
  assert.is(new Set(ids).size, ids.length)
  for (const { attributes } of elements) if (attributes['href']) assert.ok(ids.includes(attributes['href'].slice(1)), attributes['href'])
})

/** A report in which everything that others can write is hostile. */
function hostile(evil: string): ReportData {
  const plain = report()
  const tree = sampleTree(5)
  const timeline = sampleTimeline(5)
  const order = orderOf(HOSTILE, [HOSTILE, [...HOSTILE].reverse(), HOSTILE, HOSTILE, HOSTILE])
  const entry = { message: evil, summary: evil, signers: [0, 1, 2, 3, 4] }
  const signature: BatchSignature = {
    ...sampleSignature(5, 1),
    entries: [entry],
    valid: false,
    reason: evil,
    signature: evil,
    multiSignature: { entries: [], signature: new Uint8Array() },
  }
  const named = { name: evil, region: evil }
  return {
    ...plain,
    version: evil,
    transactions: [
      {
        data: transaction({ txId: evil, batchId: evil, position: { [evil]: 1 }, receipt: { ok: false, reason: evil } }),
        why: { sentence: evil, details: [evil] },
        content: { deps: [evil, evil], payload: evil, payloadBytes: 1 },
      },
      { data: transaction({ status: 'rejected', reason: evil }), why: { sentence: evil, details: [] }, content: undefined },
    ],
    batches: [
      {
        batchId: evil,
        pictures: {
          tree: { ...tree, batchId: evil, nodes: tree.nodes.map((node) => ({ ...node, ...named })) },
          order,
          signatures: [signature],
          timeline: { ...timeline, batchId: evil, signers: timeline.signers.map((signer) => ({ ...signer, ...named })) },
        },
      },
      { batchId: `${evil}2`, pictures: `Not to be had: ${evil}.` },
    ],
    faults: {
      evidence: FAULTS.evidence.map((one) => ({ ...one, batchIds: [evil], reason: evil, since: evil, heldBy: [evil], file: evil })),
      suspicion: [{ signer: 1, reason: evil, count: 2, since: evil, last: evil, observers: [evil], batchIds: [evil], isShared: false, advice: evil }],
      asked: [evil],
      silent: [evil],
    },
    status: {
      ...plain.status,
      cluster: evil,
      id: evil,
      signers: plain.status.signers.map((signer) => ({ ...signer, name: evil, state: evil, lie: evil, orderDigest: evil, machineDigest: evil })),
      peers: plain.status.peers.map((peer) => ({ ...peer, state: evil, orderDigest: evil, machineDigest: evil })),
    },
  }
}

const MORE = [
  ...HOSTILE,
  '</style><script>alert(2)</script>',
  "' onload='alert(3)",
  '--><img src=x onerror=alert(4)>',
  '</title></svg>]]>',
  'javascript:alert(5)//',
]

test('whatever others wrote, keys, names, payloads, reasons and ids, stays text', () => {
  for (const evil of MORE) {
    const html = reportHtml(hostile(evil))
    if (!evil.startsWith('javascript:')) harmless(html)
    assert.not.match(html, /<script|<img|<b a/)
  }
  assert.ok(reportHtml(hostile(SCRIPT)).includes('&lt;script&gt;alert(1)&lt;/script&gt;'))
  assert.ok(read(reportHtml(hostile('two\nlines'))).text.includes('two\nlines'), 'line breaks stay')
})

test('in a browser that may run scripts a hostile report runs nothing and asks for nothing, and its drawings have room', async () => {
  if (chromiumPath === undefined) return skipped(1, 'there is no browser here')
  await withChromium(async (browser) => {
    for (const [i, evil] of MORE.entries()) {
      const file = join(tmpdir(), `musig-report-${process.pid}-${i}.html`)
      writeFileSync(file, reportHtml(hostile(evil)))
      const page = await browser.newPage()
      const seen: string[] = []
      page.on('dialog', (dialog) => {
        seen.push(dialog.message())
        void dialog.dismiss()
      })
      page.on('request', (request) => seen.push(request.url()))
      await page.goto(pathToFileURL(file).href)
      assert.equal(seen, [pathToFileURL(file).href], evil)
      assert.is(await page.locator('svg').count(), 4, evil)
      assert.is(await page.locator('script, img, iframe').count(), 0, evil)
      await page.close()
    }
  })
})

test('a long payload is cut and the rest counted; one that is no text is shown in hex; a stranger’s document is none', () => {
  const [first] = report().transactions
  if (!first) throw new Error('no transaction')
  const long = { ...first, content: { deps: [], payload: 'x'.repeat(2500), payloadBytes: 2500 } }
  const { text } = read(reportHtml(report({ transactions: [long] })))
  assert.match(text, /2500 bytes of payload; 500 more characters are not shown/)
  assert.not.ok(text.includes('x'.repeat(2001)))
  const json = { deps: ['acct:a'], client: null, nonce: '00', expiry: null, signature: null }
  assert.equal(contentOf({ ...json, payload: Buffer.from('grüß').toString('hex') }), { deps: ['acct:a'], payload: 'grüß', payloadBytes: 6 })
  assert.equal(contentOf({ ...json, payload: 'ff00' }), { deps: ['acct:a'], payload: 'ff00', payloadBytes: 2 })
  for (const stranger of [undefined, null, 7, {}, { ...json, payload: 7 }, { ...json, payload: 'zz' }]) assert.is(contentOf(stranger), undefined)
})

test.run()
