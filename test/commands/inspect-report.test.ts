/** `musig inspect report` against a small cluster: one page for a transaction, a batch, or the latest ones, with nothing secret in it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LiveCluster, type TxDocument } from './live-cluster.js'

const cluster = new LiveCluster()
let slow: TxDocument | undefined
test.before(async () => {
  await cluster.up()
  slow = (await cluster.quarrel()).slow[0]
})
test.after(() => cluster.end())

const page = (name: string) => join(cluster.folder, name)
const wordsOf = (file: string) =>
  readFileSync(file, 'utf8')
    .replace(/<style>[^<]*<\/style>/g, '')
    .replace(/<[^>]*>/g, ' ')

test('the page of one transaction: why, what it says, and its batch in four drawings; signatures verified', async () => {
  const file = page('one.html')
  const document = await cluster.document(['inspect', 'report', slow?.txId.slice(0, 12) ?? '', '-o', file])
  assert.equal([document['schema'], document['file'], document['txIds'], document['batchIds']], [1, file, [slow?.txId], [slow?.batchId]])
  const html = readFileSync(file, 'utf8')
  assert.is(document['bytes'], Buffer.byteLength(html))
  assert.is(html.match(/<svg /g)?.length, 4)
  assert.not.match(html, /<script|<img|<link|<iframe|src=/)
  const words = wordsOf(file)
  for (const said of [
    /agreed in phase 3/,
    /saw it first/,
    /phase 3 ran in/,
    /vote: verified where this was made/,
    /accept: verified/,
    /Critical path/,
  ])
    assert.match(words, said)
  assert.match(words, /Proved: nothing/)
  assert.match(words, /Ready · 4 signers · quorum 4/)
})

test('nothing secret of the cluster is in it: no key, token, address or folder', async () => {
  const file = page('last.html')
  await cluster.good(['inspect', 'report', '--last', '8', '-o', file])
  const html = readFileSync(file, 'utf8')
  const folder = join(cluster.home, 'clusters', 'default')
  const token = readFileSync(join(folder, 'token'), 'utf8').trim()
  const secrets = new Set([token, cluster.home, cluster.folder])
  const manifest = readFileSync(join(folder, 'manifest.json'), 'utf8')
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.json'))) {
    for (const [hex] of readFileSync(join(folder, path), 'utf8').matchAll(/\b[0-9a-f]{64}\b/g)) if (!manifest.includes(hex)) secrets.add(hex)
  }
  // Ids of the cluster and of what it decided are no secrets, and stand in it.
  const { id } = JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')) as { id: string }
  secrets.delete(id)
  assert.ok(secrets.size > 4 + 3, `only ${secrets.size} secrets were found to look for`)
  for (const secret of secrets) assert.not.ok(html.includes(secret), `${secret.slice(0, 8)}… is in the report`)
  assert.not.match(html, /127\.0\.0\.1|localhost|file:/)
})

test('--last takes the latest transactions, each batch once; an id of a batch takes what is in it', async () => {
  const last = await cluster.document(['inspect', 'report', '--last', '3', '-o', page('three.html')])
  const listed = (await cluster.document(['tx', 'list', '--limit', '3'])) as unknown as { transactions: TxDocument[] }
  assert.equal(
    last['txIds'],
    listed.transactions.map(({ txId }) => txId),
  )
  assert.equal(last['batchIds'], [...new Set(listed.transactions.map(({ batchId }) => batchId))])
  const whole = await cluster.document(['inspect', 'report', slow?.batchId ?? '', '-o', page('batch.html')])
  assert.ok((whole['txIds'] as string[]).includes(slow?.txId ?? ''))
  const { stdout } = await cluster.good(['inspect', 'report', slow?.txId ?? '', '-o', '-'])
  assert.match(stdout, /^<!DOCTYPE html>\n<html lang="en">[\s\S]*<\/html>\n$/)
})

test('a payload that tries to be markup is text', async () => {
  const docs = ['--cluster', 'docs']
  await cluster.good(['cluster', 'up', '-n', '1', '--machine', 'documents', ...docs])
  const submitted = await cluster.good(['tx', 'put', 'doc:1', JSON.stringify({ title: '</pre><script>alert(1)</script>' }), ...docs, '--json'])
  const { txId } = JSON.parse(submitted.stdout) as TxDocument
  const file = page('evil.html')
  await cluster.good(['inspect', 'report', txId, '-o', file, ...docs])
  await cluster.good(['cluster', 'rm', ...docs])
  const html = readFileSync(file, 'utf8')
  assert.not.match(html, /<script/)
  assert.ok(html.includes('&lt;/pre&gt;&lt;script&gt;alert(1)'), 'the payload is shown')
})

test('bad input ends in one line and exit code 2', async () => {
  const out = ['-o', page('x.html')]
  await cluster.refused(['inspect', 'report', ...out], 2, 'BAD_INPUT', /id of a transaction or batch, or --last N/)
  await cluster.refused(['inspect', 'report', slow?.txId ?? '', '--last', '2', ...out], 2, 'BAD_INPUT', /or --last N/)
  await cluster.refused(['inspect', 'report', '--last', '0', ...out], 2, 'BAD_INPUT', /--last/)
  await cluster.refused(['inspect', 'report', '--last', '51', ...out], 2, 'BAD_INPUT', /--last/)
  await cluster.refused(['inspect', 'report', '0'.repeat(12), ...out], 2, 'NOT_FOUND', /000000000000 is known here/)
  await cluster.refused(['inspect', 'report', '--last', '1'], 2, 'BAD_INPUT', /--output|-o/)
  await cluster.refused(['inspect', 'report', '--last', '1', '-o', '-'], 2, 'BAD_INPUT', /both go to stdout/)
  await cluster.refused(['inspect', 'report', '--last', '1', '-o', '/does/not/exist/x.html'], 2, 'BAD_INPUT', /cannot write/)
})

test.run()
