/** Links over TLS: everything a transport must do, between machines' addresses too, and against those who hold another key or none. */
import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { createServer as createTcpServer, type Socket, connect as tcpConnect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionOptions, connect, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WebSocket } from 'ws'
import { nodeEd25519, secretKeyObject } from '../../src/lib/node/ed25519.js'
import { Dialler, signerIdentity } from '../../src/lib/node/handshake.js'
import { linkCertificate } from '../../src/lib/node/link-certificate.js'
import { skipped } from '../skip.js'
import { until } from '../until.js'
import { frame, listen, listenTls, startMesh, startNode, stopAll, type TestNode, testCluster, texts } from './mesh.js'
import { transportCompliance } from './transport-compliance.js'

const test = suite('transport over TLS')
const cluster = testCluster(3)
const timing = { handshakeMs: 2000, probeMs: 150, pingMs: 100, deadMs: 4000, backOffFirstMs: 20, backOffLastMs: 100 }
const nobody = 'http://127.0.0.1:1'

test.after.each(stopAll)
transportCompliance(test, () => ({ tlsHost: '127.0.0.1' }))

function keyOf(signer: number): Uint8Array {
  return cluster.linkSecretKeys[signer] ?? new Uint8Array(32)
}

/** Signer 2, the acceptor of all, alone; how many requests got as far as its HTTP; and where it listens. */
async function target(options: Parameters<typeof listenTls>[2] = {}): Promise<{ node: TestNode; port: number; upgrades: () => number }> {
  const { server, port } = await listenTls(cluster, 2, options)
  let upgrades = 0
  server.on('upgrade', () => upgrades++)
  const node = await startNode(cluster, 2, { server, addresses: [nobody, nobody, `wss://127.0.0.1:${port}`], timing })
  return { node, port, upgrades: () => upgrades }
}

/** What a raw client on TLS got until it was closed: `secure`, bytes, an error's code, `closed`. */
async function knockAt(port: number, options: ConnectionOptions): Promise<string[]> {
  const seen: string[] = []
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => seen.push('secure'))
  socket.write('GET /link HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  socket.on('data', (data) => seen.push(String(data).slice(0, 12)))
  socket.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code ?? error.message))
  await new Promise((resolve) => socket.on('close', resolve))
  return [...seen, 'closed']
}

/** A WebSocket of a client with a link key of its own choice: how it ended, and what came. */
function dial(port: number, linkSecretKey: Uint8Array) {
  const webSocket = new WebSocket(`wss://127.0.0.1:${port}/link`, { ...linkCertificate(linkSecretKey), rejectUnauthorized: false })
  const messages: Uint8Array[] = []
  webSocket.on('message', (data: Buffer) => messages.push(new Uint8Array(data)))
  webSocket.on('error', () => {})
  const ended = new Promise<string>((resolve) => webSocket.on('close', (code, reason) => resolve(`${code} ${reason}`)))
  return { webSocket, messages, ended }
}

function ownAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address
}

test('a mesh at an address that other machines reach', async () => {
  const host = ownAddress()
  if (!host) return skipped(1, 'this machine has no address but those of its own')
  const { nodes } = await startMesh(testCluster(4), { tlsHost: host })
  nodes[3]?.transport.send(0, frame('from afar'))
  await until('the frame', () => nodes[0]?.received.length === 1)
})

test('one that comes late knocks over TLS, and is dialled at once', async () => {
  const [first, second] = [await listenTls(cluster, 0), await listenTls(cluster, 1)]
  const addresses = [`wss://127.0.0.1:${first.port}`, `wss://127.0.0.1:${second.port}`, nobody]
  const slow = { ...timing, handshakeMs: 100, backOffFirstMs: 600_000, backOffLastMs: 600_000 }
  const a = await startNode(cluster, 0, { server: first.server, addresses, timing: slow })
  await until('a dial of each', () => a.transport.metrics.dials === 2)
  await startNode(cluster, 1, { server: second.server, addresses, timing })
  await until('the knock to help', () => a.links.includes('+1'), 20_000)
})

test('a certificate holds the key of the manifest, is signed by it, and is the same whenever it is made', () => {
  const seed = keyOf(1)
  const { cert, key } = linkCertificate(seed)
  const certificate = new X509Certificate(cert)
  assert.ok(certificate.verify(certificate.publicKey))
  assert.ok(certificate.checkPrivateKey(secretKeyObject(seed)))
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' })
  assert.equal(new Uint8Array(der.subarray(-32)), cluster.manifest.signers[1]?.linkKey)
  assert.ok(certificate.publicKey.export({ format: 'der', type: 'spki' }).equals(der))
  assert.is(linkCertificate(seed).cert, cert)
})

test('who shows no key, this signer’s own or one of an older TLS gets nowhere: not a byte of it is read; a foreign key gets no link of a signer', async () => {
  const { node, port, upgrades } = await target()
  const strangers: [string, ConnectionOptions][] = [
    ['no certificate', {}],
    ['its own key', linkCertificate(keyOf(2))],
    ['TLS 1.2', { ...linkCertificate(keyOf(0)), maxVersion: 'TLSv1.2' }],
  ]
  for (const [i, [what, options]] of strangers.entries()) {
    const seen = await knockAt(port, options)
    assert.not.ok(
      seen.some((each) => each.startsWith('HTTP')),
      `${what}: ${seen}`,
    )
    if (what === 'TLS 1.2') assert.not.ok(seen.includes('secure'), `${what}: ${seen}`)
    await until(what, () => node.transport.metrics.refused === i + 1)
  }
  assert.is(upgrades(), 0)
  const foreign = await knockAt(port, linkCertificate(Uint8Array.from(randomBytes(32))))
  assert.ok(foreign.includes('HTTP/1.1 403'), `${foreign}`)
  assert.is(node.transport.metrics.refused, strangers.length + 1)
  assert.equal(node.links, [])
  const honest = await knockAt(port, { ...linkCertificate(keyOf(0)), timeout: 1 })
  assert.ok(honest.includes('HTTP/1.1 400'), `${honest}`)
  assert.is(upgrades(), 2)
})

test('plain WebSockets, plain HTTP and rubbish on the port of TLS are closed', async () => {
  const { node, port } = await target()
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/link`)
  const error = await new Promise<string>((resolve) => webSocket.on('error', ({ message }) => resolve(message)))
  assert.match(error, /hang up|ECONNRESET|Parse Error/)
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), randomBytes(1000), Buffer.alloc(0)]) {
    const socket = tcpConnect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    socket.end(bytes)
    await new Promise((resolve) => socket.on('close', resolve))
  }
  await until('four refusals', () => node.transport.metrics.refused === 4)
  assert.equal(node.links, [])
})

test('who comes from another machine without TLS is refused before anything else, a knock too, which would make this signer dial', async () => {
  const { server } = await listen()
  const node = await startNode(cluster, 0, {
    server,
    addresses: [nobody, nobody, nobody],
    timing: { ...timing, backOffFirstMs: 600_000, backOffLastMs: 600_000 },
  })
  await until('a dial of each', () => node.transport.metrics.dials === 2)
  const answerTo = (remoteAddress: string, path: string) => {
    const socket = new PassThrough()
    const request = { url: path, headers: {}, socket: { remoteAddress } } as unknown as IncomingMessage
    assert.ok(node.transport.handleUpgrade(request, socket, Buffer.alloc(0)))
    return String(socket.read()).split('\r\n')[0]
  }
  for (const far of ['10.0.0.7', '192.0.2.1', '::ffff:10.0.0.7', '2001:db8::1'])
    for (const path of ['/link?knock=1', '/link']) assert.is(answerTo(far, path), 'HTTP/1.1 403 Forbidden', `${far} ${path}`)
  await sleep(200)
  assert.is(node.transport.metrics.dials, 2)
  assert.is(node.transport.metrics.refused, 8)
  assert.is(answerTo('127.0.0.1', '/link?knock=1'), 'HTTP/1.1 204 No Content')
  await until('the knock of this machine to help', () => node.transport.metrics.dials === 3)
})

test('the key of TLS and the signer of the handshake must be the same', async () => {
  const { node, port } = await target()
  const login = async (tls: number, self: number) => {
    const attacker = dial(port, keyOf(tls))
    await new Promise((resolve) => attacker.webSocket.on('open', resolve))
    const dialler = new Dialler(
      { self: signerIdentity(cluster.manifest, self), manifest: cluster.manifest, ed25519: nodeEd25519, linkSecretKey: keyOf(self) },
      2,
    )
    attacker.webSocket.send(dialler.hello())
    await until('the answer', () => attacker.messages.length === 1)
    attacker.webSocket.send(dialler.proof(attacker.messages[0] ?? new Uint8Array(0)))
    return attacker
  }
  const thief = await login(0, 1)
  await until('an end of it', () => thief.webSocket.readyState === WebSocket.CLOSED || node.links.length > 0)
  assert.equal(node.links, [])
  assert.match(await thief.ended, /^4000 handshake refused: the TLS key is not that of signer 1/)
  await login(1, 1)
  await until('the honest one', () => node.links.includes('+1'))
})

test('who dials speaks to nobody but the signer it wanted: not to a man in the middle, not to another signer, not in an older TLS', async () => {
  const { port: honestPort, node } = await target()
  const heard: string[] = []
  const impostors: [string, Parameters<typeof createTlsServer>[0]][] = [
    ['a man in the middle with a key of its own', linkCertificate(Uint8Array.from(randomBytes(32)))],
    ['another signer of the manifest', linkCertificate(keyOf(1))],
    ['an old TLS', { ...linkCertificate(keyOf(2)), maxVersion: 'TLSv1.2' }],
  ]
  for (const [what, options] of impostors) {
    let met = 0
    const sockets = new Set<Socket>()
    const middle = createTlsServer({ ...options, requestCert: true, rejectUnauthorized: false }, (near: TLSSocket) => {
      const far = connect({ ...linkCertificate(keyOf(1)), port: honestPort, host: '127.0.0.1', rejectUnauthorized: false })
      near.on('data', (data) => heard.push(`${what}: ${data}`))
      for (const socket of [near, far]) socket.on('error', () => {})
      near.pipe(far).pipe(near)
      sockets.add(far)
    })
    middle.on('connection', (socket) => {
      met++
      sockets.add(socket)
    })
    middle.on('tlsClientError', () => {})
    await new Promise<void>((resolve) => middle.listen(0, '127.0.0.1', resolve))
    const { port } = middle.address() as { port: number }
    const { server } = await listen()
    const reasons: unknown[] = []
    const log = { debug: (fields: object) => reasons.push(fields), info: () => {}, warn: (fields: object) => reasons.push(fields) }
    const dialler = await startNode(cluster, 0, { server, addresses: [nobody, nobody, `wss://127.0.0.1:${port}`], timing, log })
    await until(`three dials to ${what}`, () => met >= 3)
    await until('a reason', () => reasons.length > 0)
    assert.match(JSON.stringify(reasons), what === 'an old TLS' ? /protocol version|unsupported protocol/i : /TLS refused: the key is not that of/)
    assert.equal(dialler.links, [])
    await dialler.transport.stop()
    for (const socket of sockets) socket.destroy()
    middle.close()
  }
  assert.equal(heard, [], 'not a byte was said to any of them')
  assert.equal(node.links, [])
})

test('a wire that is only passed on works: TLS is between the signers, not the machines', async () => {
  const { node, port } = await target()
  const relay = createTcpServer((near) => {
    const far = tcpConnect(port, '127.0.0.1')
    for (const socket of [near, far]) socket.on('error', () => {})
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  relay.unref()
  const { server } = await listen()
  const addresses = [nobody, nobody, `wss://127.0.0.1:${(relay.address() as { port: number }).port}`]
  const dialler = await startNode(cluster, 0, { server, addresses, timing })
  await until('the link', () => dialler.links.includes('+2') && node.links.includes('+0'))
  dialler.transport.send(2, frame('through the relay'))
  await until('the frame', () => texts(node).includes('through the relay'))
  relay.close()
})

test('no connection is taken up again by an old session: each proves its key anew', async () => {
  const { port } = await target()
  const sessions: Buffer[] = []
  const open = async (session?: Buffer) => {
    const socket = connect({ ...linkCertificate(keyOf(0)), port, host: '127.0.0.1', rejectUnauthorized: false, ...(session && { session }) })
    socket.on('session', (each) => sessions.push(each))
    socket.on('error', () => {})
    await new Promise((resolve) => socket.on('secureConnect', resolve))
    const isReused = socket.isSessionReused()
    socket.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    socket.resume()
    await new Promise((resolve) => socket.on('close', resolve))
    return isReused
  }
  assert.is(await open(), false)
  for (const session of sessions.slice(0, 2)) assert.is(await open(session), false)
})

test('TLS handshakes under way are capped, the oldest go, and each has its time; an honest signer still gets in', async () => {
  const { node, port } = await target({ handshakes: 20, handshakeMs: 3000 })
  const flood: Socket[] = []
  let closed = 0
  for (let i = 0; i < 60; i++) {
    const socket = tcpConnect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('close', () => closed++)
    // The beginning of a ClientHello that never ends.
    socket.write(Uint8Array.of(22, 3, 1, 2, 0, 1))
    flood.push(socket)
  }
  await until('40 pushed out', () => node.transport.metrics.refused === 40)
  const { server } = await listen()
  const dialler = await startNode(cluster, 0, { server, addresses: [nobody, nobody, `wss://127.0.0.1:${port}`], timing })
  await until('the honest link', () => dialler.links.includes('+2'))
  await until('all to run out of time', () => closed === 60, 20_000)
})

test.run()
