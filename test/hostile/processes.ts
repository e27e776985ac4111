/**
 * Signers of one cluster as processes of their own, bundled as they ship. Owns the bundle, the cluster's files and every process that is started, and removes them
 * all; what is done to the signers belongs to the tests.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MusigError } from '../../src/lib/base/errors.js'
import { Client } from '../../src/lib/node/client.js'
import type { SignerConfig } from '../../src/lib/node/signer-config.js'
import { bundleSigner } from '../node/bundle-signer.js'
import { type ClusterFiles, clusterFiles, freePorts, TOKEN } from '../node/cluster-fixture.js'
import { until } from '../until.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const START_MS = 60_000

/** One signer process. */
export interface Running {
  child: ChildProcess
  output: () => string
  ended: Promise<{ code: number | null; signal: string | null }>
}

export class SignerProcesses {
  readonly files: ClusterFiles
  readonly client: Client
  /** By index; one that was started again stands in the place of the old one. */
  readonly signers: Running[]
  /** Below the package, so that what is not bundled is found. */
  readonly #folder: string
  readonly #children = new Set<ChildProcess>()

  /** Bundles the signer and starts `n` of them, linked to one another. */
  static async start(n: number, seed: string): Promise<SignerProcesses> {
    const folder = join(root, 'node_modules', '.cache', `musig-${seed}-test-${process.pid}`)
    await bundleSigner('src/lib/node/signer-process.ts', folder)
    const started = new SignerProcesses(await clusterFiles(n, seed), folder)
    await until('all are linked', () => started.linked(), START_MS)
    return started
  }

  private constructor(files: ClusterFiles, folder: string) {
    this.files = files
    this.#folder = folder
    this.client = new Client({ addresses: files.addresses, token: TOKEN })
    this.signers = files.configs.map((config) => this.run(config))
  }

  /** The configuration of a signer. */
  config(index: number): SignerConfig {
    const config = this.files.configs[index]
    if (!config) throw new Error(`no signer ${index}`)
    return config
  }

  address(index: number): string {
    return this.files.addresses[index] ?? ''
  }

  signer(index: number): Running {
    const running = this.signers[index]
    if (!running) throw new Error(`no signer ${index}`)
    return running
  }

  /** A configuration of the same signer in another folder: its key alone, a store that is empty, a port of its own. */
  async copied(index: number): Promise<{ config: SignerConfig; address: string }> {
    const config = this.config(index)
    const [port] = await freePorts(1)
    const address = `http://127.0.0.1:${port}`
    const folder = join(this.files.folder, `copy-${port}`)
    mkdirSync(folder, { mode: 0o700 })
    copyFileSync(config.key, join(folder, 'key.json'))
    writeFileSync(
      join(folder, 'addresses.json'),
      JSON.stringify(this.files.addresses.map((url, each) => ({ index: each, url: each === index ? address : url }))),
    )
    return { address, config: { ...config, key: join(folder, 'key.json'), store: join(folder, 'store'), addresses: join(folder, 'addresses.json') } }
  }

  run(config: SignerConfig): Running {
    const { manifest, key, store, addresses, tokenFile } = config
    const flags = ['--manifest', manifest, '--key', key, '--store', store, '--addresses', addresses, '--token-file', tokenFile]
    const child = spawn(process.execPath, [join(this.#folder, 'signer.js'), ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.add(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.on('close', (code, signal) => {
        this.#children.delete(child)
        resolve({ code, signal })
      })
    })
    return { child, output: () => output, ended }
  }

  /** Ends a process with SIGKILL. */
  async kill(running: Running): Promise<void> {
    running.child.kill('SIGKILL')
    await running.ended
  }

  /** Whether all signers are linked to all others. */
  async linked(): Promise<boolean> {
    try {
      const states = await Promise.all(this.files.addresses.map((_, from) => this.client.status({ from })))
      return states.every(({ connected }) => connected.length === states.length - 1)
    } catch (error) {
      if (error instanceof MusigError && error.code === 'UNREACHABLE') return false
      throw error
    }
  }

  /** The resident memory of a signer's process, bytes. */
  memory(index: number): number {
    const [, pages] = readFileSync(`/proc/${this.signer(index).child.pid}/statm`, 'utf8').split(' ')
    return Number(pages) * 4096
  }

  /** A figure of a signer's metrics; `labels` as they are written there. 0 if it was never counted. */
  async metric(index: number, name: string, labels = ''): Promise<number> {
    const text = await (await fetch(new URL('/metrics', this.address(index)))).text()
    const line = text.split('\n').find((each) => each.startsWith(`${name}{`) && each.includes(labels))
    return Number(line?.split(' ').at(-1) ?? 0)
  }

  async end(): Promise<void> {
    this.client.close()
    for (const child of this.#children) child.kill('SIGKILL')
    await Promise.all([...this.#children].map((child) => new Promise((resolve) => child.on('close', resolve))))
    this.files.remove()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
