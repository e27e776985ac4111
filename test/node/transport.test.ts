/** The transport between honest signers, on real sockets: dialling, reconnecting, wires that are cut or silent. */
import { createServer as createTcpServer, type Socket, type Server as TcpServer, connect as tcpConnect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { createTransport } from '../../src/lib/node/transport.js'
import { until } from '../until.js'
import { listen, startMesh, startNode, stopAll, testCluster } from './mesh.js'
import { quick, transportCompliance } from './transport-compliance.js'

const test = suite('transport')

test.after.each(stopAll)
transportCompliance(test, () => ({}))

test('in each pair the smaller index dials, once', async () => {
  const { nodes } = await startMesh(testCluster(4))
  assert.equal(
    nodes.map(({ transport }) => transport.metrics.dials),
    [3, 2, 1, 0],
  )
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
  await until('the knock', () => a.transport.connected().length === 1, 1000)
  // It is gone, and dials fail: a waits.
  await late.transport.stop()
  await until('it to be gone', () => a.transport.connected().length === 0)
  const { dials } = a.transport.metrics
  await sleep(100)
  assert.is(a.transport.metrics.dials, dials)
  await startNode(cluster, 1, { server: second.server, addresses })
  await until('the second knock', () => a.transport.connected().length === 1, 1000)
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
  await until('a link', () => a.transport.connected().length === 1)
  await sleep(400)
  assert.equal(a.links, ['+1'], 'an idle link lives')
  between.silence()
  await until('both sides to notice', () => a.links.includes('-1') && b.links.includes('-0'), 1000)
  assert.ok(a.transport.metrics.dead + b.transport.metrics.dead >= 1)
  await until('a new link', () => a.transport.connected().length === 1 && b.transport.connected().length === 1)
  assert.ok(a.transport.metrics.reconnects >= 1)
  between.cut()
  await until('both sides to notice', () => a.links.at(-1) === '-1' && b.links.at(-1) === '-0', 100)
})

test('a reader that does not read: the queue stops at its cap, the newest frames are dropped, the order holds', async () => {
  const cluster = testCluster(2)
  const linkQueueBytes = 9 * 1024 * 1024
  const [first, second] = [await listen(), await listen()]
  const between = await wire(second.port)
  const addresses = [`http://127.0.0.1:${first.port}`, `http://127.0.0.1:${between.port}`]
  const a = await startNode(cluster, 0, { server: first.server, addresses, caps: { linkQueueBytes }, timing: { deadMs: 1500, pingMs: 100 } })
  const b = await startNode(cluster, 1, { server: second.server, addresses })
  await until('a link', () => a.transport.connected().length === 1)
  await until('a link', () => b.transport.connected().length === 1)
  between.silence()
  for (let i = 0; i < 60; i++) {
    a.transport.send(1, new Uint8Array(1_000_000).fill(i))
    await sleep(1)
  }
  const { droppedFull } = a.transport.metrics
  assert.ok(droppedFull > 30, `${droppedFull} dropped`)
  assert.ok(a.transport.queuedBytes(1) <= linkQueueBytes)
  assert.ok(a.transport.queuedBytes(1) > linkQueueBytes / 2)
  await until('the dead link', () => a.links.includes('-1'), 4000)
  assert.is(a.transport.queuedBytes(1), 0)
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
