/**
 * Attacks on a signer's port by those who hold no key, or one and no right to what they do with it: each keeps a number of connections open, and tells how these
 * ended. Owns the connections; what the signer and its clients make of it is looked at by the tests.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { decodeCbor, encodeCbor, type Plain } from '../../src/lib/base/cbor.js'
import type { Manifest } from '../../src/lib/core/manifest.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { Dialler, signerIdentity } from '../../src/lib/node/handshake.js'
import { TOKEN } from '../node/cluster-fixture.js'

/** What is attacked, and with which key where one is needed. */
export interface Target {
  /** `http://127.0.0.1:port` */
  address: string
  index: number
  manifest: Manifest
  /** A signer of a smaller index and its link key. */
  known: { index: number; linkSecretKey: Uint8Array }
}

/** One hostile connection. */
export interface Connection {
  /** How it ended: an HTTP status line, a close code and reason, or `closed`. */
  ended: Promise<string>
  cut(): void
}

export interface Attack {
  name: string
  /** Connections at a time, and how many of them are opened in a second at most. */
  atOnce: number
  perSecond: number
  open(target: Target): Connection
  /** How each of its connections has to end, and within which time. */
  ends: RegExp
  withinMs: number
  /** Whether the signer owes such callers work, if not that much of it. */
  isEntitled?: boolean
}

/** What became of an attack's connections. */
export interface Outcome {
  opened: number
  longestMs: number
  endings: Map<string, number>
}

/** An attack that goes on until it is stopped. */
export class Ongoing {
  readonly outcome: Outcome = { opened: 0, longestMs: 0, endings: new Map() }
  readonly #attack: Attack
  readonly #target: Target
  readonly #open = new Set<Connection>()
  readonly #done: Promise<void>
  #over = false

  constructor(attack: Attack, target: Target) {
    this.#attack = attack
    this.#target = target
    this.#done = this.#go()
  }

  async #go(): Promise<void> {
    const { atOnce, perSecond } = this.#attack
    // In steps of some connections, as timers do not come more often.
    const step = Math.max(1, Math.round(perSecond / 50))
    while (!this.#over) {
      for (let i = 0; i < step && this.#open.size < atOnce; i++) this.#begin()
      await sleep((1000 * step) / perSecond)
    }
  }

  #begin(): void {
    const connection = this.#attack.open(this.#target)
    const begun = performance.now()
    this.outcome.opened++
    this.#open.add(connection)
    void connection.ended.then((ending) => {
      if (!this.#open.delete(connection)) return
      const { endings } = this.outcome
      endings.set(ending, (endings.get(ending) ?? 0) + 1)
      this.outcome.longestMs = Math.max(this.outcome.longestMs, performance.now() - begun)
    })
  }

  /** Opens no more, and waits until the signer has ended all that are open. Those that it leaves open are cut, and count as `still open`. */
  async stop(): Promise<Outcome> {
    this.#over = true
    await this.#done
    const all = Promise.all([...this.#open].map(({ ended }) => ended))
    await Promise.race([all, sleep(this.#attack.withinMs, undefined, { ref: false })])
    if (this.#open.size > 0) this.outcome.endings.set('still open', this.#open.size)
    await this.halt()
    return this.outcome
  }

  /** Opens no more and cuts those that are open; how these end is no answer of the signer's. */
  async halt(): Promise<Outcome> {
    this.#over = true
    await this.#done
    const left = [...this.#open]
    this.#open.clear()
    for (const connection of left) connection.cut()
    await Promise.all(left.map(({ ended }) => ended))
    return this.outcome
  }
}

/** A bare TCP connection; `begin` is called once it is there. */
function raw(address: string, begin: (socket: Socket) => void): Connection {
  const socket = connect({ port: Number(new URL(address).port), host: '127.0.0.1' }, () => begin(socket))
  let first = ''
  socket.on('data', (data) => {
    first ||= String(data).split('\r\n')[0] ?? ''
  })
  socket.on('error', () => {})
  return {
    ended: new Promise((resolve) => socket.on('close', () => resolve(first || 'closed'))),
    cut: () => socket.destroy(),
  }
}

/** Writes to a socket again and again, until it is gone. */
function dribble(socket: Socket, everyMs: number, next: () => string | Uint8Array): void {
  const timer = setInterval(() => socket.write(next()), everyMs)
  socket.on('close', () => clearInterval(timer))
}

/** A WebSocket on the path of links; `begin` is called once it is there, `answered` with each message. */
export function link(
  address: string,
  begin: (webSocket: WebSocket) => void,
  answered: (message: Uint8Array, webSocket: WebSocket) => void = () => {},
): Connection {
  const webSocket = new WebSocket(new URL('/link', address), { perMessageDeflate: false })
  webSocket.on('open', () => begin(webSocket))
  webSocket.on('message', (data: Buffer) => answered(new Uint8Array(data), webSocket))
  webSocket.on('error', () => {})
  return {
    ended: new Promise((resolve) => webSocket.on('close', (code, reason) => resolve(`${code} ${reason}`.trim()))),
    cut: () => webSocket.terminate(),
  }
}

export function diallerOf({ manifest, known, index }: Target): Dialler {
  return new Dialler({ self: signerIdentity(manifest, known.index), manifest, ed25519: nodeEd25519, linkSecretKey: known.linkSecretKey }, index)
}

/** A hello in which one thing is not as it should be. */
function wrongHello(target: Target, change: (fields: Map<string, Plain>) => void): Uint8Array {
  const fields = decodeCbor(diallerOf(target).hello(), 4096)
  if (!(fields instanceof Map)) throw new Error('a hello is a map')
  change(fields)
  return encodeCbor(fields)
}

function identityOf(fields: Map<string, Plain>): Map<string, Plain> {
  const identity = fields.get('self')
  if (!(identity instanceof Map)) throw new Error('an identity is a map')
  return identity
}

function sayingHello(change: (fields: Map<string, Plain>) => void): Attack['open'] {
  return (target) => link(target.address, (webSocket) => webSocket.send(wrongHello(target, change)))
}

/** Frames as no WebSocket library sends them: a header alone, with a zero mask. */
function frameHeader(length: number, opcode: number, isLast: boolean): Buffer {
  const header = Buffer.alloc(14)
  header[0] = (isLast ? 0x80 : 0) | opcode
  header[1] = 0x80 | 127
  header.writeBigUInt64BE(BigInt(length), 2)
  return header
}

function upgrade(path: string): string {
  const key = Buffer.from('0123456789abcdef').toString('base64')
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`
}

function http(lines: readonly string[], address: string): string {
  return [...lines, `Host: ${new URL(address).host}`, '', ''].join('\r\n')
}

/** What looking at limits now and then adds to them, and a machine that does other things beside. */
export const BUSY_MS = 4000
/** The limits of a handshake and of headers, and of a whole request. */
const HANDSHAKE_MS = 5000 + BUSY_MS
const AT_ONCE_MS = BUSY_MS
const REQUEST_MS = 15_000 + BUSY_MS

/** Handshakes of one signer are remembered for their replay: the hello, and the proof that went with another answer. */
function replayed(target: Target): Connection {
  const dialler = diallerOf(target)
  const hello = dialler.hello()
  let proof: Uint8Array | undefined
  const overheard = link(
    target.address,
    (webSocket) => webSocket.send(hello),
    (answer) => {
      proof = dialler.proof(answer)
      overheard.cut()
    },
  )
  const replay = overheard.ended.then(() => {
    const second = link(
      target.address,
      (webSocket) => webSocket.send(hello),
      (_answer, webSocket) => webSocket.send(proof ?? new Uint8Array(1)),
    )
    return second
  })
  return {
    ended: replay.then(({ ended }) => ended),
    cut: () => {
      overheard.cut()
      void replay.then((second) => second.cut())
    },
  }
}

export const ATTACKS: readonly Attack[] = [
  {
    name: 'oversize frame',
    atOnce: 10,
    perSecond: 20,
    open: ({ address }) => link(address, (webSocket) => webSocket.send(new Uint8Array(1024 * 1024))),
    ends: /^1006$/,
    withinMs: AT_ONCE_MS,
  },
  {
    name: 'oversize frame, its header alone',
    atOnce: 10,
    perSecond: 20,
    open: ({ address }) =>
      raw(address, (socket) => {
        socket.write(upgrade('/link'))
        socket.once('data', () => socket.write(frameHeader(2 ** 40, 2, true)))
      }),
    ends: /^HTTP\/1.1 101/,
    withinMs: HANDSHAKE_MS,
  },
  {
    name: 'endless fragments',
    atOnce: 10,
    perSecond: 20,
    open: ({ address }) =>
      link(address, (webSocket) => {
        const timer = setInterval(() => webSocket.send(new Uint8Array(200), { binary: true, fin: false }), 10)
        webSocket.on('close', () => clearInterval(timer))
      }),
    ends: /^1006$/,
    withinMs: HANDSHAKE_MS,
  },
  {
    name: 'tiny fragments',
    atOnce: 20,
    perSecond: 20,
    open: ({ address }) =>
      link(address, (webSocket) => {
        const timer = setInterval(() => webSocket.send(new Uint8Array(1), { binary: true, fin: false }), 100)
        webSocket.on('close', () => clearInterval(timer))
      }),
    ends: /^1006$/,
    withinMs: HANDSHAKE_MS,
  },
  {
    name: 'slow headers',
    atOnce: 100,
    perSecond: 100,
    open: ({ address }) =>
      raw(address, (socket) => {
        socket.write('GET /link HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ')
        dribble(socket, 200, () => 'x')
      }),
    ends: /^HTTP\/1.1 408|^closed$/,
    withinMs: HANDSHAKE_MS,
  },
  {
    name: '2,000 connections without a handshake',
    atOnce: 2000,
    perSecond: 250,
    open: ({ address }) => raw(address, (socket) => socket.write(upgrade('/link'))),
    ends: /^HTTP\/1.1 101|^closed$/,
    withinMs: HANDSHAKE_MS,
  },
  {
    name: '1,500 connections that say nothing',
    atOnce: 1500,
    perSecond: 250,
    open: ({ address }) => raw(address, () => {}),
    ends: /^HTTP\/1.1 408|^closed$/,
    withinMs: HANDSHAKE_MS,
  },
  {
    name: 'replayed handshake',
    atOnce: 5,
    perSecond: 20,
    open: replayed,
    ends: /^4000 .*the dialler's signature is not valid/,
    withinMs: AT_ONCE_MS,
  },
  {
    name: 'reflected handshake',
    atOnce: 5,
    perSecond: 20,
    open: (target) =>
      link(
        target.address,
        (webSocket) => webSocket.send(diallerOf(target).hello()),
        (answer, webSocket) => webSocket.send(answer),
      ),
    ends: /^4000 .*“answer” came where “proof” belongs/,
    withinMs: AT_ONCE_MS,
  },
  {
    name: 'wrong cluster',
    atOnce: 5,
    perSecond: 20,
    open: sayingHello((fields) => fields.set('clusterId', new Uint8Array(32).fill(1))),
    ends: /^4000 .*it belongs to cluster 010101010101, not/,
    withinMs: AT_ONCE_MS,
  },
  {
    name: 'wrong version',
    atOnce: 5,
    perSecond: 20,
    open: sayingHello((fields) => fields.set('version', 2)),
    ends: /^4000 .*it speaks version 2, not 1/,
    withinMs: AT_ONCE_MS,
  },
  {
    name: 'wrong role',
    atOnce: 5,
    perSecond: 20,
    open: sayingHello((fields) => identityOf(fields).set('role', 'peer').set('index', null)),
    ends: /^4000 .*links of role “peer” are not served here/,
    withinMs: AT_ONCE_MS,
  },
  {
    name: 'foreign Origin on the API',
    atOnce: 10,
    perSecond: 40,
    open: ({ address }) =>
      raw(address, (socket) => socket.write(http(['GET /api/status HTTP/1.1', 'Origin: http://evil.example', 'Connection: close'], address))),
    ends: /^HTTP\/1.1 403/,
    withinMs: AT_ONCE_MS,
  },
  {
    name: 'slow HTTP client, writing',
    atOnce: 50,
    perSecond: 50,
    open: ({ address }) =>
      raw(address, (socket) => {
        socket.write(
          http(
            ['POST /api/transactions HTTP/1.1', `Authorization: Bearer ${TOKEN}`, 'Content-Type: application/json', 'Content-Length: 100000'],
            address,
          ),
        )
        dribble(socket, 500, () => ' ')
      }),
    ends: /^HTTP\/1.1 408|^closed$/,
    withinMs: REQUEST_MS,
  },
  {
    name: 'pipelined HTTP requests',
    isEntitled: true,
    atOnce: 5,
    perSecond: 10,
    open: ({ address }) => raw(address, (socket) => socket.write(http(['GET /metrics HTTP/1.1'], address).repeat(2000))),
    ends: /^closed$/,
    withinMs: AT_ONCE_MS,
  },
  {
    name: 'slow HTTP client, not reading',
    isEntitled: true,
    atOnce: 5,
    perSecond: 10,
    open: ({ address }) =>
      raw(address, (socket) => {
        socket.pause()
        // One after the other, until what is not read fills all buffers; and only who writes hears that a connection is gone.
        dribble(socket, 200, () => http(['GET /api/transactions?limit=1000 HTTP/1.1'], address))
      }),
    ends: /^closed$/,
    withinMs: 2 * REQUEST_MS,
  },
]
