/**
 * The sink `webhook`: executed transactions as lists of JSON, sent by POST, one request after the other. At least once: the position is set down after a 2xx, so
 * a crash in between sends the same list again, under the same Idempotency-Key. Owns requests and what their answers mean; what is promised to receivers stands in
 * docs/sinks.md.
 */
import { createHmac } from 'node:crypto'
import { invariant, MusigError } from '../../base/errors.js'
import { readPrivateFile } from '../private-file.js'
import { PositionFile, type Sending } from './position-file.js'
import { type HeldRecord, type Sink, type SinkPosition, type SinkRecord, TryLater } from './sink.js'
import { decoded, type UrlSource } from './url-source.js'
import { webhookUrl } from './webhook-url.js'

export interface WebhookOptions {
  url: UrlSource
  /** What signs requests. */
  secretFile: string | undefined
  /** Whether another machine may be spoken to without TLS. */
  plain: boolean
  positionFile: string
  clusterId: string
  /** How long an answer may take, in milliseconds. */
  timeoutMs?: number
}

/** Of one request. */
const REQUEST = { records: 100, bytes: 1024 * 1024 } as const
const TIMEOUT_MS = 30_000
/** Before a receiver is asked again that has said that it does not want what it was sent. */
const REFUSED_PAUSE_MS = 60_000
/** Of a Retry-After. */
const LONGEST_PAUSE_MS = 600_000
/** Of an answer that are read. */
const ANSWER_BYTES = 64 * 1024
const MIN_SECRET_BYTES = 24

export class WebhookSink implements Sink {
  readonly #options: WebhookOptions
  readonly #file: PositionFile
  #state: Sending = { position: { count: 0, logDigest: null }, sending: null }
  #target: { url: URL; authorization: string | undefined; secret: Buffer | undefined } | undefined
  #closing = new AbortController()
  /** Less than the limit once a receiver has called a request too large. */
  #mostRecords: number = REQUEST.records

  constructor(options: WebhookOptions) {
    this.#options = options
    this.#file = new PositionFile(options.positionFile, options.clusterId)
  }

  async open(): Promise<SinkPosition> {
    const { url: source, secretFile, plain } = this.#options
    const url = await webhookUrl(source, plain)
    const authorization = url.username || url.password ? basicOf(url) : undefined
    url.username = ''
    url.password = ''
    this.#target = { url, authorization, secret: secretFile === undefined ? undefined : secretOf(await readPrivateFile(secretFile), secretFile) }
    this.#closing = new AbortController()
    this.#state = await this.#file.read()
    return this.#state.position
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    for (let rest = records; rest.length > 0; ) {
      const portion = this.#portionOf(rest)
      const last = portion.at(-1)
      // Nothing is passed over in silence.
      invariant(last, 'a portion holds a record at least')
      const sending = { count: last.index + 1, logDigest: last.logDigest }
      if (!this.#state.sending) await this.#note({ position: this.#state.position, sending })
      await this.#send(portion, sending)
      await this.#note({ position: sending, sending: null })
      rest = rest.slice(portion.length)
    }
  }

  /** What it was given is its receiver's, and cannot be told. Errors: `CHECK_FAILED`. */
  held(): AsyncIterable<readonly HeldRecord[]> {
    throw this.#anotherHistory(this.#state.position.count)
  }

  kept(position: SinkRecord['position']): SinkRecord['position'] {
    return position
  }

  async close(): Promise<void> {
    this.#closing.abort()
  }

  /** What goes into the next request: what was being sent before a crash, or as much as it takes. */
  #portionOf(records: readonly SinkRecord[]): readonly SinkRecord[] {
    const { sending } = this.#state
    if (sending) {
      const begun = records.findIndex(({ index }) => index + 1 === sending.count)
      const last = records[begun]
      // A shorter list would come under another key than the one that may have been taken.
      if (!last) throw new Error(`it was being sent transactions up to number ${sending.count}, which this node has not executed again yet`)
      if (last.logDigest !== sending.logDigest) throw this.#anotherHistory(sending.count)
      return records.slice(0, begun + 1)
    }
    let bytes = 0
    const over = records.findIndex((record, i) => {
      bytes += JSON.stringify(record).length
      return i > 0 && (i >= this.#mostRecords || bytes > REQUEST.bytes)
    })
    return over < 0 ? records : records.slice(0, over)
  }

  #anotherHistory(count: number): MusigError {
    const { positionFile } = this.#options
    return new MusigError(
      'CHECK_FAILED',
      `it was given ${count} transactions in another order than this node’s, or this node has lost some: to deliver all of them again remove ${positionFile}`,
    )
  }

  async #note(state: Sending): Promise<void> {
    await this.#file.write(state)
    this.#state = state
  }

  async #send(records: readonly SinkRecord[], { logDigest }: SinkPosition): Promise<void> {
    const { clusterId, timeoutMs = TIMEOUT_MS } = this.#options
    const { url, authorization, secret } = this.#target ?? {}
    if (!url) return
    const body = JSON.stringify(records)
    // The digest tells apart what a node sends that has lost its store, and counts from 0 again in another order.
    const key = `${clusterId.slice(0, 16)}-${records[0]?.index}-${records.at(-1)?.index}-${logDigest?.slice(0, 16)}`
    const timestamp = String(Math.floor(Date.now() / 1000))
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#closing.signal]),
      headers: {
        'content-type': 'application/json',
        'user-agent': 'musig',
        'idempotency-key': key,
        'webhook-id': key,
        'webhook-timestamp': timestamp,
        ...(secret && { 'webhook-signature': `v1,${createHmac('sha256', secret).update(`${key}.${timestamp}.${body}`).digest('base64')}` }),
        ...(authorization !== undefined && { authorization }),
      },
      body,
    }).catch((error: unknown) => {
      throw failureOf(error, timeoutMs)
    })
    await drain(response)
    if (!response.ok) await this.#refused(response, records.length)
  }

  async #refused({ status, headers }: Response, records: number): Promise<never> {
    if (status === 410) throw new MusigError('CHECK_FAILED', 'it answers 410 Gone: it wants nothing any more')
    if (status === 413 && records > 1) {
      this.#mostRecords = Math.ceil(records / 2)
      await this.#note({ position: this.#state.position, sending: null })
      throw new Error(`it answers 413 to ${records} transactions; it gets ${this.#mostRecords} at once from now on`)
    }
    if (status >= 300 && status < 400) throw new TryLater(`it answers ${status}: redirects are not followed`, REFUSED_PAUSE_MS)
    const askedMs = 1000 * Number(headers.get('retry-after') ?? 0)
    const mayPass = status >= 500 || status === 408 || status === 425 || status === 429
    throw new TryLater(`it answers ${status}`, Math.min(LONGEST_PAUSE_MS, Math.max(askedMs || 0, mayPass ? 0 : REFUSED_PAUSE_MS)))
  }
}

/** Reads a short answer to its end, so that the connection serves again, and gives up a long one. */
async function drain({ body }: Response): Promise<void> {
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      bytes += (chunk as Uint8Array).length
      if (bytes > ANSWER_BYTES) return
    }
  } catch {
    // What counts is the status.
  }
}

/** Says why there is no answer, and nothing of the URL. */
function failureOf(error: unknown, timeoutMs: number): Error {
  if (error instanceof Error && error.name === 'TimeoutError') return new Error(`it has not answered within ${timeoutMs} ms`)
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof AggregateError) return new Error(cause.errors.map(String).join('; '))
  return new Error(cause instanceof Error ? cause.message || cause.name : 'the request failed')
}

function basicOf({ username, password }: URL): string {
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`
}

/** The bytes that sign: of `whsec_…` what it encodes in base64, of any other text its own. */
function secretOf(text: string, path: string): Buffer {
  const trimmed = text.trim()
  const secret = trimmed.startsWith('whsec_') ? Buffer.from(trimmed.slice('whsec_'.length), 'base64') : Buffer.from(trimmed)
  if (secret.length < MIN_SECRET_BYTES) throw new MusigError('BAD_INPUT', `the secret in ${path} is shorter than ${MIN_SECRET_BYTES} bytes`)
  return secret
}
