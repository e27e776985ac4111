/** `musig query` and the document commands against a small cluster of documents. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LiveCluster } from './live-cluster.js'

const cluster = new LiveCluster()
test.before(() => cluster.up('documents'))
test.after(() => cluster.end())

test('put, patch, delete and what is read in between, from any signer', async () => {
  const put = await cluster.tx(['put', 'doc:1', '{"title":"first","draft":true}'])
  assert.equal(put.position, { 'doc:1': 1 })
  assert.equal(put.receipt, { ok: true, result: { id: '1', version: 1 } })
  await cluster.tx(['patch', 'doc:1', '{"title":"better","draft":null}', '--version', '1'])
  const read = await cluster.document(['query', 'doc:1'])
  assert.equal(read, { schema: 1, path: 'doc:1', value: { id: '1', version: 2, document: { title: 'better' } } })
  const stale = await cluster.musig(['tx', 'put', '1', '{}', '--version', '1'])
  assert.is(stale.code, 1)
  assert.match(stale.stdout, /at version 2, not 1/)
  await cluster.tx(['delete', 'doc:1', '--to', '2'])
  await cluster.refused(['query', 'doc:1', '--from', '2'], 2, 'NOT_FOUND', /nothing at “doc:1”/)
})

test('a document from stdin, and any text for people', async () => {
  await cluster.good(['tx', 'put', 'doc:2', '-'], '[1,2]')
  const { stdout } = await cluster.good(['query', 'doc:2'])
  assert.equal(JSON.parse(stdout), { id: '2', version: 1, document: [1, 2] })
})

test('nothing there, no such signer, another machine’s operation, no cluster', async () => {
  await cluster.refused(['query', 'acct:alice'], 2, 'NOT_FOUND', /nothing at “acct:alice”/)
  await cluster.refused(['query', 'doc:2', '--from', '9'], 2, 'BAD_INPUT', /no signer 9/)
  await cluster.refused(['query', 'doc:2', '--from', '-1'], 2, 'BAD_INPUT', /--from/)
  await cluster.refused(['tx', 'open', 'alice', '1'], 2, 'BAD_INPUT', /runs the documents machine/)
  await cluster.refused(['query', 'doc:2', '--cluster', 'nowhere'], 2, 'NOT_FOUND', /no cluster “nowhere”/)
  await cluster.refused(['query'], 2, 'BAD_INPUT', /path/)
  await cluster.good(['cluster', 'down'])
  await cluster.refused(['query', 'doc:2'], 3, 'UNREACHABLE', /is the cluster up\?/)
})

test.run()
