/**
 * A cluster one of whose signers is a crashing one: starts it, sends transfers, brings the signer to its point and back, and judges what is left. Owns the
 * processes that it starts beside the cluster's own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import { MusigError } from '../../src/lib/base/errors.js'
import { ClusterFolder, type ClusterRecord } from '../../src/lib/cluster/cluster-folder.js'
import type { Manifest } from '../../src/lib/core/manifest.js'
import { decodeRecord, recordCodec } from '../../src/lib/core/record.js'
import { signTransaction, type Transaction, transactionId } from '../../src/lib/core/transaction.js'
import { openPayload, transferPayload } from '../../src/lib/machine/ledger.js'
import type { TransactionResult } from '../../src/lib/node/answers.js'
import { Client } from '../../src/lib/node/client.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import type { StatusAnswer } from '../../src/lib/node/signer-status.js'
import { openStore } from '../../src/lib/node/store.js'
import { joinedEvidence, type OwnedRecord } from '../../src/lib/simulator/joined-evidence.js'
import { Bench } from '../commands/musig.js'
import { bundleSigner } from '../node/bundle-signer.js'
import { until } from '../until.js'
import type { Order, Said } from './crash-point.js'
import { compareStores } from './stored-statements.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Below the package, so that what is not bundled is found. */
const bundles = join(root, 'node_modules', '.cache', `musig-crash-test-${process.pid}`)
const SECRET = new Uint8Array(32).fill(9)
const OPENING = 100_000
/** How long a signer may take to end, or to hear what it is told. */
const PATIENCE_MS = 30_000

/** The bundled crashing signer: it starts in a fraction of the time that the sources take. */
export function bundleCrashingSigner(): Promise<string> {
  return bundleSigner('test/cluster/crashing-signer.ts', bundles)
}

export function removeBundles(): void {
  rmSync(bundles, { recursive: true, force: true })
}

/** How a process ended. */
export interface End {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A signer process that the bench started. */
export interface Crashing {
  child: ChildProcess
  output: () => string
  ended: Promise<End>
  isOver: () => boolean
  /** Its steps, while it is watched. */
  steps: string[]
}

/** A signer's last word at its point. */
export type Met = Extract<Said, { type: 'met' }>

/** What it said when it met its point, if it did. */
export function metOf(crashing: Crashing): Met | undefined {
  const line = crashing
    .output()
    .split('\n')
    .find((text) => text.startsWith('{"type":"met"'))
  return line === undefined ? undefined : (JSON.parse(line) as Met)
}

/** How a signer ends that is about to. One that does not is killed, so that nobody waits for it for ever, and that is a failure. */
export async function endOf({ child, ended, output }: Crashing): Promise<End> {
  return await inTime(ended, () => {
    child.kill('SIGKILL')
    return `process ${child.pid} does not end: ${output().slice(-1000)}`
  })
}

export class CrashBench {
  readonly bench = new Bench()
  readonly n: number
  /** Transfers that a client was told to be executed. */
  readonly acknowledged: TransactionResult[] = []
  readonly #bundle: string
  #record: ClusterRecord | undefined
  #manifest: Manifest | undefined
  #clients: Client[] = []
  readonly #started = new Set<ChildProcess>()
  #nonces = 0

  private constructor(n: number, bundle: string) {
    this.n = n
    this.#bundle = bundle
  }

  /** A cluster of `n` by the command line, with the accounts `a`, `b` and `c`. */
  static async up(n: number, bundle: string): Promise<CrashBench> {
    const made = new CrashBench(n, bundle)
    await made.musig('up', '-n', String(n))
    made.#record = made.folder.read()
    made.#manifest = made.folder.manifest(made.#record)
    const token = readFileSync(made.folder.resolve('token'), 'utf8').trim()
    // One for each: a client of all would turn to another signer where one dies.
    made.#clients = made.#record.signers.map(({ url }) => new Client({ addresses: [url], token }))
    for (const name of ['a', 'b', 'c']) await made.submit(made.signed(openPayload(name, OPENING)), 0)
    return made
  }

  get all(): number[] {
    return Array.from({ length: this.n }, (_, i) => i)
  }

  get folder(): ClusterFolder {
    return new ClusterFolder(this.bench.home, 'default')
  }

  get manifest(): Manifest {
    assert.ok(this.#manifest)
    return this.#manifest as Manifest
  }

  async musig(...args: string[]): Promise<void> {
    const { code, stdout, stderr } = await this.bench.musig(['cluster', ...args])
    assert.is(code, 0, `musig cluster ${args.join(' ')}: ${stdout}${stderr}`)
  }

  /** Ends everything and removes it. */
  async end(): Promise<void> {
    for (const child of this.#started) child.kill('SIGKILL')
    for (const client of this.#clients) client.close()
    await this.bench.musig(['cluster', 'rm'])
    this.bench.remove()
  }

  store(signer: number): string {
    return this.folder.resolve(this.#record?.signers[signer]?.store ?? '')
  }

  /** Starts a signer, whose own process has ended, as a crashing one, and waits until it is linked to all others, or to so many. */
  async start(signer: number, { count, flags = [] }: { count?: number; flags?: readonly string[] } = {}): Promise<Crashing> {
    const crashing = this.spawn(signer, process.execPath, [this.#bundle, ...flags])
    await this.linked(signer, crashing, count)
    return crashing
  }

  /** Starts a signer process. Its command line names the cluster's file, so the cluster's own commands know it. */
  spawn(signer: number, command: string, args: readonly string[], env: Record<string, string> = {}): Crashing {
    const pack = join(this.folder.processesFolder, `${signer}.json`)
    const child = spawn(command, [...args, '--pack', pack], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: { ...process.env, ...env } })
    this.#started.add(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    const steps: string[] = []
    child.on('message', (said: Said) => {
      if (said.type === 'step') steps.push(said.step)
    })
    let over = false
    const ended = new Promise<End>((resolve) => {
      child.once('close', (code, signal) => {
        over = true
        this.#started.delete(child)
        resolve({ code, signal })
      })
    })
    return { child, output: () => output, ended, isOver: () => over, steps }
  }

  /** Waits until a signer has links to all others, or to so many. */
  async linked(signer: number, { isOver, output }: Crashing, count = this.n - 1): Promise<void> {
    await until(`signer ${signer} is linked`, async () => {
      assert.not.ok(isOver(), `signer ${signer} ended: ${output().slice(-1000)}`)
      return (await this.status(signer)).connected.length >= count
    })
  }

  /** Tells a crashing signer what to do; resolves when it knows. */
  async tell({ child, isOver, output }: Crashing, order: Order): Promise<void> {
    assert.not.ok(isOver(), `it has ended and hears nothing: ${output().slice(-1000)}`)
    const heard = new Promise<void>((resolve) => {
      const listen = (said: Said) => {
        if (said.type !== 'ready') return
        child.off('message', listen)
        resolve()
      }
      child.on('message', listen)
    })
    child.send(order)
    await inTime(heard, () => `process ${child.pid} does not hear what it is told`)
  }

  transfer(from = 'a', to = 'b'): Transaction {
    return this.signed(transferPayload(from, to, 1))
  }

  /** Gives a transaction to one signer; nothing where no answer came. */
  async submit(transaction: Transaction, to: number, timeoutMs = 30_000): Promise<TransactionResult | undefined> {
    const result = await this.#clients[to]?.submit(transaction, { timeoutMs }).catch(() => undefined)
    if (result?.status === 'executed') this.acknowledged.push(result)
    return result
  }

  /** What a signer knows of a transaction, if anything. */
  async show(txId: string, from: number): Promise<TransactionResult | undefined> {
    let result: TransactionResult | undefined
    await until(`signer ${from} tells of ${txId}`, async () => {
      result = await this.#clients[from]?.show(txId, { timeoutMs: 10_000 }).catch((error: unknown) => {
        if (error instanceof MusigError && error.code === 'NOT_FOUND') return undefined
        throw error
      })
      return true
    })
    return result
  }

  idOf(transaction: Transaction): string {
    return transactionId(this.manifest.clusterId, transaction)
  }

  async status(from: number): Promise<StatusAnswer> {
    const status = await this.#clients[from]?.status({ timeoutMs: 5000 })
    assert.ok(status)
    return status as StatusAnswer
  }

  /** L1, A1, A2, K2: nothing undecided, one order and one state, nobody accused of anything, and nobody who misses records. */
  async settled(signers: readonly number[] = this.all, limitMs = 60_000): Promise<void> {
    let told = ''
    await until(
      () => `all have executed everything: ${told}`,
      async () => {
        const states = await Promise.all(signers.map((signer) => this.status(signer)))
        for (const { index, evidence, lost } of states) {
          assert.equal(evidence, [], `signer ${index} accuses`)
          assert.is(lost, null, `signer ${index} follows`)
        }
        told = JSON.stringify(states.map(({ executed, undecided }) => [executed, undecided]))
        const digests = new Set(states.map(({ orderDigest, machineDigest }) => `${orderDigest} ${machineDigest}`))
        return digests.size === 1 && states.every(({ undecided }) => undecided === 0)
      },
      limitMs,
    )
  }

  /** D1: whatever was acknowledged stands at every signer where it was said to stand. */
  async nothingLost(): Promise<void> {
    for (const { txId, position, receipt } of this.acknowledged)
      for (let from = 0; from < this.n; from++) {
        const again = await this.show(txId, from)
        assert.equal([again?.status, again?.position, again?.receipt], ['executed', position, receipt], `${txId} at signer ${from}`)
      }
  }

  /**
   * What the stores of all signers show, once the cluster is down: contradictions of one signer, words that are missing in the store of who gave them, files of
   * evidence. Empty where all is well.
   */
  async faultsInStores(): Promise<{ faults: string[]; compared: number }> {
    const records: OwnedRecord[] = []
    const codec = recordCodec(this.manifest.clusterId)
    for (let signer = 0; signer < this.n; signer++) {
      const { publicKey } = this.manifest.signers[signer] ?? {}
      assert.ok(publicKey)
      const store = await openStore(this.store(signer), { clusterId: this.manifest.clusterId, publicKey: publicKey as Uint8Array })
      for (const record of await store.load()) records.push({ signer, record: decodeRecord(codec, record) })
      await store.close()
    }
    const { compared, missing } = compareStores(this.manifest, records)
    const proved = joinedEvidence(loadCrypto(), this.manifest, records).map(({ type }) => `evidence of a ${type} in the stores together`)
    const files = Array.from({ length: this.n }, (_, i) => join(this.store(i), 'evidence')).filter((folder) => existsSync(folder))
    return { faults: [...missing, ...proved, ...files.map((folder) => `${folder} is there`)], compared }
  }

  private signed({ deps, payload }: { deps: string[]; payload: Uint8Array }): Transaction {
    const nonce = utf8(`crash ${++this.#nonces}`)
    return signTransaction(nodeEd25519, this.folder.manifest(this.folder.read()).clusterId, SECRET, {
      deps,
      payload,
      client: null,
      nonce,
      expiry: null,
      signature: null,
    })
  }
}

async function inTime<T>(work: Promise<T>, failure: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${PATIENCE_MS} ms: ${failure()}`)), PATIENCE_MS)
  })
  return await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
