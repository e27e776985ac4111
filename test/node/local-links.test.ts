/** Links in memory between signers of one process, alone and beside links on sockets. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/lib/base/bytes.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { LocalLinks, type LocalMember } from '../../src/lib/node/local-links.js'
import { createTransport } from '../../src/lib/node/transport.js'
import { until } from '../until.js'
import { frame, listen, startNode, stopAll, type TestCluster, testCluster } from './mesh.js'
import { quick, transportCompliance } from './transport-compliance.js'

const test = suite('links within a process')

/** Those of these signers' public keys, by which a process knows its own. */
const keysOf = ({ manifest }: TestCluster, signers: readonly number[]) =>
  signers.map((i) => toHex(manifest.signers[i]?.publicKey ?? new Uint8Array()))

test.after.each(stopAll)
transportCompliance(test, (n) => ({ local: new LocalLinks(keysOf(testCluster(n), [...Array(n).keys()])) }))

test('two processes of two signers: in memory within, on sockets between; frames of all pairs arrive', async () => {
  const cluster = testCluster(4)
  const processes = [new LocalLinks(keysOf(cluster, [0, 2])), new LocalLinks(keysOf(cluster, [1, 3]))] as const
  const listening = await Promise.all([0, 1, 2, 3].map(() => listen()))
  const addresses = listening.map(({ port }) => `http://127.0.0.1:${port}`)
  const nodes = await Promise.all(
    listening.map(({ server }, i) => startNode(cluster, i, { server, addresses, timing: quick, local: processes[i % 2 === 0 ? 0 : 1] })),
  )
  await until('a full mesh', () => nodes.every((node) => node.transport.connected().length === 3))
  assert.equal(
    nodes.map(({ transport }) => transport.metrics.dials),
    [2, 1, 1, 0],
    'who is in the same process is not dialled',
  )
  for (const [i, node] of nodes.entries()) for (const j of [0, 1, 2, 3]) if (i !== j) node.transport.send(j, frame(`${i} to ${j}`))
  await until('all frames', () => nodes.every((node) => node.received.length === 3))
  for (const [i, node] of nodes.entries()) {
    for (const { from, frame: received } of node.received) assert.is(new TextDecoder().decode(received), `${from} to ${i}`)
    assert.is(node.links.length, 3, 'each link once')
  }
})

test('an answer given while a frame is handed up arrives after this turn, so that nobody is called while at work', async () => {
  const cluster = testCluster(2)
  const local = new LocalLinks(keysOf(cluster, [0, 1]))
  const addresses = ['http://127.0.0.1:1', 'http://127.0.0.1:2']
  const transports = cluster.linkSecretKeys.map((linkSecretKey, self) =>
    createTransport({ self, manifest: cluster.manifest, crypto: { ed25519: nodeEd25519 }, linkSecretKey, addresses, local }),
  )
  let depth = 0
  let deepest = 0
  let frames = 0
  const busy = (work: () => void) => {
    deepest = Math.max(deepest, ++depth)
    work()
    depth--
  }
  for (const [self, transport] of transports.entries()) {
    const reply = () => busy(() => frames++ < 100 && transport.send(1 - self, frame('again')))
    await transport.start({ message: reply, connected: reply, disconnected() {} })
  }
  await until('the rally', () => frames > 100)
  assert.is(deepest, 1)
  for (const transport of transports) await transport.stop()
})

test('no connection speaks for a signer of the same process, though it has its key', async () => {
  const cluster = testCluster(2)
  const local = new LocalLinks(keysOf(cluster, [0, 1]))
  const [inside, outside] = [await listen(), await listen()]
  const addresses = [outside, inside].map(({ port }) => `http://127.0.0.1:${port}`)
  const signer = await startNode(cluster, 1, { server: inside.server, addresses, timing: quick, local })
  const other = await startNode(cluster, 0, { server: outside.server, addresses, timing: quick })
  await until('the refusals', () => signer.transport.metrics.refused >= 2)
  assert.equal(signer.links, [])
  assert.equal(other.links, [])
})

test('a signer that was not expected, or is there already, does not join', async () => {
  const member: LocalMember = { key: 'b', knows: () => true, open() {} }
  const local = new LocalLinks(['a', 'b'])
  local.join(member)
  try {
    local.join({ ...member })
    assert.unreachable()
  } catch (error) {
    assert.is((error as { code?: string }).code, 'BUSY')
  }
  assert.throws(() => local.join({ ...member, key: 'c' }), /invariant|not expected/)
})

test('who is no signer for the other in its epoch is not linked to it', async () => {
  const local = new LocalLinks(['a', 'b', 'c'])
  const opened: string[] = []
  const member = (own: string, known: string[]): LocalMember => ({
    key: own,
    knows: (key) => known.includes(key),
    open: (key) => void opened.push(`${own}-${key}`),
  })
  for (const one of [member('a', ['b']), member('b', ['a', 'c']), member('c', ['a', 'b'])]) local.join(one)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(opened.sort(), ['a-b', 'b-a', 'b-c', 'c-b'])
})

test('who stops in the turn in which it started is linked to nobody', async () => {
  const local = new LocalLinks(['a', 'b'])
  const opened: string[] = []
  const member = (own: string): LocalMember => ({ key: own, knows: () => true, open: (key) => void opened.push(`${own}-${key}`) })
  const [a, b] = [member('a'), member('b')]
  local.join(a)
  local.join(b)
  local.leave(b)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(opened, [])
})

test.run()
