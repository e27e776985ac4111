// time limit: 120 s
/** A signer's links to peers: anyone's, numbered from n on, up to so many; and what those get who ask too much, read too slowly, or want to speak as a signer. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ClientOptions, WebSocket } from 'ws'
import { LIMITS } from '../../src/lib/core/limits.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { Following } from '../../src/lib/node/following.js'
import { PEER_PACK, pack } from '../../src/lib/node/framing.js'
import { Dialler, peerIdentity, signerIdentity } from '../../src/lib/node/handshake.js'
import { linkCertificate } from '../../src/lib/node/link-certificate.js'
import { until } from '../until.js'
import { frame, listen, listenTls, startMesh, startNode, stopAll, type TestNode, testCluster, texts } from './mesh.js'

const test = suite('links of peers')
const cluster = testCluster(3)
const timing = { handshakeMs: 2000, probeMs: 150, pingMs: 100, deadMs: 4000, backOffFirstMs: 20, backOffLastMs: 100 }
const nobody = 'http://127.0.0.1:1'
const following: Following[] = []

test.after.each(async () => {
  for (const each of following.splice(0)) await each.stop()
  await stopAll()
})

/** Signer 2, alone; and where it listens. */
async function target(): Promise<{ node: TestNode; address: string }> {
  const { server, port } = await listen()
  const address = `http://127.0.0.1:${port}`
  return { node: await startNode(cluster, 2, { server, addresses: [nobody, nobody, address], timing }), address }
}

interface Stranger {
  webSocket: WebSocket
  /** What came after the welcome. */
  messages: Uint8Array[]
  welcomed: Promise<void>
  ended: Promise<string>
}

/** One that comes as a peer, by hand. `key`: its link key's secret; `path`: where it knocks. */
function stranger(
  address: string,
  key: Uint8Array = Uint8Array.from(randomBytes(32)),
  { path = '/peer', ...options }: ClientOptions & { path?: string } = {},
): Stranger {
  const url = new URL(path, address.replace('wss:', 'https:').replace('http', 'ws'))
  const webSocket = new WebSocket(url, { perMessageDeflate: false, ...options })
  const self = peerIdentity(nodeEd25519.publicKey(key))
  const dialler = new Dialler({ self, manifest: cluster.manifest, ed25519: nodeEd25519, linkSecretKey: key }, 2)
  const messages: Uint8Array[] = []
  webSocket.on('error', () => {})
  webSocket.on('open', () => webSocket.send(dialler.hello()))
  let answers = 0
  const welcomed = new Promise<void>((resolve) => {
    webSocket.on('message', (data: Buffer) => {
      answers++
      if (answers === 1) webSocket.send(dialler.proof(new Uint8Array(data)))
      else if (answers === 2) resolve()
      else messages.push(new Uint8Array(data))
    })
  })
  const ended = new Promise<string>((resolve) => {
    webSocket.on('unexpected-response', (_request, response) => {
      resolve(`HTTP ${response.statusCode}`)
      webSocket.terminate()
    })
    webSocket.on('close', (code, reason) => resolve(`${code} ${reason}`.trim()))
  })
  return { webSocket, messages, welcomed, ended }
}

/** A peer's own transport, dialling these signers; what it heard, and of whom. */
async function peer(addresses: readonly string[], follow: number[]): Promise<{ transport: Following; received: string[]; links: string[] }> {
  const linkSecretKey = Uint8Array.from(randomBytes(32))
  const transport = new Following({ manifest: cluster.manifest, crypto: { ed25519: nodeEd25519 }, linkSecretKey, addresses, follow, timing })
  following.push(transport)
  const [received, links]: [string[], string[]] = [[], []]
  await transport.start({
    message: (from, bytes) => received.push(`${from} ${new TextDecoder().decode(bytes)}`),
    connected: (signer) => links.push(`+${signer}`),
    disconnected: (signer) => links.push(`-${signer}`),
  })
  return { transport, received, links }
}

function send({ webSocket }: Stranger, ...frames: Uint8Array[]): void {
  for (const message of pack(frames, PEER_PACK)) webSocket.send(message)
}

for (const tlsHost of [undefined, '127.0.0.1'])
  test(`a peer dials the signers that it follows and is numbered from n on; frames go both ways, signers stay by themselves (${tlsHost ? 'TLS' : 'plain'})`, async () => {
    const { nodes, addresses } = await startMesh(cluster, { ...(tlsHost && { tlsHost }), timing })
    const first = await peer(addresses, [0, 2])
    await until('two links', () => first.links.length === 2)
    const second = await peer(addresses, [0, 1, 2])
    await until('three links', () => second.links.length === 3)
    const [a, , c] = nodes
    assert.ok(a && c)
    assert.equal(
      a.links.filter((link) => ['+3', '+4'].includes(link)),
      ['+3', '+4'],
    )
    first.transport.send(2, frame('from a peer'))
    await until('the frame of the peer', () => texts(c, 3).length === 1)
    c.transport.send(4, frame('to the second'))
    c.transport.send(3, frame('to the first'))
    await until('frames to the peers', () => first.received.length + second.received.length === 2)
    assert.equal([first.received, second.received], [['2 to the first'], ['2 to the second']])
    // A peer is no signer that answers, nor one that is connected.
    assert.equal([a.transport.connected(), a.transport.peers], [[1, 2], 2])
    assert.equal(await a.transport.answering(1000), [1, 2])
    await second.transport.stop()
    await until('the end of a link', () => a.links.includes('-4'))
    assert.is(a.transport.peers, 1)
    assert.equal(a.transport.connected(), [1, 2])
  })

test('a signer that comes back is dialled again, and its peer has another number then', async () => {
  const { nodes, addresses } = await startMesh(cluster, { timing })
  const { links } = await peer(addresses, [2])
  await until('the link', () => links.includes('+2'))
  const port = Number(new URL(addresses[2] ?? '').port)
  await nodes[2]?.transport.stop()
  nodes[2]?.server.close()
  nodes[2]?.server.closeAllConnections()
  await until('the loss', () => links.includes('-2'))
  const { server } = await listen(port)
  const again = await startNode(cluster, 2, { server, addresses, timing })
  await until('the link again', () => links.filter((link) => link === '+2').length === 2)
  assert.ok(again.links.includes('+3'))
})

test('one more than are served hears why, and gets a place when one is free', async () => {
  const { node, address } = await target()
  const all = Array.from({ length: LIMITS.peers }, () => stranger(address))
  await Promise.all(all.map(({ welcomed }) => welcomed))
  assert.is(node.transport.peers, LIMITS.peers)
  assert.match(await stranger(address).ended, /^4000 this signer serves 64 peers already; follow another one$/)
  const waiting = await peer([nobody, nobody, address], [2])
  await sleep(300)
  assert.equal(waiting.links, [])
  all[0]?.webSocket.close()
  await until('the free place', () => waiting.links.includes('+2'))
  // Signers are not kept out by any number of peers.
  const { server } = await listen()
  const honest = await startNode(cluster, 0, { server, addresses: [nobody, nobody, address], timing })
  await until('the link of a signer', () => honest.links.includes('+2'))
})

test('the newer session of a key takes the place of the older', async () => {
  const { node, address } = await target()
  const key = Uint8Array.from(randomBytes(32))
  const older = stranger(address, key)
  await older.welcomed
  const newer = stranger(address, key)
  await newer.welcomed
  assert.match(await older.ended, /^4003 replaced by a newer session/)
  await until('the end of the older', () => node.links.includes('-3'))
  assert.equal(node.links, ['+3', '-3', '+4'])
})

test('no way leads from one door to the other: a peer’s key opens no link of a signer, a signer’s none of a peer', async () => {
  const { node, address } = await target()
  assert.match(await stranger(address, undefined, { path: '/link' }).ended, /^4000 .*links of role “peer” are not served here/)
  assert.match(await stranger(address, cluster.linkSecretKeys[0]).ended, /^4000 .*its key is that of signer 0/)
  const webSocket = new WebSocket(new URL('/peer', address))
  const context = {
    self: signerIdentity(cluster.manifest, 0),
    manifest: cluster.manifest,
    ed25519: nodeEd25519,
    linkSecretKey: cluster.linkSecretKeys[0] ?? new Uint8Array(),
  }
  webSocket.on('open', () => webSocket.send(new Dialler(context, 2).hello()))
  const reason = await new Promise<string>((resolve) => webSocket.on('close', (_code, words) => resolve(String(words))))
  assert.match(reason, /links of role “signer” are not served here/)
  assert.match(await stranger(address, undefined, { headers: { origin: 'http://evil.example' } }).ended, /HTTP 403/)
  assert.equal(node.links, [])
})

test('over TLS: the key of the handshake must be that of TLS, and a signer’s door stays shut', async () => {
  const { server, port } = await listenTls(cluster, 2)
  const address = `wss://127.0.0.1:${port}`
  const node = await startNode(cluster, 2, { server, addresses: [nobody, nobody, address], timing })
  const [own, other] = [Uint8Array.from(randomBytes(32)), Uint8Array.from(randomBytes(32))]
  const tls = (key: Uint8Array) => ({ ...linkCertificate(key), rejectUnauthorized: false })
  const url = `https://127.0.0.1:${port}`
  assert.match(await stranger(url, own, tls(other)).ended, /^4000 handshake refused: the TLS key is not that of the peer/)
  assert.match(await stranger(url, own, { ...tls(own), path: '/link' }).ended, /HTTP 403/)
  assert.match(await stranger(url, own, { rejectUnauthorized: false }).ended, /^1006/)
  assert.match(await stranger(url, own, tls(cluster.linkSecretKeys[0] ?? own)).ended, /HTTP 403/)
  assert.equal(node.links, [])
  await stranger(url, own, tls(own)).welcomed
  assert.equal(node.links, ['+3'])
})

test('messages of peers are small: what is larger, or holds too many frames, ends the link', async () => {
  const { node, address } = await target()
  const large = stranger(address)
  await large.welcomed
  large.webSocket.send(new Uint8Array(PEER_PACK.bytes + 1))
  assert.match(await large.ended, /^1009|^1006/)
  const crowded = stranger(address)
  await crowded.welcomed
  for (const message of pack(Array.from({ length: PEER_PACK.frames + 1 }, () => frame('x')))) crowded.webSocket.send(message)
  assert.match(await crowded.ended, /^4001 .*holds more than 16 frames/)
  assert.equal(node.received, [])
})

test('who reads nothing is not answered, and cut off when the feed has filled its queue; others and signers notice nothing', async () => {
  const { node, address } = await target()
  const slow = stranger(address)
  await slow.welcomed
  slow.webSocket.pause()
  const quick = stranger(address)
  await quick.welcomed
  send(slow, frame('before'))
  await until('the first question', () => texts(node, 3).length === 1)
  const feed = new Uint8Array(1024 * 1024)
  for (let i = 0; i < 30 && !node.links.includes('-3'); i++) {
    for (const peerNumber of [3, 4]) node.transport.send(peerNumber, feed)
    if (i === 4) send(slow, frame('unanswered'))
    await sleep(20)
  }
  assert.ok(node.links.includes('-3'), 'cut off')
  assert.equal(texts(node, 3), ['before'])
  await until('the quick one has it', () => quick.messages.reduce((sum, { length }) => sum + length, 0) >= 17 * feed.length)
  assert.not.ok(node.links.includes('-4'))
  assert.is(node.transport.metrics.droppedFull, 0, 'of what is for signers nothing was dropped')
})

test('floods of pings, of fragments and of questions: an honest peer beside them is answered', async () => {
  const { node, address } = await target()
  const floods = Array.from({ length: 6 }, () => stranger(address))
  await Promise.all(floods.map(({ welcomed }) => welcomed))
  let isOver = false
  const flooding = floods.map(async ({ webSocket }, i) => {
    while (!isOver && webSocket.readyState === webSocket.OPEN) {
      for (let j = 0; j < 200; j++) {
        if (i % 3 === 0) webSocket.ping()
        else if (i % 3 === 1) webSocket.send(pack([frame('?')], PEER_PACK)[0] ?? '')
        else webSocket.send(new Uint8Array(1), { fin: j % 100 === 99 })
      }
      await sleep(5)
    }
  })
  const honest = await peer([nobody, nobody, address], [2])
  await until('the honest link', () => honest.links.includes('+2'))
  for (let i = 0; i < 20; i++) {
    honest.transport.send(2, frame(`question ${i}`))
    await until(`question ${i}`, () => texts(node).includes(`question ${i}`))
  }
  isOver = true
  await Promise.all(flooding)
})

test.run()
