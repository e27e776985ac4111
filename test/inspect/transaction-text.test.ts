/** Transactions in words: what is said of each state, phases in their order, hostile text made harmless; and trees in Graphviz' language. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type TransactionData, transactionLine, transactionRow, transactionText } from '../../src/lib/inspect/transaction-text.js'
import { drawTreeDot } from '../../src/lib/inspect/tree-dot.js'

const ID = 'ab'.repeat(32)
const executed: TransactionData = {
  txId: ID,
  batchId: 'cd'.repeat(32),
  position: { 'acct:a': 3, 'acct:b': 1 },
  index: 2,
  status: 'executed',
  path: 'slow',
  ballot: 1,
  score: 24 / 31,
  votes: 30,
  receipt: { ok: true, result: { balance: 1 } },
  latencyMs: 12.5,
  phases: { 2: 0.4, '1a': 1, '3b': 250, '1b': 3, '3a': 5 },
}
const blank = {
  ...executed,
  batchId: null,
  position: {},
  index: null,
  path: null,
  ballot: null,
  score: null,
  votes: null,
  receipt: null,
  latencyMs: null,
  phases: {},
}
const options = { color: false, width: 120 }

test('an executed one: place, decision, phases in the order of the protocol', () => {
  assert.equal(transactionText(executed, options).split('\n'), [
    `Executed ${ID}`,
    `batch     ${'cd'.repeat(32)}`,
    'place     acct:a 3, acct:b 1 (+2 in its batch)',
    'decided   slow path, in ballot 1 · score 77.4 % · 30 votes',
    'phases    1a 1 ms · 1b 3 ms · 2 0.4 ms · 3a 5 ms · 3b 250 ms',
    'latency   13 ms',
    'receipt   {"balance":1}',
    '',
  ])
  assert.equal(transactionRow(executed), [
    'abababab',
    'acct:a 3, acct:b 1 (+2 in its batch)',
    'slow, ballot 1',
    '77.4 %',
    '1a 1b 2 3a 3b',
    13,
    '{"balance":1}',
  ])
  assert.is(transactionLine(executed), 'abababab · acct:a 3, acct:b 1 (+2 in its batch) · slow, ballot 1 · score 77.4 % · 13 ms · {"balance":1}')
})

test('the other states say what is known', () => {
  assert.match(transactionText({ ...executed, receipt: { ok: false, reason: 'no money' } }, options), /^Refused [\s\S]*\nreason {4}no money\n$/)
  assert.is(transactionText({ ...blank, status: 'rejected', reason: 'malformed' }, options), `Rejected ${ID}\nreason    malformed\n`)
  assert.is(transactionText({ ...blank, status: 'pending' }, options), `Pending ${ID}\nreceipt   not executed yet\n`)
  assert.match(
    transactionText({ ...executed, position: {}, receipt: { ok: true, result: null } }, options),
    /place {5}no keys: anywhere\n[\s\S]*receipt {3}done\n/,
  )
  assert.equal(transactionRow({ ...blank, status: 'pending' }).slice(1), ['', 'pending', undefined, undefined, undefined, 'not executed yet'])
})

test('text that steers a terminal is made harmless, long text is cut', () => {
  const hostile = { ...executed, receipt: { ok: false as const, reason: `\u001b[2J${'x'.repeat(300)}` } }
  for (const said of [transactionText(hostile, { color: false, width: 60 }), transactionLine(hostile)]) assert.not.ok(said.includes('\u001b'))
  assert.ok(transactionLine(hostile).length < 200)
  const key = transactionText({ ...executed, position: { 'k\u0007\u202e': 1 } }, options)
  assert.match(key, /^place {5}k\ufffd\ufffd 1/m)
})

test('a tree in Graphviz’ language: quotes in names do not end the label', () => {
  const node = { signer: 0, parent: null, children: [1], depth: 0, state: 'voted' as const, name: 'a"b\\', region: 'eu' }
  const dot = drawTreeDot({ batchId: ID, ballot: 0, root: 0, depth: 1, nodes: [node, { ...node, signer: 1, parent: 0, children: [], adoptedBy: 0 }] })
  assert.match(dot, /^ {2}0 \[label="0\\na\\"b\\\\\\neu", tooltip="0 · [^\n]*voted"\]$/m)
  assert.match(dot, /^ {2}0 -> 1$/m)
  assert.match(dot, /^ {2}0 -> 1 \[style=dashed, constraint=false\]$/m)
})

test.run()
