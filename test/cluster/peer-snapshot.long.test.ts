// time limit: 600 s
/**
 * A peer that begins from a snapshot, as processes: signers that all prune, under load too; kill -9 while it asks, fetches, compares and when it has just begun;
 * and one signer that lies about its state or its snapshot, whom it asks first.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Client } from '../../src/lib/node/client.js'
import type { PeerStatusAnswer } from '../../src/lib/node/peer-status.js'
import { bundleSigner } from '../node/bundle-signer.js'
import { type ClusterFiles, clusterFiles, freePorts, putDocument, TOKEN } from '../node/cluster-fixture.js'
import { until } from '../until.js'

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
const BUNDLES = fileURLToPath(new URL('../../node_modules/.cache/lying-signer', import.meta.url))
/** Three must say the same: as many as there are beside the liar. */
const N = 4
const LIAR = 3
const EVERY = 10
/** What makes a snapshot take several parts. */
const CONTENT = 'x'.repeat(100_000)

let files: ClusterFiles
let client: Client
let made = 0
const processes = new Set<ChildProcess>()
const signers: ChildProcess[] = []

function run(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  processes.add(child)
  child.on('close', () => processes.delete(child))
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill(signal)
  await ended
}

function startSigner(index: number, lie?: string): void {
  const config = files.configs[index]
  assert.ok(config)
  const pack = join(files.folder, `pack-${index}.json`)
  writeFileSync(pack, JSON.stringify([{ ...config, snapshotEvery: EVERY }]), { mode: 0o600 })
  const entry = lie === undefined ? [BIN, 'signer', 'start', '--pack', pack] : [join(BUNDLES, 'signer.js'), '--pack', pack, '--lie', lie]
  const child = run(entry)
  child.stdout?.resume()
  signers[index] = child
}

async function put(name: string, to: number): Promise<void> {
  const { receipt } = await client.submit(putDocument(files.manifest, name, { made: made++, text: name.startsWith('large') ? CONTENT : '' }), {
    to,
    timeoutMs: 60_000,
  })
  assert.is(receipt?.ok, true)
}

/** A peer's process, with what its log says. */
class Peer {
  readonly child: ChildProcess
  readonly lines: Record<string, unknown>[] = []
  readonly #url: string
  #rest = ''

  constructor(port: number, name: string, heard: (line: Record<string, unknown>, peer: Peer) => void = () => {}) {
    const [config] = files.configs
    assert.ok(config)
    this.#url = `http://127.0.0.1:${port}`
    const from = ['--manifest', config.manifest, '--addresses', config.addresses, '--store', join(files.folder, name), '--api', this.#url]
    this.child = run([BIN, 'peer', 'start', ...from, '--from-snapshot', '--follow', '3,0,1,2'])
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) {
        const read = JSON.parse(line) as Record<string, unknown>
        this.lines.push(read)
        heard(read, this)
      }
    })
  }

  /** What it says of itself; undefined while it does not answer. */
  async status(): Promise<PeerStatusAnswer | undefined> {
    try {
      return (await (await fetch(new URL('/api/status', this.#url))).json()) as PeerStatusAnswer
    } catch {
      return undefined
    }
  }

  /** Waits until it has what signer 0 has, and both are at one point. */
  async level(): Promise<PeerStatusAnswer> {
    let own: PeerStatusAnswer | undefined
    await until(
      'the peer has what signer 0 has',
      async () => {
        const signer = await client.status({ from: 0 })
        own = await this.status()
        return own?.transactions === made && signer.orderDigest === own.orderDigest && signer.machineDigest === own.machineDigest
      },
      120_000,
    )
    assert.ok(own)
    assert.is(own.beginning, null)
    return own
  }
}

async function aPort(): Promise<number> {
  const [port] = await freePorts(1)
  assert.ok(port)
  return port
}

test.before(async () => {
  await bundleSigner('test/cluster/lying-signer.ts', BUNDLES)
  files = await clusterFiles(N, 'peer-snapshot', undefined, 50)
  client = new Client({ addresses: files.addresses, token: TOKEN })
  for (let i = 0; i < N; i++) startSigner(i)
  const statuses = () => Promise.all([0, 1, 2, 3].map((from) => client.status({ from })))
  const all = async (holds: (status: Awaited<ReturnType<typeof client.status>>) => boolean) =>
    (await statuses().catch(() => [])).filter(holds).length === N
  await until('all are connected', () => all(({ connected }) => connected.length === N - 1), 60_000)
  for (let i = 0; i < 30; i++) await put(`large${i}`, i % N)
  for (let i = 0; i < 200 && !(await all(({ pruned }) => pruned >= EVERY)); i++) await put(`d${i % 7}`, i % N)
  assert.ok(await all(({ pruned }) => pruned >= EVERY))
})

test.after(async () => {
  client?.close()
  for (const child of processes) await end(child, 'SIGKILL')
  files?.remove()
  rmSync(BUNDLES, { recursive: true, force: true })
})

test('killed while it asks, fetches, compares and has just begun, a peer begins in the end, under load, and follows', async () => {
  const port = await aPort()
  const points = [/^asks for a snapshot$/, /^fetches a snapshot$/, /^compares what follows/, /^begins from a snapshot that/]
  let isOver = false
  const load = (async () => {
    for (let i = 0; !isOver; i++) await Promise.all([0, 1, 2].map((to) => put(`load${to}-${i % 5}`, to)))
  })()
  for (const point of points) {
    const peer = new Peer(port, 'killed', ({ msg }, { child }) => {
      if (point.test(String(msg))) child.kill('SIGKILL')
    })
    await until(`it is killed at ${point}`, () => peer.child.signalCode === 'SIGKILL', 60_000)
    const begun = peer.lines.findIndex(({ msg }) => String(msg).startsWith('begins from a snapshot that'))
    assert.is(begun >= 0, point === points[3])
  }
  const peer = new Peer(port, 'killed')
  await until('it is there', async () => (await peer.status())?.beginning === null, 60_000)
  // It went on from what the last one had made durable.
  assert.not.ok(peer.lines.some(({ msg }) => /asks for a snapshot/.test(String(msg))))
  isOver = true
  await load
  await peer.level()
  await put('after', 1)
  const { suspicion } = await peer.level()
  assert.equal(suspicion, [])
  await end(peer.child)
})

for (const [lie, words] of Object.entries({
  state: /another state than 3 signers are in|a state with another digest/,
  foreign: /a snapshot that it did not sign/,
  receipts: /another past than its digest says/,
  body: /the state machine cannot read it|a state with another digest/,
  long: /more than 1073741824 bytes/,
  short: /a part of \d+ bytes/,
})) {
  test(`a signer that is asked first and lies (${lie}) is not believed, and suspected; the peer begins from the snapshot of another`, async () => {
    await end(signers[LIAR] as ChildProcess)
    startSigner(LIAR, lie)
    await until('the liar is back', async () => (await client.status({ from: 0 })).connected.length === N - 1, 60_000)
    const peer = new Peer(await aPort(), `lied-to-${lie}`)
    await peer.level()
    const suspicions = peer.lines.filter(({ msg }) => msg === 'suspicion')
    // A state is only compared until three have said the same: one that comes later is not even looked at.
    const isHeard = lie !== 'state' || suspicions.length > 0
    assert.ok(!isHeard || suspicions.some(({ reason }) => words.test(String(reason))), JSON.stringify(suspicions))
    assert.ok(suspicions.every(({ suspect }) => suspect === LIAR))
    await put('lie', 1)
    await peer.level()
    await end(peer.child)
  })
}

test.run()
