/** What every transport must do, whatever carries the frames of its links. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/lib/core/limits.js'
import { until } from '../until.js'
import { frame, type MeshOptions, startMesh, startNode, type TestCluster, type TestNode, testCluster, texts } from './mesh.js'

export const quick = { handshakeMs: 500, pingMs: 50, deadMs: 200, probeMs: 100, backOffFirstMs: 10, backOffLastMs: 200 }

interface TestMesh {
  cluster: TestCluster
  nodes: TestNode[]
  addresses: string[]
  options: MeshOptions
}

/** `linked`: what makes the transports of `n` signers link in the way that is tested. */
export function transportCompliance(test: Test, linked: (n: number) => MeshOptions): void {
  const mesh = async (n: number, also: MeshOptions = {}): Promise<TestMesh> => {
    const cluster = testCluster(n)
    const options = { ...linked(n), ...also }
    return { cluster, options, ...(await startMesh(cluster, options)) }
  }

  test('four signers make a mesh; each pair has one link, and frames name their sender', async () => {
    const { nodes } = await mesh(4)
    for (const [i, node] of nodes.entries()) {
      for (const [j] of nodes.entries()) if (j !== i) node.transport.send(j, frame(`${i} to ${j}`))
    }
    await until('all frames', () => nodes.every((node) => node.received.length === 3))
    for (const [i, node] of nodes.entries()) {
      for (const { from, frame: received } of node.received) assert.is(new TextDecoder().decode(received), `${from} to ${i}`)
      assert.equal(node.transport.metrics.connects, 3)
      assert.is(node.transport.metrics.disconnects, 0)
    }
  })

  test('frames of one turn leave in one message, in order; order holds on a link', async () => {
    const { nodes } = await mesh(2)
    const [a, b] = nodes
    assert.ok(a && b)
    for (let i = 0; i < 100; i++) a.transport.send(1, frame(String(i)))
    await until('100 frames', () => b.received.length === 100)
    assert.is(a.transport.metrics.messagesOut, 1)
    assert.is(b.transport.metrics.messagesIn, 1)
    for (let i = 100; i < 1000; i++) {
      a.transport.send(1, new Uint8Array([...frame(`${i} `), ...randomBytes(i % 7 === 0 ? 100_000 : 10)]))
      if (i % 10 === 0) await sleep(0)
    }
    await until('1000 frames', () => b.received.length === 1000)
    assert.equal(
      texts(b).map((text) => Number.parseInt(text, 10)),
      Array.from({ length: 1000 }, (_, i) => i),
    )
  })

  test('a link that is cut: both owners hear that it is gone, nothing passes, and all is as before once it is whole', async () => {
    const { nodes } = await mesh(3)
    const [a, b, c] = nodes
    assert.ok(a && b && c)
    const cut = (signer: number) => [{ signer, cut: true, delayMs: 0, lossPerMille: 0 }]
    a.transport.setFaults(cut(1))
    assert.equal(a.transport.connected(), [2])
    assert.equal(await a.transport.answering(1000), [2])
    assert.equal(a.links.at(-1), '-1')
    a.transport.send(1, frame('into the void'))
    // This one does not know yet: what it sends is not heard.
    b.transport.send(0, frame('unheard'))
    b.transport.send(2, frame('to the third'))
    await until('the frame to the third', () => c.received.length === 1)
    await until('both lost frames', () => a.transport.metrics.droppedFaulty === 2)
    b.transport.setFaults(cut(0))
    assert.equal(b.links.at(-1), '-0')
    for (const node of [a, b]) node.transport.setFaults([])
    assert.equal([a.links.at(-1), b.links.at(-1)], ['+1', '+0'])
    a.transport.send(1, frame('again'))
    b.transport.send(0, frame('again'))
    await until('frames both ways', () => texts(a, 1).length > 0 && texts(b, 0).length > 0)
    assert.equal([texts(a, 1), texts(b, 0)], [['again'], ['again']])
  })

  test('who is cut off from the start hears of no link, and of one once it is whole', async () => {
    const cluster = testCluster(2)
    const options = { ...linked(2) }
    const { nodes, addresses } = await startMesh(cluster, options)
    const [a, b] = nodes
    assert.ok(a && b)
    a.transport.setFaults([{ signer: 1, cut: true, delayMs: 0, lossPerMille: 0 }])
    await b.transport.stop()
    await until('the link to close', () => a.transport.metrics.disconnects === 1)
    const again = await startNode(cluster, 1, { ...options, server: b.server, addresses })
    await until('the link at both ends', () => again.links.length > 0 && a.transport.metrics.connects === 2)
    assert.equal(a.links, ['+1', '-1'], 'neither the end of the hidden link nor the new one is told')
    assert.equal(a.transport.connected(), [])
    a.transport.setFaults([])
    assert.equal(a.links, ['+1', '-1', '+1'])
  })

  test('a late link: frames arrive later, in order, and only its own', async () => {
    const { nodes } = await mesh(2)
    const [a, b] = nodes
    assert.ok(a && b)
    a.transport.setFaults([{ signer: 1, cut: false, delayMs: 80, lossPerMille: 0 }])
    const begun = performance.now()
    for (let i = 0; i < 20; i++) a.transport.send(1, frame(String(i)))
    b.transport.send(0, frame('at once'))
    await until('the way back', () => a.received.length === 1)
    assert.equal(b.received, [])
    await until('late frames', () => b.received.length === 20)
    assert.ok(performance.now() - begun >= 79)
    assert.equal(
      texts(b),
      Array.from({ length: 20 }, (_, i) => String(i)),
    )
  })

  test('a frame of the largest size arrives; a larger or empty one is our own bug', async () => {
    const { nodes } = await mesh(2)
    const [a, b] = nodes
    assert.ok(a && b)
    const largest = Uint8Array.from(randomBytes(LIMITS.messageBytes))
    a.transport.send(1, largest)
    await until('the frame', () => b.received.length === 1)
    assert.ok(Buffer.from(b.received[0]?.frame ?? []).equals(largest))
    assert.throws(() => a.transport.send(1, new Uint8Array(LIMITS.messageBytes + 1)), /invariant/)
    assert.throws(() => a.transport.send(1, new Uint8Array(0)), /invariant/)
  })

  test('a frame to nobody or to oneself is dropped and counted, one to a peer that is gone is dropped', async () => {
    const { nodes } = await mesh(2)
    const [a] = nodes
    assert.ok(a)
    for (const to of [0, 2, -1]) a.transport.send(to, frame('x'))
    assert.is(a.transport.metrics.droppedUnconnected, 2)
  })

  test('a signer that stops and comes back is connected again, whichever side dials', async () => {
    const { cluster, nodes, addresses, options } = await mesh(3, { timing: quick })
    for (const back of [0, 2]) {
      const node = nodes[back]
      assert.ok(node)
      await node.transport.stop()
      const others = nodes.filter((other) => other !== node)
      await until('links closed', () => others.every((other) => !other.transport.connected().includes(back)))
      assert.ok(others.every((other) => other.links.includes(`-${back}`)))
      const again = await startNode(cluster, back, { ...options, server: node.server, addresses })
      nodes[back] = again
      await until('the mesh again', () => nodes.every((each) => each.transport.connected().length === 2))
      again.transport.send(1, frame(`back ${back}`))
      await until('a frame', () => texts(nodes[1] ?? again, back).includes(`back ${back}`))
    }
  })

  test('the cap over all links holds, and a queue that empties takes frames again', async () => {
    const { nodes } = await mesh(3, { caps: { totalQueueBytes: 1_000_000 } })
    const [a, b, c] = nodes
    assert.ok(a && b && c)
    for (let i = 0; i < 20; i++) a.transport.send(1 + (i % 2), new Uint8Array(100_000).fill(1 + i))
    assert.is(a.transport.metrics.droppedFull, 11)
    await until('those that fitted', () => b.received.length + c.received.length === 9)
    await until('empty queues', () => a.transport.queuedBytes(1) + a.transport.queuedBytes(2) === 0)
    a.transport.send(1, frame('again'))
    await until('the next frame', () => texts(b).includes('again'))
  })

  test('stop closes all links, tells the others, and nothing more is handed up', async () => {
    const { nodes } = await mesh(3)
    const [a, b, c] = nodes
    assert.ok(a && b && c)
    await a.transport.stop()
    await a.transport.stop()
    await until('the others to notice', () => b.links.includes('-0') && c.links.includes('-0'))
    assert.equal(a.transport.connected(), [])
    assert.equal(a.links.sort(), ['+1', '+2'])
    a.transport.send(1, frame('x'))
    assert.is(a.transport.metrics.droppedUnconnected, 1)
  })

  test('a frame belongs to whom it reached: what becomes of the sender’s bytes, or of another receiver’s, does not show', async () => {
    const { nodes } = await mesh(3)
    const [a, b, c] = nodes
    assert.ok(a && b && c)
    const sent = frame('as sent')
    for (const to of [1, 2]) a.transport.send(to, sent)
    await until('the frame', () => b.received.length === 1 && c.received.length === 1)
    sent.fill(0)
    b.received[0]?.frame.fill(0)
    assert.equal(texts(c), ['as sent'])
  })

  test('nothing is handed up while a frame is sent', async () => {
    const { nodes } = await mesh(2)
    const [a, b] = nodes
    assert.ok(a && b)
    a.transport.send(1, frame('later'))
    assert.equal(b.received, [])
    await Promise.resolve()
    assert.equal(b.received, [])
    await until('the frame', () => b.received.length === 1)
  })

  test('what was sent before a stop arrives, and then the link is closed', async () => {
    const { nodes } = await mesh(2)
    const [a, b] = nodes
    assert.ok(a && b)
    a.transport.send(1, frame('last words'))
    // As a driver stops: what was queued has left by the end of the turn.
    await Promise.resolve()
    await a.transport.stop()
    await until('the end of the link', () => b.links.includes('-0'))
    assert.equal(texts(b), ['last words'])
    assert.is(a.transport.queuedBytes(1), 0)
  })
}
