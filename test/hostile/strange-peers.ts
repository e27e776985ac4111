/** Attacks by those whom a signer serves as peers although nobody knows them: anyone with a key of its own may be one. */
import { randomBytes } from 'node:crypto'
import { WebSocket } from 'ws'
import type { Id } from '../../src/lib/base/bytes.js'
import { encodeMessage, messageCodec } from '../../src/lib/core/message.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { PEER_PACK, pack } from '../../src/lib/node/framing.js'
import { Dialler, peerIdentity } from '../../src/lib/node/handshake.js'
import { type Attack, BUSY_MS, type Connection, type Target } from './attacks.js'

/** Logs in as a peer that was never seen before; `welcomed` is called once it is served. */
function login({ address, index, manifest }: Target, welcomed: (webSocket: WebSocket) => void): Connection {
  const linkSecretKey = Uint8Array.from(randomBytes(32))
  const self = peerIdentity(nodeEd25519.publicKey(linkSecretKey))
  const dialler = new Dialler({ self, manifest, ed25519: nodeEd25519, linkSecretKey }, index)
  const webSocket = new WebSocket(new URL('/peer', address), { perMessageDeflate: false })
  let answers = 0
  webSocket.on('open', () => webSocket.send(dialler.hello()))
  webSocket.on('message', (data: Buffer) => {
    answers++
    if (answers === 1) webSocket.send(dialler.proof(new Uint8Array(data)))
    if (answers === 2) welcomed(webSocket)
  })
  webSocket.on('error', () => {})
  return {
    ended: new Promise((resolve) => webSocket.on('close', (code, reason) => resolve(`${code} ${reason}`.trim()))),
    cut: () => webSocket.terminate(),
  }
}

function every(webSocket: WebSocket, ms: number, send: () => void): void {
  const timer = setInterval(send, ms)
  webSocket.on('close', () => clearInterval(timer))
}

/** How long one that the signer has no reason to send away stays, and how often it asks. */
const STAY_MS = 3000
const ASK_MS = 50
/** Who does not read is taken for dead, or cut off. */
const UNREAD_MS = 35_000 + BUSY_MS
/** More come than are served. */
const FULL = '4000 .*serves \\d+ peers already'

/** `ids`: executed batches, as large as they may be. */
export function peerAttacks(clusterId: Id, ids: readonly Id[]): Attack[] {
  const codec = messageCodec(clusterId)
  const asked = pack([
    encodeMessage(codec, { type: 'fetch', ids: [...ids] }),
    encodeMessage(codec, { type: 'sync', executed: 0, digest: '00'.repeat(32), from: 0 }),
  ])
  const ask = (webSocket: WebSocket) =>
    every(webSocket, ASK_MS, () => {
      for (const message of asked) webSocket.send(message)
    })
  return [
    {
      name: 'peers that ask for everything, again and again',
      atOnce: 16,
      perSecond: 20,
      open: (target) =>
        login(target, (webSocket) => {
          ask(webSocket)
          setTimeout(() => webSocket.terminate(), STAY_MS)
        }),
      ends: /^1006$/,
      withinMs: STAY_MS + BUSY_MS,
    },
    {
      name: 'peers that ask, and read nothing',
      atOnce: 16,
      perSecond: 20,
      open: (target) =>
        login(target, (webSocket) => {
          webSocket.pause()
          ask(webSocket)
        }),
      ends: /^(1006|4004)/,
      withinMs: UNREAD_MS,
    },
    {
      name: 'more peers than are served',
      atOnce: 80,
      perSecond: 100,
      open: (target) => login(target, (webSocket) => setTimeout(() => webSocket.terminate(), STAY_MS)),
      ends: new RegExp(`^1006$|${FULL}`),
      withinMs: STAY_MS + BUSY_MS,
    },
    {
      name: 'reconnect storm of peers',
      atOnce: 4,
      perSecond: 50,
      open: (target) => login(target, (webSocket) => webSocket.terminate()),
      ends: /^1006$/,
      withinMs: BUSY_MS,
    },
    {
      name: 'peers that send what is no message',
      atOnce: 8,
      perSecond: 40,
      open: (target) =>
        login(target, (webSocket) => {
          every(webSocket, ASK_MS, () => webSocket.send(randomBytes(4000)))
        }),
      ends: /^(4001|1006)/,
      withinMs: BUSY_MS,
    },
    {
      name: 'oversize frame of a peer',
      atOnce: 8,
      perSecond: 20,
      open: (target) => login(target, (webSocket) => webSocket.send(new Uint8Array(PEER_PACK.bytes + 1))),
      ends: /^(1009|1006)/,
      withinMs: BUSY_MS,
    },
  ]
}
