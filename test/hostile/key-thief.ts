/** Attacks by one who holds a signer's key: on a link that was authenticated, by reconnecting, and in the place where a signer used to listen. */
import { createServer } from 'node:http'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { decodeCbor } from '../../src/lib/base/cbor.js'
import { encodeMessage, messageCodec } from '../../src/lib/core/message.js'
import { pack } from '../../src/lib/node/framing.js'
import { type Attack, BUSY_MS, type Connection, diallerOf, link, type Outcome, type Target } from './attacks.js'
import type { Hostile } from './under-attack.js'

/** Logs in; `welcomed` is called once the link is open. */
function login(target: Target, welcomed: (webSocket: WebSocket) => void): Connection {
  const dialler = diallerOf(target)
  let answers = 0
  return link(
    target.address,
    (webSocket) => webSocket.send(dialler.hello()),
    (message, webSocket) => {
      answers++
      if (answers === 1) webSocket.send(dialler.proof(message))
      if (answers === 2) welcomed(webSocket)
    },
  )
}

/** A refusal because the link before is not gone yet is no wonder; the signer that was robbed is not there. */
const ALSO = 'another session of signer \\d+ is alive|another session was faster'

/** On a link one connection at a time, as there is one link only. */
function onLink(name: string, ends: string, withinMs: number, welcomed: (webSocket: WebSocket) => void): Attack {
  return { name, atOnce: 1, perSecond: 5, open: (target) => login(target, welcomed), ends: new RegExp(`${ends}|${ALSO}`), withinMs }
}

export const LINK_ATTACKS: readonly Attack[] = [
  onLink('oversize frame on a link', '^(1009|1006)', BUSY_MS, (webSocket) => webSocket.send(new Uint8Array(9 * 2 ** 20))),
  onLink('endless fragments on a link', '^(1009|1006)', 2 * BUSY_MS, (webSocket) => {
    const timer = setInterval(() => webSocket.send(new Uint8Array(2 ** 18), { binary: true, fin: false }), 10)
    webSocket.on('close', () => clearInterval(timer))
  }),
  onLink('tiny fragments on a link', '^(1008|1006)', 2 * BUSY_MS, (webSocket) => {
    const timer = setInterval(() => {
      for (let i = 0; i < 500; i++) webSocket.send(new Uint8Array(1), { binary: true, fin: false })
    }, 10)
    webSocket.on('close', () => clearInterval(timer))
  }),
  { ...onLink('reconnect storm', '^1006', BUSY_MS, (webSocket) => webSocket.terminate()), atOnce: 4, perSecond: 50 },
]

/** Asks for these batches again and again, and reads nothing: not even pongs, while its questions keep the link alive. */
export class SlowReader implements Hostile {
  readonly #outcome: Outcome = { opened: 0, longestMs: 0, endings: new Map() }
  readonly #connection: Connection

  constructor(target: Target, ids: readonly string[], everyMs: number) {
    const question = encodeMessage(messageCodec(target.manifest.clusterId), { type: 'fetch', ids: [...ids] })
    this.#connection = login(target, (webSocket) => {
      this.#outcome.opened++
      webSocket.pause()
      const timer = setInterval(() => {
        for (const message of pack([question])) webSocket.send(message)
      }, everyMs)
      webSocket.on('close', () => clearInterval(timer))
    })
  }

  async halt(): Promise<Outcome> {
    this.#connection.cut()
    await this.#connection.ended
    return this.#outcome
  }

  stop(): Promise<Outcome> {
    return this.halt()
  }
}

/** Listens where a signer did, takes every dial as far as its hello, and cuts it. When each signer dialled, in the clock of `performance.now()`. */
export class FalseAcceptor {
  readonly dials = new Map<number, number[]>()
  readonly #server = createServer()

  async listen(address: string): Promise<void> {
    new WebSocketServer({ server: this.#server }).on('connection', (webSocket) => {
      webSocket.on('error', () => {})
      webSocket.on('message', (hello: RawData) => {
        const dialler = diallerIn(hello)
        const times = this.dials.get(dialler) ?? []
        this.dials.set(dialler, [...times, performance.now()])
        webSocket.terminate()
      })
    })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(Number(new URL(address).port), '127.0.0.1', resolve)
    })
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

function diallerIn(hello: RawData): number {
  const fields = decodeCbor(new Uint8Array(hello as Buffer), 4096)
  const self = fields instanceof Map ? fields.get('self') : undefined
  return self instanceof Map ? Number(self.get('index')) : Number.NaN
}
