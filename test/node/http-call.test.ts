/** One call to a signer over a connection that was kept alive and is dead by now: repeated once where no answer had begun, never more than that. */
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { ConnectionFailed, call } from '../../src/lib/node/http-call.js'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const good: Answer = (_, response) => response.end('{"good":true}')
const dies: Answer = (request) => request.socket.resetAndDestroy()
const silent: Answer = () => {}
/** Begins an answer and dies. */
const breaksOff: Answer = (request, response) => {
  response.writeHead(200, { 'content-length': 100 })
  response.write('{"go', () => setTimeout(() => request.socket.destroy(), 20))
}

interface Heard {
  port: number | undefined
  body: string
}

/** A server that answers its requests one after the other in these ways, and a caller that keeps its connections. */
async function withServer(
  answers: Answer[],
  run: (caller: { post: (timeoutMs?: number) => Promise<unknown>; heard: Heard[]; server: Server }) => Promise<void>,
): Promise<void> {
  const heard: Heard[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    heard.push({ port: request.socket.remotePort, body })
    answers[heard.length - 1]?.(request, response)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const agent = new Agent({ keepAlive: true })
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  try {
    await run({ post: (timeoutMs = 5000) => call({ url, agent, method: 'POST', timeoutMs, body: { txId: 7 } }), heard, server })
  } finally {
    agent.destroy()
    server.closeAllConnections()
    server.close()
  }
}

async function failureOf(work: Promise<unknown>): Promise<{ begun: boolean } | string> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof ConnectionFailed ? { begun: error.begun } : error instanceof MusigError ? error.code : String(error)),
  )
}

test('a dead connection that was kept alive costs nothing: the same request goes over a fresh one', () =>
  withServer([good, dies, good], async ({ post, heard }) => {
    assert.equal(await post(), { good: true })
    assert.equal(await post(), { good: true })
    assert.equal(
      heard.map(({ body }) => body),
      ['{"txId":7}', '{"txId":7}', '{"txId":7}'],
    )
    assert.is(heard[1]?.port, heard[0]?.port)
    assert.is.not(heard[2]?.port, heard[0]?.port)
  }))

test('of several dead connections the second one is not tried', () =>
  withServer([good, good, dies, good], async ({ post, heard }) => {
    await Promise.all([post(), post()])
    assert.is(new Set(heard.map(({ port }) => port)).size, 2)
    assert.equal(await post(), { good: true })
    assert.not.ok(heard.slice(0, 3).some(({ port }) => port === heard[3]?.port))
  }))

test('a request is repeated once, and may have happened', () =>
  withServer([good, dies, dies, good], async ({ post, heard }) => {
    await post()
    assert.equal(await failureOf(post()), { begun: true })
    assert.is(heard.length, 3)
  }))

test('where nobody listens any more the first try may still have happened', () =>
  withServer([good, dies], async ({ post, server }) => {
    await post()
    server.close()
    assert.equal(await failureOf(post()), { begun: true })
  }))

test('what fails on a fresh connection is not repeated', () =>
  withServer([dies, good], async ({ post, heard }) => {
    assert.equal(await failureOf(post()), { begun: true })
    assert.is(heard.length, 1)
  }))

test('once an answer has begun nothing is repeated', () =>
  withServer([good, breaksOff, good], async ({ post, heard }) => {
    await post()
    assert.equal(await failureOf(post()), { begun: true })
    assert.is(heard.length, 2)
  }))

test('the time limit holds for both tries together', () =>
  withServer([good, (request) => setTimeout(() => request.socket.destroy(), 400), silent], async ({ post, heard }) => {
    await post()
    const begun = performance.now()
    assert.is(await failureOf(post(600)), 'TIMED_OUT')
    assert.is(heard.length, 3)
    assert.ok(performance.now() - begun < 900, `it took ${performance.now() - begun} ms`)
  }))

test.run()
