/**
 * The API of a signer or a peer: HTTP and one WebSocket, for callers on this machine; a signer's shares its server with plain links. Owns routes, waiting and
 * the subscription; what may pass at all is `http-guard.ts`, what is answered `answers.ts`, what changes something `changes.ts`.
 *
 * POST /api/transactions /api/faults · GET /api/transactions[/ID] /api/batches/ID /api/certificates/ID /api/descriptions/ID /api/groups/ID /api/timelines/ID
 * /api/query /api/status /api/conduct /api/evidence/FILE /api/manifest /api/subscribe · GET /healthz /metrics. Reads are open to this machine's users; changes need the token.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Id } from '../base/bytes.js'
import { invariant, MusigError } from '../base/errors.js'
import { manifestToJson } from '../core/manifest.js'
import { isLinkTarget } from './accepting.js'
import {
  batchAnswer,
  certificateAnswer,
  findId,
  historyAnswer,
  type OfBatch,
  type Subject,
  type TransactionResult,
  transactionAnswer,
} from './answers.js'
import { conductAnswer } from './conduct.js'
import { descriptionAnswer, groupAnswer, timelineAnswer } from './descriptions.js'
import { API_LIMITS, checkOrigin, errorAnswer, Refusal, sendJson } from './http-guard.js'

export interface ApiOptions {
  server: Server
  /** Whether the transport takes links on the same server. */
  sharedWithLinks: boolean
  subject: Subject
  /** What it says of itself. */
  status: () => object
  /** Whether it does its work now, and in which words. */
  health: () => { isWell: boolean; document: object }
  /** What a POST may do here. */
  changes: Changes
  /** Why a transaction was not executed within this time. */
  late: (txId: Id, timeoutMs: number) => Promise<MusigError>
  /** The metrics in Prometheus' text form, with their content type. */
  metrics: () => Promise<{ contentType: string; text: string }>
  /** A proof that is held here, by the name of its file; absent where none are. Errors: `NOT_FOUND`. */
  evidence?: (name: string) => Promise<object>
  /** Hears of errors that are no caller's fault. */
  log?: (error: unknown, path: string) => void
}

/** Waits for the execution of transactions; what came of each, or the error that its caller is told. */
export type Executed = (txIds: readonly Id[], timeoutMs: number) => Promise<(TransactionResult | MusigError)[]>

/** What callers may change. */
export interface Changes {
  /** Takes what a POST on `/api/TOPIC` asks for. Errors: those that its caller is told. */
  post(topic: string, request: IncomingMessage, url: URL, executed: Executed): Promise<Answer>
}

/** An HTTP status and the JSON that goes with it. */
export interface Answer {
  status: number
  document: object
}

export class Api {
  readonly #options: ApiOptions
  readonly #subject: Subject
  readonly #webSockets: WebSocketServer
  readonly #closing = new AbortController()
  /** The latest answer on each connection. */
  readonly #answers = new WeakMap<Socket, ServerResponse>()
  readonly #unsubscribe: () => void
  readonly #onRequest = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response)
  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head)

  constructor(options: ApiOptions) {
    this.#options = options
    this.#subject = options.subject
    this.#webSockets = new WebSocketServer({ noServer: true, maxPayload: 1024, perMessageDeflate: false, clientTracking: true })
    this.#unsubscribe = options.subject.executor.subscribe((txIds) => this.#publish(txIds))
    const { server } = options
    server.headersTimeout = API_LIMITS.headersMs
    server.requestTimeout = API_LIMITS.requestMs
    server.keepAliveTimeout = API_LIMITS.idleMs
    server.maxConnections = API_LIMITS.connections
    server.on('request', this.#onRequest)
    server.on('upgrade', this.#onUpgrade)
  }

  /** Answers those who wait, ends the subscriptions and takes no more requests. The server itself is closed by its owner. */
  close(): void {
    this.#unsubscribe()
    this.#options.server.off('request', this.#onRequest)
    this.#options.server.off('upgrade', this.#onUpgrade)
    this.#closing.abort()
    for (const socket of this.#webSockets.clients) socket.close(1001, 'it stops')
    this.#webSockets.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const { socket } = request
    // Who asks on before it has its answer could have thousands worked out at once, and held for it.
    const before = this.#answers.get(socket)
    if (before && !before.writableEnded) {
      socket.destroy()
      return
    }
    this.#answers.set(socket, response)
    try {
      checkOrigin(request)
      const url = new URL(request.url ?? '/', 'http://127.0.0.1')
      if (path === '/metrics') {
        const { contentType, text } = await this.#options.metrics()
        response.writeHead(200, { 'content-type': contentType }).end(text)
        return
      }
      const { status, document } = await this.#route(request, response, url)
      sendJson(response, status, document)
    } catch (error) {
      if (!(error instanceof MusigError) || error.code === 'INTERNAL') this.#options.log?.(error, path)
      const { status, document } = errorAnswer(error)
      // What is left of a refused body is not read.
      if (status === 413 || status === 401) response.setHeader('connection', 'close')
      sendJson(response, status, document)
    } finally {
      cutUnlessRead(socket, response)
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, url: URL): Promise<Answer> {
    const [root, topic, argument, ...more] = url.pathname.split('/').slice(1)
    const isApi = root === 'api' && more.length === 0
    if (isApi && (topic === 'transactions' || topic === 'faults') && argument === undefined && request.method === 'POST')
      return this.#options.changes.post(topic, request, url, this.#waiter(response))
    if (request.method !== 'GET') throw new Refusal(405, `${request.method} is not taken here`)
    if (url.pathname === '/healthz') return this.#health()
    const answer = isApi ? await this.#read(topic ?? '', argument, response, url) : undefined
    if (answer === undefined) throw new MusigError('NOT_FOUND', `there is nothing at ${url.pathname.slice(0, 100)}`)
    return { status: 200, document: answer }
  }

  async #read(topic: string, argument: string | undefined, response: ServerResponse, url: URL): Promise<object | undefined> {
    const subject = this.#subject
    switch (`${topic}${argument === undefined ? '' : '/'}`) {
      case 'transactions':
        return {
          transactions: subject.executor.latest(wholeNumber(url, 'limit', 20, API_LIMITS.listed)).map((txId) => transactionAnswer(subject, txId)),
        }
      case 'transactions/':
        return this.#show(argument ?? '', response, url)
      case 'batches/':
        return batchAnswer(subject, this.#batchId(argument ?? ''))
      case 'certificates/':
        return certificateAnswer(subject, this.#batchId(argument ?? ''))
      case 'descriptions/':
        return descriptionAnswer(subject, this.#batchId(argument ?? ''))
      case 'groups/':
        return groupAnswer(subject, this.#batchId(argument ?? ''))
      case 'timelines/':
        return timelineAnswer(subject, this.#batchId(argument ?? ''))
      case 'conduct':
        return conductAnswer(subject)
      case 'evidence/':
        return this.#options.evidence?.(argument ?? '')
      case 'query':
        return this.#query(url)
      case 'status':
        return this.#options.status()
      case 'machine':
        return historyAnswer(subject)
      case 'manifest':
        return manifestToJson(subject.manifest)
      default:
        return undefined
    }
  }

  /** A batch by its id or by that of a transaction in it. */
  #batchId(prefix: string): Id {
    const { journal, executor } = this.#subject
    try {
      return findId([...journal.arrivals(), ...journal.logs.executed], prefix, 'batch')
    } catch (error) {
      if (!(error instanceof MusigError) || error.code !== 'NOT_FOUND') throw error
      const txId = findId(executor.beginningWith(prefix), prefix, 'batch or transaction')
      const batchId = executor.outcome(txId)?.batchId ?? executor.pendingBatch(txId)
      if (!batchId) throw new MusigError('NOT_FOUND', `transaction ${txId} stands in no batch yet`)
      return batchId
    }
  }

  #query(url: URL): object {
    const path = url.searchParams.get('path')
    if (!path) throw new MusigError('BAD_INPUT', 'a query needs a path, as in ?path=acct:alice')
    const { executor } = this.#subject
    const value = executor.machine.query(path)
    if (value === undefined) throw new MusigError('NOT_FOUND', `the state machine has nothing at “${path.slice(0, 100)}”`)
    return { path, value, executed: executor.executedBatches }
  }

  #health(): Answer {
    const { isWell, document } = this.#options.health()
    return { status: isWell ? 200 : 503, document }
  }

  async #show(prefix: string, response: ServerResponse, url: URL): Promise<TransactionResult> {
    const timeoutMs = wholeNumber(url, 'timeoutMs', 0, API_LIMITS.waitMs)
    const txId = findId(this.#subject.executor.beginningWith(prefix), prefix, 'transaction')
    if (timeoutMs <= 0 || this.#subject.executor.refusal(txId) !== undefined) return transactionAnswer(this.#subject, txId)
    const [result] = await this.#waiter(response)([txId], timeoutMs)
    if (result instanceof MusigError) throw result
    invariant(result, 'one answer for one transaction')
    return result
  }

  /** What waits for executions as long as somebody waits for the response. */
  #waiter(response: ServerResponse): Executed {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, this.#closing.signal])
    return async (txIds, timeoutMs) => {
      const { executor } = this.#subject
      await executor.wait(txIds, timeoutMs, signal)
      const batches = new Map<Id, OfBatch>()
      return Promise.all(
        txIds.map((txId) => (executor.outcome(txId) ? transactionAnswer(this.#subject, txId, batches) : this.#notExecuted(txId, timeoutMs))),
      )
    }
  }

  /** What the caller of a transaction is told that is not executed in time: `UNREACHABLE` while stopping, else what `late` says. */
  async #notExecuted(txId: Id, timeoutMs: number): Promise<MusigError> {
    return this.#closing.signal.aborted ? new MusigError('UNREACHABLE', `it stops; ${askAgain(txId)}`) : this.#options.late(txId, timeoutMs)
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const target = request.url ?? ''
    // The transport listens too, and takes those.
    if (isLinkTarget(target) && this.#options.sharedWithLinks) return
    const subscribers = this.#webSockets.clients.size
    try {
      checkOrigin(request)
      if (target.split('?', 1)[0] !== '/api/subscribe') throw new Refusal(404, 'there is no WebSocket here')
      if (subscribers >= API_LIMITS.subscribers) throw new Refusal(503, `there are ${subscribers} subscribers already`)
    } catch (error) {
      const { status } = errorAnswer(error)
      socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    this.#webSockets.handleUpgrade(request, socket, head, (subscriber) => {
      // Subscribers only listen; whatever they do wrong ends them and nothing else.
      subscriber.on('error', () => subscriber.terminate())
    })
  }

  #publish(txIds: readonly Id[]): void {
    if (this.#webSockets.clients.size === 0) return
    const batches = new Map<Id, OfBatch>()
    const lines = txIds.map((txId) => `${JSON.stringify(transactionAnswer(this.#subject, txId, batches))}\n`)
    for (const subscriber of this.#webSockets.clients) for (const line of lines) push(subscriber, line)
  }
}

/** Whoever does not take its answer within the time that a request may need is cut off: it would keep its connection, and what waits for it, for ever. */
function cutUnlessRead(socket: Socket, response: ServerResponse): void {
  if (response.closed) return
  const timer = setTimeout(() => socket.destroy(), API_LIMITS.requestMs).unref()
  response.once('close', () => clearTimeout(timer))
}

/** A subscriber that does not keep up is cut off: it can ask for the list. */
function push(subscriber: WebSocket, line: string): void {
  if (subscriber.readyState !== subscriber.OPEN) return
  if (subscriber.bufferedAmount > API_LIMITS.subscriberBytes) subscriber.terminate()
  else subscriber.send(line)
}

/** What to do about a transaction whose end is not known. */
export function askAgain(txId: Id): string {
  return `it may have happened: ask again with tx show ${txId.slice(0, 12)}`
}

/** A whole number of a query, at most `max`. Errors: `BAD_INPUT`. */
export function wholeNumber(url: URL, name: string, otherwise: number, max: number): number {
  const given = url.searchParams.get(name)
  if (given === null) return otherwise
  if (!/^\d{1,9}$/.test(given)) throw new MusigError('BAD_INPUT', `${name}=${given.slice(0, 20)} is not a whole number`)
  return Math.min(Number(given), max)
}
