/**
 * What a request must be before it is looked at: for this host, from no foreign page, small, and, where it changes something, with the cluster's token. Owns
 * the reading of bodies and the form of errors on the wire. What a request asks for is `api.ts`.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ErrorCode, MusigError } from '../base/errors.js'
import { isLoopback } from './loopback.js'

/** Limits of the API, in one place. */
export const API_LIMITS = {
  /** A transaction of the largest payload, in hex, and its fields. */
  bodyBytes: 768 * 1024,
  headerBytes: 16 * 1024,
  /** For the headers, and for the whole of a request. */
  headersMs: 5_000,
  requestMs: 15_000,
  idleMs: 10_000,
  /** How often connections are held against these times. */
  lookMs: 1_000,
  connections: 2_048,
  /** The longest wait that a caller may ask for. */
  waitMs: 300_000,
  listed: 1_000,
  subscribers: 256,
  /** What may wait for a slow subscriber before it is cut off. */
  subscriberBytes: 1024 * 1024,
} as const

/** The HTTP status of each code. */
export const HTTP_STATUS: Record<ErrorCode, number> = {
  BAD_INPUT: 400,
  BAD_ENCODING: 400,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  NOT_BUILT: 501,
  BUSY: 503,
  CHECK_FAILED: 422,
  REJECTED: 422,
  UNREACHABLE: 503,
  NO_QUORUM: 503,
  TIMED_OUT: 504,
  STORE_FAILED: 500,
  MACHINE_FAILED: 500,
  INTERNAL: 500,
}

/** A request that is refused with an HTTP status of its own. */
export class Refusal extends MusigError {
  readonly status: number

  constructor(status: number, message: string) {
    super('BAD_INPUT', message)
    this.status = status
  }
}

/** Refuses what does not come from this machine, is not meant for it, or was sent by a foreign web page (DNS rebinding). Errors: `Refusal` 403. */
export function checkOrigin(request: IncomingMessage): void {
  if (!isLoopback(request.socket.remoteAddress)) throw new Refusal(403, 'the API answers on this machine only')
  const host = request.headers.host ?? ''
  if (!isOwnHost(host, request.socket.localPort)) throw new Refusal(403, 'the Host header is not this signer’s own address')
  const { origin } = request.headers
  if (origin !== undefined && origin !== `http://${host}`) throw new Refusal(403, 'requests of foreign web pages are refused')
}

function isOwnHost(host: string, port: number | undefined): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\]):\d+$/.test(host) && host.endsWith(`:${port}`)
}

/** Whether a request carries the token, compared in constant time. */
export class TokenCheck {
  readonly #digest: Uint8Array

  /** Errors: `BAD_INPUT` on a token that is too short to keep anyone out. */
  constructor(token: string) {
    if (token.length < 32) throw new MusigError('BAD_INPUT', 'the API token has less than 32 characters')
    this.#digest = digest(token)
  }

  /** Errors: `Refusal` 401. */
  check(request: IncomingMessage): void {
    const [, given] = /^Bearer ([\x21-\x7e]+)$/.exec(request.headers.authorization ?? '') ?? []
    // Digests have one length, so that the comparison says nothing about the token's.
    if (given === undefined || !timingSafeEqual(digest(given), this.#digest))
      throw new Refusal(401, 'changes need the cluster’s token: Authorization: Bearer TOKEN')
  }
}

function digest(token: string): Uint8Array {
  return createHash('sha256').update(token).digest()
}

/** The content type of a body in CBOR. */
export const CBOR_TYPE = 'application/cbor'

/** Whether a request's body is said to be CBOR. */
export function isCbor(request: IncomingMessage): boolean {
  return request.headers['content-type'] === CBOR_TYPE
}

/** The JSON in a request's body. Errors: `Refusal` 413, 415; `BAD_ENCODING`. */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) throw new Refusal(415, 'the body must be application/json')
  const bytes = await readBytes(request)
  try {
    const body: unknown = JSON.parse(bytes.toString('utf8'))
    return body
  } catch {
    throw new MusigError('BAD_ENCODING', 'the body is not JSON')
  }
}

/** The bytes of a request's body. Errors: `Refusal` 413. */
export async function readBytes(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > API_LIMITS.bodyBytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > API_LIMITS.bodyBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLarge(): Refusal {
  return new Refusal(413, `the body is larger than ${API_LIMITS.bodyBytes} bytes`)
}

/** The HTTP status and the document of an error. Bugs of ours keep their words to the log. */
export function errorAnswer(error: unknown, extra: object = {}): { status: number; document: object } {
  const known = error instanceof MusigError ? error : new MusigError('INTERNAL', 'internal error; the signer’s log says more')
  const status = known instanceof Refusal ? known.status : HTTP_STATUS[known.code]
  return { status, document: { error: { code: known.code, message: known.message, ...extra } } }
}

/** Writes a JSON document as the whole response. */
export function sendJson(response: ServerResponse, status: number, document: unknown): void {
  if (response.headersSent || response.destroyed) return
  const body = Buffer.from(`${JSON.stringify(document)}\n`)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(body)
}
