/** The API of one signer: what it answers, what it refuses, and that it stays within its limits. */
import { request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { WebSocket } from 'ws'
import { fromHex } from '../../src/lib/base/bytes.js'
import { fromJson, toCbor, toJson } from '../../src/lib/base/codec.js'
import { certificateCodec, certificateFault } from '../../src/lib/core/certificate.js'
import { decodeBatch, type Transaction, transactionCodec, transactionId, transactionsCodec } from '../../src/lib/core/transaction.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { API_LIMITS } from '../../src/lib/node/http-guard.js'
import type { RunningSigner } from '../../src/lib/node/running-signer.js'
import { until } from '../until.js'
import { type ClusterFiles, clusterFiles, putDocument, TOKEN } from './cluster-fixture.js'
import { startSigner } from './signers-fixture.js'

/** The fields that these tests look at. */
interface Body {
  [field: string]: unknown
  error?: { code: string; message: string; txId?: string }
  txId?: string
  batchId?: string
  status?: string
  name?: string
  value?: { version?: number }
}

interface Answer {
  status: number
  body: Body
  text: string
}

let alone: ClusterFiles
let four: ClusterFiles
let signer: RunningSigner
let lonely: RunningSigner

function ask(
  base: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Uint8Array } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, base), { method: options.method ?? 'GET', headers: options.headers ?? {}, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => {
        const isJson = response.headers['content-type']?.startsWith('application/json')
        resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : {}, text })
      })
    })
    sent.on('error', reject)
    sent.end(options.body)
  })
}

const authorized = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }

function post(base: string, transaction: Transaction, query = ''): Promise<Answer> {
  const body = JSON.stringify({ transaction: toJson(transactionCodec, transaction) })
  return ask(base, `/api/transactions${query}`, { method: 'POST', headers: authorized, body })
}

test.before(async () => {
  alone = await clusterFiles(1, 'api')
  four = await clusterFiles(4, 'api4')
  signer = await startSigner(alone, 0)
  lonely = await startSigner(four, 1)
})

test.after(async () => {
  await signer.stop()
  await lonely.stop()
  alone.remove()
  four.remove()
})

test('a transaction is executed and shown with place, votes, score, receipt, latency and phases', async () => {
  const transaction = putDocument(alone.manifest, 'first', { a: 1 })
  const txId = transactionId(alone.manifest.clusterId, transaction)
  const { status, body } = await post(signer.url, transaction)
  assert.is(status, 200)
  const { latencyMs, phases, batchId, ...rest } = body
  assert.equal(rest, {
    txId,
    position: { 'doc:first': 1 },
    index: 0,
    status: 'executed',
    path: 'fast',
    ballot: 0,
    score: 1,
    votes: 1,
    receipt: { ok: true, result: { id: 'first', version: 1 } },
  })
  assert.match(batchId ?? '', /^[0-9a-f]{64}$/)
  assert.type(latencyMs, 'number')
  assert.ok(Object.keys(phases as object).every((phase) => ['1a', '1b', '2', '3a', '3b'].includes(phase)))
  const again = await ask(signer.url, `/api/transactions/${txId.slice(0, 8)}`)
  assert.equal(again.body, body)
  const list = await ask(signer.url, '/api/transactions?limit=1')
  assert.equal(list.body, { transactions: [body] })
})

test('transactions in CBOR, as they stand in a batch, are taken as those in JSON are, and refused as they are', async () => {
  const headers = { ...authorized, 'content-type': 'application/cbor' }
  const given = (body: Uint8Array) => ask(signer.url, '/api/transactions', { method: 'POST', headers, body })
  const pair = ['cbor1', 'cbor2'].map((id) => putDocument(alone.manifest, id, {}))
  const { status, body } = await given(toCbor(transactionsCodec, pair))
  assert.is(status, 200)
  const results = body.results as { txId: string; status: string }[]
  assert.equal(
    results.map(({ txId, status }) => [txId, status]),
    pair.map((transaction) => [transactionId(alone.manifest.clusterId, transaction), 'executed']),
  )
  for (const bad of [new Uint8Array(), Uint8Array.of(0x81, 0xa0), toCbor(transactionsCodec, pair).subarray(1)]) {
    const refused = await given(bad)
    assert.equal([refused.status, (refused.body.error as { code: string }).code], [400, 'BAD_ENCODING'])
  }
  const faults = await ask(signer.url, '/api/faults', { method: 'POST', headers, body: Uint8Array.of(0x80) })
  assert.is(faults.status, 415)
})

test('the same transaction again is not executed again', async () => {
  const transaction = putDocument(alone.manifest, 'twice', {})
  const first = await post(signer.url, transaction)
  const second = await post(signer.url, transaction)
  assert.equal(second.body, first.body)
  const { body } = await ask(signer.url, '/api/query?path=doc:twice')
  assert.is(body.value?.version, 1)
})

test('a batch, by its id or a transaction’s, with a certificate that verifies with the manifest alone', async () => {
  const { txId, batchId } = (await post(signer.url, putDocument(alone.manifest, 'proof', {}))).body
  const batch = await ask(signer.url, `/api/batches/${batchId}`)
  const known = batch.body as {
    bytes: string
    status: string
    transactions: { txId: string }[]
    certificate: unknown
    ownVote: object
    value: object
  }
  assert.is(known.status, 'executed')
  assert.is(known.transactions[0]?.txId, txId)
  assert.ok(known.ownVote && known.value)
  assert.is(decodeBatch(alone.manifest.clusterId, fromHex(known.bytes)).id, batchId)
  assert.equal((await ask(signer.url, `/api/batches/${txId?.slice(0, 10)}`)).body, batch.body)
  const proof = (await ask(signer.url, `/api/certificates/${txId}`)).body
  assert.equal(proof.certificate, known.certificate)
  const certificate = fromJson(certificateCodec, proof.certificate)
  assert.is(certificateFault(loadCrypto('noble'), alone.manifest, certificate), undefined)
})

test('status, health, manifest and metrics', async () => {
  const status = (await ask(signer.url, '/api/status')).body
  assert.is(status['index'], 0)
  assert.is(status['health'], 'ready')
  assert.is(status['pid'], process.pid)
  assert.is(status['version'], '0.0.0-test')
  assert.match(String(status['orderDigest']), /^[0-9a-f]{64}$/)
  assert.match(String(status['machineDigest']), /^[0-9a-f]{64}$/)
  assert.is((await ask(signer.url, '/healthz')).status, 200)
  assert.is((await ask(lonely.url, '/healthz')).status, 503)
  assert.is((await ask(signer.url, '/api/manifest')).body.name, 'api')
  const metrics = await ask(signer.url, '/metrics')
  assert.match(metrics.text, /musig_transactions_total\{result="ok",self="0"\} [1-9]/)
  assert.match(metrics.text, /musig_batches_total\{path="fast",self="0"\} [1-9]/)
  assert.match(metrics.text, /musig_connected_signers\{self="0"\} 0/)
  assert.match(metrics.text, /musig_latency_seconds_count\{self="0"\} [1-9]/)
  assert.match(metrics.text, /musig_store_append_seconds_count\{self="0"\} [1-9]/)
})

test('a transaction that can never be valid is rejected, and remembered as such', async () => {
  const valid = putDocument(alone.manifest, 'bad', {})
  const { status, body } = await post(signer.url, { ...valid, payload: fromHex('00ff') })
  assert.is(status, 422)
  assert.is(body.error?.code, 'REJECTED')
  const shown = await ask(signer.url, `/api/transactions/${body.error?.txId}`)
  assert.is(shown.body.status, 'rejected')
})

test('without a quorum: taken with wait=none, else no quorum, and it may have happened', async () => {
  const taken = await post(lonely.url, putDocument(four.manifest, 'x', {}), '?wait=none')
  assert.is(taken.status, 202)
  assert.is(taken.body.status, 'pending')
  const { status, body } = await post(lonely.url, putDocument(four.manifest, 'y', {}), '?timeoutMs=50')
  assert.is(status, 503)
  assert.is(body.error?.code, 'NO_QUORUM')
  assert.match(body.error?.message ?? '', /no quorum: 1 of 4 signers reachable; it may have happened: ask again with tx show [0-9a-f]{12}/)
  const shown = await ask(lonely.url, `/api/transactions/${body.error?.txId}`)
  assert.is(shown.body.status, 'pending')
})

test('changes need the token', async () => {
  const body = JSON.stringify({ transaction: toJson(transactionCodec, putDocument(alone.manifest, 'z', {})) })
  for (const authorization of [undefined, 'Bearer ', `Bearer ${TOKEN}0`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`, `bearer ${TOKEN}`]) {
    const headers = { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) }
    const answer = await ask(signer.url, '/api/transactions', { method: 'POST', headers, body })
    assert.is(answer.status, 401, authorization)
    assert.not.ok(answer.text.includes(TOKEN))
  }
})

test('foreign hosts and foreign pages are refused, for reads too', async () => {
  const { port, host } = new URL(signer.url)
  for (const name of ['evil.example', `evil.example:${port}`, '127.0.0.1', '127.0.0.1:1', `127.0.0.1.evil.example:${port}`]) {
    assert.is((await ask(signer.url, '/api/status', { headers: { host: name } })).status, 403, name)
  }
  for (const origin of ['http://evil.example', 'null', 'https://127.0.0.1', `http://localhost:${port}`]) {
    assert.is((await ask(signer.url, '/api/status', { headers: { origin } })).status, 403, origin)
  }
  assert.is((await ask(signer.url, '/api/status', { headers: { origin: `http://${host}` } })).status, 200)
})

test('malformed requests get one clear error', async () => {
  const cases: [path: string, status: number, method?: string, body?: string][] = [
    ['/', 404],
    ['/api', 404],
    ['/api/nothing', 404],
    ['/api/transactions/1/2', 404],
    ['/api/transactions/12345', 400],
    ['/api/transactions/zzzzzz', 400],
    ['/api/transactions/%00%ff', 400],
    ['/api/transactions/123456', 404],
    ['/api/batches/123456', 404],
    ['/api/certificates/123456', 404],
    ['/api/transactions?limit=-1', 400],
    ['/api/transactions?limit=x', 400],
    ['/api/query', 400],
    ['/api/query?path=doc:none', 404],
    ['/api/status', 405, 'DELETE'],
    ['/api/transactions', 400, 'POST', '{'],
    ['/api/transactions', 400, 'POST', '[]'],
    ['/api/transactions', 400, 'POST', '{"transaction":{"deps":[]}}'],
    ['/api/transactions', 400, 'POST', '{"transaction":{"__proto__":1}}'],
    ['/api/transactions?wait=x', 400, 'POST', JSON.stringify({ transaction: toJson(transactionCodec, putDocument(alone.manifest, 'w', {})) })],
    ['/api/transactions', 413, 'POST', ' '.repeat(API_LIMITS.bodyBytes + 1)],
  ]
  for (const [path, status, method, body] of cases) {
    const answer = await ask(signer.url, path, { ...(method && { method }), ...(body !== undefined && { body, headers: authorized }) })
    assert.is(answer.status, status, `${method ?? 'GET'} ${path}: ${answer.text}`)
    assert.ok(answer.body.error?.code && answer.body.error.message, path)
  }
  const plain = await ask(signer.url, '/api/transactions', { method: 'POST', headers: { ...authorized, 'content-type': 'text/plain' }, body: '{}' })
  assert.is(plain.status, 415)
})

test('a body that goes on past the limit is cut off', async () => {
  const { port } = new URL(signer.url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.on('error', () => {})
  const head = `POST /api/transactions HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`
  socket.write(head)
  const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
  let closed = false
  let answer = ''
  socket.on('data', (data) => {
    answer += data
  })
  socket.on('close', () => {
    closed = true
  })
  for (let i = 0; i < 40 && !closed; i++) {
    socket.write(chunk)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await until('the connection is closed', () => closed, 5000)
  assert.match(answer, /^HTTP\/1.1 413/)
})

test('faults of links: with the token alone, for links that it has, shown by the status', async () => {
  const fault = (index: number) => ({ signer: index, cut: true, delayMs: 0, lossPerMille: 0 })
  const give = (faults: unknown, headers: Record<string, string> = authorized) =>
    ask(lonely.url, '/api/faults', { method: 'POST', headers, body: JSON.stringify({ faults }) })
  assert.is((await give([], { 'content-type': 'application/json' })).status, 401)
  for (const [faults, reason] of [
    [[fault(4)], /no signer 4/],
    [[fault(1)], /signer 1 has no link/],
    [[fault(0), fault(0)], /named twice/],
    [[{ ...fault(0), delayMs: 60_001 }], /delayMs/],
    [[{ ...fault(0), lossPerMille: 1001 }], /lossPerMille/],
    [[{ signer: 0 }], /faults/],
    ['none', /faults/],
  ] as const) {
    const { status, body } = await give(faults)
    assert.is(status, 400, JSON.stringify(faults))
    assert.match(body.error?.message ?? '', reason)
  }
  assert.is((await give([fault(0)])).status, 200)
  assert.equal((await ask(lonely.url, '/api/status')).body['faults'], [fault(0)])
  assert.is((await give([])).status, 200)
  assert.equal((await ask(lonely.url, '/api/status')).body['faults'], [])
})

test('connections that send nothing, or headers drop by drop, are closed in time', async () => {
  const { port } = new URL(signer.url)
  const begun = Date.now()
  const closedAfter = (first: string, drip: boolean) =>
    new Promise<number>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1')
      socket.write(first)
      const timer = drip ? setInterval(() => socket.write('x'), 200) : undefined
      socket.on('error', () => {})
      socket.resume()
      socket.on('close', () => {
        clearInterval(timer)
        resolve(Date.now() - begun)
      })
    })
  const times = await Promise.all([closedAfter('', false), closedAfter('GET / HTTP/1.1\r\n', false), closedAfter('GET / HTTP/1.1\r\nX: ', true)])
  for (const time of times) assert.ok(time < API_LIMITS.headersMs + 2 * API_LIMITS.lookMs + 1000, `${time} ms`)
})

test('one request at a time on a connection: one after the other is served, more ahead of an answer end it', async () => {
  const { port, host } = new URL(signer.url)
  const question = `GET /metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const open = () => {
    const seen = { answers: 0, isClosed: false }
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => {})
    socket.on('data', (data) => {
      seen.answers += String(data).split('HTTP/1.1 200').length - 1
    })
    socket.on('close', () => {
      seen.isClosed = true
    })
    return { socket, seen }
  }
  const patient = open()
  for (let i = 1; i <= 5; i++) {
    patient.socket.write(question)
    await until(`answer ${i}`, () => patient.seen.answers === i)
  }
  assert.not.ok(patient.seen.isClosed)
  patient.socket.destroy()
  const hasty = open()
  hasty.socket.write(question.repeat(2000))
  await until('the end of it', () => hasty.seen.isClosed || hasty.seen.answers > 10)
  assert.ok(hasty.seen.answers <= 1, `${hasty.seen.answers} answers`)
})

test('subscribers hear of executed transactions; foreign pages and other paths do not', async () => {
  const { host } = new URL(signer.url)
  const socket = new WebSocket(`ws://${host}/api/subscribe`)
  const lines: { txId: string; status: string }[] = []
  socket.on('message', (data) => lines.push(JSON.parse(String(data))))
  await new Promise((resolve) => socket.on('open', resolve))
  const { body } = await post(signer.url, putDocument(alone.manifest, 'heard', {}))
  await until('the line', () => lines.length > 0)
  assert.equal(lines, [body])
  socket.terminate()
  for (const [path, headers] of [
    ['/api/subscribe', { origin: 'http://evil.example' }],
    ['/api/subscribe', { host: 'evil.example' }],
    ['/elsewhere', {}],
  ] as const) {
    const refused = new WebSocket(`ws://${host}${path}`, { headers })
    const error = await new Promise<Error>((resolve) => refused.on('error', resolve))
    assert.match(error.message, /40[34]/)
  }
})

test.run()
