/** The transport between honest signers, on real sockets: the mesh, order, reconnecting, caps. */
import { randomBytes } from 'node:crypto'
import { createServer as createTcpServer, type Socket, type Server as TcpServer, connect as tcpConnect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/lib/core/limits.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { createTransport } from '../../src/lib/node/transport.js'
import { frame, listen, startMesh, startNode, stopAll, testCluster, texts, until } from './mesh.js'

const test = suite('transport')
const quick = { handshakeMs: 500, pingMs: 50, deadMs: 200, probeMs: 100, backOffFirstMs: 10, backOffLastMs: 200 }

test.after.each(stopAll)

test('four signers make a mesh; each pair has one link, and frames name their sender', async () => {
  const { nodes } = await startMesh(testCluster(4))
  for (const [i, node] of nodes.entries()) {
    for (const [j] of nodes.entries()) if (j !== i) node.transport.send(j, frame(`${i} to ${j}`))
  }
  await until(() => nodes.every((node) => node.received.length === 3), 'all frames')
  for (const [i, node] of nodes.entries()) {
    for (const { from, frame: received } of node.received) assert.is(new TextDecoder().decode(received), `${from} to ${i}`)
    assert.equal(node.transport.metrics.connects, 3)
    assert.equal(node.transport.metrics.dials, 3 - i, 'the smaller index dials')
    assert.is(node.transport.metrics.disconnects, 0)
  }
})

test('frames of one turn leave in one message, in order; order holds on a link', async () => {
  const { nodes } = await startMesh(testCluster(2))
  const [a, b] = nodes
  assert.ok(a && b)
  for (let i = 0; i < 100; i++) a.transport.send(1, frame(String(i)))
  await until(() => b.received.length === 100, '100 frames')
  assert.is(a.transport.metrics.messagesOut, 1)
  assert.is(b.transport.metrics.messagesIn, 1)
  for (let i = 100; i < 1000; i++) {
    a.transport.send(1, new Uint8Array([...frame(`${i} `), ...randomBytes(i % 7 === 0 ? 100_000 : 10)]))
    if (i % 10 === 0) await sleep(0)
  }
  await until(() => b.received.length === 1000, '1000 frames')
  assert.equal(
    texts(b).map((text) => Number.parseInt(text, 10)),
    Array.from({ length: 1000 }, (_, i) => i),
  )
})

test('a frame of the largest size arrives; a larger or empty one is our own bug', async () => {
  const { nodes } = await startMesh(testCluster(2))
  const [a, b] = nodes
  assert.ok(a && b)
  const largest = Uint8Array.from(randomBytes(LIMITS.messageBytes))
  a.transport.send(1, largest)
  await until(() => b.received.length === 1, 'the frame')
  assert.ok(Buffer.from(b.received[0]?.frame ?? []).equals(largest))
  assert.throws(() => a.transport.send(1, new Uint8Array(LIMITS.messageBytes + 1)), /invariant/)
  assert.throws(() => a.transport.send(1, new Uint8Array(0)), /invariant/)
})

test('a frame to nobody, to oneself or to a stranger is dropped and counted', async () => {
  const { nodes } = await startMesh(testCluster(2))
  const [a] = nodes
  assert.ok(a)
  for (const to of [0, 2, -1]) a.transport.send(to, frame('x'))
  assert.is(a.transport.metrics.droppedUnconnected, 3)
})

test('a signer that stops and comes back is connected again, whichever side dials', async () => {
  const cluster = testCluster(3)
  const { nodes, addresses } = await startMesh(cluster, { timing: quick })
  for (const back of [0, 2]) {
    const node = nodes[back]
    assert.ok(node)
    await node.transport.stop()
    const others = nodes.filter((other) => other !== node)
    await until(() => others.every((other) => !other.transport.connected().includes(back)), 'links closed')
    assert.ok(others.every((other) => other.links.includes(`-${back}`)))
    const again = await startNode(cluster, back, { server: node.server, addresses, timing: quick })
    nodes[back] = again
    await until(() => nodes.every((each) => each.transport.connected().length === 2), 'the mesh again')
    again.transport.send(1, frame(`back ${back}`))
    await until(() => texts(nodes[1] ?? again, back).includes(`back ${back}`), 'a frame')
  }
})

test('a signer that comes up late is dialled at once, not after the back-off', async () => {
  const cluster = testCluster(2)
  const [first, second] = [await listen(), await listen()]
  const addresses = [first, second].map(({ port }) => `http://127.0.0.1:${port}`)
  const a = await startNode(cluster, 0, { server: first.server, addresses, timing: { backOffFirstMs: 60_000, backOffLastMs: 60_000 } })
  // It listens, but nothing answers upgrades yet: the dial hangs.
  await sleep(600)
  assert.equal(a.transport.connected(), [])
  const late = await startNode(cluster, 1, { server: second.server, addresses })
  await until(() => a.transport.connected().length === 1, 'the knock', 1000)
  // It is gone, and dials fail: a waits.
  await late.transport.stop()
  await until(() => a.transport.connected().length === 0, 'it to be gone')
  const { dials } = a.transport.metrics
  await sleep(100)
  assert.is(a.transport.metrics.dials, dials)
  await startNode(cluster, 1, { server: second.server, addresses })
  await until(() => a.transport.connected().length === 1, 'the second knock', 1000)
})

test('back-off doubles up to its limit', async () => {
  const cluster = testCluster(2)
  const { server, port } = await listen()
  const free = await listen()
  free.server.close()
  const addresses = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${free.port}`]
  const timing = { ...quick, backOffFirstMs: 20, backOffLastMs: 100 }
  const { transport } = await startNode(cluster, 0, { server, addresses, timing })
  await sleep(600)
  const { dials } = transport.metrics
  // 20, 40, 80, then 100 each, with jitter from half of it: 6 to 12 dials.
  assert.ok(dials >= 5 && dials <= 13, `${dials} dials`)
})

/** A wire between two signers that can be cut, or made to swallow everything, as a lost network does. */
async function wire(to: number): Promise<{ port: number; silence(): void; cut(): void }> {
  const sockets = new Set<Socket>()
  const server: TcpServer = createTcpServer((near) => {
    const far = tcpConnect(to, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    silence() {
      for (const socket of sockets) socket.unpipe()
    },
    cut() {
      for (const socket of sockets) socket.destroy()
      sockets.clear()
      server.close()
    },
  }
}

test('a cut link is found at once, a silent one by pings; both are dialled again', async () => {
  const cluster = testCluster(2)
  const [first, second] = [await listen(), await listen()]
  const between = await wire(second.port)
  const addresses = [`http://127.0.0.1:${first.port}`, `http://127.0.0.1:${between.port}`]
  const a = await startNode(cluster, 0, { server: first.server, addresses, timing: quick })
  const b = await startNode(cluster, 1, { server: second.server, addresses, timing: quick })
  await until(() => a.transport.connected().length === 1, 'a link')
  await sleep(400)
  assert.equal(a.links, ['+1'], 'an idle link lives')
  between.silence()
  await until(() => a.links.includes('-1') && b.links.includes('-0'), 'both sides to notice', 1000)
  assert.ok(a.transport.metrics.dead + b.transport.metrics.dead >= 1)
  await until(() => a.transport.connected().length === 1 && b.transport.connected().length === 1, 'a new link')
  assert.ok(a.transport.metrics.reconnects >= 1)
  between.cut()
  await until(() => a.links.at(-1) === '-1' && b.links.at(-1) === '-0', 'both sides to notice', 100)
})

test('a reader that does not read: the queue stops at its cap, the newest frames are dropped, the order holds', async () => {
  const cluster = testCluster(2)
  const linkQueueBytes = 9 * 1024 * 1024
  const [first, second] = [await listen(), await listen()]
  const between = await wire(second.port)
  const addresses = [`http://127.0.0.1:${first.port}`, `http://127.0.0.1:${between.port}`]
  const a = await startNode(cluster, 0, { server: first.server, addresses, caps: { linkQueueBytes }, timing: { deadMs: 1500, pingMs: 100 } })
  const b = await startNode(cluster, 1, { server: second.server, addresses })
  await until(() => a.transport.connected().length === 1, 'a link')
  await until(() => b.transport.connected().length === 1, 'a link')
  between.silence()
  for (let i = 0; i < 60; i++) {
    a.transport.send(1, new Uint8Array(1_000_000).fill(i))
    await sleep(1)
  }
  const { droppedFull } = a.transport.metrics
  assert.ok(droppedFull > 30, `${droppedFull} dropped`)
  assert.ok(a.transport.queuedBytes(1) <= linkQueueBytes)
  assert.ok(a.transport.queuedBytes(1) > linkQueueBytes / 2)
  await until(() => a.links.includes('-1'), 'the dead link', 4000)
  assert.is(a.transport.queuedBytes(1), 0)
})

test('the cap over all links holds, and a queue that empties takes frames again', async () => {
  const { nodes } = await startMesh(testCluster(3), { caps: { totalQueueBytes: 1_000_000 } })
  const [a, b, c] = nodes
  assert.ok(a && b && c)
  for (let i = 0; i < 20; i++) a.transport.send(1 + (i % 2), new Uint8Array(100_000).fill(1 + i))
  assert.is(a.transport.metrics.droppedFull, 11)
  await until(() => b.received.length + c.received.length === 9, 'those that fitted')
  await until(() => a.transport.queuedBytes(1) + a.transport.queuedBytes(2) === 0, 'empty queues')
  a.transport.send(1, frame('again'))
  await until(() => texts(b).includes('again'), 'the next frame')
})

test('stop closes all links, tells the others, and nothing more is handed up', async () => {
  const { nodes } = await startMesh(testCluster(3))
  const [a, b, c] = nodes
  assert.ok(a && b && c)
  await a.transport.stop()
  await a.transport.stop()
  await until(() => b.links.includes('-0') && c.links.includes('-0'), 'the others to notice')
  assert.equal(a.transport.connected(), [])
  assert.equal(a.links.sort(), ['+1', '+2'])
  a.transport.send(1, frame('x'))
  assert.is(a.transport.metrics.droppedUnconnected, 1)
})

test('addresses that are not on this machine, and foreign link keys, are refused', () => {
  const { manifest, linkSecretKeys } = testCluster(2)
  const make = (address: string, key = linkSecretKeys[0] ?? new Uint8Array(32)) =>
    createTransport({ self: 0, manifest, crypto: { ed25519: nodeEd25519 }, linkSecretKey: key, addresses: ['http://127.0.0.1:1', address] })
  for (const good of ['http://127.0.0.1:7000', 'http://localhost:7000/', 'http://[::1]:7000']) make(good)
  for (const [bad, words] of [
    ['http://10.0.0.1:7000', /address of signer 1 .*not on this machine/],
    ['http://example.org:7000', /not on this machine/],
    ['http://127.0.0.1.example.org:7000', /not on this machine/],
    ['http://0.0.0.0:7000', /not on this machine/],
    ['https://127.0.0.1:7000', /not of the form/],
    ['ws://127.0.0.1:7000', /not of the form/],
    ['http://me:pw@127.0.0.1:7000', /not of the form/],
    ['http://127.0.0.1:7000/other', /not of the form/],
    ['127.0.0.1:7000', /no URL|not of the form/],
    ['', /no URL/],
  ] as const) {
    try {
      make(bad)
      assert.unreachable(bad)
    } catch (error) {
      assert.is((error as { code?: string }).code, 'BAD_INPUT', bad)
      assert.match((error as Error).message, words)
    }
  }
  assert.throws(() => make('http://127.0.0.1:1', linkSecretKeys[1]), /not that of signer 0/)
})

test.run()
