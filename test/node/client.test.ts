/** The client against four signers: submit, read, go over to another signer, subscribe, and errors that say what is known. */
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { transactionId } from '../../src/lib/core/transaction.js'
import type { TransactionResult } from '../../src/lib/node/answers.js'
import { Client } from '../../src/lib/node/client.js'
import type { RunningSigner } from '../../src/lib/node/running-signer.js'
import { until } from '../until.js'
import { type ClusterFiles, clusterFiles, putDocument, TOKEN } from './cluster-fixture.js'
import { startSigner } from './signers-fixture.js'

let files: ClusterFiles
let signers: RunningSigner[]
let client: Client

/** An address at which nobody listens. */
const NOBODY = 'http://127.0.0.1:1'

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof MusigError ? error.code : String(error)),
  )
}

test.before(async () => {
  files = await clusterFiles(4, 'client')
  signers = await Promise.all(files.configs.map((_, i) => startSigner(files, i)))
  client = new Client({ addresses: files.addresses, token: TOKEN })
  await until('all are connected', async () => {
    const states = await Promise.all(files.addresses.map((_, from) => client.status({ from })))
    return states.every(({ connected }) => connected.length === 3)
  })
})

test.after(async () => {
  client.close()
  await Promise.all(signers.map((signer) => signer.stop()))
  files.remove()
})

test('submits through any signer; all come to the same state', async () => {
  const results = await Promise.all(
    Array.from({ length: 12 }, (_, i) => client.submit(putDocument(files.manifest, `d${i % 3}`, { i }), { to: i % 4, timeoutMs: 60_000 })),
  )
  assert.ok(results.every(({ status, receipt }) => status === 'executed' && receipt?.ok))
  await until('equal digests', async () => {
    const states = await Promise.all(files.addresses.map((_, from) => client.status({ from })))
    const digests = new Set(states.map(({ orderDigest, machineDigest, transactions }) => `${orderDigest} ${machineDigest} ${transactions}`))
    return digests.size === 1 && states[0]?.transactions === 12
  })
  const seen = await Promise.all(files.addresses.map((_, from) => client.query('doc:d1', { from })))
  assert.ok(seen.every((value) => JSON.stringify(value) === JSON.stringify(seen[0])))
})

test('shows by prefix, lists, gives batch, certificate and manifest', async () => {
  const transaction = putDocument(files.manifest, 'shown', {})
  const result = await client.submit(transaction)
  assert.is(result.txId, transactionId(files.manifest.clusterId, transaction))
  assert.equal(await client.show(result.txId.slice(0, 10)), result)
  assert.equal((await client.list({ limit: 1 }))[0], result)
  assert.is((await client.batch(result.txId)).batchId, result.batchId)
  assert.is((await client.certificate(result.batchId ?? '')).batchId, result.batchId)
  assert.is((await client.manifest()).clusterId, files.manifest.clusterId)
})

test('goes over to another signer with the same transaction', async () => {
  const elsewhere = new Client({ addresses: [NOBODY, NOBODY, ...files.addresses.slice(2)], token: TOKEN })
  const { status, txId } = await elsewhere.submit(putDocument(files.manifest, 'moved', {}), { to: 0 })
  assert.is(status, 'executed')
  assert.is((await elsewhere.show(txId)).status, 'executed')
  elsewhere.close()
})

test('many in one request: what came of each stands in its place', async () => {
  const good = Array.from({ length: 30 }, (_, i) => putDocument(files.manifest, `many${i}`, { i }))
  const bad = { ...putDocument(files.manifest, 'bad', {}), payload: new Uint8Array([1]) }
  const results = await client.submitAll([...good.slice(0, 10), bad, ...good.slice(10)], { to: 2, timeoutMs: 60_000 })
  assert.is(results.length, 31)
  const [refused] = results.splice(10, 1)
  assert.ok(refused instanceof MusigError && refused.code === 'REJECTED', String(refused))
  assert.equal(
    results.map((result) => (result instanceof MusigError ? result.code : [result.txId, result.status, result.receipt?.ok])),
    good.map((transaction) => [transactionId(files.manifest.clusterId, transaction), 'executed', true]),
  )
  const taken = await client.submitAll(good.slice(0, 2), { wait: 'none' })
  assert.equal(
    taken.map((result) => (result instanceof MusigError ? result.code : result.status)),
    ['executed', 'executed'],
  )
  assert.equal(await client.submitAll([]), [])
  assert.is(await codeOf(client.submitAll(Array.from({ length: 1025 }, () => putDocument(files.manifest, 'm', {})))), 'BAD_ENCODING')
})

test('a transaction given to all signers at once is executed once', async () => {
  const transaction = putDocument(files.manifest, 'once', {})
  const results = await Promise.all(files.addresses.map((_, to) => client.submit(transaction, { to, timeoutMs: 60_000 })))
  assert.is(new Set(results.map(({ batchId, index }) => `${batchId} ${index}`)).size, 1)
  assert.ok(results.every(({ receipt }) => receipt?.ok))
  assert.equal((await client.query('doc:once')) as object, { ...((await client.query('doc:once')) as object), version: 1 })
})

test('a connection that breaks after the request is tried elsewhere, and executed once', async () => {
  const breaking = createServer((socket) => socket.once('data', () => socket.destroy()))
  const port = await new Promise<number>((resolve) => breaking.listen(0, '127.0.0.1', () => resolve((breaking.address() as { port: number }).port)))
  const bad = `http://127.0.0.1:${port}`
  const mixed = new Client({ addresses: [bad, ...files.addresses], token: TOKEN })
  assert.is((await mixed.submit(putDocument(files.manifest, 'broken', {}), { to: 0 })).status, 'executed')
  const only = new Client({ addresses: [bad], token: TOKEN })
  const error = await only.submit(putDocument(files.manifest, 'lost', {})).catch((reason: unknown) => reason)
  assert.instance(error, MusigError)
  assert.is((error as MusigError).code, 'TIMED_OUT')
  assert.match((error as MusigError).message, /may have happened/)
  mixed.close()
  only.close()
  breaking.close()
})

test('errors say what is known', async () => {
  const nobody = new Client({ addresses: [NOBODY], token: TOKEN })
  const stranger = new Client({ addresses: files.addresses, token: 'x'.repeat(64) })
  const without = new Client({ addresses: files.addresses })
  const transaction = putDocument(files.manifest, 'err', {})
  assert.is(await codeOf(nobody.submit(transaction)), 'UNREACHABLE')
  assert.is(await codeOf(nobody.status()), 'UNREACHABLE')
  assert.is(await codeOf(nobody.subscribe(() => {})), 'UNREACHABLE')
  assert.is(await codeOf(stranger.submit(transaction)), 'BAD_INPUT')
  assert.is(await codeOf(without.submit(transaction)), 'BAD_INPUT')
  assert.is(await codeOf(client.submit({ ...transaction, payload: new Uint8Array() })), 'REJECTED')
  assert.is(await codeOf(client.show('123456')), 'NOT_FOUND')
  assert.is(await codeOf(client.show('12')), 'BAD_INPUT')
  assert.is(await codeOf(client.query('doc:none')), 'NOT_FOUND')
  assert.is(await codeOf(client.status({ from: 4 })), 'BAD_INPUT')
  assert.throws(() => new Client({ addresses: ['http://example.com:80'] }), /not on this machine/)
  assert.throws(() => new Client({ addresses: [] }), /at least one/)
  assert.throws(() => new Client({ clusterFile: '/nowhere/cluster.json' }), /musig cluster up/)
  for (const one of [nobody, stranger, without]) one.close()
})

test('a signer that does not answer is a time-out, in time', async () => {
  const silent = createServer(() => {})
  const port = await new Promise<number>((resolve) => silent.listen(0, '127.0.0.1', () => resolve((silent.address() as { port: number }).port)))
  const waiting = new Client({ addresses: [`http://127.0.0.1:${port}`], token: TOKEN })
  const begun = Date.now()
  assert.is(await codeOf(waiting.submit(putDocument(files.manifest, 'silent', {}), { timeoutMs: 100 })), 'TIMED_OUT')
  assert.ok(Date.now() - begun < 3000)
  waiting.close()
  silent.close()
})

test('finds the cluster by its file, with the token beside it', async () => {
  const local = new Client({ clusterFile: files.clusterFile })
  assert.is((await local.submit(putDocument(files.manifest, 'file', {}))).status, 'executed')
  local.close()
})

test('taken without waiting, then waited for', async () => {
  const { txId, status } = await client.submit(putDocument(files.manifest, 'later', {}), { to: 1, wait: 'none' })
  assert.ok(status === 'pending' || status === 'executed')
  assert.is((await client.wait(txId, { from: 1 })).status, 'executed')
})

test('a subscription goes on at another signer when its own stops', async () => {
  const heard: TransactionResult[] = []
  const end = await client.subscribe((result) => heard.push(result))
  const { txId } = await client.submit(putDocument(files.manifest, 'sub', {}))
  await until('it is heard', () => heard.some((result) => result.txId === txId))
  end()
  const before = heard.length
  await client.submit(putDocument(files.manifest, 'sub', { later: true }))
  assert.is(heard.length, before)
})

test('with one signer stopped there is no quorum of four; when it is back everything goes on', async () => {
  await signers[3]?.stop()
  await until('the others notice', async () => (await client.status({ from: 0 })).health === 'no quorum')
  const transaction = putDocument(files.manifest, 'stuck', {})
  assert.is(await codeOf(client.submit(transaction, { to: 0, timeoutMs: 200 })), 'NO_QUORUM')
  signers[3] = await startSigner(files, 3)
  const result = await client.submit(transaction, { to: 1, timeoutMs: 60_000 })
  assert.is(result.status, 'executed')
  const begun = Date.now()
  await until(
    'all agree',
    async () => {
      const states = await Promise.all(files.addresses.map((_, from) => client.status({ from })))
      return new Set(states.map(({ orderDigest, machineDigest }) => `${orderDigest} ${machineDigest}`)).size === 1
    },
    60_000,
  )
  assert.ok(Date.now() - begun < 60_000)
})

test('whatever a signer answers, the client ends with an error of the table', async () => {
  const answers = ['{"error":null}', '{"error":7}', '{"error":{"code":"__proto__","message":[]}}', '{"error":{"code":"NOT_FOUND"}}', '[', '\ufffd']
  const impostor = createHttpServer((_request, response) => response.end(answers[0])).listen(0, '127.0.0.1')
  await new Promise((resolve) => impostor.once('listening', resolve))
  const fooled = new Client({ addresses: [`http://127.0.0.1:${(impostor.address() as AddressInfo).port}`], token: TOKEN })
  for (const code of ['INTERNAL', 'INTERNAL', 'INTERNAL', 'NOT_FOUND', 'BAD_ENCODING', 'BAD_ENCODING']) {
    assert.is(await codeOf(fooled.status({ from: 0 })), code, answers[0])
    answers.shift()
  }
  fooled.close()
  impostor.closeAllConnections()
  impostor.close()
})

test.run()
