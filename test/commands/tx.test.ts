/** `musig tx …` against a small cluster: documents and exit codes, every way to hand a transaction in, and what is refused. */
// time limit: 300 s
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findId } from '../../src/lib/node/answers.js'
import { LiveCluster, type TxDocument } from './live-cluster.js'
import { jsonOf } from './musig.js'

const cluster = new LiveCluster()
test.before(() => cluster.up())
test.after(() => cluster.end())

const FIELDS = ['schema', 'txId', 'batchId', 'position', 'index', 'status', 'path', 'ballot', 'score', 'votes', 'receipt', 'latencyMs', 'phases']
const linesOf = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as TxDocument & { line?: number; to?: number; summary?: Record<string, unknown> })

test('open and transfer: the document that scripts rely on, and the text for people', async () => {
  const opened = await cluster.tx(['open', 'alice', '100'])
  assert.equal(Object.keys(opened).sort(), [...FIELDS].sort())
  assert.match(opened.txId, /^[0-9a-f]{64}$/)
  assert.match(opened.batchId, /^[0-9a-f]{64}$/)
  assert.equal(opened.position, { 'acct:alice': 1 })
  assert.is(opened.status, 'executed')
  assert.is(opened.path, 'fast')
  assert.is(opened.ballot, 0)
  assert.is(opened.score, 1)
  assert.is(opened.votes, 4)
  assert.equal(opened.receipt, { ok: true, result: { account: 'alice', balance: 100 } })
  assert.ok(opened.latencyMs > 0)
  assert.equal(Object.keys(opened.phases).sort(), ['1a', '1b', '2'])
  await cluster.tx(['open', 'bob', '0', '--to', '3'])
  const { stdout, stderr } = await cluster.good(['tx', 'transfer', 'alice', 'acct:bob', '10'])
  assert.match(
    stdout,
    /^Executed [0-9a-f]{64}\nbatch +[0-9a-f]{64}\nplace +acct:alice 2, acct:bob 2\ndecided +fast path, .*score 100 % · 4 votes\nphases +1a [\d.]+ ms · 1b .* · 2 /,
  )
  assert.match(stdout, /^receipt +\{"balances":\{"alice":90,"bob":10\}\}$/m)
  assert.is(stderr, '')
})

test('the cluster’s own client key is made on first use, for its owner’s eyes alone, and never printed', () => {
  const path = join(cluster.home, 'clusters', 'default', 'client.json')
  assert.is(statSync(path).mode & 0o777, 0o600)
  const { secretKey } = JSON.parse(readFileSync(path, 'utf8'))
  assert.match(secretKey, /^[0-9a-f]{64}$/)
  assert.not.ok(cluster.printed.includes(secretKey))
})

test('refused at its place in the order: exit 1 with its receipt; rejected before it has one: exit 1 with the reason', async () => {
  const refused = await cluster.musig(['tx', 'transfer', 'alice', 'bob', '5000', '--json'])
  assert.is(refused.code, 1)
  const document = jsonOf(refused) as unknown as TxDocument
  assert.is(document.status, 'executed')
  assert.is(document.receipt?.ok, false)
  assert.match(document.receipt?.reason ?? '', /holds 90/)
  const text = await cluster.musig(['tx', 'transfer', 'alice', 'bob', '5000'])
  assert.is(text.code, 1)
  assert.match(text.stdout, /^Refused [0-9a-f]{64}$/m)
  const rejected = await cluster.musig(['tx', 'submit', 'hello', '--json'])
  assert.is(rejected.code, 1)
  const answer = jsonOf(rejected) as unknown as TxDocument
  assert.is(answer.status, 'rejected')
  assert.is(answer.batchId, null)
  assert.match(answer.reason ?? '', /not JSON/)
  assert.match((await cluster.musig(['tx', 'submit', 'hello'])).stdout, /^Rejected [0-9a-f]{64}\nreason +not JSON/)
})

test('submit: keys are sorted, made unique and normalised; the payload comes as an argument, from a file or from stdin', async () => {
  const payload = '{"op":"transfer","from":"alice","to":"bob","amount":1}'
  const composed = await cluster.tx(['submit', payload, '--deps', 'e\u0301t\u00e9,acct:bob,acct:alice', '--deps', 'acct:alice'])
  assert.equal(Object.keys(composed.position).sort(), ['acct:alice', 'acct:bob', '\u00e9t\u00e9'])
  const file = cluster.file('payload.json', payload)
  assert.is((await cluster.tx(['submit', '--payload', file, '--deps', 'acct:alice,acct:bob'])).receipt?.ok, true)
  const piped = await cluster.document(['tx', 'submit', '--payload', '-', '--deps', 'acct:alice,acct:bob'], payload)
  assert.is((piped['receipt'] as { ok: boolean }).ok, true)
  const missing = await cluster.musig(['tx', 'submit', payload, '--deps', 'acct:alice', '--json'])
  assert.is(missing.code, 1)
  assert.match(String(jsonOf(missing)['reason']), /acct:bob/)
})

test('--wait none returns at once; show tells the rest', async () => {
  const taken = await cluster.tx(['open', 'later', '1', '--wait', 'none'])
  assert.is(taken.status, 'pending')
  for (let i = 0; i < 50; i++) {
    const shown = await cluster.tx(['show', taken.txId])
    if (shown.status === 'executed') return
  }
  assert.unreachable('never executed')
})

test('--as signs with a key of the keyring: only its owner may take from an account', async () => {
  await cluster.good(['keys', 'gen', '--kind', 'client', '--name', 'bank', '--insecure'])
  await cluster.good(['keys', 'gen', '--name', 'notary', '--insecure'])
  await cluster.tx(['open', 'vault', '50', '--as', 'bank'])
  const stolen = await cluster.musig(['tx', 'transfer', 'vault', 'alice', '1', '--json'])
  assert.is(stolen.code, 1)
  assert.is((await cluster.tx(['transfer', 'vault', 'alice', '1', '--as', 'bank'])).receipt?.ok, true)
  await cluster.refused(['tx', 'open', 'x', '--as', 'notary'], 2, 'BAD_INPUT', /signer’s key/)
  await cluster.refused(['tx', 'open', 'x', '--as', 'nobody'], 2, 'NOT_FOUND', /no key “nobody”.*bank/)
})

test('--batch sends many over all signers and tells of each on a line, then the sums', async () => {
  const input = [
    '{"op":"open","account":"b1","amount":5}',
    '',
    '{"deps":["acct:b2"],"payload":{"op":"open","account":"b2","amount":5}}',
    '{"deps":["acct:b3"],"payload":"{\\"op\\":\\"open\\",\\"account\\":\\"b3\\",\\"amount\\":5}"}',
    '{"op":"open","account":"alice","amount":5}',
    '{"deps":[],"payload":"nonsense"}',
  ].join('\n')
  const outcome = await cluster.musig(['tx', 'submit', '--batch', '-', '--json'], { input })
  assert.is(outcome.code, 1, outcome.stderr)
  const lines = linesOf(outcome.stdout)
  assert.is(lines.length, 6)
  const { summary } = lines.pop() ?? {}
  assert.is(summary?.['sent'], 5)
  assert.is(summary?.['accepted'], 3)
  assert.is(summary?.['refused'], 1)
  assert.is(summary?.['rejected'], 1)
  assert.is(summary?.['failed'], 0)
  assert.equal(lines.map(({ line }) => line).sort(), [0, 1, 2, 3, 4])
  assert.equal(lines.map(({ to }) => to).sort(), [0, 0, 1, 2, 3])
  const file = cluster.file('many.jsonl', '{"op":"transfer","from":"alice","to":"bob","amount":1}\n'.repeat(3))
  const text = await cluster.good(['tx', 'submit', '--batch', file])
  assert.match(text.stdout, /^via +transaction +place in the order +path +score +phases +ms +outcome$/m)
  assert.match(text.stdout, /3 sent in [\d.]+ s: 3 accepted/)
})

test('conflicting transactions through all signers at once: one order at every signer, the slow path among them', async () => {
  const { slow, all } = await cluster.quarrel()
  for (const { phases, ballot, score } of slow) {
    assert.ok(ballot >= 0)
    assert.ok(score <= 1)
    assert.ok('1a' in phases)
  }
  const client = cluster.client()
  const places = await Promise.all([0, 1, 2, 3].map((from) => Promise.all(all.map(async ({ txId }) => (await client.wait(txId, { from })).position))))
  client.close()
  for (const seen of places) assert.equal(seen, places[0])
})

test('show: by a prefix of six or more, the certificate into a file; list and watch', async () => {
  const { txId } = await cluster.tx(['open', 'shown', '1'])
  assert.is((await cluster.tx(['show', txId.slice(0, 8).toUpperCase()])).txId, txId)
  const file = join(cluster.folder, 'certificate.json')
  await cluster.good(['tx', 'show', txId, '--certificate', file])
  assert.ok(existsSync(file))
  assert.is(JSON.parse(readFileSync(file, 'utf8')).certificate.type, 'fast')
  const { transactions } = (await cluster.document(['tx', 'list', '--limit', '3'])) as unknown as { transactions: TxDocument[] }
  assert.is(transactions.length, 3)
  assert.is(transactions[0]?.txId, txId)
  const watching = cluster.process(['tx', 'watch', '--limit', '1', '--json', '--from', '0'])
  let ended = false
  void watching.then(() => {
    ended = true
  })
  // It hears only of what is executed once it has subscribed.
  const sent: string[] = []
  while (!ended) sent.push((await cluster.tx(['open', `watched-${sent.length}`, '1', '--to', '0'])).txId)
  const heard = await watching
  assert.is(heard.code, 0, heard.stderr)
  const [line, ...more] = linesOf(heard.stdout)
  assert.is(more.length, 0)
  assert.is(line?.schema, 1)
  assert.ok(sent.includes(line?.txId ?? ''))
})

test('ids: too short, not hex, unknown, ambiguous', async () => {
  await cluster.refused(['tx', 'show', 'abcde'], 2, 'BAD_INPUT', /"abcde" is too short.*6/)
  await cluster.refused(['tx', 'show', 'alice!'], 2, 'BAD_INPUT', /not a transaction id/)
  await cluster.refused(['tx', 'show', '0'.repeat(20)], 2, 'NOT_FOUND', /no transaction 0+ is known here/)
  const ids = ['abcdef01', 'abcdef02'].map((start) => start.padEnd(64, '0'))
  assert.throws(() => findId(ids, 'abcdef', 'transaction'), /beginning of 2 ids/)
  assert.is(findId(ids, 'abcdef02', 'transaction'), ids[1])
})

test('bad input ends in one line and exit code 2', async () => {
  await cluster.refused(['tx', 'open', 'x', '--to', '4'], 2, 'BAD_INPUT', /no signer 4.*0 to 3/)
  await cluster.refused(['tx', 'open', 'x', '--cluster', 'nowhere'], 2, 'NOT_FOUND', /no cluster “nowhere”/)
  await cluster.refused(['tx', 'open', 'x', 'many'], 2, 'BAD_INPUT', /“many” is not a whole number/)
  await cluster.refused(['tx', 'open', 'no spaces'], 2, 'BAD_INPUT', /name/)
  await cluster.refused(['tx', 'transfer', 'alice', 'bob', '0'], 2, 'BAD_INPUT', /above 0/)
  await cluster.refused(['tx', 'put', 'doc:1', '{}'], 2, 'BAD_INPUT', /runs the ledger machine/)
  await cluster.refused(['tx', 'put', 'doc:1', '{'], 2, 'BAD_INPUT', /the document: not JSON/)
  await cluster.refused(['tx', 'submit'], 2, 'BAD_INPUT', /one of: a payload/)
  await cluster.refused(['tx', 'submit', 'a', '--payload', 'b'], 2, 'BAD_INPUT', /one of: a payload/)
  await cluster.refused(['tx', 'submit', 'a', '--deps', 'k'.repeat(129)], 2, 'BAD_INPUT', /1 to 128 bytes/)
  await cluster.refused(['tx', 'submit', '--payload', '/does/not/exist'], 2, 'BAD_INPUT', /cannot read/)
  await cluster.refused(
    ['tx', 'submit', '--batch', '-'],
    2,
    'BAD_INPUT',
    /line 2: .*neither/,
    '{"op":"open","account":"z"}\n{}'.replace('"z"', '"z","amount":1'),
  )
  await cluster.refused(['tx', 'submit', '--batch', '-'], 2, 'BAD_INPUT', /holds no transactions/, '\n')
})

test('out of time: exit 3, may have happened, and the id to ask again', async () => {
  const outcome = await cluster.musig(['tx', 'open', 'hurried', '1', '--timeout', '1'])
  assert.is(outcome.code, 3, outcome.stdout)
  const [, id] = /may have happened: ask again with tx show ([0-9a-f]{12})/.exec(outcome.stderr) ?? []
  assert.ok(id, outcome.stderr)
  for (let i = 0; i < 50; i++) if ((await cluster.tx(['show', id ?? ''])).status === 'executed') return
  assert.unreachable('never executed')
})

test('a cluster that is down cannot be reached: exit 3', async () => {
  await cluster.good(['cluster', 'down'])
  await cluster.refused(['tx', 'list'], 3, 'UNREACHABLE', /is the cluster up\?/)
  await cluster.refused(['tx', 'open', 'x', '1'], 3, 'UNREACHABLE', /is the cluster up\?/)
  await cluster.refused(['tx', 'watch'], 3, 'UNREACHABLE', /is the cluster up\?/)
  const batch = await cluster.musig(['tx', 'submit', '--batch', '-', '--json'], { input: '{"op":"open","account":"z","amount":1}' })
  assert.is(batch.code, 3)
  assert.is(linesOf(batch.stdout).at(-1)?.summary?.['failed'], 1)
})

test.run()
