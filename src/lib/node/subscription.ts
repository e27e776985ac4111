/** A client's subscription: a WebSocket to one signer after the other, for as long as it is wanted. */
import { type RawData, WebSocket } from 'ws'
import { MusigError } from '../base/errors.js'
import type { TransactionResult } from './answers.js'

const HANDSHAKE_MS = 5_000
const FIRST_PAUSE_MS = 100
const LAST_PAUSE_MS = 2_000
/** No result is larger: a receipt and the heights of a transaction's batch. */
const MAX_LINE_BYTES = 16 * 1024 * 1024

export class Subscription {
  /** Resolves when it is connected for the first time. Errors: `UNREACHABLE` when no signer lets it in. */
  readonly opened: Promise<void>
  readonly #urls: readonly URL[]
  readonly #heard: (result: TransactionResult) => void
  readonly #settle: { resolve: () => void; reject: (error: MusigError) => void }
  #socket: WebSocket | undefined
  #timer: NodeJS.Timeout | undefined
  #attempts = 0
  #pauseMs = FIRST_PAUSE_MS
  #wasOpen = false
  #closed = false

  constructor(urls: readonly URL[], heard: (result: TransactionResult) => void) {
    this.#urls = urls
    this.#heard = heard
    let settle: { resolve: () => void; reject: (error: MusigError) => void } | undefined
    this.opened = new Promise((resolve, reject) => {
      settle = { resolve, reject }
    })
    this.#settle = settle ?? { resolve() {}, reject() {} }
    this.#connect()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#socket?.terminate()
  }

  #connect(): void {
    const url = new URL('/api/subscribe', this.#urls[this.#attempts % this.#urls.length])
    url.protocol = 'ws:'
    const socket = new WebSocket(url, { handshakeTimeout: HANDSHAKE_MS, maxPayload: MAX_LINE_BYTES, perMessageDeflate: false })
    this.#socket = socket
    let reason = 'closed'
    socket.on('open', () => {
      this.#wasOpen = true
      this.#pauseMs = FIRST_PAUSE_MS
      this.#settle.resolve()
    })
    socket.on('message', (data) => this.#receive(data))
    socket.on('error', (error) => {
      reason = error.message
    })
    socket.on('close', () => this.#lost(reason))
  }

  #receive(data: RawData): void {
    if (this.#closed) return
    let result: TransactionResult
    try {
      result = JSON.parse(String(data))
    } catch {
      this.#socket?.terminate()
      return
    }
    this.#heard(result)
  }

  #lost(reason: string): void {
    if (this.#closed) return
    this.#attempts++
    if (!this.#wasOpen && this.#attempts >= this.#urls.length) {
      this.#closed = true
      this.#settle.reject(new MusigError('UNREACHABLE', `no signer takes the subscription: ${reason}; is the cluster up?`))
      return
    }
    this.#timer = setTimeout(() => this.#connect(), this.#wasOpen ? this.#pauseMs : 0)
    this.#pauseMs = Math.min(LAST_PAUSE_MS, 2 * this.#pauseMs)
  }
}
