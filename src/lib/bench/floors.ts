/**
 * What this machine can do at best, measured beside the benchmark: the cost of what no signer can do without. A figure of a cluster means little without it, for
 * machines differ and drift.
 */
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { WebSocket, WebSocketServer } from 'ws'
import { loadCrypto } from '../node/crypto.js'

/** Milliseconds of one core each, medians. */
export interface Floors {
  cores: number
  bls: string
  blsSignMs: number
  blsVerifyMs: number
  ed25519VerifyMs: number
  /** 64 KiB. */
  sha256Ms: number
  /** One small message there and back on a local WebSocket, both ends in one process. */
  roundTripMs: number
  /** 4 KiB at the end of a file, on the disk. */
  durableWriteMs: number
}

const ROUNDS = 40

/** Measures; takes about a second with native signatures. `folder`: where the cluster's stores are, for its disk. */
export async function measureFloors(folder: string): Promise<Floors> {
  const { bls, ed25519 } = loadCrypto()
  const [secretKey, seed] = [Uint8Array.from([1, ...randomBytes(31)]), Uint8Array.from(randomBytes(32))]
  const publicKey = bls.publicKey(secretKey)
  const owner = ed25519.publicKey(seed)
  const message = (i: number) => createHash('sha256').update(String(i)).digest()
  const block = randomBytes(64 * 1024)
  return {
    cores: availableParallelism(),
    bls: bls.name,
    blsSignMs: medianOf((i) => bls.sign(secretKey, message(i))),
    blsVerifyMs: medianOf(
      (i) => ({ message: message(i), signature: bls.sign(secretKey, message(i)) }),
      ({ message, signature }) => bls.verify([{ message, publicKeys: [publicKey] }], signature),
    ),
    ed25519VerifyMs: medianOf(
      (i) => ({ message: message(i), signature: ed25519.sign(seed, message(i)) }),
      ({ message, signature }) => ed25519.verify(owner, message, signature),
    ),
    sha256Ms: medianOf(() => createHash('sha256').update(block).digest()),
    roundTripMs: await roundTrip(),
    durableWriteMs: durableWrite(folder),
  }
}

/** Of a work, or of the work with what was made for it before. */
function medianOf<T>(make: (i: number) => T, work?: (made: T) => unknown): number {
  const times = Array.from({ length: ROUNDS }, (_, i) => {
    const made = work && make(i)
    const begun = performance.now()
    if (work) work(made as T)
    else make(i)
    return performance.now() - begun
  })
  return median(times)
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0
}

function durableWrite(folder: string): number {
  const file = join(folder, `.floor-${process.pid}`)
  const descriptor = openSync(file, 'w', 0o600)
  const block = randomBytes(4096)
  try {
    return medianOf(() => {
      writeSync(descriptor, block)
      fdatasyncSync(descriptor)
    })
  } finally {
    closeSync(descriptor)
    rmSync(file)
  }
}

async function roundTrip(): Promise<number> {
  const server = createServer()
  const sockets = new WebSocketServer({ server, perMessageDeflate: false })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  try {
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const times: number[] = []
    for (let i = 0; i < 5 * ROUNDS; i++) {
      const begun = performance.now()
      const back = new Promise((resolve) => socket.once('message', resolve))
      socket.send('floor')
      await back
      times.push(performance.now() - begun)
    }
    return median(times)
  } finally {
    socket.terminate()
    sockets.close()
    server.close()
  }
}
