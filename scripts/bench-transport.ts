/**
 * Measures the transport between two signers on this machine: how long a mesh takes to form, the round trip of a frame, and frames and bytes a second for
 * one frame a turn and for many. `node --import tsx scripts/bench-transport.ts [SIGNERS [local]]`; both ends share one process, so two processes do better.
 * With `local` the frames stay in memory, as between signers that share a process.
 */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toHex } from '../src/lib/base/bytes.js'
import { SeededRandom } from '../src/lib/base/prng.js'
import { fake } from '../src/lib/bls/fake.js'
import { LOCAL_TIMING, makeManifest, signerEntry } from '../src/lib/core/manifest.js'
import { nodeEd25519 } from '../src/lib/node/ed25519.js'
import { LocalLinks } from '../src/lib/node/local-links.js'
import type { TransportHandlers } from '../src/lib/node/ports.js'
import { createTransport } from '../src/lib/node/transport.js'

const n = Number(process.argv[2] ?? 31)
const crypto = { bls: fake, ed25519: nodeEd25519 }
const random = new SeededRandom('bench-transport')
const secrets = Array.from({ length: n }, () => ({ bls: Uint8Array.from([1, ...random.bytes(31)]), link: random.bytes(32) }))
const manifest = makeManifest({
  name: 'bench',
  epoch: 0,
  tolerance: { a: 1, b: 2 },
  deltaMs: 0,
  machine: 'ledger',
  test: true,
  tree: { strategy: 'random', fanout: 2 },
  window: 4,
  timing: LOCAL_TIMING,
  signers: secrets.map(({ bls, link }, i) => signerEntry(crypto, bls, link, `s${i}`)),
})
const linkSecretKeys = new Map(secrets.map(({ link }, i) => [`s${i}`, link]))

const servers = await Promise.all(
  manifest.signers.map(async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return server
  }),
)
const addresses = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
const local = process.argv[3] === 'local' ? new LocalLinks(manifest.signers.map(({ publicKey }) => toHex(publicKey))) : undefined
const transports = servers.map((server, self) => {
  const linkSecretKey = linkSecretKeys.get(manifest.signers[self]?.name ?? '') ?? new Uint8Array(32)
  return createTransport({ self, manifest, crypto, linkSecretKey, addresses, server, local })
})
const [first, second] = transports
if (!first || !second) throw new Error('two signers or more')

let wanted = n * (n - 1)
let arrived: (() => void) | undefined
const started = performance.now()
await new Promise<void>((meshed) => {
  transports.forEach((transport, self) => {
    const handlers: TransportHandlers = {
      message(from, frame) {
        if (self === 1 && frame.length === 300) transport.send(from, frame)
        else arrived?.()
      },
      connected() {
        if (--wanted === 0) meshed()
      },
      disconnected() {},
    }
    void transport.start(handlers)
  })
})
console.log(`mesh of ${n} in one process: ${Math.round(performance.now() - started)} ms for ${(n * (n - 1)) / 2} links`)

const trips: number[] = []
for (let i = 0; i < 3000; i++) {
  const sent = performance.now()
  await new Promise<void>((back) => {
    arrived = back
    first.send(1, new Uint8Array(300))
  })
  trips.push(performance.now() - sent)
}
trips.sort((a, b) => a - b)
console.log(`round trip of 300 B: p50 ${trips[1500]?.toFixed(3)} ms   p99 ${trips[2970]?.toFixed(3)} ms`)

for (const [bytes, aTurn, total] of [
  [1000, 1, 30_000],
  [1000, 50, 200_000],
  [30_000, 1, 20_000],
] as const) {
  let left = total
  const from = performance.now()
  await new Promise<void>((done) => {
    arrived = () => {
      if (--left === 0) done()
    }
    let sent = 0
    const turn = (): void => {
      if (sent >= total) return
      // As a driver would: no more is put in while the queue is long.
      if (first.queuedBytes(1) < 4_000_000) for (let i = 0; i < aTurn; i++, sent++) first.send(1, new Uint8Array(bytes))
      setImmediate(turn)
    }
    turn()
  })
  const seconds = (performance.now() - from) / 1000
  const rate = `${Math.round(total / seconds)} frames/s, ${Math.round((total * bytes) / seconds / 1e6)} MB/s`
  console.log(`${bytes} B, ${aTurn} a turn: ${rate}`)
}

for (const transport of transports) await transport.stop()
for (const server of servers) server.close()
