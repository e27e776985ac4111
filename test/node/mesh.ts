/** Signers with real sockets in one process, for the tests of the transport. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { fake } from '../../src/lib/bls/fake.js'
import { LOCAL_TIMING, type Manifest, makeManifest, signerEntry } from '../../src/lib/core/manifest.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { createLinkServer, type LinkServer } from '../../src/lib/node/link-tls.js'
import { createTransport, type LinkTransport } from '../../src/lib/node/transport.js'
import type { TransportOptions } from '../../src/lib/node/transport-options.js'
import { until } from '../until.js'

export interface TestCluster {
  manifest: Manifest
  /** By index in the manifest. */
  linkSecretKeys: Uint8Array[]
}

/** A manifest of `n` signers with their link keys; `name` makes it another cluster. */
export function testCluster(n: number, name = 'test'): TestCluster {
  const random = new SeededRandom(7)
  const crypto = { bls: fake, ed25519: nodeEd25519 }
  const secrets = Array.from({ length: n }, () => ({ bls: secretKey(random), link: random.bytes(32) }))
  const entries = secrets.map(({ bls, link }, i) => ({ link, entry: signerEntry(crypto, bls, link, `s${i}`) }))
  const manifest = makeManifest({
    name,
    epoch: 0,
    tolerance: { a: 1, b: 2 },
    deltaMs: 0,
    machine: 'ledger',
    test: true,
    tree: { strategy: 'random', fanout: 2 },
    window: 4,
    timing: LOCAL_TIMING,
    signers: entries.map(({ entry }) => entry),
  })
  const linkSecretKeys = manifest.signers.map((signer) => entries.find(({ entry }) => entry.name === signer.name)?.link ?? new Uint8Array(32))
  return { manifest, linkSecretKeys }
}

function secretKey(random: SeededRandom): Uint8Array {
  const key = random.bytes(32)
  key[0] = 1
  return key
}

/** One signer: its server, its transport and what the transport told. */
export interface TestNode {
  server: Server | LinkServer
  transport: LinkTransport
  received: { from: number; frame: Uint8Array }[]
  /** `+2`, `-2`, … as links to signer 2 came and went. */
  links: string[]
}

const running: { stop(): Promise<void> }[] = []

export async function listen(port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer()
  return { server, port: await listenAt(server, port, '127.0.0.1') }
}

/** As `listen`, for links over TLS of signer `self`. */
export async function listenTls(
  { manifest, linkSecretKeys }: TestCluster,
  self: number,
  { host = '127.0.0.1', ...options }: { host?: string; handshakeMs?: number; handshakes?: number } = {},
): Promise<{ server: LinkServer; port: number }> {
  const server = createLinkServer({ self, manifest, linkSecretKey: linkSecretKeys[self] ?? new Uint8Array(32), ...options })
  return { server, port: await listenAt(server, 0, host) }
}

async function listenAt(server: Server | LinkServer, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  running.push({
    async stop() {
      server.closeAllConnections()
      server.close()
    },
  })
  return (server.address() as AddressInfo).port
}

export type NodeOptions = Partial<Omit<TransportOptions, 'self' | 'server'>> & { server: Server | LinkServer; addresses: readonly string[] }

export type MeshOptions = Partial<NodeOptions> & { tlsHost?: string }

/** Starts a signer of a cluster on a server that listens already. */
export async function startNode(cluster: TestCluster, self: number, options: NodeOptions): Promise<TestNode> {
  const { manifest, linkSecretKeys } = cluster
  const linkSecretKey = linkSecretKeys[self] ?? new Uint8Array(32)
  const transport = createTransport({ self, manifest, crypto: { ed25519: nodeEd25519 }, linkSecretKey, ...options })
  const node: TestNode = { server: options.server, transport, received: [], links: [] }
  running.push(transport)
  await transport.start({
    message: (from, frame) => node.received.push({ from, frame }),
    connected: (signer) => node.links.push(`+${signer}`),
    disconnected: (signer) => node.links.push(`-${signer}`),
  })
  return node
}

/** A full mesh, links open; `tlsHost`: over TLS, listening there. */
export async function startMesh(
  cluster: TestCluster,
  { tlsHost, ...options }: MeshOptions = {},
): Promise<{ nodes: TestNode[]; addresses: string[] }> {
  const host = tlsHost ?? '127.0.0.1'
  const listening = await Promise.all(cluster.manifest.signers.map((_, i) => (tlsHost ? listenTls(cluster, i, { host }) : listen())))
  const addresses = listening.map(({ port }) => `${tlsHost ? 'wss' : 'http'}://${host}:${port}`)
  const nodes = await Promise.all(listening.map(({ server }, i) => startNode(cluster, i, { ...options, server, addresses })))
  const others = nodes.length - 1
  await until('a full mesh', () => nodes.every((node) => node.transport.connected().length === others))
  return { nodes, addresses }
}

/** Stops all that was started. */
export async function stopAll(): Promise<void> {
  for (const each of running.splice(0).reverse()) await each.stop()
}

export function frame(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function texts(node: TestNode, from?: number): string[] {
  const wanted = node.received.filter((each) => from === undefined || each.from === from)
  return wanted.map((each) => new TextDecoder().decode(each.frame))
}
