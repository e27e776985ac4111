/** A receiver of webhooks: keeps what it takes, and answers as it is told. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SinkRecord } from '../../../src/lib/node/sinks/sink.js'

export interface Delivery {
  key: string
  headers: IncomingMessage['headers']
  body: string
  records: SinkRecord[]
}

/** How a request is answered: with a status, or not at all; `drop`: the connection is cut once it has been taken. */
export type Answer = { status: number; headers?: Record<string, string>; body?: string } | 'hang' | 'drop' | 'endless'

export class WebhookServer {
  /** All that came, the same list again where it came again. */
  readonly deliveries: Delivery[] = []
  /** Asked before each answer; 200 unless it says otherwise. What is answered otherwise is not kept. */
  answer: (delivery: Delivery) => Answer = () => ({ status: 200 })
  /** Connections that were made to it. */
  connections = 0
  readonly #server: Server = createServer((request, response) => void this.#take(request, response))

  async up(port = 0): Promise<this> {
    this.#server.on('connection', () => this.connections++)
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`
  }

  /** What a receiver has that keeps one of each Idempotency-Key. */
  get received(): SinkRecord[] {
    const keys = new Set<string>()
    return this.deliveries.flatMap(({ key, records }) => {
      if (keys.has(key)) return []
      keys.add(key)
      return records
    })
  }

  async down(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return
    }
    const body = Buffer.concat(chunks).toString()
    const delivery = { key: String(request.headers['idempotency-key']), headers: request.headers, body, records: JSON.parse(body) }
    const answer = this.answer(delivery)
    if (answer === 'hang') return
    if (answer === 'drop' || answer === 'endless' || answer.status < 300) this.deliveries.push(delivery)
    if (answer === 'drop') request.socket.destroy()
    else if (answer === 'endless') {
      response.writeHead(200)
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      }
      response.on('drain', more)
      more()
    } else response.writeHead(answer.status, answer.headers).end(answer.body)
  }
}
