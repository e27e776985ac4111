/** The transport against those who are no honest signers: raw sockets and WebSockets on a signer's port. */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { Acceptor, Dialler, signerIdentity } from '../../src/lib/node/handshake.js'
import { until } from '../until.js'
import { frame, listen, startMesh, startNode, stopAll, type TestNode, testCluster, texts } from './mesh.js'

const test = suite('transport under attack')
const cluster = testCluster(3)
const timing = { handshakeMs: 300, probeMs: 150, pingMs: 100, deadMs: 400, backOffFirstMs: 20, backOffLastMs: 100 }

test.after.each(stopAll)

/** Signer 2, the acceptor of all, alone; and where it listens. */
async function target(options = {}): Promise<{ node: TestNode; address: string }> {
  const { server, port } = await listen()
  const addresses = [0, 1].map(() => 'http://127.0.0.1:1').concat(`http://127.0.0.1:${port}`)
  return { node: await startNode(cluster, 2, { server, addresses, timing, ...options }), address: `http://127.0.0.1:${port}` }
}

interface Attacker {
  webSocket: WebSocket
  messages: Uint8Array[]
  /** How it ended: an HTTP status, or a close code and reason. */
  ended: Promise<string>
}

async function attack(address: string, headers: Record<string, string> = {}, options: ClientOptions = {}): Promise<Attacker> {
  const webSocket = new WebSocket(new URL('/link', address), { ...options, perMessageDeflate: false, headers })
  const messages: Uint8Array[] = []
  webSocket.on('message', (data: Buffer) => messages.push(new Uint8Array(data)))
  webSocket.on('error', () => {})
  const ended = new Promise<string>((resolve) => {
    webSocket.on('unexpected-response', (_request, response) => {
      resolve(`HTTP ${response.statusCode}`)
      webSocket.terminate()
    })
    webSocket.on('close', (code, reason) => resolve(`${code} ${reason}`))
    setTimeout(() => resolve('still open'), 8000).unref()
  })
  await Promise.race([new Promise((resolve) => webSocket.on('open', resolve)), ended])
  return { webSocket, messages, ended }
}

function context(self: number, key = self, of = cluster) {
  return {
    self: signerIdentity(of.manifest, self),
    manifest: of.manifest,
    ed25519: nodeEd25519,
    linkSecretKey: of.linkSecretKeys[key] ?? new Uint8Array(32),
  }
}

/** Says hello, waits for the answer, proves. */
async function login(attacker: Attacker, self: number, key = self): Promise<void> {
  const dialler = new Dialler(context(self, key), 2)
  attacker.webSocket.send(dialler.hello())
  await until('the answer', () => attacker.messages.length === 1)
  attacker.webSocket.send(dialler.proof(attacker.messages[0] ?? new Uint8Array(0)))
}

test('a right handshake opens a link, by hand too', async () => {
  const { node, address } = await target()
  const attacker = await attack(address)
  await login(attacker, 0)
  await until('the link', () => node.links.includes('+0'))
})

test('a wrong key, another cluster and a wrong role are closed with the reason', async () => {
  const { node, address } = await target()
  const thief = await attack(address)
  await login(thief, 0, 1)
  assert.match(await thief.ended, /^4000 handshake refused: the dialler's signature is not valid/)
  const stranger = await attack(address)
  stranger.webSocket.send(new Dialler(context(0, 0, testCluster(3, 'another')), 2).hello())
  assert.match(await stranger.ended, /^4000 handshake refused: it belongs to cluster/)
  const larger = await attack(address)
  larger.webSocket.send(new Dialler(context(0), 1).hello())
  assert.match(await larger.ended, /^4000 handshake refused: it wants another signer/)
  assert.equal(node.links, [])
  assert.is(node.transport.metrics.refused, 3)
})

test('replayed and reflected handshakes are refused', async () => {
  const { node, address } = await target()
  const first = await attack(address)
  const dialler = new Dialler(context(0), 2)
  const hello = dialler.hello()
  first.webSocket.send(hello)
  await until('the answer', () => first.messages.length === 1)
  const proof = dialler.proof(first.messages[0] ?? new Uint8Array(0))
  const second = await attack(address)
  second.webSocket.send(hello)
  await until('the answer', () => second.messages.length === 1)
  second.webSocket.send(proof)
  assert.match(await second.ended, /^4000 .*signature is not valid/)
  const mirror = await attack(address)
  mirror.webSocket.send(hello)
  await until('the answer', () => mirror.messages.length === 1)
  mirror.webSocket.send(mirror.messages[0] ?? new Uint8Array(0))
  assert.match(await mirror.ended, /^4000 .*“answer” came where “proof” belongs/)
  assert.equal(node.links, [])
})

test('text, rubbish and a message before the welcome are closed', async () => {
  const { node, address } = await target()
  const text = await attack(address)
  text.webSocket.send('hello')
  assert.match(await text.ended, /^4000 text/)
  const rubbish = await attack(address)
  rubbish.webSocket.send(Uint8Array.of(0xff, 0xff))
  assert.match(await rubbish.ended, /^4000 malformed CBOR/)
  assert.equal(node.links, [])
})

test('a large first frame is cut before it is read', async () => {
  const handshakeMs = 10_000
  const { node, address } = await target({ timing: { ...timing, handshakeMs } })
  for (const send of [
    (webSocket: WebSocket) => webSocket.send(new Uint8Array(100_000)),
    (webSocket: WebSocket) => {
      for (let i = 0; i < 300; i++) webSocket.send(new Uint8Array(20), { fin: false, binary: true })
    },
    (webSocket: WebSocket) => {
      for (let i = 0; i < 2000; i++) webSocket.ping()
    },
  ]) {
    const attacker = await attack(address)
    const started = performance.now()
    send(attacker.webSocket)
    assert.match(await attacker.ended, /^1006/)
    assert.ok(performance.now() - started < handshakeMs / 2, 'at once, not by time-out')
  }
  assert.is(node.transport.metrics.refused, 3)
})

test('who never says hello, or says it a byte at a time, is cut after the time limit', async () => {
  const { node, address } = await target()
  const silent = await attack(address)
  const slow = await attack(address)
  const started = performance.now()
  slow.webSocket.ping()
  const [one, two] = await Promise.all([silent.ended, slow.ended])
  const took = performance.now() - started
  assert.match(`${one}${two}`, /1006.*1006/)
  assert.ok(took < 2 * timing.handshakeMs, `${took} ms`)
  assert.is(node.transport.metrics.refused, 2)
})

test('connections without a handshake are capped: the oldest go, an honest signer still gets in', async () => {
  const { node, address } = await target({ caps: { unauthenticated: 20 }, timing: { ...timing, handshakeMs: 3000 } })
  const flood = await Promise.all(Array.from({ length: 60 }, () => attack(address)))
  await until('40 pushed out', () => node.transport.metrics.refused === 40)
  const honest = await attack(address)
  await login(honest, 0)
  await until('the honest link', () => node.links.includes('+0'))
  assert.is(flood.filter(({ webSocket }) => webSocket.readyState === WebSocket.OPEN).length, 19)
  for (const { webSocket } of flood) webSocket.terminate()
})

test('an Origin is refused, also for a knock; other paths are left to others', async () => {
  const { node, address } = await target()
  const page = await attack(address, { origin: 'http://evil.example' })
  assert.is(await page.ended, 'HTTP 403')
  const own = await attack(address, { origin: address })
  assert.is(await own.ended, 'HTTP 403')
  let others = 0
  node.server.on('upgrade', (request, socket) => {
    if (request.url?.startsWith('/link?') || request.url === '/link') return
    others++
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
  })
  for (const path of ['/api/events', '/linkage', '/']) {
    const raw = rawUpgrade(address, path)
    assert.match(await raw.answer, /^HTTP\/1.1 404/)
  }
  assert.is(others, 3)
})

function rawUpgrade(address: string, path: string): { socket: Socket; answer: Promise<string> } {
  const socket = connect(Number(new URL(address).port), '127.0.0.1')
  const key = Buffer.from('0123456789abcdef').toString('base64')
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  )
  socket.on('error', () => {})
  return { socket, answer: new Promise((resolve) => socket.once('data', (data) => resolve(data.toString()))) }
}

test('a knock answers nothing of use, of any number', async () => {
  const { node, address } = await target()
  for (const query of ['?knock=0', '?knock=2', '?knock=999']) assert.match(await rawUpgrade(address, `/link${query}`).answer, /^HTTP\/1.1 204/)
  assert.is(node.transport.metrics.dials, 0)
})

test('malformed framing on a link closes it; the signer may come again', async () => {
  const { node, address } = await target()
  for (const bad of [Uint8Array.of(0, 0, 0, 9, 1), new Uint8Array(0), 'text'] as const) {
    const attacker = await attack(address)
    await login(attacker, 0)
    await until('the link', () => node.links.at(-1) === '+0')
    attacker.webSocket.send(bad)
    assert.match(await attacker.ended, /^4001 a message on a link/)
    await until('the link to close', () => node.links.at(-1) === '-0')
  }
  assert.is(node.transport.metrics.malformed, 3)
})

test('a second session of a signer is refused while the older is alive, and takes its place once that is silent', async () => {
  const suspected: number[] = []
  const { node, address } = await target({ secondSession: (signer: number) => suspected.push(signer) })
  const older = await attack(address)
  await login(older, 0)
  await until('the link', () => node.links.includes('+0'))
  const copy = await attack(address)
  await login(copy, 0)
  assert.match(await copy.ended, /^4000 another session of signer 0 is alive/)
  assert.is(older.webSocket.readyState, WebSocket.OPEN)
  assert.equal(node.links, ['+0'])
  assert.equal([node.transport.metrics.secondSessions, suspected], [1, [0]])
  older.webSocket.pause()
  const next = await attack(address)
  await login(next, 0)
  await until('the older to be replaced', () => node.links.join() === '+0,-0,+0')
  next.webSocket.send(Uint8Array.of(0, 0, 0, 1, 65))
  await until('a frame of the newer', () => texts(node).join() === 'A')
  assert.equal([node.transport.metrics.secondSessions, suspected], [1, [0]], 'who is replaced is no second process')
})

test('an answer to an earlier ping, still under way when the older session died, keeps nobody out', async () => {
  const { node, address } = await target()
  const older = await attack(address, {}, { autoPong: false })
  await login(older, 0)
  await until('the link', () => node.links.includes('+0'))
  older.webSocket.on('ping', () => older.webSocket.pong('late'))
  const next = await attack(address)
  await login(next, 0)
  await until('the older to be replaced', () => node.links.join() === '+0,-0,+0')
})

test('of several sessions of one signer at the same moment one gets in', async () => {
  const { node, address } = await target()
  const copies = await Promise.all(Array.from({ length: 8 }, () => attack(address)))
  await Promise.all(copies.map((copy) => login(copy, 0)))
  await until('seven refusals', () => node.transport.metrics.refused === 7)
  await until('one to be left', () => copies.filter(({ webSocket }) => webSocket.readyState === WebSocket.OPEN).length === 1)
  assert.equal(node.links, ['+0'])
})

test('a process with a copied key does not disturb the cluster', async () => {
  const { nodes, addresses } = await startMesh(cluster, { timing })
  const { server } = await listen()
  const copy = await startNode(cluster, 0, { server, addresses, timing })
  await sleep(500)
  assert.equal(copy.links, [])
  assert.ok(nodes.every((node) => node.transport.metrics.disconnects === 0))
  nodes[0]?.transport.send(2, frame('still here'))
  await until('the frame', () => texts(nodes[2] ?? copy, 0).includes('still here'))
})

test('a dialled address where another answers gives no link', async () => {
  const impostor = await listen()
  const own = await listen()
  const addresses = [`http://127.0.0.1:${own.port}`, 'http://127.0.0.1:1', `http://127.0.0.1:${impostor.port}`]
  const honest = await startNode(cluster, 0, { server: own.server, addresses, timing })
  const webSocketServer = new WebSocketServer({ server: impostor.server })
  const answers = [
    (hello: Uint8Array) => new Acceptor(context(2, 1)).answer(hello),
    () => new Uint8Array(100_000),
    (hello: Uint8Array) => hello,
    () => new Acceptor(context(2)).welcome(),
  ]
  let dials = 0
  webSocketServer.on('connection', (webSocket) => {
    const answer = answers[dials++ % answers.length] ?? (() => new Uint8Array(0))
    webSocket.on('message', (hello: Buffer) => webSocket.send(answer(new Uint8Array(hello))))
    webSocket.on('error', () => {})
  })
  await until('several dials', () => dials >= 5)
  assert.equal(honest.links, [])
  webSocketServer.close()
})

test.run()
