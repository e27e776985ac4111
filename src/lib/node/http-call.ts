/**
 * One HTTP call to a signer: JSON there and back, with a time limit. Owns the difference between a call that surely did nothing, one that may have, and one
 * that was answered, and the second try where a connection that was kept alive turns out to be dead. Which signer is called is `client.ts`.
 */
import { type Agent, type IncomingMessage, request } from 'node:http'
import { type ErrorCode, MusigError } from '../base/errors.js'
import { CBOR_TYPE, HTTP_STATUS } from './http-guard.js'
import { systemCode } from './private-file.js'

/** Certificates of large clusters are the largest answers. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

export interface Call {
  url: URL
  agent: Agent
  method: 'GET' | 'POST'
  timeoutMs: number
  /** JSON, or bytes: those of CBOR. */
  body?: unknown
  token?: string | undefined
}

/** The connection failed. `begun`: the request may have reached the signer. */
export class ConnectionFailed extends Error {
  readonly begun: boolean
  /** Whether it was a connection that was kept alive, and no answer had begun: the signer may have gone and come back since. */
  readonly wasStale: boolean

  constructor(reason: string, begun: boolean, wasStale = false) {
    super(reason)
    this.begun = begun
    this.wasStale = wasStale
  }
}

/**
 * The document of a good answer. A call that fails on a connection kept alive is repeated once on a fresh one: whatever is asked of a signer may be asked
 * twice. Errors: those that the signer reports, `ConnectionFailed`, `TIMED_OUT`.
 */
export async function call(asked: Call): Promise<unknown> {
  const deadline = performance.now() + asked.timeoutMs
  try {
    return await once(asked)
  } catch (error) {
    if (!(error instanceof ConnectionFailed) || !error.wasStale) throw error
  }
  try {
    return await once({ ...asked, agent: false, timeoutMs: Math.max(1, deadline - performance.now()) })
  } catch (error) {
    // The first request may have reached the signer, whatever became of the second.
    throw error instanceof ConnectionFailed ? new ConnectionFailed(error.message, true) : error
  }
}

function once({ url, agent, method, timeoutMs, body, token }: Omit<Call, 'agent'> & { agent: Agent | false }): Promise<unknown> {
  const isCbor = body instanceof Uint8Array
  const content = body === undefined || isCbor ? body : Buffer.from(JSON.stringify(body))
  const headers = {
    ...(content && { 'content-type': isCbor ? CBOR_TYPE : 'application/json', 'content-length': content.length }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  return new Promise((resolve, reject) => {
    let begun = false
    const sent = request(url, { method, agent, headers }, (response) => {
      read(response).then(resolve, (error) => reject(asFailure(error, begun)))
    })
    const timer = setTimeout(
      () => sent.destroy(new MusigError('TIMED_OUT', `${url.host} did not answer within ${Math.round(timeoutMs)} ms`)),
      timeoutMs,
    )
    sent.on('socket', (socket) => {
      const begin = () => {
        begun = true
      }
      // On a connection that was kept alive the request leaves at once.
      if (socket.connecting) socket.once('connect', begin)
      else begin()
    })
    sent.on('error', (error) => reject(asFailure(error, begun, sent.reusedSocket)))
    sent.on('close', () => clearTimeout(timer))
    sent.end(content)
  })
}

async function read(response: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > MAX_ANSWER_BYTES) throw new MusigError('BAD_ENCODING', `the signer's answer is larger than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  // Node's own answer to a request that was not read in time: nobody has looked at it.
  if (response.statusCode === 408) throw new ConnectionFailed('the signer was too busy to read the request', false)
  let document: unknown
  try {
    document = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new MusigError('BAD_ENCODING', 'the answer is not JSON: this is no signer, or another version of one')
  }
  const error = errorIn(document)
  if (error) throw error
  return document
}

/** The error that a signer reports in a document, if it is one. */
export function errorIn(document: unknown): MusigError | undefined {
  if (typeof document !== 'object' || document === null || !('error' in document)) return undefined
  const { code, message } = (document.error ?? {}) as { code?: unknown; message?: unknown }
  const known = typeof code === 'string' && Object.hasOwn(HTTP_STATUS, code) ? (code as ErrorCode) : 'INTERNAL'
  return new MusigError(known, typeof message === 'string' ? message : 'the signer reports an error without words')
}

function asFailure(error: unknown, begun: boolean, wasStale = false): Error {
  return error instanceof MusigError || error instanceof ConnectionFailed ? error : new ConnectionFailed(reasonOf(error), begun, wasStale)
}

function reasonOf(error: unknown): string {
  return systemCode(error) ?? (error instanceof Error ? error.message : String(error))
}
